//! JSON messages: signed as JWS, judged by their JSON Schema, mapped to the XML form, and from
//! there as every message. In: the JSON form of the catalogue's order. Out: the same receipts for
//! the same content, customs XML for customs with the original as evidence, every fault with its
//! place in the JSON, and a check that explains JSON stage by stage as it does XML.

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
        ("a lone surrogate", edit("\"BAD1\"", "\"\\ud800\"").into_bytes(), "json-surrogate"),
        ("a number", edit("\"BAD1\"", "1").into_bytes(), "json-type"),
        (
            "a member more",
            edit("\"orderNo\":", "\"orderNr\":\"x\",\"orderNo\":").into_bytes(),
            "json-unexpected-member",
        ),
        (
            "too long",
            edit("\"BAD1\"", &format!("\"{}\"", "x".repeat(61))).into_bytes(),
            "json-max-length",
        ),
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
        assert_eq!((response.status, found), (422, code), "{what}: {problem}");
        let place = &problem["place"];
        assert_eq!(place["within"], "payload", "{what}: {problem}");
        assert!(place["line"].as_u64().unwrap() >= 1, "{what}: {problem}");
        assert!(place["column"].as_u64().unwrap() >= 1, "{what}: {problem}");
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
    assert!(problem["code"].as_str().unwrap().starts_with("signature-"), "{problem}");
}

/// The report of a dry run.
async fn checked(zone: &Zone, labels: &[(&str, &str)], body: &str) -> Value {
    let headers = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/messages/check".to_owned(),
        headers: headers.collect(),
        body: body.as_bytes().to_vec(),
        timeout: None,
    };
    let response = zone.client("platform").send(request).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

/// What a stage came to: its verdict and its code.
fn stage(report: &Value, stage: &str) -> (Option<bool>, String) {
    let found = report["findings"].as_array().unwrap().iter().find(|it| it["stage"] == stage);
    let found = found.unwrap_or_else(|| panic!("no finding {stage}: {report}"));
    (found["ok"].as_bool(), found["code"].as_str().unwrap().to_owned())
}

fn said(ok: Option<bool>, code: &str) -> (Option<bool>, String) {
    (ok, code.to_owned())
}

/// Stages that say who signed and what that one may.
const IDENTITY: [&str; 6] = ["chain", "revocation", "participant", "submitter", "rights", "guid"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_explains_json_stage_by_stage_as_it_does_xml() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let usual = JwsOptions::default();
    let token = |body: &str| compact(&zone, "platform", body, &usual);
    let good = json(1);
    let report = checked(&zone, &JOSE, &token(&good)).await;
    assert_eq!((&report["accepted"], &report["causes"]), (&true.into(), &serde_json::json!([])));
    for name in
        ["envelope", "envelope-value", "well-formed", "type", "delegation", "schema", "rules"]
            .iter()
            .chain(&IDENTITY)
    {
        assert_eq!(stage(&report, name).0, Some(true), "{name}: {report}");
    }
    assert_eq!(stage(&report, "signature"), said(None, "carried-unsigned"));
    // As XML, what the schema finds keeps no other stage from its verdict.
    let wrong = crate::hostile::edit(&good, "\"BAD1\"", &format!("\"{}\"", "x".repeat(61)));
    let report = checked(&zone, &JOSE, &token(&wrong)).await;
    assert_eq!(stage(&report, "well-formed"), said(Some(true), "json-good"));
    assert_eq!(stage(&report, "type"), said(Some(true), "type-known"));
    for name in IDENTITY {
        assert_eq!(stage(&report, name).0, Some(true), "{name}: {report}");
    }
    assert_eq!(stage(&report, "schema").0, Some(false));
    assert_eq!(stage(&report, "rules"), said(None, "not-judged"));
    let found = report["findings"].as_array().unwrap();
    let found = found.iter().find(|it| it["stage"] == "schema").unwrap();
    let column = wrong.find("\"xxx").map(|at| wrong[..at].chars().count() + 1).unwrap();
    let place = &found["violations"][0];
    assert_eq!((place["line"].as_u64(), place["column"].as_u64()), (Some(1), Some(column as u64)));
    assert!(place["path"].as_str().unwrap().ends_with("/orderNo"), "{place}");
    assert_eq!(found["place"]["within"], "payload");
    assert_eq!(report["answer"]["refusal"]["code"], found["code"], "intake says the same");
    let total = crate::hostile::edit(&good, "\"acturalPaid\":\"327.3\"", "\"acturalPaid\":\"1\"");
    let report = checked(&zone, &JOSE, &token(&total)).await;
    assert_eq!(stage(&report, "rules"), said(Some(false), "order-total"));
    assert_eq!(report["answer"]["refusal"]["code"], "order-total");
    // What keeps the text from being read keeps nobody from saying who signed.
    for (body, name, code) in [
        ("{\"CEB999Message\":{}}", "type", "type-unknown"),
        ("{\"a\":1,\"a\":2}", "well-formed", "json-duplicate-name"),
        ("{\"CEB311Message\":1}", "schema", "json-type"),
    ] {
        let report = checked(&zone, &JOSE, &token(body)).await;
        assert_eq!(stage(&report, name), said(Some(false), code));
        assert_eq!(stage(&report, "chain").0, Some(true), "{report}");
        assert_eq!(stage(&report, "participant").0, Some(true), "{report}");
        assert_eq!(report["answer"]["refusal"]["code"], code);
    }
    assert_eq!(zone.metrics().await.unwrap().journal("refused"), 0, "a check leaves no trace");
}

