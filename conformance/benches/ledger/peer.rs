//! The peer: SQLite alone. The same tables, indexes, settings and rows as ours, in one
//! transaction for 64 documents, with nothing hashed, signed or looked up.

use std::ops::Range;
use std::path::Path;

use onepoint_store::{SqliteOptions, SqliteStore};
use rusqlite::{Connection, params};

use super::work::{NOW, Names, PAYLOAD, fact, names};

/// Pages in the write-ahead log from which on they are moved, as ours does it.
const CHECKPOINT_PAGES: i64 = 4000;
/// In the place of a row's sum.
const SUM: i64 = 0x0123_4567_89ab_cdef;

pub(crate) struct Peer {
    on: Connection,
    fact: Vec<u8>,
    facts: i64,
}

impl Peer {
    pub(crate) fn new(folder: &Path) -> Peer {
        // Makes the tables, and lets go of them.
        drop(SqliteStore::open(&SqliteOptions::new(folder, NOW)).unwrap());
        let on = Connection::open(folder.join("journal.db")).unwrap();
        on.set_prepared_statement_cache_capacity(64);
        let settings = [("synchronous", "full"), ("foreign_keys", "on"), ("cache_size", "-65536")];
        for (name, value) in settings {
            on.pragma_update(None, name, value).unwrap();
        }
        on.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).unwrap();
        let fact = fact(onepoint_proof::FactKind::ACCEPTED, &names(0).id).to_bytes().unwrap();
        Peer { on, fact, facts: 0 }
    }

    pub(crate) fn group(&mut self, range: Range<usize>) {
        self.run("BEGIN IMMEDIATE", &[]);
        let first = self.facts;
        let count = i64::try_from(range.len()).unwrap();
        for n in range {
            self.document(n);
        }
        let (hash, note) = ([5u8; 32], "n".repeat(330));
        if self.facts / 256 > first / 256 {
            let sql = "INSERT INTO tile (level, idx, hashes, middle) \
                VALUES (0, ?1, zeroblob(8192), zeroblob(512))";
            self.run(sql, &[&(first / 256)]);
        }
        let sql = "INSERT INTO tally (participant, day, count, first, last, running) \
            VALUES ('platform', 20781, ?1, 0, ?1, ?2) ON CONFLICT (day, participant) DO UPDATE \
            SET count = excluded.count, last = excluded.last, running = excluded.running";
        self.run(sql, params![self.facts, hash]);
        let sql = "INSERT INTO checkpoint (size, root, note, time_ms, seal, row_sum) \
            VALUES (?1, ?2, ?3, ?4, ?2, ?5)";
        self.run(sql, params![self.facts, hash, note, NOW, SUM]);
        for (name, change) in [("accepted", count), ("pending", 2 * count)] {
            let sql = "INSERT INTO counter (name, value) VALUES (?1, ?2) \
                ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
            self.run(sql, params![name, change]);
        }
        self.run("COMMIT", &[]);
        self.move_pages();
    }

    fn document(&mut self, n: usize) {
        let Names { id, guid, key } = names(n);
        let hash = [7u8; 32];
        let sql = "INSERT INTO body (bytes, digest, plain_bytes) VALUES (?1, ?2, ?3)";
        self.run(sql, params![&PAYLOAD[..], hash, PAYLOAD.len()]);
        let body = self.on.last_insert_rowid();
        let sql = "INSERT INTO message (id, zone, sender, guid, content_digest, message_type, \
            media_type, outcome, received_ms, body, row_sum) VALUES (?1, 'z1', 'platform', ?2, ?3, \
            'CEB311Message', 'application/xml', 0, ?4, ?5, ?6)";
        self.run(sql, params![id, guid, hash, NOW, body, SUM]);
        let sql = "INSERT INTO document (message, idx, guid, app_type, key_kind, key_value, \
            order_key, outcome, row_sum) VALUES (?1, 0, ?2, 1, 'order', ?3, ?3, 0, ?4)";
        self.run(sql, params![id, guid, key, SUM]);
        let sql = "INSERT INTO business_key (kind, value, version, message, document, app_type, \
            declared_ms, period_start_ms, row_sum) VALUES ('order', ?1, 1, ?2, 0, 1, ?3, ?3, ?4)";
        self.run(sql, params![key, id, NOW, SUM]);
        for department in ["customs", "tax"] {
            self.delivery(&id, &key, department, body);
        }
        let sql = "INSERT INTO fact (log_index, message, document, participant, kind, time_ms, \
            fact, nonce, entry, leaf_hash) VALUES (?1, ?2, 0, 'platform', 'accepted', ?3, ?4, \
            ?5, ?6, ?5)";
        self.run(sql, params![self.facts, id, NOW, self.fact, hash, &[b'e'; 83][..]]);
        self.facts += 1;
    }

    fn delivery(&self, id: &str, key: &str, department: &str, body: i64) {
        let sql = "INSERT INTO delivery (id, message, kind, destination, routing_key, \
            order_keys, message_type, headers, body, body_bytes, created_ms, row_sum) \
            VALUES (?1, ?2, 0, ?3, ?4, ?5, 'CEB311Message', ?6, ?7, ?8, ?9, ?10)";
        let headers = r#"{"documents":[0],"received":"2026-11-24T00:00:00Z","sender":"platform"}"#;
        let row = params![
            format!("{id}.{department}"),
            id,
            department,
            format!("{department}.import.order.CEB311Message"),
            format!("[\"{key}\"]"),
            headers,
            body,
            PAYLOAD.len(),
            NOW,
            SUM,
        ];
        self.run(sql, row);
    }

    fn run(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) {
        self.on.prepare_cached(sql).unwrap().execute(values).unwrap();
    }

    fn move_pages(&self) {
        let wal = |mode: &str| {
            let sql = format!("PRAGMA wal_checkpoint({mode})");
            let mut statement = self.on.prepare_cached(&sql).unwrap();
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
            statement.query_row([], read).unwrap()
        };
        let (pages, moved) = wal("NOOP");
        if pages - moved >= CHECKPOINT_PAGES {
            wal("PASSIVE");
        }
    }
}
