//! Altered and damaged rows: found when the log is opened or when a receipt is
//! asked for, and never served as good.

use rusqlite::params;

use super::*;
use crate::suite::signer;
use crate::{Ledger, Reader as _, StoreError};

/// A log of 400 facts (one full tile and 144 more leaves) without its guards.
fn unguarded() -> Sqlite {
    let place = Sqlite::new();
    let (mut ledger, _reader) = open(&place);
    for group in 0..10 {
        commit(&mut ledger, group * 20..(group + 1) * 20).unwrap();
    }
    drop(ledger);
    let guards = "DROP TRIGGER fact_leaf_is_final; DROP TRIGGER fact_stays;
        DROP TRIGGER checkpoint_is_final; DROP TRIGGER checkpoint_stays";
    place.raw().execute_batch(guards).unwrap();
    place
}

/// Tiles of a store that was made before the inner nodes were kept are hashed as they are read.
#[test]
fn receipts_come_out_of_tiles_without_inner_nodes_as_well() {
    let place = unguarded();
    let kept: i64 = place
        .raw()
        .query_row("SELECT length(middle) FROM tile WHERE level = 0", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 512);
    let before: Vec<_> =
        (0..256).map(|index| place.reader().receipt(index).unwrap().unwrap().proof).collect();
    place.raw().execute("UPDATE tile SET middle = NULL", []).unwrap();
    for (index, before) in (0..).zip(before) {
        let receipt = place.reader().receipt(index).unwrap().unwrap();
        suite::assert_holds(&receipt);
        assert_eq!(receipt.proof, before, "{index}");
    }
}

fn reopen(place: &Sqlite) -> Result<(), StoreError> {
    Ledger::open(place.store(), signer()).map(drop)
}

fn assert_found(error: &StoreError, what: &str) {
    assert_eq!(error.code(), "store-log-damaged", "{what}: {error:?}");
    assert!(error.is_fatal());
}

#[test]
fn whatever_is_altered_at_the_end_of_the_log_keeps_it_from_opening() {
    let forged = "INSERT INTO fact SELECT 400, NULL, NULL, kind, time_ms, fact, nonce, entry,
        leaf_hash, NULL FROM fact WHERE log_index = 399";
    for sql in [
        "UPDATE fact SET fact = CAST(replace(CAST(fact AS TEXT), 'jia', 'yii') AS BLOB)
            WHERE log_index = 300",
        "UPDATE fact SET nonce = zeroblob(32) WHERE log_index = 300",
        "UPDATE fact SET time_ms = time_ms - 1 WHERE log_index = 300",
        "UPDATE fact SET kind = 'refused' WHERE log_index = 300",
        "UPDATE fact SET kind = 'Not A Kind' WHERE log_index = 300",
        "UPDATE fact SET entry = x'00' WHERE log_index = 300",
        "UPDATE fact SET leaf_hash = zeroblob(32) WHERE log_index = 300",
        "DELETE FROM fact WHERE log_index = 399",
        "DELETE FROM fact WHERE log_index = 300",
        forged,
        "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0",
        "UPDATE tile SET hashes = zeroblob(32) WHERE level = 1",
        "DELETE FROM tile WHERE level = 1",
        "DELETE FROM checkpoint WHERE size = 400",
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 400",
        "UPDATE checkpoint SET note = replace(note, '400', '401') WHERE size = 400",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 360)
            WHERE size = 400",
        "UPDATE checkpoint SET note = '' WHERE size = 400",
        "DELETE FROM checkpoint",
    ] {
        let place = unguarded();
        assert!(place.raw().execute(sql, []).unwrap() > 0, "{sql}");
        assert_found(&reopen(&place).unwrap_err(), sql);
    }
    reopen(&unguarded()).unwrap();
}

#[test]
fn whatever_is_altered_further_back_is_found_when_its_receipt_is_asked_for() {
    for (sql, index) in [
        (
            "UPDATE fact SET fact = CAST(replace(CAST(fact AS TEXT), 'jia', 'yii') AS BLOB)
            WHERE log_index = 9",
            9,
        ),
        ("UPDATE fact SET nonce = zeroblob(32) WHERE log_index = 9", 9),
        ("UPDATE fact SET time_ms = time_ms - 1 WHERE log_index = 9", 9),
        ("UPDATE fact SET kind = 'refused' WHERE log_index = 9", 9),
        ("UPDATE fact SET entry = x'00' WHERE log_index = 9", 9),
        ("UPDATE fact SET leaf_hash = zeroblob(32) WHERE log_index = 9", 9),
        ("DELETE FROM fact WHERE log_index = 9", 9),
        ("UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0", 300),
        ("UPDATE tile SET middle = zeroblob(512) WHERE level = 0 AND idx = 0", 300),
        ("UPDATE tile SET hashes = zeroblob(32) WHERE level = 1", 300),
        ("DELETE FROM tile WHERE level = 1", 300),
        ("UPDATE checkpoint SET note = replace(note, '400', '401') WHERE size = 400", 300),
        ("UPDATE checkpoint SET note = '' WHERE size = 400", 300),
    ] {
        let place = unguarded();
        let reader = place.reader();
        let good = reader.receipt(index).unwrap().unwrap();
        suite::assert_holds(&good);
        assert!(place.raw().execute(sql, []).unwrap() > 0, "{sql}");
        // What a reader has kept of the tree is whole; one that reads it now is not fooled.
        match reader.receipt(index) {
            Ok(kept) => suite::assert_holds(&kept.unwrap()),
            Err(error) => assert_found(&error, sql),
        }
        let reader = place.reader();
        let found = reader.receipt(index);
        if sql.contains("level = 0") {
            // The proof of a later leaf needs this tile only through the one above, which is
            // whole; the receipts of the leaves in it do not come out.
            suite::assert_holds(&found.unwrap().unwrap());
            assert_found(&reader.receipt(9).unwrap_err(), sql);
        } else {
            assert_found(&found.unwrap_err(), sql);
        }
    }
}

