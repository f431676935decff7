//! Bytes to text. In: the bytes of a document. Out: the text without byte order mark, or
//! the name of the encoding it is in and that we refuse. Judged in this order: byte order
//! mark, byte pattern of the first characters, what is no XML at all, the encoding the XML
//! declaration names, and the bytes themselves (XML 1.0, section 4.3.3 and appendix F).

use crate::chars::is_space;
use crate::error::{Evidence, Phrase, Position, Problem, XmlError, quoted};

/// How far into the input the XML declaration is looked for.
const DECLARATION_BYTES: usize = 1024;

/// The text of a document in UTF-8, without its byte order mark.
pub(crate) fn decode(mut input: Vec<u8>) -> Result<String, XmlError> {
    let nowhere = Position { line: 1, column: 1, byte: 0 };
    let refuse = |problem| Err(XmlError::new(problem, nowhere, &[]));
    if let Some(problem) = foreign_pattern(&input) {
        return refuse(problem);
    }
    if input.starts_with(b"\xEF\xBB\xBF") {
        input.drain(..3);
    }
    if let Some(problem) = not_xml(&input) {
        return refuse(problem);
    }
    if let Some(problem) = declared_encoding(&input).and_then(foreign_declaration) {
        return refuse(problem);
    }
    String::from_utf8(input).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let problem = if looks_like_gbk(bytes.get(at..).unwrap_or_default()) {
            Problem::Gbk { encoding: "GBK".into(), evidence: Evidence::Pattern }
        } else {
            Problem::NotUtf8
        };
        let text = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
        XmlError::new(problem, Position::find(&text, at), &[])
    })
}

/// Encodings that show in the first four bytes.
fn foreign_pattern(input: &[u8]) -> Option<Problem> {
    use Evidence::{Mark, Pattern};
    let utf16 =
        |encoding: &str, evidence| Some(Problem::Utf16 { encoding: encoding.into(), evidence });
    match input {
        [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] => utf16("UTF-32", Mark),
        [0xFE, 0xFF, ..] => utf16("UTF-16, big endian", Mark),
        [0xFF, 0xFE, ..] => utf16("UTF-16, little endian", Mark),
        [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => utf16("UTF-32", Pattern),
        [0, b'<', ..] => utf16("UTF-16, big endian", Pattern),
        [b'<', 0, ..] => utf16("UTF-16, little endian", Pattern),
        [0x4C, 0x6F, 0xA7, 0x94, ..] => {
            Some(Problem::Encoding { encoding: "EBCDIC".into(), evidence: Pattern })
        }
        _ => None,
    }
}

/// What does not even begin like XML.
fn not_xml(input: &[u8]) -> Option<Problem> {
    let Some(start) = input.iter().position(|byte| !is_space(*byte)) else {
        return Some(Problem::Empty);
    };
    let (en, zh) = match input.get(start..).unwrap_or_default() {
        [b'<', ..] => return None,
        [b'{' | b'[', ..] => ("JSON", " JSON"),
        [0x1F, 0x8B, ..] => ("gzip", " gzip 压缩数据"),
        [b'P', b'K', 3, 4, ..] => ("a ZIP archive", " ZIP 压缩包"),
        [b'%', b'P', b'D', b'F', ..] => ("PDF", " PDF"),
        [b'-', b'-', b'-', b'-', b'-', b'B', ..] => ("PEM", " PEM"),
        // Base64 of `<?xml `.
        rest if rest.starts_with(b"PD94bWwg") => ("Base64 of XML", " XML 的 Base64 编码"),
        // A second byte order mark or a text that an editor put before the root is left
        // to the pass, which says that it stands outside the root.
        rest if rest.contains(&b'<') => return None,
        rest if rest.iter().any(|byte| *byte < 0x20 && !is_space(*byte)) => {
            ("binary data", "二进制数据")
        }
        _ => ("plain text", "纯文本"),
    };
    let looks_like = Phrase::new(en, zh);
    Some(Problem::NotXml { looks_like })
}

/// The value of `encoding` in the XML declaration, loosely read: its syntax is judged by
/// the pass, here only the encoding matters.
fn declared_encoding(input: &[u8]) -> Option<&[u8]> {
    let head = input.get(..input.len().min(DECLARATION_BYTES))?.strip_prefix(b"<?xml")?;
    head.first().filter(|byte| is_space(**byte))?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = head.get(..end)?;
    let key = declaration.windows(8).position(|word| word == b"encoding")?;
    let rest = declaration.get(key + 8..)?.trim_ascii_start().strip_prefix(b"=")?;
    let rest = rest.trim_ascii_start();
    let quote = rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    rest.get(1..)?.split(|byte| byte == quote).next()
}

/// Refuses every declared encoding that is not UTF-8.
fn foreign_declaration(name: &[u8]) -> Option<Problem> {
    let encoding = quoted(&String::from_utf8_lossy(name));
    let evidence = Evidence::Declared;
    let upper = encoding.to_ascii_uppercase();
    let begins = |with: &[&str]| with.iter().any(|begin| upper.starts_with(begin));
    if upper == "UTF-8" {
        None
    } else if begins(&["UTF-16", "UTF16", "UTF-32", "UTF32", "ISO-10646-UCS", "UCS-"]) {
        Some(Problem::Utf16 { encoding, evidence })
    } else if begins(&["GB", "CP936", "MS936", "WINDOWS-936", "HZ-GB", "EUC-CN"]) {
        Some(Problem::Gbk { encoding, evidence })
    } else {
        Some(Problem::Encoding { encoding, evidence })
    }
}

/// Whether all bytes beyond ASCII come in pairs or quadruples as GB18030 has them.
fn looks_like_gbk(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut pairs = 0usize;
    loop {
        rest = match rest {
            [] | [0x81..=0xFE] => return pairs > 0,
            [0..=0x7F, tail @ ..] => tail,
            [0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE, tail @ ..]
            | [0x81..=0xFE, 0x30..=0x39, 0x81..=0xFE, 0x30..=0x39, tail @ ..] => {
                pairs += 1;
                tail
            }
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests;
