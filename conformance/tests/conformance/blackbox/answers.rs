//! What comes back to the firms: the answers of departments, from the broker's receipt
//! queues or pulled over HTTPS. Everything that arrives is written down, with how often
//! it came, and acknowledged after that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_lite::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use onepoint_conformance::zone::Zone;
use onepoint_relay::broker::Broker;
use onepoint_relay::client::{ClientError, HttpClient};
use onepoint_relay::topology::receipt_queue;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PAUSE: Duration = Duration::from_millis(100);
/// Answers taken at a time.
const AT_ONCE: u16 = 64;

/// One answer at its sender.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// The participant who got it.
    pub(super) at: String,
    /// The notice that carries it, as it came first.
    pub(super) notice: Value,
    pub(super) times: usize,
}

/// All answers that arrived, by the department's id of the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<BTreeMap<String, Arrived>>>);

impl Answers {
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arrived>> {
        self.0.lock().unwrap()
    }

    fn arrived(&self, at: &str, body: &[u8]) {
        let notice: Value = serde_json::from_slice(body).expect("a notice is JSON");
        let answer = notice["answer"].as_str().expect("a notice names its answer").to_owned();
        let mut all = self.all();
        let known = all.entry(answer);
        let arrived = known.or_insert(Arrived { at: at.to_owned(), notice, times: 0 });
        assert_eq!(arrived.at, at, "one answer came to two participants");
        arrived.times += 1;
    }
}

/// Takes what comes until it is dropped.
pub(super) struct Collectors {
    pub(super) answers: Answers,
    _tasks: JoinSet<()>,
}

impl Collectors {
    /// `by_broker` read their queue at `amqp`; `by_pull` ask the gateway.
    pub(super) fn start(
        zone: &Zone,
        amqp: &str,
        by_broker: &[&str],
        by_pull: &[&str],
    ) -> Collectors {
        let (answers, mut tasks) = (Answers::default(), JoinSet::new());
        for id in by_broker {
            tasks.spawn(read(amqp.to_owned(), (*id).to_owned(), answers.clone()));
        }
        for id in by_pull {
            tasks.spawn(pull(zone.client(id), (*id).to_owned(), answers.clone()));
        }
        Collectors { answers, _tasks: tasks }
    }
}

/// Reads a receipt queue; a broker that is down is tried again.
async fn read(amqp: String, id: String, answers: Answers) {
    let broker = Broker::new(&amqp, "test-receipts", None).expect("the broker's address");
    loop {
        // It ends when the connection does; what was not acknowledged comes again.
        if let Ok(connection) = broker.connect().await {
            read_one(&connection, &id, &answers).await.ok();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read_one(
    connection: &lapin::Connection,
    id: &str,
    answers: &Answers,
) -> Result<(), lapin::Error> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(AT_ONCE, BasicQosOptions::default()).await?;
    let (queue, tag) = (receipt_queue(id).into(), "test".into());
    let options = BasicConsumeOptions::default();
    let mut feed = channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
    while let Some(delivery) = feed.next().await {
        let delivery = delivery?;
        answers.arrived(id, &delivery.data);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

/// Pulls over HTTPS; a gateway that is down is tried again.
async fn pull(client: HttpClient, id: String, answers: Answers) {
    loop {
        if pull_once(&client, &id, &answers).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn pull_once(client: &HttpClient, id: &str, answers: &Answers) -> Result<(), ClientError> {
    let path = format!("/v1/receipts?wait_ms=500&max={AT_ONCE}");
    let response = client.get(&path).await?;
    assert_eq!(response.status, 200, "{}", response.text());
    let pulled: Value = serde_json::from_slice(&response.body).expect("a pull answers JSON");
    let mut acks = Vec::new();
    for delivery in pulled["deliveries"].as_array().expect("a list of deliveries") {
        let body = delivery["body"].as_str().map(|text| STANDARD.decode(text));
        answers.arrived(id, &body.expect("a body").expect("base64"));
        acks.push(json!({ "delivery": delivery["delivery"], "lease": delivery["lease"] }));
    }
    if !acks.is_empty() {
        let body = json!({ "acks": acks }).to_string().into_bytes();
        client.post("/v1/receipts/ack", "application/json", body).await?;
    }
    Ok(())
}
