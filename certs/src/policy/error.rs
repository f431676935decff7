//! Why a policy refuses a signature.
//!
//! Promise: a stable code and a text in English and Chinese for each.

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
            PolicyError::Key { policy, source } => {
                format!("签名不符合策略“{policy}”：{}", source.zh())
            }
        }
    }
}
