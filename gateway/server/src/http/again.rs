//! Handlers of an operator: dead letters of the pulled lanes, and replays for a department.
//! Nothing is moved before it was asked for; each move is a fact with the operator's name.

use std::sync::Arc;

use jiff::Timestamp;
use onepoint_certs::{Participant, Role};
use onepoint_relay::pull::{DeadLetter, DeadLetters, RefusedItem, Requeue, Settled};
use onepoint_store::{Delivery, DestinationKind, PendingQuery, Reader, ReplayQuery, Replayable};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::messages::blocking;
use super::problem::json_answer;
use super::queues::parse;
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::commit::{Again, DEAD_OF};
use crate::deliver::{self, DEAD_LANE};
use crate::json::Look;
use crate::refusal::{Refusal, Stage};

/// Dead letters in one list.
const DEAD_MAX: usize = 1000;
/// Deliveries of one replay; a longer period is replayed in parts.
pub(crate) const REPLAY_MAX: usize = 10_000;
/// Deliveries on their way to the writer at the same time: a small part of its queue.
const AT_ONCE: usize = 32;

/// What to give a department once more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayOrder {
    pub(crate) department: String,
    /// RFC 3339; what was committed then or later.
    pub(crate) from: String,
    /// RFC 3339; what was committed before.
    pub(crate) to: String,
    #[serde(rename = "type")]
    pub(crate) message_type: Option<String>,
    /// Without it nothing is done.
    #[serde(default)]
    pub(crate) apply: bool,
}

/// What would be, or was, given once more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Replayed {
    pub(crate) applied: bool,
    /// Deliveries of the period.
    pub(crate) found: usize,
    /// Those of them whose payload has left the journal: restore it from the archive first.
    pub(crate) archived: usize,
    /// Put into the outbox now.
    pub(crate) replayed: usize,
    /// By type.
    pub(crate) types: std::collections::BTreeMap<String, usize>,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    /// True when there are more than one order may name.
    pub(crate) more: bool,
}

/// `GET /v1/queues/{department}/dead`; `receipts?participant=ID` for those to a participant.
pub(crate) async fn dead(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let (kind, name) = match (call.segment, call.text("participant")) {
        ("receipts", Some(id)) => (DestinationKind::Receipts, id.to_owned()),
        (department, _) => (DestinationKind::Department, department.to_owned()),
    };
    if caller.role == Role::Department && caller.department.as_deref() != Some(&name) {
        return Err(super::queues::not_yours(caller, &name));
    }
    let (reader, destination) = (app.reader.clone(), format!("{DEAD_LANE}{name}"));
    let rows = blocking(move || {
        reader.pending(&PendingQuery {
            kind,
            destination: Some(&destination),
            after_seq: 0,
            max_rows: DEAD_MAX,
            max_bytes: u64::MAX,
        })
    })
    .await?;
    Ok(json_answer(200, &DeadLetters { dead: rows.into_iter().map(letter).collect() }))
}

fn letter(row: Delivery) -> DeadLetter {
    let headers = deliver::headers(&row);
    let text = |key: &str| headers.text(key).to_owned();
    DeadLetter {
        delivery: text(DEAD_OF),
        code: text("code"),
        reason: text("reason"),
        since: time(row.created_ms),
        letter: row.id,
        message: row.message,
        message_type: row.message_type,
    }
}

/// `POST /v1/queues/{department}/dead/requeue`
pub(crate) async fn requeue(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let order: Requeue = parse(&call.body)?;
    let mut told = Settled::default();
    for letter in order.letters {
        let again = Again { delivery: letter.clone(), by: caller.id.clone() };
        match app.writer.again(again).await? {
            true => told.settled.push(letter),
            false => {
                let code = "dead-letter-unknown".to_owned();
                told.refused.push(RefusedItem { delivery: letter, code });
            }
        }
    }
    Ok(json_answer(200, &told))
}

/// `POST /v1/replay`: a dry run unless it says `apply`.
pub(crate) async fn replay(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let order: ReplayOrder = parse(&call.body)?;
    let in_force = app.current.get();
    let named = |p: &Participant| p.department.as_deref() == Some(&order.department);
    if !in_force.trust.registry.participants().any(named) {
        return Err(department_unknown(&order.department));
    }
    let (from, to) = (instant("from", &order.from)?, instant("to", &order.to)?);
    let (reader, wanted) = (app.reader.clone(), order.clone());
    let mut found = blocking(move || {
        reader.replayable(&ReplayQuery {
            department: &wanted.department,
            from_ms: from.as_millisecond(),
            until_ms: to.as_millisecond(),
            message_type: wanted.message_type.as_deref(),
            after_seq: 0,
            max_rows: REPLAY_MAX,
        })
    })
    .await?;
    // What was given once more already is not a delivery of its own.
    found.retain(|row| !row.id.contains(".again-"));
    let mut told = described(&found);
    told.more = found.len() >= REPLAY_MAX;
    if order.apply {
        told.applied = true;
        told.replayed = apply(found, caller, app).await?;
        let department = order.department;
        tracing::warn!(department, by = %caller.id, count = told.replayed, "replayed");
    }
    Ok(json_answer(200, &told))
}

fn described(found: &[Replayable]) -> Replayed {
    let mut told = Replayed {
        found: found.len(),
        archived: found.iter().filter(|row| row.archived).count(),
        first: found.first().map(|row| time(row.created_ms)),
        last: found.last().map(|row| time(row.created_ms)),
        ..Replayed::default()
    };
    for row in found {
        *told.types.entry(row.message_type.clone()).or_default() += 1;
    }
    told
}

/// Puts them into the outbox, a few at a time, so that intake does not wait behind them.
async fn apply(found: Vec<Replayable>, caller: &Caller, app: &Arc<App>) -> Result<usize, Refusal> {
    let mut done = 0;
    let mut under_way = JoinSet::new();
    let whole = found.into_iter().filter(|row| !row.archived);
    for row in whole {
        if under_way.len() >= AT_ONCE {
            done += moved(under_way.join_next().await)?;
        }
        let (writer, by) = (app.writer.clone(), caller.id.clone());
        under_way.spawn(async move { writer.again(Again { delivery: row.id, by }).await });
    }
    while !under_way.is_empty() {
        done += moved(under_way.join_next().await)?;
    }
    Ok(done)
}

type Ended = Option<Result<Result<bool, Refusal>, tokio::task::JoinError>>;

fn moved(ended: Ended) -> Result<usize, Refusal> {
    match ended {
        Some(Ok(moved)) => moved.map(usize::from),
        Some(Err(_)) => Err(crate::refusal::internal()),
        None => Ok(0),
    }
}

fn instant(key: &str, text: &str) -> Result<Timestamp, Refusal> {
    text.parse().map_err(|_| {
        Refusal::new(
            Stage::Intake,
            400,
            "time-invalid",
            format!("{key} is {text:?}, which is no time"),
            format!("{key} 的时间 {text:?} 无效"),
        )
        .expecting("RFC 3339, for instance 2026-11-24T00:00:00+08:00")
    })
}

fn department_unknown(name: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        404,
        "department-unknown",
        format!("no participant is department {name:?}"),
        format!("没有名为 {name:?} 的部门"),
    )
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}
