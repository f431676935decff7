//! The receiving side: departments that pull, act once for each delivery and answer with
//! signed answers, and senders that pull those answers. In come deliveries, as often as
//! the gateway likes; a desk keeps what it did by the delivery's id, as a department's
//! inbox does, so that a delivery given again has the same answers and no second effect.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use onepoint_adapters::{Department, Incoming, dxp_for};
use onepoint_relay::client::HttpClient;
use onepoint_relay::pull::{AckItem, Acks, Pulled, PulledDelivery};
use onepoint_schemas::Catalogue;
use onepoint_xml::{Document, Limits};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use tokio::task::JoinSet;

use super::evidence::{Evidence, Record};
use super::plan::Random;
use super::sandbox::{Clients, Sandbox, Signer};
use crate::clock::Clock;
use crate::commands::Failure;
use crate::commands::init::parties::{GATEWAY_DXP_ID, Party};
use crate::facts::hex;
use crate::json::Look;

/// Deliveries of one pull.
const PULL: usize = 16;
/// How long a pull waits while there is traffic.
const WAIT_MS: u64 = 250;

/// Nothing came back: the gateway is gone, or cannot.
#[derive(Debug)]
struct Gone;

/// One department.
pub(super) struct Desk {
    department: &'static dyn Department,
    party: &'static Party,
    signer: Signer,
    catalogue: Arc<Catalogue>,
    kept: Mutex<Kept>,
}

struct Kept {
    random: Random,
    /// Deliveries acted upon, with the answers that are not recorded yet.
    inbox: BTreeMap<String, VecDeque<Reply>>,
}

/// A signed answer.
#[derive(Debug, Clone)]
struct Reply {
    id: String,
    message: String,
    body: Vec<u8>,
}

/// The desks of all departments.
pub(super) fn desks(sandbox: &Sandbox, random: &mut Random) -> Result<Vec<Arc<Desk>>, Failure> {
    let failed = |what: &str| Failure::outside("selftest-desk", what, "a fault of the selftest");
    let catalogue = Catalogue::load_builtin().map_err(|error| failed(&error.to_string()))?;
    let catalogue = Arc::new(catalogue);
    let mut desks = Vec::new();
    for name in onepoint_adapters::DEPARTMENTS {
        let department = onepoint_adapters::department(name).ok_or_else(|| failed(name))?;
        let party = Party::by_id(name).ok_or_else(|| failed(name))?;
        let random = Random::new(random.next());
        let kept = Mutex::new(Kept { random, inbox: BTreeMap::new() });
        let (signer, catalogue) = (sandbox.signer(name)?, Arc::clone(&catalogue));
        desks.push(Arc::new(Desk { department, party, signer, catalogue, kept }));
    }
    Ok(desks)
}

impl Desk {
    /// Works until the gateway is gone.
    pub(super) async fn run(
        self: Arc<Self>,
        clients: Arc<Clients>,
        evidence: Arc<Evidence>,
    ) -> Result<(), Failure> {
        let client = clients.of(self.party.id)?;
        while self.round(&client, &evidence, WAIT_MS).await.is_ok() {}
        Ok(())
    }

