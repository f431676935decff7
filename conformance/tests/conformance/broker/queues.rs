//! The topology at a real broker: what it takes, what it refuses, and where messages
//! go that nobody can handle.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicNackOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use onepoint_relay::consumer::{Consumer, Handle, Incoming, Subscription, Verdict};
use onepoint_relay::topology::{DEAD, DELIVERY_LIMIT, Topology};
use tokio_util::sync::CancellationToken;

use super::world::{Relay, broker, depth, eventually, read_all, run, shared};

const QUIET: Duration = Duration::from_millis(700);
const NOBODY: [&str; 0] = [];

#[test]
fn the_topology_can_be_declared_again_and_grows() {
    let url = shared().virtual_host("topology");
    run(async {
        let broker = broker(&url);
        let connection = broker.connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let small = Topology::new(&["tax"], &NOBODY).unwrap();
        let large = Topology::new(&["tax", "customs"], &["platform-1", "firm.2"]).unwrap();
        for topology in [&small, &small, &large, &large, &small] {
            topology.declare(&broker, &channel).await.unwrap();
        }
    });
    let columns = ["list_queues", "-p", "topology", "name", "type", "arguments"];
    let listed = shared().control(&columns);
    assert_eq!(listed.lines().filter(|line| line.contains("\tquorum\t")).count(), 7, "{listed}");
    let tax = listed.lines().find(|line| line.starts_with("onepoint.dept.tax")).unwrap();
    for argument in [
        "x-delivery-limit\",20",
        "x-overflow\",\"reject-publish",
        "x-dead-letter-strategy\",\"at-least-once",
        "x-single-active-consumer\",true",
    ] {
        assert!(tax.contains(argument), "{argument}: {tax}");
    }
}

#[test]
fn a_queue_with_other_arguments_is_named() {
    let url = shared().virtual_host("conflict");
    run(async {
        let broker = broker(&url);
        let connection = broker.connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::durable();
        let classic = FieldTable::default();
        channel.queue_declare("onepoint.dept.tax".into(), options, classic).await.unwrap();
        let topology = Topology::new(&["tax"], &NOBODY).unwrap();
        let error = topology.declare(&broker, &channel).await.unwrap_err();
        assert_eq!(error.code(), "broker-topology");
        assert!(error.en().contains("onepoint.dept.tax"), "{}", error.en());
    });
}

/// Answers every message with the same verdict and counts.
struct Always(Verdict, Arc<AtomicUsize>);

impl Handle for Always {
    async fn handle(&self, _: Arc<Incoming>) -> Verdict {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.clone()
    }
}

fn reading(url: &str, verdict: Verdict) -> (Arc<AtomicUsize>, CancellationToken, Consumer, Always) {
    let calls = Arc::new(AtomicUsize::new(0));
    let subscription = Subscription {
        queue: "onepoint.dept.tax".to_owned(),
        prefetch: 10,
        concurrency: 4,
        name: "tax".to_owned(),
    };
    let consumer = Consumer::new(broker(url), None, subscription);
    (calls.clone(), CancellationToken::new(), consumer, Always(verdict, calls))
}

#[test]
fn what_is_rejected_is_found_among_the_dead_letters() {
    let url = shared().virtual_host("rejected");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        for _ in 0..5 {
            relay.outbox.add("tax", &[], "<poison/>");
        }
        relay.drained().await;
        let (calls, stop, consumer, handler) = reading(&url, Verdict::Reject("no".to_owned()));
        let status = consumer.status();
        let task = tokio::spawn(consumer.run(handler, stop.clone()));
        eventually("all are rejected", || status.snapshot().rejected == 5).await;
        stop.cancel();
        task.await.unwrap();
        relay.stop().await;
        assert_eq!(calls.load(Ordering::SeqCst), 5);
        let dead = read_all(&url, DEAD, Duration::from_secs(3)).await;
        assert_eq!(dead.len(), 5);
        assert_eq!(dead[0].delivery.data, b"<poison/>");
        let ids: BTreeSet<&str> = dead.iter().map(|got| got.id.as_str()).collect();
        assert_eq!((ids.len(), ids.contains("delivery-1")), (5, true));
        let headers = dead[0].delivery.properties.headers().clone().unwrap();
        let reason = AMQPValue::LongString("rejected".into());
        assert_eq!(headers.inner().get("x-first-death-reason"), Some(&reason));
        assert_eq!(depth(&url, "onepoint.dept.tax").await, 0);
    });
}

#[test]
fn not_now_is_tried_again_without_using_up_the_limit() {
    let url = shared().virtual_host("notnow");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        relay.outbox.add("tax", &[], "<x/>");
        relay.drained().await;
        relay.stop().await;
        let (calls, stop, consumer, handler) = reading(&url, Verdict::Requeue);
        let task = tokio::spawn(consumer.run(handler, stop.clone()));
        eventually("it is tried again", || calls.load(Ordering::SeqCst) >= 2).await;
        stop.cancel();
        task.await.unwrap();
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        assert_eq!(got.len(), 1);
        assert!(got[0].delivery.redelivered);
        let headers = got[0].delivery.properties.headers().clone().unwrap();
        let once = AMQPValue::LongLongInt(1);
        assert_eq!(headers.inner().get("x-delivery-count"), Some(&once), "{headers:?}");
    });
}

#[test]
fn what_is_given_out_too_often_is_found_among_the_dead_letters() {
    let url = shared().virtual_host("limit");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        relay.outbox.add("tax", &[], "<x/>");
        relay.drained().await;
        relay.stop().await;
        let connection = broker(&url).connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
        let options = BasicConsumeOptions::default();
        let (queue, none) = ("onepoint.dept.tax".into(), FieldTable::default());
        let mut consumer = channel.basic_consume(queue, "tax".into(), options, none).await.unwrap();
        let mut given = 0;
        let quiet = Duration::from_secs(3);
        while let Ok(Some(delivery)) = tokio::time::timeout(quiet, consumer.next()).await {
            given += 1;
            let options = BasicNackOptions { requeue: true, ..Default::default() };
            delivery.unwrap().nack(options).await.unwrap();
        }
        assert_eq!(given, DELIVERY_LIMIT + 1);
        let dead = read_all(&url, DEAD, QUIET).await;
        let headers = dead[0].delivery.properties.headers().clone().unwrap();
        let reason = AMQPValue::LongString("delivery_limit".into());
        assert_eq!(headers.inner().get("x-first-death-reason"), Some(&reason));
    });
}
