//! Refusals in the words of the norm. In: the facts of refused documents and why. Out: the
//! receipt of their type (CEB312 for CEB311), or CEB900 for a message that is none. The
//! receipts are not signed: the norm gives them no place for it (2022-05, appendix A).

use onepoint_xml::{escape_attribute, escape_text};

use crate::catalogue::MessageType;
use crate::documents::DocumentFacts;
use crate::fields::Field;

/// The namespace of all CEB messages.
pub(crate) const CEB: &str = "http://www.chinaport.gov.cn/ceb";
/// Longest returnInfo of a receipt of documents, characters.
pub(crate) const INFO_MAX: usize = 1000;
/// Longest returnInfo of CEB900, characters.
pub(crate) const FORMAT_INFO_MAX: usize = 5000;
/// Longest original message that CEB900 repeats, bytes.
const ORIGINAL_MAX: usize = 64 * 1024;
/// Depth of a receipt's fields: root, return, field.
const FIELD_DEPTH: usize = 2;
/// Length of a preNo.
const PORT_NUMBER: usize = 18;

/// A document that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'r> {
    /// What is known of it.
    pub facts: &'r DocumentFacts,
    /// `returnStatus`; see [`return_status`].
    pub status: &'r str,
    /// `returnInfo`; cut to 1000 characters.
    pub info: &'r str,
}

/// What whoever issues a receipt adds to it.
#[derive(Clone, Copy)]
pub struct Issue<'i> {
    /// `returnTime`: 17 digits, YYYYMMDDhhmmssSSS at UTC+8.
    pub time: &'i str,
    /// A guid of 36 characters for the message (0) and each document of it (1 and on).
    pub guid: &'i dyn Fn(usize) -> String,
}

impl std::fmt::Debug for Issue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issue").field("time", &self.time).finish_non_exhaustive()
    }
}

/// The norm's code as `returnStatus`, which is below 0 for a fault: a code of the transport
/// (0001 to 3999) gets a minus sign, and -1 stands for a fault that the norm has no code for.
pub fn return_status(norm_code: Option<&str>) -> String {
    match norm_code {
        Some(code) if code.starts_with('-') => code.to_owned(),
        Some(code) => format!("-{code}"),
        None => "-1".to_owned(),
    }
}

/// The receipt `receipt` with one return for each refused document.
pub(crate) fn of_documents(
    receipt: &MessageType,
    fields: &[Field],
    refused: &[Refused<'_>],
    issue: &Issue<'_>,
) -> String {
    let mut xml = start(&receipt.name, &receipt.namespace, &(issue.guid)(0));
    for (number, one) in refused.iter().enumerate() {
        open(&mut xml, &receipt.document);
        for field in fields.iter().filter(|field| field.depth == FIELD_DEPTH) {
            let guid;
            let value = match field.name.as_str() {
                "guid" => {
                    guid = (issue.guid)(number + 1);
                    Some(guid.as_str())
                }
                "returnStatus" => Some(one.status),
                "returnTime" => Some(issue.time),
                "returnInfo" => Some(one.info),
                name => one.facts.field(name).filter(|value| !value.is_empty()),
            };
            write(&mut xml, field, value, issue);
        }
        close(&mut xml, &receipt.document);
    }
    close(&mut xml, &receipt.name);
    xml
}

/// One field. Where the document has no value for one that must be there, the receipt says
/// so: the port has given a refused document no number.
fn write(xml: &mut String, field: &Field, value: Option<&str>, issue: &Issue<'_>) {
    let name = field.name.as_str();
    let none;
    let value = match (name, value) {
        ("preNo", value) if value.is_none_or(|v| v.chars().count() != PORT_NUMBER) => {
            none = format!("B{}000000000", issue.time.get(..8).unwrap_or_default());
            (field.min > 0).then_some(none.as_str())
        }
        ("returnInfo", Some(info)) => {
            none = info.chars().take(INFO_MAX).collect();
            Some(none.as_str())
        }
        (_, Some(value)) => Some(value),
        (_, None) => (field.min > 0).then_some("无"),
    };
    if let Some(value) = value {
        text(xml, name, value);
    }
}

/// CEB900: a message that its form does not let through. `message_type` is empty when it
/// is not known; `original` is repeated where XML can hold it and it is not too long.
pub fn format_receipt(
    issue: &Issue<'_>,
    status: &str,
    info: &str,
    message_id: &str,
    message_type: &str,
    original: &[u8],
) -> String {
    const NAME: &str = "CEB900Message";
    let mut xml = start(NAME, CEB, &(issue.guid)(0));
    open(&mut xml, "MessageReturn");
    text(&mut xml, "guid", &(issue.guid)(1));
    text(&mut xml, "returnStatus", status);
    text(&mut xml, "returnInfo", &cut(info, FORMAT_INFO_MAX));
    text(&mut xml, "returnTime", issue.time);
    text(&mut xml, "oriCopMsgId", &cut(message_id, 255));
    let known = Some(message_type).filter(|name| !name.is_empty() && name.len() <= 15);
    text(&mut xml, "oriMessageType", known.unwrap_or("Unknown"));
    let original = std::str::from_utf8(original).ok();
    let original = original.filter(|text| text.len() <= ORIGINAL_MAX && text.chars().all(is_xml));
    text(&mut xml, "oriBizMessage", original.unwrap_or_default());
    close(&mut xml, "MessageReturn");
    close(&mut xml, NAME);
    xml
}

/// Whether XML 1.0 can hold the character (section 2.2).
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).filter(|c| is_xml(*c)).collect()
}

