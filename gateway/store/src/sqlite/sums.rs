//! Sums over rows: what SQLite does not do. A flipped bit in a value leaves the
//! database well-formed; the sum beside it tells.
//!
//! In: the values of a row as they are written or read; out: 64 bits of a SHA-256
//! over them. Columns that change later (the state of a delivery, the status of a
//! document) are not in it: the facts say those. Rows of before version 4 of the
//! tables have none.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

/// A table whose rows have a sum, over these columns in this order.
pub(super) struct Summed {
    /// Its name.
    pub(super) table: &'static str,
    /// Stores a row: the columns and the sum as parameters.
    insert: &'static str,
    /// Reads the sum and then the columns.
    pub(super) select: &'static str,
}

macro_rules! summed {
    ($name:ident, $insert:literal, $table:literal, $columns:literal, $marks:literal) => {
        pub(super) const $name: Summed = Summed {
            table: $table,
            insert: concat!(
                $insert,
                " INTO ",
                $table,
                " (",
                $columns,
                ", row_sum) VALUES (",
                $marks,
                ", ?)"
            ),
            select: concat!("SELECT row_sum, ", $columns, " FROM ", $table),
        };
    };
}

summed!(
    MESSAGE,
    "INSERT",
    "message",
    "id, zone, sender, guid, content_digest, message_type, media_type, outcome, received_ms, body",
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
);
summed!(
    DOCUMENT,
    "INSERT",
    "document",
    "message, idx, guid, app_type, key_kind, key_value, order_key, outcome",
    "?, ?, ?, ?, ?, ?, ?, ?"
);
summed!(
    BUSINESS_KEY,
    "INSERT",
    "business_key",
    "kind, value, version, message, document, app_type, declared_ms, period_start_ms",
    "?, ?, ?, ?, ?, ?, ?, ?"
);
summed!(
    DELIVERY,
    "INSERT",
    "delivery",
    "id, message, kind, destination, routing_key, order_keys, message_type, headers, body, \
     body_bytes, created_ms",
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
);
summed!(
    ANSWER,
    "INSERT",
    "answer",
    "department, answer_id, message, content_digest, message_type, received_ms, body",
    "?, ?, ?, ?, ?, ?, ?"
);
summed!(CHECKPOINT, "INSERT", "checkpoint", "size, root, note, time_ms, seal", "?, ?, ?, ?, ?");
summed!(SEAL_CERTIFICATE, "INSERT OR IGNORE", "seal_certificate", "seal, position, der", "?, ?, ?");
summed!(REGISTER, "INSERT OR REPLACE", "register", "kind, name, digest, fact", "?, ?, ?, ?");
summed!(CLOSED_DAY, "INSERT OR REPLACE", "closed_day", "one, day", "?, ?");

/// All of them, for the check.
pub(super) const TABLES: [Summed; 9] = [
    MESSAGE,
    DOCUMENT,
    BUSINESS_KEY,
    DELIVERY,
    ANSWER,
    CHECKPOINT,
    SEAL_CERTIFICATE,
    REGISTER,
    CLOSED_DAY,
];

impl Summed {
    /// Stores a row with its sum; returns how many rows that were (0 or 1).
    pub(super) fn insert(
        &self,
        on: &Connection,
        values: &[&dyn ToSql],
    ) -> Result<usize, rusqlite::Error> {
        let mut sum = Sum::new();
        for value in values {
            match value.to_sql()? {
                ToSqlOutput::Borrowed(value) => sum.add(value),
                ToSqlOutput::Owned(value) => sum.add(ValueRef::from(&value)),
                // Others are of features that are not compiled in.
                _ => return Err(rusqlite::Error::InvalidQuery),
            }
        }
        let sum = sum.finish();
        let all = values.iter().copied().chain([&sum as &dyn ToSql]);
        on.prepare_cached(self.insert)?.execute(params_from_iter(all))
    }
}

/// Whether a row that was read by [`Summed::select`] is as it was written.
pub(super) fn holds(row: &Row<'_>) -> Result<bool, rusqlite::Error> {
    let Some(stored) = row.get::<_, Option<i64>>(0)? else { return Ok(true) };
    let mut sum = Sum::new();
    for column in 1..row.as_ref().column_count() {
        sum.add(row.get_ref(column)?);
    }
    Ok(sum.finish() == stored)
}

/// Bytes of most rows.
const ROW_BYTES: usize = 768;

/// Each value as its type, its length (64-bit big-endian) and its bytes.
struct Sum(Vec<u8>);

impl Sum {
    fn new() -> Sum {
        Sum(Vec::with_capacity(ROW_BYTES))
    }

    fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.part(0, &[]),
            ValueRef::Integer(number) => self.part(1, &number.to_be_bytes()),
            ValueRef::Real(number) => self.part(2, &number.to_be_bytes()),
            ValueRef::Text(text) => self.part(3, text),
            ValueRef::Blob(bytes) => self.part(4, bytes),
        }
    }

    // Gathered, to be hashed at once and not in thirty short pieces.
    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn finish(self) -> i64 {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.0);
        let first = digest.as_ref().first_chunk::<8>();
        first.map_or(0, |bytes| i64::from_be_bytes(*bytes))
    }
}
