//! Master keys, out of their file.
//!
//! In: a text with one line for each key, `onepoint-master-key/1 <id> <base64>`; out:
//! the keys, the first of which wraps what is new while the others only unwrap.
//! Promise: a fault names its line and never shows a key; keys are wiped when dropped.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::{KEY_BYTES, Secret};

/// First word of each line.
const FORMAT: &str = "onepoint-master-key/1";
/// Most keys of a file: a rotation takes two.
const MAX_KEYS: usize = 64;
/// Longest id, in bytes.
const MAX_ID_BYTES: usize = 64;
/// Longest file, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 16 * 1024;

/// The keys that wrap the data keys of a store. The first one is current.
#[derive(Clone)]
pub struct MasterKeys {
    /// Never empty.
    keys: Arc<Vec<(String, Secret)>>,
}

impl MasterKeys {
    /// Reads the lines of a key file (FORMATS.md, "Master key file").
    ///
    /// # Errors
    /// [`MasterKeyError`] with the line at fault.
    pub fn parse(text: &str) -> Result<MasterKeys, MasterKeyError> {
        let fault = |line: usize, what| MasterKeyError { line, what };
        if text.len() > MAX_FILE_BYTES {
            return Err(fault(0, Fault::TooLarge));
        }
        let mut keys: Vec<(String, Secret)> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let (id, secret) = key(text).map_err(|what| fault(line, what))?;
            if keys.iter().any(|(known, _)| known == id) {
                return Err(fault(line, Fault::IdTwice));
            }
            if keys.iter().any(|(_, known)| known == &secret) {
                return Err(fault(line, Fault::KeyTwice));
            }
            if keys.len() == MAX_KEYS {
                return Err(fault(line, Fault::TooMany));
            }
            keys.push((id.to_owned(), secret));
        }
        if keys.is_empty() {
            return Err(fault(0, Fault::None));
        }
        Ok(MasterKeys { keys: Arc::new(keys) })
    }

    /// A line with a new key, to be put in front of those of the file.
    ///
    /// # Errors
    /// An id of other characters than a-z, 0-9, `-`, `.` and `_`; no random bytes.
    pub fn generate_line(id: &str) -> Result<Zeroizing<String>, MasterKeyError> {
        if !good_id(id) {
            return Err(MasterKeyError { line: 0, what: Fault::Id });
        }
        let mut secret = Secret::new([0; KEY_BYTES]);
        let filled = SystemRandom::new().fill(secret.as_mut());
        filled.map_err(|_| MasterKeyError { line: 0, what: Fault::NoRandomness })?;
        let encoded = Zeroizing::new(STANDARD.encode(secret.as_ref()));
        Ok(Zeroizing::new(format!("{FORMAT} {id} {}\n", *encoded)))
    }

    /// The id of the key that wraps what is new.
    pub fn current(&self) -> &str {
        self.keys.first().map_or("", |(id, _)| id)
    }

    /// The ids of all keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(id, _)| id.as_str())
    }

    pub(super) fn secret(&self, id: &str) -> Option<&Secret> {
        self.keys.iter().find(|(known, _)| known == id).map(|(_, secret)| secret)
    }
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn good_id(id: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(good)
}

fn key(line: &str) -> Result<(&str, Secret), Fault> {
    let mut words = line.split(' ');
    let (Some(format), Some(id), Some(encoded), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault::Line);
    };
    if format != FORMAT {
        return Err(Fault::Format);
    }
    if !good_id(id) {
        return Err(Fault::Id);
    }
    // Three bytes more than a key, as the decoder wants it.
    let mut bytes = Zeroizing::new([0; KEY_BYTES + 3]);
    let length = STANDARD.decode_slice(encoded, bytes.as_mut()).map_err(|_| Fault::Key)?;
    let mut secret = Secret::new([0; KEY_BYTES]);
    match bytes.get(..length).filter(|bytes| bytes.len() == KEY_BYTES) {
        Some(bytes) => secret.copy_from_slice(bytes),
        None => return Err(Fault::Key),
    }
    Ok((id, secret))
}

/// What is wrong with a file of master keys. Shows no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct MasterKeyError {
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    what: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("expected `{FORMAT} ID KEY`, with single spaces")]
    Line,
    #[error("expected the format `{FORMAT}`")]
    Format,
    #[error("expected an id of 1 to {MAX_ID_BYTES} characters a-z, 0-9, `-`, `.`, `_`")]
    Id,
    #[error("expected base64 of {KEY_BYTES} bytes")]
    Key,
    #[error("this id is there already")]
    IdTwice,
    #[error("this key is there already under another id")]
    KeyTwice,
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    #[error("larger than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("no key")]
    None,
    #[error("the system gave no random bytes")]
    NoRandomness,
}

impl MasterKeyError {
    /// The stable code, in kebab case.
    pub fn code(&self) -> &'static str {
        match self.what {
            Fault::Line => "master-key-line-malformed",
            Fault::Format => "master-key-format-unsupported",
            Fault::Id => "master-key-id-malformed",
            Fault::Key => "master-key-malformed",
            Fault::IdTwice => "master-key-id-twice",
            Fault::KeyTwice => "master-key-twice",
            Fault::TooMany => "master-key-too-many",
            Fault::TooLarge => "master-key-file-too-large",
            Fault::None => "master-key-none",
            Fault::NoRandomness => "no-randomness",
        }
    }

    /// English: what is wrong, and where.
    pub fn en(&self) -> String {
        if self.line == 0 { self.what.to_string() } else { self.to_string() }
    }

    /// Chinese: what is wrong, and where.
    pub fn zh(&self) -> String {
        let what = match self.what {
            Fault::Line => format!("应为以单个空格分隔的 `{FORMAT} 标识 密钥`"),
            Fault::Format => format!("格式应为 `{FORMAT}`"),
            Fault::Id => format!("标识应为 1 至 {MAX_ID_BYTES} 个字符：a-z、0-9、`-`、`.`、`_`"),
            Fault::Key => format!("应为 {KEY_BYTES} 字节的 base64"),
            Fault::IdTwice => "标识重复".to_owned(),
            Fault::KeyTwice => "密钥已以另一标识出现".to_owned(),
            Fault::TooMany => format!("密钥超过 {MAX_KEYS} 个"),
            Fault::TooLarge => format!("文件超过 {MAX_FILE_BYTES} 字节"),
            Fault::None => "没有密钥".to_owned(),
            Fault::NoRandomness => "系统未提供随机数".to_owned(),
        };
        if self.line == 0 { what } else { format!("第 {} 行：{what}", self.line) }
    }
}
