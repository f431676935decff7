//! Dying at each step of archiving and erasing: a process of its own aborts there, and
//! whoever opens the store afterwards finds every payload, or is told that it went.

use std::process::{Command, Stdio};

use super::*;

/// Set for the process that a test starts of its own program.
const CHILD: &str = "ONEPOINT_STORE_TEST_RETAIN";
/// Where that process is to die.
const DIE_AT: &str = "ONEPOINT_STORE_TEST_DIE_AT";

const COUNT: usize = 6;

/// What the child does: one whole run, archiving or erasing, unless it dies before.
fn child() -> bool {
    let Some(folder) = std::env::var_os(CHILD) else { return false };
    let folder = PathBuf::from(folder);
    let master_keys = super::super::sealed::keys(super::super::sealed::M1);
    let passing = |name: &'static str| {
        if std::env::var(DIE_AT).is_ok_and(|at| at == name) {
            std::process::abort();
        }
    };
    let options = SqliteOptions { master_keys, passing, ..SqliteOptions::new(&folder, NOW) };
    let store = SqliteStore::open(&options).unwrap();
    let mut ledger = Ledger::open(store, suite::signer()).unwrap();
    let archived = !folder.join("archived").exists();
    let after = if archived { 30 * DAY } else { POLICY.erase_after_ms.unwrap() };
    run(&mut ledger, NOW + after);
    true
}

fn die(place: &Sqlite, test: &str, point: &str) {
    let program = std::env::current_exe().unwrap();
    let test = format!("sqlite::tests::retention::deaths::{test}");
    let status = Command::new(program)
        .args(["--exact", &test])
        .env(CHILD, place.folder())
        .env(DIE_AT, point)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.success(), point.is_empty(), "{point}");
}

#[test]
fn at_each_step_of_archiving_every_payload_is_somewhere() {
    if child() {
        return;
    }
    let name = "at_each_step_of_archiving_every_payload_is_somewhere";
    for (point, moved, swept) in [
        ("", true, 0),
        ("archive.unwritten", false, 0),
        ("archive.written", false, 1),
        ("archive.pointed", true, 0),
    ] {
        let place = Sqlite::new();
        drop(closed(&place, COUNT));
        die(&place, name, point);
        // An unfinished file as well, as a power cut in the middle of writing leaves it.
        let torn = place.folder().join("archive").join(format!("{}.seg.new", "0".repeat(64)));
        let torn = fs::write(torn, "half").is_ok() as u64;
        let mut opened = place.sealed();
        for n in 0..COUNT {
            assert_eq!(place_of(&place, n), i64::from(moved), "{point}");
            assert_eq!(payload_of(&opened.1, n).unwrap(), format!("<order n='{n}'/>").as_bytes());
        }
        let step = run(&mut opened.0, NOW + 30 * DAY);
        let archived = if moved { 0 } else { 3 * COUNT as u64 };
        assert_eq!((step.archived, step.swept), (archived, swept + torn), "{point}");
        assert_eq!(segments(&place).len(), 1, "{point}");
        for n in 0..COUNT {
            assert_eq!(place_of(&place, n), 1);
            assert_eq!(payload_of(&opened.1, n).unwrap(), format!("<order n='{n}'/>").as_bytes());
        }
    }
}

#[test]
fn at_each_step_of_erasing_payloads_are_whole_or_gone() {
    if child() {
        return;
    }
    let name = "at_each_step_of_erasing_payloads_are_whole_or_gone";
    for (point, gone, swept) in [
        ("", true, 0),
        ("erase.unmarked", false, 0),
        ("erase.marked", true, 1),
        ("erase.removed", true, 0),
    ] {
        let place = Sqlite::new();
        let mut opened = closed(&place, COUNT);
        opened.0.commit(NOW + DAY, &mut |tx| tx.insert_body(b"later").map(drop)).unwrap();
        run(&mut opened.0, NOW + 30 * DAY);
        drop(opened);
        fs::write(place.folder().join("archived"), "").unwrap();
        die(&place, name, point);
        let mut opened = place.sealed();
        let erased = |n: usize| match payload_of(&opened.1, n) {
            Ok(text) => {
                assert_eq!(text, format!("<order n='{n}'/>").as_bytes());
                false
            }
            Err(error) => {
                assert_eq!(error.code(), "payload-erased", "{point}");
                true
            }
        };
        assert!((0..COUNT).all(|n| erased(n) == gone), "{point}");
        let step = run(&mut opened.0, NOW + POLICY.erase_after_ms.unwrap());
        let left = if gone { 0 } else { 3 * COUNT as u64 };
        assert_eq!((step.erased, step.swept), (left, swept), "{point}");
        assert_eq!(segments(&place), Vec::<PathBuf>::new(), "{point}");
        for index in 0..opened.0.size() {
            suite::assert_holds(&opened.1.receipt(index).unwrap().unwrap());
        }
    }
}
