//! Rules beyond the schema, as data: `rules.toml` in, checks out. One document in, its
//! violations out. Fields are resolved and lists are found when the rules are loaded;
//! a document that keeps them costs one walk and one allocation. Amounts are exact
//! scaled integers; no floats.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onepoint_xml::Document;

use crate::catalogue::MessageType;
use crate::violation::Violation;

mod amount;
mod check;
mod compile;
mod fields;
mod file;
mod report;
mod sums;
mod value;

#[cfg(test)]
mod tests;

use fields::{Names, Values};
use file::{At, Check, When};
use report::Report;

/// Rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {fault}")]
pub struct RuleError {
    /// Name of the file.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file is not what it should be.
    #[error("{0}")]
    File(String),
    /// Two rules share a code, or one takes a code that the engine itself gives.
    #[error("the code {0} is taken already")]
    CodeTwice(String),
    /// A code is not in kebab case.
    #[error("the code {0:?} is not of lower-case letters, digits and hyphens")]
    Code(String),
    /// A rule has no text.
    #[error("rule {0} needs a text in both languages")]
    Text(String),
    /// A rule is for no type.
    #[error("rule {0} is for no type")]
    NoType(String),
    /// A rule names a type that does not exist, or norm codes of one it is not for.
    #[error("rule {rule} names the type {name}, which does not exist or is not one of its types")]
    Type {
        /// The rule.
        rule: String,
        /// The type.
        name: String,
    },
    /// A rule names a field that the type does not have.
    #[error("rule {rule}: {kind} has no field {field} in its {scope}")]
    Field {
        /// The rule.
        rule: String,
        /// The type.
        kind: String,
        /// `head` or `line`.
        scope: &'static str,
        /// The field.
        field: String,
    },
    /// A rule names a code list that does not exist.
    #[error("rule {rule} names the code list {list}, which does not exist")]
    List {
        /// The rule.
        rule: String,
        /// The list.
        list: String,
    },
    /// A file has a list of its own under a name that is taken.
    #[error("the code list {0} is built in")]
    ListTwice(String),
    /// A rule names a code that the customs norm does not have.
    #[error("rule {rule}: the norm has no error code {code}")]
    Norm {
        /// The rule.
        rule: String,
        /// The code.
        code: String,
    },
    /// A check that means nothing where it stands.
    #[error("rule {rule}: its check {what}")]
    Check {
        /// The rule.
        rule: String,
        /// What is wrong.
        what: &'static str,
    },
    /// More rules or fields than are taken.
    #[error("more than {0} of them")]
    TooMany(usize),
}

/// The fields that a type has, by local name.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeFields {
    /// Of its head, or of the document where it has none.
    pub(crate) head: BTreeSet<String>,
    /// Of a line.
    pub(crate) line: BTreeSet<String>,
}

/// What a file of rules may speak of.
pub(crate) struct Known<'k> {
    /// The types of the version.
    pub(crate) kinds: &'k [&'k MessageType],
    /// Whether a type that is not there exists in another version, so that its rules are passed over.
    pub(crate) elsewhere: &'k dyn Fn(&str) -> bool,
    /// The fields of a type; `None` where they are not to be checked.
    pub(crate) fields: &'k dyn Fn(&str) -> Option<TypeFields>,
}

/// Code and texts of a rule, shared by its types.
#[derive(Debug)]
struct Words {
    code: String,
    en: String,
    zh: String,
}

/// One rule of one type.
#[derive(Debug)]
struct Rule {
    words: Arc<Words>,
    norm: Option<String>,
    at: At,
    when: Option<When>,
    check: Check,
}

/// The rules of one type, and the fields they look at.
#[derive(Debug, Default)]
struct TypeRules {
    rules: Vec<Rule>,
    head: Names,
    line: Names,
}

/// What is told of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its code.
    pub code: String,
    /// English text, with `{field}`, `{found}` and `{expected}` unfilled.
    pub en: String,
    /// Chinese text, likewise.
    pub zh: String,
    /// The norm's own code for the fault, if it has one.
    pub norm_code: Option<String>,
}

/// The rules of the types of one version.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    types: BTreeMap<String, TypeRules>,
}

impl RuleSet {
    /// Reads the rules of a file; `file` is its name in errors.
    ///
    /// # Errors
    /// The first thing that cannot be meant, with file and line.
    pub(crate) fn parse(file: &str, text: &str, known: &Known<'_>) -> Result<RuleSet, RuleError> {
        Ok(RuleSet { types: compile::read(file, text, known)? })
    }

    /// The rules of a type, in the order of the file.
    pub(crate) fn of(&self, kind: &str) -> Vec<RuleInfo> {
        let rules = self.types.get(kind).map_or(&[][..], |rules| &rules.rules);
        let info = |rule: &Rule| RuleInfo {
            code: rule.words.code.clone(),
            en: rule.words.en.clone(),
            zh: rule.words.zh.clone(),
            norm_code: rule.norm.clone(),
        };
        rules.iter().map(info).collect()
    }

    /// Judges the document `index` of a message.
    pub(crate) fn check(
        &self,
        document: &Document,
        kind: &MessageType,
        index: usize,
    ) -> Vec<Violation> {
        let Some(rules) = self.types.get(&kind.name) else { return Vec::new() };
        let mut documents = document.root().children_named(&kind.namespace, &kind.document);
        let Some(element) = documents.nth(index) else { return Vec::new() };
        let values = Values::read(element, kind, &rules.head, &rules.line);
        let mut report = Report::default();
        for rule in &rules.rules {
            rule.judge(&values, &mut report);
        }
        report.finish(element)
    }
}

impl Rule {
    fn judge(&self, values: &Values<'_>, report: &mut Report) {
        let applies =
            |row: fields::Row<'_, '_>| self.when.as_ref().is_none_or(|when| when.holds(row));
        match self.at {
            At::Head => {
                let row = values.head_row();
                if applies(row) {
                    self.row(row, report);
                }
            }
            At::Line => {
                for row in values.rows().filter(|row| applies(*row)) {
                    self.row(row, report);
                }
            }
        }
    }
}
