//! Forged and wrapped messages over the public port, each under a signature that is good for
//! something else. In: what an attacker can make of a signed message without the key, and
//! what only the holder of a key can. Out: HTTP status and code of each; nothing of it is in
//! the journal as accepted. The compatibility policy from outside is in `field`.
//! Which test sends which bad input is said, and checked, in `table`.

use std::time::{Duration, Instant};

use onepoint_certs::{Certificate, SigningKey, sm2};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::octets;
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_schemas::example_with;
use serde_json::Value;

use crate::intake::order;

mod certificates;
mod field;
mod table;

/// What is sent, by whom, and what must come back.
struct Case {
    what: &'static str,
    from: &'static str,
    body: String,
    status: u16,
    code: &'static str,
}

fn case(what: &'static str, body: String, status: u16, code: &'static str) -> Case {
    Case { what, from: "platform", body, status, code }
}

/// A payment with a guid and a transaction of its own.
pub(crate) fn payment(n: u32) -> String {
    let (guid, number) = (format!("{n:036}"), format!("PAY{n}"));
    let fields = [("@guid", &guid), ("guid", &guid), ("payTransactionId", &number)];
    let fields = fields.map(|(name, value)| (name, value.as_str()));
    example_with("CEB411Message", &fields).unwrap()
}

pub(crate) fn identity(zone: &Zone, id: &str) -> (SigningKey, Vec<Certificate>) {
    let read =
        |end: &str| std::fs::read_to_string(zone.folder().join(format!("pki/{id}.{end}"))).unwrap();
    let key = SigningKey::from_pkcs8_pem(&read("key")).unwrap();
    (key, Certificate::from_pem(&read("pem")).unwrap())
}

pub(crate) fn sign_with(zone: &Zone, id: &str, xml: &str, options: &SignOptions) -> String {
    let (key, chain) = identity(zone, id);
    xmldsig::sign(xml, &key, &chain, options).unwrap()
}

pub(crate) fn sign(zone: &Zone, id: &str, xml: &str) -> String {
    sign_with(zone, id, xml, &SignOptions::default())
}

/// `text` with the first `from` replaced, which must be there.
pub(crate) fn edit(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

/// The part of `text` from `from` up to and with the next `to`.
pub(crate) fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).unwrap();
    &text[start..start + text[start..].find(to).unwrap() + to.len()]
}

const SIGNATURE: [&str; 2] = ["<ds:Signature ", "</ds:Signature>"];

/// Every place where the original can be hidden while a forged order is shown.
fn wrapped(zone: &Zone) -> Vec<Case> {
    let signed = sign(zone, "platform", &order(100));
    let signature = between(&signed, SIGNATURE[0], SIGNATURE[1]).to_owned();
    let whole = signed.split_once("?>").unwrap().1.trim().to_owned();
    let unsigned = edit(&whole, &signature, "");
    let forged = edit(&whole, "测试收货人", "测试收货者");
    let end = "</ceb:CEB311Message>";
    let extended = |inner: &str| {
        let message =
            format!("<ceb:ExtendMessage><ceb:Message>{inner}</ceb:Message></ceb:ExtendMessage>");
        edit(&forged, &signature, &format!("{message}{signature}"))
    };
    let mismatch = "signature-digest-mismatch";
    vec![
        case(
            "the original as a sibling",
            format!("<x>{forged}{unsigned}</x>"),
            422,
            "type-unknown",
        ),
        case(
            "a twin before it",
            edit(
                &whole,
                "<ceb:Order>",
                &format!("{}<ceb:Order>", between(&forged, "<ceb:Order>", "</ceb:Order>")),
            ),
            422,
            mismatch,
        ),
        case(
            "the original as a child",
            edit(&forged, end, &format!("{unsigned}{end}")),
            422,
            mismatch,
        ),
        case("in the extension", extended(&unsigned), 422, mismatch),
        case("in the extension, signed", extended(&whole), 422, "signature-repeated"),
        case(
            "its Signature only there",
            edit(
                &edit(&forged, &signature, ""),
                end,
                &format!(
                    "<ceb:ExtendMessage><ceb:Message>{whole}</ceb:Message></ceb:ExtendMessage>{end}"
                ),
            ),
            422,
            "signature-misplaced",
        ),
    ]
}

