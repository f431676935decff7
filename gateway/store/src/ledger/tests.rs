//! The ledger over a store that fails: before the commit, at it, and after it.

use super::*;
use crate::model::MessageKey;
use crate::sqlite::tests::Sqlite;
use crate::suite::{self, Backend, NOW, commit, open, signer};

/// What the next transaction does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The disk is full when all work is done; rolled back.
    FullBeforeCommit,
    /// The commit failed, and nothing of it reached the disk.
    FatalNotPersisted,
    /// The commit failed as far as we can tell, but all of it reached the disk.
    FatalPersisted,
    /// The store claims success without having run anything.
    NotRun,
}

struct Faulty<S> {
    store: S,
    next: Fault,
}

impl<S: Store> Store for Faulty<S> {
    fn transaction(
        &mut self,
        work: &mut dyn FnMut(&mut dyn crate::LogTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let fatal = || StoreError::Fatal("the sync failed".into());
        match std::mem::replace(&mut self.next, Fault::None) {
            Fault::None => self.store.transaction(work),
            Fault::FullBeforeCommit => self.store.transaction(&mut |tx| {
                work(tx)?;
                Err(StoreError::DiskFull("full".into()))
            }),
            Fault::FatalNotPersisted => self.store.transaction(&mut |tx| {
                work(tx)?;
                Err(fatal())
            }),
            Fault::FatalPersisted => self.store.transaction(work).and(Err(fatal())),
            Fault::NotRun => Ok(()),
        }
    }

    fn maintain(&mut self) -> Result<(), StoreError> {
        self.store.maintain()
    }

    fn retain(
        &mut self,
        policy: &crate::Retention,
        now_ms: i64,
    ) -> Result<crate::Retained, StoreError> {
        self.store.retain(policy, now_ms)
    }

    fn rewrap(&mut self) -> Result<crate::Rewrapped, StoreError> {
        self.store.rewrap()
    }

    fn epoch(&self) -> u64 {
        self.store.epoch()
    }
}

fn faulty(place: &Sqlite) -> Ledger<Faulty<<Sqlite as Backend>::Store>> {
    let store = Faulty { store: place.store(), next: Fault::None };
    Ledger::open(store, signer()).unwrap()
}

#[test]
fn a_full_disk_leaves_the_ledger_where_it_was() {
    let place = Sqlite::new();
    let mut ledger = faulty(&place);
    commit(&mut ledger, 0..3).unwrap();
    ledger.store.next = Fault::FullBeforeCommit;
    let error = commit(&mut ledger, 3..300).unwrap_err();
    assert_eq!(error.code(), "store-disk-full");
    assert_eq!((ledger.size(), ledger.latest().unwrap().size), (6, 6));
    commit(&mut ledger, 3..5).unwrap();
    assert_eq!(suite::audit(&place.reader()), 5);
}

#[test]
fn after_a_fatal_commit_nothing_is_tried_again_and_opening_tells_what_is_there() {
    for (fault, there) in [(Fault::FatalNotPersisted, 3), (Fault::FatalPersisted, 9)] {
        let place = Sqlite::new();
        let mut ledger = faulty(&place);
        commit(&mut ledger, 0..3).unwrap();
        ledger.store.next = fault;
        assert_eq!(commit(&mut ledger, 3..9).unwrap_err().code(), "store-fatal");
        assert_eq!(ledger.size(), 6, "memory does not claim what it does not know");
        for _ in 0..2 {
            let error = commit(&mut ledger, 3..9).unwrap_err();
            assert_eq!(error.code(), "store-fatal", "{fault:?}");
        }
        drop(ledger);
        let (mut ledger, reader) = open(&place);
        assert_eq!(suite::audit(&reader), there, "{fault:?}");
        // The senders have no answer and send again: what is there is recognised by key 1.
        for n in 3..9 {
            let guid = format!("G{n:035}");
            let key = MessageKey { zone: "z1", sender: "jia", guid: &guid };
            ledger
                .commit(NOW, &mut |tx| match tx.message_by_guid(&key)? {
                    Some(seen) => {
                        assert_eq!(seen.content_digest, suite::digest(n));
                        Ok(())
                    }
                    None => suite::accept(tx, n).map(|_| ()),
                })
                .unwrap();
        }
        assert_eq!(suite::audit(&reader), 9);
    }
}

#[test]
fn a_store_that_runs_nothing_is_not_believed() {
    let place = Sqlite::new();
    let mut ledger = faulty(&place);
    ledger.store.next = Fault::NotRun;
    assert_eq!(commit(&mut ledger, 0..1).unwrap_err().code(), "store-fatal");
    let lazy = Faulty { store: Sqlite::new().store(), next: Fault::NotRun };
    assert_eq!(Ledger::open(lazy, signer()).err().map(|e| e.code()), Some("store-fatal"));
}

/// A mark that cannot be written: the group is on disk, but nobody is told.
#[cfg(target_os = "linux")]
#[test]
fn a_head_that_cannot_be_written_is_fatal_and_opening_tells_what_is_there() {
    let place = Sqlite::new();
    let folder = tempfile::tempdir().unwrap();
    let head = || Head::open(folder.path().join("log.head")).unwrap();
    let parts = || LogParts { head: Some(head()), ..signer().into() };
    let mut ledger = Ledger::open(place.store(), parts()).unwrap();
    commit(&mut ledger, 0..3).unwrap();
    ledger.head.as_mut().unwrap().fail_from_now();
    for _ in 0..2 {
        assert_eq!(commit(&mut ledger, 3..5).unwrap_err().code(), "store-fatal");
        assert_eq!(ledger.size(), 6, "memory stays where it was");
    }
    drop(ledger);
    assert_eq!(head().last().unwrap().size, 6);
    let ledger = Ledger::open(place.store(), parts()).unwrap();
    assert_eq!((ledger.size(), suite::audit(&place.reader())), (10, 5));
    drop(ledger);
    assert_eq!(head().last().unwrap().size, 10, "opening brings the head up");
}

#[test]
fn a_panic_in_the_work_keeps_nothing() {
    let place = Sqlite::new();
    let mut ledger = faulty(&place);
    commit(&mut ledger, 0..2).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ledger.commit(NOW, &mut |tx| {
            suite::accept(tx, 2)?;
            panic!("in the middle");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(ledger.size(), 4);
    commit(&mut ledger, 2..3).unwrap();
    assert_eq!(suite::audit(&place.reader()), 3);
}

#[test]
fn a_group_is_bounded() {
    let place = Sqlite::new();
    let mut ledger = faulty(&place);
    let fact = onepoint_proof::Fact::new(onepoint_proof::FactKind::KEY, NOW);
    let mut appended = 0;
    let error = ledger
        .commit(NOW, &mut |tx| {
            loop {
                tx.append(None, None, fact.clone())?;
                appended += 1;
            }
        })
        .unwrap_err();
    assert_eq!((error.code(), appended), ("store-value-invalid", MAX_GROUP_FACTS));
    assert_eq!(ledger.size(), 0);
}

#[test]
fn committed_groups_and_readers_go_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Committed>();
    shared::<crate::SqliteReader>();
    sent::<Ledger<crate::SqliteStore>>();
}
