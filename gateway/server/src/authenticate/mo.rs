//! Orders of the Hangzhou port at the door. In: the evidence of a call: a signature in base64, a
//! line feed, the plain XML that it is over. Out: the orders as a CEB311Message, and the
//! signature that verified by a certificate of the participant of the connection. RSA PKCS#1
//! over SHA-1 is what the port's clients make: it needs a policy that takes it.

use onepoint_certs::{
    Certificate, KeyFamily, PolicyError, SignatureAlgorithm, SignaturePolicy, Tolerance,
};
use onepoint_envelope::octets;

use super::open::Opened;
use super::{Form, Origin, Proof, Trust, policy_of, signer};
use crate::intake::Received;
use crate::legacy::mo::SIGNATURE_BYTES_MAX;
use crate::legacy::order::{self, IN_MO, Sender};
use crate::refusal::{Place, Refusal, Stage, internal};

/// What a signature may be made by.
const ALGORITHMS: [SignatureAlgorithm; 2] =
    [SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPkcs1Sha1];

/// Opens the evidence.
///
/// # Errors
/// `mo-signature-mismatch`, the policy's codes, `sender-unknown`, the codes of the crate xml,
/// and those of [`order::translate`].
pub(super) fn open<'t>(received: &Received, trust: &'t Trust) -> Result<Opened<'t>, Refusal> {
    let at = received.at();
    let own = trust.registry.participant(received.submitter()).ok_or_else(internal)?;
    let policy = policy_of(trust, Some(own), at);
    let bytes = received.bytes();
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (digest, plain) = bytes.split_at(line);
    let plain = plain.get(1..).unwrap_or_default();
    let signature = std::str::from_utf8(digest).ok();
    let signature = signature.and_then(|text| octets::decode(text, SIGNATURE_BYTES_MAX).ok());
    let signature = signature.ok_or_else(mismatch)?;
    let (leaf, algorithm, used) = verified(&own.certificates, &policy, plain, &signature)?;
    let (sender, revocation) = signer(leaf, &[], &policy, trust, at)?;
    let used = (&policy, used.into_iter().map(Tolerance::code).collect());
    let proof = Proof::new(Form::Mo, sender, leaf, algorithm, used, revocation);
    let document = super::parse(plain.to_vec(), &trust.limits);
    let document = document.map_err(|refusal| refusal.within(IN_MO))?;
    let dxp_id = sender.dxp_id.as_deref().unwrap_or_default();
    let xml = order::translate(&document, Sender { dxp_id, name: &sender.name })?;
    // Escaping makes it longer, and what bounds a message has done so already.
    let limits = onepoint_xml::Limits { bytes: xml.len(), ..trust.limits.clone() };
    Ok(Opened {
        document: super::parse(xml.into_bytes(), &limits)?,
        within: IN_MO,
        origin: Origin::Mo(plain.to_vec()),
        proofs: vec![(proof, sender)],
        envelope: None,
        reader: Some(sender),
        named: None,
    })
}

/// The certificate whose key made the signature, how, and what the policy tolerated.
fn verified<'c>(
    known: &'c [Certificate],
    policy: &SignaturePolicy,
    plain: &[u8],
    signature: &[u8],
) -> Result<(&'c Certificate, SignatureAlgorithm, Vec<Tolerance>), Refusal> {
    let rsa = known.iter().filter(|one| one.public_key().family() == KeyFamily::Rsa);
    for certificate in rsa {
        let key = certificate.public_key();
        for algorithm in ALGORITHMS {
            match policy.verify(key, algorithm, plain, signature) {
                Ok(used) => return Ok((certificate, algorithm, used)),
                Err(PolicyError::Key { .. }) => {}
                // Told only to whoever could have made it so.
                Err(error) if key.verify_at_least(1024, algorithm, plain, signature).is_ok() => {
                    return Err(refused(error.code(), error.en(), error.zh())
                        .expecting("RSA PKCS#1 with SHA-256, or a policy that takes this"));
                }
                Err(_) => {}
            }
        }
    }
    Err(mismatch())
}

fn mismatch() -> Refusal {
    refused(
        "mo-signature-mismatch",
        "dataDigest is no signature over the plain XML by a certificate of the sender".to_owned(),
        "dataDigest 不是发送方证书对明文 XML 的签名".to_owned(),
    )
    .expecting("RSA PKCS#1 over the bytes before encryption, by a registered certificate")
}

fn refused(code: &'static str, en: String, zh: String) -> Refusal {
    let place = Place { path: "dataDigest".to_owned(), ..Place::default() };
    Refusal::new(Stage::Authenticate, 422, code, en, zh).at(place)
}
