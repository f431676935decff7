//! Character data: text with references, CDATA, comments. In: the pass at a token. Out: one
//! event per run of text, per CDATA section, per comment. Promised: text that needs no
//! change is a range of the input; changed text goes to the arena once.

use quick_xml::events::Event as Token;

use super::{Fault, Pass, Step, fault};
use crate::chars::{is_char, is_space};
use crate::document::{Event, Value};
use crate::error::{Problem, quoted};

impl Pass<'_> {
    /// A run of text and references up to the next markup.
    pub(super) fn text(&mut self) -> Step {
        let start = self.at;
        // Nothing is copied while the run is one unchanged piece of the input.
        let mut plain: Option<Value> = None;
        let from = self.arena.len();
        loop {
            let at = self.at;
            match self.source.as_bytes().get(at) {
                None | Some(b'<') => break,
                Some(b'&') => {
                    if let Some(value) = plain.take() {
                        let text = self.slice(value.start as usize, value.end as usize);
                        self.arena.push_str(text);
                    }
                    let c = self.reference(at)?;
                    self.arena.push(c);
                }
                Some(_) => {
                    self.next()?;
                    let text = self.slice(at, self.at);
                    if self.scan.bracket
                        && let Some(found) = text.find("]]>")
                    {
                        return fault(Problem::CdataEnd, at + found);
                    }
                    if at == start && !(self.scan.carriage_return && text.contains('\r')) {
                        plain = Some(Value { start: at as u32, end: self.at as u32 });
                    } else {
                        push_normalised(&mut self.arena, text);
                    }
                }
            }
        }
        let value = match plain {
            Some(value) => value,
            None => self.in_arena(from),
        };
        self.push(Event::Text { value, span: start as u32..self.at as u32, cdata: false })
    }

    /// The character of the reference at `at`.
    fn reference(&mut self, at: usize) -> Step<char> {
        let bare = Fault { problem: Problem::Ampersand, at };
        let mut reader = self.reader();
        let Ok(token) = reader.read_event() else { return Err(Box::new(bare)) };
        let Token::GeneralRef(_) = token else { return Err(Box::new(bare)) };
        self.at += reader.buffer_position() as usize;
        expand(self.slice(at + 1, self.at - 1), at)
    }

    /// Text where no element is open: white space only.
    pub(super) fn space_outside(&mut self) -> Step {
        let start = self.at;
        if self.source.as_bytes().get(start) == Some(&b'&') {
            return fault(Problem::OutsideRoot, start);
        }
        self.next()?;
        let text = self.slice(start, self.at);
        match text.bytes().position(|byte| !is_space(byte)) {
            Some(found) => fault(Problem::OutsideRoot, start + found),
            None => Ok(()),
        }
    }

    /// A CDATA section.
    pub(super) fn cdata(&mut self, start: usize) -> Step {
        if self.open.is_empty() {
            return fault(Problem::OutsideRoot, start);
        }
        let value = self.normalised(start + "<![CDATA[".len(), self.at - "]]>".len());
        self.push(Event::Text { value, span: start as u32..self.at as u32, cdata: true })
    }

    /// A comment.
    pub(super) fn comment(&mut self, start: usize) -> Step {
        let (from, to) = (start + "<!--".len(), self.at - "-->".len());
        // The hyphens of the end belong to no other pair: `--->` is refused.
        if let Some(found) = self.slice(from, to + 1).find("--") {
            return fault(Problem::CommentHyphens, from + found);
        }
        let value = self.normalised(from, to);
        self.push(Event::Comment { value, span: start as u32..self.at as u32 })
    }
}

/// Bytes looked at together while searching for the end of a text.
const STRIDE: usize = 16;

/// How many bytes come before the next `<` or `&`, or the end. Whole strides are passed
/// over by a loop without early exit, which becomes vector instructions.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| (*byte == b'<') | (*byte == b'&');
    let (strides, _) = bytes.as_chunks::<STRIDE>();
    let plain =
        strides.iter().take_while(|stride| !stride.iter().fold(false, |any, b| any | ends(b)));
    let passed = plain.count() * STRIDE;
    let rest = bytes.get(passed..).unwrap_or_default();
    passed + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The character that the reference `name`, without `&` and `;`, stands for.
pub(super) fn expand(name: &str, at: usize) -> Step<char> {
    match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => {}
    }
    if let Some(number) = name.strip_prefix('#') {
        return match character(number) {
            Some(c) => Ok(c),
            None => fault(Problem::CharacterReference { found: quoted(name) }, at),
        };
    }
    if crate::chars::is_ncname(name) {
        fault(Problem::Entity { name: quoted(name) }, at)
    } else {
        fault(Problem::Ampersand, at)
    }
}

/// The character of a number as production [66] CharRef writes it, if XML allows it.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut code = 0u32;
    for digit in digits.chars() {
        // Saturates: any number of digits is legal, but no character has so many.
        code = code.saturating_mul(radix).saturating_add(digit.to_digit(radix)?);
    }
    char::from_u32(code).filter(|c| is_char(*c))
}

/// Appends text with CR LF and lone CR turned into LF.
pub(super) fn push_normalised(arena: &mut String, text: &str) {
    let mut pieces = text.split('\r');
    arena.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        arena.push('\n');
        arena.push_str(piece.strip_prefix('\n').unwrap_or(piece));
    }
}
