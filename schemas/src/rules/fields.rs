//! The fields of one document, by number. In: an element and the names that rules
//! mention. Out: for the head and each line, where each field stands. Promised: one
//! walk, one allocation, no text is copied unless it comes in several pieces.

use std::borrow::Cow;

use onepoint_xml::{Document, Element, EventIndex};
use serde::Deserialize;

use super::value::collapsed;
use crate::catalogue::MessageType;

/// Most fields that the rules of a type mention of its head, or of its lines.
pub(super) const FIELDS_MAX: usize = 200;

/// Which table a field is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Head,
    Line,
}

/// A field of a rule: a name in the file, a place in a table once it is resolved.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Field {
    /// The local name of the element.
    pub(super) name: String,
    /// What the file said, where it did.
    pub(super) said: Option<Scope>,
    /// Written with `?`: looked at where the type has it.
    pub(super) optional: bool,
    pub(super) scope: Scope,
    pub(super) at: usize,
    /// Its value is not repeated in violations.
    pub(super) personal: bool,
}

impl From<String> for Field {
    fn from(text: String) -> Field {
        let (said, name) = match text.split_once('/') {
            Some(("head", name)) => (Some(Scope::Head), name),
            Some(("line", name)) => (Some(Scope::Line), name),
            _ => (None, text.as_str()),
        };
        let optional = name.ends_with('?');
        let name = name.trim_end_matches('?').to_owned();
        Field { name, said, optional, scope: Scope::Head, at: 0, personal: false }
    }
}

/// Names with a number each, found by a small table of hashes.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<String>,
    /// Number plus one, 0 for nothing; a power of two long, at most half full.
    table: Vec<u8>,
}

impl Names {
    /// The number of a name, which gets one when it has none. `None` when there are too many.
    pub(super) fn add(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.names.iter().position(|known| known == name) {
            return Some(at);
        }
        if self.names.len() == FIELDS_MAX {
            return None;
        }
        self.names.push(name.to_owned());
        Some(self.names.len() - 1)
    }

    /// Builds the table; names added later are not found.
    pub(super) fn freeze(&mut self) {
        let size = (self.names.len() * 2).next_power_of_two();
        self.table = vec![0; size];
        for (number, name) in (1..=u8::MAX).zip(&self.names) {
            let mut place = hash(name) & (size - 1);
            while self.table.get(place).is_some_and(|taken| *taken != 0) {
                place = (place + 1) & (size - 1);
            }
            if let Some(free) = self.table.get_mut(place) {
                *free = number;
            }
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let mask = self.table.len().checked_sub(1)?;
        let mut place = hash(name) & mask;
        loop {
            let number = usize::from(*self.table.get(place)?).checked_sub(1)?;
            if self.names.get(number).is_some_and(|known| known == name) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Length and three bytes tell field names apart well enough.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let byte = |at: usize| bytes.get(at).map_or(0, |b| usize::from(*b));
    let length = bytes.len();
    length
        .wrapping_add(byte(0).wrapping_mul(3))
        .wrapping_add(byte(length / 2).wrapping_mul(7))
        .wrapping_add(byte(length.wrapping_sub(1)).wrapping_mul(31))
}

/// What a rule looks at.
#[derive(Debug)]
pub(super) struct Values<'d> {
    pub(super) document: &'d Document,
    /// The element of the document, a child of the root.
    pub(super) element: Element<'d>,
    head: Element<'d>,
    /// Event of each field, 0 for none: those of the head, then for each line its own
    /// element and its fields. No field is the first event of a document.
    events: Vec<u32>,
    head_width: usize,
    line_width: usize,
}

impl<'d> Values<'d> {
    pub(super) fn read(
        element: Element<'d>,
        kind: &MessageType,
        head_names: &Names,
        line_names: &Names,
    ) -> Values<'d> {
        let named = kind.head.as_deref().and_then(|h| element.child(&kind.namespace, h));
        let head = named.unwrap_or(element);
        let (head_width, line_width) = (head_names.len(), line_names.len() + 1);
        let mut events = Vec::with_capacity(head_width + 4 * line_width);
        fill(&mut events, head, head_names);
        if let Some(line) = kind.line.as_deref() {
            for line in element.children_named(&kind.namespace, line) {
                events.push(line.index().0);
                fill(&mut events, line, line_names);
            }
        }
        Values { document: element.document(), element, head, events, head_width, line_width }
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        (self.events.len() - self.head_width) / self.line_width
    }

    /// Each line as rules see it.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_, 'd>> {
        (0..self.lines()).map(|line| Row { values: self, line: Some(line) })
    }

    /// The document as rules of its head see it.
    pub(super) fn head_row(&self) -> Row<'_, 'd> {
        Row { values: self, line: None }
    }

    fn event(&self, at: usize) -> Option<EventIndex> {
        self.events.get(at).copied().filter(|event| *event != 0).map(EventIndex)
    }
}

fn fill(events: &mut Vec<u32>, owner: Element<'_>, names: &Names) {
    let start = events.len();
    events.resize(start + names.len(), 0);
    for child in owner.children() {
        let Some(at) = names.find(child.name().local) else { continue };
        // The first of a name counts; the schema has judged a second.
        if let Some(slot) = events.get_mut(start + at).filter(|slot| **slot == 0) {
            *slot = child.index().0;
        }
    }
}

/// A document, or one line of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'v, 'd> {
    pub(super) values: &'v Values<'d>,
    line: Option<usize>,
}

impl<'d> Row<'_, 'd> {
    /// The field with its value as written; an empty one counts as absent.
    pub(super) fn get(&self, field: &Field) -> Option<(Element<'d>, Cow<'d, str>)> {
        let at = match field.scope {
            Scope::Head => field.at,
            Scope::Line => self.start()? + 1 + field.at,
        };
        let element = self.values.document.element(self.values.event(at)?);
        let text = element.text();
        if collapsed(&text).is_empty() { None } else { Some((element, text)) }
    }

    /// The element whose fields these are.
    pub(super) fn owner(&self) -> Element<'d> {
        let line = self.start().and_then(|start| self.values.event(start));
        line.map_or(self.values.head, |event| self.values.document.element(event))
    }

    /// Number of the line from 1; 0 for a head.
    pub(super) fn number(&self) -> usize {
        self.line.map_or(0, |line| line + 1)
    }

    fn start(&self) -> Option<usize> {
        self.line.map(|line| self.values.head_width + line * self.values.line_width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_their_number_and_no_others() {
        let mut names = Names::default();
        let all: Vec<String> = (0..FIELDS_MAX).map(|n| format!("field{n}")).collect();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.add(name), Some(number));
        }
        assert_eq!((names.add("field0"), names.add("one more")), (Some(0), None));
        names.freeze();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.find(name), Some(number));
        }
        assert_eq!((names.find("field"), names.find("")), (None, None));
        let mut none = Names::default();
        none.freeze();
        assert_eq!(none.find("field0"), None);
    }
}
