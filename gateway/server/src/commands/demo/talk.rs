//! The demo's side of the public ports: hands messages in, asks where they are,
//! pulls the answers from the senders' queues. Nothing but HTTPS.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use serde_json::{Value, json};

use super::cases::Case;
use crate::clock::monotonic;
use crate::commands::init::parties::PARTIES;
use crate::commands::send::client_failure;
use crate::commands::sign::PEM_MAX;
use crate::commands::{Failure, read_input};
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
    /// Department and the statuses it gave, in the order of their arrival.
    pub(crate) answers: Vec<(String, String)>,
}

impl Told {
    pub(crate) fn accepted(&self) -> bool {
        self.status < 300 && self.verdict != "duplicate"
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
            .post("/v1/messages", "application/xml", case.body.clone())
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
            self.pull(case, told).await?;
        }
        Ok(())
    }

    /// Customs gives two answers (2, 120), for a list a third one (800); tax gives one.
    async fn is_answered(&self, case: &Case, told: &mut Told) -> Result<bool, Failure> {
        let state = self.get_json(case.from, &format!("/v1/messages/{}", told.message)).await?;
        let deliveries = state.items("deliveries").to_vec();
        let departments = deliveries.iter().filter(|d| d.text("kind") == "department");
        let delivered = departments.filter(|d| d.text("state") == "delivered");
        let names = delivered.filter_map(|d| d.at("destination").as_str());
        told.received_by = names.map(str::to_owned).collect();
        let wanted = |name: &str| match (name, case.message_type) {
            ("customs", "CEB621Message") => 3,
            ("customs", _) => 2,
            _ => 1,
        };
        let all: Vec<&str> = deliveries
            .iter()
            .filter(|d| d.text("kind") == "department")
            .filter_map(|d| d.at("destination").as_str())
            .collect();
        let enough = |name: &&str| {
            told.answers.iter().filter(|(department, _)| department == name).count() >= wanted(name)
        };
        Ok(!all.is_empty() && all.iter().all(enough))
    }

    /// Pulls what has come for the sender, and acknowledges it.
    async fn pull(&self, case: &Case, told: &mut Told) -> Result<(), Failure> {
        let pulled = self.get_json(case.from, "/v1/receipts?wait_ms=200&max=32").await?;
        let mut acks = Vec::new();
        for delivery in pulled.items("deliveries") {
            let body = delivery.at("body").as_str().and_then(|text| STANDARD.decode(text).ok());
            let notice: Value =
                serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
            let department = notice.text("department");
            for entry in notice.items("entries") {
                let status = entry.text("status");
                told.answers.push((department.to_owned(), status.to_owned()));
            }
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
