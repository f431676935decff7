//! The attributes of one start tag. In: the bytes between the element's name and `>` or
//! `/>`. Out: namespace declarations in force, attributes resolved and added to the
//! document. Promised: each is there once, by name and by expanded name, and its value is
//! normalised as CDATA type (XML 1.0, section 3.3.3).

use std::ops::Range;

use super::text::expand;
use super::{CLOSING_QUOTE, Pass, Step, fault};
use crate::chars::is_space;
use crate::document::{Attribute, NsDecl, Tag, TagId, Value};
use crate::error::{Phrase, Problem, quoted};
use crate::names::{RawName, Role};

const SPACE: Phrase = Phrase::new("white space between attributes", "属性之间有空格");
const EQUALS: Phrase = Phrase::new("= after the name of an attribute", "属性名之后有“=”");
const QUOTED: Phrase = Phrase::new("a value in quotes", "属性值加引号");

/// An attribute whose prefix is not resolved yet: a declaration may still follow.
#[derive(Debug)]
pub(super) struct Scratch {
    name: RawName,
    value: Value,
    span: Range<u32>,
}

impl Pass<'_> {
    /// Reads the attributes between `from` and `to`, and keeps them.
    pub(super) fn attributes(&mut self, from: usize, to: usize) -> Step<TagId> {
        // The index of the start event that will be pushed tells this tag from others.
        let tag = self.events.len() as u32;
        let declared_from = self.declarations.len();
        self.scratch.clear();
        let mut at = from;
        loop {
            let name_at = self.skip_space(at, to);
            if name_at == to {
                break;
            }
            if name_at == at {
                return fault(Problem::Tag { expected: SPACE }, at);
            }
            at = self.attribute(name_at, to, tag)?;
            let count = self.scratch.len() + self.declarations.len() - declared_from;
            if count > self.limits.attributes {
                let limit = self.limits.attributes;
                return fault(Problem::TooManyAttributes { limit }, name_at);
            }
        }
        let resolved_from = self.attributes.len();
        for Scratch { name, value, span } in self.scratch.drain(..) {
            let at = span.start as usize;
            match self.names.attribute(name, tag, self.source) {
                Ok(Some(name)) => self.attributes.push(Attribute { name, value, span }),
                Ok(None) => {
                    let written = self.source.get(at..span.end as usize).unwrap_or_default();
                    let name = written.split(['=', ' ', '\t', '\r', '\n']).next();
                    let name = quoted(name.unwrap_or_default());
                    return fault(Problem::DuplicateAttribute { name }, at);
                }
                Err(problem) => return fault(problem, at),
            }
        }
        let tag = Tag {
            attributes: resolved_from as u32..self.attributes.len() as u32,
            namespaces: declared_from as u32..self.declarations.len() as u32,
        };
        Ok(tag.keep(&mut self.tags))
    }

    /// The first byte from `at` that is no white space.
    fn skip_space(&self, at: usize, to: usize) -> usize {
        let rest = self.source.as_bytes().get(at..to).unwrap_or_default();
        at + rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len())
    }

    /// One attribute at `name_at`; the result is where it ends.
    fn attribute(&mut self, name_at: usize, to: usize, tag: u32) -> Step<usize> {
        let bytes = self.source.as_bytes();
        let rest = bytes.get(name_at..to).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'=' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\''))
            .unwrap_or(rest.len());
        let name_end = name_at + length;
        let name = self.slice(name_at, name_end);
        let raw = match self.names.intern(name, name_at) {
            Ok(raw) => raw,
            Err(problem) => return fault(problem, name_at),
        };
        let equals = self.skip_space(name_end, to);
        if bytes.get(equals) != Some(&b'=') || equals == to {
            return fault(Problem::Tag { expected: EQUALS }, equals);
        }
        let quote_at = self.skip_space(equals + 1, to);
        let quote = match bytes.get(quote_at) {
            Some(quote @ (b'"' | b'\'')) if quote_at < to => *quote,
            _ => return fault(Problem::Tag { expected: QUOTED }, quote_at),
        };
        let (value, end) = self.attribute_value(name, quote, quote_at + 1, to)?;
        let role = match self.names.mark(raw, tag) {
            Some(role) => role,
            None => return fault(Problem::DuplicateAttribute { name: quoted(name) }, name_at),
        };
        let span = name_at as u32..end as u32;
        if role == Role::Plain {
            self.scratch.push(Scratch { name: raw, value, span });
            return Ok(end);
        }
        let uri = value.text(self.source, &self.arena);
        if let Err(problem) = self.names.bind(role, uri) {
            return fault(problem, name_at);
        }
        self.declarations.push(NsDecl { prefix: self.names.declared_prefix(raw), uri: value });
        Ok(end)
    }

    /// The value from behind its opening quote, and the byte behind the closing one.
    fn attribute_value(
        &mut self,
        name: &str,
        quote: u8,
        from: usize,
        to: usize,
    ) -> Step<(Value, usize)> {
        let rest = self.source.as_bytes().get(from..to).unwrap_or_default();
        let mut changes = false;
        for (offset, byte) in rest.iter().enumerate() {
            match byte {
                b'<' => {
                    let name = quoted(name);
                    return fault(Problem::LessThanInAttribute { name }, from + offset);
                }
                b'&' | b'\t' | b'\n' | b'\r' => changes = true,
                byte if *byte == quote => {
                    let end = from + offset;
                    let value = if changes {
                        self.normalised_attribute(from, end)?
                    } else {
                        Value { start: from as u32, end: end as u32 }
                    };
                    return Ok((value, end + 1));
                }
                _ => {}
            }
        }
        fault(Problem::Tag { expected: CLOSING_QUOTE }, to)
    }

    /// Writes the normalised value to the arena: references expanded, each white space
    /// character a space, CR LF one space since line ends come first.
    fn normalised_attribute(&mut self, from: usize, to: usize) -> Step<Value> {
        let arena_from = self.arena.len();
        let mut at = from;
        while at < to {
            let rest = self.slice(at, to);
            let plain = rest
                .bytes()
                .position(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            self.arena.push_str(rest.get(..plain).unwrap_or_default());
            at += plain;
            let rest = rest.get(plain..).unwrap_or_default();
            if rest.starts_with('&') {
                let Some((name, _)) = rest.get(1..).and_then(|rest| rest.split_once(';')) else {
                    return fault(Problem::Ampersand, at);
                };
                self.arena.push(expand(name, at)?);
                at += name.len() + 2;
            } else if !rest.is_empty() {
                self.arena.push(' ');
                at += if rest.starts_with("\r\n") { 2 } else { 1 };
            }
        }
        Ok(self.in_arena(arena_from))
    }
}
