//! Character classes of XML 1.0, 5th edition, section 2.2 and 2.3. In: characters, or the
//! whole text once. Out: whether they are allowed, and which rare characters the text
//! holds at all, so that the pass can skip the checks for those it does not hold.

/// What one look at the whole text told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// There is a carriage return: line ends have to be normalised.
    pub(crate) carriage_return: bool,
    /// There is a `]`: text may hold `]]>`.
    pub(crate) bracket: bool,
}

/// Bytes looked at in one step of the scan; small enough to stay in registers.
const BLOCK: usize = 64;

/// Looks at every byte once. `Err` is the offset of the first forbidden character.
pub(crate) fn scan(text: &str) -> Result<Scan, usize> {
    let mut seen = Scan::default();
    for (block, bytes) in text.as_bytes().chunks(BLOCK).enumerate() {
        let mut control = false;
        let mut plane_end = false;
        for byte in bytes {
            control |= (*byte < 0x20) & (*byte != b'\n') & (*byte != b'\t') & (*byte != b'\r');
            seen.carriage_return |= *byte == b'\r';
            seen.bracket |= *byte == b']';
            plane_end |= *byte == 0xEF;
        }
        if control || plane_end {
            find_forbidden(text, block * BLOCK, bytes.len())?;
        }
    }
    Ok(seen)
}

/// Looks for a forbidden character that starts in the block.
fn find_forbidden(text: &str, start: usize, length: usize) -> Result<(), usize> {
    let bytes = text.as_bytes().get(start..).unwrap_or_default();
    for (at, byte) in bytes.iter().enumerate().take(length) {
        let forbidden = match byte {
            b'\t' | b'\n' | b'\r' => false,
            0..0x20 => true,
            // U+FFFE and U+FFFF; surrogates cannot occur in UTF-8.
            0xEF => matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
            _ => false,
        };
        if forbidden {
            return Err(start + at);
        }
    }
    Ok(())
}

/// Production 2 (Char).
#[must_use]
pub fn is_char(c: char) -> bool {
    !matches!(c, '\0'..'\t' | '\u{B}' | '\u{C}' | '\u{E}'..' ' | '\u{FFFE}' | '\u{FFFF}')
}

/// Production 3 (S), one character of it.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Production 4 (NameStartChar) without the colon.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether a character may stand in a name after its first (XML 1.0, 5th edition,
/// production 4a, NameChar, without the colon).
#[must_use]
pub fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether the text is a name without colon (Namespaces in XML 1.0, production 4, NCName).
#[must_use]
pub fn is_ncname(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'_');
    if text.bytes().all(plain) {
        return !text.is_empty();
    }
    let mut chars = text.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scan_reports_the_first_forbidden_character() {
        assert_eq!(scan("abc\t\n"), Ok(Scan::default()));
        assert_eq!(scan("a\u{1}"), Err(1));
        assert_eq!(scan(&format!("{}\u{FFFE}", "x".repeat(63))), Err(63));
        assert_eq!(scan(&format!("{}，\u{FFFF}", "中".repeat(63))), Err(64 * 3));
        assert_eq!(scan("\u{FFFD}，\u{10FFFF}\u{7F}"), Ok(Scan::default()));
    }

    #[test]
    fn the_scan_tells_of_carriage_returns_and_brackets() {
        assert_eq!(scan("\r"), Ok(Scan { carriage_return: true, bracket: false }));
        assert_eq!(scan("a]"), Ok(Scan { carriage_return: false, bracket: true }));
    }

    #[test]
    fn names_follow_the_fifth_edition() {
        for name in ["a", "_", "订单", "a-1.b_c", "é\u{301}", "a\u{B7}", "\u{10000}"] {
            assert!(is_ncname(name), "{name}");
        }
        for name in ["", "1a", "-a", ".a", "a b", "a:b", "\u{300}a", "a\u{D7}", "a/", "\u{2190}"] {
            assert!(!is_ncname(name), "{name}");
        }
    }
}
