//! The demo's side of the public ports: hands messages in, asks where they are,
//! pulls the answers from the senders' queues. Nothing but HTTPS.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use serde_json::{Value, json};

use super::cases::Case;
use crate::clock::monotonic;
use crate::commands::init::parties::PARTIES;
use crate::commands::send::client_failure;
use crate::commands::sign::PEM_MAX;
use crate::commands::{Failure, read_input};
use crate::intake::Carrier;
use crate::json::Look;

/// What the gateway said of one message.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) message: String,
    pub(crate) status: u16,
    pub(crate) verdict: String,
    pub(crate) code: String,
    pub(crate) reason: String,
    pub(crate) place: String,
    pub(crate) receipts: Vec<Value>,
    pub(crate) received_by: Vec<String>,
    /// What all departments together have said, as the gateway joins it.
    pub(crate) joined: Value,
}

impl Told {
    pub(crate) fn accepted(&self) -> bool {
        self.status < 300 && self.verdict != "duplicate"
    }

    /// Where the message stands, all departments together.
    pub(crate) fn state(&self) -> &str {
        self.joined.text("state")
    }

    /// Each department with the statuses it gave, in the order of their arrival.
    pub(crate) fn answers(&self) -> Vec<(String, Vec<&str>)> {
        let documents = self.joined.items("documents").iter();
        let departments = documents.filter_map(|d| d.at("departments").as_object()).flatten();
        let said = departments.map(|(name, said)| {
            let statuses = said.items("said").iter().map(|word| word.text("status"));
            (name.clone(), statuses.filter(|status| !status.is_empty()).collect())
        });
        said.collect()
    }
}

/// Sums of the gateway's own metrics.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) duplicate: u64,
}

/// One HTTPS client for each party.
pub(crate) struct Talk {
    clients: BTreeMap<&'static str, HttpClient>,
}

impl Talk {
    pub(crate) fn new(url: &str, folder: &Path) -> Result<Talk, Failure> {
        let pki = folder.join("pki");
        let ca = read_input(&pki.join("ca.pem"), PEM_MAX)?;
        let mut clients = BTreeMap::new();
        for party in PARTIES {
            let chain = read_input(&pki.join(format!("{}.pem", party.id)), PEM_MAX)?;
            let key = read_input(&pki.join(format!("{}.key", party.id)), PEM_MAX)?;
            let options = ClientOptions::new(url, ca.clone()).identity(chain, key);
            let client = HttpClient::new(options).map_err(|e| client_failure(&e))?;
            clients.insert(party.id, client);
        }
        Ok(Talk { clients })
    }

    fn client(&self, party: &str) -> Result<&HttpClient, Failure> {
        self.clients.get(party).ok_or_else(|| {
            Failure::outside("demo-client", format!("no client of {party}"), "a fault of the demo")
        })
    }

    async fn get(&self, party: &str, path: &str) -> Result<Response, Failure> {
        self.client(party)?.get(path).await.map_err(|e| client_failure(&e))
    }

    async fn get_json(&self, party: &str, path: &str) -> Result<Value, Failure> {
        let response = self.get(party, path).await?;
        serde_json::from_slice(&response.body).map_err(|error| {
            Failure::outside("answer-unreadable", format!("{path}: {error}"), "see gateway.log")
        })
    }

    /// Hands a message in.
    pub(crate) async fn send(&self, case: &Case) -> Result<Told, Failure> {
        let client = self.client(case.from)?;
        let response = client
            .post("/v1/messages", Carrier::of_body(&case.body).media_type(), case.body.clone())
            .await
            .map_err(|e| client_failure(&e))?;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |key: &str| body.text(key).to_owned();
        let place = body.at("place");
        let place = match place.at("line").as_u64() {
            Some(line) if line > 0 => format!("line {line}, column {}", place.at("column")),
            _ => String::new(),
        };
        Ok(Told {
            message: text("id"),
            status: response.status,
            verdict: text("verdict"),
            code: text("code"),
            reason: text("title"),
            place,
            receipts: body.items("receipts").to_vec(),
            ..Told::default()
        })
    }

    /// Waits until every department that got the message has given its last answer.
    pub(crate) async fn wait_for_answers(
        &self,
        case: &Case,
        told: &mut Told,
        deadline: Instant,
    ) -> Result<(), Failure> {
        while !self.is_answered(case, told).await? {
            if monotonic() > deadline {
                return Ok(());
            }
            self.pull(case).await?;
        }
        Ok(())
    }

    /// Whether no department is awaited any more, by the joined status.
    async fn is_answered(&self, case: &Case, told: &mut Told) -> Result<bool, Failure> {
        let path = format!("/v1/messages/{}", told.message);
        let state = self.get_json(case.from, &path).await?;
        let deliveries = state.items("deliveries").iter();
        let departments = deliveries.filter(|d| d.text("kind") == "department");
        let delivered = departments.filter(|d| d.text("state") == "delivered");
        let names = delivered.filter_map(|d| d.at("destination").as_str());
        told.received_by = names.map(str::to_owned).collect();
        told.joined = self.get_json(case.from, &format!("{path}/status")).await?;
        let documents = told.joined.items("documents");
        Ok(!documents.is_empty() && documents.iter().all(|d| d.items("awaited").is_empty()))
    }

    /// Pulls what has come for the sender, and acknowledges it.
    async fn pull(&self, case: &Case) -> Result<(), Failure> {
        let pulled = self.get_json(case.from, "/v1/receipts?wait_ms=200&max=32").await?;
        let mut acks = Vec::new();
        for delivery in pulled.items("deliveries") {
            acks.push(
                json!({ "delivery": delivery.at("delivery"), "lease": delivery.at("lease") }),
            );
        }
        if acks.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            return Ok(());
        }
        let body = json!({ "acks": acks }).to_string().into_bytes();
        let client = self.client(case.from)?;
        let answer = client.post("/v1/receipts/ack", "application/json", body).await;
        answer.map(drop).map_err(|e| client_failure(&e))
    }

    /// Every receipt that the gateway has of a message.
    pub(crate) async fn receipts(&self, case: &Case, message: &str) -> Result<Vec<Value>, Failure> {
        let path = format!("/v1/messages/{message}/receipts");
        let body = self.get_json(case.from, &path).await?;
        Ok(body.items("receipts").to_vec())
    }

    /// What the gateway itself counted.
    pub(crate) async fn sums(&self) -> Result<Sums, Failure> {
        let response = self.get("operator", "/metrics").await?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let sum = |verdict: &str| {
            let name = format!("onepoint_messages_total{{code=\"{verdict}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
            line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
        };
        Ok(Sums { accepted: sum("accepted"), refused: sum("refused"), duplicate: sum("duplicate") })
    }
}
