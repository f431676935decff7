//! Escaping for writers. In: any text. Out: text that reads back as the same
//! characters in element content or in a double-quoted attribute value. Borrowed
//! when nothing has to change. Characters that XML cannot carry are not looked for.

use std::borrow::Cow;

/// Escapes character data: `&`, `<`, `>` and carriage return (which line-end handling
/// would otherwise turn into a line feed; XML 1.0, section 2.11).
#[must_use]
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xD;"),
        _ => None,
    })
}

/// Escapes the value of an attribute in double or single quotes: as [`escape_text`], and
/// quotes, tab and line feed (XML 1.0, section 3.3.3).
#[must_use]
pub fn escape_attribute(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    })
}

fn escape(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if !text.chars().any(|c| replacement(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 8);
    for c in text.chars() {
        match replacement(c) {
            Some(escaped) => out.push_str(escaped),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_escape_is_borrowed() {
        assert!(matches!(escape_text("订单 A-1"), Cow::Borrowed(_)));
        assert!(matches!(escape_attribute("订单 A-1"), Cow::Borrowed(_)));
    }

    #[test]
    fn every_special_character_is_escaped() {
        assert_eq!(escape_text("a<b>&\"'\r\n\t"), "a&lt;b&gt;&amp;\"'&#xD;\n\t");
        assert_eq!(escape_attribute("a<b>&\"'\r\n\t"), "a&lt;b&gt;&amp;&quot;&#39;&#xD;&#xA;&#x9;");
    }
}
