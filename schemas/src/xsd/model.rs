//! A set of schemas as the walk needs it: flat tables that refer to each other by number,
//! every reference resolved, every content model a machine. Made by `read`, never changed
//! afterwards.

use std::sync::Arc;

use super::content::{Machine, Term};
use super::simple::Simple;
use super::symbols::{Symbol, Symbols};
use super::value::Value;

/// Number of a type.
pub(super) type TypeId = u32;
/// Number of an element declaration.
pub(super) type ElementId = u32;

/// `xs:anyType`.
pub(super) const ANY_TYPE: TypeId = 0;
/// `xs:anySimpleType`.
pub(super) const ANY_SIMPLE_TYPE: TypeId = 1;

/// Ways in which one type is derived from another, or one element stands for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ways(pub(super) u8);

impl Ways {
    pub(super) const NONE: Ways = Ways(0);
    pub(super) const EXTENSION: Ways = Ways(1);
    pub(super) const RESTRICTION: Ways = Ways(2);
    pub(super) const SUBSTITUTION: Ways = Ways(4);

    pub(super) fn with(self, other: Ways) -> Ways {
        Ways(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Ways) -> bool {
        self.0 & other.0 != 0
    }
}

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) symbols: Symbols,
    pub(super) elements: Vec<Element>,
    pub(super) types: Vec<Type>,
    /// Global attributes.
    pub(super) attributes: Vec<AttributeUse>,
    /// By symbol: the global element, type, attribute and notation of this name.
    pub(super) globals: Vec<Globals>,
    pub(super) xsi: Xsi,
}

/// What of a name stands at the top of a schema.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Globals {
    pub(super) element: Option<ElementId>,
    pub(super) kind: Option<TypeId>,
    pub(super) attribute: Option<u32>,
    pub(super) notation: bool,
}

/// The attributes that every element may have (part 1, section 2.6).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Xsi {
    pub(super) kind: Symbol,
    pub(super) nil: Symbol,
    pub(super) location: Symbol,
    pub(super) no_namespace_location: Symbol,
}

/// An element declaration.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) name: Symbol,
    pub(super) kind: TypeId,
    pub(super) nillable: bool,
    pub(super) is_abstract: bool,
    pub(super) constraint: Option<Constraint>,
    /// Derivations that xsi:type and substitution may not use.
    pub(super) block: Ways,
}

/// A default or fixed value.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) fixed: bool,
    pub(super) text: Box<str>,
    /// As a value of the declared type, where that is simple.
    pub(super) value: Option<Value>,
}

/// A type definition.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) base: TypeId,
    pub(super) way: Ways,
    pub(super) is_abstract: bool,
    pub(super) block: Ways,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Simple(Simple),
    Complex(Box<Complex>),
}

/// A complex type.
#[derive(Debug)]
pub(super) struct Complex {
    pub(super) content: Content,
    pub(super) attributes: Attributes,
}

/// What stands inside an element.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing, not even white space.
    Empty,
    /// A value of this simple type.
    Value(TypeId),
    /// Elements, with text among them where it is mixed.
    Children { machine: Machine, mixed: bool },
}

/// The attributes of a type.
#[derive(Debug, Default, Clone)]
pub(super) struct Attributes {
    pub(super) uses: Vec<AttributeUse>,
    pub(super) wildcard: Option<Wildcard>,
    /// One of them is an ID: none that the wildcard lets in may be (part 1, section 3.4.4,
    /// clause 5).
    pub(super) has_id: bool,
}

/// One attribute.
#[derive(Debug, Clone)]
pub(super) struct AttributeUse {
    pub(super) name: Symbol,
    pub(super) kind: TypeId,
    pub(super) required: bool,
    pub(super) constraint: Option<Constraint>,
}

/// Whether what a wildcard lets in is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Strict,
    Lax,
    Skip,
}

/// The namespaces of a wildcard; the empty one stands for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spaces {
    Any,
    /// All but this one and none.
    Other(Arc<str>),
    Listed(Arc<[Box<str>]>),
}

/// `any` or `anyAttribute`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    pub(super) spaces: Spaces,
    pub(super) process: Process,
}

impl Wildcard {
    /// Whether it lets in names of this namespace.
    pub(super) fn allows(&self, namespace: &str) -> bool {
        match &self.spaces {
            Spaces::Any => true,
            Spaces::Other(not) => !namespace.is_empty() && **not != *namespace,
            Spaces::Listed(list) => list.iter().any(|listed| **listed == *namespace),
        }
    }

    /// Whether there is a namespace that both let in.
    pub(super) fn overlaps(&self, other: &Wildcard) -> bool {
        match (&self.spaces, &other.spaces) {
            (Spaces::Listed(list), _) => list.iter().any(|listed| other.allows(listed)),
            (_, Spaces::Listed(list)) => list.iter().any(|listed| self.allows(listed)),
            _ => true,
        }
    }
}

impl Model {
    pub(super) fn kind(&self, id: TypeId) -> Option<&Type> {
        self.types.get(id as usize)
    }

    pub(super) fn element(&self, id: ElementId) -> Option<&Element> {
        self.elements.get(id as usize)
    }

    pub(super) fn globals(&self, symbol: Symbol) -> Globals {
        self.globals.get(symbol as usize).copied().unwrap_or_default()
    }

    /// Name and declaration of the children an element may have, in the order of the schema.
    pub(super) fn children(&self, element: ElementId) -> Vec<(Symbol, ElementId)> {
        let kind = self.element(element).and_then(|element| self.kind(element.kind));
        let Some(Kind::Complex(complex)) = kind.map(|kind| &kind.kind) else { return Vec::new() };
        let Content::Children { machine, .. } = &complex.content else { return Vec::new() };
        let element = |term: &Term| match term {
            Term::Element { name, element, .. } => Some((*name, *element)),
            Term::Any(_) => None,
        };
        machine.terms().filter_map(element).collect()
    }

    /// The simple type of this number.
    pub(super) fn simple(&self, id: TypeId) -> Option<&Simple> {
        match self.kind(id).map(|kind| &kind.kind) {
            Some(Kind::Simple(simple)) => Some(simple),
            _ => None,
        }
    }

    /// The simple type of the values of a type: its own, or that of its content.
    pub(super) fn value_type(&self, id: TypeId) -> Option<TypeId> {
        match &self.kind(id)?.kind {
            Kind::Simple(_) => Some(id),
            Kind::Complex(complex) => match complex.content {
                Content::Value(simple) => Some(simple),
                _ => None,
            },
        }
    }

    /// The ways by which `from` is derived from `to`; none when it is not (part 1, section
    /// 3.4.6 and 3.14.6, Type Derivation OK). A member of a union counts as restriction.
    pub(super) fn derivation(&self, from: TypeId, to: TypeId) -> Option<Ways> {
        let mut ways = Ways::NONE;
        let mut at = from;
        // A chain cannot be longer than there are types.
        for _ in 0..=self.types.len() {
            if at == to {
                return Some(ways);
            }
            let kind = self.kind(at)?;
            if at == ANY_TYPE {
                break;
            }
            ways = ways.with(kind.way);
            at = kind.base;
        }
        let members = self.simple(to)?.members()?;
        let found = members.iter().find_map(|member| self.derivation(from, *member));
        found.map(|ways| ways.with(Ways::RESTRICTION))
    }
}
