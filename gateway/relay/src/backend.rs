//! A department's own system behind its adapter. In go orders (what the department's
//! mapping made of deliveries), out come replies; how is the business of one file each:
//!
//! - [`amqp`]: another broker; [`folder`]: files; [`http`]: HTTPS; [`postgres`]: two tables
//! - [`simulator`]: none at all, behaving as a script says
//!
//! Promised to a back end: an order comes again, under the same delivery id, until its fate
//! is recorded; a reply is settled after it is durable. Expected of it: nothing of what it
//! did may be undone by dropping one of its futures.

use serde::{Deserialize, Serialize};

use crate::runner::{Delivery, HandlerError};

pub mod amqp;
pub mod folder;
pub mod http;
pub mod postgres;
pub mod simulator;

/// What is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The inbox's own number; rises in the order of the queue.
    #[serde(skip)]
    pub number: u64,
    /// The delivery it is made from: the same every time.
    pub delivery: String,
    /// The message's id (a UUID).
    pub message: String,
    /// Such as `CEB311Message`.
    pub message_type: String,
    /// The participant who sent it.
    pub sender: String,
    /// The documents that are meant.
    pub documents: Vec<u32>,
    /// The keys whose order is kept.
    pub order_keys: Vec<String>,
    /// What the documents are known by: a reply is about one of them.
    pub business_keys: Vec<String>,
    /// When the gateway received it (RFC 3339).
    pub received: String,
    /// The W3C trace context that the sender gave.
    pub traceparent: Option<String>,
    /// The media type of the content.
    pub content_type: String,
    /// The department's own form of it, or the signed message.
    #[serde(skip)]
    pub content: Vec<u8>,
    /// What a department that works would reply; only a simulator asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsed: Vec<Rehearsed>,
}

/// What a handler wants handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewOrder {
    /// The media type of the content.
    pub content_type: String,
    /// The department's own form of it, or the signed message.
    pub content: Vec<u8>,
    /// What the documents are known by: a reply is about one of them.
    pub business_keys: Vec<String>,
    /// For a simulator: what a department that works would reply.
    pub rehearsed: Vec<Rehearsed>,
}

/// A reply that a simulator may give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Its id.
    pub id: String,
    /// The document.
    pub content: String,
}

impl Order {
    pub(crate) fn new(delivery: &Delivery, order: NewOrder) -> Order {
        Order {
            number: 0,
            delivery: delivery.id.clone(),
            message: delivery.message.clone(),
            message_type: delivery.message_type.clone(),
            sender: delivery.sender.clone(),
            documents: delivery.documents.clone(),
            order_keys: delivery.order_keys.clone(),
            business_keys: order.business_keys,
            received: delivery.received.clone(),
            traceparent: delivery.traceparent.clone(),
            content_type: order.content_type,
            content: order.content,
            rehearsed: order.rehearsed,
        }
    }
}

/// What the department's system says about a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Unique with the department, and the same whenever it comes.
    pub id: String,
    /// The delivery it is about.
    pub delivery: String,
    /// The document, such as a CEB312Message.
    pub content: Vec<u8>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderFate {
    /// The back end has it.
    Done,
    /// The back end will never take it.
    Refused(HandlerError),
}

/// What became of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyFate {
    /// It is an answer now.
    Taken,
    /// It was one before.
    Known,
    /// It will never be one.
    Refused(HandlerError),
}

/// The outcome of handing over.
#[derive(Debug, Default)]
pub struct Given {
    /// Of the orders that have one, by their numbers.
    pub fates: Vec<(u64, OrderFate)>,
    /// Replies that came with it; they are recorded together with the fates.
    pub replies: Vec<Reply>,
    /// What ended it before the last order.
    pub error: Option<BackendError>,
}

impl Given {
    /// Notes what became of an order; false when nothing more is to be given.
    pub(crate) fn note(
        &mut self,
        order: &Order,
        became: Result<(OrderFate, Vec<Reply>), BackendError>,
    ) -> bool {
        match became {
            Ok((fate, replies)) => {
                self.fates.push((order.number, fate));
                self.replies.extend(replies);
            }
            Err(error) => self.error = Some(error),
        }
        self.error.is_none()
    }

    /// Nothing happened, for this reason.
    #[must_use]
    pub fn nothing(error: BackendError) -> Given {
        Given { error: Some(error), ..Given::default() }
    }
}

/// The back end is away, or says something we cannot use; tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct BackendError {
    /// A stable code.
    pub code: &'static str,
    /// Words for a person.
    pub text: String,
    /// The number of the order that it is about, when others may well work: such an order
    /// is given up after [`crate::runner::ATTEMPTS`] of them.
    pub about: Option<u64>,
}

impl BackendError {
    /// The whole back end is away.
    #[must_use]
    pub fn away(code: &'static str, text: impl Into<String>) -> BackendError {
        BackendError { code, text: text.into(), about: None }
    }
}

/// One way to reach a department's system.
pub trait Backend: Send + Sync + 'static {
    /// What settles a reply.
    type Ticket: Send + 'static;

    /// Orders given at a time, at most: what is known of them is recorded together.
    const BATCH: usize;

    /// Hands orders over, in this order, up to the first that could not be handed over.
    fn hand_over(&mut self, orders: &[Order]) -> impl Future<Output = Given> + Send;

    /// Replies that are there, at most `max`; they come again until they are settled.
    fn collect(
        &mut self,
        max: usize,
    ) -> impl Future<Output = Result<Vec<(Reply, Self::Ticket)>, BackendError>> + Send;

    /// These replies are durable, or refused for good.
    fn settle(
        &mut self,
        settled: Vec<(Self::Ticket, ReplyFate)>,
    ) -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Says goodbye.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
