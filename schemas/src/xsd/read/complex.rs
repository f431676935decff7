//! Complex types: their content and attributes, and how those of the base come in.

use super::attributes::union;
use super::{Body, Place, Reader, Stop, general, ways};
use crate::xsd::content::{Machine, Node, Part};
use crate::xsd::model::{ANY_TYPE, Attributes, Complex, Content, Kind, Type, TypeId, Ways};

impl<'f> Reader<'f> {
    /// Reads an `xs:complexType` into its number.
    pub(super) fn complex_type(&mut self, id: TypeId, place: Place<'f>) -> Result<(), Stop> {
        let derived = |outer: Place<'f>| {
            outer.children().find(|c| matches!(c.local(), "extension" | "restriction"))
        };
        let (base, way, complex) = if let Some(simple) = place.child("simpleContent") {
            let Some(inner) = derived(simple) else { return general("an empty simpleContent") };
            self.simple_content(inner)?
        } else if let Some(outer) = place.child("complexContent") {
            let Some(inner) = derived(outer) else { return general("an empty complexContent") };
            let mixed = match outer.attribute("mixed") {
                Some(_) => outer.is_true("mixed"),
                None => place.is_true("mixed"),
            };
            self.complex_content(id, inner, mixed)?
        } else {
            let node = self.body(place)?;
            self.bodies.insert(id, Body { node, mixed: place.is_true("mixed") });
            let attributes = self.restricted_attributes(None, place)?;
            (ANY_TYPE, Ways::RESTRICTION, Complex { content: Content::Empty, attributes })
        };
        let block = ways(place.attribute("block").or_else(|| place.schema("blockDefault")));
        if let Some(slot) = self.model.types.get_mut(id as usize) {
            slot.kind = Kind::Complex(Box::new(complex));
            (slot.base, slot.way, slot.block) = (base, way, block);
            slot.is_abstract = place.is_true("abstract");
        }
        Ok(())
    }

    /// The type that an extension or restriction is made from.
    fn base_of(&mut self, place: Place<'f>) -> Result<TypeId, Stop> {
        let Some(name) = place.attribute("base") else { return general("a derivation of nothing") };
        let symbol = self.qname(place, name)?;
        self.read_type(symbol)
    }

    fn simple_content(&mut self, place: Place<'f>) -> Result<(TypeId, Ways, Complex), Stop> {
        let base = self.base_of(place)?;
        let value = self.model.value_type(base);
        if place.local() == "extension" {
            let Some(value) = value else { return general("an extension of no simple content") };
            let attributes = self.extended_attributes(base, place)?;
            let complex = Complex { content: Content::Value(value), attributes };
            return Ok((base, Ways::EXTENSION, complex));
        }
        let inner = place.child("simpleType").map(|inner| self.inline_simple(inner)).transpose()?;
        let Some(value) = inner.or(value) else { return general("a restriction without values") };
        let simple = self.restricted(value, place)?;
        let narrowed = self.model.types.len() as TypeId;
        self.model.types.push(Type {
            base: value,
            way: Ways::RESTRICTION,
            is_abstract: false,
            block: Ways::NONE,
            kind: Kind::Simple(simple),
        });
        self.stages.push(super::Stage::Done);
        let attributes = self.restricted_attributes(Some(base), place)?;
        Ok((base, Ways::RESTRICTION, Complex { content: Content::Value(narrowed), attributes }))
    }

    fn complex_content(
        &mut self,
        id: TypeId,
        place: Place<'f>,
        mixed: bool,
    ) -> Result<(TypeId, Ways, Complex), Stop> {
        let base = self.base_of(place)?;
        let own = self.body(place)?.filter(|node| !is_empty(node));
        if place.local() == "restriction" {
            self.bodies.insert(id, Body { node: own, mixed });
            let attributes = self.restricted_attributes(Some(base), place)?;
            return Ok((base, Ways::RESTRICTION, Complex { content: Content::Empty, attributes }));
        }
        let attributes = self.extended_attributes(base, place)?;
        let value = self.model.value_type(base);
        let content = match (self.inherited(base), own, value) {
            (_, None, Some(value)) => Content::Value(value),
            (_, Some(_), Some(_)) => return general("elements added to a value"),
            (Some(inherited), None, None) => {
                self.bodies.insert(id, inherited);
                Content::Empty
            }
            (inherited, own, None) => {
                let below = inherited.and_then(|body| body.node).filter(|node| !is_empty(node));
                let node = match (below, own) {
                    (Some(below), Some(own)) => {
                        self.particles += size(&below);
                        if self.particles > super::PARTICLES_MAX {
                            return general("too many particles");
                        }
                        Some(Node { min: 1, max: 1, part: Part::Sequence(vec![below, own]) })
                    }
                    (below, own) => below.or(own),
                };
                self.bodies.insert(id, Body { node, mixed });
                Content::Empty
            }
        };
        Ok((base, Ways::EXTENSION, Complex { content, attributes }))
    }

    /// The children of a type that is read.
    fn inherited(&self, base: TypeId) -> Option<Body> {
        if let Some(body) = self.bodies.get(&base) {
            return Some(body.clone());
        }
        // Built in: `anyType`, whose content is its one wildcard.
        let Kind::Complex(complex) = &self.model.kind(base)?.kind else { return None };
        let Content::Children { machine: Machine::Sequence(particles), mixed } = &complex.content
        else {
            return None;
        };
        let any = particles.first()?;
        let node = Node { min: any.min, max: any.max, part: Part::Term(any.term.clone()) };
        Some(Body { node: Some(node), mixed: *mixed })
    }

    fn base_attributes(&self, base: TypeId) -> Attributes {
        match self.model.kind(base).map(|kind| &kind.kind) {
            Some(Kind::Complex(complex)) => complex.attributes.clone(),
            _ => Attributes::default(),
        }
    }

    /// Those of the base, and those inside `place`.
    fn extended_attributes(&mut self, base: TypeId, place: Place<'f>) -> Result<Attributes, Stop> {
        let own = self.own_attributes(place)?;
        let mut attributes = self.base_attributes(base);
        for used in own.uses {
            if attributes.uses.iter().any(|known| known.name == used.name) {
                return general("an attribute twice");
            }
            attributes.uses.push(used);
        }
        attributes.wildcard = match (own.wildcard, attributes.wildcard) {
            (Some(own), Some(below)) => Some(union(&own, &below)?),
            (own, below) => own.or(below),
        };
        self.settle_ids(&mut attributes);
        Ok(attributes)
    }

    /// Those of the base as far as `place` says nothing of them.
    fn restricted_attributes(
        &mut self,
        base: Option<TypeId>,
        place: Place<'f>,
    ) -> Result<Attributes, Stop> {
        let own = self.own_attributes(place)?;
        let below = base.map(|base| self.base_attributes(base).uses).unwrap_or_default();
        let mut attributes =
            Attributes { uses: own.uses, wildcard: own.wildcard, ..Attributes::default() };
        for used in below {
            let known = attributes.uses.iter().any(|known| known.name == used.name);
            if !known && !own.prohibited.contains(&used.name) {
                attributes.uses.push(used);
            }
        }
        self.settle_ids(&mut attributes);
        Ok(attributes)
    }

    fn settle_ids(&self, attributes: &mut Attributes) {
        attributes.has_id = attributes.uses.iter().any(|used| self.is_id(used.kind));
    }
}

/// Whether nothing can stand in it (part 1, section 3.4.2, the effective content).
fn is_empty(node: &Node) -> bool {
    node.max == 0
        || match &node.part {
            Part::Term(_) => false,
            Part::Sequence(parts) | Part::All(parts) => parts.is_empty(),
            // A choice of nothing cannot be satisfied, unless it need not come.
            Part::Choice(parts) => parts.is_empty() && node.min == 0,
        }
}

pub(super) fn size(node: &Node) -> usize {
    match &node.part {
        Part::Term(_) => 1,
        Part::Sequence(parts) | Part::Choice(parts) | Part::All(parts) => {
            1 + parts.iter().map(size).sum::<usize>()
        }
    }
}
