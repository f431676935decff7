//! The rows of the journal as plain data: what goes in (`New...`, borrowed) and
//! what comes out (owned), and the bounds of every value.
//!
//! Times are milliseconds since 1970-01-01T00:00:00Z. Nothing here knows a
//! database. Promise: a row that passes its `check` fits every store.

use onepoint_proof::Hash;

use crate::StoreError;

mod checks;
mod register;

pub(crate) use checks::{check_body, check_registered};
pub use register::{Registered, Tally};

/// Longest id of a message, delivery or answer, zone, participant or department, in bytes.
pub const MAX_ID_BYTES: usize = 255;
/// Longest guid, business key, order key, routing key or message type, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// Most order keys of one delivery (a batch has at most 100 documents).
pub const MAX_ORDER_KEYS: usize = 256;
/// Longest header text of a delivery, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Largest payload, in bytes. Intake bounds them far lower.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Highest document index in a message.
pub const MAX_DOCUMENT_INDEX: u32 = 10_000;
/// Most rows that one read returns.
pub const MAX_ROWS: usize = 10_000;

/// Number of a stored payload. Payloads lie apart from the rows that name them, so that a
/// message can be listed without them and lose its payload later without losing its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId(pub i64);

/// What became of a message or document at intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Taken: it has deliveries.
    Accepted,
    /// Refused, with the reasons in its fact.
    Refused,
}

/// Key 1: under which a message is recognised when it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageKey<'a> {
    /// The zone of the gateway.
    pub zone: &'a str,
    /// The participant that sent it.
    pub sender: &'a str,
    /// The guid of the message.
    pub guid: &'a str,
}

/// A payload to store, with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) digest: Hash,
}

impl<'a> Payload<'a> {
    /// A payload whose SHA-256 is made here.
    pub fn of(bytes: &'a [u8]) -> Payload<'a> {
        Payload { bytes, digest: Hash::of(bytes) }
    }

    /// A payload whose SHA-256 is known from where it came in, so that the one writer need not
    /// make it again. With another digest the store never hands the payload out.
    pub fn digested(bytes: &'a [u8], digest: Hash) -> Payload<'a> {
        Payload { bytes, digest }
    }
}

/// A message to store.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// The gateway's id of the message (a UUID as text). Unique.
    pub id: &'a str,
    /// The zone of the gateway.
    pub zone: &'a str,
    /// The participant that sent it.
    pub sender: &'a str,
    /// The guid, when the message claims key 1. `None` for a refused message that must not
    /// keep its sender from sending a corrected one under the same guid.
    pub guid: Option<&'a str>,
    /// SHA-256 of the canonical document without its Signature ("same content").
    pub content_digest: Hash,
    /// Such as `CEB311Message`.
    pub message_type: &'a str,
    /// Media type of the payload.
    pub media_type: &'a str,
    /// Accepted or refused as a whole.
    pub outcome: Outcome,
    /// When its bytes were here.
    pub received_ms: i64,
    /// The bytes as received.
    pub payload: Payload<'a>,
}

/// What is known of a message that was stored under a key 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMessage {
    /// Its id.
    pub id: String,
    /// Its content digest.
    pub content_digest: Hash,
    /// When it was received.
    pub received_ms: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its id.
    pub id: String,
    /// The zone.
    pub zone: String,
    /// The sender.
    pub sender: String,
    /// The guid, if it claimed key 1.
    pub guid: Option<String>,
    /// Its content digest.
    pub content_digest: Hash,
    /// Its type.
    pub message_type: String,
    /// Media type of the payload.
    pub media_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was received.
    pub received_ms: i64,
    /// Where its payload is.
    pub body: BodyId,
}

/// A business key: its kind ("order", "payment", "waybill", "list", ...) and its value, made of
/// the fields that the type's catalogue names (ebpCode + orderNo, ...).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BusinessKey<'a> {
    /// The kind; keys of different kinds never meet.
    pub kind: &'a str,
    /// The value.
    pub value: &'a str,
}

