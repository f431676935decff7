//! XML Signature in one narrow profile. In: a parsed document and a policy. Out: a
//! [`SignedDocument`], which nothing but [`verify`] can make, or a [`SignatureError`] with
//! a code, a place and texts. [`sign`] makes what [`verify`] takes.
//!
//! The profile (XML Signature Syntax and Processing 1.0, RFC 3275; algorithm identifiers
//! of RFC 6931 and RFC 9231): exactly one `ds:Signature`; one Reference, to the whole
//! document (`URI=""`) or to the element with an Id; enveloped-signature and at most one
//! canonicalisation; the key from an X.509 certificate in KeyInfo, or by KeyName one that
//! the caller knows. Everything else is refused by name. Cheap checks come before the
//! digest, and the digest before the public key. The certificate only carries the key:
//! whose it is and whether its chain holds is for the caller to check. [`verify`] takes
//! documents that are signed as a whole, [`verify_part`] gives the part that is signed as
//! a document of its own, so that nothing else can be seen.

mod algorithms;
mod compat;
mod content;
mod error;
pub mod explain;
mod profile;
mod signing;
mod target;
#[cfg(test)]
mod tests;
mod unsigned;
mod unsupported;

pub use error::{Fault, MAX_FOUND, Role, SignatureError};
pub use signing::{SignError, SignOptions, sign};
pub use unsigned::unsigned_content;
pub use unsupported::Unsupported;

use onepoint_certs::number;
use onepoint_certs::{
    Certificate, DigestAlgorithm, Digester, KeyFamily, SignatureAlgorithm, SignaturePolicy,
    Tolerance,
};
use onepoint_xml::{Document, Element, EventIndex, Limits};

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
    /// A direct child of the root element, which it signs.
    ChildOfRoot,
    /// The same for an envelope whose message, a child of the root with this namespace
    /// and local name, may carry a Signature of its own. That one is content here.
    ChildOfRootAround {
        /// Namespace of the message.
        namespace: &'static str,
        /// Local name of the message.
        local: &'static str,
    },
}

impl SignaturePlace {
    /// The element whose own Signature is content.
    fn content_of<'d>(&self, document: &'d Document) -> Option<Element<'d>> {
        match self {
            SignaturePlace::ChildOfRoot => None,
            SignaturePlace::ChildOfRootAround { namespace, local } => {
                document.root().child(namespace, local)
            }
        }
    }
}

/// Evidence: the root element, or for [`verify_part`] the part, was signed with the key
/// of this certificate. Whose certificate it is has still to be checked.
#[derive(Debug, Clone)]
pub struct SignedDocument {
    certificate: Certificate,
    intermediates: Vec<Certificate>,
    algorithm: SignatureAlgorithm,
    digest: DigestAlgorithm,
    content_digest: [u8; 32],
    signature_at: EventIndex,
    signed_at: EventIndex,
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

    /// The start event of the element that was signed: the root, or for [`verify_part`]
    /// the part, in the document that was given.
    pub fn signed_at(&self) -> EventIndex {
        self.signed_at
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
    verify_known(document, place, policy, &[])
}

/// [`verify`] for a signer that may name one of the certificates in `known` by its number
/// in KeyName instead of sending it: those registered for a participant.
///
/// # Errors
/// As [`verify`]; a number that names no certificate, or several.
pub fn verify_known(
    document: &Document,
    place: &SignaturePlace,
    policy: &SignaturePolicy,
    known: &[Certificate],
) -> Result<SignedDocument, SignatureError> {
    let root = document.root();
    let within = place.content_of(document);
    let parts = profile::read(profile::find_below_root(document, within)?)?;
    if parts.reference.target.apex != root {
        return Err(SignatureError::at(parts.reference.at, Fault::ToPart));
    }
    judge(document, &parts, policy, known)
}

/// Verifies the one Signature of `document`, a child of the part that it signs or of the
/// root, and gives the part as a document of its own, made of what was digested: nothing
/// outside of it, no comments, no Signature.
///
/// # Errors
/// As [`verify_known`]; [`Fault::Part`] where the part cannot stand on its own.
pub fn verify_part(
    document: &Document,
    policy: &SignaturePolicy,
    known: &[Certificate],
) -> Result<(SignedDocument, Document), SignatureError> {
    let signature = profile::find(document, None)?;
    let parts = profile::read(signature)?;
    let apex = parts.reference.target.apex;
    if ![Some(apex), Some(document.root())].contains(&signature.parent()) {
        return Err(SignatureError::at(signature, Fault::Apart));
    }
    let evidence = judge(document, &parts, policy, known)?;
    let mut octets = Vec::new();
    let selection = parts.reference.target.selection(parts.signature);
    c14n::canonicalize(document, &selection, &parts.reference.method, &mut |run| {
        octets.extend_from_slice(run);
    });
    let part = Document::parse(octets, &Limits::default())
        .map_err(|error| SignatureError::at(apex, Fault::Part(error)))?;
    Ok((evidence, part))
}

fn judge(
    document: &Document,
    parts: &Parts<'_>,
    policy: &SignaturePolicy,
    known: &[Certificate],
) -> Result<SignedDocument, SignatureError> {
    profile::check_namespaces(document)?;
    let (signer, mut tolerances) = signer(parts, policy, known)?;
    let digest_rule = check_policy(parts, &signer.0, policy)?;
    check_lengths(parts, &signer.0)?;

    let (content_digest, space_rule) = check_digest(document, parts, policy)?;
    tolerances.extend(check_value(document, parts, &signer.0, policy)?);
    tolerances.extend(digest_rule);
    tolerances.extend(space_rule);
    Ok(SignedDocument {
        certificate: signer.0,
        intermediates: signer.1,
        algorithm: parts.algorithm.it,
        digest: parts.reference.digest.it,
        content_digest,
        signature_at: parts.signature.index(),
        signed_at: parts.reference.target.apex.index(),
        tolerances,
    })
}

/// The signer's certificate, and the others.
type Signer = (Certificate, Vec<Certificate>);

/// The certificates that were sent, or the one that was named.
fn signer(
    parts: &Parts<'_>,
    policy: &SignaturePolicy,
    known: &[Certificate],
) -> Result<(Signer, Vec<Tolerance>), SignatureError> {
    let Some(Located { at, it }) = &parts.number else {
        return Ok((read_certificates(parts, known)?, Vec::new()));
    };
    let (certificate, rule) = number::find(known, it, policy)
        .map_err(|error| SignatureError::at(*at, Fault::Number(error)))?;
    Ok(((certificate.clone(), Vec::new()), Vec::from_iter(rule)))
}

/// A certificate that is known byte for byte is not parsed again: that would be a third of what
/// judging the signature costs.
fn read_certificates(parts: &Parts<'_>, known: &[Certificate]) -> Result<Signer, SignatureError> {
    let mut read = parts.certificates.iter().map(|Located { at, it }| {
        match known.iter().find(|known| known.der() == it.as_slice()) {
            Some(known) => Ok(known.clone()),
            None => Certificate::from_der(it.clone())
                .map_err(|error| SignatureError::at(*at, Fault::Certificate(error))),
        }
    });
    let missing = || Fault::MissingChild { name: "X509Certificate" };
    let first = read.next().ok_or_else(|| SignatureError::at(parts.signature, missing()))??;
    Ok((first, read.collect::<Result<_, _>>()?))
}

fn check_policy(
    parts: &Parts<'_>,
    certificate: &Certificate,
    policy: &SignaturePolicy,
) -> Result<Option<Tolerance>, SignatureError> {
    let digest = &parts.reference.digest;
    let rule = policy
        .check_digest(digest.it, parts.algorithm.it.family())
        .map_err(|error| SignatureError::at(digest.at, Fault::Policy(error)))?;
    policy
        .check_signature(parts.algorithm.it, certificate.public_key())
        .map_err(|error| SignatureError::at(parts.algorithm.at, Fault::Policy(error)))?;
    Ok(rule)
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
        family @ (KeyFamily::EcdsaP256 | KeyFamily::EcdsaP384 | KeyFamily::Sm2)
            if is_der_sequence(&value.it) =>
        {
            Fault::DerValue { family, octets: expected / 2 }
        }
        _ => Fault::SignatureLength { expected, found },
    };
    Err(SignatureError::at(value.at, fault))
}

