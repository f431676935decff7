//! Handlers of messages: hand one in, look at one, fetch its receipts.

use std::sync::Arc;

use onepoint_certs::Role;
use onepoint_proof::Receipt;
use onepoint_store::{DeliveryState, MessageRow, Outcome, Reader, SqliteReader, StoreError};
use serde_json::{Value, json};

use super::problem::json_answer;
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::answer::receipt_value;
use crate::ceb;
use crate::commit::store_refusal;
use crate::joined::{Joined, Measure};
use crate::json::set;
use crate::refusal::{Refusal, Stage, internal};

/// `POST /v1/messages`
pub(crate) async fn submit(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    // Kept only for those who want a receipt of the norm: it repeats what the message says.
    let kept = ceb::is_wanted(call.accept).then(|| call.body.clone());
    let answer = app.pipeline.submit(call.body, call.labels, &caller.id).await?;
    match kept {
        Some(body) => app.pipeline.in_xml(answer, body).await,
        None => Ok(answer.response()),
    }
}

/// `POST /v1/messages/check`: what would become of a message, and why; no trace of it.
pub(crate) async fn check(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let report = app.pipeline.check(call.body, call.labels, &caller.id).await?;
    Ok(json_answer(200, &report.to_value()))
}

/// `GET /v1/messages/{id}`: what is known of a message, by whom it was handed in,
/// where it is and what was answered.
pub(crate) async fn show(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let by = measure(app);
    seen(&call, caller, app, move |reader, message| {
        let id = &message.id;
        let documents: Vec<Value> = reader.documents(id)?.iter().map(document).collect();
        let deliveries = reader.deliveries_of(id)?;
        let deliveries: Vec<Value> = deliveries.iter().map(delivery).collect();
        let answers = reader.answers_of(id)?;
        let answers: Vec<Value> = answers.iter().map(answer).collect();
        let joined = joined(reader, id)?;
        Ok(json!({
            "id": message.id,
            "sender": message.sender,
            "message_type": message.message_type,
            "guid": message.guid,
            "accepted": message.outcome == Outcome::Accepted,
            "received": time(message.received_ms),
            "state": joined.state().word(),
            "documents": documents,
            "deliveries": deliveries,
            "answers": answers,
            "joined": joined.to_value(by, false),
        }))
    })
    .await
}

/// `GET /v1/messages/{id}/status`: what each department has said of each document, word by
/// word, and what all of it comes to.
pub(crate) async fn status(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let by = measure(app);
    seen(&call, caller, app, move |reader, message| {
        let id = &message.id;
        let mut value = joined(reader, id)?.to_value(by, true);
        for (name, member) in [
            ("id", message.id),
            ("message_type", message.message_type),
            ("received", time(message.received_ms)),
        ] {
            set(&mut value, name, json!(member));
        }
        Ok(value)
    })
    .await
}

/// What `tell` makes of the message in the path, for a caller who may see it.
async fn seen(
    call: &Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
    tell: impl FnOnce(&SqliteReader, MessageRow) -> Result<Value, StoreError> + Send + 'static,
) -> Result<Response, Refusal> {
    let (id, caller, reader) = (call.segment.to_owned(), caller.clone(), app.reader.clone());
    let body = blocking(move || {
        let message = reader.message(&id)?.filter(|message| may_see(&caller, message));
        message.map(|message| tell(&reader, message)).transpose()
    })
    .await?;
    body.map(|body| json_answer(200, &body)).ok_or_else(|| message_unknown(call.segment))
}

/// Everything that was said of a message, joined.
fn joined(reader: &impl Reader, id: &str) -> Result<Joined, StoreError> {
    let mut joined = Joined::default();
    for row in reader.facts_of(id)? {
        let fact = serde_json::from_slice(&row.fact).unwrap_or_default();
        joined.apply(row.index, &row.kind, row.time_ms, &fact);
    }
    Ok(joined)
}

fn measure(app: &App) -> Measure {
    let due_ms = i64::try_from(app.answer_due.as_millis()).unwrap_or(i64::MAX);
    Measure { now_ms: app.clock.now().as_millisecond(), due_ms }
}

/// `GET /v1/messages/{id}/receipts`: a receipt for every fact of a message.
pub(crate) async fn receipts(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let (id, caller) = (call.segment.to_owned(), caller.clone());
    let reader = app.reader.clone();
    let receipts = blocking(move || -> Result<Option<Vec<Receipt>>, StoreError> {
        if reader.message(&id)?.filter(|m| may_see(&caller, m)).is_none() {
            return Ok(None);
        }
        let facts = reader.facts_of(&id)?;
        let receipts = facts.iter().map(|fact| reader.receipt(fact.index));
        let receipts = receipts.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(receipts.into_iter().flatten().collect()))
    })
    .await?;
    let receipts = receipts.ok_or_else(|| message_unknown(call.segment))?;
    let receipts: Vec<Value> = receipts.iter().map(receipt_value).collect();
    Ok(json_answer(200, &json!({ "id": call.segment, "receipts": receipts })))
}

/// A participant sees its own messages; who oversees the zone sees all. That a
/// message of somebody else exists is not told.
pub(super) fn may_see(caller: &Caller, message: &MessageRow) -> bool {
    matches!(caller.role, Role::Auditor | Role::Operator) || message.sender == caller.id.as_str()
}

fn document(row: &onepoint_store::DocumentRow) -> Value {
    json!({
        "index": row.index,
        "accepted": row.outcome == Outcome::Accepted,
        "last_status": row.last_status.map(|(status, at)| json!({
            "status": status.to_string(), "at": time(at),
        })),
    })
}

fn delivery(row: &onepoint_store::Delivery) -> Value {
    let state = match row.state {
        DeliveryState::Pending => "pending",
        DeliveryState::Relayed => "relayed",
        DeliveryState::Delivered => "delivered",
    };
    json!({
        "destination": row.destination,
        "kind": match row.kind {
            onepoint_store::DestinationKind::Department => "department",
            onepoint_store::DestinationKind::Receipts => "receipts",
        },
        "state": state,
        "relayed": row.relayed_ms.map(time),
        "delivered": row.delivered_ms.map(time),
    })
}

fn answer(row: &onepoint_store::AnswerRow) -> Value {
    json!({
        "department": row.department,
        "answer": row.answer_id,
        "message_type": row.message_type,
        "received": time(row.received_ms),
    })
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

fn message_unknown(id: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        404,
        "message-unknown",
        format!("there is no message {id} that you may see"),
        format!("没有可查看的报文 {id}"),
    )
}

/// Runs a read of the journal off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::error!(code = error.code(), %error, "the journal could not be read");
            Err(store_refusal(&error))
        }
        Err(error) => {
            tracing::error!(%error, "reading the journal failed");
            Err(internal())
        }
    }
}
