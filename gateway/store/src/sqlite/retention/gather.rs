//! Which payloads move next: those of closed messages, old enough, in the log's order.
//!
//! In: the journal as it is; out: a [`Batch`] of at most a segment, with what is to be noted
//! beside it (how far the log was gone through, which messages are on the list). Damaged
//! payloads are left where they are, and their messages on the list: each run names them.

use std::collections::BTreeSet;

use onepoint_proof::{FactKind, Hash};
use rusqlite::{Connection, params};

use super::Run;
use crate::StoreError;
use crate::model::BodyId;
use crate::retention::Retention;
use crate::segment::Piece;
use crate::sqlite::bodies::Bodies;
use crate::sqlite::{fault, rows};

/// Payload bytes from which on a segment is full.
pub(in crate::sqlite) const SEGMENT_BYTES: u64 = 4 << 20;
/// Most payloads of a segment: so many rows change in one transaction.
pub(in crate::sqlite) const SEGMENT_PAYLOADS: usize = 2048;
/// Most facts and messages looked at in one step.
const LOOKED_AT_MAX: usize = 4096;

/// What one step takes, and what it notes.
#[derive(Debug)]
pub(super) struct Batch {
    /// Messages received after this are too young.
    young_ms: i64,
    /// Departments relayed or delivered to after this are still waited for.
    patience_ms: i64,
    bytes: u64,
    looked_at: usize,
    seen: BTreeSet<String>,
    pub(super) pieces: Vec<Piece>,
    /// Plain length of each piece.
    pub(super) lengths: Vec<u64>,
    pub(super) last_received_ms: i64,
    pub(super) damaged: Vec<BodyId>,
    /// There may be more to look at.
    pub(super) more: bool,
    /// The next index of the log to look at, when it moved.
    cursor: Option<u64>,
    listed: Vec<String>,
    unlisted: Vec<String>,
}

/// What became of a message that was looked at.
enum Look {
    /// All that is to move of it has been taken; also when there is nothing.
    Done,
    /// Not yet: it goes on the list.
    Later,
    /// The segment is full in the middle of it.
    Full,
}

impl Batch {
    pub(super) fn new(policy: &Retention, now_ms: i64) -> Batch {
        Batch {
            young_ms: now_ms.saturating_sub(policy.archive_after_ms),
            patience_ms: now_ms.saturating_sub(policy.unanswered_after_ms),
            bytes: 0,
            looked_at: 0,
            seen: BTreeSet::new(),
            pieces: Vec::new(),
            lengths: Vec::new(),
            last_received_ms: i64::MIN,
            damaged: Vec::new(),
            more: false,
            cursor: None,
            listed: Vec::new(),
            unlisted: Vec::new(),
        }
    }

