//! An auditor's copy of the log: a folder in C2SP layout (`checkpoint`,
//! `tile/<L>/<N>`, `tile/entries/<N>`).
//!
//! In: a folder; out: its signed checkpoint, its tiles and its entries. Promise:
//! nothing is believed here but the signature on the checkpoint: whoever takes
//! entries compares the root that they lead to with that of the checkpoint.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use onepoint_proof::{Hash, LogVerifier, SignedCheckpoint, TileId, TilePath, tile};

use crate::StoreError;

/// Longest checkpoint: the longest signed note.
const MAX_NOTE_BYTES: u64 = 131_072;
/// Longest entry bundle: 256 leaves of at most 128 bytes with their lengths, and room.
const MAX_BUNDLE_BYTES: u64 = 256 * (2 + 1024);

/// The copy of a log at one size.
#[derive(Debug)]
pub(crate) struct Mirror {
    folder: PathBuf,
    /// Number of leaves.
    pub(crate) size: u64,
    /// Root of their tree, as signed.
    pub(crate) root: Hash,
    /// The signed note, as published.
    pub(crate) note: String,
    /// Number of the log's key, as in its signature lines.
    pub(crate) key_id: u32,
}

impl Mirror {
    /// Opens a copy and verifies its checkpoint.
    ///
    /// # Errors
    /// [`StoreError::MirrorDamaged`] that names the file.
    pub(crate) fn open(folder: &Path, key: &LogVerifier) -> Result<Mirror, StoreError> {
        let path = folder.join("checkpoint");
        let note = read(&path, MAX_NOTE_BYTES)?;
        let signed = SignedCheckpoint::open(&note, key)
            .map_err(|error| StoreError::mirror(&path, error.en()))?;
        let checkpoint = signed.checkpoint();
        Ok(Mirror {
            folder: folder.to_path_buf(),
            size: checkpoint.size,
            root: checkpoint.root,
            note: signed.to_string(),
            key_id: key.key_id(),
        })
    }

    /// The entries of a bundle, as many as the copy's size says.
    pub(crate) fn entries(&self, index: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let width = self.width(0, index);
        let path = self.place(|width| TilePath::Entries { index, width }, width);
        let bytes = read(&path, MAX_BUNDLE_BYTES)?;
        let found = tile::decode_bundle(&bytes, self.width_found(&path, width));
        let entries = found.map_err(|error| StoreError::mirror(&path, error.en()))?;
        Ok(entries.into_iter().take(usize::from(width)).map(<[u8]>::to_vec).collect())
    }

    /// The hashes of a tile, as many as the copy's size says; `None` when there is no such file.
    pub(crate) fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let width = self.width(level, index);
        let path = self.place(|width| TilePath::Hashes(TileId { level, index, width }), width);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = read(&path, 256 * 32)?;
        let found = tile::decode_tile(&bytes, self.width_found(&path, width));
        let mut hashes = found.map_err(|error| StoreError::mirror(&path, error.en()))?;
        hashes.truncate(usize::from(width));
        Ok(Some(hashes))
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of the copy lies, for messages.
    pub(crate) fn entries_path(&self, index: u64) -> PathBuf {
        self.place(|width| TilePath::Entries { index, width }, self.width(0, index))
    }

    /// The full file where there is one (the log has grown since), else the partial one.
    fn place(&self, path: impl Fn(u16) -> TilePath, width: u16) -> PathBuf {
        let full = self.folder.join(path(tile::TILE_WIDTH).to_string());
        if full.is_file() { full } else { self.folder.join(path(width).to_string()) }
    }

    fn width(&self, level: u8, index: u64) -> u16 {
        TileId::in_tree(self.size, level, index).map_or(0, |id| id.width)
    }

    fn width_found(&self, path: &Path, width: u16) -> u16 {
        let partial = path.parent().and_then(Path::extension).is_some_and(|end| end == "p");
        if partial { width } else { tile::TILE_WIDTH }
    }
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let done: io::Result<usize> =
        File::open(path).and_then(|file| file.take(max + 1).read_to_end(&mut bytes));
    done.map_err(|error| StoreError::mirror(path, error.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(StoreError::mirror(path, format!("it is larger than {max} bytes")));
    }
    Ok(bytes)
}
