//! How fast a message gets from a firm to a quorum queue, against a bare publisher of the
//! same client library with the same payload and window at the same broker, everything on
//! this machine: load, gateway and broker share its cores. Prints `ratio NAME VALUE LIMIT`
//! last.
//!
//! - end to end: handed in over HTTPS, verified, validated, committed, confirmed by the queue
//! - from a full outbox: the gateway's relay alone, journal included
//! - acceptance and delivery at half the end-to-end load
//!
//! The parts take turns and the best of their rounds counts: a neighbour on this machine can
//! only make a round slower.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use onepoint_conformance::proxy::Proxy;
use onepoint_conformance::rabbit::RabbitMq;
use onepoint_conformance::zone::{Metrics, Setup, Zone};
use onepoint_relay::client::HttpClient;
use onepoint_schemas::example_with;
use tokio::runtime::Runtime;

#[path = "relay/bare.rs"]
mod bare;
#[path = "relay/latency.rs"]
mod latency;

/// Rounds of each part.
const ROUNDS: usize = 3;
/// Messages of one part of one round.
const MESSAGES: usize = 2000;
/// Requests under way at the same time.
const SENDERS: usize = 64;
/// The one department that gets the orders: one publish per message, as the bare publisher.
const LANE: &str = "tax";

fn main() {
    let runtime = Runtime::new().unwrap();
    let rabbit = RabbitMq::start();
    let proxy = Proxy::start(rabbit.port());
    let url = rabbit.url().replace(&rabbit.port().to_string(), &proxy.port().to_string());
    let mut zone = Zone::make(&Setup { amqp: Some(url), receipts_by_broker: Vec::new() });
    zone.edit("onepoint.toml", |text| {
        text.replacen("departments = [\"customs\", \"tax\"]", "departments = [\"tax\"]", 1)
    });
    zone.start_gateway(&[]);
    let world = World { rabbit: &rabbit, zone: &zone, proxy: &proxy, runtime: &runtime };
    world.run();
    zone.stop_gateway();
}

/// What the parts share.
struct World<'w> {
    rabbit: &'w RabbitMq,
    zone: &'w Zone,
    proxy: &'w Proxy,
    runtime: &'w Runtime,
}

/// The best of the rounds, in messages a second.
#[derive(Default)]
struct Best {
    bare: f64,
    end_to_end: f64,
    from_outbox: f64,
}

impl World<'_> {
    fn run(&self) {
        let latency = 1500;
        let mut messages = self.messages(2 * ROUNDS * MESSAGES + latency);
        let size = messages[0].len();
        println!("orders of {size} bytes, {MESSAGES} a part, best of {ROUNDS} rounds");
        let mut best = Best::default();
        for _ in 0..ROUNDS {
            let bare = self.runtime.block_on(bare::publish(self.rabbit, &messages[0], MESSAGES));
            best.bare = best.bare.max(bare);
            let part = messages.split_off(messages.len() - MESSAGES);
            best.end_to_end = best.end_to_end.max(self.end_to_end(part));
            let part = messages.split_off(messages.len() - MESSAGES);
            best.from_outbox = best.from_outbox.max(self.full_outbox(part));
        }
        let shown = [
            ("bare publisher, window 128", best.bare),
            ("end to end", best.end_to_end),
            ("from a full outbox", best.from_outbox),
        ];
        for (what, rate) in shown {
            println!("  {what:34} {rate:8.0} messages/s");
        }
        let half = best.end_to_end / 2.0;
        let told = self.runtime.block_on(latency::measure(self.rabbit, self.zone, messages, half));
        println!("  at {half:.0} messages/s: {told}");
        println!("ratio end-to-end-to-bare {:.2} >=0.35", best.end_to_end / best.bare);
        println!("ratio full-outbox-to-bare {:.2} >=0.8", best.from_outbox / best.bare);
    }

    /// Signed orders, each with a number of its own.
    fn messages(&self, count: usize) -> Vec<Vec<u8>> {
        let signer = self.zone.signer("platform");
        let message = |n: usize| {
            let (root, own) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
            let (root, own) = (root.to_string().to_uppercase(), own.to_string().to_uppercase());
            let number = format!("B{n:07}");
            let fields = [("@guid", root.as_str()), ("guid", &own), ("orderNo", &number)];
            signer.sign(&example_with("CEB311Message", &fields).unwrap())
        };
        (0..count).map(message).collect()
    }

    fn end_to_end(&self, messages: Vec<Vec<u8>>) -> f64 {
        let count = messages.len();
        let before = self.runtime.block_on(relayed(self.zone));
        let started = Instant::now();
        self.runtime.block_on(async {
            send_all(&self.zone.client("platform"), messages).await;
            wait_for(self.zone, before + count as u64).await;
        });
        count as f64 / started.elapsed().as_secs_f64()
    }

    /// Accepted while the broker is away; what counts is the time from the first confirm.
    fn full_outbox(&self, messages: Vec<Vec<u8>>) -> f64 {
        let count = messages.len() as u64;
        let before = self.runtime.block_on(relayed(self.zone));
        self.proxy.cut();
        self.runtime.block_on(send_all(&self.zone.client("platform"), messages));
        self.proxy.mend();
        let (started, first) = self.runtime.block_on(async {
            let first = wait_for(self.zone, before + 1).await;
            (Instant::now(), first)
        });
        self.runtime.block_on(wait_for(self.zone, before + count));
        (before + count - first) as f64 / started.elapsed().as_secs_f64()
    }
}

/// Hands all in, [`SENDERS`] at a time.
async fn send_all(client: &HttpClient, messages: Vec<Vec<u8>>) {
    let queue = Arc::new(std::sync::Mutex::new(messages));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        let (client, queue) = (client.clone(), Arc::clone(&queue));
        senders.spawn(async move {
            loop {
                let Some(body) = queue.lock().unwrap().pop() else { return };
                let response = client.post("/v1/messages", "application/xml", body).await.unwrap();
                assert_eq!(response.status, 200, "{}", response.text());
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
}

/// How many deliveries have left the outbox.
async fn relayed(zone: &Zone) -> u64 {
    let metrics: Metrics = zone.metrics().await.unwrap();
    metrics.journal("relayed") + metrics.journal("delivered")
}

/// Waits until so many deliveries have left the outbox; gives how many have.
async fn wait_for(zone: &Zone, wanted: u64) -> u64 {
    let client = zone.client("operator");
    let started = Instant::now();
    loop {
        let metrics = Metrics::of(&client).await.unwrap();
        let done = metrics.journal("relayed") + metrics.journal("delivered");
        if done >= wanted {
            return done;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{done} of {wanted} relayed");
        // Each look costs the gateway about what a message does.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
