//! Builds a [`Machine`] from particles: a sequence or an `all` group where it is one, else
//! an automaton of positions (Glushkov). Bounded, and no recursion deeper than the schema's
//! own nesting. What is not deterministic with our counters is refused, by name.

use super::{
    ALL_MAX, Automaton, COUNTERS, Edge, Machine, Node, Part, Particle, Step, Term, UNBOUNDED,
};
use crate::xsd::symbols::{Symbols, UNKNOWN};

/// Terms of one content model.
const TERMS_MAX: usize = 2_000;
/// Edges of one automaton.
const EDGES_MAX: usize = 100_000;

/// Why a content model has no machine of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::xsd) enum Refused {
    /// A child could be two particles, or count in two ways.
    Ambiguous,
    /// More terms, edges or counters than we hold.
    TooLarge,
    /// `all` inside something else.
    All,
}

/// The machine of a content model.
pub(in crate::xsd) fn machine(root: &Node, symbols: &Symbols) -> Result<Machine, Refused> {
    if let Part::All(members) = &root.part {
        return all(root, members, symbols);
    }
    let mut particles = Vec::new();
    if flatten(root, &mut particles) {
        if particles.len() > TERMS_MAX {
            return Err(Refused::TooLarge);
        }
        return match is_ambiguous(&particles, symbols) {
            true => Err(Refused::Ambiguous),
            false => Ok(Machine::Sequence(particles)),
        };
    }
    let mut builder = Builder::default();
    let fragment = builder.node(root, 0)?;
    let mut rows = vec![fragment.first];
    rows.append(&mut builder.rows);
    let mut ends = vec![fragment.nullable.then(Vec::new)];
    ends.resize(rows.len(), None);
    for (position, steps) in fragment.last {
        if let Some(end) = ends.get_mut(position as usize + 1) {
            *end = Some(steps);
        }
    }
    let terms = builder.terms;
    for row in &mut rows {
        settle(row, &terms, symbols)?;
    }
    Ok(Machine::Automaton(Automaton { terms, rows, ends }))
}

fn all(root: &Node, members: &[Node], symbols: &Symbols) -> Result<Machine, Refused> {
    if members.len() > ALL_MAX || root.max > 1 {
        return Err(Refused::TooLarge);
    }
    let mut particles = Vec::new();
    for member in members.iter().filter(|member| member.max > 0) {
        match &member.part {
            Part::Term(term) if member.max == 1 => {
                let clash = |known: &Particle| known.term.overlaps(term, symbols);
                if particles.iter().any(clash) {
                    return Err(Refused::Ambiguous);
                }
                particles.push(Particle { min: member.min, max: 1, term: term.clone() });
            }
            _ => return Err(Refused::All),
        }
    }
    let particles = if root.max == 0 { Vec::new() } else { particles };
    Ok(Machine::All { members: particles, optional: root.min == 0 })
}

/// Lays a sequence of terms out flat; false when it is something else.
fn flatten(node: &Node, out: &mut Vec<Particle>) -> bool {
    if node.max == 0 {
        return true;
    }
    match &node.part {
        Part::Term(term) => {
            out.push(Particle { min: node.min, max: node.max, term: term.clone() });
            true
        }
        Part::Sequence(parts) if (node.min, node.max) == (1, 1) => {
            parts.iter().all(|part| flatten(part, out))
        }
        Part::Choice(parts) if parts.len() == 1 && (node.min, node.max) == (1, 1) => {
            parts.iter().all(|part| flatten(part, out))
        }
        Part::Sequence(parts) if parts.is_empty() => true,
        _ => false,
    }
}

/// Whether a child could be a particle or one after it.
fn is_ambiguous(particles: &[Particle], symbols: &Symbols) -> bool {
    particles.iter().enumerate().any(|(at, particle)| {
        // What has come exactly as often as it must leaves no choice.
        if particle.min == particle.max {
            return false;
        }
        for next in particles.iter().skip(at + 1) {
            if particle.term.overlaps(&next.term, symbols) {
                return true;
            }
            if next.min > 0 {
                return false;
            }
        }
        false
    })
}

/// Part of an automaton: how it may begin and end.
#[derive(Default)]
struct Fragment {
    first: Vec<Edge>,
    last: Vec<(u32, Vec<Step>)>,
    nullable: bool,
}

#[derive(Default)]
struct Builder {
    terms: Vec<Term>,
    rows: Vec<Vec<Edge>>,
    edges: usize,
}

