//! The process an adapter runs in. In come deliveries of a [`Source`] (AMQP, or the
//! gateway's queue over HTTP), out go effects in the [`Inbox`] and signed answers.
//! Promised: an effect happens once; an answer is sent until it was taken, always the
//! same bytes under the same id; a delivery is acknowledged only when both are done.
//!
//! One turn, and what a death at each point means:
//! 1. receive: the delivery is not acknowledged, it comes again
//! 2. take in: mark, effect and answers in one transaction. Before the commit nothing
//!    happened; after it the delivery comes again, is known, and goes on with 3
//! 3. send answers: not recorded as sent, they are sent again, the same
//! 4. record them as sent: the delivery comes again, is known, nothing is left to send
//! 5. acknowledge: done; if that is lost, the same as after 4
//!
//! Every turn begins with the answers an earlier one left: recovery is the normal path.
//! With a back end the effect is an order for it, and [`Handover`] goes on from there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::backend::{Backend, NewOrder};
use crate::backoff::Pauses;
use crate::inbox::{AnswerFate, Inbox, InboxError, TakenIn};
use crate::status::{Link, count};

use shared::Shared;

pub use amqp::{AmqpSource, Taken};
pub use breaker::OPEN_AFTER;
pub use counted::{RunnerSnapshot, RunnerStatus};
pub use handover::{ATTEMPTS, Handover, HandoverSnapshot, HandoverStatus, Pace, Seal};
pub use http::HttpSource;
pub use source::{Source, SourceError};

mod amqp;
mod breaker;
mod counted;
mod handover;
mod http;
mod shared;
mod source;

/// Deliveries taken in together: one transaction for all of them.
pub const BATCH: usize = 64;
/// Orders that may wait for the back end; with more, no deliveries are taken.
pub const WAITING_MAX: usize = 1000;
/// How long a source may wait for a first delivery.
const WAIT: Duration = Duration::from_secs(20);
/// The same with a back end, whose replies are to be sent.
const WAIT_WITH_BACKEND: Duration = Duration::from_millis(500);
/// How long a stop waits for the turn at work.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What a department gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The same every time it comes.
    pub id: String,
    /// Such as `CEB311Message`.
    pub message_type: String,
    /// The participant who sent it.
    pub sender: String,
    /// The message's id (a UUID).
    pub message: String,
    /// The documents that are meant for this department.
    pub documents: Vec<u32>,
    /// The keys whose order is kept.
    pub order_keys: Vec<String>,
    /// When the gateway received it (RFC 3339).
    pub received: String,
    /// Rises in the order of the queue.
    pub sequence: u64,
    /// It may have come before.
    pub redelivered: bool,
    /// The gateway gives it once more, on the operator's order.
    pub replayed: bool,
    /// The W3C trace context that the sender gave.
    pub traceparent: Option<String>,
    /// The signed bytes as they came.
    pub body: Vec<u8>,
}

/// What a department does about a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// What it recorded, in words or JSON; kept as one row.
    pub effect: String,
    /// Signed answers, in the order in which they are sent.
    pub answers: Vec<OutgoingAnswer>,
    /// What the back end gets, if there is one.
    pub order: Option<NewOrder>,
}

/// What is known of a delivery when its reply comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub delivery: String,
    /// The message's id (a UUID).
    pub message: String,
    /// Such as `CEB311Message`.
    pub message_type: String,
    /// The participant who sent it.
    pub sender: String,
    /// What the documents are known by.
    pub business_keys: Vec<String>,
}

/// A signed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingAnswer {
    /// Unique, and the same whenever it is sent.
    pub id: String,
    /// The signed bytes.
    pub body: Vec<u8>,
}

/// A delivery cannot be handled, now or ever: it goes to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} [{code}]")]
pub struct HandlerError {
    /// A stable code.
    pub code: String,
    /// Words for a person.
    pub text: String,
}

impl HandlerError {
    /// An error from its parts.
    #[must_use]
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> HandlerError {
        HandlerError { code: code.into(), text: text.into() }
    }
}

/// Maps a delivery to what the department does about it. Pure: what it returns is all
/// that happens. It must give the same answer ids when it is called again for the same
/// delivery, since an earlier call may have died before its outcome was written.
pub trait Handler: Send + Sync + 'static {
    /// Handles one delivery.
    ///
    /// # Errors
    /// When the delivery can never be handled.
    fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError>;
}

