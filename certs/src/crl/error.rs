//! Why a list, or a certificate for its status, is refused.
//!
//! Promise: a stable code and a text in English and Chinese for each.

use jiff::Timestamp;

use super::{ListName, MAX_CRL_BYTES, MAX_LISTS};
use crate::pem::PemError;

/// Why a revocation list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Over [`MAX_CRL_BYTES`].
    #[error("the revocation list has {bytes} bytes, at most {MAX_CRL_BYTES} are taken")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// More than [`MAX_LISTS`].
    #[error("more than {MAX_LISTS} revocation lists")]
    TooMany,
    /// The PEM text cannot be read.
    #[error("the PEM text of the revocation list cannot be read")]
    Pem(#[source] PemError),
    /// Not exactly one list in a PEM text.
    #[error("expected exactly one X509 CRL block")]
    NotOne,
    /// Not a well-formed list.
    #[error("not a well-formed revocation list: {detail}")]
    Der {
        /// What the parser says.
        detail: String,
    },
    /// The list of another issuer.
    #[error("the revocation list is not one of \"{expected}\"")]
    OtherIssuer {
        /// The issuer expected.
        expected: String,
    },
    /// The issuer's key usage does not allow signing lists.
    #[error("\"{subject}\" may not sign revocation lists")]
    IssuerUsage {
        /// The issuer.
        subject: String,
    },
    /// The policy does not take the algorithm for this key.
    #[error("the revocation list is signed with an algorithm that is not taken")]
    Algorithm,
    /// The signature does not verify.
    #[error("the signature of the revocation list does not verify with the key of \"{issuer}\"")]
    BadSignature {
        /// The issuer.
        issuer: String,
    },
    /// A critical extension that is not known: lists of changes and indirect lists.
    #[error("the revocation list has the unknown critical extension {oid}")]
    CriticalExtension {
        /// Its object identifier.
        oid: String,
    },
}

impl CrlError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            CrlError::TooLarge { .. } => "crl-too-large",
            CrlError::TooMany => "crl-too-many",
            CrlError::Pem(_) => "crl-pem",
            CrlError::NotOne => "crl-not-one",
            CrlError::Der { .. } => "crl-malformed",
            CrlError::OtherIssuer { .. } => "crl-other-issuer",
            CrlError::IssuerUsage { .. } => "crl-issuer-usage",
            CrlError::Algorithm => "crl-signature-algorithm",
            CrlError::BadSignature { .. } => "crl-bad-signature",
            CrlError::CriticalExtension { .. } => "crl-critical-extension",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            CrlError::Pem(source) => format!("{self}: {}", source.en()),
            _ => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            CrlError::TooLarge { bytes } => {
                format!("吊销列表为 {bytes} 字节，最多接受 {MAX_CRL_BYTES} 字节")
            }
            CrlError::TooMany => format!("吊销列表超过 {MAX_LISTS} 个"),
            CrlError::Pem(source) => format!("吊销列表的 PEM 文本无法读取：{}", source.zh()),
            CrlError::NotOne => "应恰有一个 X509 CRL 块".to_owned(),
            CrlError::Der { detail } => format!("吊销列表格式错误：{detail}"),
            CrlError::OtherIssuer { expected } => format!("吊销列表不是“{expected}”签发的"),
            CrlError::IssuerUsage { subject } => format!("“{subject}”无权签发吊销列表"),
            CrlError::Algorithm => "吊销列表的签名算法不被接受".to_owned(),
            CrlError::BadSignature { issuer } => format!("吊销列表的签名与“{issuer}”的公钥不符"),
            CrlError::CriticalExtension { oid } => format!("吊销列表含有未知的关键扩展 {oid}"),
        }
    }
}

/// Why a certificate is refused for its revocation status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// It is revoked.
    #[error("the certificate of \"{subject}\" was revoked at {at} ({reason}); {}", shown(.list.as_deref()))]
    Revoked {
        /// Whose.
        subject: String,
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: &'static str,
        /// The list that says so.
        list: Option<Box<ListName>>,
    },
    /// Its status is unknown, and the grace period is over.
    #[error("the revocation status of \"{subject}\" is unknown, the grace period ended at {ended}")]
    GraceOver {
        /// Whose.
        subject: String,
        /// When.
        ended: Timestamp,
    },
}

impl RevocationError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RevocationError::Revoked { .. } => "cert-revoked",
            RevocationError::GraceOver { .. } => "cert-revocation-unknown",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            RevocationError::Revoked { subject, at, reason, list } => {
                let list = list.as_ref().map_or_else(String::new, |list| {
                    let number = list.number.as_deref().unwrap_or("-");
                    format!(
                        "，吊销列表 {number}，{} 签发，SHA-256 {}",
                        list.this_update, list.digest
                    )
                });
                format!("“{subject}”的证书已于 {at} 吊销（{reason}）{list}")
            }
            RevocationError::GraceOver { subject, ended } => {
                format!("“{subject}”的证书吊销状态未知，宽限期已于 {ended} 结束")
            }
        }
    }
}

/// The list as evidence in a text.
fn shown(list: Option<&ListName>) -> String {
    list.map_or_else(String::new, |list| {
        let number = list.number.as_deref().unwrap_or("-");
        format!("list {number} of {}, SHA-256 {}", list.this_update, list.digest)
    })
}
