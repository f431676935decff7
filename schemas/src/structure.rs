//! The structure of a message type: the schema set of its file, its root, and what may be
//! repeated of its values. Loaded at its first use, by whichever engine serves it.

use std::borrow::Cow;
use std::sync::OnceLock;

use onepoint_xml::Document;

use crate::files::{Files, View};
use crate::violation::Violation;
use crate::xsd::{Expected, LoadOptions, Loader, Missing, SchemaError, SchemaSet};

#[cfg(test)]
mod tests;

/// Why a schema does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StructureError {
    /// The set cannot be loaded.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The JSON Schema of a type without an XSD does not serve.
    #[error("{0}")]
    Json(String),
    /// It does not declare the root of the type.
    #[error("it declares no element {0}")]
    Root(String),
}

impl Loader for Files {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        self.get(location).map(Cow::Borrowed)
    }
}

impl Loader for View {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        self.get(location).map(Cow::Borrowed)
    }
}

/// Says that the schema does not serve. Tests compile all that is built in, the gateway all that
/// is added before it is used.
pub(crate) fn unavailable(document: &Document) -> Violation {
    let text = ("the schema could not be loaded", "schema 无法加载");
    Violation::at(document.root(), "schema-unavailable").text(text.0, text.1)
}

/// The schema of a type.
#[derive(Debug)]
pub(crate) struct Structure {
    root: String,
    location: String,
    files: View,
    /// A test has asked the general engine whether it is a schema.
    trusted: bool,
    set: OnceLock<SchemaSet>,
}

impl Structure {
    /// The schema of the element `root` in the file at `location`.
    pub(crate) fn new(root: &str, location: &str, files: View, trusted: bool) -> Structure {
        let (root, location) = (root.to_owned(), location.to_owned());
        Structure { root, location, files, trusted, set: OnceLock::new() }
    }

    /// Where the schema stands.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// The files it is made of, and others.
    pub(crate) fn files(&self) -> &View {
        &self.files
    }

    /// Loads it, if that was not done yet.
    pub(crate) fn compiled(&self) -> Result<(), StructureError> {
        self.set().map(|_| ())
    }

    /// The schema set.
    pub(crate) fn set(&self) -> Result<&SchemaSet, StructureError> {
        if let Some(set) = self.set.get() {
            return Ok(set);
        }
        let options = LoadOptions { missing: Missing::Refuse, trusted: self.trusted };
        let set = SchemaSet::load_with(&[&self.location], &self.files, options)?;
        if !set.declares(set.namespace(), &self.root) {
            return Err(StructureError::Root(self.root.clone()));
        }
        Ok(self.set.get_or_init(|| set))
    }

    /// Validates; on a fault says each of them. Values of the elements named in
    /// `personal` are not repeated. Types that the sender names are refused: the types of
    /// messages have no public names.
    pub(crate) fn validate(
        &self,
        document: &Document,
        personal: &[String],
    ) -> Result<(), Vec<Violation>> {
        let Ok(set) = self.set() else {
            return Err(vec![unavailable(document)]);
        };
        let root = Some((set.namespace(), self.root.as_str()));
        set.validate(document, &Expected { root, personal, no_sender_types: true })
    }
}
