//! The DXP envelopes of the customs exchange (norm of 2022-05): `DxpMsg` between an
//! enterprise and its node, and `DxpMsgSv` around it between nodes. In: a parsed document,
//! or the parts. Out: the parts with every bound of the norm checked, or the unsigned XML
//! for [`crate::xmldsig::sign`]. Signatures are not looked at here: verify the document
//! first, then believe the parts.
//!
//! Source: transport norm of 2022-05, schemas of the terminal node (`DxpMsg`, `TransInfo`,
//! `AddInfo`) and of the transport node (`DxpMsgSv`, `SvNo`).

mod error;
mod node;
mod read;
#[cfg(test)]
mod tests;
mod time;

pub use error::{DxpError, DxpFault};
pub use node::{AROUND_MESSAGE, DxpMsgSv, SvNo};

use onepoint_xml::{Document, Element, escape_attribute, escape_text};

use crate::octets;

/// The namespace of the envelope.
pub const DXP_NAMESPACE: &str = "http://www.chinaport.gov.cn/dxp";
/// The value of `@ver`.
pub const VERSION: &str = "1.0";
/// Octets of the message inside; base64 of it fits the largest document that is read.
pub const MAX_DATA_BYTES: usize = 11 << 20;
/// Receivers of one envelope.
pub const MAX_RECEIVERS: usize = 5;
/// Business keys of one envelope.
pub const MAX_BIZ_KEYS: usize = 5;

/// An envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DxpMsg {
    /// Number of the message at its sender; 1 to 255 characters.
    pub cop_msg_id: String,
    /// Who sends; 1 to 16 characters.
    pub sender_id: String,
    /// Who receives; 1 to 5 ids of 1 to 16 characters.
    pub receiver_ids: Vec<String>,
    /// When it was made (`CreatTime`, so spelt by the norm): `xs:dateTime`.
    pub creat_time: String,
    /// Type of the message inside, at most 30 characters.
    pub msg_type: String,
    /// The message inside, as bytes.
    pub data: Vec<u8>,
    /// What travels along.
    pub add_info: Option<AddInfo>,
}

/// What travels along with the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddInfo {
    /// File name; 1 to 255 characters.
    pub file_name: Option<String>,
    /// Number of the card; 1 to 13 characters.
    pub ic_card: Option<String>,
    /// Business keys, at most 5; no `BizKey` element when empty.
    pub biz_keys: Vec<BizKey>,
    /// `IsText/@Encode`: the data are text in this encoding; at most 50 characters.
    pub text_encoding: Option<String>,
    /// Number of a record; not bounded by the norm, here at most 255 characters.
    pub rec_map_id: Option<String>,
}

/// One business key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BizKey {
    /// `@name`, at most 32 characters; empty when the attribute is missing.
    pub name: String,
    /// Its value, at most 64 characters.
    pub value: String,
}

impl DxpMsg {
    /// Reads an envelope.
    ///
    /// # Errors
    /// Another root, another order of elements, unknown content, or a bound exceeded.
    pub fn parse(document: &Document) -> Result<DxpMsg, DxpError> {
        DxpMsg::read(document.root())
    }

    /// The envelope in this element.
    fn read(root: Element<'_>) -> Result<DxpMsg, DxpError> {
        let message = read::message(root)?;
        match message.check() {
            Ok(()) => Ok(message),
            Err(error) => {
                let place = read::place(root, error.path());
                Err(error.in_element(place))
            }
        }
    }

    /// Checks every bound of the norm; [`DxpMsg::parse`] has done so.
    ///
    /// # Errors
    /// The first bound that does not hold.
    pub fn check(&self) -> Result<(), DxpError> {
        length("TransInfo/CopMsgId", &self.cop_msg_id, 1, 255)?;
        length("TransInfo/SenderId", &self.sender_id, 1, 16)?;
        count("TransInfo/ReceiverIds/ReceiverId", self.receiver_ids.len(), 1, MAX_RECEIVERS)?;
        for id in &self.receiver_ids {
            length("TransInfo/ReceiverIds/ReceiverId", id, 1, 16)?;
        }
        if !time::is_date_time(&self.creat_time) {
            let fault = DxpFault::Time { found: error::found(&self.creat_time) };
            return Err(DxpError::new("TransInfo/CreatTime", fault));
        }
        length("TransInfo/MsgType", &self.msg_type, 0, 30)?;
        if self.data.len() > MAX_DATA_BYTES {
            return Err(DxpError::new("Data", DxpFault::DataTooLong));
        }
        self.add_info.as_ref().map_or(Ok(()), AddInfo::check)
    }

