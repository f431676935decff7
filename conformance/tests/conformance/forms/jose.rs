//! Bad JSON Web Signatures over the public port: headers, values, shapes and payloads. In: what
//! an attacker can make without the key, what only the holder of a key can, and what a careless
//! client sends. Out: HTTP status and code of each; nothing of it is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use onepoint_certs::{SignatureAlgorithm, sm2};
use onepoint_schemas::{example, example_with};
use serde_json::json;

use super::hostile::{Case, by, case, check, untaken};
use super::*;
use crate::hostile::{between, edit, payment};

/// A compact signature with this header, made by `by` with its own algorithm or `algorithm`.
fn token(
    zone: &Zone,
    by: &str,
    header: &Value,
    payload: &[u8],
    algorithm: Option<SignatureAlgorithm>,
) -> String {
    let (key, chain) = identity(zone, by);
    let mut header = header.clone();
    let x5c: Vec<String> = chain.iter().map(|it| STANDARD.encode(it.der())).collect();
    let members = header.as_object_mut().unwrap();
    members.entry("x5c").or_insert_with(|| json!(x5c));
    raw(&header.to_string(), payload, |covered| {
        key.sign(algorithm.unwrap_or(key.default_algorithm()), covered).unwrap()
    })
}

fn raw(header: &str, payload: &[u8], value: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let covered = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let value = value(covered.as_bytes());
    format!("{covered}.{}", URL_SAFE_NO_PAD.encode(value))
}

/// Headers that are not taken, each well signed.
fn headers(zone: &Zone) -> Vec<Case> {
    let payload = order(1);
    let with = |header: Value| token(zone, "platform", &header, payload.as_bytes(), None);
    let jose = |what, body, code| case(what, "application/jose", body, 422, code);
    let hmac = |covered: &[u8]| {
        let (_, chain) = identity(zone, "platform");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, chain[0].public_key().spki_der());
        ring::hmac::sign(&key, covered).as_ref().to_vec()
    };
    let x5c = own_certificate(zone);
    vec![
        jose("none", raw("{\"alg\":\"none\"}", payload.as_bytes(), |_| Vec::new()), "jws-none"),
        jose("None", raw("{\"alg\":\"NoNe\"}", payload.as_bytes(), |_| Vec::new()), "jws-none"),
        jose(
            "an HMAC by the public key",
            raw(&format!("{{\"alg\":\"HS256\",\"x5c\":[\"{x5c}\"]}}"), payload.as_bytes(), hmac),
            "jws-hmac",
        ),
        jose("of another kind of key", with(json!({"alg": "ES256"})), "key-mismatch"),
        jose("of the key, not of the value", with(json!({"alg": "RS512"})), "jws-value-mismatch"),
        jose("no such algorithm", with(json!({"alg": "RS1"})), "jws-algorithm-unknown"),
        jose(
            "a critical member",
            with(json!({"alg": "RS256", "crit": ["exp"], "exp": 1})),
            "jws-critical-unknown",
        ),
        jose(
            "b64, not critical",
            with(json!({"alg": "RS256", "b64": false})),
            "jws-b64-not-critical",
        ),
        jose(
            "b64, not a truth",
            with(json!({"alg": "RS256", "b64": 0, "crit": ["b64"]})),
            "jws-member",
        ),
        jose(
            "b64 false, and yet encoded",
            with(json!({"alg": "RS256", "b64": false, "crit": ["b64"]})),
            "payload-unknown",
        ),
        jose("a key of its own", with(json!({"alg": "RS256", "jwk": {}})), "jws-key-member"),
        jose(
            "a key elsewhere",
            with(json!({"alg": "RS256", "jku": "https://example.com"})),
            "jws-key-member",
        ),
    ]
}

fn own_certificate(zone: &Zone) -> String {
    STANDARD.encode(identity(zone, "platform").1[0].der())
}

