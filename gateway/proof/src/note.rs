//! C2SP signed notes: a text, and lines of signatures under it.
//!
//! In: note bytes, keys as text; out: notes, Ed25519 signatures, verdicts.
//! Signatures by unknown keys are kept as they are and never trusted. Key and
//! signature formats are those of c2sp.org/signed-note, private keys as in the
//! Go module `golang.org/x/mod/sumdb/note`.

mod key;

use std::fmt;

pub(crate) use key::key_id;
pub use key::{LogSigner, LogVerifier, generate_key};

use crate::hash::{decode_base64, encode_base64};

/// Most bytes of a note: 16 post-quantum signatures and some room.
pub const MAX_NOTE_BYTES: usize = 128 * 1024;
/// Most signature lines; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 32;
/// Longest key name.
pub const MAX_NAME_BYTES: usize = 255;
/// Bytes of a key id.
pub const KEY_ID_BYTES: usize = 4;

/// What is wrong with a note, a key or a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is too long.
    #[error("note has {bytes} bytes, expected at most {MAX_NOTE_BYTES}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// Too many signature lines.
    #[error("note has more than {MAX_SIGNATURES} signature lines")]
    TooManySignatures,
    /// Not UTF-8, or a control character other than newline.
    #[error("note is not UTF-8 without control characters, at byte {at}")]
    Characters {
        /// Byte offset.
        at: usize,
    },
    /// No text, empty line and signature lines one after the other.
    #[error("note is not a text, an empty line and signature lines, each ending in a newline")]
    Form,
    /// A signature line is malformed.
    #[error("signature line {line} is not an em dash, a key name and base64 of more than 4 bytes")]
    SignatureLine {
        /// Number of the line among the signature lines, from 1.
        line: usize,
    },
    /// A text to be signed has no final newline, is empty or would not parse again.
    #[error("text to be signed is not lines without control characters, ending in a newline")]
    Text,
    /// A key name is empty, too long or has a space or plus.
    #[error("key name {name:?} is empty, over 255 bytes, or holds a space or '+'")]
    KeyName {
        /// The name, cut after 64 characters.
        name: String,
    },
    /// A key string is malformed; it is not repeated here.
    #[error("key is not {expected}")]
    Key {
        /// The form expected.
        expected: &'static str,
    },
    /// A key string carries another id than its own.
    #[error("key id is {found}, expected {expected}")]
    KeyId {
        /// Id in the string.
        found: String,
        /// Id computed from name and key.
        expected: String,
    },
    /// The key is of another type than Ed25519.
    #[error("key type is {found}, expected 1 (Ed25519)")]
    KeyType {
        /// The type byte.
        found: u8,
    },
    /// The note carries no signature by this key.
    #[error("note carries no signature by {name} with key id {id:08x}")]
    NotSigned {
        /// Name of the key.
        name: String,
        /// Id of the key.
        id: u32,
    },
    /// A signature with the name and id of this key does not verify.
    #[error("signature by {name} with key id {id:08x} does not verify")]
    BadSignature {
        /// Name of the key.
        name: String,
        /// Id of the key.
        id: u32,
    },
    /// No randomness to make a key from.
    #[error("no randomness for a new key")]
    Randomness,
}

impl NoteError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            NoteError::TooLarge { .. } => "note-too-large",
            NoteError::TooManySignatures => "note-too-many-signatures",
            NoteError::Characters { .. } => "note-characters",
            NoteError::Form => "note-malformed",
            NoteError::SignatureLine { .. } => "note-signature-line",
            NoteError::Text => "note-text",
            NoteError::KeyName { .. } => "key-name",
            NoteError::Key { .. } => "key-malformed",
            NoteError::KeyId { .. } => "key-id-wrong",
            NoteError::KeyType { .. } => "key-type-unsupported",
            NoteError::NotSigned { .. } => "signature-missing",
            NoteError::BadSignature { .. } => "signature-wrong",
            NoteError::Randomness => "no-randomness",
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
            NoteError::TooLarge { bytes } => {
                format!("签名文本有 {bytes} 字节，最多 {MAX_NOTE_BYTES} 字节")
            }
            NoteError::TooManySignatures => format!("签名行超过 {MAX_SIGNATURES} 行"),
            NoteError::Characters { at } => {
                format!("签名文本在第 {at} 字节处不是 UTF-8 或含有控制字符")
            }
            NoteError::Form => "签名文本不是由正文、空行和签名行组成（每行以换行结束）".to_owned(),
            NoteError::SignatureLine { line } => {
                format!("第 {line} 个签名行不是破折号、密钥名和超过 4 字节的 base64")
            }
            NoteError::Text => "待签正文不是以换行结束且不含控制字符的若干行".to_owned(),
            NoteError::KeyName { name } => {
                format!("密钥名 {name:?} 为空、超过 255 字节，或含有空格或 '+'")
            }
            NoteError::Key { expected } => format!("密钥不是 {expected} 的形式"),
            NoteError::KeyId { found, expected } => {
                format!("密钥标识为 {found}，应为 {expected}")
            }
            NoteError::KeyType { found } => format!("密钥类型为 {found}，应为 1 (Ed25519)"),
            NoteError::NotSigned { name, id } => {
                format!("没有 {name}（密钥标识 {id:08x}）的签名")
            }
            NoteError::BadSignature { name, id } => {
                format!("{name}（密钥标识 {id:08x}）的签名验证不通过")
            }
            NoteError::Randomness => "没有可用于生成密钥的随机数".to_owned(),
        }
    }
}

