//! A small scanner of Rust text. In comes a file, out goes the same text with
//! comments, strings and character literals turned into spaces (line ends kept),
//! and on that the functions with their lengths. It knows nested comments, raw
//! strings, byte strings and the difference between `'a'` and a lifetime.

use std::ops::Range;

/// A function with a body, and the lines it takes.
#[derive(Debug, PartialEq)]
pub(super) struct Function {
    pub(super) name: String,
    /// 1-based line of the `fn`.
    pub(super) line: usize,
    /// From the line of `fn` to the line of the closing brace.
    pub(super) lines: usize,
}

/// Blanks out what is not code.
pub(super) fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = chars.clone();
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        for place in code.iter_mut().take(end).skip(at) {
            if *place != '\n' {
                *place = ' ';
            }
        }
        at = end.max(at + 1);
    }
    code.into_iter().collect()
}

/// Where the comment or literal that begins at `at` ends; `at` itself for code.
fn literal_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let before = at.checked_sub(1).map(|i| chars[i]);
    let word_before = before.is_some_and(is_word);
    match rest {
        ['/', '/', ..] => at + line_comment(rest),
        ['/', '*', ..] => at + block_comment(rest),
        ['"', ..] => at + 1 + quoted(&rest[1..], '"'),
        ['\'', ..] => at + character(rest),
        ['r', ..] if !word_before => raw(chars, at, 1),
        ['b' | 'c', 'r', ..] if !word_before => raw(chars, at, 2),
        _ => at,
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn line_comment(rest: &[char]) -> usize {
    rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length up to and with the closing quote, `rest` beginning after the opening one.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are literals; `'a` alone is a lifetime, which is code.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => 1 + quoted(&rest[1..], '\''),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// `r"…"`, `r#"…"#` with any number of signs; `r#name` is code.
fn raw(chars: &[char], at: usize, prefix: usize) -> usize {
    let rest = &chars[at + prefix..];
    let signs = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(signs) != Some(&'"') {
        return at;
    }
    let body = at + prefix + signs + 1;
    let mut end = body;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take(signs).filter(|c| **c == '#').count() == signs;
        if closes {
            return end + 1 + signs;
        }
        end += 1;
    }
    chars.len()
}

/// The functions with a body in blanked text, nested ones too.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let rest = code[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|c| is_word(*c) || *c == '#').collect();
        let start = code.len() - rest.len() + name.len();
        if name.is_empty() {
            continue;
        }
        if let Some(body) = body(code, start) {
            let line = line_of(code, at);
            let lines = line_of(code, body.end) - line + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// The `{ … }` after a signature: `None` when a `;` outside of brackets comes first.
/// The end is the place of the closing brace.
fn body(code: &str, start: usize) -> Option<Range<usize>> {
    let (mut brackets, mut braces, mut open) = (0, 0, None);
    for (at, c) in code[start..].char_indices().map(|(at, c)| (start + at, c)) {
        match c {
            '(' | '[' if open.is_none() => brackets += 1,
            ')' | ']' if open.is_none() => brackets -= 1,
            ';' if open.is_none() && brackets == 0 => return None,
            '{' if brackets == 0 => {
                open = open.or(Some(at));
                braces += 1;
            }
            '}' if open.is_some() => {
                braces -= 1;
                if braces == 0 {
                    return Some(open?..at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where `word` stands as a whole word.
pub(super) fn words(code: &str, word: &str) -> Vec<usize> {
    let whole = |at: usize| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    code.match_indices(word).map(|(at, _)| at).filter(|at| whole(*at)).collect()
}

/// 1-based line of a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Blanked text with the items under `#[cfg(test)]` blanked as well.
pub(super) fn without_tests(code: &str) -> String {
    let mark = "#[cfg(test)]";
    let mut shipped = code.to_owned();
    while let Some(at) = shipped.find(mark) {
        let end = body(&shipped, at + mark.len()).map_or_else(
            || shipped[at..].find(';').map_or(shipped.len(), |semicolon| at + semicolon + 1),
            |body| body.end + 1,
        );
        let blanks: String =
            shipped[at..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        shipped.replace_range(at..end, &blanks);
    }
    shipped
}

mod tests;
