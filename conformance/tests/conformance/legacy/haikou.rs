//! `POST /cebcmsg` and `GET /ceb312msg`: a signed order in the JSON wrapper of the Haikou
//! port, its receipts polled as the port's clients do, and everything about both that may be
//! wrong.

use onepoint_envelope::octets;
use serde_json::json;

use super::*;
use crate::hostile::sign;
use crate::intake::order;

/// The wrapper around `xml`, from the platform.
fn wrapper(xml: &str) -> Value {
    json!({ "message": {
        "messageHead": {
            "version": "1.0", "messageId": "TEST-1", "senderID": PLATFORM,
            "receiverID": "DXPEDCCEB0000002", "sendTime": "20261123080000",
            "messageType": "CEB311Message.xml",
        },
        "messageBody": { "data": octets::encode(xml.as_bytes()) },
    } })
}

async fn send(zone: &Zone, by: &str, body: &[u8]) -> Response {
    zone.client(by).post("/cebcmsg", "application/json", body.to_vec()).await.unwrap()
}

async fn send_order(zone: &Zone, n: u32) -> Response {
    let signed = sign(zone, "platform", &order(n));
    send(zone, "platform", wrapper(&signed).to_string().as_bytes()).await
}

async fn poll(zone: &Zone, by: &str, query: &str) -> Response {
    zone.client(by).get(&format!("/ceb312msg?{query}")).await.unwrap()
}

