//! A disk that is full, fails, or tears a write, at the places where a commit writes.

use std::os::unix::process::ExitStatusExt;

use super::{DATABASE, EIO, ENOSPC, HEAD, Heard, Rig, WAL, moment};

const SIGKILL: i32 = 9;
/// More writes than the commit of one order has.
const WRITES_MAX: usize = 400;
/// Orders after which pages were moved out of the write-ahead log for certain.
const ORDERS_MAX: usize = 1500;

fn fails(errno: i32) -> String {
    format!("e{errno}")
}

/// Done, and failed all the same.
fn fails_after(errno: i32) -> String {
    format!("a{errno}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_at_each_write_of_a_commit_takes_nothing_and_goes_on() {
    let mut rig = Rig::start();
    rig.accept().await;
    let mut positions = 0;
    for position in 0..WRITES_MAX {
        let body = rig.order();
        // Full from this write on, as a disk is, until somebody makes room.
        rig.shim.plan("w", WAL, position, 0, &fails(ENOSPC));
        let heard = rig.send(&body).await;
        let seen = rig.shim.seen();
        rig.shim.off();
        if let Heard::Answer(200, _) = &heard {
            assert!(seen <= position, "write {position} failed and nobody heard of it");
            let answer = heard.good("accepted");
            rig.keep(body, answer);
            break;
        }
        assert_eq!(heard.code(), "store-disk-full", "at write {position}: {heard:?}");
        assert!(matches!(heard, Heard::Answer(503, _)), "{heard:?}");
        positions += 1;
        // There is room again: nothing of it had been kept, so it is not a duplicate.
        let answer = rig.send(&body).await.good("accepted");
        rig.keep(body, answer);
    }
    assert!((5..WRITES_MAX).contains(&positions), "{positions} writes in a commit");
    rig.nothing_is_lost().await;
    rig.zone.stop_gateway();
    rig.up();
    rig.nothing_is_lost().await;
    println!("disk full at each of {positions} writes of a commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_write_or_sync_the_process_ends_and_a_restart_is_good() {
    let mut rig = Rig::start();
    let places = [
        ("w", WAL, 0, fails(EIO)),
        ("w", WAL, 9, fails(EIO)),
        ("w", WAL, 4, fails_after(EIO)),
        ("s", WAL, 0, fails(EIO)),
        ("s", WAL, 0, fails_after(EIO)),
        ("w", HEAD, 0, fails(EIO)),
        ("w", HEAD, 0, fails(ENOSPC)),
        ("w", HEAD, 0, fails_after(EIO)),
    ];
    for (calls, file, skip, action) in places {
        rig.accept().await;
        let body = rig.order();
        rig.shim.plan(calls, file, skip, 1, &action);
        let heard = rig.send(&body).await;
        assert!(!matches!(heard, Heard::Answer(200, _)), "{file} {action}: {heard:?}");
        rig.ended_by_its_journal();
        // The next call would have passed: there was none.
        assert_eq!(rig.shim.seen(), skip + 1, "{file} {action}: tried again");
        rig.up();
        rig.again(body).await;
    }
    rig.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_torn_by_death_is_as_if_it_had_not_been() {
    let mut rig = Rig::start();
    for (file, skip) in [(WAL, 0), (WAL, 1), (WAL, 6), (WAL, 15), (HEAD, 0), (HEAD, 0)] {
        rig.accept().await;
        let body = rig.order();
        rig.shim.plan("w", file, skip, 1, "torn");
        let heard = rig.send(&body).await;
        assert!(matches!(heard, Heard::Nothing), "{file}: {heard:?}");
        let status = rig.zone.wait_for_gateway();
        assert_eq!(status.signal(), Some(SIGKILL), "{file}: it ended with {status}");
        rig.up();
        rig.again(body).await;
    }
    rig.nothing_is_lost().await;
}

/// Sends orders until the gateway is gone or pages were moved; what had no answer comes back.
async fn until_pages_move(rig: &mut Rig) -> Option<Vec<u8>> {
    for _ in 0..ORDERS_MAX {
        let body = rig.order();
        match rig.send(&body).await {
            Heard::Answer(200, answer) => rig.keep(body, answer),
            _ => return Some(body),
        }
        if rig.shim.seen() > 0 {
            return None;
        }
    }
    panic!("no page was moved in {ORDERS_MAX} orders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_pages_on_a_full_disk_waits_and_on_a_broken_one_ends() {
    let mut rig = Rig::start();
    rig.shim.plan("w", DATABASE, 0, 0, &fails(ENOSPC));
    // It was answered already, and the next one is taken too: there the log has room.
    let open = until_pages_move(&mut rig).await;
    assert!(open.is_none(), "refused because of pages that may wait");
    rig.accept().await;
    for (calls, action) in [("w", fails(EIO)), ("s", fails(EIO))] {
        rig.shim.plan(calls, DATABASE, 0, 1, &action);
        let open = until_pages_move(&mut rig).await;
        rig.ended_by_its_journal();
        rig.up();
        if let Some(body) = open {
            rig.again(body).await;
        }
        moment().await;
    }
    rig.nothing_is_lost().await;
}
