//! What the demo shows: a line a message as it goes, and the sums at the end.

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::json;

use super::super::status;
use super::cases::{Case, Expected};
use super::receipts::Proof;
use super::talk::{Sums, Told};

/// Prints for a person, or as JSON.
pub(crate) struct Table {
    json: bool,
    colour: bool,
}

impl Table {
    pub(crate) fn new(json: bool) -> Table {
        Table { json, colour: std::io::stdout().is_terminal() }
    }

    /// A remark for a person.
    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    pub(crate) fn head(&self) {
        self.say(" no  sent                                      by         verdict    received by               answered, or the reason");
        self.say(" --  ----------------------------------------  ---------  ---------  ------------------------  ----------------------");
    }

    pub(crate) fn line(&self, n: usize, case: &Case, told: &Told) {
        let as_expected = is_expected(case, told);
        if self.json {
            let line = json!({
                "case": n, "what": case.what, "from": case.from, "type": case.message_type,
                "status": told.status, "verdict": verdict(told), "code": told.code,
                "reason": told.reason, "received_by": told.received_by,
                "answers": told.answers(), "state": told.state(), "message": told.message, "expected": as_expected,
            });
            println!("{line}");
            return;
        }
        let word = self.paint(&format!("{:9}", verdict(told)), told.status < 300);
        let received = told.received_by.join(", ");
        let mark = if as_expected { "" } else { "   <- NOT AS EXPECTED" };
        let last = if told.status < 300 { answers(told) } else { reason(told) };
        println!("{n:3}  {:40}  {:9}  {word}  {received:24}  {last}{mark}", case.what, case.from);
    }

    /// What became of one submission at all departments, in full.
    pub(crate) fn joined(&self, case: &Case, told: &Told) {
        if self.json {
            return;
        }
        println!("\nOne submission, all departments ({}):", case.what);
        status::lines(&told.joined).iter().for_each(|line| println!("  {line}"));
    }

    /// The sums; true when every outcome was the expected one.
    pub(crate) fn finish(
        &self,
        cases: &[Case],
        told: &[Told],
        sums: &Sums,
        proof: &Proof,
        took: Duration,
    ) -> bool {
        let sent = u64::try_from(cases.len()).unwrap_or(u64::MAX);
        let balanced = sums.accepted + sums.duplicate + sums.refused == sent;
        let unexpected = cases.iter().zip(told).filter(|(c, t)| !is_expected(c, t)).count();
        let all_verified = proof.receipts > 0 && proof.verified == proof.receipts;
        let good = balanced && unexpected == 0 && all_verified && proof.altered_fails;
        if self.json {
            let line = json!({
                "sent": sent, "accepted": sums.accepted, "duplicate": sums.duplicate,
                "refused": sums.refused, "unexpected": unexpected,
                "receipts": proof.receipts, "verified": proof.verified,
                "altered_fails": proof.altered_fails, "seconds": took.as_secs_f64(), "good": good,
            });
            println!("{line}");
            return good;
        }
        println!();
        println!(
            "sent {sent} = accepted {} ({} of them a duplicate that got its original receipt) + refused {}{}",
            sums.accepted + sums.duplicate,
            sums.duplicate,
            sums.refused,
            if balanced { "" } else { "   <- DOES NOT ADD UP" }
        );
        println!("receipts: {} of {} verified offline", proof.verified, proof.receipts);
        println!("one byte of one receipt altered: {}", proof.altered);
        let word = if good { "every outcome was the expected one" } else { "NOT as expected" };
        println!("{} ({:.1} s)", self.paint(word, good), took.as_secs_f64());
        good
    }

    fn paint(&self, text: &str, good: bool) -> String {
        match (self.colour, good) {
            (false, _) => text.to_owned(),
            (true, true) => format!("\x1b[32m{text}\x1b[0m"),
            (true, false) => format!("\x1b[31m{text}\x1b[0m"),
        }
    }
}

fn verdict(told: &Told) -> &str {
    if told.status < 300 { &told.verdict } else { "refused" }
}

fn answers(told: &Told) -> String {
    if told.verdict == "duplicate" {
        return "the original receipt again".to_owned();
    }
    let parts = told.answers();
    let parts: Vec<String> =
        parts.iter().map(|(name, statuses)| format!("{name} {}", statuses.join(" "))).collect();
    format!("{} = {}", told.state(), parts.join("; "))
}

fn reason(told: &Told) -> String {
    let place = if told.place.is_empty() { String::new() } else { format!(" ({})", told.place) };
    format!("{}: {}{place}", told.code, told.reason)
}

/// Whether the outcome is the one the case must have, departments and answers included.
pub(crate) fn is_expected(case: &Case, told: &Told) -> bool {
    match case.expected {
        Expected::Accepted(wanted, state) => {
            let answers = told.answers();
            let customs = answers.iter().find(|(name, _)| name == "customs");
            let statuses = customs.map_or(&[][..], |(_, statuses)| statuses);
            let answered = statuses == wanted && told.state() == state;
            told.verdict == "accepted" && answered && !told.receipts.is_empty()
        }
        Expected::Duplicate => told.verdict == "duplicate" && !told.receipts.is_empty(),
        Expected::Refused(code) => {
            told.status >= 400 && told.code == code && !told.receipts.is_empty()
        }
    }
}
