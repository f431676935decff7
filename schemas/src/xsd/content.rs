//! Content models as machines that take one child at a time. In: the particles of a type.
//! Out: a [`Machine`], deterministic by the rule of unique attribution (part 1, section
//! 3.8.6), with counters for occurrences, so that `maxOccurs="100000"` costs no more than 1.
//! A machine is immutable; where a walk stands in it is a [`State`] of fixed size.

use std::sync::Arc;

use super::model::{ElementId, Wildcard};
use super::symbols::{Symbol, Symbols, UNKNOWN};

mod build;

pub(super) use build::{Refused, machine};

/// Stands for `unbounded`.
pub(super) const UNBOUNDED: u32 = u32::MAX;
/// Counted groups inside each other.
const COUNTERS: usize = 4;
/// Members of an `all` group, one bit each.
const ALL_MAX: usize = 64;

/// A particle as the schema has it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) part: Part,
}

/// What occurs.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Term(Term),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    All(Vec<Node>),
}

/// What a child may be.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Element {
        name: Symbol,
        element: ElementId,
        /// The members of its substitution group that may stand here.
        substitutes: Arc<[(Symbol, ElementId)]>,
    },
    Any(Wildcard),
}

/// What a child was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'m> {
    Element(ElementId),
    Any(&'m Wildcard),
}

/// A term with its occurrences.
#[derive(Debug, Clone)]
pub(super) struct Particle {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) term: Term,
}

/// A content model.
#[derive(Debug)]
pub(super) enum Machine {
    /// Terms in this order: what nearly all messages are made of.
    Sequence(Vec<Particle>),
    /// Terms in any order, each at most once; `optional`: or none at all.
    All { members: Vec<Particle>, optional: bool },
    /// Anything else.
    Automaton(Automaton),
}

/// A position for each term, with the ways from it to the next.
#[derive(Debug)]
pub(super) struct Automaton {
    pub(super) terms: Vec<Term>,
    /// The edges from the start, then those from each position.
    rows: Vec<Vec<Edge>>,
    /// What has to hold for the content to end at the start, and at each position.
    ends: Vec<Option<Vec<Step>>>,
}

/// A way to a position.
#[derive(Debug, Clone)]
struct Edge {
    /// The name, where the term is one element without substitutes.
    name: Symbol,
    to: u32,
    steps: Vec<Step>,
}

/// What happens to the counters on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A counted group ends: it must have come this often.
    Leave { counter: u8, min: u32 },
    /// A counted group comes again: it may not have come this often.
    Again { counter: u8, max: u32 },
    /// A counted group comes for the first time.
    Enter { counter: u8 },
}

/// Where a walk stands in a machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// The particle of a sequence, or the row of an automaton.
    pub(super) at: u32,
    /// How often the particle has come.
    pub(super) count: u32,
    /// The members of an `all` group that have come.
    pub(super) seen: u64,
    counters: [u32; COUNTERS],
}

impl Term {
    /// What a child of this name is by this term; its namespace is asked for only where a
    /// wildcard needs it.
    pub(super) fn takes<'m, 'n>(
        &'m self,
        symbol: Symbol,
        namespace: &impl Fn() -> &'n str,
    ) -> Option<Found<'m>> {
        match self {
            Term::Element { name, element, substitutes } => {
                if *name == symbol && symbol != UNKNOWN {
                    return Some(Found::Element(*element));
                }
                let other = substitutes.iter().find(|(name, _)| *name == symbol);
                other.map(|(_, element)| Found::Element(*element))
            }
            Term::Any(wildcard) => wildcard.allows(namespace()).then_some(Found::Any(wildcard)),
        }
    }

    /// Whether some child could be both.
    fn overlaps(&self, other: &Term, symbols: &Symbols) -> bool {
        match (self, other) {
            (Term::Any(one), Term::Any(other)) => one.overlaps(other),
            (Term::Any(any), element) | (element, Term::Any(any)) => {
                element.names().any(|name| any.allows(symbols.name(name).0))
            }
            (one, other) => one.names().any(|name| other.names().any(|also| name == also)),
        }
    }

    fn names(&self) -> impl Iterator<Item = Symbol> {
        let (own, others) = match self {
            Term::Element { name, substitutes, .. } => (Some(*name), substitutes.as_ref()),
            Term::Any(_) => (None, &[][..]),
        };
        own.into_iter().chain(others.iter().map(|(name, _)| *name))
    }
}

