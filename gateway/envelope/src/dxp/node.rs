//! The envelope between nodes, `DxpMsgSv`: the number of the transport around a `DxpMsg`,
//! which keeps its own Signature. In: a parsed document, or the parts. Out: the parts, and
//! the message inside as the text of a document of its own, to be verified as such.

use onepoint_xml::{Document, Element, Limits, escape_attribute, escape_text};

use super::error::{DxpError, DxpFault, found};
use super::read::{self, Content};
use super::{DXP_NAMESPACE, DxpMsg, VERSION, length, time};
use crate::xmldsig::SignaturePlace;

/// Where the Signature of a `DxpMsgSv` stands: that of the message inside is content.
pub const AROUND_MESSAGE: SignaturePlace =
    SignaturePlace::ChildOfRootAround { namespace: DXP_NAMESPACE, local: "DxpMsg" };

/// The number of a transport between nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvNo {
    /// 8 digits of the node, the time as yyyymmddhhmmss, 10 digits: unique at the node.
    pub msg_id: String,
    /// One character, for a message that was split.
    pub sub_msg_id: Option<String>,
    /// When it was sent: `xs:dateTime`.
    pub send_time: String,
    /// The node that receives; not bounded by the norm at hand, here 1 to 32 characters.
    pub end_node: String,
    /// The node that sends; likewise.
    pub sta_node: String,
}

/// An envelope between nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DxpMsgSv {
    number: SvNo,
    message: DxpMsg,
    text: String,
}

impl DxpMsgSv {
    /// Puts a message, signed or not, into an envelope.
    ///
    /// # Errors
    /// A bound of the number exceeded, or `message` is not a `DxpMsg`.
    pub fn wrap(number: SvNo, message: &str) -> Result<DxpMsgSv, DxpError> {
        number.check()?;
        let broken = || DxpError::new("DxpMsg", DxpFault::Message);
        let document = Document::parse(message.as_bytes().to_vec(), &Limits::default())
            .map_err(|_| broken())?;
        let read = DxpMsg::parse(&document)?;
        let text = document.source().get(document.root().span()).ok_or_else(broken)?;
        Ok(DxpMsgSv { number, message: read, text: text.to_owned() })
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// Another root, another order of elements, unknown content, or a bound exceeded.
    pub fn parse(document: &Document) -> Result<DxpMsgSv, DxpError> {
        let root = document.root();
        read::check_root(root, "DxpMsgSv")?;
        let mut content = Content::of(root, "", &["Id"])?;
        let at = content.required("SvNo", "SvNo")?;
        let inside = content.required("DxpMsg", "DxpMsg")?;
        content.signature();
        content.end()?;
        let number = number(at)?;
        number.check().map_err(|error| error.in_element(at))?;
        let message = DxpMsg::read(inside)?;
        let broken = || DxpError::at(inside, "DxpMsg", DxpFault::Message);
        let text = standalone(inside, &message).ok_or_else(broken)?;
        Ok(DxpMsgSv { number, message, text })
    }

    /// The number of the transport.
    pub fn number(&self) -> &SvNo {
        &self.number
    }

    /// The message inside. Its own Signature is in [`DxpMsgSv::message_text`].
    pub fn message(&self) -> &DxpMsg {
        &self.message
    }

    /// The message inside as a document of its own, with its Signature if it has one.
    pub fn message_text(&self) -> &str {
        &self.text
    }

    /// The envelope as XML, unsigned, for [`crate::xmldsig::sign`] with the place
    /// [`AROUND_MESSAGE`].
    pub fn to_xml(&self) -> String {
        let SvNo { msg_id, sub_msg_id, send_time, end_node, sta_node } = &self.number;
        let element =
            |name: &str, value: &str| format!("<dxp:{name}>{}</dxp:{name}>", escape_text(value));
        let sub = sub_msg_id.as_deref().map(|id| element("SubMsgId", id)).unwrap_or_default();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dxp:DxpMsgSv xmlns:dxp=\"{DXP_NAMESPACE}\"><dxp:SvNo Ver=\"{VERSION}\">{}{sub}{}{}{}\
             </dxp:SvNo>{}</dxp:DxpMsgSv>",
            element("MsgId", msg_id),
            element("SendTime", send_time),
            element("EndNode", end_node),
            element("StaNode", sta_node),
            self.text,
        )
    }
}

impl SvNo {
    /// Checks every bound.
    ///
    /// # Errors
    /// The first bound that does not hold.
    pub fn check(&self) -> Result<(), DxpError> {
        if self.msg_id.len() != 32 || !self.msg_id.bytes().all(|b| b.is_ascii_digit()) {
            let fault = DxpFault::MsgId { found: found(&self.msg_id) };
            return Err(DxpError::new("SvNo/MsgId", fault));
        }
        if let Some(id) = &self.sub_msg_id {
            length("SvNo/SubMsgId", id, 1, 1)?;
        }
        if !time::is_date_time(&self.send_time) {
            let fault = DxpFault::Time { found: found(&self.send_time) };
            return Err(DxpError::new("SvNo/SendTime", fault));
        }
        length("SvNo/EndNode", &self.end_node, 1, 32)?;
        length("SvNo/StaNode", &self.sta_node, 1, 32)
    }
}

fn number(at: Element<'_>) -> Result<SvNo, DxpError> {
    match at.attribute("", "Ver") {
        Some(VERSION) => {}
        Some(other) => {
            let fault = DxpFault::Version { found: found(other) };
            return Err(DxpError::at(at, "SvNo/@Ver", fault));
        }
        None => return Err(DxpError::at(at, "SvNo/@Ver", DxpFault::Missing)),
    }
    let mut content = Content::of(at, "SvNo", &["Ver"])?;
    let number = SvNo {
        msg_id: content.text("MsgId", "SvNo/MsgId")?,
        sub_msg_id: content.optional_text("SubMsgId", "SvNo/SubMsgId")?,
        send_time: content.text("SendTime", "SvNo/SendTime")?,
        end_node: content.text("EndNode", "SvNo/EndNode")?,
        sta_node: content.text("StaNode", "SvNo/StaNode")?,
    };
    content.end()?;
    Ok(number)
}

/// The text of an element as a document that is this message: as it stands, or with the
/// namespaces that only its ancestors declare.
fn standalone(element: Element<'_>, message: &DxpMsg) -> Option<String> {
    let text = element.document().source().get(element.span())?;
    let is_it = |text: &str| {
        Document::parse(text.as_bytes().to_vec(), &Limits::default())
            .is_ok_and(|document| DxpMsg::parse(&document).is_ok_and(|read| read == *message))
    };
    if is_it(text) {
        return Some(text.to_owned());
    }
    let name = element.name().to_string();
    let rest = text.strip_prefix('<')?.strip_prefix(name.as_str())?;
    let own = own_prefixes(element);
    let mut declared = String::new();
    for (prefix, uri) in element.in_scope_namespaces() {
        if prefix == "xml" || own.contains(&prefix) {
            continue;
        }
        let colon = if prefix.is_empty() { "" } else { ":" };
        declared.push_str(&format!(" xmlns{colon}{prefix}=\"{}\"", escape_attribute(uri)));
    }
    let whole = format!("<{name}{declared}{rest}");
    is_it(&whole).then_some(whole)
}

fn own_prefixes<'d>(element: Element<'d>) -> Vec<&'d str> {
    let document = element.document();
    let Some(onepoint_xml::Event::Start { tag, .. }) = document.event(element.index()) else {
        return Vec::new();
    };
    document.namespaces(*tag).iter().map(|own| document.value(&own.prefix)).collect()
}
