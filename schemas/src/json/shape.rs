//! The shape of a message type as JSON sees it, read from its XSD: which members an
//! object has, in which order their elements stand, which repeat, what their strings
//! look like. In: the schema files, as documents. Out: types by number.
//!
//! What JSON has no members for (mixed content, wildcards, repeated choices, a name used
//! twice in a type) is *opaque*: the element is carried as a string of its XML. So is an
//! XML Signature, whose octets must not change.

use std::collections::BTreeMap;

use onepoint_xml::{Document, Element, Limits, XML_NAMESPACE};

use super::simple::Simple;
use crate::files::{View, resolve};

pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Most schema files of one type, types in them, members of one type, steps of derivation.
const FILES_MAX: usize = 256;
const TYPES_MAX: usize = 20_000;
pub(super) const MEMBERS_MAX: usize = 2_000;
pub(super) const DERIVATION_MAX: usize = 32;
/// Deepest nesting of elements, groups and types while a schema is read.
const DEPTH_MAX: usize = 200;

/// Number of a type in its shape.
pub(crate) type TypeId = usize;

/// Why a type has no JSON form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

/// The types of one message, reached from its root.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) types: Vec<Type>,
    pub(crate) root: Member,
    /// Namespaces of the elements, the root's first.
    pub(crate) namespaces: Vec<String>,
}

/// One type.
#[derive(Debug, Default)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) content: Content,
    pub(crate) attributes: Vec<Attribute>,
}

/// What stands inside an element.
#[derive(Debug)]
pub(crate) enum Content {
    /// A string; an object with `#text` where there are attributes.
    Value(Simple),
    /// Members in this order, and how they exclude each other.
    Members(Vec<Member>, Model),
    /// A string of XML.
    Opaque,
}

impl Default for Content {
    fn default() -> Content {
        Content::Members(Vec::new(), Model::Sequence(Vec::new()))
    }
}

/// One member: an element inside a type.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Index in [`Shape::namespaces`]; none without a namespace.
    pub(crate) namespace: Option<usize>,
    pub(crate) name: String,
    pub(crate) min: u64,
    /// None stands for unbounded.
    pub(crate) max: Option<u64>,
    pub(crate) kind: TypeId,
    /// What the schema's annotation says of it, in English and Chinese; empty for nothing.
    pub(crate) documentation: [String; 2],
}

impl Member {
    /// Whether it is an array in JSON.
    pub(crate) fn repeats(&self) -> bool {
        self.max != Some(1)
    }
}

/// How the members of a type follow or exclude each other.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    /// The member of this index.
    Member(usize),
    /// All of these.
    Sequence(Vec<Model>),
    /// One of these.
    Choice(Vec<Model>),
    /// This or nothing.
    Optional(Box<Model>),
}

/// One attribute; its member is called `@name`.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) required: bool,
    /// The only value it may have.
    pub(crate) fixed: Option<String>,
    pub(crate) value: Simple,
    pub(crate) documentation: [String; 2],
}

impl Shape {
    /// Reads the shape of the element `root` from the schema file at `location` and
    /// from all that it includes or imports.
    ///
    /// # Errors
    /// A file that is missing or broken, or a schema that says what a shape cannot.
    pub(crate) fn read(root: &str, location: &str, files: &View) -> Result<Shape, ShapeError> {
        let files = load(location, files)?;
        let mut reader = Reader {
            files: &files,
            types: Vec::new(),
            known: BTreeMap::new(),
            namespaces: Vec::new(),
            depth: 0,
        };
        let own = files.first().and_then(|file| file.root().attribute("", "targetNamespace"));
        let namespace = own.unwrap_or_default();
        let element = reader.find("element", namespace, root)?;
        let root = reader.member(element)?;
        if reader.types.get(root.kind).is_none_or(|kind| matches!(kind.content, Content::Opaque)) {
            return Err(fault("the content of its root is not made of members"));
        }
        Ok(Shape { types: reader.types, root, namespaces: reader.namespaces })
    }

    /// The namespace of a member; empty for none.
    pub(crate) fn namespace(&self, member: &Member) -> &str {
        member.namespace.and_then(|index| self.namespaces.get(index)).map_or("", String::as_str)
    }

    pub(crate) fn get(&self, kind: TypeId) -> Option<&Type> {
        self.types.get(kind)
    }
}

