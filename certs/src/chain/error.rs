//! Why a chain or a set of anchors is refused.
//!
//! In: the error of rustls-webpki and the certificates at hand. Out: an error
//! that names the certificate and the date, with a stable code and a text in
//! English and Chinese.

use jiff::Timestamp;

use super::{MAX_ANCHORS, MAX_INTERMEDIATES, algorithms, is_short, unix};
use crate::certificate::{CertError, Certificate};

/// Why the chain of a certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A certificate of the chain, or the anchor, is out of date.
    #[error("the certificate of \"{subject}\" expired at {not_after}, the time is {at}")]
    Expired {
        /// Whose.
        subject: String,
        /// Its last second of validity.
        not_after: Timestamp,
        /// The time of verification.
        at: Timestamp,
    },
    /// A certificate of the chain, or the anchor, is not valid yet.
    #[error("the certificate of \"{subject}\" is valid from {not_before}, the time is {at}")]
    NotYetValid {
        /// Whose.
        subject: String,
        /// Its first second of validity.
        not_before: Timestamp,
        /// The time of verification.
        at: Timestamp,
    },
    /// No path to an anchor.
    #[error("no trust anchor was found for the issuer \"{issuer}\" of \"{subject}\"")]
    UnknownIssuer {
        /// Whose certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// A certificate was not signed by its issuer's key.
    #[error("a signature in the chain of \"{subject}\" does not verify with its issuer's key")]
    BadSignature {
        /// The leaf.
        subject: String,
    },
    /// A certificate was signed with an algorithm that is not taken.
    #[error("the certificate of \"{subject}\" is signed with {algorithm}, which is not taken")]
    SignatureAlgorithm {
        /// Whose.
        subject: String,
        /// The algorithm.
        algorithm: String,
    },
    /// An issuer's RSA key is too short.
    #[error("the issuer \"{subject}\" has an RSA key of {bits} bits, {minimum} are required")]
    WeakKey {
        /// The issuer.
        subject: String,
        /// Bits of its key.
        bits: u32,
        /// Bits required.
        minimum: u32,
    },
    /// A CA certificate as signer of a message.
    #[error("\"{subject}\" is a CA certificate and cannot sign messages")]
    CaAsEndEntity {
        /// Whose.
        subject: String,
    },
    /// An issuer in the chain is not a CA.
    #[error("an issuer in the chain of \"{subject}\" may not sign certificates")]
    IssuerNotCa {
        /// The leaf.
        subject: String,
    },
    /// Key usage or extended key usage do not allow signing.
    #[error("the certificate of \"{subject}\" may not sign messages, its usage is {found}")]
    WrongUsage {
        /// Whose.
        subject: String,
        /// The usages it has.
        found: String,
    },
    /// A path length is exceeded.
    #[error("the chain of \"{subject}\" is longer than its issuers or this gateway allow")]
    PathTooLong {
        /// The leaf.
        subject: String,
    },
    /// More than [`MAX_INTERMEDIATES`] certificates came with the leaf.
    #[error("{found} certificates beside the signer's, at most {MAX_INTERMEDIATES} are taken")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A name constraint of an issuer is violated.
    #[error("the names of \"{subject}\" are outside what its issuer may certify")]
    NameConstraint {
        /// The leaf.
        subject: String,
    },
    /// A critical extension that is not known.
    #[error("a certificate in the chain of \"{subject}\" has an unknown critical extension")]
    CriticalExtension {
        /// The leaf.
        subject: String,
    },
    /// A certificate does not follow RFC 5280.
    #[error("a certificate of the chain is not well formed: {detail}")]
    Malformed {
        /// What the parser says.
        detail: String,
    },
}

