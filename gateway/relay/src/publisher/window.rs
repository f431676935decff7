//! Which row of a lane may be published next. In come rows in the order of the outbox
//! and what became of them; out come rows to publish and sequence numbers to record.
//! Promised: at most one unconfirmed row per order key, and no row overtakes an
//! earlier one that shares a key; bounded in rows and bytes. Pure: time is passed in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::outbox::{OutboxRow, Take};
use crate::backoff::Pauses;

/// Rows a lane keeps in memory: enough to fill the confirm window while it is read on.
pub(super) const HELD_ROWS: usize = 512;
/// Bytes of bodies a lane keeps in memory, not counting the last row read.
pub(super) const HELD_BYTES: usize = 32 * 1024 * 1024;

/// The rows of one lane between the outbox and the confirm.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// By sequence number, that is in the order of the outbox.
    rows: BTreeMap<u64, Held>,
    /// Per order key the rows that are not confirmed; the first one has its turn.
    queues: HashMap<String, VecDeque<u64>>,
    /// Rows whose turn it is at all their keys.
    ready: BTreeSet<u64>,
    /// Rows whose turn it is, after a failure, at that time.
    resting: BTreeSet<(Instant, u64)>,
    /// Confirmed by the broker, not yet recorded in the outbox.
    confirmed: Vec<u64>,
    /// Being recorded.
    recording: Vec<u64>,
    in_flight: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    row: Arc<OutboxRow>,
    state: State,
    attempts: u64,
    pauses: Pauses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In `ready`, in `resting`, or behind another row of the same key.
    Waiting,
    InFlight,
    /// In `confirmed`, or on its way into the outbox.
    Confirmed,
    /// The broker would end the channel over it: not tried again by this process. It keeps
    /// its turn, so that nothing of its keys overtakes it.
    Barred,
}

impl Window {
    /// How much may be read from the outbox, or `None` while there is enough.
    pub(super) fn room(&self) -> Option<Take> {
        let (rows, bytes) = (self.rows.len(), self.bytes);
        // Read on when half is gone: one read for many rows.
        (rows <= HELD_ROWS / 2 && bytes < HELD_BYTES)
            .then(|| Take { rows: HELD_ROWS - rows, bytes: HELD_BYTES - bytes })
    }

    /// The sequence number after which to read. From the beginning when nothing is
    /// held, so that a row that became pending again is found.
    pub(super) fn after(&self) -> u64 {
        self.rows.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// Takes rows in. What is held already is left as it is.
    pub(super) fn add(&mut self, rows: Vec<OutboxRow>) {
        for row in rows {
            let seq = row.seq;
            if self.rows.contains_key(&seq) {
                continue;
            }
            for key in &row.order_keys {
                let queue = self.queues.entry(key.clone()).or_default();
                // A key may be named twice in one row.
                if queue.back() != Some(&seq) {
                    queue.push_back(seq);
                }
            }
            self.bytes += row.body.len();
            let (row, pauses) = (Arc::new(row), Pauses::retry());
            self.rows.insert(seq, Held { row, state: State::Waiting, attempts: 0, pauses });
            self.offer(seq);
        }
    }

    /// The next row to publish, which is in flight from now on, and whether it has
    /// been published before.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Arc<OutboxRow>, bool)> {
        while let Some((due, seq)) = self.resting.first().copied() {
            if due > now {
                break;
            }
            self.resting.remove(&(due, seq));
            self.ready.insert(seq);
        }
        let held = self.rows.get_mut(&self.ready.pop_first()?)?;
        held.state = State::InFlight;
        held.attempts += 1;
        self.in_flight += 1;
        Some((Arc::clone(&held.row), held.attempts > 1))
    }

    /// When the first resting row is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.resting.first().map(|(due, _)| *due)
    }

    /// The broker has it. Its keys are free for the next row.
    pub(super) fn confirmed(&mut self, seq: u64) {
        let Some(held) = self.rows.get_mut(&seq) else { return };
        held.state = State::Confirmed;
        self.in_flight -= 1;
        self.confirmed.push(seq);
        let row = Arc::clone(&held.row);
        for key in &row.order_keys {
            let Some(queue) = self.queues.get_mut(key) else { continue };
            if queue.front() == Some(&seq) {
                queue.pop_front();
            }
            match queue.front().copied() {
                Some(next) => self.offer(next),
                None => {
                    self.queues.remove(key);
                }
            }
        }
    }

    /// The broker does not have it. It keeps its turn and rests before the next try.
    pub(super) fn failed(&mut self, seq: u64, now: Instant) {
        let Some(held) = self.rows.get_mut(&seq) else { return };
        held.state = State::Waiting;
        self.in_flight -= 1;
        self.resting.insert((now + held.pauses.next(), seq));
    }

    /// The queue takes nothing now: the row keeps its turn and may be tried when the lane is.
    pub(super) fn refused(&mut self, seq: u64) {
        let Some(held) = self.rows.get_mut(&seq) else { return };
        held.state = State::Waiting;
        self.in_flight -= 1;
        self.ready.insert(seq);
    }

    /// The broker takes no message of `bytes` and ended the channel: bars the row in flight
    /// that has so many, or else the longest one. Gives its number.
    pub(super) fn bar(&mut self, bytes: usize) -> Option<u64> {
        let in_flight = self.rows.iter_mut().filter(|(_, held)| held.state == State::InFlight);
        let (seq, held) = in_flight.max_by_key(|(_, held)| {
            let length = held.row.body.len();
            (length == bytes, length)
        })?;
        held.state = State::Barred;
        self.in_flight -= 1;
        Some(*seq)
    }

    /// The connection is gone: whether the broker has what was in flight is unknown,
    /// so it is published again, under the same id, before anything behind it. What was
    /// being recorded is recorded again.
    pub(super) fn lost(&mut self) {
        self.not_recorded();
        for (seq, held) in &mut self.rows {
            if held.state == State::InFlight {
                held.state = State::Waiting;
                self.ready.insert(*seq);
            }
        }
        self.in_flight = 0;
    }

    /// What the outbox must be told. The rows stay held until [`Window::recorded`].
    pub(super) fn take_confirmed(&mut self) -> Vec<u64> {
        self.recording.append(&mut self.confirmed);
        self.recording.clone()
    }

    /// The outbox knows what was taken: the rows are forgotten.
    pub(super) fn recorded(&mut self) {
        for seq in self.recording.drain(..) {
            if let Some(held) = self.rows.remove(&seq) {
                self.bytes -= held.row.body.len();
            }
        }
    }

    /// The outbox did not take it: it is told again later.
    pub(super) fn not_recorded(&mut self) {
        self.confirmed.append(&mut self.recording);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn held(&self) -> usize {
        self.rows.len()
    }

    /// Whether something is confirmed and not recorded.
    pub(super) fn owes_a_record(&self) -> bool {
        !self.confirmed.is_empty()
    }

    /// Makes a row ready if it waits and has its turn at all its keys.
    fn offer(&mut self, seq: u64) {
        let Some(held) = self.rows.get(&seq) else { return };
        let first =
            |key: &String| self.queues.get(key).is_none_or(|queue| queue.front() == Some(&seq));
        if held.state == State::Waiting && held.row.order_keys.iter().all(first) {
            self.ready.insert(seq);
        }
    }
}

#[cfg(test)]
mod tests;
