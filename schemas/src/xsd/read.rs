//! Reads the files of a set into a [`Model`]: every reference resolved, every content model
//! a machine. What our engine does not know stops the reading and names itself: the general
//! engine then serves the whole set. Whether a schema is one at all is not judged here.

use std::collections::HashMap;

use onepoint_xml::Element as Node;

use super::builtin::{self, set_global};
use super::model::{
    ANY_SIMPLE_TYPE, ANY_TYPE, Constraint, Element, ElementId, Kind, Model, Type, TypeId, Ways,
};
use super::simple::{self, Facets, Simple, Variety, White};
use super::source::{File, XS, components};
use super::symbols::{Symbol, UNKNOWN};
use super::value::Scope;
use super::{SchemaError, content};

mod attributes;
mod complex;
mod facets;
mod finish;
mod particles;

/// Types whose reading waits for another's, at once.
const DEPTH_MAX: usize = 200;
/// Particles of all types of a set together.
const PARTICLES_MAX: usize = 200_000;

/// Why a set is not ours.
#[derive(Debug)]
pub(super) enum Stop {
    /// The general engine may know more.
    General(String),
    /// Something is referred to that is not there.
    Unresolved(String),
    /// It is beyond what any engine is given.
    Refused(SchemaError),
}

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Element,
    Type,
    Group,
    Attribute,
    AttributeGroup,
}

/// A component in its file.
#[derive(Clone, Copy)]
struct Place<'f> {
    file: &'f File,
    node: Node<'f>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Reading,
    Done,
}

/// Reads the files.
///
/// # Errors
/// See [`Stop`].
pub(super) fn read(files: &[File]) -> Result<Model, Stop> {
    let mut reader = Reader {
        model: builtin::model(),
        components: HashMap::new(),
        stages: Vec::new(),
        waiting: Vec::new(),
        bodies: HashMap::new(),
        heads: Vec::new(),
        groups: HashMap::new(),
        constraints: Vec::new(),
        depth: 0,
        particles: 0,
    };
    if !files.iter().any(|file| file.target == onepoint_xml::XML_NAMESPACE) {
        builtin::xml_attributes(&mut reader.model);
    }
    reader.stages.resize(reader.model.types.len(), Stage::Done);
    reader.collect(files)?;
    reader.all()?;
    reader.finish()
}

struct Reader<'f> {
    model: Model,
    components: HashMap<(Class, Symbol), Place<'f>>,
    /// How far each type is.
    stages: Vec<Stage>,
    /// Types that are to be read, with their place.
    waiting: Vec<(TypeId, Place<'f>)>,
    /// The particles and mixedness of complex types, until they become machines.
    bodies: HashMap<TypeId, Body>,
    /// Elements and the heads of their substitution groups.
    heads: Vec<(ElementId, ElementId)>,
    /// The particles of groups: none while they are read.
    groups: HashMap<Symbol, Option<content::Node>>,
    /// Defaults and fixed values of elements, read when all types are.
    constraints: Vec<(ElementId, Place<'f>)>,
    depth: usize,
    particles: usize,
}

/// The children of a complex type: none is no child at all.
#[derive(Clone)]
struct Body {
    node: Option<content::Node>,
    mixed: bool,
}

fn unresolved<T>(what: &str, name: &str) -> Result<T, Stop> {
    Err(Stop::Unresolved(format!("there is no {what} {name}")))
}

fn general<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::General(what.into()))
}

impl<'f> Place<'f> {
    fn at(&self, node: Node<'f>) -> Place<'f> {
        Place { file: self.file, node }
    }

    fn attribute(&self, name: &str) -> Option<&'f str> {
        self.node.attribute("", name).map(|value| value.trim_matches([' ', '\t', '\r', '\n']))
    }

    fn is_true(&self, name: &str) -> bool {
        matches!(self.attribute(name), Some("true" | "1"))
    }

    /// Child components, without annotations.
    fn children(&self) -> impl Iterator<Item = Place<'f>> + use<'f> {
        let this = *self;
        let children = self.node.children().filter(|child| !child.is(XS, "annotation"));
        children.map(move |child| this.at(child))
    }

    fn child(&self, local: &str) -> Option<Place<'f>> {
        self.node.child(XS, local).map(|node| self.at(node))
    }

    fn local(&self) -> &'f str {
        let name = self.node.name();
        if name.namespace == XS { name.local } else { "" }
    }

    /// An attribute of the schema element.
    fn schema(&self, name: &str) -> Option<&'f str> {
        self.file.document.root().attribute("", name).map(str::trim)
    }

    fn scope(&self) -> Scope<'f> {
        let otherwise = if self.file.chameleon { self.file.target.as_str() } else { "" };
        Scope { element: self.node, otherwise }
    }
}

