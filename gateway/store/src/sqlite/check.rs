//! Checking a whole store: everything is read, and everything that does not agree
//! is told with its place.
//!
//! In: a folder (of a stopped gateway or of a running one: one snapshot is read)
//! and what is known from outside: the log's key, the head file, master keys, an
//! auditor's copy. Out: findings, one at a time, and what was looked at. Nothing
//! is held but one row, one tile and the counts of one day; nothing is written.

mod bodies;
mod database;
mod log;
mod rows;
mod tally;
mod text;

pub(super) use log::StoredTiles;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use onepoint_proof::{Hash, LogVerifier};
use rusqlite::Connection;

use super::{DATABASE_FILE, connect_to_read, fault};
use crate::head::{Head, SLOT_BYTES};
use crate::mirror::Mirror;
use crate::{MasterKeys, StoreError};

/// Most findings that are told one by one; the rest is counted.
pub const MAX_FINDINGS: u64 = 1000;

/// What to check, and against what.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions<'a> {
    /// The folder of the store.
    pub folder: &'a Path,
    /// The log's key. Without it signatures are checked against the key in the journal.
    pub log_key: Option<&'a LogVerifier>,
    /// The head file, if there is one.
    pub head: Option<&'a Path>,
    /// An auditor's copy of the log.
    pub mirror: Option<&'a Path>,
    /// The master keys; without them sealed payloads are not checked, which is a finding.
    pub master_keys: Option<&'a MasterKeys>,
}

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFinding {
    /// Stable code.
    pub code: &'static str,
    /// Where: a file with a byte offset, or a table with a row.
    pub place: String,
    /// What was found there.
    pub detail: String,
}

impl CheckFinding {
    /// What it means, in English.
    pub fn en(&self) -> &'static str {
        text::of(self.code).0
    }

    /// What it means, in Chinese.
    pub fn zh(&self) -> &'static str {
        text::of(self.code).1
    }
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Origin of the log.
    pub origin: String,
    /// Leaves.
    pub facts: u64,
    /// Leaves of which nothing else is left.
    pub erased: u64,
    /// Signed checkpoints.
    pub checkpoints: u64,
    /// Tiles.
    pub tiles: u64,
    /// Payloads.
    pub payloads: u64,
    /// Messages, documents, keys, deliveries and answers.
    pub rows: u64,
    /// Archive segments.
    pub segments: u64,
    /// Root over all leaves.
    pub root: Option<Hash>,
    /// Findings, also those beyond [`MAX_FINDINGS`].
    pub findings: u64,
}

impl Checked {
    /// Whether everything agrees.
    pub fn ok(&self) -> bool {
        self.findings == 0
    }
}

/// Checks a store; `found` gets each finding as it comes.
///
/// # Errors
/// [`StoreError::Missing`] when there is no store. Whatever else keeps it from being read is a
/// finding.
pub fn check(
    options: &CheckOptions<'_>,
    found: &mut dyn FnMut(&CheckFinding),
) -> Result<Checked, StoreError> {
    let file = options.folder.join(DATABASE_FILE);
    let mut run = Run { options, found, seen: Checked::default(), journal: file.clone() };
    match snapshot(options.folder) {
        Ok(on) => run.all(&on),
        Err(error @ StoreError::Missing { .. }) => return Err(error),
        Err(error) => run.find("database-unreadable", file.display(), error.en()),
    }
    Ok(run.seen)
}

/// One state of the database, however long it takes to read it.
fn snapshot(folder: &Path) -> Result<Connection, StoreError> {
    let on = connect_to_read(folder)?;
    on.execute_batch("BEGIN; SELECT 1 FROM writer").map_err(fault::read)?;
    Ok(on)
}

/// A check in progress.
struct Run<'a> {
    options: &'a CheckOptions<'a>,
    found: &'a mut dyn FnMut(&CheckFinding),
    seen: Checked,
    /// The database, as named to us.
    journal: PathBuf,
}

impl Run<'_> {
    fn all(&mut self, on: &Connection) {
        self.section("its pages", |run| database::pages(run, on));
        self.section("sqlite_schema", |run| database::schema(run, on));
        self.section("table writer", |run| database::single_rows(run, on));
        let key = self.section("table log_identity", |run| log::identity(run, on)).flatten();
        let mirror = self.mirror(key.as_ref());
        self.section("table fact", |run| log::facts(run, on, key.as_ref(), mirror.as_ref()));
        self.section("table body", |run| bodies::payloads(run, on));
        self.section("table segment", |run| bodies::segments(run, on));
        self.section("table message", |run| rows::all(run, on));
        self.head(on);
    }

    /// One part of the check; what keeps it from going on is a finding and not the end.
    fn section<T>(
        &mut self,
        table: &str,
        work: impl FnOnce(&mut Self) -> Result<T, rusqlite::Error>,
    ) -> Option<T> {
        let done = work(self);
        if let Err(error) = &done {
            let place = self.at(table);
            self.find("database-unreadable", place, error);
        }
        done.ok()
    }

    /// A place in the database.
    fn at(&self, what: impl Display) -> String {
        format!("{}: {what}", self.journal.display())
    }

    fn find(&mut self, code: &'static str, place: impl Display, detail: impl Display) {
        self.seen.findings += 1;
        if self.seen.findings <= MAX_FINDINGS {
            let (place, detail) = (place.to_string(), detail.to_string());
            (self.found)(&CheckFinding { code, place, detail });
        }
    }

    fn mirror(&mut self, key: Option<&LogVerifier>) -> Option<Mirror> {
        let (folder, key) = (self.options.mirror?, key?);
        let opened = Mirror::open(folder, key);
        if let Err(error) = &opened {
            self.find("mirror-damaged", folder.display(), error.en());
        }
        opened.ok()
    }

    /// The head file against the journal.
    fn head(&mut self, on: &Connection) {
        let Some(path) = self.options.head else { return };
        let has_head = self.section("table counter", |_| rows::has_head(on)).unwrap_or(true);
        let slots = match Head::inspect(path) {
            Ok(slots) => slots,
            // A journal of a time before there was a head, or one that no gateway has opened yet.
            Err(StoreError::HeadMissing { .. }) if !has_head => return,
            Err(error) => return self.find(error.code(), path.display(), error),
        };
        for (slot, found) in slots.into_iter().enumerate() {
            let place = format!("{}: byte {}", path.display(), slot * SLOT_BYTES);
            match found {
                Err(what) => self.find("head-slot-damaged", place, what),
                Ok(mark) => {
                    self.section("table fact", |run| log::head(run, on, &place, &mark));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