    /// Goes through the list, then through the log, until the segment is full or both end.
    pub(super) fn gather(
        &mut self,
        on: &Connection,
        bodies: &Bodies,
        run: &mut Run,
    ) -> Result<(), StoreError> {
        if !run.list_done {
            self.go_through_list(on, bodies, run)?;
        }
        if run.list_done && !self.is_full() {
            self.go_through_log(on, bodies)?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES
            || self.pieces.len() >= SEGMENT_PAYLOADS
            || self.looked_at >= LOOKED_AT_MAX
    }

    fn go_through_list(
        &mut self,
        on: &Connection,
        bodies: &Bodies,
        run: &mut Run,
    ) -> Result<(), StoreError> {
        let after = run.listed.clone().unwrap_or_default();
        let listed = rows::unsettled(on, &after, LOOKED_AT_MAX).map_err(fault::write)?;
        run.list_done = listed.len() < LOOKED_AT_MAX;
        for message in listed {
            if self.is_full() {
                (self.more, run.list_done) = (true, false);
                return Ok(());
            }
            match self.look(on, bodies, &message)? {
                Look::Done => self.unlisted.push(message.clone()),
                Look::Later => {}
                Look::Full => {
                    (self.more, run.list_done) = (true, false);
                    return Ok(());
                }
            }
            run.listed = Some(message);
        }
        self.more = !run.list_done;
        Ok(())
    }

    fn go_through_log(&mut self, on: &Connection, bodies: &Bodies) -> Result<(), StoreError> {
        let from = rows::archived_to(on).map_err(fault::write)?;
        let facts = rows::fact_heads(on, from, LOOKED_AT_MAX).map_err(fault::write)?;
        for fact in &facts {
            if fact.time_ms > self.young_ms {
                return Ok(());
            }
            if self.is_full() {
                self.more = true;
                return Ok(());
            }
            let kinds = [FactKind::ACCEPTED, FactKind::REFUSED, FactKind::ANSWERED];
            let message = fact.message.as_ref();
            let message = message.filter(|_| kinds.iter().any(|kind| kind.as_str() == fact.kind));
            // A message has a fact for each document, and may be on the list; one look is
            // enough for a step, and none of its payloads may be taken twice.
            if let Some(message) = message.filter(|message| !self.seen.contains(*message)) {
                match self.look(on, bodies, message)? {
                    Look::Done => {}
                    Look::Later => self.listed.push(message.clone()),
                    Look::Full => {
                        self.more = true;
                        return Ok(());
                    }
                }
            }
            self.looked_at += 1;
            self.cursor = Some(fact.index.saturating_add(1));
        }
        self.more = facts.len() == LOOKED_AT_MAX;
        Ok(())
    }

    /// Takes the payloads of a message, if it is closed.
    fn look(
        &mut self,
        on: &Connection,
        bodies: &Bodies,
        message: &str,
    ) -> Result<Look, StoreError> {
        self.looked_at += 1;
        self.seen.insert(message.to_owned());
        let found = rows::settlement(on, message, self.patience_ms).map_err(fault::write)?;
        let Some(found) = found else { return Ok(Look::Done) };
        if found.received_ms > self.young_ms || found.open {
            return Ok(Look::Later);
        }
        let mut whole = true;
        for body in rows::bodies_here(on, message).map_err(fault::write)? {
            self.last_received_ms = self.last_received_ms.max(found.last_received_ms);
            if self.bytes >= SEGMENT_BYTES || self.pieces.len() >= SEGMENT_PAYLOADS {
                return Ok(Look::Full);
            }
            whole &= self.take(on, bodies, body)?;
        }
        Ok(if whole { Look::Done } else { Look::Later })
    }

    /// Takes a payload as it is stored, once it has been seen to open: a damaged one must not
    /// get a name that says that it is whole. False when it does not.
    fn take(&mut self, on: &Connection, bodies: &Bodies, body: BodyId) -> Result<bool, StoreError> {
        let Some(stored) = rows::body(on, body).map_err(fault::write)? else { return Ok(true) };
        let (bytes, key) = (stored.bytes.clone(), stored.key.as_ref().map(|key| key.id));
        let plain = match bodies.open(stored) {
            Ok(plain) => plain.unwrap_or_default(),
            Err(StoreError::BodyDamaged { .. } | StoreError::DataKeyUnreadable { .. }) => {
                self.damaged.push(body);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.lengths.push(u64::try_from(plain.len()).unwrap_or(u64::MAX));
        self.pieces.push(Piece { body: body.0, key, digest: Hash::of(&plain), bytes });
        Ok(true)
    }

    /// Whether anything besides payloads is to be written.
    pub(super) fn has_notes(&self) -> bool {
        self.cursor.is_some() || !self.listed.is_empty() || !self.unlisted.is_empty()
    }

    /// Notes how far it came, in the transaction that points rows to the segment: what was
    /// passed has moved, or is on the list.
    pub(super) fn write_notes(&self, on: &Connection) -> Result<(), StoreError> {
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let done = on.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
            done.map(drop).map_err(fault::write)
        };
        for message in &self.listed {
            let sql = "INSERT INTO unsettled (message) VALUES (?1) ON CONFLICT DO NOTHING";
            run(sql, &[message])?;
        }
        for message in &self.unlisted {
            run("DELETE FROM unsettled WHERE message = ?1", &[message])?;
        }
        if let Some(cursor) = self.cursor {
            let sql = "INSERT INTO counter (name, value) VALUES (?1, ?2) \
                ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            run(sql, params![rows::ARCHIVED_TO, rows::number(cursor)])?;
        }
        Ok(())
    }
}
