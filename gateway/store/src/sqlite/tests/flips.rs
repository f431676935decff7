//! One bit flipped in every kind of file at rest, at seeded places: found with its
//! place, and never served as good; or without any effect on what is stored.
//!
//! `ONEPOINT_STORE_TEST_FLIPS` sets how many flips each kind gets; `--nocapture`
//! prints what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use onepoint_proof::{LogSigner, VerifyOptions, verify_receipt};

use super::filled::{Filled, MASTER, fill, mirror};
use super::*;
use crate::suite::{signer, verifier};
use crate::{
    BodyId, CheckOptions, Head, Ledger, LogParts, MasterKeys, Reader as _, RestoreOptions, backup,
    check, restore,
};

/// Flips of each kind of file, and of each table and index in the database.
fn flips() -> usize {
    let set = std::env::var("ONEPOINT_STORE_TEST_FLIPS").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(8)
}

/// Columns whose values nothing else tells: SQLite sums no rows, and neither log nor facts nor
/// sums of ours say them. None of them decides anything.
const UNCOVERED: &[(&str, &[&str])] = &[
    ("writer", &["epoch", "opened_ms"]),
    ("migration", &["name", "applied_ms"]),
    ("data_key", &["created_ms", "day", "payloads", "erased"]),
    ("segment", &["created_ms", "last_received_ms", "payloads"]),
];

/// Seeded places (xorshift64*).
struct Places(u64);

impl Places {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let next = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(next).unwrap() % end
    }

    /// The bytes with one bit flipped between two offsets.
    fn flip(&mut self, bytes: &[u8], from: usize, to: usize) -> (usize, Vec<u8>) {
        let (mut at, bit) = (from + self.below(to - from), self.below(8));
        // Half of them where something is written.
        for _ in 0..self.below(2) * 50 {
            if bytes[at] == 0 {
                at = from + self.below(to - from);
            }
        }
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << bit;
        (at, flipped)
    }
}

/// What became of flips, by kind.
#[derive(Default)]
struct Tally(BTreeMap<String, BTreeMap<String, usize>>);

impl Tally {
    fn add(&mut self, kind: &str, what: &str) {
        *self.0.entry(kind.into()).or_default().entry(what.into()).or_default() += 1;
    }

    /// Prints, and fails if something was missed.
    fn finish(self, at_least: &[&str]) {
        let sum = |what: &str| self.0.values().filter_map(|kind| kind.get(what)).sum::<usize>();
        for (kind, what) in &self.0 {
            println!("{kind:<32} {what:?}");
        }
        println!("found {}, without effect {}", sum("found"), sum("without effect"));
        let missed: Vec<_> = self
            .0
            .iter()
            .filter(|(_, what)| what.keys().any(|w| w.starts_with("MISSED")))
            .collect();
        assert!(missed.is_empty(), "{missed:#?}");
        for kind in at_least {
            assert!(self.0.keys().any(|known| known.contains(kind)), "no flip of {kind}");
        }
    }
}

/// Everything stored, row by row, as far as it is said to be covered.
fn content(folder: &Path) -> rusqlite::Result<Vec<String>> {
    let on = Connection::open(folder.join(DATABASE_FILE))?;
    let mut tables = on.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    )?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut all = Vec::new();
    for table in tables {
        let uncovered = UNCOVERED.iter().find(|(name, _)| *name == table);
        let uncovered = uncovered.map_or(&[][..], |(_, columns)| columns);
        let mut statement = on.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut text = table.clone();
            for (n, column) in columns.iter().enumerate() {
                if !uncovered.contains(&column.as_str()) {
                    text += &format!(" {column}={:?}", row.get_ref(n)?);
                }
            }
            all.push(text);
        }
    }
    Ok(all)
}