/// One signature line, by whatever key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Key id, the first four bytes of the payload, big-endian.
    pub key_id: u32,
    /// The payload behind the key id.
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    fn parse(line: &str) -> Option<NoteSignature> {
        let (name, payload) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        check_key_name(name).ok()?;
        let payload = decode_base64(payload)?;
        let (id, bytes) = payload.split_first_chunk::<KEY_ID_BYTES>()?;
        (!bytes.is_empty()).then(|| NoteSignature {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for NoteSignature {
    /// The line without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = self.key_id.to_be_bytes().to_vec();
        payload.extend_from_slice(&self.bytes);
        write!(f, "\u{2014} {} {}", self.name, encode_base64(&payload))
    }
}

/// A text with its signatures; made by parsing or signing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note without signatures yet.
    ///
    /// # Errors
    /// [`NoteError::Text`] unless the text is not empty, ends in a newline and
    /// has no control characters.
    pub fn new(text: String) -> Result<Note, NoteError> {
        if text.ends_with('\n') && first_control(&text).is_none() {
            Ok(Note { text, signatures: Vec::new() })
        } else {
            Err(NoteError::Text)
        }
    }

    /// Reads a signed note: at least one signature line.
    ///
    /// # Errors
    /// [`NoteError::TooLarge`], [`NoteError::Characters`], [`NoteError::Form`],
    /// [`NoteError::SignatureLine`], [`NoteError::TooManySignatures`].
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge { bytes: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes)
            .map_err(|error| NoteError::Characters { at: error.valid_up_to() })?;
        if let Some(at) = first_control(whole) {
            return Err(NoteError::Characters { at });
        }
        // The last empty line: the text may have empty lines of its own.
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for (index, line) in lines.split('\n').enumerate() {
            if index >= MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let signature = NoteSignature::parse(line);
            signatures.push(signature.ok_or(NoteError::SignatureLine { line: index + 1 })?);
        }
        Ok(Note { text: format!("{text}\n"), signatures })
    }

    /// The text, with its final newline: what is signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines in order, known or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line.
    ///
    /// # Errors
    /// [`NoteError::KeyName`], [`NoteError::SignatureLine`] for an empty
    /// signature, [`NoteError::TooManySignatures`], [`NoteError::TooLarge`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        check_key_name(&signature.name)?;
        let line = self.signatures.len() + 1;
        if signature.bytes.is_empty() {
            return Err(NoteError::SignatureLine { line });
        }
        if line > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let bytes = self.to_string().len() + signature.to_string().len() + 1;
        if bytes > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge { bytes });
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Checks the signature by one key: at least one line has its name and id,
    /// and every line that has them verifies.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`], [`NoteError::BadSignature`].
    pub fn verify(&self, key: &LogVerifier) -> Result<(), NoteError> {
        let mut signed = false;
        let by_key = |s: &&NoteSignature| s.name == key.name() && s.key_id == key.key_id();
        for signature in self.signatures.iter().filter(by_key) {
            if !key.accepts(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::BadSignature {
                    name: key.name().to_owned(),
                    id: key.key_id(),
                });
            }
            signed = true;
        }
        if signed {
            Ok(())
        } else {
            Err(NoteError::NotSigned { name: key.name().to_owned(), id: key.key_id() })
        }
    }
}

impl fmt::Display for Note {
    /// The whole note, as it is stored and served.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

/// Byte offset of the first ASCII control character that is no newline.
fn first_control(text: &str) -> Option<usize> {
    text.bytes().position(|b| b < 0x20 && b != b'\n')
}

/// A key name: 1 to 255 bytes without white space or plus.
///
/// # Errors
/// [`NoteError::KeyName`].
pub fn check_key_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c == '+' || u32::from(c) < 0x20;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(bad) {
        return Err(NoteError::KeyName { name: name.chars().take(64).collect() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
