//! A payload as other tools would have written it. In: the payload that came. Out:
//! candidates for what was signed, each with its cause, the likely ones first; some hundred
//! of them, each no longer than a few times the payload.

use crate::xmldsig::explain::{CauseKind, text_candidates};

/// Cause, in what way in English and Chinese, octets.
pub(super) type Form = (CauseKind, (&'static str, &'static str), Vec<u8>);

/// White space between the tokens of JSON: unit of indent, after a comma, after a colon.
type Layout = (Option<&'static str>, &'static str, &'static str);

/// Layouts of the usual writers of JSON.
const LAYOUTS: [(Layout, (&str, &str)); 5] = [
    ((None, ",", ":"), ("signed without white space", "加签时无空白")),
    ((None, ", ", ": "), ("signed with a space after : and ,", "加签时 : 与 , 后有空格")),
    ((Some("  "), ",", ": "), INDENTED),
    ((Some("    "), ",", ": "), INDENTED),
    ((Some("\t"), ",", ": "), INDENTED),
];
const INDENTED: (&str, &str) = ("signed in lines, indented", "加签时带缩进换行");

/// Every candidate that is not the payload itself.
pub(super) fn forms(text: &str) -> Vec<Form> {
    let mut all: Vec<Form> = Vec::new();
    let mut push = |kind, how, form: String| all.push((kind, how, form.into_bytes()));
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    // Before the layouts, of which one may come to the same.
    let how = ("signed with LF line ends", "加签时换行为 LF");
    push(CauseKind::LineEnds, how, text.replace("\r\n", "\n"));
    if json.is_some() {
        for (layout, how) in LAYOUTS {
            push(CauseKind::Reindented, how, laid_out(text, layout));
        }
    } else {
        let how = ("signed without white space between elements", "加签时元素间无空白");
        push(CauseKind::Reindented, how, joined(text));
    }
    let how = ("signed with a line end after it", "加签时末尾有换行");
    push(CauseKind::Reindented, how, format!("{text}\n"));
    let how = ("signed without white space around it", "加签时首尾无空白");
    push(CauseKind::Reindented, how, text.trim().to_owned());
    if let Some(json) = json {
        let sorted = json.to_string();
        let how = ("signed with its members sorted", "加签时成员按名称排序");
        push(CauseKind::AttributeOrder, how, sorted.clone());
        for (layout, _) in LAYOUTS {
            push(CauseKind::AttributeOrder, how, laid_out(&sorted, layout));
        }
        for (form, how) in escapes(text) {
            for (layout, _) in LAYOUTS {
                push(CauseKind::Escaped, how, laid_out(&form, layout));
            }
            push(CauseKind::Escaped, how, form);
        }
    }
    all.extend(text_candidates(text.as_bytes()));
    all.retain(|(_, _, form)| form != text.as_bytes());
    all
}

/// JSON with its strings escaped otherwise (RFC 8259 section 7 allows all of them).
fn escapes(text: &str) -> [(String, (&'static str, &'static str)); 4] {
    let ascii = ("signed with \\u escapes for Chinese characters", "加签时中文以 \\u 转义");
    let escaped = |unit: fn(u16) -> String| -> String {
        let one = |c: char| {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            if c.is_ascii() { c.to_string() } else { units.map(|it| unit(*it)).collect() }
        };
        text.chars().map(one).collect()
    };
    let slashes = ("signed with / escaped as \\/", "加签时 / 转义为 \\/");
    let plain = ("signed without the escapes that are here", "加签时没有现有的转义");
    [
        (escaped(|unit| format!("\\u{unit:04x}")), ascii),
        (escaped(|unit| format!("\\u{unit:04X}")), ascii),
        // Outside of strings JSON has no slash.
        (text.replace("\\/", "/").replace('/', "\\/"), slashes),
        (unescaped(text), plain),
    ]
}

/// JSON with the characters themselves for `\uXXXX` and `\/`; what has to be escaped stays so.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (taken, left) = match after.chars().next() {
            Some('u') => unicode(after),
            Some('/') => (Some("/".to_owned()), after.get(1..).unwrap_or_default()),
            other => {
                let length = other.map_or(0, char::len_utf8);
                let (escape, left) = after.split_at_checked(length).unwrap_or((after, ""));
                (Some(format!("\\{escape}")), left)
            }
        };
        match taken {
            Some(taken) => {
                out.push_str(&taken);
                rest = left;
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The character of one or two escapes, the first of which begins with `u`; none for those
/// that have to stay.
fn unicode(after: &str) -> (Option<String>, &str) {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let first = after.get(1..).and_then(unit);
    let second = after.get(5..).and_then(|rest| unit(rest.strip_prefix("\\u")?));
    let Some(first) = first else { return (None, after) };
    let pair = [Some(first), second.filter(|_| (0xD800..0xDC00).contains(&first))];
    let length = if pair[1].is_some() { 11 } else { 5 };
    let read = char::decode_utf16(pair.into_iter().flatten()).next().and_then(Result::ok);
    let plain = read.filter(|c| !c.is_control() && !matches!(c, '"' | '\\'));
    (plain.map(String::from), after.get(length..).unwrap_or_default())
}

/// XML without the white space between its elements.
fn joined(text: &str) -> String {
    let pieces = text.split_inclusive('>').map(|piece| match piece.trim_start() {
        markup if markup.starts_with('<') => markup,
        _ => piece,
    });
    pieces.collect()
}

fn laid_out(text: &str, (unit, comma, colon): Layout) -> String {
    spaced(text, unit, comma, colon)
}

/// JSON with other white space between its tokens.
pub(crate) fn spaced(text: &str, unit: Option<&str>, comma: &str, colon: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    let mut before = '\0';
    for c in text.chars() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        let line = |depth: usize| unit.map(|unit| format!("\n{}", unit.repeat(depth)));
        if c.is_ascii_whitespace() {
            continue;
        }
        if matches!(c, '}' | ']') {
            depth = depth.saturating_sub(1);
            if !matches!(before, '{' | '[') {
                out.push_str(&line(depth).unwrap_or_default());
            }
        } else if matches!(before, '{' | '[' | ',') {
            out.push_str(&line(depth).unwrap_or_default());
        }
        match c {
            ',' => out.push_str(comma),
            ':' => out.push_str(colon),
            other => out.push(other),
        }
        depth += usize::from(matches!(c, '{' | '['));
        quoted = c == '"';
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_where_they_need_not_be() {
        for (text, plain) in [
            ("\"\\u6d4b\\u8BD5\"", "\"测试\""),
            ("\"\\ud83d\\ude00\"", "\"😀\""),
            ("\"a\\/b\\\\u6d4b\"", "\"a/b\\\\u6d4b\""),
            ("\"\\u0022\\n\\\"\\u000a\"", "\"\\u0022\\n\\\"\\u000a\""),
            ("\"\\ud83d\"", "\"\\ud83d\""),
            ("\"\\u12\\", "\"\\u12\\"),
        ] {
            assert_eq!(unescaped(text), plain, "{text}");
        }
    }

    #[test]
    fn a_form_is_the_same_json() {
        let text = "{\"订单\": [1, {\"b\":\"x: \\\"y,\\\"\", \"a\": \"a/b\"}], \"空1\": {}}";
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let kept = [CauseKind::Reindented, CauseKind::AttributeOrder];
        let escaped = [CauseKind::Escaped];
        let mut seen = 0;
        for (kind, how, form) in forms(text) {
            let json = serde_json::from_slice::<serde_json::Value>(&form);
            if kept.contains(&kind) || escaped.contains(&kind) && how.0.starts_with("signed") {
                assert_eq!(json.unwrap(), value, "{how:?}");
                seen += 1;
            }
            assert_ne!(form, text.as_bytes(), "{how:?}");
        }
        assert!(seen > 20, "{seen}");
    }
}
