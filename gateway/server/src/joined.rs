//! The joined status: what all departments together have said of a message, document by
//! document. In come the facts of the message in their order, one by one; out go states,
//! what is awaited and since when, and what does not fit. Pure: a fold without a clock.
//!
//! Of one department the word of the highest rank counts, of equal rank the later one: times
//! of receipts have seconds, and answers overtake each other. Every word is kept, also one
//! with a code that nobody knows here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::Look;
use crate::record::LIST_NUMBER;

pub(crate) mod code;
mod show;

use code::{Code, INSPECTION, RELEASED, Stand, code};
pub(crate) use show::Measure;

/// A message, as its facts tell of it.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    documents: BTreeMap<u32, Document>,
    /// When each department had the message.
    delivered: BTreeMap<String, i64>,
    /// Document by the number that customs gave it.
    lists: BTreeMap<String, u32>,
    /// Words of which nobody can tell the document.
    unplaced: Vec<(String, Word)>,
}

/// One document.
#[derive(Debug, Default)]
struct Document {
    accepted_ms: Option<i64>,
    /// Why it was refused at the door.
    refused: Option<String>,
    departments: BTreeMap<String, Said>,
}

/// What one department has said of a document, in the order of arrival.
#[derive(Debug, Default)]
struct Said {
    words: Vec<Word>,
}

/// One answer, as far as it is about one document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// As it came; empty for an answer without a status, such as a bill.
    status: String,
    answer: String,
    message_type: String,
    at_ms: i64,
    /// Its place in the log.
    fact: u64,
    numbers: Value,
}

impl Word {
    fn code(&self) -> Option<Code> {
        code(&self.status, &self.message_type)
    }

    fn is(&self, codes: &[i64]) -> bool {
        self.status.trim().parse().is_ok_and(|number: i64| codes.contains(&number))
    }
}

/// Where a document stands, or what one department makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Nobody has said anything.
    Awaited,
    /// Something was said, and more is to come.
    InWork,
    /// Held up: under inspection, detained, suspended.
    Stopped,
    /// Done, as wished.
    Concluded,
    /// Let go by all who must let it go.
    Released,
    /// A department refused it, or sent it back.
    Rejected,
    /// It was refused at the door, and no department has it.
    Refused,
    /// Departments contradict each other, or one itself: somebody has to ask.
    Contradicted,
}

impl Joined {
    /// Folds one fact in; what is not about documents is passed over.
    pub(crate) fn apply(&mut self, index: u64, kind: &str, at_ms: i64, fact: &Value) {
        let document = fact.at("document").as_u64().and_then(|n| u32::try_from(n).ok());
        match kind {
            "accepted" => {
                let one = self.documents.entry(document.unwrap_or_default()).or_default();
                one.accepted_ms = Some(at_ms);
                for name in fact.items("departments").iter().filter_map(Value::as_str) {
                    one.departments.entry(name.to_owned()).or_default();
                }
            }
            "refused" => {
                let one = self.documents.entry(document.unwrap_or_default()).or_default();
                one.refused = Some(fact.text("code").to_owned());
            }
            "delivered" => {
                self.delivered.entry(fact.text("department").to_owned()).or_insert(at_ms);
            }
            "answered" => self.answered(index, at_ms, document, fact),
            _ => {}
        }
    }

    fn answered(&mut self, index: u64, at_ms: i64, document: Option<u32>, fact: &Value) {
        let word = Word {
            status: fact.text("status").to_owned(),
            answer: fact.text("answer").to_owned(),
            message_type: fact.text("type").to_owned(),
            at_ms,
            fact: index,
            numbers: fact.at("numbers").clone(),
        };
        let list = word.numbers.text(LIST_NUMBER);
        if let (Some(document), false) = (document, list.is_empty()) {
            self.lists.insert(list.to_owned(), document);
            self.place(list, document);
        }
        let document = document.or_else(|| self.lists.get(list).copied());
        let department = fact.text("department").to_owned();
        match document {
            Some(document) => {
                let one = self.documents.entry(document).or_default();
                one.departments.entry(department).or_default().words.push(word);
            }
            None => self.unplaced.push((department, word)),
        }
    }