fn start(root: &str, namespace: &str, guid: &str) -> String {
    let (namespace, guid) = (escape_attribute(namespace), escape_attribute(guid));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"{namespace}\" guid=\"{guid}\" version=\"1.0\">"
    )
}

fn open(xml: &mut String, name: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
}

fn close(xml: &mut String, name: &str) {
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn text(xml: &mut String, name: &str, value: &str) {
    open(xml, name);
    xml.push_str(&escape_text(value));
    close(xml, name);
}

#[cfg(test)]
mod tests {
    use onepoint_xml::{Document, Limits};

    use super::*;
    use crate::{Catalogue, example};

    fn issue() -> Issue<'static> {
        Issue { time: "20261101093000123", guid: &|n| format!("00000000-0000-8000-8000-{n:012}") }
    }

    fn judge(catalogue: &Catalogue, xml: &str) {
        let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap();
        let name = document.root().name();
        let kind = catalogue.by_root(name.namespace, name.local).unwrap();
        assert_eq!(catalogue.validate_structure(&document, kind), Ok(()), "{xml}");
        assert_eq!(catalogue.check_rules(&document, kind, 0), [], "{xml}");
    }

    #[test]
    fn every_type_with_a_receipt_of_the_norm_can_be_refused_by_it() {
        let catalogue = Catalogue::load_builtin().unwrap();
        let info = "误".repeat(INFO_MAX + 1);
        let mut seen = 0;
        for kind in catalogue.types().filter(|kind| kind.receipt.is_some()) {
            let xml = example(&kind.name).unwrap().replacen("copNo>", "note>", 2);
            let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
            let facts = catalogue.documents(&document, kind);
            let refused: Vec<Refused<'_>> = facts
                .iter()
                .map(|facts| Refused { facts, status: "-621001", info: &info })
                .collect();
            let receipt = catalogue.receipt_of(kind, &refused, &issue());
            assert_eq!(receipt.is_some(), kind.namespace == CEB, "{}", kind.name);
            let Some(receipt) = receipt else { continue };
            judge(&catalogue, &receipt);
            assert!(receipt.contains("<returnStatus>-621001</returnStatus>"), "{receipt}");
            seen += 1;
        }
        assert!(seen >= 4);
    }

    #[test]
    fn a_type_without_a_receipt_has_none() {
        let catalogue = Catalogue::load_builtin().unwrap();
        let kind = catalogue.by_name("CEB312Message").unwrap();
        assert_eq!(catalogue.receipt_of(kind, &[], &issue()), None);
    }

    #[test]
    fn numbers_of_the_document_are_repeated() {
        let catalogue = Catalogue::load_builtin().unwrap();
        let kind = catalogue.by_name("CEB621Message").unwrap();
        for (pre_no, shown) in
            [("B20261101000000007", "B20261101000000007"), ("B1", "B20261101000000000")]
        {
            let xml = example(&kind.name).unwrap();
            let xml = xml.replace(
                "<ceb:assureCode>",
                &format!("<ceb:preNo>{pre_no}</ceb:preNo><ceb:assureCode>"),
            );
            let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
            let facts = catalogue.documents(&document, kind);
            let refused = [Refused { facts: &facts[0], status: "-1", info: "<&>" }];
            let receipt = catalogue.receipt_of(kind, &refused, &issue()).unwrap();
            for part in
                ["<copNo>LISTTEST000001</copNo>", "&lt;&amp;", &format!("<preNo>{shown}</preNo>")]
            {
                assert!(receipt.contains(part), "{receipt}");
            }
        }
    }

    #[test]
    fn a_message_without_form_is_repeated_where_xml_can_hold_it() {
        let said = |original: &[u8]| format_receipt(&issue(), "-0002", "误", "G1", "", original);
        assert!(
            said(b"<a>&</a>").contains("<oriBizMessage>&lt;a&gt;&amp;&lt;/a&gt;</oriBizMessage>")
        );
        for bad in [&b"\xff"[..], b"\x01", &vec![b'a'; ORIGINAL_MAX + 1]] {
            assert!(said(bad).contains("<oriBizMessage></oriBizMessage>"));
        }
        assert!(said(b"").contains("<oriMessageType>Unknown</oriMessageType>"));
        let long = format_receipt(&issue(), "-0002", &"误".repeat(6000), "", "CEB311Message", b"");
        assert_eq!(long.matches('误').count(), FORMAT_INFO_MAX);
        assert!(long.contains("<oriMessageType>CEB311Message</oriMessageType>"));
        Document::parse(long.into_bytes(), &Limits::default()).unwrap();
    }

    #[test]
    fn codes_of_the_transport_get_a_sign() {
        assert_eq!(return_status(Some("-301008")), "-301008");
        assert_eq!(return_status(Some("0002")), "-0002");
        assert_eq!(return_status(None), "-1");
    }
}
