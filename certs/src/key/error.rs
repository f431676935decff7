//! What can go wrong with a key or a signature value.
//!
//! Promise: every error has a stable code and a text in English and Chinese,
//! and none of them carries key material.

use super::range::Part;
use crate::algorithm::{KeyFamily, SignatureAlgorithm};
use crate::pem::PemError;

/// Why a key cannot be read or used, or a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The algorithm needs another kind of key.
    #[error("{algorithm} needs a {} key, this one is {family}", algorithm.family())]
    Mismatch {
        /// The algorithm asked for.
        algorithm: SignatureAlgorithm,
        /// The kind of the key.
        family: KeyFamily,
    },
    /// The RSA modulus is shorter than allowed.
    #[error("the RSA key has {bits} bits, at least {minimum} are required")]
    TooShort {
        /// Bits of the key.
        bits: u32,
        /// Bits required.
        minimum: u32,
    },
    /// The RSA modulus is longer than [`super::MAX_RSA_BITS`].
    #[error("the RSA key has {bits} bits, at most {} are taken", super::MAX_RSA_BITS)]
    TooLong {
        /// Bits of the key.
        bits: u32,
    },
    /// A kind of key that this build does not know.
    #[error("keys of algorithm {algorithm} are not supported")]
    Unsupported {
        /// Its object identifier.
        algorithm: String,
    },
    /// The signature value has the wrong length.
    #[error("a {algorithm} signature has {expected} bytes here, this one has {found}{}", der_hint(*looks_der))]
    SignatureLength {
        /// The algorithm.
        algorithm: SignatureAlgorithm,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
        /// The value looks like the ASN.1 form of ECDSA or SM2.
        looks_der: bool,
    },
    /// r or s of the value is out of range: no key made it.
    #[error("{} of the {algorithm} value is out of range", part.name())]
    SignatureRange {
        /// The algorithm.
        algorithm: SignatureAlgorithm,
        /// The part.
        part: Part,
    },
    /// The signature does not verify with this key over these bytes.
    #[error("the {algorithm} signature does not verify")]
    BadSignature {
        /// The algorithm.
        algorithm: SignatureAlgorithm,
    },
    /// The gateway does not make signatures of this algorithm.
    #[error("{algorithm} signatures are verified but never made")]
    NotForSigning {
        /// The algorithm.
        algorithm: SignatureAlgorithm,
    },
    /// The PEM text cannot be read.
    #[error("the PEM text of the key cannot be read")]
    Pem(#[source] PemError),
    /// There is not exactly one `PRIVATE KEY` block.
    #[error("expected exactly one PRIVATE KEY block (PKCS#8), found {found}")]
    NotOnePrivateKey {
        /// What was found instead.
        found: String,
    },
    /// The private key is encrypted.
    #[error("the private key is encrypted; expected an unencrypted PKCS#8 key")]
    Encrypted,
    /// The bytes are not the structure expected.
    #[error("not a well-formed key: {detail}")]
    Format {
        /// What the parser says.
        detail: String,
    },
    /// The key is well formed but inconsistent or of unusable size.
    #[error("the private key is refused: {detail}")]
    Rejected {
        /// What the library says.
        detail: String,
    },
    /// The random source of the system failed, or key generation did.
    #[error("no key could be generated")]
    Generation,
}

fn der_hint(looks_der: bool) -> &'static str {
    if looks_der { "; it looks like the ASN.1 form, expected r || s" } else { "" }
}

impl KeyError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::Mismatch { .. } => "key-mismatch",
            KeyError::TooShort { .. } => "key-too-short",
            KeyError::TooLong { .. } => "key-too-long",
            KeyError::Unsupported { .. } => "key-unsupported",
            KeyError::SignatureLength { .. } => "signature-length",
            KeyError::SignatureRange { .. } => "signature-range",
            KeyError::BadSignature { .. } => "signature-wrong",
            KeyError::NotForSigning { .. } => "key-not-for-signing",
            KeyError::Pem(_) => "key-pem",
            KeyError::NotOnePrivateKey { .. } => "key-not-one",
            KeyError::Encrypted => "key-encrypted",
            KeyError::Format { .. } => "key-format",
            KeyError::Rejected { .. } => "key-rejected",
            KeyError::Generation => "key-generation",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            KeyError::Pem(source) => format!("{self}: {}", source.en()),
            _ => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            KeyError::Mismatch { algorithm, family } => {
                format!("{algorithm} 需要 {} 密钥，实际为 {family}", algorithm.family())
            }
            KeyError::TooShort { bits, minimum } => {
                format!("RSA 密钥为 {bits} 位，至少需要 {minimum} 位")
            }
            KeyError::TooLong { bits } => {
                format!("RSA 密钥为 {bits} 位，最多接受 {} 位", super::MAX_RSA_BITS)
            }
            KeyError::Unsupported { algorithm } => format!("不支持算法 {algorithm} 的密钥"),
            KeyError::SignatureLength { algorithm, expected, found, looks_der } => {
                let hint = if *looks_der { "；疑似 ASN.1 编码，应为 r || s" } else { "" };
                format!("{algorithm} 签名值应为 {expected} 字节，实际 {found} 字节{hint}")
            }
            KeyError::SignatureRange { algorithm, part } => {
                format!("{algorithm} 签名值的 {} 超出范围", part.name())
            }
            KeyError::BadSignature { algorithm } => format!("{algorithm} 签名验证不通过"),
            KeyError::NotForSigning { algorithm } => format!("{algorithm} 只验签，不签名"),
            KeyError::Pem(source) => format!("密钥的 PEM 文本无法读取：{}", source.zh()),
            KeyError::NotOnePrivateKey { found } => {
                format!("应恰有一个 PRIVATE KEY 块（PKCS#8），实际：{found}")
            }
            KeyError::Encrypted => "私钥已加密，应为未加密的 PKCS#8 私钥".to_owned(),
            KeyError::Format { detail } => format!("密钥格式错误：{detail}"),
            KeyError::Rejected { detail } => format!("私钥不可用：{detail}"),
            KeyError::Generation => "无法生成密钥".to_owned(),
        }
    }
}
