//! The catalogue: message types as data, with their schemas compiled and their
//! rules loaded once. Everything built in is embedded; nothing is read from disk.

use std::collections::BTreeMap;

use onepoint_xml::Document;
use serde::Deserialize;

use crate::documents::{self, DocumentFacts};
use crate::rules::{RuleError, RuleSet};
use crate::structure::{Structure, StructureError};
use crate::violation::Violation;

/// A catalogue that cannot serve: a fault of the product, found at its start.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// `catalogue.toml` is not what it should be.
    #[error("the catalogue of message types cannot be read")]
    Catalogue(#[source] toml::de::Error),
    /// A schema does not compile.
    #[error("the schema of {name} does not compile")]
    Schema {
        /// The message type.
        name: String,
        /// Why.
        source: StructureError,
    },
    /// The rules cannot be read.
    #[error("the rules cannot be read")]
    Rules(#[from] RuleError),
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From an enterprise to departments.
    Declaration,
    /// From a department back.
    Answer,
}

/// Codes by which the customs norm (2022-05, chapter 7) refuses a message of a type;
/// none where the norm has none. 0001 to 3999 are those of the transport.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormCodes {
    /// The message does not match its schema.
    pub structure: Option<String>,
    /// The signature does not hold.
    pub signature: Option<String>,
    /// A document of this key is there already.
    pub duplicate: Option<String>,
    /// A document breaks a rule that has no code of its own.
    pub rule: Option<String>,
}

/// A message type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageType {
    /// Name, which is also the root's local name: `CEB311Message`.
    pub name: String,
    /// Family of messages: `ceb`, `zone`.
    pub family: String,
    /// Version of the family's norm.
    pub version: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Namespace of the root.
    pub namespace: String,
    /// English name.
    pub title: String,
    /// Chinese name.
    pub title_zh: String,
    /// Local name of a document, a child of the root.
    pub document: String,
    /// Local name of the document's head, where it has one.
    #[serde(default)]
    pub head: Option<String>,
    /// Local name of the document's lines, where it has any.
    #[serde(default)]
    pub line: Option<String>,
    /// Kind of the business key, then its fields.
    pub key: Vec<String>,
    /// Taken in order when a field of `key` is absent.
    #[serde(default)]
    pub key_else: Vec<Vec<String>>,
    /// Fields of the order key.
    #[serde(default)]
    pub order_key: Vec<String>,
    /// The signer must be one of these parties.
    #[serde(default)]
    pub signer_any_of: Vec<String>,
    /// And all of these.
    #[serde(default)]
    pub signer_all_of: Vec<String>,
    /// Fields whose values are personal: violations do not repeat them.
    #[serde(default)]
    pub personal: Vec<String>,
    /// What the norm says of the signature: required, optional, none.
    pub signature: String,
    /// The norm's own codes for the main reasons to refuse it.
    #[serde(default)]
    pub norm: NormCodes,
    /// The type of its receipt.
    #[serde(default)]
    pub receipt: Option<String>,
}

impl MessageType {
    /// The version as facts name it: `ceb/2022-05`.
    pub fn schema_version(&self) -> String {
        format!("{}/{}", self.family, self.version)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    r#type: Vec<MessageType>,
}

/// The message types with their schemas and rules.
#[derive(Debug)]
pub struct Catalogue {
    types: BTreeMap<String, MessageType>,
    structures: BTreeMap<String, Structure>,
    rules: RuleSet,
}

impl Catalogue {
    /// The catalogue that is built in.
    ///
    /// # Errors
    /// A fault of the product: an embedded file is broken.
    pub fn load_builtin() -> Result<Catalogue, CatalogueError> {
        let file: File =
            toml::from_str(include_str!("../catalogue.toml")).map_err(CatalogueError::Catalogue)?;
        let mut structures = BTreeMap::new();
        for kind in &file.r#type {
            let structure = Structure::builtin(&kind.name)
                .map_err(|source| CatalogueError::Schema { name: kind.name.clone(), source })?;
            structures.insert(kind.name.clone(), structure);
        }
        let types = file.r#type.into_iter().map(|kind| (kind.name.clone(), kind)).collect();
        Ok(Catalogue { types, structures, rules: RuleSet::builtin()? })
    }

    /// The type whose root has this expanded name; prefixes do not count.
    pub fn by_root(&self, namespace: &str, local: &str) -> Option<&MessageType> {
        self.types.get(local).filter(|kind| kind.namespace == namespace)
    }

    /// The type of this name.
    pub fn by_name(&self, name: &str) -> Option<&MessageType> {
        self.types.get(name)
    }

    /// All types, by name.
    pub fn types(&self) -> impl Iterator<Item = &MessageType> {
        self.types.values()
    }

    /// Whether this is the type of some declaration's receipt: its returnStatus
    /// is the status of the declaration itself.
    pub fn is_receipt_type(&self, name: &str) -> bool {
        self.types.values().any(|kind| kind.receipt.as_deref() == Some(name))
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
        match self.structures.get(&kind.name) {
            Some(structure) => structure.validate(document, &kind.personal).map_err(|mut found| {
                let norm = &kind.norm.structure;
                found.iter_mut().for_each(|violation| violation.norm_code.clone_from(norm));
                found
            }),
            None => Ok(()),
        }
    }

    /// The facts of each document of the message, in its order. Lenient: what is
    /// absent is absent, the schema judges it.
    pub fn documents(&self, document: &Document, kind: &MessageType) -> Vec<DocumentFacts> {
        documents::extract(document, kind)
    }

    /// Judges one document by the rules of its type. Call it for documents that
    /// passed [`Catalogue::validate_structure`].
    pub fn check_rules(
        &self,
        document: &Document,
        kind: &MessageType,
        index: usize,
    ) -> Vec<Violation> {
        self.rules.check(document, kind, index)
    }
}
