//! A department's system behind HTTPS, both sides with certificates. Each order is a POST
//! with the delivery's id as `Idempotency-Key`; replies come in the response, or are asked
//! for at an address of their own and settled there:
//!
//! - `POST path`: 2xx with no body, or with `{"replies":[{"id":…,"delivery":…,"content":…}]}`
//! - `GET replies?max=N`: the same document
//! - `POST replies/settled`: `{"settled":[{"id":…,"fate":"taken","code":…,"reason":…}]}`
//!
//! 408, 425, 429, 502, 503, 504 and what is wrong with the connection say nothing about the
//! order: it is given again. Any other 4xx refuses it; any other 5xx is tried a few times.

use serde::{Deserialize, Serialize};

use super::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::client::{ClientError, HttpClient, Request, Response};
use crate::properties::{DOCUMENTS, MESSAGE, SENDER, TRACEPARENT, written};
use crate::runner::HandlerError;

/// Bytes of a response that are kept as a reason.
const REASON_BYTES: usize = 300;

/// POSTs orders to one path, asks for replies at another.
#[derive(Clone, Debug)]
pub struct HttpBackend {
    client: HttpClient,
    path: String,
    replies: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Replies {
    replies: Vec<OneReply>,
}

#[derive(Debug, Deserialize)]
struct OneReply {
    id: String,
    delivery: String,
    content: String,
}

#[derive(Debug, Serialize)]
struct Settled<'s> {
    settled: Vec<OneSettled<'s>>,
}

#[derive(Debug, Serialize)]
struct OneSettled<'s> {
    id: &'s str,
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'s str>,
}

impl HttpBackend {
    /// A back end; it connects when it is first used. Paths begin with `/`.
    #[must_use]
    pub fn new(client: HttpClient, path: &str, replies: Option<&str>) -> HttpBackend {
        HttpBackend { client, path: path.to_owned(), replies: replies.map(str::to_owned) }
    }

    async fn post(&self, order: &Order) -> Result<(OrderFate, Vec<Reply>), BackendError> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header("content-type", &order.content_type),
            header("idempotency-key", &order.delivery),
            header("x-onepoint-delivery", &order.delivery),
            header("x-onepoint-type", &order.message_type),
            header(MESSAGE, &order.message),
            header(SENDER, &order.sender),
            header(DOCUMENTS, &written(&order.documents)),
        ];
        headers.extend(order.traceparent.iter().map(|trace| header(TRACEPARENT, trace)));
        let request = Request {
            method: "POST".to_owned(),
            path: self.path.clone(),
            headers,
            body: order.content.clone(),
            timeout: None,
        };
        let refused = |text: String| {
            (OrderFate::Refused(HandlerError::new("backend-refused", text)), Vec::new())
        };
        let response = match self.client.send(request).await {
            Err(ClientError::Request(why)) => return Ok(refused(why)),
            response => response?,
        };
        match response.status {
            200..300 if response.body.is_empty() => Ok((OrderFate::Done, Vec::new())),
            200..300 => match replies(&response) {
                Ok(replies) => Ok((OrderFate::Done, replies)),
                Err(error) => Err(BackendError { about: Some(order.number), ..error }),
            },
            // Not our business with this order: rights, address, time, too much, a proxy.
            401 | 403 | 404 | 408 | 425 | 429 | 502..=504 => Err(unexpected(&response)),
            400..500 => Ok(refused(shown(&response))),
            _ => Err(BackendError { about: Some(order.number), ..unexpected(&response) }),
        }
    }
}

impl Backend for HttpBackend {
    type Ticket = String;
    const BATCH: usize = 1;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        let mut given = Given::default();
        for order in orders {
            if !given.note(order, self.post(order).await) {
                break;
            }
        }
        given
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, String)>, BackendError> {
        let Some(path) = &self.replies else { return Ok(Vec::new()) };
        let response = self.client.get(&format!("{path}?max={max}")).await?;
        match response.status {
            204 => Ok(Vec::new()),
            200 => {
                let replies = replies(&response)?.into_iter().take(max);
                Ok(replies.map(|reply| (reply.clone(), reply.id)).collect())
            }
            _ => Err(unexpected(&response)),
        }
    }

    async fn settle(&mut self, settled: Vec<(String, ReplyFate)>) -> Result<(), BackendError> {
        let Some(path) = &self.replies else { return Ok(()) };
        let one = |(id, fate): &'_ (String, ReplyFate)| {
            let (fate, error) = match fate {
                ReplyFate::Taken => ("taken", None),
                ReplyFate::Known => ("known", None),
                ReplyFate::Refused(error) => ("refused", Some(error.clone())),
            };
            (id.clone(), fate, error)
        };
        let all: Vec<_> = settled.iter().map(one).collect();
        let settled = all.iter().map(|(id, fate, error)| OneSettled {
            id,
            fate,
            code: error.as_ref().map(|error| error.code.as_str()),
            reason: error.as_ref().map(|error| error.text.as_str()),
        });
        let body = serde_json::to_vec(&Settled { settled: settled.collect() });
        let body = body.map_err(|error| rubbish(&error))?;
        let path = format!("{path}/settled");
        let response = self.client.post(&path, "application/json", body).await?;
        if response.is_success() { Ok(()) } else { Err(unexpected(&response)) }
    }

    async fn close(&mut self) {}
}

impl From<ClientError> for BackendError {
    fn from(error: ClientError) -> BackendError {
        BackendError::away(error.code(), error.en())
    }
}

fn replies(response: &Response) -> Result<Vec<Reply>, BackendError> {
    let read: Replies = serde_json::from_slice(&response.body).map_err(|e| rubbish(&e))?;
    let one =
        |OneReply { id, delivery, content }| Reply { id, delivery, content: content.into_bytes() };
    Ok(read.replies.into_iter().map(one).collect())
}

fn rubbish(error: &dyn std::fmt::Display) -> BackendError {
    BackendError::away("backend-rubbish", format!("the response cannot be read: {error}"))
}

fn unexpected(response: &Response) -> BackendError {
    BackendError::away("backend-status", shown(response))
}

/// Status and the beginning of the body.
fn shown(response: &Response) -> String {
    let end = response.body.len().min(REASON_BYTES);
    let text = String::from_utf8_lossy(response.body.get(..end).unwrap_or_default()).into_owned();
    format!("{} {text}", response.status)
}

#[cfg(test)]
mod tests;
