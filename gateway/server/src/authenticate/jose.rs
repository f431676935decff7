//! JSON Web Signatures at the door. In: the compact or the flattened form. Out: the document
//! in the payload, and the signature that verified. The key is one of the certificate that the
//! header carries or names; `none`, HMAC and keys from elsewhere are refused by the crate
//! envelope before anything is computed.

use onepoint_envelope::jws::{Jws, JwsError};
use onepoint_schemas::{Catalogue, Json, JsonLimits, MessageType, Violation};
use onepoint_xml::{Document, Limits};

use super::open::{self, IN_PAYLOAD, Opened};
use super::{Form, Origin, Proof, Trust, policy_of, signer};
use crate::intake::{Carrier, Received};
use crate::refusal::{Place, Refusal, Stage};

/// Opens a signature.
///
/// # Errors
/// `jws-…`, the policy's codes, `sender-unknown`, `payload-unknown`, `envelope-nested`.
pub(super) fn open<'t>(received: &Received, trust: &'t Trust) -> Result<Opened<'t>, Refusal> {
    let at = received.at();
    let reader = trust.registry.participant(received.submitter());
    let policy = policy_of(trust, reader, at);
    // A certificate that is registered may be named instead of sent.
    let known = reader.map(|p| p.certificates.as_slice()).unwrap_or_default();
    let signed = read(received)?.verify(&policy, known).map_err(|error| refused(&error))?;
    let leaf = signed.certificate();
    let (sender, revocation) = signer(leaf, signed.intermediates(), &policy, trust, at)?;
    let used = (&policy, signed.tolerances());
    let proof = Proof::new(Form::Jws, sender, leaf, signed.algorithm(), used, revocation);
    let (document, origin) = payload(signed.payload(), trust)?;
    Ok(Opened {
        document,
        within: IN_PAYLOAD,
        origin,
        proofs: vec![(proof, sender)],
        envelope: None,
        reader: Some(sender),
        named: None,
    })
}

/// The signature as it was sent, not yet verified.
///
/// # Errors
/// `jws-not-utf-8`, and the shapes that the crate envelope refuses.
pub(crate) fn read(received: &Received) -> Result<Jws<'_>, Refusal> {
    let text = std::str::from_utf8(received.bytes()).map_err(|error| {
        let at = error.valid_up_to();
        Refusal::new(
            Stage::Authenticate,
            400,
            "jws-not-utf-8",
            format!("byte {at} of the body is not UTF-8"),
            format!("正文第 {at} 字节不是 UTF-8"),
        )
        .expecting("a JSON Web Signature in UTF-8")
    })?;
    let read = match received.carrier() {
        Carrier::JwsCompact => Jws::compact(text, None),
        _ => Jws::flattened(text, None),
    };
    read.map_err(|error| refused(&error))
}

/// The document in a payload: XML, or the XML form of JSON.
fn payload(bytes: &[u8], trust: &Trust) -> Result<(Document, Origin), Refusal> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'<' | 0xef) => {
            let document = open::inner(bytes.to_vec(), IN_PAYLOAD, &trust.limits)?;
            Ok((document, Origin::Xml))
        }
        Some(b'{') => json(bytes, &trust.catalogue, &trust.limits),
        _ => Err(Refusal::new(
            Stage::Authenticate,
            422,
            "payload-unknown",
            "the payload is neither an XML document nor a JSON object",
            "载荷既不是 XML 报文也不是 JSON 对象",
        )
        .at(Place { line: 1, column: 1, path: String::new(), within: IN_PAYLOAD })
        .expecting("a business message in XML or JSON")),
    }
}

/// The XML form of a JSON message, once its JSON Schema holds.
///
/// # Errors
/// What is wrong with it, with its place in the payload.
pub(crate) fn json(
    bytes: &[u8],
    catalogue: &Catalogue,
    limits: &Limits,
) -> Result<(Document, Origin), Refusal> {
    let bounds = JsonLimits { bytes: limits.bytes, depth: limits.depth, ..JsonLimits::default() };
    let refused = |violations: Vec<Violation>| {
        Refusal::from_violations(Stage::Validate, violations).within(IN_PAYLOAD)
    };
    let json = Json::read(bytes.to_vec(), &bounds).map_err(|fault| refused(vec![*fault]))?;
    let kind = kind(&json, catalogue)?;
    let xml = match catalogue.json_form(kind) {
        Some(Ok(form)) => form.accept(json).map_err(refused)?.xml().to_owned(),
        Some(Err(_)) | None => return Err(no_form(kind)),
    };
    let document = super::parse(xml.into_bytes(), limits)?;
    Ok((document, Origin::Json(bytes.to_vec())))
}

/// The type of a JSON message: the one member of its object.
fn kind<'c>(json: &Json, catalogue: &'c Catalogue) -> Result<&'c MessageType, Refusal> {
    let members = json.value().as_object();
    let name = members.filter(|it| it.len() == 1).and_then(|it| it.keys().next());
    name.and_then(|name| catalogue.by_name(name)).ok_or_else(|| {
        let shown: String = name.map_or("(none)", |name| name).chars().take(64).collect();
        let (line, column) = json.position("");
        Refusal::new(
            Stage::Authenticate,
            422,
            "type-unknown",
            format!("no message type is called {shown:?}"),
            format!("未知的报文类型“{shown}”"),
        )
        .at(Place { line, column, path: String::new(), within: IN_PAYLOAD })
        .expecting(
            "an object with one member, called like a message type: {\"CEB311Message\": {…}}",
        )
    })
}

fn no_form(kind: &MessageType) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        422,
        "json-form-missing",
        format!("{} has no JSON form", kind.name),
        format!("{} 没有 JSON 形式", kind.name),
    )
    .expecting("the message in XML")
}

/// A signature that is not taken.
pub(crate) fn refused(error: &JwsError) -> Refusal {
    Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
        .expecting(error.expected())
}
