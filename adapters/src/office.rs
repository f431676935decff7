//! How a department works, whichever it is. In come its kinds of documents, each with what
//! is recorded of one and what is said of it; out comes the outcome of a delivery: the
//! record, and one answer for each step, with a return for every document that has one.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answer;
use crate::declaration::{self, Change, Declaration};
use crate::form::{Form, Key, Layout, Said};
use crate::shape::Shape;
use crate::{Answer, Department, Incoming, MappingError, Outcome};

/// A department.
#[derive(Debug)]
pub(crate) struct Office {
    /// Its name in the routing table.
    pub(crate) name: &'static str,
    /// The code it is registered under.
    pub(crate) code: &'static str,
    /// Its name in answers.
    pub(crate) title: &'static str,
    pub(crate) kinds: &'static [Kind],
}

/// A type of document that a department takes.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) shape: &'static Shape,
    /// What the department keeps of a document.
    pub(crate) record: fn(&Declaration<'_>) -> Result<Record, MappingError>,
    /// What it says of it, in this order; each is part of an answer of its own.
    pub(crate) says: fn(&Declaration<'_>, Timestamp) -> Result<Vec<Said>, MappingError>,
}

/// Fields of answers that hold a number which the department gave.
const NUMBERS: [&str; 9] = [
    "preNo",
    "invtNo",
    "rkdNo",
    "sumNo",
    "taxNo",
    "entDutyNo",
    "settlementNo",
    "certificateNo",
    "proofNo",
];

/// What a department keeps of a document, by its own names.
pub(crate) type Record = Map<String, Value>;

impl Department for Office {
    fn name(&self) -> &'static str {
        self.name
    }

    fn message_types(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.shape.message_type).collect()
    }

    fn map(&self, incoming: &Incoming<'_>, now: Timestamp) -> Result<Outcome, MappingError> {
        let kind = self.kind(incoming.message_type)?;
        let document = declaration::read(incoming)?;
        let declared = declaration::declarations(&document, kind.shape, incoming.documents)?;
        let entries = declared.iter().map(|one| Entry::new(kind, one, now));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        let records = entries.iter_mut().map(|entry| std::mem::take(&mut entry.record).into());
        let effect = answer::effect(self.name, incoming, now, records.collect());
        Ok(Outcome { effect, answers: self.answers(&entries, incoming, now) })
    }
}

impl Office {
    fn kind(&self, message_type: &str) -> Result<&'static Kind, MappingError> {
        let found = self.kinds.iter().find(|kind| kind.shape.message_type == message_type);
        found.ok_or_else(|| MappingError::UnknownType {
            department: self.name,
            found: message_type.to_owned(),
            expected: self.message_types(),
        })
    }

    /// The answers, step by step; a step whose returns differ in form has one for each.
    fn answers(&self, entries: &[Entry], incoming: &Incoming<'_>, now: Timestamp) -> Vec<Answer> {
        let mut answers = Vec::new();
        let steps = entries.iter().map(|entry| entry.said.len()).max().unwrap_or(0);
        for step in 0..steps {
            let said = entries.iter().filter_map(|entry| Some((entry, entry.said.get(step)?)));
            let said: Vec<(&Entry, &Said)> = said.collect();
            let mut forms: Vec<&'static Form> = Vec::new();
            for (_, said) in &said {
                if !forms.iter().any(|form| form.message_type == said.form.message_type) {
                    forms.push(said.form);
                }
            }
            for form in forms {
                let of_form = said.iter().copied();
                let of_form = of_form.filter(|(_, s)| s.form.message_type == form.message_type);
                let of_form: Vec<(&Entry, &Said)> = of_form.collect();
                answers.push(self.answer(form, answers.len() + 1, &of_form, incoming, now));
            }
        }
        answers
    }

    fn answer(
        &self,
        form: &'static Form,
        n: usize,
        said: &[(&Entry, &Said)],
        incoming: &Incoming<'_>,
        now: Timestamp,
    ) -> Answer {
        let id = format!("{}-{n}", incoming.delivery);
        let mut writer = form.open(&answer::guid(&[self.name, &id]));
        for (entry, said) in said {
            let guid = answer::guid(&[self.name, &id, &entry.index.to_string()]);
            form.write(&mut writer, self, entry.key.as_ref(), said, &guid, now);
        }
        Answer {
            id,
            delivery: incoming.delivery.to_owned(),
            message: incoming.message.to_owned(),
            message_type: form.message_type,
            xml: writer.finish(form.message_type),
            documents: said.iter().map(|(entry, _)| entry.index).collect(),
        }
    }
}

/// What the department has of one document.
struct Entry {
    index: u32,
    /// How answers in the zone's form name the document; none where nothing is said in it.
    key: Option<Key>,
    said: Vec<Said>,
    record: Record,
}

impl Entry {
    fn new(kind: &Kind, one: &Declaration<'_>, now: Timestamp) -> Result<Self, MappingError> {
        let said = (kind.says)(one, now)?;
        let by_key = said.iter().any(|said| matches!(said.form.layout, Layout::Zone { .. }));
        let key = if by_key { Some(Key::of(one)?) } else { None };
        let mut record = (kind.record)(one)?;
        record.insert("index".to_owned(), json!(one.index));
        if let Some(guid) = one.head.optional("guid") {
            record.insert("guid".to_owned(), guid.into());
        }
        if one.head.optional("appType").is_some() {
            record.insert("declared".to_owned(), declared(one)?.into());
        }
        for (name, number) in said.iter().flat_map(|said| &said.fields) {
            if NUMBERS.contains(name) {
                record.insert((*name).to_owned(), number.as_str().into());
            }
        }
        if let Some(last) = said.iter().rev().find(|said| !said.status.is_empty()) {
            record.insert("status".to_owned(), last.status.into());
        }
        Ok(Entry { index: one.index, key, said, record })
    }
}

fn declared(one: &Declaration<'_>) -> Result<&'static str, MappingError> {
    Ok(match one.head.change()? {
        Change::New => "new",
        Change::Changed => "change",
        Change::Deleted => "deletion",
    })
}
