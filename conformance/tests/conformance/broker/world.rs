//! What the tests of the relay share: brokers, an outbox in memory that remembers all
//! it was told, readers, and ways to wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_conformance::rabbit::{RabbitMq, Tls};
use onepoint_relay::broker::{Broker, BrokerTls};
use onepoint_relay::publisher::{Destination, Outbox, OutboxError, OutboxRow, Publisher, Take};
use onepoint_relay::status::RelayStatus;
use onepoint_relay::topology::{Topology, routing_key};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for a broker that starts while everything else runs beside it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// The broker for tests that leave it up.
pub(super) fn shared() -> &'static RabbitMq {
    static SHARED: OnceLock<RabbitMq> = OnceLock::new();
    SHARED.get_or_init(|| RabbitMq::start_with(Some(&pki().tls)))
}

/// The broker for tests that take it down, for one at a time.
pub(crate) fn own() -> MutexGuard<'static, RabbitMq> {
    static OWN: OnceLock<Mutex<RabbitMq>> = OnceLock::new();
    let own = OWN.get_or_init(|| Mutex::new(RabbitMq::start()));
    let mut rabbit = own.lock().unwrap_or_else(PoisonError::into_inner);
    if rabbit.pid().is_none() {
        rabbit.start_again();
    }
    rabbit
}

pub(super) fn broker(url: &str) -> Broker {
    Broker::new(url, "test", None).unwrap()
}

/// Certificates of the shared broker and of a client.
pub(crate) struct Pki {
    pub(crate) ca: TestCa,
    pub(crate) tls: Tls,
    pub(crate) client: BrokerTls,
}

pub(crate) fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let now = jiff::Timestamp::now();
        let day = jiff::SignedDuration::from_hours(24);
        let validity = Validity { from: now - day, until: now + day };
        let ca = TestCa::new("test broker CA", KeyKind::P256, validity).unwrap();
        let here = "127.0.0.1".parse().unwrap();
        let server = LeafSpec::tls_server("broker", &[], &[here], KeyKind::P256, validity);
        let server = ca.issue(&server).unwrap();
        let client = LeafSpec::tls_client("gateway", "test", KeyKind::P256, validity);
        let client = ca.issue(&client).unwrap();
        let identity = (client.chain_pem().into_bytes(), client.key_pem().as_bytes().to_vec());
        Pki {
            tls: Tls {
                ca: ca.certificate_pem(),
                chain: server.chain_pem(),
                key: server.key_pem().to_string(),
            },
            client: BrokerTls { ca_pem: ca.certificate_pem(), identity: Some(identity) },
            ca,
        }
    })
}

/// An outbox that remembers.
#[derive(Default)]
pub(super) struct MemoryOutbox {
    state: Mutex<State>,
    called: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    rows: BTreeMap<u64, (String, OutboxRow)>,
    relayed: BTreeSet<u64>,
    failed: Vec<(u64, &'static str, String)>,
    faults: VecDeque<Fault>,
}

/// What goes wrong when the outbox is used next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A read fails.
    Read,
    /// A record fails and was not written.
    NotRecorded,
    /// A record fails although it was written.
    RecordedUnknown,
}

impl MemoryOutbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Commits a row for a department; gives its sequence number.
    pub(super) fn add(&self, department: &str, keys: &[&str], body: &str) -> u64 {
        let key = routing_key(department, &["import", "order", "CEB311Message"]).unwrap();
        self.add_to(department, &key, keys, body)
    }

    /// Makes the next uses fail, in this order per kind of use.
    pub(super) fn fail(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// The next fault, if it is for this use.
    fn fault(&self, of: &[Fault]) -> Option<Fault> {
        let mut state = self.state();
        let at = state.faults.iter().position(|fault| of.contains(fault))?;
        state.faults.remove(at)
    }

    /// Commits any row; gives its sequence number.
    pub(super) fn add_row(&self, lane: &str, row: OutboxRow) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let seq = state.next;
        state.rows.insert(seq, (lane.to_owned(), OutboxRow { seq, ..row }));
        drop(state);
        self.called.notify_waiters();
        seq
    }

    /// Commits a row of a lane with a routing key of its own.
    pub(super) fn add_to(&self, lane: &str, key: &str, keys: &[&str], body: &str) -> u64 {
        let next = self.state().next + 1;
        let row = OutboxRow {
            seq: 0,
            delivery: format!("delivery-{next}"),
            destination: Destination::Department { routing_key: key.to_owned() },
            order_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            message_type: "CEB311Message".to_owned(),
            sender: "platform-1".to_owned(),
            message: format!("message-{next}"),
            documents: vec![0, 2],
            received: "2026-01-02T03:04:05Z".to_owned(),
            traceparent: None,
            replayed: false,
            body: body.as_bytes().to_vec(),
        };
        self.add_row(lane, row)
    }

    pub(super) fn relayed(&self) -> BTreeSet<u64> {
        self.state().relayed.clone()
    }

    pub(super) fn failed(&self) -> Vec<(u64, &'static str, String)> {
        self.state().failed.clone()
    }

    pub(super) fn pending_rows(&self) -> usize {
        let state = self.state();
        state.rows.len() - state.relayed.len()
    }
}

