//! The string to the byte, both kinds of key, and every refusal.

use std::sync::LazyLock;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};

use super::*;

const HEAD_JSON: &str = "{\"guid\":\"9D55BA71-55DE-41F4-8B50-C36C83B3B419\",\"initalRequest\":\"https://pay.example/?a=1&b=+\",\"ebpCode\":\"9999999999\",\"totalAmount\":5.0,\"note\":\"测试\"}";
const LISTS_JSON: &str = "[{\"orderNo\":\"T0001\",\"goodsInfo\":[{\"gname\":\"测试 \\\"甲\\\"\",\"itemLink\":\"https://m.example/1\"}]}]";
const SESSION_ID: &str = "fe2374-8fnejf97-55616242";
const SERVICE_TIME: &str = "1544519952469";

static SIGNERS: LazyLock<Vec<Issued>> = LazyLock::new(|| {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
    let issue =
        |kind| root.issue(&LeafSpec::signer("测试甲公司", "测试甲公司", kind, validity)).unwrap();
    [KeyKind::Sm2, KeyKind::Rsa2048, KeyKind::P256].map(issue).into()
});

fn known() -> Vec<Certificate> {
    SIGNERS.iter().map(|signer| signer.certificate.clone()).collect()
}

fn data() -> Payment {
    Payment::new(SESSION_ID, HEAD_JSON, LISTS_JSON, SERVICE_TIME).unwrap()
}

fn signed(at: usize) -> String {
    data().sign(&SIGNERS[at].key, &SIGNERS[at].certificate).unwrap()
}

fn code<T>(outcome: Result<T, PaymentError>) -> &'static str {
    outcome.map_or_else(
        |error| {
            assert!(!error.en().is_empty() && !error.en().ends_with('.'), "{error}");
            assert!(error.zh().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{error}");
            error.code()
        },
        |_| "ok",
    )
}

fn judge(text: &str, policy: &SignaturePolicy) -> Result<SignedPayment, PaymentError> {
    Received::parse(text)?.verify(policy, &known())
}

fn strict(text: &str) -> &'static str {
    code(judge(text, &SignaturePolicy::strict()))
}

#[test]
fn the_string_to_the_byte() {
    let expected = format!(
        "\"sessionID\":\"{SESSION_ID}\"||\"payExchangeInfoHead\":\"{HEAD_JSON}\"||\
         \"payExchangeInfoLists\":\"{LISTS_JSON}\"||\"serviceTime\":\"{SERVICE_TIME}\""
    );
    assert_eq!(data().signed_string(), expected);
    let sent = signed(0);
    let order = ["sessionID", HEAD, LISTS, TIME, NUMBER, VALUE];
    let places: Vec<_> = order.iter().map(|n| sent.find(&format!("\"{n}\":")).unwrap()).collect();
    assert!(places.is_sorted());
    // What is sent is what is signed: the amount stays 5.0.
    let read = Received::parse(&sent).unwrap();
    assert_eq!(read.payment.signed_string(), expected);
    assert!(sent.contains(HEAD_JSON) && sent.contains(LISTS_JSON));
}

#[test]
fn both_kinds_of_key() {
    for (at, algorithm) in
        [SignatureAlgorithm::Sm2Sm3, SignatureAlgorithm::RsaPkcs1Sha256].into_iter().enumerate()
    {
        let found = judge(&signed(at), &SignaturePolicy::strict()).unwrap();
        assert_eq!(found.payment(), &data());
        assert_eq!(found.certificate(), &SIGNERS[at].certificate);
        assert_eq!(found.algorithm(), algorithm);
        assert!(found.tolerances().is_empty());
        assert_eq!(found.payment().head(), HEAD_JSON);
        assert_eq!(found.payment().session_id(), SESSION_ID);
        assert_eq!(found.payment().lists(), LISTS_JSON);
        assert_eq!(found.payment().service_time(), SERVICE_TIME);
    }
    let p256 = data().sign(&SIGNERS[2].key, &SIGNERS[2].certificate);
    assert_eq!(code(p256), "payment-key-kind");
    let other = data().sign(&SIGNERS[0].key, &SIGNERS[1].certificate);
    assert_eq!(code(other), "payment-other-certificate");
    let sha1 = data().sign_rsa_sha1(&SIGNERS[0].key, &SIGNERS[0].certificate);
    assert_eq!(code(sha1), "payment-key-kind");
}

