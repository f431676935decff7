//! The fields of a type as its schema files say them, for people: name, occurrence, type
//! and documentation, in order. In: a schema file and what it includes. Out: a flat list.
//! It describes, it does not judge; what it cannot describe it names and passes over.

use std::collections::BTreeSet;

use onepoint_xml::{Document, Element, Limits};

use crate::files::{View, resolve};

const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// Most fields listed of a type.
const FIELDS_MAX: usize = 4000;
/// Deepest field listed; types may hold themselves.
const DEPTH_MAX: usize = 16;
/// Most groups, types and base types inside each other.
const NESTED_MAX: usize = 64;
/// Most files read for one type.
const FILES_MAX: usize = 64;

/// One element of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Local name.
    pub name: String,
    /// How many elements stand around it; the root has 0.
    pub depth: usize,
    /// Least occurrence. 0 also for what stands in a choice.
    pub min: u32,
    /// Greatest occurrence; none for no bound.
    pub max: Option<u32>,
    /// Its value; none when it holds elements.
    pub value: Option<ValueType>,
    /// It is of another namespace than the root, and what it holds is not listed.
    pub foreign: bool,
    /// What the schema says about it.
    pub documentation: String,
}

/// The type of a value: a built-in one of XML Schema with its facets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueType {
    /// Local name of the built-in type: `string`, `decimal`.
    pub base: String,
    /// Exact number of characters.
    pub length: Option<u64>,
    /// Least number of characters.
    pub min_length: Option<u64>,
    /// Greatest number of characters.
    pub max_length: Option<u64>,
    /// Greatest number of digits.
    pub total_digits: Option<u64>,
    /// Greatest number of digits behind the point.
    pub fraction_digits: Option<u64>,
    /// The values, where they are listed.
    pub values: Vec<String>,
    /// The patterns.
    pub patterns: Vec<String>,
}

impl ValueType {
    /// In a few words: `string, 1 to 60 characters`.
    pub fn words(&self) -> String {
        let mut words = self.base.clone();
        let mut add = |text: String| {
            words.push_str(", ");
            words.push_str(&text);
        };
        match (self.length, self.min_length.unwrap_or(0), self.max_length) {
            (Some(exactly), ..) => add(format!("{exactly} characters")),
            (None, 0, Some(most)) => add(format!("up to {most} characters")),
            (None, least, Some(most)) => add(format!("{least} to {most} characters")),
            (None, 0, None) => {}
            (None, least, None) => add(format!("at least {least} characters")),
        }
        if let Some(digits) = self.total_digits {
            add(format!("up to {digits} digits"));
        }
        if let Some(digits) = self.fraction_digits {
            add(format!("{digits} behind the point"));
        }
        if !self.values.is_empty() {
            add(format!("one of {}", self.values.join(" ")));
        }
        for pattern in &self.patterns {
            add(format!("pattern {pattern}"));
        }
        words
    }

    /// Takes the facets of a restriction of this type.
    fn restrict(&mut self, restriction: Element<'_>) {
        let facets = restriction.children().filter(|e| e.name().namespace == XS);
        for facet in facets {
            let text = facet.attribute("", "value").unwrap_or_default();
            let number = text.trim().parse().ok();
            match facet.name().local {
                "length" => self.length = number,
                "minLength" => self.min_length = number,
                "maxLength" => self.max_length = number,
                "totalDigits" => self.total_digits = number,
                "fractionDigits" => self.fraction_digits = number,
                "pattern" => self.patterns.push(text.to_owned()),
                "enumeration" => self.values.push(text.to_owned()),
                _ => {}
            }
        }
    }
}

/// The fields of the element `root` in the schema at `location`, itself first; none when a
/// file is missing or the element is not declared there.
pub(crate) fn of(root: &str, location: &str, view: &View) -> Option<Vec<Field>> {
    let files = load(location, view)?;
    let namespace = files.first()?.root().attribute("", "targetNamespace").unwrap_or_default();
    let mut reader = Reader { files: &files, namespace, fields: Vec::new(), open: 0 };
    let element = reader.find("element", namespace, root)?;
    reader.element(element, 0, (1, Some(1)));
    Some(reader.fields)
}

