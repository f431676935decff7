//! The outbox to the broker. In come committed rows, out go publishes the broker has
//! confirmed, each recorded in the outbox. Promised: nothing is lost, whatever ends
//! when; a row may be published again, always under the same id; the order of each
//! order key is kept; one department that takes nothing holds up no other, since each
//! has a lane of its own: a channel, a confirm window, a share of memory.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::StreamExt;
use lapin::options::ConfirmSelectOptions;
use lapin::{Connection, Event};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backoff::Pauses;
use crate::broker::{self, Broker, BrokerError};
use crate::status::RelayStatus;
use crate::topology::Topology;

pub use outbox::{Destination, Outbox, OutboxError, OutboxRow, Take};

use lane::{Lane, Left, Signals};

mod gate;
mod lane;
mod outbox;
mod window;

/// Publishes of one lane the broker may have without having confirmed them.
pub const CONFIRM_WINDOW: usize = 128;
/// A confirm that takes longer counts as lost: the row is published again.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a stop waits for confirms in flight.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The topology is declared again at most so often, however many rows come back.
const DECLARE_PAUSE: Duration = Duration::from_secs(5);

/// Publishes what an outbox holds until it is told to stop.
pub struct Publisher<O> {
    broker: Broker,
    topology: Topology,
    lanes: Vec<Lane<O>>,
    status: RelayStatus,
}

/// Why a connection was left.
enum Ended {
    Stopped,
    Lost(BrokerError),
}

impl<O: Outbox> Publisher<O> {
    /// A publisher with one lane per name. A lane is what the outbox is asked for:
    /// a department, or whatever the store keeps apart.
    #[must_use]
    pub fn new(broker: Broker, topology: Topology, lanes: Vec<String>, outbox: O) -> Publisher<O> {
        let (status, outbox) = (RelayStatus::new(&lanes), Arc::new(outbox));
        let lane = |counters: &Arc<_>| Lane::new(Arc::clone(&outbox), Arc::clone(counters));
        let lanes = status.lanes().iter().map(lane).collect();
        Publisher { broker, topology, lanes, status }
    }

    /// What it is doing, readable at any time.
    #[must_use]
    pub fn status(&self) -> RelayStatus {
        self.status.clone()
    }