#[test]
fn rsa_with_sha1_by_policy_only() {
    let sent = data().sign_rsa_sha1(&SIGNERS[1].key, &SIGNERS[1].certificate).unwrap();
    assert_eq!(strict(&sent), "policy-signature-sha1");
    let field = SignaturePolicy::ceb_field("2026-12-31".parse().unwrap());
    let found = judge(&sent, &field).unwrap();
    assert_eq!(found.tolerances(), ["rsa-sha1"]);
    assert_eq!(found.algorithm(), SignatureAlgorithm::RsaPkcs1Sha1);
    let changed = sent.replace("T0001", "T0002");
    assert_eq!(code(judge(&changed, &field)), "payment-value-mismatch");
    assert_eq!(strict(&changed), "payment-value-mismatch");
}

#[test]
fn the_number_binds_the_certificate() {
    let sent = signed(0);
    let number = SIGNERS[0].certificate.serial_hex().to_uppercase();
    assert_eq!(Received::parse(&sent).unwrap().number(), number);
    // A value of one key under the number of another, of the same kind or not.
    let other = SIGNERS[1].certificate.serial_hex().to_uppercase();
    assert_ne!(strict(&sent.replace(&number, &other)), "ok");
    let third = SIGNERS[2].certificate.serial_hex().to_uppercase();
    assert_eq!(strict(&sent.replace(&number, &third)), "payment-key-kind");
    assert_eq!(strict(&sent.replace(&number, "00")), "key-number-unknown");
    let lower = sent.replace(&number, &number.to_lowercase());
    assert_eq!(strict(&lower), "policy-lower-case-number");
    let field = SignaturePolicy::ceb_field("2026-12-31".parse().unwrap());
    assert_eq!(judge(&lower, &field).unwrap().tolerances(), ["lower-case-number"]);
}

#[test]
fn every_byte_of_the_data_counts() {
    for at in [0, 1] {
        let sent = signed(at);
        for (from, to) in [
            (SESSION_ID, "fe2374-8fnejf97-55616243"),
            ("5.0", "5"),
            ("5.0", "5.00"),
            ("\"guid\":", "\"guid\": "),
            ("测试\"}", "测试 \"}"),
            ("测试\"}", "\\u6d4b\\u8bd5\"}"),
            ("[{\"orderNo\"", "[ {\"orderNo\""),
            (SERVICE_TIME, "1544519952468"),
        ] {
            let changed = sent.replacen(from, to, 1);
            assert_ne!(changed, sent, "{from}");
            assert_eq!(strict(&changed), "payment-value-mismatch", "{from} -> {to}");
        }
        // Between the members white space means nothing, nor do quotes of the time.
        let spaced = sent.replacen(",\"serviceTime\":", " ,\n\"serviceTime\" : ", 1);
        assert_eq!(strict(&spaced), "ok");
        let quoted = format!("\"{SERVICE_TIME}\"");
        assert_eq!(strict(&sent.replacen(&quoted, SERVICE_TIME, 1)), "ok");
    }
}

#[test]
fn every_refusal_of_form() {
    let sent = signed(0);
    for (from, to, expected) in [
        ("{\"sessionID\"", "[{\"sessionID\"", "payment-not-json"),
        ("{\"sessionID\"", "{\"sessionID\":\"a\",\"sessionID\"", "payment-duplicate-member"),
        ("\"guid\":", "\"guid\":\"\",\"guid\":", "payment-duplicate-member"),
        ("{\"sessionID\"", "{\"x\":1,\"sessionID\"", "payment-unexpected-member"),
        // The names of the official text that do not work in practice.
        ("payExchangeInfoLists", "payExchangeInfoList", "payment-unexpected-member"),
        ("\"certNo\":", "\"certNo\":1,\"c\":", "payment-unexpected-member"),
        (SESSION_ID, "", "payment-member"),
        (SESSION_ID, "a\\\"||\\\"b", "payment-member"),
        (SESSION_ID, "测试", "payment-member"),
        (SERVICE_TIME, "", "payment-member"),
        (SERVICE_TIME, "15445199524.69", "payment-member"),
        ("\"signValue\":\"", "\"signValue\":\"*", "payment-member"),
        (HEAD_JSON, "\"{}\"", "payment-member"),
        (LISTS_JSON, "{}", "payment-member"),
    ] {
        assert_eq!(strict(&sent.replacen(from, to, 1)), expected, "{to}");
    }
    for name in ["sessionID", HEAD, LISTS, TIME, NUMBER, VALUE] {
        let mut members = json::object(&sent).unwrap();
        members.retain(|member| member.name != name);
        let inner: Vec<String> =
            members.iter().map(|m| format!("\"{}\":{}", m.name, m.raw)).collect();
        assert_eq!(strict(&format!("{{{}}}", inner.join(","))), "payment-missing-member");
    }
    assert_eq!(strict(&sent.replacen("\"certNo\":\"", "\"certNo\":[\"", 1)), "payment-not-json");
    assert_eq!(strict(&" ".repeat(MAX_BYTES + 1)), "payment-too-long");
    let short = sent.replacen("\"signValue\":\"", "\"signValue\":\"AAAA", 1);
    assert_eq!(strict(&short), "signature-length");
    assert_eq!(
        code(Payment::new(SESSION_ID, "{},\"x\":{}", "[]", "1")),
        "payment-unexpected-member"
    );
    assert_eq!(code(Payment::new("a\"b", "{}", "[]", "1")), "payment-member");
}