/// What the gateway would serve of a store: it is an error, or it is what it was.
fn serves_only_good(filled: &Filled, folder: &Path) {
    let masters = Some(Filled::masters());
    let Ok(reader) = SqliteReader::open_with(folder, 1, masters) else { return };
    let good = filled.reader();
    let size = good.latest_checkpoint().unwrap().unwrap().size;
    for index in (0..size).step_by(7) {
        if let Ok(Some(receipt)) = reader.receipt(index) {
            assert_eq!(receipt.fact, good.receipt(index).unwrap().unwrap().fact);
        }
    }
    for body in (1..60).step_by(7) {
        if let Ok(Some(bytes)) = reader.body(BodyId(body)) {
            assert_eq!(bytes, good.body(BodyId(body)).unwrap().unwrap(), "payload {body}");
        }
    }
}

/// A copy of a store to damage, with the head of the whole one.
struct Copy<'f> {
    filled: &'f Filled,
    place: TempDir,
}

impl Copy<'_> {
    fn of(filled: &Filled) -> Copy<'_> {
        Copy { filled, place: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    /// The files as they lie there.
    fn renew(&self) {
        drop(fs::remove_dir_all(self.folder()));
        copy_all(&self.filled.folder(), &self.folder());
    }

    /// The codes that a check finds, with the first place.
    fn check(&self) -> Vec<(String, String)> {
        let masters = Filled::masters();
        let options = CheckOptions {
            folder: &self.folder(),
            log_key: Some(&self.filled.key),
            head: Some(&self.filled.head()),
            mirror: None,
            master_keys: Some(&masters),
        };
        let mut found = Vec::new();
        let checked = check(&options, &mut |f| found.push((f.code.to_owned(), f.place.clone())));
        if let Err(error) = checked {
            found.push((error.code().into(), self.folder().display().to_string()));
        }
        found
    }

    /// Found, or without effect.
    fn judge(&self, good: &[String]) -> String {
        let found = self.check();
        serves_only_good(self.filled, &self.folder());
        if found.is_empty() {
            let now = content(&self.folder()).unwrap();
            let other = now.iter().zip(good).find(|(now, good)| now != good);
            return match other {
                None if now.len() == good.len() => "without effect".into(),
                other => format!("MISSED {other:?}"),
            };
        }
        let located = |(_, place): &(String, String)| {
            place.contains("journal") || place.contains("log.head: byte")
        };
        assert!(found.iter().all(located), "{found:?}");
        "found".into()
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else if !entry.file_name().to_str().unwrap().ends_with("-shm") {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Everything into the database file, and nothing left beside it.
fn settle(filled: &Filled) {
    let raw = filled.raw();
    let busy = raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    assert_eq!(busy.unwrap(), 0);
}

/// Each table and index with its pages.
fn pages(filled: &Filled) -> BTreeMap<String, Vec<usize>> {
    let raw = filled.raw();
    let mut statement = raw.prepare("SELECT name, pageno FROM dbstat").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut pages: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let page: i64 = row.get(1).unwrap();
        let page = usize::try_from(page).unwrap();
        pages.entry(row.get(0).unwrap()).or_default().push(page);
    }
    pages
}

#[test]
fn a_flipped_bit_anywhere_in_the_database_is_found_or_without_effect() {
    let filled = Filled::new(60);
    settle(&filled);
    let good = content(&filled.folder()).unwrap();
    let copy = Copy::of(&filled);
    copy.renew();
    assert_eq!(copy.check(), []);
    let file = fs::read(filled.folder().join(DATABASE_FILE)).unwrap();
    let (mut places, mut tally) = (Places(20_261_124), Tally::default());
    for (name, pages) in pages(&filled) {
        for _ in 0..flips() {
            let page = pages[places.below(pages.len())] - 1;
            let (at, flipped) = places.flip(&file, page * 4096, (page + 1) * 4096);
            copy.renew();
            fs::write(copy.folder().join(DATABASE_FILE), &flipped).unwrap();
            let what = copy.judge(&good);
            if what.starts_with("MISSED") {
                println!("{name} byte {at}: {what}");
            }
            tally.add(&name, &what);
        }
    }
    tally.finish(&["fact", "body", "tally", "checkpoint", "message", "fact_message", "delivery"]);
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_found_by_the_head() {
    let filled = Filled::new(30);
    settle(&filled);
    let mut ledger = filled.ledger(true);
    fill(&mut ledger, 30..60);
    let copy = Copy::of(&filled);
    copy.renew();
    assert_eq!(copy.check(), []);
    let good = content(&copy.folder()).unwrap();
    copy.renew();
    let wal = fs::read(copy.folder().join("journal.db-wal")).unwrap();
    let (mut places, mut tally) = (Places(7), Tally::default());
    for n in 0..flips() * 4 {
        // The header of the file gets its share.
        let end = if n % 8 == 0 { 32 } else { wal.len() };
        let (_, flipped) = places.flip(&wal, 0, end);
        copy.renew();
        fs::write(copy.folder().join("journal.db-wal"), &flipped).unwrap();
        let what = copy.judge(&good);
        tally.add("journal.db-wal", &what);
        if what != "found" {
            continue;
        }
        // And a gateway does not start with it, nor fork the log.
        copy.renew();
        fs::write(copy.folder().join("journal.db-wal"), &flipped).unwrap();
        let masters = Some(Filled::masters());
        let options =
            SqliteOptions { master_keys: masters, ..SqliteOptions::new(copy.folder(), NOW) };
        let head = tempfile::tempdir().unwrap();
        fs::copy(filled.head(), head.path().join("log.head")).unwrap();
        let opened = SqliteStore::open(&options).and_then(|store| {
            let head = Some(Head::open(head.path().join("log.head"))?);
            Ledger::open(store, LogParts { head, ..signer().into() }).map(drop)
        });
        let code = opened.unwrap_err().code();
        assert!(code == "store-rolled-back" || code == "store-damaged", "{code}");
    }
    tally.finish(&["journal.db-wal"]);
}

#[test]
fn a_flipped_bit_in_a_backup_keeps_it_from_being_restored() {
    let filled = Filled::new(30);
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("backup");
    let made = backup(&filled.folder(), &from, NOW).unwrap().manifest;
    let masters = Filled::masters();
    let (mut places, mut tally) = (Places(9), Tally::default());
    let mut files: Vec<&str> = made.files.iter().map(|file| file.name.as_str()).collect();
    files.push("manifest.json");
    for name in files {
        let good = fs::read(from.join(name)).unwrap();
        for n in 0..flips() * 4 {
            let (_, flipped) = places.flip(&good, 0, good.len());
            fs::write(from.join(name), flipped).unwrap();
            let restored = restore(&RestoreOptions {
                backup: &from,
                to: &place.path().join(format!("to-{n}")),
                log_key: &filled.key,
                head: None,
                checkpoint: None,
                mirror: None,
                master_keys: Some(&masters),
                now_ms: NOW,
            });
            let error = restored.unwrap_err();
            assert_eq!(error.code(), "store-backup-damaged");
            assert!(error.en().contains(name), "{}", error.en());
            tally.add(if name == "manifest.json" { name } else { "database of a backup" }, "found");
        }
        fs::write(from.join(name), &good).unwrap();
    }
    tally.finish(&["manifest.json", "database of a backup"]);
}

#[test]
fn a_flipped_bit_in_an_auditors_copy_is_found() {
    let filled = Filled::new(140);
    let copy = tempfile::tempdir().unwrap();
    mirror(&filled.reader(), copy.path());
    assert_eq!(filled.check_with(Some(copy.path())).1, []);
    let (mut places, mut tally) = (Places(11), Tally::default());
    for (kind, file) in
        [("checkpoint", "checkpoint"), ("tile", "tile/0/000"), ("entries", "tile/entries/000")]
    {
        let path = copy.path().join(file);
        let good = fs::read(&path).unwrap();
        for _ in 0..flips() * 2 {
            let (_, flipped) = places.flip(&good, 0, good.len());
            fs::write(&path, flipped).unwrap();
            let found = filled.check_with(Some(copy.path())).1;
            let told = found.iter().all(|f| f.code.starts_with("mirror-"));
            let what = if !found.is_empty() && told { "found" } else { "MISSED" };
            tally.add(&format!("{kind} of an auditor's copy"), what);
        }
        fs::write(&path, good).unwrap();
    }
    tally.finish(&["checkpoint", "tile", "entries"]);
}

/// Keys: whatever is read out of a damaged file, it is not another key that is used.
#[test]
fn a_flipped_bit_in_a_key_file_keeps_the_log_from_opening() {
    let filled = Filled::new(20);
    let random = ring::rand::SystemRandom::new();
    let (key, public) =
        onepoint_proof::note::generate_key("log.onepoint.example/1", &random).unwrap();
    let place = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(place.path().join("journal"), NOW);
    let open = |signer: LogSigner| {
        SqliteStore::open(&options).and_then(|store| Ledger::open(store, signer).map(drop))
    };
    open(LogSigner::parse(&key).unwrap()).unwrap();
    let mut tally = Tally::default();
    let mut each_flip = |kind: &str, text: &str, judge: &dyn Fn(&str) -> &'static str| {
        for bit in 0..text.len() * 8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A file that is not UTF-8 is refused where it is read.
            let what = String::from_utf8(bytes).map_or("found", |flipped| judge(&flipped));
            tally.add(kind, what);
        }
    };
    each_flip("log.key", &key, &|flipped| match LogSigner::parse(flipped) {
        Err(_) => "found",
        // The number of the key may be written in capitals.
        Ok(same) if same.verifier().to_string() == public.to_string() => "without effect",
        Ok(other) => match open(other).map_err(|error| error.code()) {
            Err("store-log-key-changed") => "found",
            _ => "MISSED",
        },
    });
    let with = |masters| {
        let options = SqliteOptions {
            master_keys: Some(masters),
            ..SqliteOptions::new(filled.folder(), NOW)
        };
        SqliteStore::open(&options).map_or_else(|error| error.code(), |_| "open")
    };
    assert_eq!(with(Filled::masters()), "open");
    each_flip("file of master keys", MASTER, &|flipped| match MasterKeys::parse(flipped) {
        Err(_) => "found",
        Ok(masters) => match with(masters) {
            "store-master-key-missing" | "store-data-key-unreadable" => "found",
            _ => "MISSED",
        },
    });
    tally.finish(&["log.key", "file of master keys"]);
}

#[test]
fn a_flipped_bit_in_a_receipt_fails_or_changes_only_its_spelling() {
    let filled = Filled::new(20);
    let receipt = filled.reader().receipt(5).unwrap().unwrap();
    let json = receipt.to_json().unwrap();
    let options = VerifyOptions { now_ms: Some(NOW + 10_000), ..VerifyOptions::default() };
    let verify = |bytes: &[u8]| verify_receipt(bytes, &[verifier()], &options).ok();
    assert!(verify(json.as_bytes()));
    let mut tally = Tally::default();
    for bit in 0..json.len() * 8 {
        let mut bytes = json.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let what = if !verify(&bytes) {
            "found"
        } else {
            let same = onepoint_proof::Receipt::parse_unverified(&bytes).unwrap();
            // Certificates behind the one that signed are the anchors' affair (`--anchors`).
            let issuers = same.chain.get(1..) != receipt.chain.get(1..);
            let rest = same.fact == receipt.fact && same.nonce == receipt.nonce;
            match (same == receipt, issuers && rest) {
                (true, _) => "without effect",
                (false, true) => "found by the check of the chain only",
                (false, false) => "MISSED",
            }
        };
        tally.add("receipt", what);
    }
    tally.finish(&["receipt"]);
}
