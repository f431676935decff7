//! Every rule code has documents that keep it and one that breaks it, in the table of
//! cases beside the rules; a code or a type without both fails here.

use std::collections::{BTreeMap, BTreeSet};

use onepoint_xml::{Document, Limits};
use serde::Deserialize;

use super::*;
use crate::{Catalogue, VIOLATIONS_MAX, Violation, example};

mod change;
mod load;

use change::{Change, changed};

/// One case of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    code: String,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    with: BTreeMap<String, Change>,
    fail: BTreeMap<String, Change>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    also: Vec<String>,
    found: String,
    expected: String,
    pass: Vec<BTreeMap<String, Change>>,
    /// The family of the file.
    #[serde(skip)]
    family: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// The cases of every family, from the files beside its rules.
fn cases() -> Vec<Case> {
    let mut found = Vec::new();
    for (path, text) in crate::files::all_embedded() {
        let Some(folder) = path.strip_suffix("/rules-cases.toml") else { continue };
        for mut case in toml::from_str::<Table>(text).unwrap().case {
            folder.split('/').next().unwrap().clone_into(&mut case.family);
            found.push(case);
        }
    }
    found
}

fn catalogue() -> Catalogue {
    Catalogue::load_builtin().unwrap()
}

fn judge(catalogue: &Catalogue, kind: &str, xml: &str) -> Vec<Violation> {
    let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap();
    catalogue.check_rules(&document, catalogue.by_name(kind).unwrap(), 0)
}

fn codes(found: &[Violation]) -> BTreeSet<&str> {
    found.iter().map(|violation| violation.code.as_str()).collect()
}

/// The example of a type with the changes of a case.
fn document(
    catalogue: &Catalogue,
    kind: &str,
    case: &Case,
    more: &BTreeMap<String, Change>,
) -> String {
    let kind = catalogue.by_name(kind).unwrap();
    let mut changes = case.with.clone();
    changes.extend(more.iter().map(|(key, change)| (key.clone(), change.clone())));
    changed(kind, example(&kind.name).unwrap(), &changes)
}

/// The rules of each code: the types they are for.
fn types(catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in catalogue.types() {
        for rule in catalogue.rules_of(kind) {
            found.entry(rule.code).or_default().insert(kind.name.clone());
        }
    }
    found
}

/// The types of a case: its own, or all of the rule in its family.
fn types_of(
    case: &Case,
    catalogue: &Catalogue,
    all: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let of_family =
        |kind: &&String| catalogue.by_name(kind).is_some_and(|kind| kind.family == case.family);
    if case.types.is_empty() {
        return all.get(&case.code).into_iter().flatten().filter(of_family).cloned().collect();
    }
    case.types.iter().filter(of_family).cloned().collect()
}