#[test]
fn the_fields_come_with_the_digits_that_were_sent() {
    let content = data().content().unwrap();
    let text = |fields: &Fields, name: &str| {
        fields.iter().find(|(field, _)| field == name).map(|(_, text)| text.clone())
    };
    assert_eq!(text(&content.head, "totalAmount").as_deref(), Some("5.0"));
    assert_eq!(text(&content.head, "note").as_deref(), Some("测试"));
    let order = &content.orders[0];
    assert_eq!(text(&order.fields, "orderNo").as_deref(), Some("T0001"));
    assert_eq!(text(&order.goods[0], "gname").as_deref(), Some("测试 \"甲\""));
    let read = |head: &str, lists: &str| {
        Payment::new(SESSION_ID, head, lists, SERVICE_TIME).unwrap().content()
    };
    assert_eq!(read("{\"note\":null}", "[]").unwrap(), Content::default());
    for (head, lists, pointer) in [
        ("{\"note\":{}}", "[]", "/payExchangeInfoHead/note"),
        ("{\"note\":true}", "[]", "/payExchangeInfoHead/note"),
        ("{}", "[1]", "/payExchangeInfoLists/0"),
        ("{}", "[{\"goodsInfo\":{}}]", "/payExchangeInfoLists/0/goodsInfo"),
        ("{}", "[{},{\"goodsInfo\":[\"x\"]}]", "/payExchangeInfoLists/1/goodsInfo/0"),
        ("{}", "[{\"goodsInfo\":[{\"gname\":[]}]}]", "/payExchangeInfoLists/0/goodsInfo/0/gname"),
    ] {
        let error = read(head, lists).unwrap_err();
        assert_eq!((error.code(), error.pointer()), ("payment-field", pointer.to_owned()));
        assert_eq!(code::<()>(Err(error)), "payment-field");
    }
}

#[test]
fn a_value_over_another_string_is_explained() {
    let strict = SignaturePolicy::strict();
    let signer = &SIGNERS[0];
    let explain = |text: &str| {
        let cause = Received::parse(text).unwrap().explain(&strict, &known());
        cause.map(|cause| (cause.kind.code(), cause.proved))
    };
    assert_eq!(explain(&signed(0)), None);
    let made_over = |string: &str| {
        let value = signer.key.sign(SignatureAlgorithm::Sm2Sm3, string.as_bytes()).unwrap();
        data().with_value(&signer.certificate, &value)
    };
    let string = data().signed_string();
    let bare = string
        .replace("\"{", "{")
        .replace("}\"||", "}||")
        .replace("\"[", "[")
        .replace("]\"||", "]||");
    assert_eq!(explain(&made_over(&bare)), Some(("signed-other-octets", true)));
    let timed = string.replace(&format!("\"{SERVICE_TIME}\""), SERVICE_TIME);
    assert_eq!(explain(&made_over(&timed)), Some(("signed-other-octets", true)));
    let named = string.replace("payExchangeInfoLists", "payExchangeInfoList");
    assert_eq!(explain(&made_over(&named)), Some(("signed-other-octets", true)));
    assert_eq!(explain(&made_over(&string.replace("T0001", "T0002"))), Some(("unknown", false)));
    // Signed by another certificate of the same firm than the one that certNo names.
    let value = signer.key.sign(SignatureAlgorithm::Sm2Sm3, string.as_bytes()).unwrap();
    let other = data().with_value(&SIGNERS[1].certificate, &value);
    assert_eq!(explain(&other), Some(("signed-by-another-certificate", true)));
    let der = onepoint_certs::sm2::der_from_raw(&value).unwrap();
    let der = data().with_value(&signer.certificate, &der);
    assert_eq!(explain(&der), Some(("signature-value-form", true)));
}