/// The file and those it includes or imports, each once, itself first.
fn load(location: &str, files: &View) -> Result<Vec<Document>, ShapeError> {
    let mut documents: Vec<Document> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    let mut wanted = vec![location.to_owned()];
    while let Some(location) = wanted.pop() {
        let text = files.get(&location).ok_or_else(|| fault(&format!("no file {location}")))?;
        if texts.contains(&text) {
            continue;
        }
        if texts.len() >= FILES_MAX {
            return Err(fault("too many schema files"));
        }
        texts.push(text);
        let parsed = Document::parse(text.as_bytes().to_vec(), &Limits::default());
        let document = parsed.map_err(|error| fault(&error.en()))?;
        let directives =
            document.root().children().filter(|e| e.is(XS, "include") || e.is(XS, "import"));
        for named in directives.filter_map(|e| e.attribute("", "schemaLocation")) {
            let inner = resolve(&location, named);
            wanted.push(inner.ok_or_else(|| fault(&format!("{named} is outside")))?);
        }
        documents.push(document);
    }
    Ok(documents)
}

pub(super) struct Reader<'f> {
    files: &'f [Document],
    types: Vec<Type>,
    known: BTreeMap<(String, String), TypeId>,
    namespaces: Vec<String>,
    depth: usize,
}

impl<'f> Reader<'f> {
    /// One level deeper; [`Reader::leave`] comes back.
    pub(super) fn enter(&mut self) -> Result<(), ShapeError> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(fault("nested too deeply")),
            false => Ok(()),
        }
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The top-level component of this kind and name. An included file without a
    /// namespace of its own has that of the including one.
    pub(super) fn find(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Element<'f>, ShapeError> {
        let of = |file: &&'f Document| {
            file.root().attribute("", "targetNamespace").is_none_or(|own| own == namespace)
        };
        let named = |e: &Element<'_>| e.is(XS, kind) && e.attribute("", "name") == Some(name);
        let mut found = self.files.iter().filter(of).flat_map(|file| file.root().children());
        found.find(named).ok_or_else(|| fault(&format!("no {kind} {name} in {namespace}")))
    }

    pub(super) fn member(&mut self, element: Element<'f>) -> Result<Member, ShapeError> {
        self.enter()?;
        let member = self.declared(element);
        self.leave();
        member
    }

    fn declared(&mut self, element: Element<'f>) -> Result<Member, ShapeError> {
        let (min, max) = occurs(element)?;
        let (declared, global) = match element.attribute("", "ref") {
            Some(reference) => {
                let (namespace, name) = qualified(element, reference);
                (self.find("element", namespace, name)?, true)
            }
            None => (element, element.parent().is_some_and(|parent| parent.is(XS, "schema"))),
        };
        let name =
            declared.attribute("", "name").ok_or_else(|| fault("an element without name"))?;
        let schema = declared.document().root();
        let form = declared.attribute("", "form");
        let form = form.or_else(|| schema.attribute("", "elementFormDefault"));
        let namespace =
            schema.attribute("", "targetNamespace").filter(|_| global || form == Some("qualified"));
        let kind = if declared.attribute("", "substitutionGroup").is_some()
            || declared.attribute("", "abstract") == Some("true")
            || namespace == Some(DS)
        {
            self.push(Type { content: Content::Opaque, ..Type::default() })?
        } else if let Some(kind) = declared.attribute("", "type") {
            let (type_namespace, type_name) = qualified(declared, kind);
            self.named(type_namespace, type_name)?
        } else if let Some(complex) = declared.child(XS, "complexType") {
            let kind = self.complex(complex)?;
            self.push(kind)?
        } else {
            let simple = declared.child(XS, "simpleType");
            let value = simple.map_or_else(|| Ok(Simple::builtin("string")), |s| self.simple(s))?;
            let content = match simple {
                Some(_) => Content::Value(value),
                None => Content::Opaque,
            };
            self.push(Type { content, ..Type::default() })?
        };
        let namespace = namespace.filter(|uri| !uri.is_empty()).map(|uri| self.namespace(uri));
        let own = documentation(element);
        let documentation =
            if own.iter().all(String::is_empty) { documentation(declared) } else { own };
        Ok(Member { namespace, name: name.to_owned(), min, max, kind, documentation })
    }

    fn namespace(&mut self, uri: &str) -> usize {
        match self.namespaces.iter().position(|known| known == uri) {
            Some(index) => index,
            None => {
                self.namespaces.push(uri.to_owned());
                self.namespaces.len() - 1
            }
        }
    }

    fn push(&mut self, kind: Type) -> Result<TypeId, ShapeError> {
        if self.types.len() >= TYPES_MAX {
            return Err(fault("too many types"));
        }
        self.types.push(kind);
        Ok(self.types.len() - 1)
    }

    fn named(&mut self, namespace: &str, name: &str) -> Result<TypeId, ShapeError> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        // The number is taken before the content is read: types may name themselves.
        let id = self.push(Type::default())?;
        self.known.insert(key, id);
        let mut read = match self.find("complexType", namespace, name) {
            Ok(complex) => self.complex(complex)?,
            Err(_) if namespace == XS && name == "anyType" => {
                Type { content: Content::Opaque, ..Type::default() }
            }
            Err(_) => {
                let content = Content::Value(self.value(namespace, name)?);
                Type { content, ..Type::default() }
            }
        };
        read.name = name.to_owned();
        if let Some(slot) = self.types.get_mut(id) {
            *slot = read;
        }
        Ok(id)
    }

    /// The simple type of this name.
    pub(super) fn value(&self, namespace: &str, name: &str) -> Result<Simple, ShapeError> {
        let (mut namespace, mut name) = (namespace, name);
        let mut restrictions = Vec::new();
        while namespace != XS {
            let simple = self.find("simpleType", namespace, name)?;
            let Some(restriction) = simple.child(XS, "restriction") else {
                return Ok(Simple::builtin("token"));
            };
            restrictions.push(restriction);
            let Some(base) = restriction.attribute("", "base") else {
                return Ok(Simple::builtin("token"));
            };
            if restrictions.len() > DERIVATION_MAX {
                return Err(fault("a simple type derived too often"));
            }
            (namespace, name) = qualified(restriction, base);
        }
        let narrow = |value: Simple, restriction| value.restricted(restriction);
        Ok(restrictions.into_iter().rev().fold(Simple::builtin(name), narrow))
    }

    /// A simple type without a name.
    fn simple(&self, simple: Element<'f>) -> Result<Simple, ShapeError> {
        let restriction = simple.child(XS, "restriction");
        match restriction.and_then(|r| Some((r, r.attribute("", "base")?))) {
            Some((restriction, base)) => {
                let (namespace, name) = qualified(restriction, base);
                Ok(self.value(namespace, name)?.restricted(restriction))
            }
            None => Ok(Simple::builtin("token")),
        }
    }
}

