//! The whole job from outside: a real RabbitMQ, the gateway and both adapters as
//! processes, firms that send a mix of good and bad messages over HTTPS, and everything
//! killed in between. Afterwards nothing is lost, nothing happened twice, every answer
//! is at its sender and every fact has a receipt that holds. [`mix`] says what is sent,
//! [`check`] what must hold.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
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
mod replay;
mod senders;
mod soak;
mod stuck;

use answers::Collectors;
use check::{Sums, World};
use mix::{Case, Expected, Mix};
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

/// The broker of these tests, for one at a time, and each with a virtual host of its own.
pub(super) fn broker() -> MutexGuard<'static, RabbitMq> {
    static BROKER: OnceLock<Mutex<RabbitMq>> = OnceLock::new();
    let broker = BROKER.get_or_init(|| Mutex::new(RabbitMq::start()));
    let mut rabbit = broker.lock().unwrap_or_else(|failed| {
        let mut rabbit = failed.into_inner();
        *rabbit = RabbitMq::start();
        broker.clear_poison();
        rabbit
    });
    rabbit.renew();
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

/// How long each part took.
struct Laps {
    since: Instant,
    shown: String,
}

impl Laps {
    fn start() -> Laps {
        Laps { since: Instant::now(), shown: String::new() }
    }

    fn lap(&mut self, what: &str) {
        let took = self.since.elapsed().as_secs_f64();
        self.shown.push_str(&format!("{what} {took:.1}  "));
        self.since = Instant::now();
    }
}

