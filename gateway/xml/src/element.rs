//! Walking a document element by element. An [`Element`] is a document and the index
//! of a start event: two words, copied freely. Promised: no call allocates except
//! [`Element::path`], [`Element::in_scope_namespaces`] and a [`Element::text`] that
//! comes in several pieces.

use std::borrow::Cow;
use std::ops::Range;

use crate::XML_NAMESPACE;
use crate::document::{Attribute, Document, Event, EventIndex, Name, NameId, TagId};
use crate::error::Position;

/// An element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document,
    at: EventIndex,
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.at == other.at
    }
}

impl Eq for Element<'_> {}

/// The parts of a start event.
struct Parts {
    name: NameId,
    tag: TagId,
    end: EventIndex,
    parent: EventIndex,
    span: Range<u32>,
}

impl<'d> Element<'d> {
    /// `at` must be a start event; [`Document::element`] sees to it.
    pub(crate) fn new(document: &'d Document, at: EventIndex) -> Self {
        Element { document, at }
    }

    fn parts(&self) -> Parts {
        match self.document.event(self.at) {
            Some(Event::Start { name, tag, end, parent, span }) => {
                Parts { name: *name, tag: *tag, end: *end, parent: *parent, span: span.clone() }
            }
            // Not reached: an element is only made for a start event.
            _ => Parts {
                name: NameId(u32::MAX),
                tag: TagId::EMPTY,
                end: self.at,
                parent: self.at,
                span: 0..0,
            },
        }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// Index of the start event.
    #[must_use]
    pub fn index(&self) -> EventIndex {
        self.at
    }

    /// Index of the end event.
    #[must_use]
    pub fn end_index(&self) -> EventIndex {
        self.parts().end
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name<'d> {
        self.document.name(self.parts().name)
    }

    /// Whether the element has this namespace (empty for none) and local name.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        let name = self.name();
        name.local == local && name.namespace == namespace
    }

