//! What a message is carried in. In: the bytes, and how they came. Out: the document inside,
//! the signatures around it that verified, outermost first, and whose policy its own Signature
//! is to be judged by; or a refusal with a place. An envelope never holds another one, and a
//! document without a Signature is taken only where a signed envelope carries it.

use jiff::Timestamp;
use onepoint_certs::{Participant, ParticipantId};
use onepoint_envelope::dxp::DXP_NAMESPACE;
use onepoint_envelope::xmldsig::{self, Fault, SignatureError};
use onepoint_schemas::MessageType;
use onepoint_xml::Document;

use super::{
    EnvelopeFacts, Form, Origin, Proof, Trust, check_submitter, dxp, jose, mo, parse, payment,
    signature_refusal,
};
use crate::intake::{Carrier, Received, unsigned_json};
use crate::refusal::{Place, Refusal, Stage};

/// Where the document of a DXP envelope stands.
pub(crate) const IN_DATA: &str = "DxpMsg/Data";
/// Where the document of a JSON Web Signature stands.
pub(crate) const IN_PAYLOAD: &str = "payload";

/// A document, out of its envelopes.
pub(crate) struct Opened<'t> {
    pub(crate) document: Document,
    /// Where it stood; empty for the body itself.
    pub(crate) within: &'static str,
    pub(crate) origin: Origin,
    /// Signatures around it, outermost first.
    pub(crate) proofs: Vec<Proven<'t>>,
    pub(crate) envelope: Option<EnvelopeFacts>,
    /// Whose policy and certificates its own Signature is judged by.
    pub(crate) reader: Option<&'t Participant>,
    /// The sender that an unsigned envelope names: proved by nothing yet.
    pub(crate) named: Option<&'t Participant>,
}

/// A signature and the participant that made it.
pub(crate) type Proven<'t> = (Proof, &'t Participant);

/// Opens what `received` is carried in.
///
/// # Errors
/// The codes of the crates xml and envelope, `sender-unknown`, `envelope-nested`, and those of
/// the modules `dxp` and `jose`.
pub(crate) fn open<'t>(received: &Received, trust: &'t Trust) -> Result<Opened<'t>, Refusal> {
    match received.carrier() {
        Carrier::Xml => xml(received, trust),
        Carrier::JwsCompact | Carrier::JwsFlattened => jose::open(received, trust),
        Carrier::PaymentData => payment::open(received, trust),
        Carrier::Mo => mo::open(received, trust),
        // No door takes it; a check explains it.
        Carrier::Json => Err(unsigned_json()),
    }
}

fn xml<'t>(received: &Received, trust: &'t Trust) -> Result<Opened<'t>, Refusal> {
    let document = parse(received.bytes().to_vec(), &trust.limits)?;
    if is_envelope(&document) {
        return dxp::open(&document, received, trust);
    }
    let reader = trust.registry.participant(received.submitter());
    let (proofs, envelope) = (Vec::new(), None);
    let origin = Origin::Xml;
    Ok(Opened { document, within: "", origin, proofs, envelope, reader, named: None })
}

/// Whether the root is a DXP envelope.
pub(crate) fn is_envelope(document: &Document) -> bool {
    let name = document.root().name();
    name.namespace == DXP_NAMESPACE && matches!(name.local, "DxpMsg" | "DxpMsgSv")
}

/// The document inside of something signed.
pub(crate) fn inner(
    bytes: Vec<u8>,
    within: &'static str,
    limits: &onepoint_xml::Limits,
) -> Result<Document, Refusal> {
    let document = parse(bytes, limits).map_err(|refusal| refusal.within(within))?;
    if !is_envelope(&document) {
        return Ok(document);
    }
    let position = document.root().position();
    let place = Place {
        line: position.line,
        column: position.column,
        path: document.root().path(),
        within,
    };
    Err(Refusal::new(
        Stage::Authenticate,
        422,
        "envelope-nested",
        format!("{within} holds another envelope"),
        format!("{within} 中又是一个信封"),
    )
    .at(place)
    .expecting("the business message itself"))
}

/// What is to be said of a document whose own Signature does not verify: nothing is wrong
/// with one that has none, where its type may go without and a signed envelope carries it.
///
/// # Errors
/// `signature-required`, `envelope-unsigned`, or what is wrong with its Signature.
pub(super) fn unsigned(
    document: &Document,
    error: &SignatureError,
    kind: &MessageType,
    around: &[Proven<'_>],
    within: &'static str,
) -> Result<[u8; 32], Refusal> {
    if !matches!(error.fault(), Fault::Missing) || within.is_empty() {
        return Err(signature_refusal(error));
    }
    // A node vouches for the way, not for what it carries.
    if around.iter().all(|(proof, _)| proof.form() == Form::DxpSv) {
        return Err(refusal(
            "envelope-unsigned",
            "neither the document nor the envelope around it is signed by its sender",
            "单证未加签，其信封也未由发送方加签",
            "a Signature of the document, or of the DxpMsg",
        ));
    }
    if kind.signature != onepoint_schemas::Signature::Optional {
        return Err(refusal(
            "signature-required",
            &format!(
                "{} must carry a Signature of its own; that of the envelope does not do",
                kind.name
            ),
            &format!("{} 报文本身必须加签，仅信封加签无效", kind.name),
            "ds:Signature as a child of the root",
        ));
    }
    match xmldsig::unsigned_content(document) {
        Ok(Some(content)) => Ok(content),
        Ok(None) => Err(signature_refusal(error)),
        Err(error) => Err(signature_refusal(&error)),
    }
}

/// Whoever carries something must be its signer, or hold a delegation from it, or be a node
/// of the exchange. Gives the sender: the signer nearest to the document.
///
/// # Errors
/// `sender-not-submitter`, `dxp-sender-mismatch`.
pub(super) fn check_carriers<'t>(
    submitter: &ParticipantId,
    proofs: &[Proven<'t>],
    named: Option<&Participant>,
    kind: &MessageType,
    trust: &Trust,
    at: Timestamp,
) -> Result<&'t Participant, Refusal> {
    let mut outer = Some(submitter);
    for (proof, signer) in proofs {
        if let Some(outer) = outer {
            check_submitter(signer, outer, kind, trust, at)?;
        }
        // A registered node may carry what any participant signed.
        outer = (proof.form() != Form::DxpSv).then_some(&signer.id);
    }
    if let Some(named) = named {
        let known = named.id == *submitter || proofs.iter().any(|(_, p)| p.id == named.id);
        if !known {
            return Err(dxp::sender_mismatch(&named.id));
        }
    }
    let Some((_, sender)) = proofs.last() else { return Err(crate::refusal::internal()) };
    Ok(sender)
}

fn refusal(code: &'static str, en: &str, zh: &str, expected: &str) -> Refusal {
    Refusal::new(Stage::Authenticate, 422, code, en, zh).expecting(expected)
}
