//! Every row of the two tables, and the calendar.

use super::*;
use crate::model::Outcome;

const DAY_MS: i64 = 24 * 3600 * 1000;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn state(last_status: Option<i64>) -> KeyState {
    KeyState {
        version: 3,
        message: "m-3".into(),
        document: 7,
        app_type: 1,
        declared_ms: 5_000,
        period_start_ms: 1_000,
        last_status,
    }
}

fn seen(digest: Hash) -> SeenMessage {
    SeenMessage {
        id: "m-1".into(),
        content_digest: digest,
        received_ms: 0,
        outcome: Outcome::Accepted,
    }
}

#[test]
fn key_1_every_row() {
    let (same, other) = (Hash::of(b"same"), Hash::of(b"other"));
    assert_eq!(judge_guid(None, &same), GuidVerdict::Fresh);
    let message = "m-1".to_string();
    assert_eq!(
        judge_guid(Some(&seen(same)), &same),
        GuidVerdict::Duplicate { message: message.clone() }
    );
    assert_eq!(judge_guid(Some(&seen(same)), &other), GuidVerdict::Conflict { message });
}

/// Every appType x every status from -700000 to 1000 x both kinds of period x in and out of it,
/// against the table written the other way round: by what must hold of each verdict.
#[test]
fn key_2_every_row() {
    let start = ms("2026-01-15T04:00:00Z");
    let statuses = || (-700_000i64..=1000).step_by(7).chain(-10..=1000).map(Some).chain([None]);
    for app_type in 0..=u8::MAX {
        for last_status in statuses().filter(|s| app_type < 5 || s.is_none_or(|s| s % 60 == 0)) {
            for (period, now) in [
                (Period::Unlimited, start),
                (Period::Unlimited, start + 3000 * DAY_MS),
                (Period::Months(6), start + 100 * DAY_MS),
                (Period::Months(6), start + 200 * DAY_MS),
            ] {
                let present = KeyState { period_start_ms: start, ..state(last_status) };
                let verdict = judge_key(Some(&present), app_type, now, period);
                let over = period != Period::Unlimited && now == start + 200 * DAY_MS;
                let held = match last_status {
                    None | Some(2) | Some(120) | Some(399) | Some(899) => true,
                    Some(_) => false,
                };
                let expected = match (over, matches!(app_type, 2 | 3), held) {
                    (true, _, _) => Some((now, Why::NewPeriod)),
                    (false, true, _) => Some((start, Why::Marked)),
                    (false, false, false) => Some((start, Why::Reopened)),
                    (false, false, true) => None,
                };
                let expected = match expected {
                    Some((period_start_ms, why)) => {
                        KeyVerdict::Take { version: 4, period_start_ms, why }
                    }
                    None => KeyVerdict::AlreadyDeclared {
                        message: "m-3".into(),
                        document: 7,
                        last_status,
                    },
                };
                assert_eq!(verdict, expected, "{app_type} {last_status:?} {period:?}");
            }
        }
    }
}

#[test]
fn a_new_key_is_taken_whatever_the_document_is_marked_as() {
    for app_type in 0..=u8::MAX {
        for period in [Period::Unlimited, Period::Months(6)] {
            let verdict = judge_key(None, app_type, 42, period);
            let expected = KeyVerdict::Take { version: 1, period_start_ms: 42, why: Why::First };
            assert_eq!(verdict, expected);
        }
    }
}

#[test]
fn only_waybills_come_again() {
    assert_eq!(period_of("waybill"), Period::Months(6));
    assert_eq!(period_of("waybill-status"), Period::Months(6));
    for kind in ["order", "payment", "list", "Waybill", ""] {
        assert_eq!(period_of(kind), Period::Unlimited, "{kind}");
    }
}

#[test]
fn months_are_those_of_the_calendar_in_utc_plus_8() {
    for (start, end) in [
        ("2026-01-15T04:00:00Z", "2026-07-15T04:00:00Z"),
        // 31 August + 6 months: the last day of February.
        ("2026-08-31T04:00:00Z", "2027-02-28T04:00:00Z"),
        ("2027-08-31T04:00:00Z", "2028-02-29T04:00:00Z"),
        // Already 1 March in China, still 28 February in UTC.
        ("2026-02-28T17:00:00Z", "2026-08-31T17:00:00Z"),
    ] {
        let (start, end) = (ms(start), ms(end));
        assert_eq!(period_end(start, 6), Some(end));
        let present = KeyState { period_start_ms: start, ..state(Some(120)) };
        let at = |now| judge_key(Some(&present), 1, now, Period::Months(6));
        assert!(matches!(at(end - 1), KeyVerdict::AlreadyDeclared { .. }));
        assert!(matches!(at(end), KeyVerdict::Take { why: Why::NewPeriod, .. }));
    }
}

#[test]
fn times_before_the_start_or_off_the_calendar_do_not_end_a_period() {
    let present = KeyState { period_start_ms: 1_000, ..state(Some(2)) };
    let verdict = judge_key(Some(&present), 1, -5_000, Period::Months(6));
    assert!(matches!(verdict, KeyVerdict::AlreadyDeclared { .. }));
    for start in [i64::MIN, i64::MAX] {
        let present = KeyState { period_start_ms: start, ..state(Some(2)) };
        let verdict = judge_key(Some(&present), 1, i64::MAX, Period::Months(6));
        assert!(matches!(verdict, KeyVerdict::AlreadyDeclared { .. }));
    }
}

#[test]
fn versions_do_not_overflow() {
    let present = KeyState { version: u32::MAX, ..state(Some(100)) };
    let verdict = judge_key(Some(&present), 1, 2_000, Period::Unlimited);
    let KeyVerdict::Take { version, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(version, u32::MAX, "the store then refuses the version as a conflict");
}
