//! Attributes: declarations, uses, groups, and the wildcards that come together from them
//! (part 1, section 3.4.2 and 3.10.6).

use super::particles::wildcard;
use super::{Class, DEPTH_MAX, Place, Reader, Stop, general, unresolved};
use crate::xsd::builtin::{listed, set_global};
use crate::xsd::model::{ANY_SIMPLE_TYPE, AttributeUse, Spaces, TypeId, Wildcard};
use crate::xsd::simple::{Role, Variety};
use crate::xsd::symbols::Symbol;

/// The attributes that stand at one place, with those of its groups.
#[derive(Default)]
pub(super) struct Own {
    pub(super) uses: Vec<AttributeUse>,
    pub(super) prohibited: Vec<Symbol>,
    pub(super) wildcard: Option<Wildcard>,
}

impl<'f> Reader<'f> {
    /// Number of the global attribute of this name.
    pub(super) fn global_attribute(&mut self, symbol: Symbol) -> Result<u32, Stop> {
        if let Some(known) = self.model.globals(symbol).attribute {
            return Ok(known);
        }
        let Some(place) = self.components.get(&(Class::Attribute, symbol)).copied() else {
            return unresolved("attribute", self.model.symbols.local(symbol));
        };
        let declared = self.declared(symbol, place)?;
        let id = self.model.attributes.len() as u32;
        self.model.attributes.push(declared);
        set_global(&mut self.model, symbol, |globals| globals.attribute = Some(id));
        Ok(id)
    }

    fn declared(&mut self, name: Symbol, place: Place<'f>) -> Result<AttributeUse, Stop> {
        let kind = self.simple_of(place, "type")?.unwrap_or(ANY_SIMPLE_TYPE);
        if self.model.simple(kind).is_none() {
            return general("an attribute of no simple type");
        }
        let constraint = self.constraint(place, kind);
        Ok(AttributeUse { name, kind, required: false, constraint })
    }

    /// The attributes that stand inside `place`.
    pub(super) fn own_attributes(&mut self, place: Place<'f>) -> Result<Own, Stop> {
        let mut own = Own::default();
        self.gather(place, &mut own, 0)?;
        Ok(own)
    }

    fn gather(&mut self, place: Place<'f>, own: &mut Own, depth: usize) -> Result<(), Stop> {
        if depth > DEPTH_MAX {
            return general("attribute groups too deep");
        }
        let mut local = None;
        let mut grouped: Option<Wildcard> = None;
        for child in place.children() {
            match child.local() {
                "attribute" => self.attribute(child, own)?,
                "attributeGroup" => {
                    let name = child.attribute("ref").unwrap_or_default();
                    let symbol = self.qname(child, name)?;
                    let group = self.components.get(&(Class::AttributeGroup, symbol)).copied();
                    let Some(group) = group else {
                        return unresolved("attributeGroup", name);
                    };
                    self.particles += 1;
                    if self.particles > super::PARTICLES_MAX {
                        return general("too many attributes");
                    }
                    let mut inner = Own::default();
                    self.gather(group, &mut inner, depth + 1)?;
                    own.uses.append(&mut inner.uses);
                    own.prohibited.append(&mut inner.prohibited);
                    if let Some(next) = inner.wildcard {
                        grouped = Some(match grouped {
                            None => next,
                            Some(known) => intersection(&known, &next)?,
                        });
                    }
                }
                "anyAttribute" => local = Some(wildcard(child)?),
                _ => {}
            }
        }
        own.wildcard = match (local, grouped) {
            (Some(local), Some(grouped)) => Some(intersection(&local, &grouped)?),
            (local, grouped) => local.or(grouped),
        };
        Ok(())
    }

    fn attribute(&mut self, place: Place<'f>, own: &mut Own) -> Result<(), Stop> {
        let mut used = match place.attribute("ref") {
            Some(reference) => {
                let symbol = self.qname(place, reference)?;
                let at = self.global_attribute(symbol)?;
                match self.model.attributes.get(at as usize).cloned() {
                    Some(declared) => declared,
                    None => return general("an attribute"),
                }
            }
            None => {
                let Some(local) = place.attribute("name") else {
                    return general("an attribute without name");
                };
                let form = place.attribute("form").or_else(|| place.schema("attributeFormDefault"));
                let namespace =
                    if form == Some("qualified") { place.file.target.as_str() } else { "" };
                let name = self.model.symbols.intern(namespace, local);
                self.declared(name, place)?
            }
        };
        match place.attribute("use") {
            Some("prohibited") => {
                own.prohibited.push(used.name);
                return Ok(());
            }
            Some("required") => used.required = true,
            _ => {}
        }
        if let Some(constraint) = self.constraint(place, used.kind) {
            used.constraint = Some(constraint);
        }
        if own.uses.iter().any(|known| known.name == used.name) {
            return general("an attribute twice");
        }
        own.uses.push(used);
        Ok(())
    }

    /// Whether values of this type are IDs.
    pub(super) fn is_id(&self, kind: TypeId) -> bool {
        let variety = self.model.simple(kind).map(|simple| &simple.variety);
        matches!(variety, Some(Variety::Atomic(_, Role::Id)))
    }
}

/// What both let in; the first says how it is looked at.
fn intersection(one: &Wildcard, other: &Wildcard) -> Result<Wildcard, Stop> {
    let spaces = match (&one.spaces, &other.spaces) {
        (Spaces::Any, spaces) | (spaces, Spaces::Any) => spaces.clone(),
        (Spaces::Listed(list), _) => {
            listed(list.iter().filter(|listed| other.allows(listed)).cloned().collect())
        }
        (_, Spaces::Listed(list)) => {
            listed(list.iter().filter(|listed| one.allows(listed)).cloned().collect())
        }
        (Spaces::Other(a), Spaces::Other(b)) if a == b => one.spaces.clone(),
        (Spaces::Other(a), Spaces::Other(b)) if a.is_empty() || b.is_empty() => {
            Spaces::Other(if a.is_empty() { b.clone() } else { a.clone() })
        }
        _ => return general("wildcards whose intersection cannot be said"),
    };
    Ok(Wildcard { spaces, process: one.process })
}

/// What either lets in; the first says how it is looked at.
pub(super) fn union(one: &Wildcard, other: &Wildcard) -> Result<Wildcard, Stop> {
    let spaces = match (&one.spaces, &other.spaces) {
        (Spaces::Any, _) | (_, Spaces::Any) => Spaces::Any,
        (Spaces::Listed(a), Spaces::Listed(b)) => {
            listed(a.iter().chain(b.iter()).cloned().collect())
        }
        (a, b) if a == b => a.clone(),
        (Spaces::Other(_), Spaces::Other(_)) => {
            return general("wildcards whose union cannot be said");
        }
        (Spaces::Other(not), Spaces::Listed(list)) | (Spaces::Listed(list), Spaces::Other(not)) => {
            let has_not = not.is_empty() || list.iter().any(|listed| **listed == **not);
            let has_none = list.iter().any(|listed| listed.is_empty());
            match (has_not, has_none) {
                (true, true) => Spaces::Any,
                (false, false) => Spaces::Other(not.clone()),
                (true, false) => Spaces::Other("".into()),
                (false, true) => return general("wildcards whose union cannot be said"),
            }
        }
    };
    Ok(Wildcard { spaces, process: one.process })
}
