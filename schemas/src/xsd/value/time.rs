//! The date and time types of XML Schema part 2, sections 3.2.6 to 3.2.14. In: the lexical
//! form, trimmed. Out: instants and durations that compare as the recommendation says,
//! partially: with and without time zone there may be no order.

use std::cmp::Ordering;

/// Seconds of the widest time zone, 14 hours.
const ZONE_MAX: i128 = 14 * 3600;
/// Digits of a year or of a part of a duration that are counted; more saturate.
const NUMBER_DIGITS: usize = 30;

/// Which of the eight types of points in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::xsd) enum Point {
    DateTime,
    Date,
    Time,
    YearMonth,
    Year,
    MonthDay,
    Month,
    Day,
}

/// A point in time on a line of seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::xsd) struct Instant {
    /// Seconds; in UTC where there is a zone.
    seconds: i128,
    /// Digits behind the second, without trailing zeros.
    fraction: Box<[u8]>,
    zoned: bool,
}

impl Instant {
    /// Reads a value of the type `point`; none when it is not one.
    pub(in crate::xsd) fn parse(point: Point, text: &str) -> Option<Instant> {
        let mut rest = Scan(text.as_bytes());
        let (mut year, mut month, mut day) = (2000_i128, 1_u32, 1_u32);
        let (mut seconds, mut fraction) = (0_i128, &[][..]);
        match point {
            Point::DateTime | Point::Date | Point::YearMonth | Point::Year => year = rest.year()?,
            Point::MonthDay | Point::Month | Point::Day => rest.literal(b"-")?,
            Point::Time => {}
        }
        if matches!(point, Point::DateTime | Point::Date | Point::YearMonth) {
            rest.literal(b"-")?;
            month = rest.two()?;
        }
        if matches!(point, Point::MonthDay | Point::Month) {
            rest.literal(b"-")?;
            month = rest.two()?;
            // The first edition had `--MM--`, which its erratum took back.
        }
        if matches!(point, Point::DateTime | Point::Date | Point::MonthDay) {
            rest.literal(b"-")?;
            day = rest.two()?;
        }
        if point == Point::Day {
            rest.literal(b"--")?;
            day = rest.two()?;
        }
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        if point == Point::DateTime {
            rest.literal(b"T")?;
        }
        if matches!(point, Point::DateTime | Point::Time) {
            (seconds, fraction) = rest.clock()?;
        }
        let zone = rest.zone()?;
        if !rest.0.is_empty() {
            return None;
        }
        let day_number = days_from_epoch(year, month, day);
        let seconds = day_number * 86_400 + seconds - zone.unwrap_or(0);
        Some(Instant { seconds, fraction: fraction.into(), zoned: zone.is_some() })
    }

    /// Whether a value of the type `point` is written well; as [`Instant::parse`], without a copy.
    pub(in crate::xsd) fn is_valid(point: Point, text: &str) -> bool {
        // An empty boxed slice is no allocation, and few values have a fraction.
        Instant::parse(point, text).is_some()
    }

    fn shifted(&self, by: i128) -> (i128, &[u8]) {
        (self.seconds + by, &self.fraction)
    }
}

impl PartialOrd for Instant {
    /// Part 2, section 3.2.7.4: without a zone it may be any of them.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.zoned, other.zoned) {
            (true, false) => {
                if self.shifted(0) < other.shifted(-ZONE_MAX) {
                    Some(Ordering::Less)
                } else if self.shifted(0) > other.shifted(ZONE_MAX) {
                    Some(Ordering::Greater)
                } else {
                    None
                }
            }
            (false, true) => other.partial_cmp(self).map(Ordering::reverse),
            _ => Some(self.shifted(0).cmp(&other.shifted(0))),
        }
    }
}

/// Years, months, days, hours, minutes, seconds (section 3.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::xsd) struct Duration {
    months: i128,
    seconds: i128,
    /// Digits behind the second, without trailing zeros; of the sign of the whole.
    fraction: Box<[u8]>,
    negative: bool,
}

impl Duration {
    /// Reads `-?PnYnMnDTnHnMnS`; none when it is something else.
    pub(in crate::xsd) fn parse(text: &str) -> Option<Duration> {
        let mut rest = Scan(text.as_bytes());
        let negative = rest.literal(b"-").is_some();
        rest.literal(b"P")?;
        let (mut months, mut seconds, mut fraction) = (0_i128, 0_i128, &[][..]);
        let (mut any, mut timed) = (false, false);
        // The designators in their order; the second M stands behind T.
        let order = [(b'Y', false), (b'M', false), (b'D', false), (b'H', true), (b'M', true)];
        let factors = [12_i128, 1, 86_400, 3600, 60];
        let mut next = 0;
        while !rest.0.is_empty() {
            if !timed && rest.literal(b"T").is_some() {
                (timed, any) = (true, false);
                continue;
            }
            let number = rest.number()?;
            if timed && rest.0.first() == Some(&b'.') {
                fraction = rest.fraction()?;
            }
            let unit = rest.take()?;
            any = true;
            if timed && unit == b'S' && next <= order.len() {
                seconds = seconds.saturating_add(number);
                next = order.len() + 1;
                continue;
            }
            if !fraction.is_empty() {
                return None;
            }
            let at = order.iter().enumerate().skip(next).find(|(_, o)| **o == (unit, timed))?.0;
            let amount = number.saturating_mul(*factors.get(at)?);
            match at {
                0 | 1 => months = months.saturating_add(amount),
                _ => seconds = seconds.saturating_add(amount),
            }
            next = at + 1;
        }
        if !any {
            return None;
        }
        let sign = if negative { -1 } else { 1 };
        let fraction = trimmed(fraction).into();
        Some(Duration { months: sign * months, seconds: sign * seconds, fraction, negative })
    }

