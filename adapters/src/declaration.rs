//! The documents of a delivery and their fields. In comes a delivery; out go, for each
//! document it names, a view of the head and the goods lines, with every field read by
//! name. Names, never prefixes, decide: senders use `ceb:` or a default namespace.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use onepoint_xml::{Document, Element, Limits};

use crate::amount::Amount;
use crate::error::Place;
use crate::shape::Shape;
use crate::{Incoming, MappingError, answer, delivery};

/// Characters of an amount, far above the 19 digits of the norm.
const MAX_DECIMAL: usize = 64;

/// Checks the ids of a delivery and reads its body.
///
/// # Errors
/// An id that fits into no answer, or a body that is not XML.
pub(crate) fn read(incoming: &Incoming<'_>) -> Result<Document, MappingError> {
    for (which, id) in [("delivery", incoming.delivery), ("message", incoming.message)] {
        let found = id.chars().count();
        if !(1..=delivery::MAX_ID).contains(&found) {
            return Err(MappingError::Id { which, found });
        }
    }
    Document::parse(incoming.body.to_vec(), &Limits::default()).map_err(MappingError::Xml)
}

/// One document of a message.
#[derive(Debug)]
pub(crate) struct Declaration<'d> {
    /// Counted from 0.
    pub(crate) index: u32,
    pub(crate) shape: &'static Shape,
    pub(crate) head: Fields<'d>,
    pub(crate) lines: Vec<Fields<'d>>,
}

impl Declaration<'_> {
    /// Nine digits of a number called `name`, made from what the document is known by.
    ///
    /// # Errors
    /// When a field of its key is missing.
    pub(crate) fn serial(&self, name: &str) -> Result<String, MappingError> {
        let key = self.shape.key.iter().map(|field| self.head.required(field));
        let key = key.collect::<Result<Vec<String>, _>>()?;
        let parts = [name, self.shape.kind].into_iter().chain(key.iter().map(String::as_str));
        Ok(answer::serial(&parts.collect::<Vec<&str>>()))
    }
}

/// The documents that the delivery names.
///
/// # Errors
/// Another root than that of `shape`, indexes that are missing, not ascending or out of
/// range, a document without its head.
pub(crate) fn declarations<'d>(
    document: &'d Document,
    shape: &'static Shape,
    indexes: &[u32],
) -> Result<Vec<Declaration<'d>>, MappingError> {
    let root = document.root();
    if !root.is(shape.namespace, shape.message_type) {
        let name = root.name();
        let found = format!("{{{}}}{}", name.namespace, name.local);
        return Err(MappingError::OtherType { expected: shape.message_type, found });
    }
    if indexes.is_empty() {
        return Err(MappingError::NoDocuments);
    }
    for (before, found) in indexes.iter().zip(indexes.iter().skip(1)) {
        if found <= before {
            return Err(MappingError::Order { before: *before, found: *found });
        }
    }
    let all: Vec<_> = root.children_named(shape.namespace, shape.document).collect();
    let of = |index: &u32| {
        let found = all.get(*index as usize);
        let found = found.ok_or(MappingError::OutOfRange { index: *index, count: all.len() })?;
        declaration(*index, *found, shape)
    };
    indexes.iter().map(of).collect()
}

fn declaration<'d>(
    index: u32,
    document: Element<'d>,
    shape: &'static Shape,
) -> Result<Declaration<'d>, MappingError> {
    let head = match shape.head {
        None => document,
        Some(head) => document.child(shape.namespace, head).ok_or_else(|| {
            MappingError::FieldMissing { field: head, place: Place::of(&document) }
        })?,
    };
    let lines =
        shape.line.into_iter().flat_map(|line| document.children_named(shape.namespace, line));
    let lines = lines.map(Fields).collect();
    Ok(Declaration { index, shape, head: Fields(head), lines })
}

/// What a document does to the one declared before under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    New,
    Changed,
    Deleted,
}

/// The child elements of a head or a goods line, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'d>(Element<'d>);

