//! A queue to an async handler. In come deliveries, out goes a verdict for each.
//! Promised: it reconnects by itself; a delivery is acknowledged only after its
//! handler said so; whatever is not acknowledged comes again, marked as redelivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicRejectOptions};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::backoff::Pauses;
use crate::broker::{Broker, BrokerError};
use crate::properties;
use crate::status::{Link, LinkState, count, read};
use crate::topology::Topology;

pub(crate) use feed::Feed;

use turns::Turns;

mod feed;
mod turns;

/// How long a stop waits for handlers at work.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What to read, and how much of it at a time.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The queue.
    pub queue: String,
    /// Deliveries the broker may hand out without an acknowledgement.
    pub prefetch: u16,
    /// Handlers at work at the same time; 1 keeps the order of the queue, more keep that
    /// of each [`Handle::order_key`].
    pub concurrency: usize,
    /// A name for the broker's lists, at most 255 bytes.
    pub name: String,
}

/// A message from a queue. Headers are carried as text, whatever they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The publisher's id of it.
    pub id: Option<String>,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The property `type`.
    pub message_type: Option<String>,
    /// The publishing application.
    pub app_id: Option<String>,
    /// The user who published it, as checked by the broker.
    pub user_id: Option<String>,
    /// What it answers.
    pub correlation_id: Option<String>,
    /// Where the publisher wants an answer.
    pub reply_to: Option<String>,
    /// The key it was published with.
    pub routing_key: String,
    /// Headers that are texts, numbers or booleans.
    pub headers: BTreeMap<String, String>,
    /// The order keys, if it is one of the gateway's own.
    pub order_keys: Vec<String>,
    /// The broker has given it out before, to us or to another.
    pub redelivered: bool,
    /// How often it has been given out before (quorum queues).
    pub deliveries: u64,
    /// The bytes.
    pub body: Vec<u8>,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done: the broker forgets it.
    Ack,
    /// Not now: the handler gets it again after a pause. It stays ours meanwhile, so
    /// that trying again does not use up the delivery limit.
    Requeue,
    /// Never: it goes to the dead letters. The reason is logged.
    Reject(String),
}

/// Handles deliveries.
pub trait Handle: Send + Sync + 'static {
    /// What must be handled one after the other: deliveries with the same key are, in
    /// the order of the queue. `None`: it need not wait for another.
    fn order_key(&self, _: &Incoming) -> Option<String> {
        None
    }

    /// Handles one. It may be called again for the same delivery.
    fn handle(&self, message: Arc<Incoming>) -> impl Future<Output = Verdict> + Send;
}

/// Reads a queue until it is told to stop.
pub struct Consumer {
    broker: Broker,
    topology: Option<Topology>,
    subscription: Subscription,
    status: ConsumerStatus,
}

/// The consumer's status; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct ConsumerStatus {
    pub(crate) link: Arc<LinkState>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    redelivered: AtomicU64,
    acked: AtomicU64,
    requeued: AtomicU64,
    rejected: AtomicU64,
}

/// The consumer at one moment. Counters count since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSnapshot {
    /// The connection.
    pub link: Link,
    /// For how long it has been in that state.
    pub since: Duration,
    /// Code and words of the last error, if there was one.
    pub last_error: Option<(&'static str, String)>,
    /// Deliveries.
    pub received: u64,
    /// Deliveries that were given out before.
    pub redelivered: u64,
    /// Deliveries that are done.
    pub acked: u64,
    /// How often a handler said "not now".
    pub requeued: u64,
    /// Deliveries sent to the dead letters.
    pub rejected: u64,
}

impl ConsumerStatus {
    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> ConsumerSnapshot {
        let (link, since) = self.link.get();
        ConsumerSnapshot {
            link,
            since,
            last_error: self.link.lock().last_error.clone(),
            received: read(&self.counters.received),
            redelivered: read(&self.counters.redelivered),
            acked: read(&self.counters.acked),
            requeued: read(&self.counters.requeued),
            rejected: read(&self.counters.rejected),
        }
    }
}

impl Consumer {
    /// A consumer; with a topology it declares it, without one the queue must be there.
    #[must_use]
    pub fn new(broker: Broker, topology: Option<Topology>, subscription: Subscription) -> Consumer {
        Consumer { broker, topology, subscription, status: ConsumerStatus::default() }
    }