/// The form of X.509 for an ECDSA or SM2 value: a SEQUENCE that fills the octets.
fn is_der_sequence(octets: &[u8]) -> bool {
    matches!(octets, [0x30, length, rest @ ..] if usize::from(*length) == rest.len())
}

/// Compares the digest of what is signed without the Signature; gives the content digest,
/// and the loose rule that was needed.
fn check_digest(
    document: &Document,
    parts: &Parts<'_>,
    policy: &SignaturePolicy,
) -> Result<([u8; 32], Option<Tolerance>), SignatureError> {
    let reference = &parts.reference;
    let fault = |fault| SignatureError::at(reference.value.at, fault);
    let selection = reference.target.selection(parts.signature);
    let computed = match digests(document, reference, &selection) {
        Ok(content) => return Ok((content, None)),
        Err(computed) => computed,
    };
    // What is wrong in a way that the field is known for is refused by its name.
    if compat::space_after(parts.signature)
        && let Ok(content) = digests(document, reference, &selection.without_space())
    {
        let rule = policy.tolerate(Tolerance::SpaceAtSignature);
        return rule
            .map(|rule| (content, Some(rule)))
            .map_err(|error| SignatureError::at(parts.signature, Fault::Policy(error)));
    }
    let expected = hex(&reference.value.it);
    Err(fault(Fault::DigestMismatch { expected, computed: hex(&computed) }))
}

/// The content digest of a selection if it has the signed digest, else its own.
fn digests(
    document: &Document,
    reference: &Reference<'_>,
    selection: &Selection,
) -> Result<[u8; 32], Vec<u8>> {
    let mut signed = Digester::new(reference.digest.it);
    let mut content = Digester::new(DigestAlgorithm::Sha256);
    let same_octets = reference.method == Method::Inclusive10;
    let same_digest = same_octets && reference.digest.it == DigestAlgorithm::Sha256;
    c14n::canonicalize(document, selection, &reference.method, &mut |run| {
        signed.update(run);
        if same_octets && !same_digest {
            content.update(run);
        }
    });
    let computed = signed.finish();
    if computed != reference.value.it {
        return Err(computed);
    }
    if same_digest {
        return Ok(as_content_digest(&computed));
    }
    if !same_octets {
        let inclusive = Method::Inclusive10;
        c14n::canonicalize(document, selection, &inclusive, &mut |run| content.update(run));
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
    let verify = |octets: &[u8]| {
        policy.verify(certificate.public_key(), parts.algorithm.it, octets, &parts.value.it)
    };
    let error = match verify(&octets) {
        Ok(used) => return Ok(used),
        Err(error) => Fault::of_verification(error),
    };
    if matches!(error, Fault::ValueMismatch(_))
        && let Some(flat) = compat::flat_signed_info(parts).filter(|flat| *flat != octets)
        && let Ok(mut used) = verify(&flat)
    {
        let rule = policy
            .tolerate(Tolerance::FlatSignedInfo)
            .map_err(|error| SignatureError::at(parts.signed_info, Fault::Policy(error)))?;
        used.push(rule);
        return Ok(used);
    }
    Err(SignatureError::at(parts.value.at, error))
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
