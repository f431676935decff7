//! The peer: the client library alone, confirms and all, into a quorum queue of its own with
//! the same arguments as a department's.

use std::time::Instant;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use onepoint_conformance::rabbit::RabbitMq;
use onepoint_relay::broker::Broker;
use onepoint_relay::publisher::CONFIRM_WINDOW;
use std::future::poll_fn;

/// Publishes `body` so often with the window of the relay; gives messages a second.
pub(super) async fn publish(rabbit: &RabbitMq, body: &[u8], count: usize) -> f64 {
    let broker = Broker::new(&rabbit.url(), "bench-bare", None).unwrap();
    let connection = broker.connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let mut arguments = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(20));
    let options = QueueDeclareOptions::durable();
    channel.queue_declare("bare".into(), options, arguments).await.unwrap();
    let started = Instant::now();
    let mut window = std::collections::VecDeque::new();
    for _ in 0..count {
        if window.len() >= CONFIRM_WINDOW {
            confirmed(window.pop_front()).await;
        }
        window.push_back(Box::pin(one(channel.clone(), body.to_vec())));
        // Sends it: the library does nothing before it is polled.
        poll_fn(|cx| {
            if let Some(last) = window.back_mut() {
                let early = last.as_mut().poll(cx);
                assert!(early.is_pending(), "confirmed before it was sent");
            }
            std::task::Poll::Ready(())
        })
        .await;
    }
    while !window.is_empty() {
        confirmed(window.pop_front()).await;
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    channel.queue_delete("bare".into(), QueueDeleteOptions::default()).await.unwrap();
    connection.close(200, "bye".into()).await.unwrap();
    rate
}

async fn one(channel: Channel, body: Vec<u8>) -> Confirmation {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let publish = channel.basic_publish("".into(), "bare".into(), options, &body, properties);
    publish.await.unwrap().await.unwrap()
}

async fn confirmed(publish: Option<impl Future<Output = Confirmation>>) {
    let confirmation = publish.expect("the window is not empty").await;
    assert!(matches!(confirmation, Confirmation::Ack(None)), "{confirmation:?}");
}
