//! JSON Schema 2020-12 of a message type, from the shape of its XSD: the same members,
//! occurrences, lengths, digits, patterns and values, and the annotations as
//! descriptions. What the two cannot say alike is left to the XSD (see `simple`).

use std::collections::BTreeMap;

use super::node::{Node, object};
use super::shape::{Content, Member, Model, Shape, Type, TypeId};

/// The dialect.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of the message whose root the shape describes.
pub(super) fn schema(shape: &Shape, id: &str, title: &str, description: &str) -> Node {
    let generator = Generator { shape, names: names(shape) };
    let root = &shape.root;
    let mut defs = Vec::new();
    for (id, kind) in shape.types.iter().enumerate() {
        if let (Some(name), Content::Members(members, model)) =
            (generator.names.get(&id), &kind.content)
        {
            defs.push((name.clone(), generator.members(kind, members, model)));
        }
    }
    object([
        ("$schema", DIALECT.into()),
        ("$id", id.into()),
        ("title", title.into()),
        ("description", description.into()),
        ("type", "object".into()),
        ("required", Node::Array(vec![root.name.as_str().into()])),
        ("additionalProperties", Node::Bool(false)),
        ("properties", object([(root.name.as_str(), generator.one(root.kind, &NOTHING))])),
        ("$defs", Node::Object(defs)),
    ])
}

/// A name in `$defs` for each type with members, its own where that is not taken.
fn names(shape: &Shape) -> BTreeMap<TypeId, String> {
    let mut names: BTreeMap<TypeId, String> = BTreeMap::new();
    let mut taken = std::collections::BTreeSet::new();
    for (id, kind) in shape.types.iter().enumerate() {
        if !matches!(kind.content, Content::Members(..)) {
            continue;
        }
        let plain = if kind.name.is_empty() { "Anonymous" } else { &kind.name };
        let mut name = plain.to_owned();
        if !taken.insert(name.clone()) || kind.name.is_empty() {
            name = format!("{plain}-{id}");
            taken.insert(name.clone());
        }
        names.insert(id, name);
    }
    names
}

struct Generator<'g> {
    shape: &'g Shape,
    names: BTreeMap<TypeId, String>,
}

impl Generator<'_> {
    /// One element of this type.
    fn one(&self, kind: TypeId, documentation: &[String; 2]) -> Node {
        let mut found = described(documentation);
        match self.shape.get(kind) {
            Some(Type { content: Content::Members(..), .. }) => {
                let name = self.names.get(&kind).map_or("", String::as_str);
                found.push(("$ref".to_owned(), format!("#/$defs/{name}").into()));
            }
            Some(Type { content: Content::Value(value), attributes, .. }) => {
                let mut text = vec![("type".to_owned(), "string".into())];
                text.extend(value.keywords().into_iter().map(|(k, node)| (k.to_owned(), node)));
                if attributes.is_empty() {
                    found.extend(text);
                } else {
                    let kind = self.shape.get(kind);
                    let mut members = kind.map(attributes_of).unwrap_or_default();
                    members.0.push(("#text".to_owned(), Node::Object(text)));
                    members.1.push("#text".into());
                    found.extend(closed(members.0, members.1));
                }
            }
            Some(Type { content: Content::Opaque, .. }) | None => {
                found.push(("type".to_owned(), "string".into()));
                found.push(("contentMediaType".to_owned(), "application/xml".into()));
            }
        }
        Node::Object(found)
    }

    fn members(&self, kind: &Type, members: &[Member], model: &Model) -> Node {
        let (mut properties, mut required) = attributes_of(kind);
        for member in members {
            properties.push((member.name.clone(), self.member(member)));
        }
        let mut conditions = Vec::new();
        require(members, model, &mut required, &mut conditions);
        let mut found = closed(properties, required);
        if !conditions.is_empty() {
            found.push(("allOf".to_owned(), Node::Array(conditions)));
        }
        Node::Object(found)
    }

    fn member(&self, member: &Member) -> Node {
        if !member.repeats() {
            return self.one(member.kind, &member.documentation);
        }
        let mut found = described(&member.documentation);
        found.push(("type".to_owned(), "array".into()));
        // An absent element is an absent member, so an array is never empty.
        found.push(("minItems".to_owned(), member.min.max(1).into()));
        if let Some(max) = member.max {
            found.push(("maxItems".to_owned(), max.into()));
        }
        found.push(("items".to_owned(), self.one(member.kind, &NOTHING)));
        Node::Object(found)
    }
}