impl<'f> Reader<'f> {
    /// The type of an attribute.
    pub(super) fn attribute_value(&self, used: Element<'f>) -> Result<Simple, ShapeError> {
        match (used.attribute("", "type"), used.child(XS, "simpleType")) {
            (Some(kind), _) => {
                let (namespace, name) = qualified(used, kind);
                self.value(namespace, name)
            }
            (None, Some(simple)) => self.simple(simple),
            (None, None) => Ok(Simple::builtin("string")),
        }
    }
}

/// minOccurs and maxOccurs.
pub(super) fn occurs(element: Element<'_>) -> Result<(u64, Option<u64>), ShapeError> {
    let number = |name: &str, text: &str| {
        text.trim().parse().map_err(|_| fault(&format!("{name} is {text}")))
    };
    let min = element.attribute("", "minOccurs").map_or(Ok(1), |text| number("minOccurs", text))?;
    let max = match element.attribute("", "maxOccurs") {
        None => Some(1),
        Some("unbounded") => None,
        Some(text) => Some(number("maxOccurs", text)?),
    };
    Ok((min, max))
}

/// Namespace and local name of a QName in an attribute of `at`.
pub(super) fn qualified<'n>(at: Element<'n>, name: &'n str) -> (&'n str, &'n str) {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    (at.namespace_of(prefix).unwrap_or_default(), local)
}

/// The texts of the annotation of a component, white space collapsed: that without a
/// language or in English, and that in Chinese.
pub(super) fn documentation(element: Element<'_>) -> [String; 2] {
    let texts = element.child(XS, "annotation").into_iter().flat_map(|a| a.children());
    let mut found = [String::new(), String::new()];
    for text in texts.filter(|e| e.is(XS, "documentation")) {
        let language = text.attribute(XML_NAMESPACE, "lang").unwrap_or("en");
        let [en, zh] = &mut found;
        let slot = if language.starts_with("zh") { zh } else { en };
        if slot.is_empty() {
            *slot = text.text().split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }
    found
}

pub(super) fn fault(what: &str) -> ShapeError {
    ShapeError(what.to_owned())
}
