//! Types that have a JSON Schema and no XSD: their messages are JSON, and have an XML form so
//! that every later stage works on them as on any other. In: JSON that was judged, or that
//! XML. Out: the other of the two, with nothing lost.
//!
//! A member is an element of its name in the type's namespace, a string its text. What text
//! alone does not say stands in two attributes: `json-type` for a value that is no string
//! (`number`, `boolean`, `null`, and `object` where it has no members), `json-array` for each
//! `item` of an array and for one that is `empty`.

use onepoint_xml::{Element, Event, escape_attribute, escape_text, is_char, is_ncname};
use serde_json::{Map, Value};

use super::read::Json;
use crate::violation::{VIOLATIONS_MAX, Violation};

const TYPE: &str = "json-type";
const ARRAY: &str = "json-array";

/// Writes the XML form of a message, `{"name": {…}}`.
///
/// # Errors
/// Every value that XML cannot carry, bounded.
pub(super) fn write(
    name: &str,
    namespace: &str,
    prefix: &str,
    json: &Json,
) -> Result<String, Vec<Violation>> {
    let writer = written(name, namespace, prefix, json);
    match writer.found.is_empty() {
        true => Ok(writer.out),
        false => Err(writer.found),
    }
}

/// What can be written of a message that may have faults.
pub(super) fn sketch(name: &str, namespace: &str, prefix: &str, json: &Json) -> String {
    written(name, namespace, prefix, json).out
}

fn written<'w>(name: &'w str, namespace: &str, prefix: &'w str, json: &'w Json) -> Writer<'w> {
    let out = String::with_capacity(json.text().len() * 2);
    let mut writer = Writer { prefix, json, out, pointer: String::new(), found: Vec::new() };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let declared = format!(" xmlns:{prefix}=\"{}\"", escape_attribute(namespace));
    match json.value().get(name) {
        Some(value @ Value::Object(_)) => {
            writer.within(name, |it| it.element(name, value, &declared))
        }
        _ => writer.wrong(&format!("one member {name} that is an object")),
    }
    writer.out.push('\n');
    writer
}

struct Writer<'w> {
    prefix: &'w str,
    json: &'w Json,
    out: String,
    /// Where the walk is, as a JSON Pointer.
    pointer: String,
    found: Vec<Violation>,
}

impl<'w> Writer<'w> {
    fn within(&mut self, token: &str, write: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        write(self);
        self.pointer.truncate(length);
    }

    /// One member with all its elements. Recursion is bounded by the depth of the JSON text.
    fn member(&mut self, name: &'w str, value: &'w Value) {
        if !is_ncname(name) {
            return self.wrong("a name that XML also has: letters, digits, -, _ and .");
        }
        match value {
            Value::Array(items) if items.is_empty() => {
                self.element(name, &Value::Null, &format!(" {ARRAY}=\"empty\""));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let attribute = format!(" {ARRAY}=\"item\"");
                    self.within(&index.to_string(), |it| it.element(name, item, &attribute));
                }
            }
            one => self.element(name, one, ""),
        }
    }

    fn element(&mut self, name: &'w str, value: &'w Value, attributes: &str) {
        let kind = match value {
            Value::String(_) => "",
            // An empty array has no item that could have a type.
            Value::Null if attributes.contains("empty") => "",
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Object(members) if members.is_empty() => "object",
            Value::Object(_) => "",
            Value::Array(_) => return self.wrong("no array inside an array"),
        };
        self.out.push_str(&format!("<{}:{name}{attributes}", self.prefix));
        if !kind.is_empty() {
            self.out.push_str(&format!(" {TYPE}=\"{kind}\""));
        }
        self.out.push('>');
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) if number.is_f64() => {
                self.wrong("a number with a fraction as a string, so that it is not rounded");
            }
            Value::Number(number) => self.out.push_str(&number.to_string()),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Object(members) => {
                for (name, value) in members {
                    self.within(name, |it| it.member(name, value));
                }
            }
            Value::Null | Value::Array(_) => {}
        }
        self.out.push_str(&format!("</{}:{name}>", self.prefix));
    }

    /// XML 1.0, section 2.2: most control characters and U+FFFE, U+FFFF cannot be written.
    fn text(&mut self, text: &str) {
        match text.chars().find(|c| !is_char(*c)) {
            Some(bad) => {
                let point = format!("U+{:04X}", u32::from(bad));
                let en = format!("the character {point} cannot stand in a message");
                let zh = format!("报文中不能含有字符 {point}");
                self.add("json-character", |fault| fault.found(&point).text(en, zh));
            }
            None => self.out.push_str(&escape_text(text)),
        }
    }

    fn wrong(&mut self, expected: &str) {
        let (en, zh) = (format!("expected {expected}"), "该值没有对应的 XML 形式".to_owned());
        self.add("json-form", |fault| fault.expected(expected).text(en, zh));
    }

    fn add(&mut self, code: &str, fill: impl FnOnce(Violation) -> Violation) {
        if self.found.len() < VIOLATIONS_MAX {
            let (line, column) = self.json.position(&self.pointer);
            self.found.push(fill(Violation::placed(code, &self.pointer, line, column)));
        }
    }
}

