//! The gateway's queue of a department, pulled over HTTP; see [`crate::pull`].

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::{Delivery, HandlerError, Source, SourceError};
use crate::client::{ClientError, HttpClient, Request, Response};
use crate::inbox::{AnswerFate, StoredAnswer};
use crate::properties::TRACEPARENT;
use crate::pull::{AckItem, Acks, NackItem, Nacks, Pulled, PulledDelivery, Settled};

/// How long a lease is asked for: a batch is done in far less.
const LEASE: Duration = Duration::from_secs(60);
/// How much longer than the wait an answer may take.
const SLACK: Duration = Duration::from_secs(15);
/// Bytes of a problem document that are kept as the reason of a refusal.
const REASON_BYTES: usize = 500;

/// Pulls `/v1/queues/<department>` and posts to `/v1/answers`.
#[derive(Clone, Debug)]
pub struct HttpSource {
    client: HttpClient,
    queue: String,
    connected: bool,
}

/// A delivery and its lease.
#[derive(Clone, Debug)]
pub struct Leased {
    delivery: String,
    lease: String,
}

impl HttpSource {
    /// A source; it connects when it is first asked.
    #[must_use]
    pub fn new(client: HttpClient, department: &str) -> HttpSource {
        HttpSource { client, queue: format!("/v1/queues/{department}"), connected: false }
    }

    async fn try_receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<(Delivery, Leased)>, SourceError> {
        // The first time without a wait: to know at once whether it works.
        let wait = if self.connected { wait } else { Duration::ZERO };
        let path = format!(
            "{}?max={max}&wait_ms={}&lease_ms={}",
            self.queue,
            wait.as_millis(),
            LEASE.as_millis()
        );
        let response = self.client.get_within(&path, wait + SLACK).await?;
        let pulled: Pulled = understood(&response)?;
        self.connected = true;
        pulled.deliveries.into_iter().map(taken_apart).collect()
    }

    async fn settle<T: Serialize>(&mut self, what: &str, body: &T) -> Result<usize, SourceError> {
        let body = serde_json::to_vec(body).map_err(|e| rubbish(&e))?;
        let path = format!("{}/{what}", self.queue);
        let response = self.client.post(&path, "application/json", body).await?;
        let settled: Settled = understood(&response)?;
        for refused in settled.refused {
            // It comes again and is known then.
            warn!(delivery = refused.delivery, code = refused.code, what, "not settled");
        }
        Ok(settled.settled.len())
    }

    async fn post(&mut self, answer: &StoredAnswer) -> Result<AnswerFate, SourceError> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header("content-type", "application/xml"),
            header("x-onepoint-delivery", &answer.delivery),
            header("x-onepoint-answer", &answer.id),
        ];
        headers.extend(answer.traceparent.iter().map(|trace| header(TRACEPARENT, trace)));
        let request = Request {
            method: "POST".to_owned(),
            path: "/v1/answers".to_owned(),
            headers,
            body: answer.body.clone(),
            timeout: None,
        };
        let response = match self.client.send(request).await {
            // An id that cannot be a header's value: no other attempt changes that.
            Err(ClientError::Request(why)) => return Ok(AnswerFate::Refused(why)),
            response => response?,
        };
        match response.status {
            200..300 => Ok(AnswerFate::Sent),
            // Too slow, too early, too much, or not allowed yet: nothing about the answer.
            401 | 403 | 408 | 425 | 429 => Err(unexpected(&response)),
            400..500 => Ok(AnswerFate::Refused(shown(&response))),
            _ => Err(unexpected(&response)),
        }
    }
}

impl Source for HttpSource {
    type Ticket = Leased;

    async fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<(Delivery, Leased)>, SourceError> {
        let received = self.try_receive(max, wait).await;
        if received.is_err() {
            self.connected = false;
        }
        received
    }

    async fn answer(
        &mut self,
        answers: &[StoredAnswer],
    ) -> (Vec<(u64, AnswerFate)>, Option<SourceError>) {
        let mut fates = Vec::with_capacity(answers.len());
        for answer in answers {
            match self.post(answer).await {
                Ok(fate) => fates.push((answer.number, fate)),
                // The rest waits, so that the order is kept.
                Err(error) => return (fates, Some(error)),
            }
        }
        (fates, None)
    }

    async fn ack(&mut self, tickets: Vec<Leased>) -> Result<usize, SourceError> {
        let ack = |Leased { delivery, lease }| AckItem { delivery, lease };
        self.settle("ack", &Acks { acks: tickets.into_iter().map(ack).collect() }).await
    }

    async fn reject(&mut self, ticket: Leased, error: &HandlerError) -> Result<(), SourceError> {
        let nack = NackItem {
            delivery: ticket.delivery,
            lease: ticket.lease,
            code: error.code.clone(),
            reason: error.text.clone(),
            dead: true,
        };
        self.settle("nack", &Nacks { nacks: vec![nack] }).await?;
        Ok(())
    }

    async fn close(&mut self) {}
}

impl From<ClientError> for SourceError {
    fn from(error: ClientError) -> SourceError {
        SourceError { code: error.code(), text: error.en() }
    }
}

fn taken_apart(pulled: PulledDelivery) -> Result<(Delivery, Leased), SourceError> {
    let body = STANDARD.decode(&pulled.body).map_err(|e| rubbish(&e))?;
    let ticket = Leased { delivery: pulled.delivery.clone(), lease: pulled.lease };
    // What is given once more is known by the id it had the first time.
    let replayed = pulled.replay_of.is_some();
    let delivery = Delivery {
        id: pulled.replay_of.unwrap_or(pulled.delivery),
        message_type: pulled.message_type,
        sender: pulled.sender,
        message: pulled.message,
        documents: pulled.documents,
        order_keys: pulled.order_keys,
        received: pulled.received,
        sequence: pulled.sequence,
        redelivered: pulled.redelivered,
        replayed,
        traceparent: pulled.traceparent,
        body,
    };
    Ok((delivery, ticket))
}

/// A good answer, read.
fn understood<T: DeserializeOwned>(response: &Response) -> Result<T, SourceError> {
    match response.status {
        200 => serde_json::from_slice(&response.body).map_err(|e| rubbish(&e)),
        _ => Err(unexpected(response)),
    }
}

fn unexpected(response: &Response) -> SourceError {
    SourceError { code: "gateway-status", text: shown(response) }
}

fn rubbish(error: &dyn std::fmt::Display) -> SourceError {
    SourceError { code: "gateway-answer", text: format!("the answer cannot be read: {error}") }
}

/// Status and the beginning of the body.
fn shown(response: &Response) -> String {
    let end = response.body.len().min(REASON_BYTES);
    let text = String::from_utf8_lossy(response.body.get(..end).unwrap_or_default()).into_owned();
    format!("{} {text}", response.status)
}

#[cfg(test)]
mod tests;
