//! Counters and gauges in the Prometheus text format. One method per happening,
//! so that a name is written once.

use std::sync::atomic::AtomicI64;

use onepoint_relay::status::{Link, RelaySnapshot};
use onepoint_store::Counts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::commit::Verdict;
use crate::inforce::InForce;
use crate::monitor::Seen;

mod expiry;
mod revocation;

use expiry::{ByDays, ByEntry};
use revocation::{ByIssuer, ByIssuerCode, ByIssuerPolicy};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLane {
    lane: String,
}

/// Everything the gateway counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    messages: Family<ByCode, Counter>,
    documents: Family<ByCode, Counter>,
    problems: Family<ByCode, Counter>,
    facts: Counter,
    commits: Counter,
    strangers: Counter,
    reloads: Family<ByCode, Counter>,
    fetches: Family<ByIssuerCode, Counter>,
    list_left: Family<ByIssuer, Gauge<i64, AtomicI64>>,
    unknown: Family<ByIssuer, Gauge<i64, AtomicI64>>,
    grace_left: Family<ByIssuerPolicy, Gauge<i64, AtomicI64>>,
    expiry_left: Family<ByEntry, Gauge<i64, AtomicI64>>,
    expiring: Family<ByDays, Gauge<i64, AtomicI64>>,
    journal: Family<ByCode, Gauge<i64, AtomicI64>>,
    queue_length: Family<ByLane, Gauge<i64, AtomicI64>>,
    queue_age: Family<ByLane, Gauge<i64, AtomicI64>>,
    queue_alarm: Family<ByLane, Gauge<i64, AtomicI64>>,
    broker_queue: Family<ByLane, Gauge<i64, AtomicI64>>,
    webhooks: Family<ByCode, Counter>,
    relay_connected: Gauge<i64, AtomicI64>,
    relay_in_flight: Family<ByLane, Gauge<i64, AtomicI64>>,
    relay_repeated: Family<ByLane, Gauge<i64, AtomicI64>>,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("onepoint"),
            messages: Family::default(),
            documents: Family::default(),
            problems: Family::default(),
            facts: Counter::default(),
            commits: Counter::default(),
            strangers: Counter::default(),
            reloads: Family::default(),
            fetches: Family::default(),
            list_left: Family::default(),
            unknown: Family::default(),
            grace_left: Family::default(),
            expiry_left: Family::default(),
            expiring: Family::default(),
            journal: Family::default(),
            queue_length: Family::default(),
            queue_age: Family::default(),
            queue_alarm: Family::default(),
            broker_queue: Family::default(),
            webhooks: Family::default(),
            relay_connected: Gauge::default(),
            relay_in_flight: Family::default(),
            relay_repeated: Family::default(),
        };
        let r = &mut metrics.registry;
        r.register("messages", "messages by verdict", metrics.messages.clone());
        r.register("documents", "documents by verdict", metrics.documents.clone());
        r.register("problems", "problem documents by code", metrics.problems.clone());
        r.register("facts", "facts written to the log", metrics.facts.clone());
        r.register("commits", "transactions of the journal", metrics.commits.clone());
        r.register("strangers", "calls without a registered identity", metrics.strangers.clone());
        let reloads = metrics.reloads.clone();
        r.register("config_reloads", "configurations read again", reloads);
        r.register("journal", "what the journal holds", metrics.journal.clone());
        let (length, age) = (metrics.queue_length.clone(), metrics.queue_age.clone());
        r.register("queue_length", "deliveries that wait in the outbox", length);
        r.register("queue_age_seconds", "age of the oldest of them", age);
        let (alarm, broker) = (metrics.queue_alarm.clone(), metrics.broker_queue.clone());
        r.register("queue_alarm", "1 while a bound of [alarms] is passed", alarm);
        r.register("broker_queue_length", "messages ready in a queue at the broker", broker);
        r.register("webhooks", "pushes by what became of them", metrics.webhooks.clone());
        let connected = metrics.relay_connected.clone();
        r.register("relay_connected", "1 while the broker is connected", connected);
        let in_flight = metrics.relay_in_flight.clone();
        r.register("relay_in_flight", "published and not yet confirmed", in_flight);
        let repeated = metrics.relay_repeated.clone();
        r.register("relay_repeated", "published again after a lost connection", repeated);
        metrics.register_revocation();
        metrics.register_expiry();
        metrics
    }

    /// A problem document went out.
    pub(crate) fn problem(&self, code: &str) {
        self.problems.get_or_create(&ByCode { code: code.to_owned() }).inc();
    }

    /// Someone without a registered identity called. Counted, never journaled one by one.
    pub(crate) fn stranger(&self) {
        self.strangers.inc();
    }

    /// The configuration was read again, and came into force or was refused.
    pub(crate) fn reloaded(&self, taken: bool) {
        let code = if taken { "accepted" } else { "refused" }.to_owned();
        self.reloads.get_or_create(&ByCode { code }).inc();
    }

    /// A transaction with so many facts is durable.
    pub(crate) fn committed(&self, facts: usize) {
        self.commits.inc();
        self.facts.inc_by(u64::try_from(facts).unwrap_or(u64::MAX));
    }

    /// A message got its verdict.
    pub(crate) fn verdict(&self, verdict: &Verdict) {
        let accepted = verdict.accepted();
        let word = match (verdict.duplicate, accepted) {
            (true, _) => "duplicate",
            (false, 0) => "refused",
            (false, _) => "accepted",
        };
        self.messages.get_or_create(&ByCode { code: word.to_owned() }).inc();
        if !verdict.duplicate {
            let refused = verdict.documents.len() - accepted;
            for (code, count) in [("accepted", accepted), ("refused", refused)] {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                self.documents.get_or_create(&ByCode { code: code.to_owned() }).inc_by(count);
            }
        }
    }

    /// Sets the gauges of what the journal holds.
    pub(crate) fn counts(&self, counts: &Counts) {
        let rows = [
            ("accepted", counts.accepted),
            ("refused", counts.refused),
            ("pending", counts.pending),
            ("relayed", counts.relayed),
            ("delivered", counts.delivered),
            ("answers", counts.answers),
            ("facts", counts.facts),
        ];
        for (code, count) in rows {
            let gauge = self.journal.get_or_create(&ByCode { code: code.to_owned() });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Sets the gauges of one queue.
    pub(crate) fn queue(&self, seen: &Seen, alarm: bool) {
        let lane = ByLane { lane: seen.lane.clone() };
        let set = |family: &Family<ByLane, Gauge<i64, AtomicI64>>, value: u64| {
            family.get_or_create(&lane).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.queue_length, seen.pending);
        set(&self.queue_age, seen.age.as_secs());
        set(&self.queue_alarm, u64::from(alarm));
        if let Some(at_broker) = seen.at_broker {
            set(&self.broker_queue, at_broker);
        }
    }

    /// A push to a webhook was taken, or failed.
    pub(crate) fn pushed(&self, what: &str) {
        self.webhooks.get_or_create(&ByCode { code: what.to_owned() }).inc();
    }

    /// Sets the gauges of the broker connection.
    pub(crate) fn relay(&self, relay: &RelaySnapshot) {
        self.relay_connected.set(i64::from(relay.link == Link::Connected));
        for lane in &relay.lanes {
            let rows =
                [(&self.relay_in_flight, lane.in_flight), (&self.relay_repeated, lane.repeated)];
            for (family, count) in rows {
                let gauge = family.get_or_create(&ByLane { lane: lane.lane.clone() });
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }

    /// The exposition text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }
}
