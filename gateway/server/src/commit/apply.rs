//! What one piece of work does within the transaction: keys are judged, rows and
//! facts are written, the verdict is kept for the reply. Nothing here answers
//! anybody: the transaction may still fail.

use onepoint_certs::ParticipantId;
use onepoint_proof::{FactKind, Hash};
use onepoint_schemas::DocumentFacts;
use onepoint_store::keys::{self, GuidVerdict, KeyVerdict};
use onepoint_store::{
    BusinessKey, DestinationKind, LedgerTx, MessageKey, NewAnswer, NewDelivery, NewDocument,
    NewKeyVersion, NewMessage, Outcome, StoreError,
};
use serde_json::{Value, json};

use super::Work;
use crate::facts::FactMaker;
use crate::intake::Received;
use crate::record::AnswerEvidence;
use crate::refusal::{Refusal, Stage};
use crate::route::Routed;

/// The media type of every payload so far.
const XML: &str = "application/xml";

/// The verdict on one document.
#[derive(Debug, Clone)]
pub(crate) struct DocumentVerdict {
    pub(crate) index: usize,
    /// None when it was accepted.
    pub(crate) refusal: Option<Refusal>,
}

/// The verdict on a message.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The message the receipts are about: for a duplicate, the original one.
    pub(crate) message: String,
    pub(crate) duplicate: bool,
    pub(crate) message_type: Option<String>,
    pub(crate) guid: Option<String>,
    pub(crate) documents: Vec<DocumentVerdict>,
    /// Set when the message was refused as a whole.
    pub(crate) refusal: Option<Refusal>,
    facts: Vec<u64>,
}

impl Verdict {
    /// Log indexes of the facts that the answer shows receipts for.
    pub(crate) fn facts(&self) -> &[u64] {
        &self.facts
    }

    pub(crate) fn accepted(&self) -> usize {
        self.documents.iter().filter(|d| d.refusal.is_none()).count()
    }
}

/// What became of a department's answer.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) duplicate: bool,
    facts: Vec<u64>,
}

impl Recorded {
    /// Log indexes of the facts it made.
    pub(crate) fn facts(&self) -> &[u64] {
        &self.facts
    }
}

/// What a piece of work came to, if the transaction holds.
pub(super) enum Done {
    Message(Verdict),
    Relayed,
    Delivered(Vec<String>),
    Answer(Result<Recorded, Refusal>),
}