impl ChainError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ChainError::Expired { .. } => "cert-expired",
            ChainError::NotYetValid { .. } => "cert-not-yet-valid",
            ChainError::UnknownIssuer { .. } => "cert-unknown-issuer",
            ChainError::BadSignature { .. } => "cert-bad-signature",
            ChainError::SignatureAlgorithm { .. } => "cert-signature-algorithm",
            ChainError::WeakKey { .. } => "cert-weak-key",
            ChainError::CaAsEndEntity { .. } => "cert-is-ca",
            ChainError::IssuerNotCa { .. } => "cert-issuer-not-ca",
            ChainError::WrongUsage { .. } => "cert-wrong-usage",
            ChainError::PathTooLong { .. } => "cert-path-too-long",
            ChainError::TooMany { .. } => "cert-too-many",
            ChainError::NameConstraint { .. } => "cert-name-constraint",
            ChainError::CriticalExtension { .. } => "cert-critical-extension",
            ChainError::Malformed { .. } => "cert-malformed",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            ChainError::Expired { subject, not_after, at } => {
                format!("“{subject}”的证书已于 {not_after} 过期，当前时间 {at}")
            }
            ChainError::NotYetValid { subject, not_before, at } => {
                format!("“{subject}”的证书自 {not_before} 起生效，当前时间 {at}")
            }
            ChainError::UnknownIssuer { subject, issuer } => {
                format!("“{subject}”的证书的颁发者“{issuer}”不受信任")
            }
            ChainError::BadSignature { subject } => {
                format!("“{subject}”的证书链中有签名与颁发者公钥不符")
            }
            ChainError::SignatureAlgorithm { subject, algorithm } => {
                format!("“{subject}”的证书以 {algorithm} 签发，不被接受")
            }
            ChainError::WeakKey { subject, bits, minimum } => {
                format!("颁发者“{subject}”的 RSA 密钥为 {bits} 位，至少需要 {minimum} 位")
            }
            ChainError::CaAsEndEntity { subject } => {
                format!("“{subject}”是 CA 证书，不能用于报文签名")
            }
            ChainError::IssuerNotCa { subject } => {
                format!("“{subject}”的证书链中有颁发者无权签发证书")
            }
            ChainError::WrongUsage { subject, found } => {
                format!("“{subject}”的证书不能用于签名，其用途为 {found}")
            }
            ChainError::PathTooLong { subject } => format!("“{subject}”的证书链过长"),
            ChainError::TooMany { found } => {
                format!("除签名证书外附带 {found} 张证书，最多接受 {MAX_INTERMEDIATES} 张")
            }
            ChainError::NameConstraint { subject } => {
                format!("“{subject}”的名称超出颁发者的名称约束")
            }
            ChainError::CriticalExtension { subject } => {
                format!("“{subject}”的证书链中有未知的关键扩展")
            }
            ChainError::Malformed { detail } => format!("证书链中有格式错误的证书：{detail}"),
        }
    }
}

/// `candidates`: the leaf first, then whatever else the chain may be made of.
pub(super) fn explain(
    error: webpki::Error,
    candidates: &[&Certificate],
    issuer_minimum: u32,
    at: i64,
) -> ChainError {
    use webpki::Error as E;
    let Some(leaf) = candidates.first() else {
        return ChainError::Malformed { detail: format!("{error:?}") };
    };
    let subject = leaf.subject().to_owned();
    let moment = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    match error {
        E::CertExpired { not_after, .. } => {
            let not_after = moment(unix(not_after));
            let whose = candidates.iter().find(|c| c.not_after() == not_after).unwrap_or(leaf);
            ChainError::Expired { subject: whose.subject().to_owned(), not_after, at: moment(at) }
        }
        E::CertNotValidYet { not_before, .. } => {
            let not_before = moment(unix(not_before));
            let whose = candidates.iter().find(|c| c.not_before() == not_before).unwrap_or(leaf);
            let subject = whose.subject().to_owned();
            ChainError::NotYetValid { subject, not_before, at: moment(at) }
        }
        E::UnknownIssuer => ChainError::UnknownIssuer { issuer: leaf.issuer().to_owned(), subject },
        E::InvalidSignatureForPublicKey => {
            weak_key(candidates, issuer_minimum).unwrap_or(ChainError::BadSignature { subject })
        }
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | E::SignatureAlgorithmMismatch => signature_algorithm(candidates, leaf),
        E::CaUsedAsEndEntity => ChainError::CaAsEndEntity { subject },
        E::EndEntityUsedAsCa => ChainError::IssuerNotCa { subject },
        E::RequiredEkuNotFoundContext(context) => {
            let found: Vec<String> = context
                .present
                .iter()
                .map(|oid| oid.iter().map(usize::to_string).collect::<Vec<_>>().join("."))
                .collect();
            ChainError::WrongUsage { subject, found: found.join(", ") }
        }
        E::EmptyEkuExtension => ChainError::WrongUsage { subject, found: "none".to_owned() },
        E::PathLenConstraintViolated
        | E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded => ChainError::PathTooLong { subject },
        E::NameConstraintViolation | E::MaximumNameConstraintComparisonsExceeded => {
            ChainError::NameConstraint { subject }
        }
        E::UnsupportedCriticalExtension => ChainError::CriticalExtension { subject },
        other => ChainError::Malformed { detail: format!("{other:?}") },
    }
}

