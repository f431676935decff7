//! Times as facts write them: RFC 3339, UTC, milliseconds, years 1970 to 9999.
//!
//! In: milliseconds since 1970-01-01T00:00:00Z, or text; out: the other. One
//! spelling for each time; leap seconds do not exist here. Written out here so
//! that the last day of 9999 works, which time libraries tend to cut off.

use crate::leaf::MAX_TIME_MS;

const DAY_MS: i64 = 86_400_000;
/// Days from 0000-03-01, where the 400-year cycle of leap years starts, to 1970-01-01.
const CYCLE_TO_EPOCH: i64 = 719_468;
const CYCLE_DAYS: i64 = 146_097;

/// RFC 3339 in UTC with milliseconds, such as `2026-11-24T00:00:00.123Z`;
/// `None` outside 1970 to 9999.
#[must_use]
pub fn format_time(time_ms: i64) -> Option<String> {
    if !(0..=MAX_TIME_MS).contains(&time_ms) {
        return None;
    }
    let (year, month, day) = date(time_ms / DAY_MS);
    let rest = time_ms % DAY_MS;
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
}

/// Reads what [`format_time`] writes, and nothing else.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let number = |range| {
        let digits: &str = text.get(range)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<i64>().ok() } else { None }
    };
    let days = days(number(0..4)?, number(5..7)?, number(8..10)?);
    let minutes = number(11..13)? * 60 + number(14..16)?;
    let time_ms = days * DAY_MS + minutes * 60_000 + number(17..19)? * 1000 + number(20..23)?;
    // Separators, length and ranges: all is right if writing gives the same.
    (format_time(time_ms)? == text).then_some(time_ms)
}

/// Year, month and day of a day since 1970-01-01; years here begin in March,
/// so that the leap day is their last.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + CYCLE_TO_EPOCH;
    let (cycle, in_cycle) = (shifted / CYCLE_DAYS, shifted % CYCLE_DAYS);
    let leaps = in_cycle / 1460 - in_cycle / 36_524 + in_cycle / 146_096;
    let year = (in_cycle - leaps) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

/// Days since 1970-01-01 of a date, which may be one that does not exist.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (cycle, in_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * month + 2) / 5 + day - 1;
    let leaps = in_cycle / 4 - in_cycle / 100;
    cycle * CYCLE_DAYS + 365 * in_cycle + leaps + in_year - CYCLE_TO_EPOCH
}
