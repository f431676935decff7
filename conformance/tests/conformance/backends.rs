//! Adapters with a department's own system behind them, from outside: the real program over
//! folders, a real PostgreSQL and another broker. The test is the department: it takes each
//! order, replies as the department's mapping would, and counts what came.

use std::time::{Duration, Instant};

use onepoint_adapters::{Incoming, department};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_relay::client::HttpClient;
use onepoint_schemas::example_with;
use serde_json::{Value, json};

mod deaths;
mod other;
mod tables;

const PATIENCE: Duration = Duration::from_secs(90);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A zone with its gateway up; the adapter of customs has this back end, the others run as
/// they are.
fn zone(backend: &str) -> Zone {
    let mut zone = Zone::make(&Setup::default());
    zone.edit("customs.toml", |text| format!("{text}\n{backend}"));
    zone.start_gateway(&[]);
    zone.start_adapter("tax");
    zone
}

/// What customs replies to an order, by the ids of the replies.
fn replies_of(delivery: &str, body: &[u8]) -> Vec<(String, String)> {
    let message = delivery.split('.').next().unwrap();
    let incoming =
        Incoming { delivery, message, message_type: "CEB311Message", documents: &[0], body };
    // An order that comes again gets the same replies, to the byte: others would be a conflict.
    let at = "2026-11-29T00:00:00Z".parse().unwrap();
    let outcome = department("customs").unwrap().map(&incoming, at).unwrap();
    outcome.answers.into_iter().map(|answer| (answer.id, answer.xml)).collect()
}

/// How many replies customs gives to an order.
fn replies_each() -> usize {
    replies_of("x.customs", example_with("CEB311Message", &[]).unwrap().as_bytes()).len()
}

/// Waits until the sender has these answers of customs, each once; acknowledges all.
async fn answered(zone: &Zone, ids: &[String]) {
    let (client, started) = (zone.client("platform"), Instant::now());
    let each = 1..=replies_each();
    let of = |id: &String| each.clone().map(|n| format!("{id}.customs-{n}")).collect::<Vec<_>>();
    let mut wanted: Vec<String> = ids.iter().flat_map(of).collect();
    while !wanted.is_empty() {
        assert!(started.elapsed() < PATIENCE, "missing: {wanted:?}");
        for answer in pull(&client).await {
            if answer["department"] == "customs" {
                let id = answer["answer"].as_str().unwrap();
                let at = wanted.iter().position(|one| one == id);
                wanted.remove(at.unwrap_or_else(|| panic!("{id} was not waited for")));
            }
        }
    }
}

/// Answers of all departments that are there, acknowledged.
async fn pull(client: &HttpClient) -> Vec<Value> {
    use base64::Engine;
    let pulled = client.get("/v1/receipts?wait_ms=200&max=64").await.unwrap();
    let pulled: Value = serde_json::from_slice(&pulled.body).unwrap();
    let (mut acks, mut answers) = (Vec::new(), Vec::new());
    for delivery in pulled["deliveries"].as_array().unwrap() {
        let body = delivery["body"].as_str().unwrap();
        let body = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        answers.push(serde_json::from_slice(&body).unwrap());
        acks.push(json!({ "delivery": delivery["delivery"], "lease": delivery["lease"] }));
    }
    if !acks.is_empty() {
        let body = json!({ "acks": acks }).to_string().into_bytes();
        client.post("/v1/receipts/ack", "application/json", body).await.unwrap();
    }
    answers
}
