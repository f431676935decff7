//! Facts: the canonical bytes, each fault with its code, and times compared with
//! another implementation.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::leaf::{MAX_TIME_MS, commitment};

/// 2026-11-24T00:00:00.123Z.
const TIME: i64 = 1_795_478_400_123;

fn fact() -> Fact {
    Fact::new(FactKind::ACCEPTED, TIME)
        .set("sender", "testjia")
        .set("document", 3)
        .set("digest", json!({"sha256": "00"}))
}

fn code(bytes: &[u8]) -> &'static str {
    Fact::parse(bytes).unwrap_err().code()
}

#[test]
fn written_canonically_and_read_back() {
    let bytes = fact().to_bytes().unwrap();
    let expected = r#"{"digest":{"sha256":"00"},"document":3,"kind":"accepted","sender":"testjia","time":"2026-11-24T00:00:00.123Z","v":1}"#;
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    let again = Fact::parse(&bytes).unwrap();
    assert_eq!(again, fact());
    assert_eq!((again.kind(), again.time_ms()), (&FactKind::ACCEPTED, TIME));
    assert_eq!(again.get("sender"), Some(&json!("testjia")));
    assert_eq!(again.members().count(), 3);
}

#[test]
fn a_leaf_commits_to_the_bytes() {
    let nonce = Nonce::new([9; 32]);
    let (bytes, leaf) = fact().commit(&nonce).unwrap();
    assert_eq!(leaf.commitment, commitment(&nonce, &bytes));
    assert_eq!((leaf.kind, leaf.time_ms), (FactKind::ACCEPTED, TIME));
}

#[test]
fn each_fault_of_the_bytes_has_its_code() {
    let good = String::from_utf8(fact().to_bytes().unwrap()).unwrap();
    let with = |from: &str, to: &str| code(good.replace(from, to).as_bytes());
    assert_eq!(code(&vec![b' '; MAX_FACT_BYTES + 1]), "fact-too-large");
    assert_eq!(with("{\"digest", "[\"digest"), "fact-not-json");
    assert_eq!(with("3", "null"), "fact-not-json");
    assert_eq!(with("3", "3.5"), "fact-not-json");
    assert_eq!(code(b"[]"), "fact-not-json");
    assert_eq!(with(":3", ": 3"), "fact-not-canonical");
    assert_eq!(with("testjia", "test\\u006aia"), "fact-not-canonical");
    assert_eq!(with("\"document\"", "\"zdocument\""), "fact-not-canonical");
    assert_eq!(with("\"document\"", "\"doc ument\""), "fact-value");
    assert_eq!(with("\"v\":1", "\"v\":2"), "fact-version");
    assert_eq!(with(",\"v\":1", ""), "fact-version");
    assert_eq!(with("accepted", "Accepted"), "fact-kind");
    assert_eq!(with("\"accepted\"", "1"), "fact-kind");
    assert_eq!(with("\"kind\":\"accepted\",", ""), "fact-kind");
    assert_eq!(with("\"time\":\"2026-11-24T00:00:00.123Z\",", ""), "fact-time");
    for time in [
        "2026-11-24T00:00:00Z",
        "2026-11-24T00:00:00.1230Z",
        "2026-11-24t00:00:00.123Z",
        "2026-11-24T08:00:00.123+08:00",
        "2026-11-24T00:00:60.123Z",
        "2026-02-30T00:00:00.123Z",
        "2026-11-24T24:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "+12026-11-24T00:00:00.123Z",
        "",
    ] {
        assert_eq!(with("2026-11-24T00:00:00.123Z", time), "fact-time", "{time}");
    }
    assert_eq!(
        Fact::parse(good.replace(":3", ": 3").as_bytes()),
        Err(FactError::NotCanonical { at: 37 })
    );
}

#[test]
fn each_fault_of_the_members_has_its_code() {
    let code = |fact: Fact| fact.to_bytes().unwrap_err().code();
    for name in RESERVED_MEMBERS {
        assert_eq!(code(fact().set(name, 1)), "fact-member-reserved");
    }
    assert_eq!(code(fact().set("x", json!(1.5))), "fact-value");
    assert_eq!(code(fact().set("x", Value::Null)), "fact-value");
    assert_eq!(code(fact().set("é", 1)), "fact-value");
    let error = fact().set("x", json!([{"y": null}])).to_bytes().unwrap_err();
    assert!(error.en().contains("/x/0/y"), "{error}");
    assert_eq!(code(fact().set("x", "a".repeat(MAX_FACT_BYTES))), "fact-too-large");
    for time in [-1, MAX_TIME_MS + 1] {
        assert_eq!(code(Fact::new(FactKind::KEY, time)), "fact-time");
        let error = Fact::new(FactKind::KEY, time).commit(&Nonce::new([0; 32])).unwrap_err();
        assert_eq!(error.code(), "fact-time");
    }
}

#[test]
fn the_cap_is_exact() {
    let room = MAX_FACT_BYTES - fact().set("x", "").to_bytes().unwrap().len();
    let full = fact().set("x", "a".repeat(room)).to_bytes().unwrap();
    assert_eq!(full.len(), MAX_FACT_BYTES);
    assert!(Fact::parse(&full).is_ok());
    assert!(fact().set("x", "a".repeat(room + 1)).to_bytes().is_err());
}

#[test]
fn times_of_the_whole_range() {
    for (time, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (TIME, "2026-11-24T00:00:00.123Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (MAX_TIME_MS, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(format_time(time).unwrap(), text);
        assert_eq!(parse_time(text), Some(time));
    }
    assert_eq!(format_time(-1), None);
    assert_eq!(format_time(i64::MAX), None);
}

#[test]
fn a_digest_stands_for_a_list_that_is_too_long() {
    let list = json!([{"b": 1, "a": "x"}]);
    assert_eq!(canonical_digest(&list).unwrap(), Hash::of(br#"[{"a":"x","b":1}]"#));
    assert_eq!(canonical_digest(&json!([1.5])).unwrap_err().code(), "fact-value");
}

#[test]
fn every_error_has_both_languages() {
    let errors = [
        FactError::TooLarge { bytes: 1 },
        FactError::Json { reason: "x".into() },
        FactError::NotCanonical { at: 1 },
        FactError::Value { path: "/x".into(), reason: "null" },
        FactError::Reserved { name: "v".into() },
        FactError::Version,
        FactError::Kind,
        FactError::Time,
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
}

proptest! {
    #[test]
    fn reading_is_exact(bytes: Vec<u8>) {
        prop_assert!(Fact::parse(&bytes).is_err());
    }

    #[test]
    fn one_changed_byte_is_refused_or_another_fact(at in 0usize..116, byte: u8) {
        let mut bytes = fact().to_bytes().unwrap();
        bytes[at] = byte;
        if let Ok(read) = Fact::parse(&bytes) {
            prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn any_time_reads_back(time in 0..=MAX_TIME_MS) {
        prop_assert_eq!(parse_time(&format_time(time).unwrap()), Some(time));
    }

    #[test]
    fn times_agree_with_jiff(time in 0..MAX_TIME_MS - 200_000_000) {
        let theirs = jiff::Timestamp::from_millisecond(time).unwrap();
        let theirs = theirs.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        prop_assert_eq!(format_time(time).unwrap(), theirs);
    }

    #[test]
    fn text_like_times_is_read_exactly(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9].[0-9]{3}Z") {
        let theirs = text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond());
        if let Some(time) = parse_time(&text) {
            prop_assert_eq!(Some(time), theirs);
        } else {
            let good = theirs.and_then(format_time).is_some_and(|again| again == text);
            prop_assert!(!good);
        }
    }
}