    /// The attributes as the document keeps them, in document order.
    #[must_use]
    pub fn attribute_list(&self) -> &'d [Attribute] {
        self.document.attributes(self.parts().tag)
    }

    /// Names and values of the attributes in document order.
    pub fn attributes(&self) -> impl Iterator<Item = (Name<'d>, &'d str)> + use<'d> {
        let document = self.document;
        self.attribute_list().iter().map(|a| (document.name(a.name), document.value(&a.value)))
    }

    /// The value of the attribute with this namespace (empty for none) and local name.
    #[must_use]
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attributes()
            .find(|(name, _)| name.local == local && name.namespace == namespace)
            .map(|(_, value)| value)
    }

    /// The child elements in document order.
    #[must_use]
    pub fn children(&self) -> Children<'d> {
        Children { document: self.document, next: EventIndex(self.at.0 + 1) }
    }

    /// The first child element with this namespace and local name.
    #[must_use]
    pub fn child(&self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.children().find(|child| child.is(namespace, local))
    }

    /// The child elements with this namespace and local name.
    pub fn children_named<'n>(
        &self,
        namespace: &'n str,
        local: &'n str,
    ) -> impl Iterator<Item = Element<'d>> + use<'d, 'n> {
        self.children().filter(move |child| child.is(namespace, local))
    }

    /// The element around this one.
    #[must_use]
    pub fn parent(&self) -> Option<Element<'d>> {
        let at = self.parts().parent;
        (at != self.at).then_some(Element { document: self.document, at })
    }

    /// This element and those around it, up to the root.
    #[must_use]
    pub fn ancestors(&self) -> Ancestors<'d> {
        Ancestors { next: Some(*self) }
    }

    /// All character data inside the element in document order, as XPath's `string()`:
    /// comments and instructions left out, descendants included. Borrowed when it is
    /// in one piece.
    #[must_use]
    pub fn text(&self) -> Cow<'d, str> {
        let range = self.at.0 as usize..self.parts().end.0 as usize;
        let mut text = Cow::Borrowed("");
        for event in self.document.events().get(range).unwrap_or_default() {
            if let Event::Text { value, .. } = event {
                let piece = self.document.value(value);
                if text.is_empty() {
                    text = Cow::Borrowed(piece);
                } else if !piece.is_empty() {
                    text.to_mut().push_str(piece);
                }
            }
        }
        text
    }

    /// Bytes from the start of the start tag to the end of the end tag.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let Parts { span, end, .. } = self.parts();
        let last = self.document.event(end).map_or(span.end as usize, |event| event.span().end);
        span.start as usize..last
    }

    /// Where the start tag begins.
    #[must_use]
    pub fn position(&self) -> Position {
        self.document.position(self.parts().span.start as usize)
    }

    /// Names as written from the root down, `/ceb:CEB311Message/ceb:Order[2]`; with an
    /// index counted from 1 where the parent has several children of that name.
    #[must_use]
    pub fn path(&self) -> String {
        let line: Vec<Element<'d>> = self.ancestors().collect();
        let mut path = String::new();
        for element in line.iter().rev() {
            path.push('/');
            path.push_str(&element.name().to_string());
            if let Some(place) = element.place_among_namesakes() {
                path.push_str(&format!("[{place}]"));
            }
        }
        path
    }

    /// Which of its parent's children of the same name this is, from 1; none when it is
    /// the only one.
    fn place_among_namesakes(&self) -> Option<usize> {
        let name = self.parts().name;
        let mut place = 0;
        let mut count = 0;
        for sibling in self.parent()?.children().filter(|sibling| sibling.parts().name == name) {
            count += 1;
            if sibling.at == self.at {
                place = count;
            } else if place > 0 {
                return Some(place);
            }
        }
        (count > 1).then_some(place)
    }

    /// The namespace a prefix is bound to here; for the empty prefix the default namespace.
    /// None when it is not bound. For names inside values, such as `xsi:type`.
    #[must_use]
    pub fn namespace_of(&self, prefix: &str) -> Option<&'d str> {
        if prefix == "xml" {
            return Some(XML_NAMESPACE);
        }
        let document = self.document;
        self.ancestors()
            .flat_map(|element| document.namespaces(element.parts().tag))
            .find(|declared| document.value(&declared.prefix) == prefix)
            .map(|declared| document.value(&declared.uri))
            .filter(|uri| !uri.is_empty())
    }

    /// Prefix and namespace name of all declarations in scope, ordered by prefix; without
    /// the built-in `xml` and without a default namespace that was taken back.
    #[must_use]
    pub fn in_scope_namespaces(&self) -> Vec<(&'d str, &'d str)> {
        let document = self.document;
        let mut found: Vec<(&'d str, &'d str)> = self
            .ancestors()
            .flat_map(|element| document.namespaces(element.parts().tag))
            .map(|declared| (document.value(&declared.prefix), document.value(&declared.uri)))
            .collect();
        // The sort is stable: of equal prefixes the innermost comes first and stays.
        found.sort_by_key(|(prefix, _)| *prefix);
        found.dedup_by_key(|(prefix, _)| *prefix);
        found.retain(|(_, uri)| !uri.is_empty());
        found
    }
}

/// The child elements of an element. Made by [`Element::children`].
#[derive(Debug, Clone)]
pub struct Children<'d> {
    document: &'d Document,
    next: EventIndex,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        loop {
            match self.document.event(self.next)? {
                Event::Start { end, .. } => {
                    let child = Element { document: self.document, at: self.next };
                    self.next = EventIndex(end.0 + 1);
                    return Some(child);
                }
                Event::End { .. } => return None,
                _ => self.next.0 += 1,
            }
        }
    }
}

/// An element and those around it. Made by [`Element::ancestors`].
#[derive(Debug, Clone)]
pub struct Ancestors<'d> {
    next: Option<Element<'d>>,
}

impl<'d> Iterator for Ancestors<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let current = self.next?;
        self.next = current.parent();
        Some(current)
    }
}

#[cfg(test)]
mod tests;
