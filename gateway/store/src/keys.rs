//! Recognising what was sent before: two pure state machines, one per key.
//!
//! In: what the store knows under a key, what arrived, and when. Out: a verdict.
//! No database, no clock. Promise: the tables below are the code, and the tests
//! go through every row of them.
//!
//! # Key 1: zone + sender + message guid
//!
//! | known under the guid | content digest | verdict |
//! |---|---|---|
//! | nothing | any | [`GuidVerdict::Fresh`] |
//! | a message | the same | [`GuidVerdict::Duplicate`]: answer with the original receipt |
//! | a message | another | [`GuidVerdict::Conflict`] |
//!
//! # Key 2: the business key of a document
//!
//! The first row that fits decides. "Held" is a last returnStatus of 2 (port accepted, declaring),
//! 120 (stored by customs), 399 (concluded) or 899 (closed), and also no status at all: a document
//! that we accepted and that nobody answered yet is "declaring", whether or not the department's
//! own 2 has come back. Otherwise a second press of a button would declare twice.
//!
//! | present version | its period is over | appType of the new document | last status | verdict |
//! |---|---|---|---|---|
//! | none | - | any | - | [`KeyVerdict::Take`], version 1, a new period |
//! | some | yes | any | any | `Take`, next version, a new period ([`Why::NewPeriod`]) |
//! | some | no | 2 change, 3 deletion | any | `Take`, next version, same period ([`Why::Marked`]) |
//! | some | no | 1 new, absent, other | held | [`KeyVerdict::AlreadyDeclared`] |
//! | some | no | 1 new, absent, other | not held | `Take`, next version, same period ([`Why::Reopened`]) |
//!
//! Only waybill numbers (and what is said of them) come again: one carrier does not repeat a number within 6 months, counted
//! in calendar months of China Standard Time (UTC+8) from the first version of the period. The
//! period is over from the same time of day 6 months later on (of the last day of that month where
//! it is shorter).

use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use onepoint_proof::Hash;

use crate::model::{KeyState, SeenMessage};

/// Statuses under which a document holds its key: declaring, stored, concluded, closed.
pub const HELD_STATUSES: [i64; 4] = [2, 120, 399, 899];
/// The appType that marks a change.
pub const CHANGE: u8 = 2;
/// The appType that marks a deletion.
pub const DELETION: u8 = 3;
/// The kind of business key that may come again after [`WAYBILL_MONTHS`].
pub const WAYBILL: &str = "waybill";
/// The kind of the key of what is said of a waybill: it comes again with the number.
pub const WAYBILL_STATUS: &str = "waybill-status";
/// Months for which a waybill number is not repeated.
pub const WAYBILL_MONTHS: i64 = 6;

/// Verdict on a message guid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuidVerdict {
    /// Never seen: go on.
    Fresh,
    /// The same content again: answer with the receipt of this message, marked as duplicate.
    Duplicate {
        /// The original message.
        message: String,
    },
    /// The guid with other content: refuse.
    Conflict {
        /// The message that has the guid.
        message: String,
    },
}

/// Judges a message by key 1.
pub fn judge_guid(seen: Option<&SeenMessage>, content_digest: &Hash) -> GuidVerdict {
    match seen {
        None => GuidVerdict::Fresh,
        Some(seen) if seen.content_digest == *content_digest => {
            GuidVerdict::Duplicate { message: seen.id.clone() }
        }
        Some(seen) => GuidVerdict::Conflict { message: seen.id.clone() },
    }
}

/// How long a key stands for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// For ever.
    Unlimited,
    /// For so many calendar months from the first version of the period.
    Months(i64),
}

/// The period of a kind of business key.
pub fn period_of(kind: &str) -> Period {
    match kind {
        WAYBILL | WAYBILL_STATUS => Period::Months(WAYBILL_MONTHS),
        _ => Period::Unlimited,
    }
}

/// Why a document takes its business key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The key is new.
    First,
    /// The key's earlier period is over.
    NewPeriod,
    /// It is marked as change or deletion.
    Marked,
    /// The document that has the key does not hold it: it was rejected or failed.
    Reopened,
}

/// Verdict on a business key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyVerdict {
    /// The document takes the key: store it with these.
    Take {
        /// The number of its version.
        version: u32,
        /// When the period it falls in began.
        period_start_ms: i64,
        /// Why it may.
        why: Why,
    },
    /// Already declared.
    AlreadyDeclared {
        /// The message of the document that holds the key.
        message: String,
        /// The index of that document.
        document: u32,
        /// Its last status.
        last_status: Option<i64>,
    },
}

/// Judges a document by key 2: `app_type` is 1 when the document has none.
pub fn judge_key(
    present: Option<&KeyState>,
    app_type: u8,
    declared_ms: i64,
    period: Period,
) -> KeyVerdict {
    let Some(present) = present else {
        return KeyVerdict::Take { version: 1, period_start_ms: declared_ms, why: Why::First };
    };
    let version = present.version.saturating_add(1);
    if is_over(present.period_start_ms, declared_ms, period) {
        return KeyVerdict::Take { version, period_start_ms: declared_ms, why: Why::NewPeriod };
    }
    let why = if app_type == CHANGE || app_type == DELETION {
        Why::Marked
    } else if is_held(present.last_status) {
        return KeyVerdict::AlreadyDeclared {
            message: present.message.clone(),
            document: present.document,
            last_status: present.last_status,
        };
    } else {
        Why::Reopened
    };
    KeyVerdict::Take { version, period_start_ms: present.period_start_ms, why }
}

/// Whether a document with this last status holds its key.
pub fn is_held(last_status: Option<i64>) -> bool {
    last_status.is_none_or(|status| HELD_STATUSES.contains(&status))
}

fn is_over(start_ms: i64, now_ms: i64, period: Period) -> bool {
    let Period::Months(months) = period else { return false };
    // Times outside of what a calendar holds (years -9999 to 9999) never end a period.
    period_end(start_ms, months).is_some_and(|end_ms| now_ms >= end_ms)
}

fn period_end(start_ms: i64, months: i64) -> Option<i64> {
    let china = Offset::from_seconds(8 * 3600).ok()?;
    let start = Timestamp::from_millisecond(start_ms).ok()?;
    let end = china.to_datetime(start).checked_add(Span::new().try_months(months).ok()?).ok()?;
    Some(china.to_timestamp(end).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests;
