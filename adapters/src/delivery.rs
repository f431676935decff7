//! What a department is given and what it gives back. In comes one delivery: the
//! signed bytes as the sender sent them, and which of its documents were accepted. Out
//! comes an [`Outcome`]. A department takes all documents of a delivery or none.

use jiff::Timestamp;

use crate::MappingError;

/// Most characters of a delivery or message id: both travel in a DXP `Key`, which
/// holds 64 (DXP envelope of 2022-05, `BizKey`).
pub const MAX_ID: usize = 64;

/// One delivery from the queue of a department.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Id of the delivery, the same on every attempt; 1 to [`MAX_ID`] characters.
    pub delivery: &'a str,
    /// The gateway's id of the message; 1 to [`MAX_ID`] characters.
    pub message: &'a str,
    /// Such as `CEB311Message`.
    pub message_type: &'a str,
    /// Which documents of the message are meant, counted from 0, ascending. The others
    /// were refused or go elsewhere.
    pub documents: &'a [u32],
    /// The bytes as the sender signed them.
    pub body: &'a [u8],
}

/// What a department did with a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One line of JSON: what the department recorded.
    pub effect: String,
    /// In the order in which they are to be sent.
    pub answers: Vec<Answer>,
}

/// One answer, not yet in an envelope and not yet signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `<delivery>-<n>`, counted from 1: the same on every attempt.
    pub id: String,
    /// The delivery that is answered.
    pub delivery: String,
    /// The gateway's id of the message that is answered.
    pub message: String,
    /// Such as `CEB312Message`.
    pub message_type: &'static str,
    /// The document itself, UTF-8 with an XML declaration.
    pub xml: String,
    /// Which documents of the message are answered, counted from 0, ascending.
    pub documents: Vec<u32>,
}

/// A department: a pure mapping of deliveries.
pub trait Department: Send + Sync {
    /// Its name in the routing table.
    fn name(&self) -> &'static str;

    /// The message types it can map.
    fn message_types(&self) -> Vec<&'static str>;

    /// Maps one delivery. The same delivery and time give the same outcome.
    ///
    /// # Errors
    /// When the delivery is not what the gateway promises to deliver: such a delivery
    /// would fail on every attempt. Nothing of it was mapped.
    fn map(&self, incoming: &Incoming<'_>, now: Timestamp) -> Result<Outcome, MappingError>;
}