    /// The value of the first `AddInfo/BizKey/Key` with this `@name`.
    pub fn biz_key(&self, name: &str) -> Option<&str> {
        let keys = self.add_info.as_ref().map(|info| info.biz_keys.as_slice()).unwrap_or_default();
        keys.iter().find(|key| key.name == name).map(|key| key.value.as_str())
    }

    /// The envelope as XML, unsigned, on one line.
    pub fn to_xml(&self) -> String {
        let receivers: String =
            self.receiver_ids.iter().map(|id| element("ReceiverId", id)).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dxp:DxpMsg xmlns:dxp=\"{DXP_NAMESPACE}\" ver=\"{VERSION}\">\
             <dxp:TransInfo>{}{}<dxp:ReceiverIds>{receivers}</dxp:ReceiverIds>{}{}\
             </dxp:TransInfo>{}{}</dxp:DxpMsg>",
            element("CopMsgId", &self.cop_msg_id),
            element("SenderId", &self.sender_id),
            element("CreatTime", &self.creat_time),
            element("MsgType", &self.msg_type),
            element("Data", &octets::encode(&self.data)),
            self.add_info.as_ref().map(AddInfo::to_xml).unwrap_or_default(),
        )
    }
}

impl AddInfo {
    fn check(&self) -> Result<(), DxpError> {
        let optional = |path, value: &Option<String>, min, max| {
            value.as_deref().map_or(Ok(()), |value| length(path, value, min, max))
        };
        optional("AddInfo/FileName", &self.file_name, 1, 255)?;
        optional("AddInfo/IcCard", &self.ic_card, 1, 13)?;
        count("AddInfo/BizKey/Key", self.biz_keys.len(), 0, MAX_BIZ_KEYS)?;
        for key in &self.biz_keys {
            length("AddInfo/BizKey/Key/@name", &key.name, 0, 32)?;
            length("AddInfo/BizKey/Key", &key.value, 0, 64)?;
        }
        optional("AddInfo/IsText/@Encode", &self.text_encoding, 0, 50)?;
        optional("AddInfo/RecMapId", &self.rec_map_id, 0, 255)
    }

    fn to_xml(&self) -> String {
        let optional = |name, value: &Option<String>| {
            value.as_deref().map(|value| element(name, value)).unwrap_or_default()
        };
        let mut keys = String::new();
        for BizKey { name, value } in &self.biz_keys {
            let (name, value) = (escape_attribute(name), escape_text(value));
            keys.push_str(&format!("<dxp:Key name=\"{name}\">{value}</dxp:Key>"));
        }
        if !keys.is_empty() {
            keys = format!("<dxp:BizKey>{keys}</dxp:BizKey>");
        }
        let text = self.text_encoding.as_deref().map(|encoding| {
            format!("<dxp:IsText Encode=\"{}\"></dxp:IsText>", escape_attribute(encoding))
        });
        format!(
            "<dxp:AddInfo>{}{}{keys}{}{}</dxp:AddInfo>",
            optional("FileName", &self.file_name),
            optional("IcCard", &self.ic_card),
            text.unwrap_or_default(),
            optional("RecMapId", &self.rec_map_id),
        )
    }
}

fn element(name: &str, value: &str) -> String {
    format!("<dxp:{name}>{}</dxp:{name}>", escape_text(value))
}

/// Checks the length in characters, and that XML can carry each of them.
fn length(path: &'static str, value: &str, min: usize, max: usize) -> Result<(), DxpError> {
    let found = value.chars().take(max + 1).count();
    if !(min..=max).contains(&found) {
        return Err(DxpError::new(path, DxpFault::Length { min, max }));
    }
    let unfit = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if value.contains(unfit) {
        return Err(DxpError::new(path, DxpFault::Character));
    }
    Ok(())
}

fn count(path: &'static str, found: usize, min: usize, max: usize) -> Result<(), DxpError> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    Err(DxpError::new(path, DxpFault::Count { min, max }))
}
