//! The folder of archive segments beside a store.
//!
//! In: whole segments to keep, names to read or remove; out: payloads. Promise: when
//! [`Archive::write`] returns, the segment is on disk under its name, and it never was
//! there under its name with other bytes. The folder belongs to the writer of the store;
//! readers only read. Files are 0600, the folder 0700.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use onepoint_proof::Hash;

use crate::segment::{self, Piece, SegmentFault};
use crate::{StoreError, durable};

/// The folder in that of the store.
const FOLDER: &str = "archive";
/// Ending of a file that is being written.
const UNFINISHED: &str = ".new";
/// Ending of a segment.
const SEGMENT: &str = ".seg";
/// Longest segment read as a whole, in bytes: the longest payload and what else fits.
const MAX_SEGMENT_BYTES: u64 = 256 << 20;

/// Called at each place where dying leaves something in between, with its name.
pub type Passing = fn(&'static str);

/// The segments of one store.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    folder: PathBuf,
    passing: Passing,
}

impl Archive {
    /// Of the store in this folder. Nothing is made before the first segment is written.
    pub(crate) fn of(store: &Path) -> Archive {
        Archive { folder: store.join(FOLDER), passing: |_| () }
    }

    /// With somebody to be told of each place that is passed.
    pub(crate) fn watched(self, passing: Passing) -> Archive {
        Archive { passing, ..self }
    }

    /// A place where a test may let the process die.
    pub(crate) fn pass(&self, name: &'static str) {
        (self.passing)(name);
    }

    fn path(&self, name: &Hash) -> PathBuf {
        self.folder.join(segment::file_name(name))
    }

    /// Writes a segment so that it is durable before anything may name it.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], [`StoreError::DiskFull`].
    pub(crate) fn write(&self, name: &Hash, bytes: &[u8]) -> Result<(), StoreError> {
        if !self.folder.is_dir() {
            durable::make_folder(&self.folder)?;
        }
        self.pass("archive.unwritten");
        // Dying within: an unfinished file, or a segment that no row names; either is swept at
        // the next run, which takes the same payloads again. The same goes for a failed sync:
        // nothing was promised, and the next run writes all of it anew.
        durable::replace(&self.path(name), bytes)?;
        self.pass("archive.written");
        Ok(())
    }

    /// One payload of a segment; `None` when there is no such file.
    ///
    /// # Errors
    /// [`StoreError::SegmentDamaged`], [`StoreError::Io`].
    pub(crate) fn read(&self, name: &Hash, body: i64) -> Result<Option<Piece>, StoreError> {
        let mut file = match File::open(self.path(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Io(error.into())),
        };
        segment::read(&mut file, body).map(Some).map_err(|fault| self.fault(name, fault))
    }

    /// A whole segment, compared with its name.
    ///
    /// # Errors
    /// [`StoreError::SegmentDamaged`], also when it is missing; [`StoreError::Io`].
    pub(crate) fn read_all(&self, name: &Hash) -> Result<Vec<Piece>, StoreError> {
        let path = self.path(name);
        let bytes = match fs::metadata(&path) {
            Ok(found) if found.len() > MAX_SEGMENT_BYTES => {
                return Err(self.damaged(name, "it is longer than any segment"));
            }
            Ok(_) => fs::read(&path),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.damaged(name, "its file is missing"),
            _ => StoreError::Io(error.into()),
        })?;
        segment::read_all(&bytes, name).map_err(|fault| self.fault(name, fault))
    }

    /// Removes a segment; one that is not there is as good.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`].
    pub(crate) fn remove(&self, name: &Hash) -> Result<(), StoreError> {
        self.remove_path(&self.path(name))
    }

    /// Removes what a process left that died in between: unfinished files, and segments that
    /// `keep` does not know. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`]; what `keep` returns.
    pub(crate) fn sweep(
        &self,
        mut keep: impl FnMut(&Hash) -> Result<bool, StoreError>,
    ) -> Result<u64, StoreError> {
        let refused = |error| durable::cannot_write(&self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(refused(error)),
        };
        let mut removed = 0u64;
        for entry in entries {
            let path = entry.map_err(refused)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let orphan = match name.strip_suffix(SEGMENT).map(named) {
                Some(Some(segment)) => !keep(&segment)?,
                Some(None) => false,
                None => name.strip_suffix(UNFINISHED).is_some(),
            };
            // Whatever else somebody put there is not ours to remove.
            if orphan {
                self.remove_path(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn remove_path(&self, path: &Path) -> Result<(), StoreError> {
        match fs::remove_file(path) {
            Ok(()) => durable::sync_file(&self.folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(durable::cannot_write(path, error)),
        }
    }

    /// An error that names the segment.
    pub(crate) fn damaged(&self, name: &Hash, what: impl Into<String>) -> StoreError {
        StoreError::SegmentDamaged { segment: name.to_hex(), what: what.into() }
    }

    fn fault(&self, name: &Hash, fault: SegmentFault) -> StoreError {
        match fault {
            SegmentFault::Damaged(what) => self.damaged(name, what),
            SegmentFault::Io(error) => StoreError::Io(error.into()),
        }
    }
}

/// The hash in the name of a segment's file.
fn named(hex: &str) -> Option<Hash> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
    Hash::from_slice(&bytes).filter(|hash| hash.to_hex() == hex)
}

#[cfg(test)]
mod tests;
