//! An auditor's mirror of a log: a folder in the layout of C2SP tlog-tiles, with a
//! `state.json` about it and an `evidence` folder. In: what was fetched; out: the end of
//! the tree as the last verified checkpoint has it. Promise: the checkpoint is written
//! last, so that after a crash what it covers is whole; what it does not cover counts
//! for nothing and is fetched again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use onepoint_proof::checkpoint::Checkpoint;
use onepoint_proof::tile::{TILE_WIDTH, encode_tile};
use onepoint_proof::{Hash, Leaf, TileId, TilePath, Tiles, leaf_hash};
use serde_json::{Value, json};

use super::finding::{Finding, Stop};
use super::source::Source;
use crate::commands::{Failure, make_folder};
use crate::trust::Trust;

/// Name and version of the file beside the log's own.
const STATE_FORMAT: &str = "onepoint-mirror/1";

/// A mirror, owned by this process.
pub(crate) struct Mirror {
    folder: PathBuf,
    last: Option<Last>,
    // Held until the end: one process writes a mirror.
    _lock: File,
}

/// The log as far as the mirror has it.
#[derive(Clone)]
pub(crate) struct Last {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Vec<u8>,
    pub(crate) tiles: Tiles,
    /// Time of the last leaf, milliseconds since 1970.
    pub(crate) time_ms: i64,
}

impl Mirror {
    /// Opens a mirror, or begins one, and checks that its end is what its checkpoint says.
    ///
    /// # Errors
    /// `mirror-damaged` and the faults of its checkpoint as findings; `mirror-in-use`, and those of files.
    pub(crate) fn open(folder: &Path, trust: &Trust) -> Result<Mirror, Stop> {
        make_folder(folder)?;
        let lock = lock(folder)?;
        let last = if folder.join("checkpoint").exists() {
            Some(Last::read(folder, trust)?)
        } else if folder.join("state.json").exists() {
            return Err(damaged("checkpoint", "is missing").into());
        } else {
            None
        };
        Ok(Mirror { folder: folder.to_owned(), last, _lock: lock })
    }

    /// The log as far as it is here.
    pub(crate) fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    /// Entries that are here.
    pub(crate) fn entries(&self, index: u64, width: u16) -> Result<Vec<Vec<u8>>, Stop> {
        Source::folder(&self.folder).entries(index, width).map_err(as_damage)
    }

    /// Writes a bundle of entries.
    pub(crate) fn put_entries(&self, index: u64, entries: &[Vec<u8>]) -> Result<(), Stop> {
        let width = u16::try_from(entries.len()).unwrap_or(TILE_WIDTH);
        let bytes = onepoint_proof::tile::encode_bundle(entries)
            .map_err(|error| Finding::error(error.code(), error.en(), error.zh(), ""))?;
        Ok(put(&self.folder, &TilePath::Entries { index, width }.to_string(), &bytes)?)
    }

    /// Writes a tile.
    pub(crate) fn put_tile(&self, id: TileId, hashes: &[Hash]) -> Result<(), Failure> {
        put(&self.folder, &id.path(), &encode_tile(hashes))
    }

    /// Ends a round: everything that the checkpoint covers is here. The state first, the
    /// checkpoint last; then what it made needless goes.
    pub(crate) fn finish(&mut self, last: Last, key: &str, now: Timestamp) -> Result<(), Failure> {
        let head = &last.checkpoint;
        let state = json!({
            "format": STATE_FORMAT,
            "origin": head.origin,
            "log_key": key,
            "size": head.size,
            "root": head.root.to_base64(),
            "last_time": Timestamp::from_millisecond(last.time_ms).map(|t| t.to_string()).ok(),
            "followed": now.to_string(),
        });
        put(&self.folder, "state.json", format!("{state:#}\n").as_bytes())?;
        put(&self.folder, "checkpoint", &last.note)?;
        if let Some(before) = &self.last {
            self.remove_partials(before.checkpoint.size, head.size);
        }
        self.last = Some(last);
        Ok(())
    }

    /// Partial tiles of an older size. Only to save room: a failure leaves them there.
    fn remove_partials(&self, old: u64, new: u64) {
        let kept: Vec<TileId> = TileId::partials(new).collect();
        for id in TileId::partials(old).filter(|id| !kept.contains(id)) {
            self.remove(&id.path());
            if id.level == 0 {
                self.remove(&TilePath::Entries { index: id.index, width: id.width }.to_string());
            }
        }
    }

