//! Completeness: the running hash over one participant's facts of one day.
//!
//! In: the participant, the day, and each fact's index and leaf hash in the order
//! of the log; out: a hash that a signed statement fixes. Promise: whoever holds
//! the list and the statement can show that a fact is missing from it.

use std::fmt;

use crate::fact::{format_time, parse_time};
use crate::hash::Hash;
use crate::leaf::MAX_TIME_MS;

/// First line of what the first hash is made of, and the version of the rule.
pub const COMPLETENESS_FORMAT: &str = "onepoint-completeness/1";
/// Most entries of one day's list that is read at once; more than that comes in pages.
pub const MAX_LISTED: usize = 10_000;

/// Milliseconds of UTC+8 against UTC.
const OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A calendar day in UTC+8, as days since 1970-01-01 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day of a moment, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn of(time_ms: i64) -> Day {
        Day::from_number(time_ms.clamp(0, MAX_TIME_MS).saturating_add(OFFSET_MS) / DAY_MS)
    }

    /// The day with this number; 1970-01-01 for less than 0, 9999-12-31 for more than that.
    #[must_use]
    pub fn from_number(number: i64) -> Day {
        Day(number.clamp(0, MAX_TIME_MS / DAY_MS))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Day {
        Day::from_number(self.0.saturating_add(1))
    }

    /// Reads `YYYY-MM-DD`; `None` for anything else and for days before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Day> {
        let midnight = parse_time(&format!("{text}T00:00:00.000Z"))?;
        Some(Day::from_number(midnight / DAY_MS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = format_time(self.0.saturating_mul(DAY_MS)).unwrap_or_default();
        f.write_str(midnight.split('T').next().unwrap_or_default())
    }
}

/// The running hash before the first fact.
#[must_use]
pub fn running_start(participant: &str, day: Day) -> Hash {
    Hash::of(format!("{COMPLETENESS_FORMAT}\n{participant}\n{day}\n").as_bytes())
}

/// The running hash after one more fact.
#[must_use]
pub fn running_next(before: &Hash, index: u64, leaf: &Hash) -> Hash {
    let mut bytes = [0; 72];
    let (head, rest) = bytes.split_at_mut(32);
    let (middle, tail) = rest.split_at_mut(8);
    head.copy_from_slice(before.as_bytes());
    middle.copy_from_slice(&index.to_be_bytes());
    tail.copy_from_slice(leaf.as_bytes());
    Hash::of(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_of_utc_8() {
        // 2026-11-24T00:00:00+08:00 is 2026-11-23T16:00:00Z.
        let midnight = 1_795_449_600_000;
        assert_eq!(Day::of(midnight).to_string(), "2026-11-24");
        assert_eq!(Day::of(midnight - 1).to_string(), "2026-11-23");
        assert_eq!(Day::of(midnight - 1).next(), Day::of(midnight));
        assert_eq!(Day::of(0).to_string(), "1970-01-01");
        assert_eq!(Day::of(MAX_TIME_MS).to_string(), "9999-12-31");
        assert_eq!(Day::from_number(-1).number(), 0);
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for number in [0, 1, 59, 365, 20_781, 100_000] {
            let day = Day::from_number(number);
            assert_eq!(Day::parse(&day.to_string()), Some(day), "{day}");
        }
        for bad in ["", "2026-1-1", "1969-12-31", "2026-02-30", "2026-11-24T00:00", "x"] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }

    /// Independent figures: sha256sum of the bytes that FORMATS.md names.
    #[test]
    fn the_running_hash_is_the_one_of_the_documentation() {
        let start = running_start("jia", Day::of(1_795_449_600_000));
        assert_eq!(start, Hash::of(b"onepoint-completeness/1\njia\n2026-11-24\n"));
        let leaf = Hash::of(b"leaf");
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        bytes.extend(leaf.as_bytes());
        assert_eq!(running_next(&start, 258, &leaf), Hash::of(&bytes));
        assert_ne!(running_next(&start, 258, &leaf), running_next(&start, 259, &leaf));
    }
}
