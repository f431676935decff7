//! What comes back, within the transaction: the broker's confirms, the
//! acknowledgements of departments and participants, and the departments' answers.

use onepoint_certs::ParticipantId;
use onepoint_proof::{FactKind, Hash};
use onepoint_relay::topology::receipt_queue;
use onepoint_store::{
    BodyId, Delivery, DestinationKind, LedgerTx, NewAnswer, NewDelivery, StoreError,
};
use serde_json::{Value, json};

use super::Recorded;
use super::again::REPLAY_OF;
use crate::facts::FactMaker;
use crate::json::Look;
use crate::record::{AnswerEntry, AnswerEvidence};
use crate::refusal::Refusal;
use crate::trace::TRACEPARENT;

pub(super) fn relayed(
    tx: &mut LedgerTx<'_>,
    seqs: &[u64],
    facts: &FactMaker,
    now_ms: i64,
) -> Result<(), StoreError> {
    for seq in seqs {
        // Confirmed twice (a republish after a crash) is one fact.
        if !tx.mark_relayed(*seq, now_ms)? {
            continue;
        }
        let Some(delivery) = tx.delivery(*seq)? else { continue };
        if delivery.kind == DestinationKind::Department {
            let fact = facts.moved(FactKind::RELAYED, &delivery, None, now_ms);
            tx.append(Some(&delivery.message), None, &fact)?;
        }
    }
    Ok(())
}

pub(super) fn delivered(
    tx: &mut LedgerTx<'_>,
    ids: &[String],
    by: &ParticipantId,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Vec<String>, StoreError> {
    let mut now_delivered = Vec::new();
    for id in ids {
        let Some(delivery) = tx.delivery_by_id(id)? else { continue };
        if tx.mark_delivered(delivery.seq, now_ms)? && delivery.kind == DestinationKind::Department
        {
            let by = json!({ "participant": by.as_str(), "how": "acknowledged" });
            let fact = facts.moved(FactKind::DELIVERED, &delivery, Some(by), now_ms);
            tx.append(Some(&delivery.message), None, &fact)?;
        }
        first_time(tx, &delivery, by, facts, now_ms)?;
        now_delivered.push(id.clone());
    }
    Ok(now_delivered)
}

/// What was given out once more and is delivered now, is so under its first id as well.
fn first_time(
    tx: &mut LedgerTx<'_>,
    delivery: &Delivery,
    by: &ParticipantId,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<(), StoreError> {
    let headers: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    let Some(first) = headers.at(REPLAY_OF).as_str() else { return Ok(()) };
    let Some(first) = tx.delivery_by_id(first)? else { return Ok(()) };
    if tx.mark_delivered(first.seq, now_ms)? && first.kind == DestinationKind::Department {
        let by = json!({ "participant": by.as_str(), "how": "acknowledged", "as": delivery.id });
        let fact = facts.moved(FactKind::DELIVERED, &first, Some(by), now_ms);
        tx.append(Some(&first.message), None, &fact)?;
    }
    Ok(())
}

pub(super) fn record(
    tx: &mut LedgerTx<'_>,
    answer: &AnswerEvidence,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Result<Recorded, Refusal>, StoreError> {
    let delivery = tx.delivery_by_id(answer.delivery())?;
    let fits = |d: &Delivery| {
        d.kind == DestinationKind::Department
            && d.destination == answer.department()
            && d.message == answer.message()
    };
    let Some(delivery) = delivery.filter(fits) else {
        return Ok(Err(answer.delivery_unknown()));
    };
    let content = Hash::new(*answer.content_digest());
    if let Some(seen) = tx.answer_seen(answer.department(), answer.id())? {
        let same = seen.content_digest == content;
        let again = Recorded { delivery: delivery.id, duplicate: true, facts: Vec::new() };
        return Ok(if same { Ok(again) } else { Err(answer.conflict()) });
    }
    let body = tx.insert_answer(&NewAnswer {
        department: answer.department(),
        answer_id: answer.id(),
        message: &delivery.message,
        content_digest: content,
        message_type: answer.message_type(),
        received_ms: now_ms,
        payload: answer.bytes(),
    })?;
    let mut written = Vec::new();
    // A signed answer is the department's word that it has the message.
    if tx.mark_delivered(delivery.seq, now_ms)? {
        let by = json!({ "participant": answer.sender().as_str(), "how": "answered", "answer": answer.id() });
        let fact = facts.moved(FactKind::DELIVERED, &delivery, Some(by), now_ms);
        tx.append(Some(&delivery.message), None, &fact)?;
    }
    let mut listed = Vec::new();
    for entry in answer.entries() {
        let document = document_of(tx, &delivery, entry)?;
        if let (Some(index), true, Ok(status)) =
            (document, answer.is_status(), entry.status.parse::<i64>())
        {
            tx.set_document_status(&delivery.message, index, status, now_ms)?;
        }
        let fact = facts.answered(answer, entry, document, now_ms);
        let index = tx.append(Some(&delivery.message), document, &fact)?;
        written.push(index);
        listed.push(json!({
            "document": document, "status": entry.status, "info": entry.info, "fact": index,
        }));
    }
    notify_sender(tx, answer, &delivery, body, listed, now_ms)?;
    Ok(Ok(Recorded { delivery: delivery.id, duplicate: false, facts: written }))
}

/// Puts the answer into the queue of whoever sent the declaration.
fn notify_sender(
    tx: &mut LedgerTx<'_>,
    answer: &AnswerEvidence,
    delivery: &Delivery,
    body: BodyId,
    entries: Vec<Value>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let outbox: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    let sender = outbox.text("sender");
    let headers = json!({
        "department": answer.department(),
        "answer": answer.id(),
        "type": answer.message_type(),
        "entries": entries,
        TRACEPARENT: outbox.at(TRACEPARENT),
    });
    // An answer's own id may be as long as an id can be: its digest names it here.
    let digest = crate::facts::hex(answer.content_digest().get(..16).unwrap_or_default());
    tx.insert_outbox(&NewDelivery {
        id: &format!("{}.receipt.{digest}", delivery.message),
        message: &delivery.message,
        kind: DestinationKind::Receipts,
        destination: sender,
        routing_key: &receipt_queue(sender),
        // The statuses of one message reach its sender in the order in which they came.
        order_keys: std::slice::from_ref(&delivery.message),
        message_type: answer.message_type(),
        headers: &headers.to_string(),
        body,
        created_ms: now_ms,
    })?;
    Ok(())
}

/// The document that an entry of an answer speaks of: by its business key, or the only one there is.
fn document_of(
    tx: &mut LedgerTx<'_>,
    delivery: &Delivery,
    entry: &AnswerEntry,
) -> Result<Option<u32>, StoreError> {
    let headers: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    let indexes = headers.items("documents").to_vec();
    let indexes = indexes.iter().filter_map(|i| u32::try_from(i.as_u64()?).ok());
    let mut only = None;
    for (n, index) in indexes.enumerate() {
        let Some(row) = tx.document(&delivery.message, index)? else { continue };
        let key = row.business_key.map(|(kind, value)| format!("{kind}|{value}"));
        if key.is_some() && key == entry.key {
            return Ok(Some(index));
        }
        only = (n == 0).then_some(index);
    }
    Ok(only.filter(|_| entry.key.is_none()))
}
