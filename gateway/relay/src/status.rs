//! What the loops are doing, for metrics and health. The loops write, anybody reads a
//! snapshot at any time; nobody waits for anybody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Never connected so far.
    Connecting,
    /// Connected, and the other side takes messages.
    Connected,
    /// Connected, but the broker asks to wait: it is short of memory or disk.
    Blocked,
    /// Lost; tried again.
    Disconnected,
}

impl Link {
    /// A stable word for metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Link::Connecting => "connecting",
            Link::Connected => "connected",
            Link::Blocked => "blocked",
            Link::Disconnected => "disconnected",
        }
    }
}

/// The publisher's status; clones show the same.
#[derive(Clone, Debug)]
pub struct RelayStatus {
    link: Arc<LinkState>,
    lanes: Arc<[Arc<LaneCounters>]>,
}

/// The publisher at one moment.
#[derive(Clone, Debug)]
pub struct RelaySnapshot {
    /// The connection.
    pub link: Link,
    /// For how long it has been in that state.
    pub since: Duration,
    /// How often it was connected again after the first time.
    pub reconnects: u64,
    /// Code and words of the last error, if there was one.
    pub last_error: Option<(&'static str, String)>,
    /// Every lane, in the order they were given.
    pub lanes: Vec<LaneSnapshot>,
}

/// One lane of the publisher at one moment. Counters count since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneSnapshot {
    /// Its name: the department.
    pub lane: String,
    /// Publishes sent to the broker.
    pub published: u64,
    /// Publishes the broker confirmed and did not return.
    pub confirmed: u64,
    /// Publishes that came back because no queue takes them.
    pub returned: u64,
    /// Publishes the broker refused (a full queue), or that could not be sent.
    pub refused: u64,
    /// Publishes of a row that had been published before.
    pub repeated: u64,
    /// Published and neither confirmed nor refused yet.
    pub in_flight: u64,
    /// Rows in memory: waiting, in flight, or not recorded yet.
    pub held: u64,
}

impl RelayStatus {
    pub(crate) fn new(lanes: &[String]) -> RelayStatus {
        let counters =
            |lane: &String| Arc::new(LaneCounters { lane: lane.clone(), ..Default::default() });
        RelayStatus {
            link: Arc::new(LinkState::default()),
            lanes: lanes.iter().map(counters).collect(),
        }
    }

    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> RelaySnapshot {
        let link = self.link.lock();
        RelaySnapshot {
            link: link.state,
            since: link.since.elapsed(),
            reconnects: link.connects.saturating_sub(1),
            last_error: link.last_error.clone(),
            lanes: self.lanes.iter().map(|lane| lane.snapshot()).collect(),
        }
    }

    pub(crate) fn link(&self) -> &Arc<LinkState> {
        &self.link
    }

    pub(crate) fn lanes(&self) -> &[Arc<LaneCounters>] {
        &self.lanes
    }
}

impl RelaySnapshot {
    /// The sum over all lanes, under the name `total`.
    #[must_use]
    pub fn totals(&self) -> LaneSnapshot {
        let mut total = LaneSnapshot { lane: "total".to_owned(), ..LaneSnapshot::default() };
        for lane in &self.lanes {
            total.published += lane.published;
            total.confirmed += lane.confirmed;
            total.returned += lane.returned;
            total.refused += lane.refused;
            total.repeated += lane.repeated;
            total.in_flight += lane.in_flight;
            total.held += lane.held;
        }
        total
    }
}

/// What one lane counts.
#[derive(Debug, Default)]
pub(crate) struct LaneCounters {
    pub(crate) lane: String,
    pub(crate) published: AtomicU64,
    pub(crate) confirmed: AtomicU64,
    pub(crate) returned: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    pub(crate) held: AtomicU64,
}

impl LaneCounters {
    fn snapshot(&self) -> LaneSnapshot {
        LaneSnapshot {
            lane: self.lane.clone(),
            published: read(&self.published),
            confirmed: read(&self.confirmed),
            returned: read(&self.returned),
            refused: read(&self.refused),
            repeated: read(&self.repeated),
            in_flight: read(&self.in_flight),
            held: read(&self.held),
        }
    }
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Reads a counter.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A connection's state and since when.
#[derive(Debug, Default)]
pub(crate) struct LinkState(Mutex<LinkInner>);

#[derive(Debug)]
pub(crate) struct LinkInner {
    pub(crate) state: Link,
    pub(crate) since: Instant,
    pub(crate) connects: u64,
    pub(crate) last_error: Option<(&'static str, String)>,
}

impl Default for LinkInner {
    fn default() -> LinkInner {
        LinkInner { state: Link::Connecting, since: Instant::now(), connects: 0, last_error: None }
    }
}

impl LinkState {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LinkInner> {
        // Plain values: they are whole even if a holder of the lock panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state and for how long.
    pub(crate) fn get(&self) -> (Link, Duration) {
        let inner = self.lock();
        (inner.state, inner.since.elapsed())
    }

    pub(crate) fn connected(&self) {
        self.set(Link::Connected);
        self.lock().connects += 1;
    }

    pub(crate) fn blocked(&self, blocked: bool) {
        self.set(if blocked { Link::Blocked } else { Link::Connected });
    }

    pub(crate) fn lost(&self, code: &'static str, text: String) {
        // Before the first success it stays "connecting".
        if self.lock().connects > 0 {
            self.set(Link::Disconnected);
        }
        self.lock().last_error = Some((code, text));
    }

    fn set(&self, state: Link) {
        let mut inner = self.lock();
        if inner.state != state {
            inner.state = state;
            inner.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_link_tells_its_state_and_since_when() {
        let status = RelayStatus::new(&["tax".to_owned()]);
        status.link().lost("broker-refused", "no".to_owned());
        assert_eq!(status.snapshot().link, Link::Connecting);
        status.link().connected();
        tokio::time::advance(Duration::from_secs(3)).await;
        let snapshot = status.snapshot();
        assert_eq!((snapshot.link, snapshot.reconnects), (Link::Connected, 0));
        assert_eq!(snapshot.since, Duration::from_secs(3));
        status.link().blocked(true);
        assert_eq!(status.snapshot().link.as_str(), "blocked");
        status.link().lost("broker-lost", "gone".to_owned());
        status.link().lost("broker-refused", "no".to_owned());
        status.link().connected();
        let snapshot = status.snapshot();
        assert_eq!(snapshot.reconnects, 1);
        assert_eq!(snapshot.last_error, Some(("broker-refused", "no".to_owned())));
    }

    #[test]
    fn totals_are_the_sum_of_the_lanes() {
        let status = RelayStatus::new(&["tax".to_owned(), "customs".to_owned()]);
        for lane in status.lanes() {
            count(&lane.published);
            count(&lane.confirmed);
        }
        let totals = status.snapshot().totals();
        assert_eq!((totals.published, totals.confirmed, totals.returned), (2, 2, 0));
        assert_eq!(status.snapshot().lanes[1].lane, "customs");
    }
}
