//! Every error has its own code, both texts, and says whether the process may go on.

use super::*;

fn all() -> Vec<StoreError> {
    let cause = || Cause::from("cause");
    let path = || PathBuf::from("d");
    vec![
        StoreError::Missing { path: path() },
        StoreError::NotAFolder { path: path() },
        StoreError::NotWritable { path: path(), source: cause() },
        StoreError::Locked { path: path() },
        StoreError::Newer { found: 2, known: 1 },
        StoreError::Foreign { path: path() },
        StoreError::LogKeyChanged { what: "key", stored: "a".into(), given: "b".into() },
        StoreError::LogDamaged("x".into()),
        StoreError::LogFork { size: 1 },
        StoreError::RolledBack { by: path(), known: 9, have: 4, since_ms: Some(0) },
        StoreError::HeadMissing { path: path() },
        StoreError::HeadDamaged { path: path() },
        StoreError::HeadOfAnotherLog { path: path(), found: "a".into(), expected: "b".into() },
        StoreError::Fenced { ours: 1, found: 2 },
        StoreError::DiskFull(cause()),
        StoreError::Io(cause()),
        StoreError::Fatal(cause()),
        StoreError::Damaged(cause()),
        StoreError::Conflict("x".into()),
        StoreError::Invalid { field: "f", expected: "e".into(), found: "g".into() },
        StoreError::Proof(cause()),
        StoreError::Seal(cause()),
        StoreError::FactErased { index: 1 },
        StoreError::NoRandomness,
        StoreError::MasterKeyMissing { master: "m1".into() },
        StoreError::DataKeyUnreadable { key: 1, master: "m1".into() },
        StoreError::BodyDamaged { body: 1, what: "x".into() },
        StoreError::Erased { body: 1, at_ms: 1_795_478_400_000 },
        StoreError::SegmentDamaged { segment: "00".into(), what: "x".into() },
        StoreError::Backend(cause()),
    ]
}

#[test]
fn every_error_has_its_own_code_and_both_texts() {
    let codes: std::collections::BTreeSet<_> = all().iter().map(StoreError::code).collect();
    assert_eq!(codes.len(), all().len());
    for error in all() {
        let ours = ["store-", "payload-"].iter().any(|own| error.code().starts_with(own));
        assert!(ours, "{error:?}");
        assert!(!error.en().ends_with('.'), "{}", error.en());
        assert!(error.zh().chars().any(|c| c as u32 >= 0x4e00), "{}", error.zh());
        assert!(!error.to_string().contains("cause"), "one level only: {error}");
    }
}

#[test]
fn an_erased_payload_says_when_it_went() {
    let error = StoreError::Erased { body: 7, at_ms: 1_795_478_400_000 };
    assert_eq!(error.en(), "payload 7 was erased on 2026-11-24 by policy");
    assert!(error.zh().contains("2026-11-24"), "{}", error.zh());
    assert!(!error.is_fatal());
}

#[test]
fn the_callers_code_passes_through() {
    let error = StoreError::abandoned("caller-says-no", "because");
    assert_eq!(error.code(), "caller-says-no");
    assert!(!error.is_fatal());
    assert!(error.zh().contains("because"));
}

#[test]
fn only_what_leaves_the_disk_unknown_or_contradictory_is_fatal() {
    let fatal: Vec<_> = all().iter().filter(|e| e.is_fatal()).map(|e| e.code()).collect();
    let expected = [
        "store-log-damaged",
        "store-log-fork",
        "store-rolled-back",
        "store-head-missing",
        "store-head-damaged",
        "store-fenced",
        "store-fatal",
        "store-damaged",
    ];
    assert_eq!(fatal, expected);
}

#[test]
fn a_rollback_says_exactly_what_is_missing() {
    let error = StoreError::RolledBack { by: "h".into(), known: 9, have: 4, since_ms: Some(0) };
    let en = "missing are 5 facts, 4 to 8, after 1970-01-01T00:00:00.000Z; an older copy";
    assert!(error.en().contains(en), "{}", error.en());
    assert!(error.zh().contains("缺少 5 条事实，序号 4 至 8"), "{}", error.zh());
}
