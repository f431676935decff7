//! JSON to XML by the shape of its type: elements in the order of the schema, whatever
//! the order of the members. In: JSON that was judged by the type's JSON Schema. Out: the
//! canonical XML of the message (one prefix, no white space between elements), or what
//! JSON Schema does not see: characters and XML strings that XML cannot carry.

use onepoint_xml::{escape_attribute, escape_text, is_char};
use serde_json::{Map, Value};

use super::opaque;
use super::read::Json;
use super::shape::{Content, Member, Shape, Type};
use crate::violation::{VIOLATIONS_MAX, Violation};

/// Writes the XML of a message; the root has this prefix.
///
/// # Errors
/// Every value that cannot be written, bounded.
pub(super) fn write(shape: &Shape, prefix: &str, json: &Json) -> Result<String, Vec<Violation>> {
    let writer = written(shape, prefix, json);
    match writer.found.is_empty() {
        true => Ok(writer.out),
        false => Err(writer.found),
    }
}

/// What can be written of a message that may have faults.
pub(super) fn sketch(shape: &Shape, prefix: &str, json: &Json) -> String {
    written(shape, prefix, json).out
}

fn written<'w>(shape: &'w Shape, prefix: &str, json: &'w Json) -> Writer<'w> {
    let prefixes = prefixes(shape, prefix);
    let mut writer = Writer {
        shape,
        prefixes,
        out: String::with_capacity(json.text().len() * 2),
        pointer: String::new(),
        json,
        found: Vec::new(),
    };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    match json.value().get(&shape.root.name) {
        Some(value) => writer.member(&shape.root, value, true),
        None => writer.wrong(&shape.root.name, "an object with this member"),
    }
    writer.out.push('\n');
    writer
}

/// A prefix for each namespace: the given one for the root's, `n1` and on for others.
fn prefixes(shape: &Shape, prefix: &str) -> Vec<String> {
    let name = |(index, _)| match Some(index) == shape.root.namespace {
        true => prefix.to_owned(),
        false => format!("n{}", index + 1),
    };
    shape.namespaces.iter().enumerate().map(name).collect()
}

struct Writer<'w> {
    shape: &'w Shape,
    prefixes: Vec<String>,
    out: String,
    /// Where the walk is, as a JSON Pointer.
    pointer: String,
    json: &'w Json,
    found: Vec<Violation>,
}