    /// Sends again what has no answer, then works until the queue is empty.
    pub(super) async fn drain(
        self: Arc<Self>,
        clients: Arc<Clients>,
        evidence: Arc<Evidence>,
    ) -> Result<(), Failure> {
        let client = clients.of(self.party.id)?;
        let unsent: Vec<String> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let open = kept.inbox.iter().filter(|(_, replies)| !replies.is_empty());
            open.map(|(delivery, _)| delivery.clone()).collect()
        };
        for delivery in unsent {
            drop(self.reply(&client, &evidence, &delivery).await);
        }
        while self.round(&client, &evidence, 0).await.is_ok_and(|handled| handled > 0) {}
        Ok(())
    }

    /// One pull and all that follows from it; gives how many deliveries there were.
    async fn round(
        self: &Arc<Self>,
        client: &HttpClient,
        evidence: &Arc<Evidence>,
        wait_ms: u64,
    ) -> Result<usize, Gone> {
        let path = format!("/v1/queues/{}?max={PULL}&wait_ms={wait_ms}", self.party.id);
        let pulled = pull(client, &path, evidence).await?;
        let count = pulled.deliveries.len();
        let mut work = JoinSet::new();
        for delivery in pulled.deliveries {
            let (desk, client) = (Arc::clone(self), client.clone());
            let evidence = Arc::clone(evidence);
            work.spawn(async move { desk.take(&client, &evidence, &delivery).await });
        }
        let mut gone = false;
        while let Some(done) = work.join_next().await {
            gone |= !matches!(done, Ok(Ok(())));
        }
        if gone { Err(Gone) } else { Ok(count) }
    }

    /// Acts on a delivery, answers and acknowledges it, in a drawn order.
    async fn take(
        &self,
        client: &HttpClient,
        evidence: &Evidence,
        delivery: &PulledDelivery,
    ) -> Result<(), Gone> {
        if let Err(text) = self.act(evidence, delivery) {
            evidence.add(Record::Strange { text });
            return Err(Gone);
        }
        let draw = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.random.below(3)
        };
        match draw {
            0 => {
                ack(client, "/v1/queues", self.party.id, delivery, evidence).await?;
                self.reply(client, evidence, &delivery.delivery).await
            }
            1 => {
                self.reply(client, evidence, &delivery.delivery).await?;
                ack(client, "/v1/queues", self.party.id, delivery, evidence).await
            }
            // A signed answer is acknowledgement enough.
            _ => self.reply(client, evidence, &delivery.delivery).await,
        }
    }

    /// The effect, once for each delivery, with the answers that go out because of it.
    fn act(&self, evidence: &Evidence, delivery: &PulledDelivery) -> Result<(), String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.inbox.contains_key(&delivery.delivery) {
            return Ok(());
        }
        let body = STANDARD.decode(&delivery.body).map_err(|error| error.to_string())?;
        let keys = self.keys(delivery, &body)?;
        let replies = self.replies(delivery, &body)?;
        kept.inbox.insert(delivery.delivery.clone(), replies);
        evidence.add(Record::Effect {
            department: self.party.id.to_owned(),
            delivery: delivery.delivery.clone(),
            message: delivery.message.clone(),
            keys,
        });
        Ok(())
    }

    /// Business keys of the documents meant for this department.
    fn keys(&self, delivery: &PulledDelivery, body: &[u8]) -> Result<Vec<String>, String> {
        let document =
            Document::parse(body.to_vec(), &Limits::default()).map_err(|error| error.en())?;
        let kind = self.catalogue.by_name(&delivery.message_type);
        let kind = kind.ok_or_else(|| format!("unknown type {}", delivery.message_type))?;
        let facts = self.catalogue.documents(&document, kind);
        let meant = delivery.documents.iter().map(|index| {
            let found = facts.get(usize::try_from(*index).unwrap_or(usize::MAX));
            let key = found.and_then(|document| document.business_key.clone());
            key.ok_or_else(|| format!("{}: no document {index} with a key", delivery.delivery))
        });
        meant.collect()
    }

    fn replies(&self, delivery: &PulledDelivery, body: &[u8]) -> Result<VecDeque<Reply>, String> {
        let now = Clock.now();
        let incoming = Incoming {
            delivery: &delivery.delivery,
            message: &delivery.message,
            message_type: &delivery.message_type,
            documents: &delivery.documents,
            body,
        };
        let outcome = self.department.map(&incoming, now).map_err(|error| error.en())?;
        let sign = |answer: &onepoint_adapters::Answer| {
            let envelope = dxp_for(answer, self.party.dxp_id, GATEWAY_DXP_ID, now);
            let body = self.signer.sign(&envelope.to_xml()).map_err(|failure| failure.message)?;
            Ok(Reply { id: answer.id.clone(), message: delivery.message.clone(), body })
        };
        outcome.answers.iter().map(sign).collect()
    }

    /// Hands in the answers to a delivery, in their order.
    async fn reply(
        &self,
        client: &HttpClient,
        evidence: &Evidence,
        delivery: &str,
    ) -> Result<(), Gone> {
        while let Some(reply) = self.first_reply(delivery) {
            let sent = client.post("/v1/answers", "application/xml", reply.body.clone()).await;
            let response = sent.map_err(|_| Gone)?;
            if response.status >= 500 {
                return Err(Gone);
            }
            if !response.is_success() {
                let text = format!("answer {} to {delivery}: {}", reply.id, response.text());
                evidence.add(Record::Strange { text });
            } else {
                evidence.add(Record::Recorded {
                    department: self.party.id.to_owned(),
                    answer: reply.id.clone(),
                    message: reply.message.clone(),
                    sha256: hex(digest(&SHA256, &reply.body).as_ref()),
                });
            }
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(replies) = kept.inbox.get_mut(delivery) {
                replies.pop_front();
            }
        }
        Ok(())
    }

    fn first_reply(&self, delivery: &str) -> Option<Reply> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.inbox.get(delivery)?.front().cloned()
    }
}

