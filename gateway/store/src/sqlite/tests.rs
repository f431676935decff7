//! The suite of all stores over SQLite, and what is only SQLite's: the folder,
//! the lock, versions, settings.

mod copies;
mod crash;
mod damage;
pub(in crate::sqlite) mod filled;
mod flips;
mod head;
mod retention;
mod sealed;

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::suite::{self, Backend, NOW, commit, open, suite};

/// A store in a folder that goes with the value.
pub(crate) struct Sqlite {
    place: TempDir,
}

impl Sqlite {
    fn folder(&self) -> PathBuf {
        self.place.path().join("store")
    }

    fn options(&self) -> SqliteOptions {
        SqliteOptions::new(self.folder(), NOW)
    }

    /// A connection past everything that guards the store.
    fn raw(&self) -> Connection {
        Connection::open(self.folder().join(DATABASE_FILE)).unwrap()
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore;
    type Reader = SqliteReader;

    fn new() -> Sqlite {
        Sqlite { place: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.options()).unwrap()
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open(&self.folder(), 3).unwrap()
    }
}

macro_rules! whole_suite {
    ($backend:ty) => { suite!($backend;
    rows: a_message_comes_back_as_it_was_stored
        key_1_tells_duplicates_from_conflicts
        a_guid_is_stored_once_and_refused_messages_may_leave_it_free
        documents_keep_their_last_status
        key_2_goes_through_its_states
        a_key_version_is_stored_once_for_a_document_that_is_there
        the_outbox_moves_forward_only
        pending_is_read_in_order_and_in_bounds
        deliveries_are_found_by_message_and_name_a_stored_payload
        answers_are_stored_once
        values_out_of_bounds_are_refused_and_named;
    log: an_empty_group_writes_no_checkpoint
        a_group_has_one_checkpoint_and_its_receipts_hold
        receipts_of_large_groups_hold
        facts_name_their_message_and_document
        facts_out_of_bounds_have_their_own_code
        a_group_that_fails_leaves_disk_and_memory_as_they_were
        an_error_the_caller_overlooks_still_fails_the_group
        opened_again_the_log_goes_on
        another_origin_or_key_is_refused
        a_log_begins_only_under_a_proper_origin
        published_tiles_never_change
        never_two_roots_for_one_size
        the_log_only_grows
        many_readers_see_whole_groups_only;
    account: checkpoints_carry_the_seal_and_receipts_its_chain
        a_seal_that_does_not_sign_stops_the_group_and_nothing_else
        times_never_go_back
        facts_are_tallied_by_sender_and_day
        days_close_once_and_in_order
        the_register_keeps_what_was_said_last;
); }; }
use whole_suite;

whole_suite!(Sqlite);

fn open_code(options: &SqliteOptions) -> &'static str {
    SqliteStore::open(options).unwrap_err().code()
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let place = Sqlite::new();
    let (ledger, reader) = open(&place);
    let error = SqliteStore::open(&place.options()).unwrap_err();
    assert_eq!(error.code(), "store-locked");
    assert!(error.en().contains("another gateway"), "{}", error.en());
    let (first, readers) = (ledger.epoch(), reader.clone());
    drop(ledger);
    let (mut ledger, _reader) = open(&place);
    assert_eq!(ledger.epoch(), first + 1);
    commit(&mut ledger, 0..1).unwrap();
    assert_eq!(suite::audit(&readers), 1, "readers do not mind who writes");
}

#[test]
fn a_writer_that_was_overtaken_writes_nothing_more() {
    let place = Sqlite::new();
    let (mut ledger, reader) = open(&place);
    commit(&mut ledger, 0..1).unwrap();
    // What a second writer does that a lock failed to keep out (a network file system, say).
    place.raw().execute("UPDATE writer SET epoch = epoch + 1", []).unwrap();
    let error = commit(&mut ledger, 1..2).unwrap_err();
    assert_eq!(error.code(), "store-fenced");
    assert!(error.is_fatal());
    assert_eq!(commit(&mut ledger, 1..2).unwrap_err().code(), "store-fatal");
    assert_eq!(ledger.maintain().unwrap_err().code(), "store-fatal");
    assert_eq!(suite::audit(&reader), 1);
}

