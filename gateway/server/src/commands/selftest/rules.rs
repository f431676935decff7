//! What must hold after every death, as a table: how often each rule was checked and how
//! often it was broken, with the first examples.

use serde_json::{Value, json};

/// Examples kept of a broken rule.
const EXAMPLES_MAX: usize = 3;
/// Characters of an example.
const EXAMPLE_CHARS: usize = 400;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Restart,
    Answered,
    Expected,
    Kept,
    Duplicate,
    Leaf,
    Order,
    Covered,
    Tile,
    Receipt,
    Seen,
    FactOnce,
    KeyOnce,
    EffectOnce,
    Reached,
    Row,
    Recorded,
    Outbox,
    Beside,
    Payload,
}

/// Every rule, in the order of the table, with its words and a name for programs.
const RULES: [(Rule, &str, &str); 20] = [
    (Rule::Restart, "comes-up-again", "the gateway comes up again"),
    (Rule::Answered, "all-answered", "every message sent is answered in the end"),
    (Rule::Expected, "answer-as-expected", "every answer is the one that must be given"),
    (Rule::Kept, "accepted-not-lost", "what was answered stands in the journal, nothing is lost"),
    (Rule::Duplicate, "original-receipt", "who sends again gets the original receipts"),
    (Rule::Leaf, "leaf", "every fact and its nonce lead to their leaf"),
    (Rule::Order, "times", "times of the log never go back"),
    (Rule::Covered, "checkpoint", "no fact without a signed checkpoint over the tree it is in"),
    (Rule::Tile, "tile", "every tile is that of the tree"),
    (Rule::Receipt, "receipt", "every receipt verifies and is in the final tree"),
    (Rule::Seen, "prefix", "every checkpoint that was seen is a prefix of the final tree"),
    (Rule::FactOnce, "fact-once", "no acceptance, delivery or answer is in the log twice"),
    (Rule::KeyOnce, "key-once", "no business key was accepted twice"),
    (Rule::EffectOnce, "effect-once", "no effect twice at a department for a business key"),
    (Rule::Reached, "reached", "every accepted document had its effect at every department"),
    (Rule::Row, "delivery-once", "each delivery is exactly one row, and delivered"),
    (Rule::Recorded, "answer-kept", "every answer taken from a department stands in the journal"),
    (Rule::Outbox, "outbox-empty", "the outbox is empty in the end"),
    (Rule::Beside, "nothing-beside", "the journal has no rows that no fact speaks of"),
    (Rule::Payload, "payload-whole", "every payload is what was received, or went by policy"),
];

#[derive(Debug, Clone, Default)]
struct Count {
    checked: u64,
    broken: u64,
    examples: Vec<String>,
}

/// The counts of all rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    counts: [Count; RULES.len()],
}

impl Tally {
    /// One check of a rule; `what` says what is wrong when it does not hold.
    pub(super) fn check(&mut self, rule: Rule, holds: bool, what: impl FnOnce() -> String) {
        let place = RULES.iter().position(|(known, ..)| *known == rule);
        let Some(count) = place.and_then(|at| self.counts.get_mut(at)) else { return };
        count.checked += 1;
        if !holds {
            count.broken += 1;
            if count.examples.len() < EXAMPLES_MAX {
                count.examples.push(what().chars().take(EXAMPLE_CHARS).collect());
            }
        }
    }

    /// A rule that is broken.
    pub(super) fn broken(&mut self, rule: Rule, what: String) {
        self.check(rule, false, || what);
    }

    /// Takes over what another tally has of rules that were not checked here, or were broken
    /// more often there.
    pub(super) fn add(&mut self, other: &Tally) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            if mine.checked == 0 || theirs.broken > mine.broken {
                mine.clone_from(theirs);
            }
        }
    }

    /// True while no rule is broken.
    pub(super) fn good(&self) -> bool {
        self.counts.iter().all(|count| count.broken == 0)
    }

    /// The table for a person.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{:<72} {:>10} {:>9}\n", "what must hold", "checked", "violated");
        for ((_, _, words), count) in RULES.iter().zip(&self.counts) {
            text.push_str(&format!("{words:<72} {:>10} {:>9}\n", count.checked, count.broken));
            for example in &count.examples {
                text.push_str(&format!("    {example}\n"));
            }
        }
        text
    }

    /// The table for a program.
    pub(super) fn value(&self) -> Value {
        let rows = RULES.iter().zip(&self.counts).map(|((_, name, words), count)| {
            json!({
                "rule": name, "words": words, "checked": count.checked,
                "violated": count.broken, "examples": count.examples,
            })
        });
        Value::Array(rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_rule_is_counted_and_shown() {
        let mut tally = Tally::default();
        tally.check(Rule::Kept, true, String::new);
        assert!(tally.good());
        for n in 0..5 {
            tally.check(Rule::Kept, false, || format!("message {n} is gone"));
        }
        assert!(!tally.good());
        let text = tally.text();
        assert!(text.contains("message 2 is gone") && !text.contains("message 3"), "{text}");
        let row = &tally.value()[3];
        assert_eq!((row["checked"].as_u64(), row["violated"].as_u64()), (Some(6), Some(5)));
        let mut other = Tally::default();
        other.check(Rule::Leaf, true, String::new);
        other.add(&tally);
        assert!(!other.good());
        tally.add(&other);
        assert_eq!(tally.value()[3]["violated"], 5);
        assert_eq!(tally.value()[5]["checked"], 1);
    }

    #[test]
    fn every_rule_has_its_row() {
        for (at, (rule, name, _)) in RULES.iter().enumerate() {
            let mut tally = Tally::default();
            tally.broken(*rule, "x".to_owned());
            assert_eq!(tally.value()[at]["rule"], *name);
            assert_eq!(tally.value()[at]["violated"], 1);
        }
    }
}
