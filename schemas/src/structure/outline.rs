//! What a schema says of order and occurrence, read from its files by our own parser.
//! The engine judges; the outline explains: which element was due, which values
//! are base64, where text may stand. In: the embedded files. Out: types by number.

use std::collections::BTreeMap;

use onepoint_xml::{Document, Element, Limits};

use super::StructureError;
use super::facets::Facets;
use crate::files::resolve;

const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// Number of a type in its outline.
pub(super) type TypeId = usize;

/// The types of one message, reached from its root.
#[derive(Debug)]
pub(super) struct Outline {
    types: Vec<Type>,
    pub(super) root: Child,
}

/// One type: what stands inside and which attributes.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub(super) content: Content,
    pub(super) attributes: Vec<AttributeUse>,
    /// Other attributes may stand beside them.
    pub(super) any_attribute: bool,
}

/// What stands inside an element.
#[derive(Debug)]
pub(super) enum Content {
    /// A value.
    Value(Facets),
    /// Elements in this order, and no other.
    Ordered(Vec<Child>),
    /// Elements of a choice or beside a wildcard: the engine alone knows their order.
    Free(Vec<Child>),
    /// Any elements, with any text among them.
    Mixed,
}

impl Default for Content {
    fn default() -> Content {
        Content::Ordered(Vec::new())
    }
}

/// One element inside a type.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) min: u32,
    /// `u32::MAX` stands for unbounded.
    pub(super) max: u32,
    pub(super) kind: TypeId,
}

impl Child {
    pub(super) fn is(&self, element: Element<'_>) -> bool {
        element.is(&self.namespace, &self.name)
    }
}

/// One attribute of a type; none of ours has a namespace.
#[derive(Debug)]
pub(super) struct AttributeUse {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) value: Facets,
}

impl Outline {
    /// Reads the outline of the element `root` from the schema file at `location`
    /// and from all that it includes or imports.
    ///
    /// # Errors
    /// A file that is missing or cannot be parsed, or that says what an outline cannot.
    pub(super) fn read<'f>(
        root: &str,
        location: &str,
        file: impl Fn(&str) -> Option<&'f str>,
    ) -> Result<Outline, StructureError> {
        let documents = load(location, file)?;
        let mut reader = Reader { files: &documents, types: Vec::new(), known: BTreeMap::new() };
        let own = documents.first().map(|file| file.root().attribute("", "targetNamespace"));
        let namespace = own.flatten().unwrap_or_default().to_owned();
        let element = reader.find("element", &namespace, root)?;
        let root = reader.child(element)?;
        Ok(Outline { types: reader.types, root })
    }

    pub(super) fn get(&self, kind: TypeId) -> Option<&Type> {
        self.types.get(kind)
    }
}

/// The file and those it includes or imports, each once, itself first.
fn load<'f>(
    location: &str,
    file: impl Fn(&str) -> Option<&'f str>,
) -> Result<Vec<Document>, StructureError> {
    let mut documents: Vec<Document> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut wanted = vec![location.to_owned()];
    while let Some(location) = wanted.pop() {
        if seen.contains(&location) {
            continue;
        }
        let text = file(&location).ok_or(StructureError::Missing)?;
        let parsed = Document::parse(text.as_bytes().to_vec(), &Limits::default());
        let document = parsed.map_err(|error| fault(&error.en()))?;
        let directives =
            document.root().children().filter(|e| e.is(XS, "include") || e.is(XS, "import"));
        let locations = directives.filter_map(|e| e.attribute("", "schemaLocation"));
        for other in locations {
            wanted.push(resolve(&location, other).ok_or(StructureError::Missing)?);
        }
        documents.push(document);
        seen.push(location);
    }
    Ok(documents)
}

struct Reader<'f> {
    files: &'f [Document],
    types: Vec<Type>,
    known: BTreeMap<(String, String), TypeId>,
}

