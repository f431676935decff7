//! Why payment data are refused: a stable code and the text in English and Chinese.

use onepoint_certs::{KeyFamily, NumberError, PolicyError};

use crate::json::JsonFault;

/// Characters of a sender's text that an error repeats.
const MAX_FOUND: usize = 120;

/// Refused payment data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentError {
    /// Over the bound.
    #[error("the payment data have more than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// Not a JSON object.
    #[error("the payment data are not a JSON object: {detail}")]
    Json {
        /// What the parser says.
        detail: String,
    },
    /// A member occurs twice.
    #[error("the member {name:?} occurs twice")]
    Duplicate {
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
    /// A member that the announcement does not have.
    #[error("unexpected member {name:?}")]
    Unexpected {
        /// The member.
        name: String,
    },
    /// A field of head or lists is of another type.
    #[error("{pointer} is not {expected}")]
    Field {
        /// JSON Pointer of the field.
        pointer: String,
        /// What it should be.
        expected: &'static str,
    },
    /// `certNo` names no registered certificate.
    #[error("{}", .0.en())]
    Number(#[source] NumberError),
    /// A kind of key that the announcement does not have.
    #[error("a key of kind {family} does not sign payment data, only RSA and SM2")]
    KeyFamily {
        /// The kind.
        family: KeyFamily,
    },
    /// The certificate is not the key's.
    #[error("the certificate does not belong to the key")]
    OtherCertificate,
    /// The policy does not take this algorithm or this key.
    #[error("{}", .0.en())]
    Policy(#[source] PolicyError),
    /// The value was not made by this key over this string.
    #[error("the value is not one of the certificate's key over the string of these data")]
    ValueMismatch(#[source] PolicyError),
}

impl PaymentError {
    pub(super) fn json(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Duplicate(name) => Self::Duplicate { name: found(&name) },
            JsonFault::Malformed(detail) => Self::Json { detail: found(&detail) },
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "payment-too-long",
            Self::Json { .. } => "payment-not-json",
            Self::Duplicate { .. } => "payment-duplicate-member",
            Self::Missing { .. } => "payment-missing-member",
            Self::Member { .. } => "payment-member",
            Self::Unexpected { .. } => "payment-unexpected-member",
            Self::Field { .. } => "payment-field",
            Self::Number(error) => error.code(),
            Self::KeyFamily { .. } => "payment-key-kind",
            Self::OtherCertificate => "payment-other-certificate",
            Self::Policy(error) => error.code(),
            Self::ValueMismatch(_) => "payment-value-mismatch",
        }
    }

    /// What would have been right.
    pub fn expected(&self) -> String {
        match self {
            Self::TooLong { max } => format!("at most {max} bytes"),
            Self::Json { .. } => "one JSON object (RFC 8259)".to_owned(),
            Self::Duplicate { .. } => "each member once".to_owned(),
            Self::Member { expected, .. } | Self::Field { expected, .. } => (*expected).to_owned(),
            Self::Missing { .. } | Self::Unexpected { .. } => {
                "sessionID, payExchangeInfoHead, payExchangeInfoLists, serviceTime, certNo, signValue"
                    .to_owned()
            }
            Self::Number(_) => "the number of a certificate registered for the sender".to_owned(),
            Self::KeyFamily { .. } | Self::OtherCertificate => "an RSA or SM2 key".to_owned(),
            Self::Policy(_) => "what the sender's signature policy takes".to_owned(),
            Self::ValueMismatch(_) => {
                "a value of the certificate's key over the exact string of the announcement".to_owned()
            }
        }
    }

    /// The JSON Pointer of what is at fault; empty for the whole.
    pub fn pointer(&self) -> String {
        match self {
            Self::Member { name, .. } | Self::Missing { name } => format!("/{name}"),
            Self::Field { pointer, .. } => pointer.clone(),
            Self::Number(_) => "/certNo".to_owned(),
            Self::ValueMismatch(_) => "/signValue".to_owned(),
            _ => String::new(),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Self::TooLong { max } => format!("支付数据超过 {max} 字节"),
            Self::Json { detail } => format!("支付数据不是 JSON 对象：{detail}"),
            Self::Duplicate { name } => format!("成员“{name}”重复"),
            Self::Missing { name } => format!("缺少成员“{name}”"),
            Self::Member { name, expected } => format!("成员“{name}”格式错误，应为 {expected}"),
            Self::Unexpected { name } => format!("不允许的成员“{name}”"),
            Self::Field { pointer, expected } => {
                format!("字段 {pointer} 格式错误，应为 {expected}")
            }
            Self::Number(error) => error.zh(),
            Self::KeyFamily { family } => {
                format!("支付数据只能用 RSA 或 SM2 加签，实际为 {family}")
            }
            Self::OtherCertificate => "证书与密钥不符".to_owned(),
            Self::Policy(error) => error.zh(),
            Self::ValueMismatch(_) => "签名值与证书公钥或支付数据不符".to_owned(),
        }
    }
}

/// At most [`MAX_FOUND`] characters of a sender's text, without line ends.
pub(super) fn found(text: &str) -> String {
    text.chars().take(MAX_FOUND).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
