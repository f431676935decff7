//! A dry run that explains, from outside: over HTTPS it leaves no trace, it names the
//! cause of a broken signature with its place, every bad input gets a clear answer, and
//! `onepoint check` says the same offline, with an exit code.

use std::path::Path;
use std::process::{Command, Output};

use onepoint_conformance::zone::{Setup, Zone, onepoint};
use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use serde_json::Value;

use crate::intake::order;

const CHECK: &str = "/v1/messages/check";

async fn post(client: &HttpClient, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let response: Response = client.post(path, "application/xml", body.into()).await.unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

fn signed(zone: &Zone, party: &str, xml: &str) -> String {
    String::from_utf8(zone.signer(party).sign(xml)).unwrap()
}

fn finding<'v>(report: &'v Value, stage: &str) -> &'v Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["stage"] == stage).unwrap_or(&Value::Null)
}

async fn checkpoint(client: &HttpClient) -> String {
    client.get("/log/checkpoint").await.unwrap().text().to_string()
}

/// Signed on one line, sent in lines.
fn reindented(zone: &Zone, n: u32) -> String {
    let flat: String = order(n).lines().map(str::trim_start).collect();
    signed(zone, "platform", &flat).replace("><ceb:", ">\n  <ceb:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_leaves_no_trace_and_names_the_cause() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let platform = zone.client("platform");
    let before = checkpoint(&platform).await;
    let good = signed(&zone, "platform", &order(900));
    for _ in 0..2 {
        let (status, report) = post(&platform, CHECK, good.clone()).await;
        assert_eq!((status, &report["accepted"]), (200, &Value::Bool(true)), "{report}");
        assert_eq!(report["causes"], serde_json::json!([]));
        for stage in ["well-formed", "type", "signature", "chain", "participant", "submitter"] {
            assert_eq!(finding(&report, stage)["ok"], true, "{stage}: {report}");
        }
        for stage in ["rights", "guid", "delegation", "reference", "value", "schema", "rules"] {
            assert_eq!(finding(&report, stage)["ok"], true, "{stage}: {report}");
        }
    }
    let (status, report) = post(&platform, CHECK, reindented(&zone, 901)).await;
    assert_eq!((status, &report["accepted"]), (200, &Value::Bool(false)));
    let cause = &report["causes"][0];
    assert_eq!(
        (&cause["code"], &cause["proved"]),
        (&"re-indented".into(), &true.into()),
        "{cause}"
    );
    assert!(cause["difference"]["line"].as_u64().unwrap() > 1, "{cause}");
    assert_eq!(finding(&report, "reference")["code"], "signature-digest-mismatch");
    assert_eq!(finding(&report, "value")["ok"], true);
    assert_eq!(finding(&report, "schema")["ok"], true, "later stages are judged all the same");
    assert_eq!(report["answer"]["refusal"]["code"], "signature-digest-mismatch");
    assert_eq!(report["answer"]["status"], 422);
    assert_eq!(checkpoint(&platform).await, before, "a check wrote a fact");

    // Now in earnest: the good one is new, the broken one is refused with a hint.
    let (status, answer) = post(&platform, "/v1/messages", good).await;
    assert_eq!((status, &answer["verdict"]), (200, &"accepted".into()), "{answer}");
    let (status, answer) = post(&platform, "/v1/messages", reindented(&zone, 902)).await;
    assert_eq!(status, 422);
    assert!(answer["hint"].as_str().unwrap().contains(CHECK), "{answer}");
    assert!(answer["hint_zh"].as_str().unwrap().contains("onepoint check"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_input_of_a_check_gets_a_clear_answer() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let platform = zone.client("platform");
    let before = checkpoint(&platform).await;
    let ca = std::fs::read(zone.folder().join("pki/ca.pem")).unwrap();
    let stranger = HttpClient::new(ClientOptions::new(zone.url(), ca)).unwrap();
    assert_eq!(post(&stranger, CHECK, order(1)).await.1["code"], "certificate-required");
    assert_eq!(post(&zone.client("customs"), CHECK, order(1)).await.0, 403);
    let refused = [("", 400, "body-empty"), (&"x".repeat(20_000_000), 413, "body-too-large")];
    for (body, status, code) in refused {
        let (found, problem) = post(&platform, CHECK, body).await;
        assert_eq!((found, &problem["code"]), (status, &code.into()));
    }
    let plain = platform.post(CHECK, "text/plain", b"{}".to_vec()).await.unwrap();
    assert_eq!(plain.status, 415);
    let payment = signed(&zone, "payment", &order(904));
    let alien = signed(&zone, "platform", "<a guid=\"1\"/>");
    let wrong_total = order(905).replace("<ceb:acturalPaid>327.3<", "<ceb:acturalPaid>1<");
    let wrong_total = signed(&zone, "platform", &wrong_total);
    let cases = [
        ("{\"a\": 1}".to_owned(), "well-formed", "xml-not-xml"),
        ("<a><b></a>".to_owned(), "well-formed", "xml-end-tag-mismatch"),
        (alien, "type", "type-unknown"),
        (order(903), "signature", "signature-missing"),
        (payment, "rights", "sender-may-not-send"),
        (wrong_total, "rules", "order-total"),
    ];
    for (body, stage, code) in cases {
        let (status, report) = post(&platform, CHECK, body).await;
        assert_eq!((status, &report["accepted"]), (200, &Value::Bool(false)), "{code}");
        let found = finding(&report, stage);
        assert_eq!((&found["ok"], &found["code"]), (&false.into(), &code.into()), "{report}");
        assert_eq!(finding(&report, "answer")["ok"], false);
    }
    assert_eq!(checkpoint(&platform).await, before, "a check wrote a fact");
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(onepoint());
    command.arg("check").args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn the_command_says_the_same_offline() {
    let zone = Zone::make(&Setup::default());
    let folder = zone.folder();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("good.xml", &signed(&zone, "platform", &order(910)));
    write("bad.xml", &reindented(&zone, 911));
    write("empty.xml", "");
    let config = ["--config", "onepoint.toml"];
    let with = |arguments: &[&'static str]| {
        let output = check(folder, arguments);
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said, String::from_utf8(output.stderr).unwrap())
    };
    let (code, said, _) = with(&["good.xml", config[0], config[1]]);
    assert!(code == 0 && said.contains("would be accepted"), "{code} {said}");
    let (code, said, _) = with(&["bad.xml", config[0], config[1]]);
    assert_eq!(code, 1, "{said}");
    for words in
        ["WOULD BE REFUSED", "cause re-indented (proved", "空白", "first difference", "⏎··<ceb:"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Handed in by somebody else; and without a configuration.
    assert_eq!(with(&["good.xml", config[0], config[1], "--as", "payment"]).0, 1);
    let (code, said, _) = with(&["good.xml"]);
    assert!(code == 0 && said.contains("not-judged"), "{code} {said}");
    let anchored = ["good.xml", "--anchors", "pki/ca.pem", "--registered", "pki/platform.pem"];
    assert_eq!(with(&anchored).0, 0);
    assert_eq!(with(&["good.xml", "--registered", "pki/payment.pem"]).0, 1);
    let (code, said, _) = with(&["bad.xml", "--json", "--canonical", "bad.c14n"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["causes"][0]["code"]), (1, &"re-indented".into()));
    let octets = std::fs::read_to_string(folder.join("bad.c14n")).unwrap();
    assert!(octets.starts_with("<ceb:CEB311Message") && !octets.contains("ds:Signature>"));
    for usage in [
        vec!["empty.xml"],
        vec!["good.xml", "--config", "none.toml"],
        vec!["good.xml", config[0], config[1], "--as", "nobody"],
        vec!["good.xml", "--as", "platform"],
        vec!["good.xml", "--anchors", "good.xml"],
        vec!["good.xml", "--registered", "good.xml"],
    ] {
        let (code, _, complaint) = with(&usage);
        assert!(code == 2 && !complaint.is_empty(), "{usage:?}: {code} {complaint}");
    }
    assert_eq!(with(&["none.xml"]).0, 3);
}
