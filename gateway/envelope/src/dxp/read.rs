//! The elements of an envelope in the order of the norm. In: a document. Out: the parts,
//! their bounds not yet checked, except those of memory. Comments and white space between
//! elements are passed over; anything unknown is refused, so that nothing travels unseen.

use std::borrow::Cow;

use onepoint_xml::{Children, Element, Event};

use super::error::{DxpError, DxpFault, found};
use super::{
    AddInfo, BizKey, DXP_NAMESPACE, DxpMsg, MAX_BIZ_KEYS, MAX_DATA_BYTES, MAX_RECEIVERS, VERSION,
};
use crate::octets::{self, OctetsError};
use crate::xmldsig::DSIG_NAMESPACE;

type Result<T> = std::result::Result<T, DxpError>;

/// Checks the name of an envelope.
pub(super) fn check_root(root: Element<'_>, expected: &'static str) -> Result<()> {
    if root.is(DXP_NAMESPACE, expected) {
        return Ok(());
    }
    let name = root.name();
    let found = found(&format!("{{{}}}{}", name.namespace, name.local));
    Err(DxpError::at(root, "", DxpFault::Root { found, expected }))
}

/// Reads the envelope.
pub(super) fn message(root: Element<'_>) -> Result<DxpMsg> {
    check_root(root, "DxpMsg")?;
    let mut content = Content::of(root, "", &["ver", "Id"])?;
    match root.attribute("", "ver") {
        Some(VERSION) => {}
        Some(other) => {
            let fault = DxpFault::Version { found: found(other) };
            return Err(DxpError::at(root, "@ver", fault));
        }
        None => return Err(DxpError::at(root, "@ver", DxpFault::Missing)),
    }
    let trans_info = content.required("TransInfo", "TransInfo")?;
    let data = content.required("Data", "Data")?;
    let add_info = content.optional("AddInfo");
    content.signature();
    content.end()?;

    let mut info = Content::of(trans_info, "TransInfo", &[])?;
    let cop_msg_id = info.text("CopMsgId", "TransInfo/CopMsgId")?;
    let sender_id = info.text("SenderId", "TransInfo/SenderId")?;
    let receivers = info.required("ReceiverIds", "TransInfo/ReceiverIds")?;
    let creat_time = info.text("CreatTime", "TransInfo/CreatTime")?;
    let msg_type = info.text("MsgType", "TransInfo/MsgType")?;
    info.end()?;

    Ok(DxpMsg {
        cop_msg_id,
        sender_id,
        receiver_ids: receiver_ids(receivers)?,
        creat_time: creat_time.trim_matches([' ', '\t', '\r', '\n']).to_owned(),
        msg_type,
        data: decoded(data)?,
        add_info: add_info.map(add_info_of).transpose()?,
    })
}

/// The element at `path`; where it may occur several times, the one around them.
pub(super) fn place<'d>(root: Element<'d>, path: &str) -> Element<'d> {
    let mut at = root;
    for local in path.split('/') {
        let mut found = at.children_named(DXP_NAMESPACE, local);
        match (found.next(), found.next()) {
            (Some(only), None) => at = only,
            _ => break,
        }
    }
    at
}

fn receiver_ids(at: Element<'_>) -> Result<Vec<String>> {
    const PATH: &str = "TransInfo/ReceiverIds/ReceiverId";
    let mut content = Content::of(at, "TransInfo/ReceiverIds", &[])?;
    let mut ids = Vec::new();
    while let Some(id) = content.optional("ReceiverId") {
        if ids.len() == MAX_RECEIVERS {
            return Err(DxpError::at(id, PATH, DxpFault::Count { min: 1, max: MAX_RECEIVERS }));
        }
        ids.push(text(id, PATH, &[])?.into_owned());
    }
    content.end()?;
    Ok(ids)
}

fn decoded(at: Element<'_>) -> Result<Vec<u8>> {
    octets::decode(&text(at, "Data", &[])?, MAX_DATA_BYTES).map_err(|error| {
        let fault = match error {
            OctetsError::TooLong { .. } => DxpFault::DataTooLong,
            OctetsError::NotBase64 => DxpFault::DataNotBase64,
        };
        DxpError::at(at, "Data", fault)
    })
}

fn add_info_of(at: Element<'_>) -> Result<AddInfo> {
    let mut content = Content::of(at, "AddInfo", &[])?;
    let file_name = content.optional_text("FileName", "AddInfo/FileName")?;
    let ic_card = content.optional_text("IcCard", "AddInfo/IcCard")?;
    let biz_keys = content.optional("BizKey").map(biz_keys).transpose()?.unwrap_or_default();
    let text_encoding = content.optional("IsText").map(text_encoding).transpose()?;
    let rec_map_id = content.optional_text("RecMapId", "AddInfo/RecMapId")?;
    content.end()?;
    Ok(AddInfo { file_name, ic_card, biz_keys, text_encoding, rec_map_id })
}

