//! A small certificate authority for tests, demos and `onepoint init`.
//!
//! In: names, kinds of key, dates. Out: certificates that OpenSSL, rustls and
//! [`crate::TrustAnchors`] take, with their keys. Promise: nothing is written
//! anywhere and no clock is read; expired or wrongly used certificates can be
//! made on purpose, and revocation lists. Not for production: RSA keys are made by
//! a library whose timing is not hardened.

mod build;
mod lists;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{CaSpec, ExtendedUsage, KeyKind, LeafSpec, ListSpec, Usage, Validity};

use zeroize::Zeroizing;

use crate::certificate::{CertError, Certificate};
use crate::key::{KeyError, SigningKey};

/// Why the test PKI could not make something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// A key could not be made or used.
    #[error("the test PKI could not make or use a key")]
    Key(#[source] KeyError),
    /// A certificate could not be read back.
    #[error("the test PKI could not read back a certificate")]
    Certificate(#[source] CertError),
    /// A value of the specification cannot be encoded.
    #[error("the test PKI could not encode a certificate: {detail}")]
    Encoding {
        /// What the encoder says.
        detail: String,
    },
}

impl PkiError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            PkiError::Key(source) => source.code(),
            PkiError::Certificate(source) => source.code(),
            PkiError::Encoding { .. } => "test-pki-encoding",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            PkiError::Key(source) => format!("{self}: {}", source.en()),
            PkiError::Certificate(source) => format!("{self}: {}", source.en()),
            PkiError::Encoding { .. } => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            PkiError::Key(source) => format!("测试 PKI 无法生成或使用密钥：{}", source.zh()),
            PkiError::Certificate(source) => format!("测试 PKI 无法读回证书：{}", source.zh()),
            PkiError::Encoding { detail } => format!("测试 PKI 无法编码证书：{detail}"),
        }
    }
}

/// A certificate authority: a root, or an intermediate below one.
#[derive(Debug)]
pub struct TestCa {
    certificate: Certificate,
    key: SigningKey,
    // From this CA up to below the root; empty for a root.
    chain: Vec<Certificate>,
}

/// A certificate with its key and the intermediates that go with it.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: SigningKey,
    /// The certificate, then its intermediates up to below the root: what is
    /// sent in a message or a TLS handshake.
    pub chain: Vec<Certificate>,
}

impl TestCa {
    /// Makes a root with a new key.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn new(name: &str, kind: KeyKind, validity: Validity) -> Result<TestCa, PkiError> {
        TestCa::root(&CaSpec::new(name, validity), kind.generate()?)
    }

    /// Makes a root with a key at hand.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn root(spec: &CaSpec, key: SigningKey) -> Result<TestCa, PkiError> {
        let certificate = build::ca(spec, key.public_key(), &key, None)?;
        Ok(TestCa { certificate, key, chain: Vec::new() })
    }

    /// Reads a root back from its PEMs, for example to issue more later.
    ///
    /// # Errors
    /// [`PkiError::Certificate`] and [`PkiError::Key`]; also
    /// [`PkiError::Encoding`] when the key is not the certificate's.
    pub fn from_pem(certificate: &str, key: &str) -> Result<TestCa, PkiError> {
        let key = SigningKey::from_pkcs8_pem(key).map_err(PkiError::Key)?;
        let certificate = Certificate::from_pem(certificate)
            .map_err(PkiError::Certificate)?
            .into_iter()
            .find(|c| c.is_ca() && c.public_key() == key.public_key())
            .ok_or(PkiError::Encoding { detail: "the key is not the CA's".to_owned() })?;
        let root = certificate.is_self_issued();
        let chain = if root { Vec::new() } else { vec![certificate.clone()] };
        Ok(TestCa { certificate, key, chain })
    }

    /// Makes an intermediate with a new key.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn intermediate(
        &self,
        name: &str,
        kind: KeyKind,
        validity: Validity,
    ) -> Result<TestCa, PkiError> {
        self.intermediate_with(&CaSpec::new(name, validity), kind.generate()?)
    }

    /// Makes an intermediate with a key at hand.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn intermediate_with(&self, spec: &CaSpec, key: SigningKey) -> Result<TestCa, PkiError> {
        let public = key.public_key();
        let certificate = build::ca(spec, public, &self.key, Some(&self.certificate))?;
        let mut chain = vec![certificate.clone()];
        chain.extend(self.chain.iter().cloned());
        Ok(TestCa { certificate, key, chain })
    }

    /// Issues a certificate with a new key.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn issue(&self, spec: &LeafSpec) -> Result<Issued, PkiError> {
        self.issue_for(spec, spec.key.generate()?)
    }

    /// Issues a certificate for a key at hand; `spec.key` is not looked at.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn issue_for(&self, spec: &LeafSpec, key: SigningKey) -> Result<Issued, PkiError> {
        let certificate = build::leaf(spec, key.public_key(), &self.key, &self.certificate)?;
        let mut chain = vec![certificate.clone()];
        chain.extend(self.chain.iter().cloned());
        Ok(Issued { certificate, key, chain })
    }

    /// Signs a revocation list; gives its DER.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn revocation_list(&self, spec: &ListSpec) -> Result<Vec<u8>, PkiError> {
        lists::list(spec, &self.key, &self.certificate)
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The CA's key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The CA's certificate as PEM: the trust anchor when it is a root.
    pub fn certificate_pem(&self) -> String {
        self.certificate.to_pem()
    }

    /// The CA's key as PKCS#8 PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pkcs8_pem()
    }
}

impl Issued {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        self.certificate.to_pem()
    }

    /// Certificate and intermediates as PEM, as TLS servers take them.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::to_pem).collect()
    }

    /// The key as PKCS#8 PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pkcs8_pem()
    }

    /// The intermediates, without the certificate itself.
    pub fn intermediates(&self) -> &[Certificate] {
        self.chain.get(1..).unwrap_or_default()
    }
}

/// Signs with RSASSA-PKCS1-v1_5 and SHA-1, to make messages of the field's
/// older kind for tests. The gateway itself never signs so, which is why this
/// is not in [`SigningKey::sign`].
///
/// # Errors
/// [`PkiError::Key`] for a key that is not RSA.
pub fn sign_rsa_sha1(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, PkiError> {
    build::sign_rsa_sha1(key, message)
}
