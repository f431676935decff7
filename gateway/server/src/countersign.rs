//! The form in which a department gets a message. In: an authentic message and what its desk
//! takes. Out: the bytes as they came, the signed document out of its envelope, or a DXP
//! envelope that the gateway signs, in which the business XML carries the sender's own signature
//! as evidence (customs), or which holds the signed text itself; else a refusal by name.
//! Nothing is passed on without a signature that the department can check.

use onepoint_envelope::dxp::{AddInfo, BizKey, DxpMsg};
use onepoint_xml::{Document, escape_text};

use crate::authenticate::{Authentic, Form, Proof, payment};
use crate::config::Desk;
use crate::facts::hex;
use crate::intake::{Carrier, Received};
use crate::refusal::{Refusal, Stage, internal};
use crate::seal::GatewaySeal;

/// Business key of the envelope: SHA-256 of the evidence, hex.
pub(crate) const KEY_EVIDENCE: &str = "evidence-sha256";
/// Business key of the envelope: who signed the evidence.
pub(crate) const KEY_SENDER: &str = "sender";
/// The family whose documents have a place for evidence (`ExtendMessage`).
const CEB: &str = "http://www.chinaport.gov.cn/ceb";

/// What a department is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// The bytes as they came.
    AsReceived,
    /// Made of them.
    Made(Vec<u8>),
}

/// Signs envelopes for departments.
#[derive(Debug, Clone)]
pub(crate) struct Countersigner {
    seal: GatewaySeal,
    dxp_id: String,
}

impl Countersigner {
    pub(crate) fn new(seal: GatewaySeal, dxp_id: String) -> Countersigner {
        Countersigner { seal, dxp_id }
    }
}

/// Chooses the form for one department.
///
/// # Errors
/// `form-not-taken`, `evidence-no-place`.
pub(crate) fn body(
    authentic: &Authentic,
    department: &str,
    desk: &Desk,
    countersigner: Option<&Countersigner>,
) -> Result<Body, Refusal> {
    let takes = desk.takes;
    let (name, as_it_came) = match (authentic.received().carrier(), authentic.envelope()) {
        (Carrier::Xml, None) => ("xml", takes.xml),
        (Carrier::Xml, Some(_)) => ("dxp", takes.dxp),
        (Carrier::JwsCompact | Carrier::JwsFlattened, _) => ("jws", takes.jws),
        (Carrier::PaymentData, _) => ("announcement-179", takes.payment_data),
        (Carrier::Mo, _) => ("mo", false),
        (Carrier::Json, _) => ("json", false),
    };
    if as_it_came {
        return Ok(Body::AsReceived);
    }
    let own = authentic.proofs().last().map(Proof::form) == Some(Form::Xml);
    if own && takes.xml {
        return Ok(Body::Made(authentic.document().source().as_bytes().to_vec()));
    }
    match (takes.countersigned, countersigner, &desk.dxp_id) {
        (true, Some(by), Some(receiver)) => {
            by.envelope(authentic, department, receiver).map(Body::Made)
        }
        _ => Err(not_taken(name, department, desk)),
    }
}

fn not_taken(name: &str, department: &str, desk: &Desk) -> Refusal {
    let takes = desk.takes.names().join(", ");
    Refusal::new(
        Stage::Route,
        422,
        "form-not-taken",
        format!("this message came as {name}, and department {department} takes only {takes}"),
        format!("报文以 {name} 形式提交，而部门 {department} 只接收 {takes}"),
    )
    .expecting(format!("one of: {takes}"))
}

impl Countersigner {
    /// The business XML with its evidence, in an envelope that the gateway signs.
    fn envelope(
        &self,
        authentic: &Authentic,
        department: &str,
        receiver: &str,
    ) -> Result<Vec<u8>, Refusal> {
        let received = authentic.received();
        let namespace = authentic.document().root().name().namespace;
        let (data, end) = match namespace {
            CEB | payment::NAMESPACE => {
                let document = authentic.document();
                (with_evidence(document, received, authentic.message_type())?, "xml")
            }
            // A message of the zone's own is its signed text: there is no norm to put it into.
            _ => (received.bytes().to_vec(), "jws"),
        };
        let key =
            |name: &str, value: &str| BizKey { name: name.to_owned(), value: value.to_owned() };
        let digest = hex(received.digest());
        let id = received.id();
        let message = DxpMsg {
            cop_msg_id: format!("{id}.{department}"),
            sender_id: self.dxp_id.clone(),
            receiver_ids: vec![receiver.to_owned()],
            creat_time: received.at().to_string(),
            msg_type: authentic.message_type().to_owned(),
            data,
            add_info: Some(AddInfo {
                file_name: Some(format!("{}_{id}.{end}", authentic.message_type())),
                biz_keys: vec![
                    key(crate::record::KEY_MESSAGE, &id.to_string()),
                    key(KEY_SENDER, authentic.sender().as_str()),
                    key(KEY_EVIDENCE, &digest),
                ],
                ..AddInfo::default()
            }),
        };
        let failed = |code: &str, error: String| {
            tracing::error!(code, error, "a message could not be countersigned");
            internal()
        };
        message.check().map_err(|error| failed(error.code(), error.en()))?;
        let signed = self.seal.sign_xml(&message.to_xml());
        let signed = signed.map_err(|error| failed(error.code(), error.en()))?;
        Ok(signed.into_bytes())
    }
}

/// The document with the sender's signature in an `ExtendMessage`, the last child of the root
/// (norm of 2022-05, table 1.1: a document without a Signature ends with it).
fn with_evidence(
    document: &Document,
    received: &Received,
    message_type: &str,
) -> Result<Vec<u8>, Refusal> {
    let root = document.root();
    let source = document.source();
    let namespace = root.name().namespace;
    let taken = root.child(CEB, "ExtendMessage").is_some();
    let end = source.get(root.span()).and_then(|whole| whole.rfind("</"));
    let at = end.map(|end| root.span().start + end);
    let parts = at.and_then(|at| source.split_at_checked(at));
    let (false, Some((before, after))) = (taken, parts) else {
        return Err(no_place(message_type));
    };
    let evidence = String::from_utf8_lossy(received.bytes());
    let evidence = escape_text(&evidence);
    if namespace == payment::NAMESPACE {
        return Ok(format!("{before}<evidence>{evidence}</evidence>{after}").into_bytes());
    }
    let kind = received.carrier().media_type();
    Ok(format!(
        "{before}<ExtendMessage xmlns=\"{CEB}\"><name>{kind}</name><version>1.0</version>\
         <Message>{evidence}</Message></ExtendMessage>{after}"
    )
    .into_bytes())
}

fn no_place(message_type: &str) -> Refusal {
    Refusal::new(
        Stage::Route,
        422,
        "evidence-no-place",
        format!("this {message_type} has no free ExtendMessage that could carry its signature"),
        format!("该 {message_type} 没有可携带签名证据的 ExtendMessage"),
    )
    .expecting("a document signed with XML Signature, or one without ExtendMessage")
}
