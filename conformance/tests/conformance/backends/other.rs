//! A department with a broker of its own, which is killed in between; and what an adapter
//! says of a simulator that does everything wrong.

use std::collections::{BTreeMap, BTreeSet};

use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use onepoint_conformance::rabbit::Down;
use onepoint_relay::broker::Broker;

use super::*;
use crate::broker::{own, unique};

/// How often each order came, by its delivery.
type Seen = BTreeMap<String, usize>;

async fn channel(url: &str) -> Channel {
    let broker = Broker::new(url, "department", None).unwrap();
    let started = Instant::now();
    loop {
        if let Ok(connection) = broker.connect().await {
            let channel = connection.create_channel().await.unwrap();
            let durable = QueueDeclareOptions { durable: true, ..Default::default() };
            for queue in ["orders", "replies"] {
                channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
            }
            return channel;
        }
        assert!(started.elapsed() < PATIENCE, "the department's broker is away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Reads orders and replies, until it has seen so many different ones.
async fn works(url: &str, seen: &mut Seen, different: usize) {
    use futures_lite::StreamExt;
    let channel = channel(url).await;
    let (queue, tag) = ("orders".into(), "department".into());
    let options = BasicConsumeOptions::default();
    let mut feed = channel.basic_consume(queue, tag, options, FieldTable::default()).await.unwrap();
    while seen.len() < different {
        let next = tokio::time::timeout(PATIENCE, feed.next()).await;
        let order = next.expect("an order comes").unwrap().unwrap();
        let delivery = order.properties.message_id().clone().unwrap().to_string();
        for (id, xml) in replies_of(&delivery, &order.data) {
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_message_id(id.as_str().into())
                .with_correlation_id(delivery.as_str().into());
            let options = BasicPublishOptions::default();
            let publish = channel.basic_publish(
                "".into(),
                "replies".into(),
                options,
                xml.as_bytes(),
                properties,
            );
            publish.await.unwrap();
        }
        order.ack(BasicAckOptions::default()).await.unwrap();
        *seen.entry(delivery).or_default() += 1;
    }
}

#[test]
fn orders_reach_another_broker_and_replies_come_back_though_it_is_killed() {
    let mut rabbit = own();
    let url = rabbit.virtual_host(&unique("department"));
    let mut zone = zone(&format!(
        "[backend]\nkind = \"amqp\"\ncontent = \"message\"\nkey = \"orders\"\n\
         replies = \"replies\"\npoll_ms = 50\n[backend.broker]\nurl = \"{url}\"\n"
    ));
    let (runtime, mut seen) = (runtime(), Seen::new());
    zone.start_adapter("customs");
    // The queues are not there so far: nothing is lost, it is tried again.
    let mut ids = runtime.block_on(zone.order(3));
    runtime.block_on(works(&url, &mut seen, 3));
    runtime.block_on(answered(&zone, &ids));
    rabbit.stop(Down::Kill);
    let some = runtime.block_on(zone.order(3));
    std::thread::sleep(Duration::from_millis(500));
    rabbit.start_again();
    runtime.block_on(works(&url, &mut seen, 6));
    runtime.block_on(answered(&zone, &some));
    ids.extend(some);
    zone.stop_adapter("customs");
    let wanted: BTreeSet<String> = ids.iter().map(|id| format!("{id}.customs")).collect();
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let counts = zone.inbox("customs").counts().unwrap();
    let found = (counts.orders_done, counts.replies, counts.replies_refused, counts.orders_dead);
    assert_eq!(found, (6, 6 * replies_each() as u64, 0, 0));
    zone.stop_adapter("tax");
    zone.stop_gateway();
}

#[test]
fn a_simulator_does_everything_wrong_and_the_sender_hears_what_is_right() {
    let steps = ["rubbish", "twice", "for-another", "reversed", "fails", "stumbles", "refuses"];
    let steps = steps.map(|does| format!("[[backend.step]]\ndoes = \"{does}\"\n")).concat();
    let mut zone = zone(&format!("[backend]\nkind = \"simulator\"\npoll_ms = 50\n{steps}"));
    zone.start_adapter("customs");
    let runtime = runtime();
    let ids = runtime.block_on(zone.order(5));
    // The fifth order met one failure, then another, and then it was refused.
    runtime.block_on(answered(&zone, &ids[..4]));
    let started = Instant::now();
    let arguments = ["adapter", "customs", "--config", "customs.toml", "--dead"];
    let said = loop {
        let (code, said, err) = zone.run(&arguments);
        assert_eq!(code, Some(0), "{err}");
        if said.contains("1 dead order(s)") {
            break said;
        }
        assert!(started.elapsed() < PATIENCE, "{said}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let delivery = format!("{}.customs", ids[4]);
    assert!(said.contains(&delivery) && said.contains("[backend-refused]"), "{said}");
    assert!(
        said.contains("[xml-truncated]") && said.contains("[reply-delivery-unknown]"),
        "{said}"
    );
    // Given again it meets the script from its beginning.
    let (code, said, _) = zone.run(&[&arguments[..4], &["--again", &delivery]].concat());
    assert_eq!((code, said.contains("waits for the back end again")), (Some(0), true), "{said}");
    runtime.block_on(answered(&zone, &ids[4..]));
    zone.stop_adapter("customs");
    let counts = zone.inbox("customs").counts().unwrap();
    let replies = 5 * replies_each() as u64;
    assert_eq!((counts.effects, counts.orders_done, counts.replies), (5, 5, replies));
    zone.stop_adapter("tax");
    zone.stop_gateway();
}
