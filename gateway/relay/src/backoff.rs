//! How long to wait before trying again. Pauses grow by the factor 2 with jitter, so
//! that many processes do not come back to a restarted broker in the same instant.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// First and longest pause between two attempts to reach a broker or a gateway.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// First and longest pause before a single row or message is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// A series of pauses without an end.
#[derive(Debug)]
pub struct Pauses {
    builder: ExponentialBuilder,
    series: ExponentialBackoff,
    longest: Duration,
}

impl Pauses {
    /// For connections.
    pub(crate) fn reconnect() -> Pauses {
        Pauses::between(RECONNECT.0, RECONNECT.1)
    }

    /// For one row or one message.
    pub(crate) fn retry() -> Pauses {
        Pauses::between(RETRY.0, RETRY.1)
    }

    /// From `shortest` to `longest`.
    #[must_use]
    pub fn between(shortest: Duration, longest: Duration) -> Pauses {
        let builder = ExponentialBuilder::new()
            .with_min_delay(shortest)
            .with_max_delay(longest)
            .without_max_times()
            .with_jitter();
        Pauses { series: builder.build(), builder, longest }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        // The jitter comes on top of the longest delay: cut it, so that a bound is a bound.
        self.series.next().unwrap_or(self.longest).min(self.longest)
    }

    /// The next pause, for users outside of this crate.
    pub fn pause(&mut self) -> Duration {
        self.next()
    }

    /// It worked: begin with the shortest pause next time.
    pub fn reset(&mut self) {
        self.series = self.builder.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_begin_again() {
        let mut pauses = Pauses::reconnect();
        let first: Vec<Duration> = (0..50).map(|_| pauses.next()).collect();
        assert!(first[0] >= RECONNECT.0 && first[0] <= RECONNECT.0 * 2);
        assert!(first.iter().all(|pause| *pause <= RECONNECT.1));
        assert_eq!(first[49], RECONNECT.1);
        pauses.reset();
        assert!(pauses.next() <= RECONNECT.0 * 2);
    }

    #[test]
    fn two_series_differ() {
        let series = || {
            (0..8).map({
                let mut pauses = Pauses::retry();
                move |_| pauses.next()
            })
        };
        assert_ne!(series().collect::<Vec<_>>(), series().collect::<Vec<_>>());
    }
}
