//! Lexical forms and equality of values.

use onepoint_xml::{Document, Limits};

use super::*;

fn with_scope<T>(act: impl FnOnce(Scope<'_>) -> T) -> T {
    let xml = b"<a xmlns:p='urn:p'/>".to_vec();
    let document = Document::parse(xml, &Limits::default()).unwrap();
    act(Scope::of(document.root()))
}

#[test]
fn lexical_forms() {
    use Primitive::{Base64, Boolean, Double, Float, Hex, Language, Name, NcName, Nmtoken, Qname};
    let good = [
        (Boolean, "true 0"),
        (Float, "1e-3 -INF NaN 1.5E+10 .5 1."),
        (Double, "INF -0"),
        (Hex, "0aFF"),
        (Base64, "QUJD QUI= QQ=="),
        (Language, "zh-Hans-CN x-klingon1"),
        (Nmtoken, "1a:b ·"),
        (Name, ":a a:1"),
        (NcName, "订单"),
        (Qname, "p:a a"),
    ];
    let bad = [
        (Boolean, "TRUE yes 2"),
        (Float, "+INF inf nan 1e e5 1e1.5 0x1"),
        (Hex, "0 0g"),
        (Base64, "QUJ QUJDR QUJ= Q=== QR== QU=I ="),
        (Language, "1a zh_CN -a abcdefghi"),
        (Nmtoken, "a/b"),
        (Name, "1a -a"),
        (NcName, "a:b"),
        (Qname, "q:a :a p: a:b:c"),
    ];
    with_scope(|scope| {
        for (cases, expected) in [(&good[..], true), (&bad[..], false)] {
            for (primitive, texts) in cases {
                for text in texts.split(' ') {
                    assert_eq!(is_valid(*primitive, text, scope), expected, "{primitive:?} {text}");
                }
            }
        }
        assert!(is_valid(Base64, "QU\n JD", scope) && is_valid(Base64, "", scope));
        assert_eq!(base64_octets("Q U I ="), Some(2));
    });
}

#[test]
fn values_are_compared_and_not_texts() {
    let same = |primitive, one: &str, other: &str| {
        with_scope(|scope| {
            let one = parse(primitive, one, scope).unwrap();
            one.same(&parse(primitive, other, scope).unwrap())
        })
    };
    assert!(same(Primitive::Decimal, "1.0", "+01"));
    assert!(!same(Primitive::String, "1.0", "+01"));
    assert!(same(Primitive::Double, "NaN", "NaN"));
    assert!(same(Primitive::Float, "1e2", "100"));
    assert!(same(Primitive::Hex, "0a", "0A"));
    assert!(same(Primitive::Base64, "QU JD", "QUJD"));
    assert!(same(Primitive::Boolean, "1", "true"));
    assert!(same(Primitive::Duration, "P1D", "PT24H"));
    assert!(!same(Primitive::Qname, "p:a", "a"));
    let hex = with_scope(|scope| parse(Primitive::Hex, "AA", scope));
    let base64 = with_scope(|scope| parse(Primitive::Base64, "AAAA", scope));
    assert!(!hex.unwrap().same(&base64.unwrap()));
}
