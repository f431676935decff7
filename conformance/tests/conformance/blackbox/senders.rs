//! The firms at work: streams of messages over HTTPS at the same time. In come cases;
//! out goes the gateway's answer to each. When a connection fails, the same bytes are
//! sent again until there is an answer. How many messages may leave so far is said from
//! outside, so that a test knows what is under way when it breaks something.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onepoint_conformance::zone::Zone;
use onepoint_relay::client::HttpClient;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::mix::Case;

/// A sender's patience with a gateway that is down.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

/// What a case was told in the end.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: Value,
    /// How often it was sent until then.
    pub(super) attempts: u32,
}

impl Told {
    pub(super) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.status == 200
    }
}

/// What the cases were told, by their numbers.
type Book = Arc<Mutex<BTreeMap<usize, Told>>>;

/// The firms.
pub(super) struct Senders {
    gate: Arc<Semaphore>,
    allowed: usize,
    book: Book,
    streams: JoinSet<()>,
}

impl Senders {
    /// Starts one task per stream of `cases`. Nothing leaves before [`Senders::allow`].
    pub(super) fn start(zone: &Zone, cases: &[Arc<Case>]) -> Senders {
        let mut streams: BTreeMap<usize, Vec<Arc<Case>>> = BTreeMap::new();
        let mut clients = BTreeMap::new();
        for case in cases {
            streams.entry(case.stream).or_default().push(Arc::clone(case));
            clients.entry(case.party).or_insert_with(|| zone.client(case.party));
        }
        let (gate, book, clients) =
            (Arc::new(Semaphore::new(0)), Book::default(), Arc::new(clients));
        let mut tasks = JoinSet::new();
        for cases in streams.into_values() {
            let (gate, book, clients) =
                (Arc::clone(&gate), Arc::clone(&book), Arc::clone(&clients));
            tasks.spawn(async move {
                for case in cases {
                    gate.acquire().await.expect("the gate is never closed").forget();
                    let told = send(&clients[case.party], &case).await;
                    book.lock().unwrap().insert(case.number, told);
                }
            });
        }
        Senders { gate, allowed: 0, book, streams: tasks }
    }

    /// Lets so many messages leave in all.
    pub(super) fn allow(&mut self, in_all: usize) {
        self.gate.add_permits(in_all - self.allowed);
        self.allowed = in_all;
    }

    /// How many may have left so far.
    pub(super) fn allowed(&self) -> usize {
        self.allowed
    }

    /// Waits until so many have an answer.
    pub(super) async fn answered(&self, at_least: usize) {
        let started = Instant::now();
        while self.book.lock().unwrap().len() < at_least {
            let known = self.book.lock().unwrap().len();
            assert!(started.elapsed() < PATIENCE, "{known} of {at_least} messages are answered");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every message has an answer.
    pub(super) async fn finish(mut self) -> BTreeMap<usize, Told> {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
        while let Some(ended) = self.streams.join_next().await {
            ended.expect("a sender got its answers");
        }
        std::mem::take(&mut *self.book.lock().unwrap())
    }
}

async fn send(client: &HttpClient, case: &Case) -> Told {
    let started = Instant::now();
    for attempts in 1.. {
        match client.post("/v1/messages", "application/xml", case.body.clone()).await {
            Ok(response) => {
                let body: Value = serde_json::from_slice(&response.body).expect("answers are JSON");
                let told = Told { status: response.status, body, attempts };
                if told.text("code") != "gateway-stopping" {
                    return told;
                }
            }
            Err(error) => {
                let waited = started.elapsed();
                assert!(waited < PATIENCE, "message {}: {}", case.number, error.en());
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    unreachable!("a message is sent until it is answered")
}
