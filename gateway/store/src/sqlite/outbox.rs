//! The outbox as its operator looks at it: what waits for whom and since when, and what was
//! relayed in a period and could be given out once more.
//!
//! In: a period and a department; out: rows. Nothing is written here.

use rusqlite::params;

use super::{SqliteReader, rows};
use crate::StoreError;
use crate::model::{BodyId, DestinationKind, MAX_ROWS};

/// What waits in one lane of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// Kind of destination.
    pub kind: DestinationKind,
    /// Name of the department or participant.
    pub destination: String,
    /// Deliveries that nobody has confirmed.
    pub pending: u64,
    /// When the oldest of them was stored.
    pub oldest_ms: i64,
}

/// Which deliveries to a department could be given out once more.
#[derive(Debug, Clone, Copy)]
pub struct ReplayQuery<'a> {
    /// The department.
    pub department: &'a str,
    /// Stored at this time or later.
    pub from_ms: i64,
    /// Stored before this time.
    pub until_ms: i64,
    /// Only of this type.
    pub message_type: Option<&'a str>,
    /// Only rows with a greater number.
    pub after_seq: u64,
    /// At most so many; at most [`MAX_ROWS`] in any case.
    pub max_rows: usize,
}

/// A delivery that was relayed or delivered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayable {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Such as `CEB311Message`.
    pub message_type: String,
    /// When it was stored.
    pub created_ms: i64,
    /// Its payload has left the journal for the archive, or is gone.
    pub archived: bool,
    /// What it carries.
    pub body: BodyId,
}

impl SqliteReader {
    /// What waits, by kind and destination. Costs one pass over what is pending.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let sql = "SELECT w.kind, w.destination, w.pending, d.created_ms FROM \
            (SELECT kind, destination, count(*) AS pending, min(seq) AS first \
             FROM delivery WHERE state = 0 GROUP BY kind, destination) w \
            JOIN delivery d ON d.seq = w.first ORDER BY w.kind, w.destination";
        self.read(|on| {
            let mut statement = on.prepare_cached(sql)?;
            let found = statement.query_map([], |row| {
                Ok(Backlog {
                    kind: row.get(0)?,
                    destination: row.get(1)?,
                    pending: rows::unsigned(row, 2)?,
                    oldest_ms: row.get(3)?,
                })
            })?;
            found.collect()
        })
    }

    /// Deliveries of a period that have left the outbox, by number. Costs a pass over the
    /// deliveries of the journal.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn replayable(&self, query: &ReplayQuery<'_>) -> Result<Vec<Replayable>, StoreError> {
        let sql = "SELECT d.seq, d.id, d.message_type, d.created_ms, b.place, d.body \
            FROM delivery d JOIN body b ON b.id = d.body \
            WHERE d.seq > ?1 AND d.kind = 0 AND d.destination = ?2 AND d.state > 0 \
            AND d.created_ms >= ?3 AND d.created_ms < ?4 \
            AND (?5 IS NULL OR d.message_type = ?5) ORDER BY d.seq LIMIT ?6";
        let limit = i64::try_from(query.max_rows.min(MAX_ROWS)).unwrap_or(0);
        self.read(|on| {
            let mut statement = on.prepare_cached(sql)?;
            let wanted = params![
                i64::try_from(query.after_seq).unwrap_or(i64::MAX),
                query.department,
                query.from_ms,
                query.until_ms,
                query.message_type,
                limit
            ];
            let found = statement.query_map(wanted, |row| {
                Ok(Replayable {
                    seq: rows::unsigned(row, 0)?,
                    id: row.get(1)?,
                    message_type: row.get(2)?,
                    created_ms: row.get(3)?,
                    archived: row.get::<_, i64>(4)? != 0,
                    body: BodyId(row.get(5)?),
                })
            })?;
            found.collect()
        })
    }
}
