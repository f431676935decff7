//! What the relay costs its own process, against itself: resident memory after 200,000
//! messages against 20,000, and the processor's time for two healthy departments while a
//! third one takes nothing, against the same without it. A real broker, an outbox that makes
//! its rows as they are asked for. Prints `ratio NAME VALUE LIMIT` last.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onepoint_conformance::rabbit::RabbitMq;
use onepoint_relay::broker::Broker;
use onepoint_relay::publisher::{Destination, Outbox, OutboxError, OutboxRow, Publisher, Take};
use onepoint_relay::topology::{Topology, routing_key};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Bytes of a row's body.
const BODY: usize = 1024;
/// Messages after which memory is looked at.
const FEW: u64 = 20_000;
const MANY: u64 = 200_000;
/// Messages for each healthy department in one round of the second part, and how many a
/// second: they must not only be done, but at the same pace in both cases.
const PACED: u64 = 2_500;
const PACE: f64 = 1_000.0;
const ROUNDS: usize = 3;
const NOBODY: [&str; 0] = [];

/// Rows as they are asked for: nothing of them is kept but how many were relayed.
struct Rows {
    lanes: Mutex<HashMap<String, Lane>>,
    started: Instant,
    /// Rows a second that become visible; none: all at once.
    pace: Option<f64>,
}

#[derive(Default)]
struct Lane {
    rows: u64,
    /// All up to this one are relayed.
    floor: u64,
    /// And these above it: as many as a lane holds, at most.
    above: BTreeSet<u64>,
}

impl Lane {
    fn relayed(&mut self, seqs: Vec<u64>) {
        self.above.extend(seqs);
        while self.above.remove(&(self.floor + 1)) {
            self.floor += 1;
        }
    }
}

impl Rows {
    fn new(lanes: &[(&str, u64)], pace: Option<f64>) -> Arc<Rows> {
        let lane = |(name, rows): &(&str, u64)| {
            ((*name).to_owned(), Lane { rows: *rows, ..Lane::default() })
        };
        let lanes = Mutex::new(lanes.iter().map(lane).collect());
        Arc::new(Rows { lanes, started: Instant::now(), pace })
    }

    fn relayed_of(&self, lane: &str) -> u64 {
        let lanes = self.lanes.lock().unwrap();
        lanes[lane].floor + lanes[lane].above.len() as u64
    }

    /// The highest row that is there by now.
    fn visible(&self, lane: &str) -> u64 {
        let rows = self.lanes.lock().unwrap()[lane].rows;
        let paced = |pace| (self.started.elapsed().as_secs_f64() * pace) as u64;
        self.pace.map_or(rows, |pace| rows.min(paced(pace)))
    }
}

impl Outbox for Rows {
    async fn pending(
        &self,
        lane: &str,
        after: u64,
        take: Take,
    ) -> Result<Vec<OutboxRow>, OutboxError> {
        let visible = self.visible(lane);
        let open: Vec<u64> = {
            let lanes = self.lanes.lock().unwrap();
            let of = &lanes[lane];
            let rows = after.max(of.floor) + 1..=visible;
            rows.filter(|seq| !of.above.contains(seq)).take(take.rows).collect()
        };
        let row = |seq: u64| OutboxRow {
            seq,
            delivery: format!("{lane}-{seq}"),
            destination: Destination::Department {
                routing_key: routing_key(lane, &["import"]).unwrap(),
            },
            order_keys: vec![format!("key-{}", seq % 1000)],
            message_type: "CEB311Message".to_owned(),
            sender: "platform".to_owned(),
            message: format!("message-{seq}"),
            documents: vec![0],
            received: "2026-01-02T03:04:05Z".to_owned(),
            traceparent: None,
            replayed: false,
            body: vec![b'x'; BODY],
        };
        Ok(open.into_iter().map(row).collect())
    }

    async fn relayed(&self, lane: &str, seqs: Vec<u64>) -> Result<(), OutboxError> {
        self.lanes.lock().unwrap().get_mut(lane).unwrap().relayed(seqs);
        Ok(())
    }