impl<'f> Reader<'f> {
    /// Notes every component at the top of a file.
    fn collect(&mut self, files: &'f [File]) -> Result<(), Stop> {
        for file in files {
            for node in components(file) {
                let place = Place { file, node };
                let class = match place.local() {
                    "element" => Class::Element,
                    "simpleType" | "complexType" => Class::Type,
                    "group" => Class::Group,
                    "attribute" => Class::Attribute,
                    "attributeGroup" => Class::AttributeGroup,
                    "include" | "import" | "annotation" => continue,
                    "notation" => {
                        let name = place.attribute("name").unwrap_or_default();
                        let name = self.model.symbols.intern(&file.target, name);
                        set_global(&mut self.model, name, |globals| globals.notation = true);
                        continue;
                    }
                    other => return general(format!("xs:{other}")),
                };
                let name = place.attribute("name").unwrap_or_default();
                if file.target == XS && class == Class::Type {
                    return general("a schema of XML Schema itself");
                }
                let symbol = self.model.symbols.intern(&file.target, name);
                if self.components.insert((class, symbol), place).is_some() {
                    return general(format!("two components of the name {name}"));
                }
            }
        }
        Ok(())
    }

    /// Reads all of them.
    fn all(&mut self) -> Result<(), Stop> {
        let mut names: Vec<(Class, Symbol)> = self.components.keys().copied().collect();
        names.sort_by_key(|(class, symbol)| (*class as u8, *symbol));
        for (class, symbol) in names {
            match class {
                Class::Element => {
                    self.global_element(symbol)?;
                }
                Class::Type => {
                    self.global_type(symbol)?;
                }
                Class::Attribute => {
                    self.global_attribute(symbol)?;
                }
                // Groups are read where they are used.
                Class::Group | Class::AttributeGroup => {}
            }
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Stop> {
        while let Some((id, place)) = self.waiting.pop() {
            self.complete(id, place)?;
        }
        Ok(())
    }

    /// The symbol of a QName in an attribute of `place`.
    fn qname(&mut self, place: Place<'f>, name: &str) -> Result<Symbol, Stop> {
        match place.scope().resolve(name) {
            Some((namespace, local)) => Ok(self.model.symbols.intern(namespace, local)),
            None => general(format!("the name {name}")),
        }
    }

    /// The type of this name; it may not be read yet.
    fn global_type(&mut self, symbol: Symbol) -> Result<TypeId, Stop> {
        if let Some(known) = self.model.globals(symbol).kind {
            return Ok(known);
        }
        let Some(place) = self.components.get(&(Class::Type, symbol)).copied() else {
            return unresolved("type", self.model.symbols.local(symbol));
        };
        Ok(self.reserve(symbol, place))
    }

    /// A number for a type that is read later.
    fn reserve(&mut self, name: Symbol, place: Place<'f>) -> TypeId {
        let id = self.model.types.len() as TypeId;
        let simple =
            Simple { variety: Variety::Any, white: White::Preserve, facets: Facets::default() };
        let (base, way, block) = (ANY_SIMPLE_TYPE, Ways::RESTRICTION, Ways::NONE);
        let kind = Kind::Simple(simple);
        self.model.types.push(Type { base, way, is_abstract: false, block, kind });
        self.stages.push(Stage::Waiting);
        self.waiting.push((id, place));
        if name != UNKNOWN {
            set_global(&mut self.model, name, |globals| globals.kind = Some(id));
        }
        id
    }

    /// The type of this name, read.
    fn read_type(&mut self, symbol: Symbol) -> Result<TypeId, Stop> {
        let id = self.global_type(symbol)?;
        if let Some(place) = self.components.get(&(Class::Type, symbol)).copied() {
            self.complete(id, place)?;
        }
        Ok(id)
    }

    /// Reads a type, and first those it is made from.
    fn complete(&mut self, id: TypeId, place: Place<'f>) -> Result<(), Stop> {
        match self.stages.get(id as usize) {
            Some(Stage::Waiting) => {}
            Some(Stage::Done) => return Ok(()),
            _ => return general("a type that is made from itself"),
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let what = format!("a type with more than {DEPTH_MAX} below it");
            return Err(Stop::Refused(SchemaError::TooLarge(what)));
        }
        self.stage(id, Stage::Reading);
        match place.local() {
            "simpleType" => self.simple_type(id, place)?,
            _ => self.complex_type(id, place)?,
        }
        self.stage(id, Stage::Done);
        self.depth -= 1;
        Ok(())
    }

    fn stage(&mut self, id: TypeId, stage: Stage) {
        if let Some(slot) = self.stages.get_mut(id as usize) {
            *slot = stage;
        }
    }

    /// A simple type without name, read at once.
    fn inline_simple(&mut self, place: Place<'f>) -> Result<TypeId, Stop> {
        let id = self.reserve(UNKNOWN, place);
        self.complete(id, place)?;
        Ok(id)
    }

    /// The simple type that the attribute `named` names, or that stands inside.
    fn simple_of(&mut self, place: Place<'f>, named: &str) -> Result<Option<TypeId>, Stop> {
        if let Some(name) = place.attribute(named) {
            let symbol = self.qname(place, name)?;
            return self.read_type(symbol).map(Some);
        }
        place.child("simpleType").map(|inner| self.inline_simple(inner)).transpose()
    }

    /// The global element of this name.
    fn global_element(&mut self, symbol: Symbol) -> Result<ElementId, Stop> {
        if let Some(known) = self.model.globals(symbol).element {
            return Ok(known);
        }
        let Some(place) = self.components.get(&(Class::Element, symbol)).copied() else {
            return unresolved("element", self.model.symbols.local(symbol));
        };
        let id = self.element(symbol, place)?;
        set_global(&mut self.model, symbol, |globals| globals.element = Some(id));
        Ok(id)
    }

    /// An element declaration, global or local.
    fn element(&mut self, name: Symbol, place: Place<'f>) -> Result<ElementId, Stop> {
        let odd = |child: &Place<'_>| !matches!(child.local(), "simpleType" | "complexType");
        if let Some(child) = place.children().find(odd) {
            return general(format!("xs:{}", child.local()));
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return general("a long chain of substitution groups");
        }
        let head = match place.attribute("substitutionGroup") {
            Some(head) => {
                let symbol = self.qname(place, head)?;
                Some(self.global_element(symbol)?)
            }
            None => None,
        };
        self.depth -= 1;
        let kind = match (place.attribute("type"), place.children().next(), head) {
            (Some(kind), ..) => {
                let symbol = self.qname(place, kind)?;
                self.global_type(symbol)?
            }
            (None, Some(inner), _) => self.reserve(UNKNOWN, inner),
            (None, None, Some(head)) => self.model.element(head).map_or(ANY_TYPE, |head| head.kind),
            (None, None, None) => ANY_TYPE,
        };
        let id = self.model.elements.len() as ElementId;
        self.model.elements.push(Element {
            name,
            kind,
            nillable: place.is_true("nillable"),
            is_abstract: place.is_true("abstract"),
            constraint: None,
            block: ways(place.attribute("block").or_else(|| place.schema("blockDefault"))),
        });
        self.heads.extend(head.map(|head| (id, head)));
        if place.attribute("default").is_some() || place.attribute("fixed").is_some() {
            self.constraints.push((id, place));
        }
        Ok(id)
    }

    /// The default or fixed value of an element or attribute of this type.
    fn constraint(&self, place: Place<'f>, kind: TypeId) -> Option<Constraint> {
        // Not trimmed: the type says what white space means.
        let of = |name| place.node.attribute("", name);
        let (fixed, text) = match (of("fixed"), of("default")) {
            (Some(text), _) => (true, text),
            (None, Some(text)) => (false, text),
            (None, None) => return None,
        };
        let value = self.model.value_type(kind);
        let value = value.and_then(|kind| simple::parse(&self.model, kind, text, place.scope()));
        Some(Constraint { fixed, text: text.into(), value })
    }
}

/// A list of ways, `#all` for all.
fn ways(list: Option<&str>) -> Ways {
    list.unwrap_or_default().split_whitespace().fold(Ways::NONE, |all, word| {
        all.with(match word {
            "#all" => Ways::EXTENSION.with(Ways::RESTRICTION).with(Ways::SUBSTITUTION),
            "extension" => Ways::EXTENSION,
            "restriction" => Ways::RESTRICTION,
            "substitution" => Ways::SUBSTITUTION,
            _ => Ways::NONE,
        })
    })
}
