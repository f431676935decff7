//! `onepoint store check`, `backup`, `restore` and `head` from the command line, on the
//! journal of a real gateway: copied while it runs, put back over a longer log, refused
//! where the log would fork, completed from an auditor's mirror, and every fault named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onepoint_conformance::zone::{Setup, Zone, onepoint};
use onepoint_schemas::example_with;
use rusqlite::Connection;
use serde_json::Value;

/// A zone whose sender keeps every message with its answer.
struct Rig {
    zone: Zone,
    kept: Vec<(Vec<u8>, Value)>,
}

impl Rig {
    fn start() -> Rig {
        let mut zone = Zone::make(&Setup::default());
        zone.start_gateway(&[]);
        Rig { zone, kept: Vec::new() }
    }

    async fn send(&self, body: &[u8], verdict: &str) -> Value {
        let client = self.zone.client("platform");
        let response = client.post("/v1/messages", "application/xml", body.to_vec()).await;
        let answer: Value = serde_json::from_slice(&response.unwrap().body).unwrap();
        assert_eq!(answer["verdict"], verdict, "{answer}");
        answer
    }

    async fn accept(&mut self) {
        let number = format!("C{}", self.kept.len());
        let guid = format!("{number:0>36}");
        let fields = [("@guid", guid.as_str()), ("guid", &guid), ("orderNo", &number)];
        let body =
            self.zone.signer("platform").sign(&example_with("CEB311Message", &fields).unwrap());
        let answer = self.send(&body, "accepted").await;
        self.kept.push((body, answer));
    }

