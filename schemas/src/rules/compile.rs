//! Rules made ready: names become places in tables, lists are found. In: the text of a
//! rule file, the types it may speak of and their fields. Out: the rules of each type.
//! Promised: whatever cannot be meant is refused with file and line.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fields::{Field, Names, Scope};
use super::file::{At, Check, File, Rule as Written};
use super::{Fault, Known, Rule, RuleError, TypeFields, TypeRules, Words};
use crate::codes::{self, Codes};

/// Most rules in a file.
const RULES_MAX: usize = 2000;
/// Codes that the engine itself gives.
const OWN: [&str; 2] = ["amount-overflow", "rules-more"];

/// Reads a file.
pub(super) fn read(
    file: &str,
    text: &str,
    known: &Known<'_>,
) -> Result<BTreeMap<String, TypeRules>, RuleError> {
    let at = |offset: usize| line_of(text, offset);
    let fault = |line: usize, fault: Fault| RuleError { file: file.to_owned(), line, fault };
    let written: File = toml::from_str(text).map_err(|error| {
        let line = at(error.span().map_or(0, |span| span.start));
        fault(line, Fault::File(error.message().to_owned()))
    })?;
    if written.rule.len() > RULES_MAX {
        return Err(fault(1, Fault::TooMany(RULES_MAX)));
    }
    let mut lists = BTreeMap::new();
    for (name, codes) in written.lists {
        if Codes::builtin(&name).is_some() {
            return Err(fault(1, Fault::ListTwice(name)));
        }
        lists.insert(name, Codes::of(codes.into_iter().map(Cow::Owned)));
    }
    let mut seen = BTreeSet::new();
    let mut types = BTreeMap::new();
    for rule in written.rule {
        let line = at(rule.code.span().start);
        let code = rule.code.get_ref().clone();
        if OWN.contains(&code.as_str()) || !seen.insert(code.clone()) {
            return Err(fault(line, Fault::CodeTwice(code)));
        }
        one(rule, known, &mut lists, &mut types).map_err(|what| fault(line, what))?;
    }
    for rules in types.values_mut() {
        rules.head.freeze();
        rules.line.freeze();
    }
    Ok(types)
}

/// Line from 1 of a byte of the text.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn one(
    written: Written,
    known: &Known<'_>,
    lists: &mut BTreeMap<String, Codes>,
    types: &mut BTreeMap<String, TypeRules>,
) -> Result<(), Fault> {
    let code = written.code.into_inner();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if code.is_empty() || !code.bytes().all(plain) {
        return Err(Fault::Code(code));
    }
    if written.en.is_empty() || written.zh.is_empty() {
        return Err(Fault::Text(code));
    }
    if written.types.is_empty() {
        return Err(Fault::NoType(code));
    }
    for (kind, norm) in &written.norm {
        if !written.types.contains(kind) {
            return Err(Fault::Type { rule: code, name: kind.clone() });
        }
        if !codes::is_norm_error(norm) {
            return Err(Fault::Norm { rule: code, code: norm.clone() });
        }
    }
    let words = Arc::new(Words { code, en: written.en, zh: written.zh });
    for name in &written.types {
        let Some(kind) = known.kinds.iter().find(|kind| kind.name == *name) else {
            // A version without this type takes the file of the version it is based on.
            if (known.elsewhere)(name) {
                continue;
            }
            return Err(Fault::Type { rule: words.code.clone(), name: name.clone() });
        };
        let fields = (known.fields)(name);
        let rules = types.entry(name.clone()).or_default();
        let mut resolver =
            Resolver { rule: &words.code, kind: name, at: written.at, personal: &kind.personal };
        let mut check = written.check.clone();
        let mut when = written.when.clone();
        let named = check.fields_mut().into_iter().chain(when.as_mut().map(|when| &mut when.field));
        for field in named {
            resolver.resolve(field, fields.as_ref(), rules)?;
        }
        resolver.suits(&check)?;
        if let Check::InList { list, codes, .. } = &mut check {
            *codes = find_list(list, lists)
                .ok_or_else(|| Fault::List { rule: words.code.clone(), list: list.clone() })?;
        }
        let norm = written.norm.get(name).or(kind.norm.rule.as_ref()).cloned();
        rules.rules.push(Rule { words: Arc::clone(&words), norm, at: written.at, when, check });
    }
    Ok(())
}