    /// What it is doing, readable at any time.
    #[must_use]
    pub fn status(&self) -> ConsumerStatus {
        self.status.clone()
    }

    /// Works until `stop` is cancelled, then waits at most [`DRAIN_TIMEOUT`] for
    /// handlers at work. A broker that is down is tried again for ever.
    pub async fn run<H: Handle>(self, handler: H, stop: CancellationToken) {
        let handler = Arc::new(handler);
        let mut pauses = Pauses::reconnect();
        let Subscription { queue, prefetch, name, .. } = &self.subscription;
        while !stop.is_cancelled() {
            let open = Feed::open(&self.broker, self.topology.as_ref(), queue, *prefetch, name);
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                feed = open => match feed {
                    Ok(feed) => {
                        self.status.link.connected();
                        pauses.reset();
                        info!(broker = self.broker.shown(), queue, "connected, reading");
                        self.serve(feed, &handler, &stop).await
                    }
                    Err(error) => Some(error),
                },
            };
            let Some(lost) = lost else { return };
            let pause = pauses.next();
            warn!(code = lost.code(), error = %lost.en(), queue, ?pause, "reading ended, tried again");
            self.status.link.lost(lost.code(), lost.en());
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Reads until the connection ends (`Some`) or it is told to stop (`None`).
    async fn serve<H: Handle>(
        &self,
        mut feed: Feed,
        handler: &Arc<H>,
        stop: &CancellationToken,
    ) -> Option<BrokerError> {
        let mut turns = Turns::new(self.subscription.concurrency.max(1));
        let lost = loop {
            let finished = tokio::select! {
                () = stop.cancelled() => break None,
                finished = turns.finished() => finished,
                delivery = feed.next(), if turns.has_room() => match delivery {
                    Ok(mut delivery) => {
                        let message = Arc::new(properties::incoming(&mut delivery));
                        let key = handler.order_key(&message);
                        turns.arrived(key, (delivery, message))
                    }
                    Err(error) => break Some(error),
                },
            };
            if let Some((key, (delivery, message))) = finished {
                let task = Task {
                    handler: Arc::clone(handler),
                    counters: Arc::clone(&self.status.counters),
                    queue: self.subscription.queue.clone(),
                    stop: stop.clone(),
                };
                turns.begin(key, task.run(delivery, message));
            }
        };
        if lost.is_none() {
            if timeout(DRAIN_TIMEOUT, turns.drained()).await.is_err() {
                debug!(queue = self.subscription.queue, "stopped with handlers at work");
            }
            feed.close().await;
        }
        lost
    }
}

/// One delivery on its way through a handler.
struct Task<H> {
    handler: Arc<H>,
    counters: Arc<Counters>,
    queue: String,
    stop: CancellationToken,
}

impl<H: Handle> Task<H> {
    async fn run(self, delivery: Delivery, message: Arc<Incoming>) {
        count(&self.counters.received);
        if message.redelivered {
            count(&self.counters.redelivered);
            info!(
                queue = self.queue,
                id = message.id,
                deliveries = message.deliveries,
                "redelivered"
            );
        }
        let mut pauses = Pauses::retry();
        let settled = loop {
            match self.handler.handle(Arc::clone(&message)).await {
                Verdict::Ack => {
                    count(&self.counters.acked);
                    break delivery.ack(BasicAckOptions::default()).await;
                }
                Verdict::Requeue => {
                    count(&self.counters.requeued);
                    tokio::select! {
                        () = sleep(pauses.next()) => {}
                        // Not acknowledged: it goes back to the queue.
                        () = self.stop.cancelled() => return,
                    }
                }
                Verdict::Reject(reason) => {
                    count(&self.counters.rejected);
                    warn!(queue = self.queue, id = message.id, reason, "to the dead letters");
                    break delivery.reject(BasicRejectOptions { requeue: false }).await;
                }
            }
        };
        if !matches!(settled, Ok(true)) {
            // The channel is gone: the delivery comes again.
            debug!(queue = self.queue, id = message.id, "the verdict did not reach the broker");
        }
    }
}
