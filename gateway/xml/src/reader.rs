//! The pass: text to events. quick-xml cuts the text into tokens and passes most of
//! what is malformed; every check of XML 1.0 (5th edition) and Namespaces in XML 1.0 is
//! made here. In: text that `encoding` let through. Out: the document, or the first
//! problem. Promised: one loop, no recursion, nothing allocated per node.

mod attributes;
mod prolog;
mod text;

use quick_xml::Reader;
use quick_xml::errors::{Error, SyntaxError};
use quick_xml::events::Event as Token;

use crate::chars::{self, Scan, is_space};
use crate::document::{Attribute, Document, Event, EventIndex, NsDecl, Value};
use crate::encoding;
use crate::error::{Position, Problem, XmlError, quoted};
use crate::limits::{ADDRESSABLE_BYTES, Limits};
use crate::names::Names;
use attributes::Scratch;

/// A problem and the byte where it lies. Boxed: it is rare, and results stay small.
#[derive(Debug)]
struct Fault {
    problem: Problem,
    at: usize,
}

type Step<T = ()> = Result<T, Box<Fault>>;

/// Makes a fault.
fn fault<T>(problem: Problem, at: usize) -> Step<T> {
    Err(Box::new(Fault { problem, at }))
}

/// An element whose end tag has not come yet.
#[derive(Debug, Clone, Copy)]
struct Open<'i> {
    start: EventIndex,
    name: &'i str,
    /// Bindings in force before it.
    bindings: u32,
}

/// Reads one document.
pub(crate) fn parse(input: Vec<u8>, limits: &Limits) -> Result<Document, XmlError> {
    let limit = limits.bytes.min(ADDRESSABLE_BYTES - 1);
    if input.len() > limit {
        let problem = Problem::TooLarge { limit, found: input.len() };
        return Err(XmlError::new(problem, Position { line: 1, column: 1, byte: 0 }, &[]));
    }
    let source = encoding::decode(input)?;
    let scan = chars::scan(&source).map_err(|at| {
        let code = source.get(at..).and_then(|rest| rest.chars().next()).map_or(0, u32::from);
        XmlError::new(Problem::Character { code }, Position::find(&source, at), &[])
    })?;
    let mut pass = Pass::new(&source, scan, limits);
    match pass.run() {
        Ok(root) => {
            let Pass { arena, events, attributes, declarations, names, .. } = pass;
            let (names, namespaces) = names.into_tables();
            Ok(Document {
                arena,
                events,
                attributes,
                declarations,
                names,
                namespaces,
                root,
                lines: std::sync::OnceLock::new(),
                source,
            })
        }
        Err(found) => {
            let Fault { problem, at } = *found;
            let open: Vec<&str> = pass.open.iter().map(|open| open.name).collect();
            Err(XmlError::new(problem, Position::find(&source, at), &open))
        }
    }
}

/// The pass over one document.
struct Pass<'i> {
    source: &'i str,
    scan: Scan,
    limits: &'i Limits,
    reader: Reader<&'i [u8]>,
    /// Bytes handed out by the reader so far.
    at: usize,
    arena: String,
    events: Vec<Event>,
    attributes: Vec<Attribute>,
    declarations: Vec<NsDecl>,
    names: Names<'i>,
    open: Vec<Open<'i>>,
    root: Option<EventIndex>,
    scratch: Vec<Scratch>,
}

impl<'i> Pass<'i> {
    fn new(source: &'i str, scan: Scan, limits: &'i Limits) -> Self {
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        // All of these are judged here, with better places and words.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.trim_markup_names_in_closing_tags = false;
        Pass {
            source,
            scan,
            limits,
            reader,
            at: 0,
            arena: String::new(),
            // A message has an event for each 20 to 30 bytes.
            events: Vec::with_capacity((source.len() / 16).min(limits.events)),
            attributes: Vec::with_capacity(16),
            declarations: Vec::with_capacity(4),
            names: Names::new(limits),
            open: Vec::with_capacity(16),
            root: None,
            scratch: Vec::with_capacity(8),
        }
    }

