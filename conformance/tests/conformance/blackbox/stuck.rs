//! An adapter that takes messages from the broker and never acknowledges one: no other
//! department waits for it, its sender is told who is awaited, and what it holds goes to
//! the next instance once it is gone, each with one effect.

use futures_lite::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use onepoint_conformance::proxy::Proxy;
use onepoint_relay::broker::Broker;
use onepoint_relay::topology::department_queue;

use super::*;

const ORDERS: usize = 10;
/// What it takes without acknowledging any.
const HELD: u16 = 4;

/// Reads the queue of tax and never acknowledges.
async fn never_acknowledges(url: &str) -> (Connection, Consumer) {
    let connection = Broker::new(url, "test-stuck", None).unwrap().connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(HELD, BasicQosOptions::default()).await.unwrap();
    let (queue, tag) = (department_queue("tax"), "stuck".into());
    let options = BasicConsumeOptions::default();
    let feed = channel.basic_consume(queue.as_str().into(), tag, options, FieldTable::default());
    (connection, feed.await.unwrap())
}

/// Waits until these are awaited for each message and nobody else, as its sender is told.
async fn awaited(zone: &Zone, ids: &[String], wanted: &[&str]) {
    let (platform, started) = (zone.client("platform"), Instant::now());
    for id in ids {
        loop {
            let asked = platform.get(&format!("/v1/messages/{id}/status")).await.unwrap();
            assert_eq!(asked.status, 200, "{}", asked.text());
            let told: Value = serde_json::from_slice(&asked.body).unwrap();
            let awaited = told["documents"][0]["awaited"].as_array().expect("who is awaited");
            if awaited.iter().map(|one| &one["department"]).eq(wanted) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{wanted:?} should be awaited for {id}: {told}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn an_adapter_that_never_acknowledges_holds_up_nobody_and_loses_nothing() {
    let rabbit = broker();
    let proxy = Proxy::start(rabbit.port());
    let behind = rabbit.url().replace(&rabbit.port().to_string(), &proxy.port().to_string());
    let mut zone = Zone::make(&Setup { amqp: Some(rabbit.url()), receipts_by_broker: Vec::new() });
    zone.start_gateway(&[]);
    zone.start_adapter("customs");
    let (runtime, operator) = (runtime(), zone.client("operator"));
    // It lives as long as the test: what ends is its connection.
    let (_stuck, mut ids) = runtime.block_on(async {
        // Its queue is there once the gateway is connected.
        let connected = |metrics: &Metrics| metrics.get("onepoint_relay_connected") == 1;
        until("the relay is connected", &operator, connected).await;
        let (stuck, mut feed) = never_acknowledges(&behind).await;
        let ids = zone.order(ORDERS).await;
        for _ in 0..HELD {
            let next = tokio::time::timeout(PATIENCE, feed.next()).await.expect("in time");
            next.unwrap().unwrap();
        }
        awaited(&zone, &ids, &["tax"]).await;
        ((stuck, feed), ids)
    });
    // A second instance stands by: the broker gives the queue to one at a time, for their order.
    zone.start_adapter("tax");
    runtime.block_on(async {
        ids.extend(zone.order(1).await);
        awaited(&zone, &ids, &["tax"]).await;
        // Its host is gone; nobody says goodbye to the broker.
        proxy.cut();
        awaited(&zone, &ids, &[]).await;
    });
    empty_queues(&rabbit);
    for department in ["customs", "tax"] {
        zone.stop_adapter(department);
        let counts = zone.inbox(department).counts().unwrap();
        assert_eq!((counts.effects, counts.answers_unsent), (ids.len() as u64, 0), "{department}");
    }
    zone.stop_gateway();
}
