//! The public log entry: one line that commits to a fact without showing it.
//!
//! `onepoint-leaf/1 <kind> <unix-milliseconds> <base64(SHA-256(nonce || fact))>`,
//! ASCII, no newline. In: kind, time, nonce and fact bytes; out: the line and
//! its leaf hash. The parser accepts only what the writer writes.

use std::borrow::Cow;
use std::fmt;

use crate::hash::{Hash, decode_base64, encode_base64, leaf_hash};

/// First word of an entry; names the version of the format.
pub const LEAF_FORMAT: &str = "onepoint-leaf/1";
/// Longest entry: format, kind, time and commitment with their spaces.
pub const MAX_LEAF_BYTES: usize = 128;
/// Longest kind.
pub const MAX_KIND_BYTES: usize = 32;
/// Last time that has a four-digit year: 9999-12-31T23:59:59.999Z.
pub const MAX_TIME_MS: i64 = 253_402_300_799_999;
/// Bytes in a nonce.
pub const NONCE_BYTES: usize = 32;

/// Why a line is not a log entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The line is too long, or has not four fields with one space between.
    #[error("log entry is not \"{LEAF_FORMAT} <kind> <milliseconds> <base64>\"")]
    Form,
    /// The first word is not the format of this version.
    #[error("log entry has format {found:?}, expected \"{LEAF_FORMAT}\"")]
    Format {
        /// The first word, cut after 32 characters.
        found: String,
    },
    /// The kind is not 1 to 32 of a-z and hyphen.
    #[error("fact kind {found:?} is not 1 to 32 characters of a-z and '-'")]
    Kind {
        /// The kind, cut after 64 characters.
        found: String,
    },
    /// The time is not a plain number of milliseconds up to the year 9999.
    #[error("time {found:?} is not milliseconds from 1970 up to the year 9999")]
    Time {
        /// The time, cut after 32 characters.
        found: String,
    },
    /// The commitment is not base64 of 32 bytes.
    #[error("commitment is not base64 of 32 bytes")]
    Commitment,
    /// A nonce is not base64 of 32 bytes.
    #[error("nonce is not base64 of 32 bytes")]
    Nonce,
}

impl LeafError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            LeafError::Form => "leaf-malformed",
            LeafError::Format { .. } => "leaf-format-unsupported",
            LeafError::Kind { .. } => "leaf-kind-malformed",
            LeafError::Time { .. } => "leaf-time-malformed",
            LeafError::Commitment => "leaf-commitment-malformed",
            LeafError::Nonce => "nonce-malformed",
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
            LeafError::Form => format!("日志条目不是 \"{LEAF_FORMAT} <类别> <毫秒> <base64>\""),
            LeafError::Format { found } => {
                format!("日志条目格式为 {found:?}，应为 \"{LEAF_FORMAT}\"")
            }
            LeafError::Kind { found } => {
                format!("事实类别 {found:?} 应为 1 至 32 个 a-z 或连字符")
            }
            LeafError::Time { found } => {
                format!("时间 {found:?} 不是 1970 年至 9999 年间的毫秒数")
            }
            LeafError::Commitment => "承诺值不是 32 字节的 base64".to_owned(),
            LeafError::Nonce => "随机数不是 32 字节的 base64".to_owned(),
        }
    }
}

/// What a fact is about: an open set of names, each 1 to 32 of a-z and hyphen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactKind(Cow<'static, str>);

impl FactKind {
    /// A document was taken in.
    pub const ACCEPTED: FactKind = FactKind(Cow::Borrowed("accepted"));
    /// A message or document was refused.
    pub const REFUSED: FactKind = FactKind(Cow::Borrowed("refused"));
    /// A message was handed to the broker for a department.
    pub const RELAYED: FactKind = FactKind(Cow::Borrowed("relayed"));
    /// A department took a message.
    pub const DELIVERED: FactKind = FactKind(Cow::Borrowed("delivered"));
    /// A message was put into the outbox once more, on the operator's order.
    pub const REPLAYED: FactKind = FactKind(Cow::Borrowed("replayed"));
    /// A department answered.
    pub const ANSWERED: FactKind = FactKind(Cow::Borrowed("answered"));
    /// A participant was added, changed or removed.
    pub const PARTICIPANT: FactKind = FactKind(Cow::Borrowed("participant"));
    /// A certificate was added or withdrawn.
    pub const CERTIFICATE: FactKind = FactKind(Cow::Borrowed("certificate"));
    /// A key of the gateway changed.
    pub const KEY: FactKind = FactKind(Cow::Borrowed("key"));
    /// A policy changed.
    pub const POLICY: FactKind = FactKind(Cow::Borrowed("policy"));
    /// A participant's day was closed.
    pub const STATEMENT: FactKind = FactKind(Cow::Borrowed("statement"));

