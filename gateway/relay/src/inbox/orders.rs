//! What an inbox keeps for a back end: orders until their fate is known, and replies. In
//! come fates and replies, out go the next orders. Promised: an order stays `waiting` until
//! the back end has it or refused it; a reply becomes an answer once, however often it
//! comes; what cannot be one is kept with the reason.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::{ANSWER_BYTES, ID_BYTES, Inbox, InboxError};
use crate::backend::{Order, OrderFate, Reply, ReplyFate};
use crate::runner::{ATTEMPTS, Facts, HandlerError, Seal};

/// Bytes of a refused reply that are kept.
const REFUSED_BYTES: usize = 64 * 1024;
/// What came with layout 3.
pub(super) const TABLES: &str = "
CREATE TABLE handed (
    number INTEGER PRIMARY KEY,
    delivery TEXT NOT NULL UNIQUE,
    facts TEXT NOT NULL,
    content BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    code TEXT,
    reason TEXT,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX handed_waiting ON handed (number) WHERE state = 'waiting';
CREATE TABLE reply (
    id TEXT PRIMARY KEY,
    delivery TEXT NOT NULL,
    content BLOB NOT NULL,
    times INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE refused_reply (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    delivery TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (id, code)
) STRICT;
PRAGMA user_version = 3;
";

/// An order that the back end refused, or one that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadOrder {
    /// The delivery.
    pub delivery: String,
    /// A stable code.
    pub code: String,
    /// Words for a person.
    pub reason: String,
    /// Since when (RFC 3339).
    pub at: String,
}

/// What was recorded of one try to hand over.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// What became of the replies, in their order.
    pub(crate) replies: Vec<ReplyFate>,
    /// The order that was given up.
    pub(crate) given_up: Option<u64>,
}

/// One try to hand over, to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Try {
    pub(crate) fates: Vec<(u64, OrderFate)>,
    pub(crate) replies: Vec<Reply>,
    /// The order that failed by itself, with the reason.
    pub(crate) failed: Option<(u64, HandlerError)>,
}

