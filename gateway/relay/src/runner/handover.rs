//! The loop between an adapter's inbox and its back end. In come orders that wait and
//! replies that are there, out go fates and answers, recorded in the inbox. Promised: an
//! order is handed over until the back end has it or refuses it, in the order of the queue;
//! a reply becomes one answer; a back end that is away is left alone for longer and longer.
//!
//! What a death at each point means:
//! 1. hand over: not recorded, the same orders are handed over again under the same ids
//! 2. record fates and the replies that came with them, in one transaction
//! 3. collect and record replies: not settled, they come again and are known
//! 4. settle: done; if that is lost, the same as after 3

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::breaker::{Breaker, Rate};
use super::shared::Shared;
use super::{BATCH, Clock, Facts, HandlerError, OutgoingAnswer, RunnerError};
use crate::backend::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::inbox::{Recorded, Try};
use crate::status::{Link, LinkState, count, read};

/// Tries of an order that fails by itself while the back end works; then it is given up.
pub const ATTEMPTS: u32 = 20;
/// How much longer than its own limit one call of the back end may take.
const SLACK: Duration = Duration::from_secs(5);

/// Makes a signed answer of a reply. Pure, as [`super::Handler`] is.
pub trait Seal: Send + Sync + 'static {
    /// Seals one reply.
    ///
    /// # Errors
    /// When the reply can never be an answer to that delivery.
    fn seal(&self, reply: &Reply, facts: &Facts) -> Result<OutgoingAnswer, HandlerError>;
}

impl<F> Seal for F
where
    F: Fn(&Reply, &Facts) -> Result<OutgoingAnswer, HandlerError> + Send + Sync + 'static,
{
    fn seal(&self, reply: &Reply, facts: &Facts) -> Result<OutgoingAnswer, HandlerError> {
        self(reply, facts)
    }
}

/// How a back end is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Orders a second, at most.
    pub a_second: Option<NonZeroU32>,
    /// Between two looks for replies.
    pub poll: Duration,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { a_second: None, poll: Duration::from_secs(1), timeout: Duration::from_secs(30) }
    }
}

/// The back end's side of a runner; it works beside it, on the same inbox.
pub struct Handover<B, S> {
    pub(super) backend: B,
    pub(super) seal: Arc<S>,
    pub(super) inbox: Shared,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) work: Arc<Notify>,
    pub(super) passing: fn(&'static str),
    pub(super) status: HandoverStatus,
}

/// The state of a handover; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct HandoverStatus {
    link: Arc<LinkState>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    done: AtomicU64,
    refused: AtomicU64,
    given_up: AtomicU64,
    failures: AtomicU64,
    open: AtomicU64,
    waiting: AtomicU64,
    replies: AtomicU64,
    replies_known: AtomicU64,
    replies_refused: AtomicU64,
}

/// A handover at one moment. Counters count since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverSnapshot {
    /// The connection to the back end.
    pub link: Link,
    /// Whether the circuit breaker is open.
    pub open: bool,
    /// Orders that waited when it looked last.
    pub waiting: u64,
    /// Code and words of the last error, if there was one.
    pub last_error: Option<(&'static str, String)>,
    /// Orders the back end took.
    pub done: u64,
    /// Orders it refused.
    pub refused: u64,
    /// Orders that were given up.
    pub given_up: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Replies that became answers.
    pub replies: u64,
    /// Replies that had come before.
    pub replies_known: u64,
    /// Replies that never will be answers.
    pub replies_refused: u64,
}

impl HandoverStatus {
    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> HandoverSnapshot {
        let counters = &self.counters;
        HandoverSnapshot {
            link: self.link.get().0,
            open: read(&counters.open) == 1,
            waiting: read(&counters.waiting),
            last_error: self.link.lock().last_error.clone(),
            done: read(&counters.done),
            refused: read(&counters.refused),
            given_up: read(&counters.given_up),
            failures: read(&counters.failures),
            replies: read(&counters.replies),
            replies_known: read(&counters.replies_known),
            replies_refused: read(&counters.replies_refused),
        }
    }
}

impl<B: Backend, S: Seal> Handover<B, S> {
    /// What it is doing, readable at any time.
    #[must_use]
    pub fn status(&self) -> HandoverStatus {
        self.status.clone()
    }

