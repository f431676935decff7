//! `[alarms]`: from when on a queue is worth a warning in the log and a 1 in the metrics.

use std::time::Duration;

use super::section::Section;

/// Longest age that can be asked for: a year, in seconds.
const AGE_MAX_S: u64 = 366 * 24 * 3600;

/// Bounds of a healthy queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alarms {
    /// Messages that wait for one department or participant.
    pub(crate) length: u64,
    /// Age of the oldest of them.
    pub(crate) age: Duration,
}

pub(super) fn read(section: Option<Section<'_, '_>>) -> Alarms {
    let mut alarms = Alarms { length: 10_000, age: Duration::from_secs(600) };
    if let Some(section) = section {
        alarms.length = section.number("length", 1..=1_000_000_000, alarms.length);
        let age = section.number("age_s", 1..=AGE_MAX_S, alarms.age.as_secs());
        alarms.age = Duration::from_secs(age);
        section.finish();
    }
    alarms
}
