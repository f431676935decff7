//! The catalogue: message types as data, with their schemas and rules. In: a set of files
//! with `<family>/<version>/manifest.toml` and what stands beside it. Out: types by name
//! and root, in the version that judges on a day, and the judge of each. No I/O; built-in
//! schemas compile at their first use.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use onepoint_xml::Document;

use crate::documents::{self, DocumentFacts};
use crate::fields::{self, Field};
use crate::files::{Files, View};
use crate::json::{JsonForm, JsonFormError};
use crate::receipt::{self, Issue, Refused};
use crate::rules::{RuleInfo, RuleSet};
use crate::structure::{self, Structure};
use crate::violation::Violation;
use crate::xsd::{Engine, SchemaSet};

mod error;
mod load;
mod manifest;

pub use error::CatalogueError;
pub use manifest::{Direction, MessageType, NormCodes, Place, Signature};

/// What says how a message of a type is built.
#[derive(Debug)]
enum Judge {
    Xsd(Box<Structure>),
    /// A JSON Schema, where there is no XSD.
    Json {
        location: String,
        files: View,
    },
}

impl Judge {
    /// The files of its version.
    fn files(&self) -> &View {
        match self {
            Judge::Xsd(structure) => structure.files(),
            Judge::Json { files, .. } => files,
        }
    }

    fn location(&self) -> &str {
        match self {
            Judge::Xsd(structure) => structure.location(),
            Judge::Json { location, .. } => location,
        }
    }
}

/// A type with what judges it.
#[derive(Debug)]
struct Entry {
    kind: MessageType,
    /// The first day on which this version judges; none for always.
    from: Option<Date>,
    judge: Judge,
    /// Read when first asked for: most types are never sent as JSON.
    form: OnceLock<Result<JsonForm, JsonFormError>>,
    rules: Arc<RuleSet>,
}

/// A version of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As facts name it: `ceb/2022-05`.
    pub name: String,
    /// The first day on which it judges; none for always.
    pub from: Option<Date>,
    /// The version that gives what this one does not say.
    pub base: Option<String>,
    /// Whether it stands in the folder of this gateway, and not in the program.
    pub added: bool,
}

/// The message types with their schemas and rules.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By name; the version that judges last first.
    types: BTreeMap<String, Vec<Entry>>,
    versions: Vec<Version>,
    files: Arc<Files>,
}

impl Catalogue {
    /// The catalogue that is built in.
    ///
    /// # Errors
    /// A fault of the product: an embedded file is broken.
    pub fn load_builtin() -> Result<Catalogue, CatalogueError> {
        Catalogue::load(Files::builtin())
    }

    /// The versions of all families, by name.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Every file behind it.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Says from which day on a version judges, whatever its manifest says. False when there
    /// is no such version.
    pub fn set_from(&mut self, version: &str, from: Date) -> bool {
        let mut known = false;
        for found in self.versions.iter_mut().filter(|found| found.name == version) {
            (found.from, known) = (Some(from), true);
        }
        for entries in self.types.values_mut() {
            for entry in entries.iter_mut().filter(|e| e.kind.schema_version() == version) {
                entry.from = Some(from);
            }
            sort(entries);
        }
        known
    }

    /// The type whose root has this expanded name, in the version that judges last; prefixes
    /// do not count. An envelope is not found: what it carries is the message.
    pub fn by_root(&self, namespace: &str, local: &str) -> Option<&MessageType> {
        let found = self.by_name(local).filter(|kind| kind.namespace == namespace);
        found.filter(|kind| kind.direction != Direction::Envelope)
    }

    /// The type of this name, in the version that judges last.
    pub fn by_name(&self, name: &str) -> Option<&MessageType> {
        self.types.get(name).and_then(|entries| entries.first()).map(|entry| &entry.kind)
    }

    /// The type of this name in this version, as facts name it: `ceb/2022-05`.
    pub fn in_version(&self, name: &str, version: &str) -> Option<&MessageType> {
        let entries = self.types.get(name)?.iter();
        entries.map(|entry| &entry.kind).find(|kind| kind.schema_version() == version)
    }

    /// The version of a type that judges on a day (UTC+8): the one that is `pinned` for the
    /// sender among those of its family, else the one whose first day came last. None where
    /// that version does not have the type.
    pub fn in_force(
        &self,
        kind: &MessageType,
        day: Date,
        pinned: &[String],
    ) -> Option<&MessageType> {
        let pinned = pinned.iter().find(|version| {
            version.split_once('/').is_some_and(|(family, _)| family == kind.family)
        });
        if let Some(version) = pinned {
            return self.in_version(&kind.name, version);
        }
        let entries = self.types.get(&kind.name)?.iter();
        let judges = |entry: &&Entry| entry.from.is_none_or(|from| from <= day);
        entries.filter(judges).map(|entry| &entry.kind).next()
    }

    /// All types, by name, each in the version that judges last.
    pub fn types(&self) -> impl Iterator<Item = &MessageType> {
        self.types.values().filter_map(|entries| entries.first()).map(|entry| &entry.kind)
    }

