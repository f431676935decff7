//! The relay against a real RabbitMQ: the topology, confirms and returns, faults of
//! the broker, and adapters with an inbox. One broker is shared by all tests that leave
//! it up, each with a virtual host of its own; another one is for those that take it
//! down, one after the other.

mod adapters;
mod faults;
mod network;
mod publish;
mod queues;
mod world;

use onepoint_conformance::rabbit::Watchdog;

pub(super) use world::{own, pki, unique};

/// When set, this test process is the one to be killed.
const HELD: &str = "ONEPOINT_TEST_HELD_FOLDER";

/// Not a test by itself: the process [`the_watchdog_ends_what_a_killed_test_started`]
/// starts and kills.
#[test]
fn held_for_the_watchdog() {
    let Some(folder) = std::env::var_os(HELD) else { return };
    let watchdog = Watchdog::start(folder.as_ref());
    let mut sleeper = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    watchdog.guard("sleeper", sleeper.id());
    println!("sleeper {}", sleeper.id());
    sleeper.wait().unwrap();
}

#[test]
fn the_watchdog_ends_what_a_killed_test_started() {
    use std::io::BufRead;
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "broker::held_for_the_watchdog", "--nocapture"])
        .env(HELD, folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let told = |line: String| Some(line.split_once("sleeper ")?.1.trim().to_owned());
    let sleeper = lines.map_while(Result::ok).find_map(told).unwrap();
    let alive = || match std::fs::read_to_string(format!("/proc/{sleeper}/stat")) {
        Ok(stat) => !stat.contains(") Z "),
        Err(_) => false,
    };
    assert!(alive());
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = || !alive() && !folder.path().exists();
    world::soon("the sleeper is gone", gone);
}