/// No annotation.
const NOTHING: [String; 2] = [String::new(), String::new()];

/// The annotation: Chinese as title, English as description.
fn described([en, zh]: &[String; 2]) -> Vec<(String, Node)> {
    let said = [("title", zh), ("description", en)].into_iter();
    let said = said.filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| (name.to_owned(), text.as_str().into())).collect()
}

fn attributes_of(kind: &Type) -> (Vec<(String, Node)>, Vec<Node>) {
    let mut properties = Vec::new();
    let mut required = Vec::new();
    for attribute in &kind.attributes {
        let name = format!("@{}", attribute.name);
        let mut found = described(&attribute.documentation);
        found.push(("type".to_owned(), "string".into()));
        found.extend(attribute.value.keywords().into_iter().map(|(k, node)| (k.to_owned(), node)));
        if let Some(fixed) = &attribute.fixed {
            found.push(("const".to_owned(), fixed.as_str().into()));
        }
        if attribute.required {
            required.push(name.as_str().into());
        }
        properties.push((name, Node::Object(found)));
    }
    (properties, required)
}

/// An object of these members and no others.
fn closed(properties: Vec<(String, Node)>, required: Vec<Node>) -> Vec<(String, Node)> {
    let mut found = vec![("type".to_owned(), "object".into())];
    if !required.is_empty() {
        found.push(("required".to_owned(), Node::Array(required)));
    }
    found.push(("additionalProperties".to_owned(), Node::Bool(false)));
    found.push(("properties".to_owned(), Node::Object(properties)));
    found
}

/// What a model asks: names that must be there, and conditions for the rest.
fn require(
    members: &[Member],
    model: &Model,
    required: &mut Vec<Node>,
    conditions: &mut Vec<Node>,
) {
    match model {
        Model::Member(index) => {
            if let Some(member) = members.get(*index).filter(|member| member.min > 0) {
                required.push(member.name.as_str().into());
            }
        }
        Model::Sequence(parts) => {
            parts.iter().for_each(|part| require(members, part, required, conditions));
        }
        Model::Choice(branches) => {
            let branch = |(index, branch): (usize, &Model)| {
                let others = branches.iter().enumerate().filter(|(other, _)| *other != index);
                present(members, branch, &others.map(|(_, other)| other).collect::<Vec<_>>())
            };
            let branches = branches.iter().enumerate().map(branch).collect();
            conditions.push(object([("anyOf", Node::Array(branches))]));
        }
        Model::Optional(inner) => {
            let branches = vec![
                present(members, inner, &[]),
                present(members, &Model::Sequence(vec![]), &[inner]),
            ];
            conditions.push(object([("anyOf", Node::Array(branches))]));
        }
    }
}

/// The condition that a branch is there as it must be, and nothing of the others.
fn present(members: &[Member], branch: &Model, others: &[&Model]) -> Node {
    let (mut required, mut conditions) = (Vec::new(), Vec::new());
    require(members, branch, &mut required, &mut conditions);
    let mut absent = Vec::new();
    others.iter().for_each(|other| names_in(members, other, &mut absent));
    let mut found = Vec::new();
    if !required.is_empty() {
        found.push(("required".to_owned(), Node::Array(required)));
    }
    if !absent.is_empty() {
        let absent = absent.into_iter().map(|name| (name, Node::Bool(false)));
        found.push(("properties".to_owned(), Node::Object(absent.collect())));
    }
    if !conditions.is_empty() {
        found.push(("allOf".to_owned(), Node::Array(conditions)));
    }
    Node::Object(found)
}

fn names_in(members: &[Member], model: &Model, found: &mut Vec<String>) {
    match model {
        Model::Member(index) => found.extend(members.get(*index).map(|m| m.name.clone())),
        Model::Sequence(parts) | Model::Choice(parts) => {
            parts.iter().for_each(|part| names_in(members, part, found));
        }
        Model::Optional(inner) => names_in(members, inner, found),
    }
}
