//! `onepoint audit completeness`: whether a participant's day in the log is told in full.
//! In: the receipt of the day's statement, its list, receipts the participant holds; out:
//! whether the list is the one that the statement stands for, and which receipt is not in
//! it: an omission that the gateway has signed itself. FORMATS.md, "Completeness".

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use onepoint_proof::receipt::{MAX_RECEIPT_BYTES, VerifyOptions};
use onepoint_proof::statement::{Day, running_next, running_start};
use onepoint_proof::{Fact, Hash, leaf_hash};
use serde_json::Value;

use super::finding::{Finding, Findings, Stop};
use crate::cli::audit::CompletenessArgs;
use crate::clock::Clock;
use crate::commands::{Outcome, read_input};
use crate::json::Look;
use crate::trust::Trust;

/// Longest page of a list, bytes.
const LIST_MAX: u64 = 64 << 20;
/// Kinds of facts that a statement counts.
const COUNTED: [&str; 6] = ["accepted", "refused", "relayed", "delivered", "answered", "replayed"];

pub(crate) fn run(args: &CompletenessArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let mut findings = Findings::new(args.common.json);
    let checked = check(args, &trust, &mut findings);
    findings.take(checked)?;
    findings.end()
}

fn check(args: &CompletenessArgs, trust: &Trust, findings: &mut Findings) -> Result<(), Stop> {
    let place = args.statement.display().to_string();
    let Some(receipt) = Held::read(&args.statement, trust, findings)? else { return Ok(()) };
    let statement = Statement::read(&receipt.fact)
        .ok_or_else(|| Finding::fail("statement-malformed", place.clone()))?;
    let about = format!("{} {} count {}", statement.participant, statement.day, statement.count);
    findings.add(&Finding::pass("statement", place).detail(about));
    let list = read_lists(&args.list)?;
    if !args.list.is_empty() {
        statement.check_list(&list, findings);
    }
    let mut held = Vec::new();
    for path in &args.receipts {
        held.extend(Held::read(path, trust, findings)?);
    }
    let own: BTreeSet<&str> = held.iter().filter_map(|held| held.message_of(&statement)).collect();
    let listed: BTreeMap<u64, Hash> = list.iter().copied().collect();
    for receipt in &held {
        let listed = (!args.list.is_empty()).then_some(&listed);
        findings.add(&statement.judge(receipt, &own, listed));
    }
    Ok(())
}

/// A receipt that verifies.
struct Held {
    place: String,
    fact: Fact,
    index: u64,
    leaf: Hash,
}

