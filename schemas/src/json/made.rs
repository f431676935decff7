//! Messages made from the shape of their type with a seed: every member there or not,
//! arrays of one and several, values at their bounds, white space and characters that
//! need escaping. Each must be valid by its XSD and by its JSON Schema and go both ways.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::shape::Model;
use super::tests::{both_ways, form, parse, read};
use super::*;
use crate::Catalogue;

/// A Signature as a signer would put it there, line breaks in its base64 included.
pub(super) const SIGNATURE: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>\
<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
<ds:Reference URI=\"\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
<ds:DigestValue>QUJD\n REVG</ds:DigestValue></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue>QUJD\n\tREVG</ds:SignatureValue></ds:Signature>";

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// A value of a simple type, by its JSON Schema keywords: what XML Schema takes as well.
fn value(dice: &mut Dice, runner: &mut TestRunner, simple: &Simple) -> String {
    let members = simple.keywords().into_iter().map(|(name, node)| (name.to_owned(), node));
    let schema = serde_json::to_value(node::Node::Object(members.collect())).unwrap();
    if let Some(values) = schema["enum"].as_array() {
        return values[dice.roll(values.len())].as_str().unwrap().to_owned();
    }
    if let Some((min, max)) = simple.collapsed_lengths() {
        let length = [min, max][dice.roll(2)] as usize;
        return ["", " ", "\n\t"][dice.roll(3)].to_owned() + &"名".repeat(length);
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        if pattern.contains("T[0-9]") {
            return "2026-11-01T10:00:00+08:00".to_owned();
        }
        if !simple.is_exact() {
            return "2026-11-01".to_owned();
        }
        if pattern.contains("A-Za-z0-9+/") {
            return ["QUJD", "QUI=", " QUJD\n REVG "][dice.roll(3)].to_owned();
        }
        if pattern.contains("0*") || pattern.contains("+-") {
            return ["0", "1", "12", "+7", " 3 ", "007"][dice.roll(6)].to_owned();
        }
        let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
        let strategy = proptest::string::string_regex(pattern).unwrap();
        return strategy.new_tree(runner).unwrap().current();
    }
    if !simple.is_exact() {
        // An identifier (xs:ID) may stand once in a document.
        return format!("x{}", dice.roll(usize::MAX));
    }
    let min = schema["minLength"].as_u64().unwrap_or(0) as usize;
    let max = schema["maxLength"].as_u64().unwrap_or(40) as usize;
    let length = [min, max, min + dice.roll(max - min + 1)][dice.roll(3)];
    let letters =
        ['a', '名', '<', '&', '>', '"', '\'', ' ', '\n', '\t', '\r', '😀', '\\', '/', '0'];
    (0..length).map(|_| letters[dice.roll(letters.len())]).collect()
}

struct Maker<'m> {
    dice: Dice,
    runner: TestRunner,
    shape: &'m Shape,
}

impl Maker<'_> {
    fn one(&mut self, member: &Member) -> Value {
        let shape = self.shape;
        let kind = shape.get(member.kind).unwrap();
        let mut object = serde_json::Map::new();
        for attribute in &kind.attributes {
            if attribute.required || self.dice.roll(2) == 0 {
                let made = value(&mut self.dice, &mut self.runner, &attribute.value);
                let text = attribute.fixed.clone().unwrap_or(made);
                object.insert(format!("@{}", attribute.name), text.into());
            }
        }
        match &kind.content {
            Content::Opaque if member.name == "Signature" => SIGNATURE.into(),
            Content::Opaque => {
                let namespace = shape.namespace(member);
                format!("<q:{n} xmlns:q=\"{namespace}\"> a<x>\u{1}</x> </q:{n}>", n = member.name)
                    .replace('\u{1}', "&amp;&#13;")
                    .into()
            }
            Content::Value(simple) => {
                let text = value(&mut self.dice, &mut self.runner, simple);
                if kind.attributes.is_empty() {
                    return text.into();
                }
                object.insert("#text".to_owned(), text.into());
                object.into()
            }
            Content::Members(members, model) => {
                self.fill(members, model, &mut object);
                object.into()
            }
        }
    }

    fn fill(
        &mut self,
        members: &[Member],
        model: &Model,
        object: &mut serde_json::Map<String, Value>,
    ) {
        match model {
            Model::Member(index) => {
                let member = &members[*index];
                if member.min == 0 && self.dice.roll(2) == 0 {
                    return;
                }
                let one = match member.repeats() {
                    false => self.one(member),
                    true => {
                        let most = member.max.unwrap_or(3).min(3) as usize;
                        let count = (1 + self.dice.roll(most)).max(member.min as usize);
                        Value::Array((0..count).map(|_| self.one(member)).collect())
                    }
                };
                object.insert(member.name.clone(), one);
            }
            Model::Sequence(parts) => {
                parts.iter().for_each(|part| self.fill(members, part, object))
            }
            Model::Choice(branches) => {
                let branch = self.dice.roll(branches.len());
                self.fill(members, &branches[branch], object);
            }
            Model::Optional(inner) => {
                if self.dice.roll(2) == 0 {
                    self.fill(members, inner, object);
                }
            }
        }
    }
}