/// A sender takes the departments' answers until the gateway is gone.
pub(super) async fn collect(
    party: &'static str,
    clients: Arc<Clients>,
    evidence: Arc<Evidence>,
) -> Result<(), Failure> {
    let client = clients.of(party)?;
    while collect_once(party, &client, &evidence, WAIT_MS).await.is_ok() {}
    Ok(())
}

/// A sender takes the departments' answers until there are none.
pub(super) async fn collect_all(
    party: &'static str,
    clients: Arc<Clients>,
    evidence: Arc<Evidence>,
) -> Result<(), Failure> {
    let client = clients.of(party)?;
    while collect_once(party, &client, &evidence, 0).await.is_ok_and(|count| count > 0) {}
    Ok(())
}

async fn collect_once(
    party: &str,
    client: &HttpClient,
    evidence: &Evidence,
    wait_ms: u64,
) -> Result<usize, Gone> {
    let path = format!("/v1/receipts?max=64&wait_ms={wait_ms}");
    let pulled = pull(client, &path, evidence).await?;
    let count = pulled.deliveries.len();
    let mut acks = Acks::default();
    for delivery in pulled.deliveries {
        let body = STANDARD.decode(&delivery.body).unwrap_or_default();
        let notice: Value = serde_json::from_slice(&body).unwrap_or_default();
        evidence.add(Record::Notice {
            party: party.to_owned(),
            delivery: delivery.delivery.clone(),
            message: delivery.message.clone(),
            receipts: notice.items("receipts").to_vec(),
        });
        acks.acks.push(AckItem { delivery: delivery.delivery, lease: delivery.lease });
    }
    if count > 0 {
        settle(client, "/v1/receipts/ack", &acks, evidence).await?;
    }
    Ok(count)
}

async fn pull(client: &HttpClient, path: &str, evidence: &Evidence) -> Result<Pulled, Gone> {
    let response = client.get(path).await.map_err(|_| Gone)?;
    if response.status >= 500 {
        return Err(Gone);
    }
    serde_json::from_slice(&response.body).map_err(|_| {
        let text = format!("{path}: {} {}", response.status, response.text());
        evidence.add(Record::Strange { text });
        Gone
    })
}

async fn ack(
    client: &HttpClient,
    base: &str,
    department: &str,
    delivery: &PulledDelivery,
    evidence: &Evidence,
) -> Result<(), Gone> {
    let item = AckItem { delivery: delivery.delivery.clone(), lease: delivery.lease.clone() };
    let path = format!("{base}/{department}/ack");
    settle(client, &path, &Acks { acks: vec![item] }, evidence).await
}

async fn settle(
    client: &HttpClient,
    path: &str,
    acks: &Acks,
    evidence: &Evidence,
) -> Result<(), Gone> {
    let body = serde_json::to_vec(acks).unwrap_or_default();
    let response = client.post(path, "application/json", body).await.map_err(|_| Gone)?;
    if response.status >= 500 {
        return Err(Gone);
    }
    if !response.is_success() {
        let text = format!("{path}: {} {}", response.status, response.text());
        evidence.add(Record::Strange { text });
    }
    Ok(())
}