impl Outbox for MemoryOutbox {
    async fn pending(
        &self,
        lane: &str,
        after: u64,
        take: Take,
    ) -> Result<Vec<OutboxRow>, OutboxError> {
        if self.fault(&[Fault::Read]).is_some() {
            return Err(OutboxError("as asked".to_owned()));
        }
        let state = self.state();
        let rows = state.rows.range(after + 1..).map(|(_, row)| row);
        let rows = rows.filter(|(of, row)| of == lane && !state.relayed.contains(&row.seq));
        Ok(rows.take(take.rows).map(|(_, row)| row.clone()).collect())
    }

    async fn relayed(&self, _: &str, seqs: Vec<u64>) -> Result<(), OutboxError> {
        let fault = self.fault(&[Fault::NotRecorded, Fault::RecordedUnknown]);
        if fault != Some(Fault::NotRecorded) {
            self.state().relayed.extend(seqs);
        }
        match fault {
            Some(fault) => Err(OutboxError(format!("{fault:?}"))),
            None => Ok(()),
        }
    }

    async fn failed(&self, _: &str, seq: u64, code: &'static str, reason: String) {
        self.state().failed.push((seq, code, reason));
    }

    async fn wait_for_more(&self, _: &str, _: u64) {
        self.called.notified().await;
    }
}

/// A publisher at work.
pub(super) struct Relay {
    pub(super) outbox: Arc<MemoryOutbox>,
    pub(super) status: RelayStatus,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl Relay {
    pub(super) fn start(url: &str, departments: &[&str]) -> Relay {
        Relay::start_over(Arc::default(), url, departments)
    }

    pub(super) fn start_over(outbox: Arc<MemoryOutbox>, url: &str, departments: &[&str]) -> Relay {
        let topology = Topology::new(departments, &["platform-1"]).unwrap();
        let lanes = departments.iter().map(|name| (*name).to_owned()).collect();
        let publisher = Publisher::new(broker(url), topology, lanes, Arc::clone(&outbox));
        let (status, stop) = (publisher.status(), CancellationToken::new());
        let task = tokio::spawn(publisher.run(stop.clone()));
        Relay { outbox, status, stop, task }
    }

    /// Waits until everything is relayed.
    pub(super) async fn drained(&self) {
        eventually("everything is relayed", || self.outbox.pending_rows() == 0).await;
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap();
    }
}

/// A message as a department would see it.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) id: String,
    pub(super) seq: u64,
    pub(super) delivery: Arc<lapin::message::Delivery>,
}

/// Reads and acknowledges until nothing came for `quiet`.
pub(super) async fn read_all(url: &str, queue: &str, quiet: Duration) -> Vec<Got> {
    let connection = broker(url).connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = BasicConsumeOptions::default();
    let mut consumer = channel
        .basic_consume(queue.into(), "reader".into(), options, FieldTable::default())
        .await
        .unwrap();
    let mut got = Vec::new();
    while let Ok(Some(delivery)) = tokio::time::timeout(quiet, consumer.next()).await {
        let delivery = delivery.unwrap();
        delivery.ack(BasicAckOptions::default()).await.unwrap();
        let properties = &delivery.properties;
        let id = properties.message_id().clone().unwrap().to_string();
        let headers = properties.headers().clone().unwrap_or_default();
        let seq = match headers.inner().get("x-onepoint-sequence") {
            Some(AMQPValue::LongLongInt(seq)) => u64::try_from(*seq).unwrap(),
            _ => 0,
        };
        got.push(Got { id, seq, delivery: Arc::new(delivery) });
    }
    connection.close(200, "bye".into()).await.unwrap();
    got
}

/// Messages ready in a queue.
pub(super) async fn depth(url: &str, queue: &str) -> u32 {
    let connection = broker(url).connect().await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let queue = channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
    connection.close(200, "bye".into()).await.unwrap();
    queue.message_count()
}

/// Waits for something to become true.
pub(super) async fn eventually(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// [`eventually`] for tests without a runtime.
pub(super) fn soon(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "not soon: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A name nobody else uses.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a test on two threads.
pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
