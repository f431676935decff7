//! XML Schema 1.0. In: schema files by a loader, then documents. Out: a [`SchemaSet`] that
//! judges them, with words for each fault. Two engines serve it: a compiled one of our own,
//! for the constructs that data messages use, and the crate xsd-schema for every other
//! schema. Which one is chosen at load, and shown.
//!
//! The map: `source` loads files; `bounds` refuses what unfolds too far; `read` turns files
//! into a `model` with `content` machines and `simple` types over `value`s and `pattern`s;
//! `walk` judges a document by it; `explain` and `words` say what is wrong; `general` drives
//! the crate.
//!
//! Promised: no I/O, everything bounded, patterns in linear time, no memory kept for names
//! that senders make up.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use onepoint_xml::Document;

use crate::violation::Violation;

mod blocks;
mod bounds;
mod builtin;
mod content;
mod explain;
mod general;
mod model;
mod pattern;
mod read;
mod simple;
mod source;
mod symbols;
mod value;
mod walk;
mod words;

use explain::Report;
use general::General;
use model::Model;
use read::Stop;
use source::Sources;
use symbols::Symbol;
use walk::{Rules, Scratch};

pub use source::Loader;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Tables of walks that are kept for later ones.
const SCRATCH_MAX: usize = 64;

/// Why there is no schema set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A file that is asked for or included is not there.
    #[error("there is no schema file {0}")]
    Missing(String),
    /// A file is not well-formed XML, or has a document type declaration.
    #[error("the schema file {location} is not well-formed: {why}")]
    NotWellFormed {
        /// Which file.
        location: String,
        /// Why, with the place.
        why: String,
    },
    /// The set is beyond a bound.
    #[error("the schema is too large: {0}")]
    TooLarge(String),
    /// It has a pattern with a class taken from another (`[a-z-[aeiou]]`), which the general
    /// engine reads otherwise, beside a construct that only the general engine serves.
    #[error("no engine serves it: a pattern takes a class away from another, beside {0}")]
    Unserved(String),
    /// It is not a schema by the rules of XML Schema.
    #[error("the schema is not valid: {0}")]
    Invalid(String),
}

/// Which engine serves a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// Our own.
    Compiled,
    /// The crate xsd-schema.
    General {
        /// The construct that ours does not serve.
        because: String,
    },
}

/// What becomes of an include or import whose file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The set is refused.
    Refuse,
    /// It is passed over: a location is only a hint (part 1, section 4.3.2). What is then
    /// not declared is still an error.
    Allow,
}

/// How a set is loaded.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Includes and imports without file.
    pub missing: Missing,
    /// Whether the general engine is asked if the schema is one. Only schemas that a test
    /// has asked it about may do without, for a faster start.
    pub trusted: bool,
}

/// What is expected of a document beside its schema.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'e> {
    /// Namespace and local name of the only root that is taken; none for every global element.
    pub root: Option<(&'e str, &'e str)>,
    /// Local names of elements whose values are personal: violations do not repeat them.
    pub personal: &'e [String],
    /// Refuse `xsi:type` and `xsi:nil`: the sender does not say what the types are.
    pub no_sender_types: bool,
}

/// A set of schemas that serves.
#[derive(Debug)]
pub struct SchemaSet {
    engine: Engine,
    compiled: Option<Model>,
    general: General,
    namespace: String,
    /// Namespace and local name of every global element.
    roots: BTreeSet<(String, String)>,
    scratch: Mutex<Vec<Scratch>>,
}

