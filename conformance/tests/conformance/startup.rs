//! What a person sees who starts the program with something wrong: one message, a
//! hint, the documented exit code, and all faults of a configuration at once.

use std::fs;
use std::process::{Command, Output};

use onepoint_conformance::zone::{Setup, Zone, onepoint};
use onepoint_schemas::example;

fn run(arguments: &[&str]) -> Output {
    Command::new(onepoint()).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last lines on standard error are the message with its code, and a hint.
fn expect(output: &Output, exit: i32, code: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert!(said.contains(&format!("[{code}]")), "expected [{code}] in: {said}");
    assert!(said.contains("hint: "), "{said}");
}

fn edit(zone: &Zone, from: &str, to: &str) {
    let path = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

fn serve(zone: &Zone) -> Output {
    run(&["serve", "--config", zone.folder().join("onepoint.toml").to_str().unwrap()])
}

#[test]
fn a_broken_configuration_shows_all_faults_at_once() {
    let zone = Zone::make(&Setup::default());
    edit(&zone, "zone = \"pilot\"", "zone = 7\ncolour = 1");
    edit(&zone, "anchors = [\"pki/ca.pem\", ", "anchors = [\"pki/none.pem\", ");
    edit(&zone, "role = \"auditor\"", "role = \"king\"");
    let config = zone.folder().join("onepoint.toml");
    let config = config.to_str().unwrap();
    for output in [serve(&zone), run(&["check-config", config])] {
        expect(&output, 2, "config-invalid");
        let said = said(&output);
        for part in ["zone: expected a text", "colour: unknown key", "none.pem", "king"] {
            assert!(said.contains(part), "{part} in: {said}");
        }
    }
    let output = run(&["check-config", "--json", config]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let faults: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(faults.len() >= 4 && faults.iter().all(|f| f["key"].is_string()), "{lines}");
    expect(&run(&["serve", "--config", "/nowhere/onepoint.toml"]), 2, "config-invalid");
}

#[test]
fn a_journal_that_cannot_be_used_is_said() {
    let zone = Zone::make(&Setup::default());
    edit(&zone, "path = \"journal\"", "path = \"onepoint.toml\"");
    expect(&serve(&zone), 3, "store-not-a-folder");
    edit(&zone, "path = \"onepoint.toml\"", "path = \"/proc/onepoint\"");
    expect(&serve(&zone), 3, "store-not-writable");
}

#[test]
fn a_second_gateway_on_the_same_journal_is_refused() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    expect(&serve(&zone), 3, "store-locked");
}

#[test]
fn another_log_key_or_origin_is_refused() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    zone.stop_gateway();
    let other = Zone::make(&Setup::default());
    let key = other.folder().join("pki/log.key");
    fs::copy(key, zone.folder().join("pki/log.key")).unwrap();
    expect(&serve(&zone), 3, "store-log-key-changed");
    edit(&zone, "origin = \"onepoint.example/pilot\"", "origin = \"onepoint.example/other\"");
    expect(&serve(&zone), 3, "log-origin-mismatch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_down_does_not_stop_intake() {
    // Nothing listens on port 1.
    let amqp = Some("amqp://127.0.0.1:1/%2f".to_owned());
    let mut zone = Zone::make(&Setup { amqp, ..Setup::default() });
    zone.start_gateway(&[]);
    let signed = zone.signer("platform").sign(example("CEB311Message").unwrap());
    let client = zone.client("platform");
    let response = client.post("/v1/messages", "application/xml", signed).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let ready = client.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 200);
    assert!(!ready.text().contains("\"connected\""), "{}", ready.text());
    let metrics = zone.metrics().await.unwrap();
    assert_eq!((metrics.journal("accepted"), metrics.journal("pending")), (1, 2));
}

#[test]
fn commands_say_what_is_wrong_with_their_input() {
    let zone = Zone::make(&Setup::default());
    let folder = zone.folder().to_str().unwrap().to_owned();
    let pki = |name: &str| format!("{folder}/pki/{name}");
    let (pem, key, ca) = (pki("platform.pem"), pki("platform.key"), pki("ca.pem"));
    let config = format!("{folder}/tax.toml");
    let garbage = format!("{folder}/garbage.xml");
    fs::write(&garbage, "<a><b></a>").unwrap();

    expect(&run(&["init", &folder]), 2, "folder-not-empty");
    expect(&run(&["adapter", "moon", "--config", &config]), 2, "adapter-unknown");
    expect(&run(&["adapter", "tax", "--config", "/nowhere"]), 3, "file-unreadable");
    expect(&run(&["sign", "/nowhere", "--certificate", &pem, "--key", &key]), 3, "file-unreadable");
    expect(
        &run(&["sign", &garbage, "--certificate", &pem, "--key", &key]),
        2,
        "xml-end-tag-mismatch",
    );
    expect(
        &run(&["sign", &garbage, "--certificate", &key, "--key", &key]),
        2,
        "certificate-unusable",
    );
    expect(&run(&["sign", &garbage, "--certificate", &pem, "--key", &pem]), 2, "key-unusable");
    let to = [
        "send",
        &garbage,
        "--to",
        "https://127.0.0.1:1",
        "--ca",
        &ca,
        "--certificate",
        &pem,
        "--key",
        &key,
    ];
    expect(&run(&to), 3, "connection-refused");
    expect(&run(&["verify", &garbage, "--log-key", "nonsense"]), 2, "log-key-unusable");
    let output = run(&["verify", &garbage, "--log-key", &pki("log.pub")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOT VERIFIED"));
    assert_eq!(run(&["moon"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_vendor_signs_sends_keeps_and_verifies() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let folder = zone.folder().to_str().unwrap().to_owned();
    let file = |name: &str| format!("{folder}/{name}");
    fs::write(file("order.xml"), example("CEB311Message").unwrap()).unwrap();
    let (pem, key) = (file("pki/platform.pem"), file("pki/platform.key"));
    let signed = run(&[
        "sign",
        &file("order.xml"),
        "--certificate",
        &pem,
        "--key",
        &key,
        "-o",
        &file("signed.xml"),
    ]);
    assert!(signed.status.success(), "{}", said(&signed));
    let send = [
        "send",
        &file("signed.xml"),
        "--to",
        &zone.url(),
        "--ca",
        &file("pki/ca.pem"),
        "--certificate",
        &pem,
        "--key",
        &key,
        "--receipts",
        &file("receipts"),
    ];
    let sent = run(&send);
    assert!(sent.status.success(), "{}", said(&sent));
    assert!(String::from_utf8_lossy(&sent.stdout).starts_with("accepted"));
    let receipt = fs::read_dir(file("receipts")).unwrap().next().unwrap().unwrap().path();
    let receipt = receipt.to_str().unwrap();
    let key = file("pki/log.pub");
    let ca = file("pki/ca.pem");
    let verify = |message: &str| {
        let message = file(message);
        run(&["verify", receipt, "--log-key", &key, "--anchors", &ca, "--message", &message])
    };
    let good = verify("signed.xml");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));
    let other = verify("order.xml");
    assert_eq!(other.status.code(), Some(1), "another message than the receipt's");
}