impl<F> Handler for F
where
    F: Fn(&Delivery) -> Result<Handled, HandlerError> + Send + Sync + 'static,
{
    fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        self(delivery)
    }
}

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Runs a handler over a source.
pub struct Runner<S, H> {
    source: S,
    inbox: Shared,
    handler: Arc<H>,
    clock: Clock,
    /// Wakes the back end's loop, if there is one.
    work: Option<Arc<Notify>>,
    passing: fn(&'static str),
    status: RunnerStatus,
}

/// Why a runner ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// What happened cannot be written down, so nothing may happen.
    #[error("the adapter cannot go on without its inbox")]
    Inbox(#[from] InboxError),
    /// The task that writes the inbox ended.
    #[error("the adapter's writer ended")]
    Writer,
}

impl RunnerError {
    /// A stable name for logs and scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            RunnerError::Inbox(error) => error.code(),
            RunnerError::Writer => "runner-writer",
        }
    }

    /// What happened and what to do, in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            RunnerError::Inbox(error) => error.en(),
            RunnerError::Writer => format!("{self}; start the adapter again, nothing is lost"),
        }
    }

    /// What happened and what to do, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            RunnerError::Inbox(error) => error.zh(),
            RunnerError::Writer => "适配器写入任务已结束；请重新启动，数据不会丢失".to_owned(),
        }
    }
}

/// Why a turn ended early.
enum Broken {
    /// The other side is away: tried again.
    Source(SourceError),
    Runner(RunnerError),
}

impl From<SourceError> for Broken {
    fn from(error: SourceError) -> Broken {
        Broken::Source(error)
    }
}

impl<S: Source, H: Handler> Runner<S, H> {
    /// A runner; it does nothing before [`Runner::run`].
    #[must_use]
    pub fn new(source: S, inbox: Inbox, handler: H, clock: Clock) -> Runner<S, H> {
        Runner {
            source,
            inbox: Shared::new(inbox),
            handler: Arc::new(handler),
            clock,
            work: None,
            passing: |_| {},
            status: RunnerStatus::default(),
        }
    }

