//! Payloads of closed messages move to the archive and go in the end, step by step.
//!
//! In: a policy and the time; out: at most one segment written or one erased. Promise: the
//! writer is held up by no more than that, and dying at any point leaves payloads either where
//! they were or where they went: a segment is durable before a row points to it, and removed
//! after the rows have let go of it.
//!
//! The log is gone through in its order, once; messages that are old enough but not closed yet
//! are put on a list that each run goes through again.

mod erase;
mod gather;

use rusqlite::{Connection, params};

use super::{SqliteStore, fault, rows};
use crate::retention::{Retained, Retention};
use crate::{Hash, StoreError, segment};
use gather::Batch;

/// Where a run has come to; forgotten with the process, which then begins anew.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Files that a death left are gone.
    swept: bool,
    /// The last message of the list that was looked at; `None` before the first.
    listed: Option<String>,
    /// The whole list was looked at.
    list_done: bool,
}

impl SqliteStore {
    pub(super) fn retain_step(
        &mut self,
        policy: &Retention,
        now_ms: i64,
    ) -> Result<Retained, StoreError> {
        policy.check()?;
        self.alive()?;
        let done = self.sweep().and_then(|swept| {
            let mut step = self.archive_step(policy, now_ms)?;
            if !step.more {
                step.add(self.erase_step(policy, now_ms)?);
            }
            step.swept = swept;
            Ok(step)
        });
        if done.as_ref().map_or(true, |step| !step.more) {
            self.run = Run::default();
        }
        self.note(done)
    }

    /// Removes what an earlier process left that died between a file and its rows.
    fn sweep(&mut self) -> Result<u64, StoreError> {
        if self.run.swept {
            return Ok(0);
        }
        let on = &self.connection;
        let swept = self
            .bodies
            .archive
            .sweep(|name| rows::holds_segment(on, name).map_err(fault::write))?;
        self.run.swept = true;
        Ok(swept)
    }

    fn archive_step(&mut self, policy: &Retention, now_ms: i64) -> Result<Retained, StoreError> {
        let mut batch = Batch::new(policy, now_ms);
        batch.gather(&self.connection, &self.bodies, &mut self.run)?;
        let mut step = Retained { more: batch.more, ..Retained::default() };
        step.damaged = std::mem::take(&mut batch.damaged);
        step.archived = u64::try_from(batch.pieces.len()).unwrap_or(u64::MAX);
        let mut new = None;
        if !batch.pieces.is_empty() {
            let lengths = std::mem::take(&mut batch.lengths);
            let rows: Vec<_> =
                batch.pieces.iter().map(|piece| (piece.body, piece.digest)).collect();
            let wipe = batch.pieces.iter().any(|piece| piece.key.is_none());
            let (name, bytes) = segment::encode(std::mem::take(&mut batch.pieces));
            step.segment_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            step.segments = 1;
            // The file first: dying before the commit below leaves a segment that no row names,
            // and the payloads in their rows; the next run sweeps it and takes them again.
            self.bodies.archive.write(&name, &bytes)?;
            drop(bytes);
            // Read back before the rows let go of what they hold.
            self.bodies.archive.read_all(&name)?;
            new = Some(NewSegment { name, bytes: step.segment_bytes, rows, lengths, wipe });
        }
        if new.is_some() || batch.has_notes() {
            let wipe = new.as_ref().is_some_and(|new| new.wipe);
            self.wiping(wipe, |store| {
                store.within(|on, _| {
                    if let Some(new) = &new {
                        new.point(on, batch.last_received_ms, now_ms)?;
                    }
                    batch.write_notes(on)
                })
            })?;
            // Dying here: the payloads are in the segment, and no longer in their rows.
            self.bodies.archive.pass("archive.pointed");
        }
        Ok(step)
    }

    /// Whether what a row or page held is overwritten when it is given up. Sealed payloads need
    /// it only within pages that are written anyway; plain ones everywhere.
    fn wiping<T>(
        &mut self,
        everywhere: bool,
        work: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !everywhere {
            return work(self);
        }
        set_wiping(&self.connection, "on")?;
        let done = work(self);
        set_wiping(&self.connection, "fast")?;
        done
    }
}

fn set_wiping(on: &Connection, mode: &str) -> Result<(), StoreError> {
    let ignore = |_: &rusqlite::Row<'_>| Ok(());
    on.pragma_update_and_check(None, "secure_delete", mode, ignore).map_err(fault::write)
}

/// A segment that is on disk, and the rows that will point to it.
struct NewSegment {
    name: Hash,
    bytes: u64,
    /// Payload and digest.
    rows: Vec<(i64, Hash)>,
    /// Plain length of each.
    lengths: Vec<u64>,
    /// Some payloads are plain.
    wipe: bool,
}

impl NewSegment {
    fn point(&self, on: &Connection, received_ms: i64, now_ms: i64) -> Result<(), StoreError> {
        let payloads = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let insert = "INSERT INTO segment (digest, bytes, payloads, created_ms, last_received_ms) \
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let name = self.name.as_bytes();
        on.prepare_cached(insert)
            .and_then(|mut insert| {
                let bytes = rows::number(self.bytes);
                insert.execute(params![name, bytes, payloads, now_ms, received_ms])
            })
            .map_err(fault::write)?;
        let segment = on.last_insert_rowid();
        let update = "UPDATE body SET bytes = x'', place = 1, segment = ?2, digest = ?3, \
            plain_bytes = ?4 WHERE id = ?1 AND place = 0";
        let mut update = on.prepare_cached(update).map_err(fault::write)?;
        for ((body, digest), length) in self.rows.iter().zip(&self.lengths) {
            let values = params![body, segment, digest.as_bytes(), rows::number(*length)];
            if update.execute(values).map_err(fault::write)? != 1 {
                return Err(StoreError::Conflict(format!("payload {body} moved meanwhile")));
            }
        }
        Ok(())
    }
}
