//! One lane: the rows of one department on one channel. It reads the outbox, keeps the
//! confirm window full, and records what the broker confirmed, all at the same time
//! and in one task. It ends when the channel ends, and goes on with the next one.
//!
//! Where we may die, and what then:
//! - before a publish: the row is pending, it is published by the next process
//! - after a publish, before its confirm: the row is pending, it is published again
//!   under the same id; whoever reads it has an inbox
//! - after the confirm, before the record: the same
//! - after the record: nothing is left to do

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::gate::Gate;
use super::outbox::{Destination, Outbox, OutboxError, OutboxRow};
use super::window::Window;
use super::{CONFIRM_TIMEOUT, DRAIN_TIMEOUT};
use crate::backoff::Pauses;
use crate::broker;
use crate::confirms::{Answer, Confirms, Publish};
use crate::properties::{self, TooLong};
use crate::status::{LaneCounters, count};
use crate::topology::{EXCHANGE, receipt_queue};

/// How often the outbox is read although nobody called.
const POLL: Duration = Duration::from_secs(1);

/// A lane with what it holds; it outlives channels.
pub(super) struct Lane<O> {
    outbox: Arc<O>,
    counters: Arc<LaneCounters>,
    window: Window,
    gate: Gate,
    store_pauses: Pauses,
}

/// What a lane is told from outside.
#[derive(Clone)]
pub(super) struct Signals {
    /// Publish nothing more, wait for what is in flight, end.
    pub(super) stop: CancellationToken,
    /// The connection is gone: end now.
    pub(super) lost: CancellationToken,
    /// The broker asks to wait.
    pub(super) blocked: watch::Receiver<bool>,
    /// Told to others: a row came back, the topology may be gone.
    pub(super) unroutable: Arc<Notify>,
}

/// Why a lane left a channel.
#[derive(Debug)]
pub(super) enum Left {
    /// It was told to stop, and nothing is in flight, or the wait was over.
    Stopped,
    /// The channel or the connection ended.
    Lost(lapin::Error),
    /// The connection ended, said another.
    Told,
    /// A confirm did not come in time.
    Silent,
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What happens next in a lane.
enum Event {
    Answers(lapin::Result<Vec<(u64, Answer)>>),
    Read(Result<Vec<OutboxRow>, OutboxError>),
    Recorded(Result<(), OutboxError>),
    /// Something is due, or blocked has changed: look again.
    Look,
    Stop,
    Told,
}

/// The work of a lane while it has one channel.
struct Shift<'l, O> {
    lane: &'l mut Lane<O>,
    channel: Channel,
    confirms: Confirms,
    reading: Option<Work<Result<Vec<OutboxRow>, OutboxError>>>,
    recording: Option<Work<Result<(), OutboxError>>>,
    /// The last read gave nothing: wait to be called.
    drained: bool,
    /// Reading or recording failed: not before then.
    store_due: Option<Instant>,
    /// Set when told to stop.
    deadline: Option<Instant>,
}

impl<O: Outbox> Lane<O> {
    pub(super) fn new(outbox: Arc<O>, counters: Arc<LaneCounters>) -> Lane<O> {
        let (window, gate, store_pauses) = (Window::default(), Gate::new(), Pauses::retry());
        Lane { outbox, counters, window, gate, store_pauses }
    }

    pub(super) fn name(&self) -> &str {
        &self.counters.lane
    }

    /// Works on a channel in confirm mode until it ends.
    pub(super) async fn work(&mut self, channel: Channel, signals: &mut Signals) -> Left {
        let mut shift = Shift {
            lane: self,
            channel,
            confirms: Confirms::default(),
            reading: None,
            recording: None,
            drained: false,
            store_due: None,
            deadline: None,
        };
        let left = shift.run(signals).await;
        if let Left::Lost(error) = &left
            && let Some(bytes) = broker::too_large(error)
            && let Some(seq) = self.window.bar(bytes)
        {
            count(&self.counters.refused);
            let reason = error.to_string();
            self.outbox.failed(&self.counters.lane, seq, "message-too-large", reason).await;
        }
        self.gate.lost(Instant::now());
        // A record under way is dropped: it may or may not be done, and is done again.
        self.window.lost();
        self.show();
        left
    }

