//! Strict reading of JSON (RFC 8259). In: bytes. Out: a [`Json`], which keeps its text
//! so that every value has a place, or one violation with line, column and path.
//! Promised: bounded size, depth and number of values; invalid UTF-8, lone
//! surrogates and, unless asked otherwise, duplicate names are refused.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::locate;
use crate::violation::Violation;

/// Bounds of one JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of input. Code `json-too-large`.
    pub bytes: usize,
    /// Arrays and objects inside each other; at most 120. Code `json-too-deep`.
    pub depth: usize,
    /// Values in all. Code `json-too-many-values`.
    pub values: usize,
    /// Whether an object may name a member twice; the last one then counts. RFC 8259,
    /// section 4, leaves it open; a message may not. Code `json-duplicate-name`.
    pub duplicate_names: bool,
}

impl Default for JsonLimits {
    fn default() -> Self {
        JsonLimits { bytes: 16 << 20, depth: 64, values: 1_000_000, duplicate_names: false }
    }
}

/// A JSON text that was read, with the text itself.
#[derive(Debug, Clone)]
pub struct Json {
    text: String,
    value: Value,
}

impl Json {
    /// Reads one JSON text.
    ///
    /// # Errors
    /// Whatever is not JSON in UTF-8 without a byte order mark, or exceeds `limits`.
    pub fn read(bytes: Vec<u8>, limits: &JsonLimits) -> Result<Json, Box<Violation>> {
        if bytes.len() > limits.bytes {
            let found = bytes.len().to_string();
            let fault = Violation::placed("json-too-large", "", 1, 1).found(&found);
            let most = limits.bytes;
            let fault = fault.expected(format!("at most {most} bytes"));
            let texts = (format!("longer than {most} bytes"), format!("超过 {most} 字节"));
            return Err(Box::new(fault.text(texts.0, texts.1)));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let before = std::str::from_utf8(before).unwrap_or_default();
            let (line, column) = locate::position(before, valid);
            let fault = Violation::placed("json-encoding", "", line, column).expected("UTF-8");
            Box::new(fault.text("the text is not UTF-8 here", "此处不是有效的 UTF-8 编码"))
        })?;
        if text.starts_with('\u{feff}') {
            let fault = Violation::placed("json-byte-order-mark", "", 1, 1).expected("{");
            let text = ("JSON begins without a byte order mark", "JSON 文本不得以 BOM 开头");
            return Err(Box::new(fault.text(text.0, text.1)));
        }
        let state = State { limits, left: limits.values.into(), fault: RefCell::new(None) };
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read = Node { state: &state, depth: 0 }.deserialize(&mut reader);
        match read.and_then(|value| reader.end().map(|()| value)) {
            Ok(value) => Ok(Json { text, value }),
            Err(error) => Err(Box::new(refusal(&text, &error, state.fault.into_inner()))),
        }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The message type it says it is of: the name of the only member of the object it is.
    #[must_use]
    pub fn message_type(&self) -> Option<&str> {
        let mut names = self.value.as_object()?.keys();
        names.next().filter(|_| names.next().is_none()).map(String::as_str)
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column, in characters from 1, of the value at a JSON Pointer (RFC 6901);
    /// of the innermost value around it when there is none.
    #[must_use]
    pub fn position(&self, pointer: &str) -> (u32, u32) {
        locate::position(&self.text, locate::value(&self.text, pointer))
    }

    /// As [`Json::position`], but of the name before the value.
    #[must_use]
    pub fn name_position(&self, pointer: &str) -> (u32, u32) {
        locate::position(&self.text, locate::name(&self.text, pointer))
    }
}

/// Why our own checks ended the reading.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Duplicate(String),
    Depth,
    Values,
}

struct State<'l> {
    limits: &'l JsonLimits,
    left: std::cell::Cell<usize>,
    fault: RefCell<Option<Fault>>,
}

impl State<'_> {
    fn end<E: serde::de::Error>(&self, fault: Fault) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("")
    }
}

/// One value to come. Recursion is bounded by the depth, and by serde_json at 128.
#[derive(Clone, Copy)]
struct Node<'s, 'l> {
    state: &'s State<'l>,
    depth: usize,
}

impl Node<'_, '_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        match depth > self.state.limits.depth {
            true => Err(self.state.end(Fault::Depth)),
            false => Ok(Node { depth, ..self }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.state.left.get().checked_sub(1) {
            Some(left) => self.state.left.set(left),
            None => return Err(self.state.end(Fault::Values)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if !self.state.limits.duplicate_names && map.contains_key(&name) {
                return Err(self.state.end(Fault::Duplicate(name)));
            }
            map.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

/// The words for what ended the reading, at its place.
fn refusal(text: &str, error: &serde_json::Error, fault: Option<Fault>) -> Violation {
    // serde_json counts bytes in a line; ours are characters.
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (before + error.column().saturating_sub(1)).min(text.len());
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let (code, found, en, zh) = match &fault {
        Some(Fault::Duplicate(name)) => {
            at = locate::string_before(text, at);
            (
                "json-duplicate-name",
                name.as_str(),
                "the object has this name twice",
                "对象成员名称重复",
            )
        }
        Some(Fault::Depth) => ("json-too-deep", "", "nested too deeply", "嵌套层数过多"),
        Some(Fault::Values) => ("json-too-many-values", "", "too many values", "值的数量过多"),
        None if said.starts_with("recursion limit") => {
            ("json-too-deep", "", "nested too deeply", "嵌套层数过多")
        }
        None if said.contains("surrogate") || said.contains("end of hex escape") => {
            ("json-surrogate", said, "half of a surrogate pair stands alone", "代理对不完整")
        }
        None if said.contains("number out of range") || said.contains("finite") => {
            ("json-number", said, "the number is out of range", "数值超出范围")
        }
        None => ("json-syntax", said, said, "不是有效的 JSON"),
    };
    let (line, column) = locate::position(text, at);
    Violation::placed(code, "", line, column).found(found).text(en, zh)
}
