//! X.509 certificates: parsed once, owned, cheap to clone.
//!
//! In: DER or PEM of one or more certificates. Out: [`Certificate`] with the
//! facts that the gateway speaks of. Promise: bounded in size, strict about
//! trailing bytes; nothing here says that a certificate is trusted, that is
//! [`crate::TrustAnchors::verify_chain`].

mod error;
mod names;
#[cfg(test)]
mod tests;

pub use error::CertError;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::oid_registry::OID_X509_EXT_BASIC_CONSTRAINTS;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::hex;
use crate::key::PublicKey;
use crate::pem;

/// Longest certificate that is read, in bytes of DER.
pub const MAX_CERTIFICATE_BYTES: usize = 32 * 1024;

/// SHA-256 of a certificate's DER. Displayed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate's DER.
    pub fn of(der: &[u8]) -> Fingerprint {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Fingerprint(bytes)
    }

    /// Reads 64 hex digits, either case; colons between bytes, as OpenSSL
    /// prints them, are skipped.
    pub fn from_hex(text: &str) -> Option<Fingerprint> {
        let digits: String = text.chars().filter(|c| *c != ':').take(65).collect();
        hex::decode(&digits)?.try_into().ok().map(Fingerprint)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The key usage extension (RFC 5280, section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    // Bit n of the extension is bit n here, from the least significant.
    flags: u16,
}

impl KeyUsage {
    const NAMES: [&'static str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    fn bit(self, at: u16) -> bool {
        self.flags & (1 << at) != 0
    }

    /// Bit 0, digitalSignature.
    pub fn digital_signature(self) -> bool {
        self.bit(0)
    }

    /// Bit 1, nonRepudiation (contentCommitment).
    pub fn non_repudiation(self) -> bool {
        self.bit(1)
    }

    /// Bit 5, keyCertSign.
    pub fn key_cert_sign(self) -> bool {
        self.bit(5)
    }

    /// Bit 6, cRLSign.
    pub fn crl_sign(self) -> bool {
        self.bit(6)
    }

    /// Whether messages may be signed: digitalSignature or nonRepudiation.
    pub fn may_sign(self) -> bool {
        self.digital_signature() || self.non_repudiation()
    }

    /// The names of the bits set, as in RFC 5280.
    pub fn names(self) -> Vec<&'static str> {
        (0u16..).zip(Self::NAMES).filter(|(at, _)| self.bit(*at)).map(|(_, name)| name).collect()
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        f.write_str(&if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    }
}

/// A parsed certificate. Two are equal when their DER is.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: CertificateDer<'static>,
    fingerprint: Fingerprint,
    subject: String,
    common_name: Option<String>,
    issuer: String,
    self_issued: bool,
    subject_id: Fingerprint,
    issuer_id: Fingerprint,
    serial_hex: String,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    key_usage: Option<KeyUsage>,
    is_ca: bool,
    signature_algorithm: String,
}