impl<'w> Writer<'w> {
    /// Writes one member with all its elements; recursion is bounded by the depth of
    /// the JSON text.
    fn member(&mut self, member: &'w Member, value: &'w Value, root: bool) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&member.name.replace('~', "~0").replace('/', "~1"));
        match (member.repeats(), value) {
            (true, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let length = self.pointer.len();
                    self.pointer.push_str(&format!("/{index}"));
                    self.element(member, item, root);
                    self.pointer.truncate(length);
                }
            }
            (true, _) => self.wrong("", "an array"),
            (false, value) => self.element(member, value, root),
        }
        self.pointer.truncate(length);
    }

    fn element(&mut self, member: &'w Member, value: &'w Value, root: bool) {
        let Some(kind) = self.shape.get(member.kind) else { return };
        match (&kind.content, value) {
            (Content::Opaque, Value::String(text)) => self.opaque(member, text),
            (Content::Value(_), Value::String(text)) if kind.attributes.is_empty() => {
                self.open(member, root);
                self.out.push('>');
                self.text(text);
                self.close(member);
            }
            (Content::Value(_), Value::Object(map)) if !kind.attributes.is_empty() => {
                self.open(member, root);
                self.attributes(kind, map);
                self.out.push('>');
                match map.get("#text") {
                    Some(Value::String(text)) => self.text(text),
                    _ => self.wrong("#text", "a string"),
                }
                self.close(member);
                self.strangers(map, kind, &[]);
            }
            (Content::Members(members, _), Value::Object(map)) => {
                self.open(member, root);
                self.attributes(kind, map);
                self.out.push('>');
                for inner in members {
                    if let Some(value) = map.get(&inner.name) {
                        self.member(inner, value, false);
                    }
                }
                self.close(member);
                self.strangers(map, kind, members);
            }
            (Content::Members(..), _) => self.wrong("", "an object"),
            (Content::Value(_), _) if !kind.attributes.is_empty() => self.wrong("", "an object"),
            _ => self.wrong("", "a string"),
        }
    }

    /// A member that the type does not have would be lost.
    fn strangers(&mut self, map: &Map<String, Value>, kind: &Type, members: &[Member]) {
        for name in map.keys() {
            let known = match name.strip_prefix('@') {
                Some(name) => kind.attributes.iter().any(|a| a.name == name),
                None if members.is_empty() && !kind.attributes.is_empty() => name == "#text",
                None => members.iter().any(|m| m.name == *name),
            };
            if !known {
                self.wrong(name, "no such member");
            }
        }
    }

    fn open(&mut self, member: &Member, root: bool) {
        self.out.push('<');
        self.name(member);
        if root {
            for (index, uri) in self.shape.namespaces.iter().enumerate() {
                let prefix = self.prefixes.get(index).map_or("", String::as_str);
                self.out.push_str(&format!(" xmlns:{prefix}=\"{}\"", escape_attribute(uri)));
            }
        }
    }

    fn close(&mut self, member: &Member) {
        self.out.push_str("</");
        self.name(member);
        self.out.push('>');
    }

    fn name(&mut self, member: &Member) {
        if let Some(prefix) = member.namespace.and_then(|index| self.prefixes.get(index)) {
            self.out.push_str(prefix);
            self.out.push(':');
        }
        self.out.push_str(&member.name);
    }

    fn attributes(&mut self, kind: &Type, map: &Map<String, Value>) {
        for attribute in &kind.attributes {
            let name = format!("@{}", attribute.name);
            match map.get(&name) {
                None => {}
                Some(Value::String(text)) => {
                    self.characters(&name, text);
                    let text = escape_attribute(text);
                    self.out.push_str(&format!(" {}=\"{text}\"", attribute.name));
                }
                Some(_) => self.wrong(&name, "a string"),
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.characters("", text);
        self.out.push_str(&escape_text(text));
    }

    fn characters(&mut self, name: &str, text: &str) {
        if let Some(bad) = text.chars().find(|c| !is_char(*c)) {
            let point = format!("U+{:04X}", u32::from(bad));
            let text = (
                format!("the character {point} cannot stand in a message"),
                format!("报文中不能含有字符 {point}"),
            );
            self.add(name, "json-character", |fault| fault.found(&point).text(text.0, text.1));
        }
    }

    fn opaque(&mut self, member: &Member, text: &str) {
        match opaque::from_text(text, self.shape.namespace(member), &member.name) {
            Ok(xml) => self.out.push_str(&xml),
            Err(why) => {
                let expected = format!("the XML of one element {}", member.name);
                let text = (
                    format!("expected {expected}: {why}"),
                    format!("应为元素 {} 的 XML 文本：{why}", member.name),
                );
                self.add("", "json-xml", |fault| fault.expected(expected).text(text.0, text.1));
            }
        }
    }

    fn wrong(&mut self, name: &str, expected: &str) {
        let text = (format!("expected {expected}"), "与该报文类型的 JSON 形式不符".to_owned());
        self.add(name, "json-form", |fault| fault.expected(expected).text(text.0, text.1));
    }

    fn add(&mut self, name: &str, code: &str, fill: impl FnOnce(Violation) -> Violation) {
        if self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        let mut pointer = self.pointer.clone();
        if !name.is_empty() {
            pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        }
        let (line, column) = self.json.position(&pointer);
        self.found.push(fill(Violation::placed(code, &pointer, line, column)));
    }
}
