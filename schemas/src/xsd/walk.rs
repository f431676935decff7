//! The compiled engine: walks the flat events of a Document once. In: a [`Model`] and a
//! document. Out: a report that is empty exactly when the document is valid. On the valid
//! path nothing is allocated: the tables come from a [`Scratch`] that is used again, values
//! are slices of the document. What is wrong is put into words on a path of its own.

use onepoint_xml::{Document, Event, EventIndex, NameId, TagId};

use super::content::{Found, State};
use super::explain::Report;
use super::model::{
    ANY_TYPE, Content, Element, ElementId, Kind, Model, Process, Type, TypeId, Ways,
};
use super::simple;
use super::symbols::{Symbol, UNKNOWN};
use super::value::{Scope, is_space};
use identity::Identities;
use recover::Recovery;

mod attributes;
mod identity;
mod recover;

/// A name of the document that was not looked up yet.
const UNRESOLVED: Symbol = UNKNOWN - 1;

/// Tables of a walk, kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    symbols: Vec<Symbol>,
    frames: Vec<Frame>,
}

/// What a walk is told beside the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The only root that is taken; none for every global element.
    pub(super) root: Option<Symbol>,
    /// Whether xsi:type and xsi:nil are taken from senders.
    pub(super) sender_types: bool,
}

/// An element that is open.
#[derive(Debug)]
struct Frame {
    start: EventIndex,
    element: Option<ElementId>,
    kind: TypeId,
    state: State,
    /// xsi:nil is true: nothing may stand inside.
    nil: bool,
    /// What is said of the content from here on would be noise.
    spoiled: bool,
    recovery: Option<Box<Recovery>>,
}

/// What an element was found to be.
enum Placed {
    Element(ElementId),
    Any(Process),
    /// The root, which has no declaration.
    Undeclared,
    Nowhere,
}

/// Validates the document.
pub(super) fn judge(
    model: &Model,
    rules: Rules,
    document: &Document,
    scratch: &mut Scratch,
    report: &mut Report<'_>,
) {
    scratch.symbols.clear();
    scratch.symbols.resize(document.name_count(), UNRESOLVED);
    scratch.frames.clear();
    let identities = Identities::default();
    let mut walk = Walk { model, rules, document, scratch, report, identities };
    walk.document();
    walk.identities.settle(walk.document, walk.report);
}

struct Walk<'w, 'p> {
    model: &'w Model,
    rules: Rules,
    document: &'w Document,
    scratch: &'w mut Scratch,
    report: &'w mut Report<'p>,
    identities: Identities,
}

