//! Handlers of the pulled queues and of answers: a department pulls its
//! messages, a participant its receipts; both lease, then acknowledge. Long poll.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use onepoint_relay::embedded::LeaseError;
use onepoint_relay::pull::{Acks, NackItem, Nacks, Pulled, PulledDelivery, RefusedItem, Settled};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::messages::blocking;
use super::problem::json_answer;
use super::routes::{App, Call, Name};
use super::{Caller, Response};
use crate::commit::{Burial, REPLAY_OF};
use crate::deliver::desk::Handed;
use crate::deliver::{self, Leases, RECEIPTS_LANE};
use crate::fault;
use crate::json::Look;
use crate::refusal::{Refusal, Stage};
use crate::trace::{TRACEPARENT, traceparent};

/// Longest wait of one pull, milliseconds.
const WAIT_MAX_MS: u64 = 30_000;
/// Longest lease, milliseconds.
const LEASE_MAX_MS: u64 = 600_000;
/// Most deliveries of one pull.
const PULL_MAX: u64 = 256;
/// How often to look for what became free without a commit.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// Characters of a code and a reason that are kept of a dead letter.
const CODE_CHARS: usize = 64;
const REASON_CHARS: usize = 500;
/// How long a delivery rests that was given back.
const NACK_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Pull, ack and nack of a department's queue and of a participant's receipts.
pub(crate) async fn queue(
    name: Name,
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let lane = lane(name, call.segment, caller)?;
    let leases = app.desk.lanes.pulled(&lane).ok_or_else(|| not_pulled(&lane))?;
    let leases = &*leases;
    match name {
        Name::Pull | Name::PullReceipts => pull(call, (&lane, leases), caller, app).await,
        Name::Ack => ack(call, leases, caller, app, ["ack.before", "ack.after"]).await,
        Name::AckReceipts => {
            ack(call, leases, caller, app, ["receipt-ack.before", "receipt-ack.after"]).await
        }
        _ => nack(call, leases, caller, app).await,
    }
}

pub(super) fn not_pulled(lane: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        409,
        "queue-not-pulled",
        format!("the queue {lane} goes through the broker"),
        format!("队列 {lane} 由消息中间件投递"),
    )
}

pub(super) fn lane(name: Name, segment: &str, caller: &Caller) -> Result<String, Refusal> {
    if matches!(name, Name::PullReceipts | Name::AckReceipts | Name::NackReceipts) {
        return Ok(format!("{RECEIPTS_LANE}{}", caller.id));
    }
    if caller.department.as_deref() == Some(segment) {
        return Ok(segment.to_owned());
    }
    Err(not_yours(caller, segment))
}

pub(super) fn not_yours(caller: &Caller, segment: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        403,
        "queue-not-yours",
        format!("{} may not use the queue of {segment}", caller.id),
        format!("{} 无权使用 {segment} 的队列", caller.id),
    )
}

async fn pull(
    call: Call<'_>,
    lane: (&str, &Leases),
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let max = call.number("max", PULL_MAX, 32)?;
    let wait = Duration::from_millis(call.number("wait_ms", WAIT_MAX_MS, 0)?);
    let lease = lease(&call)?;
    let max = usize::try_from(max).unwrap_or(1);
    let mut commits = app.commits.clone();
    let until = tokio::time::sleep(wait);
    tokio::pin!(until);
    loop {
        // Marked as seen before looking, so that a commit in between is not slept over.
        commits.mark_unchanged();
        let (name, leases) = lane;
        let handed = app.desk.hand_out(name, leases, caller.id.as_str(), lease, max).await?;
        if !handed.is_empty() {
            let deliveries = load(handed, app).await?;
            return Ok(json_answer(200, &Pulled { deliveries }));
        }
        tokio::select! {
            () = &mut until => return Ok(json_answer(200, &Pulled { deliveries: Vec::new() })),
            // A lease that ends frees a delivery without a commit: look again now and then.
            _ = tokio::time::timeout(LOOK, commits.changed()) => {}
        }
    }
}

/// How long the caller wants a lease to last.
pub(super) fn lease(call: &Call<'_>) -> Result<SignedDuration, Refusal> {
    let lease_ms = call.number("lease_ms", LEASE_MAX_MS, 30_000)?;
    Ok(SignedDuration::from_millis(i64::try_from(lease_ms).unwrap_or(30_000)))
}

