//! Walks a Document through the engine's push interface. No recursion: the
//! events are flat already.

use onepoint_xml::{Document, Element, Event, EventIndex};
use xsd_schema::SchemaSet;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::validation::{
    SchemaValidator, ValidationError, ValidationFlags, ValidationRuntime, ValidationSink,
    ValidationWarning,
};

use super::is_base64;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Stands for every name that is in no schema. The engine keeps each name it is
/// given for good: names that a sender makes up must not fill its memory.
const UNKNOWN: &str = "unknown-name";

/// Told of what happens, with the element it happens at.
pub(super) trait Watch<S: ValidationSink> {
    /// Before the engine sees the start of `element`.
    fn before(&mut self, runtime: &ValidationRuntime<'_, S>, element: Element<'_>);
    /// After the engine has seen the start tag of `element` with its attributes.
    fn started(&mut self, runtime: &ValidationRuntime<'_, S>, element: Element<'_>);
    /// Before the engine sees the end of `element`.
    fn ending(&mut self, runtime: &ValidationRuntime<'_, S>, element: Element<'_>);
    /// After the engine has seen the end of `element`.
    fn ended(&mut self, runtime: &ValidationRuntime<'_, S>, element: Element<'_>);
    /// True when enough has been seen.
    fn is_done(&self) -> bool;
}

/// Whether the document is valid; stops at the first fault.
pub(super) fn is_valid(set: &SchemaSet, document: &Document) -> bool {
    let mut first = First::default();
    let validator = SchemaValidator::new(set, ValidationFlags::empty());
    let mut runtime = validator.start_run(&mut first);
    walk(set, document, &mut runtime, &mut Silent);
    let ended = runtime.end_validation().is_ok();
    drop(runtime);
    ended && !first.failed
}

#[derive(Default)]
struct First {
    failed: bool,
}

impl ValidationSink for &mut First {
    fn on_error(&mut self, _: ValidationError) {
        self.failed = true;
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

struct Silent;

impl<S: ValidationSink> Watch<S> for Silent {
    fn before(&mut self, _: &ValidationRuntime<'_, S>, _: Element<'_>) {}
    fn started(&mut self, _: &ValidationRuntime<'_, S>, _: Element<'_>) {}
    fn ending(&mut self, _: &ValidationRuntime<'_, S>, _: Element<'_>) {}
    fn ended(&mut self, _: &ValidationRuntime<'_, S>, _: Element<'_>) {}
    fn is_done(&self) -> bool {
        false
    }
}

pub(super) fn walk<S: ValidationSink>(
    set: &SchemaSet,
    document: &Document,
    runtime: &mut ValidationRuntime<'_, S>,
    watch: &mut impl Watch<S>,
) {
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut text = String::new();
    for (at, event) in document.events().iter().enumerate() {
        if watch.is_done() {
            return;
        }
        match event {
            Event::Start { .. } => {
                flush(runtime, open.last().copied(), &mut text);
                let Ok(at) = u32::try_from(at) else { return };
                let element = document.element(EventIndex(at));
                watch.before(runtime, element);
                start(set, runtime, element);
                watch.started(runtime, element);
                open.push(element);
            }
            Event::End { .. } => {
                flush(runtime, open.last().copied(), &mut text);
                let Some(element) = open.pop() else { return };
                watch.ending(runtime, element);
                runtime.validate_end_element_novalue();
                watch.ended(runtime, element);
            }
            // Comments between two pieces of text must not split a value.
            Event::Text { value, .. } if !open.is_empty() => text.push_str(document.value(value)),
            Event::Text { .. } | Event::Comment { .. } | Event::Pi { .. } => {}
        }
    }
}

fn flush<S: ValidationSink>(
    runtime: &mut ValidationRuntime<'_, S>,
    element: Option<Element<'_>>,
    text: &mut String,
) {
    if text.is_empty() {
        return;
    }
    if element.is_some_and(is_base64) {
        text.retain(|c| !matches!(c, ' ' | '\t' | '\n' | '\r'));
    }
    if text.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
        runtime.validate_whitespace(text);
    } else {
        runtime.validate_text(text);
    }
    text.clear();
}

fn start<S: ValidationSink>(
    set: &SchemaSet,
    runtime: &mut ValidationRuntime<'_, S>,
    element: Element<'_>,
) {
    let name = element.name();
    let xsi_type = element.attribute(XSI, "type");
    let xsi_nil = element.attribute(XSI, "nil");
    // Prefixes matter to the engine only in values that are QNames: xsi:type.
    let scope = match xsi_type {
        Some(_) => scope(set, element),
        None => NamespaceContextSnapshot { default_ns: None, bindings: Vec::new() },
    };
    let (local, namespace) = (known(set, name.local), known(set, name.namespace));
    runtime.validate_element_novalue(local, namespace, xsi_type, xsi_nil, &scope);
    for (name, value) in element.attributes() {
        let (local, namespace) = (known(set, name.local), known(set, name.namespace));
        runtime.validate_attribute(local, namespace, value);
    }
    runtime.validate_end_of_attributes_novalue();
}

fn known<'n>(set: &SchemaSet, name: &'n str) -> &'n str {
    if name.is_empty() || set.name_table.get(name).is_some() { name } else { UNKNOWN }
}

fn scope(set: &SchemaSet, element: Element<'_>) -> NamespaceContextSnapshot {
    let mut snapshot = NamespaceContextSnapshot { default_ns: None, bindings: Vec::new() };
    for (prefix, uri) in element.in_scope_namespaces() {
        let Some(uri) = set.name_table.get(uri) else { continue };
        if prefix.is_empty() {
            snapshot.default_ns = Some(uri);
        } else if let Some(prefix) = set.name_table.get(prefix) {
            snapshot.bindings.push((prefix, uri));
        }
    }
    snapshot
}
