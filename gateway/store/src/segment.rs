//! Archive segments: many payloads, as they were stored, in one file named by its hash.
//!
//! In: payloads with their numbers; out: the bytes of a segment, and single payloads
//! read back out of one. Format: FORMATS.md. Promise: what is read is of the payload
//! asked for and within the file; whether its bytes are right, its seal and its digest
//! tell. Nothing here knows files or databases.

use std::io::{Read, Seek, SeekFrom};

use onepoint_proof::Hash;

use crate::model::MAX_BODY_BYTES;
use crate::sealing::SEAL_BYTES;

/// First word of the header line.
const FORMAT: &str = "onepoint-segment/1";
/// Longest header line, with its end.
const MAX_HEADER_BYTES: usize = 64;
/// Bytes of an entry of the index.
const ENTRY_BYTES: u64 = 64;
/// Most payloads of a segment.
pub(crate) const MAX_PAYLOADS: u64 = 65_536;
/// Longest payload in a segment: the longest one sealed.
const MAX_PAYLOAD_BYTES: u64 = MAX_BODY_BYTES as u64 + SEAL_BYTES as u64;

/// A payload for a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its number.
    pub(crate) body: i64,
    /// The data key that seals it; `None` for a plain one.
    pub(crate) key: Option<i64>,
    /// SHA-256 of the plain payload.
    pub(crate) digest: Hash,
    /// The bytes as stored.
    pub(crate) bytes: Vec<u8>,
}

/// The name of a segment, and the file's bytes. Pieces are put into the order of their numbers;
/// no two may have the same one.
pub(crate) fn encode(mut pieces: Vec<Piece>) -> (Hash, Vec<u8>) {
    pieces.sort_by_key(|piece| piece.body);
    let bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    let mut out = format!("{FORMAT} {} {bytes}\n", pieces.len()).into_bytes();
    let mut offset = 0u64;
    for piece in &pieces {
        let length = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        out.extend_from_slice(&piece.body.to_be_bytes());
        out.extend_from_slice(&piece.key.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&offset.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(piece.digest.as_bytes());
        offset = offset.saturating_add(length);
    }
    for piece in &pieces {
        out.extend_from_slice(&piece.bytes);
    }
    (Hash::of(&out), out)
}

/// The name of the file of a segment.
pub(crate) fn file_name(name: &Hash) -> String {
    format!("{}.seg", name.to_hex())
}

/// Why a segment could not be read.
#[derive(Debug)]
pub(crate) enum SegmentFault {
    /// Its bytes are not those of a segment, or not those that were written.
    Damaged(String),
    /// Reading failed.
    Io(std::io::Error),
}

impl From<std::io::Error> for SegmentFault {
    fn from(error: std::io::Error) -> SegmentFault {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
            _ => SegmentFault::Io(error),
        }
    }
}

fn damaged(what: impl Into<String>) -> SegmentFault {
    SegmentFault::Damaged(what.into())
}

/// Reads one payload out of a segment: three places of the file and a search in its index.
pub(crate) fn read<F: Read + Seek>(file: &mut F, body: i64) -> Result<Piece, SegmentFault> {
    let header = Header::read(file)?;
    let (mut low, mut high) = (0, header.payloads);
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = header.entry(file, middle)?;
        match entry.body.cmp(&body) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return header.piece(file, &entry),
        }
    }
    Err(damaged(format!("it does not hold payload {body}")))
}

/// Reads a whole segment and compares it with its name.
pub(crate) fn read_all(bytes: &[u8], name: &Hash) -> Result<Vec<Piece>, SegmentFault> {
    if Hash::of(bytes) != *name {
        return Err(damaged("its bytes do not have its hash"));
    }
    let mut file = std::io::Cursor::new(bytes);
    let header = Header::read(&mut file)?;
    let (mut pieces, mut offset) = (Vec::new(), 0);
    for index in 0..header.payloads {
        let entry = header.entry(&mut file, index)?;
        if entry.offset != offset {
            return Err(damaged(format!("payload {} is not behind the one before", entry.body)));
        }
        if pieces.last().is_some_and(|last: &Piece| last.body >= entry.body) {
            return Err(damaged(format!("payload {} is out of order", entry.body)));
        }
        offset = entry.offset.saturating_add(entry.length);
        pieces.push(header.piece(&mut file, &entry)?);
    }
    if offset != header.bytes {
        return Err(damaged("there is more than its index says"));
    }
    Ok(pieces)
}