#[test]
fn every_rule_has_documents_that_keep_it_and_one_that_breaks_it() {
    let catalogue = catalogue();
    let all = types(&catalogue);
    let mut wrong = Vec::new();
    for case in cases() {
        for kind in types_of(&case, &catalogue, &all) {
            for pass in &case.pass {
                let found = judge(&catalogue, &kind, &document(&catalogue, &kind, &case, pass));
                if !found.is_empty() {
                    wrong.push(format!("{} {kind} keeps it with {pass:?}: {found:?}", case.code));
                }
            }
            let xml = document(&catalogue, &kind, &case, &case.fail);
            let found = judge(&catalogue, &kind, &xml);
            let expected: BTreeSet<&str> =
                case.also.iter().chain([&case.code]).map(String::as_str).collect();
            if codes(&found) != expected {
                wrong.push(format!(
                    "{} {kind} breaks it with {:?}: {found:?}",
                    case.code, case.fail
                ));
            }
            wrong.extend(told(&case, catalogue.by_name(&kind).unwrap(), &found));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with how the violation is told: place, found, expected, both languages.
fn told(case: &Case, kind: &MessageType, found: &[Violation]) -> Option<String> {
    let key = case.at.as_ref().or(case.fail.keys().next())?;
    let path = change::path(kind, key);
    let named = |violation: &&Violation| {
        violation.code == case.code
            && change::plain(&violation.path).ends_with(&path)
            && violation.line > 1
            && violation.column > 0
            && violation.found == case.found
            && violation.expected == case.expected
    };
    let Some(violation) = found.iter().find(named) else {
        return Some(format!("{} {}: none at {path}: {found:?}", case.code, kind.name));
    };
    let filled = |text: &str| !text.is_empty() && !text.contains('{');
    let chinese = violation.zh.chars().any(|c| c as u32 > 0x4e00);
    if !filled(&violation.en) || !filled(&violation.zh) || !chinese {
        return Some(format!("{}: {violation:?}", case.code));
    }
    None
}

#[test]
fn no_rule_is_without_its_case_for_each_of_its_types() {
    let catalogue = catalogue();
    let all = types(&catalogue);
    let mut covered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        assert!(!case.pass.is_empty() && !case.fail.is_empty(), "{}", case.code);
        let kinds = types_of(&case, &catalogue, &all);
        covered.entry(case.code).or_default().extend(kinds);
    }
    // The engine gives this one itself, for every rule that calculates.
    assert!(covered.remove("amount-overflow").is_some());
    covered.retain(|_, kinds| !kinds.is_empty());
    assert_eq!(all, covered);
}

#[test]
fn examples_keep_every_rule() {
    let catalogue = catalogue();
    for kind in catalogue.types() {
        let Some(xml) = example(&kind.name) else { continue };
        // What must be signed before it is declared is not yet.
        let signed = BTreeMap::from([("root/Signature".to_owned(), Change::Present(true))]);
        let found = judge(&catalogue, &kind.name, &changed(kind, xml, &signed));
        assert!(found.is_empty(), "{}: {found:?}", kind.name);
    }
}

#[test]
fn every_field_of_a_rule_is_one_of_its_types() {
    catalogue().check_rule_fields().unwrap();
}

#[test]
fn numbers_that_cannot_be_read_break_the_rule() {
    let catalogue = catalogue();
    for (kind, key, code) in [
        ("CEB311Message", "head/acturalPaid", "order-total"),
        ("CEB311Message", "head/freight", "order-total"),
        ("CEB311Message", "head/discount", "amount-negative"),
        ("CEB311Message", "line/totalPrice", "line-total"),
        ("CEB311Message", "line/price", "line-total"),
        ("CEB621Message", "head/netWeight", "net-weight"),
        ("CEB621Message", "head/netWeight", "list-weight"),
        ("CEB621Message", "head/packNo", "pack-number"),
    ] {
        let found = one(&catalogue, kind, key, "1_0");
        assert!(codes(&found).contains(code), "{key}: {found:?}");
    }
}

/// What a document with one change breaks.
fn one(catalogue: &Catalogue, kind: &str, key: &str, value: &str) -> Vec<Violation> {
    let kind = catalogue.by_name(kind).unwrap();
    let changes = BTreeMap::from([(key.to_owned(), Change::Text(value.to_owned()))]);
    judge(catalogue, &kind.name, &changed(kind, example(&kind.name).unwrap(), &changes))
}

#[test]
fn codes_are_compared_as_they_are_written() {
    let catalogue = catalogue();
    for (key, value, code) in [
        ("head/appStatus", " 2", "app-status"),
        ("head/appStatus", "2\u{3000}", "app-status"),
        ("head/buyerIdNumber", "999999199001010016 ", "buyer-id-number"),
    ] {
        let found = one(&catalogue, "CEB311Message", key, value);
        assert!(codes(&found).contains(code), "{key}: {found:?}");
    }
}

#[test]
fn a_value_that_is_personal_is_not_repeated() {
    let catalogue = catalogue();
    let found = one(&catalogue, "CEB311Message", "head/buyerIdNumber", "123456789");
    assert!(!found.is_empty() && !format!("{found:?}").contains("123456789"));
}

#[test]
fn violations_carry_the_code_of_the_norm_where_it_has_one() {
    let catalogue = catalogue();
    for (kind, key, value, norm) in [
        ("CEB311Message", "head/acturalPaid", "1", Some("-301008")),
        ("CEB311Message", "head/appType", "9", Some("-301009")),
        ("CEB411Message", "head/currency", "502", Some("-401009")),
        ("CEB511Message", "head/packNo", "2", Some("-504011")),
        ("CEB621Message", "head/packNo", "2", Some("-621001")),
        ("CEB621Message", "head/freight", "9999", Some("-621005")),
        ("CEB622Message", "head/returnStatus", "x", None),
    ] {
        let found = one(&catalogue, kind, key, value);
        assert_eq!(found[0].norm_code.as_deref(), norm, "{found:?}");
    }
}

#[test]
fn violations_are_bounded_in_the_order_of_the_document_and_the_rest_is_counted() {
    let catalogue = catalogue();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let changes = BTreeMap::from([
        ("lines".to_owned(), Change::Lines(1)),
        ("line/unit".to_owned(), Change::Text("999".to_owned())),
        ("line/country".to_owned(), Change::Text("000".to_owned())),
        ("line/gnum".to_owned(), Change::Text("0".to_owned())),
    ]);
    let xml = changed(kind, example(&kind.name).unwrap(), &changes);
    let copied = BTreeMap::from([("lines".to_owned(), Change::Lines(99))]);
    let found = judge(&catalogue, &kind.name, &changed(kind, &xml, &copied));
    // Of each line unit, country and number; of all but the first that the number is there twice.
    let all = 99 * 3 + 98;
    assert_eq!(found.len(), VIOLATIONS_MAX + 1);
    let (more, listed) = found.split_last().unwrap();
    assert_eq!((more.code.as_str(), more.found.as_str()), ("rules-more", "345"));
    assert_eq!(all - VIOLATIONS_MAX, 345);
    assert!(more.en.contains("345") && more.zh.contains("345") && more.norm_code.is_some());
    assert!(listed.is_sorted_by_key(|violation| (violation.line, violation.column)));
}
