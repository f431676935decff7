//! A department's own broker. Orders are published, confirmed and mandatory, to an exchange
//! there; replies are read from a queue there. The message id of an order is its delivery;
//! a reply has its own message id, and the delivery as its correlation id.
//!
//! Nothing is declared: the department's broker is the department's. An order whose
//! confirmation was lost is published again under the same message id.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicRejectOptions};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::broker::{Broker, BrokerError, REQUEST_TIMEOUT};
use crate::consumer::Feed;
use crate::post::{self, Mail, PostError, Postbox};
use crate::properties::{self, DOCUMENTS, MESSAGE, RECEIVED, SENDER, TRACEPARENT, written};
use crate::runner::{BATCH, HandlerError};

/// How long the last goodbye may take.
const CLOSE: Duration = Duration::from_secs(2);

/// Publishes to an exchange and reads a queue.
pub struct AmqpBackend {
    broker: Broker,
    exchange: String,
    key: String,
    replies: Option<String>,
    postbox: Option<(Postbox, DropGuard)>,
    feed: Option<Feed>,
}

impl AmqpBackend {
    /// A back end; it connects when it is first used.
    #[must_use]
    pub fn new(broker: Broker, exchange: &str, key: &str, replies: Option<&str>) -> AmqpBackend {
        let (exchange, key) = (exchange.to_owned(), key.to_owned());
        let replies = replies.map(str::to_owned);
        AmqpBackend { broker, exchange, key, replies, postbox: None, feed: None }
    }

    /// The postman works on a task of his own until this is dropped.
    fn postbox(&mut self) -> Postbox {
        let broker = &self.broker;
        let (postbox, _) = self.postbox.get_or_insert_with(|| {
            let (postbox, postman) = post::open(broker.clone());
            let stop = CancellationToken::new();
            tokio::spawn(postman.run(stop.clone()));
            (postbox, stop.drop_guard())
        });
        postbox.clone()
    }

    fn mail(&self, order: &Order) -> Mail {
        let mut headers = BTreeMap::new();
        let mut say = |name: &str, value: &str| headers.insert(name.to_owned(), value.to_owned());
        say(MESSAGE, &order.message);
        say(SENDER, &order.sender);
        say(DOCUMENTS, &written(&order.documents));
        say(RECEIVED, &order.received);
        if let Some(traceparent) = &order.traceparent {
            say(TRACEPARENT, traceparent);
        }
        Mail {
            exchange: self.exchange.clone(),
            key: self.key.clone(),
            id: order.delivery.clone(),
            correlation: None,
            kind: order.message_type.clone(),
            content_type: Some(order.content_type.clone()),
            headers,
            body: order.content.clone(),
        }
    }

    async fn try_collect(&mut self, max: usize) -> Result<Vec<(Reply, Acker)>, BrokerError> {
        let Some(queue) = &self.replies else { return Ok(Vec::new()) };
        if self.feed.is_none() {
            let prefetch = u16::try_from(BATCH).unwrap_or(u16::MAX);
            let open = Feed::open(&self.broker, None, queue, prefetch, "onepoint-replies");
            self.feed = Some(open.await?);
        }
        let Some(feed) = self.feed.as_mut() else { return Ok(Vec::new()) };
        let mut replies = Vec::new();
        while replies.len() < max {
            let Some(delivery) = feed.ready().await else { break };
            let mut delivery = delivery?;
            let read = properties::incoming(&mut delivery);
            let reply = Reply {
                id: read.id.unwrap_or_default(),
                delivery: read.correlation_id.unwrap_or_default(),
                content: read.body,
            };
            replies.push((reply, delivery.acker));
        }
        Ok(replies)
    }
}

/// The first orders of a batch no two of which share an order key: what is published at
/// the same time may arrive, or fail, in any order.
fn independent(orders: &[Order]) -> usize {
    let mut keys = HashSet::new();
    let clash = |order: &Order| order.order_keys.iter().any(|key| !keys.insert(key.clone()));
    orders.iter().position(clash).unwrap_or(orders.len()).max(1)
}

impl Backend for AmqpBackend {
    type Ticket = Acker;
    const BATCH: usize = BATCH;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        let postbox = self.postbox();
        let mut under_way = Vec::new();
        for order in orders.iter().take(independent(orders)) {
            match postbox.hand_in(self.mail(order)).await {
                Ok(posted) => under_way.push((order.number, posted)),
                Err(error) => return Given::nothing(away(&error)),
            }
        }
        let mut given = Given::default();
        for (number, posted) in under_way {
            match posted.fate().await {
                Ok(()) => given.fates.push((number, OrderFate::Done)),
                Err(PostError::TooLong(what)) => {
                    let text = format!("the {what} is longer than 255 bytes");
                    let error = HandlerError::new("backend-refused", text);
                    given.fates.push((number, OrderFate::Refused(error)));
                }
                // Later ones of the batch may be there: they are recorded all the same.
                Err(error) => given.error = given.error.take().or_else(|| Some(away(&error))),
            }
        }
        given
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, Acker)>, BackendError> {
        let collected = self.try_collect(max).await;
        if collected.is_err() {
            self.feed = None;
        }
        Ok(collected?)
    }

    async fn settle(&mut self, settled: Vec<(Acker, ReplyFate)>) -> Result<(), BackendError> {
        for (acker, fate) in settled {
            let done = async {
                match fate {
                    ReplyFate::Taken | ReplyFate::Known => {
                        acker.ack(BasicAckOptions::default()).await
                    }
                    // To the dead letters of that broker, if it has some for the queue.
                    ReplyFate::Refused(_) => {
                        acker.reject(BasicRejectOptions { requeue: false }).await
                    }
                }
            };
            if !matches!(timeout(REQUEST_TIMEOUT, done).await, Ok(Ok(true))) {
                self.feed = None;
                return Err(BackendError::away("backend-lost", "the channel is closed"));
            }
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.postbox = None;
        if let Some(feed) = self.feed.take() {
            // It says goodbye by itself within that time.
            timeout(CLOSE, feed.close()).await.ok();
        }
    }
}

impl From<BrokerError> for BackendError {
    fn from(error: BrokerError) -> BackendError {
        BackendError::away(error.code(), error.en())
    }
}

fn away(error: &PostError) -> BackendError {
    BackendError::away(error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_together_shares_no_order_key() {
        let order = |keys: &[&str]| Order {
            order_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Order::default()
        };
        assert_eq!(independent(&[]), 1);
        assert_eq!(independent(&[order(&["a"]), order(&["b"]), order(&[])]), 3);
        assert_eq!(independent(&[order(&["a"]), order(&["b", "a"]), order(&["c"])]), 1);
        assert_eq!(independent(&[order(&["a", "a"]), order(&["a"])]), 1);
    }
}
