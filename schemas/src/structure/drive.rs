//! Walks a Document through the engine's push interface, once, and collects what is
//! wrong. The engine judges; where an element is missing or out of place the walk
//! repairs what the engine is shown, so that one fault does not hide the next.
//! No recursion: the events are flat already.

use std::cell::{Cell, RefCell};

use onepoint_xml::{Document, Element, Event, EventIndex};
use xsd_schema::SchemaSet;
use xsd_schema::ids::NameId;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::validation::{
    SchemaValidator, ValidationError, ValidationFlags, ValidationRuntime, ValidationSink,
    ValidationWarning,
};

use super::explain::Report;
use super::facets::Base;
use super::order::{Frame, Step};
use super::outline::{Content, Outline, TypeId};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Stands for every name that is in no schema. The engine keeps each name it is
/// given for good: names that a sender makes up must not fill its memory.
const UNKNOWN: &str = "unknown-name";

/// What the engine said since it was last asked.
#[derive(Default)]
struct Heard {
    errors: RefCell<Vec<ValidationError>>,
    muted: Cell<bool>,
}

impl ValidationSink for &Heard {
    fn on_error(&mut self, error: ValidationError) {
        if !self.muted.get() {
            self.errors.borrow_mut().push(error);
        }
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

/// Validates the document; the report says all that is wrong.
pub(super) fn judge(
    set: &SchemaSet,
    outline: &Outline,
    document: &Document,
    report: &mut Report<'_>,
) {
    let heard = Heard::default();
    let validator = SchemaValidator::new(set, ValidationFlags::empty());
    let runtime = validator.start_run(&heard);
    let scope = NamespaceContextSnapshot { default_ns: None, bindings: Vec::new() };
    let frames = Vec::new();
    let mut walk =
        Walk { set, outline, heard: &heard, runtime, scope, frames, text: String::new(), report };
    walk.document(document);
    if let Err(error) = walk.runtime.end_validation()
        && walk.report.is_empty()
    {
        walk.report.other(document.root(), &error);
    }
}

struct Walk<'w, 'd, 'p> {
    set: &'w SchemaSet,
    outline: &'w Outline,
    heard: &'w Heard,
    runtime: ValidationRuntime<'w, &'w Heard>,
    /// Always empty: prefixes matter to the engine in xsi:type only, which is refused.
    scope: NamespaceContextSnapshot,
    frames: Vec<Frame<'d>>,
    text: String,
    report: &'w mut Report<'p>,
}

impl<'d> Walk<'_, 'd, '_> {
    fn document(&mut self, document: &'d Document) {
        let mut at = 0;
        while let Some(event) = document.events().get(at) {
            match event {
                Event::Start { end, .. } => {
                    self.flush();
                    let Ok(index) = u32::try_from(at) else { return };
                    if !self.start(document.element(EventIndex(index))) {
                        at = end.0 as usize;
                    }
                }
                Event::End { .. } => {
                    self.flush();
                    self.end();
                }
                // Comments between two pieces of text must not split a value.
                Event::Text { value, .. } if !self.frames.is_empty() => {
                    self.text.push_str(document.value(value));
                }
                Event::Text { .. } | Event::Comment { .. } | Event::Pi { .. } => {}
            }
            at += 1;
        }
    }

    /// Shows the engine the start of an element; false when the element does not
    /// belong here and is passed over with all that is in it.
    fn start(&mut self, element: Element<'d>) -> bool {
        let Ok(kind) = self.place(element) else { return false };
        let (local, namespace) = self.names(element.name().namespace, element.name().local);
        self.runtime.validate_element_by_id_novalue(local, namespace, None, None, &self.scope);
        let mut frame = Frame::new(element, kind);
        for error in self.heard.errors.take() {
            // Where the outline knows the order the engine has nothing to say: this is
            // about the children of a choice, and the first word on them is enough.
            match self.frames.last_mut() {
                Some(parent) if is_structural(&error) => {
                    frame.spoiled = true;
                    if !std::mem::replace(&mut parent.spoiled, true) {
                        let due = parent.names(self.outline);
                        self.report.unexpected(element, &due);
                    }
                }
                _ => self.report.other(element, &error),
            }
        }
        self.attributes(element, kind);
        self.runtime.validate_end_of_attributes_novalue();
        for error in self.heard.errors.take() {
            // Attributes that are missing were named by `attributes`.
            if error.constraint != "cvc-complex-type.4" {
                self.report.other(element, &error);
            }
        }
        self.frames.push(frame);
        true
    }

    /// The type of an element by its place, none where only the engine knows. What is
    /// missing before it is reported and shown to the engine; an element without a place
    /// is reported and is an `Err`.
    fn place(&mut self, element: Element<'d>) -> Result<Option<TypeId>, ()> {
        let Some(parent) = self.frames.last_mut() else {
            let root = &self.outline.root;
            return match root.is(element) {
                true => Ok(Some(root.kind)),
                false => {
                    self.report.unexpected(element, &root.name);
                    Err(())
                }
            };
        };
        match parent.step(self.outline, element) {
            Step::Here(kind) => return Ok(Some(kind)),
            Step::Unknown => return Ok(None),
            Step::After { missing, kind } => {
                for gap in missing {
                    if !gap.moved {
                        self.report.missing(element, &gap);
                    }
                    self.insert(&gap.namespace, &gap.name);
                }
                return Ok(Some(kind));
            }
            Step::Repeated { max } => self.report.too_many(element, max),
            Step::Early { after } => self.report.early(element, &after),
            Step::Late { before } => self.report.late(element, &before),
            Step::Stranger { due } => self.report.unexpected(element, &due),
            Step::Forgiven => {}
        }
        Err(())
    }

