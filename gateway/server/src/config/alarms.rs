//! `[alarms]`: from when on a queue is worth a warning in the log and a 1 in the metrics, and
//! an answer of a department is overdue.

use std::time::Duration;

use super::section::Section;

/// Longest age that can be asked for: a year, in seconds.
const AGE_MAX_S: u64 = 366 * 24 * 3600;

/// A day.
const ANSWER_DUE: Duration = Duration::from_secs(24 * 3600);

/// Bounds of healthy queues and departments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alarms {
    /// Messages that wait for one department or participant.
    pub(crate) length: u64,
    /// Age of the oldest of them.
    pub(crate) age: Duration,
    /// How long a department may take until it says something more.
    pub(crate) answer: Duration,
}

pub(super) fn read(section: Option<Section<'_, '_>>) -> Alarms {
    let age = Duration::from_secs(600);
    let mut alarms = Alarms { length: 10_000, age, answer: ANSWER_DUE };
    if let Some(section) = section {
        alarms.length = section.number("length", 1..=1_000_000_000, alarms.length);
        let age = section.number("age_s", 1..=AGE_MAX_S, alarms.age.as_secs());
        alarms.age = Duration::from_secs(age);
        let answer = section.number("answer_s", 1..=AGE_MAX_S, alarms.answer.as_secs());
        alarms.answer = Duration::from_secs(answer);
        section.finish();
    }
    alarms
}