    /// Words about a list that came before its number was known; after a crash, an answer may
    /// overtake another.
    fn place(&mut self, list: &str, document: u32) {
        let of_list = |(_, word): &(String, Word)| word.numbers.text(LIST_NUMBER) == list;
        let (found, left) = std::mem::take(&mut self.unplaced).into_iter().partition(of_list);
        self.unplaced = left;
        for (department, word) in found {
            let one = self.documents.entry(document).or_default();
            one.departments.entry(department).or_default().words.push(word);
        }
    }

    /// Where the message stands: as its worst document.
    pub(crate) fn state(&self) -> State {
        let states = self.documents.values().map(Document::state);
        // As long as one document is open, the message is.
        let open = |state: &State| *state <= State::Stopped;
        let states: Vec<State> = states.collect();
        let first = states.iter().copied().filter(open).max();
        let worst = states.iter().copied().max().unwrap_or(State::Awaited);
        if worst == State::Contradicted { worst } else { first.unwrap_or(worst) }
    }
}

impl Document {
    fn state(&self) -> State {
        if self.refused.is_some() && self.accepted_ms.is_none() {
            return State::Refused;
        }
        let states: Vec<State> = self.departments.values().map(Said::state).collect();
        let any = |state| states.contains(&state);
        let good = any(State::Released) || any(State::Concluded);
        if any(State::Contradicted) || (any(State::Rejected) && any(State::Released)) {
            State::Contradicted
        } else if any(State::Rejected) {
            State::Rejected
        } else if any(State::Stopped) {
            State::Stopped
        } else if any(State::InWork) || (any(State::Awaited) && good) {
            State::InWork
        } else if any(State::Awaited) || states.is_empty() {
            State::Awaited
        } else if any(State::Released) {
            State::Released
        } else {
            State::Concluded
        }
    }

    /// The departments that have ordered the one inspection.
    fn inspected_by(&self) -> Vec<&str> {
        self.by(|said| said.words.iter().any(|word| word.is(&[INSPECTION])))
    }

    /// The departments that refused it or sent it back.
    fn rejected_by(&self) -> Vec<&str> {
        self.by(|said| said.stands(Stand::Bad))
    }

    /// The departments that have let it go.
    fn released_by(&self) -> Vec<&str> {
        self.by(|said| said.state() == State::Released)
    }

    fn by(&self, is: impl Fn(&Said) -> bool) -> Vec<&str> {
        let found = self.departments.iter().filter(|(_, said)| is(said));
        found.map(|(name, _)| name.as_str()).collect()
    }
}

impl Said {
    /// The word that counts: of the highest rank, and of those the last. A code that nobody
    /// knows counts when there is no other.
    fn counts(&self) -> Option<&Word> {
        let known = self.words.iter().filter(|word| word.code().is_some());
        let last = self.words.iter().rfind(|word| !word.status.is_empty());
        known.max_by_key(|word| word.code().map(|code| code.rank)).or(last)
    }

    fn stands(&self, stand: Stand) -> bool {
        self.words.iter().filter_map(Word::code).any(|code| code.stand == stand)
    }

    fn state(&self) -> State {
        let Some(word) = self.counts() else { return State::Awaited };
        if self.stands(Stand::Good) && self.stands(Stand::Bad) {
            return State::Contradicted;
        }
        match word.code().map(|code| code.stand) {
            None | Some(Stand::Open) => State::InWork,
            Some(Stand::Stopped) => State::Stopped,
            Some(Stand::Good) if word.is(&RELEASED) => State::Released,
            Some(Stand::Good) => State::Concluded,
            Some(Stand::Bad) => State::Rejected,
        }
    }

    /// Whether the department has to say something more.
    fn is_awaited(&self) -> bool {
        self.state() <= State::Stopped
    }

    /// What does not fit, word by word: `unknown-code`, and `behind` for a step earlier than
    /// one that was here before.
    fn flags(&self, n: usize) -> Vec<&'static str> {
        let Some(word) = self.words.get(n).filter(|word| !word.status.is_empty()) else {
            return Vec::new();
        };
        let Some(code) = word.code() else { return vec!["unknown-code"] };
        let before = self.words.iter().take(n).filter_map(Word::code);
        let behind = before.map(|code| code.rank).max().is_some_and(|rank| code.rank < rank);
        if behind { vec!["behind"] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests;
