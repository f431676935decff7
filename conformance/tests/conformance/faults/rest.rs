//! Files altered while the gateway is down: the end of the write-ahead log, a store of
//! another version, a log key that is gone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Command, Output};

use onepoint_conformance::zone::onepoint;
use rusqlite::Connection;

use super::Rig;

fn serve(rig: &Rig) -> Output {
    let config = rig.zone.folder().join("onepoint.toml");
    Command::new(onepoint()).args(["serve", "--config"]).arg(config).output().unwrap()
}

fn refused(rig: &Rig, exit: i32, code: &str) {
    let output = serve(rig);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert!(said.contains(&format!("[{code}]")) && said.contains("hint: "), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_behind_the_last_record_is_passed_over() {
    let mut rig = Rig::start();
    let wal = rig.zone.folder().join("journal/journal.db-wal");
    for length in [1, 23, 24, 24 + 2048, 24 + 4096, 3 * (24 + 4096) + 100] {
        rig.accept().await;
        rig.accept().await;
        rig.zone.kill_gateway();
        // What a write leaves that was under way when the machine stopped.
        let torn: Vec<u8> = fs::read(&wal).unwrap().into_iter().skip(32).take(length).collect();
        assert_eq!(torn.len(), length);
        OpenOptions::new().append(true).open(&wal).unwrap().write_all(&torn).unwrap();
        rig.up();
        rig.nothing_is_lost().await;
    }
}

/// A synced record that is gone is no torn one: the log would go on from an earlier state
/// and sign a second history. The head file knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_record_that_is_cut_off_is_refused() {
    for cut in [1, 4096, 4096 + 24] {
        let mut rig = Rig::start();
        rig.accept().await;
        rig.accept().await;
        rig.zone.kill_gateway();
        let wal = rig.zone.folder().join("journal/journal.db-wal");
        let whole = fs::read(&wal).unwrap();
        fs::write(&wal, &whole[..whole.len() - cut]).unwrap();
        refused(&rig, 4, "store-rolled-back");
        // Refused untouched: with the record back in its place nothing is lost.
        drop(fs::remove_file(rig.zone.folder().join("journal/journal.db-shm")));
        fs::write(&wal, &whole).unwrap();
        rig.up();
        rig.nothing_is_lost().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_newer_version_is_refused_untouched() {
    let mut rig = Rig::start();
    rig.accept().await;
    rig.zone.stop_gateway();
    let path = rig.zone.folder().join("journal/journal.db");
    let newer = "INSERT INTO migration (version, name, applied_ms) \
                 SELECT max(version) + 1, 'later', 0 FROM migration";
    let journal = Connection::open(&path).unwrap();
    assert_eq!(journal.execute(newer, []).unwrap(), 1);
    drop(journal);
    let before = fs::read(&path).unwrap();
    refused(&rig, 3, "store-newer");
    assert!(fs::read(&path).unwrap() == before, "it was written to");
    let journal = Connection::open(&path).unwrap();
    journal.execute("DELETE FROM migration WHERE name = 'later'", []).unwrap();
    drop(journal);
    rig.up();
    rig.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_key_that_is_gone_or_rubbish_is_said_and_none_is_made() {
    let mut rig = Rig::start();
    rig.accept().await;
    rig.zone.stop_gateway();
    let (key, aside) =
        (rig.zone.folder().join("pki/log.key"), rig.zone.folder().join("pki/log.aside"));
    fs::rename(&key, &aside).unwrap();
    refused(&rig, 2, "config-invalid");
    assert!(!key.exists(), "a key was made");
    fs::write(&key, "PRIVATE+KEY+rubbish\n").unwrap();
    let output = serve(&rig);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(2 | 3)), "{said}");
    assert!(said.contains("log-key-unusable") || said.contains("config-invalid"), "{said}");
    fs::rename(&aside, &key).unwrap();
    rig.up();
    rig.nothing_is_lost().await;
}
