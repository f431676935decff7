//! XML Signature in one narrow profile. In: a parsed document and a policy. Out: a
//! [`SignedDocument`], which nothing but [`verify`] can make, or a [`SignatureError`] with
//! a code, a place and texts. [`sign`] makes what [`verify`] takes.
//!
//! The profile (XML Signature Syntax and Processing 1.0, RFC 3275; algorithm identifiers
//! of RFC 6931): exactly one `ds:Signature`, a child of the root; `Reference URI=""` with
//! enveloped-signature and at most one canonicalisation; the key from an X.509 certificate
//! in KeyInfo. Everything else is refused by name. Cheap checks come before the digest,
//! and the digest before the public key. The certificate only carries the key: whose it
//! is and whether its chain holds is for the caller to check.

mod algorithms;
mod content;
mod error;
mod profile;
mod signing;
#[cfg(test)]
mod tests;
mod unsupported;

pub use error::{Fault, MAX_FOUND, Role, SignatureError};
pub use signing::{SignError, SignOptions, sign};
pub use unsupported::Unsupported;

use onepoint_certs::{
    Certificate, DigestAlgorithm, Digester, KeyFamily, SignatureAlgorithm, SignaturePolicy,
    Tolerance,
};
use onepoint_xml::{Document, EventIndex};

use crate::c14n::{self, Method, Selection};
use profile::{Located, Parts, Reference};

/// The namespace of XML Signature.
pub const DSIG_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Certificates in one KeyInfo: the signer's and those that lead to an anchor.
pub const MAX_CERTIFICATES: usize = 8;
/// Octets of one certificate.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Octets of a signature value: RSA with 8192 bits.
pub const MAX_SIGNATURE_BYTES: usize = 1024;
/// Bytes of a KeyName.
pub const MAX_KEY_NAME_BYTES: usize = 256;
/// Octets that a usual canonical SignedInfo stays below.
const SIGNED_INFO_USUAL: usize = 2048;

/// Where the Signature has to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignaturePlace {
    /// A direct child of the root element.
    ChildOfRoot,
}

/// Evidence: the whole document was signed with the key of this certificate. Whose
/// certificate it is has still to be checked.
#[derive(Debug, Clone)]
pub struct SignedDocument {
    certificate: Certificate,
    intermediates: Vec<Certificate>,
    algorithm: SignatureAlgorithm,
    digest: DigestAlgorithm,
    content_digest: [u8; 32],
    signature_at: EventIndex,
    tolerances: Vec<Tolerance>,
}

impl SignedDocument {
    /// The certificate whose key made the signature: the first of KeyInfo.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The other certificates of KeyInfo, in their order. Unchecked hints for a chain.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The algorithm of the signature value.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The algorithm of the signed digest.
    pub fn digest(&self) -> DigestAlgorithm {
        self.digest
    }

    /// SHA-256 of the document without its Signature, canonical (inclusive C14N 1.0,
    /// no comments), whatever algorithms the signer chose: the same content has the
    /// same content digest.
    pub fn content_digest(&self) -> &[u8; 32] {
        &self.content_digest
    }

    /// The start event of the Signature; its subtree is not part of what was signed.
    pub fn signature_at(&self) -> EventIndex {
        self.signature_at
    }

    /// Codes of the loose rules of the policy that were needed; empty under strict rules.
    pub fn tolerances(&self) -> Vec<&'static str> {
        self.tolerances.iter().map(|used| used.code()).collect()
    }
}

/// Verifies the one Signature of `document`. The policy is taken as it stands: the caller
/// asks [`SignaturePolicy::in_force`] first.
///
/// # Errors
/// The first thing that is wrong, in the order: shape of the Signature, certificates,
/// policy, digest, signature value.
pub fn verify(
    document: &Document,
    place: &SignaturePlace,
    policy: &SignaturePolicy,
) -> Result<SignedDocument, SignatureError> {
    let SignaturePlace::ChildOfRoot = place;
    let parts = profile::read(profile::find(document)?)?;
    profile::check_namespaces(document)?;
    let (certificate, intermediates) = read_certificates(&parts)?;
    check_policy(&parts, &certificate, policy)?;
    check_lengths(&parts, &certificate)?;

    let content_digest = check_digest(document, &parts)?;
    let mut tolerances = check_value(document, &parts, &certificate, policy)?;
    if parts.reference.digest.it == DigestAlgorithm::Sha1 {
        tolerances.push(Tolerance::DigestSha1);
    }
    Ok(SignedDocument {
        certificate,
        intermediates,
        algorithm: parts.algorithm.it,
        digest: parts.reference.digest.it,
        content_digest,
        signature_at: parts.signature.index(),
        tolerances,
    })
}

