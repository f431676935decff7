//! Sealed payloads: the suite of all stores again with master keys, what was altered
//! at rest, keys by day, rotation, and the plain payloads of older stores.

use rusqlite::params;

use super::*;
use crate::suite::id;
use crate::{BodyId, Ledger, MasterKeys, Reader as _};

pub(super) const M1: &str =
    "onepoint-master-key/1 m1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const M2: &str = "onepoint-master-key/1 m2 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n";
const WRONG: &str = "onepoint-master-key/1 m1 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n";
pub(super) const DAY: i64 = 86_400_000;

pub(super) fn keys(text: &str) -> Option<MasterKeys> {
    Some(MasterKeys::parse(text).unwrap())
}

impl Sqlite {
    /// The same place with these master keys.
    pub(super) fn with(&self, master_keys: Option<MasterKeys>) -> SqliteOptions {
        SqliteOptions { master_keys, ..self.options() }
    }

    pub(super) fn sealed(&self) -> (Ledger<SqliteStore>, SqliteReader) {
        let store = SqliteStore::open(&self.with(keys(M1))).unwrap();
        let reader = store.reader().unwrap();
        (Ledger::open(store, suite::signer()).unwrap(), reader)
    }

    fn code(&self, text: &str) -> &'static str {
        let opened = SqliteStore::open(&self.with(keys(text)));
        opened.map_or_else(|error| error.code(), |_| "open")
    }
}

/// A store with master keys, for the suite.
struct Sealed(Sqlite);

impl Backend for Sealed {
    type Store = SqliteStore;
    type Reader = SqliteReader;

    fn new() -> Sealed {
        Sealed(Sqlite::new())
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.0.with(keys(M1))).unwrap()
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open_with(&self.0.folder(), 3, keys(M1)).unwrap()
    }
}

whole_suite!(Sealed);

fn body_of(reader: &SqliteReader, n: usize) -> BodyId {
    reader.message(&id(n)).unwrap().unwrap().body
}

#[test]
fn nothing_of_a_payload_is_on_disk_in_the_clear() {
    let place = Sqlite::new();
    let (mut ledger, reader) = place.sealed();
    let payload = "a payload that nobody else reads".repeat(200);
    ledger
        .commit(NOW, &mut |tx| {
            let body = tx.insert_body(payload.as_bytes())?;
            let again = tx.insert_body(b"")?;
            assert_eq!((body, again), (BodyId(1), BodyId(2)));
            suite::accept(tx, 0).map(drop)
        })
        .unwrap();
    assert_eq!(reader.body(BodyId(1)).unwrap().unwrap(), payload.as_bytes());
    assert_eq!(reader.body(BodyId(2)).unwrap().unwrap(), b"");
    assert_eq!(reader.body(BodyId(4)).unwrap(), None);
    let delivery = &reader.deliveries_of(&id(0)).unwrap()[0];
    assert_eq!(delivery.body_bytes, "<order n='0'/>".len() as u64, "the plain length");
    drop((ledger, reader));
    for name in [DATABASE_FILE, "journal.db-wal"] {
        let Ok(bytes) = fs::read(place.folder().join(name)) else { continue };
        for clear in ["nobody else", "<order n="] {
            let found = bytes.windows(clear.len()).any(|w| w == clear.as_bytes());
            assert!(!found, "{clear} in {name}");
        }
    }
}

#[test]
fn what_was_altered_is_named_and_never_handed_out() {
    for (sql, what) in [
        ("UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 3", "seal"),
        ("UPDATE body SET bytes = substr(bytes, 1, length(bytes) - 1) WHERE id = 3", "seal"),
        ("UPDATE body SET bytes = x'' WHERE id = 3", "seal"),
        ("UPDATE body SET bytes = (SELECT bytes FROM body WHERE id = 4) WHERE id = 3", "seal"),
        ("UPDATE body SET data_key = NULL WHERE id = 3", "length"),
        ("UPDATE body SET data_key = NULL, plain_bytes = NULL WHERE id = 3", "digest"),
        ("UPDATE body SET data_key = 9 WHERE id = 3", "data key is not there"),
        ("UPDATE body SET plain_bytes = 1 WHERE id = 3", "length"),
        ("UPDATE body SET digest = zeroblob(32) WHERE id = 3", "digest"),
        ("UPDATE body SET place = 1 WHERE id = 3", "contradicts"),
        ("UPDATE body SET place = 2 WHERE id = 3", "contradicts"),
        ("UPDATE data_key SET wrapped = NULL, destroyed_ms = 1", "data key was destroyed"),
    ] {
        let place = Sqlite::new();
        let (mut ledger, reader) = place.sealed();
        commit(&mut ledger, 0..5).unwrap();
        let raw = place.raw();
        raw.pragma_update(None, "foreign_keys", false).unwrap();
        assert_eq!(raw.execute(sql, []).unwrap(), 1, "{sql}");
        let error = reader.body(BodyId(3)).unwrap_err();
        assert_eq!(error.code(), "store-body-damaged", "{sql}");
        assert!(error.en().contains("payload 3") && error.en().contains(what), "{}", error.en());
        assert!(!error.is_fatal());
        if !sql.contains("UPDATE data_key") {
            assert_eq!(reader.body(BodyId(4)).unwrap().unwrap(), b"<order n='3'/>");
        }
    }
}

