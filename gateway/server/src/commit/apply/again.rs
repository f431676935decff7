//! Deliveries that are given out once more, and those that cannot be handled, within the
//! transaction. In come ids; out go further rows of the outbox: a row itself never goes
//! back. A dead letter is a pending row of the lane `dead/…`, a replay one of `replay/…`.

use onepoint_certs::ParticipantId;
use onepoint_proof::FactKind;
use onepoint_store::{
    Delivery, DeliveryState, DestinationKind, LedgerTx, MAX_ID_BYTES, NewDelivery, StoreError,
};
use serde_json::{Map, Value, json};

use crate::deliver::{DEAD_LANE, REPLAY_LANE};
use crate::facts::FactMaker;

/// Header of a row: the delivery it repeats.
pub(crate) const REPLAY_OF: &str = "replay_of";
/// Header of a dead letter: the delivery it was.
pub(crate) const DEAD_OF: &str = "dead_of";

/// A delivery that cannot be handled, and why.
#[derive(Debug, Clone)]
pub(crate) struct Burial {
    pub(crate) delivery: String,
    pub(crate) code: String,
    pub(crate) reason: String,
}

/// What is to be given out once more, on whose order.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    /// The id of a delivery that was relayed or delivered, or of a dead letter.
    pub(crate) delivery: String,
    pub(crate) by: ParticipantId,
}

pub(super) fn bury(
    tx: &mut LedgerTx<'_>,
    burial: &Burial,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let Some(delivery) = tx.delivery_by_id(&burial.delivery)? else { return Ok(false) };
    if tx.mark_relayed(delivery.seq, now_ms)?.is_none() {
        return Ok(false);
    }
    if delivery.kind == DestinationKind::Department {
        let by = json!({ "how": "dead-letter", "code": burial.code, "reason": burial.reason });
        let fact = facts.moved(FactKind::RELAYED, &delivery, Some(by), now_ms);
        tx.append(Some(&delivery.message), None, fact)?;
    }
    let mut headers = headers(&delivery);
    headers.insert(DEAD_OF.to_owned(), json!(delivery.id));
    headers.insert("code".to_owned(), json!(burial.code));
    headers.insert("reason".to_owned(), json!(burial.reason));
    let row = Row {
        id: id_with(&delivery.id, "dead", delivery.seq),
        destination: format!("{DEAD_LANE}{}", delivery.destination),
        // Nothing waits behind a dead letter.
        order_keys: &[],
        headers: Value::Object(headers),
    };
    row.insert(tx, &delivery, now_ms)?;
    Ok(true)
}

pub(super) fn again(
    tx: &mut LedgerTx<'_>,
    again: &Again,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let Some(delivery) = tx.delivery_by_id(&again.delivery)? else { return Ok(false) };
    let by = json!({ "participant": again.by.as_str(), "how": "requeued" });
    let mut headers = headers(&delivery);
    let dead = headers.remove(DEAD_OF);
    let lane = match (&dead, delivery.state) {
        // It was never handled: back to where it was.
        (Some(_), DeliveryState::Pending) => {
            tx.mark_delivered(delivery.seq, now_ms)?;
            if delivery.kind == DestinationKind::Department {
                let fact = facts.moved(FactKind::DELIVERED, &delivery, Some(by.clone()), now_ms);
                tx.append(Some(&delivery.message), None, fact)?;
            }
            delivery.destination.strip_prefix(DEAD_LANE).unwrap_or_default().to_owned()
        }
        // It was handled before: behind all that was not.
        (None, DeliveryState::Relayed | DeliveryState::Delivered) => {
            format!("{REPLAY_LANE}{}", delivery.destination)
        }
        _ => return Ok(false),
    };
    headers.remove("code");
    headers.remove("reason");
    // The first id of all: whoever handles it knows it by that one.
    let dead = dead.as_ref().and_then(Value::as_str).unwrap_or(&delivery.id);
    let first = headers.get(REPLAY_OF).and_then(Value::as_str).unwrap_or(dead).to_owned();
    headers.insert(REPLAY_OF.to_owned(), json!(first));
    let keys = match tx.delivery_by_id(&first)? {
        Some(first) => first.order_keys,
        None => Vec::new(),
    };
    let row = Row {
        id: id_with(&delivery.id, "again", next(tx, &delivery)?),
        destination: lane,
        order_keys: &keys,
        headers: Value::Object(headers),
    };
    let seq = row.insert(tx, &delivery, now_ms)?;
    if let (Some(row), DestinationKind::Department) = (tx.delivery(seq)?, delivery.kind) {
        let fact = facts.moved(FactKind::REPLAYED, &row, Some(by), now_ms);
        tx.append(Some(&delivery.message), None, fact.set("of", json!(first)))?;
    }
    Ok(true)
}

/// A row that carries what another one carried.
struct Row<'k> {
    id: String,
    destination: String,
    order_keys: &'k [String],
    headers: Value,
}

impl Row<'_> {
    fn insert(self, tx: &mut LedgerTx<'_>, of: &Delivery, now_ms: i64) -> Result<u64, StoreError> {
        tx.insert_outbox(&NewDelivery {
            id: &self.id,
            message: &of.message,
            kind: of.kind,
            destination: &self.destination,
            routing_key: &of.routing_key,
            order_keys: self.order_keys,
            message_type: &of.message_type,
            headers: &self.headers.to_string(),
            body: of.body,
            created_ms: now_ms,
        })
    }
}

fn headers(delivery: &Delivery) -> Map<String, Value> {
    let headers: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    headers.as_object().cloned().unwrap_or_default()
}

/// How often it was given out once more so far.
fn next(tx: &mut LedgerTx<'_>, delivery: &Delivery) -> Result<u64, StoreError> {
    let mut n = 1;
    while tx.delivery_by_id(&id_with(&delivery.id, "again", n))?.is_some() {
        n += 1;
    }
    Ok(n)
}

/// `<id>.<word>-<n>`; an id that is as long as an id can be loses the middle of what stands
/// behind the message's id, which the number makes up for.
fn id_with(id: &str, word: &str, n: u64) -> String {
    let tail = format!(".{word}-{n}");
    let room = MAX_ID_BYTES.saturating_sub(tail.len());
    let kept: String =
        id.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room).map(|(_, c)| c).collect();
    format!("{kept}{tail}")
}
