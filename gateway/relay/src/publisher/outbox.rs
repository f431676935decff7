//! What the publisher needs of the store: rows that are not relayed yet, in order, and
//! a place to record what became of them. The server implements it over its store.

/// Bounds of one read of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take {
    /// At most so many rows.
    pub rows: usize,
    /// Stop after the row with which the bodies reach so many bytes: at least one row
    /// is given if there is one.
    pub bytes: usize,
}

/// Where a row goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the topic exchange, with the department first in the key; see
    /// [`routing_key`](crate::topology::routing_key).
    Department {
        /// `tax.import.order.CEB311Message`
        routing_key: String,
    },
    /// To the queue of a participant.
    Receipts {
        /// The participant's id.
        participant: String,
    },
}

/// One message for one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Rises in the order of the commits; the order within a lane.
    pub seq: u64,
    /// The delivery's id, at most 255 bytes: the message id at the broker, the same on
    /// every attempt, unique over all lanes.
    pub delivery: String,
    /// Where it goes.
    pub destination: Destination,
    /// The keys whose order must be kept: those of all documents of a batch.
    pub order_keys: Vec<String>,
    /// Such as `CEB311Message`, at most 255 bytes.
    pub message_type: String,
    /// The participant who sent it.
    pub sender: String,
    /// The message's id (a UUID).
    pub message: String,
    /// The documents that are meant for this destination.
    pub documents: Vec<u32>,
    /// When the gateway received it (RFC 3339).
    pub received: String,
    /// W3C trace context, carried along.
    pub traceparent: Option<String>,
    /// It was relayed before, under the same id, and is given out once more.
    pub replayed: bool,
    /// The signed bytes as they came.
    pub body: Vec<u8>,
}

/// The store could not read or write; the publisher tries again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox cannot be used: {0}")]
pub struct OutboxError(pub String);

/// The publisher's view of the store.
pub trait Outbox: Send + Sync + 'static {
    /// Rows of `lane` that are not relayed, with a sequence number greater than
    /// `after`, ascending.
    fn pending(
        &self,
        lane: &str,
        after: u64,
        take: Take,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, OutboxError>> + Send;

    /// The broker has these rows. They must be durably marked when this returns `Ok`;
    /// it may be called again for the same rows.
    fn relayed(
        &self,
        lane: &str,
        seqs: Vec<u64>,
    ) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// A publish came back or was refused, with a stable code (`unroutable`,
    /// `queue-refused`, `row-too-long`) and words; it is tried again after a pause.
    fn failed(
        &self,
        lane: &str,
        seq: u64,
        code: &'static str,
        reason: String,
    ) -> impl Future<Output = ()> + Send;

    /// Returns when rows of `lane` greater than `after` may exist. It may return too
    /// early; if it does not return, the outbox is read again after a second.
    fn wait_for_more(&self, lane: &str, after: u64) -> impl Future<Output = ()> + Send;
}

/// A shared outbox is an outbox.
impl<O: Outbox> Outbox for std::sync::Arc<O> {
    fn pending(
        &self,
        lane: &str,
        after: u64,
        take: Take,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, OutboxError>> + Send {
        (**self).pending(lane, after, take)
    }

    fn relayed(
        &self,
        lane: &str,
        seqs: Vec<u64>,
    ) -> impl Future<Output = Result<(), OutboxError>> + Send {
        (**self).relayed(lane, seqs)
    }

    fn failed(
        &self,
        lane: &str,
        seq: u64,
        code: &'static str,
        reason: String,
    ) -> impl Future<Output = ()> + Send {
        (**self).failed(lane, seq, code, reason)
    }

    fn wait_for_more(&self, lane: &str, after: u64) -> impl Future<Output = ()> + Send {
        (**self).wait_for_more(lane, after)
    }
}
