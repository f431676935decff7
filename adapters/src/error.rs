//! What can be wrong with a delivery: each with a stable code, the place where there
//! is one, what was expected, and a sentence in English and Chinese. Found text is
//! quoted only where it is a code, a date or an amount, and bounded.

use onepoint_xml::{Element, XmlError};

use crate::delivery::MAX_ID;

/// Most characters of a value that an error quotes.
const QUOTED: usize = 40;

/// Where in the body something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Names from the root down.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

impl Place {
    pub(crate) fn of(element: &Element<'_>) -> Self {
        let position = element.position();
        Place { path: element.path(), line: position.line, column: position.column }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}:{})", self.path, self.line, self.column)
    }
}

/// Why a delivery could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The delivery or message id does not fit into an answer.
    #[error("the {which} id has {found} characters, 1 to {MAX_ID} are expected")]
    Id {
        /// `delivery` or `message`.
        which: &'static str,
        /// How many characters it has.
        found: usize,
    },
    /// The body is not well-formed XML.
    #[error("the body is not well-formed XML")]
    Xml(#[source] XmlError),
    /// No mapping for this message type.
    #[error("{department} maps no {found}, but {}", expected.join(", "))]
    UnknownType {
        /// The department asked.
        department: &'static str,
        /// The type of the delivery.
        found: String,
        /// What it can map.
        expected: Vec<&'static str>,
    },
    /// The root element is not that of the delivery's message type.
    #[error("the root element is {found}, the delivery says {expected}")]
    OtherType {
        /// The type of the delivery.
        expected: &'static str,
        /// The root element, with its namespace in braces.
        found: String,
    },
    /// The delivery names no document.
    #[error("the delivery names no document")]
    NoDocuments,
    /// The document indexes are not ascending.
    #[error("document index {found} stands after {before}, ascending ones are expected")]
    Order {
        /// The index before.
        before: u32,
        /// The index that is not greater.
        found: u32,
    },
    /// The body has no such document.
    #[error("document index {index}, but the message has {count} documents, counted from 0")]
    OutOfRange {
        /// The index asked for.
        index: u32,
        /// How many documents the message has.
        count: usize,
    },
    /// An element the mapping needs is missing or empty.
    #[error("{field} is missing or empty in {place}")]
    FieldMissing {
        /// The element's name.
        field: &'static str,
        /// The element around it.
        place: Place,
    },
    /// An element holds a value that cannot be mapped.
    #[error("{field} is {found:?}, expected {expected}, in {place}")]
    FieldWrong {
        /// The element's name.
        field: &'static str,
        /// The element around it.
        place: Place,
        /// What would be right, in English.
        expected: &'static str,
        /// What stands there, cut.
        found: String,
    },
}

impl MappingError {
    pub(crate) fn wrong(
        field: &'static str,
        inside: &Element<'_>,
        expected: &'static str,
        found: &str,
    ) -> Self {
        let found = found.chars().take(QUOTED).collect();
        MappingError::FieldWrong { field, place: Place::of(inside), expected, found }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            MappingError::Id { .. } => "mapping-id-length",
            MappingError::Xml(_) => "mapping-body-not-xml",
            MappingError::UnknownType { .. } => "mapping-type-unknown",
            MappingError::OtherType { .. } => "mapping-type-differs",
            MappingError::NoDocuments => "mapping-no-documents",
            MappingError::Order { .. } => "mapping-documents-not-ascending",
            MappingError::OutOfRange { .. } => "mapping-document-out-of-range",
            MappingError::FieldMissing { .. } => "mapping-field-missing",
            MappingError::FieldWrong { .. } => "mapping-field-wrong",
        }
    }

    /// Where in the body, for a fault of one element.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            MappingError::FieldMissing { place, .. } | MappingError::FieldWrong { place, .. } => {
                Some(place)
            }
            _ => None,
        }
    }

    /// The whole story in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            MappingError::Xml(error) => format!("{self}: {}", error.en()),
            _ => self.to_string(),
        }
    }

    /// The whole story in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            MappingError::Id { which, found } => {
                format!("{which} 编号长度为 {found}，应为 1 至 {MAX_ID} 个字符")
            }
            MappingError::Xml(error) => format!("报文不是格式良好的 XML：{}", error.zh()),
            MappingError::UnknownType { department, found, expected } => {
                format!("{department} 不处理 {found}，可处理：{}", expected.join("、"))
            }
            MappingError::OtherType { expected, found } => {
                format!("报文根节点为 {found}，投递标明的类型为 {expected}")
            }
            MappingError::NoDocuments => "投递未指明任何单证".to_owned(),
            MappingError::Order { before, found } => {
                format!("单证序号 {found} 排在 {before} 之后，应按升序排列")
            }
            MappingError::OutOfRange { index, count } => {
                format!("单证序号 {index} 超出范围：报文共有 {count} 份单证，序号从 0 起")
            }
            MappingError::FieldMissing { field, place } => format!("{place} 缺少 {field} 或其为空"),
            MappingError::FieldWrong { field, place, expected, found } => {
                format!("{place} 的 {field} 为“{found}”，应为：{expected}")
            }
        }
    }
}
