//! The rows beside the log: each message of a fact, its deliveries, its answers. In comes
//! a reader when nothing is under way, out goes whether each is there exactly once.

use std::collections::BTreeSet;

use onepoint_store::{
    DeliveryState, DestinationKind, FactRow, Outcome, PendingQuery, Reader, StoreError,
};
use serde_json::Value;

use super::Checker;
use crate::commands::selftest::rules::Rule;
use crate::json::Look;

impl Checker {
    pub(super) fn rows(&mut self, reader: &impl Reader) -> Result<(), StoreError> {
        for message in std::mem::take(&mut self.world.touched) {
            self.message(reader, &message)?;
            self.payloads_of(reader, &message)?;
            self.world.messages.insert(message);
        }
        for kind in [DestinationKind::Department, DestinationKind::Receipts] {
            let (destination, after_seq, max_rows, max_bytes) = (None, 0, 1, 1);
            let query = PendingQuery { kind, destination, after_seq, max_rows, max_bytes };
            let rows = reader.pending(&query)?;
            self.tally.check(Rule::Outbox, rows.is_empty(), || {
                format!("{:?} is pending", rows.first().map(|row| &row.id))
            });
        }
        let counts = reader.counts()?;
        self.tally.check(Rule::Outbox, counts.pending == 0 && counts.relayed == 0, || {
            format!("{} pending, {} relayed", counts.pending, counts.relayed)
        });
        let world = &self.world;
        let found = (
            counts.accepted + counts.refused,
            counts.pending + counts.relayed + counts.delivered,
            counts.answers,
            counts.facts,
        );
        let known = (
            world.messages.len() as u64,
            world.deliveries,
            world.answers.len() as u64,
            self.log.leaves.len() as u64,
        );
        self.tally.check(Rule::Beside, found == known, || {
            format!("messages, deliveries, answers, facts: {found:?} rows, {known:?} in the log")
        });
        Ok(())
    }

    fn message(&mut self, reader: &impl Reader, id: &str) -> Result<(), StoreError> {
        let facts: Vec<_> = reader.facts_of(id)?;
        let accepted = facts.iter().any(|fact| fact.kind == "accepted");
        let row = reader.message(id)?;
        let outcome = row.as_ref().map(|row| row.outcome == Outcome::Accepted);
        self.tally.check(Rule::Kept, outcome == Some(accepted), || {
            format!("message {id}: its row says {outcome:?}, its facts {accepted}")
        });
        let wanted = departments(&facts);
        let rows = reader.deliveries_of(id)?;
        let answers = reader.answers_of(id)?;
        let taken: BTreeSet<_> =
            answers.iter().map(|row| (row.department.clone(), row.answer_id.clone())).collect();
        let said = answered(&facts);
        self.tally.check(Rule::Recorded, taken == said, || {
            format!("message {id}: answers {taken:?} in place of {said:?}")
        });
        let answers = answers.len();
        let (mut found, mut receipts) = (BTreeSet::new(), 0);
        if !self.world.messages.contains(id) {
            self.world.deliveries += rows.len() as u64;
        }
        for row in rows {
            let what = format!("{} is {:?}", row.id, row.state);
            self.tally.check(Rule::Row, row.state == DeliveryState::Delivered, || what);
            if row.kind == DestinationKind::Receipts {
                receipts += 1;
                continue;
            }
            let acted = self.world.acted.contains(&row.id);
            self.tally.check(Rule::Row, acted, || format!("{} had no effect", row.id));
            let once = row.id == format!("{id}.{}", row.destination);
            let fresh = found.insert(row.destination);
            self.tally.check(Rule::Row, fresh && once, || format!("{} twice", row.id));
        }
        self.tally.check(Rule::Row, found == wanted && receipts == answers, || {
            format!("message {id}: to {found:?} in place of {wanted:?}, {receipts} of {answers}")
        });
        Ok(())
    }
}

/// Department and id of the answers that facts speak of.
fn answered(facts: &[FactRow]) -> BTreeSet<(String, String)> {
    let answered = facts.iter().filter(|fact| fact.kind == "answered");
    let values = answered.filter_map(|row| serde_json::from_slice(&row.fact).ok());
    let id = |fact: Value| (fact.text("department").to_owned(), fact.text("answer").to_owned());
    values.map(id).collect()
}

/// The departments that the accepted documents of a message go to.
fn departments(facts: &[FactRow]) -> BTreeSet<String> {
    let accepted = facts.iter().filter(|fact| fact.kind == "accepted");
    let values = accepted.filter_map(|row| serde_json::from_slice(&row.fact).ok());
    let lists = values.filter_map(|fact: Value| fact.get("departments").cloned());
    let names = lists.filter_map(|list| serde_json::from_value::<Vec<String>>(list).ok());
    names.flatten().collect()
}
