//! The circuit breaker in front of a back end, and the rate it is asked at. In come
//! successes and failures and the time; out goes how long to wait before the next try. The
//! pause grows with each failure in a row; from [`OPEN_AFTER`] of them on the breaker is
//! open, and a single order tries whether the back end is there again.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

use crate::backoff::Pauses;

/// Failures in a row that open the breaker.
pub const OPEN_AFTER: u32 = 5;
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    until: Option<Instant>,
    pauses: Pauses,
}

impl Breaker {
    pub(super) fn new() -> Breaker {
        Breaker { failures: 0, until: None, pauses: Pauses::between(PAUSES.0, PAUSES.1) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.failures >= OPEN_AFTER
    }

    /// How long no try is made; nothing when one may be made now.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.until
            .and_then(|until| until.checked_duration_since(now))
            .filter(|left| !left.is_zero())
    }

    pub(super) fn worked(&mut self) {
        self.failures = 0;
        self.until = None;
        self.pauses.reset();
    }

    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pauses.next();
        self.until = Some(now + pause);
        pause
    }
}

/// So many orders a second, or any number.
pub(super) struct Rate(Option<DefaultDirectRateLimiter>);

impl Rate {
    /// Bursts are as long as a second's worth.
    pub(super) fn new(a_second: Option<NonZeroU32>) -> Rate {
        Rate(a_second.map(|rate| RateLimiter::direct(Quota::per_second(rate))))
    }

    /// How many of `wanted` orders may go now, and else how long to wait for the first.
    pub(super) fn take(&self, wanted: usize) -> Result<usize, Duration> {
        let Some(limiter) = &self.0 else { return Ok(wanted) };
        for taken in 0..wanted {
            if let Err(not_until) = limiter.check() {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                return if taken == 0 { Err(wait) } else { Ok(taken) };
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_the_breaker_opens_and_a_success_closes_it() {
        let mut breaker = Breaker::new();
        assert_eq!((breaker.wait(Instant::now()), breaker.is_open()), (None, false));
        for n in 1..=OPEN_AFTER {
            let pause = breaker.failed(Instant::now());
            assert!(pause >= PAUSES.0 && pause <= PAUSES.1);
            assert_eq!(breaker.wait(Instant::now()), Some(pause));
            assert_eq!(breaker.is_open(), n == OPEN_AFTER);
            tokio::time::advance(pause).await;
            assert_eq!(breaker.wait(Instant::now()), None, "a try may be made");
        }
        for _ in 0..40 {
            assert!(breaker.failed(Instant::now()) <= PAUSES.1);
        }
        breaker.worked();
        assert_eq!((breaker.wait(Instant::now()), breaker.is_open()), (None, false));
        assert!(breaker.failed(Instant::now()) <= PAUSES.0 * 2, "it begins with the shortest");
    }

    #[test]
    fn a_rate_gives_a_second_s_worth_and_then_says_how_long_to_wait() {
        let rate = Rate::new(NonZeroU32::new(5));
        assert_eq!(rate.take(3), Ok(3));
        assert_eq!(rate.take(10), Ok(2));
        let wait = rate.take(1).unwrap_err();
        assert!(!wait.is_zero() && wait <= Duration::from_millis(200), "{wait:?}");
        assert_eq!(Rate::new(None).take(1_000_000), Ok(1_000_000));
    }
}
