//! How long a sender waits for its receipt, and how long a message takes to a reader of the
//! department's queue, at a load that is given from outside: each message leaves at its time,
//! whether or not those before it are answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use onepoint_conformance::rabbit::RabbitMq;
use onepoint_conformance::zone::Zone;
use onepoint_relay::broker::Broker;
use serde_json::Value;
use tokio::task::JoinSet;

/// When each message, by its id at the broker, arrived at the reader.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// Hands `messages` in at `rate` a second; gives the figures as text.
pub(super) async fn measure(
    rabbit: &RabbitMq,
    zone: &Zone,
    messages: Vec<Vec<u8>>,
    rate: f64,
) -> String {
    let arrivals = Arrivals::default();
    let reader = tokio::spawn(read(rabbit.url(), Arc::clone(&arrivals)));
    // What was left from before is read first.
    quiet(&arrivals).await;
    let client = zone.client("platform");
    let mut under_way = JoinSet::new();
    let started = Instant::now();
    for (n, body) in messages.into_iter().enumerate() {
        let due = started + Duration::from_secs_f64(n as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        let client = client.clone();
        under_way.spawn(async move {
            let response = client.post("/v1/messages", "application/xml", body).await.unwrap();
            let answered = due.elapsed();
            assert_eq!(response.status, 200, "{}", response.text());
            let told: Value = serde_json::from_slice(&response.body).unwrap();
            (told["id"].as_str().unwrap().to_owned(), due, answered)
        });
    }
    let mut sent = Vec::new();
    while let Some(one) = under_way.join_next().await {
        sent.push(one.unwrap());
    }
    quiet(&arrivals).await;
    reader.abort();
    let arrivals = arrivals.lock().unwrap();
    let mut accepted: Vec<Duration> = sent.iter().map(|(_, _, answered)| *answered).collect();
    let arrived = |(id, due, _): &(String, Instant, Duration)| {
        arrivals[&format!("{id}.{}", super::LANE)].duration_since(*due)
    };
    let mut delivered: Vec<Duration> = sent.iter().map(arrived).collect();
    format!("accepted {}, delivered {}", shown(&mut accepted), shown(&mut delivered))
}

fn shown(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms p99 {:.1} ms", at(0.5), at(0.99))
}

/// Waits until nothing has arrived for a second.
async fn quiet(arrivals: &Arrivals) {
    let mut before = usize::MAX;
    loop {
        let now = arrivals.lock().unwrap().len();
        if now == before {
            return;
        }
        before = now;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn read(url: String, arrivals: Arrivals) {
    let broker = Broker::new(&url, "bench-reader", None).unwrap();
    let connection = broker.connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(500, BasicQosOptions::default()).await.unwrap();
    let queue = format!("onepoint.dept.{}", super::LANE);
    let options = BasicConsumeOptions::default();
    let consume = channel.basic_consume(
        queue.as_str().into(),
        "bench".into(),
        options,
        FieldTable::default(),
    );
    let mut feed = consume.await.unwrap();
    while let Some(Ok(delivery)) = feed.next().await {
        let id = delivery.properties.message_id().as_ref().unwrap().to_string();
        arrivals.lock().unwrap().insert(id, Instant::now());
        delivery.ack(BasicAckOptions::default()).await.unwrap();
    }
}
