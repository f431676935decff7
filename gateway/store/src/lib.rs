//! The journal: everything that must not be lost, in one transaction at a time.
//!
//! In: messages, documents, facts, deliveries, answers; out: the same, with a
//! receipt for each fact. [`Ledger`] turns facts into leaves, tiles and signed
//! checkpoints within the transaction that stores them. Databases stand behind
//! [`Store`] and [`Reader`]; SQLite is the one there is.
//!
//! # What is promised
//!
//! When [`Ledger::commit`] returns `Ok`, the whole group is on disk and its
//! receipts hold. When it returns an error that is not fatal, nothing of the
//! group is there, nor will be. After a fatal error
//! ([`StoreError::is_fatal`]) the process must exit without another try: after
//! a failed write or fsync the kernel may have dropped pages that its cache
//! still shows, so that only a restart tells what is on disk.
//!
//! # Recovery
//!
//! There is none of its own. A group is one transaction of the database, its
//! checkpoint included, so that every state on disk is one that a running
//! gateway was in between two groups; opening after a crash is the same code as
//! opening after a clean stop. [`Ledger::open`] rebuilds the end of the tree
//! from tiles and leaves and refuses to go on if it does not lead to the root
//! that was signed last.

mod archive;
mod durable;
mod error;
mod head;
pub mod keys;
mod ledger;
mod manifest;
mod mirror;
mod model;
mod random;
mod receipt;
mod retention;
mod sealing;
mod segment;
mod sqlite;
mod store;
#[cfg(test)]
mod suite;

pub use archive::Passing;
pub use durable::{make_folder, replace as replace_file};
pub use error::{Cause, CopyError, StoreError};
pub use head::{Head, HeadMark, SLOT_BYTES};
pub use ledger::{Committed, Ledger, LedgerTx, LogParts, MAX_GROUP_FACTS, Seal};
pub use manifest::{BackupFile, Manifest};
pub use model::*;
pub use onepoint_proof::Hash;
pub use retention::{Retained, Retention, Rewrapped};
pub use sealing::{MasterKeyError, MasterKeys};
pub use sqlite::{
    BackedUp, Backlog, CheckFinding, CheckOptions, Checked, MAX_FINDINGS, ReplayQuery, Replayable,
    RestoreOptions, Restored, SqliteOptions, SqliteReader, SqliteStore, StoreStats, Volume, backup,
    check, restore,
};
pub use store::{LogTx, Reader, Store, Tx};
