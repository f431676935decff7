//! XSD validation by the crate xsd-schema, through its push interface: our
//! Document is walked once, nothing is serialised and parsed again. The engine
//! judges; an outline of the same schema files supplies the words.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use onepoint_xml::Document;
use xsd_schema::{SchemaError, SchemaLoader, SchemaResult, SchemaSet, SchemaSetBuilder};

use crate::catalogue::MessageType;
use crate::files::Files;
use crate::rules::TypeFields;
use crate::violation::Violation;

mod drive;
mod explain;
mod facets;
mod order;
mod outline;

#[cfg(test)]
mod tests;

use explain::Report;
use outline::Outline;

/// Why a schema did not compile.
#[derive(Debug, thiserror::Error)]
pub enum StructureError {
    /// There is no schema of this name.
    #[error("there is no schema file for it")]
    Missing,
    /// The engine refused it.
    #[error("{0}")]
    Engine(String),
    /// It says something that an outline cannot hold.
    #[error("its outline cannot be read: {0}")]
    Outline(String),
}

/// Locations given to the engine: not those of a disk, which it would look at.
const SCHEME: &str = "schema:///";

/// Gives the engine the files of the set, and nothing else: no disk, no network.
#[derive(Debug)]
struct Loader(Arc<Files>);

impl Loader {
    fn file(&self, location: &str) -> Option<&str> {
        self.0.get(location.strip_prefix(SCHEME)?)
    }
}

impl SchemaLoader for Loader {
    fn load(&self, location: &str) -> SchemaResult<String> {
        self.file(location).map(str::to_owned).ok_or_else(|| {
            SchemaError::structural("src-resolve", format!("there is no file {location}"), None)
        })
    }

    fn can_load(&self, location: &str) -> bool {
        self.file(location).is_some()
    }
}

/// The schema of a type, compiled at its first use. The engine's set may move between threads
/// but not be shared, so each judge takes one out and puts it back; as many are compiled as
/// judge at once.
pub(crate) struct Structure {
    root: String,
    location: String,
    files: Arc<Files>,
    outline: OnceLock<Outline>,
    idle: Mutex<Vec<SchemaSet>>,
}

impl fmt::Debug for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Structure(xsd-schema)")
    }
}

impl Structure {
    /// The schema of the element `root` in the file at `location`.
    pub(crate) fn new(root: &str, location: &str, files: Arc<Files>) -> Structure {
        Structure {
            root: root.to_owned(),
            location: location.to_owned(),
            files,
            outline: OnceLock::new(),
            idle: Mutex::default(),
        }
    }

    /// Where the schema stands.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Compiles it, if that was not done yet.
    pub(crate) fn compiled(&self) -> Result<(), StructureError> {
        self.outline()?;
        if self.idle().is_empty() {
            let set = self.compile()?;
            self.idle().push(set);
        }
        Ok(())
    }

    fn outline(&self) -> Result<&Outline, StructureError> {
        if let Some(outline) = self.outline.get() {
            return Ok(outline);
        }
        let outline = Outline::read(&self.root, &self.location, |path| self.files.get(path))?;
        Ok(self.outline.get_or_init(|| outline))
    }

    fn compile(&self) -> Result<SchemaSet, StructureError> {
        let engine = |error: SchemaError| StructureError::Engine(error.to_string());
        let text = self.files.get(&self.location).ok_or(StructureError::Missing)?;
        let loader = Box::new(Loader(Arc::clone(&self.files)));
        let builder = SchemaSetBuilder::with_loader(loader);
        let location = format!("{SCHEME}{}", self.location);
        let compiled = builder.add_source(text, &location).map_err(engine)?;
        let compiled = compiled.compile().map_err(engine)?;
        // An include or import that was not found would leave a schema that takes too much.
        if let Some(failure) = compiled.directive_failures().first() {
            return Err(StructureError::Engine(format!("{failure:?}")));
        }
        Ok(compiled.into_schema_set())
    }

    /// Validates; on a fault says each of them. Values of the elements named in
    /// `personal` are not repeated.
    pub(crate) fn validate(
        &self,
        document: &Document,
        personal: &[String],
    ) -> Result<(), Vec<Violation>> {
        let idle = self.idle().pop();
        let set = idle.map_or_else(|| self.compile(), Ok);
        let (Ok(set), Ok(outline)) = (set, self.outline()) else {
            // Tests compile all that is built in, the gateway all that is added before it is used.
            let root = document.root();
            let text = ("the schema could not be loaded", "schema 无法加载");
            return Err(vec![Violation::at(root, "schema-unavailable").text(text.0, text.1)]);
        };
        let mut report = Report::new(personal);
        drive::judge(&set, outline, document, &mut report);
        self.idle().push(set);
        match report.is_empty() {
            true => Ok(()),
            false => Err(report.finish(document.root())),
        }
    }

    /// The names of the fields of a document's head and of its lines.
    pub(crate) fn fields(&self, kind: &MessageType) -> Result<TypeFields, StructureError> {
        let outline = self.outline()?;
        let within = |child: Option<&outline::Child>| {
            let children = child.and_then(|child| outline.get(child.kind));
            children.map_or(&[][..], |kind| match &kind.content {
                outline::Content::Ordered(children) | outline::Content::Free(children) => children,
                _ => &[],
            })
        };
        let root = within(Some(&outline.root));
        let document = root.iter().find(|child| child.name == kind.document);
        let named = |name: &str| within(document).iter().find(|child| child.name == name);
        let names = |child| within(child).iter().map(|child| child.name.clone()).collect();
        let head = kind.head.as_deref().map_or(document, named);
        let line = kind.line.as_deref().and_then(named);
        Ok(TypeFields { head: names(head), line: names(line) })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SchemaSet>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
