//! Segments go when policy says, and with them the data keys of which nothing is left.
//!
//! In: the policy and the time; out: at most one segment less. The rows say that it is
//! erased before its file goes: nobody is ever told of a payload that is no longer there.

use onepoint_proof::Hash;
use rusqlite::{Connection, params};

use crate::StoreError;
use crate::retention::{Retained, Retention};
use crate::sqlite::{BUSY, SqliteStore, fault, rows};

impl SqliteStore {
    pub(super) fn erase_step(
        &mut self,
        policy: &Retention,
        now_ms: i64,
    ) -> Result<Retained, StoreError> {
        let mut step = Retained::default();
        let Some(after) = policy.erase_after_ms else { return Ok(step) };
        let limit = now_ms.saturating_sub(after);
        let due = rows::due_segment(&self.connection, limit).map_err(fault::write)?;
        let Some((segment, name)) = due else { return Ok(step) };
        // Dying here: all of the segment is there; the next run erases it.
        self.bodies.archive.pass("erase.unmarked");
        let (erased, destroyed) = self.within(|on, _| {
            let erased = mark(on, segment, now_ms).map_err(fault::write)?;
            let destroyed = destroy_keys(on, now_ms).map_err(fault::write)?;
            Ok((erased, destroyed))
        })?;
        // Dying here: a file is left whose rows say that it is erased; the next run sweeps it.
        self.bodies.archive.pass("erase.marked");
        self.remove(&name, &destroyed)?;
        // Dying here: the segment is gone, as its rows say.
        self.bodies.archive.pass("erase.removed");
        step.erased = erased;
        step.keys_destroyed = u64::try_from(destroyed.len()).unwrap_or(u64::MAX);
        step.more = true;
        Ok(step)
    }

    fn remove(&mut self, name: &Hash, destroyed: &[i64]) -> Result<(), StoreError> {
        destroyed.iter().for_each(|key| self.bodies.vault.forget(*key));
        self.bodies.archive.remove(name)?;
        if destroyed.is_empty() {
            return Ok(());
        }
        self.cut_write_ahead_log()
    }

    /// Older pages in the write-ahead log still hold wrapped keys that were replaced. It is cut
    /// off unless somebody reads just now; then those pages are written over later.
    pub(in crate::sqlite) fn cut_write_ahead_log(&mut self) -> Result<(), StoreError> {
        let on = &self.connection;
        let cut = || {
            on.busy_timeout(std::time::Duration::ZERO)?;
            on.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            on.busy_timeout(BUSY)
        };
        let done = cut().map_err(fault::write);
        self.note(done)
    }
}

/// Marks a segment and its payloads; gives their number.
fn mark(on: &Connection, segment: i64, now_ms: i64) -> Result<u64, rusqlite::Error> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<usize, rusqlite::Error> {
        on.prepare_cached(sql)?.execute(values)
    };
    run("UPDATE segment SET erased_ms = ?2 WHERE id = ?1", params![segment, now_ms])?;
    run(
        "UPDATE data_key SET erased = erased + \
         (SELECT count(*) FROM body WHERE segment = ?1 AND data_key = data_key.id) \
         WHERE id IN (SELECT data_key FROM body WHERE segment = ?1)",
        &[&segment],
    )?;
    let marked = run("UPDATE body SET place = 2 WHERE segment = ?1", &[&segment])?;
    Ok(u64::try_from(marked).unwrap_or(u64::MAX))
}

/// Overwrites, with nothing, the keys all of whose payloads are erased; never the newest one,
/// which may seal more. Gives their numbers.
fn destroy_keys(on: &Connection, now_ms: i64) -> Result<Vec<i64>, rusqlite::Error> {
    let sql = "UPDATE data_key SET wrapped = NULL, destroyed_ms = ?1 \
        WHERE wrapped IS NOT NULL AND erased >= payloads \
        AND id < (SELECT max(id) FROM data_key) RETURNING id";
    on.prepare_cached(sql)?.query_map([now_ms], |row| row.get(0))?.collect()
}
