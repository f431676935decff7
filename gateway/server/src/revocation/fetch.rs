//! Fetches revocation lists in the background, one loop for each issuer. In: addresses of
//! the configuration, asked in their order; out: lists given to [`Revocation`], counters, log
//! lines. A server that is down, slow, or says rubbish costs a pause that grows, with jitter,
//! and nothing else.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use onepoint_relay::backoff::Pauses;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Given, ListFault, Revocation, disk};
use crate::clock::Clock;
use crate::config::trust::{Address, ListSource};
use crate::metrics::Metrics;

/// First pause after a failure; the longest one is the usual time between two looks.
const RETRY: Duration = Duration::from_secs(2);
/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the loops share.
#[derive(Clone)]
pub(crate) struct Fetching {
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tolerance: SignedDuration,
}

/// Starts a loop for each issuer; they end with `stop`.
pub(crate) fn start(
    revocation: &Arc<Revocation>,
    fetching: &Fetching,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    for index in 0..revocation.issuers().len() {
        let (revocation, fetching) = (Arc::clone(revocation), fetching.clone());
        let stop = stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(fetching.keep_up(revocation, index)).await;
        });
    }
}

impl Fetching {
    async fn keep_up(&self, revocation: Arc<Revocation>, index: usize) {
        let Some(source) = revocation.issuers().get(index).cloned() else { return };
        let mut pauses = Pauses::between(RETRY.min(source.refresh), source.refresh);
        loop {
            let now = self.clock.now();
            let pause = match self.once(&revocation, index, &source).await {
                Some(ends) => {
                    pauses.reset();
                    until(&source, ends, now)
                }
                None => pauses.pause(),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks one address after the other until the list that is known is a current one. Gives
    /// its end (none: it has none), or nothing when no address gave such a list.
    async fn once(
        &self,
        revocation: &Arc<Revocation>,
        index: usize,
        source: &ListSource,
    ) -> Option<Option<Timestamp>> {
        for address in &source.addresses {
            let issuer = source.issuer.subject();
            let given = self.ask(revocation, index, source, address).await;
            let code = given.as_ref().map_or_else(|(code, _)| *code, |given| given.code());
            self.metrics.fetched(issuer, code);
            let shown = address.to_string();
            match given {
                Ok(Given::New) => tracing::info!(issuer, address = shown, "a new revocation list"),
                Ok(Given::Same) => {}
                Ok(Given::Older) => tracing::warn!(
                    issuer,
                    address = shown,
                    "the revocation list is older than the one that is known, which stays"
                ),
                Err((code, reason)) => {
                    tracing::warn!(issuer, address = shown, code, reason, "no revocation list");
                    continue;
                }
            }
            let state = revocation.states(self.clock.now()).into_iter().nth(index)?;
            if let (Some(list), None) = (state.list, state.unknown_since) {
                return Some(list.next_update);
            }
        }
        None
    }

    async fn ask(
        &self,
        revocation: &Arc<Revocation>,
        index: usize,
        source: &ListSource,
        address: &Address,
    ) -> Result<Given, (&'static str, String)> {
        let bytes = match address {
            Address::Http(fetch) => {
                fetch.get().await.map_err(|error| (error.code(), error.to_string()))?
            }
            Address::File(path) => {
                let (path, max) = (path.clone(), source.bytes_max);
                let read = tokio::task::spawn_blocking(move || disk::file(&path, max)).await;
                let read = read.map_err(|error| ("internal", error.to_string()))?;
                read.map_err(|error| ("file-unreadable", error.to_string()))?
            }
        };
        let (revocation, now, tolerance) =
            (Arc::clone(revocation), self.clock.now(), self.tolerance);
        // Verifying and parsing some megabytes is nothing for the threads that serve.
        let given =
            tokio::task::spawn_blocking(move || revocation.give(index, &bytes, now, tolerance));
        let given = given.await.map_err(|error| ("internal", error.to_string()))?;
        given.map_err(|fault: ListFault| (fault.code(), fault.to_string()))
    }
}

/// The time to the next look: the usual one give or take a tenth, but not past the list's end.
fn until(source: &ListSource, ends: Option<Timestamp>, now: Timestamp) -> Duration {
    let usual = source.refresh.mul_f64(0.9 + 0.2 * drawn());
    let left = ends.map(|ends| ends.duration_since(now).unsigned_abs());
    left.map_or(usual, |left| usual.min(left)).max(SHORTEST)
}

/// A number from 0 to 1.
fn drawn() -> f64 {
    let mut bytes = [0; 2];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    }
}
