//! What a child means that its content model does not take: something is missing before it,
//! it is repeated, late, early, or a stranger. The walk is set right again where it can be,
//! so that one fault does not hide the next. Only messages that are refused come here; the
//! looks around are bounded by the number of violations that are listed.

use onepoint_xml::EventIndex;

use super::{Frame, Placed, Walk};
use crate::xsd::content::{Found, Machine, Particle, State, Term};
use crate::xsd::explain::Gap;
use crate::xsd::model::Model;
use crate::xsd::symbols::{Symbol, UNKNOWN};

/// What is known of the children of a sequence once one of them was wrong.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Which particles have come, one bit each.
    came: Bits,
    /// Which have come too early: they are neither missing nor reported twice.
    moved: Bits,
}

/// A set of places in a sequence. A place beyond 128 is never in it: a child is then called
/// late instead of repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Bits(u128);

impl Bits {
    fn has(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }

    fn set(&mut self, place: usize) {
        self.0 |= bit(place);
    }
}

fn bit(place: usize) -> u128 {
    u32::try_from(place).ok().and_then(|place| 1u128.checked_shl(place)).unwrap_or(0)
}

impl Walk<'_, '_> {
    /// Finds out what a child means, reports it, and goes on.
    pub(super) fn recover(
        &mut self,
        machine: &Machine,
        index: EventIndex,
        symbol: Symbol,
    ) -> Placed {
        let full = self.report.is_full();
        match machine {
            Machine::Sequence(particles) if !full => self.in_sequence(particles, index, symbol),
            Machine::All { members, .. } if !full => {
                let child = self.document.element(index);
                let Some(frame) = self.scratch.frames.last() else { return Placed::Nowhere };
                let seen = |at: usize| frame.state.seen & (1u64 << at.min(63)) != 0;
                let known = members.iter().any(|member| is(member, symbol));
                if known {
                    self.report.too_many(child, 1);
                } else {
                    let open = members.iter().enumerate().filter(|(at, _)| !seen(*at));
                    let due = names(self.model, open.map(|(_, member)| &member.term));
                    self.report.unexpected(child, &due);
                }
                Placed::Nowhere
            }
            _ => self.in_automaton(machine, index, symbol),
        }
    }

    /// In a choice the first word is enough: after it only the insides are looked at.
    fn in_automaton(&mut self, machine: &Machine, index: EventIndex, symbol: Symbol) -> Placed {
        let document = self.document;
        let Some(frame) = self.scratch.frames.last_mut() else { return Placed::Nowhere };
        if !std::mem::replace(&mut frame.spoiled, true) {
            let due = names(self.model, machine.due(&frame.state).into_iter());
            self.report.unexpected(document.element(index), &due);
        }
        frame.recovery.get_or_insert_default();
        let namespace = || document.element(index).name().namespace;
        match machine.terms().find_map(|term| term.takes(symbol, &namespace)) {
            Some(Found::Element(element)) => Placed::Element(element),
            Some(Found::Any(wildcard)) => Placed::Any(wildcard.process),
            None => Placed::Nowhere,
        }
    }

    fn in_sequence(&mut self, particles: &[Particle], index: EventIndex, symbol: Symbol) -> Placed {
        let child = self.document.element(index);
        self.look_back(particles, index);
        let Some(frame) = self.scratch.frames.last() else { return Placed::Nowhere };
        let Some(recovery) = &frame.recovery else { return Placed::Nowhere };
        let (at, count) = (frame.state.at as usize, frame.state.count);
        let namespace = || child.name().namespace;
        // Mostly it is the present one or the next: begin the search there.
        let ahead = particles.iter().enumerate().skip(at);
        let mut all = ahead.chain(particles.iter().enumerate().take(at));
        let found = all.find_map(|(place, known)| {
            known.term.takes(symbol, &namespace).map(|found| (place, known, found))
        });
        let Some((place, known, found)) = found else {
            let due = due(self.model, particles, &frame.state);
            self.report.unexpected(child, &due);
            return Placed::Nowhere;
        };
        if place == at && count > 0 && count >= known.max {
            self.report.too_many(child, known.max);
            return Placed::Nowhere;
        }
        if place < at {
            match particles.get(at) {
                _ if recovery.came.has(place) && known.max == 1 => self.report.too_many(child, 1),
                now => {
                    let now = now.map_or("", |now| name(self.model, &now.term));
                    self.report.late(child, now);
                }
            }
            return Placed::Nowhere;
        }
        if place > at && recovery.moved.has(place) {
            return Placed::Nowhere;
        }
        let missing = gaps(particles, frame, place);
        if let Some(after) = self.comes_later(frame, &missing) {
            self.report.early(child, self.model.symbols.local(after));
            if let Some(frame) = self.scratch.frames.last_mut() {
                frame.recovery.get_or_insert_default().moved.set(place);
            }
            return Placed::Nowhere;
        }
        for gap in missing.iter().filter(|gap| !gap.moved) {
            self.report.missing(self.model, child, gap);
        }
        if let Some(frame) = self.scratch.frames.last_mut() {
            frame.recovery.get_or_insert_default().came.set(place);
            frame.state.count = if place == at { count + 1 } else { 1 };
            frame.state.at = place as u32;
        }
        match found {
            Found::Element(element) => Placed::Element(element),
            Found::Any(wildcard) => Placed::Any(wildcard.process),
        }
    }

