//! Handlers of the pulled queues and of answers: a department pulls its
//! messages, a participant its receipts; both lease, then acknowledge. Long poll.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use onepoint_relay::embedded::{Candidate, Grant, LeaseError};
use onepoint_relay::pull::{Acks, Nacks, Pulled, PulledDelivery, RefusedItem, Settled};
use onepoint_store::{Delivery, PendingQuery, Reader};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::messages::blocking;
use super::problem::json_answer;
use super::routes::{App, Call, Name};
use super::{Caller, Response};
use crate::deliver::{self, Leases, PULL_BYTES_MAX, RECEIPTS_LANE, ROWS_SCANNED_MAX};
use crate::fault;
use crate::json::Look;
use crate::refusal::{Refusal, Stage};

/// Longest wait of one pull, milliseconds.
const WAIT_MAX_MS: u64 = 30_000;
/// Longest lease, milliseconds.
const LEASE_MAX_MS: u64 = 600_000;
/// Most deliveries of one pull.
const PULL_MAX: u64 = 256;
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
    let Some(leases) = app.lanes.pulled(&lane) else {
        return Err(Refusal::new(
            Stage::Intake,
            409,
            "queue-not-pulled",
            format!("the queue {lane} goes through the broker"),
            format!("队列 {lane} 由消息中间件投递"),
        ));
    };
    let leases = &*leases;
    match name {
        Name::Pull | Name::PullReceipts => pull(call, (&lane, leases), caller, app).await,
        Name::Ack => ack(call, leases, caller, app, ["ack.before", "ack.after"]).await,
        Name::AckReceipts => {
            ack(call, leases, caller, app, ["receipt-ack.before", "receipt-ack.after"]).await
        }
        _ => nack(call, leases, caller, app),
    }
}

fn lane(name: Name, segment: &str, caller: &Caller) -> Result<String, Refusal> {
    if matches!(name, Name::PullReceipts | Name::AckReceipts | Name::NackReceipts) {
        return Ok(format!("{RECEIPTS_LANE}{}", caller.id));
    }
    if caller.department.as_deref() == Some(segment) {
        return Ok(segment.to_owned());
    }
    Err(Refusal::new(
        Stage::Intake,
        403,
        "queue-not-yours",
        format!("{} may not use the queue of {segment}", caller.id),
        format!("{} 无权使用 {segment} 的队列", caller.id),
    ))
}

async fn pull(
    call: Call<'_>,
    lane: (&str, &Leases),
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let max = call.number("max", PULL_MAX, 32)?;
    let wait = Duration::from_millis(call.number("wait_ms", WAIT_MAX_MS, 0)?);
    let lease_ms = call.number("lease_ms", LEASE_MAX_MS, 30_000)?;
    let lease = SignedDuration::from_millis(i64::try_from(lease_ms).unwrap_or(30_000));
    let max = usize::try_from(max).unwrap_or(1);
    let mut commits = app.commits.clone();
    let until = tokio::time::sleep(wait);
    tokio::pin!(until);
    loop {
        // Marked as seen before looking, so that a commit in between is not slept over.
        commits.mark_unchanged();
        let granted = grant(lane, caller, lease, max, app).await?;
        if !granted.is_empty() {
            let deliveries = load(granted, app).await?;
            return Ok(json_answer(200, &Pulled { deliveries }));
        }
        tokio::select! {
            () = &mut until => return Ok(json_answer(200, &Pulled { deliveries: Vec::new() })),
            // A lease that ends frees a delivery without a commit: look again now and then.
            _ = tokio::time::timeout(Duration::from_secs(1), commits.changed()) => {}
        }
    }
}

