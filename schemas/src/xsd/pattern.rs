//! Regular expressions of XML Schema (part 2, appendix F) in those of the crate regex,
//! which matches in time linear in the text. In: the value of a pattern facet. Out: an
//! expression that matches the whole text, or the reason why the general engine has to
//! look at it: categories and blocks of Unicode, and whatever is not in the appendix.

use std::iter::Peekable;
use std::str::Chars;

use super::blocks;
use regex::{Regex, RegexBuilder};

/// Bytes a compiled expression may take.
const SIZE_MAX: usize = 1 << 20;
/// Characters of an expression.
const LENGTH_MAX: usize = 4_096;
/// Groups and classes inside each other.
const DEPTH_MAX: usize = 64;

/// NameStartChar and NameChar of XML 1.0, as the inside of a class.
const INITIAL: &str = r":A-Z_a-z\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{2FF}\u{370}-\u{37D}\u{37F}-\u{1FFF}\u{200C}-\u{200D}\u{2070}-\u{218F}\u{2C00}-\u{2FEF}\u{3001}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFFD}\u{10000}-\u{EFFFF}";
const FURTHER: &str = r"\-.0-9\u{B7}\u{300}-\u{36F}\u{203F}-\u{2040}";

/// Compiles the expression.
///
/// # Errors
/// Why it is not ours to serve, in words.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LENGTH_MAX {
        return Err(format!("a pattern longer than {LENGTH_MAX} bytes"));
    }
    let mut translation =
        Translation { rest: pattern.chars().peekable(), out: String::new(), depth: 0 };
    translation.out.push_str(r"\A(?:");
    translation.branches().map_err(|what| format!("pattern {pattern}: {what}"))?;
    translation.out.push_str(r")\z");
    let built = RegexBuilder::new(&translation.out).size_limit(SIZE_MAX).build();
    built.map_err(|_| format!("pattern {pattern} is too large"))
}

type Step = Result<(), &'static str>;

struct Translation<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    depth: usize,
}

