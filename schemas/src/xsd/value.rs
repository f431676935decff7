//! Values of simple types, for the comparisons that enumerations, bounds and fixed values
//! need. In: a primitive type and the text, white space normalised. Out: a [`Value`] of the
//! value space, so that `1.0` and `01` are one decimal and two strings.

use std::cmp::Ordering;

use onepoint_xml::{Element, is_name_char, is_ncname};

pub(super) mod decimal;
pub(super) mod time;

use decimal::Decimal;
use time::{Duration, Instant, Point};

/// The built-in type that says how a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    String,
    Boolean,
    Decimal,
    Integer,
    Float,
    Double,
    Duration,
    Time(Point),
    Hex,
    Base64,
    Uri,
    Language,
    Nmtoken,
    Name,
    NcName,
    Qname,
    Notation,
}

/// A value as its value space has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(Box<str>),
    Uri(Box<str>),
    Boolean(bool),
    /// A decimal as written, trimmed.
    Decimal(Box<str>),
    Float(f32),
    Double(f64),
    Duration(Duration),
    Time(Point, Instant),
    Hex(Box<[u8]>),
    Base64(Box<[u8]>),
    Qname(Box<str>, Box<str>),
    List(Vec<Value>),
}

/// Where prefixes of a value are bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'e> {
    pub(super) element: Element<'e>,
    /// The namespace of names without prefix where none is declared: that of the including
    /// schema, for a schema without one.
    pub(super) otherwise: &'e str,
}

impl<'e> Scope<'e> {
    pub(super) fn of(element: Element<'e>) -> Scope<'e> {
        Scope { element, otherwise: "" }
    }

    /// Namespace and local name of a QName; none when it is not one, or its prefix is not bound.
    pub(super) fn resolve<'n>(&self, name: &'n str) -> Option<(&'e str, &'n str)> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if !is_ncname(local) || (prefix.is_empty() && name.contains(':')) {
            return None;
        }
        match self.element.namespace_of(prefix) {
            Some(namespace) => Some((namespace, local)),
            None => prefix.is_empty().then_some((self.otherwise, local)),
        }
    }
}

/// Whether the text is one of the type, white space collapsed. QNames need their prefix bound.
pub(super) fn is_valid(primitive: Primitive, text: &str, scope: Scope<'_>) -> bool {
    match primitive {
        Primitive::String | Primitive::Uri => true,
        Primitive::Boolean => matches!(text, "true" | "false" | "1" | "0"),
        Primitive::Decimal => Decimal::parse(text).is_some(),
        Primitive::Integer => Decimal::parse_integer(text).is_some(),
        Primitive::Float | Primitive::Double => is_float(text),
        Primitive::Duration => Duration::parse(text).is_some(),
        Primitive::Time(point) => Instant::is_valid(point, text),
        Primitive::Hex => {
            text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
        }
        Primitive::Base64 => base64_octets(text).is_some(),
        Primitive::Language => is_language(text),
        Primitive::Nmtoken => !text.is_empty() && text.chars().all(is_token_char),
        Primitive::Name => {
            text.chars().next().is_some_and(|c| c == ':' || is_start(c))
                && text.chars().all(is_token_char)
        }
        Primitive::NcName => is_ncname(text),
        Primitive::Qname | Primitive::Notation => scope.resolve(text).is_some(),
    }
}

/// The value of a text that [`is_valid`].
pub(super) fn parse(primitive: Primitive, text: &str, scope: Scope<'_>) -> Option<Value> {
    if !is_valid(primitive, text, scope) {
        return None;
    }
    Some(match primitive {
        Primitive::Uri => Value::Uri(text.into()),
        Primitive::Boolean => Value::Boolean(matches!(text, "true" | "1")),
        Primitive::Decimal | Primitive::Integer => Value::Decimal(text.into()),
        Primitive::Float => Value::Float(float(text).parse().ok()?),
        Primitive::Double => Value::Double(float(text).parse().ok()?),
        Primitive::Duration => Value::Duration(Duration::parse(text)?),
        Primitive::Time(point) => Value::Time(point, Instant::parse(point, text)?),
        Primitive::Hex => Value::Hex(text.to_ascii_uppercase().into_bytes().into()),
        Primitive::Base64 => Value::Base64(text.bytes().filter(|byte| !is_space(*byte)).collect()),
        Primitive::Qname | Primitive::Notation => {
            let (namespace, local) = scope.resolve(text)?;
            Value::Qname(namespace.into(), local.into())
        }
        Primitive::String
        | Primitive::Language
        | Primitive::Nmtoken
        | Primitive::Name
        | Primitive::NcName => Value::Text(text.into()),
    })
}

impl Value {
    /// Whether they are one value (part 2, section 4.2.1): NaN is itself.
    pub(super) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Decimal(one), Value::Decimal(other)) => {
                Decimal::parse(one) == Decimal::parse(other)
            }
            (Value::Float(one), Value::Float(other)) => {
                one == other || (one.is_nan() && other.is_nan())
            }
            (Value::Double(one), Value::Double(other)) => {
                one == other || (one.is_nan() && other.is_nan())
            }
            (Value::Duration(one), Value::Duration(other)) => {
                one.partial_cmp(other) == Some(Ordering::Equal)
            }
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.same(b))
            }
            _ => self == other,
        }
    }

    /// Their order, where they have one.
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Decimal(one), Value::Decimal(other)) => {
                Some(Decimal::parse(one)?.cmp(&Decimal::parse(other)?))
            }
            (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
            (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
            (Value::Duration(one), Value::Duration(other)) => one.partial_cmp(other),
            (Value::Time(point, one), Value::Time(other_point, other)) => {
                (point == other_point).then(|| one.partial_cmp(other)).flatten()
            }
            _ => None,
        }
    }
}

/// White space of XML (production [3]).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Octets that base64 stands for; none when it is none (part 2, section 3.2.16: white space
/// anywhere, canonical last character).
pub(super) fn base64_octets(text: &str) -> Option<usize> {
    let (mut symbols, mut padding, mut last) = (0_usize, 0_usize, 0_u8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {
                symbols += 1;
                last = byte;
            }
            b'=' => padding += 1,
            _ if is_space(byte) => {}
            _ => return None,
        }
    }
    let whole = (symbols + padding).is_multiple_of(4);
    match padding {
        0 if whole => Some(symbols / 4 * 3),
        1 if whole && b"AEIMQUYcgkosw048".contains(&last) => Some(symbols / 4 * 3 + 2),
        2 if whole && b"AQgw".contains(&last) => Some(symbols / 4 * 3 + 1),
        _ => None,
    }
}

fn is_float(text: &str) -> bool {
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    Decimal::parse(mantissa).is_some()
        && exponent.is_none_or(|exponent| Decimal::parse_integer(exponent).is_some())
}

fn float(text: &str) -> &str {
    match text {
        "INF" => "inf",
        "-INF" => "-inf",
        _ => text,
    }
}

fn is_language(text: &str) -> bool {
    text.split('-').enumerate().all(|(at, part)| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()))
    })
}

fn is_token_char(c: char) -> bool {
    c == ':' || is_name_char(c)
}

fn is_start(c: char) -> bool {
    is_ncname(c.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests;
