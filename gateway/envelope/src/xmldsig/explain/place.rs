//! Where two canonical forms part. In: the octets of the message and those that were
//! signed. Out: the first octet that differs, a window of both around it, and the line
//! and column of it in the message.

use onepoint_xml::{Document, Event, Position};

use super::tokens::{self, Token};

/// Characters shown on each side of the first difference.
const AROUND: usize = 48;

/// Where the message departs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The first octet that differs, from 0, in the canonical octets of the message.
    pub offset: usize,
    /// Line and column in the message of what stands there; none where it cannot be told.
    pub position: Option<Position>,
    /// The canonical octets of the message around it, white space made visible.
    pub here: String,
    /// The octets that were signed around it, in the same way.
    pub signed: String,
}

/// Compares what came with what was signed; `within` is the selected part of the
/// document, and tags that begin in `left_out` are not in the octets.
pub(super) fn difference(
    document: &Document,
    within: std::ops::RangeInclusive<usize>,
    left_out: std::ops::Range<usize>,
    here: &[u8],
    signed: &[u8],
) -> Option<Difference> {
    let same = shared(here, signed)?;
    let text = String::from_utf8_lossy(here).into_owned();
    Some(Difference {
        offset: same,
        position: position(document, within, left_out, &text, same),
        here: window(here, same),
        signed: window(signed, same),
    })
}

/// The same for a text that is signed as it is written, such as JSON.
pub(crate) fn text_difference(here: &[u8], signed: &[u8]) -> Option<Difference> {
    let same = shared(here, signed)?;
    let before = here.get(..same).unwrap_or_default().utf8_chunks().next();
    let before = before.map_or("", |chunk| chunk.valid());
    let count = |found: usize| u32::try_from(found).unwrap_or(u32::MAX).saturating_add(1);
    let last = before.rsplit('\n').next().unwrap_or_default();
    let (line, column) = (count(before.matches('\n').count()), count(last.chars().count()));
    Some(Difference {
        offset: same,
        position: Some(Position { line, column, byte: same }),
        here: window(here, same),
        signed: window(signed, same),
    })
}

/// How many octets both begin with; none where they are the same.
fn shared(here: &[u8], signed: &[u8]) -> Option<usize> {
    let same = here.iter().zip(signed).take_while(|(a, b)| a == b).count();
    (same < here.len() || same < signed.len()).then_some(same)
}

/// Some text around an octet, with white space visible: `·` space, `→` tab, `␍` CR, `⏎` LF.
pub fn window(octets: &[u8], at: usize) -> String {
    let from = at.saturating_sub(AROUND);
    let to = at.saturating_add(AROUND).min(octets.len());
    let text = String::from_utf8_lossy(octets.get(from..to).unwrap_or_default());
    visible(text.trim_matches('\u{fffd}'))
}

/// White space made visible.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => out.push('·'),
            '\t' => out.push('→'),
            '\r' => out.push('␍'),
            '\n' => out.push('⏎'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The canonical offset in the message: the tag it is in, or the text after a tag.
fn position(
    document: &Document,
    within: std::ops::RangeInclusive<usize>,
    left_out: std::ops::Range<usize>,
    canonical: &str,
    offset: usize,
) -> Option<Position> {
    let all = tokens::read(canonical.as_bytes())?;
    let (mut at, mut tags, mut into) = (0, 0_usize, None);
    for token in &all {
        let length = tokens::write(std::slice::from_ref(token)).len();
        if offset < at + length {
            into = matches!(token, Token::Text(_)).then(|| offset - at);
            break;
        }
        at += length;
        tags += usize::from(token.is_tag());
    }
    let events = document.events().get(within)?;
    let kept = |event: &&Event| !left_out.contains(&event.span().start);
    let is_tag = |event: &&Event| matches!(event, Event::Start { .. } | Event::End { .. });
    let spans = || events.iter().filter(kept).filter(is_tag).map(Event::span);
    let Some(into) = into else {
        let last = || spans().next_back().map(|span| span.end);
        return Some(document.position(spans().nth(tags).map(|span| span.start).or_else(last)?));
    };
    let start = match tags.checked_sub(1) {
        Some(before) => spans().nth(before)?.end,
        None => 0,
    };
    // Within a text that is written as it is canonically, the very character.
    let text = canonical.get(at..offset)?;
    let written = document.source().get(start..)?;
    let exact = if written.starts_with(text) { into } else { 0 };
    Some(document.position(start + exact))
}
