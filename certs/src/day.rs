//! Days of the zone.
//!
//! In: a timestamp. Out: the civil day in UTC+8, which has had no daylight
//! saving since 1991. Every dated right (delegation, policy) counts these days.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Offset of the zone's clock from UTC.
const ZONE: Offset = Offset::constant(8);

/// The civil day in UTC+8 that `at` falls on.
pub fn zone_day(at: Timestamp) -> Date {
    ZONE.to_datetime(at).date()
}
