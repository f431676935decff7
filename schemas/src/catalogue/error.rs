//! Why files make no catalogue: each fault with its file, the line where one is known, and
//! the reason.

use crate::rules::RuleError;
use crate::structure::StructureError;

/// A catalogue that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A manifest is not what it should be.
    #[error("{file} cannot be read")]
    Manifest {
        /// The manifest.
        file: String,
        /// Line from 1, where known.
        line: Option<usize>,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A manifest says something that does not hold.
    #[error("{file}: {what}")]
    Inconsistent {
        /// The manifest.
        file: String,
        /// What.
        what: String,
    },
    /// A schema does not compile.
    #[error("the schema {file} does not compile")]
    Schema {
        /// The schema.
        file: String,
        /// Why.
        source: StructureError,
    },
    /// Rules cannot be used.
    #[error(transparent)]
    Rules(RuleError),
    /// An example is not judged as it says.
    #[error("{file}: {what}")]
    Example {
        /// The example, or the folder where one is missing.
        file: String,
        /// What.
        what: String,
    },
}

impl CatalogueError {
    /// The file at fault.
    pub fn file(&self) -> &str {
        match self {
            Self::Manifest { file, .. }
            | Self::Inconsistent { file, .. }
            | Self::Schema { file, .. }
            | Self::Rules(RuleError { file, .. })
            | Self::Example { file, .. } => file,
        }
    }

    /// Its line, where one is known.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Manifest { line, .. } => *line,
            Self::Rules(error) => Some(error.line),
            _ => None,
        }
    }

    /// The reason, on one line.
    pub fn reason(&self) -> String {
        match self {
            Self::Manifest { source, .. } => source.message().to_owned(),
            Self::Rules(error) => error.fault.to_string(),
            Self::Schema { source, .. } => format!("the schema does not compile: {source}"),
            Self::Inconsistent { what, .. } | Self::Example { what, .. } => what.clone(),
        }
    }
}

/// The line of a fault in a TOML text.
pub(super) fn line(text: &str, error: &toml::de::Error) -> Option<usize> {
    let before = text.as_bytes().get(..error.span()?.start)?;
    Some(before.split(|byte| *byte == b'\n').count())
}