fn find_list(name: &str, lists: &mut BTreeMap<String, Codes>) -> Option<Codes> {
    if let Some(codes) = lists.get(name) {
        return Some(codes.clone());
    }
    let codes = Codes::builtin(name)?;
    lists.insert(name.to_owned(), codes.clone());
    Some(codes)
}

/// Finds the places of a rule's fields in the tables of one type.
struct Resolver<'r> {
    rule: &'r str,
    kind: &'r str,
    at: At,
    personal: &'r [String],
}

impl Resolver<'_> {
    fn resolve(
        &mut self,
        field: &mut Field,
        known: Option<&TypeFields>,
        rules: &mut TypeRules,
    ) -> Result<(), Fault> {
        let own = if self.at == At::Line { Scope::Line } else { Scope::Head };
        field.scope = field.said.unwrap_or(own);
        let (names, exist): (&mut Names, _) = match field.scope {
            Scope::Head => (&mut rules.head, known.map(|fields| &fields.head)),
            Scope::Line => (&mut rules.line, known.map(|fields| &fields.line)),
        };
        if !field.optional && exist.is_some_and(|exist| !exist.contains(&field.name)) {
            return Err(Fault::Field {
                rule: self.rule.to_owned(),
                kind: self.kind.to_owned(),
                scope: if field.scope == Scope::Head { "head" } else { "line" },
                field: field.name.clone(),
            });
        }
        field.at = names.add(&field.name).ok_or(Fault::TooMany(super::fields::FIELDS_MAX))?;
        field.personal = self.personal.contains(&field.name);
        Ok(())
    }

    /// Whether the check means something where the rule is applied.
    fn suits(&self, check: &Check) -> Result<(), Fault> {
        let fault = |what: &'static str| Fault::Check { rule: self.rule.to_owned(), what };
        let lines = |fields: &[&Field]| fields.iter().all(|field| field.scope == Scope::Line);
        let optional = |fields: &[Field]| fields.iter().any(|field| field.optional);
        match check {
            Check::Required { fields } | Check::Together { fields } if optional(fields) => {
                Err(fault("is about presence: its fields are those of every type"))
            }
            Check::OneOf { values, .. } | Check::NotOneOf { values, .. } if values.is_empty() => {
                Err(fault("has no values"))
            }
            Check::Time { form, .. }
                if !["YYYYMMDD", "YYYYMMDDhhmmss", "YYYYMMDDhhmmssSSS"]
                    .contains(&form.as_str()) =>
            {
                Err(fault("has an unknown form of time"))
            }
            Check::Sequence { .. } if self.at != At::Line => Err(fault("is for lines")),
            Check::LineSum { line, .. } if self.at != At::Head || !lines(&[line]) => {
                Err(fault("sums a field of lines (line/x) into one of the head"))
            }
            Check::Increasing { field } | Check::Unique { field }
                if self.at != At::Head || !lines(&[field]) =>
            {
                Err(fault("looks at all lines: at = \"head\" and a field line/x"))
            }
            Check::Limit { line, quantity, .. }
                if self.at != At::Head
                    || !line.iter().chain(quantity).all(|field| field.scope == Scope::Line) =>
            {
                Err(fault("looks at all lines: at = \"head\" and fields line/x"))
            }
            Check::Signed { .. } | Check::Lines { .. } if self.at != At::Head => {
                Err(fault("is for the head"))
            }
            _ => Ok(()),
        }
    }
}
