//! The embedded queue as its readers and its operator see it: server-sent events, leases,
//! what is given back or given up, dead letters, and replays, which come after all that is
//! new and have no second effect.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use onepoint_conformance::zone::{DEPARTMENTS, Setup, Zone};
use onepoint_relay::client::HttpClient;
use onepoint_schemas::example_with;
use serde_json::{Value, json};

mod replay;
mod stream;

const PATIENCE: Duration = Duration::from_secs(60);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A zone with its gateway up, and no adapter.
fn zone() -> Zone {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    zone
}

/// Hands in orders; gives the messages' ids.
async fn send(zone: &Zone, numbers: &[&str]) -> Vec<String> {
    let (signer, client) = (zone.signer("platform"), zone.client("platform"));
    let mut ids = Vec::new();
    for number in numbers {
        let (root, own) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
        let fields = [("@guid", root.as_str()), ("guid", own.as_str()), ("orderNo", *number)];
        let body = signer.sign(&example_with("CEB311Message", &fields).unwrap());
        let response = client.post("/v1/messages", "application/xml", body).await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let told: Value = serde_json::from_slice(&response.body).unwrap();
        ids.push(told["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn get(client: &HttpClient, path: &str) -> Value {
    let response = client.get(path).await.unwrap();
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

async fn post(client: &HttpClient, path: &str, body: Value) -> Value {
    let body = body.to_string().into_bytes();
    let response = client.post(path, "application/json", body).await.unwrap();
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

async fn pull(client: &HttpClient, lease_ms: u32) -> Vec<Value> {
    let path = format!("/v1/queues/tax?max=50&lease_ms={lease_ms}");
    get(client, &path).await["deliveries"].as_array().unwrap().clone()
}

fn lease(delivery: &Value) -> Value {
    json!({ "delivery": delivery["delivery"], "lease": delivery["lease"] })
}

#[test]
fn what_cannot_be_handled_is_a_dead_letter_until_an_operator_requeues_it() {
    let mut zone = zone();
    let runtime = runtime();
    runtime.block_on(async {
        let (tax, operator) = (zone.client("tax"), zone.client("operator"));
        let ids = send(&zone, &["Q-1", "Q-2"]).await;
        let given = pull(&tax, 30_000).await;
        assert_eq!(given.len(), 2);
        let mut nack = lease(&given[0]);
        nack["code"] = json!("unmappable");
        nack["reason"] = json!("no such currency");
        nack["dead"] = json!(true);
        let told = post(&tax, "/v1/queues/tax/nack", json!({ "nacks": [nack] })).await;
        assert_eq!(told["settled"][0], given[0]["delivery"]);
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": [lease(&given[1])] })).await;
        assert!(pull(&tax, 30_000).await.is_empty(), "it is not given out again");
        for who in [&tax, &operator] {
            let dead = get(who, "/v1/queues/tax/dead").await;
            let letter = &dead["dead"][0];
            assert_eq!(dead["dead"].as_array().unwrap().len(), 1);
            assert_eq!(
                (&letter["code"], &letter["message"]),
                (&json!("unmappable"), &json!(ids[0]))
            );
            assert_eq!(letter["reason"], "no such currency");
        }
        let denied = zone.client("customs").get("/v1/queues/tax/dead").await.unwrap();
        assert_eq!(denied.status, 403, "{}", denied.text());
        assert_eq!(zone.metrics().await.unwrap().journal("pending"), 3, "two of customs, one dead");
        let dead = get(&operator, "/v1/queues/tax/dead").await;
        let letters = json!({ "letters": [dead["dead"][0]["letter"], "unknown"] });
        let told = post(&operator, "/v1/queues/tax/dead/requeue", letters.clone()).await;
        assert_eq!(told["settled"].as_array().unwrap().len(), 1);
        assert_eq!(told["refused"][0]["code"], "dead-letter-unknown");
        let twice = post(&operator, "/v1/queues/tax/dead/requeue", letters).await;
        assert_eq!(twice["settled"], json!([]), "once");
        let again = pull(&tax, 30_000).await;
        assert_eq!(again.len(), 1);
        assert_eq!(again[0]["replay_of"], given[0]["delivery"], "the same effect");
        assert_eq!(again[0]["body"], given[0]["body"]);
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": [lease(&again[0])] })).await;
        assert_eq!(get(&operator, "/v1/queues/tax/dead").await["dead"], json!([]));
        let shown = get(&operator, &format!("/v1/messages/{}", ids[0])).await;
        let first = shown["deliveries"].as_array().unwrap().iter();
        let first = first.filter(|row| row["destination"] == "tax");
        assert!(first.clone().count() >= 2 && first.clone().all(|row| row["state"] == "delivered"));
    });
    check(&mut zone);
}

#[test]
fn what_is_given_out_too_often_is_a_dead_letter() {
    let mut zone = zone();
    let runtime = runtime();
    runtime.block_on(async {
        let (tax, operator) = (zone.client("tax"), zone.client("operator"));
        send(&zone, &["L-1"]).await;
        let mut times = 0;
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "given out {times} times");
            let given = pull(&tax, 1).await;
            if let Some(one) = given.first() {
                times += 1;
                assert_eq!(one["redelivered"], json!(times > 1));
            }
            if !get(&operator, "/v1/queues/tax/dead").await["dead"].as_array().unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert_eq!(times, 20);
        let dead = get(&operator, "/v1/queues/tax/dead").await;
        assert_eq!(dead["dead"][0]["code"], "delivery-limit");
    });
    check(&mut zone);
}

/// Stops the gateway; its journal agrees with its facts.
fn check(zone: &mut Zone) {
    zone.stop_gateway();
    let (code, out, err) = zone.run(&["store", "check", "--config", "onepoint.toml"]);
    assert_eq!(code, Some(0), "{out}{err}");
}
