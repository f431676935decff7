//! The head file: what the log had come to, kept apart from the journal.
//!
//! In: origin, size and root after each commit; out: the last of them, at the next
//! start. A journal that is shorter than its head, or leads to another root there,
//! was rolled back (an old copy put in its place), and a gateway that went on with
//! it would sign a second history. The format stands in `FORMATS.md`.
//!
//! A mark is written to one of two slots in turn, in place and without a sync:
//! the journal is synced before it, so that whatever dies, the head on disk is at
//! most behind. A slot torn by a power cut leaves the other one.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use onepoint_proof::Hash;

use crate::StoreError;
use crate::durable::{self, cannot_write};

/// Bytes of a slot: one sector, which a disk writes whole or not at all.
pub const SLOT_BYTES: usize = 512;
/// Slots of the file.
const SLOTS: usize = 2;
/// First bytes of a slot.
const MAGIC: &[u8; 19] = b"onepoint-log-head/1";
/// Bytes that the checksum (SHA-256) covers.
const SUMMED: usize = SLOT_BYTES - 32;
/// Longest origin: the longest name of a log key.
const MAX_ORIGIN_BYTES: usize = 255;

/// What the log had come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadMark {
    /// The origin of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of so many leaves.
    pub root: Hash,
}

/// The head file of a log, held by its one writer.
#[derive(Debug)]
pub struct Head {
    path: PathBuf,
    /// `None` until the first mark: the file is made with it.
    file: Option<File>,
    /// Number of the last mark; its slot is this number modulo 2.
    sequence: u64,
    last: Option<HeadMark>,
}

impl Head {
    /// Opens a head file; one that is not there yet is made with the first mark.
    ///
    /// # Errors
    /// [`StoreError::HeadDamaged`] when neither slot can be read; [`StoreError::Locked`] when
    /// another writer has it; [`StoreError::NotWritable`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Head, StoreError> {
        let path = path.into();
        let mut file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Head { path, file: None, sequence: 0, last: None });
            }
            Err(error) => return Err(cannot_write(&path, error)),
        };
        lock(&file, &path)?;
        let slots = read_slots(&mut file).map_err(|error| cannot_write(&path, error))?;
        let newest = slots.into_iter().filter_map(Result::ok).max_by_key(|(sequence, _)| *sequence);
        let (sequence, last) =
            newest.ok_or_else(|| StoreError::HeadDamaged { path: path.clone() })?;
        Ok(Head { path, file: Some(file), sequence, last: Some(last) })
    }

    /// The last mark; `None` when there is no file yet.
    pub fn last(&self) -> Option<&HeadMark> {
        self.last.as_ref()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a mark, in place of the one before the last.
    ///
    /// # Errors
    /// [`StoreError::Fatal`] when it cannot be written; [`StoreError::Invalid`] for a tree that
    /// is smaller than the last one or an origin that is too long.
    pub fn advance(&mut self, origin: &str, size: u64, root: &Hash) -> Result<(), StoreError> {
        let mark = HeadMark { origin: origin.to_owned(), size, root: *root };
        if let Some(last) = self.last.as_ref().filter(|last| last.size > size) {
            return Err(StoreError::Invalid {
                field: "head size",
                expected: format!("at least {}", last.size),
                found: size.to_string(),
            });
        }
        let Some(file) = &mut self.file else {
            Head::accept(&self.path, &mark)?;
            *self = Head::open(std::mem::take(&mut self.path))?;
            return Ok(());
        };
        let sequence = self.sequence.saturating_add(1);
        let slot = encode(sequence, &mark)?;
        file.seek(SeekFrom::Start(slot_offset(sequence)))
            .and_then(|_| file.write_all(&slot))
            .map_err(|error| StoreError::Fatal(error.into()))?;
        (self.sequence, self.last) = (sequence, Some(mark));
        Ok(())
    }

    /// Makes the file anew with one mark in both slots, over whatever is there. Only on purpose:
    /// it declares the journal of this mark to be the right one.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], `DiskFull`; `Invalid` for an origin that is too long.
    pub fn accept(path: &Path, mark: &HeadMark) -> Result<(), StoreError> {
        let (first, second) = (encode(0, mark)?, encode(1, mark)?);
        durable::replace(path, &[first, second].concat())
    }

    /// The slots of a head file as they are, for whoever only looks; what is wrong with one that
    /// cannot be read. The file may be written meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Io`].
    pub fn inspect(path: &Path) -> Result<[Result<HeadMark, &'static str>; SLOTS], StoreError> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::HeadMissing { path: path.to_path_buf() },
            _ => StoreError::Io(error.into()),
        })?;
        let mut tries = 3;
        loop {
            let slots = read_slots(&mut file).map_err(|error| StoreError::Io(error.into()))?;
            tries -= 1;
            // A slot may be read while it is written: what is damaged stays so.
            if tries == 0 || slots.iter().all(Result::is_ok) {
                return Ok(slots.map(|slot| slot.map(|(_, mark)| mark)));
            }
        }
    }
}

