//! What completeness statements have to say, computed again from the facts themselves. In:
//! facts in the order of the log; out: whether each statement is the sum of its day. Holds
//! one tally for each participant and day that has no statement yet.

use std::collections::BTreeMap;

use onepoint_proof::statement::{Day, running_next, running_start};
use onepoint_proof::{Fact, Hash};
use onepoint_store::FactRow;
use serde_json::Value;

use super::finding::Finding;

/// The tallies of days that are not closed yet.
#[derive(Default)]
pub(crate) struct Tallies {
    open: BTreeMap<(Day, String), Tally>,
}

struct Tally {
    count: u64,
    first: u64,
    last: u64,
    running: Hash,
}

impl Tallies {
    /// Takes the next fact; a statement is compared with the tally of its day.
    pub(crate) fn take(&mut self, row: &FactRow) -> Option<Finding> {
        if row.kind == "statement" {
            return self.judge(row);
        }
        let Some(participant) = &row.participant else { return None };
        let day = Day::of(row.time_ms);
        let tally = self.open.entry((day, participant.clone())).or_insert_with(|| Tally {
            count: 0,
            first: row.index,
            last: row.index,
            running: running_start(participant, day),
        });
        tally.count += 1;
        tally.last = row.index;
        tally.running = running_next(&tally.running, row.index, &row.leaf_hash);
        None
    }

    fn judge(&mut self, row: &FactRow) -> Option<Finding> {
        // What cannot be read is a finding of the fact itself.
        let fact = Fact::parse(&row.fact).ok()?;
        let text = |name| fact.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name| fact.get(name).and_then(Value::as_u64);
        let participant = text("participant").to_owned();
        let place = format!("fact {}: {participant} {}", row.index, text("day"));
        let Some(day) = Day::parse(text("day")) else {
            return Some(Finding::fail("statement-wrong", place).detail("it names no day"));
        };
        let tally = self.open.remove(&(day, participant.clone()));
        let expected = tally
            .map_or((Some(0), None, None, running_start(&participant, day).to_hex()), |t| {
                (Some(t.count), Some(t.first), Some(t.last), t.running.to_hex())
            });
        let found = (number("count"), number("first"), number("last"), text("running").to_owned());
        if found == expected {
            return None;
        }
        let detail = format!("expected {expected:?}, found {found:?}");
        Some(Finding::fail("statement-wrong", place).detail(detail))
    }
}
