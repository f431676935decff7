//! The attributes of an element (part 1, section 3.4.4, clauses 3 to 5).

use onepoint_xml::{Attribute, EventIndex, TagId};

use super::Walk;
use crate::xsd::model::{AttributeUse, Attributes, Kind, Process, Type, TypeId};
use crate::xsd::simple::{self, Role};
use crate::xsd::symbols::{Symbol, UNKNOWN};
use crate::xsd::value::Scope;

static NONE: Attributes = Attributes { uses: Vec::new(), wildcard: None, has_id: false };

impl<'w> Walk<'w, '_> {
    /// Judges the attributes of an element by its type.
    pub(super) fn attributes(&mut self, index: EventIndex, kind: &'w Type, tag: TagId) {
        let declared = match &kind.kind {
            Kind::Complex(complex) => &complex.attributes,
            Kind::Simple(_) => &NONE,
        };
        if tag.is_empty() && declared.uses.is_empty() {
            return;
        }
        let document = self.document;
        let given = document.attributes(tag);
        let mut ids = usize::from(declared.has_id);
        for attribute in given {
            let symbol = self.symbol(attribute.name);
            if self.is_xsi(symbol) {
                if !self.rules.sender_types && !self.is_hint(symbol) {
                    self.unknown(index, attribute, &NONE);
                }
                continue;
            }
            let same = |used: &&AttributeUse| used.name == symbol && symbol != UNKNOWN;
            match declared.uses.iter().find(same) {
                Some(used) => self.attribute(index, used, document.value(&attribute.value)),
                None => self.other_attribute(index, attribute, declared, &mut ids),
            }
        }
        for used in declared.uses.iter().filter(|used| used.required || used.constraint.is_some()) {
            let mut names = given.iter().map(|attribute| attribute.name);
            if !names.any(|name| self.symbol(name) == used.name) {
                self.absent(index, used);
            }
        }
    }

    /// An attribute that is not there, and is required or has a default.
    fn absent(&mut self, index: EventIndex, used: &AttributeUse) {
        let element = self.document.element(index);
        if used.required {
            self.report.attribute_missing(self.model, element, used);
        } else if let Some(constraint) = &used.constraint
            && self.refers(used.kind)
        {
            // The default refers to an ID as if it stood there.
            self.attribute(index, used, &constraint.text);
        }
    }

    fn refers(&self, kind: TypeId) -> bool {
        match self.model.simple(kind).map(|simple| &simple.variety) {
            Some(simple::Variety::Atomic(_, role)) => *role == Role::IdRef,
            Some(simple::Variety::List(item)) => self.refers(*item),
            _ => false,
        }
    }

    /// An attribute that is not declared: the wildcard may let it in.
    fn other_attribute(
        &mut self,
        index: EventIndex,
        attribute: &Attribute,
        declared: &'w Attributes,
        ids: &mut usize,
    ) {
        let name = self.document.name(attribute.name);
        let symbol = self.symbol(attribute.name);
        let Some(wildcard) = declared.wildcard.as_ref().filter(|w| w.allows(name.namespace)) else {
            self.unknown(index, attribute, declared);
            return;
        };
        if wildcard.process == Process::Skip {
            return;
        }
        let global = self.model.globals(symbol).attribute;
        match global.and_then(|at| self.model.attributes.get(at as usize)) {
            Some(used) => {
                if self.is_id(used.kind) {
                    *ids += 1;
                    if *ids > 1 {
                        self.unknown(index, attribute, declared);
                        return;
                    }
                }
                self.attribute(index, used, self.document.value(&attribute.value));
            }
            None if wildcard.process == Process::Strict => {
                self.unknown(index, attribute, declared);
            }
            None => {}
        }
    }

    /// Judges the value of an attribute.
    fn attribute(&mut self, index: EventIndex, used: &AttributeUse, text: &str) {
        let scope = Scope::of(self.document.element(index));
        let identities = &mut self.identities;
        let judged = simple::check(self.model, used.kind, text, scope, &mut |role, text| {
            identities.note(role, text, index);
        });
        if let Err(rule) = judged {
            let element = self.document.element(index);
            self.report.attribute_value(self.model, element, used, text, rule);
            return;
        }
        if let Some(constraint) = used.constraint.as_ref().filter(|constraint| constraint.fixed)
            && let Some(expected) = &constraint.value
        {
            let found = simple::parse(self.model, used.kind, text, scope);
            if !found.is_some_and(|found| found.same(expected)) {
                let element = self.document.element(index);
                let name = self.model.symbols.local(used.name);
                self.report.attribute_not_fixed(element, name, text, &constraint.text);
            }
        }
    }

    fn unknown(&mut self, index: EventIndex, attribute: &Attribute, declared: &Attributes) {
        let names = declared.uses.iter().map(|used| self.model.symbols.local(used.name));
        let known = names.collect::<Vec<_>>().join(", ");
        let name = self.document.name(attribute.name);
        self.report.attribute_unknown(self.document.element(index), name, &known);
    }

    fn is_xsi(&self, symbol: Symbol) -> bool {
        let xsi = &self.model.xsi;
        symbol == xsi.kind || symbol == xsi.nil || self.is_hint(symbol)
    }

    /// Where a schema is said to be: neither followed nor refused.
    fn is_hint(&self, symbol: Symbol) -> bool {
        let xsi = &self.model.xsi;
        symbol == xsi.location || symbol == xsi.no_namespace_location
    }

    fn is_id(&self, kind: TypeId) -> bool {
        let variety = self.model.simple(kind).map(|simple| &simple.variety);
        matches!(variety, Some(simple::Variety::Atomic(_, Role::Id)))
    }
}