    /// At the first fault: which particles have come before this child.
    fn look_back(&mut self, particles: &[Particle], until: EventIndex) {
        let Some(frame) = self.scratch.frames.last_mut() else { return };
        if frame.recovery.is_some() {
            return;
        }
        let mut recovery = Recovery::default();
        let before = self.document.element(frame.start).children();
        for child in before.take_while(|child| child.index() < until) {
            let name = child.name();
            let symbol = self.model.symbols.find(name.namespace, name.local);
            let namespace = || name.namespace;
            let takes = |known: &Particle| known.term.takes(symbol, &namespace).is_some();
            if let Some(place) = particles.iter().position(takes) {
                recovery.came.set(place);
            }
        }
        frame.recovery = Some(Box::new(recovery));
    }

    /// The last of the missing that comes further down: the child is then early.
    fn comes_later(&self, frame: &Frame, missing: &[Gap]) -> Option<Symbol> {
        let parent = self.document.element(frame.start);
        let comes = |gap: &&Gap| {
            let (namespace, local) = self.model.symbols.name(gap.name);
            !gap.moved && parent.children().any(|child| child.is(namespace, local))
        };
        missing.iter().rev().find(comes).map(|gap| gap.name)
    }

    /// Says what is missing when an element ends.
    pub(super) fn incomplete(&mut self, machine: &Machine, frame: &Frame) {
        let element = self.document.element(frame.start);
        match machine {
            Machine::Sequence(particles) => {
                for gap in gaps(particles, frame, particles.len()).iter().filter(|gap| !gap.moved) {
                    self.report.missing_at_end(self.model, element, gap);
                }
            }
            Machine::All { members, .. } => {
                let came = |at: usize| frame.state.seen & (1u64 << at.min(63)) != 0;
                let open = members.iter().enumerate().filter(|(at, m)| m.min > 0 && !came(*at));
                for (_, member) in open {
                    let name = symbol_of(&member.term);
                    let gap = Gap { name, after: None, moved: false };
                    self.report.missing_at_end(self.model, element, &gap);
                }
            }
            Machine::Automaton(_) => {
                let due = names(self.model, machine.due(&frame.state).into_iter());
                self.report.incomplete(element, &due);
            }
        }
    }
}

/// Required particles between the present place and `until`.
fn gaps(particles: &[Particle], frame: &Frame, until: usize) -> Vec<Gap> {
    let (at, count) = (frame.state.at as usize, frame.state.count);
    let last = particles.get(at).filter(|_| count > 0).map(|last| symbol_of(&last.term));
    let moved = frame.recovery.as_ref().map(|recovery| recovery.moved).unwrap_or_default();
    let open = particles.iter().enumerate().take(until).skip(at);
    let open = open.filter(|(place, known)| known.min > if *place == at { count } else { 0 });
    open.map(|(place, known)| Gap {
        name: symbol_of(&known.term),
        after: last,
        moved: moved.has(place),
    })
    .collect()
}

/// What may come now, up to the next required one.
fn due(model: &Model, particles: &[Particle], state: &State) -> String {
    let mut due = Vec::new();
    for (place, known) in particles.iter().enumerate().skip(state.at as usize) {
        let came = if place == state.at as usize { state.count } else { 0 };
        if came < known.max {
            due.push(&known.term);
        }
        if came < known.min {
            break;
        }
    }
    names(model, due.into_iter())
}

fn is(particle: &Particle, symbol: Symbol) -> bool {
    matches!(&particle.term, Term::Element { name, .. } if *name == symbol)
}

fn symbol_of(term: &Term) -> Symbol {
    match term {
        Term::Element { name, .. } => *name,
        Term::Any(_) => UNKNOWN,
    }
}

fn name<'m>(model: &'m Model, term: &Term) -> &'m str {
    model.symbols.local(symbol_of(term))
}

/// The names of the terms, each once; wildcards have none.
fn names<'t>(model: &Model, terms: impl Iterator<Item = &'t Term>) -> String {
    let mut known: Vec<&str> = Vec::new();
    for term in terms {
        let name = name(model, term);
        if !name.is_empty() && !known.contains(&name) {
            known.push(name);
        }
    }
    known.join(", ")
}