// ring answers "does not verify" for a key below its minimum; the true reason
// is looked up for the text.
fn weak_key(candidates: &[&Certificate], minimum: u32) -> Option<ChainError> {
    let issuer_of_another = |c: &&&Certificate| {
        candidates.iter().any(|other| other != *c && other.issuer() == c.subject())
    };
    candidates.iter().skip(1).filter(|c| is_short(c, minimum)).find(issuer_of_another).map(|c| {
        ChainError::WeakKey {
            subject: c.subject().to_owned(),
            bits: c.public_key().bits(),
            minimum,
        }
    })
}

fn signature_algorithm(candidates: &[&Certificate], leaf: &Certificate) -> ChainError {
    let whose = candidates
        .iter()
        .find(|c| algorithms::is_sha1(c.signature_algorithm_oid()) && !c.is_self_issued())
        .copied()
        .unwrap_or(leaf);
    let oid = whose.signature_algorithm_oid();
    let algorithm =
        if algorithms::is_sha1(oid) { format!("SHA-1 ({oid})") } else { oid.to_owned() };
    ChainError::SignatureAlgorithm { subject: whose.subject().to_owned(), algorithm }
}

/// Why a set of trust anchors is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// A certificate cannot be read.
    #[error("a trust anchor cannot be read")]
    Certificate(#[source] CertError),
    /// An empty set.
    #[error("expected at least one trust anchor")]
    None,
    /// More than [`MAX_ANCHORS`].
    #[error("more than {MAX_ANCHORS} trust anchors")]
    TooMany,
    /// Not a CA certificate.
    #[error("\"{subject}\" is not a CA certificate and cannot be a trust anchor")]
    NotCa {
        /// Whose.
        subject: String,
    },
    /// rustls-webpki cannot read it.
    #[error("the trust anchor \"{subject}\" is not well formed: {detail}")]
    Malformed {
        /// Whose.
        subject: String,
        /// Why.
        detail: String,
    },
}

impl AnchorError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            AnchorError::Certificate(source) => source.code(),
            AnchorError::None => "anchor-none",
            AnchorError::TooMany => "anchor-too-many",
            AnchorError::NotCa { .. } => "anchor-not-ca",
            AnchorError::Malformed { .. } => "anchor-malformed",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self {
            AnchorError::Certificate(source) => format!("{self}: {}", source.en()),
            _ => self.to_string(),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            AnchorError::Certificate(source) => format!("信任锚无法读取：{}", source.zh()),
            AnchorError::None => "至少需要一个信任锚".to_owned(),
            AnchorError::TooMany => format!("信任锚超过 {MAX_ANCHORS} 个"),
            AnchorError::NotCa { subject } => format!("“{subject}”不是 CA 证书，不能作为信任锚"),
            AnchorError::Malformed { subject, detail } => {
                format!("信任锚“{subject}”格式错误：{detail}")
            }
        }
    }
}