#[test]
fn a_sealed_payload_altered_in_any_byte_is_found() {
    let place = Sqlite::new();
    let (mut ledger, reader) = place.sealed();
    commit(&mut ledger, 0..2).unwrap();
    let raw = place.raw();
    let bytes: Vec<u8> =
        raw.query_row("SELECT bytes FROM body WHERE id = 2", [], |row| row.get(0)).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x20;
        raw.execute("UPDATE body SET bytes = ?1 WHERE id = 2", [altered]).unwrap();
        assert_eq!(reader.body(BodyId(2)).unwrap_err().code(), "store-body-damaged", "byte {at}");
    }
    raw.execute("UPDATE body SET bytes = ?1 WHERE id = 2", [bytes]).unwrap();
    assert_eq!(reader.body(BodyId(2)).unwrap().unwrap(), b"<order n='1'/>");
}

#[test]
fn plain_payloads_are_compared_with_their_digest_too() {
    let place = Sqlite::new();
    let (mut ledger, reader) = open(&place);
    commit(&mut ledger, 0..2).unwrap();
    let sql = "UPDATE body SET bytes = replace(bytes, '1', '2') WHERE id = 2";
    place
        .raw()
        .execute(
            &sql.replace("replace(bytes,", "CAST(replace(CAST(bytes AS TEXT),")
                .replace("'2')", "'2') AS BLOB)"),
            [],
        )
        .unwrap();
    let error = reader.body(BodyId(2)).unwrap_err();
    assert!(error.en().contains("another digest"), "{}", error.en());
}

#[test]
fn a_damaged_data_key_is_named_and_a_wrong_master_key_does_not_open() {
    let place = Sqlite::new();
    {
        let (mut ledger, _reader) = place.sealed();
        for day in 0..2 {
            let now = NOW + day * DAY;
            ledger.commit(now, &mut |tx| tx.insert_body(b"x").map(drop)).unwrap();
        }
    }
    assert_eq!(place.code(WRONG), "store-data-key-unreadable");
    assert_eq!(place.code(M2), "store-master-key-missing");
    assert_eq!(SqliteStore::open(&place.options()).unwrap_err().code(), "store-master-key-missing");
    assert_eq!(place.code(&format!("{M2}{M1}")), "open");
    for (sql, code) in [
        ("UPDATE data_key SET wrapped = zeroblob(60) WHERE id = 1", "store-data-key-unreadable"),
        ("UPDATE data_key SET wrapped = x'00' WHERE id = 1", "store-data-key-unreadable"),
        (
            "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE id = 2) WHERE id = 1",
            "store-data-key-unreadable",
        ),
    ] {
        place.raw().execute(sql, []).unwrap();
        // The gateway goes on: what the other keys sealed is whole.
        let (mut ledger, reader) = place.sealed();
        assert_eq!(reader.body(BodyId(1)).unwrap_err().code(), code, "{sql}");
        assert_eq!(reader.body(BodyId(2)).unwrap().unwrap(), b"x");
        ledger.commit(NOW + DAY, &mut |tx| tx.insert_body(b"y").map(drop)).unwrap();
    }
    place.raw().execute("UPDATE data_key SET master = 'm0' WHERE id = 1", []).unwrap();
    assert_eq!(place.code(M1), "store-master-key-missing");
    // Somebody who only reads may do without, except for the payloads.
    let reader = SqliteReader::open(&place.folder(), 1).unwrap();
    assert_eq!(reader.body(BodyId(2)).unwrap_err().code(), "store-master-key-missing");
    assert_eq!(reader.counts().unwrap().facts, 0);
}