impl Builder {
    /// A particle; `depth` counted groups are around it.
    fn node(&mut self, node: &Node, depth: usize) -> Result<Fragment, Refused> {
        if node.max == 0 {
            return Ok(Fragment { nullable: true, ..Fragment::default() });
        }
        let again = node.max > 1;
        let counted = again && !(node.max == UNBOUNDED && node.min <= 1);
        let counter = u8::try_from(depth).map_err(|_| Refused::TooLarge)?;
        if counted && depth >= COUNTERS {
            return Err(Refused::TooLarge);
        }
        let inner = depth + usize::from(counted);
        let mut fragment = match &node.part {
            Part::Term(term) => self.term(term)?,
            Part::Sequence(parts) => self.sequence(parts, inner)?,
            Part::Choice(parts) => self.choice(parts, inner)?,
            Part::All(_) => return Err(Refused::All),
        };
        if again {
            let step = Step::Again { counter, max: node.max };
            self.link(&fragment.last, &fragment.first, counted.then_some(step))?;
        }
        if counted {
            // Rounds in which nothing comes fill up what is missing.
            let min = if fragment.nullable { 0 } else { node.min };
            for edge in &mut fragment.first {
                edge.steps.insert(0, Step::Enter { counter });
            }
            for (_, steps) in &mut fragment.last {
                steps.push(Step::Leave { counter, min });
            }
        }
        fragment.nullable |= node.min == 0;
        Ok(fragment)
    }

    fn term(&mut self, term: &Term) -> Result<Fragment, Refused> {
        let position = self.terms.len() as u32;
        if self.terms.len() >= TERMS_MAX {
            return Err(Refused::TooLarge);
        }
        self.terms.push(term.clone());
        self.rows.push(Vec::new());
        let name = match term {
            Term::Element { name, substitutes, .. } if substitutes.is_empty() => *name,
            _ => UNKNOWN,
        };
        let first = vec![Edge { name, to: position, steps: Vec::new() }];
        Ok(Fragment { first, last: vec![(position, Vec::new())], nullable: false })
    }

    fn sequence(&mut self, parts: &[Node], depth: usize) -> Result<Fragment, Refused> {
        let mut whole = Fragment { nullable: true, ..Fragment::default() };
        for part in parts {
            let next = self.node(part, depth)?;
            self.link(&whole.last, &next.first, None)?;
            if whole.nullable {
                whole.first.extend(next.first);
            }
            if !next.nullable {
                whole.last.clear();
            }
            whole.last.extend(next.last);
            whole.nullable &= next.nullable;
        }
        Ok(whole)
    }

    fn choice(&mut self, parts: &[Node], depth: usize) -> Result<Fragment, Refused> {
        let mut whole = Fragment::default();
        for part in parts {
            let next = self.node(part, depth)?;
            whole.first.extend(next.first);
            whole.last.extend(next.last);
            whole.nullable |= next.nullable;
        }
        Ok(whole)
    }

    /// Ways from each end to each beginning.
    fn link(
        &mut self,
        from: &[(u32, Vec<Step>)],
        to: &[Edge],
        between: Option<Step>,
    ) -> Result<(), Refused> {
        self.edges += from.len() * to.len();
        if self.edges > EDGES_MAX {
            return Err(Refused::TooLarge);
        }
        for (position, leave) in from {
            let Some(row) = self.rows.get_mut(*position as usize) else { continue };
            row.extend(to.iter().map(|edge| {
                let steps = leave.iter().copied().chain(between).chain(edge.steps.iter().copied());
                Edge { name: edge.name, to: edge.to, steps: steps.collect() }
            }));
        }
        Ok(())
    }
}

/// Takes double edges away and sees to it that each child has one way at most.
fn settle(row: &mut Vec<Edge>, terms: &[Term], symbols: &Symbols) -> Result<(), Refused> {
    let mut kept: Vec<Edge> = Vec::with_capacity(row.len());
    for edge in row.drain(..) {
        let Some(term) = terms.get(edge.to as usize) else { continue };
        let mut double = false;
        for known in &kept {
            // Two plain names that differ cannot meet.
            if known.name != edge.name && known.name != UNKNOWN && edge.name != UNKNOWN {
                continue;
            }
            if known.to == edge.to && known.steps == edge.steps {
                double = true;
                break;
            }
            let meet = terms.get(known.to as usize).is_some_and(|t| t.overlaps(term, symbols));
            if meet && !exclusive(&known.steps, &edge.steps) {
                return Err(Refused::Ambiguous);
            }
        }
        if !double {
            kept.push(edge);
        }
    }
    *row = kept;
    Ok(())
}

/// Whether the counters decide between two ways: one goes on with a group that the other
/// leaves, and it has to come a fixed number of times.
fn exclusive(one: &[Step], other: &[Step]) -> bool {
    let decides = |again: &[Step], leave: &[Step]| {
        again.iter().any(|step| {
            match step {
            Step::Again { counter, max } => leave.iter().any(|step| {
                matches!(step, Step::Leave { counter: left, min } if left == counter && min >= max)
            }),
            _ => false,
        }
        })
    };
    decides(one, other) || decides(other, one)
}
