//! Folders as the customs client has them, and an adapter that dies between what it did and
//! its word of it, at each place in turn: each order is one file, each reply one answer.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use super::*;

/// Places of the adapter, and how often they are passed before it dies.
const PLACES: [&str; 5] = [
    "adapter.handled:1",
    "adapter.answered:2",
    "backend.given:1",
    "backend.given:3",
    "backend.replied:1",
];
const SIGABRT: i32 = 6;
const EACH: usize = 4;
/// Long enough for an adapter to hand over one order before the next one comes.
const APART: std::time::Duration = std::time::Duration::from_millis(400);

/// Takes each file of `out`, replies into `in`; gives the deliveries in the order of their
/// coming. A file that comes twice is in the list twice.
fn client(folder: &Path, stop: CancellationToken) -> JoinHandle<Vec<String>> {
    let (out, replies) = (folder.join("out"), folder.join("in"));
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !stop.is_cancelled() {
            for entry in fs::read_dir(&out).unwrap() {
                let file = entry.unwrap().path();
                if file.is_dir() {
                    continue;
                }
                let body = fs::read(&file).unwrap();
                let delivery = file.file_stem().unwrap().to_str().unwrap().to_owned();
                fs::remove_file(&file).unwrap();
                for (id, xml) in replies_of(&delivery, &body) {
                    fs::write(replies.join(format!("{id}.xml")), xml).unwrap();
                }
                seen.push(delivery);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        seen
    })
}

#[test]
fn an_adapter_that_dies_at_each_place_gives_each_order_once_and_takes_each_reply_once() {
    let mut zone = zone(
        "[backend]\nkind = \"folder\"\ncontent = \"message\"\norders = \"out\"\n\
         replies = \"in\"\nstill_ms = 50\npoll_ms = 50\n",
    );
    for name in ["out", "in"] {
        fs::create_dir(zone.folder().join(name)).unwrap();
    }
    let (runtime, stop) = (runtime(), CancellationToken::new());
    let client = client(zone.folder(), stop.clone());
    let mut ids = Vec::new();
    for place in PLACES {
        zone.start_adapter_with("customs", &[("ONEPOINT_DIE_AT", place)]);
        // One by one: what waits together is handed over together, and passes its place once.
        let mut some = Vec::new();
        for _ in 0..EACH {
            some.extend(runtime.block_on(zone.order(1)));
            std::thread::sleep(APART);
        }
        let status = zone.wait_for_adapter("customs");
        assert_eq!(status.signal(), Some(SIGABRT), "at {place} it ended with {status}");
        zone.start_adapter("customs");
        runtime.block_on(answered(&zone, &some));
        ids.extend(some);
        zone.stop_adapter("customs");
    }
    stop.cancel();
    let seen = client.join().unwrap();
    let wanted: BTreeSet<String> = ids.iter().map(|id| format!("{id}.customs")).collect();
    assert_eq!(seen.len(), PLACES.len() * EACH, "each file once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), wanted);
    let counts = zone.inbox("customs").counts().unwrap();
    let orders = wanted.len() as u64;
    assert_eq!((counts.effects, counts.orders_done), (orders, orders));
    let replies = replies_each() as u64 * orders;
    let found = (counts.replies, counts.replies_refused, counts.answers_sent);
    assert_eq!(found, (replies, 0, replies));
    zone.stop_adapter("tax");
    zone.stop_gateway();
}

#[test]
fn a_reply_that_is_none_is_put_aside_with_its_reason_and_shown() {
    let mut zone = zone(
        "[backend]\nkind = \"folder\"\ncontent = \"message\"\norders = \"out\"\n\
         replies = \"in\"\nstill_ms = 50\npoll_ms = 50\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
    );
    for name in ["out", "in"] {
        fs::create_dir(zone.folder().join(name)).unwrap();
    }
    zone.start_adapter("customs");
    let runtime = runtime();
    let ids = runtime.block_on(zone.order(2));
    let (out, replies) = (zone.folder().join("out"), zone.folder().join("in"));
    let [first, second] = [0, 1].map(|n| format!("{}.customs", ids[n]));
    let started = Instant::now();
    let file = |delivery: &str| out.join(format!("{delivery}.xml"));
    while !file(&first).exists() || !file(&second).exists() {
        assert!(started.elapsed() < PATIENCE, "the orders do not come");
        std::thread::sleep(Duration::from_millis(20));
    }
    let bodies = [&first, &second].map(|delivery| fs::read(file(delivery)).unwrap());
    // Rubbish, for nobody, and the reply to one order under the name of the other.
    fs::write(replies.join(format!("{first}-9.xml")), "rubbish").unwrap();
    fs::write(replies.join("nobody.customs-1.xml"), &replies_of(&first, &bodies[0])[0].1).unwrap();
    fs::write(replies.join(format!("{first}-8.xml")), &replies_of(&second, &bodies[1])[0].1)
        .unwrap();
    for (delivery, body) in [(&first, &bodies[0]), (&second, &bodies[1])] {
        for (id, xml) in replies_of(delivery, body) {
            fs::write(replies.join(format!("{id}.xml")), xml).unwrap();
        }
    }
    runtime.block_on(answered(&zone, &ids));
    let reason = |name: &str| {
        let file = replies.join("refused").join(format!("{name}.reason.txt"));
        let started = Instant::now();
        while !file.exists() {
            assert!(started.elapsed() < PATIENCE, "{name} is not put aside");
            std::thread::sleep(Duration::from_millis(20));
        }
        fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned()
    };
    assert!(reason(&format!("{first}-9")).starts_with("xml-"), "{}", reason(&format!("{first}-9")));
    assert_eq!(reason("nobody.customs-1"), "reply-delivery-unknown");
    assert_eq!(reason(&format!("{first}-8")), "reply-about-another");
    let arguments = ["adapter", "customs", "--config", "customs.toml", "--dead"];
    let (code, said, _) = zone.run(&arguments);
    assert_eq!(code, Some(0));
    assert!(said.contains("0 dead order(s)") && said.contains("[reply-about-another]"), "{said}");
    let (code, said, _) = zone.run(&[&arguments[..4], &["--again", "x"]].concat());
    assert_eq!((code, said.contains("[order-unknown]")), (Some(1), true), "{said}");
    zone.stop_adapter("customs");
    zone.stop_adapter("tax");
    zone.stop_gateway();
}
