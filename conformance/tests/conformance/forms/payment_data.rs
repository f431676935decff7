//! Payment data of announcement 179 at the field's own path: RSA and SM2, as a form and as JSON,
//! the answer in the field's form, and everything about them that may be wrong.

use onepoint_envelope::announcement179::Payment;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::*;

const PATH: &str = "/ceb2grab/grab/realTimeDataUpload";

/// The platform's data for a session.
fn data(session: &str, ebp: &str) -> Payment {
    let head = format!(
        "{{\"guid\":\"{session:0>36}\",\"initalRequest\":\"https://pay.example/?a=1&b=+\",\
         \"initalResponse\":\"ok\",\"ebpCode\":\"{ebp}\",\"payCode\":\"440466T002\",\
         \"payTransactionId\":\"PAY1\",\"totalAmount\":5.0,\"currency\":\"142\",\"verDept\":\"3\",\
         \"payType\":\"\",\"tradingTime\":\"20261123080000\",\"note\":\"测试\"}}"
    );
    let lists = "[{\"orderNo\":\"T0001\",\"goodsInfo\":[{\"gname\":\"测试 \\\"甲\\\"\",\
                 \"itemLink\":\"https://shop.example/1\"}],\"recpAccount\":\"1\",\"recpName\":\"测试\"}]";
    Payment::new(session, &head, lists, "1795478400000").unwrap()
}

fn signed(zone: &Zone, by: &str, payment: &Payment) -> String {
    let (key, chain) = identity(zone, by);
    payment.sign(&key, &chain[0]).unwrap()
}