    /// The seconds after this duration from one of the four reference times.
    fn from(&self, year: i128, month: u32) -> (i128, i128) {
        let months = year * 12 + i128::from(month) - 1 + self.months;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
        (days_from_epoch(year, month, 1) * 86_400 + self.seconds, self.scaled())
    }

    /// The fraction in units of 10^-30 seconds, signed; further digits do not count.
    fn scaled(&self) -> i128 {
        let digits = (0..NUMBER_DIGITS).map(|at| self.fraction.get(at).map_or(0, |d| d - b'0'));
        let size = digits.fold(0_i128, |all, digit| all * 10 + i128::from(digit));
        if self.negative { -size } else { size }
    }
}

impl PartialOrd for Duration {
    /// Section 3.2.6.2: less or greater where it is so from all four reference times.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let starts = [(1696, 9), (1697, 2), (1903, 3), (1903, 7)];
        let mut orders = starts.map(|(y, m)| self.from(y, m).cmp(&other.from(y, m))).into_iter();
        let first = orders.next()?;
        orders.all(|order| order == first).then_some(first)
    }
}

/// The rest of a text.
struct Scan<'t>(&'t [u8]);

impl<'t> Scan<'t> {
    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn digits(&mut self) -> &'t [u8] {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits
    }

    fn number(&mut self) -> Option<i128> {
        let digits = self.digits();
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        let counted = digits.get(leading..)?;
        let value = |all: i128, digit: &u8| all * 10 + i128::from(digit - b'0');
        match (digits.is_empty(), counted.len() > NUMBER_DIGITS) {
            (true, _) => None,
            (_, true) => Some(10_i128.pow(NUMBER_DIGITS as u32)),
            (_, false) => Some(counted.iter().fold(0, value)),
        }
    }

    fn two(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        let [tens, ones] = digits.map(|byte| u32::from(byte.wrapping_sub(b'0')));
        (tens < 10 && ones < 10).then_some(tens * 10 + ones)
    }

    /// `.` and digits, of which there must be one.
    fn fraction(&mut self) -> Option<&'t [u8]> {
        self.literal(b".")?;
        let digits = self.digits();
        (!digits.is_empty()).then_some(digits)
    }

    /// Four digits or more, no zero in front of more than four, no year 0. The year before
    /// 0001 is -0001: it is counted as 0.
    fn year(&mut self) -> Option<i128> {
        let negative = self.literal(b"-").is_some();
        let digits = self.digits();
        if digits.len() < 4 || (digits.len() > 4 && digits.first() == Some(&b'0')) {
            return None;
        }
        let year = Scan(digits.get(..digits.len().min(18))?).number()?;
        match (year, negative) {
            (0, _) => None,
            (year, true) => Some(1 - year),
            (year, false) => Some(year),
        }
    }

    /// `hh:mm:ss(.s+)?`; 24:00:00 is the end of the day.
    fn clock(&mut self) -> Option<(i128, &'t [u8])> {
        let hour = self.two()?;
        self.literal(b":")?;
        let minute = self.two()?;
        self.literal(b":")?;
        let second = self.two()?;
        let fraction = match self.0.first() {
            Some(b'.') => trimmed(self.fraction()?),
            _ => &[],
        };
        let end_of_day = hour == 24 && minute == 0 && second == 0 && fraction.is_empty();
        if (hour > 23 && !end_of_day) || minute > 59 || second > 59 {
            return None;
        }
        Some((i128::from(hour * 3600 + minute * 60 + second), fraction))
    }

    /// Nothing, `Z`, or an offset up to 14:00, in seconds.
    fn zone(&mut self) -> Option<Option<i128>> {
        let sign = match self.0.first() {
            Some(b'Z') => {
                self.take();
                return Some(Some(0));
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some(None),
        };
        self.take();
        let hour = self.two()?;
        self.literal(b":")?;
        let minute = self.two()?;
        let seconds = i128::from(hour * 3600 + minute * 60);
        (minute <= 59 && seconds <= ZONE_MAX).then_some(Some(sign * seconds))
    }
}

fn trimmed(fraction: &[u8]) -> &[u8] {
    let zeros = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
    fraction.get(..fraction.len() - zeros).unwrap_or_default()
}

fn days_in(year: i128, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from a fixed day in the proleptic Gregorian calendar. The year begins in March, so
/// that the leap day is its last.
fn days_from_epoch(year: i128, month: u32, day: u32) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = i128::from((month + 9) % 12);
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + i128::from(day)
}

#[cfg(test)]
mod tests;
