//! The JSON of the queue that is pulled over HTTP, for both sides:
//!
//! - `GET /v1/queues/{department}?max=N&wait_ms=M&lease_ms=L` answers [`Pulled`]
//! - `POST /v1/queues/{department}/ack` takes [`Acks`], answers [`Settled`]
//! - `POST /v1/queues/{department}/nack` takes [`Nacks`], answers [`Settled`]
//! - `GET /v1/queues/{department}/events` sends one [`PulledDelivery`] an event
//! - `GET /v1/queues/{department}/dead` lists [`DeadLetters`]; `POST …/dead/requeue` takes
//!   [`Requeue`], answers [`Settled`]
//!
//! Unknown members are ignored, so that either side may be newer.

use serde::{Deserialize, Serialize};

/// Deliveries one request may ask for.
pub const MAX_DELIVERIES: usize = 256;
/// The longest wait for a first delivery, in milliseconds.
pub const MAX_WAIT_MS: u64 = 30_000;

/// Deliveries leased to whoever asked; none if there was nothing in the time of the wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// In the order of the queue.
    pub deliveries: Vec<PulledDelivery>,
}

/// One delivery and the lease on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledDelivery {
    /// The delivery's id, the same every time it is given out.
    pub delivery: String,
    /// The token that acknowledges this lease.
    pub lease: String,
    /// Such as `CEB311Message`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// The participant who sent it.
    pub sender: String,
    /// The message's id (a UUID).
    pub message: String,
    /// The documents that are meant for this department.
    pub documents: Vec<u32>,
    /// The keys whose order is kept.
    #[serde(default)]
    pub order_keys: Vec<String>,
    /// Rises in the order of the queue.
    #[serde(default)]
    pub sequence: u64,
    /// When the gateway received it (RFC 3339).
    pub received: String,
    /// It may have been given out before.
    #[serde(default)]
    pub redelivered: bool,
    /// The id under which it was given out the first time, when an operator ordered it to
    /// be given out once more: the effect belongs to that id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<String>,
    /// The W3C trace context that the sender gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The signed bytes, base64.
    pub body: String,
}

/// Deliveries that are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acks {
    /// Each with the lease it was given under.
    pub acks: Vec<AckItem>,
}

/// One delivery that is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckItem {
    /// The delivery's id.
    pub delivery: String,
    /// The token.
    pub lease: String,
}

/// Deliveries that cannot be handled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nacks {
    /// Each with its reason.
    pub nacks: Vec<NackItem>,
}

/// One delivery that cannot be handled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NackItem {
    /// The delivery's id.
    pub delivery: String,
    /// The token.
    pub lease: String,
    /// A stable code.
    pub code: String,
    /// Words for a person.
    pub reason: String,
    /// It can never be handled: to the dead letters, instead of once more after a rest.
    #[serde(default)]
    pub dead: bool,
}

/// Deliveries that could not be handled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// The oldest first.
    pub dead: Vec<DeadLetter>,
}

/// A delivery that could not be handled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The dead letter's own id.
    pub letter: String,
    /// The delivery it was.
    pub delivery: String,
    /// The message's id (a UUID).
    pub message: String,
    /// Such as `CEB311Message`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// A stable code: what the reader said, or `delivery-limit`.
    pub code: String,
    /// Words for a person.
    pub reason: String,
    /// Since when (RFC 3339).
    pub since: String,
}

/// Dead letters to be given out once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeue {
    /// Their own ids.
    pub letters: Vec<String>,
}

/// What became of acknowledgements, item by item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Deliveries that are settled now.
    pub settled: Vec<String>,
    /// Deliveries that are not, with the code of a
    /// [`LeaseError`](crate::embedded::LeaseError).
    #[serde(default)]
    pub refused: Vec<RefusedItem>,
}

/// One acknowledgement that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedItem {
    /// The delivery's id.
    pub delivery: String,
    /// Why.
    pub code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_the_documented_one() {
        let text = r#"{"deliveries":[{"delivery":"d","lease":"t","type":"CEB311Message",
            "sender":"s","message":"m","documents":[0,2],"order_keys":["k"],"sequence":4,
            "received":"2026-01-02T03:04:05Z","redelivered":true,"body":"PHgvPg=="}]}"#;
        let pulled: Pulled = serde_json::from_str(text).unwrap();
        assert_eq!(pulled.deliveries[0].message_type, "CEB311Message");
        let again: Pulled = serde_json::from_str(&serde_json::to_string(&pulled).unwrap()).unwrap();
        assert_eq!(again, pulled);
        let acks = Acks { acks: vec![AckItem { delivery: "d".into(), lease: "t".into() }] };
        let text = r#"{"acks":[{"delivery":"d","lease":"t"}]}"#;
        assert_eq!(serde_json::to_string(&acks).unwrap(), text);
        let settled: Settled = serde_json::from_str(r#"{"settled":["d"],"new":1}"#).unwrap();
        assert_eq!(settled.settled, ["d"]);
    }
}
