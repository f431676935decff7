//! Checkpoints as in C2SP tlog-checkpoint: origin, size and root, signed.
//!
//! In: a tree's size and root and a log key, or note bytes; out: the signed
//! note, or size and root once its signature holds. What is unsigned is never
//! handed out as a checkpoint by [`SignedCheckpoint::open`].

use std::fmt;

use crate::hash::Hash;
use crate::note::{LogSigner, LogVerifier, MAX_NAME_BYTES, Note, NoteError};

/// Why a note is no checkpoint, or not the one wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note itself is broken or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text has not origin, size and root as its first three lines.
    #[error("checkpoint line {line} is not {expected}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// An origin for a new log is no URL prefix without a scheme.
    #[error("origin {origin:?} is not a URL prefix without scheme such as log.example.com/2026")]
    Origin {
        /// The origin, cut after 64 characters.
        origin: String,
    },
    /// The checkpoint is that of another log.
    #[error("checkpoint is of {found:?}, expected {expected:?}")]
    OtherLog {
        /// Origin found, cut after 64 characters.
        found: String,
        /// Origin expected.
        expected: String,
    },
}

impl CheckpointError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CheckpointError::Note(error) => error.code(),
            CheckpointError::Line { .. } => "checkpoint-malformed",
            CheckpointError::Origin { .. } => "origin-malformed",
            CheckpointError::OtherLog { .. } => "checkpoint-of-another-log",
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
            CheckpointError::Note(error) => error.zh(),
            CheckpointError::Line { line, expected } => {
                format!("检查点第 {line} 行不是 {expected}")
            }
            CheckpointError::Origin { origin } => {
                format!("来源 {origin:?} 不是不带协议的 URL 前缀，例如 log.example.com/2026")
            }
            CheckpointError::OtherLog { found, expected } => {
                format!("检查点属于 {found:?}，应为 {expected:?}")
            }
        }
    }
}

/// A tree head: which log, how many leaves, which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identity of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Lines after the third; this gateway writes none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: &str, size: u64, root: Hash) -> Checkpoint {
        Checkpoint { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// Reads a note's text.
    ///
    /// # Errors
    /// [`CheckpointError::Line`].
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let line = |line, expected| CheckpointError::Line { line, expected };
        let lines = text.strip_suffix('\n').ok_or(line(1, "ended by a newline"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|l| !l.is_empty()).ok_or(line(1, "the log's origin"))?;
        let size = lines.next().and_then(parse_size).ok_or(line(2, "a plain decimal size"))?;
        let root = lines.next().and_then(Hash::from_base64);
        let root = root.ok_or(line(3, "base64 of a 32-byte root"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if let Some(empty) = extensions.iter().position(String::is_empty) {
            return Err(line(empty + 4, "a line that is not empty"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }

    /// The note's text: each line with its newline.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Signs it with the log's key, whose name must be the origin.
    ///
    /// # Errors
    /// [`CheckpointError::OtherLog`] for another log's key,
    /// [`CheckpointError::Line`] or [`CheckpointError::Note`] when the text
    /// would not parse again.
    pub fn sign(&self, signer: &LogSigner) -> Result<SignedCheckpoint, CheckpointError> {
        check_origin_is(&self.origin, signer.name())?;
        let text = self.text();
        Checkpoint::parse(&text)?;
        let signature = signer.sign(&text);
        let mut note = Note::new(text)?;
        note.add(signature)?;
        Ok(SignedCheckpoint { checkpoint: self.clone(), note })
    }
}

/// A checkpoint with the note it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a note and its text, checking no signature: nothing in it may be
    /// trusted before [`SignedCheckpoint::verify`].
    ///
    /// # Errors
    /// [`CheckpointError::Note`], [`CheckpointError::Line`].
    pub fn parse_unverified(bytes: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(SignedCheckpoint { checkpoint, note })
    }

    /// Reads a checkpoint of the log with this key and checks its signature.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::parse_unverified`] and [`SignedCheckpoint::verify`].
    pub fn open(bytes: &[u8], key: &LogVerifier) -> Result<SignedCheckpoint, CheckpointError> {
        let signed = SignedCheckpoint::parse_unverified(bytes)?;
        signed.verify(key)?;
        Ok(signed)
    }

    /// Checks origin and signature against a log's key.
    ///
    /// # Errors
    /// [`CheckpointError::OtherLog`], [`CheckpointError::Note`] with
    /// [`NoteError::NotSigned`] or [`NoteError::BadSignature`].
    pub fn verify(&self, key: &LogVerifier) -> Result<(), CheckpointError> {
        check_origin_is(&self.checkpoint.origin, key.name())?;
        Ok(self.note.verify(key)?)
    }

    /// Origin, size and root.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note with all its signatures.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The note, to add signatures to; its text cannot change.
    pub fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }
}

impl fmt::Display for SignedCheckpoint {
    /// The whole note, as it is stored and served.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

fn check_origin_is(found: &str, expected: &str) -> Result<(), CheckpointError> {
    if found == expected {
        return Ok(());
    }
    let found = found.chars().take(64).collect();
    Err(CheckpointError::OtherLog { found, expected: expected.to_owned() })
}

/// Plain decimal without leading zeroes.
fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// Checks the origin of a log of ours: a URL prefix without scheme, such as
/// `log.example.com/2026` or `localhost:8443/log`. Stricter than the
/// specification, which only recommends this.
///
/// # Errors
/// [`CheckpointError::Origin`] unless it is a host, maybe a port, and maybe
/// path segments of letters, digits, `.`, `_`, `~`, `-`, with no slash at the end.
pub fn check_origin(origin: &str) -> Result<(), CheckpointError> {
    let mut parts = origin.split('/');
    let host = parts.next().unwrap_or_default();
    let (name, port) = host.split_once(':').map_or((host, "0"), |(name, port)| (name, port));
    let good = origin.len() <= MAX_NAME_BYTES
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        && port.parse::<u16>().is_ok_and(|number| number.to_string() == port)
        && parts.all(is_segment);
    if good {
        Ok(())
    } else {
        Err(CheckpointError::Origin { origin: origin.chars().take(64).collect() })
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
}

#[cfg(test)]
mod tests;
