//! IDs and what refers to them (part 1, section 3.15.4): each ID once, each IDREF to one.

use std::collections::HashSet;

use onepoint_xml::{Document, EventIndex};

use crate::xsd::explain::Report;
use crate::xsd::simple::Role;

/// The IDs of a document so far. Empty tables take no memory.
#[derive(Debug, Default)]
pub(super) struct Identities {
    ids: HashSet<Box<str>>,
    twice: Vec<(Box<str>, EventIndex)>,
    refs: Vec<(Box<str>, EventIndex)>,
}

impl Identities {
    /// Takes an ID or a reference to one in the element that starts at `index`.
    pub(super) fn note(&mut self, role: Role, text: &str, index: EventIndex) {
        match role {
            Role::Id => {
                if !self.ids.insert(text.into()) {
                    self.twice.push((text.into(), index));
                }
            }
            Role::IdRef => self.refs.push((text.into(), index)),
            Role::Plain | Role::Entity => {}
        }
    }

    /// Says what does not hold, when the whole document is known.
    pub(super) fn settle(&self, document: &Document, report: &mut Report<'_>) {
        for (id, index) in &self.twice {
            report.id_twice(document.element(*index), id);
        }
        for (id, index) in self.refs.iter().filter(|(id, _)| !self.ids.contains(id)) {
            report.id_missing(document.element(*index), id);
        }
    }
}