/// The JSON of an XML form, on one line.
///
/// # Errors
/// The first thing that no JSON can have been written as.
pub(super) fn read(root: Element<'_>) -> Result<String, Box<Violation>> {
    let value = value(root)?;
    let mut message = Map::new();
    message.insert(root.name().local.to_owned(), value);
    Ok(Value::Object(message).to_string())
}

fn value(at: Element<'_>) -> Result<Value, Box<Violation>> {
    if let Some((name, _)) = at.attributes().find(|(name, _)| ![TYPE, ARRAY].contains(&name.local))
    {
        return Err(stranger(at, &name.to_string()));
    }
    let text = || at.text();
    let nothing = || at.children().next().is_none() && at.text().is_empty();
    match at.attribute("", TYPE) {
        None if at.children().next().is_none() => Ok(Value::String(text().into_owned())),
        None => members(at),
        Some("object") if nothing() => Ok(Value::Object(Map::new())),
        Some("null") if nothing() => Ok(Value::Null),
        Some("boolean") if text() == "true" => Ok(Value::Bool(true)),
        Some("boolean") if text() == "false" => Ok(Value::Bool(false)),
        Some("number") => match serde_json::from_str::<Value>(&text()) {
            Ok(number @ Value::Number(_)) if number.to_string() == text() => Ok(number),
            _ => Err(stranger(at, TYPE)),
        },
        Some(_) => Err(stranger(at, TYPE)),
    }
}

/// Recursion is bounded by the depth of the document.
fn members(at: Element<'_>) -> Result<Value, Box<Violation>> {
    if has_text(at) {
        return Err(stranger(at, "text"));
    }
    let mut found = Map::new();
    for child in at.children() {
        let name = child.name();
        if name.namespace != at.name().namespace {
            return Err(stranger(child, &name.to_string()));
        }
        match (child.attribute("", ARRAY), found.get_mut(name.local)) {
            (Some("item"), Some(Value::Array(items))) => items.push(value(child)?),
            (Some("item"), None) => {
                found.insert(name.local.to_owned(), Value::Array(vec![value(child)?]));
            }
            (Some("empty"), None) if child.text().is_empty() => {
                found.insert(name.local.to_owned(), Value::Array(Vec::new()));
            }
            (None, None) => {
                found.insert(name.local.to_owned(), value(child)?);
            }
            _ => return Err(stranger(child, ARRAY)),
        }
    }
    Ok(Value::Object(found))
}

/// Whether there is more than white space between the members.
fn has_text(at: Element<'_>) -> bool {
    let document = at.document();
    let range = at.index().0 as usize + 1..at.end_index().0 as usize;
    let mut depth = 0_usize;
    document.events().get(range).unwrap_or_default().iter().any(|event| {
        match event {
            Event::Start { .. } => depth += 1,
            Event::End { .. } => depth = depth.saturating_sub(1),
            Event::Text { value, .. } => {
                return depth == 0 && !document.value(value).trim_ascii().is_empty();
            }
            _ => {}
        }
        false
    })
}

/// The element that was written for the value at a JSON Pointer; the innermost one around it
/// when there is none.
pub(super) fn element_at<'d>(root: Element<'d>, pointer: &str) -> Element<'d> {
    let mut at = root;
    let mut tokens = pointer.split('/').skip(2).peekable();
    while let Some(token) = tokens.next() {
        let name = token.replace("~1", "/").replace("~0", "~");
        let mut named = at.children_named(root.name().namespace, &name);
        let Some(mut next) = named.next() else { break };
        if next.attribute("", ARRAY) == Some("item")
            && let Some(index) = tokens.next_if(|token| token.parse::<usize>().is_ok())
        {
            let index = index.parse::<usize>().unwrap_or_default();
            next =
                index.checked_sub(1).map_or(Some(next), |before| named.nth(before)).unwrap_or(next);
        }
        at = next;
    }
    at
}

/// The JSON Pointer of a path of the XML form.
pub(super) fn pointer(json: &Json, path: &str) -> String {
    let mut pointer = String::new();
    let mut at = Some(json.value());
    for step in path.split('/').skip(1) {
        let (name, index) = step.split_once('[').unwrap_or((step, "1]"));
        let name = name.rsplit(':').next().unwrap_or_default();
        let Some(value) = at.and_then(|value| value.get(name)) else { break };
        pointer.push_str(&format!("/{name}"));
        at = Some(value);
        if let Value::Array(items) = value {
            let index = index.trim_end_matches(']').parse().unwrap_or(1_usize).saturating_sub(1);
            pointer.push_str(&format!("/{index}"));
            at = items.get(index);
        }
    }
    pointer
}

fn stranger(at: Element<'_>, found: &str) -> Box<Violation> {
    let en = format!("{found} of {} has no place in the JSON form", at.name());
    let zh = format!("{} 的 {found} 没有对应的 JSON 形式", at.name());
    Box::new(Violation::at(at, "json-no-place").found(found).text(en, zh))
}

#[cfg(test)]
mod tests;
