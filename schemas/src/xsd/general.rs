//! The general engine: the crate xsd-schema, driven from our Document through its push
//! interface. It judges whether a schema is one, and serves the sets that the compiled
//! engine does not. Faults of the crate that are known are made good here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use onepoint_xml::{Document, Element, Event, EventIndex};
use xsd_schema::ids::NameId;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::validation::{
    SchemaInfo, SchemaValidator, ValidationError, ValidationFlags, ValidationRuntime,
    ValidationSink, ValidationWarning,
};
use xsd_schema::{
    SchemaError as EngineError, SchemaLoader, SchemaResult, SchemaSet, SchemaSetBuilder, TypeKey,
    XmlTypeCode,
};

use super::XSI;
use super::blocks::spelled_out;
use super::explain::Report;
use super::source::Sources;
use super::value::is_space;

/// Stands for every element and attribute name that is in no schema.
const UNKNOWN: &str = "unknown-name";
/// A set that has kept more names than this of its own schema is thrown away: the crate
/// keeps every prefix and namespace it is shown.
const NAMES_MAX: usize = 4_096;
/// Under which the crate is shown our locations: with a scheme, it does not look at the disk.
const ROOT: &str = "onepoint://set/";

/// The sets of one schema: the crate's may move between threads but not be shared, so each
/// judge takes one out and puts it back.
pub(super) struct General {
    starts: Vec<String>,
    files: Files,
    idle: Mutex<Vec<(SchemaSet, usize)>>,
}

impl fmt::Debug for General {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("General")
    }
}

/// Gives the crate the files that were loaded, and nothing else: no disk, no network.
#[derive(Debug, Clone)]
struct Files(Arc<BTreeMap<String, String>>);

impl SchemaLoader for Files {
    fn load(&self, location: &str) -> SchemaResult<String> {
        let missing = || EngineError::resolution(format!("no {location}"));
        match self.0.get(location) {
            Some(text) => Ok(text.clone()),
            None if location.ends_with("xml.xsd") => {
                String::from_utf8(xsd_schema::embedded::XML_XSD.to_vec()).map_err(|_| missing())
            }
            None => Err(missing()),
        }
    }

    fn can_load(&self, location: &str) -> bool {
        self.0.contains_key(location) || location.ends_with("xml.xsd")
    }
}