#[cfg(test)]
impl Head {
    /// From now on its writes fail, as those of a disk that is full or broken.
    pub(crate) fn fail_from_now(&mut self) {
        self.file = Some(File::options().write(true).open("/dev/full").unwrap());
    }
}

/// Where the slot of a mark begins in the file.
fn slot_offset(sequence: u64) -> u64 {
    if sequence.is_multiple_of(2) { 0 } else { SLOT_BYTES as u64 }
}

fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(cannot_write(path, error)),
    }
}

type Slot = Result<(u64, HeadMark), &'static str>;

fn read_slots(file: &mut File) -> io::Result<[Slot; SLOTS]> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take((SLOTS * SLOT_BYTES + 1) as u64).read_to_end(&mut bytes)?;
    let Ok(bytes) = <[u8; SLOTS * SLOT_BYTES]>::try_from(bytes) else {
        return Ok([const { Err("the file has not 1,024 bytes") }; SLOTS]);
    };
    let (first, second) = bytes.split_at(SLOT_BYTES);
    Ok([decode(first, 0), decode(second, 1)])
}

fn encode(sequence: u64, mark: &HeadMark) -> Result<Vec<u8>, StoreError> {
    let length = u8::try_from(mark.origin.len()).map_err(|_| StoreError::Invalid {
        field: "head origin",
        expected: format!("at most {MAX_ORIGIN_BYTES} bytes"),
        found: mark.origin.len().to_string(),
    })?;
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&sequence.to_be_bytes());
    slot.extend_from_slice(&mark.size.to_be_bytes());
    slot.extend_from_slice(mark.root.as_bytes());
    slot.push(length);
    slot.extend_from_slice(mark.origin.as_bytes());
    slot.resize(SUMMED, 0);
    let sum = Hash::of(&slot);
    slot.extend_from_slice(sum.as_bytes());
    Ok(slot)
}

/// Reads a slot, and only what [`encode`] would have written there.
fn decode(slot: &[u8], place: u64) -> Slot {
    let (summed, sum) = slot.split_at_checked(SUMMED).ok_or("it is cut off")?;
    if Hash::of(summed).as_bytes() != sum {
        return Err("its checksum does not hold");
    }
    let read = || {
        let (magic, rest) = summed.split_first_chunk::<19>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (root, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first()?;
        let origin = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
        let mark = HeadMark {
            origin: origin.to_owned(),
            size: u64::from_be_bytes(*size),
            root: Hash::new(*root),
        };
        (magic == MAGIC).then_some((u64::from_be_bytes(*sequence), mark))
    };
    let (sequence, mark) = read().ok_or("it is not of a format that this program knows")?;
    if sequence % 2 != place {
        return Err("it is in the place of the other one");
    }
    Ok((sequence, mark))
}

#[cfg(test)]
mod tests;
