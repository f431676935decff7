//! All departments side by side, and the fixtures of their tests: example messages of
//! the catalogue, changed field by field.

#![allow(clippy::string_slice, reason = "the texts and the places in them are made here")]

use std::sync::LazyLock;

use jiff::Timestamp;
use onepoint_schemas::Catalogue;
use onepoint_xml::{Document, Element, Limits, escape_text};
use serde_json::{Value, json};

use super::*;

mod decisions;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load_builtin().unwrap());

pub(crate) const TYPES: [&str; 4] =
    ["CEB311Message", "CEB411Message", "CEB511Message", "CEB621Message"];

pub(crate) fn now() -> Timestamp {
    "2026-11-23T16:30:05.042Z".parse().unwrap()
}

/// The catalogue's example of a type.
pub(crate) fn example(message_type: &str) -> String {
    onepoint_schemas::example(message_type).unwrap().to_owned()
}

/// The example with its first document `count` times.
pub(crate) fn batch(message_type: &str, count: usize) -> String {
    let text = example(message_type);
    let document = parse(&text);
    let first = document.root().children().next().unwrap().span();
    let one = &text[first.clone()];
    format!("{}{}{}", &text[..first.start], one.repeat(count), &text[first.end..])
}

/// The text with another value in the `nth` element of that name, counted from 0; no
/// value takes the element out.
pub(crate) fn with(text: &str, field: &str, nth: usize, value: Option<&str>) -> String {
    let document = parse(text);
    let mut named = elements(document.root()).filter(|element| element.name().local == field);
    let element = named.nth(nth).unwrap_or_else(|| panic!("no {field} {nth}"));
    let (span, name) = (element.span(), element.name().to_string());
    let new = value.map(|value| format!("<{name}>{}</{name}>", escape_text(value)));
    format!("{}{}{}", &text[..span.start], new.unwrap_or_default(), &text[span.end..])
}

/// The text with an element of the same prefix after the first one called `field`.
pub(crate) fn after(text: &str, field: &str, new: &str, value: &str) -> String {
    let document = parse(text);
    let mut named = elements(document.root()).filter(|element| element.name().local == field);
    let element = named.next().unwrap_or_else(|| panic!("no {field}"));
    let (end, name) = (element.span().end, element.name().to_string().replace(field, new));
    format!("{}<{name}>{}</{name}>{}", &text[..end], escape_text(value), &text[end..])
}

fn elements<'d>(element: Element<'d>) -> Box<dyn Iterator<Item = Element<'d>> + 'd> {
    Box::new(std::iter::once(element).chain(element.children().flat_map(elements)))
}

pub(crate) fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

pub(crate) fn incoming<'a>(
    message_type: &'a str,
    documents: &'a [u32],
    body: &'a str,
) -> Incoming<'a> {
    let body = body.as_bytes();
    Incoming { delivery: "m1.dept", message: "m1", message_type, documents, body }
}

/// The values of all elements of that name in an answer.
pub(crate) fn values(answer: &Answer, field: &str) -> Vec<String> {
    let document = parse(&answer.xml);
    let named = elements(document.root()).filter(|element| element.name().local == field);
    named.map(|element| element.text().into_owned()).collect()
}

/// What schema and rules of the answer's type say against it.
pub(crate) fn assert_valid(answer: &Answer) {
    let kind = CATALOGUE.by_name(answer.message_type).unwrap();
    let document = parse(&answer.xml);
    let found = CATALOGUE.validate_structure(&document, kind);
    assert!(found.is_ok(), "{found:?}\n{}", answer.xml);
    for index in 0..answer.documents.len() {
        let found = CATALOGUE.check_rules(&document, kind, index);
        assert!(found.is_empty(), "{found:?}\n{}", answer.xml);
    }
}

/// Every department with every type that it takes.
pub(crate) fn all() -> impl Iterator<Item = (&'static dyn Department, &'static str)> {
    let departments = DEPARTMENTS.iter().map(|name| department(name).unwrap());
    departments.flat_map(|one| one.message_types().into_iter().map(move |of| (one, of)))
}

