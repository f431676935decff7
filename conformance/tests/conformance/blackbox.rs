//! The whole job from outside: a real RabbitMQ, the gateway and both adapters as
//! processes, firms that send a mix of good and bad messages over HTTPS, and everything
//! killed in between. Afterwards nothing is lost, nothing happened twice, every answer
//! is at its sender and every fact has a receipt that holds. [`mix`] says what is sent,
//! [`check`] what must hold.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use onepoint_conformance::rabbit::{Down, RabbitMq};
use onepoint_conformance::zone::{DEPARTMENTS, Metrics, Setup, Zone};
use onepoint_relay::client::HttpClient;
use serde_json::Value;
use tokio::runtime::Runtime;

mod answers;
mod check;
mod deaths;
mod mix;
mod senders;

use answers::Collectors;
use check::{Sums, World};
use mix::Mix;
use senders::Senders;

/// Everything in the mix follows from it.
const SEED: u64 = 0x2026;
const MESSAGES: usize = 1000;
/// Messages that are unconfirmed at the broker when the gateway is killed, at least.
const UNCONFIRMED: u64 = 50;
const BY_BROKER: [&str; 2] = ["platform", "declarant"];
const BY_PULL: [&str; 2] = ["payment", "logistics"];
/// For everything to settle after the last message.
const PATIENCE: Duration = Duration::from_secs(120);

/// The broker of these tests, for one at a time.
pub(super) fn broker() -> MutexGuard<'static, RabbitMq> {
    static BROKER: OnceLock<Mutex<RabbitMq>> = OnceLock::new();
    let broker = BROKER.get_or_init(|| Mutex::new(RabbitMq::start()));
    let mut rabbit = broker.lock().unwrap_or_else(PoisonError::into_inner);
    if rabbit.pid().is_none() {
        rabbit.start_again();
    }
    rabbit
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A zone with everything running.
fn zone(setup: &Setup) -> Zone {
    let mut zone = Zone::make(setup);
    zone.start_gateway(&[]);
    for department in DEPARTMENTS {
        zone.start_adapter(department);
    }
    zone
}

#[test]
fn nothing_is_lost_and_nothing_happens_twice() {
    let mut rabbit = broker();
    let began = Instant::now();
    let receipts_by_broker = BY_BROKER.to_vec();
    let mut zone = zone(&Setup { amqp: Some(rabbit.url()), receipts_by_broker });
    let runtime = runtime();
    let _inside = runtime.enter();
    let cases: Vec<_> = Mix::new(&zone, SEED).take(MESSAGES).into_iter().map(Arc::new).collect();
    let collectors = Collectors::start(&zone, &rabbit.url(), &BY_BROKER, &BY_PULL);
    let senders = Senders::start(&zone, &cases);
    let mut show = Show { rabbit: &mut rabbit, zone: &mut zone, runtime: &runtime, senders };
    let killed = show.run();
    let told = runtime.block_on(show.senders.finish());
    let sending = began.elapsed();
    let world = World { cases, told, auditor: zone.auditor(), by_broker: true };
    let mut figures = settle(&runtime, &mut zone, &world, &collectors);
    let left = queues(&rabbit);
    assert!(left.iter().all(|(_, depth)| *depth == 0), "messages left at the broker: {left:?}");
    figures.push(("unconfirmed when killed", format!("{} and {}", killed[0], killed[1])));
    figures.push(("queues at the broker, empty", left.len().to_string()));
    figures.push(("seconds, sending", format!("{:.1}", sending.as_secs_f64())));
    figures.push(("seconds, in all", format!("{:.1}", began.elapsed().as_secs_f64())));
    print(&figures);
}

/// What happens while the firms are sending.
struct Show<'s> {
    rabbit: &'s mut RabbitMq,
    zone: &'s mut Zone,
    runtime: &'s Runtime,
    senders: Senders,
}

impl Show<'_> {
    /// Gives how many messages were unconfirmed at each kill of the gateway.
    fn run(&mut self) -> [u64; 2] {
        self.senders.allow(150);
        self.runtime.block_on(self.senders.answered(150));
        let first = self.kill_the_gateway(450);
        self.runtime.block_on(self.senders.answered(450));
        self.restart_the_broker(600);
        for department in DEPARTMENTS {
            self.zone.kill_adapter(department);
            self.zone.start_adapter(department);
        }
        self.runtime.block_on(self.senders.answered(600));
        let second = self.kill_the_gateway(MESSAGES);
        [first, second]
    }

    /// Kills the gateway while the broker has stopped to answer and the firms go on.
    fn kill_the_gateway(&mut self, allow: usize) -> u64 {
        let operator = self.zone.client("operator");
        let connected = |metrics: &Metrics| metrics.get("onepoint_relay_connected") == 1;
        self.runtime.block_on(until("the broker is connected", &operator, connected));
        self.rabbit.pause();
        self.senders.allow(allow);
        // In this lane each message is one publish: so many messages are unconfirmed.
        let enough = |metrics: &Metrics| metrics.in_flight("customs") >= UNCONFIRMED;
        let metrics = self.runtime.block_on(until("messages are unconfirmed", &operator, enough));
        self.zone.kill_gateway();
        self.rabbit.resume();
        self.zone.start_gateway(&[]);
        metrics.in_flight("customs")
    }

    /// The gateway goes on accepting while the broker is down.
    fn restart_the_broker(&mut self, allow: usize) {
        self.rabbit.stop(Down::Kill);
        self.senders.allow(allow);
        self.runtime.block_on(self.senders.answered(allow));
        self.rabbit.start_again();
    }
}

