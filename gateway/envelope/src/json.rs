//! Strict reading of a JSON object. In: text. Out: its members in their order, each with
//! its value and the text of the value as it was sent. Promised: a name that occurs twice
//! in any object is refused, since readers differ in which one they take; nothing may
//! follow the object; depth is bounded by serde_json.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Why a text is no such object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// A name occurs twice.
    Duplicate(String),
    /// Not a JSON object; what the parser says.
    Malformed(String),
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'t> {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// The value as it stands in the text.
    pub(crate) raw: &'t str,
}

/// What a duplicate is called inside of an error of serde.
const DUPLICATE: &str = "duplicate member: ";

/// Members of one object at the top; inner objects are bounded by the text alone.
pub(crate) const MAX_MEMBERS: usize = 64;

/// Reads one object and nothing else.
pub(crate) fn object(text: &str) -> Result<Vec<Member<'_>>, JsonFault> {
    let mut scan = Scan { rest: text };
    let mut members: Vec<Member<'_>> = Vec::new();
    scan.expect('{')?;
    if !scan.taken('}') {
        loop {
            let (Value::String(name), _) = scan.value()? else {
                return Err(JsonFault::Malformed("expected a name".to_owned()));
            };
            if members.iter().any(|member| member.name == name) {
                return Err(JsonFault::Duplicate(name));
            }
            if members.len() == MAX_MEMBERS {
                return Err(JsonFault::Malformed(format!("more than {MAX_MEMBERS} members")));
            }
            scan.expect(':')?;
            let (value, raw) = scan.value()?;
            members.push(Member { name, value, raw });
            if !scan.taken(',') {
                break;
            }
        }
        scan.expect('}')?;
    }
    match scan.rest.trim_matches(WHITE) {
        "" => Ok(members),
        _ => Err(JsonFault::Malformed("expected nothing after the object".to_owned())),
    }
}

/// Reads one array and nothing else: the text of each of its values.
pub(crate) fn array(text: &str) -> Result<Vec<&str>, JsonFault> {
    let mut scan = Scan { rest: text };
    let mut values = Vec::new();
    scan.expect('[')?;
    if !scan.taken(']') {
        loop {
            values.push(scan.value()?.1);
            if !scan.taken(',') {
                break;
            }
        }
        scan.expect(']')?;
    }
    match scan.rest.trim_matches(WHITE) {
        "" => Ok(values),
        _ => Err(JsonFault::Malformed("expected nothing after the array".to_owned())),
    }
}

/// Takes the value of a member out.
pub(crate) fn take(members: &mut Vec<Member<'_>>, name: &str) -> Option<Value> {
    let at = members.iter().position(|member| member.name == name)?;
    Some(members.swap_remove(at).value)
}

const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

struct Scan<'t> {
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn taken(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start_matches(WHITE);
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), JsonFault> {
        match self.taken(wanted) {
            true => Ok(()),
            false => Err(JsonFault::Malformed(format!("expected `{wanted}`"))),
        }
    }

    /// The next value, and its text.
    fn value(&mut self) -> Result<(Value, &'t str), JsonFault> {
        self.rest = self.rest.trim_start_matches(WHITE);
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Strict>();
        let value = match values.next() {
            Some(Ok(Strict(value))) => value,
            Some(Err(error)) => return Err(fault(&error)),
            None => return Err(JsonFault::Malformed("expected a value".to_owned())),
        };
        let (raw, rest) = self.rest.split_at_checked(values.byte_offset()).unwrap_or_default();
        self.rest = rest;
        Ok((value, raw))
    }
}

fn fault(error: &serde_json::Error) -> JsonFault {
    let text = error.to_string();
    match text.strip_prefix(DUPLICATE) {
        // serde_json puts the place after what we said.
        Some(name) => {
            let name = name.rsplit_once(" at line ").map_or(name, |(name, _)| name);
            JsonFault::Duplicate(name.to_owned())
        }
        None => JsonFault::Malformed(text),
    }
}

/// A value without duplicate names at any depth.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Build).map(Strict)
    }
}

struct Build;

impl<'de> DeserializeSeed<'de> for Build {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(Number::from_f64(it).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(Build)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("{DUPLICATE}{name}")));
            }
            let value = from.next_value_seed(Build)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_with_their_text() {
        let text = " {\"b\" : {\"x\":[1, 2.50 ,null]} , \"a\":\"\\u4e2d\",\"c\":-1e2,\"d\":true}\n";
        let members = object(text).unwrap();
        let found: Vec<(&str, &str)> = members.iter().map(|m| (m.name.as_str(), m.raw)).collect();
        let raw = "{\"x\":[1, 2.50 ,null]}";
        assert_eq!(found, [("b", raw), ("a", "\"\\u4e2d\""), ("c", "-1e2"), ("d", "true")]);
        assert_eq!(members[1].value, Value::String("中".to_owned()));
        assert_eq!(object("{}").unwrap().len(), 0);
        let mut members = object("{\"a\":1,\"b\":2}").unwrap();
        assert_eq!(take(&mut members, "a"), Some(Value::from(1)));
        assert_eq!(take(&mut members, "a"), None);
    }

    #[test]
    fn an_array_gives_the_text_of_its_values() {
        assert_eq!(
            array(" [1.50 , {\"a\":[2]},\"x\"] ").unwrap(),
            ["1.50", "{\"a\":[2]}", "\"x\""]
        );
        assert!(array("[]").unwrap().is_empty());
        for text in ["", "{}", "[", "[1", "[1,]", "[1] 2", "[{\"a\":1,\"a\":2}]"] {
            assert!(array(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_occurs_once_at_every_depth() {
        for text in [
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"b\":{\"a\":1,\"a\":2}}",
            "{\"b\":[[{\"a\":1,\"a\":2}]]}",
        ] {
            assert_eq!(object(text).unwrap_err(), JsonFault::Duplicate("a".to_owned()), "{text}");
        }
        object("{\"a\":{\"a\":1},\"b\":{\"a\":2}}").unwrap();
    }

    #[test]
    fn everything_else_is_malformed() {
        let many: Vec<String> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":0")).collect();
        let many = format!("{{{}}}", many.join(","));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            "[]",
            "1",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1}{}",
            "{\"a\":1} x",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":\"\n\"}",
            "{\"a\" 1}",
            "{1:2}",
            "{\"a\":nul}",
            "{,}",
            "{\"a\":1 \"b\":2}",
            "\u{feff}{}",
            "{\"a\":1e999}",
            &many,
            &deep,
        ] {
            assert!(matches!(object(text), Err(JsonFault::Malformed(_))), "{text}");
        }
    }
}