    /// Works until `stop` is cancelled; what is being handed over is finished and recorded,
    /// within the time of one call.
    ///
    /// # Errors
    /// When the inbox cannot be used.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RunnerError> {
        let (mut breaker, rate) = (Breaker::new(), Rate::new(self.pace.a_second));
        while !stop.is_cancelled() {
            let mut pause = self.pace.poll;
            match breaker.wait(Instant::now()) {
                Some(left) => pause = left,
                None => match self.turn(&rate, breaker.is_open()).await? {
                    Turn::Worked(wait) => {
                        breaker.worked();
                        self.reachable();
                        pause = wait.map_or(pause, |wait| wait.min(pause));
                    }
                    Turn::Failed(error) => {
                        pause = breaker.failed(Instant::now());
                        self.failed(&error, breaker.is_open(), pause);
                    }
                },
            }
            let waits = breaker.wait(Instant::now()).is_some();
            tokio::select! {
                () = sleep(pause) => {}
                () = self.work.notified(), if !waits => {}
                () = stop.cancelled() => {}
            }
        }
        self.backend.close().await;
        Ok(())
    }

    /// One round: some orders out, some replies in.
    async fn turn(&mut self, rate: &Rate, probing: bool) -> Result<Turn, RunnerError> {
        let most = if probing { 1 } else { B::BATCH };
        let found =
            self.inbox.with(move |inbox| Ok((inbox.waiting(most)?, inbox.count_waiting()?)));
        let (mut orders, waiting) = found.await?;
        self.status.counters.waiting.store(waiting as u64, Ordering::Relaxed);
        let mut wait = None;
        if !orders.is_empty() {
            match rate.take(orders.len()) {
                Ok(allowed) => {
                    orders.truncate(allowed);
                    if let Some(error) = self.hand_over(orders).await? {
                        return Ok(Turn::Failed(error));
                    }
                    // There may be more.
                    wait = Some(Duration::ZERO);
                }
                Err(until) => wait = Some(until),
            }
        }
        match self.collect().await? {
            Ok(0) => {}
            Ok(_) => wait = Some(Duration::ZERO),
            Err(error) => return Ok(Turn::Failed(error)),
        }
        Ok(Turn::Worked(wait))
    }

    /// Gives the reason when not all could be handed over.
    async fn hand_over(&mut self, orders: Vec<Order>) -> Result<Option<BackendError>, RunnerError> {
        let limit = self.pace.timeout + SLACK;
        let Given { fates, replies, error } =
            match timeout(limit, self.backend.hand_over(&orders)).await {
                Ok(given) => given,
                Err(_) => Given::nothing(too_slow()),
            };
        // Dying here: what the back end has is handed over again, under the same ids.
        (self.passing)("backend.given");
        let failed = error.as_ref().and_then(|error| {
            Some((error.about?, HandlerError::new(error.code, error.text.clone())))
        });
        let counters = Arc::clone(&self.status.counters);
        for (number, fate) in &fates {
            match fate {
                OrderFate::Done => count(&counters.done),
                OrderFate::Refused(HandlerError { code, text }) => {
                    count(&counters.refused);
                    let delivery = delivery(&orders, *number);
                    warn!(delivery, code, text, "the back end refuses an order for good");
                }
            }
        }
        let recorded = self.record(Try { fates, replies, failed }).await?;
        if let Some(number) = recorded.given_up {
            count(&counters.given_up);
            let delivery = delivery(&orders, number);
            warn!(delivery, attempts = ATTEMPTS, "an order is given up");
        }
        Ok(error)
    }

    /// Takes replies; gives how many there were.
    async fn collect(&mut self) -> Result<Result<usize, BackendError>, RunnerError> {
        let limit = self.pace.timeout + SLACK;
        let collected = match timeout(limit, self.backend.collect(BATCH)).await {
            Ok(Ok(collected)) => collected,
            Ok(Err(error)) => return Ok(Err(error)),
            Err(_) => return Ok(Err(too_slow())),
        };
        if collected.is_empty() {
            return Ok(Ok(0));
        }
        let (replies, tickets): (Vec<_>, Vec<_>) = collected.into_iter().unzip();
        let recorded = self.record(Try { replies, ..Try::default() }).await?;
        // Dying here: the replies come again, and are known.
        (self.passing)("backend.replied");
        let found = tickets.len();
        let settled = tickets.into_iter().zip(recorded.replies).collect();
        Ok(match timeout(limit, self.backend.settle(settled)).await {
            Ok(settled) => settled.map(|()| found),
            Err(_) => Err(too_slow()),
        })
    }

    async fn record(&self, done: Try) -> Result<Recorded, RunnerError> {
        let (seal, now) = (Arc::clone(&self.seal), (self.clock)());
        let (done, recorded) = self
            .inbox
            .with(move |inbox| {
                let recorded = inbox.record_try(&done, &*seal, now)?;
                Ok((done, recorded))
            })
            .await?;
        let counters = &self.status.counters;
        for (Reply { id, delivery, .. }, fate) in done.replies.iter().zip(&recorded.replies) {
            match fate {
                ReplyFate::Taken => count(&counters.replies),
                ReplyFate::Known => count(&counters.replies_known),
                ReplyFate::Refused(HandlerError { code, text }) => {
                    count(&counters.replies_refused);
                    warn!(reply = id, delivery, code, text, "a reply cannot be an answer");
                }
            }
        }
        Ok(recorded)
    }

    fn reachable(&self) {
        self.status.counters.open.store(0, Ordering::Relaxed);
        if self.status.link.get().0 != Link::Connected {
            self.status.link.connected();
            info!("the back end is there");
        }
    }

    fn failed(&self, error: &BackendError, open: bool, pause: Duration) {
        count(&self.status.counters.failures);
        self.status.counters.open.store(u64::from(open), Ordering::Relaxed);
        let BackendError { code, text, .. } = error;
        warn!(code, error = text, open, ?pause, "the back end failed, tried again");
        self.status.link.lost(code, text.clone());
    }
}

/// What came of a round.
enum Turn {
    /// How long there is nothing to do, when that is known.
    Worked(Option<Duration>),
    Failed(BackendError),
}

fn too_slow() -> BackendError {
    BackendError::away("backend-timeout", "the back end did not answer in time")
}

fn delivery(orders: &[Order], number: u64) -> Option<&str> {
    let order = orders.iter().find(|order| order.number == number)?;
    Some(&order.delivery)
}

#[cfg(test)]
mod tests;
