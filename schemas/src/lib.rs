//! Message types: which there are, what they look like, what must hold beyond
//! their schema. In: a parsed [`onepoint_xml::Document`]. Out: the type, the facts
//! of each document, and violations with a code, a place and texts.
//!
//! - [`Files`]: the data folders `<family>/<version>/`, embedded, with more on top of them
//! - [`Catalogue`]: the types as data (`manifest.toml`), schemas compiled at their first use
//! - `structure`: XSD validation by the crate xsd-schema, driven from our Document,
//!   with an outline of the same schemas for words and repairs
//! - `documents`: keys, parties and fields of each document of a message
//! - `rules`: codes and arithmetic as data (`rules.toml`), exact integers only
//! - [`example`], [`example_with`]: a message of each type, with made-up identities
//!
//! Promised: no I/O, no clock, no recursion on input, everything bounded.

mod catalogue;
mod codes;
mod documents;
mod example;
mod files;
mod rules;
mod structure;
mod violation;

pub use catalogue::{Catalogue, CatalogueError, Direction, MessageType, NormCodes};
pub use documents::{DocumentFacts, SignerGroup};
pub use example::{example, example_with, examples};
pub use files::Files;
pub use rules::{Fault, RuleError, RuleInfo};
pub use violation::{VIOLATIONS_MAX, Violation};

#[cfg(test)]
mod tests;
