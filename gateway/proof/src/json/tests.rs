//! The narrow JSON: what is refused, what the canonical form is, and that no
//! input panics.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn refused(text: &str) -> String {
    parse(text.as_bytes(), MAX_DEPTH).unwrap_err().0
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    for text in [
        "",
        "{",
        "[1,]",
        "{}x",
        "nul",
        "\u{feff}{}",
        "null",
        "[null]",
        "1.0",
        "1e2",
        "-0",
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551616",
        "01",
        "NaN",
        "+1",
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#""\ud800""#,
        "\"\t\"",
        "'a'",
    ] {
        assert!(!refused(text).is_empty(), "{text}");
    }
    assert!(parse(b"\"\xff\"", MAX_DEPTH).is_err());
    assert!(refused(r#"{"a":1,"a":1}"#).contains("line 1"));
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(parse(nested(MAX_DEPTH).as_bytes(), MAX_DEPTH).is_ok());
    assert!(refused(&nested(MAX_DEPTH + 1)).contains("deep"));
    assert!(!refused(&nested(100_000)).is_empty());
    let deep = parse(nested(MAX_DEPTH).as_bytes(), MAX_DEPTH).unwrap();
    assert_eq!(canonical(&deep, MAX_DEPTH - 1).unwrap_err().1, "nested too deeply");
    let object = json!({"a": {"b": {}}});
    assert_eq!(canonical(&object, 2).unwrap_err(), ("/a/b".to_owned(), "nested too deeply"));
}

#[test]
fn numbers_are_exact() {
    let value = parse(b"[9007199254740991,-9007199254740991,0]", 1).unwrap();
    assert_eq!(canonical(&value, 1).unwrap(), b"[9007199254740991,-9007199254740991,0]");
    for bad in [json!(1.5), json!(9_007_199_254_740_992u64), json!(u64::MAX), json!(null)] {
        assert!(canonical(&json!([bad]), 1).is_err());
    }
}

#[test]
fn canonical_form_is_that_of_rfc_8785() {
    let value = parse(
        br#" { "b" : [ true , false ] , "a" : "\u20ac$\u000F\nA'\u0042\u0022\u005c\\\"\/" , "B":{} } "#,
        3,
    );
    let expected = "{\"B\":{},\"a\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\",\"b\":[true,false]}";
    assert_eq!(canonical(&value.unwrap(), 3).unwrap(), expected.as_bytes());
    let controls = json!("\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}\u{2028}");
    let expected = "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\u{2028}\"";
    assert_eq!(canonical(&controls, 0).unwrap(), expected.as_bytes());
}

#[test]
fn names_are_plain() {
    for good in ["a", "Order.no_1:x-y", &"n".repeat(64)] {
        assert!(is_name(good));
    }
    for bad in ["", " ", "a b", "é", "a\"", &"n".repeat(65)] {
        assert!(!is_name(bad));
        assert!(canonical(&json!({ bad: 1 }), 1).is_err());
    }
}

#[test]
fn pretty_text_is_stable_and_the_same_value() {
    let value = json!({"b": [1, {"c": "x\n"}, []], "a": {}, "d": true});
    let mut out = String::new();
    pretty(&value, 0, &mut out);
    let expected = "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": \"x\\n\"\n    },\n    []\n  ],\n  \"d\": true\n}";
    assert_eq!(out, expected);
    assert_eq!(parse(out.as_bytes(), 4).unwrap(), value);
}

/// Values that have a canonical form.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[A-Za-z0-9._:-]{1,8}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_bytes_read_back(value in values()) {
        let bytes = canonical(&value, MAX_DEPTH).unwrap();
        let again = parse(&bytes, MAX_DEPTH).unwrap();
        prop_assert_eq!(canonical(&again, MAX_DEPTH).unwrap(), bytes);
        prop_assert_eq!(&again, &value);
        let mut out = String::new();
        pretty(&value, 0, &mut out);
        prop_assert_eq!(parse(out.as_bytes(), MAX_DEPTH).unwrap(), value);
    }

    #[test]
    fn reading_never_panics(bytes: Vec<u8>) {
        let _read = parse(&bytes, MAX_DEPTH);
    }

    #[test]
    fn reading_text_like_json_never_panics(text in "[\\[\\]{}\",:0-9a-z\\\\. -]{0,60}") {
        let _read = parse(text.as_bytes(), MAX_DEPTH);
    }
}
