//! XML to JSON by the shape of its type: members in the order of the schema, every
//! value a string exactly as it stands, what may repeat always an array, what is
//! absent absent. Comments, instructions, white space between elements and hints of
//! where a schema is are not data and are left out.

use onepoint_xml::Element;

use super::opaque;
use super::shape::{Content, Member, Shape, Type};
use crate::violation::Violation;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes the JSON of the element that is the root of its message.
///
/// # Errors
/// The first thing that the shape has no place for. A valid document has none.
pub(super) fn write(shape: &Shape, root: Element<'_>) -> Result<String, Box<Violation>> {
    let mut out = String::with_capacity(root.document().source().len());
    if !root.is(shape.namespace(&shape.root), &shape.root.name) {
        return Err(stranger(root));
    }
    out.push('{');
    string(&mut out, &shape.root.name);
    out.push(':');
    element(&mut out, shape, &shape.root, root)?;
    out.push('}');
    Ok(out)
}

fn element(
    out: &mut String,
    shape: &Shape,
    member: &Member,
    at: Element<'_>,
) -> Result<(), Box<Violation>> {
    let Some(kind) = shape.get(member.kind) else { return Err(stranger(at)) };
    match &kind.content {
        Content::Opaque => string(out, &opaque::to_text(at)),
        Content::Value(_) => {
            if let Some(child) = at.children().next() {
                return Err(stranger(child));
            }
            if kind.attributes.is_empty() {
                attributes(out, kind, at)?;
                string(out, &at.text());
            } else {
                out.push('{');
                let comma = attributes(out, kind, at)?;
                out.push_str(if comma { ",\"#text\":" } else { "\"#text\":" });
                string(out, &at.text());
                out.push('}');
            }
        }
        Content::Members(members, _) => object(out, shape, kind, members, at)?,
    }
    Ok(())
}

fn object(
    out: &mut String,
    shape: &Shape,
    kind: &Type,
    members: &[Member],
    at: Element<'_>,
) -> Result<(), Box<Violation>> {
    out.push('{');
    let mut comma = attributes(out, kind, at)?;
    let known = |child: &Element<'_>| members.iter().any(|m| child.is(shape.namespace(m), &m.name));
    if let Some(child) = at.children().find(|child| !known(child)) {
        return Err(stranger(child));
    }
    for member in members {
        let mut found = at.children_named(shape.namespace(member), &member.name).peekable();
        let Some(first) = found.peek().copied() else { continue };
        if comma {
            out.push(',');
        }
        comma = true;
        string(out, &member.name);
        out.push(':');
        if !member.repeats() {
            element(out, shape, member, first)?;
            // A second one would be lost.
            if let Some(second) = found.nth(1) {
                return Err(stranger(second));
            }
            continue;
        }
        out.push('[');
        for (index, one) in found.enumerate() {
            if index > 0 {
                out.push(',');
            }
            element(out, shape, member, one)?;
        }
        out.push(']');
    }
    out.push('}');
    Ok(())
}

/// Writes the attributes as members called `@name`; whether there were any.
fn attributes(out: &mut String, kind: &Type, at: Element<'_>) -> Result<bool, Box<Violation>> {
    let mut comma = false;
    for (name, _) in at.attributes() {
        let known =
            name.namespace.is_empty() && kind.attributes.iter().any(|a| a.name == name.local);
        let hint = name.namespace == XSI && name.local.ends_with("chemaLocation");
        if !known && !hint {
            return Err(stranger(at));
        }
    }
    for attribute in &kind.attributes {
        let Some(value) = at.attribute("", &attribute.name) else { continue };
        if comma {
            out.push(',');
        }
        comma = true;
        string(out, &format!("@{}", attribute.name));
        out.push(':');
        string(out, value);
    }
    Ok(comma)
}

/// A JSON string.
fn string(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn stranger(at: Element<'_>) -> Box<Violation> {
    let name = at.name().to_string();
    let en = format!("{name} has no place in the JSON form of its type");
    let zh = format!("该报文类型的 JSON 形式中没有 {name} 的位置");
    Box::new(Violation::at(at, "json-no-place").found(&name).text(en, zh))
}
