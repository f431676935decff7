//! The real gateway on a disk that fills up, fails or tears a record, and on a clock
//! that is set. In come plans of what fails; what must come of it stands in each test.
//! Throughout: what was answered is there after a restart with its original receipts,
//! and what was not answered can be sent again.

use std::process::{Command, Output};
use std::time::Duration;

use onepoint_conformance::zone::{Setup, Zone, onepoint};
use onepoint_relay::client::HttpClient;
use onepoint_schemas::example_with;
use serde_json::Value;

use shim::Shim;

mod clock;
mod disk;
mod rest;
mod shim;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const WAL: &str = "/journal.db-wal";
const DATABASE: &str = "/journal.db";
const HEAD: &str = "/log.head";
/// How the path of a segment ends while it is written.
const SEGMENT: &str = ".seg.new";

/// A gateway whose disk and clock can be broken, and a sender that keeps every answer.
struct Rig {
    zone: Zone,
    shim: Shim,
    sent: usize,
    kept: Vec<Kept>,
}

/// A message and the answer to it.
struct Kept {
    body: Vec<u8>,
    answer: Value,
}

/// What came back of one try.
#[derive(Debug)]
enum Heard {
    Answer(u16, Value),
    Nothing,
}

impl Heard {
    fn code(&self) -> &str {
        match self {
            Heard::Answer(_, body) => body["code"].as_str().unwrap_or_default(),
            Heard::Nothing => "",
        }
    }

    /// The body of a 200, with its verdict.
    fn good(self, verdict: &str) -> Value {
        match self {
            Heard::Answer(200, body) if body["verdict"] == verdict => body,
            other => panic!("not {verdict}: {other:?}"),
        }
    }
}

impl Rig {
    fn start() -> Rig {
        let zone = Zone::make(&Setup::default());
        let shim = Shim::new(zone.folder());
        let mut rig = Rig { zone, shim, sent: 0, kept: Vec::new() };
        rig.up();
        rig
    }

    fn up(&mut self) {
        self.shim.off();
        let environment = self.shim.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.zone.start_gateway(&environment);
    }

    /// A new order, signed.
    fn order(&mut self) -> Vec<u8> {
        self.sent += 1;
        let number = format!("F{}", self.sent);
        let (root, guid) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
        let (root, guid) = (root.to_uppercase(), guid.to_uppercase());
        let fields = [("@guid", root.as_str()), ("guid", &guid), ("orderNo", &number)];
        let xml = example_with("CEB311Message", &fields).expect("an example");
        self.zone.signer("platform").sign(&xml)
    }

    /// The same without its number, which every rule asks for.
    fn refused_order(&mut self) -> Vec<u8> {
        let xml = example_with("CEB311Message", &[("orderNo", "")]).expect("an example");
        self.zone.signer("platform").sign(&xml)
    }

    /// A command of `onepoint store`, on the disk that may fail.
    fn store(&self, command: &str) -> Output {
        let mut store = Command::new(onepoint());
        store.args(["store", command, "--config", "onepoint.toml"]);
        store.current_dir(self.zone.folder()).envs(self.shim.environment());
        store.output().expect("onepoint can be run")
    }

    fn client(&self) -> HttpClient {
        self.zone.client("platform")
    }

    async fn send(&self, body: &[u8]) -> Heard {
        // A client of its own: no connection of a gateway that has died.
        match self.client().post("/v1/messages", "application/xml", body.to_vec()).await {
            Ok(response) => {
                let body = serde_json::from_slice(&response.body).unwrap_or_default();
                Heard::Answer(response.status, body)
            }
            Err(_) => Heard::Nothing,
        }
    }

    /// Sends a new order that must be accepted, and keeps the answer.
    async fn accept(&mut self) -> &Value {
        let body = self.order();
        let answer = self.send(&body).await.good("accepted");
        self.keep(body, answer);
        &self.kept.last().unwrap().answer
    }

    fn keep(&mut self, body: Vec<u8>, answer: Value) {
        self.kept.push(Kept { body, answer });
    }

    /// Sends again what had no answer: it is taken now, or was durable before.
    async fn again(&mut self, body: Vec<u8>) {
        match self.send(&body).await {
            Heard::Answer(200, answer) => self.keep(body, answer),
            other => panic!("sent again: {other:?}"),
        }
    }

    /// The gateway must have ended with the exit code for a journal that failed, and say why.
    fn ended_by_its_journal(&mut self) {
        let status = self.zone.wait_for_gateway();
        assert_eq!(status.code(), Some(4), "it ended with {status}");
        let log = self.log();
        assert!(log.contains("[store-fatal]"), "{log}");
        assert!(log.contains("page cache is not to be trusted"), "{log}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.zone.folder().join("gateway.log")).unwrap()
    }

    /// Every answer that was ever given still holds: the same message, the same facts, and
    /// both the old receipt and the new one verify.
    async fn nothing_is_lost(&self) {
        let auditor = self.zone.auditor();
        for kept in &self.kept {
            let again = self.send(&kept.body).await.good("duplicate");
            assert_eq!(again["id"], kept.answer["id"]);
            for (old, new) in receipts(&kept.answer).iter().zip(receipts(&again)) {
                assert_eq!((&old["index"], &old["fact"]), (&new["index"], &new["fact"]));
                auditor.verify(old, Some(&kept.body)).unwrap();
                auditor.verify(new, Some(&kept.body)).unwrap();
            }
        }
        let metrics = self.zone.metrics().await.unwrap();
        assert_eq!(metrics.journal("accepted"), self.kept.len() as u64);
        assert_eq!(metrics.journal("pending"), 2 * self.kept.len() as u64);
    }
}

fn receipts(answer: &Value) -> &[Value] {
    let receipts = answer["receipts"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(!receipts.is_empty(), "no receipt in {answer}");
    receipts
}

/// A moment, where nothing tells when something has happened.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
