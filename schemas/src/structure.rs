//! XSD validation by the crate xsd-schema, through its push interface: our
//! Document is walked once, nothing is serialised and parsed again. The engine
//! judges; an outline of the same schema files supplies the words.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use onepoint_xml::Document;
use xsd_schema::{SchemaError, SchemaLoader, SchemaResult, SchemaSet, SchemaSetBuilder};

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

/// The embedded schema files, by the end of their path.
const FILES: [(&str, &str); 11] = [
    ("CEB311Message.xsd", include_str!("../ceb/2022-05/CEB311Message.xsd")),
    ("CEB312Message.xsd", include_str!("../ceb/2022-05/CEB312Message.xsd")),
    ("CEB411Message.xsd", include_str!("../ceb/2022-05/CEB411Message.xsd")),
    ("CEB412Message.xsd", include_str!("../ceb/2022-05/CEB412Message.xsd")),
    ("CEB511Message.xsd", include_str!("../ceb/2022-05/CEB511Message.xsd")),
    ("CEB512Message.xsd", include_str!("../ceb/2022-05/CEB512Message.xsd")),
    ("CEB621Message.xsd", include_str!("../ceb/2022-05/CEB621Message.xsd")),
    ("CEB622Message.xsd", include_str!("../ceb/2022-05/CEB622Message.xsd")),
    ("ceb-base.xsd", include_str!("../ceb/2022-05/ceb-base.xsd")),
    ("xmldsig.xsd", include_str!("../xmldsig/xmldsig.xsd")),
    ("TaxReturnMessage.xsd", include_str!("../zone/1/TaxReturnMessage.xsd")),
];

/// Gives the engine the embedded files, and nothing else: no disk, no network.
#[derive(Debug)]
struct Embedded;

impl SchemaLoader for Embedded {
    fn load(&self, location: &str) -> SchemaResult<String> {
        file(location).map(str::to_owned).ok_or_else(|| {
            SchemaError::structural("src-resolve", format!("{location} is not built in"), None)
        })
    }

    fn can_load(&self, location: &str) -> bool {
        file(location).is_some()
    }
}

fn file(location: &str) -> Option<&'static str> {
    let name = location.rsplit('/').next()?;
    FILES.iter().find(|(file, _)| *file == name).map(|(_, text)| *text)
}

/// A compiled schema. The engine's set may move between threads but not be shared,
/// so each judge takes one out and puts it back; as many are compiled as judge at once.
pub(crate) struct Structure {
    location: String,
    text: &'static str,
    outline: Outline,
    idle: Mutex<Vec<SchemaSet>>,
}

impl fmt::Debug for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Structure(xsd-schema)")
    }
}

impl Structure {
    /// Compiles the schema of a built-in type.
    pub(crate) fn builtin(name: &str) -> Result<Structure, StructureError> {
        let location = format!("{name}.xsd");
        let text = file(&location).ok_or(StructureError::Missing)?;
        let idle = Mutex::new(vec![Structure::compile(text, &location)?]);
        let outline = Outline::read(name, &location, file)?;
        Ok(Structure { location, text, outline, idle })
    }

    fn compile(text: &str, location: &str) -> Result<SchemaSet, StructureError> {
        let engine = |error: SchemaError| StructureError::Engine(error.to_string());
        let builder = SchemaSetBuilder::with_loader(Box::new(Embedded));
        let compiled = builder.add_source(text, location).map_err(engine)?;
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
        let set = self.idle().pop();
        let Some(set) = set.or_else(|| Structure::compile(self.text, &self.location).ok()) else {
            // It compiled at the start; only a lack of memory could end here.
            let root = document.root();
            let text = ("the schema could not be loaded", "schema 无法加载");
            return Err(vec![Violation::at(root, "schema-unavailable").text(text.0, text.1)]);
        };
        let mut report = Report::new(personal);
        drive::judge(&set, &self.outline, document, &mut report);
        self.idle().push(set);
        match report.is_empty() {
            true => Ok(()),
            false => Err(report.finish(document.root())),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SchemaSet>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
