//! JSON messages: signed as JWS, judged by their JSON Schema, mapped to the XML form, and from
//! there as every message. In: the JSON form of the catalogue's order. Out: the same receipts for
//! the same content, customs XML for customs with the original as evidence, and every fault with
//! its place in the JSON.

use onepoint_schemas::Catalogue;

use super::*;

/// The JSON form of an order.
fn json(n: u32) -> String {
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let form = catalogue.json_form(kind).unwrap().unwrap();
    form.to_json(&parse(&order(n))).unwrap()
}

const DETACHED: &str = "application/json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_taken_in_every_form_of_jws_and_reaches_customs_as_xml() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let (usual, body) = (JwsOptions::default(), json(1));
    let detached = JwsOptions { detached: true, ..usual.clone() };
    let raw = JwsOptions { unencoded: true, ..detached.clone() };
    let token = compact(&zone, "platform", &body, &usual);
    let first = receipt(&zone, &send(&zone, "platform", &JOSE, &token).await, "accepted");
    assert_eq!(signatures(&first.1), pairs(&[("jws", "platform")]));
    assert_eq!(first.1["type"], "CEB311Message");
    let again = flattened(&zone, "platform", &body, &usual);
    let second = receipt(
        &zone,
        &send(&zone, "platform", &[("content-type", "application/jose+json")], &again).await,
        "duplicate",
    );
    assert_eq!(first.0, second.0);
    for options in [detached, raw] {
        let header = compact(&zone, "platform", &body, &options);
        let labels = [("content-type", DETACHED), ("jws-signature", header.as_str())];
        let third = receipt(&zone, &send(&zone, "platform", &labels, &body).await, "duplicate");
        assert_eq!(first.0, third.0);
    }
    let message = DxpMsg::parse(&parse(&delivered(&zone).await)).unwrap();
    let inside = parse(std::str::from_utf8(&message.data).unwrap());
    let ceb = "http://www.chinaport.gov.cn/ceb";
    assert!(inside.root().is(ceb, "CEB311Message"));
    let evidence =
        inside.root().child(ceb, "ExtendMessage").unwrap().child(ceb, "Message").unwrap();
    assert_eq!(evidence.text(), token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_json_is_refused_with_its_place() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let good = json(1);
    let edit = |from: &str, to: &str| crate::hostile::edit(&good, from, to);
    let deep = format!("{{\"CEB311Message\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let mut broken = good.clone().into_bytes();
    let at = good.find("测试").unwrap();
    broken[at] = 0xff;
    for (what, body, code) in [
        (
            "a name twice",
            edit("\"orderNo\":", "\"orderNo\":\"x\",\"orderNo\":").into_bytes(),
            "json-duplicate-name",
        ),
        ("too deep", deep.into_bytes(), "json-too-deep"),
        ("not UTF-8", broken, "json-encoding"),
        ("a lone surrogate", edit("\"BAD1\"", "\"\\ud800\"").into_bytes(), "json-"),
        ("a number", edit("\"BAD1\"", "1").into_bytes(), "schema-"),
        (
            "a member more",
            edit("\"orderNo\":", "\"orderNr\":\"x\",\"orderNo\":").into_bytes(),
            "schema-",
        ),
        ("too long", edit("\"BAD1\"", &format!("\"{}\"", "x".repeat(61))).into_bytes(), "schema-"),
        ("another type", edit("CEB311Message", "CEB999Message").into_bytes(), "type-unknown"),
        ("two types", b"{\"CEB311Message\":{},\"CEB411Message\":{}}".to_vec(), "type-unknown"),
        (
            "a wrong total",
            edit("\"acturalPaid\":\"327.3\"", "\"acturalPaid\":\"1\"").into_bytes(),
            "order-total",
        ),
    ] {
        let (key, chain) = identity(&zone, "platform");
        let token = jws::sign_compact(&body, &key, &chain, &JwsOptions::default()).unwrap();
        let response = send(&zone, "platform", &JOSE, &token).await;
        let problem: Value = serde_json::from_slice(&response.body).unwrap();
        let found = problem["code"].as_str().unwrap_or_default();
        assert!(found.starts_with(code), "{what}: {problem}");
        assert!((400..500).contains(&response.status), "{what}: {problem}");
        let place = &problem["place"];
        assert_eq!(place["within"], "payload", "{what}: {problem}");
        assert!(place["line"].as_u64().unwrap() >= 1, "{what}: {problem}");
        assert!(place["column"].as_u64().unwrap() >= 1, "{what}: {problem}");
        println!("{what}: {found} {place}");
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
    // A list must have a Signature of its own, which JSON cannot carry.
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name("CEB621Message").unwrap();
    let form = catalogue.json_form(kind).unwrap().unwrap();
    let signed = sign(&zone, "declarant", onepoint_schemas::example("CEB621Message").unwrap());
    let list = form.to_json(&parse(&signed)).unwrap();
    let token = compact(&zone, "declarant", &list, &JwsOptions::default());
    let response = send(&zone, "declarant", &JOSE, &token).await;
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(response.status, 422, "{problem}");
}