    /// The first `count` messages are known by their guid, and all receipts hold.
    async fn holds(&self, count: usize) {
        for (number, (body, answer)) in self.kept.iter().enumerate() {
            for receipt in answer["receipts"].as_array().unwrap() {
                self.zone.auditor().verify(receipt, Some(body)).unwrap();
            }
            if number < count {
                let again = self.send(body, "duplicate").await;
                assert_eq!(again["id"], answer["id"]);
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.zone.folder().join(name)
    }

    /// Runs a command of `onepoint store` in the zone's folder.
    fn store(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(onepoint());
        command.arg("store").args(arguments).current_dir(self.zone.folder()).output().unwrap()
    }

    /// What it says in JSON, one line each, when it ends with this code.
    fn told(&self, arguments: &[&str], exit: i32) -> Vec<Value> {
        let output = self.store(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn refused(&self, arguments: &[&str], exit: i32, code: &str) {
        let output = self.store(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(&format!("[{code}]")), "{arguments:?}: not [{code}]: {said}");
    }

    fn follow(&self, mirror: &str) {
        let mut command = Command::new(onepoint());
        command.args(["audit", "follow", "--log", &self.zone.url(), "--mirror", mirror]);
        command.args(["--log-key", "pki/log.pub", "--ca", "pki/ca.pem", "--anchors", "pki/ca.pem"]);
        let output = command.current_dir(self.zone.folder()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }

    fn serve_refuses(&self, exit: i32, code: &str) {
        let mut command = Command::new(onepoint());
        command.args(["serve", "--config", "onepoint.toml"]).current_dir(self.zone.folder());
        let output = command.output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains(&format!("[{code}]")), "not [{code}]: {said}");
    }
}

fn said(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

const CONFIG: [&str; 2] = ["--config", "onepoint.toml"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_put_back_over_a_longer_log_without_a_fork() {
    let mut rig = Rig::start();
    rig.accept().await;
    let check = [&["check"][..], &CONFIG].concat();
    let whole = rig.told(&check, 0);
    assert_eq!((whole.len(), &whole[0]["ok"]), (1, &true.into()), "beside the gateway: {whole:?}");
    let backup = rig.told(&[&["backup", "--to", "backup"][..], &CONFIG].concat(), 0);
    assert_eq!(backup[0]["size"], whole[0]["facts"]);
    assert!(!rig.path("backup/pki").exists() && !rig.path("backup/log.head").exists());
    rig.accept().await;
    rig.accept().await;
    rig.follow("mirror");
    let longer = rig.told(&check, 0).remove(0);
    assert_eq!(rig.store(&["head"]).status.code(), Some(0), "the head is not ahead");
    rig.zone.stop_gateway();

    // What was promised since is missing: refused, by the head or by whoever holds a checkpoint.
    let restore = ["restore", "backup", "--to", "back"];
    rig.refused(&[&restore[..], &CONFIG].concat(), 1, "store-rolled-back");
    let outside = ["--log-key", "pki/log.pub", "--master-key", "pki/store.key"];
    let checkpoint = ["--checkpoint", "mirror/checkpoint"];
    rig.refused(&[&restore[..], &outside, &checkpoint].concat(), 1, "store-rolled-back");
    assert!(!rig.path("back").exists(), "a refusal leaves nothing");
    // The same, by hand and past the command.
    fs::rename(rig.path("journal"), rig.path("aside")).unwrap();
    copy_folder(&rig.path("backup"), &rig.path("journal"));
    let file = fs::read_dir(rig.path("journal")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "db"));
    fs::rename(file.unwrap(), rig.path("journal/journal.db")).unwrap();
    rig.serve_refuses(4, "store-rolled-back");
    fs::remove_dir_all(rig.path("journal")).unwrap();

    // The auditor's mirror has the leaves: the same log goes on.
    let restore = ["restore", "backup", "--to", "journal", "--mirror", "mirror"];
    let restored = rig.told(&[&restore[..], &CONFIG].concat(), 0).remove(0);
    assert_eq!((&restored["size"], &restored["compared"]), (&longer["facts"], &true.into()));
    assert!(restored["completed"].as_u64() > Some(0), "{restored}");
    rig.zone.start_gateway(&[]);
    rig.holds(1).await;
    // What only the mirror knew of is taken anew, as the command said.
    let (body, answer) = rig.kept[2].clone();
    assert_ne!(rig.send(&body, "accepted").await["id"], answer["id"]);
    rig.accept().await;
    rig.follow("mirror");
    assert_eq!(rig.told(&check, 0)[0]["ok"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_altered_file_is_named_with_its_place() {
    let mut rig = Rig::start();
    rig.accept().await;
    rig.zone.stop_gateway();
    let check = [&["check"][..], &CONFIG].concat();
    assert_eq!(rig.told(&check, 0)[0]["ok"], true);
    let finds = |code: &str, place: &str| {
        let found = rig.told(&check, 1);
        let (end, found) = found.split_last().unwrap();
        assert_eq!(end["ok"], false);
        let named =
            |one: &&Value| one["code"] == code && one["place"].as_str().unwrap().contains(place);
        let one = found.iter().find(named);
        let one = one.unwrap_or_else(|| panic!("no {code} at {place}: {found:?}"));
        assert!(["en", "zh", "detail"].iter().all(|part| !one[*part].as_str().unwrap().is_empty()));
    };
    for (sql, code, place) in [
        ("UPDATE message SET sender = 'payment'", "row-damaged", "table message"),
        ("UPDATE body SET digest = zeroblob(32) WHERE id = 1", "payload-differs", "body"),
        (
            "UPDATE counter SET value = value + 1 WHERE name = 'accepted'",
            "counter-differs",
            "accepted",
        ),
    ] {
        copy_folder(&rig.path("journal"), &rig.path("whole"));
        let journal = Connection::open(rig.path("journal/journal.db")).unwrap();
        assert!(journal.execute(sql, []).unwrap() > 0, "{sql}");
        drop(journal);
        finds(code, place);
        fs::remove_dir_all(rig.path("journal")).unwrap();
        fs::rename(rig.path("whole"), rig.path("journal")).unwrap();
    }
    let head = rig.path("pki/log.head");
    let whole = fs::read(&head).unwrap();
    let mut flipped = whole.clone();
    flipped[600] ^= 1;
    fs::write(&head, &flipped).unwrap();
    finds("head-slot-damaged", "byte 512");
    let shown = rig.store(&["head"]);
    assert_eq!(shown.status.code(), Some(1), "{}", said(&shown));
    // Both marks gone: the gateway does not go on without knowing what it had promised.
    fs::write(&head, vec![0; whole.len()]).unwrap();
    rig.serve_refuses(4, "store-head-damaged");
    assert_eq!(rig.store(&["head", "--accept"]).status.code(), Some(0));
    rig.zone.start_gateway(&[]);
    rig.holds(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_cannot_be_made_or_used_are_said() {
    let mut rig = Rig::start();
    rig.accept().await;
    rig.refused(&["head", "--accept"], 3, "store-locked");
    rig.refused(&["backup", "--store", "nowhere", "--to", "backup"], 3, "store-missing");
    rig.told(&[&["backup", "--to", "backup"][..], &CONFIG].concat(), 0);
    rig.zone.stop_gateway();
    let restore = |from: &'static str, to: &'static str| {
        [&["restore", from, "--to", to][..], &CONFIG].concat()
    };
    rig.refused(&restore("nowhere", "back"), 1, "store-backup-missing");
    rig.refused(&restore("backup", "journal"), 1, "store-place-taken");
    let other = Zone::make(&Setup::default());
    let key = other.folder().join("pki/log.pub");
    let words = ["restore", "backup", "--to", "back", "--log-key", key.to_str().unwrap()];
    rig.refused(&words, 1, "store-backup-of-another-log");
    // One bit of the copy.
    let copied = fs::read_dir(rig.path("backup")).unwrap().map(|entry| entry.unwrap().path());
    let copied = copied.into_iter().find(|path| path.extension().is_some_and(|end| end == "db"));
    let copied = copied.unwrap();
    let mut bytes = fs::read(&copied).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&copied, bytes).unwrap();
    rig.refused(&restore("backup", "back"), 1, "store-backup-damaged");
    assert!(!rig.path("back").exists());
    for words in [&["check"][..], &["backup"], &["restore", "backup"]] {
        assert_eq!(rig.store(words).status.code(), Some(2), "{words:?}");
    }
}