    /// A kind by name.
    ///
    /// # Errors
    /// [`LeafError::Kind`] unless it is 1 to 32 of a-z and hyphen.
    pub fn new(name: &str) -> Result<FactKind, LeafError> {
        let good = (1..=MAX_KIND_BYTES).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if good {
            Ok(FactKind(Cow::Owned(name.to_owned())))
        } else {
            Err(LeafError::Kind { found: name.chars().take(64).collect() })
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The 32 random bytes that keep a fact from being guessed out of its leaf.
/// Fresh for each fact, from a cryptographic source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// Wraps 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; NONCE_BYTES]) -> Nonce {
        Nonce(bytes)
    }

    /// Takes exactly 32 bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Nonce> {
        bytes.try_into().ok().map(Nonce)
    }

    /// Reads standard base64 of 32 bytes.
    ///
    /// # Errors
    /// [`LeafError::Nonce`].
    pub fn from_base64(text: &str) -> Result<Nonce, LeafError> {
        decode_base64(text).and_then(|b| Nonce::from_slice(&b)).ok_or(LeafError::Nonce)
    }

    /// Standard base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        encode_base64(&self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; NONCE_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    /// Hidden: with it a fact can be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

/// SHA-256(nonce || fact bytes): what a leaf shows of a fact.
#[must_use]
pub fn commitment(nonce: &Nonce, fact: &[u8]) -> Hash {
    Hash::of_parts(&[nonce.as_bytes(), fact])
}

/// A log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What the fact is about.
    pub kind: FactKind,
    /// Time of the fact, milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: i64,
    /// [`commitment`] of nonce and fact.
    pub commitment: Hash,
}

impl Leaf {
    /// The entry for a fact.
    ///
    /// # Errors
    /// [`LeafError::Time`] outside 1970 to 9999.
    pub fn commit(
        kind: FactKind,
        time_ms: i64,
        nonce: &Nonce,
        fact: &[u8],
    ) -> Result<Leaf, LeafError> {
        if !(0..=MAX_TIME_MS).contains(&time_ms) {
            return Err(LeafError::Time { found: time_ms.to_string() });
        }
        Ok(Leaf { kind, time_ms, commitment: commitment(nonce, fact) })
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// The [`LeafError`] of the first field that is not as the writer writes it.
    pub fn parse(entry: &[u8]) -> Result<Leaf, LeafError> {
        if entry.len() > MAX_LEAF_BYTES {
            return Err(LeafError::Form);
        }
        let line = std::str::from_utf8(entry).map_err(|_| LeafError::Form)?;
        let mut fields = line.split(' ');
        let (Some(format), Some(kind), Some(time), Some(commitment), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(LeafError::Form);
        };
        if format != LEAF_FORMAT {
            return Err(LeafError::Format { found: format.chars().take(32).collect() });
        }
        let kind = FactKind::new(kind)?;
        let time_ms = parse_time(time)
            .ok_or_else(|| LeafError::Time { found: time.chars().take(32).collect() })?;
        let commitment = Hash::from_base64(commitment).ok_or(LeafError::Commitment)?;
        Ok(Leaf { kind, time_ms, commitment })
    }

    /// The bytes of the entry, as they stand in an entry bundle.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.line().into_bytes()
    }

    // Put together without the formatter: the one writer makes one for each fact.
    fn line(&self) -> String {
        let mut line = String::with_capacity(MAX_LEAF_BYTES);
        for field in [LEAF_FORMAT, self.kind.as_str(), &self.time_ms.to_string()] {
            line.push_str(field);
            line.push(' ');
        }
        line.push_str(&self.commitment.to_base64());
        line
    }

    /// Its hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.line().as_bytes())
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

/// Plain digits without leading zeroes, up to the year 9999.
fn parse_time(text: &str) -> Option<i64> {
    let time: i64 = text.parse().ok()?;
    ((0..=MAX_TIME_MS).contains(&time) && time.to_string() == text).then_some(time)
}

#[cfg(test)]
mod tests;
