//! Payloads and archive segments: every one read, opened where the keys are given,
//! and compared with its digest.
//!
//! In: the rows of payloads and segments; out: findings. A payload comes out of the
//! same code that serves it, so that what is checked here is what is served.

use onepoint_proof::Hash;
use rusqlite::Connection;

use super::Run;
use crate::manifest::digest_file;
use crate::model::BodyId;
use crate::segment;
use crate::sqlite::{SqliteReader, rows};
use crate::{Reader as _, StoreError};

/// The folder of segments in that of a store.
const ARCHIVE: &str = "archive";

pub(super) fn payloads(run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
    let keys = run.options.master_keys.cloned();
    let reader = match SqliteReader::open_with(run.options.folder, 1, keys) {
        Ok(reader) => reader,
        Err(error) => {
            let place = run.at("table body");
            run.find("database-unreadable", place, error.en());
            return Ok(());
        }
    };
    let mut statement = on.prepare("SELECT id FROM body ORDER BY id")?;
    let mut ids = statement.query([])?;
    let mut unopened = 0;
    while let Some(row) = ids.next()? {
        let id: i64 = row.get(0)?;
        let place = run.at(format!("table body {id}"));
        run.seen.payloads += 1;
        match reader.body(BodyId(id)) {
            Ok(Some(_)) | Err(StoreError::Erased { .. }) => {}
            // Removed since the snapshot: nothing removes rows of payloads but a fault.
            Ok(None) => run.find("payload-differs", place, "its row is gone"),
            Err(StoreError::MasterKeyMissing { .. }) => unopened += 1,
            Err(error) => run.find("payload-differs", place, error),
        }
    }
    if unopened > 0 {
        let place = run.at("table body");
        run.find("payload-not-opened", place, format!("{unopened} payloads: give the master keys"));
    }
    Ok(())
}

/// Every segment that has not gone by policy: its file against its name.
pub(super) fn segments(run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
    let mut statement =
        on.prepare("SELECT id, digest, bytes FROM segment WHERE erased_ms IS NULL ORDER BY id")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (id, name, bytes): (i64, Hash, u64) =
            (row.get(0)?, Hash::new(row.get(1)?), rows::unsigned(row, 2)?);
        run.seen.segments += 1;
        let path = run.options.folder.join(ARCHIVE).join(segment::file_name(&name));
        if !path.is_file() {
            if !erased_since(run, id) {
                run.find("segment-missing", path.display(), "the journal names it");
            }
            continue;
        }
        match digest_file(&path, None) {
            Ok((_, found)) if found != name => {
                run.find(
                    "segment-differs",
                    path.display(),
                    format!("its digest is {}", found.to_hex()),
                );
            }
            Ok((length, _)) if length != bytes => {
                let place = run.at(format!("table segment {id}"));
                run.find("row-differs", place, format!("its file has {length} bytes"));
            }
            Ok(_) => {}
            Err(error) => run.find("store-io", path.display(), error.en()),
        }
    }
    Ok(())
}

/// Retention may have removed it after the snapshot was taken.
fn erased_since(run: &Run<'_>, id: i64) -> bool {
    let Ok(now) = crate::sqlite::connect_to_read(run.options.folder) else { return false };
    let sql = "SELECT erased_ms IS NOT NULL FROM segment WHERE id = ?1";
    now.query_row(sql, [id], |row| row.get(0)).unwrap_or(false)
}
