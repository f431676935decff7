//! Adapters over a real broker: the gateway's publisher on one side, its consumer of
//! answers on the other, a runner with a durable inbox in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use onepoint_conformance::rabbit::Down;
use onepoint_relay::consumer::{Consumer, Handle, Incoming, Subscription, Verdict};
use onepoint_relay::inbox::Inbox;
use onepoint_relay::runner::{
    AmqpSource, Delivery, Handled, HandlerError, OutgoingAnswer, Runner, RunnerStatus,
};
use onepoint_relay::topology::{ANSWERS, DEAD, Topology};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::{Relay, broker, depth, eventually, own, run, shared, unique};

/// The gateway's side of the answers: how often each came, and its bytes.
#[derive(Default)]
struct Taken(Mutex<BTreeMap<String, (usize, Vec<u8>)>>);

#[derive(Clone, Default)]
struct Gateway(Arc<Taken>);

impl Gateway {
    fn answers(&self) -> usize {
        self.0.0.lock().unwrap().len()
    }
}

impl Handle for Gateway {
    async fn handle(&self, message: Arc<Incoming>) -> Verdict {
        let Some(id) = message.id.clone() else { return Verdict::Reject("no id".to_owned()) };
        assert_eq!(message.app_id.as_deref(), Some("tax"));
        let mut taken = self.0.0.lock().unwrap();
        let entry = taken.entry(id).or_insert_with(|| (0, message.body.clone()));
        entry.0 += 1;
        assert_eq!(entry.1, message.body, "the same bytes under the same id");
        Verdict::Ack
    }
}

/// Records the order and answers twice, as customs and tax do; one kind is poison.
fn map(delivery: &Delivery) -> Result<Handled, HandlerError> {
    assert_eq!(
        (delivery.message_type.as_str(), &delivery.documents[..]),
        ("CEB311Message", &[0, 2][..])
    );
    assert_eq!(delivery.sender, "platform-1");
    if delivery.body == b"<poison/>" {
        return Err(HandlerError::new("poison", "cannot be mapped"));
    }
    let answer = |status: u16| OutgoingAnswer {
        id: format!("{}-{status}", delivery.id),
        body: format!("<answer to='{}' status='{status}'/>", delivery.message).into_bytes(),
    };
    Ok(Handled { effect: delivery.id.clone(), answers: vec![answer(2), answer(120)], order: None })
}

struct Adapter {
    task: JoinHandle<()>,
    status: RunnerStatus,
    stop: CancellationToken,
}

fn adapter(url: &str, folder: &Path) -> Adapter {
    let inbox = Inbox::open(&folder.join("inbox.db")).unwrap();
    let source = AmqpSource::new(broker(url), "tax");
    let runner = Runner::new(source, inbox, map, Arc::new(jiff::Timestamp::now));
    let (status, stop) = (runner.status(), CancellationToken::new());
    let work = runner.run(stop.clone());
    Adapter { task: tokio::spawn(async { work.await.unwrap() }), status, stop }
}

fn gateway(url: &str) -> (Gateway, CancellationToken) {
    let subscription = Subscription {
        queue: ANSWERS.to_owned(),
        prefetch: 100,
        concurrency: 16,
        name: "gateway".to_owned(),
    };
    let topology = Topology::new(&["tax"], &["platform-1"]).unwrap();
    let consumer = Consumer::new(broker(url), Some(topology), subscription);
    let (gateway, stop) = (Gateway::default(), CancellationToken::new());
    tokio::spawn(consumer.run(gateway.clone(), stop.clone()));
    (gateway, stop)
}

#[test]
fn deliveries_have_their_effect_and_their_answers_and_poison_is_dead() {
    let url = shared().virtual_host("adapter");
    let folder = tempfile::tempdir().unwrap();
    run(async {
        // The adapter is up first: its queue is not there yet.
        let adapter = adapter(&url, folder.path());
        eventually("it was tried", || adapter.status.snapshot().last_error.is_some()).await;
        let relay = Relay::start(&url, &["tax"]);
        let (gateway, stop) = gateway(&url);
        for n in 0..300 {
            let body = if n % 100 == 50 { "<poison/>" } else { "<order/>" };
            relay.outbox.add("tax", &[], body);
        }
        eventually("all answers came", || gateway.answers() == 2 * 297).await;
        eventually("all is settled", || adapter.status.snapshot().acked == 297).await;
        let seen = adapter.status.snapshot();
        assert_eq!((seen.effects, seen.rejected, seen.redelivered), (297, 3, 0));
        adapter.stop.cancel();
        adapter.task.await.unwrap();
        stop.cancel();
        relay.stop().await;
        let counts = Inbox::open(&folder.path().join("inbox.db")).unwrap().counts().unwrap();
        assert_eq!((counts.effects, counts.answers_sent, counts.answers_unsent), (297, 594, 0));
        assert_eq!(depth(&url, "onepoint.dept.tax").await, 0);
        // At-least-once dead lettering goes by way of the queue's own outbox.
        for _ in 0..100 {
            if depth(&url, DEAD).await == 3 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("not three dead letters: {}", depth(&url, DEAD).await);
    });
}

/// The adapter is dropped in the middle of its work, again and again, and the broker is
/// killed once: every effect once, every answer there, redeliveries counted.
#[test]
fn redelivery_does_not_double_an_effect() {
    const ORDERS: u64 = 1500;
    let mut rabbit = own();
    let url = rabbit.virtual_host(&unique("doubles"));
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let (gateway, stop) = gateway(&url);
        for _ in 0..ORDERS {
            relay.outbox.add("tax", &[], "<order/>");
        }
        let mut redelivered = 0;
        for round in 1..=6u64 {
            let adapter = adapter(&url, folder.path());
            let enough = || {
                let seen = adapter.status.snapshot();
                seen.received >= 150 || gateway.answers() as u64 == 2 * ORDERS
            };
            eventually("some are done", enough).await;
            if round == 3 {
                tokio::task::block_in_place(|| rabbit.restart(Down::Kill));
            }
            // Dies where it stands: nothing is finished, nothing said to the broker.
            adapter.task.abort();
            assert!(adapter.task.await.unwrap_err().is_cancelled());
            redelivered += adapter.status.snapshot().redelivered;
        }
        let adapter = adapter(&url, folder.path());
        eventually("all answers came", || gateway.answers() as u64 == 2 * ORDERS).await;
        relay.drained().await;
        eventually("nothing is unsettled", || {
            let seen = adapter.status.snapshot();
            seen.acked == seen.received
        })
        .await;
        redelivered += adapter.status.snapshot().redelivered;
        adapter.stop.cancel();
        adapter.task.await.unwrap();
        stop.cancel();
        let repeated = relay.status.snapshot().totals().repeated;
        relay.stop().await;
        let inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
        let effects = inbox.effects().unwrap();
        let mut ids: Vec<&str> = effects.iter().map(|row| row.delivery.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        println!(
            "{ORDERS} orders: {} effects, {redelivered} redelivered, {repeated} published again",
            effects.len()
        );
        assert_eq!((effects.len() as u64, ids.len() as u64), (ORDERS, ORDERS));
        assert!(redelivered > 0, "the test tests something");
    });
}
