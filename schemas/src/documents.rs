//! The facts of each document: keys, parties, fields of its head. One walk over
//! the elements; lenient, since it runs before the schema has judged.

use onepoint_xml::{Document, Element};

use crate::catalogue::MessageType;

/// Most documents looked at; the norm allows 100, the schema refuses more.
const DOCUMENTS_MAX: usize = 1000;

/// What is known of one document of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Index in the message, from 0.
    pub index: usize,
    /// Its own guid; empty when it has none.
    pub guid: String,
    /// `appType`: 1 new, 2 change, 3 deletion.
    pub app_type: Option<String>,
    /// `appStatus`: 1 staged, 2 declared.
    pub app_status: Option<String>,
    /// `<kind>|1|<field>|<field>…`, with `|` and `\` escaped in the fields; 1 is the version of this form.
    pub business_key: Option<String>,
    /// What keeps its order towards a department.
    pub order_key: Option<String>,
    /// Party fields present, with their codes.
    pub parties: Vec<(String, String)>,
    head: Option<String>,
    fields: Vec<(String, String)>,
}

/// Parties of which the signer must be one, or hold a delegation for one.
#[derive(Debug, Clone, Copy)]
pub struct SignerGroup<'d> {
    parties: &'d [(String, String)],
    names: &'d [String],
}

impl<'d> SignerGroup<'d> {
    /// Field and code of each party of the group that the document names.
    pub fn codes(&self) -> impl Iterator<Item = (&'d str, &'d str)> + use<'d> {
        let (parties, names) = (self.parties, self.names);
        let named = parties.iter().filter(move |(field, _)| names.contains(field));
        named.map(|(field, code)| (field.as_str(), code.as_str()))
    }
}

impl DocumentFacts {
    /// The text of a field of the head, with or without the head's name before it
    /// (`OrderHead/orderNo`, `orderNo`).
    pub fn field(&self, path: &str) -> Option<&str> {
        let name = match (path.split_once('/'), &self.head) {
            (Some((before, name)), Some(head)) if before == head => name,
            (Some(_), _) => return None,
            (None, _) => path,
        };
        self.fields.iter().find(|(field, _)| field == name).map(|(_, text)| text.as_str())
    }

    fn key(&self, names: &[String]) -> Option<String> {
        let values = names.iter().map(|name| self.field(name).filter(|text| !text.is_empty()));
        let values: Option<Vec<String>> = values.map(|text| text.map(escape)).collect();
        values.map(|values| values.join("|"))
    }
}

impl MessageType {
    /// The groups of parties that the signer must satisfy, each with at least one code.
    pub fn signers_required<'d>(&'d self, document: &'d DocumentFacts) -> Vec<SignerGroup<'d>> {
        let parties = document.parties.as_slice();
        let mut groups = Vec::with_capacity(1 + self.signer_all_of.len());
        if !self.signer_any_of.is_empty() {
            groups.push(SignerGroup { parties, names: &self.signer_any_of });
        }
        let single = self.signer_all_of.chunks(1);
        groups.extend(single.map(|names| SignerGroup { parties, names }));
        groups
    }
}

pub(crate) fn extract(document: &Document, kind: &MessageType) -> Vec<DocumentFacts> {
    let root = document.root();
    let transfer = root.child(&kind.namespace, "BaseTransfer");
    let connecting = transfer.and_then(|t| t.child(&kind.namespace, "copCode"));
    let connecting = connecting.map(|element| element.text().into_owned());
    let documents = root.children_named(&kind.namespace, &kind.document).take(DOCUMENTS_MAX);
    let facts = |(index, element)| one(index, element, kind, connecting.as_deref());
    documents.enumerate().map(facts).collect()
}

fn one(
    index: usize,
    element: Element<'_>,
    kind: &MessageType,
    connecting: Option<&str>,
) -> DocumentFacts {
    let head = kind.head.as_deref().map_or(Some(element), |h| element.child(&kind.namespace, h));
    let mut facts = DocumentFacts { index, head: kind.head.clone(), ..DocumentFacts::default() };
    for child in head.into_iter().flat_map(|head| head.children()) {
        if child.name().namespace == kind.namespace && child.children().next().is_none() {
            facts.fields.push((child.name().local.to_owned(), child.text().into_owned()));
        }
    }
    facts.guid = facts.field("guid").unwrap_or_default().to_owned();
    facts.app_type = facts.field("appType").map(str::to_owned);
    facts.app_status = facts.field("appStatus").map(str::to_owned);
    let keys = std::iter::once(&kind.key).chain(&kind.key_else);
    facts.business_key = keys.filter_map(|key| key.split_first()).find_map(|(kind, fields)| {
        // A receipt of several kinds of documents says in a field which kind it answers.
        let name = kind.strip_prefix('@').map_or(Some(kind.as_str()), |name| facts.field(name));
        Some(format!("{}|1|{}", escape(name?), facts.key(fields)?))
    });
    facts.order_key = match kind.order_key.is_empty() {
        true => None,
        false => facts.key(&kind.order_key),
    };
    let names = kind.signer_any_of.iter().chain(&kind.signer_all_of);
    for name in names {
        let code = if name == "copCode" { connecting } else { facts.field(name) };
        if let Some(code) = code.filter(|code| !code.is_empty()) {
            facts.parties.push((name.clone(), code.to_owned()));
        }
    }
    facts
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}
