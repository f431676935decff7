//! Restoring a backup, without ever letting the log fork.
//!
//! In: a backup and what is known of the log from outside (head file, a published
//! checkpoint, an auditor's copy); out: a store in its place, checked, or a refusal
//! that says what is missing. A backup that is older than what is known is refused,
//! unless an auditor's copy has the entries since: then these come back as erased
//! facts (their leaf, and nothing else) under the checkpoint that was published,
//! and the same log goes on. Dying at any point leaves the place as it was.

mod complete;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use onepoint_proof::{Hash, LogVerifier, SignedCheckpoint, proof};
use rusqlite::{Connection, OpenFlags};

use crate::error::CopyError;
use crate::head::Head;
use crate::manifest::{self, Manifest};
use crate::mirror::Mirror;
use crate::sqlite::check::{CheckOptions, Checked, StoredTiles, check};
use crate::sqlite::{DATABASE_FILE, connect, fault, rows, schema};
use crate::{MasterKeys, StoreError, durable};

/// Longest file with a checkpoint.
const MAX_NOTE_BYTES: u64 = 131_072;

/// What to restore, where, and what is known of the log.
#[derive(Debug, Clone, Copy)]
pub struct RestoreOptions<'a> {
    /// The folder of the backup.
    pub backup: &'a Path,
    /// Where the store is to be; must not exist, or be empty.
    pub to: &'a Path,
    /// The log's key.
    pub log_key: &'a LogVerifier,
    /// The head file of the log, if it is still there.
    pub head: Option<&'a Path>,
    /// A checkpoint that somebody outside holds: the last one that was published, best.
    pub checkpoint: Option<&'a Path>,
    /// An auditor's copy of the log.
    pub mirror: Option<&'a Path>,
    /// The master keys; without them a backup with sealed payloads does not pass its check.
    pub master_keys: Option<&'a MasterKeys>,
    /// The time now, ms.
    pub now_ms: i64,
}

/// What a restore came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// Leaves now.
    pub size: u64,
    /// Leaves that came from the auditor's copy: facts of which nothing else is known any more.
    pub completed: u64,
    /// Time of the last fact that is known in full, ms.
    pub known_until_ms: Option<i64>,
    /// What the check looked at.
    pub checked: Checked,
}

/// Restores a backup.
///
/// # Errors
/// [`StoreError::Copy`] for a damaged backup or copy and a taken place;
/// [`StoreError::RolledBack`] when facts are missing, [`StoreError::LogFork`] when the log had
/// another root; faults of reading and writing. Nothing is in the place then.
pub fn restore(options: &RestoreOptions<'_>) -> Result<Restored, StoreError> {
    let manifest = Manifest::read(options.backup)?;
    if manifest.key != options.log_key.to_string() {
        let (found, given) = (manifest.key, options.log_key.to_string());
        return Err(CopyError::OtherLog { found, given }.into());
    }
    prepare(options.to)?;
    let building = building(options.to);
    let done = build(options, &building, manifest);
    if done.is_err() {
        // What cannot be removed is removed by the next attempt.
        drop(fs::remove_dir_all(&building));
    }
    done
}

fn build(
    options: &RestoreOptions<'_>,
    building: &Path,
    manifest: Manifest,
) -> Result<Restored, StoreError> {
    copy(options.backup, building, &manifest)?;
    let known = known(options)?;
    let mirror = options.mirror.map(|folder| Mirror::open(folder, options.log_key)).transpose()?;
    let mut on = open(building, options.now_ms)?;
    let stored = stored(&on)?;
    if (stored.size, stored.root) != (manifest.size, manifest.root) {
        let what = "it is not of the checkpoint that the manifest names".to_owned();
        let path = options.backup.join(manifest::FILE);
        return Err(CopyError::Backup { path, what }.into());
    }
    // Everything is compared before anything is taken from the copy.
    let reach = mirror.as_ref().map_or(stored.size, |mirror| mirror.size.max(stored.size));
    for mark in &known {
        mark.compare(&on, &stored, reach)?;
    }
    let mut completed = 0;
    if let Some(mirror) = &mirror {
        let marks: Vec<_> = known.iter().map(|mark| (mark.size, mark.root)).collect();
        completed = complete::complete(&mut on, mirror, &marks)?;
    }
    seal(on)?;
    let checked = checked(options, building)?;
    settle(building, options.to)?;
    let known_until_ms = stored.last_ms;
    Ok(Restored { manifest, size: reach, completed, known_until_ms, checked })
}

/// The place must be free. Nothing is ever overwritten.
fn prepare(to: &Path) -> Result<(), StoreError> {
    let free = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !free {
        return Err(CopyError::PlaceTaken { path: to.to_path_buf() }.into());
    }
    let building = building(to);
    match fs::remove_dir_all(&building) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(durable::cannot_write(&building, error));
        }
        _ => {}
    }
    durable::make_folder(&building)
}

/// Beside the place, so that the last step is a rename.
fn building(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_os_string();
    name.push(".restoring");
    to.with_file_name(name)
}

