//! White space between elements. In: canonical tokens. Out: the same content laid out in
//! the ways that tools have: on one line, indented by some unit, with tabs for spaces.
//! Text inside of elements is left alone, or trimmed where a tool had broken it out.

use super::tokens::{Token, write};

/// A layout, and its names.
pub(super) struct Layout {
    pub(super) how: (String, String),
    pub(super) octets: Vec<u8>,
}

const UNITS: [(&str, &str, &str); 7] = [
    ("  ", "indented by 2 spaces", "缩进 2 个空格"),
    ("    ", "indented by 4 spaces", "缩进 4 个空格"),
    ("\t", "indented by tabs", "制表符缩进"),
    ("", "one line for each element, not indented", "每个元素一行，无缩进"),
    (" ", "indented by 1 space", "缩进 1 个空格"),
    ("   ", "indented by 3 spaces", "缩进 3 个空格"),
    ("        ", "indented by 8 spaces", "缩进 8 个空格"),
];

/// Every layout that is tried; `make` is asked one after the other.
pub(super) fn layouts<'t>(tokens: &'t [Token<'t>]) -> impl Iterator<Item = Layout> + 't {
    let flat = std::iter::once(false).chain(std::iter::once(true)).map(|trim| Layout {
        how: named("without white space between elements", "元素之间无空白", trim),
        octets: write(&flat(tokens, trim)),
    });
    let units = UNITS.iter().flat_map(move |(unit, en, zh)| {
        [("\n", false), ("\n", true), ("&#xD;\n", false)].map(|(line, trim)| Layout {
            how: named(en, zh, trim),
            octets: write(&indented(tokens, unit, line, trim)),
        })
    });
    flat.chain(units).chain(swapped(tokens))
}

fn named(en: &str, zh: &str, trim: bool) -> (String, String) {
    let (also_en, also_zh) =
        if trim { (", values trimmed", "，值去除首尾空白") } else { ("", "") };
    (format!("signed {en}{also_en}"), format!("加签时{zh}{also_zh}"))
}

/// Blank text between two tags, but not the value of an element.
fn is_gap(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let leaf = matches!(before, Some(Token::Start { .. }))
        && matches!(tokens.get(at + 1), Some(Token::End(_)));
    !leaf && tokens.get(at).is_some_and(Token::is_blank)
}

/// Without gaps.
pub(super) fn flat<'t>(tokens: &'t [Token<'t>], trim: bool) -> Vec<Token<'t>> {
    let kept = (0..tokens.len()).filter(|at| !is_gap(tokens, *at));
    let trimmed = |token: &Token<'t>| match token {
        Token::Text(text) if trim => {
            Token::Text(text.trim_matches([' ', '\t', '\n']).to_owned().into())
        }
        other => other.clone(),
    };
    kept.filter_map(|at| tokens.get(at)).map(trimmed).collect()
}

/// One line for each element, children indented.
fn indented<'t>(tokens: &'t [Token<'t>], unit: &str, line: &str, trim: bool) -> Vec<Token<'t>> {
    let flat = flat(tokens, trim);
    let mut out = Vec::with_capacity(flat.len() * 2);
    let mut depth = 0_usize;
    let mut before: Option<&Token<'_>> = None;
    for token in &flat {
        let mut gap = |depth: usize| {
            out.push(Token::Text(format!("{line}{}", unit.repeat(depth)).into()));
        };
        match (before, token) {
            (None | Some(Token::Text(_)), _) | (_, Token::Text(_)) => {}
            (Some(Token::Start { .. }), Token::End(_)) => {}
            (_, Token::End(_)) => gap(depth.saturating_sub(1)),
            _ if depth > 0 => gap(depth),
            _ => {}
        }
        match token {
            Token::Start { .. } => depth += 1,
            Token::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(token.clone());
        before = Some(token);
    }
    out
}

/// Tabs for spaces and the other way round, and less of them.
fn swapped<'t>(tokens: &'t [Token<'t>]) -> impl Iterator<Item = Layout> + 't {
    const SWAPS: [(&str, &str, &str, &str); 10] = [
        ("\t", "  ", "with 2 spaces for each tab", "以 2 个空格代替制表符"),
        ("\t", "    ", "with 4 spaces for each tab", "以 4 个空格代替制表符"),
        ("\t", "        ", "with 8 spaces for each tab", "以 8 个空格代替制表符"),
        ("    ", "\t", "with a tab for 4 spaces", "以制表符代替 4 个空格"),
        ("  ", "\t", "with a tab for 2 spaces", "以制表符代替 2 个空格"),
        ("        ", "\t", "with a tab for 8 spaces", "以制表符代替 8 个空格"),
        ("  ", "    ", "with twice the indent", "缩进为两倍"),
        ("    ", "  ", "with half the indent", "缩进为一半"),
        ("\n\n", "\n", "without empty lines", "没有空行"),
        ("\n", "\n\n", "with empty lines", "带有空行"),
    ];
    SWAPS.iter().map(move |(from, to, en, zh)| {
        let mut out = tokens.to_vec();
        for (at, token) in out.iter_mut().enumerate() {
            if let (true, Token::Text(text)) = (is_gap(tokens, at), &mut *token) {
                *token = Token::Text(text.replace(from, to).into());
            }
        }
        Layout { how: named(en, zh, false), octets: write(&out) }
    })
}