/// Asks the gateway until its counters are as wanted.
async fn until(what: &str, overseer: &HttpClient, is: impl Fn(&Metrics) -> bool) -> Metrics {
    let started = Instant::now();
    loop {
        if let Ok(metrics) = Metrics::of(overseer).await
            && is(&metrics)
        {
            return metrics;
        }
        assert!(started.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until everything has arrived, and checks all that must hold.
fn settle(
    runtime: &Runtime,
    zone: &mut Zone,
    world: &World,
    collectors: &Collectors,
) -> Vec<(&'static str, String)> {
    let sums = world.check_verdicts();
    let operator = zone.client("operator");
    let metrics = runtime.block_on(async {
        let started = Instant::now();
        while world.missing_answers(&collectors.answers) > 0 {
            let missing = world.missing_answers(&collectors.answers);
            assert!(started.elapsed() < PATIENCE, "{missing} answers are missing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let settled = |metrics: &Metrics| metrics.journal("pending") == 0;
        until("the outbox is empty", &operator, settled).await
    });
    world.check_counters(&sums, &metrics);
    let (answers, answers_again) = world.check_answers(zone, &collectors.answers);
    let receipts = runtime.block_on(check_receipts(zone, world));
    let log = runtime.block_on(check_log(zone, world, &sums, &receipts));
    for department in DEPARTMENTS {
        zone.stop_adapter(department);
    }
    let redeliveries = world.check_effects(zone);
    zone.stop_gateway();
    vec![
        ("messages sent", sums.sent.to_string()),
        ("  accepted", sums.accepted.to_string()),
        ("  duplicates, given the original receipts", sums.duplicates.to_string()),
        ("  refused", sums.refused.to_string()),
        ("documents in accepted messages", sums.documents.to_string()),
        ("  accepted", sums.documents_accepted.to_string()),
        ("messages that had to be sent again", sums.sent_again.to_string()),
        ("  durable before their answer was lost", sums.durable_unanswered.to_string()),
        ("answers at their senders", answers.to_string()),
        ("  that came again", answers_again.to_string()),
        ("redeliveries to the departments", format!("{redeliveries:?}")),
        ("receipts verified", receipts.len().to_string()),
        ("leaves of the log", log.to_string()),
    ]
}

/// Fetches and verifies the receipts of every message; gives their places in the log.
async fn check_receipts(zone: &Zone, world: &World) -> BTreeSet<u64> {
    let auditor = zone.client("auditor");
    let mut indexes = BTreeSet::new();
    for case in
        world.cases.iter().filter(|case| !matches!(case.expected, mix::Expected::Original(_)))
    {
        let path = format!("/v1/messages/{}/receipts", world.told[&case.number].text("id"));
        let response = auditor.get(&path).await.unwrap();
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let receipts = body["receipts"].as_array().unwrap();
        let places = world
            .check_receipts(case, receipts)
            .unwrap_or_else(|fault| panic!("receipts of {} ({}): {fault}", case.number, case.what));
        for place in places {
            assert!(indexes.insert(place), "two facts at place {place} of the log");
        }
    }
    indexes
}

/// The log holds these facts and no others, but for refusals whose answer was lost.
async fn check_log(zone: &Zone, world: &World, sums: &Sums, receipts: &BTreeSet<u64>) -> u64 {
    let response = zone.client("auditor").get("/log/checkpoint").await.unwrap();
    let checkpoint = world.auditor.checkpoint(&response.text());
    let unknown = (0..checkpoint.size).filter(|index| !receipts.contains(index)).count();
    assert!(unknown <= sums.sent_again, "{unknown} facts in the log that nobody has a receipt of");
    assert!(receipts.last().is_none_or(|last| *last < checkpoint.size), "a receipt beyond the log");
    checkpoint.size
}

/// Every queue of the broker and how much is in it, acknowledged or not.
fn queues(rabbit: &RabbitMq) -> Vec<(String, u64)> {
    let listed = rabbit.control(&["list_queues", "--no-table-headers", "name", "messages"]);
    let line = |line: &str| {
        let (name, depth) = line.rsplit_once('\t')?;
        Some((name.to_owned(), depth.trim().parse().ok()?))
    };
    listed.lines().filter_map(line).collect()
}

fn print(figures: &[(&str, String)]) {
    println!();
    for (what, figure) in figures {
        println!("{what:44}  {figure}");
    }
}