    /// All types in all versions, by name; the version that judges last first.
    pub fn all_versions(&self) -> impl Iterator<Item = &MessageType> {
        self.types.values().flatten().map(|entry| &entry.kind)
    }

    /// Whether this is the type of some declaration's receipt: its returnStatus
    /// is the status of the declaration itself.
    pub fn is_receipt_type(&self, name: &str) -> bool {
        self.types().any(|kind| kind.receipt.as_deref() == Some(name))
    }

    /// The fields of a type, itself first; none when its schema cannot be described, which is
    /// so of every JSON Schema.
    pub fn fields(&self, kind: &MessageType) -> Option<Vec<Field>> {
        match &self.entry(kind)?.judge {
            Judge::Xsd(structure) => {
                fields::of(&kind.name, structure.location(), structure.files())
            }
            Judge::Json { .. } => None,
        }
    }

    /// Whether a type has a JSON Schema and no XSD.
    pub fn is_json_only(&self, kind: &MessageType) -> bool {
        self.entry(kind).is_some_and(|entry| matches!(entry.judge, Judge::Json { .. }))
    }

    /// The engine that judges a type: `compiled`, `general` where its schema says more than
    /// that knows, `json-schema` where it has no XSD, `none` where it cannot be loaded.
    pub fn engine(&self, kind: &MessageType) -> &'static str {
        let set = match self.entry(kind).map(|entry| &entry.judge) {
            Some(Judge::Xsd(structure)) => structure.set().ok(),
            Some(Judge::Json { .. }) => return "json-schema",
            None => None,
        };
        match set.map(SchemaSet::engine) {
            Some(Engine::Compiled) => "compiled",
            Some(Engine::General { .. }) => "general",
            None => "none",
        }
    }

    /// The rules of a type, for people.
    pub fn rules_of(&self, kind: &MessageType) -> Vec<RuleInfo> {
        self.entry(kind).map(|entry| entry.rules.of(&kind.name)).unwrap_or_default()
    }

    /// The JSON form of a type of this catalogue; none for a type of another.
    ///
    /// # Errors
    /// A schema that has no JSON form.
    pub fn json_form(&self, kind: &MessageType) -> Option<Result<&JsonForm, &JsonFormError>> {
        self.entry(kind).map(Entry::json_form)
    }

    fn entry(&self, kind: &MessageType) -> Option<&Entry> {
        let entries = self.types.get(&kind.name)?;
        entries.iter().find(|entry| entry.kind.version == kind.version)
    }

    /// Validates by the type's schema. A fault here refuses the whole message.
    ///
    /// # Errors
    /// Every violation up to [`crate::VIOLATIONS_MAX`], in document order.
    pub fn validate_structure(
        &self,
        document: &Document,
        kind: &MessageType,
    ) -> Result<(), Vec<Violation>> {
        let Some(entry) = self.entry(kind) else { return Ok(()) };
        let judged = match &entry.judge {
            Judge::Xsd(structure) => structure.validate(document, &kind.personal),
            Judge::Json { .. } => match entry.json_form() {
                Ok(form) => form.validate_xml(document),
                Err(_) => Err(vec![structure::unavailable(document)]),
            },
        };
        judged.map_err(|mut found| {
            let norm = &kind.norm.structure;
            found.iter_mut().for_each(|violation| violation.norm_code.clone_from(norm));
            found
        })
    }

    /// The facts of each document of the message, in its order. Lenient: what is
    /// absent is absent, the schema judges it.
    pub fn documents(&self, document: &Document, kind: &MessageType) -> Vec<DocumentFacts> {
        documents::extract(document, kind)
    }

    /// The receipt that tells of refused documents of a type, CEB312 for CEB311; `None` for
    /// a type without one, and for the zone's own, whose receipts only departments make.
    pub fn receipt_of(
        &self,
        kind: &MessageType,
        refused: &[Refused<'_>],
        issue: &Issue<'_>,
    ) -> Option<String> {
        let receipt = self.by_name(kind.receipt.as_deref()?)?;
        let receipt = (receipt.namespace == receipt::CEB).then_some(receipt)?;
        Some(receipt::of_documents(receipt, &self.fields(receipt)?, refused, issue))
    }

    /// Judges one document by the rules of its type. Call it for documents that
    /// passed [`Catalogue::validate_structure`].
    pub fn check_rules(
        &self,
        document: &Document,
        kind: &MessageType,
        index: usize,
    ) -> Vec<Violation> {
        self.entry(kind).map(|entry| entry.rules.check(document, kind, index)).unwrap_or_default()
    }
}

impl Entry {
    fn json_form(&self) -> Result<&JsonForm, &JsonFormError> {
        let (location, files) = (self.judge.location(), self.judge.files());
        let read = || match self.judge {
            Judge::Xsd(_) => JsonForm::read(&self.kind, location, files),
            Judge::Json { .. } => JsonForm::plain(&self.kind, location, files),
        };
        self.form.get_or_init(read).as_ref()
    }
}

/// The version that judges last first.
fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| (b.from, &b.kind.version).cmp(&(a.from, &a.kind.version)));
}
