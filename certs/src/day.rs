//! Days of the zone.
//!
//! In: a timestamp. Out: the civil day in UTC+8, which has had no daylight
//! saving since 1991. Every dated right (delegation, policy) counts these days.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Offset of the zone's clock from UTC.
const ZONE: Offset = Offset::constant(8);

/// The last second of a civil day in UTC+8; `None` at the end of all calendars.
pub fn end_of_day(day: Date) -> Option<Timestamp> {
    ZONE.to_timestamp(day.at(23, 59, 59, 0)).ok()
}

/// The civil day in UTC+8 that `at` falls on.
pub fn zone_day(at: Timestamp) -> Date {
    ZONE.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_before_the_next_begins() {
        let day: Date = "2027-02-28".parse().unwrap();
        let end = end_of_day(day).unwrap();
        assert_eq!(end.to_string(), "2027-02-28T15:59:59Z");
        let next = end + jiff::SignedDuration::from_secs(1);
        assert_eq!((zone_day(end), zone_day(next).to_string()), (day, "2027-03-01".to_owned()));
    }
}
