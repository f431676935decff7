//! How long payloads stay where: the policy, and what one step of following it did.
//!
//! In: durations; out: a checked [`Retention`] for [`crate::Store::retain`]. A payload
//! lies in the journal until its message is closed and old enough, then in a segment of
//! the archive, then nowhere. Messages, facts and receipts stay and verify for ever.
//!
//! # Closed
//!
//! A message is closed when nobody waits for anything of it any more: it was refused, or none of
//! its deliveries is pending and every department has answered at least once; a department that
//! was relayed or delivered to and has not answered for `unanswered_after_ms` is not waited for.
//! An answer that comes later all the same is kept, and moves on in its turn.

use crate::StoreError;
use crate::model::BodyId;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// When payloads move, and when they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long after its receipt a closed message's payloads stay in the journal.
    pub archive_after_ms: i64,
    /// How long a department's answer is waited for.
    pub unanswered_after_ms: i64,
    /// How long after the receipt of the youngest payload in it a segment goes; `None`: never.
    pub erase_after_ms: Option<i64>,
}

impl Retention {
    /// What holds when nothing is configured: archived after 30 days, answers waited for 180
    /// days, nothing ever erased.
    pub const DEFAULT: Retention = Retention {
        archive_after_ms: 30 * DAY_MS,
        unanswered_after_ms: 180 * DAY_MS,
        erase_after_ms: None,
    };

    /// A policy in days.
    pub fn days(archive_after: u32, unanswered_after: u32, erase_after: Option<u32>) -> Retention {
        let ms = |days: u32| i64::from(days).saturating_mul(DAY_MS);
        Retention {
            archive_after_ms: ms(archive_after),
            unanswered_after_ms: ms(unanswered_after),
            erase_after_ms: erase_after.map(ms),
        }
    }

    /// Refuses a policy that would erase what it has not archived.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let invalid = |field, expected: &str, found: i64| {
            Err(StoreError::Invalid { field, expected: expected.into(), found: found.to_string() })
        };
        if self.archive_after_ms < 0 {
            return invalid("archive_after", "not less than nothing", self.archive_after_ms);
        }
        if self.unanswered_after_ms < 0 {
            return invalid("unanswered_after", "not less than nothing", self.unanswered_after_ms);
        }
        match self.erase_after_ms.filter(|erase| *erase < self.archive_after_ms) {
            Some(erase) => invalid("erase_after", "not before archive_after", erase),
            None => Ok(()),
        }
    }
}

/// What [`crate::Store::retain`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// Payloads moved to the archive.
    pub archived: u64,
    /// Segments written.
    pub segments: u64,
    /// Bytes of them.
    pub segment_bytes: u64,
    /// Payloads erased.
    pub erased: u64,
    /// Data keys destroyed.
    pub keys_destroyed: u64,
    /// Files removed that an earlier run had left.
    pub swept: u64,
    /// Payloads that are damaged and therefore were left where they are.
    pub damaged: Vec<BodyId>,
    /// True when there may be more to do: call again.
    pub more: bool,
}

impl Retained {
    /// Adds what a further step did.
    pub fn add(&mut self, step: Retained) {
        self.archived = self.archived.saturating_add(step.archived);
        self.segments = self.segments.saturating_add(step.segments);
        self.segment_bytes = self.segment_bytes.saturating_add(step.segment_bytes);
        self.erased = self.erased.saturating_add(step.erased);
        self.keys_destroyed = self.keys_destroyed.saturating_add(step.keys_destroyed);
        self.swept = self.swept.saturating_add(step.swept);
        self.damaged.extend(step.damaged);
        self.more = step.more;
    }
}

/// What [`crate::Store::rewrap`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrapped {
    /// Data keys that were under another master key.
    pub wrapped: u64,
    /// Data keys there are.
    pub keys: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_erases_before_it_archives_is_refused() {
        Retention::DEFAULT.check().unwrap();
        assert_eq!(Retention::days(30, 180, None), Retention::DEFAULT);
        Retention::days(0, 0, Some(0)).check().unwrap();
        for (policy, field) in [
            (Retention::days(30, 1, Some(29)), "erase_after"),
            (Retention { archive_after_ms: -1, ..Retention::DEFAULT }, "archive_after"),
            (Retention { unanswered_after_ms: -1, ..Retention::DEFAULT }, "unanswered_after"),
        ] {
            let error = policy.check().unwrap_err();
            assert_eq!(error.code(), "store-value-invalid");
            assert!(error.en().contains(field), "{}", error.en());
        }
    }
}
