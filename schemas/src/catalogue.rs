//! The catalogue: message types as data, with their schemas and rules. In: a set of files
//! with `<family>/<version>/manifest.toml` and what stands beside it. Out: types by name
//! and root, and the judge of each. No I/O; built-in schemas compile at their first use.

use std::collections::BTreeMap;
use std::sync::Arc;

use onepoint_xml::Document;

use crate::documents::{self, DocumentFacts};
use crate::files::Files;
use crate::rules::{Known, RuleError, RuleInfo, RuleSet, TypeFields};
use crate::structure::{Structure, StructureError};
use crate::violation::Violation;

mod manifest;

pub use manifest::{Direction, MessageType, NormCodes};

use manifest::Manifest;

/// A catalogue that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A manifest is not what it should be.
    #[error("{file} cannot be read")]
    Manifest {
        /// The manifest.
        file: String,
        /// Why.
        source: toml::de::Error,
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
}

/// The rules of a folder; none where it has no file of them.
fn rules(
    files: &Files,
    folder: &str,
    kinds: &[&MessageType],
    fields: &dyn Fn(&str) -> Option<TypeFields>,
) -> Result<RuleSet, CatalogueError> {
    let file = format!("{folder}/rules.toml");
    let Some(text) = files.get(&file) else { return Ok(RuleSet::default()) };
    let known = Known { kinds, elsewhere: &|name| name.starts_with("CEB"), fields };
    RuleSet::parse(&file, text, &known).map_err(CatalogueError::Rules)
}

/// A type with what judges it.
#[derive(Debug)]
struct Entry {
    kind: MessageType,
    structure: Structure,
    rules: Arc<RuleSet>,
}

/// The message types with their schemas and rules.
#[derive(Debug)]
pub struct Catalogue {
    /// By name; the newest version of each first.
    types: BTreeMap<String, Vec<Entry>>,
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

    /// The catalogue of these files.
    ///
    /// # Errors
    /// A manifest or rule file that is broken, or a type without its schema. Schemas compile
    /// at their first use; [`Catalogue::compile_all`] does it at once.
    pub fn load(files: Files) -> Result<Catalogue, CatalogueError> {
        let files = Arc::new(files);
        let mut catalogue = Catalogue { types: BTreeMap::new(), files: Arc::clone(&files) };
        for (path, text) in files.all().filter(|(path, _)| path.ends_with("/manifest.toml")) {
            let manifest = Manifest::parse(text)
                .map_err(|source| CatalogueError::Manifest { file: path.to_owned(), source })?;
            catalogue.add(manifest, path, &files)?;
        }
        for versions in catalogue.types.values_mut() {
            versions.sort_by(|a, b| b.kind.version.cmp(&a.kind.version));
        }
        Ok(catalogue)
    }

    fn add(
        &mut self,
        manifest: Manifest,
        file: &str,
        files: &Arc<Files>,
    ) -> Result<(), CatalogueError> {
        let fault = |what: String| CatalogueError::Inconsistent { file: file.to_owned(), what };
        let folder = format!("{}/{}", manifest.family, manifest.version);
        if file != format!("{folder}/manifest.toml") {
            return Err(fault(format!("it says {folder}, which is not its folder")));
        }
        let kinds: Vec<MessageType> = manifest.into_types().collect();
        let rules = Arc::new(rules(files, &folder, &kinds.iter().collect::<Vec<_>>(), &|_| None)?);
        for kind in kinds {
            let schema = format!("{folder}/{}.xsd", kind.name);
            let structure = Structure::new(&kind.name, &schema, Arc::clone(files));
            if files.get(&schema).is_none() {
                return Err(fault(format!("the type {} has no schema {schema}", kind.name)));
            }
            let versions = self.types.entry(kind.name.clone()).or_default();
            if let Some(other) = versions.iter().find(|entry| entry.kind.family != kind.family) {
                let (name, family) = (&kind.name, &other.kind.family);
                return Err(fault(format!(
                    "the type {name} is there already, in the family {family}"
                )));
            }
            if versions.iter().any(|entry| entry.kind.version == kind.version) {
                return Err(fault(format!("the type {} stands here twice", kind.name)));
            }
            versions.push(Entry { kind, structure, rules: Arc::clone(&rules) });
        }
        Ok(())
    }

    /// Compiles every schema, so that a broken one is found now.
    ///
    /// # Errors
    /// The first that does not compile.
    pub fn compile_all(&self) -> Result<(), CatalogueError> {
        for entry in self.types.values().flatten() {
            entry.structure.compiled().map_err(|source| CatalogueError::Schema {
                file: entry.structure.location().to_owned(),
                source,
            })?;
        }
        self.check_rule_fields()
    }

    /// Checks that every field of a rule is one of its types, which costs reading the schemas.
    ///
    /// # Errors
    /// The first that is not.
    pub(crate) fn check_rule_fields(&self) -> Result<(), CatalogueError> {
        let mut folders: BTreeMap<String, Vec<&MessageType>> = BTreeMap::new();
        for kind in self.types.values().flatten().map(|entry| &entry.kind) {
            folders.entry(kind.schema_version()).or_default().push(kind);
        }
        for (folder, kinds) in &folders {
            let fields = |name: &str| {
                let kind = kinds.iter().find(|kind| kind.name == name)?;
                self.entry(kind)?.structure.fields(kind)
            };
            rules(&self.files, folder, kinds, &fields)?;
        }
        Ok(())
    }

    /// The newest version of the type whose root has this expanded name; prefixes do not count.
    pub fn by_root(&self, namespace: &str, local: &str) -> Option<&MessageType> {
        self.by_name(local).filter(|kind| kind.namespace == namespace)
    }

    /// The newest version of the type of this name.
    pub fn by_name(&self, name: &str) -> Option<&MessageType> {
        self.types.get(name).and_then(|versions| versions.first()).map(|entry| &entry.kind)
    }

    /// All types, by name, the newest version of each.
    pub fn types(&self) -> impl Iterator<Item = &MessageType> {
        self.types.values().filter_map(|versions| versions.first()).map(|entry| &entry.kind)
    }

    /// Whether this is the type of some declaration's receipt: its returnStatus
    /// is the status of the declaration itself.
    pub fn is_receipt_type(&self, name: &str) -> bool {
        self.types().any(|kind| kind.receipt.as_deref() == Some(name))
    }

    fn entry(&self, kind: &MessageType) -> Option<&Entry> {
        let versions = self.types.get(&kind.name)?;
        versions.iter().find(|entry| entry.kind.version == kind.version)
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
        match self.entry(kind) {
            Some(entry) => {
                entry.structure.validate(document, &kind.personal).map_err(|mut found| {
                    let norm = &kind.norm.structure;
                    found.iter_mut().for_each(|violation| violation.norm_code.clone_from(norm));
                    found
                })
            }
            None => Ok(()),
        }
    }

    /// The facts of each document of the message, in its order. Lenient: what is
    /// absent is absent, the schema judges it.
    pub fn documents(&self, document: &Document, kind: &MessageType) -> Vec<DocumentFacts> {
        documents::extract(document, kind)
    }

    /// The rules of a type, for people.
    pub fn rules_of(&self, kind: &MessageType) -> Vec<RuleInfo> {
        self.entry(kind).map(|entry| entry.rules.of(&kind.name)).unwrap_or_default()
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