/// What was handed out, as JSON has it.
pub(super) async fn load(
    handed: Vec<Handed>,
    app: &Arc<App>,
) -> Result<Vec<PulledDelivery>, Refusal> {
    let reader = app.reader.clone();
    blocking(move || {
        let load = |Handed { row, grant, times }: Handed| {
            let Some(body) = deliver::whole_body(&reader, &row)? else { return Ok(None) };
            let headers = deliver::headers(&row);
            let text = |key: &str| headers.text(key).to_owned();
            let optional = |key: &str| headers.at(key).as_str().map(str::to_owned);
            Ok(Some(PulledDelivery {
                sender: text("sender"),
                received: text("received"),
                documents: deliver::documents(&headers),
                replay_of: optional(REPLAY_OF),
                traceparent: optional(TRACEPARENT),
                delivery: row.id,
                lease: grant.token,
                message_type: row.message_type,
                message: row.message,
                order_keys: row.order_keys,
                sequence: row.seq,
                redelivered: times > 1,
                body: STANDARD.encode(body),
            }))
        };
        // One that is damaged keeps its lease until that ends, and others come first.
        handed.into_iter().filter_map(|row| load(row).transpose()).collect()
    })
    .await
}

async fn ack(
    call: Call<'_>,
    leases: &Leases,
    caller: &Caller,
    app: &Arc<App>,
    [before, after]: [&'static str; 2],
) -> Result<Response, Refusal> {
    let acks: Acks = parse(&call.body)?;
    let mut refused = Vec::new();
    let mut good = Vec::new();
    for item in acks.acks {
        let lease = (item.delivery.as_str(), item.lease.as_str());
        match app.desk.ack(leases, lease, caller.id.as_str()) {
            Ok(()) => good.push(item.delivery),
            Err(error) => refused.push(lease_refused(item.delivery, &error)),
        }
    }
    // Dying here: leases are forgotten, it is given out again and recognised by its id.
    fault::point(before);
    let committed = app.desk.delivered(leases, good, &caller.id).await;
    // Dying here: it is not given out again, whoever acknowledges again is told so.
    fault::point(after);
    Ok(json_answer(200, &Settled { settled: committed?, refused }))
}

async fn nack(
    call: Call<'_>,
    leases: &Leases,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let nacks: Nacks = parse(&call.body)?;
    let mut refused = Vec::new();
    let mut settled = Vec::new();
    for item in nacks.nacks {
        let (holder, lease) = (caller.id.as_str(), (item.delivery.as_str(), item.lease.as_str()));
        let given = match item.dead {
            true => app.desk.ack(leases, lease, holder),
            false => app.desk.nack(leases, lease, holder, NACK_PAUSE),
        };
        if let Err(error) = given {
            refused.push(lease_refused(item.delivery, &error));
            continue;
        }
        let NackItem { delivery, code, reason, dead, .. } = item;
        settled.push(delivery.clone());
        if dead {
            let (code, reason) = (cut(&code, CODE_CHARS), cut(&reason, REASON_CHARS));
            app.desk.bury(leases, Burial { delivery, code, reason }).await?;
        } else {
            tracing::warn!(delivery, code, reason, "given back");
        }
    }
    Ok(json_answer(200, &Settled { settled, refused }))
}

/// What a reader says goes into a fact, which has a bound.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn lease_refused(delivery: String, error: &LeaseError) -> RefusedItem {
    RefusedItem { delivery, code: error.code().to_owned() }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(
            Stage::Intake,
            400,
            "json-invalid",
            format!("the body is not the JSON that this route takes: {error}"),
            "请求正文不是该接口要求的 JSON",
        )
    })
}

/// `POST /v1/answers`: a department's signed answer.
pub(crate) async fn answer(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let traceparent = traceparent(call.labels.traceparent);
    let recorded = app.recorder.record(call.body, Some(caller.id.clone()), traceparent).await?;
    // The answer is the department's word that it is done with the delivery: nothing of the
    // same order waits for its acknowledgement any more.
    if let Some(leases) = caller.department.as_deref().and_then(|lane| app.desk.lanes.pulled(lane))
    {
        leases.with(|table| table.answered(recorded.verdict.delivery()));
    }
    let duplicate = recorded.verdict.duplicate;
    Ok(json_answer(200, &json!({ "id": call.id, "recorded": true, "duplicate": duplicate })))
}
