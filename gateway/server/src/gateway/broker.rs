//! The tasks around the broker: the relay, the consumers of departments' answers and of
//! vendors' messages, and the post for verdicts and dead letters. All reconnect by
//! themselves; a broker that is down stops nothing but themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use onepoint_relay::broker::{Broker, BrokerError};
use onepoint_relay::consumer::{Consumer, Handle, Incoming, Subscription, Verdict};
use onepoint_relay::depth::DepthReader;
use onepoint_relay::post::{self, Mail, Postbox};
use onepoint_relay::publisher::Publisher;
use onepoint_relay::status::RelayStatus;
use onepoint_relay::topology::{
    ANSWERS, DEAD, INTAKE, Topology, TopologyError, department_queue, receipt_queue,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{BrokerSettings, Settings};
use crate::deliver::{self, JournalOutbox, RECEIPTS_LANE, REPLAY_LANE};
use crate::intake::vendors::{self, VendorIntake};
use crate::record::Recorder;
use crate::refusal::Refusal;
use crate::trace::{TRACEPARENT, traceparent};

/// Answers taken from the broker at a time. Those about one message are journaled one after
/// the other, in the order in which its department gave them.
const ANSWERS_AT_ONCE: usize = 32;
/// Deliveries the broker hands out ahead.
const PREFETCH: u16 = 128;
/// What the broker's lists show.
const NAME: &str = "onepoint";

/// What a broker is used with, read from the configuration before that is taken apart.
pub(super) struct Plan {
    settings: BrokerSettings,
    topology: Topology,
    lanes: Vec<String>,
}

/// What the tasks need of the gateway.
pub(super) struct Parts<'g> {
    pub(super) outbox: JournalOutbox,
    pub(super) recorder: Recorder,
    /// Makes the door for vendors, once there is a postbox.
    pub(super) vendors: &'g dyn Fn(Postbox) -> VendorIntake,
}

/// The topology of a configuration.
///
/// # Errors
/// Names that cannot be names at the broker.
pub(crate) fn topology(settings: &Settings) -> Result<Topology, TopologyError> {
    let departments: Vec<&str> = settings.departments.iter().map(|d| d.name.as_str()).collect();
    Topology::new(&departments, &settings.receipts_by_broker)
}

impl Plan {
    /// None: everything is pulled.
    ///
    /// # Errors
    /// As [`topology`].
    pub(super) fn of(settings: &Settings) -> Result<Option<Plan>, TopologyError> {
        // The names are checked without a broker too: one may come later.
        let topology = topology(settings)?;
        let lanes = deliver::broker_lanes(settings);
        Ok(settings.broker.clone().map(|settings| Plan { settings, topology, lanes }))
    }

    /// A look at the depth of each queue that something of ours should empty.
    ///
    /// # Errors
    /// As [`Broker::new`].
    pub(super) fn depths(&self) -> Result<(DepthReader, BTreeMap<String, String>), BrokerError> {
        let queue = |lane: &String| match lane.strip_prefix(RECEIPTS_LANE) {
            Some(participant) => receipt_queue(participant),
            None => department_queue(lane),
        };
        let lanes = self.lanes.iter().filter(|lane| !lane.starts_with(REPLAY_LANE));
        let mut queues: BTreeMap<String, String> =
            lanes.map(|lane| (lane.clone(), queue(lane))).collect();
        for own in [ANSWERS, INTAKE, DEAD] {
            queues.insert(own.to_owned(), own.to_owned());
        }
        Ok((DepthReader::new(self.settings.broker(NAME)?), queues))
    }

    /// Starts all tasks.
    ///
    /// # Errors
    /// As [`Broker::new`].
    pub(super) fn start(
        self,
        parts: Parts<'_>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<RelayStatus, BrokerError> {
        let broker = self.settings.broker(NAME)?;
        let publisher =
            Publisher::new(broker.clone(), self.topology.clone(), self.lanes, parts.outbox);
        let status = publisher.status();
        tasks.spawn(publisher.run(stop.clone()));
        let (postbox, postman) = post::open(broker.clone());
        tasks.spawn(postman.run(stop.clone()));
        let answers = AnswerIntake { recorder: parts.recorder, postbox: postbox.clone() };
        let reader = consumer(&broker, &self.topology, ANSWERS, ANSWERS_AT_ONCE);
        tasks.spawn(reader.run(answers, stop.clone()));
        if self.settings.intake {
            let reader = consumer(&broker, &self.topology, INTAKE, vendors::AT_ONCE);
            tasks.spawn(reader.run((parts.vendors)(postbox), stop.clone()));
        }
        Ok(status)
    }
}

fn consumer(broker: &Broker, topology: &Topology, queue: &str, at_once: usize) -> Consumer {
    let subscription = Subscription {
        queue: queue.to_owned(),
        prefetch: PREFETCH,
        concurrency: at_once,
        name: queue.replacen('.', "-", 1),
    };
    Consumer::new(broker.clone(), Some(topology.clone()), subscription)
}

/// Hands answers from the broker to the recorder.
struct AnswerIntake {
    recorder: Recorder,
    postbox: Postbox,
}

impl Handle for AnswerIntake {
    fn order_key(&self, message: &Incoming) -> Option<String> {
        // A delivery's id begins with its message's. Without one: one after the other.
        let delivery = message.correlation_id.as_deref().unwrap_or_default();
        Some(delivery.split('.').next().unwrap_or_default().to_owned())
    }

    async fn handle(&self, message: Arc<Incoming>) -> Verdict {
        let trace = traceparent(message.headers.get(TRACEPARENT).map(String::as_str));
        let refusal = match self.recorder.record(message.body.clone(), None, trace).await {
            Ok(_) => return Verdict::Ack,
            Err(refusal) if is_passing(&refusal) => return Verdict::Requeue,
            Err(refusal) => refusal,
        };
        tracing::warn!(code = %refusal.code, reason = refusal.en, "an answer was refused");
        let mail = Mail::dead(&message, ANSWERS, &refusal.code, &refusal.en);
        match self.postbox.send(mail).await {
            Ok(()) => Verdict::Ack,
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "a dead letter waits");
                Verdict::Requeue
            }
        }
    }
}

/// True when the fault is ours and the same answer may pass later.
fn is_passing(refusal: &Refusal) -> bool {
    refusal.status >= 500
}
