//! What the writer does within one transaction, in SQL.
//!
//! In: rows; out: rows, and changed counters. Promise: after any fault of the
//! database every further call fails too, so that a caller who overlooks an error
//! cannot have half of its work committed.

mod body;
mod log;

use body::NewBodies;
use onepoint_proof::Hash;
use rusqlite::{Connection, ToSql, params};

use super::sums::{self, Summed};
use super::{fault, rows};
use crate::StoreError;
use crate::model::*;
use crate::sealing::Vault;
use crate::store::Tx;

/// The counters, in the order of their changes in [`SqliteTx`].
const COUNTERS: [&str; 6] = ["accepted", "refused", "pending", "relayed", "delivered", "answers"];
const ACCEPTED: usize = 0;
const REFUSED: usize = 1;
const PENDING: usize = 2;
const RELAYED: usize = 3;
const DELIVERED: usize = 4;
const ANSWERS: usize = 5;

/// An open transaction of the writer.
pub(super) struct SqliteTx<'c> {
    on: &'c Connection,
    failed: bool,
    /// The index of the next fact, once it has been asked for.
    next_index: Option<u64>,
    changes: [i64; COUNTERS.len()],
    vault: &'c Vault,
    /// The time of the group, once it was set.
    now_ms: i64,
    bodies: NewBodies,
    /// Id and sender of the message stored last: the next facts are about it.
    message: Option<(String, String)>,
}

impl<'c> SqliteTx<'c> {
    pub(super) fn new(on: &'c Connection, vault: &'c Vault) -> SqliteTx<'c> {
        SqliteTx {
            on,
            failed: false,
            next_index: None,
            changes: [0; COUNTERS.len()],
            vault,
            now_ms: 0,
            bodies: NewBodies::default(),
            message: None,
        }
    }

    /// The last writes before the commit, which must not happen after any fault.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        self.finish_bodies()?;
        for (name, change) in COUNTERS.iter().zip(self.changes) {
            if change != 0 {
                self.execute(
                    "INSERT INTO counter (name, value) VALUES (?1, ?2) \
                     ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                    &[name, &change],
                )?;
            }
        }
        self.run(|_| Ok(()))
    }

    fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        if self.failed {
            return Err(StoreError::Backend("a statement before this one failed".into()));
        }
        let done = work(self.on).map_err(fault::write);
        self.failed = done.is_err();
        done
    }

    fn execute(&mut self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        self.run(|on| on.prepare_cached(sql)?.execute(values))
    }

    /// Stores a row with its sum.
    fn insert(&mut self, table: &Summed, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        self.run(|on| table.insert(on, values))
    }

    fn fail<T>(&mut self, error: StoreError) -> Result<T, StoreError> {
        self.failed = true;
        Err(error)
    }

    fn count(&mut self, counter: usize, change: i64) {
        if let Some(sum) = self.changes.get_mut(counter) {
            *sum = sum.saturating_add(change);
        }
    }
}