/// A fact replaced by another together with its entry and leaf hash: only the tree tells.
#[test]
fn a_whole_forged_fact_does_not_pass() {
    for (index, opens) in [(9u32, true), (300, false)] {
        let place = unguarded();
        let forged = suite::fact(onepoint_proof::FactKind::ACCEPTED, 77);
        let nonce = onepoint_proof::Nonce::new([1; 32]);
        let (bytes, leaf) = forged.commit(&nonce).unwrap();
        place
            .raw()
            .execute(
                "UPDATE fact SET fact = ?2, nonce = ?3, entry = ?4, leaf_hash = ?5, time_ms = ?6
                 WHERE log_index = ?1",
                params![
                    index,
                    bytes,
                    nonce.as_bytes(),
                    leaf.to_bytes(),
                    leaf.hash().as_bytes(),
                    leaf.time_ms
                ],
            )
            .unwrap();
        let reader = place.reader();
        assert_found(&reader.receipt(index.into()).unwrap_err(), "forged");
        assert_eq!(reopen(&place).is_ok(), opens, "{index}");
    }
}

#[test]
fn a_note_signed_by_another_key_keeps_the_log_from_opening() {
    let place = unguarded();
    let root = place.reader().latest_checkpoint().unwrap().unwrap().root;
    let stranger = onepoint_proof::LogSigner::from_seed("log.onepoint.example/1", &[9; 32]);
    let note = onepoint_proof::Checkpoint::new("log.onepoint.example/1", 400, root)
        .sign(&stranger.unwrap())
        .unwrap()
        .to_string();
    let sql = "UPDATE checkpoint SET note = ?1 WHERE size = 400";
    place.raw().execute(sql, [note]).unwrap();
    assert_found(&reopen(&place).unwrap_err(), "signed by a stranger");
}

/// Rows that no version of this program writes.
#[test]
fn values_that_cannot_be_are_damage_and_not_something_else() {
    let place = unguarded();
    let reader = place.reader();
    let raw = place.raw();
    raw.execute_batch("PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0").unwrap();
    let id = suite::id(0);
    for (sql, read) in [
        ("UPDATE fact SET nonce = x'00' WHERE log_index = 9", "fact"),
        ("UPDATE delivery SET state = 9 WHERE seq = 1", "delivery"),
        ("UPDATE delivery SET kind = 9 WHERE seq = 1", "delivery"),
        ("UPDATE delivery SET kind = 0, order_keys = '[1' WHERE seq = 1", "delivery"),
        ("UPDATE message SET outcome = 7", "message"),
        ("UPDATE message SET outcome = 0, content_digest = x'00'", "message"),
        ("UPDATE document SET idx = -1", "document"),
        ("UPDATE tile SET hashes = x'0000'", "tile"),
        ("UPDATE counter SET value = -1", "counts"),
    ] {
        raw.execute(sql, []).unwrap();
        let found = match read {
            "fact" => reader.fact(9).map(|_| ()),
            "delivery" => reader.deliveries_of(&id).map(|_| ()),
            "message" => reader.message(&id).map(|_| ()),
            "document" => reader.documents(&id).map(|_| ()),
            "tile" => reader.tile(0, 0, 256).map(|_| ()),
            _ => reader.counts().map(|_| ()),
        };
        assert_eq!(found.unwrap_err().code(), "store-damaged", "{sql}");
    }
}

/// Bytes of the database file overwritten: whatever is read of them is an error or right.
#[test]
fn a_damaged_file_is_reported_and_never_served_as_good() {
    let place = unguarded();
    let file = place.folder().join(DATABASE_FILE);
    let whole = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    assert_eq!(place.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], whole).unwrap(), 0);
    let whole = fs::read(&file).unwrap();
    let reader = place.reader();
    let good: Vec<_> = (0..400).map(|i| reader.receipt(i).unwrap().unwrap()).collect();
    drop(reader);
    let mut found = std::collections::BTreeMap::new();
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 1000 + page % 2000] ^= 0x10;
        bytes[page * 4096 + 3000 + page % 1000] ^= 0x01;
        fs::write(&file, bytes).unwrap();
        let opened = SqliteStore::open(&place.options())
            .and_then(|store| Ledger::open(store, signer()).map(drop));
        let codes = found.entry(opened.map_or_else(|e| e.code(), |()| "ok")).or_insert(0);
        *codes += 1;
        let Ok(reader) = SqliteReader::open(&place.folder(), 1) else { continue };
        for (index, good) in (0..400).zip(&good).step_by(13) {
            // Absent is an error too: the checkpoint over it says that it was there.
            match reader.receipt(index) {
                Ok(Some(receipt)) => assert_eq!(receipt.fact, good.fact),
                Ok(None) => assert_eq!(reader.latest_checkpoint().unwrap(), None),
                Err(error) => assert!(error.is_fatal() || error.code() == "store-backend"),
            }
        }
        drop(reader);
        for beside in ["journal.db-wal", "journal.db-shm"] {
            let file = place.folder().join(beside);
            assert!(!file.exists() || fs::remove_file(&file).is_ok());
        }
    }
    assert!(found.contains_key("store-log-damaged"), "{found:?}");
}