/// The original, or the Signature, where the schema has neither.
fn moved(zone: &Zone) -> Vec<Case> {
    let signed = sign(zone, "platform", &order(105));
    let signature = between(&signed, SIGNATURE[0], SIGNATURE[1]).to_owned();
    let whole = signed.split_once("?>").unwrap().1.trim().to_owned();
    let unsigned = edit(&whole, &signature, "");
    let forged = edit(&whole, "测试收货人", "测试收货者");
    vec![
        case(
            "in an Object",
            edit(
                &forged,
                SIGNATURE[1],
                &format!("<ds:Object>{unsigned}</ds:Object>{}", SIGNATURE[1]),
            ),
            422,
            "signature-object",
        ),
        case(
            "in KeyInfo",
            edit(&forged, "</ds:KeyInfo>", &format!("{unsigned}</ds:KeyInfo>")),
            422,
            "signature-unexpected-content",
        ),
        case(
            "the Signature in a document",
            edit(
                &edit(&whole, &signature, ""),
                "</ceb:OrderHead>",
                &format!("{signature}</ceb:OrderHead>"),
            ),
            422,
            "signature-misplaced",
        ),
        case(
            "the Signature first",
            edit(&edit(&whole, &signature, ""), "<ceb:Order>", &format!("{signature}<ceb:Order>")),
            422,
            "schema-unexpected-element",
        ),
    ]
}

/// References by Id, where the root is what has to be signed.
fn by_id(zone: &Zone) -> Vec<Case> {
    let with_id = edit(&order(110), "<ceb:Order>", "<ceb:Order Id=\"o\">");
    let part = sign_with(zone, "platform", &with_id, &SignOptions::default().over("o"));
    let twice = edit(&part, "<ceb:OrderHead>", "<ceb:OrderHead ID=\"o\">");
    let gone = edit(&part, "Id=\"o\"", "id=\"o\"");
    vec![
        case("a part only", part, 422, "reference-to-part"),
        case("an Id twice", twice, 422, "reference-id-repeated"),
        case("an Id that is none", gone, 422, "reference-id-missing"),
    ]
}