fn key_rows(place: &Sqlite) -> Vec<(i64, String, i64, i64)> {
    let raw = place.raw();
    let mut rows =
        raw.prepare("SELECT id, master, day, payloads FROM data_key ORDER BY id").unwrap();
    let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn each_day_has_its_key_and_each_key_its_bound() {
    let place = Sqlite::new();
    let (mut ledger, reader) = place.sealed();
    let mut put = |now: i64, count: usize| {
        ledger
            .commit(now, &mut |tx| {
                (0..count).try_for_each(|_| tx.insert_body(b"payload").map(drop))
            })
            .unwrap();
    };
    let today = (NOW + 8 * 3_600_000) / DAY;
    put(NOW, 3);
    put(NOW + 16 * 3_600_000 - 1, 2);
    put(NOW - DAY, 1);
    assert_eq!(key_rows(&place), [(1, "m1".into(), today, 6)], "also with the clock set back");
    put(NOW + 16 * 3_600_000, 1);
    assert_eq!(key_rows(&place)[1], (2, "m1".into(), today + 1, 1), "midnight in UTC+8");
    let most = 1i64 << 28;
    place.raw().execute("UPDATE data_key SET payloads = ?1 WHERE id = 2", [most - 2]).unwrap();
    put(NOW + DAY, 5);
    assert_eq!(
        key_rows(&place)[1..],
        [(2, "m1".into(), today + 1, most), (3, "m1".into(), today + 1, 3)]
    );
    for body in 1..=12 {
        assert_eq!(reader.body(BodyId(body)).unwrap().unwrap(), b"payload");
    }
}

#[test]
fn a_key_goes_with_the_transaction_that_made_it() {
    let place = Sqlite::new();
    let (mut ledger, reader) = place.sealed();
    let error = ledger
        .commit(NOW, &mut |tx| {
            tx.insert_body(b"lost")?;
            Err(StoreError::abandoned("given-up", "on purpose"))
        })
        .unwrap_err();
    assert_eq!(error.code(), "given-up");
    assert_eq!(key_rows(&place), []);
    ledger.commit(NOW, &mut |tx| tx.insert_body(b"kept").map(drop)).unwrap();
    assert_eq!(reader.body(BodyId(1)).unwrap().unwrap(), b"kept");
    drop((ledger, reader));
    assert_eq!(place.sealed().1.body(BodyId(1)).unwrap().unwrap(), b"kept");
}

#[test]
fn rotated_and_wrapped_anew_the_old_master_key_can_go() {
    let place = Sqlite::new();
    let rotated = place.with(keys(&format!("{M2}{M1}")));
    commit(&mut place.sealed().0, 0..3).unwrap();
    let store = SqliteStore::open(&rotated).unwrap();
    let mut ledger = Ledger::open(store, suite::signer()).unwrap();
    ledger.commit(NOW + DAY, &mut |tx| suite::accept(tx, 3).map(drop)).unwrap();
    let masters = |place: &Sqlite| key_rows(place).into_iter().map(|row| row.1).collect::<Vec<_>>();
    assert_eq!(masters(&place), ["m1", "m2"], "new data keys under the new master key");
    drop(ledger);
    assert_eq!(place.code(M2), "store-master-key-missing");
    let mut store = SqliteStore::open(&rotated).unwrap();
    let wrapped: Vec<u8> = place
        .raw()
        .query_row("SELECT wrapped FROM data_key WHERE id = 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(store.rewrap().unwrap(), crate::Rewrapped { wrapped: 1, keys: 2 });
    assert_eq!(store.rewrap().unwrap(), crate::Rewrapped { wrapped: 0, keys: 2 });
    assert_eq!(masters(&place), ["m2", "m2"]);
    // What the old master key would open is nowhere any more.
    for name in [DATABASE_FILE, "journal.db-wal"] {
        let bytes = fs::read(place.folder().join(name)).unwrap();
        assert!(!bytes.windows(wrapped.len()).any(|w| w == wrapped), "{name}");
    }
    drop(store);
    assert_eq!(place.code(M1), "store-master-key-missing");
    let reader = SqliteReader::open_with(&place.folder(), 1, keys(M2)).unwrap();
    assert_eq!(suite::audit(&reader), 4);
}

#[test]
fn wrapping_anew_is_done_for_all_keys_or_none() {
    let place = Sqlite::new();
    let (mut ledger, _reader) = place.sealed();
    for day in 0..3 {
        ledger.commit(NOW + day * DAY, &mut |tx| tx.insert_body(b"x").map(drop)).unwrap();
    }
    drop((ledger, _reader));
    let before = key_rows(&place);
    let sql = "UPDATE data_key SET wrapped = zeroblob(60) WHERE id = ?1";
    place.raw().execute(sql, params![2]).unwrap();
    let mut store = SqliteStore::open(&place.with(keys(&format!("{M2}{M1}")))).unwrap();
    let error = store.rewrap().unwrap_err();
    assert_eq!(error.code(), "store-data-key-unreadable");
    assert!(error.en().contains("data key 2") && !error.is_fatal(), "{}", error.en());
    assert_eq!(key_rows(&place), before);
    // Without master keys there is nothing to wrap, and nothing to wrap it with.
    let plain = Sqlite::new();
    assert_eq!(plain.store().rewrap().unwrap(), crate::Rewrapped { wrapped: 0, keys: 0 });
}

#[test]
fn plain_payloads_of_the_first_version_are_still_read() {
    let place = Sqlite::new();
    fs::create_dir(place.folder()).unwrap();
    schema::first_version(&place.raw(), NOW).unwrap();
    let sql = "INSERT INTO body (bytes) VALUES (x'6f6c64')";
    place.raw().execute(sql, []).unwrap();
    let (mut ledger, reader) = place.sealed();
    assert_eq!(reader.body(BodyId(1)).unwrap().unwrap(), b"old");
    commit(&mut ledger, 0..2).unwrap();
    assert_eq!(reader.body(body_of(&reader, 0)).unwrap().unwrap(), b"<order n='0'/>");
    // A delivery of it, too, knows its length.
    ledger
        .commit(NOW, &mut |tx| {
            let name = format!("{}.late", id(0));
            tx.insert_outbox(&suite::delivery(&name, &id(0), "late", BodyId(1))).map(drop)
        })
        .unwrap();
    let late = reader.delivery(&format!("{}.late", id(0))).unwrap().unwrap();
    assert_eq!(late.body_bytes, 3);
}