impl Certificate {
    /// Reads one DER certificate.
    ///
    /// # Errors
    /// [`CertError::TooLarge`], [`CertError::Der`], [`CertError::TrailingBytes`],
    /// [`CertError::Key`] when the public key inside is not well formed.
    pub fn from_der(der: Vec<u8>) -> Result<Certificate, CertError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertError::TooLarge { bytes: der.len() });
        }
        let bad = |e: &dyn fmt::Display| CertError::Der { detail: e.to_string() };
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|e| bad(&e))?;
        if !rest.is_empty() {
            return Err(CertError::TrailingBytes { bytes: rest.len() });
        }
        let usage = parsed.key_usage().map_err(|e| bad(&e))?;
        let is_ca = is_ca(&parsed).map_err(|e| bad(&e))?;
        let inner = Inner {
            fingerprint: Fingerprint::of(&der),
            subject: names::readable(parsed.subject()),
            common_name: names::common_name(parsed.subject()),
            issuer: names::readable(parsed.issuer()),
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            subject_id: Fingerprint::of(parsed.subject().as_raw()),
            issuer_id: Fingerprint::of(parsed.issuer().as_raw()),
            serial_hex: serial_hex(parsed.raw_serial()),
            not_before: timestamp(parsed.validity().not_before),
            not_after: timestamp(parsed.validity().not_after),
            public_key: PublicKey::from_parsed(parsed.public_key()).map_err(CertError::Key)?,
            key_usage: usage.map(|u| KeyUsage { flags: u.value.flags }),
            is_ca,
            signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
            der: CertificateDer::from(der.clone()),
        };
        Ok(Certificate(Arc::new(inner)))
    }

    /// Reads every `CERTIFICATE` block of a PEM text, in order; other blocks
    /// are skipped.
    ///
    /// # Errors
    /// [`CertError::Pem`], [`CertError::NoCertificate`], and those of
    /// [`Certificate::from_der`] with the line inside [`CertError::InPem`].
    pub fn from_pem(text: &str) -> Result<Vec<Certificate>, CertError> {
        let mut found = Vec::new();
        for block in pem::read(text).map_err(CertError::Pem)? {
            if block.label != "CERTIFICATE" {
                continue;
            }
            let line = block.line;
            let certificate = Certificate::from_der(block.der.to_vec())
                .map_err(|source| CertError::InPem { line, source: Box::new(source) })?;
            found.push(certificate);
        }
        if found.is_empty() { Err(CertError::NoCertificate) } else { Ok(found) }
    }

    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        self.0.der.as_ref()
    }

    /// The DER bytes as rustls and webpki take them.
    pub fn as_certificate_der(&self) -> &CertificateDer<'static> {
        &self.0.der
    }

    /// The certificate as a PEM block.
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", self.der())
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// The subject as readable text, bounded, in the order of the certificate:
    /// `C=CN, O=测试甲公司, CN=测试甲公司`. For people, not for comparison.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The last common name of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.0.common_name.as_deref()
    }

    /// The issuer as readable text.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Whether issuer and subject are the same name, byte for byte.
    pub fn is_self_issued(&self) -> bool {
        self.0.self_issued
    }

    /// SHA-256 of the subject's name in DER: for comparison with an issuer's.
    pub fn subject_id(&self) -> Fingerprint {
        self.0.subject_id
    }

    /// SHA-256 of the issuer's name in DER.
    pub fn issuer_id(&self) -> Fingerprint {
        self.0.issuer_id
    }

    /// The serial number in lower-case hex, whole bytes, without a sign byte:
    /// what the field writes into `ds:KeyName`, for example `01691f7f`.
    pub fn serial_hex(&self) -> &str {
        &self.0.serial_hex
    }

    /// First second of validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Last second of validity, inclusive; [`Timestamp::MAX`] for none.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// The key usage extension, if there is one.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.key_usage
    }

    /// Whether basic constraints say that this is a CA.
    pub fn is_ca(&self) -> bool {
        self.0.is_ca
    }

    /// Object identifier of the algorithm that the issuer signed it with.
    pub fn signature_algorithm_oid(&self) -> &str {
        &self.0.signature_algorithm
    }

    /// Bytes of heap that one certificate holds, estimated from above.
    pub fn memory(&self) -> usize {
        let inner = &self.0;
        size_of::<Inner>()
            + inner.der.len()
            + 2 * inner.public_key.spki_der().len()
            + inner.subject.len()
            + inner.issuer.len()
            + inner.serial_hex.len()
            + inner.signature_algorithm.len()
            + inner.common_name.as_ref().map_or(0, String::len)
            + 512
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.0.subject)
            .field("serial", &self.0.serial_hex)
            .field("fingerprint", &self.0.fingerprint)
            .finish_non_exhaustive()
    }
}

// The raw bytes keep the zero that DER puts before a high first bit; people
// and KeyName do not write it.
pub(crate) fn serial_hex(raw: &[u8]) -> String {
    match raw {
        [0, rest @ ..] if !rest.is_empty() => hex::encode(rest),
        raw => hex::encode(raw),
    }
}

// An extension that cannot be read is a fault, not an absent one. The parser
// answers so for key usage by itself.
fn is_ca(parsed: &X509Certificate<'_>) -> Result<bool, X509Error> {
    let there = parsed.get_extension_unique(&OID_X509_EXT_BASIC_CONSTRAINTS)?.is_some();
    match parsed.basic_constraints()? {
        Some(constraints) => Ok(constraints.value.ca),
        None if there => Err(X509Error::InvalidExtensions),
        None => Ok(false),
    }
}

// Certificates without an end say 99991231235959Z (RFC 5280, section 4.1.2.5),
// a day later than the last timestamp there is.
fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}
