//! The only place that reads the clock. Everything else is handed a time, so
//! that a test can put a stage at any moment.

use jiff::Timestamp;

/// The wall clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock;

impl Clock {
    /// Now, cut to whole milliseconds: facts and leaves carry milliseconds.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    pub(crate) fn now(self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A monotonic reading, for durations only.
#[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
pub(crate) fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