/// What tools do to JSON between signing and sending, each named with the place where it shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_why_the_signature_of_json_does_not_hold() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let sent = json(1);
    let value: Value = serde_json::from_str(&sent).unwrap();
    let ascii = |text: &str| -> String {
        let one = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => format!("\\u{:04x}", u32::from(c)),
        };
        text.chars().map(one).collect()
    };
    let detached = JwsOptions { detached: true, ..JwsOptions::default() };
    for (signed, code) in [
        (serde_json::to_string_pretty(&value).unwrap(), "attribute-order"),
        (sent.replace("\":", "\": "), "unknown"),
        (ascii(&sent), "text-escaped-otherwise"),
        (format!("{sent}\n"), "re-indented"),
        (sent.replace("T", "U"), "unknown"),
    ] {
        let header = compact(&zone, "platform", &signed, &detached);
        let labels = [("content-type", DETACHED), ("jws-signature", header.as_str())];
        let report = checked(&zone, &labels, &sent).await;
        assert_eq!(stage(&report, "envelope-value"), said(Some(false), "jws-value-mismatch"));
        let cause = &report["causes"][0];
        assert_eq!(cause["code"], code, "{cause}");
        assert_eq!(cause["proved"], code != "unknown", "{cause}");
        assert_eq!(cause["difference"].is_object(), code != "unknown", "{cause}");
        assert_eq!(stage(&report, "schema").0, Some(true), "{report}");
    }
    let header = compact(&zone, "platform", &ascii(&sent), &detached);
    let labels = [("content-type", DETACHED), ("jws-signature", header.as_str())];
    let report = checked(&zone, &labels, &sent).await;
    let place = &report["causes"][0]["difference"];
    let column = sent.chars().position(|c| !c.is_ascii()).unwrap() as u64 + 1;
    assert_eq!((place["line"].as_u64(), place["column"].as_u64()), (Some(1), Some(column)));
    assert!(place["signed"].as_str().unwrap().contains("\\u"), "{place}");
}

/// Without a signature: what XML is told by `signature-missing`; schema and rules all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_explains_json_that_nobody_has_signed_yet() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let labels = [("content-type", DETACHED)];
    let report = checked(&zone, &labels, &json(1)).await;
    assert_eq!(stage(&report, "envelope"), said(Some(false), "jws-header-missing"));
    assert_eq!(stage(&report, "signature"), said(None, "carried-unsigned"));
    assert_eq!(stage(&report, "chain"), said(None, "not-judged"));
    assert_eq!(stage(&report, "schema").0, Some(true));
    assert_eq!(stage(&report, "rules").0, Some(true));
    assert_eq!(report["accepted"], false);
    assert_eq!(report["answer"]["refusal"]["code"], "jws-header-missing");
    let missing = crate::hostile::edit(&json(1), "\"orderNo\"", "\"orderNr\"");
    let report = checked(&zone, &labels, &missing).await;
    assert_eq!(stage(&report, "schema").0, Some(false), "{report}");
    let report = checked(&zone, &labels, "{\"payExchangeInfoHead\":{}}").await;
    assert_eq!(stage(&report, "envelope"), said(Some(false), "payment-missing-member"));
    // The front door goes on refusing it before it is read.
    let response = send(&zone, "platform", &labels, &json(1)).await;
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &problem["code"]), (400, &"jws-header-missing".into()));
}
