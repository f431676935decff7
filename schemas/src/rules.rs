//! Rules beyond the schema, as data: a family's `rules.toml` in, checks out. One document
//! in, its violations out. Amounts are exact scaled integers; no floats.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use onepoint_xml::{Document, Element};
use serde::Deserialize;

use crate::catalogue::MessageType;
use crate::codes;
use crate::violation::{VIOLATIONS_MAX, Violation};

mod amount;
mod check;
mod value;

#[cfg(test)]
mod tests;

/// Rules that cannot be used: a fault of the product.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The file is not what it should be.
    #[error("the rule file cannot be read")]
    File(#[source] toml::de::Error),
    /// A rule names a code list that does not exist.
    #[error("rule {rule} names the code list {list}, which does not exist")]
    List {
        /// The rule.
        rule: String,
        /// The list.
        list: String,
    },
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum At {
    Head,
    Line,
}

/// What a rule checks. Fields are local names beside each other.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Check {
    OneOf {
        field: String,
        values: Vec<String>,
    },
    OneOfWhen {
        when: String,
        is: String,
        field: String,
        values: Vec<String>,
    },
    Time {
        field: String,
        form: String,
    },
    IdentityNumber {
        field: String,
    },
    /// `prefix`: so many characters at the start decide.
    InList {
        fields: Vec<String>,
        list: String,
        #[serde(default)]
        prefix: Option<usize>,
    },
    Digits {
        fields: Vec<String>,
    },
    NoOuterSpace {
        fields: Vec<String>,
    },
    /// A whole number, with a sign when negative.
    Whole {
        field: String,
    },
    /// This number, however it is written.
    Number {
        field: String,
        is: u32,
    },
    NotNegative {
        fields: Vec<String>,
    },
    Positive {
        fields: Vec<String>,
    },
    NotGreater {
        field: String,
        than: String,
    },
    Sum {
        total: String,
        plus: Vec<String>,
        minus: Vec<String>,
    },
    Product {
        total: String,
        factors: [String; 2],
    },
    Sequence {
        field: String,
    },
    RequiredWhen {
        field: String,
        is: String,
        fields: Vec<String>,
    },
    MemberOf {
        field: String,
        fields: Vec<String>,
    },
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    code: String,
    types: Vec<String>,
    at: At,
    check: Check,
    en: String,
    zh: String,
    #[serde(default)]
    norm_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
}

/// The rules of a family's types, with the code lists they name.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    rules: BTreeMap<String, Vec<Rule>>,
    lists: BTreeMap<String, BTreeSet<&'static str>>,
}

impl RuleSet {
    /// The rules of a `rules.toml`.
    pub(crate) fn parse(text: &str) -> Result<RuleSet, RuleError> {
        let file: File = toml::from_str(text).map_err(RuleError::File)?;
        let mut set = RuleSet { rules: BTreeMap::new(), lists: BTreeMap::new() };
        for rule in file.rule {
            if let Check::InList { list, .. } = &rule.check {
                let codes = codes::list(list).ok_or_else(|| RuleError::List {
                    rule: rule.code.clone(),
                    list: list.clone(),
                })?;
                set.lists.insert(list.clone(), codes);
            }
            for kind in &rule.types {
                set.rules.entry(kind.clone()).or_default().push(rule.clone());
            }
        }
        Ok(set)
    }

    /// Whether the code is in the list, or begins as one that is.
    fn knows(&self, list: &str, check: &Check, code: &str) -> bool {
        let Some(codes) = self.lists.get(list) else { return false };
        match check {
            Check::InList { prefix: Some(length), .. } => {
                code.get(..*length).is_some_and(|start| {
                    code.bytes().all(|b| b.is_ascii_digit())
                        && codes
                            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
                            .next()
                            .is_some_and(|next| next.starts_with(start))
                })
            }
            _ => codes.contains(code),
        }
    }

    /// Judges the document `index` of a message.
    pub(crate) fn check(
        &self,
        document: &Document,
        kind: &MessageType,
        index: usize,
    ) -> Vec<Violation> {
        let Some(rules) = self.rules.get(&kind.name) else { return Vec::new() };
        let mut documents = document.root().children_named(&kind.namespace, &kind.document);
        let Some(element) = documents.nth(index) else { return Vec::new() };
        let head = kind.head.as_deref().and_then(|h| element.child(&kind.namespace, h));
        let head = check::Fields::of(head.unwrap_or(element));
        let mut found = Vec::new();
        for rule in rules.iter().filter(|rule| rule.at == At::Head) {
            rule.apply(self, &head, None, 0, &mut found);
        }
        let lines = kind.line.as_deref().map(|l| element.children_named(&kind.namespace, l));
        for (number, line) in lines.into_iter().flatten().enumerate() {
            let fields = check::Fields::of(line);
            for rule in rules.iter().filter(|rule| rule.at == At::Line) {
                rule.apply(self, &fields, Some(&head), number + 1, &mut found);
            }
            if found.len() >= VIOLATIONS_MAX {
                break;
            }
        }
        found.truncate(VIOLATIONS_MAX);
        for violation in found.iter_mut().filter(|violation| violation.norm_code.is_none()) {
            violation.norm_code.clone_from(&kind.norm.rule);
        }
        found
    }
}

impl Rule {
    fn violation(&self, at: Element<'_>, field: &str, found: &str, expected: &str) -> Violation {
        let fill = |text: &str| {
            text.replace("{field}", field)
                .replace("{found}", &crate::violation::cut(found))
                .replace("{expected}", expected)
        };
        let mut violation = Violation::at(at, &self.code)
            .found(found)
            .expected(expected)
            .text(fill(&self.en), fill(&self.zh));
        violation.norm_code.clone_from(&self.norm_code);
        violation
    }
}