/// Values and algorithms.
fn values(zone: &Zone) -> Vec<Case> {
    let signed = sign(zone, "platform", &order(120));
    let sm2 = sign(zone, "payment-sm2", &payment(121));
    let ecdsa = sign(zone, "payment", &payment(122));
    let value = |xml: &str, octets: &[u8]| {
        let old = between(xml, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
        let new = octets::encode(octets);
        edit(xml, &old, &format!("<ds:SignatureValue>{new}</ds:SignatureValue>"))
    };
    let by_payment = |what, body, code| Case { from: "payment", ..case(what, body, 422, code) };
    let made = |xml: &str| {
        let old = between(xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
        octets::decode(&old["<ds:SignatureValue>".len()..old.len() - 20], 64).unwrap()
    };
    let old = made(&sm2);
    let ecdsa_in_der = sm2::der_from_raw(&made(&ecdsa)).unwrap();
    let mut one = [0; 32];
    one[31] = 1;
    // n - 1, so that with 1 the sum is n.
    let less: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| &"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122"[at..at + 2])
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect();
    let certificate = |id: &str| octets::encode(identity(zone, id).1[0].der());
    let other = edit(&sm2, &certificate("payment-sm2"), &certificate("logistics"));
    let range = "signature-range";
    vec![
        case("truncated RSA", value(&signed, &[1; 255]), 422, "signature-value-length"),
        by_payment("truncated SM2", value(&sm2, &old[..63]), "signature-value-length"),
        by_payment(
            "SM2 in DER",
            value(&sm2, &sm2::der_from_raw(&old).unwrap()),
            "signature-sm2-der",
        ),
        by_payment("r = 0", value(&sm2, &[&[0; 32], &one[..]].concat()), range),
        by_payment("s = 0", value(&sm2, &[&one[..], &[0; 32]].concat()), range),
        by_payment("r too large", value(&sm2, &[&[0xff; 32], &one[..]].concat()), range),
        by_payment("s too large", value(&sm2, &[&one[..], &[0xff; 32]].concat()), range),
        by_payment("r + s = 0", value(&sm2, &[&one[..], &less].concat()), range),
        by_payment("truncated ECDSA", value(&ecdsa, &[1; 63]), "signature-value-length"),
        by_payment("ECDSA in DER", value(&ecdsa, &ecdsa_in_der), "signature-ecdsa-der"),
        by_payment("ECDSA, r = 0", value(&ecdsa, &[&[0; 32], &one[..]].concat()), range),
        by_payment("ECDSA, s = 0", value(&ecdsa, &[&one[..], &[0; 32]].concat()), range),
        by_payment("ECDSA, r too large", value(&ecdsa, &[&[0xff; 32], &one[..]].concat()), range),
        by_payment("ECDSA, s too large", value(&ecdsa, &[&one[..], &[0xff; 32]].concat()), range),
        by_payment("the certificate of another", other, "key-mismatch"),
    ]
}

/// Algorithms and references changed to what the key, or the profile, does not have.
fn algorithms(zone: &Zone) -> Vec<Case> {
    let signed = sign(zone, "platform", &order(125));
    vec![
        case(
            "rsa-sha512",
            edit(&signed, "#rsa-sha256", "#rsa-sha512"),
            422,
            "signature-value-mismatch",
        ),
        case("hmac", edit(&signed, "#rsa-sha256", "#hmac-sha256"), 422, "signature-hmac"),
        case(
            "none",
            edit(&signed, "xmldsig-more#rsa-sha256", "xmldsig-more#none"),
            422,
            "signature-method-unknown",
        ),
        case(
            "ecdsa with an RSA key",
            edit(&signed, "#rsa-sha256", "#ecdsa-sha256"),
            422,
            "key-mismatch",
        ),
        case(
            "an XPath",
            edit(
                &signed,
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                "http://www.w3.org/TR/1999/REC-xpath-19991116",
            ),
            422,
            "transform-xpath",
        ),
        case(
            "another document",
            edit(&signed, "URI=\"\"", "URI=\"http://example.com/\""),
            422,
            "reference-external",
        ),
    ]
}

/// What later stages read is what was digested: a comment does not cut a value short.
fn comments(zone: &Zone) -> Vec<Case> {
    // Either of the two codes would do, so both are cut.
    let cut = edit(&order(130), "ebcCode>440466T001<", "ebcCode>440466T001<!-- -->9<");
    let cut = edit(&cut, "ebpCode>440466T001<", "ebpCode>440466T001<!-- -->9<");
    let inside =
        edit(&sign(zone, "platform", &order(131)), "<ds:DigestValue>", "<ds:DigestValue><!---->");
    vec![
        case("a code cut by a comment", sign(zone, "platform", &cut), 403, "not-entitled"),
        case("a comment in a value", inside, 422, "signature-comment-in-value"),
    ]
}

async fn check(zone: &Zone, case: &Case) {
    let client = zone.client(case.from);
    let sent = client.post("/v1/messages", "application/xml", case.body.clone().into_bytes()).await;
    let response = sent.unwrap_or_else(|error| panic!("{}: {error}", case.what));
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["code"], case.code, "{}: {problem}", case.what);
    assert_eq!(response.status, case.status, "{}: {problem}", case.what);
    let receipts = problem["receipts"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(!receipts.is_empty(), "{}: no receipt", case.what);
    for receipt in receipts {
        let verified = zone.auditor().verify(receipt, None).unwrap();
        assert_eq!(receipt["fact"]["kind"], "refused", "{}", case.what);
        assert_eq!(verified.text("code"), case.code, "{}", case.what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_forged_or_wrapped_is_accepted() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let groups = [
        wrapped(&zone),
        moved(&zone),
        by_id(&zone),
        values(&zone),
        algorithms(&zone),
        comments(&zone),
    ];
    let mut sent = 0;
    for case in groups.iter().flatten() {
        check(&zone, case).await;
        sent += 1;
    }
    let metrics = zone.metrics().await.unwrap();
    assert_eq!((metrics.journal("accepted"), metrics.journal("refused")), (0, sent));
    // With a comment in a name that nobody judges, the whole text is the value.
    let commented = edit(&order(140), "测试收货人", "测试<!-- -->收货人");
    let good = sign(&zone, "platform", &commented).into_bytes();
    let client = zone.client("platform");
    let response = client.post("/v1/messages", "application/xml", good).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let pulled = zone.client("customs").get("/v1/queues/customs?wait_ms=1000").await.unwrap();
    assert_eq!(pulled.status, 200, "{}", pulled.text());
}

/// 10 MB in KeyInfo are refused before anything is computed: in a time that parsing takes,
/// and without keeping more than the message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_of_key_info_cost_no_more_than_reading_them() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let signed = sign(&zone, "platform", &order(150));
    let long = "A".repeat(10 << 20);
    let many = "<ds:X509Certificate>AAAA</ds:X509Certificate>".repeat(200_000);
    for (what, from, to, code) in [
        ("a name", "<ds:KeyName>", format!("<ds:KeyName>{long}"), "signature-value-too-long"),
        (
            "a certificate",
            "<ds:X509Certificate>",
            format!("<ds:X509Certificate>{long}"),
            "signature-value-too-long",
        ),
        (
            "certificates",
            "</ds:X509Data>",
            format!("{many}</ds:X509Data>"),
            "signature-certificates-too-many",
        ),
    ] {
        let started = Instant::now();
        check(&zone, &case(what, edit(&signed, from, &to), 422, code)).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{what}: {:?}", started.elapsed());
    }
}
