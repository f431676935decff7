//! The JSON form of message types: strict reading, JSON Schema 2020-12, and a mapping to
//! the XML form and back that loses nothing. In: a type's XSD. Out: a [`JsonForm`].
//!
//! The rules, the same for every type and read from its XSD, none written by hand:
//! - the text is one object with one member, called like the root: `{"CEB311Message": {…}}`
//! - an element is a member of its local name; its place in the text does not matter, the XML
//!   has the order of the schema. An attribute is a member `@name`
//! - a value is a string, exactly the characters of the XML, white space included: numbers too,
//!   so that none is rounded. A value with attributes is an object with `#text`
//! - what may stand more than once is always an array; an absent element is an absent member
//! - what has no members (ExtendMessage's Message, ds:Signature) is a string of its XML
//!
//! A type that has a JSON Schema and no XSD takes the JSON that its schema allows: see `plain`.
//!
//! An XML Signature holds for the octets that were signed: it is carried along, but holds only
//! for XML that was in canonical form before. JSON is signed as JWS.

use std::sync::OnceLock;

use onepoint_xml::Document;

use crate::catalogue::MessageType;
use crate::files::View;
use crate::violation::Violation;

mod generate;
mod locate;
mod node;
mod opaque;
mod particles;
mod plain;
mod read;
mod reference;
mod shape;
mod simple;
mod to_json;
mod to_xml;
mod validate;

#[cfg(test)]
mod made;
#[cfg(test)]
mod tests;

pub use read::{Json, JsonLimits};
pub use reference::reference;
pub use validate::{JsonSchema, JsonSchemaError};

use shape::{Content, Member, Shape};
use simple::Simple;

/// Why a type has no JSON form.
#[derive(Debug, thiserror::Error)]
pub enum JsonFormError {
    /// Its XSD says what JSON has no form for.
    #[error("its schema has no JSON form: {0}")]
    Shape(#[from] shape::ShapeError),
    /// The JSON Schema does not compile; one made from an XSD does, or the product is at fault.
    #[error("its JSON Schema does not compile: {0}")]
    Schema(#[from] JsonSchemaError),
}

/// The JSON form of one message type.
#[derive(Debug)]
pub struct JsonForm {
    mapping: Mapping,
    prefix: String,
    personal: Vec<String>,
    text: String,
    /// Schemas that `text` may refer to.
    others: Vec<(String, String)>,
    /// Compiled when first needed: most types are never sent as JSON.
    schema: OnceLock<Result<JsonSchema, String>>,
}

/// What leads from JSON to XML and back.
#[derive(Debug)]
enum Mapping {
    /// The shape of an XSD.
    Shape(Shape),
    /// The root of a type that has none.
    Plain { name: String, namespace: String },
}

/// A message that came as JSON, with its XML form.
#[derive(Debug)]
pub struct JsonMessage<'f> {
    form: &'f JsonForm,
    json: Json,
    xml: String,
}

impl JsonForm {
    /// The form of a type whose schema stands at `location` in `files`.
    ///
    /// # Errors
    /// A schema that has no JSON form.
    pub(crate) fn read(
        kind: &MessageType,
        location: &str,
        files: &View,
    ) -> Result<JsonForm, JsonFormError> {
        let shape = Shape::read(&kind.name, location, files)?;
        let id = format!("urn:onepoint:json:{}:{}:{}", kind.family, kind.version, kind.name);
        let schema = generate::schema(&shape, &id, &kind.title, &kind.title_zh);
        let text = serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
        Ok(JsonForm::new(kind, Mapping::Shape(shape), text, Vec::new()))
    }

    /// The form of a type whose JSON Schema stands at `location` in `files`, where it may refer
    /// to those beside it by their `$id`.
    ///
    /// # Errors
    /// A schema that does not compile.
    pub(crate) fn plain(
        kind: &MessageType,
        location: &str,
        files: &View,
    ) -> Result<JsonForm, JsonFormError> {
        let text = files.get(location).unwrap_or_default().to_owned();
        let (name, namespace) = (kind.name.clone(), kind.namespace.clone());
        let others = files.schemas_beside(location);
        let form = JsonForm::new(kind, Mapping::Plain { name, namespace }, text, others);
        form.compile()?;
        Ok(form)
    }

    fn new(
        kind: &MessageType,
        mapping: Mapping,
        text: String,
        others: Vec<(String, String)>,
    ) -> JsonForm {
        let (prefix, personal) = (prefix(&kind.family), kind.personal.clone());
        JsonForm { mapping, prefix, personal, text, others, schema: OnceLock::new() }
    }

    fn compile(&self) -> Result<JsonSchema, JsonSchemaError> {
        let others = self.others.iter().map(|(id, text)| (id.as_str(), text.as_bytes()));
        JsonSchema::compile(self.text.as_bytes(), &others.collect::<Vec<_>>())
    }

    /// The JSON Schema (2020-12) of the type, as text.
    #[must_use]
    pub fn schema_text(&self) -> &str {
        &self.text
    }

    /// Judges a JSON message by its JSON Schema and writes its XML form, which is then
    /// judged as any XML message is.
    ///
    /// # Errors
    /// Every violation up to [`crate::VIOLATIONS_MAX`], each with line, column and JSON Pointer.
    pub fn accept(&self, json: Json) -> Result<JsonMessage<'_>, Vec<Violation>> {
        self.validate(&json)?;
        let xml = match &self.mapping {
            Mapping::Shape(shape) => to_xml::write(shape, &self.prefix, &json)?,
            Mapping::Plain { name, namespace } => {
                plain::write(name, namespace, &self.prefix, &json)?
            }
        };
        Ok(JsonMessage { form: self, json, xml })
    }