/// The only outcome of a department for the example of a type.
fn outcome(department: &dyn Department, message_type: &str) -> Outcome {
    let body = example(message_type);
    department.map(&incoming(message_type, &[0], &body), now()).unwrap()
}

#[test]
fn the_registry_knows_each_department_by_its_name() {
    for name in DEPARTMENTS {
        assert_eq!(department(name).unwrap().name(), name);
    }
    assert!(department("Customs").is_none());
    assert!(department("").is_none());
}

#[test]
fn every_department_answers_every_type_it_takes() {
    for (department, message_type) in all() {
        let outcome = outcome(department, message_type);
        assert!(!outcome.answers.is_empty(), "{} {message_type}", department.name());
        outcome.answers.iter().for_each(assert_valid);
        let record = &record(&outcome)["documents"][0];
        assert_eq!((&record["index"], &record["declared"]), (&json!(0), &json!("new")));
        assert!(record["status"].as_str().is_some_and(|status| !status.is_empty()), "{record}");
    }
}

/// The gateway finds the document of an answer by its business key, or the beginning of it.
#[test]
fn answers_name_the_document_they_answer() {
    for (department, message_type) in all() {
        let declared = CATALOGUE.by_name(message_type).unwrap();
        let declared = CATALOGUE.documents(&parse(&example(message_type)), declared);
        let key = declared[0].business_key.as_deref().unwrap();
        for answer in outcome(department, message_type).answers {
            let kind = CATALOGUE.by_name(answer.message_type).unwrap();
            let said = CATALOGUE.documents(&parse(&answer.xml), kind);
            let said = said[0].business_key.as_deref().unwrap();
            // Bills are known by numbers of their own.
            let bill = said.starts_with("tax-bill");
            assert!(bill || key == said || key.starts_with(&format!("{said}|")), "{key} {said}");
        }
    }
}

fn record(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.effect).unwrap()
}

/// What is left of an outcome without what only says who and when: names and values of the
/// record, and of each answer its type, status, text and details.
fn content(outcome: &Outcome) -> (Value, Vec<(String, Vec<String>)>) {
    let mut record = record(outcome)["documents"].clone();
    for one in record.as_array_mut().unwrap() {
        for name in ["index", "guid", "declared", "status"] {
            one.as_object_mut().unwrap().remove(name);
        }
    }
    let said = outcome.answers.iter().map(|answer| {
        let fields = ["returnStatus", "returnInfo", "detailCode", "detailInfo"];
        let fields = fields.iter().flat_map(|field| values(answer, field)).collect();
        (answer.message_type.to_owned(), fields)
    });
    (record, said.collect())
}

/// A department that only repeated another's mapping would be none.
#[test]
fn no_two_departments_give_the_same_output() {
    let all: Vec<_> = all().map(|(one, of)| (one.name(), of, outcome(one, of))).collect();
    let mut shared = 0;
    for (n, (one, of, outcome)) in all.iter().enumerate() {
        for (other, _, others) in all.iter().skip(n + 1).filter(|(_, other, _)| other == of) {
            let ((record, said), (others_record, others_said)) =
                (content(outcome), content(others));
            assert_ne!(record, others_record, "{one} and {other} record {of} alike");
            assert_ne!(said, others_said, "{one} and {other} answer {of} alike");
            shared += 1;
        }
    }
    assert!(shared >= 15, "{shared} types at two departments");
}

