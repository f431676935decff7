//! `onepoint replay` over a broker: a dry run first, once more under the first id, behind
//! all that is new, with no second effect, and no other department hears of it.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_lite::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions};
use lapin::types::FieldTable;
use onepoint_relay::broker::Broker;
use onepoint_relay::topology::department_queue;

use super::*;

/// Runs the command for everything of tax between two times.
fn replay(zone: &Zone, from: &str, to: &str, more: &[&str]) -> String {
    let url = zone.url();
    let arguments = [
        &["replay", "--department", "tax", "--from", from, "--to", to, "--gateway", &url][..],
        &["--ca", "pki/ca.pem", "--certificate", "pki/operator.pem", "--key", "pki/operator.key"],
        more,
    ]
    .concat();
    let (code, out, err) = zone.run(&arguments);
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

/// Waits until there are at least so many answers, nothing is pending but what firms have
/// to fetch, and nothing more has come for a while.
async fn quiet(operator: &HttpClient, answers: u64) {
    let (started, mut before, mut since) = (Instant::now(), (0, 0), Instant::now());
    loop {
        assert!(started.elapsed() < PATIENCE, "it does not come to rest: {before:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Ok(metrics) = Metrics::of(operator).await else { continue };
        let now = (metrics.journal("answers"), metrics.journal("facts"));
        if now != before {
            (before, since) = (now, Instant::now());
        }
        if now.0 >= answers && since.elapsed() > Duration::from_secs(3) {
            return;
        }
    }
}

fn now() -> String {
    std::thread::sleep(Duration::from_millis(5));
    jiff::Timestamp::now().to_string()
}

#[test]
fn a_replay_over_the_broker_has_no_second_effect_and_disturbs_nobody() {
    let rabbit = broker();
    let mut zone = zone(&Setup { amqp: Some(rabbit.url()), receipts_by_broker: Vec::new() });
    let runtime = runtime();
    let from = now();
    let operator = zone.client("operator");
    let ids = runtime.block_on(async {
        let ids = zone.order(3).await;
        quiet(&operator, 3).await;
        ids
    });
    let to = now();
    let out = replay(&zone, &from, &to, &[]);
    assert!(out.contains("3 deliveries") && out.contains("nothing was done"), "{out}");
    let out = replay(&zone, &from, &to, &["--apply"]);
    assert!(out.contains("3 are given to tax once more"), "{out}");
    // What is new goes on as ever, and when it is answered the replays have come too.
    runtime.block_on(async {
        zone.order(1).await;
        quiet(&operator, 4).await;
    });
    zone.stop_adapter("customs");
    let customs = zone.inbox("customs").counts().unwrap();
    assert_eq!((customs.effects, customs.redeliveries), (4, 0), "nobody else hears of it");
    let started = Instant::now();
    let tax = loop {
        zone.stop_adapter("tax");
        let counts = zone.inbox("tax").counts().unwrap();
        if counts.redeliveries == 3 || started.elapsed() > PATIENCE {
            break counts;
        }
        zone.start_adapter("tax");
        std::thread::sleep(Duration::from_millis(300));
    };
    assert_eq!((tax.effects, tax.redeliveries, tax.answers_unsent), (4, 3, 0));
    runtime.block_on(replays_are_facts(&zone, &ids));
    zone.stop_gateway();
}

/// A signed fact tells of each, and who ordered it.
async fn replays_are_facts(zone: &Zone, ids: &[String]) {
    let auditor = zone.client("auditor");
    for id in ids {
        let told = auditor.get(&format!("/v1/messages/{id}/receipts")).await.unwrap();
        let told: Value = serde_json::from_slice(&told.body).unwrap();
        let receipts = told["receipts"].as_array().unwrap();
        let mut replayed = receipts.iter().filter(|one| one["fact"]["kind"] == "replayed");
        let one = replayed.next().expect("a fact");
        zone.auditor().verify(one, None).unwrap();
        assert_eq!(one["fact"]["of"], format!("{id}.tax"));
        assert_eq!(one["fact"]["by"]["participant"], "operator");
        assert!(replayed.next().is_none(), "once");
    }
}

#[test]
fn over_the_broker_too_a_replay_comes_after_all_that_is_new() {
    let mut rabbit = broker();
    let mut zone = zone(&Setup { amqp: Some(rabbit.url()), receipts_by_broker: Vec::new() });
    let (runtime, operator) = (runtime(), zone.client("operator"));
    let from = now();
    let first = runtime.block_on(async {
        let ids = zone.order(2).await;
        quiet(&operator, 2).await;
        ids
    });
    let to = now();
    // Nobody reads now: what comes stays in the queue, in its order.
    zone.stop_adapter("tax");
    rabbit.stop(Down::Kill);
    let out = replay(&zone, &from, &to, &["--apply"]);
    assert!(out.contains("2 are given to tax once more"), "{out}");
    let fresh = runtime.block_on(zone.order(3));
    rabbit.start_again();
    let came = runtime.block_on(read(&rabbit.url(), 5));
    let of = |ids: &[String]| ids.iter().map(|id| format!("{id}.tax")).collect::<BTreeSet<_>>();
    let (new, old) = came.split_at(3);
    assert_eq!(new.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>(), of(&fresh));
    assert_eq!(old.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>(), of(&first));
    assert!(new.iter().all(|(_, replayed)| !replayed) && old.iter().all(|(_, replayed)| *replayed));
    zone.stop_adapter("customs");
    zone.stop_gateway();
}

/// Reads so many messages of tax: their ids, and whether they are marked as replayed.
async fn read(url: &str, count: usize) -> Vec<(String, bool)> {
    let connection = Broker::new(url, "test-tax", None).unwrap().connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let (queue, tag) = (department_queue("tax"), "test".into());
    let options = BasicConsumeOptions::default();
    let feed = channel.basic_consume(queue.as_str().into(), tag, options, FieldTable::default());
    let mut feed = feed.await.unwrap();
    let mut came = Vec::new();
    while came.len() < count {
        let next = tokio::time::timeout(PATIENCE, feed.next()).await.expect("in time");
        let delivery = next.unwrap().unwrap();
        let properties = &delivery.properties;
        let headers = properties.headers().clone().unwrap_or_default();
        let replayed = headers.inner().contains_key("x-onepoint-replayed");
        came.push((properties.message_id().clone().unwrap().to_string(), replayed));
        delivery.ack(BasicAckOptions::default()).await.unwrap();
    }
    connection.close(200, "bye".into()).await.unwrap();
    came
}
