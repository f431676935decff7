//! Changes of an example, as the table of cases writes them. In: an example and keys
//! with values. Out: the document, still well-formed.

use std::collections::BTreeMap;
use std::ops::Range;

use onepoint_xml::{Document, Element, Limits, escape_text};
use serde::Deserialize;

use crate::MessageType;

/// A value of a field, whether it is there, or how many lines there are.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Change {
    Present(bool),
    Lines(usize),
    Text(String),
}

/// The document with the changes; lines are counted out first.
pub(super) fn changed(kind: &MessageType, xml: &str, changes: &BTreeMap<String, Change>) -> String {
    let mut xml = xml.to_owned();
    if let Some(Change::Lines(count)) = changes.get("lines") {
        xml = lines(kind, xml, *count);
    }
    for (key, change) in changes.iter().filter(|(key, _)| *key != "lines") {
        xml = change_one(kind, xml, key, change);
    }
    xml
}

fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn splice(xml: &str, at: Range<usize>, text: &str) -> String {
    format!("{}{text}{}", xml.get(..at.start).unwrap(), xml.get(at.end..).unwrap())
}

fn first<'d>(kind: &MessageType, document: &'d Document) -> Element<'d> {
    document.root().child(&kind.namespace, &kind.document).unwrap()
}

fn all_lines<'d>(kind: &MessageType, document: &'d Document) -> Vec<Element<'d>> {
    let name = kind.line.as_deref().unwrap();
    first(kind, document).children_named(&kind.namespace, name).collect()
}

fn lines(kind: &MessageType, xml: String, count: usize) -> String {
    let document = parse(&xml);
    let lines = all_lines(kind, &document);
    let last = lines.last().unwrap().span();
    match lines.get(count) {
        Some(first_left_out) => splice(&xml, first_left_out.span().start..last.end, ""),
        None => {
            let copy = xml.get(last.clone()).unwrap().repeat(count - lines.len());
            splice(&xml, last.end..last.end, &copy)
        }
    }
}

/// The element whose field a key names, and the field.
fn owner<'d>(kind: &MessageType, document: &'d Document, key: &str) -> (Element<'d>, String) {
    let (scope, name) = key.split_once('/').unwrap();
    let element = first(kind, document);
    let head = kind.head.as_deref().map(|head| element.child(&kind.namespace, head).unwrap());
    let owner = match scope {
        "root" => document.root(),
        "head" => head.unwrap_or(element),
        "line" => *all_lines(kind, document).last().unwrap(),
        line => {
            let number = line.strip_prefix("line[").unwrap().strip_suffix(']').unwrap();
            all_lines(kind, document)[number.parse::<usize>().unwrap() - 1]
        }
    };
    (owner, name.to_owned())
}

fn change_one(kind: &MessageType, xml: String, key: &str, change: &Change) -> String {
    let document = parse(&xml);
    let (owner, name) = owner(kind, &document, key);
    let there = owner.children().find(|child| child.name().local == name);
    let end = document.event(owner.end_index()).unwrap().span().start;
    match (change, there) {
        (Change::Text(text), Some(element)) => {
            let start = document.event(element.index()).unwrap().span().end;
            let end = document.event(element.end_index()).unwrap().span().start;
            splice(&xml, start..end.max(start), &escape_text(text))
        }
        (Change::Text(text), None) => {
            let namespace = &kind.namespace;
            let text = escape_text(text);
            splice(&xml, end..end, &format!("<{name} xmlns=\"{namespace}\">{text}</{name}>"))
        }
        (Change::Present(false), Some(element)) => splice(&xml, element.span(), ""),
        (Change::Present(true), None) => {
            let ds = "http://www.w3.org/2000/09/xmldsig#";
            splice(&xml, end..end, &format!("<{name} xmlns=\"{ds}\"/>"))
        }
        (Change::Present(_), _) => xml,
        (Change::Lines(_), _) => panic!("{key} is not a number of lines"),
    }
}

/// The path of the element that a key names, without prefixes and numbers: its end.
pub(super) fn path(kind: &MessageType, key: &str) -> String {
    let (scope, name) = key.split_once('/').unwrap_or((key, ""));
    let head = kind.head.as_ref().unwrap_or(&kind.document);
    let scope = match scope {
        "head" => head,
        "document" => &kind.document,
        _ => kind.line.as_ref().unwrap(),
    };
    if name.is_empty() { format!("/{scope}") } else { format!("/{scope}/{name}") }
}

/// A path without prefixes and numbers.
pub(super) fn plain(path: &str) -> String {
    let plain = |step: &str| {
        let name = step.rsplit(':').next().unwrap_or(step);
        name.split('[').next().unwrap_or(name).to_owned()
    };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}
