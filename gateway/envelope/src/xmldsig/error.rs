//! Why a signature is refused. In: the fault and the element it was found at. Out: a
//! stable code, the place, what was expected, and the text in English and Chinese.
//! Nothing here holds more than [`MAX_FOUND`] characters of what the sender wrote.

use onepoint_certs::{CertError, KeyError, KeyFamily, NumberError, PolicyError, Tolerance};
use onepoint_xml::{Element, Position, XmlError};

use super::unsupported::Unsupported;
use crate::octets::OctetsError;

/// Characters of a sender's text that an error repeats.
pub const MAX_FOUND: usize = 120;

/// A refused signature: what is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct SignatureError {
    #[source]
    fault: Box<Fault>,
    position: Position,
    path: String,
}

/// What is wrong with a signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No `ds:Signature` in the document.
    #[error("the document carries no ds:Signature")]
    Missing,
    /// More than one `ds:Signature`.
    #[error("the document carries more than one ds:Signature")]
    Repeated,
    /// A `ds:Signature` inside another.
    #[error("a ds:Signature stands inside another")]
    Nested,
    /// The `ds:Signature` is not a child of the root element.
    #[error("the ds:Signature is not a direct child of the root element")]
    Misplaced,
    /// A child that the profile does not know at this place.
    #[error("unexpected content: {found}")]
    UnexpectedContent {
        /// The name of the element, or what it is.
        found: String,
    },
    /// A child that must be here is not.
    #[error("ds:{name} is missing")]
    MissingChild {
        /// Local name of the missing element.
        name: &'static str,
    },
    /// An attribute that must be here is not.
    #[error("the attribute {name} is missing")]
    MissingAttribute {
        /// Name of the missing attribute.
        name: &'static str,
    },
    /// An attribute that the profile does not know at this place.
    #[error("unexpected attribute: {found}")]
    UnexpectedAttribute {
        /// Its name.
        found: String,
    },
    /// A comment inside a value.
    #[error("a comment stands inside a value")]
    CommentInValue,
    /// A construct of XML Signature that the profile leaves out.
    #[error("{0} is outside the signature profile")]
    Unsupported(Unsupported),
    /// An algorithm identifier that is not known.
    #[error("unknown {role}: {found}")]
    UnknownAlgorithm {
        /// What the algorithm is for.
        role: Role,
        /// The identifier.
        found: String,
    },
    /// The enveloped signature transform does not come first.
    #[error("the first transform is not enveloped-signature")]
    EnvelopedNotFirst,
    /// The Id of a reference is on no element.
    #[error("no element has the Id {found:?}")]
    IdMissing {
        /// The Id.
        found: String,
    },
    /// The Id of a reference is on several elements, or several readers could take it
    /// to be.
    #[error("more than one element has the Id {found:?}")]
    IdRepeated {
        /// The Id.
        found: String,
    },
    /// The reference names the Signature or something in it.
    #[error("the reference names a part of the Signature itself")]
    ToSignature,
    /// The reference names a part where the whole document has to be signed.
    #[error("the reference names a part of the document, not the root element")]
    ToPart,
    /// The Signature of a part is neither in it nor below the root.
    #[error("the ds:Signature is a child neither of the part that it signs nor of the root")]
    Apart,
    /// The certificate number in KeyName names no registered certificate.
    #[error("{}", .0.en())]
    Number(#[source] NumberError),
    /// Neither a certificate nor a number of one.
    #[error("KeyInfo has neither X509Certificate nor KeyName")]
    NoKey,
    /// The part that was signed does not stand on its own.
    #[error("the signed part cannot be read on its own")]
    Part(#[source] XmlError),
    /// Transforms after the one canonicalisation that may follow.
    #[error("more than one transform follows enveloped-signature")]
    TooManyTransforms,
    /// More prefixes than [`crate::c14n::MAX_PREFIXES`].
    #[error("the prefix list is too long")]
    PrefixListTooLong,
    /// A base64 value that cannot be read.
    #[error("a base64 value cannot be read")]
    Value(#[source] OctetsError),
    /// A plain value over its bound.
    #[error("a value is longer than {max} bytes")]
    TextTooLong {
        /// The bound in bytes.
        max: usize,
    },
    /// More certificates than [`super::MAX_CERTIFICATES`].
    #[error("more than {max} certificates")]
    TooManyCertificates {
        /// The bound.
        max: usize,
    },
    /// A certificate that cannot be read.
    #[error("the certificate cannot be read")]
    Certificate(#[source] CertError),
    /// The policy does not take this algorithm or this key.
    #[error("{}", .0.en())]
    Policy(#[source] PolicyError),
    /// The digest value has another length than its algorithm gives.
    #[error("the digest value has {found} octets, not {expected}")]
    DigestLength {
        /// Octets of the algorithm.
        expected: usize,
        /// Octets found.
        found: usize,
    },
    /// An ECDSA or SM2 value in ASN.1 form.
    #[error("the {family} value is in ASN.1 DER form, not r and s of {octets} octets each")]
    DerValue {
        /// The kind of key.
        family: KeyFamily,
        /// Octets of r, and of s.
        octets: usize,
    },
    /// The signature value has another length than key and algorithm give.
    #[error("the signature value has {found} octets, not {expected}")]
    SignatureLength {
        /// Octets that key and algorithm give.
        expected: usize,
        /// Octets found.
        found: usize,
    },
    /// A namespace name without a scheme, which canonicalisation must refuse.
    #[error("the namespace name is not absolute: {found}")]
    RelativeNamespace {
        /// The namespace name.
        found: String,
    },
    /// The document is not what was digested.
    #[error("the document is not the one that was signed: digest {computed}, signed {expected}")]
    DigestMismatch {
        /// The digest in the signature, hex.
        expected: String,
        /// The digest of this document, hex.
        computed: String,
    },
    /// The signature value was not made by the certificate's key over this SignedInfo.
    #[error("the signature value is not one of the certificate's key over this SignedInfo")]
    ValueMismatch(#[source] PolicyError),
}

impl Fault {
    /// What the verification itself says: a wrong value, or a key that does not fit.
    pub(super) fn of_verification(error: PolicyError) -> Self {
        match error {
            PolicyError::Key { source: KeyError::BadSignature { .. }, .. } => {
                Self::ValueMismatch(error)
            }
            other => Self::Policy(other),
        }
    }
}

/// What an algorithm identifier is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `CanonicalizationMethod`.
    Canonicalization,
    /// `SignatureMethod`.
    Signature,
    /// `DigestMethod`.
    Digest,
    /// `Transform`.
    Transform,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Canonicalization => "canonicalization method",
            Self::Signature => "signature method",
            Self::Digest => "digest method",
            Self::Transform => "transform",
        })
    }
}

impl SignatureError {
    pub(super) fn at(element: Element<'_>, fault: Fault) -> Self {
        Self { fault: Box::new(fault), position: element.position(), path: element.path() }
    }

    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// Where: line and column of the element's start tag.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Where: the path of the element.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What would have been right.
    pub fn expected(&self) -> &'static str {
        self.fault.expected()
    }

    /// The text in English, one level.
    pub fn en(&self) -> String {
        self.fault.to_string()
    }

    /// The text in Chinese, one level.
    pub fn zh(&self) -> String {
        self.fault.zh()
    }
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "signature-missing",
            Self::Repeated => "signature-repeated",
            Self::Nested => "signature-nested",
            Self::Misplaced => "signature-misplaced",
            Self::UnexpectedContent { .. } => "signature-unexpected-content",
            Self::MissingChild { .. } => "signature-missing-child",
            Self::MissingAttribute { .. } => "signature-missing-attribute",
            Self::UnexpectedAttribute { .. } => "signature-unexpected-attribute",
            Self::CommentInValue => "signature-comment-in-value",
            Self::Unsupported(what) => what.code(),
            Self::UnknownAlgorithm { role, .. } => match role {
                Role::Canonicalization => "canonicalization-unknown",
                Role::Signature => "signature-method-unknown",
                Role::Digest => "digest-method-unknown",
                Role::Transform => "transform-unknown",
            },
            Self::EnvelopedNotFirst => "transform-enveloped-not-first",
            Self::TooManyTransforms => "transform-too-many",
            Self::IdMissing { .. } => "reference-id-missing",
            Self::IdRepeated { .. } => "reference-id-repeated",
            Self::ToSignature => "reference-to-signature",
            Self::ToPart => "reference-to-part",
            Self::Apart => "signature-apart",
            Self::Number(error) => error.code(),
            Self::NoKey => "signature-no-key",
            Self::Part(error) => error.code(),
            Self::PrefixListTooLong => "prefix-list-too-long",
            Self::Value(OctetsError::TooLong { .. }) | Self::TextTooLong { .. } => {
                "signature-value-too-long"
            }
            Self::Value(OctetsError::NotBase64) => "signature-value-not-base64",
            Self::TooManyCertificates { .. } => "signature-certificates-too-many",
            Self::Certificate(_) => "signature-certificate-unreadable",
            Self::Policy(error) => error.code(),
            Self::DigestLength { .. } => "signature-digest-length",
            Self::DerValue { family: KeyFamily::Sm2, .. } => "signature-sm2-der",
            Self::DerValue { .. } => "signature-ecdsa-der",
            Self::SignatureLength { .. } => "signature-value-length",
            Self::RelativeNamespace { .. } => "namespace-relative",
            Self::DigestMismatch { .. } => "signature-digest-mismatch",
            Self::ValueMismatch(_) => "signature-value-mismatch",
        }
    }

    /// What would have been right.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Missing | Self::Repeated | Self::Nested | Self::Misplaced => {
                "exactly one ds:Signature, a direct child of the root element"
            }
            Self::IdMissing { .. } | Self::IdRepeated { .. } => "an Id on exactly one element",
            Self::ToSignature | Self::ToPart => "URI=\"\" or the Id of the root element",
            Self::Apart => "the ds:Signature as child of the signed element or of the root",
            Self::Number(_) | Self::NoKey => {
                "X509Certificate, or in KeyName the number of a registered certificate"
            }
            Self::Part(_) => "a part that is a document",
            Self::UnexpectedContent { .. }
            | Self::MissingChild { .. }
            | Self::MissingAttribute { .. }
            | Self::UnexpectedAttribute { .. }
            | Self::Unsupported(_) => {
                "SignedInfo with one Reference, SignatureValue, KeyInfo with X509Certificate"
            }
            Self::CommentInValue => "text only",
            Self::UnknownAlgorithm { role, .. } => match role {
                Role::Canonicalization | Role::Transform => {
                    "inclusive C14N 1.0 or 1.1, or exclusive C14N"
                }
                Role::Signature => {
                    "rsa-sha256 or stronger, sha256-rsa-MGF1 or stronger, ecdsa-sha256 or stronger, eddsa-ed25519, or sm2-sm3"
                }
                Role::Digest => "sha256, sha384, sha512 or sm3",
            },
            Self::EnvelopedNotFirst | Self::TooManyTransforms => {
                "enveloped-signature, then at most one canonicalization"
            }
            Self::PrefixListTooLong => "at most 64 prefixes",
            Self::Value(_) | Self::TextTooLong { .. } => "base64 or text within the bound",
            Self::TooManyCertificates { .. } => "at most 8 certificates, the signer's first",
            Self::Certificate(_) => "an X.509 certificate in DER",
            Self::Policy(PolicyError::Sha1Signature { .. }) => "rsa-sha256 or stronger",
            Self::Policy(PolicyError::Sha1Digest { .. }) => "sha256 or stronger",
            Self::Policy(PolicyError::Refused { rule, .. }) => strictly(*rule),
            Self::Policy(PolicyError::Key { source: KeyError::SignatureRange { .. }, .. }) => {
                "r and s from 1 to below the order of the curve"
            }
            Self::Policy(_) => {
                "an algorithm of the certificate's key, and an RSA key that is long enough"
            }
            Self::DigestLength { .. } => "the full digest",
            Self::DerValue { .. } => "r and s one after the other, each of full length",
            Self::SignatureLength { .. } => "the full signature value",
            Self::RelativeNamespace { .. } => "a namespace name with a scheme",
            Self::DigestMismatch { .. } => "the document exactly as it was signed",
            Self::ValueMismatch(_) => "a value made with the certificate's private key",
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Missing => "报文中没有 ds:Signature 签名".to_owned(),
            Self::Repeated => "报文中有多个 ds:Signature 签名".to_owned(),
            Self::Nested => "ds:Signature 嵌套在另一个签名之内".to_owned(),
            Self::Misplaced => "ds:Signature 不是根元素的直接子元素".to_owned(),
            Self::UnexpectedContent { found } => format!("签名中有不允许的内容：{found}"),
            Self::MissingChild { name } => format!("签名缺少元素 ds:{name}"),
            Self::MissingAttribute { name } => format!("签名缺少属性 {name}"),
            Self::UnexpectedAttribute { found } => format!("签名中有不允许的属性：{found}"),
            Self::CommentInValue => "签名的取值中含有注释".to_owned(),
            Self::Unsupported(what) => format!("签名规范不允许：{}", what.zh()),
            Self::UnknownAlgorithm { role, found } => {
                let role = match role {
                    Role::Canonicalization => "规范化算法",
                    Role::Signature => "签名算法",
                    Role::Digest => "摘要算法",
                    Role::Transform => "转换算法",
                };
                format!("未知的{role}：{found}")
            }
            Self::EnvelopedNotFirst => "第一个转换不是 enveloped-signature".to_owned(),
            Self::TooManyTransforms => "enveloped-signature 之后的转换多于一个".to_owned(),
            Self::IdMissing { found } => format!("没有 Id 为“{found}”的元素"),
            Self::IdRepeated { found } => format!("有多个元素的 Id 为“{found}”"),
            Self::ToSignature => "引用指向签名本身的内容".to_owned(),
            Self::ToPart => "引用只指向报文的一部分，而非根元素".to_owned(),
            Self::Apart => "ds:Signature 既不在所签部分之内，也不是根元素的直接子元素".to_owned(),
            Self::Number(error) => error.zh(),
            Self::NoKey => "KeyInfo 中既无 X509Certificate 也无 KeyName".to_owned(),
            Self::Part(error) => format!("所签部分无法单独读取：{}", error.zh()),
            Self::PrefixListTooLong => "命名空间前缀列表过长".to_owned(),
            Self::Value(OctetsError::TooLong { max }) | Self::TextTooLong { max } => {
                format!("取值超过 {max} 字节")
            }
            Self::Value(OctetsError::NotBase64) => "取值不是 base64 编码".to_owned(),
            Self::TooManyCertificates { max } => format!("证书多于 {max} 张"),
            Self::Certificate(_) => "证书无法解析".to_owned(),
            Self::Policy(error) => error.zh(),
            Self::DigestLength { expected, found } => {
                format!("摘要值为 {found} 字节，应为 {expected} 字节")
            }
            Self::DerValue { family, octets } => {
                format!("{family} 签名值为 DER 编码，应为 r、s 各 {octets} 字节")
            }
            Self::SignatureLength { expected, found } => {
                format!("签名值为 {found} 字节，应为 {expected} 字节")
            }
            Self::RelativeNamespace { found } => format!("命名空间不是绝对 URI：{found}"),
            Self::DigestMismatch { expected, computed } => {
                format!("报文与签名时不一致：计算摘要 {computed}，签名摘要 {expected}")
            }
            Self::ValueMismatch(_) => "签名值与证书公钥不符".to_owned(),
        }
    }
}

/// What the strict form of a loose rule is.
fn strictly(rule: Tolerance) -> &'static str {
    match rule {
        Tolerance::FlatSignedInfo => "a value over SignedInfo as it stands in the document",
        Tolerance::SpaceAtSignature => "nothing added after the digest was computed",
        Tolerance::Sm2DigestSha1 => "sm3 or sha256",
        Tolerance::LowerCaseNumber => "the certificate number in upper case",
        _ => "current algorithms and keys",
    }
}

/// At most [`MAX_FOUND`] characters of a sender's text, without line ends.
pub(super) fn found(text: &str) -> String {
    text.chars().take(MAX_FOUND).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