impl Machine {
    /// Takes the next child; none when it may not stand here, and the state stays.
    pub(super) fn step<'m, 'n>(
        &'m self,
        state: &mut State,
        symbol: Symbol,
        namespace: impl Fn() -> &'n str,
    ) -> Option<Found<'m>> {
        match self {
            Machine::Sequence(particles) => {
                let (mut at, mut count) = (state.at, state.count);
                loop {
                    let particle = particles.get(at as usize)?;
                    if count < particle.max
                        && let Some(found) = particle.term.takes(symbol, &namespace)
                    {
                        (state.at, state.count) = (at, count.saturating_add(1));
                        return Some(found);
                    }
                    if count < particle.min {
                        return None;
                    }
                    (at, count) = (at + 1, 0);
                }
            }
            Machine::All { members, .. } => {
                let mut all = members.iter().enumerate();
                let (at, found) = all.find_map(|(at, member)| {
                    member.term.takes(symbol, &namespace).map(|found| (at, found))
                })?;
                if state.seen & bit(at) != 0 {
                    return None;
                }
                state.seen |= bit(at);
                Some(found)
            }
            Machine::Automaton(automaton) => automaton.step(state, symbol, &namespace),
        }
    }

    /// Whether the content may end here.
    pub(super) fn may_end(&self, state: &State) -> bool {
        match self {
            Machine::Sequence(particles) => {
                let rest = particles.iter().skip(state.at as usize).enumerate();
                let (came, mut open) = (state.count, rest);
                open.all(|(ahead, particle)| particle.min <= if ahead == 0 { came } else { 0 })
            }
            Machine::All { members, optional } => {
                (*optional && state.seen == 0)
                    || members
                        .iter()
                        .enumerate()
                        .all(|(at, member)| member.min == 0 || state.seen & bit(at) != 0)
            }
            Machine::Automaton(automaton) => {
                let end = automaton.ends.get(state.at as usize).and_then(Option::as_ref);
                end.is_some_and(|steps| apply(steps, &state.counters).is_some())
            }
        }
    }

    /// What may come next.
    pub(super) fn due(&self, state: &State) -> Vec<&Term> {
        match self {
            Machine::Automaton(automaton) => {
                let row = automaton.rows.get(state.at as usize).into_iter().flatten();
                row.filter_map(|edge| automaton.terms.get(edge.to as usize)).collect()
            }
            _ => self.terms().collect(),
        }
    }

    /// All terms, in the order of the schema.
    pub(super) fn terms(&self) -> impl Iterator<Item = &Term> {
        let (particles, terms) = match self {
            Machine::Sequence(particles) => (particles.as_slice(), &[][..]),
            Machine::All { members, .. } => (members.as_slice(), &[][..]),
            Machine::Automaton(automaton) => (&[][..], automaton.terms.as_slice()),
        };
        particles.iter().map(|particle| &particle.term).chain(terms)
    }
}

impl Automaton {
    fn step<'m, 'n>(
        &'m self,
        state: &mut State,
        symbol: Symbol,
        namespace: &impl Fn() -> &'n str,
    ) -> Option<Found<'m>> {
        for edge in self.rows.get(state.at as usize)? {
            // Most terms are one name: told without a look at the term.
            if edge.name != symbol && edge.name != UNKNOWN {
                continue;
            }
            let Some(found) = self.terms.get(edge.to as usize)?.takes(symbol, namespace) else {
                continue;
            };
            if let Some(counters) = apply(&edge.steps, &state.counters) {
                (state.at, state.counters) = (edge.to + 1, counters);
                return Some(found);
            }
        }
        None
    }
}

/// The counters after the steps; none when one of them does not hold.
fn apply(steps: &[Step], counters: &[u32; COUNTERS]) -> Option<[u32; COUNTERS]> {
    let mut counters = *counters;
    for step in steps {
        match step {
            Step::Leave { counter, min } => {
                if counters.get(usize::from(*counter))? < min {
                    return None;
                }
            }
            Step::Again { counter, max } => {
                let count = counters.get_mut(usize::from(*counter))?;
                if *count >= *max && *max != UNBOUNDED {
                    return None;
                }
                *count = count.saturating_add(1);
            }
            Step::Enter { counter } => *counters.get_mut(usize::from(*counter))? = 1,
        }
    }
    Some(counters)
}

fn bit(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1u64.checked_shl(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
