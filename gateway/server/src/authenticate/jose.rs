//! JSON Web Signatures at the door. In: the compact or the flattened form. Out: the document
//! in the payload, and the signature that verified. The key is one of the certificate that the
//! header carries or names; `none`, HMAC and keys from elsewhere are refused by the crate
//! envelope before anything is computed.

use onepoint_envelope::jws::{Jws, JwsError};
use onepoint_xml::Document;

use super::open::{self, IN_PAYLOAD, Opened};
use super::{Form, Origin, Proof, Trust, json, policy_of, signer};
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
        Some(b'{') => json::open(bytes, IN_PAYLOAD, &trust.catalogue, &trust.limits),
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

/// A signature that is not taken.
pub(crate) fn refused(error: &JwsError) -> Refusal {
    Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
        .expecting(error.expected())
}
