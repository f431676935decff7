//! The private fact behind a leaf: versioned canonical JSON (RFC 8785).
//!
//! In: kind, time and members; out: bytes that are the same everywhere, and
//! back. Whole numbers, strings, booleans, arrays and objects only: decimals
//! are strings. At most 64 KiB; a longer list (of violations, say) goes in cut,
//! with its full length and the SHA-256 of its canonical bytes
//! ([`canonical_digest`]) beside it.

mod time;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use time::{format_time, parse_time};

use crate::hash::Hash;
use crate::json::{self, MAX_DEPTH};
use crate::leaf::{FactKind, Leaf, LeafError, Nonce};

/// Version written into each fact as `v`.
pub const FACT_VERSION: i64 = 1;
/// Most bytes of a fact in its canonical form.
pub const MAX_FACT_BYTES: usize = 64 * 1024;
/// Members that the library writes itself.
pub const RESERVED_MEMBERS: [&str; 3] = ["v", "kind", "time"];

/// Why bytes or members are not a fact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// Over the cap.
    #[error("fact has {bytes} bytes, expected at most {MAX_FACT_BYTES}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// Not JSON, or JSON beyond what facts may hold.
    #[error("fact is not JSON of objects, arrays, strings, booleans and whole numbers: {reason}")]
    Json {
        /// What was found, with line and column.
        reason: String,
    },
    /// Right JSON in another spelling than the canonical one.
    #[error("fact is not in canonical form from byte {at} on")]
    NotCanonical {
        /// First byte that differs.
        at: usize,
    },
    /// A value that facts may not hold.
    #[error("fact member {path} holds {reason}")]
    Value {
        /// Path of the value.
        path: String,
        /// What it holds.
        reason: &'static str,
    },
    /// A member that the library writes itself was set.
    #[error("fact member {name:?} is set by kind and time, not by hand")]
    Reserved {
        /// Its name.
        name: String,
    },
    /// `v` is missing or another version.
    #[error("fact version is not {FACT_VERSION}")]
    Version,
    /// `kind` is missing or malformed.
    #[error("fact kind is missing or not 1 to 32 characters of a-z and '-'")]
    Kind,
    /// `time` is missing, malformed or out of range.
    #[error("fact time is missing or not like 2026-11-24T00:00:00.123Z, from 1970 up to 9999")]
    Time,
}

impl FactError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            FactError::TooLarge { .. } => "fact-too-large",
            FactError::Json { .. } => "fact-not-json",
            FactError::NotCanonical { .. } => "fact-not-canonical",
            FactError::Value { .. } => "fact-value",
            FactError::Reserved { .. } => "fact-member-reserved",
            FactError::Version => "fact-version",
            FactError::Kind => "fact-kind",
            FactError::Time => "fact-time",
        }
    }

    /// English sentence.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese sentence.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            FactError::TooLarge { bytes } => {
                format!("事实有 {bytes} 字节，最多 {MAX_FACT_BYTES} 字节")
            }
            FactError::Json { reason } => {
                format!("事实不是由对象、数组、字符串、布尔值和整数组成的 JSON：{reason}")
            }
            FactError::NotCanonical { at } => format!("事实从第 {at} 字节起不是规范形式"),
            FactError::Value { path, reason } => format!("事实成员 {path} 的值不允许：{reason}"),
            FactError::Reserved { name } => {
                format!("事实成员 {name:?} 由类别和时间决定，不能另行设置")
            }
            FactError::Version => format!("事实版本不是 {FACT_VERSION}"),
            FactError::Kind => "事实类别缺失，或不是 1 至 32 个 a-z 或连字符".to_owned(),
            FactError::Time => {
                "事实时间缺失，或不是 2026-11-24T00:00:00.123Z 的形式（1970 至 9999 年）".to_owned()
            }
        }
    }
}

type Member = (Cow<'static, str>, Value);

/// A fact: kind, time, and members.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    kind: FactKind,
    time_ms: i64,
    /// By name, each once; shared by the clones of a fact: a receipt is one more.
    members: Arc<Vec<Member>>,
}

impl Fact {
    /// A fact without members of its own; `time_ms` counts from
    /// 1970-01-01T00:00:00Z and is checked when the bytes are made.
    #[must_use]
    pub fn new(kind: FactKind, time_ms: i64) -> Fact {
        Fact { kind, time_ms, members: Arc::default() }
    }

