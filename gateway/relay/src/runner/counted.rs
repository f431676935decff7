//! What a runner counts. The loop writes, anybody reads a snapshot at any time.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::status::{Link, LinkState, read};

/// The runner's status; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct RunnerStatus {
    pub(super) link: Arc<LinkState>,
    pub(super) counters: Arc<Counters>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) redelivered: AtomicU64,
    pub(super) effects: AtomicU64,
    pub(super) answers_sent: AtomicU64,
    pub(super) answers_refused: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) acked: AtomicU64,
}

/// The runner at one moment. Counters count since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerSnapshot {
    /// The connection to the source.
    pub link: Link,
    /// For how long it has been in that state.
    pub since: Duration,
    /// Code and words of the last error, if there was one.
    pub last_error: Option<(&'static str, String)>,
    /// Deliveries.
    pub received: u64,
    /// Deliveries that had been handled before.
    pub redelivered: u64,
    /// Effects written.
    pub effects: u64,
    /// Answers taken by the other side.
    pub answers_sent: u64,
    /// Answers the other side will never take.
    pub answers_refused: u64,
    /// Deliveries sent to the dead letters.
    pub rejected: u64,
    /// Deliveries acknowledged.
    pub acked: u64,
}

impl RunnerStatus {
    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> RunnerSnapshot {
        let (link, since) = self.link.get();
        let counters = &self.counters;
        RunnerSnapshot {
            link,
            since,
            last_error: self.link.lock().last_error.clone(),
            received: read(&counters.received),
            redelivered: read(&counters.redelivered),
            effects: read(&counters.effects),
            answers_sent: read(&counters.answers_sent),
            answers_refused: read(&counters.answers_refused),
            rejected: read(&counters.rejected),
            acked: read(&counters.acked),
        }
    }
}
