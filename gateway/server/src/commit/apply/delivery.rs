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
use crate::joined::code;
use crate::json::Look;
use crate::record::{AnswerEntry, AnswerEvidence, LIST_NUMBER};
use crate::refusal::Refusal;
use crate::trace::TRACEPARENT;

/// Characters of texts in one notice; of three bytes each they are half of what a row may have
/// beside its payload.
const INFO_CHARS: usize = onepoint_store::MAX_HEADER_BYTES / 6;

pub(super) fn relayed(
    tx: &mut LedgerTx<'_>,
    seqs: &[u64],
    facts: &FactMaker,
    now_ms: i64,
) -> Result<(), StoreError> {
    for seq in seqs {
        // Confirmed twice (a republish after a crash) is one fact.
        let Some(delivery) = tx.mark_relayed(*seq, now_ms)? else { continue };
        if delivery.kind == DestinationKind::Department {
            let fact = facts.moved(FactKind::RELAYED, &delivery, None, now_ms);
            tx.append(Some(&delivery.message), None, fact)?;
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
            tx.append(Some(&delivery.message), None, fact)?;
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
        tx.append(Some(&first.message), None, fact)?;
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
        payload: answer.payload(),
    })?;
    let mut written = Vec::new();
    // A signed answer is the department's word that it has the message.
    if tx.mark_delivered(delivery.seq, now_ms)? {
        let by = json!({ "participant": answer.sender().as_str(), "how": "answered", "answer": answer.id() });
        let fact = facts.moved(FactKind::DELIVERED, &delivery, Some(by), now_ms);
        tx.append(Some(&delivery.message), None, fact)?;
    }
    let (mut listed, mut named) = (Vec::new(), Named::of(tx, &delivery)?);
    // Only the receipt of its own type says where the declaration stands; others have their say
    // in the joined status.
    let decides = answer.decides(&delivery.message_type);
    let most = info_chars_max(answer.entries().len());
    for entry in answer.entries() {
        let document = named.find(tx, &delivery.message, entry)?;
        if let (Some(index), true, Ok(status)) = (document, decides, entry.status.parse::<i64>()) {
            set_status(tx, &delivery.message, index, status, now_ms)?;
        }
        let fact = facts.answered(answer, entry, document, now_ms);
        let index = tx.append(Some(&delivery.message), document, fact)?;
        written.push(index);
        listed.push(json!({
            "document": document, "status": entry.status, "fact": index,
            "info": entry.info.chars().take(most).collect::<String>(),
            "numbers": entry.numbers_value(),
        }));
    }
    notify_sender(tx, answer, &delivery, body, listed, now_ms)?;
    Ok(Ok(Recorded { delivery: delivery.id, duplicate: false, facts: written }))
}

/// How many characters of each text a notice repeats: all texts of an answer fit into the row
/// of the outbox. The whole of each is in the envelope, which the notice carries.
fn info_chars_max(entries: usize) -> usize {
    INFO_CHARS / entries.max(1)
}

/// Sets where a document stands, unless it stands further already: answers may come late.
fn set_status(
    tx: &mut LedgerTx<'_>,
    message: &str,
    document: u32,
    status: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    let last = tx.document(message, document)?.and_then(|row| row.last_status);
    let behind = last.is_some_and(|(last, _)| code::is_behind(status, last));
    if !behind {
        tx.set_document_status(message, document, status, now_ms)?;
    }
    Ok(())
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

/// The documents of a delivery, as the entries of one answer may name them.
struct Named {
    /// Index and business key, in the catalogue's form.
    documents: Vec<(u32, Option<String>)>,
    /// Numbers of lists that customs gave in earlier answers; read when first asked for.
    lists: Option<Vec<(String, u32)>>,
}

impl Named {
    fn of(tx: &mut LedgerTx<'_>, delivery: &Delivery) -> Result<Named, StoreError> {
        let headers: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
        let mut documents = Vec::new();
        for index in headers.items("documents") {
            let Some(index) = index.as_u64().and_then(|i| u32::try_from(i).ok()) else { continue };
            let Some(row) = tx.document(&delivery.message, index)? else { continue };
            let key = row.business_key.map(|(kind, value)| format!("{kind}|{value}"));
            documents.push((index, key));
        }
        Ok(Named { documents, lists: None })
    }

    /// The document that an entry speaks of: by its business key, or by the beginning of one
    /// (answers of the zone name two fields), by the number of its list, or the only one there is.
    fn find(
        &mut self,
        tx: &mut LedgerTx<'_>,
        message: &str,
        entry: &AnswerEntry,
    ) -> Result<Option<u32>, StoreError> {
        let Some(said) = &entry.key else {
            let only = self.documents.first().map(|(index, _)| *index);
            return Ok(only.filter(|_| self.documents.len() == 1));
        };
        let keyed = self.documents.iter().filter_map(|(index, key)| Some((*index, key.as_ref()?)));
        if let Some((index, _)) = keyed.clone().find(|(_, key)| *key == said) {
            return Ok(Some(index));
        }
        let begins = format!("{said}|");
        let mut begun = keyed.filter(|(_, key)| key.starts_with(&begins));
        if let (Some((index, _)), None) = (begun.next(), begun.next()) {
            return Ok(Some(index));
        }
        let list = entry.numbers.iter().find(|(name, _)| *name == LIST_NUMBER);
        let Some((_, list)) = list else { return Ok(None) };
        if self.lists.is_none() {
            self.lists = Some(lists(tx, message)?);
        }
        let known = self.lists.iter().flatten().find(|(number, _)| number == list);
        Ok(known.map(|(_, index)| *index))
    }
}

/// The numbers of lists in the answers to a message so far, with their documents.
fn lists(tx: &mut LedgerTx<'_>, message: &str) -> Result<Vec<(String, u32)>, StoreError> {
    let mut found = Vec::new();
    for row in tx.facts_of(message)? {
        let Some(document) = row.document else { continue };
        let fact: Value = serde_json::from_slice(&row.fact).unwrap_or_default();
        if let Some(number) = fact.at("numbers").at(LIST_NUMBER).as_str() {
            found.push((number.to_owned(), document));
        }
    }
    Ok(found)
}
