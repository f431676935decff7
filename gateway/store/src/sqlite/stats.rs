//! What is in a store, counted: for a person who looks at it.
//!
//! In: a reader; out: one consistent picture. It goes through all payload rows: seconds for a
//! million of them, while the writer goes on.

use std::path::Path;

use rusqlite::Connection;

use super::{DATABASE_FILE, SqliteReader, rows, schema};
use crate::model::Counts;
use crate::{Reader as _, StoreError};

/// A number of payloads and their plain bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// How many.
    pub payloads: u64,
    /// Bytes of them, as they were handed in.
    pub bytes: u64,
}

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Version of its tables.
    pub version: u32,
    /// Messages, deliveries, answers, facts.
    pub counts: Counts,
    /// Payloads in the journal itself.
    pub here: Volume,
    /// Payloads in segments of the archive.
    pub archived: Volume,
    /// Payloads that went by policy.
    pub erased: Volume,
    /// Payloads among those here and archived that are not sealed.
    pub in_the_clear: u64,
    /// Messages that were old enough for the archive, but not closed.
    pub not_closed: u64,
    /// Segments of the archive.
    pub segments: u64,
    /// Bytes of their files.
    pub segment_bytes: u64,
    /// Data keys by the id of the master key that wraps them.
    pub data_keys: Vec<(String, u64)>,
    /// Data keys that were destroyed.
    pub destroyed_keys: u64,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes in it that are free for what comes next.
    pub free_bytes: u64,
    /// Bytes of the write-ahead log.
    pub write_ahead_bytes: u64,
}

impl SqliteReader {
    /// Counts what is in the store.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let mut stats = self.read(|on| count(&*on.unchecked_transaction()?))?;
        stats.counts = self.counts()?;
        let length = |name: &str| std::fs::metadata(self.folder.join(name)).map_or(0, |m| m.len());
        stats.database_bytes = length(DATABASE_FILE);
        stats.write_ahead_bytes = length("journal.db-wal");
        Ok(stats)
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn count(on: &Connection) -> rows::Sql<StoreStats> {
    let mut stats = StoreStats { version: schema::VERSION, ..StoreStats::default() };
    for row in rows::volumes(on)? {
        let volume = Volume { payloads: row.payloads, bytes: row.bytes };
        match row.place {
            0 => stats.here = volume,
            1 => stats.archived = volume,
            _ => stats.erased = volume,
        }
        if row.place < 2 {
            stats.in_the_clear = stats.in_the_clear.saturating_add(row.plain);
        }
    }
    (stats.segments, stats.segment_bytes) = rows::segments_sum(on)?;
    for (master, keys) in rows::keys_by_master(on)? {
        match master {
            Some(master) => stats.data_keys.push((master, keys)),
            None => stats.destroyed_keys = keys,
        }
    }
    stats.not_closed = rows::count_of(on, "SELECT count(*) FROM unsettled")?;
    let pages = rows::count_of(on, "SELECT freelist_count FROM pragma_freelist_count")?;
    let page = rows::count_of(on, "SELECT page_size FROM pragma_page_size")?;
    stats.free_bytes = pages.saturating_mul(page);
    Ok(stats)
}