/// So many seconds before now, as `qryid` has it.
fn seconds_ago(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8 * 3600 - seconds);
    at.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_is_closed_by_default_and_after_the_last_day() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let query = format!("dxpid={PLATFORM}&qryid={}", seconds_ago(60));
    let off = (403, "legacy-off".to_owned());
    let response = send_order(&zone, 1).await;
    assert_eq!(problem(&response), off);
    assert!(json(&response)["expected"].as_str().unwrap().contains("[[legacy]]"), "{response:?}");
    assert_eq!(problem(&poll(&zone, "platform", &query).await), off);

    // A reload opens it, on its last day, to the one participant.
    allow(&zone, "haikou", &day(0), "");
    let operator = zone.client("operator");
    crate::reload::reload(&zone, &operator, "accepted").await;
    assert_eq!(send_order(&zone, 1).await.text(), "OK");
    assert_eq!(poll(&zone, "platform", &query).await.text(), "[]");
    assert_eq!(problem(&send(&zone, "payment", b"{}").await), off);

    allow(&zone, "haikou", &day(-1), "");
    crate::reload::reload(&zone, &operator, "accepted").await;
    let ended = (403, "legacy-ended".to_owned());
    assert_eq!(problem(&send_order(&zone, 1).await), ended);
    assert_eq!(problem(&poll(&zone, "platform", &query).await), ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapped_order_is_taken_delivered_and_its_answers_are_polled() {
    let mut zone = Zone::make(&Setup::default());
    allow(&zone, "haikou", &day(1), "");
    zone.start_gateway(&[]);
    let begun = seconds_ago(1);
    let query = |time: &str| format!("dxpid={PLATFORM}&qryid={time}");
    let first = send_order(&zone, 1).await;
    assert_eq!((first.status, first.text().as_str()), (200, "OK"));
    let place = location(&first);
    let facts = facts(&zone, &place).await;
    assert_eq!(facts[0]["type"], "CEB311Message");
    assert_eq!(facts[0]["signatures"][0]["form"], "xml");
    // The same order by the usual door is the same message.
    let again = sign(&zone, "platform", &order(1)).into_bytes();
    let again = zone.client("platform").post("/v1/messages", "application/xml", again).await;
    assert_eq!(json(&again.unwrap())["verdict"], "duplicate");
    let again = send_order(&zone, 1).await;
    assert_eq!((again.text().as_str(), location(&again)), ("OK", place.clone()));
    assert_eq!(poll(&zone, "platform", &query(&begun)).await.text(), "[]", "nothing is said yet");

    zone.start_adapter("customs");
    zone.start_adapter("tax");
    let state = answered(&zone, &place, 3).await;
    let departments = ["customs", "tax"];
    for department in departments {
        let one = |d: &Value| d["destination"] == department && d["state"] == "delivered";
        assert!(state["deliveries"].as_array().unwrap().iter().any(one), "{state}");
    }
    let response = poll(&zone, "platform", &query(&begun)).await;
    let text = response.text();
    assert_eq!(response.status, 200, "{text}");
    let items: Vec<&str> = text.trim_matches(['[', ']']).split("}, {").collect();
    assert!(text.starts_with("[{org_id=1, instm=") && text.ends_with("}]"), "{text}");
    let from_customs = state["answers"].as_array().unwrap().iter();
    let from_customs = from_customs.filter(|answer| answer["message_type"] == "CEB312Message");
    assert_eq!(items.len(), from_customs.count(), "{text} {state}");
    for item in &items {
        assert!(item.contains(&format!("trans_dxpid={PLATFORM}, ")), "{item}");
        assert!(item.contains("ebpcode=440466T001, "), "{item}");
    }
    // Whoever asks from the next second on is not told again.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(poll(&zone, "platform", &query(&seconds_ago(0))).await.text(), "[]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_wrapper_or_a_question_is_named() {
    let mut zone = Zone::make(&Setup::default());
    allow(&zone, "haikou", &day(1), "");
    zone.start_gateway(&[]);
    let signed = sign(&zone, "platform", &order(1));
    let head = |name: &str, to: Value| {
        let mut value = wrapper(&signed);
        value["message"]["messageHead"][name] = to;
        value.to_string()
    };
    let mut missing = wrapper(&signed);
    missing["message"]["messageHead"].as_object_mut().unwrap().remove("receiverID");
    let mut base64 = wrapper(&signed);
    base64["message"]["messageBody"]["data"] = json!("*");
    for (body, status, code) in [
        ("x".to_owned(), 400, "legacy-not-json"),
        (signed.clone(), 400, "legacy-not-json"),
        (missing.to_string(), 400, "legacy-not-json"),
        (base64.to_string(), 400, "legacy-not-base64"),
        (head("messageType", json!("CEB411Message.xml")), 422, "legacy-type-mismatch"),
        (head("senderID", json!("DXPENT0000000002")), 403, "legacy-sender-mismatch"),
        (" ".repeat(17 << 20), 413, "body-too-large"),
    ] {
        let response = send(&zone, "platform", body.as_bytes()).await;
        assert_eq!(problem(&response), (status, code.to_owned()), "{}", response.text());
        // What is no message leaves no trace.
        assert_eq!(json(&response)["receipts"], Value::Null, "{code}");
    }
    // What is wrong with the message itself has a receipt, as by the usual door.
    let changed = crate::hostile::edit(&signed, "<ceb:orderNo>", "<ceb:orderNo>X");
    let unsigned = order(2);
    let dtd = format!("<!DOCTYPE CEB311Message>{unsigned}");
    for (xml, code) in [
        (&changed, "signature-digest-mismatch"),
        (&unsigned, "signature-missing"),
        (&dtd, "xml-doctype-forbidden"),
    ] {
        let response = send(&zone, "platform", wrapper(xml).to_string().as_bytes()).await;
        let body = json(&response);
        assert_eq!(body["code"], code, "{body}");
        let verified = zone.auditor().verify(&body["receipts"][0], None).unwrap();
        assert_eq!(verified.text("code"), code);
    }
    let now = seconds_ago(1);
    for (query, status, code) in [
        (format!("dxpid={PLATFORM}"), 400, "query-invalid"),
        (format!("dxpid={PLATFORM}&qryid=yesterday"), 400, "query-invalid"),
        (format!("dxpid={PLATFORM}&qryid={}", seconds_ago(-3600)), 400, "query-invalid"),
        (format!("qryid={now}"), 403, "legacy-sender-mismatch"),
        (format!("dxpid=DXPENT0000000002&qryid={now}"), 403, "legacy-sender-mismatch"),
    ] {
        assert_eq!(problem(&poll(&zone, "platform", &query).await), (status, code.to_owned()));
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
}