fn make(shape: &Shape, seed: u64) -> Value {
    let runner = TestRunner::deterministic();
    let mut maker = Maker { dice: Dice(seed | 1), runner, shape };
    serde_json::json!({ shape.root.name.clone(): maker.one(&shape.root) })
}

/// A comment and white space before the first start tags; none inside an empty element.
fn between_elements(xml: &str) -> String {
    let mut parts = xml.split("><");
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut left = 3;
    for part in parts {
        let start = left > 0 && !part.starts_with('/');
        left -= usize::from(start);
        text.push_str(if start { "><!-- c -->\n <" } else { "><" });
        text.push_str(part);
    }
    text
}

/// One seeded message of each type: the XSD takes it, and it goes both ways.
fn judge(catalogue: &Catalogue, seed: u64) {
    for kind in catalogue.types() {
        let form = form(catalogue, &kind.name);
        let text = make(form.shape().unwrap(), seed).to_string();
        let message = form.accept(read(&text)).unwrap_or_else(|e| panic!("{e:#?}\n{text}"));
        let document = parse(message.xml());
        assert_eq!(catalogue.validate_structure(&document, kind), Ok(()), "{}", message.xml());
        // As a stranger would write the same XML: no prefix, comments, white space. What is
        // inside opaque XML would be another name without its prefix.
        let family = &kind.family;
        let plain = message.xml().replace(&format!("<{family}:"), "<");
        let plain = plain.replace(&format!("</{family}:"), "</");
        let plain = plain.replacen(&format!("xmlns:{family}="), "xmlns=", 1);
        let other = match plain.contains("<q:") {
            true => message.xml().to_owned(),
            false => between_elements(&plain),
        };
        let json = both_ways(form, &other);
        let (a, b): (Value, Value) =
            (serde_json::from_str(&json).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(a, b, "{}", kind.name);
    }
}

proptest::proptest! {
    #![proptest_config(Config { cases: 16, failure_persistence: None, ..Config::default() })]

    #[test]
    fn messages_of_every_type_go_both_ways(seed: u64) {
        thread_local!(static CATALOGUE: Catalogue = Catalogue::load_builtin().unwrap());
        CATALOGUE.with(|catalogue| judge(catalogue, seed));
    }
}

/// Every leaf of a value with each of these texts in its place, and without it; and where
/// that is.
fn spoiled(value: &Value, texts: &[&str]) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((pointer, at)) = open.pop() {
        let inner = |name: &str| format!("{pointer}/{name}");
        match at {
            Value::Object(map) => open.extend(map.iter().map(|(name, at)| (inner(name), at))),
            Value::Array(items) => open.extend(items.first().map(|at| (inner("0"), at))),
            _ => leaves.push(pointer),
        }
    }
    leaves.retain(|pointer| !pointer.ends_with("/Signature") && !pointer.ends_with("/Message"));
    let mut found = Vec::new();
    for pointer in leaves {
        for text in texts {
            let mut other = value.clone();
            *other.pointer_mut(&pointer).unwrap() = (*text).into();
            found.push((pointer.clone(), other));
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut other = value.clone();
        if let Some(Value::Object(map)) = other.pointer_mut(parent) {
            map.remove(name);
            found.push((pointer.clone(), other));
        }
    }
    found
}

#[test]
fn json_schema_and_xsd_judge_alike() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let long = "长".repeat(19);
    let longer = "x".repeat(1001);
    let texts = [
        "",
        " ",
        "0",
        "-1.50",
        "20261101",
        "1.123456",
        "12345678901234567890",
        "2147483648",
        &long,
        &longer,
    ];
    let (mut refused, mut taken) = (0, 0);
    for kind in catalogue.types() {
        let form = form(&catalogue, &kind.name);
        for (pointer, value) in spoiled(&make(form.shape().unwrap(), 4242), &texts) {
            let json = read(&value.to_string());
            let by_schema = form.validate(&json);
            let xml = to_xml::write(form.shape().unwrap(), &form.prefix, &json).unwrap();
            let by_xsd = catalogue.validate_structure(&parse(&xml), kind);
            // What JSON Schema cannot say it leaves to the XSD; it never refuses more.
            let exact = form.value_at(&pointer).is_none_or(Simple::is_exact);
            let alike = by_schema.is_ok() == by_xsd.is_ok();
            let left = !exact && by_schema.is_ok();
            assert!(alike || left, "{pointer}\n{by_schema:#?}\n{by_xsd:#?}\n{xml}");
            *(if by_xsd.is_ok() { &mut taken } else { &mut refused }) += 1;
        }
    }
    assert!(refused > 1000 && taken > 1000, "{refused} refused, {taken} taken");
}