    /// Works until `stop` is cancelled, then waits at most [`DRAIN_TIMEOUT`] for
    /// confirms in flight. A broker that is down is tried again for ever.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pauses = Pauses::reconnect();
        while !stop.is_cancelled() {
            let lost = match self.connect(&stop).await {
                Ok(None) => return,
                Ok(Some(connection)) => {
                    self.status.link().connected();
                    pauses.reset();
                    info!(broker = self.broker.shown(), "connected, relaying");
                    match self.serve(connection, &stop).await {
                        Ended::Stopped => return,
                        Ended::Lost(error) => error,
                    }
                }
                Err(error) => error,
            };
            let pause = pauses.next();
            warn!(code = lost.code(), error = %lost.en(), ?pause, "the broker is away, tried again");
            self.status.link().lost(lost.code(), lost.en());
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn connect(&self, stop: &CancellationToken) -> Result<Option<Connection>, BrokerError> {
        let connecting = async {
            let connection = self.broker.connect().await?;
            declare(&self.broker, &self.topology, &connection).await?;
            Ok(Some(connection))
        };
        tokio::select! {
            connection = connecting => connection,
            () = stop.cancelled() => Ok(None),
        }
    }

    /// Runs all lanes on a connection until it ends.
    async fn serve(&mut self, connection: Connection, stop: &CancellationToken) -> Ended {
        let (blocked, receiver) = watch::channel(false);
        let signals = Signals {
            stop: stop.clone(),
            lost: CancellationToken::new(),
            blocked: receiver,
            unroutable: Arc::default(),
        };
        let mut events = Box::pin(connection.events_listener());
        let crew = Arc::new(Crew {
            broker: self.broker.clone(),
            topology: self.topology.clone(),
            connection,
        });
        let mut lanes = JoinSet::new();
        for lane in std::mem::take(&mut self.lanes) {
            lanes.spawn(crew.clone().keep(lane, signals.clone()));
        }
        let mut declaring = JoinSet::new();
        declaring.spawn(crew.clone().declare_when_asked(signals.unroutable.clone()));
        let mut ended = None;
        loop {
            tokio::select! {
                lane = lanes.join_next() => match lane {
                    Some(Ok((lane, Ok(())))) => self.lanes.push(lane),
                    Some(Ok((lane, Err(error)))) => {
                        self.lanes.push(lane);
                        ended.get_or_insert(error);
                        signals.lost.cancel();
                    }
                    Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
                    None => break,
                },
                Some(event) = events.next() => match event {
                    Event::ConnectionBlocked(reason) => self.block(&blocked, Some(reason)),
                    Event::ConnectionUnblocked => self.block(&blocked, None),
                    Event::Error(error) if !crew.connection.status().connected() => {
                        ended.get_or_insert(self.broker.error(error));
                        signals.lost.cancel();
                    }
                    _ => {}
                },
            }
        }
        declaring.shutdown().await;
        match ended {
            Some(error) => Ended::Lost(error),
            None => {
                broker::close(&crew.connection).await;
                Ended::Stopped
            }
        }
    }

    fn block(&self, blocked: &watch::Sender<bool>, reason: Option<String>) {
        match &reason {
            Some(reason) => warn!(reason, "the broker asks to wait"),
            None => info!("the broker takes messages again"),
        }
        self.status.link().blocked(reason.is_some());
        blocked.send_replace(reason.is_some());
    }
}

/// What the lanes of one connection share.
struct Crew {
    broker: Broker,
    topology: Topology,
    connection: Connection,
}

impl Crew {
    /// Keeps a lane at work, with a new channel whenever one ended, while the
    /// connection lasts. Gives the lane back.
    async fn keep<O: Outbox>(
        self: Arc<Self>,
        mut lane: Lane<O>,
        mut signals: Signals,
    ) -> (Lane<O>, Result<(), BrokerError>) {
        let mut pauses = Pauses::reconnect();
        loop {
            let began = Instant::now();
            let left = match self.channel().await {
                Ok(channel) => lane.work(channel, &mut signals).await,
                Err(error) => return (lane, Err(error)),
            };
            if began.elapsed() >= CONFIRM_TIMEOUT {
                pauses.reset();
            }
            let pause = pauses.next();
            match left {
                Left::Stopped | Left::Told => return (lane, Ok(())),
                Left::Lost(error) if !self.connection.status().connected() => {
                    return (lane, Err(self.broker.error(error)));
                }
                Left::Lost(error) => {
                    warn!(lane = lane.name(), %error, ?pause, "the channel ended, opened again");
                    // Perhaps the exchange is gone.
                    signals.unroutable.notify_one();
                }
                Left::Silent => {
                    warn!(lane = lane.name(), timeout = ?CONFIRM_TIMEOUT, "a confirm did not come");
                }
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = signals.stop.cancelled() => {}
                () = signals.lost.cancelled() => return (lane, Ok(())),
            }
        }
    }

    /// Rows came back: what should take them may have been removed at the broker.
    async fn declare_when_asked(self: Arc<Self>, unroutable: Arc<Notify>) {
        loop {
            unroutable.notified().await;
            warn!("rows came back as unroutable, the topology is declared again");
            if let Err(error) = declare(&self.broker, &self.topology, &self.connection).await {
                warn!(code = error.code(), error = %error.en(), "the topology was not declared");
            }
            sleep(DECLARE_PAUSE).await;
        }
    }

    async fn channel(&self) -> Result<lapin::Channel, BrokerError> {
        let channel = self.broker.answered(self.connection.create_channel()).await?;
        let options = ConfirmSelectOptions::default();
        self.broker.answered(channel.confirm_select(options)).await?;
        Ok(channel)
    }
}

/// Declares the topology on a channel of its own: an error closes the channel.
async fn declare(
    broker: &Broker,
    topology: &Topology,
    connection: &Connection,
) -> Result<(), BrokerError> {
    let channel = broker.answered(connection.create_channel()).await?;
    topology.declare(broker, &channel).await?;
    broker.answered(channel.close(200, "declared".into())).await
}
