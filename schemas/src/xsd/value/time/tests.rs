//! Points in time and durations: what is one, and their order.

use super::*;

fn at(point: Point, text: &str) -> Instant {
    Instant::parse(point, text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn what_is_written_well() {
    for (point, good) in [
        (Point::DateTime, "2026-11-28T23:59:59"),
        (Point::DateTime, "-0044-03-15T00:00:00.000Z"),
        (Point::DateTime, "12026-02-28T24:00:00+14:00"),
        (Point::Date, "2024-02-29-05:00"),
        (Point::Time, "24:00:00"),
        (Point::YearMonth, "2026-12Z"),
        (Point::Year, "0001"),
        (Point::MonthDay, "--02-29"),
        (Point::Month, "--12+01:00"),
        (Point::Day, "---31"),
    ] {
        assert!(Instant::is_valid(point, good), "{good}");
    }
    for (point, bad) in [
        (Point::DateTime, "2026-11-28"),
        (Point::DateTime, "2026-11-28T24:00:01"),
        (Point::DateTime, "2026-11-28T23:60:00"),
        (Point::DateTime, "2026-11-28T23:59:59."),
        (Point::DateTime, "2026-11-28T23:59:59+14:01"),
        (Point::DateTime, "2026-11-28t23:59:59"),
        (Point::DateTime, "+2026-11-28T23:59:59"),
        (Point::Date, "2026-02-29"),
        (Point::Date, "0000-01-01"),
        (Point::Date, "02026-01-01"),
        (Point::Date, "2026-1-01"),
        (Point::Time, "1:00:00"),
        (Point::YearMonth, "2026-13"),
        (Point::MonthDay, "--02-30"),
        (Point::Month, "--12--"),
        (Point::Day, "---32"),
        (Point::Year, ""),
    ] {
        assert!(!Instant::is_valid(point, bad), "{bad}");
    }
}

#[test]
fn zones_are_taken_into_account_and_none_may_be_any() {
    let (one, same) = ("2026-01-01T00:00:00+08:00", "2025-12-31T16:00:00Z");
    assert_eq!(at(Point::DateTime, one), at(Point::DateTime, same));
    let order =
        |one: &str, other: &str| at(Point::DateTime, one).partial_cmp(&at(Point::DateTime, other));
    assert_eq!(order("2000-01-01T12:00:00", "1999-12-31T23:00:00Z"), None);
    assert_eq!(order("2000-01-16T12:00:00", "2000-01-15T12:00:00Z"), Some(Ordering::Greater));
    assert_eq!(order("2000-01-15T00:00:00", "2000-02-15T00:00:00"), Some(Ordering::Less));
    assert_eq!(order("2000-01-15T12:00:00", "2000-01-16T12:00:00Z"), Some(Ordering::Less));
    assert_eq!(order("2000-01-01T00:00:00.5", "2000-01-01T00:00:00.50"), Some(Ordering::Equal));
    assert_eq!(order("2000-01-01T00:00:00.5", "2000-01-01T00:00:00.51"), Some(Ordering::Less));
    assert_eq!(order("-0002-01-01T00:00:00", "-0001-01-01T00:00:00"), Some(Ordering::Less));
    assert_eq!(order("-0001-12-31T24:00:00", "0001-01-01T00:00:00"), Some(Ordering::Equal));
}

#[test]
fn durations_compare_where_all_reference_times_agree() {
    let order = |one: &str, other: &str| {
        Duration::parse(one).unwrap().partial_cmp(&Duration::parse(other).unwrap())
    };
    assert_eq!(order("P1Y", "P364D"), Some(Ordering::Greater));
    assert_eq!(order("P1Y", "P365D"), None);
    assert_eq!(order("P1M", "P28D"), None);
    assert_eq!(order("P1M", "P27D"), Some(Ordering::Greater));
    assert_eq!(order("P5M", "P149D"), Some(Ordering::Greater));
    assert_eq!(order("P5M", "P154D"), Some(Ordering::Less));
    assert_eq!(order("PT1.50S", "PT1.5S"), Some(Ordering::Equal));
    assert_eq!(order("-PT1.6S", "-PT1.5S"), Some(Ordering::Less));
    assert_eq!(order("-P1D", "P1D"), Some(Ordering::Less));
    assert_eq!(order("P1D", "PT24H"), Some(Ordering::Equal));
    for bad in [
        "", "P", "PT", "P1", "1D", "P1S", "P1DT", "P1M1Y", "PT1.S", "PT.5S", "P1.5D", "P-1D",
        "PT1S1S", "P1YT", "PT1.5M",
    ] {
        assert_eq!(Duration::parse(bad), None, "{bad}");
    }
    for good in ["P1Y2M3DT4H5M6.7S", "-P1M", "PT1M", "P0D", "P99999999999999999999999999999999999Y"]
    {
        assert!(Duration::parse(good).is_some(), "{good}");
    }
}
