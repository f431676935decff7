//! The soak: firms send all the time while gateway, adapters and broker are killed at random,
//! for a minute, or for as long as `ONEPOINT_SOAK_SECONDS` says. Afterwards everything must
//! hold that holds in a quiet zone, and each department had each order's messages in the
//! order in which they were accepted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onepoint_conformance::rabbit::{Down, RabbitMq};
use onepoint_conformance::zone::{DEPARTMENTS, Setup, Zone};
use onepoint_store::{Reader, SqliteReader};

use super::answers::Collectors;
use super::check::World;
use super::mix::{Case, Mix, Random};
use super::senders::Senders;
use super::{BY_BROKER, BY_PULL, Laps, broker, check, empty_queues, print, runtime, settle, zone};

/// How long it kills, in seconds.
const SECONDS: &str = "ONEPOINT_SOAK_SECONDS";
const USUAL_SECONDS: u64 = 60;
/// What is sent and what is killed follow from it; another one each time without it.
const SEED: &str = "ONEPOINT_SOAK_SEED";
const MESSAGES_A_SECOND: u64 = 15;
/// An hour is more than memory should hold: they come slower then.
const MESSAGES_MAX: u64 = 20_000;
/// Between two kills, milliseconds. What is due leaves at the end of it, all at once.
const PAUSE_MS: std::ops::Range<usize> = 500..3000;
/// From there to the kill: it comes while they are being judged, relayed, answered.
const MOMENT_MS: usize = 250;

/// What is killed, with hundredths.
const KILLS: [(u64, Kill); 5] = [
    (42, Kill::Gateway),
    (38, Kill::Adapter),
    (6, Kill::Broker(Down::Kill)),
    (2, Kill::Broker(Down::Graceful)),
    (12, Kill::Pause),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    Gateway,
    Adapter,
    Broker(Down),
    /// The broker stands still for a second.
    Pause,
}

#[test]
fn random_kills_lose_nothing_and_double_nothing() {
    let (seconds, seed) = (number(SECONDS), number(SEED));
    let seconds = seconds.unwrap_or(USUAL_SECONDS);
    let seed = seed.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs());
    println!("the soak lasts {seconds} s, seed {seed}");
    let mut laps = Laps::start();
    let mut rabbit = broker();
    let receipts_by_broker = BY_BROKER.to_vec();
    let mut zone = zone(&Setup { amqp: Some(rabbit.url()), receipts_by_broker });
    let runtime = runtime();
    let _inside = runtime.enter();
    let messages = usize::try_from((seconds * MESSAGES_A_SECOND).min(MESSAGES_MAX)).unwrap();
    let cases: Vec<Arc<Case>> =
        Mix::new(&zone, seed).take(messages).into_iter().map(Arc::new).collect();
    laps.lap("start");
    let collectors = Collectors::start(&zone, &rabbit.url(), &BY_BROKER, &BY_PULL);
    let senders = Senders::start(&zone, &cases);
    let mut soak = Soak { rabbit: &mut rabbit, zone: &mut zone, senders, random: Random(seed) };
    let killed = soak.run(Duration::from_secs(seconds), messages);
    let told = runtime.block_on(soak.senders.finish());
    laps.lap("soak");
    let deaths = killed["Gateway"];
    let world = World { cases, told, auditor: zone.auditor(), by_broker: true, deaths };
    let (sums, metrics) = settle(&runtime, &zone, &world, &collectors);
    laps.lap("settling");
    let queues = empty_queues(&rabbit);
    let mut figures = vec![("killed", format!("{killed:?}"))];
    figures.extend(check(&runtime, &mut zone, &world, &collectors, &sums, &metrics));
    figures.push(("queues at the broker, all empty", queues.to_string()));
    figures.push(("order keys, each in order everywhere", in_order(&zone).to_string()));
    laps.lap("checks");
    figures.push(("seconds", laps.shown));
    print(&figures);
}

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

struct Soak<'s> {
    rabbit: &'s mut RabbitMq,
    zone: &'s mut Zone,
    senders: Senders,
    random: Random,
}

impl Soak<'_> {
    /// Kills until the time is over; gives how often what was killed.
    fn run(&mut self, lasts: Duration, messages: usize) -> BTreeMap<&'static str, usize> {
        let started = Instant::now();
        let names = ["Gateway", "Adapter", "Broker", "Pause"];
        let mut killed: BTreeMap<&'static str, usize> = names.map(|name| (name, 0)).into();
        loop {
            if started.elapsed() >= lasts {
                return killed;
            }
            let pause = PAUSE_MS.start + self.random.below(PAUSE_MS.end - PAUSE_MS.start);
            std::thread::sleep(Duration::from_millis(pause as u64));
            // As many have left as time has passed.
            let part = (started.elapsed().as_secs_f64() / lasts.as_secs_f64()).min(1.0);
            let due = (part * messages as f64) as usize;
            self.senders.allow(due.max(self.senders.allowed()));
            let moment = self.random.below(MOMENT_MS);
            std::thread::sleep(Duration::from_millis(moment as u64));
            let kill = self.random.pick(&KILLS.map(|(share, _)| share)).unwrap_or_default();
            let name = self.kill(KILLS[kill].1);
            *killed.get_mut(name).expect("a name of the list") += 1;
        }
    }

    fn kill(&mut self, kill: Kill) -> &'static str {
        match kill {
            Kill::Gateway => {
                self.zone.kill_gateway();
                self.zone.start_gateway(&[]);
                "Gateway"
            }
            Kill::Adapter => {
                let department = DEPARTMENTS[self.random.below(DEPARTMENTS.len())];
                self.zone.kill_adapter(department);
                self.zone.start_adapter(department);
                "Adapter"
            }
            Kill::Broker(how) => {
                self.rabbit.restart(how);
                "Broker"
            }
            Kill::Pause => {
                self.rabbit.pause();
                std::thread::sleep(Duration::from_secs(1));
                self.rabbit.resume();
                "Pause"
            }
        }
    }
}

/// Each department had the deliveries of each order key in the order of their commits;
/// gives how many keys there were. The gateway and its adapters are down.
fn in_order(zone: &Zone) -> usize {
    let reader = SqliteReader::open(&zone.folder().join("journal"), 1).unwrap();
    let mut keys = 0;
    for department in DEPARTMENTS {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for effect in zone.inbox(department).effects().unwrap() {
            let row = reader.delivery(&effect.delivery).unwrap().expect("a delivery");
            for key in row.order_keys {
                let before = last.insert(key.clone(), row.seq);
                assert!(before < Some(row.seq), "{department} had {key} out of order");
            }
        }
        keys += last.len();
    }
    keys
}
