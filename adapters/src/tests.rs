//! All departments side by side, and the fixtures of their tests: example messages of
//! the catalogue, changed field by field.

#![allow(clippy::string_slice, reason = "the texts and the places in them are made here")]

use std::sync::LazyLock;

use jiff::Timestamp;
use onepoint_schemas::Catalogue;
use onepoint_xml::{Document, Element, Limits, escape_text};

use super::*;

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

/// What the schema of the answer's type says against it.
pub(crate) fn assert_valid(answer: &Answer) {
    let kind = CATALOGUE.by_name(answer.message_type).unwrap();
    let found = CATALOGUE.validate_structure(&parse(&answer.xml), kind);
    assert!(found.is_ok(), "{found:?}\n{}", answer.xml);
}

#[test]
fn the_registry_knows_each_department_by_its_name() {
    for name in DEPARTMENTS {
        assert_eq!(department(name).unwrap().name(), name);
    }
    assert!(department("Customs").is_none());
    assert!(department("").is_none());
}

/// A department that only repeated another's mapping would be none.
#[test]
fn no_two_departments_give_the_same_output() {
    for message_type in TYPES {
        let body = example(message_type);
        let mut outcomes = Vec::new();
        for name in DEPARTMENTS {
            let department = department(name).unwrap();
            if department.message_types().contains(&message_type) {
                outcomes.push(department.map(&incoming(message_type, &[0], &body), now()).unwrap());
            }
        }
        for (n, one) in outcomes.iter().enumerate() {
            for other in outcomes.iter().skip(n + 1) {
                assert_ne!(one.effect, other.effect);
                assert!(other.answers.iter().all(|answer| !one.answers.contains(answer)));
                let texts: Vec<_> = one.answers.iter().map(|answer| &answer.xml).collect();
                assert!(other.answers.iter().all(|answer| !texts.contains(&&answer.xml)));
            }
        }
    }
}

#[test]
fn the_same_delivery_gives_the_same_bytes() {
    for name in DEPARTMENTS {
        let department = department(name).unwrap();
        for message_type in department.message_types() {
            let body = batch(message_type, 3);
            let incoming = incoming(message_type, &[0, 2], &body);
            let outcome = department.map(&incoming, now()).unwrap();
            assert_eq!(outcome, department.map(&incoming, now()).unwrap());
            assert!(!outcome.effect.contains('\n'));
            serde_json::from_str::<serde_json::Value>(&outcome.effect).unwrap();
            for (answer, n) in outcome.answers.iter().zip(1..) {
                assert_eq!(answer.id, format!("m1.dept-{n}"));
                assert_eq!((&*answer.delivery, &*answer.message), ("m1.dept", "m1"));
                assert_eq!(answer.documents, [0, 2]);
            }
        }
    }
}

#[test]
fn bad_deliveries_are_refused_by_every_department() {
    let order = example("CEB311Message");
    for name in DEPARTMENTS {
        let code = |message_type, documents: &[u32], body: &str| {
            let incoming = incoming(message_type, documents, body);
            department(name).unwrap().map(&incoming, now()).unwrap_err().code()
        };
        assert_eq!(code("CEB311Message", &[0], "{}"), "mapping-body-not-xml");
        assert_eq!(code("CEB711Message", &[0], &order), "mapping-type-unknown");
        assert_eq!(code("CEB411Message", &[0], &order), "mapping-type-differs");
        assert_eq!(code("CEB311Message", &[], &order), "mapping-no-documents");
        assert_eq!(code("CEB311Message", &[0, 0], &order), "mapping-documents-not-ascending");
        assert_eq!(code("CEB311Message", &[7], &order), "mapping-document-out-of-range");
        let without = with(&order, "orderNo", 0, None);
        assert_eq!(code("CEB311Message", &[0], &without), "mapping-field-missing");
        let empty = with(&order, "ebpCode", 0, Some(""));
        assert_eq!(code("CEB311Message", &[0], &empty), "mapping-field-missing");
    }
}