/// The signer's certificate and the others.
fn read_certificates(parts: &Parts<'_>) -> Result<(Certificate, Vec<Certificate>), SignatureError> {
    let mut read = parts.certificates.iter().map(|Located { at, it }| {
        Certificate::from_der(it.clone())
            .map_err(|error| SignatureError::at(*at, Fault::Certificate(error)))
    });
    let missing = || Fault::MissingChild { name: "X509Certificate" };
    let first = read.next().ok_or_else(|| SignatureError::at(parts.signature, missing()))??;
    Ok((first, read.collect::<Result<_, _>>()?))
}

fn check_policy(
    parts: &Parts<'_>,
    certificate: &Certificate,
    policy: &SignaturePolicy,
) -> Result<(), SignatureError> {
    let digest = &parts.reference.digest;
    policy
        .check_digest(digest.it)
        .map_err(|error| SignatureError::at(digest.at, Fault::Policy(error)))?;
    policy
        .check_signature(parts.algorithm.it, certificate.public_key())
        .map_err(|error| SignatureError::at(parts.algorithm.at, Fault::Policy(error)))
}

/// Lengths that algorithm and key fix, before anything is computed.
fn check_lengths(parts: &Parts<'_>, certificate: &Certificate) -> Result<(), SignatureError> {
    let Reference { digest, value, .. } = &parts.reference;
    let (expected, found) = (digest.it.output_len(), value.it.len());
    if expected != found {
        return Err(SignatureError::at(value.at, Fault::DigestLength { expected, found }));
    }
    let value = &parts.value;
    let bits = usize::try_from(certificate.public_key().bits()).unwrap_or(usize::MAX);
    let expected = parts.algorithm.it.signature_len().unwrap_or(bits.div_ceil(8));
    let found = value.it.len();
    if expected == found {
        return Ok(());
    }
    let fault = match parts.algorithm.it.family() {
        KeyFamily::EcdsaP256 if is_der_sequence(&value.it) => Fault::EcdsaDer,
        _ => Fault::SignatureLength { expected, found },
    };
    Err(SignatureError::at(value.at, fault))
}

/// The form of X.509 for an ECDSA value: a SEQUENCE that fills the octets.
fn is_der_sequence(octets: &[u8]) -> bool {
    matches!(octets, [0x30, length, rest @ ..] if usize::from(*length) == rest.len())
}

/// Compares the digest of the document without the Signature; gives the content digest.
fn check_digest(document: &Document, parts: &Parts<'_>) -> Result<[u8; 32], SignatureError> {
    let reference = &parts.reference;
    let selection = Selection::document().without(parts.signature.index());
    let mut signed = Digester::new(reference.digest.it);
    let mut content = Digester::new(DigestAlgorithm::Sha256);
    let same_octets = reference.method == Method::Inclusive10;
    let same_digest = same_octets && reference.digest.it == DigestAlgorithm::Sha256;
    c14n::canonicalize(document, &selection, &reference.method, &mut |run| {
        signed.update(run);
        if same_octets && !same_digest {
            content.update(run);
        }
    });
    let computed = signed.finish();
    if computed != reference.value.it {
        let fault =
            Fault::DigestMismatch { expected: hex(&reference.value.it), computed: hex(&computed) };
        return Err(SignatureError::at(reference.value.at, fault));
    }
    if same_digest {
        return Ok(as_content_digest(&computed));
    }
    if !same_octets {
        let inclusive = Method::Inclusive10;
        c14n::canonicalize(document, &selection, &inclusive, &mut |run| content.update(run));
    }
    Ok(as_content_digest(&content.finish()))
}

/// Verifies the signature value over SignedInfo; gives the loose rules that were needed.
fn check_value(
    document: &Document,
    parts: &Parts<'_>,
    certificate: &Certificate,
    policy: &SignaturePolicy,
) -> Result<Vec<Tolerance>, SignatureError> {
    let octets = signed_info_octets(document, parts.signed_info.index(), &parts.canonicalization);
    policy
        .verify(certificate.public_key(), parts.algorithm.it, &octets, &parts.value.it)
        .map_err(|error| SignatureError::at(parts.value.at, Fault::of_verification(error)))
}

/// The octets that the signature value is made over.
fn signed_info_octets(document: &Document, at: EventIndex, method: &Method) -> Vec<u8> {
    let mut octets = Vec::with_capacity(SIGNED_INFO_USUAL);
    let selection = Selection::subtree(at);
    c14n::canonicalize(document, &selection, method, &mut |run| octets.extend_from_slice(run));
    octets
}

fn as_content_digest(octets: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(octets) {
        *to = *from;
    }
    digest
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
