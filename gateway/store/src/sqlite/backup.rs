//! Backups: a consistent copy of a store, also of one that a gateway is writing.
//!
//! In: the folder of a store; out: a folder with the database as it was at one
//! moment, the archive segments that it names, and a manifest written last. Keys
//! are not in it. Dying at any point leaves the backup before, whole: files of the
//! new one have names of their own until the manifest names them.
//!
//! `VACUUM INTO` and not SQLite's copying of pages: it is one read transaction that
//! a busy writer cannot make begin anew, it reads every row on the way, and what
//! was deleted is not in the copy. SQLite does not sync what it writes there; we do.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use onepoint_proof::Hash;
use rusqlite::{Connection, OpenFlags};

use crate::error::CopyError;
use crate::manifest::{self, BackupFile, Manifest};
use crate::sqlite::{connect_to_read, fault, rows};
use crate::{StoreError, durable};

/// The folder of segments, in a store and in a backup.
pub(crate) const ARCHIVE: &str = "archive";
/// How often a backup begins anew when retention removes what it was about to copy.
const TRIES: u32 = 3;

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// The manifest as written.
    pub manifest: Manifest,
    /// Segments that were there already from an earlier backup.
    pub kept: u64,
}

/// Makes a backup of the store in `folder` in the folder `to`, which may hold an earlier one.
///
/// # Errors
/// [`StoreError::Missing`], `NotWritable`, `DiskFull`, `Io`, `Damaged`;
/// [`CopyError::Moving`] when archive segments kept going away.
pub fn backup(folder: &Path, to: &Path, now_ms: i64) -> Result<BackedUp, StoreError> {
    durable::make_folder(to)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt(folder, to, now_ms) {
            Err(StoreError::Copy(CopyError::Moving)) if tries < TRIES => {}
            done => return done,
        }
    }
}

fn attempt(folder: &Path, to: &Path, now_ms: i64) -> Result<BackedUp, StoreError> {
    let unnamed = to.join("journal.db.new");
    copy_database(folder, &unnamed)?;
    let (mut manifest, segments) = describe(&unnamed, now_ms)?;
    let (bytes, digest) = manifest::digest_file(&unnamed, None)?;
    let short: String = digest.to_hex().chars().take(16).collect();
    let name = format!("journal-{}-{short}.db", manifest.size);
    durable::rename(&unnamed, &to.join(&name))?;
    manifest.files.push(BackupFile { name, bytes, digest });
    let mut kept = 0;
    for segment in segments {
        let (file, was_there) = copy_segment(folder, to, &segment)?;
        kept += u64::from(was_there);
        manifest.files.push(file);
    }
    // Dying up to here: the manifest before names files that are all still there.
    manifest.write(to)?;
    // Dying from here on: files that nobody names, which the next backup removes.
    sweep(to, &manifest)?;
    Ok(BackedUp { manifest, kept })
}

/// The database as of one moment, in a file of its own, synced.
fn copy_database(folder: &Path, to: &Path) -> Result<(), StoreError> {
    // SQLite takes a file that is there only if it is empty; made here, it is private.
    durable::private_file()
        .truncate(true)
        .open(to)
        .map_err(|error| durable::cannot_write(to, error))?;
    let on = connect_to_read(folder)?;
    let target = to.to_str().ok_or_else(|| StoreError::NotWritable {
        path: to.to_path_buf(),
        source: "its name is not UTF-8".into(),
    })?;
    on.execute("VACUUM INTO ?1", [target]).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        Some(rusqlite::ErrorCode::SystemIoFailure) => StoreError::Io(error.into()),
        _ => fault::read(error),
    })?;
    durable::sync_file(to)
}

/// What the copy is of, and the segments that it names.
fn describe(file: &Path, now_ms: i64) -> Result<(Manifest, Vec<Hash>), StoreError> {
    let read = || -> Result<_, rusqlite::Error> {
        let on = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let segments = on
            .prepare("SELECT digest FROM segment WHERE erased_ms IS NULL ORDER BY id")?
            .query_map([], |row| row.get(0).map(Hash::new))?
            .collect::<Result<Vec<Hash>, _>>()?;
        Ok((rows::log_identity(&on)?, rows::latest_checkpoint(&on)?, segments))
    };
    let (identity, latest, segments) = read().map_err(fault::read)?;
    let (origin, key) = identity.map_or_else(Default::default, |log| (log.origin, log.key));
    let manifest = Manifest {
        created_ms: now_ms,
        origin,
        key,
        size: latest.as_ref().map_or(0, |latest| latest.size),
        root: latest.as_ref().map_or(Hash::EMPTY_ROOT, |latest| latest.root),
        checkpoint: latest.map_or(String::new(), |latest| latest.note),
        files: Vec::new(),
    };
    Ok((manifest, segments))
}

/// A segment in the backup; one that is there already and whole is not copied again.
fn copy_segment(folder: &Path, to: &Path, digest: &Hash) -> Result<(BackupFile, bool), StoreError> {
    let name = format!("{ARCHIVE}/{}.seg", digest.to_hex());
    let (from, place) = (folder.join(&name), to.join(&name));
    if let Ok((bytes, found)) = manifest::digest_file(&place, None)
        && found == *digest
    {
        return Ok((BackupFile { name, bytes, digest: found }, true));
    }
    durable::make_folder(&to.join(ARCHIVE))?;
    let unnamed = place.with_extension("seg.new");
    if !from.is_file() {
        // Retention has erased it since the snapshot; if not, a new snapshot says so again.
        return Err(CopyError::Moving.into());
    }
    let (bytes, found) = manifest::digest_file(&from, Some(&unnamed))?;
    if found != *digest {
        let what = "it is not what its name says".to_owned();
        return Err(CopyError::Backup { path: from, what }.into());
    }
    durable::rename(&unnamed, &place)?;
    Ok((BackupFile { name, bytes, digest: found }, false))
}

/// Removes files of earlier backups and of attempts that died.
fn sweep(to: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let named: BTreeSet<PathBuf> = manifest.files.iter().map(|file| to.join(&file.name)).collect();
    for folder in [to.to_path_buf(), to.join(ARCHIVE)] {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::Io(error.into())),
        };
        for entry in entries {
            let path = entry.map_err(|error| StoreError::Io(error.into()))?.path();
            if is_of_a_backup(&path) && !named.contains(&path) {
                fs::remove_file(&path).map_err(|error| durable::cannot_write(&path, error))?;
            }
        }
    }
    Ok(())
}

/// Only what we write ourselves is ever removed.
fn is_of_a_backup(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ours = |end: &str| name.ends_with(end) || name.ends_with(&format!("{end}.new"));
    (name.starts_with("journal") && ours(".db")) || ours(".seg")
}
