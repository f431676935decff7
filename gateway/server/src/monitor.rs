//! Looks at the queues now and then: how much waits in the outbox and at the broker, and
//! since when. In come the journal, the broker and the bounds of `[alarms]`; out go gauges,
//! and one line in the log when a queue passes a bound and one when it is well again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use onepoint_relay::depth::DepthReader;
use onepoint_store::{DestinationKind, SqliteReader};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, monotonic};
use crate::config::Alarms;
use crate::deliver::RECEIPTS_LANE;
use crate::metrics::Metrics;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// What it looks at.
pub(crate) struct Monitor {
    pub(crate) clock: Clock,
    pub(crate) reader: SqliteReader,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) alarms: Alarms,
    /// The broker, with the queue of each of its lanes.
    pub(crate) broker: Option<(DepthReader, BTreeMap<String, String>)>,
}

/// A queue at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) lane: String,
    /// Deliveries in the outbox.
    pub(crate) pending: u64,
    /// Age of the oldest of them.
    pub(crate) age: Duration,
    /// Messages at the broker that no reader has.
    pub(crate) at_broker: Option<u64>,
}

impl Seen {
    /// Why it is worth a warning, if it is.
    fn alarm(&self, alarms: &Alarms) -> Option<String> {
        let waiting = self.pending.saturating_add(self.at_broker.unwrap_or(0));
        if waiting > alarms.length {
            return Some(format!("{waiting} wait, more than {}", alarms.length));
        }
        let (age, bound) = (self.age.as_secs(), alarms.age.as_secs());
        (self.age > alarms.age).then(|| format!("the oldest waits for {age} s, more than {bound}"))
    }
}

impl Monitor {
    /// Looks until it is told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // The relay declares the queues first.
        let first = tokio::time::Instant::from_std(monotonic()) + EVERY;
        let mut every = tokio::time::interval_at(first, EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut raised = BTreeSet::new();
        let mut known = BTreeSet::new();
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            let Some(looked) = stop.run_until_cancelled(self.look()).await else { break };
            let mut seen = looked;
            // A lane with nothing in it any more is one with zero.
            let gone: Vec<String> =
                known.iter().filter(|lane| !seen.contains_key(*lane)).cloned().collect();
            for lane in gone {
                seen.insert(lane.clone(), Seen { lane, ..Seen::default() });
            }
            for (lane, one) in seen {
                self.tell(&one, &mut raised);
                known.insert(lane);
            }
        }
        if let Some((depths, _)) = &mut self.broker {
            depths.close().await;
        }
    }

    fn tell(&self, seen: &Seen, raised: &mut BTreeSet<String>) {
        let alarm = seen.alarm(&self.alarms);
        self.metrics.queue(seen, alarm.is_some());
        match alarm {
            Some(why) if raised.insert(seen.lane.clone()) => {
                tracing::warn!(lane = seen.lane, why, "alarm: a queue is not emptied");
            }
            None if raised.remove(&seen.lane) => {
                tracing::info!(lane = seen.lane, "a queue is well again");
            }
            _ => {}
        }
    }

    async fn look(&mut self) -> BTreeMap<String, Seen> {
        let reader = self.reader.clone();
        let backlog = tokio::task::spawn_blocking(move || reader.backlog()).await;
        let now_ms = self.clock.now().as_millisecond();
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        match backlog {
            Ok(Ok(backlog)) => {
                for one in backlog {
                    let lane = match one.kind {
                        DestinationKind::Department => one.destination,
                        DestinationKind::Receipts => format!("{RECEIPTS_LANE}{}", one.destination),
                    };
                    let age = u64::try_from(now_ms.saturating_sub(one.oldest_ms)).unwrap_or(0);
                    let age = Duration::from_millis(age);
                    let pending = one.pending;
                    seen.insert(lane.clone(), Seen { lane, pending, age, at_broker: None });
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the outbox could not be looked at"),
            Err(error) => tracing::error!(%error, "looking at the outbox failed"),
        }
        if let Some((depths, queues)) = &mut self.broker {
            for (lane, queue) in queues.iter() {
                match depths.depth(queue).await {
                    Ok(depth) => {
                        let lane = lane.clone();
                        let one = seen.entry(lane.clone()).or_default();
                        one.lane = lane;
                        one.at_broker = Some(u64::from(depth.messages));
                    }
                    Err(error) => {
                        // The relay says that the broker is away.
                        tracing::debug!(code = error.code(), queue, "a queue has no depth");
                        break;
                    }
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_age_raise_an_alarm_each() {
        let age = Duration::from_secs(60);
        let alarms = Alarms { length: 10, age, answer: age };
        let seen = |pending, at_broker, age| Seen {
            lane: "tax".to_owned(),
            pending,
            age: Duration::from_secs(age),
            at_broker,
        };
        assert_eq!(seen(10, None, 60).alarm(&alarms), None);
        assert!(seen(6, Some(5), 0).alarm(&alarms).unwrap().contains("11 wait"));
        assert!(seen(1, None, 61).alarm(&alarms).unwrap().contains("61 s"));
    }
}