/// A document of a message to store.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    /// The message it is in; must be stored already.
    pub message: &'a str,
    /// Its index in the message.
    pub index: u32,
    /// Its own guid, if it has one.
    pub guid: Option<&'a str>,
    /// Its appType (1 new, 2 change, 3 deletion), if it has one.
    pub app_type: Option<u8>,
    /// Its business key, as information; the key is taken by [`crate::Tx::put_business_key`].
    pub business_key: Option<BusinessKey<'a>>,
    /// Its order key, if it has one.
    pub order_key: Option<&'a str>,
    /// What became of it.
    pub outcome: Outcome,
}

/// A document as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// The message it is in.
    pub message: String,
    /// Its index in the message.
    pub index: u32,
    /// Its own guid.
    pub guid: Option<String>,
    /// Its appType.
    pub app_type: Option<u8>,
    /// Kind and value of its business key.
    pub business_key: Option<(String, String)>,
    /// Its order key.
    pub order_key: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// The last returnStatus a department gave it, and when.
    pub last_status: Option<(i64, i64)>,
}

/// A version of a business key: which document holds it.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyVersion<'a> {
    /// The key.
    pub key: BusinessKey<'a>,
    /// 1 for the first, then one more each.
    pub version: u32,
    /// The message of the document.
    pub message: &'a str,
    /// The index of the document.
    pub document: u32,
    /// Its appType (1 when absent).
    pub app_type: u8,
    /// When it was declared.
    pub declared_ms: i64,
    /// When the key's present period began (for keys that may come again after a time).
    pub period_start_ms: i64,
}

/// The present version of a business key with the last status of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Number of the version.
    pub version: u32,
    /// The message of the document that holds it.
    pub message: String,
    /// The index of that document.
    pub document: u32,
    /// Its appType.
    pub app_type: u8,
    /// When it was declared.
    pub declared_ms: i64,
    /// When the key's present period began.
    pub period_start_ms: i64,
    /// The last returnStatus a department gave that document; `None` before any answer.
    pub last_status: Option<i64>,
}

/// A fact and its leaf to append. Made by [`crate::LedgerTx`] only.
#[derive(Debug, Clone, Copy)]
pub struct NewFact<'a> {
    /// Its index in the log.
    pub index: u64,
    /// The message it is about, if it is about one.
    pub message: Option<&'a str>,
    /// The document it is about, if it is about one.
    pub document: Option<u32>,
    /// The participant that sent the message it is about.
    pub participant: Option<&'a str>,
    /// Its kind as text.
    pub kind: &'a str,
    /// Its time.
    pub time_ms: i64,
    /// The canonical JSON of the fact.
    pub fact: &'a [u8],
    /// The salt of the leaf.
    pub nonce: [u8; 32],
    /// The public leaf entry.
    pub entry: &'a [u8],
    /// The RFC 6962 hash of the entry.
    pub leaf_hash: Hash,
}

/// A fact as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactRow {
    /// Its index in the log.
    pub index: u64,
    /// The message it is about.
    pub message: Option<String>,
    /// The document it is about.
    pub document: Option<u32>,
    /// The participant that sent the message it is about: whose completeness statement counts it.
    pub participant: Option<String>,
    /// Its kind as text.
    pub kind: String,
    /// Its time.
    pub time_ms: i64,
    /// The canonical JSON of the fact; empty once it is erased.
    pub fact: Vec<u8>,
    /// The salt of the leaf; zero bytes once the fact is erased.
    pub nonce: [u8; 32],
    /// The public leaf entry.
    pub entry: Vec<u8>,
    /// The RFC 6962 hash of the entry.
    pub leaf_hash: Hash,
}

impl FactRow {
    /// True when fact and nonce are gone and only the leaf is left: nobody can tell any more
    /// what it was about, and it has no receipt.
    pub fn is_erased(&self) -> bool {
        self.fact.is_empty() && self.nonce == [0; 32]
    }
}

/// What a log keeps for life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIdentity {
    /// Its origin, as in the first line of every checkpoint.
    pub origin: String,
    /// Its key, as the text that verifiers are given.
    pub key: String,
}

/// A signed checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The signed note (C2SP), as published.
    pub note: String,
    /// When it was signed.
    pub time_ms: i64,
    /// SHA-256 of the certificate that countersigned it, if one did.
    pub seal: Option<Hash>,
}