    fn show(&self) {
        let set = |counter: &std::sync::atomic::AtomicU64, value: usize| {
            counter.store(value as u64, Ordering::Relaxed);
        };
        set(&self.counters.in_flight, self.window.in_flight());
        set(&self.counters.held, self.window.held());
    }
}

impl<O: Outbox> Shift<'_, O> {
    async fn run(&mut self, signals: &mut Signals) -> Left {
        loop {
            let blocked = *signals.blocked.borrow_and_update();
            self.begin_reading();
            self.begin_recording();
            if !blocked && self.deadline.is_none() {
                self.publish().await;
            }
            self.lane.show();
            if let Some(left) = self.finished(blocked) {
                return left;
            }
            match self.event(signals).await {
                Event::Answers(Ok(answers)) => self.answered(answers, signals).await,
                Event::Answers(Err(error)) => return Left::Lost(error),
                Event::Read(rows) => self.read(rows),
                Event::Recorded(result) => self.recorded(result),
                Event::Look => {}
                Event::Stop => self.deadline = Some(Instant::now() + DRAIN_TIMEOUT),
                Event::Told => return Left::Told,
            }
        }
    }

    fn finished(&self, blocked: bool) -> Option<Left> {
        let now = Instant::now();
        let window = &self.lane.window;
        if let Some(deadline) = self.deadline {
            let idle =
                window.in_flight() == 0 && self.recording.is_none() && !window.owes_a_record();
            return (idle || now >= deadline).then_some(Left::Stopped);
        }
        let silent = |since: Instant| !blocked && now >= since + CONFIRM_TIMEOUT;
        self.confirms.oldest().is_some_and(silent).then_some(Left::Silent)
    }

    async fn event(&mut self, signals: &mut Signals) -> Event {
        let wake = self.wake();
        let stopping = self.deadline.is_some();
        let (confirms, reading, recording) =
            (&mut self.confirms, &mut self.reading, &mut self.recording);
        tokio::select! {
            answers = poll_fn(|cx| confirms.poll_answers(cx)) => Event::Answers(answers),
            rows = finish(reading) => Event::Read(rows),
            result = finish(recording) => Event::Recorded(result),
            () = sleep_until(wake) => Event::Look,
            changed = signals.blocked.changed() => match changed {
                Ok(()) => Event::Look,
                Err(_) => Event::Told,
            },
            () = signals.stop.cancelled(), if !stopping => Event::Stop,
            () = signals.lost.cancelled() => Event::Told,
        }
    }

    /// When to look again although nothing happened.
    fn wake(&self) -> Instant {
        let silent = self.confirms.oldest().map(|since| since + CONFIRM_TIMEOUT);
        let now = Instant::now();
        [self.lane.window.due(), self.lane.gate.due(), self.store_due, self.deadline, silent]
            .into_iter()
            .flatten()
            // What is overdue is waiting for something else to happen.
            .filter(|due| *due > now)
            .fold(now + POLL, Instant::min)
    }

    fn begin_reading(&mut self) {
        if self.reading.is_some() || self.deadline.is_some() || self.rests() {
            return;
        }
        let Some(take) = self.lane.window.room() else { return };
        let (outbox, lane) = (Arc::clone(&self.lane.outbox), self.lane.name().to_owned());
        let (after, drained) = (self.lane.window.after(), self.drained);
        self.reading = Some(Box::pin(async move {
            if drained {
                tokio::select! {
                    () = outbox.wait_for_more(&lane, after) => {}
                    () = sleep(POLL) => {}
                }
            }
            outbox.pending(&lane, after, take).await
        }));
    }

    fn begin_recording(&mut self) {
        if self.recording.is_some() || self.rests() {
            return;
        }
        let seqs = self.lane.window.take_confirmed();
        if seqs.is_empty() {
            return;
        }
        let (outbox, lane) = (Arc::clone(&self.lane.outbox), self.lane.name().to_owned());
        self.recording = Some(Box::pin(async move { outbox.relayed(&lane, seqs).await }));
    }

    fn rests(&self) -> bool {
        self.store_due.is_some_and(|due| Instant::now() < due)
    }

    fn read(&mut self, rows: Result<Vec<OutboxRow>, OutboxError>) {
        self.reading = None;
        match rows {
            Ok(rows) => {
                self.drained = rows.is_empty();
                self.lane.window.add(rows);
                self.store_works();
            }
            Err(error) => self.store_fails("read", &error),
        }
    }

    fn recorded(&mut self, result: Result<(), OutboxError>) {
        self.recording = None;
        match result {
            Ok(()) => {
                self.lane.window.recorded();
                self.store_works();
            }
            Err(error) => {
                self.lane.window.not_recorded();
                self.store_fails("record", &error);
            }
        }
    }

    fn store_works(&mut self) {
        self.store_due = None;
        self.lane.store_pauses.reset();
    }

    fn store_fails(&mut self, what: &'static str, error: &OutboxError) {
        warn!(lane = self.lane.name(), what, %error, "the outbox fails, tried again");
        self.store_due = Some(Instant::now() + self.lane.store_pauses.next());
    }

    /// Publishes until the window is full or no row has its turn.
    async fn publish(&mut self) {
        loop {
            let now = Instant::now();
            if self.lane.window.in_flight() >= self.lane.gate.width(now) {
                return;
            }
            let Some((row, again)) = self.lane.window.next(now) else { return };
            match publish(&self.channel, &row) {
                Ok(publish) => {
                    count(&self.lane.counters.published);
                    if again {
                        count(&self.lane.counters.repeated);
                    }
                    self.confirms.push(row.seq, &row.delivery, publish, now);
                }
                Err(TooLong(what)) => {
                    let reason = format!("the {what} is longer than 255 bytes");
                    self.failed(row.seq, "row-too-long", reason).await;
                }
            }
        }
    }

    async fn answered(&mut self, answers: Vec<(u64, Answer)>, signals: &Signals) {
        for (seq, answer) in answers {
            match answer {
                Answer::Taken => {
                    count(&self.lane.counters.confirmed);
                    self.lane.window.confirmed(seq);
                    if self.lane.gate.taken() {
                        info!(lane = self.lane.name(), "the queue takes messages again");
                    }
                }
                Answer::Returned(reason) => {
                    count(&self.lane.counters.returned);
                    signals.unroutable.notify_one();
                    self.failed(seq, "unroutable", reason).await;
                }
                Answer::Refused => {
                    count(&self.lane.counters.refused);
                    self.lane.window.refused(seq);
                    if self.lane.gate.refused(Instant::now()) {
                        let reason = "the queue is full or cannot write".to_owned();
                        let (outbox, lane) = (&self.lane.outbox, self.lane.name());
                        outbox.failed(lane, seq, "queue-refused", reason).await;
                    }
                }
            }
        }
    }

    async fn failed(&mut self, seq: u64, code: &'static str, reason: String) {
        if code != "unroutable" {
            count(&self.lane.counters.refused);
        }
        debug!(lane = self.lane.name(), seq, code, reason, "a publish failed, tried again");
        self.lane.window.failed(seq, Instant::now());
        self.lane.outbox.failed(self.lane.name(), seq, code, reason).await;
    }
}

/// A publish of a row, not sent before it is polled.
fn publish(channel: &Channel, row: &Arc<OutboxRow>) -> Result<Publish, TooLong> {
    let (exchange, key) = match &row.destination {
        Destination::Department { routing_key } => (EXCHANGE, routing_key.clone()),
        Destination::Receipts { participant } => ("", receipt_queue(participant)),
    };
    let exchange: ShortString = properties::short("exchange", exchange)?;
    let key = properties::short("routing key", &key)?;
    let properties = properties::of_row(row)?;
    let (channel, row) = (channel.clone(), Arc::clone(row));
    Ok(Box::pin(async move {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        channel.basic_publish(exchange, key, options, &row.body, properties).await?.await
    }))
}

/// Waits for work under way; without any, forever.
async fn finish<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}