async fn grant(
    (lane, leases): (&str, &Leases),
    caller: &Caller,
    lease: SignedDuration,
    max: usize,
    app: &Arc<App>,
) -> Result<Vec<(Delivery, Grant)>, Refusal> {
    let (reader, lane) = (app.reader.clone(), lane.to_owned());
    let leased = leases.with(|table| table.leased());
    let max_rows = max.saturating_add(leased).min(ROWS_SCANNED_MAX);
    let rows = blocking(move || {
        let (kind, name) = deliver::destination(&lane);
        let destination = Some(name);
        let max_bytes = PULL_BYTES_MAX;
        reader.pending(&PendingQuery { kind, destination, after_seq: 0, max_rows, max_bytes })
    })
    .await?;
    let now = app.clock.now();
    let grants = leases.with(|table| {
        for expired in table.expire(now) {
            tracing::info!(delivery = expired.delivery, holder = expired.holder, "a lease ended");
        }
        let candidates =
            rows.iter().map(|row| Candidate { delivery: &row.id, order_keys: &row.order_keys });
        table.grant(candidates, caller.id.as_str(), now, lease, max)
    });
    let mut granted = Vec::with_capacity(grants.len());
    let mut rows = rows.into_iter();
    for grant in grants {
        if let Some(row) = rows.by_ref().find(|row| row.id == grant.delivery) {
            granted.push((row, grant));
        }
    }
    Ok(granted)
}

async fn load(
    granted: Vec<(Delivery, Grant)>,
    app: &Arc<App>,
) -> Result<Vec<PulledDelivery>, Refusal> {
    let reader = app.reader.clone();
    blocking(move || {
        let load = |(row, grant): (Delivery, Grant)| {
            let Some(body) = deliver::whole_body(&reader, &row)? else { return Ok(None) };
            let headers = deliver::headers(&row);
            let text = |key: &str| headers.text(key).to_owned();
            Ok(Some(PulledDelivery {
                sender: text("sender"),
                received: text("received"),
                documents: deliver::documents(&headers),
                delivery: row.id,
                lease: grant.token,
                message_type: row.message_type,
                message: row.message,
                order_keys: row.order_keys,
                sequence: row.seq,
                redelivered: false,
                body: STANDARD.encode(body),
            }))
        };
        // One that is damaged keeps its lease until that ends, and others come first.
        granted.into_iter().filter_map(|row| load(row).transpose()).collect()
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
    let now = app.clock.now();
    let mut refused = Vec::new();
    let mut good = Vec::new();
    for item in acks.acks {
        let holder = caller.id.as_str();
        match leases.with(|table| table.ack(&item.delivery, &item.lease, holder, now)) {
            Ok(()) => good.push(item.delivery),
            Err(error) => refused.push(lease_refused(item.delivery, &error)),
        }
    }
    // Dying here: leases are forgotten, it is given out again and recognised by its id.
    fault::point(before);
    let committed = app.writer.delivered(good.clone(), caller.id.clone()).await;
    // Dying here: it is not given out again, whoever acknowledges again is told so.
    fault::point(after);
    leases.with(|table| {
        for delivery in &good {
            match &committed {
                Ok(_) => table.settled(delivery),
                Err(_) => table.restore(delivery),
            }
        }
    });
    Ok(json_answer(200, &Settled { settled: committed?, refused }))
}

fn nack(
    call: Call<'_>,
    leases: &Leases,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let nacks: Nacks = parse(&call.body)?;
    let now = app.clock.now();
    let mut refused = Vec::new();
    let mut given_back = Vec::new();
    for item in nacks.nacks {
        let holder = caller.id.as_str();
        tracing::warn!(
            delivery = item.delivery,
            code = item.code,
            reason = item.reason,
            "given back"
        );
        let given =
            leases.with(|table| table.nack(&item.delivery, &item.lease, holder, now, NACK_PAUSE));
        match given {
            Ok(()) => given_back.push(item.delivery),
            Err(error) => refused.push(lease_refused(item.delivery, &error)),
        }
    }
    Ok(json_answer(200, &Settled { settled: given_back, refused }))
}

fn lease_refused(delivery: String, error: &LeaseError) -> RefusedItem {
    RefusedItem { delivery, code: error.code().to_owned() }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
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
    let recorded = app.recorder.record(call.body, Some(caller.id.clone())).await?;
    // The answer is the department's word that it is done with the delivery: nothing of the
    // same order waits for its acknowledgement any more.
    if let Some(leases) = caller.department.as_deref().and_then(|lane| app.lanes.pulled(lane)) {
        leases.with(|table| table.answered(recorded.verdict.delivery()));
    }
    let duplicate = recorded.verdict.duplicate;
    Ok(json_answer(200, &json!({ "id": call.id, "recorded": true, "duplicate": duplicate })))
}
