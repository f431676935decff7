//! Death at each named place of the gateway, one after the other, in one zone: the
//! process ends there as by SIGKILL, is started again, and everything goes on. All but
//! one place is visited with pulled queues; the last one needs a broker.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use onepoint_conformance::zone::{DEPARTMENTS, Setup, Zone};

use super::answers::Collectors;
use super::check::World;
use super::mix::{Case, Mix};
use super::senders::Senders;
use super::{BY_BROKER, BY_PULL, Laps, broker, check, empty_queues, print, runtime, settle};

/// The environment variable that names a place and how often it is passed before.
const DIE_AT: &str = "ONEPOINT_DIE_AT";
/// Messages sent around each death. Each stream waits for its answers, so that the
/// writer makes more groups of them than a death waits for.
const MESSAGES: usize = 40;
const SIGABRT: i32 = 6;

/// Places in the gateway, with how often they are passed before it dies.
const PULLED: [&str; 8] = [
    "commit.before:1",
    "commit.before:4",
    "commit.inside:2",
    "commit.inside:5",
    "commit.after:3",
    "answer.before:7",
    "record.before:1",
    "record.before:9",
];
const RELAYED: [&str; 4] =
    ["relay.confirmed:1", "relay.confirmed:3", "commit.after:6", "record.before:5"];

#[test]
fn death_at_each_place_loses_nothing_when_queues_are_pulled() {
    let pull = [BY_BROKER, BY_PULL].concat();
    die_at_each(&Setup::default(), &PULLED, "", &[], &pull);
}

#[test]
fn death_at_each_place_loses_nothing_with_a_broker() {
    let rabbit = broker();
    let setup = Setup { amqp: Some(rabbit.url()), receipts_by_broker: BY_BROKER.to_vec() };
    die_at_each(&setup, &RELAYED, &rabbit.url(), &BY_BROKER, &BY_PULL);
    empty_queues(&rabbit);
}

fn die_at_each(setup: &Setup, places: &[&str], amqp: &str, by_broker: &[&str], by_pull: &[&str]) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut laps = Laps::start();
    let mut zone = Zone::make(setup);
    for department in DEPARTMENTS {
        zone.start_adapter(department);
    }
    let collectors = Collectors::start(&zone, amqp, by_broker, by_pull);
    let mut mix = Mix::new(&zone, 7);
    let (mut cases, mut told) = (Vec::new(), std::collections::BTreeMap::new());
    for place in places {
        let some: Vec<Arc<Case>> = mix.take(MESSAGES).into_iter().map(Arc::new).collect();
        zone.start_gateway(&[(DIE_AT, place)]);
        let senders = Senders::start(&zone, &some);
        let finished = runtime.spawn(senders.finish());
        let status = zone.wait_for_gateway();
        assert_eq!(status.signal(), Some(SIGABRT), "at {place} it ended with {status}");
        zone.start_gateway(&[]);
        told.extend(runtime.block_on(finished).unwrap());
        cases.extend(some);
        zone.stop_gateway();
        laps.lap(place);
    }
    zone.start_gateway(&[]);
    let by_broker = setup.amqp.is_some();
    let deaths = places.len();
    let world = World { cases, told, auditor: zone.auditor(), by_broker, deaths };
    let (sums, metrics) = settle(&runtime, &zone, &world, &collectors);
    laps.lap("settling");
    let mut figures = vec![("deaths", deaths.to_string())];
    figures.extend(check(&runtime, &mut zone, &world, &collectors, &sums, &metrics));
    laps.lap("checks");
    figures.push(("seconds", laps.shown));
    print(&figures);
}