impl General {
    /// Takes the files over, as the crate is to see them.
    pub(super) fn new(locations: &[&str], sources: &Sources) -> General {
        let files = sources.files.iter();
        let files =
            files.map(|f| (address(&f.location), spelled_out(f.document.source()))).collect();
        General {
            starts: locations.iter().map(|at| address(&super::source::resolve("", at))).collect(),
            files: Files(Arc::new(files)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Compiles a set, and keeps it for the next judge.
    ///
    /// # Errors
    /// Why it is no schema.
    pub(super) fn compile(&self) -> Result<(), String> {
        let set = self.compiled()?;
        let names = set.name_table.len();
        self.idle().push((set, names));
        Ok(())
    }

    /// Forgets the sets that wait: the compiled engine serves.
    pub(super) fn rest(&self) {
        self.idle().clear();
    }

    fn compiled(&self) -> Result<SchemaSet, String> {
        let mut builder = SchemaSetBuilder::with_loader(Box::new(self.files.clone()));
        for start in &self.starts {
            let text = self.files.0.get(start).map_or("", String::as_str);
            builder = builder.add_source(text, start).map_err(|error| error.to_string())?;
        }
        let compiled = builder.compile().map_err(|error| error.to_string())?;
        Ok(compiled.into_schema_set())
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(SchemaSet, usize)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Validates the document; the report says what is wrong.
    pub(super) fn judge(&self, document: &Document, report: &mut Report<'_>) {
        let set = self.idle().pop();
        let fresh = || self.compiled().map(|set| (set.name_table.len(), set));
        let (names, set) = match set {
            Some((set, names)) => (names, set),
            None => match fresh() {
                Ok(fresh) => fresh,
                Err(why) => return report.other(document.root(), "schema-unavailable", &why),
            },
        };
        drive(&set, document, report);
        if set.name_table.len() <= names + NAMES_MAX {
            self.idle().push((set, names));
        }
    }

    /// How many names the waiting sets hold.
    #[cfg(test)]
    pub(super) fn names(&self) -> usize {
        self.idle().iter().map(|(set, _)| set.name_table.len()).sum()
    }
}

fn address(location: &str) -> String {
    match location.contains("://") {
        true => location.to_owned(),
        false => format!("{ROOT}{}", location.trim_start_matches('/')),
    }
}

#[derive(Default)]
struct Heard(RefCell<Vec<ValidationError>>);

impl ValidationSink for &Heard {
    fn on_error(&mut self, error: ValidationError) {
        self.0.borrow_mut().push(error);
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

fn drive(set: &SchemaSet, document: &Document, report: &mut Report<'_>) {
    let heard = Heard::default();
    let validator = SchemaValidator::new(set, ValidationFlags::default());
    let mut runtime = validator.start_run(&heard);
    runtime.set_unparsed_entities(std::collections::HashSet::new());
    let scopes = vec![snapshot(set, document.root(), None)];
    let (open, text) = (Vec::new(), String::new());
    let mut walk = Walk { set, heard: &heard, runtime, scopes, open, text, report };
    walk.document(document);
    let ended = walk.runtime.end_validation();
    walk.hear(document.root());
    if let Err(error) = ended
        && walk.report.is_empty()
    {
        walk.report.other(document.root(), error.constraint, &error.message);
    }
}

struct Walk<'w, 'd, 'p> {
    set: &'w SchemaSet,
    heard: &'w Heard,
    runtime: ValidationRuntime<'w, &'w Heard>,
    /// The bindings of prefixes, one for each element that declares some.
    scopes: Vec<NamespaceContextSnapshot>,
    open: Vec<Open<'d>>,
    text: String,
    report: &'w mut Report<'p>,
}

struct Open<'d> {
    element: Element<'d>,
    kind: Option<TypeKey>,
    scoped: bool,
}

impl<'d> Walk<'_, 'd, '_> {
    fn document(&mut self, document: &'d Document) {
        for (at, event) in document.events().iter().enumerate() {
            match event {
                Event::Start { tag, .. } => {
                    self.flush();
                    let element = document.element(EventIndex(at as u32));
                    self.start(element, !document.namespaces(*tag).is_empty());
                }
                Event::End { .. } => {
                    self.flush();
                    self.end();
                }
                // Comments between two pieces of text must not split a value.
                Event::Text { value, .. } if !self.open.is_empty() => {
                    self.text.push_str(document.value(value));
                }
                Event::Text { .. } | Event::Comment { .. } | Event::Pi { .. } => {}
            }
        }
    }

    fn start(&mut self, element: Element<'d>, scoped: bool) {
        if scoped && !self.open.is_empty() {
            self.scopes.push(snapshot(self.set, element, self.scopes.last()));
        }
        let scoped = scoped && !self.open.is_empty();
        let name = element.name();
        let (local, namespace) = names(self.set, name.namespace, name.local);
        let empty = NamespaceContextSnapshot { default_ns: None, bindings: Vec::new() };
        let scope = self.scopes.last().unwrap_or(&empty);
        let kind = element.attribute(XSI, "type");
        let nil = element.attribute(XSI, "nil");
        let info = self.runtime.validate_element_by_id(local, namespace, kind, nil, scope);
        self.hear(element);
        for (at, (name, value)) in element.attributes().enumerate() {
            let (mut local, namespace) = names(self.set, name.namespace, name.local);
            if at > 0 && self.set.name_table.get(name.local).is_none() {
                // Two names that are unknown are still two.
                local = self.set.name_table.add(&format!("{UNKNOWN}-{at}"));
            }
            // What it says of the attribute is among the errors as well.
            drop(self.runtime.validate_attribute_by_id(local, namespace, value));
        }
        let more = self.runtime.validate_end_of_attributes();
        self.hear(element);
        self.open.push(Open { element, kind: kind_of(&more).or(kind_of(&info)), scoped });
    }

    /// Gives the crate the text since the last tag.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let kind = self.open.last().and_then(|open| open.kind);
        if self.text.bytes().any(is_space) && kind.is_some_and(|kind| is_base64(self.set, kind)) {
            self.text.retain(|c| !matches!(c, ' ' | '\t' | '\n' | '\r'));
        }
        if self.text.bytes().all(is_space) {
            self.runtime.validate_whitespace(&self.text);
        } else {
            self.runtime.validate_text(&self.text);
        }
        self.text.clear();
    }

    fn end(&mut self) {
        self.runtime.validate_end_element_novalue();
        let Some(open) = self.open.pop() else { return };
        if open.scoped {
            self.scopes.pop();
        }
        self.hear(open.element);
    }

    fn hear(&mut self, element: Element<'d>) {
        for error in self.heard.0.take() {
            self.report.other(element, error.constraint, &error.message);
        }
    }
}

fn kind_of(info: &SchemaInfo) -> Option<TypeKey> {
    info.schema_type
}

/// Whether values of this type are base64 (part 2, section 3.2.16: white space may stand
/// anywhere in them, which the crate does not take).
fn is_base64(set: &SchemaSet, kind: TypeKey) -> bool {
    let Some(base64) = set.get_built_in_simple_type_by_code(XmlTypeCode::Base64Binary) else {
        return false;
    };
    let mut kind = kind;
    for _ in 0..256 {
        match kind {
            TypeKey::Simple(simple) => return set.derives_from(simple, base64),
            TypeKey::Complex(complex) => {
                let data = set.arenas.complex_types.get(complex);
                let next =
                    data.and_then(|d| d.resolved_simple_content_type.or(d.resolved_base_type));
                match next {
                    Some(next) => kind = next,
                    None => return false,
                }
            }
        }
    }
    false
}

/// The names in the numbers of the crate. It keeps each name it is given for good: names
/// that a sender makes up must not fill its memory.
fn names(set: &SchemaSet, namespace: &str, local: &str) -> (NameId, Option<NameId>) {
    let known = |name: &str| {
        let table = &set.name_table;
        table.get(name).unwrap_or_else(|| table.add(UNKNOWN))
    };
    (known(local), (!namespace.is_empty()).then(|| known(namespace)))
}

/// The bindings at an element: those of the element around it and its own.
fn snapshot(
    set: &SchemaSet,
    element: Element<'_>,
    around: Option<&NamespaceContextSnapshot>,
) -> NamespaceContextSnapshot {
    let mut scope = around
        .cloned()
        .unwrap_or(NamespaceContextSnapshot { default_ns: None, bindings: Vec::new() });
    let document = element.document();
    let Some(Event::Start { tag, .. }) = document.event(element.index()) else {
        return scope;
    };
    for declared in document.namespaces(*tag) {
        let (prefix, uri) = (document.value(&declared.prefix), document.value(&declared.uri));
        if prefix.is_empty() {
            scope.default_ns = (!uri.is_empty()).then(|| set.name_table.add(uri));
        } else {
            let prefix = set.name_table.add(prefix);
            scope.bindings.retain(|(known, _)| *known != prefix);
            scope.bindings.push((prefix, set.name_table.add(uri)));
        }
    }
    scope
}

/// Reports each xsi:type and xsi:nil.
pub(super) fn refuse_sender_types(document: &Document, report: &mut Report<'_>) {
    for (at, event) in document.events().iter().enumerate() {
        let Event::Start { tag, .. } = event else { continue };
        for attribute in document.attributes(*tag) {
            let name = document.name(attribute.name);
            if name.namespace == XSI && matches!(name.local, "type" | "nil") {
                report.attribute_unknown(document.element(EventIndex(at as u32)), name, "");
            }
        }
    }
}