impl<'f> Reader<'f> {
    /// The top-level component of this kind and name.
    fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Element<'f>, StructureError> {
        let of = |file: &&'f Document| {
            file.root().attribute("", "targetNamespace").unwrap_or_default() == namespace
        };
        let named = |e: &Element<'_>| e.is(XS, kind) && e.attribute("", "name") == Some(name);
        let mut found = self.files.iter().filter(of).flat_map(|file| file.root().children());
        found.find(named).ok_or_else(|| fault(&format!("no {kind} {name} in {namespace}")))
    }

    fn child(&mut self, element: Element<'f>) -> Result<Child, StructureError> {
        let occurs = |name: &str| match element.attribute("", name) {
            None => Ok(1),
            Some("unbounded") => Ok(u32::MAX),
            Some(text) => text.parse().map_err(|_| fault(&format!("{name} is {text}"))),
        };
        let (min, max) = (occurs("minOccurs")?, occurs("maxOccurs")?);
        let declared = match element.attribute("", "ref") {
            Some(reference) => {
                let (namespace, name) = qualified(element, reference);
                self.find("element", namespace, name)?
            }
            None => element,
        };
        let (Some(name), Some(kind)) =
            (declared.attribute("", "name"), declared.attribute("", "type"))
        else {
            return Err(fault("an element without name or with an unnamed type"));
        };
        let schema = declared.document().root();
        if schema.attribute("", "elementFormDefault") != Some("qualified") {
            return Err(fault("elementFormDefault is not qualified"));
        }
        let namespace = schema.attribute("", "targetNamespace").unwrap_or_default().to_owned();
        let (type_namespace, type_name) = qualified(declared, kind);
        let kind = self.kind(type_namespace, type_name)?;
        Ok(Child { namespace, name: name.to_owned(), min, max, kind })
    }

    fn kind(&mut self, namespace: &str, name: &str) -> Result<TypeId, StructureError> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        // The number is taken before the content is read: types may name themselves.
        let id = self.types.len();
        self.types.push(Type::default());
        self.known.insert(key, id);
        let read = match self.find("complexType", namespace, name) {
            Ok(complex) => self.complex(complex)?,
            Err(_) => {
                let content = Content::Value(self.facets(namespace, name)?);
                Type { content, ..Type::default() }
            }
        };
        if let Some(slot) = self.types.get_mut(id) {
            *slot = read;
        }
        Ok(id)
    }

    fn facets(&self, namespace: &str, name: &str) -> Result<Facets, StructureError> {
        // Restrictions of restrictions: the innermost last, so its facets win.
        let (mut namespace, mut name) = (namespace, name);
        let mut restrictions = Vec::new();
        while namespace != XS {
            let simple = self.find("simpleType", namespace, name)?;
            let restriction = simple.child(XS, "restriction");
            let restriction = restriction.ok_or_else(|| fault("a simple type of another kind"))?;
            restrictions.push(restriction);
            (namespace, name) =
                qualified(restriction, restriction.attribute("", "base").unwrap_or_default());
        }
        let narrow = |facets: Facets, restriction| facets.restricted(restriction);
        Ok(restrictions.into_iter().rev().fold(Facets::builtin(name), narrow))
    }

    fn complex(&mut self, complex: Element<'f>) -> Result<Type, StructureError> {
        let mut owner = complex;
        let content = if let Some(simple) = complex.child(XS, "simpleContent") {
            owner = simple.child(XS, "extension").ok_or_else(|| fault("no extension"))?;
            let base = owner.attribute("", "base").unwrap_or_default();
            let (namespace, name) = qualified(owner, base);
            Content::Value(self.facets(namespace, name)?)
        } else if complex.attribute("", "mixed") == Some("true") {
            Content::Mixed
        } else {
            let sequence = complex.child(XS, "sequence");
            let model = sequence.or_else(|| complex.child(XS, "choice"));
            let plain = |s: Element<'_>| s.children().all(|child| child.is(XS, "element"));
            match (model, sequence.is_none_or(plain) && complex.child(XS, "choice").is_none()) {
                (None, _) => Content::default(),
                (Some(model), true) => Content::Ordered(self.children(model)?),
                (Some(model), false) => Content::Free(self.children(model)?),
            }
        };
        let uses = owner.children().filter(|child| child.is(XS, "attribute"));
        let attributes: Result<Vec<_>, _> = uses.map(|used| self.attribute(used)).collect();
        let any_attribute = owner.child(XS, "anyAttribute").is_some();
        Ok(Type { content, attributes: attributes?, any_attribute })
    }

    /// All element declarations below a sequence or choice, in the order of the file.
    fn children(&mut self, model: Element<'f>) -> Result<Vec<Child>, StructureError> {
        let mut found = Vec::new();
        let mut open = vec![model.children()];
        while let Some(level) = open.last_mut() {
            match level.next() {
                None => {
                    open.pop();
                }
                Some(element) if element.is(XS, "element") => found.push(self.child(element)?),
                Some(group) => open.push(group.children()),
            }
        }
        Ok(found)
    }

    fn attribute(&self, used: Element<'_>) -> Result<AttributeUse, StructureError> {
        let (Some(name), Some(kind)) = (used.attribute("", "name"), used.attribute("", "type"))
        else {
            return Err(fault("an attribute without name or type"));
        };
        let (namespace, kind) = qualified(used, kind);
        let required = used.attribute("", "use") == Some("required");
        Ok(AttributeUse { name: name.to_owned(), required, value: self.facets(namespace, kind)? })
    }
}

/// Namespace and local name of a QName in an attribute of `at`.
fn qualified<'n>(at: Element<'n>, name: &'n str) -> (&'n str, &'n str) {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    (at.namespace_of(prefix).unwrap_or_default(), local)
}

fn fault(what: &str) -> StructureError {
    StructureError::Outline(what.to_owned())
}