impl SchemaSet {
    /// Loads the schema at `location` with all that it includes and imports.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn load(location: &str, loader: &dyn Loader) -> Result<SchemaSet, SchemaError> {
        let options = LoadOptions { missing: Missing::Refuse, trusted: false };
        SchemaSet::load_with(&[location], loader, options)
    }

    /// Loads several schemas into one set.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn load_with(
        locations: &[&str],
        loader: &dyn Loader,
        options: LoadOptions,
    ) -> Result<SchemaSet, SchemaError> {
        let sources = Sources::load(locations, loader, options.missing)?;
        bounds::check(&sources.files)?;
        let (engine, compiled) = match (&sources.odd, read::read(&sources.files)) {
            (_, Err(Stop::Refused(error))) => return Err(error),
            (None, Err(Stop::Unresolved(what))) if !sources.incomplete => {
                return Err(SchemaError::Invalid(what));
            }
            (Some(odd), _) => (Engine::General { because: odd.clone() }, None),
            (None, Ok(model)) => (Engine::Compiled, Some(model)),
            (None, Err(Stop::General(because) | Stop::Unresolved(because))) => {
                (Engine::General { because }, None)
            }
        };
        if let Engine::General { because } = &engine
            && sources.subtracts()
        {
            return Err(SchemaError::Unserved(because.clone()));
        }
        let general = General::new(locations, &sources);
        if compiled.is_none() || !options.trusted {
            general.compile().map_err(SchemaError::Invalid)?;
        }
        if compiled.is_some() {
            general.rest();
        }
        let namespace = sources.files.first().map_or(String::new(), |file| file.target.clone());
        let (roots, scratch) = (sources.roots(), Mutex::new(Vec::new()));
        Ok(SchemaSet { engine, compiled, general, namespace, roots, scratch })
    }

    /// The target namespace of the first schema; empty for none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether this global element is declared.
    pub fn declares(&self, namespace: &str, local: &str) -> bool {
        self.roots.iter().any(|(space, name)| space == namespace && name == local)
    }

    /// Which engine serves this set, and why it is not ours.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Local names of the children of the element at `path`: local names, a global element
    /// of the target namespace first. None where there is no such element, and for a set
    /// of the general engine.
    pub fn children(&self, path: &[&str]) -> Option<Vec<String>> {
        let model = self.compiled.as_ref()?;
        let (root, path) = path.split_first()?;
        let mut element = model.globals(model.symbols.find(&self.namespace, root)).element?;
        for name in path {
            let found = |(symbol, _): &(Symbol, _)| model.symbols.local(*symbol) == *name;
            element = model.children(element).into_iter().find(found)?.1;
        }
        let names = model.children(element).into_iter();
        Some(names.map(|(symbol, _)| model.symbols.local(symbol).to_owned()).collect())
    }

    /// Validates a document.
    ///
    /// # Errors
    /// Every fault up to [`crate::VIOLATIONS_MAX`], in document order.
    pub fn validate(
        &self,
        document: &Document,
        expected: &Expected<'_>,
    ) -> Result<(), Vec<Violation>> {
        let Some(model) = &self.compiled else { return self.second_opinion(document, expected) };
        let mut report = Report::new(expected.personal);
        let root = expected.root.map(|(namespace, local)| model.symbols.find(namespace, local));
        let rules = Rules { root, sender_types: !expected.no_sender_types };
        let mut scratch = self.scratch().pop().unwrap_or_default();
        walk::judge(model, rules, document, &mut scratch, &mut report);
        let mut kept = self.scratch();
        if kept.len() < SCRATCH_MAX {
            kept.push(scratch);
        }
        drop(kept);
        finish(report, document)
    }

    /// Validates a document by the general engine, whichever serves. Tests compare the two.
    ///
    /// # Errors
    /// Every fault up to [`crate::VIOLATIONS_MAX`]; the general engine finds fewer and has
    /// plainer words.
    pub fn second_opinion(
        &self,
        document: &Document,
        expected: &Expected<'_>,
    ) -> Result<(), Vec<Violation>> {
        let mut report = Report::new(expected.personal);
        let root = document.root();
        if let Some((namespace, local)) = expected.root
            && !root.is(namespace, local)
        {
            report.unexpected(root, local);
            return finish(report, document);
        }
        if expected.no_sender_types {
            general::refuse_sender_types(document, &mut report);
        }
        if report.is_empty() {
            self.general.judge(document, &mut report);
        }
        finish(report, document)
    }

    fn scratch(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish(report: Report<'_>, document: &Document) -> Result<(), Vec<Violation>> {
    match report.is_empty() {
        true => Ok(()),
        false => Err(report.finish(document.root())),
    }
}

#[cfg(test)]
mod tests;