#[test]
fn wrong_places_are_refused_each_with_its_code() {
    let place = Sqlite::new();
    let missing = SqliteOptions { create: false, ..place.options() };
    assert_eq!(open_code(&missing), "store-missing");
    assert!(!place.folder().exists(), "looking leaves nothing behind");
    fs::create_dir(place.folder()).unwrap();
    assert_eq!(open_code(&missing), "store-missing");
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
    assert_eq!(SqliteReader::open(&place.folder(), 1).unwrap_err().code(), "store-missing");

    // What is left when a process dies while it makes the store.
    let database = place.folder().join(DATABASE_FILE);
    fs::write(&database, "").unwrap();
    assert_eq!(open_code(&missing), "store-missing");
    assert_eq!(SqliteReader::open(&place.folder(), 1).unwrap_err().code(), "store-missing");
    drop(place.store());
    drop(SqliteStore::open(&missing).unwrap());
    assert_eq!(suite::audit(&place.reader()), 0);
}

#[test]
fn places_that_cannot_be_written_are_refused_each_with_its_code() {
    let place = Sqlite::new();
    fs::create_dir(place.folder()).unwrap();
    let file = place.place.path().join("file");
    fs::write(&file, "text").unwrap();
    let options = SqliteOptions::new(&file, NOW);
    assert_eq!(open_code(&options), "store-not-a-folder");
    let below = SqliteOptions::new(file.join("below"), NOW);
    assert_eq!(open_code(&below), "store-not-a-folder");

    // Also for root, whom no permission keeps out.
    fs::create_dir(place.folder().join("store.lock")).unwrap();
    assert_eq!(open_code(&place.options()), "store-not-writable");
    fs::remove_dir(place.folder().join("store.lock")).unwrap();
    fs::create_dir(place.folder().join(DATABASE_FILE)).unwrap();
    assert_eq!(open_code(&place.options()), "store-not-writable");
}

#[test]
fn what_is_not_ours_is_refused_untouched() {
    let place = Sqlite::new();
    let file = place.folder().join(DATABASE_FILE);
    fs::create_dir(place.folder()).unwrap();
    let text = "not a database, but long enough to be taken for one".repeat(100);
    fs::write(&file, &text).unwrap();
    assert_eq!(open_code(&place.options()), "store-foreign");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    fs::remove_file(&file).unwrap();

    place.raw().execute_batch("CREATE TABLE other (x); INSERT INTO other VALUES (1)").unwrap();
    let before = fs::read(&file).unwrap();
    assert_eq!(open_code(&place.options()), "store-foreign");
    assert_eq!(SqliteReader::open(&place.folder(), 1).unwrap_err().code(), "store-foreign");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_store_from_a_newer_version_is_refused_untouched() {
    let place = Sqlite::new();
    drop(place.store());
    let next = i64::from(schema::VERSION) + 1;
    place.raw().execute("INSERT INTO migration VALUES (?1, 'later', 0)", [next]).unwrap();
    let before = fs::read(place.folder().join(DATABASE_FILE)).unwrap();
    let error = SqliteStore::open(&place.options()).unwrap_err();
    let StoreError::Newer { found, known } = error else { panic!("{error:?}") };
    assert_eq!((found, known), (schema::VERSION + 1, schema::VERSION));
    assert_eq!(SqliteReader::open(&place.folder(), 1).unwrap_err().code(), "store-newer");
    assert_eq!(fs::read(place.folder().join(DATABASE_FILE)).unwrap(), before);
}

#[test]
fn migrations_are_recorded_once() {
    let place = Sqlite::new();
    for _ in 0..3 {
        drop(place.store());
    }
    let sql = "SELECT count(*), max(version), min(applied_ms) FROM migration";
    let found: (u32, u32, i64) =
        place.raw().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
    assert_eq!(found, (schema::VERSION, schema::VERSION, NOW));
    let tables = "SELECT count(*) FROM pragma_table_list
        WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 0";
    let loose: i64 = place.raw().query_row(tables, [], |r| r.get(0)).unwrap();
    assert_eq!(loose, 0, "every table is STRICT");
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Sqlite::new();
    let (mut ledger, _reader) = open(&place);
    commit(&mut ledger, 0..1).unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.folder()), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(place.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(entry.path()), 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["journal.db", "journal.db-shm", "journal.db-wal", "store.lock"]);
}

