//! What stands before and around the root: byte order mark, XML declaration, processing
//! instructions. In: the pass at such a token. Out: an event per instruction; the declaration
//! leaves none (it is no processing instruction; XML 1.0, section 2.8).

use super::{Pass, Step, fault};
use crate::chars::{is_ncname, is_space};
use crate::document::Event;
use crate::error::{Phrase, Problem, quoted};

const VERSION: Phrase = Phrase::new("version=\"1.0\"", "version=\"1.0\"");
const ENCODING: Phrase = Phrase::new("encoding=\"UTF-8\"", "encoding=\"UTF-8\"");
const STANDALONE: Phrase =
    Phrase::new("standalone=\"yes\" or \"no\"", "standalone=\"yes\" 或 \"no\"");
const ORDER: Phrase = Phrase::new(
    "version, encoding, standalone, then ?>",
    "依次为 version、encoding、standalone，然后 ?>",
);

impl Pass<'_> {
    /// quick-xml would silently skip a second byte order mark.
    pub(super) fn refuse_second_mark(&self) -> Step {
        if self.source.starts_with('\u{FEFF}') {
            return fault(Problem::OutsideRoot, 0);
        }
        Ok(())
    }

    /// A processing instruction (productions [16] and [17]).
    pub(super) fn instruction(&mut self, start: usize) -> Step {
        let (from, to) = (start + "<?".len(), self.at - "?>".len());
        let content = self.slice(from, to);
        let length = content.bytes().position(is_space).unwrap_or(content.len());
        let target = self.slice(from, from + length);
        if target.eq_ignore_ascii_case("xml") {
            return fault(Problem::PiReserved { found: quoted(target) }, start);
        }
        if target.is_empty() || !is_ncname(target) {
            return fault(Problem::Pi { found: quoted(target) }, start);
        }
        if target.len() > self.limits.name_bytes {
            let limit = self.limits.name_bytes;
            return fault(Problem::NameTooLong { limit, found: target.len() }, from);
        }
        let rest = self.slice(from + length, to);
        let data_from = to - rest.trim_ascii_start().len();
        let target = self.normalised(from, from + length);
        let data = self.normalised(data_from, to);
        self.push(Event::Pi { target, data, span: start as u32..self.at as u32 })
    }

    /// The XML declaration (productions [23] to [26], [32] and [80]).
    pub(super) fn declaration(&mut self, start: usize) -> Step {
        if start != 0 {
            return fault(Problem::DeclarationMisplaced, start);
        }
        let from = "<?xml".len();
        let mut cursor = Cursor { rest: self.slice(from, self.at - "?>".len()), at: from };
        let at = cursor.at;
        match cursor.pair("version", VERSION)? {
            Some(version) if is_version(version) => {}
            _ => return fault(Problem::Declaration { expected: VERSION }, at),
        }
        let at = cursor.at;
        // Which encoding it is was judged before; here only that it is a name.
        if let Some(encoding) = cursor.pair("encoding", ENCODING)?
            && !is_encoding_name(encoding)
        {
            return fault(Problem::Declaration { expected: ENCODING }, at);
        }
        let at = cursor.at;
        if let Some(standalone) = cursor.pair("standalone", STANDALONE)?
            && !matches!(standalone, "yes" | "no")
        {
            return fault(Problem::Declaration { expected: STANDALONE }, at);
        }
        cursor.skip_space();
        if cursor.rest.is_empty() {
            return Ok(());
        }
        fault(Problem::Declaration { expected: ORDER }, cursor.at)
    }
}

/// Reads the pairs of the declaration.
struct Cursor<'i> {
    rest: &'i str,
    at: usize,
}

impl<'i> Cursor<'i> {
    fn advance(&mut self, rest: &'i str) {
        self.at += self.rest.len() - rest.len();
        self.rest = rest;
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
        let skipped = rest.len() < self.rest.len();
        self.advance(rest);
        skipped
    }

    /// `S key Eq quoted value`; none, and nothing read, when another key comes.
    fn pair(&mut self, key: &str, expected: Phrase) -> Step<Option<&'i str>> {
        let (rest, at) = (self.rest, self.at);
        let spaced = self.skip_space();
        let Some(after) = self.rest.strip_prefix(key) else {
            (self.rest, self.at) = (rest, at);
            return Ok(None);
        };
        let problem = Problem::Declaration { expected };
        if !spaced {
            return fault(problem, self.at);
        }
        self.advance(after);
        self.skip_space();
        let Some(after) = self.rest.strip_prefix('=') else { return fault(problem, self.at) };
        self.advance(after);
        self.skip_space();
        let quote = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => quote,
            _ => return fault(problem, self.at),
        };
        let inner = self.rest.strip_prefix(quote).unwrap_or_default();
        let Some((value, after)) = inner.split_once(quote) else { return fault(problem, self.at) };
        self.advance(after);
        Ok(Some(value))
    }
}

/// Production 26 (VersionNum): any 1.x, read as 1.0.
fn is_version(text: &str) -> bool {
    text.strip_prefix("1.")
        .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
}

/// Production 81 (EncName).
fn is_encoding_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
