//! What to issue: plain values with sensible constructors.

use std::net::IpAddr;

use jiff::Timestamp;

use super::PkiError;
use crate::certificate::Certificate;
use crate::key::SigningKey;

/// A kind of key to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 2048 bits; takes about a second to make.
    Rsa2048,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// SM2.
    Sm2,
}

impl KeyKind {
    /// Generates a key.
    ///
    /// # Errors
    /// [`PkiError::Key`].
    pub fn generate(self) -> Result<SigningKey, PkiError> {
        match self {
            KeyKind::Rsa2048 => SigningKey::generate_rsa(2048),
            KeyKind::P256 => SigningKey::generate_p256(),
            KeyKind::P384 => SigningKey::generate_p384(),
            KeyKind::Sm2 => SigningKey::generate_sm2(),
            KeyKind::Ed25519 => SigningKey::generate_ed25519(),
        }
        .map_err(PkiError::Key)
    }
}

/// First and last second of validity, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub from: Timestamp,
    /// Last second.
    pub until: Timestamp,
}

/// Bits of the key usage extension (RFC 5280, section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// digitalSignature
    DigitalSignature,
    /// nonRepudiation
    NonRepudiation,
    /// keyEncipherment
    KeyEncipherment,
    /// keyAgreement
    KeyAgreement,
    /// keyCertSign
    KeyCertSign,
    /// cRLSign
    CrlSign,
}

/// Extended key usages (RFC 5280, section 4.2.1.12; RFC 9336).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedUsage {
    /// serverAuth
    ServerAuth,
    /// clientAuth
    ClientAuth,
    /// emailProtection
    EmailProtection,
    /// documentSigning
    DocumentSigning,
}

impl ExtendedUsage {
    pub(super) fn oid(self) -> &'static str {
        match self {
            ExtendedUsage::ServerAuth => "1.3.6.1.5.5.7.3.1",
            ExtendedUsage::ClientAuth => "1.3.6.1.5.5.7.3.2",
            ExtendedUsage::EmailProtection => "1.3.6.1.5.5.7.3.4",
            ExtendedUsage::DocumentSigning => "1.3.6.1.5.5.7.3.36",
        }
    }
}

/// A CA to make.
#[derive(Clone, Debug)]
pub struct CaSpec {
    /// Its common name.
    pub name: String,
    /// When it is valid.
    pub validity: Validity,
    /// Intermediates allowed below it; `None` is any number.
    pub path_len: Option<u8>,
    /// Its key usage; empty leaves the extension out.
    pub usage: Vec<Usage>,
    /// Its extended key usage; empty leaves the extension out.
    pub extended: Vec<ExtendedUsage>,
    /// Whether basic constraints call it a CA; false makes a broken one.
    pub ca: bool,
    /// Whether its issuer, an RSA key, signs it with SHA-1.
    pub signed_with_sha1: bool,
}

impl CaSpec {
    /// A CA that may sign certificates and revocation lists.
    pub fn new(name: &str, validity: Validity) -> CaSpec {
        CaSpec {
            name: name.to_owned(),
            validity,
            path_len: None,
            usage: vec![Usage::KeyCertSign, Usage::CrlSign],
            extended: Vec::new(),
            ca: true,
            signed_with_sha1: false,
        }
    }
}

/// A certificate to issue.
#[derive(Clone, Debug)]
pub struct LeafSpec {
    /// Common name.
    pub common_name: String,
    /// Organisation.
    pub organization: Option<String>,
    /// The kind of key to generate.
    pub key: KeyKind,
    /// When it is valid.
    pub validity: Validity,
    /// Its key usage; empty leaves the extension out.
    pub usage: Vec<Usage>,
    /// Its extended key usage; empty leaves the extension out.
    pub extended: Vec<ExtendedUsage>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Whether the issuer, an RSA key, signs it with SHA-1.
    pub signed_with_sha1: bool,
}

impl LeafSpec {
    /// A certificate that signs messages: digitalSignature and nonRepudiation,
    /// no extended key usage, as enterprises have them.
    pub fn signer(name: &str, organization: &str, key: KeyKind, validity: Validity) -> LeafSpec {
        LeafSpec {
            common_name: name.to_owned(),
            organization: Some(organization.to_owned()),
            key,
            validity,
            usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
            extended: Vec::new(),
            dns: Vec::new(),
            ips: Vec::new(),
            signed_with_sha1: false,
        }
    }

    /// A TLS server's certificate.
    pub fn tls_server(
        name: &str,
        dns: &[&str],
        ips: &[IpAddr],
        key: KeyKind,
        validity: Validity,
    ) -> LeafSpec {
        LeafSpec {
            organization: None,
            usage: vec![Usage::DigitalSignature],
            extended: vec![ExtendedUsage::ServerAuth],
            dns: dns.iter().map(|name| (*name).to_owned()).collect(),
            ips: ips.to_vec(),
            ..LeafSpec::signer(name, "", key, validity)
        }
    }

    /// A TLS client's certificate; it may sign messages as well.
    pub fn tls_client(
        name: &str,
        organization: &str,
        key: KeyKind,
        validity: Validity,
    ) -> LeafSpec {
        LeafSpec {
            usage: vec![Usage::DigitalSignature],
            extended: vec![ExtendedUsage::ClientAuth],
            ..LeafSpec::signer(name, organization, key, validity)
        }
    }
}

/// A revocation list to sign.
#[derive(Clone, Debug)]
pub struct ListSpec {
    /// When it is issued.
    pub this_update: Timestamp,
    /// By when the next one will be.
    pub next_update: Option<Timestamp>,
    /// Certificates and since when they are revoked.
    pub revoked: Vec<(Certificate, Timestamp)>,
    /// Its number (RFC 5280, section 5.2.3), where it has one.
    pub number: Option<u64>,
    /// Whether it has a critical extension that no reader knows.
    pub critical: bool,
}

impl ListSpec {
    /// A list without entries.
    pub fn new(this_update: Timestamp, next_update: Option<Timestamp>) -> ListSpec {
        ListSpec { this_update, next_update, revoked: Vec::new(), number: None, critical: false }
    }
}