    /// Reads to the end; the root element is the result.
    fn run(&mut self) -> Step<EventIndex> {
        self.refuse_second_mark()?;
        let bytes = self.source.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'<' => self.markup()?,
                _ if self.open.is_empty() => self.space_outside()?,
                _ => self.text()?,
            }
        }
        if let Some(open) = self.open.last() {
            let expected = format!("</{}>", quoted(open.name));
            return fault(Problem::Truncated { inside: "an element", expected }, self.at);
        }
        match self.root {
            Some(root) => Ok(root),
            None => fault(Problem::NoRoot, self.at),
        }
    }

    /// One token that begins with `<`.
    fn markup(&mut self) -> Step {
        let start = self.at;
        let token = self.next()?;
        match token {
            Token::Start(tag) => self.start_tag(start, tag.name().as_ref().len(), false),
            Token::Empty(tag) => {
                self.start_tag(start, tag.name().as_ref().len(), true)?;
                self.close(self.at as u32)
            }
            Token::End(_) => self.end_tag(start),
            Token::CData(_) => self.cdata(start),
            Token::Comment(_) => self.comment(start),
            Token::PI(_) => self.instruction(start),
            Token::Decl(_) => self.declaration(start),
            Token::DocType(_) => fault(Problem::Doctype, start),
            Token::Text(_) | Token::GeneralRef(_) | Token::Eof => fault(Problem::Markup, start),
        }
    }

    /// The next token; afterwards `self.at` is behind it.
    fn next(&mut self) -> Step<Token<'i>> {
        match self.reader.read_event() {
            Ok(token) => {
                self.at = self.reader.buffer_position() as usize;
                Ok(token)
            }
            Err(error) => fault(self.explain(&error), self.explain_at(&error)),
        }
    }

    /// Where a token that quick-xml could not cut goes wrong: the end of the input when
    /// it is cut off, else its start.
    fn explain_at(&self, error: &Error) -> usize {
        match error {
            Error::Syntax(SyntaxError::UnclosedDoctype | SyntaxError::InvalidBangMarkup) => self.at,
            Error::Syntax(_) => self.source.len(),
            _ => self.at,
        }
    }

    /// Why quick-xml could not cut a token at `self.at`.
    fn explain(&self, error: &Error) -> Problem {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let cut = |inside, expected: &str| Problem::Truncated { inside, expected: expected.into() };
        match error {
            Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                cut("a processing instruction", "?>")
            }
            Error::Syntax(SyntaxError::UnclosedComment) if rest.starts_with(b"<!--") => {
                cut("a comment", "-->")
            }
            Error::Syntax(SyntaxError::UnclosedCData) if rest.starts_with(b"<![CDATA[") => {
                cut("a CDATA section", "]]>")
            }
            Error::Syntax(SyntaxError::UnclosedTag) => cut("a tag", ">"),
            Error::Syntax(SyntaxError::UnclosedSingleQuotedAttributeValue) => {
                cut("an attribute value", "'")
            }
            Error::Syntax(SyntaxError::UnclosedDoubleQuotedAttributeValue) => {
                cut("an attribute value", "\"")
            }
            _ if rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"<!DOCTYPE")) => {
                Problem::Doctype
            }
            _ => Problem::Markup,
        }
    }

    /// Adds an event.
    fn push(&mut self, event: Event) -> Step {
        if self.events.len() >= self.limits.events {
            return fault(Problem::TooManyEvents { limit: self.limits.events }, event.span().start);
        }
        self.events.push(event);
        Ok(())
    }

    /// A start tag at `start`, read up to `self.at`.
    fn start_tag(&mut self, start: usize, name_length: usize, empty: bool) -> Step {
        let parent = self.open.last().map(|open| open.start);
        let name_end = start + 1 + name_length;
        let name = self.slice(start + 1, name_end);
        if parent.is_none() && self.root.is_some() {
            return fault(Problem::SecondRoot { found: quoted(name) }, start);
        }
        if self.open.len() >= self.limits.depth {
            return fault(Problem::TooDeep { limit: self.limits.depth }, start);
        }
        let raw = match self.names.intern(name, start + 1) {
            Ok(raw) => raw,
            Err(problem) => return fault(problem, start + 1),
        };
        let index = EventIndex(self.events.len() as u32);
        let open = Open { start: index, name, bindings: self.names.bindings() };
        let content_end = self.at - if empty { 2 } else { 1 };
        let (attributes, namespaces) = if name_end == content_end {
            let (attributes, declarations) = (self.attributes.len(), self.declarations.len());
            (attributes as u32..attributes as u32, declarations as u32..declarations as u32)
        } else {
            self.attributes(name_end, content_end)?
        };
        let name = match self.names.element(raw, self.source) {
            Ok(name) => name,
            Err(problem) => return fault(problem, start + 1),
        };
        self.push(Event::Start {
            name,
            attributes,
            namespaces,
            // Set when the end tag comes.
            end: index,
            parent,
            span: start as u32..self.at as u32,
        })?;
        self.root.get_or_insert(index);
        self.open.push(open);
        Ok(())
    }

    /// An end tag at `start`, read up to `self.at`.
    fn end_tag(&mut self, start: usize) -> Step {
        let found = self.slice(start + 2, self.at - 1);
        let Some(open) = self.open.last() else {
            let found = quoted(found.trim_ascii_end());
            return fault(Problem::EndTagUnexpected { found }, start);
        };
        match found.strip_prefix(open.name) {
            Some(rest) if rest.bytes().all(is_space) => self.close(start as u32),
            _ => {
                let expected = quoted(open.name);
                let found = quoted(found.trim_ascii_end());
                fault(Problem::EndTagMismatch { expected, found }, start)
            }
        }
    }

    /// Closes the innermost open element.
    fn close(&mut self, start: u32) -> Step {
        let Some(open) = self.open.last().copied() else { return Ok(()) };
        let index = EventIndex(self.events.len() as u32);
        self.push(Event::End { start: open.start, span: start..self.at as u32 })?;
        if let Some(Event::Start { end, .. }) = self.events.get_mut(open.start.0 as usize) {
            *end = index;
        }
        self.names.unbind(open.bindings);
        self.open.pop();
        Ok(())
    }

    /// A piece of the input; the reader's tokens end on character boundaries.
    fn slice(&self, start: usize, end: usize) -> &'i str {
        self.source.get(start..end).unwrap_or_default()
    }

    /// The text from `start` to `end` with line ends normalised (XML 1.0, section 2.11).
    fn normalised(&mut self, start: usize, end: usize) -> Value {
        let text = self.slice(start, end);
        if !self.scan.carriage_return || !text.contains('\r') {
            return Value { start: start as u32, end: end as u32 };
        }
        let from = self.arena.len();
        text::push_normalised(&mut self.arena, text);
        self.in_arena(from)
    }

    /// What was added to the arena since it had the length `from`.
    fn in_arena(&self, from: usize) -> Value {
        let base = self.source.len();
        Value { start: (base + from) as u32, end: (base + self.arena.len()) as u32 }
    }
}