/// Names of the fields that stand directly below this path of names, the root first.
pub(crate) fn below(fields: &[Field], path: &[&str]) -> BTreeSet<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut found = BTreeSet::new();
    for field in fields {
        open.truncate(field.depth);
        if open == path {
            found.insert(field.name.clone());
        }
        open.push(&field.name);
    }
    found
}

fn load(location: &str, view: &View) -> Option<Vec<Document>> {
    let mut documents = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut wanted = vec![location.to_owned()];
    while let Some(location) = wanted.pop() {
        if seen.contains(&location) || seen.len() >= FILES_MAX {
            continue;
        }
        let text = view.get(&location)?;
        let document = Document::parse(text.as_bytes().to_vec(), &Limits::default()).ok()?;
        let named =
            document.root().children().filter(|e| e.is(XS, "include") || e.is(XS, "import"));
        let named = named.filter_map(|e| e.attribute("", "schemaLocation"));
        wanted.extend(named.filter_map(|other| resolve(&location, other)));
        documents.push(document);
        seen.push(location);
    }
    Some(documents)
}

struct Reader<'f> {
    files: &'f [Document],
    namespace: &'f str,
    fields: Vec<Field>,
    /// Groups and base types that are open.
    open: usize,
}

/// Least and greatest occurrence.
type Occurs = (u32, Option<u32>);