    /// Sets a member; names and values are checked when the bytes are made.
    #[must_use]
    pub fn set(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Fact {
        let member = (name.into(), value.into());
        let place = self.place(&member.0);
        let members = Arc::make_mut(&mut self.members);
        match place {
            Ok(taken) => drop(members.get_mut(taken).map(|place| *place = member)),
            Err(free) => members.insert(free, member),
        }
        self
    }

    /// Where a member is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(other, _)| other.as_ref().cmp(name))
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> &FactKind {
        &self.kind
    }

    /// Its time, milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// A member, without `v`, `kind` and `time`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let place = self.place(name).ok()?;
        self.members.get(place).map(|(_, value)| value)
    }

    /// All members, without `v`, `kind` and `time`.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The whole object, with `v`, `kind` and `time`.
    ///
    /// # Errors
    /// [`FactError::Reserved`], [`FactError::Time`].
    pub fn to_value(&self) -> Result<Value, FactError> {
        let reserved = RESERVED_MEMBERS.into_iter().zip(self.reserved()?);
        let members = self.members().map(|(name, value)| (name, value.clone())).chain(reserved);
        Ok(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into())
    }

    /// The values of [`RESERVED_MEMBERS`].
    fn reserved(&self) -> Result<[Value; 3], FactError> {
        if let Some(name) = RESERVED_MEMBERS.iter().find(|name| self.place(name).is_ok()) {
            return Err(FactError::Reserved { name: (*name).to_owned() });
        }
        let time = format_time(self.time_ms).ok_or(FactError::Time)?;
        Ok([FACT_VERSION.into(), self.kind.as_str().into(), time.into()])
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`FactError::Reserved`], [`FactError::Time`], [`FactError::Value`],
    /// [`FactError::TooLarge`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, FactError> {
        let reserved = self.reserved()?;
        let members = self.members().chain(RESERVED_MEMBERS.into_iter().zip(&reserved));
        bounded(json::canonical_object(members, MAX_DEPTH))
    }

    /// Reads canonical bytes and nothing else.
    ///
    /// # Errors
    /// Any [`FactError`] but [`FactError::Reserved`].
    pub fn parse(bytes: &[u8]) -> Result<Fact, FactError> {
        if bytes.len() > MAX_FACT_BYTES {
            return Err(FactError::TooLarge { bytes: bytes.len() });
        }
        let value =
            json::parse(bytes, MAX_DEPTH).map_err(|error| FactError::Json { reason: error.0 })?;
        let canonical = bounded(json::canonical(&value, MAX_DEPTH))?;
        if canonical != bytes {
            let same = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            return Err(FactError::NotCanonical { at: same });
        }
        Fact::from_value(value)
    }

    /// Takes the whole object, as it stands in a receipt.
    ///
    /// # Errors
    /// [`FactError::Version`], [`FactError::Kind`], [`FactError::Time`],
    /// [`FactError::Json`] when it is no object. Members are checked when the
    /// bytes are made.
    pub fn from_value(value: Value) -> Result<Fact, FactError> {
        let Value::Object(mut members) = value else {
            return Err(FactError::Json { reason: "expected an object".to_owned() });
        };
        if members.remove("v").and_then(|v| v.as_i64()) != Some(FACT_VERSION) {
            return Err(FactError::Version);
        }
        let kind = members.remove("kind").ok_or(FactError::Kind)?;
        let kind = kind.as_str().and_then(|k| FactKind::new(k).ok()).ok_or(FactError::Kind)?;
        let time = members.remove("time").ok_or(FactError::Time)?;
        let time_ms = time.as_str().and_then(parse_time).ok_or(FactError::Time)?;
        let mut members: Vec<Member> =
            members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        // Another crate of the build may have chosen maps that keep insertion order.
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Fact { kind, time_ms, members: Arc::new(members) })
    }

    /// The bytes and the public entry that commits to them.
    ///
    /// # Errors
    /// As [`Fact::to_bytes`].
    pub fn commit(&self, nonce: &Nonce) -> Result<(Vec<u8>, Leaf), FactError> {
        let bytes = self.to_bytes()?;
        let leaf = Leaf::commit(self.kind.clone(), self.time_ms, nonce, &bytes)
            .map_err(|_: LeafError| FactError::Time)?;
        Ok((bytes, leaf))
    }
}

fn bounded(canonical: Result<Vec<u8>, (String, &'static str)>) -> Result<Vec<u8>, FactError> {
    let bytes = canonical.map_err(|(path, reason)| FactError::Value { path, reason })?;
    if bytes.len() > MAX_FACT_BYTES {
        return Err(FactError::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// SHA-256 of the canonical form of a value: what a fact says of a list that
/// is too long for it.
///
/// # Errors
/// [`FactError::Value`].
pub fn canonical_digest(value: &Value) -> Result<Hash, FactError> {
    json::canonical(value, MAX_DEPTH)
        .map(|bytes| Hash::of(&bytes))
        .map_err(|(path, reason)| FactError::Value { path, reason })
}

#[cfg(test)]
mod tests;
