//! `GET /v1/statements/{day}`: how complete a participant's day in the log is: the
//! signed statement and the list it stands for, in pages.

use std::sync::Arc;

use onepoint_certs::Role;
use onepoint_proof::FactKind;
use onepoint_proof::statement::Day;
use onepoint_store::{FactRow, Reader, SqliteReader, StoreError};
use serde_json::{Value, json};

use super::messages::blocking;
use super::problem::json_answer;
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::answer::receipt_value;
use crate::commit::statements;
use crate::refusal::{Refusal, Stage};

/// Entries of the list on one page.
const PAGE_MAX: usize = 5_000;

/// The statement of the caller's own day, or of `?participant=` for those who oversee the zone.
/// `?after=` gives the page behind a log index.
pub(crate) async fn statement(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let day = Day::parse(call.segment).ok_or_else(|| day_malformed(call.segment))?;
    let participant = participant(&call, caller)?;
    let from = match call.number("after", u64::MAX - 1, u64::MAX - 1)? {
        given if given == u64::MAX - 1 => None,
        after => Some(after + 1),
    };
    let reader = app.reader.clone();
    let who = participant.clone();
    let found = blocking(move || read(&reader, &who, day, from)).await?;
    found.map(|body| json_answer(200, &body)).ok_or_else(|| statement_missing(&participant, day))
}

/// The statement with a page of its list, or nothing while the day is not closed.
fn read(
    reader: &SqliteReader,
    participant: &str,
    day: Day,
    from: Option<u64>,
) -> Result<Option<Value>, StoreError> {
    let name = statements::name(participant, day);
    let Some(index) = reader.registered_fact(FactKind::STATEMENT.as_str(), &name)? else {
        return Ok(None);
    };
    let Some(receipt) = reader.receipt(index)? else { return Ok(None) };
    let mut listed = Vec::new();
    let mut next = None;
    let first = receipt.fact.get("first").and_then(Value::as_u64);
    if let Some(first) = first {
        let start = from.unwrap_or(first).max(first);
        let rows = reader.facts_about(participant, start, PAGE_MAX + 1)?;
        let of_day = |row: &&FactRow| Day::of(row.time_ms) == day;
        let rows: Vec<&FactRow> = rows.iter().filter(of_day).collect();
        let page = rows.iter().take(PAGE_MAX);
        let entry =
            |row: &&FactRow| json!({ "index": row.index, "leaf": row.leaf_hash.to_base64() });
        listed = page.map(entry).collect();
        if rows.len() > PAGE_MAX {
            next = rows.get(PAGE_MAX - 1).map(|row| row.index);
        }
    }
    Ok(Some(json!({
        "participant": participant,
        "day": day.to_string(),
        "statement": receipt_value(&receipt),
        "facts": listed,
        "next": next,
    })))
}

/// A participant asks for its own days; who oversees the zone, for anybody's.
fn participant(call: &Call<'_>, caller: &Caller) -> Result<String, Refusal> {
    let asked = call.text("participant");
    let oversees = matches!(caller.role, Role::Auditor | Role::Operator);
    match asked {
        Some(asked) if oversees || asked == caller.id.as_str() => Ok(asked.to_owned()),
        Some(_) => Err(Refusal::new(
            Stage::Intake,
            403,
            "statement-of-another",
            "a participant sees its own statements only",
            "参与方只能查看自己的完整性声明",
        )),
        None if oversees => Err(Refusal::new(
            Stage::Intake,
            400,
            "query-invalid",
            "participant= is missing: whose statement?",
            "缺少查询参数 participant",
        )),
        None => Ok(caller.id.as_str().to_owned()),
    }
}

fn day_malformed(found: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        400,
        "day-malformed",
        format!("{found} is not a day as YYYY-MM-DD (UTC+8)"),
        format!("{found} 不是 YYYY-MM-DD 形式的日期（UTC+8）"),
    )
}

fn statement_missing(participant: &str, day: Day) -> Refusal {
    Refusal::new(
        Stage::Intake,
        404,
        "statement-missing",
        format!(
            "there is no statement for {participant} and {day}; a day's statement is made when the day is over (UTC+8)"
        ),
        format!("没有 {participant} 在 {day} 的完整性声明；声明在当日（UTC+8）结束后生成"),
    )
}