#[test]
fn the_settings_are_those_of_the_documentation() {
    let place = Sqlite::new();
    let store = place.store();
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("page_size"), "4096");
    assert_eq!(pragma("cache_size"), "-65536");
    assert_eq!(pragma("foreign_keys"), "1");
    let sql = "PRAGMA wal_autocheckpoint";
    let pages: i64 = store.connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(pages, 0);
}

#[test]
fn the_log_cannot_be_changed_by_a_careless_statement() {
    let place = Sqlite::new();
    let (mut ledger, reader) = open(&place);
    commit(&mut ledger, 0..2).unwrap();
    let raw = place.raw();
    for sql in [
        "UPDATE fact SET entry = x'00' WHERE log_index = 1",
        "UPDATE fact SET message = NULL WHERE log_index = 1",
        "DELETE FROM fact WHERE log_index = 3",
        "UPDATE checkpoint SET root = zeroblob(32)",
        "DELETE FROM checkpoint",
        "INSERT INTO checkpoint VALUES (4, zeroblob(32), '', 0, NULL, NULL)",
        "INSERT INTO message SELECT 'x', zone, sender, guid, content_digest, '', '', 0, 0, 1, NULL
            FROM message LIMIT 1",
        "DELETE FROM body",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{sql}: {error}");
    }
    assert_eq!(suite::audit(&reader), 2);
}

#[test]
fn a_full_disk_refuses_the_group_and_nothing_else() {
    let place = Sqlite::new();
    let (mut ledger, reader) = open(&place);
    commit(&mut ledger, 0..10).unwrap();
    let limit = |ledger: &crate::Ledger<SqliteStore>, pages: i64| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        ledger.store().connection.query_row(&sql, [], set).unwrap()
    };
    // SQLite never goes below what it has: a limit that leaves no page more.
    let pages = limit(&ledger, 1);
    let mut refused = 0;
    let mut next = 10;
    while refused < 3 {
        match commit(&mut ledger, next..next + 10) {
            Ok(_) => next += 10,
            Err(error) => {
                assert_eq!(error.code(), "store-disk-full");
                assert!(!error.is_fatal());
                assert_eq!(ledger.size(), 2 * next as u64);
                assert_eq!(suite::audit(&reader), next);
                refused += 1;
            }
        }
    }
    limit(&ledger, pages + 10_000);
    commit(&mut ledger, next..next + 10).unwrap();
    assert_eq!(suite::audit(&reader), next + 10);
}

#[test]
fn the_write_ahead_log_does_not_grow_without_end() {
    let place = Sqlite::new();
    let (mut ledger, reader) = open(&place);
    let (wal, block) = (place.folder().join("journal.db-wal"), vec![7; 1 << 20]);
    for n in 0..64 {
        ledger
            .commit(NOW, &mut |tx| {
                tx.insert_body(&block)?;
                suite::accept(tx, n).map(|_| ())
            })
            .unwrap();
        let bytes = fs::metadata(&wal).unwrap().len();
        let most = (CHECKPOINT_PAGES as u64 + 600) * u64::from(PAGE_BYTES + 24);
        assert!(bytes <= most, "{bytes} after {n}");
    }
    ledger.maintain().unwrap();
    assert_eq!(suite::audit(&reader), 64);
}
