//! A disk that is full, fails, or tears a write, at the places where a commit writes.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::{DATABASE, EIO, ENOSPC, HEAD, Heard, Rig, SEGMENT, WAL, moment};

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

/// Housekeeping on a disk without room or that fails, at each write: nothing is lost, every
/// payload is where it was or where it went, and a disk that is whole again lets all of it move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn housekeeping_on_a_full_or_broken_disk_loses_no_payload() {
    let mut rig = Rig::start();
    // A refused message is closed at once.
    let body = rig.refused_order();
    assert!(matches!(rig.send(&body).await, Heard::Answer(422, _)));
    rig.zone.stop_gateway();
    let config = rig.zone.folder().join("onepoint.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[retention]\narchive_after_days = 0\n")).unwrap();
    for (calls, action, code) in [
        ("w", fails(ENOSPC), "store-disk-full"),
        ("w", fails(EIO), "store-not-writable"),
        ("s", fails(EIO), "store-not-writable"),
        ("s", fails_after(EIO), "store-not-writable"),
    ] {
        rig.archive(calls, SEGMENT, 0, &action).fails(3, code);
        assert_eq!(rig.shim.seen(), 1, "{action}: tried again");
    }
    // Opening writes as well: a fault there is not one of a transaction.
    let whole = rig.zone.folder().join("whole");
    copy_files(&rig.journal(), &whole);
    for (calls, errno, codes) in [
        ("w", ENOSPC, &["store-disk-full"][..]),
        ("w", EIO, &["store-io", "store-fatal"]),
        ("s", EIO, &["store-io", "store-fatal"]),
    ] {
        let mut positions = 0;
        while !rig.archive(calls, WAL, positions, &fails(errno)).went_through(codes) {
            positions += 1;
            assert!(positions < WRITES_MAX);
        }
        assert!(positions > 1, "{positions} of {calls} failed");
        // Perhaps by a run before the last one, which failed after that.
        let stats = rig.store("stats");
        let said = String::from_utf8_lossy(&stats.stdout);
        assert!(said.contains("payloads    1 archived"), "{said}");
        std::fs::remove_dir_all(rig.journal()).unwrap();
        copy_files(&whole, &rig.journal());
    }
    let whole = rig.archive("w", SEGMENT, 1, &fails(EIO));
    assert!(whole.said.contains("archived 1 payloads in 1 segments"), "{}", whole.said);
}

/// How a run of `onepoint store archive` ended; the journal agrees in any case.
struct Archived {
    exit: Option<i32>,
    said: String,
}

impl Archived {
    fn fails(&self, exit: i32, code: &str) {
        assert_eq!(self.exit, Some(exit), "{}", self.said);
        assert!(self.said.contains(&format!("[{code}]")), "not [{code}]: {}", self.said);
    }

    /// Whether nothing failed any more; else one of the codes was said.
    fn went_through(&self, codes: &[&str]) -> bool {
        if self.exit == Some(0) {
            return true;
        }
        assert!(matches!(self.exit, Some(3 | 4)), "{}", self.said);
        let said = codes.iter().any(|code| self.said.contains(&format!("[{code}]")));
        assert!(said, "none of {codes:?}: {}", self.said);
        false
    }
}

impl Rig {
    fn journal(&self) -> PathBuf {
        self.zone.folder().join("journal")
    }

    /// Housekeeping with one kind of call failing from a position on, and then a check.
    fn archive(&self, calls: &str, file: &str, skip: usize, action: &str) -> Archived {
        self.shim.plan(calls, file, skip, 0, action);
        let output = self.store("archive");
        self.shim.off();
        let streams = [&output.stdout, &output.stderr];
        let said = streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        let check = self.store("check");
        let found = String::from_utf8_lossy(&check.stdout);
        assert!(check.status.success(), "after {calls} {file} {skip} {action}: {said}: {found}");
        Archived { exit: output.status.code(), said }
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
