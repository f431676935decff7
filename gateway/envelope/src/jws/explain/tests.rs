//! Tokens that were signed otherwise, each with the cause that must be named.

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};

use super::*;
use crate::jws::{JwsOptions, sign_compact};

mod seeded;

const PAYLOAD: &str = "{\"订单\": [1, {\"b\":\"x: y\", \"a\": \"\\\"\"}], \"空1\": {}}";

fn signer(kind: KeyKind) -> Issued {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
    root.issue(&LeafSpec::signer("测试甲公司", "测试甲公司", kind, validity)).unwrap()
}

/// The token with a value over what `message` makes of its header and payload.
fn token(by: &Issued, message: impl Fn(&str, &str) -> Vec<u8>) -> String {
    let options = JwsOptions::default();
    let signed = sign_compact(PAYLOAD.as_bytes(), &by.key, &by.chain, &options).unwrap();
    let parts: Vec<&str> = signed.split('.').collect();
    let value = by.key.sign(by.key.default_algorithm(), &message(parts[0], parts[1])).unwrap();
    format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(value))
}

fn explained(token: &str) -> Option<JwsCause> {
    Jws::compact(token, None).unwrap().explain(&SignaturePolicy::strict(), &[])
}

#[test]
fn each_cause_is_named() {
    use CauseKind as K;
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let compact = PAYLOAD.replace("\": ", "\":").replace(", ", ",");
    let lines = "{\n  \"订单\": [\n    1,\n    {\n      \"b\": \"x: y\",\n      \"a\": \"\\\"\"\n    }\n  ],\n  \"空1\": {}\n}";
    for by in [signer(KeyKind::P256), signer(KeyKind::Sm2), signer(KeyKind::Rsa2048)] {
        let head = |header: &str, covered: String| format!("{header}.{covered}").into_bytes();
        assert_eq!(explained(&token(&by, |h, p| head(h, p.to_owned()))), None);
        type Message<'m> = Box<dyn Fn(&str, &str) -> Vec<u8> + 'm>;
        let cases: Vec<(K, Message<'_>)> = vec![
            (K::Reindented, Box::new(|h, _| head(h, encoded(&compact)))),
            (K::Reindented, Box::new(|h, _| head(h, encoded(lines)))),
            (K::Reindented, Box::new(|h, _| head(h, encoded(&format!("{PAYLOAD}\n"))))),
            (K::NotCanonical, Box::new(|h, _| head(h, URL_SAFE.encode(PAYLOAD)))),
            (K::NotCanonical, Box::new(|h, _| head(h, PAYLOAD.to_owned()))),
            (K::OtherOctets, Box::new(|_, _| PAYLOAD.as_bytes().to_vec())),
            (
                K::HashTwice,
                Box::new(|h, p| by.key.default_algorithm().digest().digest(&head(h, p.to_owned()))),
            ),
            (
                K::ReEncoded,
                Box::new(|h, _| {
                    head(h, URL_SAFE_NO_PAD.encode(encoding_rs::GBK.encode(PAYLOAD).0))
                }),
            ),
            (K::Unknown, Box::new(|h, _| head(h, encoded("{}")))),
        ];
        for (n, (kind, message)) in cases.iter().enumerate() {
            let cause = explained(&token(&by, message)).unwrap();
            assert_eq!(cause.kind, *kind, "{n}: {cause:?}");
            assert_eq!(cause.proved, *kind != K::Unknown);
            let place = cause.difference.map(|it| it.position.unwrap());
            assert_eq!(place.is_some(), matches!(kind, K::Reindented | K::ReEncoded), "{n}");
        }
    }
}

#[test]
fn the_first_difference_is_found_in_the_payload() {
    let by = signer(KeyKind::P256);
    let signed = PAYLOAD.replace(", \"a\": ", ",\"a\": ");
    let sent = token(&by, |h, _| format!("{h}.{}", URL_SAFE_NO_PAD.encode(&signed)).into_bytes());
    assert_eq!(explained(&sent).unwrap().kind, CauseKind::Unknown, "no usual layout");
    let lines = "{\n  \"订单\": [\n    1,";
    let whole = spaced(PAYLOAD, Some("  "), ",", ": ");
    assert!(whole.starts_with(lines));
    let sent = token(&by, |h, _| format!("{h}.{}", URL_SAFE_NO_PAD.encode(&whole)).into_bytes());
    let place = explained(&sent).unwrap().difference.unwrap();
    let at = place.position.unwrap();
    assert_eq!((place.offset, at.line, at.column), (1, 1, 2));
    assert!(place.here.starts_with("{\"订单\":·[1,") && place.signed.starts_with("{⏎··\"订单"));
}

#[test]
fn another_algorithm_and_another_certificate_are_named() {
    let (rsa, other) = (signer(KeyKind::Rsa2048), signer(KeyKind::Rsa2048));
    let good = token(&rsa, |h, p| format!("{h}.{p}").into_bytes());
    let (message, _) = good.rsplit_once('.').unwrap();
    let with = |value: Vec<u8>| format!("{message}.{}", URL_SAFE_NO_PAD.encode(value));
    let pss = rsa.key.sign(SignatureAlgorithm::RsaPssSha256, message.as_bytes()).unwrap();
    assert_eq!(explained(&with(pss)).unwrap().kind, CauseKind::OtherAlgorithm);
    let foreign = other.key.sign(SignatureAlgorithm::RsaPkcs1Sha256, message.as_bytes()).unwrap();
    let foreign = with(foreign);
    assert_eq!(explained(&foreign).unwrap().kind, CauseKind::Unknown);
    let token = Jws::compact(&foreign, None).unwrap();
    let known = [other.certificate.clone()];
    let cause = token.explain(&SignaturePolicy::strict(), &known).unwrap();
    assert_eq!(cause.kind, CauseKind::OtherCertificate);
}