    async fn failed(&self, _: &str, _: u64, _: &'static str, _: String) {}

    async fn wait_for_more(&self, _: &str, _: u64) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let rabbit = RabbitMq::start();
    let memory = runtime.block_on(memory(&rabbit));
    let processor = runtime.block_on(processor(&rabbit));
    println!("ratio memory-many-to-few {memory:.2} <=1.1");
    println!("ratio processor-with-a-dead-department {processor:.2} <=1.05");
}

/// Runs a publisher until the healthy lanes have relayed all.
async fn relay(
    rabbit: &RabbitMq,
    host: &str,
    rows: &Arc<Rows>,
    lanes: &[&str],
    until: &[(&str, u64)],
) {
    let url = rabbit.url_of(host);
    let topology = Topology::new(lanes, &NOBODY).unwrap();
    let broker = Broker::new(&url, "bench", None).unwrap();
    let names = lanes.iter().map(|lane| (*lane).to_owned()).collect();
    let publisher = Publisher::new(broker, topology, names, Arc::clone(rows));
    let stop = CancellationToken::new();
    let task = tokio::spawn(publisher.run(stop.clone()));
    let started = Instant::now();
    for (lane, wanted) in until {
        while rows.relayed_of(lane) < *wanted {
            assert!(started.elapsed() < Duration::from_secs(120), "{lane} is not relayed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.cancel();
    task.await.unwrap();
}

async fn memory(rabbit: &RabbitMq) -> f64 {
    rabbit.virtual_host("memory");
    let rows = Rows::new(&[("tax", MANY)], None);
    let watch = {
        let rows = Arc::clone(&rows);
        tokio::spawn(async move {
            let mut few = 0;
            // The most that was resident up to each of the two.
            let mut most = 0;
            loop {
                most = resident().max(most);
                let relayed = rows.relayed_of("tax");
                if relayed >= FEW && few == 0 {
                    few = most;
                }
                if relayed >= MANY {
                    return (few, most);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    let started = Instant::now();
    relay(rabbit, "memory", &rows, &["tax"], &[("tax", MANY)]).await;
    let rate = MANY as f64 / started.elapsed().as_secs_f64();
    let (few, many) = watch.await.unwrap();
    println!("{MANY} messages of {BODY} bytes, {rate:.0} a second");
    println!("  resident at {FEW}: {} KiB, at {MANY}: {} KiB", few / 1024, many / 1024);
    many as f64 / few as f64
}

async fn processor(rabbit: &RabbitMq) -> f64 {
    let healthy = [("tax", PACED), ("customs", PACED)];
    let (mut without, mut with) = (f64::MAX, f64::MAX);
    for round in 0..ROUNDS {
        let host = format!("without-{round}");
        rabbit.virtual_host(&host);
        let before = spent();
        let rows = Rows::new(&healthy, Some(PACE));
        relay(rabbit, &host, &rows, &["tax", "customs"], &healthy).await;
        without = without.min(spent() - before);
        let host = format!("with-{round}");
        rabbit.virtual_host(&host);
        // The third one's queue takes nothing.
        let full = r#"{"max-length":0}"#;
        rabbit.control(&["set_policy", "-p", &host, "full", "^onepoint.dept.post$", full]);
        let before = spent();
        let all = [healthy[0], healthy[1], ("post", PACED)];
        let rows = Rows::new(&all, Some(PACE));
        relay(rabbit, &host, &rows, &["tax", "customs", "post"], &healthy).await;
        with = with.min(spent() - before);
        let dead = rows.relayed_of("post");
        assert!(dead < PACED / 4, "the dead department took {dead}");
    }
    println!("{PACED} messages for each of two departments, {PACE:.0} a second each");
    println!("  processor: {without:.2} s without a third one, {with:.2} s with a dead one");
    with / without
}

/// Resident memory of this process, bytes (proc(5), `statm`).
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Processor time of this process so far, seconds (proc(5), `stat`: utime and stime in
/// hundredths).
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let rest = text.rsplit_once(')').unwrap().1;
    let field = |n: usize| rest.split_whitespace().nth(n).unwrap().parse::<f64>().unwrap();
    (field(11) + field(12)) / 100.0
}
