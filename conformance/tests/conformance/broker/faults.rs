//! The outbox to a broker that is down, comes, goes, hangs, or asks to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onepoint_conformance::rabbit::{Down, RabbitMq};
use onepoint_relay::status::Link;

use super::world::{Got, Relay, eventually, own, read_all, run, unique};

const QUIET: Duration = Duration::from_secs(1);
const KEYS: u64 = 20;

/// Commits rows of [`KEYS`] order keys; gives the sequence numbers by key.
fn commit(relay: &Relay, rows: u64, keys: &mut BTreeMap<u64, Vec<u64>>) {
    for n in 0..rows {
        let key = n % KEYS;
        let seq = relay.outbox.add("tax", &[&format!("key-{key}")], &"<x/>".repeat(500));
        keys.entry(key).or_default().push(seq);
    }
}

/// Every row arrived, and what arrived first of each key did so in order.
fn all_arrived_in_order(got: &[Got], keys: &BTreeMap<u64, Vec<u64>>) {
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, got) in got.iter().enumerate() {
        assert_eq!(got.id, format!("delivery-{}", got.seq));
        first.entry(got.seq).or_insert(at);
    }
    let expected: BTreeSet<u64> = keys.values().flatten().copied().collect();
    let arrived: BTreeSet<u64> = first.keys().copied().collect();
    let lost: Vec<_> = expected.difference(&arrived).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    for (key, seqs) in keys {
        assert!(seqs.is_sorted_by_key(|seq| first[seq]), "key {key} out of order");
    }
}

/// Runs something that blocks, with the broker, beside the test.
async fn beside(rabbit: &mut RabbitMq, what: impl FnOnce(&mut RabbitMq) + Send) {
    tokio::task::block_in_place(|| what(rabbit));
}

#[test]
fn a_broker_that_is_down_at_the_start_and_killed_and_restarted_loses_nothing() {
    let mut rabbit = own();
    let url = rabbit.virtual_host(&unique("restarts"));
    rabbit.stop(Down::Graceful);
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let mut keys = BTreeMap::new();
        commit(&relay, 500, &mut keys);
        eventually("it was tried", || relay.status.snapshot().last_error.is_some()).await;
        let seen = relay.status.snapshot();
        assert_eq!((seen.link, seen.totals().published), (Link::Connecting, 0));
        assert_eq!(seen.last_error.unwrap().0, "broker-refused");

        beside(&mut rabbit, |rabbit| rabbit.start_again()).await;
        relay.drained().await;
        for how in [Down::Kill, Down::Graceful, Down::Kill] {
            commit(&relay, 4000, &mut keys);
            let before = relay.status.snapshot().totals().confirmed;
            let confirmed = || relay.status.snapshot().totals().confirmed;
            eventually("some are confirmed", || confirmed() > before + 300).await;
            beside(&mut rabbit, |rabbit| rabbit.stop(how)).await;
            assert!(relay.outbox.pending_rows() > 0, "in the middle");
            eventually("it is noticed", || relay.status.snapshot().link == Link::Disconnected)
                .await;
            // The gateway goes on accepting.
            commit(&relay, 100, &mut keys);
            beside(&mut rabbit, |rabbit| rabbit.start_again()).await;
        }
        relay.drained().await;
        let seen = relay.status.snapshot();
        assert_eq!(seen.reconnects, 3);
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        all_arrived_in_order(&got, &keys);
        let rows: usize = keys.values().map(Vec::len).sum();
        println!("{rows} rows, {} messages, {:?}", got.len(), seen.totals());
        assert!(got.len() - rows <= usize::try_from(seen.totals().repeated).unwrap());
    });
}

#[test]
fn a_broker_that_hangs_is_left_and_nothing_is_lost() {
    let rabbit = own();
    let url = rabbit.virtual_host(&unique("hangs")) + "?heartbeat=2";
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let mut keys = BTreeMap::new();
        commit(&relay, 200, &mut keys);
        relay.drained().await;
        rabbit.pause();
        commit(&relay, 1000, &mut keys);
        eventually("it is noticed", || relay.status.snapshot().link == Link::Disconnected).await;
        assert!(relay.outbox.pending_rows() > 0);
        rabbit.resume();
        relay.drained().await;
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        all_arrived_in_order(&got, &keys);
    });
}

#[test]
fn a_broker_short_of_memory_is_waited_for() {
    let rabbit = own();
    let url = rabbit.virtual_host(&unique("blocked"));
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let mut keys = BTreeMap::new();
        commit(&relay, 10, &mut keys);
        relay.drained().await;
        let watermark = |of: &str| rabbit.control(&["set_vm_memory_high_watermark", of]);
        tokio::task::block_in_place(|| watermark("0.00001"));
        commit(&relay, 1000, &mut keys);
        eventually("it asks to wait", || relay.status.snapshot().link == Link::Blocked).await;
        let published = relay.status.snapshot().totals().published;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(relay.status.snapshot().totals().published, published);
        tokio::task::block_in_place(|| watermark("0.6"));
        relay.drained().await;
        assert_eq!(relay.status.snapshot().link, Link::Connected);
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        all_arrived_in_order(&got, &keys);
    });
}
