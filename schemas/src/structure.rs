//! The structure of a message type: the schema set of its file, its root, and what may be
//! repeated of its values. Loaded at its first use, by whichever engine serves it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use onepoint_xml::Document;

use crate::catalogue::MessageType;
use crate::files::Files;
use crate::rules::TypeFields;
use crate::violation::Violation;
use crate::xsd::{Expected, Loader, SchemaError, SchemaSet};

#[cfg(test)]
mod tests;

/// Why a schema does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StructureError {
    /// The set cannot be loaded.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// It does not declare the root of the type.
    #[error("it declares no element {0}")]
    Root(String),
}

impl Loader for Files {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        self.get(location).map(Cow::Borrowed)
    }
}

/// The schema of a type.
#[derive(Debug)]
pub(crate) struct Structure {
    root: String,
    location: String,
    files: Arc<Files>,
    set: OnceLock<SchemaSet>,
}

impl Structure {
    /// The schema of the element `root` in the file at `location`.
    pub(crate) fn new(root: &str, location: &str, files: Arc<Files>) -> Structure {
        let (root, location) = (root.to_owned(), location.to_owned());
        Structure { root, location, files, set: OnceLock::new() }
    }

    /// Where the schema stands.
    pub(crate) fn location(&self) -> &str {
        &self.location
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
        let set = SchemaSet::load(&self.location, &*self.files)?;
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
            // Tests compile all that is built in, the gateway all that is added before it is used.
            let root = document.root();
            let text = ("the schema could not be loaded", "schema 无法加载");
            return Err(vec![Violation::at(root, "schema-unavailable").text(text.0, text.1)]);
        };
        let root = Some((set.namespace(), self.root.as_str()));
        set.validate(document, &Expected { root, personal, no_sender_types: true })
    }

    /// The names of the fields of a document's head and of its lines; none where only the
    /// general engine knows them.
    pub(crate) fn fields(&self, kind: &MessageType) -> Option<TypeFields> {
        let set = self.set().ok()?;
        let document = [self.root.as_str(), &kind.document];
        let inside = |name: &str| set.children(&[&self.root, &kind.document, name]);
        let head = match &kind.head {
            Some(head) => inside(head)?,
            None => set.children(&document)?,
        };
        let line = kind.line.as_deref().and_then(inside).unwrap_or_default();
        Some(TypeFields { head: head.into_iter().collect(), line: line.into_iter().collect() })
    }
}
