//! The checker: an independent reader of the journal, beside what the outside knows. In
//! come raw rows and records, out goes the tally of all rules. Nothing of the ledger's
//! own code decides here: leaves, tiles, checkpoints and receipts are computed again
//! from the rows with the log's public key alone. It goes on where it left off, so that
//! each run costs what the run wrote; a fresh one over everything checks it all.

use std::collections::{BTreeMap, BTreeSet};

use onepoint_proof::{Hash, LogVerifier, Tiles};
use onepoint_store::{Reader, StoreError};

use super::evidence::{Expected, Record};
use super::rules::{Rule, Tally};

mod claims;
mod log;
mod payloads;
mod rows;

/// What the checker knows so far.
#[derive(Debug)]
pub(super) struct Checker {
    key: LogVerifier,
    now_ms: i64,
    pub(super) tally: Tally,
    log: Log,
    world: World,
}

/// The log, as its rows say.
#[derive(Debug)]
struct Log {
    tiles: Tiles,
    leaves: Vec<Hash>,
    facts: Vec<Brief>,
    /// Time of the last fact.
    last_ms: i64,
    /// Roots at the sizes of checkpoints.
    roots: BTreeMap<u64, Hash>,
    /// What may stand in the log only once.
    once: BTreeSet<String>,
    /// Accepted business keys, with the fact.
    keys: BTreeMap<String, u64>,
}

/// What is kept of a fact.
#[derive(Debug, Clone, Default)]
struct Brief {
    kind: String,
    message: String,
    document: Option<u64>,
    sha256: String,
    department: String,
    answer: String,
}

/// What the outside knows.
#[derive(Debug, Default)]
struct World {
    letters: BTreeMap<u64, Letter>,
    /// Letters sent since the last settling, and those of them without an answer.
    asked: BTreeSet<u64>,
    open: BTreeSet<u64>,
    /// Department and business key of every effect.
    effects: BTreeMap<(String, String), String>,
    /// Deliveries that had their effect.
    acted: BTreeSet<String>,
    /// Effects that the accepted facts ask for, not found so far.
    wanted: BTreeSet<(String, String)>,
    /// Messages with facts since the last look at their rows.
    touched: BTreeSet<String>,
    messages: BTreeSet<String>,
    /// Messages whose payloads are erased.
    erased: BTreeSet<String>,
    deliveries: u64,
    /// Department and id of every answer in the log, with message and digest.
    answers: BTreeMap<(String, String), (String, String)>,
}

#[derive(Debug)]
struct Letter {
    sha256: String,
    expected: Expected,
    /// Message, and the facts of the first answer: index, leaf.
    first: Option<(String, Vec<(u64, String)>)>,
    /// Answers that said it was new.
    taken: u32,
}

impl Checker {
    pub(super) fn new(key: LogVerifier) -> Checker {
        let log = Log {
            tiles: Tiles::new(),
            leaves: Vec::new(),
            facts: Vec::new(),
            last_ms: 0,
            roots: BTreeMap::new(),
            once: BTreeSet::new(),
            keys: BTreeMap::new(),
        };
        Checker { key, now_ms: 0, tally: Tally::default(), log, world: World::default() }
    }

    /// Facts checked so far.
    pub(super) fn facts(&self) -> usize {
        self.log.facts.len()
    }

    /// The log as far as it has grown, at the present time. Call it before the records of
    /// that time are taken.
    pub(super) fn read_log(&mut self, reader: &impl Reader, now_ms: i64) -> Result<(), StoreError> {
        self.now_ms = now_ms;
        self.grow(reader)
    }

    /// One record; what it claims must stand in the log that was read.
    pub(super) fn take(&mut self, record: &Record) {
        match record {
            Record::Sent { letter, sha256, expected, .. } => {
                let (sha256, expected) = (sha256.clone(), expected.clone());
                let fresh = Letter { sha256, expected, first: None, taken: 0 };
                self.world.letters.insert(*letter, fresh);
                self.world.asked.insert(*letter);
                self.world.open.insert(*letter);
            }
            Record::Answer { letter, answer } => self.answer(*letter, answer),
            Record::Checkpoint { note } => self.seen(note),
            Record::Effect { department, delivery, keys, .. } => {
                self.effect(department, delivery, keys);
            }
            Record::Recorded { department, answer, message, sha256 } => {
                self.recorded(department, answer, message, sha256);
            }
            Record::Notice { delivery, message, receipts, .. } => {
                for receipt in receipts {
                    self.receipt(receipt, message, delivery);
                }
            }
            Record::Strange { text } => self.tally.broken(Rule::Expected, text.clone()),
        }
    }

    /// When nothing is under way any more: all that must have come to its end has.
    pub(super) fn settle(&mut self, reader: &impl Reader) -> Result<(), StoreError> {
        let world = &mut self.world;
        let asked = std::mem::take(&mut world.asked);
        for letter in &asked {
            let open = world.open.contains(letter);
            self.tally.check(Rule::Answered, !open, || format!("letter {letter} has no answer"));
        }
        let wanted = std::mem::take(&mut world.wanted);
        for (department, key) in wanted {
            let found = world.effects.contains_key(&(department.clone(), key.clone()));
            self.tally.check(Rule::Reached, found, || format!("{key} did not reach {department}"));
        }
        self.rows(reader)
    }
}
