//! The narrow JSON of facts and receipts, and its canonical form (RFC 8785).
//!
//! In: bytes; out: values of objects, arrays, strings, booleans and whole
//! numbers within +-(2^53 - 1). No null, no fractions, no name twice, bounded
//! depth: what two readers could understand differently is refused.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Largest whole number, either sign: 2^53 - 1 (RFC 7493 section 2.2).
pub(crate) const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// Deepest nesting of objects and arrays, the outermost counted.
pub(crate) const MAX_DEPTH: usize = 16;
/// Room for an object from the start: most facts fit.
const OBJECT_BYTES: usize = 1024;
/// Longest member name.
pub(crate) const MAX_NAME_BYTES: usize = 64;

/// Why bytes are not this JSON: a reason with line and column where known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError(pub(crate) String);

/// Reads one value, at most `depth` deep.
pub(crate) fn parse(bytes: &[u8], depth: usize) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth }.deserialize(&mut reader).map_err(reason)?;
    reader.end().map_err(reason)?;
    Ok(value)
}

fn reason(error: serde_json::Error) -> JsonError {
    JsonError(error.to_string())
}

/// Builds a value with `depth` levels still allowed.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> Result<Strict, E> {
        let depth = self.depth.checked_sub(1);
        depth.map(|depth| Strict { depth }).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, array, string, boolean or whole number")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
            Ok(Value::Number(Number::from(value)))
        } else {
            Err(E::custom("number beyond 2^53 - 1"))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("number beyond 2^53 - 1"))?;
        self.visit_i64(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inside)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!("name {name:?} twice")));
            }
            let value = members.next_value_seed(inside)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// Whether a member name is 1 to 64 letters, digits, `.`, `_`, `:` or `-`.
/// ASCII only, so that the order of UTF-16 units (RFC 8785) is that of bytes.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// Writes the canonical form, at most `depth` deep.
///
/// # Errors
/// The path of the value that has none, with the reason.
pub(crate) fn canonical(value: &Value, depth: usize) -> Result<Vec<u8>, (String, &'static str)> {
    let mut out = Vec::new();
    let mut path = String::new();
    write_value(value, depth, &mut path, &mut out).map_err(|why| (path, why))?;
    Ok(out)
}

/// Writes the canonical form of an object of these members, whatever their order.
///
/// # Errors
/// As of [`canonical`].
pub(crate) fn canonical_object<'v>(
    members: impl Iterator<Item = (&'v str, &'v Value)>,
    depth: usize,
) -> Result<Vec<u8>, (String, &'static str)> {
    let mut out = Vec::with_capacity(OBJECT_BYTES);
    let mut path = String::new();
    let inside = depth.checked_sub(1).ok_or("nested too deeply");
    inside
        .and_then(|inside| write_members(members.collect(), inside, &mut path, &mut out))
        .map_err(|why| (path, why))?;
    Ok(out)
}

fn write_value(
    value: &Value,
    depth: usize,
    path: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    match value {
        Value::Null => return Err("null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|n| (-MAX_INTEGER..=MAX_INTEGER).contains(n));
            let whole = whole.ok_or("a number that is not whole or beyond 2^53 - 1")?;
            out.extend_from_slice(whole.to_string().as_bytes());
        }
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            let inside = depth.checked_sub(1).ok_or("nested too deeply")?;
            write_items(items, inside, path, out)?;
        }
        Value::Object(members) => {
            let inside = depth.checked_sub(1).ok_or("nested too deeply")?;
            let members = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
            write_members(members, inside, path, out)?;
        }
    }
    Ok(())
}

fn write_items(
    items: &[Value],
    depth: usize,
    path: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let length = path.len();
        path.push('/');
        path.push_str(&index.to_string());
        write_value(item, depth, path, out)?;
        path.truncate(length);
    }
    out.push(b']');
    Ok(())
}

fn write_members(
    mut members: Vec<(&str, &Value)>,
    depth: usize,
    path: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    // Sorted here and not by the map: another crate of the build may have
    // chosen maps that keep insertion order.
    members.sort_unstable_by_key(|(name, _)| name.as_bytes());
    out.push(b'{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let length = path.len();
        path.push('/');
        if is_name(name) {
            path.push_str(name);
        } else {
            path.extend(name.chars().take(MAX_NAME_BYTES));
            return Err("a name that is not 1 to 64 of letters, digits, '.', '_', ':', '-'");
        }
        write_string(name, out);
        out.push(b':');
        write_value(value, depth, path, out)?;
        path.truncate(length);
    }
    out.push(b'}');
    Ok(())
}

/// Writes a value over several lines, two spaces a level, names in canonical
/// order: for people; the same value gives the same text.
pub(crate) fn pretty(value: &Value, indent: usize, out: &mut String) {
    let close = |out: &mut String, end: char| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", indent));
        out.push(end);
    };
    let open = |out: &mut String, first: bool| {
        out.push_str(if first { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n("  ", indent + 1));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                open(out, index == 0);
                pretty(item, indent + 1, out);
            }
            close(out, ']');
        }
        Value::Object(members) if !members.is_empty() => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                open(out, index == 0);
                out.push_str(&quoted(name));
                out.push_str(": ");
                pretty(member, indent + 1, out);
            }
            close(out, '}');
        }
        Value::String(text) => out.push_str(&quoted(text)),
        other => out.push_str(&other.to_string()),
    }
}

/// A string in its quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    // Made of the bytes of a string and ASCII.
    String::from_utf8_lossy(&out).into_owned()
}

/// A string as in RFC 8785 section 3.2.2.2.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = text.as_bytes();
    // Nearly every string has nothing to escape: what stands between two escapes goes as a whole.
    while let Some(at) = plain.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (before, rest) = plain.split_at(at);
        out.extend_from_slice(before);
        let Some((byte, after)) = rest.split_first() else { break };
        plain = after;
        match *byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(plain);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
