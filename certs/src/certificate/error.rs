//! What can go wrong when a certificate is read.
//!
//! Promise: a stable code and a text in English and Chinese for each.

use crate::key::KeyError;
use crate::pem::PemError;

/// Why a certificate cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// Longer than [`super::MAX_CERTIFICATE_BYTES`].
    #[error("the certificate has {bytes} bytes, at most {} are read", super::MAX_CERTIFICATE_BYTES)]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a DER X.509 certificate.
    #[error("not a well-formed X.509 certificate: {detail}")]
    Der {
        /// What the parser says.
        detail: String,
    },
    /// Something follows the certificate.
    #[error("{bytes} bytes follow the certificate")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// The public key inside is not well formed.
    #[error("the public key of the certificate cannot be read")]
    Key(#[source] KeyError),
    /// The PEM text cannot be read.
    #[error("the PEM text of the certificate cannot be read")]
    Pem(#[source] PemError),
    /// The PEM text has no `CERTIFICATE` block.
    #[error("expected at least one CERTIFICATE block, found none")]
    NoCertificate,
    /// A certificate inside a PEM text cannot be read.
    #[error("the certificate on line {line} cannot be read")]
    InPem {
        /// 1-based line of its `BEGIN`.
        line: usize,
        /// Why.
        #[source]
        source: Box<CertError>,
    },
}

impl CertError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            CertError::TooLarge { .. } => "cert-too-large",
            CertError::Der { .. } => "cert-malformed",
            CertError::TrailingBytes { .. } => "cert-trailing-bytes",
            CertError::Key(_) => "cert-key",
            CertError::Pem(_) => "cert-pem",
            CertError::NoCertificate => "cert-none",
            CertError::InPem { source, .. } => source.code(),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            CertError::Key(source) => format!("{self}: {}", source.en()),
            CertError::Pem(source) => format!("{self}: {}", source.en()),
            CertError::InPem { source, .. } => format!("{self}: {}", source.en()),
            _ => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            CertError::TooLarge { bytes } => {
                format!("证书长 {bytes} 字节，最多读取 {} 字节", super::MAX_CERTIFICATE_BYTES)
            }
            CertError::Der { detail } => format!("不是格式正确的 X.509 证书：{detail}"),
            CertError::TrailingBytes { bytes } => format!("证书之后多出 {bytes} 字节"),
            CertError::Key(source) => format!("证书中的公钥无法读取：{}", source.zh()),
            CertError::Pem(source) => format!("证书的 PEM 文本无法读取：{}", source.zh()),
            CertError::NoCertificate => "未找到 CERTIFICATE 块".to_owned(),
            CertError::InPem { line, source } => format!("第 {line} 行的证书：{}", source.zh()),
        }
    }
}