impl Tx for SqliteTx<'_> {
    fn message_by_guid(&mut self, key: &MessageKey<'_>) -> Result<Option<SeenMessage>, StoreError> {
        self.run(|on| rows::seen_message(on, key))
    }

    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<BodyId, StoreError> {
        message.check()?;
        let body = self.body(message.payload)?;
        self.insert(
            &sums::MESSAGE,
            params![
                message.id,
                message.zone,
                message.sender,
                message.guid,
                message.content_digest.as_bytes(),
                message.message_type,
                message.media_type,
                rows::outcome_number(message.outcome),
                message.received_ms,
                body.0,
            ],
        )?;
        let counter = if message.outcome == Outcome::Accepted { ACCEPTED } else { REFUSED };
        self.count(counter, 1);
        self.message = Some((message.id.to_owned(), message.sender.to_owned()));
        Ok(body)
    }

    fn insert_body(&mut self, bytes: &[u8]) -> Result<BodyId, StoreError> {
        check_body(bytes)?;
        self.body(Payload::of(bytes))
    }

    fn insert_document(&mut self, document: &NewDocument<'_>) -> Result<(), StoreError> {
        document.check()?;
        self.insert(
            &sums::DOCUMENT,
            params![
                document.message,
                document.index,
                document.guid,
                document.app_type,
                document.business_key.map(|key| key.kind),
                document.business_key.map(|key| key.value),
                document.order_key,
                rows::outcome_number(document.outcome),
            ],
        )?;
        Ok(())
    }

    fn document(&mut self, message: &str, index: u32) -> Result<Option<DocumentRow>, StoreError> {
        self.run(|on| rows::document(on, message, index))
    }

    fn set_document_status(
        &mut self,
        message: &str,
        index: u32,
        status: i64,
        time_ms: i64,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE document SET status = ?3, status_ms = ?4 WHERE message = ?1 AND idx = ?2",
            params![message, index, status, time_ms],
        )?;
        Ok(changed > 0)
    }

    fn business_key(&mut self, key: &BusinessKey<'_>) -> Result<Option<KeyState>, StoreError> {
        self.run(|on| rows::key_state(on, key))
    }

    fn put_business_key(&mut self, version: &NewKeyVersion<'_>) -> Result<(), StoreError> {
        version.check()?;
        self.insert(
            &sums::BUSINESS_KEY,
            params![
                version.key.kind,
                version.key.value,
                version.version,
                version.message,
                version.document,
                version.app_type,
                version.declared_ms,
                version.period_start_ms,
            ],
        )?;
        Ok(())
    }

    fn facts_of(&mut self, message: &str) -> Result<Vec<FactRow>, StoreError> {
        self.run(|on| rows::facts_of(on, message))
    }

    fn insert_outbox(&mut self, delivery: &NewDelivery<'_>) -> Result<u64, StoreError> {
        delivery.check()?;
        let order_keys = serde_json::to_string(delivery.order_keys);
        let order_keys = order_keys.map_err(|error| StoreError::Backend(error.into()))?;
        // The length is kept beside, so that a reader can bound a page without the payloads.
        let Some(body_bytes) = self.body_bytes(delivery.body)? else {
            return self.fail(StoreError::Conflict(format!("no body {}", delivery.body.0)));
        };
        self.insert(
            &sums::DELIVERY,
            params![
                delivery.id,
                delivery.message,
                rows::kind_number(delivery.kind),
                delivery.destination,
                delivery.routing_key,
                order_keys,
                delivery.message_type,
                delivery.headers,
                delivery.body.0,
                rows::number(body_bytes),
                delivery.created_ms,
            ],
        )?;
        self.count(PENDING, 1);
        let seq = self.on.last_insert_rowid();
        u64::try_from(seq).map_err(|error| StoreError::Damaged(error.into()))
    }

    fn delivery(&mut self, seq: u64) -> Result<Option<Delivery>, StoreError> {
        self.run(|on| rows::delivery(on, seq))
    }

    fn delivery_by_id(&mut self, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.run(|on| rows::delivery_by_id(on, id))
    }

    fn mark_relayed(&mut self, seq: u64, time_ms: i64) -> Result<Option<Delivery>, StoreError> {
        // Read and then written: for a RETURNING SQLite makes a table and drops it, each time.
        let found = self.delivery(seq)?.filter(|found| found.state == DeliveryState::Pending);
        let Some(mut delivery) = found else { return Ok(None) };
        let sql = "UPDATE delivery SET state = 1, relayed_ms = ?2 WHERE seq = ?1";
        self.execute(sql, params![rows::number(seq), time_ms])?;
        self.count(PENDING, -1);
        self.count(RELAYED, 1);
        delivery.state = DeliveryState::Relayed;
        delivery.relayed_ms = Some(time_ms);
        Ok(Some(delivery))
    }

    fn mark_delivered(&mut self, seq: u64, time_ms: i64) -> Result<bool, StoreError> {
        let found = self.run(|on| rows::delivery_state(on, seq))?;
        let Some(state) = found.filter(|state| *state != DeliveryState::Delivered) else {
            return Ok(false);
        };
        let sql = "UPDATE delivery SET state = 2, delivered_ms = ?2 WHERE seq = ?1";
        self.execute(sql, params![rows::number(seq), time_ms])?;
        self.count(if state == DeliveryState::Relayed { RELAYED } else { PENDING }, -1);
        self.count(DELIVERED, 1);
        Ok(true)
    }

    fn registered(&mut self, kind: &str) -> Result<Vec<Registered>, StoreError> {
        self.run(|on| rows::registered(on, kind))
    }

    fn registered_fact(&mut self, kind: &str, name: &str) -> Result<Option<u64>, StoreError> {
        self.run(|on| rows::registered_fact(on, kind, name))
    }

    fn put_registered(
        &mut self,
        kind: &str,
        name: &str,
        digest: Option<&Hash>,
        fact: u64,
    ) -> Result<(), StoreError> {
        check_registered(kind, name)?;
        match digest {
            None => {
                let sql = "DELETE FROM register WHERE kind = ?1 AND name = ?2";
                self.execute(sql, &[&kind, &name])?;
            }
            Some(digest) => {
                self.insert(
                    &sums::REGISTER,
                    params![kind, name, digest.as_bytes(), rows::number(fact)],
                )?;
            }
        }
        Ok(())
    }

    fn tallies(&mut self, day: i64) -> Result<Vec<Tally>, StoreError> {
        self.run(|on| rows::tallies(on, day))
    }

    fn closed_day(&mut self) -> Result<Option<i64>, StoreError> {
        self.run(rows::closed_day)
    }

    fn close_day(&mut self, day: i64) -> Result<(), StoreError> {
        if self.closed_day()?.is_some_and(|closed| closed > day) {
            return self.fail(StoreError::Conflict(format!("a day after {day} is closed")));
        }
        self.insert(&sums::CLOSED_DAY, &[&1, &day])?;
        Ok(())
    }

    fn answer_seen(
        &mut self,
        department: &str,
        id: &str,
    ) -> Result<Option<SeenAnswer>, StoreError> {
        self.run(|on| rows::seen_answer(on, department, id))
    }

    fn insert_answer(&mut self, answer: &NewAnswer<'_>) -> Result<BodyId, StoreError> {
        answer.check()?;
        let body = self.body(answer.payload)?;
        self.insert(
            &sums::ANSWER,
            params![
                answer.department,
                answer.answer_id,
                answer.message,
                answer.content_digest.as_bytes(),
                answer.message_type,
                answer.received_ms,
                body.0,
            ],
        )?;
        self.count(ANSWERS, 1);
        Ok(body)
    }
}