    fn remove(&self, path: &str) {
        let path = self.folder.join(path);
        let gone =
            fs::remove_file(&path).and_then(|()| path.parent().map_or(Ok(()), fs::remove_dir));
        if let Err(error) = gone {
            tracing::debug!(path = %path.display(), %error, "an old partial tile stays");
        }
    }

    /// Keeps what shows a fault, under a name of its own; the path of the folder.
    pub(crate) fn keep_evidence(
        &self,
        name: &str,
        files: &[(&str, &[u8])],
    ) -> Result<String, Failure> {
        for (file, bytes) in files {
            put(&self.folder, &format!("evidence/{name}/{file}"), bytes)?;
        }
        Ok(self.folder.join("evidence").join(name).display().to_string())
    }
}

impl Last {
    /// Reads the end of a copy in a folder.
    pub(crate) fn read(folder: &Path, trust: &Trust) -> Result<Last, Stop> {
        let source = Source::folder(folder);
        let (signed, note) = source.checkpoint(trust)?;
        let checkpoint = signed.checkpoint().clone();
        let mut partials: Vec<Vec<Hash>> = Vec::new();
        for id in TileId::partials(checkpoint.size) {
            partials.resize(usize::from(id.level), Vec::new());
            partials.push(source.hashes(id).map_err(as_damage)?);
        }
        let tiles = Tiles::from_partials(checkpoint.size, &partials)
            .map_err(|error| damaged("tile", &error.en()))?;
        if tiles.root() != checkpoint.root {
            return Err(damaged("tile", "its partial tiles do not lead to its root").into());
        }
        let time_ms = last_time(&source, &checkpoint)?;
        Ok(Last { checkpoint, note, tiles, time_ms })
    }
}

/// Time of the last leaf; the last bundle has to be that of the tree.
fn last_time(source: &Source, checkpoint: &Checkpoint) -> Result<i64, Stop> {
    let Some(last) = checkpoint.size.checked_sub(1) else { return Ok(0) };
    let index = last / u64::from(TILE_WIDTH);
    let Some(id) = TileId::in_tree(checkpoint.size, 0, index) else { return Ok(0) };
    let entries = source.entries(index, id.width).map_err(as_damage)?;
    let hashes = source.hashes(id).map_err(as_damage)?;
    if !entries.iter().map(|entry| leaf_hash(entry)).eq(hashes) {
        let path = TilePath::Entries { index, width: id.width }.to_string();
        return Err(damaged(&path, "its entries are not those of the tile").into());
    }
    let leaf = entries.last().map(|entry| Leaf::parse(entry));
    Ok(leaf.and_then(Result::ok).map_or(0, |leaf| leaf.time_ms))
}

fn damaged(place: &str, detail: &str) -> Finding {
    Finding::fail("mirror-damaged", place).detail(detail)
}

/// A fault of our own copy is no fault of the log.
fn as_damage(stop: Stop) -> Stop {
    match stop {
        Stop::Found(found) => {
            damaged(&found.place, &format!("{}: {}", found.code, found.en)).into()
        }
        outside => outside,
    }
}

fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
    file.try_lock().map_err(|error| {
        let message = format!("{}: {error}", folder.display());
        Failure::outside("mirror-in-use", message, "another audit writes this mirror; wait for it")
    })?;
    Ok(file)
}

/// Writes a file so that it is there whole or not at all, whenever the machine stops.
#[expect(clippy::disallowed_methods, reason = "this module owns the durability of a mirror")]
pub(crate) fn put(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(path);
    let parent = path.parent().unwrap_or(folder);
    make_folder(parent)?;
    let mut new = path.clone().into_os_string();
    new.push(".new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(parent)?.sync_all()
    };
    write().map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let hint = "choose a folder you may write to, with room on its disk";
    Failure::outside("file-unwritable", format!("{}: {error}", path.display()), hint)
}

/// What shows that two checkpoints do not belong to one log, for anybody to check.
pub(crate) fn proof_json(old: &Checkpoint, new: &Checkpoint, proof: &[Hash]) -> Value {
    json!({
        "old_size": old.size, "old_root": old.root.to_base64(),
        "new_size": new.size, "new_root": new.root.to_base64(),
        "consistency": proof.iter().map(Hash::to_base64).collect::<Vec<_>>(),
    })
}
