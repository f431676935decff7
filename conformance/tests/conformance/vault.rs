//! Payloads at rest, from outside: sealed in the journal, moved to the archive, the
//! master key rotated, and one that is damaged told of while the others go on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use onepoint_conformance::zone::{DEPARTMENTS, Setup, Zone, onepoint};
use onepoint_schemas::{example, example_with};
use serde_json::Value;

fn store(zone: &Zone, arguments: &[&str]) -> Output {
    let config = zone.folder().join("onepoint.toml");
    let mut command = Command::new(onepoint());
    command.arg("store").args(arguments).arg("--config").arg(config).output().unwrap()
}

/// What a command of `onepoint store` says in JSON.
fn told(zone: &Zone, command: &str) -> Value {
    let output = store(zone, &[command, "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output, code: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("[{code}]")), "expected [{code}] in: {said}");
}

async fn send(zone: &Zone, party: &str, message_type: &str) {
    send_text(zone, party, example(message_type).unwrap()).await;
}

async fn send_text(zone: &Zone, party: &str, text: &str) {
    let signed = zone.signer(party).sign(text);
    let client = zone.client(party);
    let response = client.post("/v1/messages", "application/xml", signed).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
}

/// The files of the journal with what they hold.
fn journal(zone: &Zone) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = zone.folder().join("journal");
    let names = ["journal.db", "journal.db-wal"].map(|name| folder.join(name));
    let there = names.into_iter().filter(|path| path.exists());
    there.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_are_sealed_archived_and_outlive_their_master_key() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    DEPARTMENTS.iter().for_each(|department| zone.start_adapter(department));
    send(&zone, "platform", "CEB311Message").await;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let metrics = zone.metrics().await.unwrap();
        // Customs answers twice, tax once.
        if metrics.journal("answers") == 3 {
            break;
        }
        assert!(Instant::now() < until, "the departments did not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    refused(&store(&zone, &["archive"]), "store-locked");
    DEPARTMENTS.iter().for_each(|department| zone.stop_adapter(department));
    fetch_notices(&zone, 3).await;
    zone.stop_gateway();

    for (path, bytes) in journal(&zone) {
        let clear = bytes.windows(11).any(|window| window == b"<ceb:Order>");
        assert!(!clear, "a payload in the clear in {}", path.display());
    }
    let before = told(&zone, "stats");
    let payloads = before["payloads"]["here"]["payloads"].as_u64().unwrap();
    assert!(payloads >= 3, "{before}");
    assert_eq!(before["payloads"]["in_the_clear"], 0);
    let config = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[retention]\narchive_after_days = 0\n")).unwrap();
    let archived = told(&zone, "archive");
    assert_eq!((&archived["archived"], &archived["segments"]), (&payloads.into(), &1.into()));
    let after = told(&zone, "stats");
    assert_eq!(after["payloads"]["archived"], before["payloads"]["here"]);

    rotate(&zone);
    zone.start_gateway(&[]);
    send(&zone, "platform", "CEB311Message").await;
    zone.stop_gateway();
    let counts = told(&zone, "stats");
    assert_eq!(counts["messages"]["accepted"], 1, "sent again, it is the same message: {counts}");
}

/// Pulls and acknowledges a sender's notices, so that nothing of its message is pending any more.
/// Those of one order come one after the other.
async fn fetch_notices(zone: &Zone, count: usize) {
    let client = zone.client("platform");
    let mut fetched = 0;
    while fetched < count {
        let pulled = client.get("/v1/receipts?max=100&wait_ms=10000").await.unwrap();
        let pulled: Value = serde_json::from_slice(&pulled.body).unwrap();
        let deliveries = pulled["deliveries"].as_array().unwrap();
        assert!(!deliveries.is_empty(), "{fetched} of {count} notices");
        let acks: Vec<Value> = deliveries.iter().map(ack).collect();
        let acks = serde_json::json!({ "acks": acks }).to_string().into_bytes();
        let done = client.post("/v1/receipts/ack", "application/json", acks).await.unwrap();
        assert_eq!(done.status, 200, "{}", done.text());
        fetched += deliveries.len();
    }
}

fn ack(delivery: &Value) -> Value {
    serde_json::json!({ "delivery": delivery["delivery"], "lease": delivery["lease"] })
}

/// A new master key on top, all data keys under it, the old one removed.
fn rotate(zone: &Zone) {
    let file = zone.folder().join("pki/store.key");
    let old = fs::read_to_string(&file).unwrap();
    let new = Command::new(onepoint()).args(["store", "new-key", "m2"]).output().unwrap();
    let new = String::from_utf8(new.stdout).unwrap();
    fs::write(&file, &new).unwrap();
    refused(&store(zone, &["rewrap"]), "store-master-key-missing");
    fs::write(&file, format!("{new}{old}")).unwrap();
    let done = told(zone, "rewrap");
    assert_eq!(done, serde_json::json!({ "master": "m2", "wrapped": 1, "keys": 1 }));
    fs::write(&file, &old).unwrap();
    refused(&store(zone, &["rewrap"]), "store-master-key-missing");
    let other = Command::new(onepoint()).args(["store", "new-key", "m2"]).output().unwrap();
    fs::write(&file, other.stdout).unwrap();
    refused(&store(zone, &["rewrap"]), "store-data-key-unreadable");
    fs::write(&file, new).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_payload_waits_alone() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    send(&zone, "platform", "CEB311Message").await;
    // Of another order: what is of the same one keeps behind it.
    let other = example_with("CEB411Message", &[("orderNo", "TEST20261101000002")]).unwrap();
    send_text(&zone, "payment", &other).await;
    zone.stop_gateway();
    let database = rusqlite::Connection::open(zone.folder().join("journal/journal.db")).unwrap();
    let sql = "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 1";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    zone.start_gateway(&[]);
    let client = zone.client("customs");
    let pulled = client.get("/v1/queues/customs?max=10&wait_ms=1000").await.unwrap();
    assert_eq!(pulled.status, 200, "{}", pulled.text());
    let pulled: Value = serde_json::from_slice(&pulled.body).unwrap();
    let deliveries = pulled["deliveries"].as_array().unwrap();
    let types: Vec<_> = deliveries.iter().map(|delivery| &delivery["type"]).collect();
    assert_eq!(types, ["CEB411Message"], "the one behind it goes on");
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 2);
}