/// Headers that name no key, or are none, and tokens that are not whole.
fn tokens(zone: &Zone) -> Vec<Case> {
    let payload = order(1);
    let with = |header: Value| token(zone, "platform", &header, payload.as_bytes(), None);
    let jose = |what, body, code| case(what, "application/jose", body, 422, code);
    let text = |header: &str| {
        let (key, _) = identity(zone, "platform");
        raw(header, payload.as_bytes(), |it| key.sign(key.default_algorithm(), it).unwrap())
    };
    let x5c = own_certificate(zone);
    let good = with(json!({"alg": "RS256"}));
    let long = with(json!({"alg": "RS256", "pad": "x".repeat(300 << 10)}));
    vec![
        jose(
            "a member twice",
            text(&format!("{{\"alg\":\"RS256\",\"alg\":\"none\",\"x5c\":[\"{x5c}\"]}}")),
            "jws-duplicate-member",
        ),
        jose("no key", text("{\"alg\":\"RS256\"}"), "jws-no-key"),
        jose(
            "a number that nobody has",
            text("{\"alg\":\"RS256\",\"kid\":\"00\"}"),
            "key-number-unknown",
        ),
        jose("not JSON", text("{alg:1}"), "jws-not-json"),
        jose("a header of 400 KB", long, "jws-too-long"),
        jose("two parts", good.rsplit_once('.').unwrap().0.to_owned(), "jws-parts"),
        jose("a line end after it", format!("{good}\n"), "jws-not-base64url"),
        jose("a space in it", good.replacen('.', " .", 1), "jws-not-base64url"),
        jose("a space in the payload", good.replacen('.', ". ", 1), "jws-value-mismatch"),
        jose("padding", good.replacen('.', "=.", 1), "jws-not-base64url"),
    ]
}

/// Values that the key did not make.
fn values(zone: &Zone) -> Vec<Case> {
    let jose = |from, what, body, code| by(from, case(what, "application/jose", body, 422, code));
    let plain = payment(1);
    let sm2_name = jws::SM2_ALGORITHM;
    let sm2 = |value: &dyn Fn(&[u8]) -> Vec<u8>| {
        let (key, chain) = identity(zone, "payment-sm2");
        let x5c = STANDARD.encode(chain[0].der());
        let header = format!("{{\"alg\":\"{sm2_name}\",\"x5c\":[\"{x5c}\"]}}");
        raw(&header, plain.as_bytes(), |covered| {
            value(&key.sign(SignatureAlgorithm::Sm2Sm3, covered).unwrap())
        })
    };
    let es256 = |value: &dyn Fn(&[u8]) -> Vec<u8>| {
        let (key, chain) = identity(zone, "payment");
        let x5c = STANDARD.encode(chain[0].der());
        let header = format!("{{\"alg\":\"ES256\",\"x5c\":[\"{x5c}\"]}}");
        raw(&header, plain.as_bytes(), |covered| {
            value(&key.sign(SignatureAlgorithm::EcdsaP256Sha256, covered).unwrap())
        })
    };
    let mut one = [0; 32];
    one[31] = 1;
    // n - 1, so that with 1 the sum is n.
    let less: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| &"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122"[at..at + 2])
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect();
    let length = "signature-length";
    let range = "signature-range";
    let of = "payment";
    let (_, theirs) = identity(zone, "logistics");
    let swapped = json!({ "alg": "ES256", "x5c": [STANDARD.encode(theirs[0].der())] });
    let foreign = token(zone, "payment", &swapped, plain.as_bytes(), None);
    let payload_changed = {
        let good = compact(zone, "payment", &plain, &JwsOptions::default());
        let mut parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(payment(2));
        parts[1] = &other;
        parts.join(".")
    };
    vec![
        jose(of, "SM2 cut short", sm2(&|it| it[..63].to_vec()), length),
        jose(of, "SM2 in DER", sm2(&|it| sm2::der_from_raw(it).unwrap()), length),
        jose(of, "SM2, r = 0", sm2(&|_| [&[0; 32], &one[..]].concat()), range),
        jose(of, "SM2, s = 0", sm2(&|_| [&one[..], &[0; 32]].concat()), range),
        jose(of, "SM2, s too large", sm2(&|_| [&one[..], &[0xff; 32]].concat()), range),
        jose(of, "SM2, r + s = 0", sm2(&|_| [&one[..], &less].concat()), range),
        jose(of, "ES256 in DER", es256(&|it| sm2::der_from_raw(it).unwrap()), length),
        jose(of, "ES256, r = 0", es256(&|_| [&[0; 32], &one[..]].concat()), range),
        jose(of, "ES256, s too large", es256(&|_| [&one[..], &[0xff; 32]].concat()), range),
        jose(of, "the certificate of another", foreign, "jws-value-mismatch"),
        jose(of, "another payload", payload_changed, "jws-value-mismatch"),
        Case {
            status: 403,
            ..jose(
                "platform",
                "signed by another",
                compact(zone, of, &plain, &JwsOptions::default()),
                "sender-not-submitter",
            )
        },
    ]
}