impl Held {
    /// Reads and verifies a receipt; what does not verify proves nothing, and is said.
    fn read(path: &Path, trust: &Trust, findings: &mut Findings) -> Result<Option<Held>, Stop> {
        let place = path.display().to_string();
        let bytes = read_input(path, u64::try_from(MAX_RECEIPT_BYTES).unwrap_or(u64::MAX))?;
        let options = VerifyOptions { message: None, now_ms: Some(Clock.now().as_millisecond()) };
        let report = trust.verify(&bytes, &options);
        for finding in report.findings().iter().filter(|finding| !finding.ok) {
            findings.add(&Finding::of_receipt(finding, place.clone()));
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let index = value.at("index").as_u64();
        Ok(match (report.fact(), index) {
            (Some(fact), Some(index)) if report.ok() => {
                let leaf = leaf_hash(value.text("leaf").as_bytes());
                Some(Held { place, fact: fact.clone(), index, leaf })
            }
            _ => None,
        })
    }

    fn text(&self, name: &str) -> &str {
        self.fact.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The message, when this receipt says that the statement's participant sent it.
    fn message_of(&self, statement: &Statement) -> Option<&str> {
        let kind = self.fact.kind().as_str();
        if kind != "accepted" && kind != "refused" {
            return None;
        }
        // A refused message that nobody can be held to belongs to who handed it in.
        let sender = self.text("sender");
        let sender = if sender.is_empty() { self.text("submitter") } else { sender };
        (sender == statement.participant).then(|| self.text("message"))
    }
}

/// What a statement says.
struct Statement {
    participant: String,
    day: Day,
    count: u64,
    first: Option<u64>,
    last: Option<u64>,
    running: String,
}

impl Statement {
    fn read(fact: &Fact) -> Option<Statement> {
        if fact.kind().as_str() != "statement" {
            return None;
        }
        let text = |name| fact.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name| fact.get(name).and_then(Value::as_u64);
        let statement = Statement {
            participant: text("participant")?,
            day: Day::parse(&text("day")?)?,
            count: number("count")?,
            first: number("first"),
            last: number("last"),
            running: text("running")?,
        };
        let bounds = statement.first.is_some() && statement.last.is_some();
        (bounds == (statement.count > 0)).then_some(statement)
    }

    /// The list is complete and in order: count, ends and running hash are the statement's.
    fn check_list(&self, list: &[(u64, Hash)], findings: &mut Findings) {
        let place = format!("{} entries", list.len());
        let mut running = running_start(&self.participant, self.day);
        for (index, leaf) in list {
            running = running_next(&running, *index, leaf);
        }
        let mut fault = |code, expected: String, found: String| {
            let detail = format!("expected {expected}, found {found}");
            findings.add(&Finding::fail(code, place.clone()).detail(detail));
        };
        let ends = (list.first().map(|(i, _)| *i), list.last().map(|(i, _)| *i));
        let count = u64::try_from(list.len()).unwrap_or(u64::MAX);
        if count != self.count {
            fault("list-count", self.count.to_string(), count.to_string());
        } else if ends != (self.first, self.last) {
            fault("list-ends", format!("{:?}", (self.first, self.last)), format!("{ends:?}"));
        } else if running.to_hex() != self.running {
            fault("list-running", self.running.clone(), running.to_hex());
        } else {
            findings.add(&Finding::pass("list", place));
        }
    }

    /// Whether a receipt of the participant and day is in the list. `own`: messages that
    /// other receipts show to be the participant's.
    fn judge(
        &self,
        held: &Held,
        own: &BTreeSet<&str>,
        list: Option<&BTreeMap<u64, Hash>>,
    ) -> Finding {
        let place = format!("{} (index {})", held.place, held.index);
        let kind = held.fact.kind().as_str();
        let counted = COUNTED.contains(&kind) && Day::of(held.fact.time_ms()) == self.day;
        if !counted || !own.contains(held.text("message")) {
            return Finding::pass("receipt-not-of-this-day", place).detail(kind);
        }
        let within = matches!((self.first, self.last),
            (Some(first), Some(last)) if (first..=last).contains(&held.index));
        match list {
            _ if !within => Finding::fail("omission-proven", place),
            None => Finding::fail("list-missing", place),
            Some(list) if list.get(&held.index) == Some(&held.leaf) => {
                Finding::pass("receipt-listed", place)
            }
            Some(_) => Finding::fail("omission-proven", place),
        }
    }
}

/// The pages of a list, as `GET /v1/statements/{day}` gives them, in their order.
fn read_lists(paths: &[std::path::PathBuf]) -> Result<Vec<(u64, Hash)>, Stop> {
    let mut list = Vec::new();
    for path in paths {
        let malformed = || Finding::fail("list-malformed", path.display().to_string());
        let value: Value = serde_json::from_slice(&read_input(path, LIST_MAX)?)
            .map_err(|error| malformed().detail(error.to_string()))?;
        let facts = value.at("facts").as_array().ok_or_else(malformed)?;
        for fact in facts {
            let index = fact.at("index").as_u64().ok_or_else(malformed)?;
            let leaf = Hash::from_base64(fact.text("leaf")).ok_or_else(malformed)?;
            list.push((index, leaf));
        }
    }
    Ok(list)
}