/// A department that keeps all there is maps nothing.
#[test]
fn no_department_keeps_everything() {
    for (department, message_type) in all() {
        let body = example(message_type);
        let document = parse(&body);
        let fields = elements(document.root()).filter(|e| e.children().next().is_none()).count();
        let kept = leaves(&content(&outcome(department, message_type)).0);
        let name = department.name();
        assert!(kept > 1 && kept * 4 < fields * 3, "{name} {message_type}: {kept} of {fields}");
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

#[test]
fn no_department_keeps_or_tells_what_is_personal() {
    for (department, message_type) in all() {
        let kind = CATALOGUE.by_name(message_type).unwrap();
        let mut body = example(message_type);
        let secret = "测试机密";
        for field in &kind.personal {
            if body.contains(&format!("{field}>")) {
                body = with(&body, field, 0, Some(secret));
            }
        }
        let outcome = department.map(&incoming(message_type, &[0], &body), now()).unwrap();
        let told = outcome.answers.iter().any(|answer| answer.xml.contains(secret));
        assert!(!told && !outcome.effect.contains(secret), "{} {message_type}", department.name());
    }
}

#[test]
fn shapes_are_those_of_the_manifests() {
    for office in OFFICES {
        for kind in office.kinds {
            let (shape, known) = (kind.shape, CATALOGUE.by_name(kind.shape.message_type).unwrap());
            assert_eq!(shape.namespace, known.namespace);
            assert_eq!(shape.document, known.document);
            assert_eq!(shape.head, known.head.as_deref());
            assert_eq!(shape.line, known.line.as_deref());
            let key: Vec<&str> =
                std::iter::once(shape.kind).chain(shape.key.iter().copied()).collect();
            assert_eq!(key, known.key, "{}", shape.message_type);
        }
    }
}

#[test]
fn authorities_differ() {
    let codes: std::collections::BTreeSet<_> = OFFICES.iter().map(|office| office.code).collect();
    let titles: std::collections::BTreeSet<_> = OFFICES.iter().map(|o| o.title).collect();
    assert_eq!((codes.len(), titles.len()), (OFFICES.len(), OFFICES.len()));
}

#[test]
fn the_same_delivery_gives_the_same_bytes() {
    for (department, message_type) in all() {
        let body = batch(message_type, 3);
        let incoming = incoming(message_type, &[0, 2], &body);
        let outcome = department.map(&incoming, now()).unwrap();
        assert_eq!(outcome, department.map(&incoming, now()).unwrap());
        assert!(!outcome.effect.contains('\n'));
        serde_json::from_str::<Value>(&outcome.effect).unwrap();
        for (answer, n) in outcome.answers.iter().zip(1..) {
            assert_eq!(answer.id, format!("m1.dept-{n}"));
            assert_eq!((&*answer.delivery, &*answer.message), ("m1.dept", "m1"));
            assert_eq!(answer.documents, [0, 2]);
        }
    }
}

#[test]
fn bad_deliveries_are_refused_by_every_department() {
    for (department, message_type) in all() {
        let body = example(message_type);
        let code = |of, documents: &[u32], body: &str| {
            department.map(&incoming(of, documents, body), now()).unwrap_err().code()
        };
        assert_eq!(code(message_type, &[0], "{}"), "mapping-body-not-xml");
        assert_eq!(code("CEB900Message", &[0], &body), "mapping-type-unknown");
        assert_eq!(code(message_type, &[0], "<other/>"), "mapping-type-differs");
        assert_eq!(code(message_type, &[], &body), "mapping-no-documents");
        assert_eq!(code(message_type, &[0, 0], &body), "mapping-documents-not-ascending");
        assert_eq!(code(message_type, &[7], &body), "mapping-document-out-of-range");
        let shapes = OFFICES.iter().flat_map(|office| office.kinds).map(|kind| kind.shape);
        let shape = shapes.into_iter().find(|shape| shape.message_type == message_type).unwrap();
        let without = with(&body, shape.key[0], 0, None);
        assert_eq!(code(message_type, &[0], &without), "mapping-field-missing");
    }
}

/// A receipt of the zone names whose document it is by a code that is one.
#[test]
fn a_party_without_a_code_cannot_be_answered() {
    let body = with(&example("CEB403Message"), "ebcCode", 0, Some("无"));
    let department = department("forex").unwrap();
    let error = department.map(&incoming("CEB403Message", &[0], &body), now()).unwrap_err();
    assert_eq!(error.code(), "mapping-field-wrong");
    assert!(error.en().contains("ebcCode"), "{}", error.en());
}