fn biz_keys(at: Element<'_>) -> Result<Vec<BizKey>> {
    const PATH: &str = "AddInfo/BizKey/Key";
    let mut content = Content::of(at, "AddInfo/BizKey", &[])?;
    let mut keys = Vec::new();
    while let Some(key) = content.optional("Key") {
        if keys.len() == MAX_BIZ_KEYS {
            return Err(DxpError::at(key, PATH, DxpFault::Count { min: 1, max: MAX_BIZ_KEYS }));
        }
        let name = key.attribute("", "name").unwrap_or_default().to_owned();
        keys.push(BizKey { name, value: text(key, PATH, &["name"])?.into_owned() });
    }
    content.end()?;
    if keys.is_empty() {
        return Err(DxpError::at(at, PATH, DxpFault::Count { min: 1, max: MAX_BIZ_KEYS }));
    }
    Ok(keys)
}

fn text_encoding(at: Element<'_>) -> Result<String> {
    Content::of(at, "AddInfo/IsText", &["Encode"])?.end()?;
    match at.attribute("", "Encode") {
        Some(encoding) => Ok(encoding.to_owned()),
        None => Err(DxpError::at(at, "AddInfo/IsText/@Encode", DxpFault::Missing)),
    }
}

/// The children of an element, read in order.
pub(super) struct Content<'d> {
    parent: Element<'d>,
    path: &'static str,
    children: Children<'d>,
    next: Option<Element<'d>>,
}

impl<'d> Content<'d> {
    pub(super) fn of(parent: Element<'d>, path: &'static str, attributes: &[&str]) -> Result<Self> {
        check_attributes(parent, path, attributes)?;
        check_no_text(parent, path)?;
        let mut children = parent.children();
        let next = children.next();
        Ok(Self { parent, path, children, next })
    }

    pub(super) fn optional(&mut self, local: &str) -> Option<Element<'d>> {
        self.take(DXP_NAMESPACE, local)
    }

    pub(super) fn required(&mut self, local: &str, path: &'static str) -> Result<Element<'d>> {
        self.optional(local).ok_or_else(|| DxpError::at(self.parent, path, DxpFault::Missing))
    }

    pub(super) fn text(&mut self, local: &str, path: &'static str) -> Result<String> {
        let element = self.required(local, path)?;
        Ok(text(element, path, &[])?.into_owned())
    }

    pub(super) fn optional_text(
        &mut self,
        local: &str,
        path: &'static str,
    ) -> Result<Option<String>> {
        let Some(element) = self.optional(local) else { return Ok(None) };
        Ok(Some(text(element, path, &[])?.into_owned()))
    }

    /// Passes over the signature, which is verified elsewhere.
    pub(super) fn signature(&mut self) {
        self.take(DSIG_NAMESPACE, "Signature");
    }

    fn take(&mut self, namespace: &str, local: &str) -> Option<Element<'d>> {
        let child = self.next.filter(|child| child.is(namespace, local))?;
        self.next = self.children.next();
        Some(child)
    }

    pub(super) fn end(self) -> Result<()> {
        match self.next {
            Some(child) => Err(unexpected(child, self.path, &child.name().to_string())),
            None => Ok(()),
        }
    }
}

/// The text of an element that holds only text. A comment inside is refused: two
/// readers could take different values from it.
fn text<'d>(at: Element<'d>, path: &'static str, attributes: &[&str]) -> Result<Cow<'d, str>> {
    check_attributes(at, path, attributes)?;
    for event in inner_events(at) {
        match event {
            Event::Text { .. } => {}
            Event::Comment { .. } => return Err(unexpected(at, path, "a comment")),
            _ => return Err(unexpected(at, path, "markup inside a value")),
        }
    }
    Ok(at.text())
}

fn check_attributes(at: Element<'_>, path: &'static str, allowed: &[&str]) -> Result<()> {
    for (name, _) in at.attributes() {
        // Hints about schemas say nothing about the content.
        let hint = name.namespace == "http://www.w3.org/2001/XMLSchema-instance"
            && matches!(name.local, "schemaLocation" | "noNamespaceSchemaLocation");
        let known = name.namespace.is_empty() && allowed.contains(&name.local);
        if !hint && !known {
            return Err(unexpected(at, path, &format!("@{name}")));
        }
    }
    Ok(())
}

fn check_no_text(at: Element<'_>, path: &'static str) -> Result<()> {
    let document = at.document();
    let mut depth = 0usize;
    for event in inner_events(at) {
        match event {
            Event::Start { .. } => depth += 1,
            Event::End { .. } => depth = depth.saturating_sub(1),
            Event::Text { value, .. } if depth == 0 => {
                let text = document.value(value);
                if text.contains(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')) {
                    return Err(unexpected(at, path, "text between elements"));
                }
            }
            Event::Pi { .. } if depth == 0 => {
                return Err(unexpected(at, path, "a processing instruction"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn inner_events<'d>(at: Element<'d>) -> &'d [Event] {
    let inner = at.index().0 as usize + 1..at.end_index().0 as usize;
    at.document().events().get(inner).unwrap_or_default()
}

fn unexpected(at: Element<'_>, path: &'static str, what: &str) -> DxpError {
    DxpError::at(at, path, DxpFault::Unexpected { found: found(what) })
}
