//! Message types: which there are, what they look like, what must hold beyond
//! their schema. In: a parsed [`onepoint_xml::Document`]. Out: the type, the facts
//! of each document, and violations with a code, a place and texts.
//!
//! - [`Files`]: the data folders `<family>/<version>/`, embedded, with more on top of them
//! - [`Catalogue`]: the types as data (`manifest.toml`), schemas compiled at their first use
//! - [`SchemaSet`]: XML Schema 1.0 by a compiled engine of our own, or by the crate
//!   xsd-schema where a schema uses more than that knows; `structure` is the set of a type
//! - `documents`: keys, parties and fields of each document of a message
//! - `rules`: codes and arithmetic as data (`rules.toml`), exact integers only
//! - `json`: the JSON form of each type, its JSON Schema, the way to XML and back
//! - `receipt`: refusals in the words of the norm, CEB900 and the receipt of each type
//! - [`example`], [`example_with`]: a message of each type, with made-up identities
//!
//! Promised: no I/O, no clock, no recursion on input but that of JSON, whose depth is bounded,
//! everything bounded.

mod catalogue;
mod codes;
mod documents;
mod example;
mod fields;
mod files;
mod json;
mod receipt;
mod rules;
mod structure;
mod violation;
mod xsd;

pub use catalogue::{
    Catalogue, CatalogueError, Direction, MessageType, NormCodes, Place, Signature, Version,
};
pub use documents::{DocumentFacts, SignerGroup};
pub use example::{example, example_with, examples};
pub use fields::{Field, ValueType};
pub use files::Files;
pub use json::{
    Json, JsonForm, JsonFormError, JsonLimits, JsonMessage, JsonSchema, JsonSchemaError, reference,
};
pub use receipt::{Issue, Refused, format_receipt, return_status};
pub use rules::{Fault, RuleError, RuleInfo};
pub use violation::{
    Language, MESSAGE_VIOLATIONS_MAX, VIOLATIONS_MAX, Violation, bounded, summary,
};
pub use xsd::{Engine, Expected, LoadOptions, Loader, Missing, SchemaError, SchemaSet};

#[cfg(test)]
mod tests;
