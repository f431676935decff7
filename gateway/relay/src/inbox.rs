//! What an adapter has done, durably. In come deliveries and a handler; out go, in one
//! transaction, the mark that a delivery is handled, its effect and its answers.
//! Promised: an effect is written exactly once per delivery, however often it comes;
//! answers stay here until somebody took them, byte for byte the same.
//!
//! SQLite, write-ahead log, `synchronous=FULL`: what is committed survives a power
//! failure (<https://www.sqlite.org/pragma.html#pragma_synchronous>).

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::backend::Order;
use crate::runner::{Delivery, Handled, Handler, HandlerError};

pub use orders::DeadOrder;
pub(crate) use orders::{Recorded, Try};

mod orders;

/// Answers one delivery may have.
pub const ANSWERS_PER_DELIVERY: usize = 256;
/// Bytes of one answer.
pub const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of the text of an effect.
pub const EFFECT_BYTES: usize = 1024 * 1024;
/// Bytes of a delivery's or an answer's id (what AMQP can carry).
pub const ID_BYTES: usize = 255;
/// How long to wait while another process writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The layout below; a higher number is a newer program's file.
const VERSION: i64 = 3;

/// `effect` has no unique constraint on purpose: an effect done twice must show as two
/// rows, not as an error somebody could swallow.
const TABLES: &str = "
CREATE TABLE inbox (
    delivery TEXT PRIMARY KEY,
    message TEXT NOT NULL,
    type TEXT NOT NULL,
    sender TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    handled_at TEXT NOT NULL,
    redeliveries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE effect (
    id INTEGER PRIMARY KEY,
    delivery TEXT NOT NULL,
    effect TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE answer (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    delivery TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'unsent' CHECK (state IN ('unsent', 'sent', 'refused')),
    reason TEXT
) STRICT;
CREATE INDEX answer_unsent ON answer (number) WHERE state = 'unsent';
CREATE TABLE rejected (
    delivery TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    times INTEGER NOT NULL DEFAULT 1
) STRICT;
";
/// What came with layout 2.
const TRACES: &str = "
ALTER TABLE answer ADD COLUMN traceparent TEXT;
PRAGMA user_version = 2;
";

/// The inbox of one adapter.
#[derive(Debug)]
pub struct Inbox {
    database: Connection,
}

/// One effect, as the department recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectRow {
    /// The delivery it belongs to.
    pub delivery: String,
    /// What the handler said it was.
    pub effect: String,
    /// When (RFC 3339).
    pub at: String,
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// Deliveries handled.
    pub handled: u64,
    /// Rows of effects; equal to `handled` unless something is wrong.
    pub effects: u64,
    /// How often a handled delivery came again.
    pub redeliveries: u64,
    /// Answers nobody took so far.
    pub answers_unsent: u64,
    /// Answers taken.
    pub answers_sent: u64,
    /// Answers refused for good.
    pub answers_refused: u64,
    /// Deliveries the handler could not handle.
    pub rejected: u64,
    /// Orders that wait for the back end.
    pub orders_waiting: u64,
    /// Orders the back end has.
    pub orders_done: u64,
    /// Orders the back end refused, or that were given up.
    pub orders_dead: u64,
    /// Replies that became answers.
    pub replies: u64,
    /// Replies that never will.
    pub replies_refused: u64,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenIn {
    /// Handled now: effect and answers are written.
    Handled,
    /// Handled before; how often it has come again so far, this time included.
    Known {
        /// 1 for the first redelivery.
        redeliveries: u64,
    },
    /// It cannot be handled, now or ever.
    Rejected(HandlerError),
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The inbox's own number; rises in the order of the answers.
    pub number: u64,
    /// The answer's id.
    pub id: String,
    /// The delivery it answers.
    pub delivery: String,
    /// The W3C trace context that came with the delivery.
    pub traceparent: Option<String>,
    /// The signed bytes.
    pub body: Vec<u8>,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerFate {
    /// The other side has it.
    Sent,
    /// The other side will never take it; the reason.
    Refused(String),
}

impl Inbox {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `inbox-open`: no such folder, no right to write, not a database.
    /// `inbox-version`: the file belongs to another version.
    pub fn open(path: &Path) -> Result<Inbox, InboxError> {
        let shown = path.display().to_string();
        let failed = |source| InboxError::Open { path: shown.clone(), source };
        let mut database = Connection::open(path).map_err(failed)?;
        database.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        database.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        database.pragma_update(None, "synchronous", "full").map_err(failed)?;
        let transaction =
            database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let version: i64 = transaction
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(failed)?;
        match version {
            0 => {
                transaction.execute_batch(TABLES).map_err(failed)?;
                transaction.execute_batch(TRACES).map_err(failed)?;
            }
            1 => transaction.execute_batch(TRACES).map_err(failed)?,
            2 | VERSION => {}
            found => return Err(InboxError::Version { path: shown, found }),
        }
        if version < VERSION {
            transaction.execute_batch(orders::TABLES).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(Inbox { database })
    }

    /// Takes deliveries in, in one transaction. Each one that is new is handled, and
    /// its effect and answers are written; one that is known is counted.
    ///
    /// # Errors
    /// `inbox-write`: nothing of it happened.
    pub fn take_in<H: Handler>(
        &mut self,
        deliveries: &[Delivery],
        handler: &H,
        now: Timestamp,
    ) -> Result<Vec<TakenIn>, InboxError> {
        // We may die before the commit: nothing is written, the deliveries come again
        // and are handled then. After it: they come again and are known.
        let transaction =
            self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now.to_string();
        let one = |delivery| take_in_one(&transaction, delivery, handler, &now);
        let taken = deliveries.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        transaction.commit()?;
        Ok(taken)
    }

    /// The first answers nobody took, in order.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn unsent(&self, max: usize) -> Result<Vec<StoredAnswer>, InboxError> {
        let mut query = self.database.prepare_cached(
            "SELECT number, id, delivery, traceparent, body FROM answer WHERE state = 'unsent'
             ORDER BY number LIMIT ?1",
        )?;
        let rows = query.query_map([max], |row| {
            Ok(StoredAnswer {
                number: row.get(0)?,
                id: row.get(1)?,
                delivery: row.get(2)?,
                traceparent: row.get(3)?,
                body: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records what became of answers, by their numbers.
    ///
    /// # Errors
    /// `inbox-write`: nothing of it happened.
    pub fn record(&mut self, fates: &[(u64, AnswerFate)]) -> Result<(), InboxError> {
        let transaction =
            self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut update = transaction
                .prepare_cached("UPDATE answer SET state = ?2, reason = ?3 WHERE number = ?1")?;
            for (number, fate) in fates {
                let (state, reason) = match fate {
                    AnswerFate::Sent => ("sent", None),
                    AnswerFate::Refused(reason) => ("refused", Some(reason)),
                };
                update.execute(params![number, state, reason])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// All effects, in the order in which they happened.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn effects(&self) -> Result<Vec<EffectRow>, InboxError> {
        let mut query =
            self.database.prepare_cached("SELECT delivery, effect, at FROM effect ORDER BY id")?;
        let rows = query.query_map([], |row| {
            Ok(EffectRow { delivery: row.get(0)?, effect: row.get(1)?, at: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How much there is of everything.
    ///
    /// # Errors
    /// `inbox-write`: the database cannot be read.
    pub fn counts(&self) -> Result<InboxCounts, InboxError> {
        let count = |query: &str| self.database.query_row(query, [], |row| row.get(0));
        Ok(InboxCounts {
            handled: count("SELECT count(*) FROM inbox")?,
            effects: count("SELECT count(*) FROM effect")?,
            redeliveries: count("SELECT coalesce(sum(redeliveries), 0) FROM inbox")?,
            answers_unsent: count("SELECT count(*) FROM answer WHERE state = 'unsent'")?,
            answers_sent: count("SELECT count(*) FROM answer WHERE state = 'sent'")?,
            answers_refused: count("SELECT count(*) FROM answer WHERE state = 'refused'")?,
            rejected: count("SELECT count(*) FROM rejected")?,
            orders_waiting: count("SELECT count(*) FROM handed WHERE state = 'waiting'")?,
            orders_done: count("SELECT count(*) FROM handed WHERE state = 'done'")?,
            orders_dead: count("SELECT count(*) FROM handed WHERE state = 'dead'")?,
            replies: count("SELECT count(*) FROM reply")?,
            replies_refused: count("SELECT count(*) FROM refused_reply")?,
        })
    }
}

fn take_in_one<H: Handler>(
    transaction: &Transaction<'_>,
    delivery: &Delivery,
    handler: &H,
    now: &str,
) -> Result<TakenIn, InboxError> {
    let known: Option<u64> = transaction
        .prepare_cached(
            "UPDATE inbox SET redeliveries = redeliveries + 1 WHERE delivery = ?1
             RETURNING redeliveries",
        )?
        .query_row([&delivery.id], |row| row.get(0))
        .optional()?;
    if let Some(redeliveries) = known {
        return Ok(TakenIn::Known { redeliveries });
    }
    let handled = match handle(delivery, handler) {
        Ok(handled) => handled,
        Err(error) => return reject(transaction, delivery, error, now),
    };
    if let Some(error) = misfit(transaction, &handled)? {
        return reject(transaction, delivery, error, now);
    }
    let Delivery { id, message, message_type, sender, .. } = delivery;
    transaction
        .prepare_cached(
            "INSERT INTO inbox (delivery, message, type, sender, sequence, handled_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id, message, message_type, sender, delivery.sequence, now])?;
    transaction
        .prepare_cached("INSERT INTO effect (delivery, effect, at) VALUES (?1, ?2, ?3)")?
        .execute(params![id, handled.effect, now])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO answer (id, delivery, traceparent, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for answer in &handled.answers {
        insert.execute(params![answer.id, id, delivery.traceparent, answer.body])?;
    }
    if let Some(order) = handled.order {
        orders::keep(transaction, &Order::new(delivery, order), now)?;
    }
    Ok(TakenIn::Handled)
}

/// Calls the handler. One that panics over a message would do so every time: the
/// message is rejected like any other that cannot be handled.
fn handle<H: Handler>(delivery: &Delivery, handler: &H) -> Result<Handled, HandlerError> {
    if delivery.id.is_empty() || delivery.id.len() > ID_BYTES {
        return Err(HandlerError::new("delivery-id", "the delivery has no usable id"));
    }
    catch_unwind(AssertUnwindSafe(|| handler.handle(delivery)))
        .unwrap_or_else(|_| Err(HandlerError::new("handler-panicked", "the handler panicked")))
}

/// What is wrong with the outcome of a handler, if anything.
fn misfit(
    transaction: &Transaction<'_>,
    handled: &Handled,
) -> Result<Option<HandlerError>, InboxError> {
    let wrong = |code, text| Ok(Some(HandlerError::new(code, text)));
    if handled.effect.len() > EFFECT_BYTES {
        return wrong("effect-too-long", "the text of the effect is too long");
    }
    if handled.answers.len() > ANSWERS_PER_DELIVERY {
        return wrong("answers-too-many", "one delivery has too many answers");
    }
    let mut ids = HashSet::new();
    let mut known = transaction.prepare_cached("SELECT 1 FROM answer WHERE id = ?1")?;
    for answer in &handled.answers {
        if answer.id.is_empty() || answer.id.len() > ID_BYTES || answer.body.len() > ANSWER_BYTES {
            return wrong("answer-misfit", "an answer has no usable id or is too long");
        }
        if !ids.insert(&answer.id) || known.exists([&answer.id])? {
            return wrong("answer-id-taken", "two answers have the same id");
        }
    }
    Ok(None)
}

fn reject(
    transaction: &Transaction<'_>,
    delivery: &Delivery,
    error: HandlerError,
    now: &str,
) -> Result<TakenIn, InboxError> {
    transaction
        .prepare_cached(
            "INSERT INTO rejected (delivery, code, reason, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (delivery) DO UPDATE SET times = times + 1",
        )?
        .execute(params![delivery.id, error.code, error.text, now])?;
    Ok(TakenIn::Rejected(error))
}

/// Why the inbox cannot be used. Nothing was done: whoever called stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The file cannot be opened.
    #[error("the inbox {path} cannot be opened")]
    Open {
        /// The file.
        path: String,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The file was written by another version.
    #[error("the inbox {path} has layout {found}, expected {VERSION}")]
    Version {
        /// The file.
        path: String,
        /// The number in it.
        found: i64,
    },
    /// The database cannot be read or written.
    #[error("the inbox cannot be read or written")]
    Write(#[from] rusqlite::Error),
}

impl InboxError {
    /// A stable name for logs and scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            InboxError::Open { .. } => "inbox-open",
            InboxError::Version { .. } => "inbox-version",
            InboxError::Write(_) => "inbox-write",
        }
    }

    /// What happened and what to do, in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            InboxError::Open { source, .. } => {
                format!("{self} ({source}); check that the folder exists and may be written")
            }
            InboxError::Version { .. } => {
                format!("{self}; use the program that wrote it, or begin with an empty folder")
            }
            InboxError::Write(source) => format!("{self} ({source}); check disk and rights"),
        }
    }

    /// What happened and what to do, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            InboxError::Open { path, source } => {
                format!("收件库 {path} 无法打开（{source}）；请检查目录是否存在且可写")
            }
            InboxError::Version { path, found } => {
                format!(
                    "收件库 {path} 的版本为 {found}，应为 {VERSION}；请使用写入它的程序或新目录"
                )
            }
            InboxError::Write(source) => {
                format!("收件库无法读写（{source}）；请检查磁盘与权限")
            }
        }
    }
}

#[cfg(test)]
mod tests;
