//! Particles: sequences, choices, `all`, groups, elements and wildcards.

use std::sync::Arc;

use super::complex::size;
use super::{Class, PARTICLES_MAX, Place, Reader, Stop, general, unresolved};
use crate::xsd::SchemaError;
use crate::xsd::builtin::listed;
use crate::xsd::content::{Node, Part, Term, UNBOUNDED};
use crate::xsd::model::{Process, Spaces, Wildcard};
use crate::xsd::symbols::Symbol;

impl<'f> Reader<'f> {
    /// The particle of a complex type or named group: its first child that is one.
    pub(super) fn body(&mut self, place: Place<'f>) -> Result<Option<Node>, Stop> {
        let is = |child: &Place<'_>| {
            matches!(child.local(), "sequence" | "choice" | "all" | "group" | "element" | "any")
        };
        place.children().find(is).map(|child| self.particle(child, 0)).transpose()
    }

    fn particle(&mut self, place: Place<'f>, groups: usize) -> Result<Node, Stop> {
        self.particles += 1;
        if self.particles > PARTICLES_MAX || groups > super::DEPTH_MAX {
            let what = format!("more than {PARTICLES_MAX} particles");
            return Err(Stop::Refused(SchemaError::TooLarge(what)));
        }
        let min = occurs(place.attribute("minOccurs"))?;
        let max = occurs(place.attribute("maxOccurs"))?;
        if min > max {
            return general("minOccurs above maxOccurs");
        }
        let parts = |reader: &mut Reader<'f>| {
            place
                .children()
                .map(|child| reader.particle(child, groups + 1))
                .collect::<Result<Vec<_>, Stop>>()
        };
        let part = match place.local() {
            "sequence" => Part::Sequence(parts(self)?),
            "choice" => Part::Choice(parts(self)?),
            "all" => Part::All(parts(self)?),
            "any" => Part::Term(Term::Any(wildcard(place)?)),
            "element" => Part::Term(self.element_term(place)?),
            "group" => {
                let name = place.attribute("ref").unwrap_or_default();
                let symbol = self.qname(place, name)?;
                let inner = self.group(symbol, name, groups)?;
                match (min, max, &inner.part) {
                    // The occurrence of the reference takes the place of the group's.
                    (_, _, Part::All(_)) => return Ok(Node { min, max, ..inner }),
                    (1, 1, _) => return Ok(inner),
                    _ => Part::Sequence(vec![inner]),
                }
            }
            other => return general(format!("xs:{other} as a particle")),
        };
        Ok(Node { min, max, part })
    }

    /// The particle of a group: its elements are the same wherever it is referred to.
    fn group(&mut self, symbol: Symbol, name: &str, groups: usize) -> Result<Node, Stop> {
        match self.groups.get(&symbol) {
            Some(Some(known)) => {
                let known = known.clone();
                self.particles += size(&known);
                return Ok(known);
            }
            Some(None) => return general("a group that is made from itself"),
            None => {}
        }
        let Some(group) = self.components.get(&(Class::Group, symbol)).copied() else {
            return unresolved("group", name);
        };
        let Some(inner) = group.children().next() else { return general("an empty group") };
        self.groups.insert(symbol, None);
        let node = self.particle(inner, groups + 1)?;
        self.groups.insert(symbol, Some(node.clone()));
        Ok(node)
    }

    fn element_term(&mut self, place: Place<'f>) -> Result<Term, Stop> {
        let (name, element) = match place.attribute("ref") {
            Some(reference) => {
                let name = self.qname(place, reference)?;
                (name, self.global_element(name)?)
            }
            None => {
                let Some(local) = place.attribute("name") else {
                    return general("an element without name");
                };
                let form = place.attribute("form").or_else(|| place.schema("elementFormDefault"));
                let namespace =
                    if form == Some("qualified") { place.file.target.as_str() } else { "" };
                let name = self.model.symbols.intern(namespace, local);
                (name, self.element(name, place)?)
            }
        };
        Ok(Term::Element { name, element, substitutes: Arc::from([]) })
    }
}

/// minOccurs or maxOccurs. More than fits counts as unbounded, which no message reaches.
fn occurs(text: Option<&str>) -> Result<u32, Stop> {
    match text {
        None => Ok(1),
        Some("unbounded") => Ok(UNBOUNDED),
        Some(text) => {
            let digits = text.trim_start_matches('+');
            match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                true => Ok(digits.parse().unwrap_or(UNBOUNDED)),
                false => general(format!("an occurrence of {text}")),
            }
        }
    }
}

/// An `any` or `anyAttribute`.
pub(super) fn wildcard(place: Place<'_>) -> Result<Wildcard, Stop> {
    let process = match place.attribute("processContents") {
        None | Some("strict") => Process::Strict,
        Some("lax") => Process::Lax,
        Some("skip") => Process::Skip,
        Some(other) => return general(format!("processContents {other}")),
    };
    let target = place.file.target.as_str();
    let spaces = match place.attribute("namespace") {
        None | Some("##any") => Spaces::Any,
        Some("##other") => Spaces::Other(target.into()),
        Some(list) => listed(
            list.split_whitespace()
                .map(|word| match word {
                    "##local" => "".into(),
                    "##targetNamespace" => target.into(),
                    uri => uri.into(),
                })
                .collect(),
        ),
    };
    Ok(Wildcard { spaces, process })
}