pub(super) fn apply(
    tx: &mut LedgerTx<'_>,
    work: &Work,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Done, StoreError> {
    Ok(match work {
        Work::Message(routed, _) => Done::Message(message(tx, routed, facts, now_ms)?),
        Work::Refused(refused, _) => {
            Done::Message(refused_message(tx, &refused.0, &refused.1, facts, now_ms)?)
        }
        Work::Relayed(seqs, _) => {
            relayed(tx, seqs, facts, now_ms)?;
            Done::Relayed
        }
        Work::Delivered(ids, by, _) => Done::Delivered(delivered(tx, ids, by, facts, now_ms)?),
        Work::Answer(answer, _) => Done::Answer(record(tx, answer, facts, now_ms)?),
    })
}

fn message(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Verdict, StoreError> {
    let authentic = routed.valid().authentic();
    let content = Hash::new(*authentic.signed().content_digest());
    let sender = authentic.sender().as_str();
    let key = MessageKey { zone: &facts.zone, sender, guid: authentic.guid() };
    let seen = tx.message_by_guid(&key)?;
    match keys::judge_guid(seen.as_ref(), &content) {
        GuidVerdict::Duplicate { message } => return duplicate(tx, routed, message),
        GuidVerdict::Conflict { message } => {
            let refusal = guid_conflict(authentic.guid(), &message);
            return refused_message(tx, authentic.received(), &refusal, facts, now_ms);
        }
        GuidVerdict::Fresh => {}
    }
    let documents = judge_documents(tx, routed, now_ms)?;
    store_message(tx, routed, &documents, content, facts, now_ms)?;
    let mut written = Vec::with_capacity(documents.len());
    let id = authentic.received().id().to_string();
    for verdict in &documents {
        let fact = match &verdict.refusal {
            None => facts.accepted(routed, verdict.index, now_ms),
            Some(refusal) => facts.refused_document(routed, verdict.index, refusal, now_ms),
        };
        written.push(tx.append(Some(&id), Some(number(verdict.index)), &fact)?);
    }
    Ok(Verdict {
        message: id,
        duplicate: false,
        message_type: Some(authentic.message_type().to_owned()),
        guid: Some(authentic.guid().to_owned()),
        documents,
        refusal: None,
        facts: written,
    })
}

/// The same content under the same guid: the original verdict and receipts again, and no new fact.
fn duplicate(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    original: String,
) -> Result<Verdict, StoreError> {
    let authentic = routed.valid().authentic();
    let mut documents = Vec::new();
    let mut written = Vec::new();
    for row in tx.facts_of(&original)? {
        let Some(document) = row.document else { continue };
        let refusal = match row.kind.as_str() {
            "accepted" => None,
            "refused" => Some(refused_before()),
            _ => continue,
        };
        documents.push(DocumentVerdict { index: document as usize, refusal });
        written.push(row.index);
    }
    Ok(Verdict {
        message: original,
        duplicate: true,
        message_type: Some(authentic.message_type().to_owned()),
        guid: Some(authentic.guid().to_owned()),
        documents,
        refusal: None,
        facts: written,
    })
}

fn refused_before() -> Refusal {
    Refusal::new(
        Stage::Commit,
        422,
        "refused-before",
        "this document was refused when it was first sent; its receipt says why",
        "该单证首次提交时已被退回，原因见其回执",
    )
}

fn guid_conflict(guid: &str, message: &str) -> Refusal {
    Refusal::new(
        Stage::Commit,
        409,
        "guid-conflict",
        format!("the guid {guid} was used for other content before (message {message})"),
        format!("guid {guid} 已用于内容不同的报文（{message}）"),
    )
    .expecting("a new guid for new content, or exactly the content sent before")
}

/// Rules have judged already; here the business keys do, in the order of the batch.
fn judge_documents(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    now_ms: i64,
) -> Result<Vec<DocumentVerdict>, StoreError> {
    let authentic = routed.valid().authentic();
    let mut verdicts: Vec<DocumentVerdict> = Vec::with_capacity(authentic.facts().len());
    for (index, document) in authentic.facts().iter().enumerate() {
        let violations = routed.valid().violations(index);
        let refusal = if violations.is_empty() {
            let earlier = authentic.facts().iter().take(index).zip(&verdicts);
            let twice = earlier.into_iter().any(|(other, verdict)| {
                verdict.refusal.is_none() && other.business_key == document.business_key
            });
            judge_key(tx, document, twice, now_ms)?
        } else {
            Some(Refusal::from_violations(Stage::Validate, violations.to_vec()))
        };
        verdicts.push(DocumentVerdict { index, refusal });
    }
    Ok(verdicts)
}

fn judge_key(
    tx: &mut LedgerTx<'_>,
    document: &DocumentFacts,
    twice: bool,
    now_ms: i64,
) -> Result<Option<Refusal>, StoreError> {
    let Some(key) = business_key(document) else { return Ok(None) };
    if twice {
        return Ok(Some(declared(&key, "in this batch", "本批次", None)));
    }
    let present = tx.business_key(&key)?;
    let app_type = app_type(document);
    let period = keys::period_of(key.kind);
    Ok(match keys::judge_key(present.as_ref(), app_type, now_ms, period) {
        KeyVerdict::Take { .. } => None,
        KeyVerdict::AlreadyDeclared { message, last_status, .. } => {
            let en = format!("in message {message}");
            Some(declared(&key, &en, &format!("报文 {message}"), last_status))
        }
    })
}

fn declared(key: &BusinessKey<'_>, en: &str, zh: &str, status: Option<i64>) -> Refusal {
    let shown = status.map_or_else(|| "none yet".to_owned(), |s| s.to_string());
    Refusal::new(
        Stage::Commit,
        409,
        "already-declared",
        format!("{} {} is already declared {en}; last status {shown}", key.kind, key.value),
        format!("{} {} 已在{zh}中申报，请勿重复申报", key.kind, key.value),
    )
    .expecting("appType 2 (change) or 3 (delete), or another number")
}

fn store_message(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    documents: &[DocumentVerdict],
    content: Hash,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<(), StoreError> {
    let authentic = routed.valid().authentic();
    let received = authentic.received();
    let id = received.id().to_string();
    let accepted = documents.iter().any(|d| d.refusal.is_none());
    let outcome = if accepted { Outcome::Accepted } else { Outcome::Refused };
    let body = tx.insert_message(&NewMessage {
        id: &id,
        zone: &facts.zone,
        sender: authentic.sender().as_str(),
        // A message with nothing accepted leaves its guid free for the corrected one.
        guid: accepted.then_some(authentic.guid()),
        content_digest: content,
        message_type: authentic.message_type(),
        media_type: XML,
        outcome,
        received_ms: received.at().as_millisecond(),
        payload: received.bytes(),
    })?;
    for (verdict, document) in documents.iter().zip(authentic.facts()) {
        store_document(tx, &id, verdict, document, now_ms)?;
    }
    for delivery in routed.deliveries() {
        let good = |i: &&usize| documents.get(**i).is_some_and(|d| d.refusal.is_none());
        let indexes: Vec<usize> = delivery.documents.iter().filter(good).copied().collect();
        if indexes.is_empty() {
            continue;
        }
        let order_keys = order_keys(authentic.facts(), &indexes);
        let headers = json!({
            "sender": authentic.sender().as_str(),
            "documents": indexes,
            "received": received.at().to_string(),
        });
        tx.insert_outbox(&NewDelivery {
            id: &format!("{id}.{}", delivery.department),
            message: &id,
            kind: DestinationKind::Department,
            destination: &delivery.department,
            routing_key: &delivery.routing_key,
            order_keys: &order_keys,
            message_type: authentic.message_type(),
            headers: &headers.to_string(),
            body,
            created_ms: now_ms,
        })?;
    }
    Ok(())
}

fn store_document(
    tx: &mut LedgerTx<'_>,
    message: &str,
    verdict: &DocumentVerdict,
    document: &DocumentFacts,
    now_ms: i64,
) -> Result<(), StoreError> {
    let key = business_key(document);
    let app_type = app_type(document);
    let accepted = verdict.refusal.is_none();
    tx.insert_document(&NewDocument {
        message,
        index: number(verdict.index),
        guid: Some(document.guid.as_str()).filter(|g| !g.is_empty()),
        app_type: Some(app_type),
        business_key: key,
        order_key: document.order_key.as_deref(),
        outcome: if accepted { Outcome::Accepted } else { Outcome::Refused },
    })?;
    let Some(key) = key.filter(|_| accepted) else { return Ok(()) };
    let present = tx.business_key(&key)?;
    let period = keys::period_of(key.kind);
    let verdict_on_key = keys::judge_key(present.as_ref(), app_type, now_ms, period);
    let KeyVerdict::Take { version, period_start_ms, .. } = verdict_on_key else {
        return Err(StoreError::abandoned("key-raced", "a key was taken within one transaction"));
    };
    tx.put_business_key(&NewKeyVersion {
        key,
        version,
        message,
        document: number(verdict.index),
        app_type,
        declared_ms: now_ms,
        period_start_ms,
    })
}

fn refused_message(
    tx: &mut LedgerTx<'_>,
    received: &Received,
    refusal: &Refusal,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Verdict, StoreError> {
    let id = received.id().to_string();
    tx.insert_message(&NewMessage {
        id: &id,
        zone: &facts.zone,
        sender: received.submitter().as_str(),
        guid: None,
        content_digest: Hash::new(*received.digest()),
        message_type: "unknown",
        media_type: XML,
        outcome: Outcome::Refused,
        received_ms: received.at().as_millisecond(),
        payload: received.bytes(),
    })?;
    let fact = facts.refused_message(received, refusal, now_ms);
    let index = tx.append(Some(&id), None, &fact)?;
    Ok(Verdict {
        message: id,
        duplicate: false,
        message_type: None,
        guid: None,
        documents: Vec::new(),
        refusal: Some(refusal.clone()),
        facts: vec![index],
    })
}

fn relayed(
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

fn delivered(
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
        now_delivered.push(id.clone());
    }
    Ok(now_delivered)
}

fn record(
    tx: &mut LedgerTx<'_>,
    answer: &AnswerEvidence,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Result<Recorded, Refusal>, StoreError> {
    let delivery = tx.delivery_by_id(answer.delivery())?;
    let fits = |d: &onepoint_store::Delivery| {
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
        let again = Recorded { duplicate: true, facts: Vec::new() };
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
    let outbox: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    let sender = outbox["sender"].as_str().unwrap_or_default();
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
    let headers = json!({
        "department": answer.department(),
        "answer": answer.id(),
        "type": answer.message_type(),
        "entries": listed,
    });
    tx.insert_outbox(&NewDelivery {
        id: &format!("{}.receipt.{}", delivery.message, answer.id()),
        message: &delivery.message,
        kind: DestinationKind::Receipts,
        destination: sender,
        routing_key: &onepoint_relay::topology::receipt_queue(sender),
        order_keys: &[],
        message_type: answer.message_type(),
        headers: &headers.to_string(),
        body,
        created_ms: now_ms,
    })?;
    Ok(Ok(Recorded { duplicate: false, facts: written }))
}

/// The document that an entry of an answer speaks of: by its business key, or the only one there is.
fn document_of(
    tx: &mut LedgerTx<'_>,
    delivery: &onepoint_store::Delivery,
    entry: &crate::record::AnswerEntry,
) -> Result<Option<u32>, StoreError> {
    let headers: Value = serde_json::from_str(&delivery.headers).unwrap_or_default();
    let indexes = headers["documents"].as_array().cloned().unwrap_or_default();
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

fn business_key(document: &DocumentFacts) -> Option<BusinessKey<'_>> {
    let (kind, value) = document.business_key.as_deref()?.split_once('|')?;
    Some(BusinessKey { kind, value })
}

fn app_type(document: &DocumentFacts) -> u8 {
    document.app_type.as_deref().and_then(|t| t.parse().ok()).unwrap_or(1)
}

fn order_keys(facts: &[DocumentFacts], indexes: &[usize]) -> Vec<String> {
    let keys = indexes.iter().filter_map(|i| facts.get(*i)?.order_key.clone());
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
