//! The head file beside a journal: what was rolled back, forked or lost is refused
//! at the start, and what a crash leaves is not.

use std::path::Path;

use super::*;
use crate::suite::signer;
use crate::{Head, HeadMark, Ledger, LogParts, Reader as _, StoreError};

/// A store with a head file in another folder.
struct Headed {
    place: Sqlite,
    keys: TempDir,
}

impl Headed {
    fn new() -> Headed {
        Headed { place: Sqlite::new(), keys: tempfile::tempdir().unwrap() }
    }

    fn head(&self) -> PathBuf {
        self.keys.path().join("log.head")
    }

    fn open(&self) -> Result<Ledger<SqliteStore>, StoreError> {
        let parts = LogParts { head: Some(Head::open(self.head())?), ..signer().into() };
        Ledger::open(self.place.store(), parts)
    }

    fn code(&self) -> &'static str {
        self.open().map_or_else(|error| error.code(), |_| "ok")
    }

    fn mark(&self) -> HeadMark {
        Head::open(self.head()).unwrap().last().unwrap().clone()
    }
}

/// A folder as it lies there, in the place of another.
fn put(from: &Path, to: &Path) {
    drop(fs::remove_dir_all(to));
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_head_follows_every_commit() {
    let headed = Headed::new();
    let mut ledger = headed.open().unwrap();
    for (n, group) in [0..1, 1..4, 4..40].into_iter().enumerate() {
        commit(&mut ledger, group).unwrap();
        let latest = ledger.latest().unwrap().clone();
        let slots = Head::inspect(&headed.head()).unwrap();
        let mark =
            HeadMark { origin: ledger.origin().into(), size: latest.size, root: latest.root };
        assert!(slots.contains(&Ok(mark)), "{n}: {slots:?}");
    }
    // A group without facts signs nothing and marks nothing.
    ledger.commit(NOW, &mut |tx| tx.insert_body(b"x").map(|_| ())).unwrap();
    drop(ledger);
    assert_eq!(headed.mark().size, 80);
    assert_eq!(headed.code(), "ok");
}

#[test]
fn an_old_copy_in_the_place_of_the_journal_is_refused_with_what_is_missing() {
    let headed = Headed::new();
    let old = tempfile::tempdir().unwrap();
    let new = tempfile::tempdir().unwrap();
    let mut ledger = headed.open().unwrap();
    commit(&mut ledger, 0..10).unwrap();
    drop(ledger);
    put(&headed.place.folder(), old.path());
    let mut ledger = headed.open().unwrap();
    commit(&mut ledger, 10..17).unwrap();
    drop(ledger);
    put(&headed.place.folder(), new.path());

    put(old.path(), &headed.place.folder());
    let error = headed.open().unwrap_err();
    assert_eq!((error.code(), error.is_fatal()), ("store-rolled-back", true));
    let text = error.en();
    assert!(
        text.contains("missing are 14 facts, 20 to 33, after 2026-11-24T00:00:00.000Z"),
        "{text}"
    );
    assert_eq!(headed.mark().size, 34, "a refusal leaves the head as it is");
    // An empty store in its place is one more old copy.
    fs::remove_dir_all(headed.place.folder()).unwrap();
    assert!(headed.open().unwrap_err().en().contains("missing are 34 facts, 0 to 33;"));
    put(new.path(), &headed.place.folder());
    assert_eq!(headed.code(), "ok");
}

#[test]
fn another_history_of_the_same_length_is_a_fork() {
    let headed = Headed::new();
    let mut ledger = headed.open().unwrap();
    commit(&mut ledger, 0..130).unwrap();
    drop(ledger);
    let old = tempfile::tempdir().unwrap();
    put(&headed.place.folder(), old.path());
    let mut ledger = headed.open().unwrap();
    commit(&mut ledger, 130..135).unwrap();
    drop(ledger);
    // The old copy goes on without its head: same messages, other nonces, so another tree.
    put(old.path(), &headed.place.folder());
    for more in [5, 9] {
        let mut ledger = Ledger::open(headed.place.store(), signer()).unwrap();
        let from = usize::try_from(ledger.size() / 2).unwrap();
        commit(&mut ledger, from..130 + more).unwrap();
        drop(ledger);
        let error = headed.open().unwrap_err();
        assert_eq!((error.code(), error.is_fatal()), ("store-log-fork", true));
    }
}

#[test]
fn a_head_that_is_behind_is_what_a_crash_leaves() {
    let headed = Headed::new();
    drop(headed.open().unwrap());
    assert_eq!((headed.mark().size, headed.mark().root), (0, crate::Hash::EMPTY_ROOT));
    let mut ledger = Ledger::open(headed.place.store(), signer()).unwrap();
    commit(&mut ledger, 0..200).unwrap();
    commit(&mut ledger, 200..300).unwrap();
    drop(ledger);
    assert_eq!(headed.mark().size, 0);
    assert_eq!(headed.code(), "ok");
    assert_eq!(headed.mark().size, 600);
}

#[test]
fn a_lost_head_is_missed_and_a_log_of_before_gets_one() {
    let headed = Headed::new();
    let mut ledger = Ledger::open(headed.place.store(), signer()).unwrap();
    commit(&mut ledger, 0..3).unwrap();
    drop(ledger);
    assert_eq!(headed.code(), "ok", "it never had one");
    assert_eq!(headed.mark().size, 6);

    fs::remove_file(headed.head()).unwrap();
    let error = headed.open().unwrap_err();
    assert_eq!((error.code(), error.is_fatal()), ("store-head-missing", true));
    assert!(!headed.head().exists(), "it is not made in passing");
    let latest = headed.place.reader().latest_checkpoint().unwrap().unwrap();
    let origin = signer().name().to_owned();
    Head::accept(&headed.head(), &HeadMark { origin, size: latest.size, root: latest.root })
        .unwrap();
    assert_eq!(headed.code(), "ok");

    fs::write(headed.head(), [0; 1024]).unwrap();
    assert_eq!(headed.code(), "store-head-damaged");
}

#[test]
fn the_head_of_another_log_is_refused() {
    let headed = Headed::new();
    let mark =
        HeadMark { origin: "log.other.example/1".into(), size: 0, root: crate::Hash::EMPTY_ROOT };
    Head::accept(&headed.head(), &mark).unwrap();
    let error = headed.open().unwrap_err();
    assert_eq!((error.code(), error.is_fatal()), ("store-head-of-another-log", false));
    assert!(error.zh().contains("log.other.example/1"));
}