impl Inbox {
    /// The first orders that wait for the back end.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn waiting(&self, max: usize) -> Result<Vec<Order>, InboxError> {
        let mut query = self.database.prepare_cached(
            "SELECT number, facts, content FROM handed WHERE state = 'waiting'
             ORDER BY number LIMIT ?1",
        )?;
        let rows = query.query_map([max], |row| {
            let facts: String = row.get(1)?;
            let order: Order = serde_json::from_str(&facts).map_err(|error| {
                let text = rusqlite::types::Type::Text;
                rusqlite::Error::FromSqlConversionFailure(1, text, Box::new(error))
            })?;
            Ok(Order { number: row.get(0)?, content: row.get(2)?, ..order })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many orders wait for the back end.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn count_waiting(&self) -> Result<usize, InboxError> {
        let mut query =
            self.database.prepare_cached("SELECT count(*) FROM handed WHERE state = 'waiting'")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// What the back end refused, or what was given up; the first ones.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn dead_orders(&self, max: usize) -> Result<Vec<DeadOrder>, InboxError> {
        let mut query = self.database.prepare_cached(
            "SELECT delivery, code, reason, at FROM handed WHERE state = 'dead'
             ORDER BY number LIMIT ?1",
        )?;
        let rows = query.query_map([max], |row| {
            let (delivery, code) = (row.get(0)?, row.get(1)?);
            Ok(DeadOrder { delivery, code, reason: row.get(2)?, at: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets a dead order wait again, behind all others; whether there was one.
    ///
    /// # Errors
    /// `inbox-write`: nothing happened.
    pub fn wait_again(&mut self, delivery: &str) -> Result<bool, InboxError> {
        let changed = self.database.execute(
            "UPDATE handed SET state = 'waiting', attempts = 0, code = NULL, reason = NULL,
             number = (SELECT max(number) + 1 FROM handed)
             WHERE delivery = ?1 AND state = 'dead'",
            [delivery],
        )?;
        Ok(changed > 0)
    }

    /// The codes of refused replies, with their ids; the first ones.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn refused_replies(&self, max: usize) -> Result<Vec<(String, String)>, InboxError> {
        let mut query = self
            .database
            .prepare_cached("SELECT id, code FROM refused_reply ORDER BY number LIMIT ?1")?;
        let rows = query.query_map([max], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records what came of handing over, in one transaction.
    pub(crate) fn record_try<S: Seal>(
        &mut self,
        done: &Try,
        seal: &S,
        now: Timestamp,
    ) -> Result<Recorded, InboxError> {
        // We may die before the commit: the same orders are handed over again.
        let transaction =
            self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now.to_string();
        for (number, fate) in &done.fates {
            match fate {
                // The content is with the back end now.
                OrderFate::Done => transaction
                    .prepare_cached(
                        "UPDATE handed SET state = 'done', content = x'', at = ?2 WHERE number = ?1",
                    )?
                    .execute(params![number, now])?,
                OrderFate::Refused(error) => bury(&transaction, *number, error, &now)?,
            };
        }
        let mut given_up = None;
        if let Some((number, error)) = &done.failed {
            let attempts: u32 = transaction
                .prepare_cached(
                    "UPDATE handed SET attempts = attempts + 1 WHERE number = ?1
                     RETURNING attempts",
                )?
                .query_row([number], |row| row.get(0))?;
            if attempts >= ATTEMPTS {
                bury(&transaction, *number, error, &now)?;
                given_up = Some(*number);
            }
        }
        let take = |reply: &Reply| take_reply(&transaction, reply, seal, &now);
        let replies = done.replies.iter().map(take).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(Recorded { replies, given_up })
    }
}

/// Keeps an order for the back end.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    order: &Order,
    now: &str,
) -> Result<(), InboxError> {
    let facts = serde_json::to_string(order)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction
        .prepare_cached(
            "INSERT INTO handed (delivery, facts, content, at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![order.delivery, facts, order.content, now])?;
    Ok(())
}

fn bury(
    transaction: &Transaction<'_>,
    number: u64,
    error: &HandlerError,
    now: &str,
) -> Result<usize, InboxError> {
    Ok(transaction
        .prepare_cached(
            "UPDATE handed SET state = 'dead', code = ?2, reason = ?3, at = ?4 WHERE number = ?1",
        )?
        .execute(params![number, error.code, error.text, now])?)
}

fn take_reply<S: Seal>(
    transaction: &Transaction<'_>,
    reply: &Reply,
    seal: &S,
    now: &str,
) -> Result<ReplyFate, InboxError> {
    let error = match judged(transaction, reply, seal)? {
        Ok(fate) => return Ok(fate),
        Err(error) => error,
    };
    let cut = reply.content.get(..REFUSED_BYTES).unwrap_or(&reply.content);
    transaction
        .prepare_cached(
            "INSERT INTO refused_reply (id, delivery, code, reason, at, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id, code) DO NOTHING",
        )?
        .execute(params![reply.id, reply.delivery, error.code, error.text, now, cut])?;
    Ok(ReplyFate::Refused(error))
}

/// Makes an answer of a reply, or says why not.
fn judged<S: Seal>(
    transaction: &Transaction<'_>,
    reply: &Reply,
    seal: &S,
) -> Result<Result<ReplyFate, HandlerError>, InboxError> {
    let refused = |code: &str, text: String| Ok(Err(HandlerError::new(code, text)));
    if reply.id.is_empty() || reply.id.len() > ID_BYTES || reply.content.len() > ANSWER_BYTES {
        return refused("reply-misfit", "the reply has no usable id or is too long".to_owned());
    }
    let before: Option<(String, Vec<u8>)> = transaction
        .prepare_cached("SELECT delivery, content FROM reply WHERE id = ?1")?
        .query_row([&reply.id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((delivery, content)) = before {
        if delivery != reply.delivery || content != reply.content {
            return refused("reply-conflict", format!("{} said something else before", reply.id));
        }
        transaction
            .prepare_cached("UPDATE reply SET times = times + 1 WHERE id = ?1")?
            .execute([&reply.id])?;
        return Ok(Ok(ReplyFate::Known));
    }
    let Some((facts, traceparent)) = facts(transaction, &reply.delivery)? else {
        let text = format!("no delivery {} was ever handed over", reply.delivery);
        return refused("reply-delivery-unknown", text);
    };
    let answer = match seal.seal(reply, &facts) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    if answer.id.is_empty() || answer.id.len() > ID_BYTES || answer.body.len() > ANSWER_BYTES {
        return refused("reply-misfit", "its answer has no usable id or is too long".to_owned());
    }
    let taken = transaction
        .prepare_cached(
            "INSERT INTO answer (id, delivery, traceparent, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![answer.id, facts.delivery, traceparent, answer.body])?;
    if taken == 0 {
        return refused("reply-conflict", format!("there is another answer {}", answer.id));
    }
    transaction
        .prepare_cached("INSERT INTO reply (id, delivery, content) VALUES (?1, ?2, ?3)")?
        .execute(params![reply.id, reply.delivery, reply.content])?;
    Ok(Ok(ReplyFate::Taken))
}

/// What is known of a delivery that was handed over, and its trace.
fn facts(
    transaction: &Transaction<'_>,
    delivery: &str,
) -> Result<Option<(Facts, Option<String>)>, InboxError> {
    let facts: Option<String> = transaction
        .prepare_cached("SELECT facts FROM handed WHERE delivery = ?1")?
        .query_row([delivery], |row| row.get(0))
        .optional()?;
    let order = facts.and_then(|facts| serde_json::from_str::<Order>(&facts).ok());
    Ok(order.map(|order| {
        let Order { delivery, message, message_type, sender, business_keys, traceparent, .. } =
            order;
        (Facts { delivery, message, message_type, sender, business_keys }, traceparent)
    }))
}

#[cfg(test)]
mod tests;