impl Translation<'_> {
    /// The whole expression: open groups are counted, not followed by recursion.
    fn branches(&mut self) -> Step {
        let mut open = 0_usize;
        // Whether there is something before that a quantifier may stand behind.
        let mut atom = false;
        while let Some(c) = self.rest.next() {
            match c {
                '(' => {
                    open += 1;
                    if open > DEPTH_MAX || self.rest.peek() == Some(&'?') {
                        return Err("a group that is none of XML Schema, or too deep");
                    }
                    self.out.push_str("(?:");
                    atom = false;
                    continue;
                }
                ')' => {
                    open = open.checked_sub(1).ok_or("a bracket that closes nothing")?;
                    self.out.push(')');
                }
                '|' => {
                    self.out.push('|');
                    atom = false;
                    continue;
                }
                '?' | '*' | '+' | '{' => {
                    if !std::mem::replace(&mut atom, false) {
                        return Err("a quantifier with nothing before it");
                    }
                    match c {
                        '{' => self.quantity()?,
                        other => self.out.push(other),
                    }
                    continue;
                }
                '[' => self.class()?,
                '.' => self.out.push_str(r"[^\n\r]"),
                '\\' => self.escape(false)?,
                ']' | '}' => return Err("a bracket that closes nothing"),
                other => self.literal(other),
            }
            atom = true;
        }
        if open == 0 { Ok(()) } else { Err("a bracket that is not closed") }
    }

    /// `{n}`, `{n,}` or `{n,m}`.
    fn quantity(&mut self) -> Step {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_digit() || c == ',' => text.push(c),
                _ => return Err("a quantity that is not numbers"),
            }
        }
        let (least, most) = text.split_once(',').unwrap_or((&text, &text));
        let number = |text: &str| text.parse::<u32>().map_err(|_| "a quantity that is no number");
        let least = number(least)?;
        if !most.is_empty() && number(most)? < least {
            return Err("a quantity of which the most is below the least");
        }
        self.out.push('{');
        self.out.push_str(&text);
        self.out.push('}');
        Ok(())
    }

    fn literal(&mut self, c: char) {
        // The general escape: no character of the pattern is syntax of the other language.
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            self.out.push_str(&format!(r"\u{{{:X}}}", u32::from(c)));
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, in_class: bool) -> Step {
        let c = self.rest.next().ok_or("a backslash at the end")?;
        let class = match c {
            'n' | 'r' | 't' => {
                self.out.push('\\');
                self.out.push(c);
                return Ok(());
            }
            '\\' | '|' | '.' | '-' | '^' | '?' | '*' | '+' | '{' | '}' | '(' | ')' | '[' | ']' => {
                self.literal(c);
                return Ok(());
            }
            'd' => r"\p{Nd}".to_owned(),
            'D' => r"\P{Nd}".to_owned(),
            's' => r" \t\n\r".to_owned(),
            'S' => r"[^ \t\n\r]".to_owned(),
            'i' => INITIAL.to_owned(),
            'I' => format!("[^{INITIAL}]"),
            'c' => format!("{INITIAL}{FURTHER}"),
            'C' => format!("[^{INITIAL}{FURTHER}]"),
            'p' | 'P' => self.block(c == 'P')?,
            'w' | 'W' => return Err("a category of Unicode"),
            _ => return Err("an escape that XML Schema does not have"),
        };
        match in_class {
            true => self.out.push_str(&class),
            false => self.out.push_str(&format!("[{class}]")),
        }
        Ok(())
    }

    /// `\p{IsName}` behind its first letter: a block, as the inside of a class.
    fn block(&mut self, negative: bool) -> Result<String, &'static str> {
        let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
        let range = name.strip_prefix("{Is").and_then(blocks::range);
        // Categories are those of another version of Unicode in the general engine.
        let (first, last) = range.ok_or("a category of Unicode")?;
        let sign = if negative { "^" } else { "" };
        Ok(format!(r"[{sign}\u{{{:X}}}-\u{{{:X}}}]", u32::from(first), u32::from(last)))
    }

    /// A class behind its opening bracket, with classes taken away from it.
    fn class(&mut self) -> Step {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("classes too deep");
        }
        // The union stands in a class of its own, so that the difference is of all of it.
        self.out.push_str("[[");
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut empty = true;
        loop {
            match self.rest.next().ok_or("a class that is not closed")? {
                ']' if empty => return Err("an empty class"),
                ']' => {
                    self.out.push_str("]]");
                    break;
                }
                '[' => return Err("a bracket in a class"),
                '-' if self.rest.peek() == Some(&'[') && !empty => {
                    self.rest.next();
                    self.out.push_str("]--");
                    self.class()?;
                    if self.rest.next() != Some(']') {
                        return Err("something behind a class that is taken away");
                    }
                    self.out.push(']');
                    break;
                }
                first => self.range(first, empty)?,
            }
            empty = false;
        }
        self.depth -= 1;
        Ok(())
    }

    /// One character of a class, or a range that begins with it.
    fn range(&mut self, first: char, at_start: bool) -> Step {
        match first {
            '\\' => {
                let single = self.rest.peek().is_some_and(|c| !"dDsSiIcCpPwW".contains(*c));
                self.escape(true)?;
                if !single {
                    let mut ahead = self.rest.clone();
                    return match (ahead.next(), ahead.next()) {
                        (Some('-'), Some('[' | ']')) => Ok(()),
                        (Some('-'), _) => Err("a range from a class"),
                        _ => Ok(()),
                    };
                }
            }
            // Only at an end a hyphen may stand for itself.
            '-' if at_start || self.rest.peek() == Some(&']') => {
                self.literal('-');
                return Ok(());
            }
            '-' => return Err("a hyphen in a class"),
            first => self.literal(first),
        }
        if self.rest.peek() != Some(&'-') {
            return Ok(());
        }
        let mut ahead = self.rest.clone();
        ahead.next();
        match ahead.next() {
            // `a-]` is the hyphen itself, `a-[` takes a class away.
            Some(']' | '[') | None => Ok(()),
            Some(last) => {
                self.rest = ahead;
                self.out.push('-');
                match last {
                    '\\' if self.rest.peek().is_some_and(|c| "dDsSiIcCpPwW".contains(*c)) => {
                        Err("a range to a class")
                    }
                    '\\' => self.escape(true),
                    '-' => Err("a hyphen in a class"),
                    last => {
                        self.literal(last);
                        Ok(())
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_the_appendix_says() {
        for (pattern, yes, no) in [
            ("[0-9]{14}", "20261128235959", "2026112823595"),
            ("a|b", "b", "ab"),
            ("^a$", "^a$", "a"),
            ("a.c", "a©c", "a\nc"),
            (r"\d+", "１2", "x"),
            (r"\i\c*", "订单-1", "-1"),
            (r"\I", "1", "a"),
            (r"[\i-[:]][\c-[:]]*", "a1", "a:b"),
            ("[a-z-[aeiou]]+", "xyz", "xaz"),
            ("[^a-z-[A]]", "B", "A"),
            ("[-a]", "-", "b"),
            ("[a-]", "-", "b"),
            ("[&~#]+", "&&~~##", "a"),
            (r"[\-\]\\]+", r"-]\", "a"),
            ("a{2,}", "aaaa", "a"),
            ("(a|b){2}c?", "ab", "abcc"),
            ("", "", "a"),
            ("a||b", "", "ab"),
            (r"\S\s", "a\t", "a\u{3000}"),
            ("#{2} x", "## x", "##x"),
            ("[一-龥]{2,4}", "测试", "测"),
            (r"\p{IsHiragana}[a\P{IsThai}]", "あx", "ax"),
        ] {
            let regex = compile(pattern).unwrap_or_else(|what| panic!("{what}"));
            assert!(regex.is_match(yes), "{pattern} {yes}");
            assert!(!regex.is_match(no), "{pattern} {no}");
        }
    }

    #[test]
    fn what_is_not_ours_is_named() {
        for pattern in [
            "(?:a)",
            "a+?",
            "a**",
            "*a",
            "(a",
            "a)",
            "[a",
            "[]",
            "[a-[b]c]",
            r"\p{L}",
            r"\w",
            r"\b",
            r"\1",
            "a{2,1}",
            "a{x}",
            "a{",
            "]",
            "}",
            "[b-a]",
            r"[\d-z]",
            "[a-b-c]",
            "[[a]]",
            "((a{1,1000}){1,1000}){1,1000}",
            "a{,2}",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        assert!(compile(&"(".repeat(100)).is_err());
        assert!(compile(&"a".repeat(5_000)).is_err());
    }
}
