//! Why an envelope is refused. In: the fault and where. Out: a stable code, the path
//! below `DxpMsg`, what was expected, texts in English and Chinese.

use onepoint_xml::{Element, Position};

/// Characters of a sender's text that an error repeats.
const MAX_FOUND: usize = 120;

/// A refused envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct DxpError {
    path: &'static str,
    fault: DxpFault,
    position: Option<Position>,
}

/// What is wrong with an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DxpFault {
    /// The root is not the envelope, of the DXP namespace.
    #[error("the root element is {found}, not {expected}")]
    Root {
        /// `DxpMsg` or `DxpMsgSv`.
        expected: &'static str,
        /// Namespace and name of the root.
        found: String,
    },
    /// Another version.
    #[error("the version is {found:?}")]
    Version {
        /// The value of `@ver`.
        found: String,
    },
    /// A required element or attribute is missing.
    #[error("is missing")]
    Missing,
    /// Something the norm does not have here.
    #[error("unexpected {found}")]
    Unexpected {
        /// Its name or kind.
        found: String,
    },
    /// Too short or too long.
    #[error("does not have {min} to {max} characters")]
    Length {
        /// Least characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// Too few or too many.
    #[error("does not occur {min} to {max} times")]
    Count {
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// A character that XML cannot carry.
    #[error("holds a character that XML cannot carry")]
    Character,
    /// Not an `xs:dateTime`.
    #[error("{found:?} is not a date and time")]
    Time {
        /// The value.
        found: String,
    },
    /// Not the number of a message between nodes.
    #[error("{found:?} is not 8 digits of a node, a time of 14 digits and 10 digits")]
    MsgId {
        /// The value.
        found: String,
    },
    /// The message inside cannot be read on its own.
    #[error("the message inside cannot be read")]
    Message,
    /// The data are not base64.
    #[error("is not base64")]
    DataNotBase64,
    /// The data are too long.
    #[error("has more than {} octets", super::MAX_DATA_BYTES)]
    DataTooLong,
}

impl DxpError {
    pub(super) fn new(path: &'static str, fault: DxpFault) -> Self {
        Self { path, fault, position: None }
    }

    pub(super) fn at(element: Element<'_>, path: &'static str, fault: DxpFault) -> Self {
        Self { path, fault, position: Some(element.position()) }
    }

    /// The same with the place of `element`, unless it has one.
    pub(super) fn in_element(self, element: Element<'_>) -> Self {
        Self { position: self.position.or_else(|| Some(element.position())), ..self }
    }

    /// What is wrong.
    pub fn fault(&self) -> &DxpFault {
        &self.fault
    }

    /// The path below `DxpMsg`, local names, `@` before an attribute; empty for the root.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Where, when it was found in a document: line and column of the element's start tag,
    /// or of the element around it where it may occur several times.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match &self.fault {
            DxpFault::Root { .. } => "dxp-root",
            DxpFault::Version { .. } => "dxp-version",
            DxpFault::Missing => "dxp-missing",
            DxpFault::Unexpected { .. } => "dxp-unexpected",
            DxpFault::Length { .. } => "dxp-length",
            DxpFault::Count { .. } => "dxp-count",
            DxpFault::Character => "dxp-character",
            DxpFault::Time { .. } => "dxp-time",
            DxpFault::MsgId { .. } => "dxp-msg-id",
            DxpFault::Message => "dxp-message",
            DxpFault::DataNotBase64 => "dxp-data-not-base64",
            DxpFault::DataTooLong => "dxp-data-too-long",
        }
    }

    /// What would have been right.
    pub fn expected(&self) -> String {
        match &self.fault {
            DxpFault::Root { expected, .. } => format!("{expected} of {}", super::DXP_NAMESPACE),
            DxpFault::Missing | DxpFault::Unexpected { .. } if self.path.starts_with("SvNo") => {
                "SvNo with MsgId, SubMsgId?, SendTime, EndNode, StaNode in this order".to_owned()
            }
            DxpFault::MsgId { .. } => {
                "32 digits such as 12345678202205010800000000000001".to_owned()
            }
            DxpFault::Message => "a DxpMsg that is a document".to_owned(),
            DxpFault::Version { .. } => format!("ver=\"{}\"", super::VERSION),
            DxpFault::Missing | DxpFault::Unexpected { .. } => {
                "TransInfo, Data, AddInfo?, ds:Signature? in this order".to_owned()
            }
            DxpFault::Length { min, max } => format!("{min} to {max} characters"),
            DxpFault::Count { min, max } => format!("{min} to {max}"),
            DxpFault::Character => "characters of XML 1.0".to_owned(),
            DxpFault::Time { .. } => "xs:dateTime such as 2022-05-01T08:00:00+08:00".to_owned(),
            DxpFault::DataNotBase64 => "base64 (RFC 4648 section 4)".to_owned(),
            DxpFault::DataTooLong => format!("at most {} octets", super::MAX_DATA_BYTES),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        match self.path {
            "" => self.fault.to_string(),
            path => format!("{path}: {}", self.fault),
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        let text = match &self.fault {
            DxpFault::Root { found, expected } => format!("根元素为 {found}，应为 {expected}"),
            DxpFault::MsgId { found } => {
                format!("“{found}”不是 8 位节点号、14 位时间和 10 位序号")
            }
            DxpFault::Message => "内层报文无法读取".to_owned(),
            DxpFault::Version { found } => format!("版本为“{found}”，应为 {}", super::VERSION),
            DxpFault::Missing => "缺失".to_owned(),
            DxpFault::Unexpected { found } => format!("有不允许的内容 {found}"),
            DxpFault::Length { min, max } => format!("长度应为 {min} 至 {max} 个字符"),
            DxpFault::Count { min, max } => format!("应出现 {min} 至 {max} 次"),
            DxpFault::Character => "含有 XML 不允许的字符".to_owned(),
            DxpFault::Time { found } => format!("“{found}”不是日期时间"),
            DxpFault::DataNotBase64 => "不是 base64 编码".to_owned(),
            DxpFault::DataTooLong => format!("超过 {} 字节", super::MAX_DATA_BYTES),
        };
        match self.path {
            "" => text,
            path => format!("{path}：{text}"),
        }
    }
}

/// At most [`MAX_FOUND`] characters of a sender's text, without line ends.
pub(super) fn found(text: &str) -> String {
    text.chars().take(MAX_FOUND).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