/// Copies the files, each with its length and digest checked on the way.
fn copy(backup: &Path, building: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    for (n, file) in manifest.files.iter().enumerate() {
        let from = backup.join(&file.name);
        let name = if n == 0 { DATABASE_FILE } else { file.name.as_str() };
        let to = building.join(name);
        let damaged = |what: &str| CopyError::Backup { path: from.clone(), what: what.to_owned() };
        if !from.is_file() {
            return Err(damaged("it is missing").into());
        }
        if let Some(folder) = to.parent().filter(|folder| !folder.is_dir()) {
            durable::make_folder(folder)?;
        }
        let (bytes, digest) = manifest::digest_file(&from, Some(&to))?;
        if bytes != file.bytes {
            return Err(damaged("it has another length than the manifest says").into());
        }
        if digest != file.digest {
            return Err(damaged("it has another digest than the manifest says").into());
        }
    }
    Ok(())
}

/// The restored database, for us alone.
fn open(building: &Path, now_ms: i64) -> Result<Connection, StoreError> {
    let file = building.join(DATABASE_FILE);
    let on = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = schema::check(&on, &file)?;
    // One file, and nothing beside it; it is synced before it is put in its place.
    on.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
        .and_then(|()| schema::migrate(&on, found, now_ms))
        .map_err(fault::open)?;
    Ok(on)
}

/// Everything into the one file, synced.
fn seal(on: Connection) -> Result<(), StoreError> {
    on.close().map_err(|(_, error)| StoreError::Fatal(error.into()))
}

/// What the backup holds of the log.
struct Stored {
    size: u64,
    root: Hash,
    last_ms: Option<i64>,
}

fn stored(on: &Connection) -> Result<Stored, StoreError> {
    let read = || -> Result<Stored, rusqlite::Error> {
        let latest = rows::latest_checkpoint(on)?;
        let size = latest.as_ref().map_or(0, |latest| latest.size);
        let root = latest.map_or(Hash::EMPTY_ROOT, |latest| latest.root);
        let last = size.checked_sub(1).map(|last| rows::fact(on, last)).transpose()?.flatten();
        Ok(Stored { size, root, last_ms: last.map(|last| last.time_ms) })
    };
    read().map_err(fault::read)
}

/// What is known of the log from outside.
struct Mark {
    by: PathBuf,
    size: u64,
    root: Hash,
}

fn known(options: &RestoreOptions<'_>) -> Result<Vec<Mark>, StoreError> {
    let mut known = Vec::new();
    if let Some(by) = options.head {
        let slots = Head::inspect(by)?;
        let marks: Vec<_> = slots.into_iter().filter_map(Result::ok).collect();
        if marks.is_empty() {
            return Err(StoreError::HeadDamaged { path: by.to_path_buf() });
        }
        for mark in marks {
            if mark.origin != options.log_key.name() {
                let (path, expected) = (by.to_path_buf(), options.log_key.name().to_owned());
                return Err(StoreError::HeadOfAnotherLog { path, found: mark.origin, expected });
            }
            known.push(Mark { by: by.to_path_buf(), size: mark.size, root: mark.root });
        }
    }
    if let Some(by) = options.checkpoint {
        let bad = |what: String| CopyError::Checkpoint { path: by.to_path_buf(), what };
        let length = fs::metadata(by).map_err(|error| bad(error.to_string()))?.len();
        if length > MAX_NOTE_BYTES {
            return Err(bad(format!("it is larger than {MAX_NOTE_BYTES} bytes")).into());
        }
        let note = fs::read(by).map_err(|error| bad(error.to_string()))?;
        let signed =
            SignedCheckpoint::open(&note, options.log_key).map_err(|error| bad(error.en()))?;
        let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
        known.push(Mark { by: by.to_path_buf(), size, root });
    }
    Ok(known)
}

impl Mark {
    /// The log must reach so far, and have this root where it is stored.
    fn compare(&self, on: &Connection, stored: &Stored, reach: u64) -> Result<(), StoreError> {
        if self.size > reach {
            return Err(StoreError::RolledBack {
                by: self.by.clone(),
                known: self.size,
                have: reach,
                since_ms: stored.last_ms.filter(|_| reach == stored.size),
            });
        }
        if self.size == 0 || self.size > stored.size {
            return Ok(());
        }
        let root = proof::root_from_tiles(&StoredTiles(on), self.size)
            .map_err(|error| StoreError::LogDamaged(error.to_string()))?;
        if root == self.root { Ok(()) } else { Err(StoreError::LogFork { size: self.size }) }
    }
}

/// The whole check over what was built.
fn checked(options: &RestoreOptions<'_>, building: &Path) -> Result<Checked, StoreError> {
    let mut first = None;
    let check_options = CheckOptions {
        folder: building,
        log_key: Some(options.log_key),
        head: options.head,
        mirror: options.mirror,
        master_keys: options.master_keys,
    };
    let checked = check(&check_options, &mut |finding| {
        let told = || format!("{} [{}] {}", finding.place, finding.code, finding.detail);
        first.get_or_insert_with(told);
    })?;
    match first {
        None => Ok(checked),
        Some(first) => Err(CopyError::CheckFailed { findings: checked.findings, first }.into()),
    }
}

/// Into its place, in one step.
fn settle(building: &Path, to: &Path) -> Result<(), StoreError> {
    for beside in ["journal.db-wal", "journal.db-shm"] {
        // The check read the database, which may leave these, empty.
        let path = building.join(beside);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| durable::cannot_write(&path, error))?;
        }
    }
    durable::sync_file(&building.join(DATABASE_FILE))?;
    durable::sync_file(building)?;
    // Dying before: a folder beside, which the next attempt removes. After: all is done.
    durable::rename(building, to)
}
