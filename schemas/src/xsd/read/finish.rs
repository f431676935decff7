//! The end of reading: substitution groups are closed, particles become machines, values
//! of elements are read.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Body, Reader, Stop, general};
use crate::xsd::SchemaError;
use crate::xsd::content::{self, Machine, Node, Part, Refused, Term};
use crate::xsd::model::{Content, ElementId, Kind, Model, Ways};
use crate::xsd::symbols::Symbol;

/// Members of all substitution groups together, each counted for each of its heads.
const SUBSTITUTES_MAX: usize = 100_000;

type Members = HashMap<ElementId, Arc<[(Symbol, ElementId)]>>;

impl Reader<'_> {
    /// Ends the reading.
    pub(super) fn finish(mut self) -> Result<Model, Stop> {
        let constraints = std::mem::take(&mut self.constraints);
        for (element, place) in constraints {
            let kind = self.model.element(element).map_or(0, |element| element.kind);
            let constraint = self.constraint(place, kind);
            if let Some(element) = self.model.elements.get_mut(element as usize) {
                element.constraint = constraint;
            }
        }
        let members = self.members()?;
        for (id, body) in std::mem::take(&mut self.bodies) {
            let Body { node, mixed } = body;
            let content = match node {
                None if !mixed => Content::Empty,
                None => Content::Children { machine: Machine::Sequence(Vec::new()), mixed },
                Some(mut node) => {
                    fill(&mut node, &members);
                    let machine = content::machine(&node, &self.model.symbols);
                    let machine = machine.or_else(|refused| {
                        general(match refused {
                            Refused::Ambiguous => "a content model that is ambiguous with counters",
                            Refused::TooLarge => "a content model that is large or deep",
                            Refused::All => "xs:all inside another group",
                        })
                    })?;
                    Content::Children { machine, mixed }
                }
            };
            if let Some(kind) = self.model.types.get_mut(id as usize)
                && let Kind::Complex(complex) = &mut kind.kind
            {
                complex.content = content;
            }
        }
        Ok(self.model)
    }

    /// For each head the elements that may stand for it (part 1, section 3.3.6,
    /// Substitution Group OK).
    fn members(&self) -> Result<Members, Stop> {
        let mut direct: HashMap<ElementId, Vec<ElementId>> = HashMap::new();
        for (member, head) in &self.heads {
            direct.entry(*head).or_default().push(*member);
        }
        let mut count = 0;
        let mut closed = Members::new();
        for head in direct.keys() {
            let mut found = Vec::new();
            let mut open = vec![*head];
            let mut seen = vec![*head];
            while let Some(next) = open.pop() {
                for member in direct.get(&next).into_iter().flatten() {
                    if seen.contains(member) {
                        continue;
                    }
                    seen.push(*member);
                    open.push(*member);
                    if self.may_substitute(*member, *head)
                        && let Some(element) = self.model.element(*member)
                    {
                        found.push((element.name, *member));
                    }
                    count += 1;
                    if count > SUBSTITUTES_MAX || seen.len() > SUBSTITUTES_MAX / 50 {
                        let what = format!("more than {SUBSTITUTES_MAX} substitutes");
                        return Err(Stop::Refused(SchemaError::TooLarge(what)));
                    }
                }
            }
            closed.insert(*head, found.into());
        }
        Ok(closed)
    }

    fn may_substitute(&self, member: ElementId, head: ElementId) -> bool {
        let model = &self.model;
        let (Some(member), Some(head)) = (model.element(member), model.element(head)) else {
            return false;
        };
        if head.block.meets(Ways::SUBSTITUTION) {
            return false;
        }
        let Some(used) = model.derivation(member.kind, head.kind) else { return false };
        let mut blocked = head.block;
        let mut at = member.kind;
        for _ in 0..=model.types.len() {
            let Some(kind) = model.kind(at) else { break };
            if at != member.kind {
                blocked = blocked.with(kind.block);
            }
            if at == head.kind || at == kind.base {
                break;
            }
            at = kind.base;
        }
        !blocked.meets(used)
    }
}

/// Writes the substitutes into the terms.
fn fill(node: &mut Node, members: &Members) {
    match &mut node.part {
        Part::Term(Term::Element { element, substitutes, .. }) => {
            if let Some(known) = members.get(element) {
                *substitutes = Arc::clone(known);
            }
        }
        Part::Term(Term::Any(_)) => {}
        Part::Sequence(parts) | Part::Choice(parts) | Part::All(parts) => {
            for part in parts {
                fill(part, members);
            }
        }
    }
}
