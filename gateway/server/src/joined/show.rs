//! The joined status as JSON. In: the fold, the time, and how long a department may take to
//! answer. Out: one object for the message and one for each document; what is late by that
//! measure is flagged here, since it depends on the time of asking.

use serde_json::{Value, json};

use super::{Document, Joined, Said, State, Word};
use crate::http::messages::time;
use crate::json::set;

impl State {
    /// The word in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Awaited => "awaited",
            State::InWork => "in-work",
            State::Stopped => "stopped",
            State::Concluded => "concluded",
            State::Released => "released",
            State::Rejected => "rejected",
            State::Refused => "refused",
            State::Contradicted => "contradicted",
        }
    }
}

/// When it is asked, and how long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) now_ms: i64,
    pub(crate) due_ms: i64,
}

impl Joined {
    /// State and counts of the message, each document's own status, and answers that could not
    /// be told to be about any.
    pub(crate) fn to_value(&self, by: Measure, with_words: bool) -> Value {
        let documents = self.documents.iter();
        let documents: Vec<Value> = documents
            .map(|(index, one)| {
                let mut value = self.document_value(one, by, with_words);
                set(&mut value, "index", json!(index));
                value
            })
            .collect();
        let unplaced = self.unplaced.iter().map(|(department, word)| {
            let mut value = word.to_value(&[]);
            set(&mut value, "department", json!(department));
            value
        });
        json!({
            "state": self.state().word(),
            "documents": documents,
            "unplaced": unplaced.collect::<Vec<Value>>(),
        })
    }

    fn document_value(&self, one: &Document, by: Measure, with_words: bool) -> Value {
        let since = |name: &str| {
            let delivered = self.delivered.get(name).copied();
            (one.accepted_ms.unwrap_or(by.now_ms), delivered)
        };
        let awaited = one.departments.iter().filter(|(_, said)| said.is_awaited());
        let awaited = awaited.map(|(name, said)| {
            let (accepted, delivered) = since(name);
            // Each word gives a department its time anew.
            let from = said.words.last().map_or(accepted, |word| word.at_ms);
            json!({
                "department": name,
                "since": time(from),
                "delivered": delivered.map(time),
                "overdue": by.now_ms.saturating_sub(from) > by.due_ms,
            })
        });
        let departments = one.departments.iter().map(|(name, said)| {
            let (accepted, _) = since(name);
            (name.clone(), said.to_value(accepted, by, with_words))
        });
        let mut value = json!({
            "state": one.state().word(),
            "inspection": inspection(one),
            "released_by": one.released_by(),
            "rejected_by": one.rejected_by(),
            "awaited": awaited.collect::<Vec<Value>>(),
            "departments": departments.collect::<serde_json::Map<String, Value>>(),
        });
        if let Some(code) = &one.refused {
            set(&mut value, "refused", json!(code));
        }
        value
    }
}

/// The one inspection of a document: who ordered it, and whether it is over for all of them.
fn inspection(one: &Document) -> Value {
    let by = one.inspected_by();
    if by.is_empty() {
        return Value::Null;
    }
    let over = by.iter().filter_map(|name| one.departments.get(*name));
    let over = over.filter(|said| said.state() != State::Stopped).count() == by.len();
    json!({ "ordered_by": by, "over": over })
}

impl Said {
    fn to_value(&self, accepted_ms: i64, by: Measure, with_words: bool) -> Value {
        let mut flags: Vec<&str> = Vec::new();
        let mut add = |flag: &'static str| {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        };
        let mut words = Vec::new();
        let mut before = accepted_ms;
        for (n, word) in self.words.iter().enumerate() {
            let mut own = self.flags(n);
            if word.at_ms.saturating_sub(before) > by.due_ms {
                own.push("late");
            }
            before = word.at_ms;
            own.iter().for_each(|flag| add(flag));
            words.push(word.to_value(&own));
        }
        if self.state() == State::Contradicted {
            add("contradiction");
        }
        let counts = self.counts();
        let mut value = json!({
            "state": self.state().word(),
            "status": counts.map(|word| word.status.as_str()),
            "at": counts.map(|word| time(word.at_ms)),
            "flags": flags,
        });
        if with_words {
            set(&mut value, "said", json!(words));
        }
        value
    }
}

impl Word {
    fn to_value(&self, flags: &[&str]) -> Value {
        json!({
            "status": self.status,
            "at": time(self.at_ms),
            "answer": self.answer,
            "message_type": self.message_type,
            "numbers": self.numbers,
            "fact": self.fact,
            "flags": flags,
        })
    }
}