impl<'f> Reader<'f> {
    /// The top-level component of this kind and name.
    fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Element<'f>> {
        let of = |file: &&'f Document| {
            // A file without namespace takes that of whoever includes it.
            file.root().attribute("", "targetNamespace").is_none_or(|own| own == namespace)
        };
        let mut found = self.files.iter().filter(of).flat_map(|file| file.root().children());
        found.find(|e| e.is(XS, kind) && e.attribute("", "name") == Some(name))
    }

    fn named(&self, kind: &str, at: Element<'f>, attribute: &str) -> Option<Element<'f>> {
        let (namespace, name) = qualified(at, at.attribute("", attribute)?);
        self.find(kind, namespace, name)
    }

    fn element(&mut self, element: Element<'f>, depth: usize, (min, max): Occurs) {
        let declared = self.named("element", element, "ref").unwrap_or(element);
        let Some(name) = declared.attribute("", "name") else { return };
        if self.fields.len() >= FIELDS_MAX {
            return;
        }
        let schema = declared.document().root();
        let own = schema.attribute("", "targetNamespace").unwrap_or(self.namespace);
        let foreign = own != self.namespace;
        let complex = self.named("complexType", declared, "type");
        let complex = complex.or_else(|| declared.child(XS, "complexType"));
        let value = match complex {
            Some(complex) => self.simple_content(complex),
            None => Some(self.value(declared)),
        };
        self.fields.push(Field {
            name: name.to_owned(),
            depth,
            min,
            max,
            value,
            foreign,
            documentation: documentation(element)
                .or_else(|| documentation(declared))
                .unwrap_or_default(),
        });
        if let Some(complex) = complex.filter(|_| !foreign && depth < DEPTH_MAX) {
            self.complex(complex, depth + 1);
        }
    }

    /// What stands inside a type. Types that extend themselves, and groups that hold
    /// themselves, are not followed for ever.
    fn complex(&mut self, complex: Element<'f>, depth: usize) {
        let mut holder = complex;
        if let Some(content) = complex.child(XS, "complexContent") {
            let derived =
                content.children().find(|e| e.is(XS, "extension") || e.is(XS, "restriction"));
            let Some(derived) = derived else { return };
            if derived.is(XS, "extension")
                && let Some(base) = self.named("complexType", derived, "base")
                && self.open < NESTED_MAX
            {
                self.open += 1;
                self.complex(base, depth);
                self.open -= 1;
            }
            holder = derived;
        }
        self.particles(holder, depth, (1, Some(1)));
    }

    /// The elements below a group, with the occurrence of the group itself.
    fn particles(&mut self, holder: Element<'f>, depth: usize, around: Occurs) {
        if self.open >= NESTED_MAX {
            return;
        }
        self.open += 1;
        for particle in holder.children().filter(|e| e.name().namespace == XS) {
            let here = times(around, occurs(particle));
            match particle.name().local {
                "element" => self.element(particle, depth, here),
                "sequence" | "all" => self.particles(particle, depth, here),
                "choice" => self.particles(particle, depth, (0, here.1)),
                "group" => {
                    if let Some(group) = self.named("group", particle, "ref") {
                        self.particles(group, depth, here);
                    }
                }
                _ => {}
            }
        }
        self.open -= 1;
    }

    fn simple_content(&self, complex: Element<'f>) -> Option<ValueType> {
        let content = complex.child(XS, "simpleContent")?;
        let derived =
            content.children().find(|e| e.is(XS, "extension") || e.is(XS, "restriction"))?;
        let (namespace, name) = qualified(derived, derived.attribute("", "base")?);
        Some(self.simple(namespace, name))
    }

    /// The value of an element without complex type.
    fn value(&self, declared: Element<'f>) -> ValueType {
        if let Some(simple) = declared.child(XS, "simpleType") {
            return self.restricted(simple);
        }
        let Some(name) = declared.attribute("", "type") else {
            return ValueType { base: "anyType".to_owned(), ..ValueType::default() };
        };
        let (namespace, name) = qualified(declared, name);
        self.simple(namespace, name)
    }

    fn simple(&self, namespace: &str, name: &str) -> ValueType {
        let simple = self.find("simpleType", namespace, name).filter(|_| namespace != XS);
        simple.map_or_else(
            || ValueType { base: name.to_owned(), ..ValueType::default() },
            |simple| self.restricted(simple),
        )
    }

    /// A simple type: the built-in type at the end of its restrictions, with all their facets.
    fn restricted(&self, simple: Element<'f>) -> ValueType {
        let mut restrictions = Vec::new();
        let mut at = Some(simple);
        let mut base = String::from("list or union");
        while let Some(restriction) = at.and_then(|simple| simple.child(XS, "restriction")) {
            if restrictions.len() >= DEPTH_MAX {
                break;
            }
            restrictions.push(restriction);
            at = restriction.child(XS, "simpleType");
            if let Some(name) = restriction.attribute("", "base") {
                let (namespace, name) = qualified(restriction, name);
                base = name.to_owned();
                at = self.find("simpleType", namespace, name).filter(|_| namespace != XS);
            }
        }
        let mut value = ValueType { base, ..ValueType::default() };
        restrictions.iter().rev().for_each(|restriction| value.restrict(*restriction));
        value
    }
}

fn documentation(at: Element<'_>) -> Option<String> {
    let text = at.child(XS, "annotation")?.child(XS, "documentation")?.text().into_owned();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn occurs(particle: Element<'_>) -> Occurs {
    let min = particle.attribute("", "minOccurs").and_then(|text| text.parse().ok()).unwrap_or(1);
    let max = match particle.attribute("", "maxOccurs") {
        Some("unbounded") => None,
        Some(text) => text.parse().ok().or(Some(1)),
        None => Some(1),
    };
    (min, max)
}

fn times(around: Occurs, here: Occurs) -> Occurs {
    let max = around.1.zip(here.1).map(|(a, b)| a.saturating_mul(b));
    (around.0.saturating_mul(here.0), max)
}

/// Namespace and local name of a QName in an attribute of `at`.
fn qualified<'n>(at: Element<'n>, name: &'n str) -> (&'n str, &'n str) {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    (at.namespace_of(prefix).unwrap_or_default(), local)
}

#[cfg(test)]
mod tests;
