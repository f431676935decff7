//! What the pass leaves behind. A [`Document`] owns the input text, a flat array of
//! events, the interned names, and one arena for values that normalisation changed.
//! Promised: start and end events match, every span lies in the input on character
//! boundaries, and looking at a document never allocates per node.

use std::ops::Range;
use std::sync::OnceLock;

use crate::element::Element;
use crate::error::{Position, XmlError};
use crate::limits::Limits;
use crate::reader;

/// Index of an event in [`Document::events`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIndex(pub u32);

/// A name of the document, interned: equal ids mean the same prefix, local name and
/// namespace. Resolved by [`Document::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub(crate) u32);

impl NameId {
    /// Its place among the names of its document, below [`Document::name_count`]: for tables
    /// that say something of each name.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A text of the document, resolved by [`Document::value`]: a range of the input, or
/// of the arena when normalisation changed it.
// One address space: offsets below the length of the input lie in the input, the
// others in the arena. Keeps events small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Value {
    /// The text, given the input and the arena.
    pub(crate) fn text<'a>(&self, source: &'a str, arena: &'a str) -> &'a str {
        let (start, end, length) = (self.start as usize, self.end as usize, source.len());
        let text = if end <= length {
            source.get(start..end)
        } else {
            arena.get(start.saturating_sub(length)..end - length)
        };
        text.unwrap_or_default()
    }
}

/// The attributes and namespace declarations of one start tag.
// Most start tags of data messages carry none: what they would take is kept aside, and an
// event has 28 bytes instead of 44.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagId(u32);

impl TagId {
    /// A start tag that carries nothing.
    pub(crate) const EMPTY: TagId = TagId(u32::MAX);

    /// Whether the tag has neither attributes nor namespace declarations.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == TagId::EMPTY
    }
}

/// Where the attributes and the declarations of a start tag are.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) attributes: Range<u32>,
    pub(crate) namespaces: Range<u32>,
}

impl Tag {
    /// Keeps a tag; what it is found by.
    pub(crate) fn keep(self, tags: &mut Vec<Tag>) -> TagId {
        if self.attributes.is_empty() && self.namespaces.is_empty() {
            return TagId::EMPTY;
        }
        tags.push(self);
        TagId(tags.len() as u32 - 1)
    }
}

/// One step through the document, in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A start tag, or the first half of an empty-element tag.
    Start {
        /// The element's name.
        name: NameId,
        /// What it carries, for [`Document::attributes`] and [`Document::namespaces`].
        tag: TagId,
        /// The matching [`Event::End`].
        end: EventIndex,
        /// The start event of the element around this one; for the root its own.
        parent: EventIndex,
        /// Bytes of the start tag.
        span: Range<u32>,
    },
    /// An end tag; for an empty-element tag an empty span at its end.
    End {
        /// The matching [`Event::Start`].
        start: EventIndex,
        /// Bytes of the end tag.
        span: Range<u32>,
    },
    /// Character data, or one CDATA section.
    Text {
        /// The text after line-end normalisation and with references expanded.
        value: Value,
        /// Bytes of the data as written, with the CDATA markup.
        span: Range<u32>,
        /// Whether it was written as a CDATA section.
        cdata: bool,
    },
    /// A comment, inside or outside the root.
    Comment {
        /// What stands between `<!--` and `-->`.
        value: Value,
        /// Bytes of the comment with its markup.
        span: Range<u32>,
    },
    /// A processing instruction, inside or outside the root. The XML declaration is none.
    Pi {
        /// The target.
        target: Value,
        /// The data, without the white space after the target; empty when there is none.
        data: Value,
        /// Bytes of the instruction with its markup.
        span: Range<u32>,
    },
}

impl Event {
    /// Bytes of the input this event was read from.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let (Event::Start { span, .. }
        | Event::End { span, .. }
        | Event::Text { span, .. }
        | Event::Comment { span, .. }
        | Event::Pi { span, .. }) = self;
        span.start as usize..span.end as usize
    }
}

/// One attribute that is not a namespace declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name; without a prefix it has no namespace.
    pub name: NameId,
    /// Its value after normalisation as CDATA type (XML 1.0, section 3.3.3).
    pub value: Value,
    /// Bytes from the name to the closing quote.
    pub span: Range<u32>,
}

/// One namespace declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NsDecl {
    /// The prefix; empty for the default namespace.
    pub prefix: Value,
    /// The namespace name; empty where the default namespace is taken back.
    pub uri: Value,
}

