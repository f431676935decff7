//! The doors of obsolete forms, at the paths that their clients have: see `legacy.rs`. What
//! they carry goes through the same pipeline; the answers are those of the old ports.

use std::collections::BTreeSet;
use std::sync::Arc;

use onepoint_certs::Participant;
use onepoint_envelope::dxp::DxpMsg;
use onepoint_store::{AnswerRow, FactRow, Reader, SqliteReader, StoreError};
use onepoint_xml::{Document, Limits};
use serde_json::Value;

use super::messages::blocking;
use super::problem;
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::config::LegacyForm;
use crate::inforce::InForce;
use crate::intake::{Door, Labels};
use crate::json::Look;
use crate::legacy::haikou::{self, RECEIPT, Return};
use crate::legacy::{in_force, mo};
use crate::refusal::{Refusal, internal};

/// Returns in one answer to a poll; later ones are had by asking from a later time.
const RETURNS_MAX: usize = 1_000;
/// Facts about a participant that one poll reads.
const FACTS_MAX: usize = 100_000;
/// Facts that are read at once.
const PAGE_MAX: usize = 5_000;

/// `POST /cebcmsg`: a message in the wrapper of the Haikou port; `OK` when it was taken.
pub(crate) async fn haikou(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let now = app.current.get();
    in_force(&now.legacy, LegacyForm::Haikou, &caller.id, app.clock.now())?;
    let (body, dxp_id) = (call.body, dxp_id(&now, caller));
    let unwrapped = tokio::task::spawn_blocking(move || {
        haikou::unwrap(&body, dxp_id.as_deref(), &now.trust.limits)
    });
    let message = unwrapped.await.map_err(|error| {
        tracing::error!(%error, "unwrapping a message failed");
        internal()
    })??;
    let labels = Labels {
        content_type: Some("application/xml"),
        traceparent: call.labels.traceparent,
        signature: None,
        door: Door::Messages,
    };
    let answer = app.pipeline.submit(message, labels, &caller.id).await?;
    Ok(answer.response_in_text("OK"))
}

/// `POST /legacy/hangzhou`: orders in a SOAP call of the Hangzhou port; a result for each,
/// always with status 200 once the call could be read.
pub(crate) async fn hangzhou(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let now = app.current.get();
    let used = in_force(&now.legacy, LegacyForm::Hangzhou, &caller.id, app.clock.now())?;
    // The configuration has seen to it that there is one.
    let key = used.key.clone().ok_or_else(internal)?;
    let codes = now.trust.registry.participant(&caller.id).map(|own| own.codes.clone());
    let (body, limits) = (call.body, now.trust.limits.clone());
    let opened = tokio::task::spawn_blocking(move || {
        mo::open(body, &key, &codes.unwrap_or_default(), &limits)
    });
    let opened = opened.await.map_err(|error| {
        tracing::error!(%error, "opening a call failed");
        internal()
    })??;
    let traceparent = call.labels.traceparent;
    let labels = Labels { content_type: None, traceparent, signature: None, door: Door::Mo };
    let answer = app.pipeline.submit(opened.evidence.clone(), labels, &caller.id).await?;
    Ok(answer.response_in_soap(opened.answer(&answer, app.clock.now())))
}

/// `GET /ceb312msg?dxpid=…&qryid=yyyyMMddHHmmss`: customs' answers to the caller's orders
/// that came at this second (UTC+8) or later, oldest first.
pub(crate) async fn returns(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let (force, now) = (app.current.get(), app.clock.now());
    in_force(&force.legacy, LegacyForm::Haikou, &caller.id, now)?;
    let asked = call.text("dxpid").unwrap_or_default();
    let own = dxp_id(&force, caller).filter(|own| own == asked).ok_or_else(|| {
        haikou::sender_mismatch(asked).expecting("dxpid= as it is registered for the caller")
    })?;
    let since = haikou::since(call.text("qryid").unwrap_or_default(), now)?;
    let (reader, who) = (app.reader.clone(), caller.id.as_str().to_owned());
    let found = blocking(move || read(&reader, &who, since.as_millisecond(), &force.trust.limits));
    let list = haikou::list(&found.await?, &own);
    Ok(problem::answer(200, "text/plain; charset=utf-8", list.into_bytes()))
}

fn dxp_id(now: &InForce, caller: &Caller) -> Option<String> {
    let own = now.trust.registry.participant(&caller.id);
    own.and_then(|own: &Participant| own.dxp_id.clone())
}

/// The returns since a time, within the bounds above: what is too much is the newest.
fn read(
    reader: &SqliteReader,
    participant: &str,
    since_ms: i64,
    limits: &Limits,
) -> Result<Vec<Return>, StoreError> {
    let mut from = first(reader, since_ms)?;
    let (mut found, mut seen, mut looked) = (Vec::new(), BTreeSet::new(), 0);
    while looked < FACTS_MAX {
        let rows = reader.facts_about(participant, from, PAGE_MAX)?;
        for row in rows.iter().filter(|row| row.kind == "answered") {
            let Some(answer) = answer(reader, row, &mut seen)? else { continue };
            found.extend(opened(reader, &answer, limits)?);
            if found.len() >= RETURNS_MAX {
                // Those of one answer belong together.
                return Ok(found);
            }
        }
        looked += rows.len();
        match rows.last() {
            Some(last) if rows.len() == PAGE_MAX => from = last.index + 1,
            _ => break,
        }
    }
    Ok(found)
}

/// The first fact at `since_ms` or later. Times in the log never go back.
fn first(reader: &SqliteReader, since_ms: i64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, reader.latest_checkpoint()?.map_or(0, |latest| latest.size));
    while low < high {
        let middle = low + (high - low) / 2;
        match reader.fact(middle)? {
            Some(fact) if fact.time_ms < since_ms => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The answer that a fact is about, the first time that a fact is about it.
fn answer(
    reader: &SqliteReader,
    row: &FactRow,
    seen: &mut BTreeSet<(String, String)>,
) -> Result<Option<AnswerRow>, StoreError> {
    let Some(message) = &row.message else { return Ok(None) };
    let fact: Value = serde_json::from_slice(&row.fact).unwrap_or_default();
    let (department, id) = (fact.text("department"), fact.text("answer"));
    if fact.text("type") != RECEIPT || !seen.insert((department.to_owned(), id.to_owned())) {
        return Ok(None);
    }
    let answers = reader.answers_of(message)?;
    Ok(answers.into_iter().find(|one| one.department == department && one.answer_id == id))
}

/// What an answer returns; nothing of one whose bytes went by policy.
fn opened(
    reader: &SqliteReader,
    answer: &AnswerRow,
    limits: &Limits,
) -> Result<Vec<Return>, StoreError> {
    let body = match reader.body(answer.body) {
        Ok(body) => body.unwrap_or_default(),
        Err(StoreError::Erased { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let parse = |bytes: Vec<u8>| Document::parse(bytes, limits).ok();
    let envelope = parse(body).and_then(|envelope| DxpMsg::parse(&envelope).ok());
    let inside = envelope.and_then(|envelope| parse(envelope.data));
    let returns = inside.map(|inside| haikou::returns(&inside, answer.received_ms));
    Ok(returns.unwrap_or_default())
}
