//! The tables, and how a store comes to the newest version of them.
//!
//! In: a connection; out: a database of [`VERSION`]. Migrations only go forward,
//! are embedded here and are never edited once released: a change is a new one
//! at the end. A database that is newer or not ours is refused untouched.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault;
use crate::StoreError;

/// Marks the file as ours in its header ("OPST").
const APPLICATION_ID: i64 = 0x4f50_5354;

/// Name and SQL of each migration; its version is its place, from 1.
const MIGRATIONS: &[(&str, &str)] = &[
    ("first tables", FIRST_TABLES),
    ("sealed payloads, seals, register, tallies", SEALED_PAYLOADS),
    ("retention", RETENTION),
    ("sums over rows", ROW_SUMS),
    ("inner nodes of tiles", TILE_MIDDLES),
];

/// The version that this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Payloads lie apart from the rows that name them. Rows of the log cannot be changed once they
/// are written; only fact and nonce may be erased later, which leaves the leaf. Secondary indexes
/// are only for what is queried; those on deliveries hold nothing but what is still pending.
const FIRST_TABLES: &str = "
CREATE TABLE writer (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE log_identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    origin TEXT NOT NULL,
    key TEXT NOT NULL
) STRICT;

CREATE TABLE body (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE message (
    id TEXT PRIMARY KEY,
    zone TEXT NOT NULL,
    sender TEXT NOT NULL,
    guid TEXT,
    content_digest BLOB NOT NULL CHECK (length(content_digest) = 32),
    message_type TEXT NOT NULL,
    media_type TEXT NOT NULL,
    outcome INTEGER NOT NULL CHECK (outcome IN (0, 1)),
    received_ms INTEGER NOT NULL,
    body INTEGER NOT NULL REFERENCES body (id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_guid ON message (zone, sender, guid) WHERE guid IS NOT NULL;

CREATE TABLE document (
    message TEXT NOT NULL REFERENCES message (id),
    idx INTEGER NOT NULL,
    guid TEXT,
    app_type INTEGER,
    key_kind TEXT,
    key_value TEXT,
    order_key TEXT,
    outcome INTEGER NOT NULL CHECK (outcome IN (0, 1)),
    status INTEGER,
    status_ms INTEGER,
    PRIMARY KEY (message, idx),
    CHECK ((key_kind IS NULL) = (key_value IS NULL)),
    CHECK ((status IS NULL) = (status_ms IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE business_key (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    message TEXT NOT NULL,
    document INTEGER NOT NULL,
    app_type INTEGER NOT NULL,
    declared_ms INTEGER NOT NULL,
    period_start_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, value, version),
    FOREIGN KEY (message, document) REFERENCES document (message, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE fact (
    log_index INTEGER PRIMARY KEY,
    message TEXT REFERENCES message (id),
    document INTEGER,
    kind TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    fact BLOB NOT NULL,
    nonce BLOB NOT NULL,
    entry BLOB NOT NULL,
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;
CREATE INDEX fact_message ON fact (message) WHERE message IS NOT NULL;
CREATE TRIGGER fact_leaf_is_final
    BEFORE UPDATE OF log_index, message, document, kind, time_ms, entry, leaf_hash ON fact
    BEGIN SELECT RAISE(ABORT, 'a leaf is never changed'); END;
CREATE TRIGGER fact_stays BEFORE DELETE ON fact
    BEGIN SELECT RAISE(ABORT, 'a fact is never removed'); END;

CREATE TABLE tile (
    level INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    hashes BLOB NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, idx)
) STRICT;

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL CHECK (length(root) = 32),
    note TEXT NOT NULL,
    time_ms INTEGER NOT NULL
) STRICT;
CREATE TRIGGER checkpoint_is_final BEFORE UPDATE ON checkpoint
    BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END;
CREATE TRIGGER checkpoint_stays BEFORE DELETE ON checkpoint
    BEGIN SELECT RAISE(ABORT, 'a checkpoint is never removed'); END;

CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL REFERENCES message (id),
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    destination TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    order_keys TEXT NOT NULL,
    message_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    body INTEGER NOT NULL REFERENCES body (id),
    body_bytes INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
    created_ms INTEGER NOT NULL,
    relayed_ms INTEGER,
    delivered_ms INTEGER
) STRICT;
CREATE INDEX delivery_pending ON delivery (kind, seq) WHERE state = 0;
CREATE INDEX delivery_pending_at ON delivery (kind, destination, seq) WHERE state = 0;

CREATE TABLE answer (
    department TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    message TEXT NOT NULL REFERENCES message (id),
    content_digest BLOB NOT NULL CHECK (length(content_digest) = 32),
    message_type TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    body INTEGER NOT NULL REFERENCES body (id),
    PRIMARY KEY (department, answer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_message ON answer (message, received_ms, body);

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Payloads are sealed with data keys, which a master key wraps; those of closed messages move
/// to segment files (place 1) and go in the end (place 2). Checkpoints name the certificate that
/// countersigned them. The register holds what the log last said of the gateway's own affairs,
/// the tallies how many facts each participant has on each day.
const SEALED_PAYLOADS: &str = "
CREATE TABLE data_key (
    id INTEGER PRIMARY KEY,
    master TEXT NOT NULL,
    wrapped BLOB,
    created_ms INTEGER NOT NULL,
    day INTEGER NOT NULL,
    payloads INTEGER NOT NULL DEFAULT 0,
    destroyed_ms INTEGER,
    CHECK ((wrapped IS NULL) = (destroyed_ms IS NOT NULL))
) STRICT;

CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    bytes INTEGER NOT NULL,
    payloads INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_received_ms INTEGER NOT NULL,
    erased_ms INTEGER
) STRICT;

ALTER TABLE body ADD COLUMN data_key INTEGER REFERENCES data_key (id);
ALTER TABLE body ADD COLUMN digest BLOB CHECK (digest IS NULL OR length(digest) = 32);
ALTER TABLE body ADD COLUMN plain_bytes INTEGER;
ALTER TABLE body ADD COLUMN place INTEGER NOT NULL DEFAULT 0 CHECK (place IN (0, 1, 2));
ALTER TABLE body ADD COLUMN segment INTEGER REFERENCES segment (id);
CREATE INDEX body_segment ON body (segment) WHERE segment IS NOT NULL;

CREATE TABLE seal_certificate (
    seal BLOB NOT NULL CHECK (length(seal) = 32),
    position INTEGER NOT NULL,
    der BLOB NOT NULL,
    PRIMARY KEY (seal, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE checkpoint ADD COLUMN seal BLOB CHECK (seal IS NULL OR length(seal) = 32);

ALTER TABLE fact ADD COLUMN participant TEXT;
CREATE INDEX fact_participant ON fact (participant, log_index) WHERE participant IS NOT NULL;
DROP TRIGGER fact_leaf_is_final;
CREATE TRIGGER fact_leaf_is_final
    BEFORE UPDATE OF log_index, message, document, participant, kind, time_ms, entry, leaf_hash
    ON fact BEGIN SELECT RAISE(ABORT, 'a leaf is never changed'); END;

CREATE TABLE register (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    fact INTEGER NOT NULL REFERENCES fact (log_index),
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    participant TEXT NOT NULL,
    day INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    running BLOB NOT NULL CHECK (length(running) = 32),
    PRIMARY KEY (day, participant)
) STRICT, WITHOUT ROWID;

CREATE TABLE closed_day (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    day INTEGER NOT NULL
) STRICT;
";

/// Messages that were old enough for the archive when they were looked at, but not closed; and
/// how many of a data key's payloads are erased.
const RETENTION: &str = "
CREATE TABLE unsettled (message TEXT PRIMARY KEY REFERENCES message (id)) STRICT, WITHOUT ROWID;
ALTER TABLE data_key ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
";

/// See [`super::sums`]. Rows of before have none.
const ROW_SUMS: &str = "
ALTER TABLE message ADD COLUMN row_sum INTEGER;
ALTER TABLE document ADD COLUMN row_sum INTEGER;
ALTER TABLE business_key ADD COLUMN row_sum INTEGER;
ALTER TABLE delivery ADD COLUMN row_sum INTEGER;
ALTER TABLE answer ADD COLUMN row_sum INTEGER;
ALTER TABLE checkpoint ADD COLUMN row_sum INTEGER;
ALTER TABLE seal_certificate ADD COLUMN row_sum INTEGER;
ALTER TABLE register ADD COLUMN row_sum INTEGER;
ALTER TABLE closed_day ADD COLUMN row_sum INTEGER;
";

/// See [`onepoint_proof::tile::middle`]. Tiles of before have none, and are hashed when they are read.
const TILE_MIDDLES: &str = "
ALTER TABLE tile ADD COLUMN middle BLOB CHECK (middle IS NULL OR length(middle) = 512);
";

/// Refuses a database that is not ours or newer than this program. Writes nothing.
pub(super) fn check(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let foreign = || StoreError::Foreign { path: file.to_path_buf() };
    let application: i64 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| not_ours(error, file))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| not_ours(error, file))?;
    if tables == 0 && application == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(foreign());
    }
    let found: u32 = connection
        .query_row("SELECT max(version) FROM migration", [], |row| row.get::<_, Option<u32>>(0))
        .optional()
        .map_err(fault::open)?
        .flatten()
        .ok_or_else(foreign)?;
    if found > VERSION {
        return Err(StoreError::Newer { found, known: VERSION });
    }
    Ok(found)
}

/// Brings the database from `found` to [`VERSION`], within the caller's transaction.
pub(super) fn migrate(
    connection: &Connection,
    found: u32,
    now_ms: i64,
) -> Result<(), rusqlite::Error> {
    migrate_to(connection, found, VERSION, now_ms)
}

fn migrate_to(
    connection: &Connection,
    found: u32,
    wanted: u32,
    now_ms: i64,
) -> Result<(), rusqlite::Error> {
    if found == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.execute_batch(
            "CREATE TABLE migration (
                version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL
            ) STRICT",
        )?;
    }
    let new = (1u32..).zip(MIGRATIONS).filter(|(version, _)| *version > found);
    for (version, (name, sql)) in new.take_while(|(version, _)| *version <= wanted) {
        connection.execute_batch(sql)?;
        connection.execute(
            "INSERT INTO migration (version, name, applied_ms) VALUES (?1, ?2, ?3)",
            params![version, name, now_ms],
        )?;
    }
    Ok(())
}

/// A store as the first version of this program left it.
#[cfg(test)]
pub(super) fn first_version(connection: &Connection, now_ms: i64) -> Result<(), rusqlite::Error> {
    migrate_to(connection, 0, 1, now_ms)
}

fn not_ours(error: rusqlite::Error, file: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::Foreign { path: file.to_path_buf() },
        _ => fault::open(error),
    }
}
