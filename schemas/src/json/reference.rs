//! The reference of a family's messages: what stands in the document is what the gateway
//! checks. In: manifest and schemas of a family. Out: Markdown, which is the part of
//! `schemas/zone/1/README.md` behind its introduction.

use super::shape::{Content, Member, Shape};
use crate::catalogue::{Catalogue, Direction, MessageType, Signature};

/// Every message of a family, in Markdown, by name: purpose, keys, and each field with its
/// occurrence, value and meaning in both languages. A type without an XSD or JSON
/// form is left out.
#[must_use]
pub fn reference(catalogue: &Catalogue, family: &str) -> String {
    let kinds = catalogue.types().filter(|kind| kind.family == family);
    let shapes = kinds.filter_map(|kind| Some((kind, catalogue.json_form(kind)?.ok()?.shape()?)));
    shapes.map(|(kind, shape)| message(kind, shape)).collect()
}

/// One message: purpose, keys, and a table of the fields of each part.
fn message(kind: &MessageType, shape: &Shape) -> String {
    let mut out = format!("## {}: {} {}\n\n", kind.name, kind.title, kind.title_zh);
    let [purpose, _] = &shape.root.documentation;
    line(&mut out, format!("{purpose}.\n"));
    let way = match kind.direction {
        Direction::Declaration => "declaration",
        Direction::Answer => "answer",
        Direction::Envelope => "envelope",
    };
    let signature = match kind.signature {
        Signature::Required => "required",
        Signature::Optional => "optional",
        Signature::None => "none",
    };
    let list =
        |names: &[String]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    line(&mut out, format!("- direction: {way}; signature {signature}"));
    line(&mut out, format!("- business key: {}", list(&kind.key)));
    if !kind.order_key.is_empty() {
        line(&mut out, format!("- kept in order by: {}", list(&kind.order_key)));
    }
    if !kind.signer_any_of.is_empty() {
        line(&mut out, format!("- signed by, or for: {}", list(&kind.signer_any_of)));
    }
    if let Some(receipt) = &kind.receipt {
        line(&mut out, format!("- answered by: `{receipt}`"));
    }
    if !kind.personal.is_empty() {
        line(&mut out, format!("- personal, masked in every answer: {}", list(&kind.personal)));
    }
    out.push('\n');
    let Some(document) = members(shape, &shape.root).iter().find(|m| m.name == kind.document)
    else {
        return out;
    };
    for part in members(shape, document) {
        let [what, _] = &part.documentation;
        let what = if what.is_empty() { String::new() } else { format!(" {what}.") };
        line(&mut out, format!("`{}` ({}).{what}\n", part.name, occurs(part)));
        table(&mut out, shape, part);
    }
    out
}

fn table(out: &mut String, shape: &Shape, part: &Member) {
    out.push_str("| field | occurs | value | meaning | 含义 |\n|---|---|---|---|---|\n");
    for member in members(shape, part) {
        let value = match shape.get(member.kind).map(|kind| &kind.content) {
            Some(Content::Value(value)) => value.words().0,
            _ => "an object".to_owned(),
        };
        let value =
            value.replace('|', "\\|").replace("a string with ", "").replace("a string of ", "");
        let [en, zh] = &member.documentation;
        line(out, format!("| `{}` | {} | {value} | {en} | {zh} |", member.name, occurs(member)));
    }
    out.push('\n');
}

fn members<'f>(shape: &'f Shape, member: &Member) -> &'f [Member] {
    match shape.get(member.kind).map(|kind| &kind.content) {
        Some(Content::Members(members, _)) => members,
        _ => &[],
    }
}

fn line(out: &mut String, text: String) {
    out.push_str(&text);
    out.push('\n');
}

fn occurs(member: &Member) -> String {
    let most = member.max.map_or_else(|| "any number".to_owned(), |max| max.to_string());
    match member.max {
        Some(max) if max == member.min => most,
        _ => format!("{} to {most}", member.min),
    }
}