fn form(json: &str) -> String {
    format!("payExInfoStr={}", utf8_percent_encode(json, NON_ALPHANUMERIC))
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

async fn upload(zone: &Zone, by: &str, kind: &str, body: &str) -> (u16, Value) {
    let response = zone.client(by).post(PATH, kind, body.as_bytes().to_vec()).await.unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

fn zone_with_sm2() -> Zone {
    let mut zone = Zone::make(&Setup::default());
    let path = zone.folder().join("onepoint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // A payment firm that runs a platform of its own, and has a certificate on SM2.
    let own = "may_send = [\"CEB411Message\",";
    let wider = text.replace(own, &format!("{own} \"PaymentDataMessage\","));
    assert_ne!(wider, text, "the payment firm may send vouchers");
    std::fs::write(&path, wider).unwrap();
    zone.start_gateway(&[]);
    zone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_data_are_taken_and_answered_as_the_field_does() {
    let mut zone = zone_with_sm2();
    let rsa = signed(&zone, "platform", &data("S1", "440466T001"));
    let sm2 = signed(&zone, "payment-sm2", &data("S2", "440466T002"));
    let ways = [
        ("platform", FORM, form(&rsa), "S1", "accepted"),
        ("platform", JSON, rsa.clone(), "S1", "duplicate"),
        ("payment", JSON, sm2.clone(), "S2", "accepted"),
        ("payment", FORM, form(&sm2), "S2", "duplicate"),
    ];
    let mut messages = Vec::new();
    for (by, kind, body, session, verdict) in ways {
        let (status, answer) = upload(&zone, by, kind, &body).await;
        assert_eq!((status, answer["code"].as_str()), (200, Some("10000")), "{answer}");
        assert_eq!(
            (answer["message"].as_str(), answer["total"].as_u64()),
            (Some("上传成功"), Some(0))
        );
        assert!(answer["serviceTime"].as_i64().unwrap() > 0);
        let own = &answer["onepoint"];
        assert_eq!(own["verdict"], verdict, "{answer}");
        if verdict == "accepted" {
            messages.push((by, own["id"].as_str().unwrap().to_owned()));
        }
        let receipt = &own["receipts"][0];
        zone.auditor().verify(receipt, None).unwrap();
        let fact = &receipt["fact"];
        assert_eq!(signatures(fact), pairs(&[("announcement-179", by)]), "{fact}");
        assert!(fact["key"].as_str().unwrap().ends_with(session), "{fact}");
        assert_eq!(fact["type"], "PaymentDataMessage");
        let algorithm = fact["signatures"][0]["algorithm"].as_str().unwrap().to_lowercase();
        assert_eq!(algorithm.contains("sm2"), by == "payment", "{fact}");
    }
    // Customs gets them under the gateway's signature, the signed JSON as evidence.
    let made = delivered(&zone).await;
    let document = parse(&made);
    let place = SignaturePlace::ChildOfRoot;
    let by = xmldsig::verify(&document, &place, &SignaturePolicy::strict()).unwrap();
    assert_eq!(by.certificate(), &identity(&zone, "seal").1[0]);
    let message = DxpMsg::parse(&document).unwrap();
    let inside = parse(std::str::from_utf8(&message.data).unwrap());
    let namespace = "urn:onepoint:payment-data:2018-179";
    let root = inside.root();
    assert_eq!(root.child(namespace, "evidence").unwrap().text(), rsa);
    let head = root.child(namespace, "PaymentData").unwrap().child(namespace, "PaymentDataHead");
    assert_eq!(head.unwrap().child(namespace, "totalAmount").unwrap().text(), "5.0");
    // And the adapter records those that nobody took yet, and says so in the form of the zone.
    zone.start_adapter("customs");
    for (by, id) in messages.split_off(1) {
        let path = format!("/v1/messages/{id}");
        let started = std::time::Instant::now();
        loop {
            let state = zone.client(by).get(&path).await.unwrap();
            let state: Value = serde_json::from_slice(&state.body).unwrap();
            if state["answers"][0]["message_type"] == "ZoneReturnMessage" {
                assert_eq!(state["deliveries"][0]["state"], "delivered", "{state}");
                break;
            }
            assert!(started.elapsed() < std::time::Duration::from_secs(30), "{state}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// Who sends what, the code that must come back, and where.
type Bad = (&'static str, String, &'static str, &'static str);

fn bad(zone: &Zone) -> Vec<Bad> {
    let good = signed(zone, "platform", &data("S9", "440466T001"));
    let sm2 = signed(zone, "payment-sm2", &data("S9", "440466T002"));
    let number = |id: &str| identity(zone, id).1[0].serial_hex().to_ascii_uppercase();
    let (own, other, theirs) = (number("platform"), number("payment"), number("payment-sm2"));
    let edit = |from: &str, to: &str| crate::hostile::edit(&good, from, to);
    let value = |octets: &[u8]| {
        let old = crate::hostile::between(&sm2, "\"signValue\":\"", "\"}").to_owned();
        let new = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, octets);
        crate::hostile::edit(&sm2, &old, &format!("\"signValue\":\"{new}\"}}"))
    };
    let head = |field: &str| {
        let payment = data("S9", "440466T001");
        let head = format!("{{{field},{}", &payment.head()[1..]);
        let made = Payment::new("S9", &head, payment.lists(), payment.service_time()).unwrap();
        signed(zone, "platform", &made)
    };
    let without = |part: &str| {
        let payment = data("S9", "440466T001");
        let head = crate::hostile::edit(payment.head(), part, "");
        let made = Payment::new("S9", &head, payment.lists(), payment.service_time()).unwrap();
        signed(zone, "platform", &made)
    };
    let mut one = [0; 32];
    one[31] = 1;
    vec![
        ("platform", edit("T0001", "T0002"), "payment-value-mismatch", "/signValue"),
        ("platform", edit("5.0", "5"), "payment-value-mismatch", "/signValue"),
        // The field's own server takes this one.
        ("payment", crate::hostile::edit(&sm2, &theirs, &other), "payment-key-kind", ""),
        ("platform", edit(&own, &other), "key-number-unknown", "/certNo"),
        ("payment", good.clone(), "key-number-unknown", "/certNo"),
        ("platform", edit(&own, &own.to_lowercase()), "policy-lower-case-number", "/certNo"),
        (
            "platform",
            edit("\"signValue\":\"", "\"signValue\":\"  "),
            "payment-plus-lost",
            "/signValue",
        ),
        ("platform", edit("\"signValue\":\"", "\"signValue\":\"!"), "payment-member", "/signValue"),
        (
            "platform",
            edit("{\"sessionID\"", "{\"certNo\":\"1\",\"sessionID\""),
            "payment-duplicate-member",
            "",
        ),
        (
            "platform",
            edit("{\"sessionID\"", "{\"x\":1,\"sessionID\""),
            "payment-unexpected-member",
            "",
        ),
        ("platform", edit("\"sessionID\":\"S9\",", ""), "payment-missing-member", "/sessionID"),
        ("platform", "[]".to_owned(), "payment-not-json", ""),
        ("payment", value(&[1; 63]), "signature-length", ""),
        ("payment", value(&[&[0; 32], &one[..]].concat()), "signature-range", ""),
        ("platform", head("\"x\":1"), "payment-unexpected-member", "/payExchangeInfoHead/x"),
        ("platform", head("\"x\":{}"), "payment-field", "/payExchangeInfoHead/x"),
        (
            "platform",
            without("\"verDept\":\"3\","),
            "schema-missing-element",
            "/payExchangeInfoHead",
        ),
        ("platform", signed(zone, "platform", &data("S9", "440466T002")), "not-entitled", ""),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_payment_data_are_refused_by_name() {
    let zone = zone_with_sm2();
    for (by, body, code, pointer) in bad(&zone) {
        let (status, answer) = upload(&zone, by, JSON, &body).await;
        let refusal = &answer["onepoint"]["refusal"];
        assert_eq!((status, answer["code"].as_str()), (200, Some("20000")), "{code}: {answer}");
        assert_eq!(refusal["code"], code, "{answer}");
        let place = refusal["place"]["path"].as_str().unwrap_or_default();
        assert!(place.starts_with(pointer), "{code}: {place}");
        assert!(answer["message"].as_str().unwrap().contains(code), "{answer}");
        let receipt = &answer["onepoint"]["receipts"][0];
        let verified = zone.auditor().verify(receipt, None).unwrap();
        assert_eq!(verified.text("code"), code);
    }
    // What is no payment data at all leaves no trace.
    for (kind, body, status, code) in [
        (FORM, "a=b", 400, "form-unusable"),
        (FORM, "payExInfoStr=1&payExInfoStr=2", 400, "form-unusable"),
        (FORM, "payExInfoStr=%zz", 400, "form-unusable"),
        ("application/xml", "<a/>", 415, "content-type-unsupported"),
        (JSON, "", 400, "body-empty"),
    ] {
        let (found, problem) = upload(&zone, "platform", kind, body).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["receipts"], json!(null));
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
}