    /// Calls `passing` at each named place where a test may let the process die.
    #[must_use]
    pub fn passing(mut self, passing: fn(&'static str)) -> Runner<S, H> {
        self.passing = passing;
        self
    }

    /// With a back end behind it; what comes back must run beside this.
    pub fn backend<B: Backend, L: Seal>(
        &mut self,
        backend: B,
        seal: L,
        pace: Pace,
    ) -> Handover<B, L> {
        let work = Arc::clone(self.work.get_or_insert_default());
        Handover {
            backend,
            seal: Arc::new(seal),
            inbox: self.inbox.clone(),
            clock: Arc::clone(&self.clock),
            pace,
            work,
            passing: self.passing,
            status: HandoverStatus::default(),
        }
    }

    /// What it is doing, readable at any time.
    #[must_use]
    pub fn status(&self) -> RunnerStatus {
        self.status.clone()
    }

    /// Works until `stop` is cancelled; the turn at work is finished, within
    /// [`DRAIN_TIMEOUT`]. A source that is away is tried again for ever.
    ///
    /// # Errors
    /// When the inbox cannot be used.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RunnerError> {
        let mut pauses = Pauses::reconnect();
        while !stop.is_cancelled() {
            match self.turn(&stop).await {
                Ok(()) => {
                    if self.status.link.get().0 != Link::Connected {
                        self.status.link.connected();
                    }
                    pauses.reset();
                }
                Err(Broken::Runner(error)) => return Err(error),
                Err(Broken::Source(error)) => {
                    let pause = pauses.next();
                    warn!(code = error.code, error = error.text, ?pause, "away, tried again");
                    self.status.link.lost(error.code, error.text);
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
        self.source.close().await;
        Ok(())
    }

    async fn turn(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        let wait = if self.work.is_some() { WAIT_WITH_BACKEND } else { WAIT };
        let received = async {
            self.send_answers().await?;
            if self.is_full().await? {
                // The queue keeps the rest until the back end has had some.
                sleep(wait).await;
                return Ok(Vec::new());
            }
            Ok::<_, Broken>(self.source.receive(BATCH, wait).await?)
        };
        let batch = tokio::select! {
            batch = received => batch?,
            () = stop.cancelled() => return Ok(()),
        };
        let drained = async {
            stop.cancelled().await;
            sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            done = self.process(batch) => done,
            () = drained => Ok(()),
        }
    }

    async fn process(&mut self, batch: Vec<(Delivery, S::Ticket)>) -> Result<(), Broken> {
        if batch.is_empty() {
            return Ok(());
        }
        let (deliveries, tickets): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let taken = self.take_in(deliveries).await?;
        // Dying here: the deliveries come again, are known, and have no second effect.
        (self.passing)("adapter.handled");
        self.send_answers().await?;
        // Dying here: they come again, and no answer is left to send.
        (self.passing)("adapter.answered");
        let mut done = Vec::with_capacity(tickets.len());
        for (ticket, taken) in tickets.into_iter().zip(taken) {
            match taken {
                TakenIn::Handled | TakenIn::Known { .. } => done.push(ticket),
                TakenIn::Rejected(error) => self.source.reject(ticket, &error).await?,
            }
        }
        if !done.is_empty() {
            let acked = self.source.ack(done).await?;
            self.status.counters.acked.fetch_add(acked as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether more orders wait for the back end than may.
    async fn is_full(&self) -> Result<bool, Broken> {
        match self.work {
            Some(_) => Ok(self.with_inbox(|inbox| inbox.count_waiting()).await? >= WAITING_MAX),
            None => Ok(false),
        }
    }

    async fn take_in(&mut self, deliveries: Vec<Delivery>) -> Result<Vec<TakenIn>, Broken> {
        let (handler, now) = (Arc::clone(&self.handler), (self.clock)());
        let (deliveries, taken) = self
            .with_inbox(move |inbox| {
                let taken = inbox.take_in(&deliveries, &*handler, now)?;
                Ok((deliveries, taken))
            })
            .await?;
        for (delivery, taken) in deliveries.iter().zip(&taken) {
            self.tell(delivery, taken);
        }
        if let Some(work) = &self.work {
            work.notify_one();
        }
        Ok(taken)
    }

    /// One log line and the counts for one delivery.
    fn tell(&self, delivery: &Delivery, taken: &TakenIn) {
        let Delivery { id, message_type, sender, sequence, replayed, traceparent, .. } = delivery;
        let counters = &self.status.counters;
        count(&counters.received);
        match taken {
            TakenIn::Handled => {
                count(&counters.effects);
                debug!(delivery = id, message_type, sender, sequence, traceparent, "handled");
            }
            TakenIn::Known { redeliveries } => {
                count(&counters.redelivered);
                info!(
                    delivery = id,
                    message_type,
                    redeliveries,
                    replayed,
                    traceparent,
                    "redelivered, not done again"
                );
            }
            TakenIn::Rejected(HandlerError { code, text }) => {
                count(&counters.rejected);
                warn!(
                    delivery = id,
                    message_type, sender, code, text, traceparent, "cannot be handled"
                );
            }
        }
    }

    /// Sends what nobody took so far: of this turn, of earlier ones, of earlier runs.
    async fn send_answers(&mut self) -> Result<(), Broken> {
        loop {
            let unsent = self.with_inbox(|inbox| inbox.unsent(BATCH)).await?;
            if unsent.is_empty() {
                return Ok(());
            }
            let (fates, error) = self.source.answer(&unsent).await;
            for (number, fate) in &fates {
                match fate {
                    AnswerFate::Sent => count(&self.status.counters.answers_sent),
                    AnswerFate::Refused(reason) => {
                        count(&self.status.counters.answers_refused);
                        let id = unsent.iter().find(|a| a.number == *number).map(|a| &a.id);
                        warn!(answer = id, reason, "an answer is refused for good");
                    }
                }
            }
            if !fates.is_empty() {
                self.with_inbox(move |inbox| inbox.record(&fates)).await?;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
        }
    }

    /// Uses the inbox on a thread that may block.
    async fn with_inbox<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inbox) -> Result<T, InboxError> + Send + 'static,
    ) -> Result<T, Broken> {
        self.inbox.with(work).await.map_err(Broken::Runner)
    }
}

#[cfg(test)]
mod tests;
