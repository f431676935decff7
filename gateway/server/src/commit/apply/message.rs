//! A message within the transaction: its guid and the business keys of its
//! documents are judged, then message, documents, keys, deliveries and facts written.

use onepoint_proof::Hash;
use onepoint_schemas::DocumentFacts;
use onepoint_store::keys::{self, GuidVerdict, KeyVerdict};
use onepoint_store::{
    BusinessKey, DestinationKind, LedgerTx, MessageKey, NewDelivery, NewDocument, NewKeyVersion,
    NewMessage, Outcome, StoreError,
};
use serde_json::json;

use super::{DocumentVerdict, Verdict, number};
use crate::countersign::Body;
use crate::facts::FactMaker;
use crate::intake::Received;
use crate::refusal::{Refusal, Stage};
use crate::route::Routed;
use crate::trace::TRACEPARENT;

pub(super) fn message(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Verdict, StoreError> {
    let authentic = routed.valid().authentic();
    let content = Hash::new(*authentic.content());
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
    let judged = judge_documents(tx, routed, now_ms)?;
    store_message(tx, routed, &judged, content, facts, now_ms)?;
    let documents: Vec<DocumentVerdict> = judged.into_iter().map(|judged| judged.verdict).collect();
    let mut written = Vec::with_capacity(documents.len());
    let id = authentic.received().id().to_string();
    for verdict in &documents {
        let fact = match &verdict.refusal {
            None => facts.accepted(routed, verdict.index, now_ms),
            Some(refusal) => facts.refused_document(routed, verdict.index, refusal, now_ms),
        };
        written.push(tx.append(Some(&id), Some(number(verdict.index)), fact)?);
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

/// A document with the version of its business key that it takes, if it has one and may.
struct Judged {
    verdict: DocumentVerdict,
    takes: Option<Takes>,
}

/// A version of a business key, and when its period began.
type Takes = (u32, i64);

/// Rules have judged already; here the business keys do, in the order of the batch.
fn judge_documents(
    tx: &mut LedgerTx<'_>,
    routed: &Routed,
    now_ms: i64,
) -> Result<Vec<Judged>, StoreError> {
    let authentic = routed.valid().authentic();
    let mut all: Vec<Judged> = Vec::with_capacity(authentic.facts().len());
    for (index, document) in authentic.facts().iter().enumerate() {
        let violations = routed.valid().violations(index);
        let judged = if violations.is_empty() {
            let earlier = authentic.facts().iter().take(index).zip(&all);
            let twice = earlier.into_iter().any(|(other, judged)| {
                judged.verdict.refusal.is_none() && other.business_key == document.business_key
            });
            judge_key(tx, document, twice, now_ms)?
        } else {
            let refusal = Refusal::from_violations(Stage::Validate, violations.to_vec());
            Err(refusal.within(authentic.within()))
        };
        let (takes, refusal) = match judged {
            Ok(takes) => (takes, None),
            Err(refusal) => (None, Some(refusal)),
        };
        all.push(Judged { verdict: DocumentVerdict { index, refusal }, takes });
    }
    Ok(all)
}

fn judge_key(
    tx: &mut LedgerTx<'_>,
    document: &DocumentFacts,
    twice: bool,
    now_ms: i64,
) -> Result<Result<Option<Takes>, Refusal>, StoreError> {
    let Some(key) = business_key(document) else { return Ok(Ok(None)) };
    if twice {
        return Ok(Err(declared(&key, "in this batch", "本批次", None)));
    }
    let present = tx.business_key(&key)?;
    let app_type = app_type(document);
    let period = keys::period_of(key.kind);
    Ok(match keys::judge_key(present.as_ref(), app_type, now_ms, period) {
        KeyVerdict::Take { version, period_start_ms, .. } => Ok(Some((version, period_start_ms))),
        KeyVerdict::AlreadyDeclared { message, last_status, .. } => {
            let en = format!("in message {message}");
            Err(declared(&key, &en, &format!("报文 {message}"), last_status))
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
    documents: &[Judged],
    content: Hash,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<(), StoreError> {
    let authentic = routed.valid().authentic();
    let received = authentic.received();
    let id = received.id().to_string();
    let accepted = documents.iter().any(|d| d.verdict.refusal.is_none());
    let outcome = if accepted { Outcome::Accepted } else { Outcome::Refused };
    let body = tx.insert_message(&NewMessage {
        id: &id,
        zone: &facts.zone,
        sender: authentic.sender().as_str(),
        // A message with nothing accepted leaves its guid free for the corrected one.
        guid: accepted.then_some(authentic.guid()),
        content_digest: content,
        message_type: authentic.message_type(),
        media_type: received.carrier().media_type(),
        outcome,
        received_ms: received.at().as_millisecond(),
        payload: received.payload(),
    })?;
    for (judged, document) in documents.iter().zip(authentic.facts()) {
        store_document(tx, &id, judged, document, now_ms)?;
    }
    for delivery in routed.deliveries() {
        let good = |i: &&usize| documents.get(**i).is_some_and(|d| d.verdict.refusal.is_none());
        let indexes: Vec<usize> = delivery.documents.iter().filter(good).copied().collect();
        if indexes.is_empty() {
            continue;
        }
        let order_keys = order_keys(authentic.facts(), &indexes);
        let headers = json!({
            "sender": authentic.sender().as_str(),
            "documents": indexes,
            "received": received.at().to_string(),
            TRACEPARENT: received.traceparent(),
        });
        let body = match &delivery.body {
            Body::AsReceived => body,
            Body::Made(bytes) => tx.insert_body(bytes)?,
        };
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
    judged: &Judged,
    document: &DocumentFacts,
    now_ms: i64,
) -> Result<(), StoreError> {
    let key = business_key(document);
    let app_type = app_type(document);
    let Judged { verdict, takes } = judged;
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
    let (Some(key), Some((version, period_start_ms))) = (key, *takes) else { return Ok(()) };
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

pub(super) fn refused_message(
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
        media_type: received.carrier().media_type(),
        outcome: Outcome::Refused,
        received_ms: received.at().as_millisecond(),
        payload: received.payload(),
    })?;
    let fact = facts.refused_message(received, refusal, now_ms);
    let index = tx.append(Some(&id), None, fact)?;
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
