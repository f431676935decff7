//! Dying at every commit point: copies of the files as a crash leaves them, torn
//! ends, and processes killed for real. Whatever is opened afterwards is a state
//! that was committed, and holds every group that had been answered for.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::Ledger;
use crate::suite::signer;

/// Set for the process that a test starts of its own program.
const CHILD: &str = "ONEPOINT_STORE_TEST_FOLDER";

/// The files as they lie there, without a closing that would tidy them up.
fn copy(place: &Sqlite) -> Sqlite {
    let to = Sqlite::new();
    fs::create_dir(to.folder()).unwrap();
    for name in [DATABASE_FILE, "journal.db-wal"] {
        fs::copy(place.folder().join(name), to.folder().join(name)).unwrap();
    }
    to
}

/// Opens what a crash left, checks all of it, commits one message more; returns how many
/// messages there were.
fn survive(place: &Sqlite) -> usize {
    let (mut ledger, reader) = open(place);
    let messages = suite::audit(&reader);
    commit(&mut ledger, messages..messages + 1).unwrap();
    assert_eq!(suite::audit(&reader), messages + 1);
    messages
}

#[test]
fn after_each_commit_everything_is_there() {
    let place = Sqlite::new();
    let (mut ledger, _reader) = open(&place);
    let mut next = 0;
    for group in [1, 5, 64, 1, 30, 27, 2] {
        commit(&mut ledger, next..next + group).unwrap();
        next += group;
        assert_eq!(survive(&copy(&place)), next);
    }
    ledger.maintain().unwrap();
    assert_eq!(survive(&copy(&place)), next);
}

#[test]
fn within_a_group_nothing_of_it_is_there() {
    let place = Sqlite::new();
    let (mut ledger, _reader) = open(&place);
    commit(&mut ledger, 0..7).unwrap();
    ledger
        .commit(NOW, &mut |tx| {
            for n in 7..40 {
                suite::accept(tx, n)?;
                if n % 8 == 0 {
                    assert_eq!(survive(&copy(&place)), 7);
                }
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(survive(&copy(&place)), 40);
}

/// A write-ahead log cut off anywhere, or with a bit flipped anywhere, is one that ends after
/// some group; never in the middle of one.
#[test]
fn a_torn_end_is_the_end_of_some_group() {
    let place = Sqlite::new();
    let (mut ledger, _reader) = open(&place);
    let mut groups = vec![0];
    for group in 0..12 {
        let next = groups[group] + group % 5 + 1;
        commit(&mut ledger, groups[group]..next).unwrap();
        groups.push(next);
    }
    let wal = fs::read(place.folder().join("journal.db-wal")).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let frame = 24 + PAGE_BYTES as usize;
    for step in 0..60 {
        // Ends of frames, and places within their head and their page.
        let at =
            32 + (step * (wal.len() - 32) / 60) / frame * frame + [0, 1, 23, 24, 3000][step % 5];
        let at = at.min(wal.len() - 1);
        let torn = copy(&place);
        let mut bytes = wal.clone();
        if step % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 0x40;
        }
        fs::write(torn.folder().join("journal.db-wal"), bytes).unwrap();
        // Cut before the tables were committed, it is a new store.
        let messages = survive(&torn);
        assert!(groups.contains(&messages), "{messages} of {groups:?}");
        seen.insert(messages);
    }
    assert!(seen.len() > 5, "{seen:?}");
}

/// This test's program again, as another process that runs only `test`.
fn child(test: &str, folder: &Path, limit_blocks: Option<u32>) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    // A process that ignores SIGXFSZ gets an error for each write beyond the limit.
    let limit = limit_blocks.map_or(String::new(), |n| format!("trap '' XFSZ; ulimit -f {n}; "));
    command
        .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
        .arg(program)
        .args(["--exact", &format!("sqlite::tests::crash::{test}"), "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Within a process of its own: commits group after group and tells each once it is committed.
fn commit_until_it_ends(folder: &Path) {
    let store = SqliteStore::open(&SqliteOptions::new(folder, NOW)).unwrap();
    let mut ledger = Ledger::open(store, signer()).unwrap();
    let mut next = usize::try_from(ledger.size() / 2).unwrap();
    loop {
        let group = next % 7 + 1;
        match commit(&mut ledger, next..next + group) {
            Ok(_) => next += group,
            Err(error) => {
                let again = commit(&mut ledger, next..next + group).unwrap_err();
                println!("\nfailed {} {}", error.code(), again.code());
                return;
            }
        }
        println!("\ncommitted {next}");
    }
}

#[test]
fn killed_while_it_commits_nothing_answered_is_lost() {
    if let Some(folder) = child_folder() {
        return commit_until_it_ends(&folder);
    }
    let place = Sqlite::new();
    let mut messages = 0;
    for round in 0..8 {
        let name = "killed_while_it_commits_nothing_answered_is_lost";
        let mut process = child(name, &place.folder(), None).spawn().unwrap();
        let mut told = 0;
        let mut groups = 0;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            if let Some(next) = line.unwrap().strip_prefix("committed ") {
                (told, groups) = (next.parse().unwrap(), groups + 1);
            }
            if groups == 3 + 11 * round {
                // SIGKILL: it has no chance to close anything.
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();
        assert!(told > messages, "round {round} committed something");
        messages = suite::audit(&open(&place).1);
        assert!(messages >= told, "answered for {told}, found {messages}");
    }
}

#[test]
fn a_write_that_fails_is_fatal_and_not_tried_again() {
    if let Some(folder) = child_folder() {
        return commit_until_it_ends(&folder);
    }
    // From too little for the tables up to some groups of messages.
    for limit in [700, 1500, 3000] {
        let place = Sqlite::new();
        let name = "a_write_that_fails_is_fatal_and_not_tried_again";
        let output = child(name, &place.folder(), Some(limit)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = text.lines().filter_map(|line| line.strip_prefix("committed ")).next_back();
        let told: usize = told.map_or(0, |next| next.parse().unwrap());
        assert!(text.contains("\nfailed store-fatal store-fatal"), "{limit}: {text}");
        assert!(survive(&place) >= told, "{limit}");
    }
}