#[test]
fn nothing_is_lost_and_nothing_happens_twice() {
    let (began, mut laps) = (Instant::now(), Laps::start());
    let mut rabbit = broker();
    laps.lap("broker");
    let receipts_by_broker = BY_BROKER.to_vec();
    let mut zone = zone(&Setup { amqp: Some(rabbit.url()), receipts_by_broker });
    laps.lap("zone");
    let runtime = runtime();
    let _inside = runtime.enter();
    let cases: Vec<_> = Mix::new(&zone, SEED).take(MESSAGES).into_iter().map(Arc::new).collect();
    laps.lap("signing");
    let collectors = Collectors::start(&zone, &rabbit.url(), &BY_BROKER, &BY_PULL);
    let senders = Senders::start(&zone, &cases);
    let mut show = Show { rabbit: &mut rabbit, zone: &mut zone, runtime: &runtime, senders };
    let killed = show.run(&mut laps);
    let told = runtime.block_on(show.senders.finish());
    laps.lap("rest");
    let world = World { cases, told, auditor: zone.auditor(), by_broker: true, deaths: 2 };
    let (sums, metrics) = settle(&runtime, &zone, &world, &collectors);
    laps.lap("settling");
    let queues = empty_queues(&rabbit);
    laps.lap("queues");
    let mut figures = check(&runtime, &mut zone, &world, &collectors, &sums, &metrics);
    laps.lap("checks");
    figures.push(("unconfirmed when the gateway was killed", format!("{killed:?}")));
    figures.push(("queues at the broker, all empty", queues.to_string()));
    figures.push(("seconds", format!("{:.1}: {}", began.elapsed().as_secs_f64(), laps.shown)));
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
    fn run(&mut self, laps: &mut Laps) -> [u64; 2] {
        self.senders.allow(150);
        self.runtime.block_on(self.senders.answered(150));
        laps.lap("start");
        let first = self.kill_the_gateway(450);
        self.runtime.block_on(self.senders.answered(450));
        laps.lap("first kill");
        self.restart_the_broker(600);
        laps.lap("broker restart");
        let second = self.kill_the_gateway(MESSAGES - 100);
        laps.lap("second kill");
        self.kill_the_adapters(MESSAGES);
        laps.lap("adapters' kill");
        [first, second]
    }

    /// Kills the adapters in the middle of their work.
    fn kill_the_adapters(&mut self, allow: usize) {
        let operator = self.zone.client("operator");
        let answers = |metrics: &Metrics| metrics.journal("answers");
        let before = answers(&self.runtime.block_on(until("it is up", &operator, |_| true)));
        self.senders.allow(allow);
        let more = |metrics: &Metrics| answers(metrics) > before;
        self.runtime.block_on(until("the adapters are at work again", &operator, more));
        for department in DEPARTMENTS {
            self.zone.kill_adapter(department);
            self.zone.start_adapter(department);
        }
    }

    /// Kills the gateway while the broker has stopped to answer and the firms go on.
    fn kill_the_gateway(&mut self, allow: usize) -> u64 {
        let operator = self.zone.client("operator");
        // Connected, and past the topology: what was left has gone out.
        let idle = |metrics: &Metrics| {
            metrics.get("onepoint_relay_connected") == 1 && metrics.journal("pending") == 0
        };
        self.runtime.block_on(until("the relay has nothing left", &operator, idle));
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

/// Waits until everything has arrived.
fn settle(
    runtime: &Runtime,
    zone: &Zone,
    world: &World,
    collectors: &Collectors,
) -> (Sums, Metrics) {
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
    (sums, metrics)
}

/// Checks all that must hold, and takes the zone down.
fn check(
    runtime: &Runtime,
    zone: &mut Zone,
    world: &World,
    collectors: &Collectors,
    sums: &Sums,
    metrics: &Metrics,
) -> Vec<(&'static str, String)> {
    world.check_counters(sums, metrics);
    let (answers, answers_again) = world.check_answers(zone, &collectors.answers);
    let facts = runtime.block_on(check_receipts(zone, world));
    let count = |kind: &str| facts.values().filter(|fact| fact.starts_with(kind)).count();
    let log = runtime.block_on(check_log(zone, world, &facts));
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
        ("receipts verified", facts.len().to_string()),
        ("  relayed", count("relayed ").to_string()),
        ("  delivered", count("delivered ").to_string()),
        ("  answered", count("answered ").to_string()),
        ("leaves of the log", log.to_string()),
    ]
}

/// Facts, by their places in the log.
type Facts = BTreeMap<u64, String>;

/// Fetches and verifies the receipts of every message; gives the facts by their places
/// in the log.
async fn check_receipts(zone: &Zone, world: &World) -> Facts {
    let auditor = zone.client("auditor");
    let mut facts = BTreeMap::new();
    let own = |case: &&Arc<Case>| !matches!(case.expected, Expected::Original(_));
    for case in world.cases.iter().filter(own) {
        let path = format!("/v1/messages/{}/receipts", world.told[&case.number].text("id"));
        let response = auditor.get(&path).await.unwrap();
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let receipts = body["receipts"].as_array().unwrap();
        let found = world
            .check_receipts(case, receipts)
            .unwrap_or_else(|fault| panic!("receipts of {} ({}): {fault}", case.number, case.what));
        for (place, fact) in found {
            let other = facts.insert(place, fact);
            assert_eq!(other, None, "two messages have facts at place {place} of the log");
        }
    }
    facts
}

/// The log holds these facts and no others, but for the gateway's own and for refusals whose
/// answer was lost.
async fn check_log(zone: &Zone, world: &World, facts: &Facts) -> u64 {
    const OWN: [&str; 5] = ["participant", "certificate", "key", "policy", "statement"];
    let auditor = zone.client("auditor");
    let response = auditor.get("/log/checkpoint").await.unwrap();
    let checkpoint = world.auditor.checkpoint(&response.text());
    let mut unknown = 0;
    for index in (0..checkpoint.size).filter(|index| !facts.contains_key(index)) {
        let receipt = auditor.get(&format!("/v1/facts/{index}")).await.unwrap().text();
        let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
        let kind = receipt["fact"]["kind"].as_str().unwrap();
        unknown += usize::from(!OWN.contains(&kind));
    }
    let most = world.lost_answers_max();
    assert!(unknown <= most, "{unknown} facts in the log that nobody has a receipt of");
    let last = facts.last_key_value().map_or(0, |(last, _)| *last);
    assert!(last < checkpoint.size, "a receipt beyond the log");
    checkpoint.size
}

/// Waits until no queue of the broker holds a message, acknowledged or not; gives how
/// many queues there are.
fn empty_queues(rabbit: &RabbitMq) -> usize {
    let started = Instant::now();
    loop {
        let queues = rabbit.queues();
        if !queues.is_empty() && queues.iter().all(|(_, depth)| *depth == 0) {
            return queues.len();
        }
        assert!(started.elapsed() < PATIENCE, "messages are left at the broker: {queues:?}");
    }
}

/// Shows the figures whether or not the test's output is captured.
fn print(figures: &[(&str, String)]) {
    let lines = figures.iter().map(|(what, figure)| format!("{what:44}  {figure}\n"));
    let text = format!("\n{}", lines.collect::<String>());
    std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
}