/// Flattened and detached forms.
fn shapes(zone: &Zone) -> Vec<Case> {
    let usual = JwsOptions::default();
    let good: Value =
        serde_json::from_str(&flattened(zone, "platform", &order(1), &usual)).unwrap();
    let json =
        |what, body: Value, code| case(what, "application/jose+json", body.to_string(), 422, code);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let twice = json!({ "payload": good["payload"], "signatures": [good, good] });
    let detached = JwsOptions { detached: true, ..usual.clone() };
    let header = compact(zone, "platform", &order(1), &detached);
    let full = compact(zone, "platform", &order(1), &usual);
    let labelled = |what, kind: &str, header: &str, body: String, code| {
        let mut case = case(what, kind, body, 422, code);
        case.labels.push(("jws-signature", header.to_owned()));
        case
    };
    vec![
        json("two signatures", twice, "jws-general"),
        json(
            "an unprotected header",
            with("header", json!({"alg": "RS256"})),
            "jws-unprotected-header",
        ),
        json("a member more", with("x", json!(1)), "jws-unexpected-member"),
        json("a payload that is no text", with("payload", json!({})), "jws-member"),
        case(
            "a member twice",
            "application/jose+json",
            good.to_string().replacen('{', "{\"payload\":\"\",", 1),
            422,
            "jws-duplicate-member",
        ),
        labelled(
            "a detached payload changed",
            "application/xml",
            &header,
            order(2),
            "jws-value-mismatch",
        ),
        untaken(
            400,
            labelled("a payload twice", "application/xml", &full, order(1), "jws-two-payloads"),
        ),
        untaken(
            400,
            labelled(
                "two signatures by header",
                "application/jose",
                &header,
                full.clone(),
                "jws-header-unexpected",
            ),
        ),
        untaken(
            400,
            case("JSON alone", "application/json", "{}".to_owned(), 400, "jws-header-missing"),
        ),
        untaken(
            415,
            case("in GBK", "application/jose; charset=GBK", full, 415, "content-type-unsupported"),
        ),
    ]
}

/// What is inside.
fn payloads(zone: &Zone) -> Vec<Case> {
    let usual = JwsOptions::default();
    let jose = |what, body: String, code| case(what, "application/jose", body, 422, code);
    let carrying = |payload: &str| compact(zone, "platform", payload, &usual);
    let list = compact(zone, "declarant", example("CEB621Message").unwrap(), &usual);
    let missing = example_with("CEB311Message", &[("@guid", &"1".repeat(36))]).unwrap();
    let missing = edit(&missing, between(&missing, "<ceb:ebpName>", "</ceb:ebpName>"), "");
    vec![
        jose("no XML inside", carrying("x"), "payload-unknown"),
        jose("nothing inside", carrying(" "), "payload-unknown"),
        jose("an envelope inside", carrying(&signed_envelope(zone, &order(1))), "envelope-nested"),
        jose(
            "a broken signature inside",
            carrying(&edit(&sign(zone, "platform", &order(1)), "测试收货人", "测试收货者")),
            "signature-digest-mismatch",
        ),
        jose("without a field", carrying(&missing), "schema-missing-element"),
        by("declarant", jose("a list without a Signature", list, "signature-required")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bad_json_web_signature_is_accepted() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let cases = [headers(&zone), tokens(&zone), values(&zone), shapes(&zone), payloads(&zone)];
    for case in cases.iter().flatten() {
        check(&zone, case).await;
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
    let bytes = Request {
        method: "POST".to_owned(),
        path: "/v1/messages".to_owned(),
        headers: vec![("content-type".to_owned(), "application/jose".to_owned())],
        body: vec![b'e', b'y', 0xff],
        timeout: None,
    };
    let response = zone.client("platform").send(bytes).await.unwrap();
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        (response.status, problem["code"].as_str()),
        (400, Some("jws-not-utf-8")),
        "{problem}"
    );
    // What is at fault inside of the payload has its place there.
    let broken = compact(&zone, "platform", "<a>\n<b></a>", &JwsOptions::default());
    let response = send(&zone, "platform", &JOSE, &broken).await;
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["place"]["within"], "payload", "{problem}");
}