impl<'d> Fields<'d> {
    /// The text of a field, `None` when it is missing or empty.
    pub(crate) fn optional(&self, field: &str) -> Option<Cow<'d, str>> {
        let text = self.0.child(self.0.name().namespace, field)?.text();
        (!text.is_empty()).then_some(text)
    }

    /// The text of a field.
    ///
    /// # Errors
    /// When it is missing or empty.
    pub(crate) fn required(&self, field: &'static str) -> Result<String, MappingError> {
        let text = self.optional(field).map(Cow::into_owned);
        text.ok_or_else(|| MappingError::FieldMissing { field, place: Place::of(&self.0) })
    }

    /// An amount or quantity as a decimal string: without white space, plus sign and
    /// superfluous leading zeros; the digits after the point stay as declared.
    ///
    /// # Errors
    /// When it is missing or not a decimal (XML Schema 1.0 part 2, section 3.2.3.1).
    pub(crate) fn decimal(&self, field: &'static str) -> Result<String, MappingError> {
        let text = self.required(field)?;
        decimal(&text).ok_or_else(|| MappingError::wrong(field, &self.0, "a decimal", &text))
    }

    /// The same as a number to reckon with.
    ///
    /// # Errors
    /// When it is missing, not a decimal, or longer than any amount of the norm.
    pub(crate) fn amount(&self, field: &'static str) -> Result<Amount, MappingError> {
        let text = self.decimal(field)?;
        let expected = "a decimal of at most 19 digits, 5 of them behind the point";
        Amount::parse(&text).ok_or_else(|| MappingError::wrong(field, &self.0, expected, &text))
    }

    /// The day of a time that begins with YYYYMMDD, as `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When it is missing or names no day of the calendar.
    pub(crate) fn day(&self, field: &'static str) -> Result<String, MappingError> {
        let text = self.required(field)?;
        let day = day(&text).map(|day| day.to_string());
        let expected = "a day of the calendar as YYYYMMDD";
        day.ok_or_else(|| MappingError::wrong(field, &self.0, expected, &text))
    }

    /// A time YYYYMMDDhhmmss at UTC+8, as RFC 3339 has it.
    ///
    /// # Errors
    /// When it is missing or no time of the calendar.
    pub(crate) fn time(&self, field: &'static str) -> Result<String, MappingError> {
        let text = self.required(field)?;
        let expected = "a time of the calendar as YYYYMMDDhhmmss";
        time(&text).ok_or_else(|| MappingError::wrong(field, &self.0, expected, &text))
    }

    /// Says that a field of these holds what cannot be mapped.
    pub(crate) fn wrong(
        &self,
        field: &'static str,
        expected: &'static str,
        found: &str,
    ) -> MappingError {
        MappingError::wrong(field, &self.0, expected, found)
    }

    /// What the document does (`appType`; norm of 2022-05, section 1). The rules of the
    /// type have judged the code before; another one counts as new, its default.
    ///
    /// # Errors
    /// When it is missing.
    pub(crate) fn change(&self) -> Result<Change, MappingError> {
        Ok(match self.required("appType")?.as_str() {
            "2" => Change::Changed,
            "3" => Change::Deleted,
            _ => Change::New,
        })
    }

    /// A field of exactly `length` characters.
    ///
    /// # Errors
    /// When it is missing or has another length.
    pub(crate) fn exactly(
        &self,
        field: &'static str,
        length: usize,
        expected: &'static str,
    ) -> Result<String, MappingError> {
        let text = self.required(field)?;
        if text.chars().count() == length {
            return Ok(text);
        }
        Err(MappingError::wrong(field, &self.0, expected, &text))
    }
}

fn decimal(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) if text.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some_digit = !(whole.is_empty() && fraction.is_empty());
    if !some_digit || !all_digits(whole) || !all_digits(fraction) || digits.len() > MAX_DECIMAL {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

fn day(text: &str) -> Option<Date> {
    let digits = text.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |range| digits.get(range).and_then(|part: &str| part.parse().ok());
    let year: i16 = digits.get(..4)?.parse().ok()?;
    Date::new(year, part(4..6)?, part(6..8)?).ok()
}

fn time(text: &str) -> Option<String> {
    let day = day(text)?;
    let clock = text.get(8..).filter(|clock| clock.len() == 6)?;
    if !clock.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range| clock.get(range).and_then(|part: &str| part.parse::<i8>().ok());
    let time = Time::new(part(0..2)?, part(2..4)?, part(4..6)?, 0).ok()?;
    Some(format!("{day}T{time}+08:00"))
}

#[cfg(test)]
mod tests;
