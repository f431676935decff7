//! What the outside claims, against the log: answers, receipts, checkpoints, effects and
//! recorded answers. In comes one record, out goes whether the log bears it out.

use onepoint_proof::{Leaf, SignedCheckpoint, VerifyOptions, verify_receipt};
use serde_json::Value;

use super::{Brief, Checker};
use crate::commands::selftest::evidence::{Answer, Expected};
use crate::commands::selftest::rules::Rule;
use crate::json::Look;

impl Checker {
    /// The answer to a letter: as expected, kept, and the same as the first one.
    pub(super) fn answer(&mut self, number: u64, answer: &Answer) {
        self.world.open.remove(&number);
        let Some(letter) = self.world.letters.get_mut(&number) else {
            let what = format!("an answer to letter {number}, which nobody sent");
            return self.tally.broken(Rule::Expected, what);
        };
        let fault = expected_fault(&letter.expected, answer);
        self.tally.check(Rule::Expected, fault.is_none(), || {
            let told = (answer.status, &answer.verdict, &answer.code, &answer.documents);
            format!("letter {number}: {}; told {told:?}", fault.unwrap_or_default())
        });
        let facts: Vec<(u64, String)> = answer
            .receipts
            .iter()
            .map(|r| (r.at("index").as_u64().unwrap_or(u64::MAX), r.text("leaf").to_owned()))
            .collect();
        let is_accepted = matches!(letter.expected, Expected::Accepted { .. });
        letter.taken += u32::from(is_accepted && answer.verdict != "duplicate");
        if let (true, Some(first)) = (is_accepted, &letter.first) {
            let same = *first == (answer.id.clone(), facts.clone()) && letter.taken <= 1;
            self.tally.check(Rule::Duplicate, same, || {
                format!("letter {number}: {first:?}, then {:?}", (&answer.id, &facts))
            });
        }
        letter.first.get_or_insert((answer.id.clone(), facts.clone()));
        let sha256 = letter.sha256.clone();
        self.kept(number, &sha256, answer, &facts);
        for receipt in &answer.receipts {
            self.receipt(receipt, &answer.id, &format!("letter {number}"));
        }
    }

    /// Every fact that an answer shows stands in the log, about this message and these bytes.
    fn kept(&mut self, number: u64, sha256: &str, answer: &Answer, facts: &[(u64, String)]) {
        let whole = answer.documents.is_empty();
        let enough = facts.len() == answer.documents.len().max(1);
        self.tally.check(Rule::Kept, enough, || format!("letter {number}: too few receipts"));
        for (at, (index, _)) in facts.iter().enumerate() {
            let accepted = answer.documents.get(at).copied().unwrap_or(false);
            let kind = if accepted { "accepted" } else { "refused" };
            let document = (!whole).then_some(at as u64);
            let found = self.brief(*index);
            let holds = found.as_ref().is_some_and(|brief| {
                brief.kind == kind
                    && brief.message == answer.id
                    && brief.document == document
                    && brief.sha256 == sha256
            });
            self.tally.check(Rule::Kept, holds, || {
                format!("letter {number}: fact {index} is not its: {found:?}")
            });
        }
    }

    fn brief(&self, index: u64) -> Option<Brief> {
        self.log.facts.get(usize::try_from(index).ok()?).cloned()
    }

    /// A receipt that somebody holds.
    pub(super) fn receipt(&mut self, receipt: &Value, message: &str, who: &str) {
        let fault = self.receipt_fault(receipt, message);
        self.tally.check(Rule::Receipt, fault.is_none(), || {
            let index = receipt.at("index");
            format!("{who}: receipt of fact {index}: {}", fault.unwrap_or_default())
        });
    }

    fn receipt_fault(&mut self, receipt: &Value, message: &str) -> Option<String> {
        let options = VerifyOptions { message: None, now_ms: Some(self.now_ms) };
        let bytes = receipt.to_string().into_bytes();
        let report = verify_receipt(&bytes, std::slice::from_ref(&self.key), &options);
        if !report.ok() {
            return Some(report.faults().collect::<Vec<_>>().join(", "));
        }
        let about = report.fact().and_then(|fact| fact.get("message")).and_then(Value::as_str);
        if about != Some(message) {
            return Some(format!("it is about {about:?}, not {message}"));
        }
        let index = receipt.at("index").as_u64().and_then(|index| usize::try_from(index).ok());
        let leaf = Leaf::parse(receipt.text("leaf").as_bytes()).map(|leaf| leaf.hash()).ok();
        let stands = index.and_then(|index| self.log.leaves.get(index).copied());
        if stands.is_none() || stands != leaf {
            return Some("the log has another leaf in its place".to_owned());
        }
        self.prefix_fault(report.checkpoint()?.size, report.checkpoint()?.root)
    }

    /// A signed checkpoint that somebody saw must be one of this very log.
    fn prefix_fault(&mut self, size: u64, root: onepoint_proof::Hash) -> Option<String> {
        let same = self.log.roots.get(&size) == Some(&root);
        let what = || format!("checkpoint {size} with root {root} is no prefix of the log");
        self.tally.check(Rule::Seen, same, what);
        (!same).then(what)
    }

    /// A checkpoint that was fetched.
    pub(super) fn seen(&mut self, note: &str) {
        match SignedCheckpoint::open(note.as_bytes(), &self.key) {
            Ok(signed) => {
                let head = signed.checkpoint();
                self.prefix_fault(head.size, head.root);
            }
            Err(error) => self.tally.broken(Rule::Seen, error.en()),
        }
    }

    /// A department acted on a delivery.
    pub(super) fn effect(&mut self, department: &str, delivery: &str, keys: &[String]) {
        self.world.acted.insert(delivery.to_owned());
        for key in keys {
            let place = (department.to_owned(), key.clone());
            let before = self.world.effects.insert(place, delivery.to_owned());
            self.tally.check(Rule::EffectOnce, before.is_none(), || {
                format!("{department}: {key} by {delivery} and by {before:?}")
            });
        }
    }

    /// A department was told that its answer is recorded: it is, with these bytes.
    pub(super) fn recorded(&mut self, department: &str, answer: &str, message: &str, sha256: &str) {
        let found = self.world.answers.get(&(department.to_owned(), answer.to_owned()));
        let same = found.is_some_and(|(of, digest)| of == message && digest == sha256);
        self.tally.check(Rule::Recorded, same, || format!("answer {answer} is not in the log"));
    }
}

/// What is wrong with an answer.
fn expected_fault(expected: &Expected, answer: &Answer) -> Option<String> {
    let fault = |what: &str| Some(what.to_owned());
    match expected {
        Expected::Refused { code } if answer.code == *code && answer.status < 500 => None,
        Expected::Refused { code } => fault(&format!("not refused with {code}")),
        Expected::Accepted { but } => {
            let refused = answer.documents.iter().enumerate().filter(|(_, good)| !**good);
            let refused: Vec<usize> = refused.map(|(at, _)| at).collect();
            let verdict = if but.is_empty() { "accepted" } else { "partly-accepted" };
            let word = answer.verdict == verdict || answer.verdict == "duplicate";
            let good = answer.status == 200 && word && refused == *but;
            if good { None } else { fault(&format!("not {verdict} but for {but:?}")) }
        }
    }
}
