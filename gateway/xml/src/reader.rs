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
use crate::document::{Attribute, Document, Event, EventIndex, NsDecl, Tag, TagId, Value};
use crate::encoding;
use crate::error::{Phrase, Position, Problem, XmlError, quoted};
use crate::limits::{ADDRESSABLE_BYTES, Limits};
use crate::names::Names;
use attributes::Scratch;

const ELEMENT: Phrase = Phrase::new("an element", "元素");
const TAG: Phrase = Phrase::new("a tag", "标签");
const VALUE: Phrase = Phrase::new("an attribute value", "属性值");
const COMMENT: Phrase = Phrase::new("a comment", "注释");
const CDATA: Phrase = Phrase::new("a CDATA section", " CDATA ");
const INSTRUCTION: Phrase = Phrase::new("a processing instruction", "处理指令");
const CLOSING_QUOTE: Phrase = Phrase::new("the closing quote of a value", "属性值有结束引号");
const NAME: Phrase = Phrase::new("a name after <, or &lt;", "“<”之后为名称，或写作 &lt;");

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

/// What kind of token quick-xml cut; its content is read from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// A start tag or an empty-element tag, and the bytes of its name.
    Start {
        name: usize,
        empty: bool,
    },
    End,
    CData,
    Comment,
    Instruction,
    Declaration,
    Doctype,
    Text,
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
            let Pass { arena, events, tags, attributes, declarations, names, .. } = pass;
            let (names, namespaces) = names.into_tables();
            Ok(Document {
                arena,
                events,
                tags,
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
    /// Bytes read so far.
    at: usize,
    arena: String,
    events: Vec<Event>,
    tags: Vec<Tag>,
    attributes: Vec<Attribute>,
    declarations: Vec<NsDecl>,
    names: Names<'i>,
    open: Vec<Open<'i>>,
    root: Option<EventIndex>,
    scratch: Vec<Scratch>,
}

impl<'i> Pass<'i> {
    fn new(source: &'i str, scan: Scan, limits: &'i Limits) -> Self {
        Pass {
            source,
            scan,
            limits,
            at: 0,
            arena: String::new(),
            // A message has an event for each 20 to 30 bytes.
            events: Vec::with_capacity((source.len() / 12).min(limits.events)),
            tags: Vec::with_capacity(16),
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
            return fault(Problem::Truncated { inside: ELEMENT, expected }, self.at);
        }
        match self.root {
            Some(root) => Ok(root),
            None => fault(Problem::NoRoot, self.at),
        }
    }

    /// One token that begins with `<`.
    fn markup(&mut self) -> Step {
        let start = self.at;
        match self.next()? {
            Cut::Start { name, empty: false } => self.start_tag(start, name, 1),
            Cut::Start { name, empty: true } => {
                self.start_tag(start, name, 2)?;
                self.close(self.at as u32)
            }
            Cut::End => self.end_tag(start),
            Cut::CData => self.cdata(start),
            Cut::Comment => self.comment(start),
            Cut::Instruction => self.instruction(start),
            Cut::Declaration => self.declaration(start),
            Cut::Doctype => fault(Problem::Doctype, start),
            Cut::Text => fault(Problem::Markup, start),
        }
    }

    /// Cuts the next token; afterwards `self.at` is behind it.
    fn next(&mut self) -> Step<Cut> {
        match self.plain() {
            Some(cut) => Ok(cut),
            None => self.any(),
        }
    }

    /// [`Pass::next`] for whatever stands there.
    fn any(&mut self) -> Step<Cut> {
        let mut reader = self.reader();
        let cut = match reader.read_event() {
            Ok(Token::Start(tag)) => Cut::Start { name: tag.name().as_ref().len(), empty: false },
            Ok(Token::Empty(tag)) => Cut::Start { name: tag.name().as_ref().len(), empty: true },
            Ok(Token::End(_)) => Cut::End,
            Ok(Token::CData(_)) => Cut::CData,
            Ok(Token::Comment(_)) => Cut::Comment,
            Ok(Token::PI(_)) => Cut::Instruction,
            Ok(Token::Decl(_)) => Cut::Declaration,
            Ok(Token::DocType(_)) => Cut::Doctype,
            Ok(Token::Text(_) | Token::GeneralRef(_) | Token::Eof) => Cut::Text,
            Err(error) => return self.explain(&error),
        };
        self.at += reader.buffer_position() as usize;
        Ok(cut)
    }

    /// Cuts what nearly every token of a message is and no two readers can read in two
    /// ways: text, a start tag that is only a name of ASCII, the end tag that is due.
    fn plain(&mut self) -> Option<Cut> {
        let rest = self.source.as_bytes().get(self.at..)?;
        let (length, cut) = match rest {
            [b'<', b'/', tail @ ..] => {
                let name = self.open.last()?.name;
                if tail.strip_prefix(name.as_bytes())?.first() != Some(&b'>') {
                    return None;
                }
                (name.len() + 3, Cut::End)
            }
            [b'<', tail @ ..] => {
                tail.first().filter(|first| first.is_ascii_alphabetic())?;
                let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
                let name = tail.iter().position(|byte| !plain(byte))?;
                tail.get(name).filter(|end| **end == b'>')?;
                (name + 2, Cut::Start { name, empty: false })
            }
            [] | [b'&', ..] => return None,
            text => (text::plain_length(text), Cut::Text),
        };
        self.at += length;
        Some(cut)
    }

    /// quick-xml at `self.at`, for one token.
    fn reader(&self) -> Reader<&'i [u8]> {
        let mut reader = Reader::from_str(self.slice(self.at, self.source.len()));
        let config = reader.config_mut();
        // All of these are judged here, with better places and words.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.trim_markup_names_in_closing_tags = false;
        reader
    }

    /// Why quick-xml could not cut a token at `self.at`.
    fn explain<T>(&self, error: &Error) -> Step<T> {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let begins = |word: &[u8]| rest.starts_with(word);
        let (inside, expected) = match error {
            // It also says this of the beginning of a markup that never was one.
            Error::Syntax(SyntaxError::UnclosedComment) if begins(b"<!--") => (COMMENT, "-->"),
            Error::Syntax(SyntaxError::UnclosedCData) if begins(b"<![CDATA[") => (CDATA, "]]>"),
            Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                (INSTRUCTION, "?>")
            }
            Error::Syntax(SyntaxError::UnclosedTag) => (TAG, ">"),
            Error::Syntax(
                quote @ (SyntaxError::UnclosedSingleQuotedAttributeValue
                | SyntaxError::UnclosedDoubleQuotedAttributeValue),
            ) => {
                // With another tag behind it the document is not cut off: a quote is missing.
                if rest.iter().skip(1).any(|byte| *byte == b'<') {
                    return fault(Problem::Tag { expected: CLOSING_QUOTE }, self.at);
                }
                let single = *quote == SyntaxError::UnclosedSingleQuotedAttributeValue;
                (VALUE, if single { "'" } else { "\"" })
            }
            _ if rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"<!DOCTYPE")) => {
                return fault(Problem::Doctype, self.at);
            }
            _ if [&b"<!--"[..], b"<![CDATA["].iter().any(|word| word.starts_with(rest)) => {
                (TAG, ">")
            }
            _ => return fault(Problem::Markup, self.at),
        };
        fault(Problem::Truncated { inside, expected: expected.into() }, self.source.len())
    }

    /// Adds an event.
    fn push(&mut self, event: Event) -> Step {
        if self.events.len() >= self.limits.events {
            return fault(Problem::TooManyEvents { limit: self.limits.events }, event.span().start);
        }
        self.events.push(event);
        Ok(())
    }

    /// A start tag at `start`, read up to `self.at`; `closing` bytes are `>` or `/>`.
    fn start_tag(&mut self, start: usize, name_length: usize, closing: usize) -> Step {
        let name_end = start + 1 + name_length;
        let name = self.slice(start + 1, name_end);
        if name.is_empty() {
            return fault(Problem::Tag { expected: NAME }, start);
        }
        if self.open.is_empty() && self.root.is_some() {
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
        let content_end = self.at - closing;
        let tag = match name_end == content_end {
            true => TagId::EMPTY,
            false => self.attributes(name_end, content_end)?,
        };
        let name = match self.names.element(raw) {
            Ok(name) => name,
            Err(problem) => return fault(problem, start + 1),
        };
        self.push(Event::Start {
            name,
            tag,
            // Set when the end tag comes.
            end: index,
            parent: self.open.last().map_or(index, |open| open.start),
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

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
