//! Bytes to text. In: the bytes of a document. Out: the text without byte order mark, or
//! the name of the encoding it is in and that we refuse. Judged in this order: byte order
//! mark, byte pattern of the first characters, what is no XML at all, the encoding the XML
//! declaration names, and the bytes themselves (XML 1.0, section 4.3.3 and appendix F).

use crate::chars::is_space;
use crate::error::{Position, Problem, XmlError, quoted};

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
            Problem::Gbk { evidence: "byte pattern of GBK".into() }
        } else {
            Problem::NotUtf8
        };
        let text = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
        XmlError::new(problem, Position::find(&text, at), &[])
    })
}

/// Encodings that show in the first four bytes.
fn foreign_pattern(input: &[u8]) -> Option<Problem> {
    let utf16 = |evidence: &str| Some(Problem::Utf16 { evidence: evidence.into() });
    match input {
        [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] => utf16("byte order mark of UTF-32"),
        [0xFE, 0xFF, ..] => utf16("byte order mark of UTF-16, big endian"),
        [0xFF, 0xFE, ..] => utf16("byte order mark of UTF-16, little endian"),
        [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => utf16("byte pattern of UTF-32"),
        [0, b'<', ..] => utf16("byte pattern of UTF-16, big endian"),
        [b'<', 0, ..] => utf16("byte pattern of UTF-16, little endian"),
        [0x4C, 0x6F, 0xA7, 0x94, ..] => {
            Some(Problem::Encoding { evidence: "byte pattern of EBCDIC".into() })
        }
        _ => None,
    }
}

/// What does not even begin like XML.
fn not_xml(input: &[u8]) -> Option<Problem> {
    let Some(start) = input.iter().position(|byte| !is_space(*byte)) else {
        return Some(Problem::Empty);
    };
    let looks_like = match input.get(start..).unwrap_or_default() {
        [b'<', ..] => return None,
        [b'{' | b'[', ..] => "JSON",
        [0x1F, 0x8B, ..] => "gzip",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'-', b'-', b'-', b'-', b'-', b'B', ..] => "PEM",
        // A second byte order mark or a text that an editor put before the root is left
        // to the pass, which says that it stands outside the root.
        rest if rest.contains(&b'<') => return None,
        rest if rest.iter().any(|byte| *byte < 0x20 && !is_space(*byte)) => "binary data",
        rest if rest.starts_with(b"PD94") || rest.starts_with(b"PD") => "Base64 of XML",
        _ => "plain text",
    };
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
    let upper = name.to_ascii_uppercase();
    let evidence = format!("the XML declaration says {}", quoted(&String::from_utf8_lossy(name)));
    match upper.as_slice() {
        b"UTF-8" | b"UTF8" => None,
        name if name.starts_with(b"UTF-16") || name.starts_with(b"UTF-32") => {
            Some(Problem::Utf16 { evidence })
        }
        name if name.starts_with(b"UTF16") || name.starts_with(b"ISO-10646-UCS") => {
            Some(Problem::Utf16 { evidence })
        }
        name if name.starts_with(b"GB") || name == b"CP936" || name == b"HZ-GB-2312" => {
            Some(Problem::Gbk { evidence })
        }
        _ => Some(Problem::Encoding { evidence }),
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