impl<'w> Walk<'w, '_> {
    fn document(&mut self) {
        let events = self.document.events();
        let mut at = 0;
        while let Some(event) = events.get(at) {
            match event {
                Event::Start { name, tag, end, .. } => {
                    let next = self.start(at, *name, *tag);
                    at = next.unwrap_or(end.0 as usize + 1);
                    continue;
                }
                Event::End { .. } => self.end(at),
                Event::Text { value, .. } => {
                    if !self.scratch.frames.is_empty() {
                        self.text(self.document.value(value));
                    }
                }
                Event::Comment { .. } | Event::Pi { .. } => {}
            }
            at += 1;
        }
    }

    /// The symbol of a name of the document: looked up once.
    fn symbol(&mut self, name: NameId) -> Symbol {
        let Some(slot) = self.scratch.symbols.get_mut(name.index()) else { return UNKNOWN };
        if *slot == UNRESOLVED {
            let name = self.document.name(name);
            *slot = self.model.symbols.find(name.namespace, name.local);
        }
        *slot
    }

    /// Takes a start tag. The index of the event to go on with; none to pass over the
    /// element with all that is in it.
    fn start(&mut self, at: usize, name: NameId, tag: TagId) -> Option<usize> {
        let index = EventIndex(at as u32);
        let symbol = self.symbol(name);
        let element = match self.place(index, symbol, name) {
            Placed::Element(element) => Some(element),
            Placed::Any(Process::Skip) | Placed::Nowhere => return None,
            Placed::Any(process) => {
                let global = self.model.globals(symbol).element;
                if global.is_none()
                    && process == Process::Strict
                    && self.xsi(tag, self.model.xsi.kind).is_none()
                {
                    self.report.undeclared(self.document.element(index), "");
                    return None;
                }
                global
            }
            Placed::Undeclared => None,
        };
        let declared = element.and_then(|element| self.model.element(element));
        if declared.is_some_and(|declared| declared.is_abstract) {
            self.report.is_abstract(self.document.element(index));
        }
        let mut id = declared.map_or(ANY_TYPE, |declared| declared.kind);
        let mut nil = false;
        if !tag.is_empty() {
            id = self.given_type(index, declared, id, tag)?;
            nil = self.nil(index, declared, tag);
        }
        let kind = self.model.kind(id)?;
        if kind.is_abstract {
            self.report.abstract_type(self.document.element(index));
        }
        self.attributes(index, kind, tag);
        match self.leaf(at, element, id, kind, nil) {
            Some(next) => Some(next),
            None => {
                let state = State::default();
                let (start, kind) = (index, id);
                let (spoiled, recovery) = (false, None);
                self.scratch.frames.push(Frame {
                    start,
                    element,
                    kind,
                    state,
                    nil,
                    spoiled,
                    recovery,
                });
                Some(at + 1)
            }
        }
    }

    /// Judges an element that holds one piece of text or nothing, which most do; the index
    /// behind it. None where there is more inside.
    fn leaf(
        &mut self,
        at: usize,
        element: Option<ElementId>,
        id: TypeId,
        kind: &'w Type,
        nil: bool,
    ) -> Option<usize> {
        let value = match &kind.kind {
            Kind::Simple(_) => id,
            Kind::Complex(complex) => match complex.content {
                Content::Value(value) => value,
                _ => return None,
            },
        };
        let events = self.document.events();
        let (text, next) = match (events.get(at + 1)?, events.get(at + 2)) {
            (Event::End { .. }, _) => ("", at + 2),
            (Event::Text { value, .. }, Some(Event::End { .. })) => {
                (self.document.value(value), at + 3)
            }
            _ => return None,
        };
        self.value(EventIndex(at as u32), element, value, text, nil);
        Some(next)
    }

    /// Judges the text of an element with a value.
    fn value(
        &mut self,
        index: EventIndex,
        element: Option<ElementId>,
        kind: TypeId,
        text: &str,
        nil: bool,
    ) {
        let constraint =
            element.and_then(|element| self.model.element(element)?.constraint.as_ref());
        if nil {
            if !text.is_empty() {
                self.report.not_nil(self.document.element(index));
            }
            return;
        }
        let text = match constraint {
            Some(constraint) if text.is_empty() => &*constraint.text,
            _ => text,
        };
        let scope = Scope::of(self.document.element(index));
        let identities = &mut self.identities;
        let judged = simple::check(self.model, kind, text, scope, &mut |role, text| {
            identities.note(role, text, index);
        });
        if let Err(rule) = judged {
            self.report.value(self.model, self.document.element(index), kind, rule);
            return;
        }
        if let Some(constraint) = constraint.filter(|constraint| constraint.fixed)
            && let Some(expected) = &constraint.value
        {
            let found = simple::parse(self.model, kind, text, scope);
            if !found.is_some_and(|found| found.same(expected)) {
                self.report.not_fixed(self.document.element(index), &constraint.text);
            }
        }
    }

    /// Where an element stands in its parent.
    fn place(&mut self, index: EventIndex, symbol: Symbol, name: NameId) -> Placed {
        let document = self.document;
        let Some(parent) = self.scratch.frames.last_mut() else {
            return self.root(index, symbol);
        };
        let content = match self.model.kind(parent.kind).map(|kind| &kind.kind) {
            Some(Kind::Complex(complex)) => &complex.content,
            _ => &Content::Value(ANY_TYPE),
        };
        let Content::Children { machine, .. } = content else {
            // The value is cut in pieces by it: one fault, not two.
            parent.spoiled = true;
            self.report.unexpected(document.element(index), "");
            return Placed::Nowhere;
        };
        if parent.nil {
            self.report.not_nil(document.element(parent.start));
            return Placed::Nowhere;
        }
        if parent.recovery.is_none() {
            let namespace = || document.name(name).namespace;
            match machine.step(&mut parent.state, symbol, namespace) {
                Some(Found::Element(element)) => return Placed::Element(element),
                Some(Found::Any(wildcard)) => return Placed::Any(wildcard.process),
                None => {}
            }
        }
        self.recover(machine, index, symbol)
    }

    fn root(&mut self, index: EventIndex, symbol: Symbol) -> Placed {
        let element = self.document.element(index);
        if let Some(root) = self.rules.root.filter(|root| *root != symbol) {
            self.report.unexpected(element, self.model.symbols.local(root));
            return Placed::Nowhere;
        }
        match self.model.globals(symbol).element {
            Some(element) => Placed::Element(element),
            None if element.attribute(super::XSI, "type").is_some() => Placed::Undeclared,
            None => {
                self.report.undeclared(element, "");
                Placed::Nowhere
            }
        }
    }

    /// Takes text among children.
    fn text(&mut self, text: &str) {
        let Some(frame) = self.scratch.frames.last_mut() else { return };
        let Some(Kind::Complex(complex)) = self.model.kind(frame.kind).map(|kind| &kind.kind)
        else {
            return;
        };
        let element = || self.document.element(frame.start);
        match &complex.content {
            // Looked at when the element ends.
            Content::Value(_) => {}
            _ if frame.nil => {
                if !text.is_empty() {
                    self.report.not_nil(element());
                }
            }
            Content::Empty if text.is_empty() => {}
            Content::Empty => self.report.text_unexpected(element(), text),
            Content::Children { mixed: true, .. } => {}
            Content::Children { .. } => {
                if !text.bytes().all(is_space) {
                    self.report.text_unexpected(element(), text);
                }
            }
        }
    }

    /// Takes an end tag.
    fn end(&mut self, at: usize) {
        let Some(frame) = self.scratch.frames.pop() else { return };
        if let Some(value) = self.model.value_type(frame.kind) {
            if !frame.spoiled {
                let text = self.document.element(frame.start).text();
                self.value(frame.start, frame.element, value, &text, frame.nil);
            }
            return;
        }
        let Some(Kind::Complex(complex)) = self.model.kind(frame.kind).map(|kind| &kind.kind)
        else {
            return;
        };
        let Content::Children { machine, mixed } = &complex.content else { return };
        let constraint = frame.element.and_then(|e| self.model.element(e)?.constraint.as_ref());
        if frame.nil {
            return;
        }
        // An element without any content has that of its default, which is text.
        let empty = frame.start.0 as usize + 1 == at;
        if !frame.spoiled && (frame.recovery.is_some() || !machine.may_end(&frame.state)) {
            self.incomplete(machine, &frame);
        }
        if *mixed
            && !empty
            && let Some(constraint) = constraint.filter(|constraint| constraint.fixed)
        {
            let element = self.document.element(frame.start);
            if element.children().next().is_some() || element.text() != *constraint.text {
                self.report.not_fixed(element, &constraint.text);
            }
        }
    }

    /// The value of one of the xsi attributes.
    fn xsi(&mut self, tag: TagId, wanted: Symbol) -> Option<&'w str> {
        let document = self.document;
        for attribute in document.attributes(tag) {
            if self.symbol(attribute.name) == wanted {
                return Some(document.value(&attribute.value));
            }
        }
        None
    }

    /// The type of an element by its xsi:type, else the one declared (part 1, section 3.3.4,
    /// clause 4). None where it cannot be used.
    fn given_type(
        &mut self,
        index: EventIndex,
        declared: Option<&Element>,
        id: TypeId,
        tag: TagId,
    ) -> Option<TypeId> {
        if !self.rules.sender_types {
            return Some(id);
        }
        let Some(name) = self.xsi(tag, self.model.xsi.kind) else { return Some(id) };
        let element = self.document.element(index);
        let resolved = Scope::of(element).resolve(name.trim_matches([' ', '\t', '\n', '\r']));
        let given = resolved.and_then(|(namespace, local)| {
            self.model.globals(self.model.symbols.find(namespace, local)).kind
        });
        let Some(given) = given else {
            self.report.type_unknown(element, name);
            return None;
        };
        let block = self.model.kind(id).map_or(Ways::NONE, |kind| kind.block);
        let block = declared.map_or(Ways::NONE, |declared| declared.block.with(block));
        let ways = self.model.derivation(given, id);
        if declared.is_some() && ways.is_none_or(|ways| ways.meets(block)) {
            self.report.type_not_derived(element, name);
            return None;
        }
        Some(given)
    }

    /// Whether xsi:nil says that the element has no content.
    fn nil(&mut self, index: EventIndex, declared: Option<&Element>, tag: TagId) -> bool {
        if !self.rules.sender_types {
            return false;
        }
        let Some(value) = self.xsi(tag, self.model.xsi.nil) else { return false };
        let element = self.document.element(index);
        let value = value.trim_matches([' ', '\t', '\n', '\r']);
        let nil = matches!(value, "true" | "1");
        let Some(declared) = declared else { return nil };
        let fixed = declared.constraint.as_ref().is_some_and(|constraint| constraint.fixed);
        if !declared.nillable || !(nil || matches!(value, "false" | "0")) || (nil && fixed) {
            self.report.not_nillable(element);
        }
        nil
    }
}
