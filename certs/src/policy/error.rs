//! Why a policy refuses a signature.
//!
//! Promise: a stable code and a text in English and Chinese for each.

use super::Tolerance;
use crate::key::KeyError;

/// Why a policy refuses a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The signature algorithm uses SHA-1.
    #[error("policy \"{policy}\" does not take signatures made with SHA-1")]
    Sha1Signature {
        /// The policy that applies.
        policy: String,
    },
    /// The content is digested with SHA-1.
    #[error("policy \"{policy}\" does not take SHA-1 digests")]
    Sha1Digest {
        /// The policy that applies.
        policy: String,
    },
    /// The message is right only under a loose rule that the policy does not have.
    #[error("policy \"{policy}\" does not take {}", rule_en(*rule))]
    Refused {
        /// The policy that applies.
        policy: String,
        /// The rule that would be needed.
        rule: Tolerance,
    },
    /// The key does not fit, or the value does not verify.
    #[error("the signature is refused under policy \"{policy}\"")]
    Key {
        /// The policy that applies.
        policy: String,
        /// Why.
        #[source]
        source: KeyError,
    },
}

impl PolicyError {
    /// The stable code; that of the key error where there is one.
    pub fn code(&self) -> &'static str {
        match self {
            PolicyError::Sha1Signature { .. } => "policy-signature-sha1",
            PolicyError::Sha1Digest { .. } => "policy-digest-sha1",
            PolicyError::Refused { rule, .. } => rule_code(*rule),
            PolicyError::Key { source, .. } => source.code(),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            PolicyError::Key { source, .. } => format!("{self}: {}", source.en()),
            _ => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            PolicyError::Sha1Signature { policy } => {
                format!("策略“{policy}”不接受使用 SHA-1 的签名")
            }
            PolicyError::Sha1Digest { policy } => format!("策略“{policy}”不接受 SHA-1 摘要"),
            PolicyError::Refused { policy, rule } => {
                format!("策略“{policy}”不接受{}", rule_zh(*rule))
            }
            PolicyError::Key { policy, source } => {
                format!("签名不符合策略“{policy}”：{}", source.zh())
            }
        }
    }
}

fn rule_code(rule: Tolerance) -> &'static str {
    match rule {
        Tolerance::RsaSha1 => "policy-signature-sha1",
        Tolerance::DigestSha1 => "policy-digest-sha1",
        Tolerance::ChainSha1 => "policy-chain-sha1",
        Tolerance::ShortRsaKey => "policy-short-rsa-key",
        Tolerance::FlatSignedInfo => "policy-flat-signed-info",
        Tolerance::SpaceAtSignature => "policy-space-at-signature",
        Tolerance::Sm2DigestSha1 => "policy-sm2-digest-sha1",
        Tolerance::LowerCaseNumber => "policy-lower-case-number",
    }
}

fn rule_en(rule: Tolerance) -> &'static str {
    match rule {
        Tolerance::RsaSha1 => "signatures made with SHA-1",
        Tolerance::DigestSha1 => "SHA-1 digests",
        Tolerance::ChainSha1 => "certificates signed with SHA-1",
        Tolerance::ShortRsaKey => "RSA keys below 2048 bits",
        Tolerance::FlatSignedInfo => {
            "a signature over a flat SignedInfo with ceb, ds and xsi in scope, other than the one sent"
        }
        Tolerance::SpaceAtSignature => {
            "white space after the Signature that was not there when the document was digested"
        }
        Tolerance::Sm2DigestSha1 => "SHA-1 digests under an SM2 signature",
        Tolerance::LowerCaseNumber => "certificate numbers in lower case",
    }
}

fn rule_zh(rule: Tolerance) -> &'static str {
    match rule {
        Tolerance::RsaSha1 => "使用 SHA-1 的签名",
        Tolerance::DigestSha1 => " SHA-1 摘要",
        Tolerance::ChainSha1 => "以 SHA-1 签发的证书",
        Tolerance::ShortRsaKey => "不足 2048 位的 RSA 密钥",
        Tolerance::FlatSignedInfo => {
            "对无空白且声明 ceb、ds、xsi 命名空间的 SignedInfo 所作、与所发送内容不同的签名"
        }
        Tolerance::SpaceAtSignature => "计算摘要之后在 Signature 后面添加的空白",
        Tolerance::Sm2DigestSha1 => " SM2 签名使用 SHA-1 摘要",
        Tolerance::LowerCaseNumber => "小写的证书编号",
    }
}