/// What the header line says, checked against the length of the file.
struct Header {
    payloads: u64,
    /// Of all payloads.
    bytes: u64,
    /// Where the index begins.
    index: u64,
    /// Where the payloads begin.
    data: u64,
}

impl Header {
    fn read<F: Read + Seek>(file: &mut F) -> Result<Header, SegmentFault> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut start = Vec::with_capacity(MAX_HEADER_BYTES);
        file.take(MAX_HEADER_BYTES as u64).read_to_end(&mut start)?;
        let header = Header::parse(&start).ok_or_else(|| damaged("its header is malformed"))?;
        if header.data.checked_add(header.bytes) != Some(length) {
            return Err(damaged(format!("its length is {length}, not what its header says")));
        }
        Ok(header)
    }

    fn parse(start: &[u8]) -> Option<Header> {
        let end = start.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(start.get(..end)?).ok()?;
        let mut words = line.strip_prefix(FORMAT)?.strip_prefix(' ')?.split(' ');
        let (payloads, bytes) = (number(words.next()?)?, number(words.next()?)?);
        if words.next().is_some() || payloads > MAX_PAYLOADS {
            return None;
        }
        let index = u64::try_from(end).ok()?.checked_add(1)?;
        let data = index.checked_add(payloads.checked_mul(ENTRY_BYTES)?)?;
        Some(Header { payloads, bytes, index, data })
    }

    fn entry<F: Read + Seek>(&self, file: &mut F, at: u64) -> Result<Entry, SegmentFault> {
        let mut bytes = [0; ENTRY_BYTES as usize];
        file.seek(SeekFrom::Start(self.index.saturating_add(at.saturating_mul(ENTRY_BYTES))))?;
        file.read_exact(&mut bytes)?;
        let entry =
            Entry::parse(&bytes).ok_or_else(|| damaged(format!("entry {at} is malformed")))?;
        let end = entry.offset.checked_add(entry.length);
        if entry.length > MAX_PAYLOAD_BYTES || end.is_none_or(|end| end > self.bytes) {
            return Err(damaged(format!("payload {} is not within it", entry.body)));
        }
        Ok(entry)
    }

    fn piece<F: Read + Seek>(&self, file: &mut F, entry: &Entry) -> Result<Piece, SegmentFault> {
        file.seek(SeekFrom::Start(self.data.saturating_add(entry.offset)))?;
        let mut bytes = vec![0; usize::try_from(entry.length).unwrap_or(0)];
        file.read_exact(&mut bytes)?;
        Ok(Piece { body: entry.body, key: entry.key, digest: entry.digest, bytes })
    }
}

/// A number without signs or leading zeros.
fn number(word: &str) -> Option<u64> {
    let plain = word == "0" || !word.starts_with('0');
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits).then(|| word.parse().ok())?
}

struct Entry {
    body: i64,
    key: Option<i64>,
    offset: u64,
    length: u64,
    digest: Hash,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Entry> {
        let word = |at: usize| -> Option<[u8; 8]> { bytes.get(at..at + 8)?.try_into().ok() };
        let key = i64::from_be_bytes(word(8)?);
        Some(Entry {
            body: i64::from_be_bytes(word(0)?),
            key: (key != 0).then_some(key),
            offset: u64::from_be_bytes(word(16)?),
            length: u64::from_be_bytes(word(24)?),
            digest: Hash::from_slice(bytes.get(32..)?)?,
        })
    }
}

#[cfg(test)]
mod tests;