    /// Judges a JSON message by the type's JSON Schema alone.
    ///
    /// # Errors
    /// As [`JsonForm::accept`].
    pub fn validate(&self, json: &Json) -> Result<(), Vec<Violation>> {
        let compiled =
            self.schema.get_or_init(|| self.compile().map_err(|error| error.to_string()));
        match compiled {
            Ok(schema) => schema.judge(json, &self.personal, |pointer| self.words(pointer)),
            Err(why) => {
                let fault = Violation::placed("schema-unavailable", "", 1, 1).found(why);
                Err(vec![fault.text("the schema could not be loaded", "schema 无法加载")])
            }
        }
    }

    /// The XML form of a message whatever its JSON Schema says, for explanations only: members
    /// that have no place in it are left out, and so are characters that XML cannot carry.
    #[must_use]
    pub fn sketch(&self, json: &Json) -> String {
        let xml = match &self.mapping {
            Mapping::Shape(shape) => to_xml::sketch(shape, &self.prefix, json),
            Mapping::Plain { name, namespace } => {
                plain::sketch(name, namespace, &self.prefix, json)
            }
        };
        xml.replace(|c| !onepoint_xml::is_char(c), "\u{fffd}")
    }

    /// The JSON form of a valid XML message, on one line.
    ///
    /// # Errors
    /// The first thing that has no place in it; a valid message has none.
    pub fn to_json(&self, document: &Document) -> Result<String, Box<Violation>> {
        match &self.mapping {
            Mapping::Shape(shape) => to_json::write(shape, document.root()),
            Mapping::Plain { .. } => plain::read(document.root()),
        }
    }

    /// Judges the XML form of a message of a type without an XSD: as the JSON that it is.
    ///
    /// # Errors
    /// As [`JsonForm::accept`], each with its place in the XML.
    pub(crate) fn validate_xml(&self, document: &Document) -> Result<(), Vec<Violation>> {
        let root = document.root();
        let text = plain::read(root).map_err(|fault| vec![*fault])?;
        let json = Json::read(text.into_bytes(), &JsonLimits::default());
        let json = json.map_err(|fault| vec![*fault])?;
        self.validate(&json).map_err(|mut found| {
            for violation in &mut found {
                let element = plain::element_at(root, &violation.path);
                let (path, place) = (element.path(), element.position());
                (violation.path, violation.line, violation.column) =
                    (path, place.line, place.column);
            }
            found
        })
    }

    /// The shape of its XSD; none where it has a JSON Schema alone.
    fn shape(&self) -> Option<&Shape> {
        match &self.mapping {
            Mapping::Shape(shape) => Some(shape),
            Mapping::Plain { .. } => None,
        }
    }

    /// What is expected of the string at a pointer.
    fn words(&self, pointer: &str) -> Option<(String, String)> {
        self.value_at(pointer).map(Simple::words)
    }

    fn value_at(&self, pointer: &str) -> Option<&Simple> {
        let shape = self.shape()?;
        let mut tokens = pointer.split('/').skip(1);
        let mut member = Some(&shape.root).filter(|root| tokens.next() == Some(&root.name))?;
        let mut in_array = false;
        for token in tokens {
            if member.repeats() && !in_array {
                in_array = true;
                continue;
            }
            let kind = shape.get(member.kind)?;
            match (&kind.content, token.strip_prefix('@')) {
                (_, Some(name)) => {
                    return kind.attributes.iter().find(|a| a.name == name).map(|a| &a.value);
                }
                (Content::Value(value), None) if token == "#text" => return Some(value),
                (Content::Members(members, _), None) => member = named(members, token)?,
                _ => return None,
            }
            in_array = false;
        }
        let kind = shape.get(member.kind)?;
        match &kind.content {
            Content::Value(value)
                if kind.attributes.is_empty() && (in_array || !member.repeats()) =>
            {
                Some(value)
            }
            _ => None,
        }
    }
}

fn named<'m>(members: &'m [Member], name: &str) -> Option<&'m Member> {
    members.iter().find(|member| member.name == name)
}

/// The family's name as prefix of its namespace, where XML and the other prefixes allow.
fn prefix(family: &str) -> String {
    let plain = family.bytes().all(|b| b.is_ascii_alphanumeric())
        && family.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["n", "xml", "XML"].iter().any(|taken| family.starts_with(taken));
    if plain { family.to_owned() } else { "m".to_owned() }
}

impl JsonMessage<'_> {
    /// The XML form: what every later stage works on.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The JSON it came as.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// Moves a violation of the XML form to its place in the JSON text: path, line and column.
    pub fn place(&self, violation: &mut Violation) {
        let pointer = self.pointer(&violation.path);
        let (line, column) = self.json.position(&pointer);
        (violation.path, violation.line, violation.column) = (pointer, line, column);
    }

    /// The JSON Pointer of a path of the XML form, `/ceb:CEB311Message/ceb:Order[2]`. Inside
    /// a string of XML it is that of the string.
    #[must_use]
    pub fn pointer(&self, path: &str) -> String {
        let Some(shape) = self.form.shape() else {
            return plain::pointer(&self.json, path);
        };
        let mut pointer = String::new();
        let mut members = std::slice::from_ref(&shape.root);
        for step in path.split('/').skip(1) {
            let (name, index) = step.split_once('[').unwrap_or((step, "1]"));
            let name = name.rsplit(':').next().unwrap_or_default();
            let Some(member) = named(members, name) else { break };
            pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
            if member.repeats() {
                let index = index.trim_end_matches(']').parse().unwrap_or(1_usize);
                pointer.push_str(&format!("/{}", index.saturating_sub(1)));
            }
            members = match shape.get(member.kind).map(|kind| &kind.content) {
                Some(Content::Members(members, _)) => members,
                _ => break,
            };
        }
        pointer
    }
}