    fn attributes(&mut self, element: Element<'d>, kind: Option<TypeId>) {
        let kind = kind.and_then(|kind| self.outline.get(kind));
        let declared = kind.map(|kind| &kind.attributes);
        for (name, value) in element.attributes() {
            if name.namespace == XSI {
                // Hints where a schema is are neither followed nor refused. A type named
                // by the sender would be: the types of our schemas have no public names.
                let hint = matches!(name.local, "schemaLocation" | "noNamespaceSchemaLocation");
                if !hint && kind.is_some() {
                    self.report.attribute_unknown(element, name, "");
                }
                continue;
            }
            let used = declared.map(|uses| {
                uses.iter().find(|used| name.namespace.is_empty() && used.name == name.local)
            });
            if used.is_some_and(|used| used.is_none()) && kind.is_some_and(|k| !k.any_attribute) {
                let known = declared.into_iter().flatten().map(|used| used.name.as_str());
                self.report.attribute_unknown(element, name, &known.collect::<Vec<_>>().join(", "));
                continue;
            }
            let (local, namespace) = self.names(name.namespace, name.local);
            // What it says of the attribute is among the errors as well.
            drop(self.runtime.validate_attribute_by_id(local, namespace, value));
            for error in self.heard.errors.take() {
                match used.flatten() {
                    Some(used) => self.report.attribute_value(element, used, value, &error),
                    None => self.report.other(element, &error),
                }
            }
        }
        for used in declared.into_iter().flatten().filter(|used| used.required) {
            if element.attribute("", &used.name).is_none() {
                self.report.attribute_missing(element, used);
            }
        }
    }

    /// Gives the engine the text since the last tag.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        let frame = self.frames.last_mut();
        let kind = frame.as_ref().and_then(|frame| frame.kind);
        match (kind.and_then(|kind| self.outline.get(kind)).map(|kind| &kind.content), frame) {
            (Some(Content::Value(facets)), Some(frame)) => {
                // White space inside base64 is legal (XML Schema part 2, section 3.2.16),
                // but the engine, xsd-schema 0.3.0, refuses it.
                if facets.base == Base::Base64 {
                    self.text.retain(|c| !is_space(c));
                }
                frame.odd |= !facets.is_plain(&self.text);
            }
            // The engine takes other white space than that of XML for none (U+3000).
            (Some(Content::Ordered(_) | Content::Free(_)), Some(frame))
                if !self.text.chars().all(is_space) =>
            {
                self.report.text_unexpected(frame.element, self.text.trim());
                self.text.clear();
                return;
            }
            _ => {}
        }
        if self.text.chars().all(is_space) {
            self.runtime.validate_whitespace(&self.text);
        } else {
            self.runtime.validate_text(&self.text);
        }
        self.text.clear();
    }

    fn end(&mut self) {
        let Some(frame) = self.frames.last_mut() else { return };
        for gap in frame.rest(self.outline) {
            if let Some(frame) = self.frames.last().filter(|_| !gap.moved) {
                self.report.missing_at_end(frame.element, &gap);
            }
            self.insert(&gap.namespace, &gap.name);
        }
        self.runtime.validate_end_element_novalue();
        let Some(frame) = self.frames.pop() else { return };
        let errors = self.heard.errors.take();
        let content = frame.kind.and_then(|kind| self.outline.get(kind)).map(|kind| &kind.content);
        match content {
            Some(Content::Value(facets)) => {
                let constraint = errors.first().map(|error| error.constraint);
                let constraint = constraint.or(frame.odd.then_some("cvc-datatype-valid"));
                if let Some(constraint) = constraint
                    && !frame.spoiled
                {
                    self.report.value(frame.element, facets, constraint);
                }
            }
            _ => {
                for error in errors {
                    match is_structural(&error) {
                        true if frame.spoiled => {}
                        true => {
                            let due = frame.names(self.outline);
                            self.report.incomplete(frame.element, &due);
                        }
                        false => self.report.other(frame.element, &error),
                    }
                }
            }
        }
    }

    /// Shows the engine an element that is missing, so that it goes on behind it. What
    /// it says of its content does not count.
    fn insert(&mut self, namespace: &str, local: &str) {
        self.heard.muted.set(true);
        let (local, namespace) = self.names(namespace, local);
        self.runtime.validate_element_by_id_novalue(local, namespace, None, None, &self.scope);
        self.runtime.validate_end_of_attributes_novalue();
        self.runtime.validate_end_element_novalue();
        self.heard.muted.set(false);
    }

    fn names(&self, namespace: &str, local: &str) -> (NameId, Option<NameId>) {
        let known = |name: &str| {
            let table = &self.set.name_table;
            table.get(name).unwrap_or_else(|| table.add(UNKNOWN))
        };
        (known(local), (!namespace.is_empty()).then(|| known(namespace)))
    }
}

/// The order and presence of children (XML Schema part 1, section 3.4.4).
fn is_structural(error: &ValidationError) -> bool {
    let constraint = error.constraint;
    constraint.starts_with("cvc-complex-type.2") || constraint.starts_with("cvc-elt.1")
}