/// A name with its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'d> {
    /// The prefix as written; empty for none.
    pub prefix: &'d str,
    /// The local name.
    pub local: &'d str,
    /// The namespace name; empty for none.
    pub namespace: &'d str,
}

impl std::fmt::Display for Name<'_> {
    /// The name as written: `prefix:local`, or `local`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.prefix.is_empty() {
            write!(f, "{}:", self.prefix)?;
        }
        f.write_str(self.local)
    }
}

/// An interned name: where its parts are.
#[derive(Debug, Clone)]
pub(crate) struct NameEntry {
    pub(crate) prefix: Value,
    pub(crate) local: Value,
    pub(crate) namespace: u32,
}

/// A well-formed document.
#[derive(Debug)]
pub struct Document {
    pub(crate) source: String,
    pub(crate) arena: String,
    pub(crate) events: Vec<Event>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) declarations: Vec<NsDecl>,
    pub(crate) names: Vec<NameEntry>,
    pub(crate) namespaces: Vec<Box<str>>,
    pub(crate) root: EventIndex,
    pub(crate) lines: OnceLock<Vec<u32>>,
}

impl Document {
    /// Reads one document.
    ///
    /// XML 1.0 5th edition, section 2 and 3, and Namespaces in XML 1.0, for a
    /// processor that refuses every document type declaration.
    ///
    /// # Errors
    /// Whatever is not a well-formed, namespace-well-formed UTF-8 document without a
    /// DOCTYPE, or exceeds `limits`.
    pub fn parse(input: Vec<u8>, limits: &Limits) -> Result<Document, XmlError> {
        reader::parse(input, limits)
    }

    /// The input without its byte order mark. Spans are byte ranges of this.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The root element.
    #[must_use]
    pub fn root(&self) -> Element<'_> {
        Element::new(self, self.root)
    }

    /// All events in document order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// One event, if the index is one of this document's.
    #[must_use]
    pub fn event(&self, at: EventIndex) -> Option<&Event> {
        self.events.get(at.0 as usize)
    }

    /// The element that starts at `at`; when `at` is another event, the element around
    /// it, and outside the root the root.
    #[must_use]
    pub fn element(&self, at: EventIndex) -> Element<'_> {
        let mut open = Vec::new();
        let mut index = at;
        match self.event(at) {
            Some(Event::Start { .. }) => return Element::new(self, at),
            Some(Event::End { start, .. }) => return Element::new(self, *start),
            _ => {}
        }
        // A text, comment or instruction: go back to the start tag that is still open.
        while let Some(previous) = index.0.checked_sub(1) {
            index = EventIndex(previous);
            match self.event(index) {
                Some(Event::End { start, .. }) => open.push(*start),
                Some(Event::Start { .. }) => match open.pop() {
                    Some(_) => {}
                    None => return Element::new(self, index),
                },
                _ => {}
            }
        }
        self.root()
    }

    /// The parts of a name of this document.
    #[must_use]
    pub fn name(&self, id: NameId) -> Name<'_> {
        match self.names.get(id.0 as usize) {
            Some(entry) => Name {
                prefix: self.value(&entry.prefix),
                local: self.value(&entry.local),
                namespace: self.namespaces.get(entry.namespace as usize).map_or("", |uri| uri),
            },
            None => Name { prefix: "", local: "", namespace: "" },
        }
    }

    /// How many distinct names the document has.
    #[must_use]
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// The text of a value of this document.
    #[must_use]
    pub fn value(&self, value: &Value) -> &str {
        value.text(&self.source, &self.arena)
    }

    /// The attributes of a start tag. No namespace declarations.
    #[must_use]
    pub fn attributes(&self, tag: TagId) -> &[Attribute] {
        let Some(Tag { attributes, .. }) = self.tags.get(tag.0 as usize) else { return &[] };
        let range = attributes.start as usize..attributes.end as usize;
        self.attributes.get(range).unwrap_or_default()
    }

    /// The namespaces declared by a start tag.
    #[must_use]
    pub fn namespaces(&self, tag: TagId) -> &[NsDecl] {
        let Some(Tag { namespaces, .. }) = self.tags.get(tag.0 as usize) else { return &[] };
        let range = namespaces.start as usize..namespaces.end as usize;
        self.declarations.get(range).unwrap_or_default()
    }

    /// Line and column of a byte of [`Document::source`]. The first call finds the line
    /// starts, later ones look them up.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let lines = self.lines.get_or_init(|| Position::line_starts(&self.source));
        Position::among(lines, &self.source, byte)
    }
}
