//! Why a JSON Web Signature is refused: a stable code, what was expected, and the text in
//! English and Chinese. Nothing here holds more than a little of what the sender wrote.

use onepoint_certs::{CertError, NumberError, PolicyError};

use crate::json::JsonFault;

/// Characters of a sender's text that an error repeats.
const MAX_FOUND: usize = 120;

/// A refused signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// A part is over its bound.
    #[error("the {part} has more than {max} bytes")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// The bound.
        max: usize,
    },
    /// Not three parts with dots between them.
    #[error("not a compact signature: expected three parts, found {found}")]
    Parts {
        /// How many.
        found: usize,
    },
    /// A part is not base64url.
    #[error("the {part} is not base64url without padding")]
    Base64 {
        /// Which part.
        part: &'static str,
    },
    /// A part is not a JSON object.
    #[error("the {part} is not a JSON object: {detail}")]
    Json {
        /// Which part.
        part: &'static str,
        /// What the parser says.
        detail: String,
    },
    /// A member occurs twice.
    #[error("the {part} has the member {name:?} twice")]
    Duplicate {
        /// Which part.
        part: &'static str,
        /// The member.
        name: String,
    },
    /// A member is missing.
    #[error("the member {name:?} is missing")]
    Missing {
        /// The member.
        name: &'static str,
    },
    /// A member is of another type or form.
    #[error("the member {name:?} is not {expected}")]
    Member {
        /// The member.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A member that a flattened signature does not have.
    #[error("unexpected member {name:?}")]
    Unexpected {
        /// The member.
        name: String,
    },
    /// Several signatures in one object.
    #[error("the general form with several signatures is not taken")]
    General,
    /// A header that nothing protects.
    #[error("an unprotected header is not taken")]
    Unprotected,
    /// `alg` is `none`.
    #[error("the algorithm \"none\" signs nothing")]
    None,
    /// `alg` is an HMAC, which proves no identity.
    #[error("{algorithm} is an HMAC, which proves no identity")]
    Hmac {
        /// The algorithm.
        algorithm: String,
    },
    /// Another `alg`.
    #[error("the algorithm {algorithm:?} is not taken")]
    Algorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// A critical member that is not understood.
    #[error("the critical member {name:?} is not understood")]
    Critical {
        /// The member.
        name: String,
    },
    /// `b64` is there but not critical.
    #[error("\"b64\" is not listed in \"crit\"")]
    B64NotCritical,
    /// A key that is embedded or elsewhere.
    #[error("a key by {name:?} is not taken")]
    KeyMember {
        /// The member.
        name: &'static str,
    },
    /// A payload is given beside the one inside.
    #[error("the signature carries a payload, and another was given")]
    TwoPayloads,
    /// The payload is detached and was not given.
    #[error("the payload is detached and was not given")]
    NoPayload,
    /// An unencoded payload that a compact signature cannot carry.
    #[error("the unencoded payload has characters that a compact signature cannot carry")]
    Unencoded,
    /// Neither certificate nor name of one.
    #[error("the header names no certificate")]
    NoKey,
    /// More certificates than the bound.
    #[error("more than {max} certificates")]
    TooManyCertificates {
        /// The bound.
        max: usize,
    },
    /// A certificate that cannot be read.
    #[error("a certificate cannot be read: {}", .0.en())]
    Certificate(#[source] CertError),
    /// `kid` names no registered certificate.
    #[error("{}", .0.en())]
    Number(#[source] NumberError),
    /// `x5t#S256` is of another certificate, or of none that is registered.
    #[error("\"x5t#S256\" is not the thumbprint of the certificate")]
    Thumbprint,
    /// The policy does not take this algorithm or this key.
    #[error("{}", .0.en())]
    Policy(#[source] PolicyError),
    /// The value was not made by this key over this header and payload.
    #[error("the signature value is not one of the certificate's key over header and payload")]
    ValueMismatch(#[source] PolicyError),
}

impl JwsError {
    pub(super) fn json(part: &'static str, fault: JsonFault) -> Self {
        match fault {
            JsonFault::Duplicate(name) => Self::Duplicate { part, name: found(&name) },
            JsonFault::Malformed(detail) => Self::Json { part, detail: found(&detail) },
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "jws-too-long",
            Self::Parts { .. } => "jws-parts",
            Self::Base64 { .. } => "jws-not-base64url",
            Self::Json { .. } => "jws-not-json",
            Self::Duplicate { .. } => "jws-duplicate-member",
            Self::Missing { .. } => "jws-missing-member",
            Self::Member { .. } => "jws-member",
            Self::Unexpected { .. } => "jws-unexpected-member",
            Self::General => "jws-general",
            Self::Unprotected => "jws-unprotected-header",
            Self::None => "jws-none",
            Self::Hmac { .. } => "jws-hmac",
            Self::Algorithm { .. } => "jws-algorithm-unknown",
            Self::Critical { .. } => "jws-critical-unknown",
            Self::B64NotCritical => "jws-b64-not-critical",
            Self::KeyMember { .. } => "jws-key-member",
            Self::TwoPayloads => "jws-two-payloads",
            Self::NoPayload => "jws-no-payload",
            Self::Unencoded => "jws-unencoded-payload",
            Self::NoKey => "jws-no-key",
            Self::TooManyCertificates { .. } => "jws-certificates-too-many",
            Self::Certificate(_) => "jws-certificate-unreadable",
            Self::Number(error) => error.code(),
            Self::Thumbprint => "jws-thumbprint",
            Self::Policy(error) => error.code(),
            Self::ValueMismatch(_) => "jws-value-mismatch",
        }
    }

    /// What would have been right.
    pub fn expected(&self) -> String {
        let fixed = match self {
            Self::TooLong { max, .. } => return format!("at most {max} bytes"),
            Self::Member { expected, .. } => expected,
            Self::TooManyCertificates { max } => return format!("at most {max} certificates"),
            Self::Parts { .. } => "header, payload and value with dots between them",
            Self::Base64 { .. } => "base64url without padding or white space (RFC 7515 section 2)",
            Self::Json { .. } => "one JSON object (RFC 8259)",
            Self::Duplicate { .. } => "each member once (RFC 7515 section 4)",
            Self::Missing { .. } | Self::Unexpected { .. } => {
                "payload, protected and signature; alg in the header"
            }
            Self::General => "one signature, in the compact or the flattened form",
            Self::Unprotected => "every member in the protected header",
            Self::None | Self::Hmac { .. } | Self::Algorithm { .. } => {
                "RS256, PS256, ES256, ES384, EdDSA or the SM2 identifier, with a certificate's key"
            }
            Self::Critical { .. } => "no critical member but b64 (RFC 7797)",
            Self::B64NotCritical => "\"crit\":[\"b64\"] beside b64 (RFC 7797 section 6)",
            Self::KeyMember { .. } | Self::NoKey => "x5c, or kid or x5t#S256 of a registered one",
            Self::TwoPayloads => "one payload, inside or beside",
            Self::NoPayload => "the payload, or its body beside the header JWS-Signature",
            Self::Unencoded => "base64url, or letters, digits, - _ ~ only",
            Self::Certificate(_) => "X.509 certificates, DER in base64",
            Self::Number(_) | Self::Thumbprint => "a certificate that is registered for the sender",
            Self::Policy(_) => "what the sender's signature policy takes",
            Self::ValueMismatch(_) => "a value of the certificate's key over header and payload",
        };
        fixed.to_owned()
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Self::TooLong { part, max } => format!("{part} 超过 {max} 字节"),
            Self::Parts { found } => format!("不是 JWS 紧凑格式：应为三段，实际 {found} 段"),
            Self::Base64 { part } => format!("{part} 不是无填充的 base64url 编码"),
            Self::Json { part, detail } => format!("{part} 不是 JSON 对象：{detail}"),
            Self::Duplicate { part, name } => format!("{part} 中成员“{name}”重复"),
            Self::Missing { name } => format!("缺少成员“{name}”"),
            Self::Member { name, expected } => format!("成员“{name}”格式错误，应为 {expected}"),
            Self::Unexpected { name } => format!("不允许的成员“{name}”"),
            Self::General => "不接受含多个签名的通用格式".to_owned(),
            Self::Unprotected => "不接受未受保护的头部".to_owned(),
            Self::None => "算法 none 没有签名".to_owned(),
            Self::Hmac { algorithm } => format!("{algorithm} 是 HMAC，不能证明身份"),
            Self::Algorithm { algorithm } => format!("不接受算法“{algorithm}”"),
            Self::Critical { name } => format!("不支持关键成员“{name}”"),
            Self::B64NotCritical => "“b64”未列入“crit”".to_owned(),
            Self::KeyMember { name } => format!("不接受以“{name}”给出的密钥"),
            Self::TwoPayloads => "签名已含载荷，又另外给出了载荷".to_owned(),
            Self::NoPayload => "载荷已分离，但未给出".to_owned(),
            Self::Unencoded => "未编码的载荷含有紧凑格式不能携带的字符".to_owned(),
            Self::NoKey => "头部没有指明证书".to_owned(),
            Self::TooManyCertificates { max } => format!("证书多于 {max} 张"),
            Self::Certificate(error) => format!("证书无法解析：{}", error.zh()),
            Self::Number(error) => error.zh(),
            Self::Thumbprint => "“x5t#S256”与证书不符".to_owned(),
            Self::Policy(error) => error.zh(),
            Self::ValueMismatch(_) => "签名值与证书公钥不符".to_owned(),
        }
    }
}

/// At most [`MAX_FOUND`] characters of a sender's text, without line ends.
pub(super) fn found(text: &str) -> String {
    text.chars().take(MAX_FOUND).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