/// Which kind of destination a delivery has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DestinationKind {
    /// A department's queue.
    Department,
    /// The queue where a participant gets its receipts and answers.
    Receipts,
}

/// A row of the outbox to store.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery<'a> {
    /// Its id: the message's id, a dot, and what makes it unique (`<message>.<department>`).
    /// The same on every attempt.
    pub id: &'a str,
    /// The message it is about.
    pub message: &'a str,
    /// Kind of destination.
    pub kind: DestinationKind,
    /// Name of the department or participant.
    pub destination: &'a str,
    /// Routing key at the broker.
    pub routing_key: &'a str,
    /// Order keys: one unconfirmed publish for each; a batch has the set of its keys.
    pub order_keys: &'a [String],
    /// Such as `CEB311Message`.
    pub message_type: &'a str,
    /// Headers as JSON text.
    pub headers: &'a str,
    /// What is to be delivered.
    pub body: BodyId,
    /// When it was stored.
    pub created_ms: i64,
}

/// How far a delivery has come. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// Stored; not confirmed by anybody.
    Pending,
    /// The broker confirmed it and nothing came back.
    Relayed,
    /// The destination acknowledged it.
    Delivered,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Ascends in the order of commits.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// The message it is about.
    pub message: String,
    /// Kind of destination.
    pub kind: DestinationKind,
    /// Name of the department or participant.
    pub destination: String,
    /// Routing key at the broker.
    pub routing_key: String,
    /// Order keys.
    pub order_keys: Vec<String>,
    /// Type of the message.
    pub message_type: String,
    /// Headers as JSON text.
    pub headers: String,
    /// What is to be delivered.
    pub body: BodyId,
    /// Its length in bytes.
    pub body_bytes: u64,
    /// How far it has come.
    pub state: DeliveryState,
    /// When it was stored.
    pub created_ms: i64,
    /// When it was relayed.
    pub relayed_ms: Option<i64>,
    /// When it was delivered.
    pub delivered_ms: Option<i64>,
}

/// Which pending deliveries to read.
#[derive(Debug, Clone, Copy)]
pub struct PendingQuery<'a> {
    /// Kind of destination.
    pub kind: DestinationKind,
    /// Only this department or participant; `None` for all of the kind.
    pub destination: Option<&'a str>,
    /// Only rows with a greater number.
    pub after_seq: u64,
    /// At most so many rows; at most [`MAX_ROWS`] in any case.
    pub max_rows: usize,
    /// At most so many bytes of payload in sum, but at least one row if there is one.
    pub max_bytes: u64,
}

/// A department's answer to store.
#[derive(Debug, Clone, Copy)]
pub struct NewAnswer<'a> {
    /// The department.
    pub department: &'a str,
    /// The department's id of the answer; unique with the department.
    pub answer_id: &'a str,
    /// The message it answers.
    pub message: &'a str,
    /// SHA-256 of the answer's content, to tell a repetition from another answer.
    pub content_digest: Hash,
    /// Such as `CEB312Message`.
    pub message_type: &'a str,
    /// When it was received.
    pub received_ms: i64,
    /// The signed bytes.
    pub payload: Payload<'a>,
}

/// What is known of an answer that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAnswer {
    /// The message it answers.
    pub message: String,
    /// Its content digest.
    pub content_digest: Hash,
}

/// An answer as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// The department.
    pub department: String,
    /// The department's id of the answer.
    pub answer_id: String,
    /// The message it answers.
    pub message: String,
    /// Its content digest.
    pub content_digest: Hash,
    /// Its type.
    pub message_type: String,
    /// When it was received.
    pub received_ms: i64,
    /// Where its bytes are.
    pub body: BodyId,
}

/// How many rows there are of each state; kept up to date within each commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages accepted.
    pub accepted: u64,
    /// Messages refused.
    pub refused: u64,
    /// Deliveries neither relayed nor delivered.
    pub pending: u64,
    /// Deliveries relayed and not delivered.
    pub relayed: u64,
    /// Deliveries delivered.
    pub delivered: u64,
    /// Answers.
    pub answers: u64,
    /// Leaves of the log.
    pub facts: u64,
}
