//! One fault of a message: a stable code, the place, what was expected, what was
//! found, and text in both languages.

use onepoint_xml::Element;
use serde::Serialize;

/// Most violations listed of the structure of a message, and of the rules for each of its
/// documents; one more says how many were left out.
pub const VIOLATIONS_MAX: usize = 50;
/// Most violations of rules listed for all documents of a message; then one for each, and
/// one that says how many were left out.
pub const MESSAGE_VIOLATIONS_MAX: usize = 500;
/// Longest value shown in a violation, characters.
const FOUND_MAX: usize = 64;
/// What stands for a value that is personal.
pub(crate) const HIDDEN: &str = "***";

/// One fault of a message or document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Stable code in kebab case, for instance `schema-length` or `order-total`.
    pub code: String,
    /// The rule of the schema language that is broken, such as `cvc-maxLength-valid` or the
    /// keyword `maxLength` of JSON Schema; none
    /// for what is no fault of structure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Path of local names from the root.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// Column in characters from 1.
    pub column: u32,
    /// What was expected.
    pub expected: String,
    /// What was found, cut to 64 characters.
    pub found: String,
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
    /// The code that the customs norm (2022-05, chapter 7) has for this fault, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm_code: Option<String>,
}

impl Violation {
    /// A violation at a place of a text that is not XML.
    pub(crate) fn placed(code: &str, path: &str, line: u32, column: u32) -> Violation {
        let (code, path) = (code.to_owned(), path.to_owned());
        let [rule, expected, found, en, zh] = [const { String::new() }; 5];
        Violation { code, rule, path, line, column, expected, found, en, zh, norm_code: None }
    }

    /// A violation at `element`.
    pub(crate) fn at(element: Element<'_>, code: &str) -> Violation {
        let position = element.position();
        Violation {
            code: code.to_owned(),
            rule: String::new(),
            path: element.path(),
            line: position.line,
            column: position.column,
            expected: String::new(),
            found: String::new(),
            en: String::new(),
            zh: String::new(),
            norm_code: None,
        }
    }

    /// Says that `more` violations were left out.
    pub(crate) fn more(element: Element<'_>, code: &str, more: usize) -> Violation {
        Violation::at(element, code).found(&more.to_string()).text(more_en(more), more_zh(more))
    }

    /// Moves the place to the end tag of `element`.
    pub(crate) fn at_end_of(mut self, element: Element<'_>) -> Violation {
        let document = element.document();
        let end = document.event(element.end_index()).map_or(0, |event| event.span().start);
        let position = document.position(end);
        (self.line, self.column) = (position.line, position.column);
        self
    }

    pub(crate) fn rule(mut self, rule: &str) -> Violation {
        self.rule = rule.to_owned();
        self
    }

    pub(crate) fn found(mut self, found: &str) -> Violation {
        self.found = cut(found);
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Violation {
        self.expected = expected.into();
        self
    }

    pub(crate) fn text(mut self, en: impl Into<String>, zh: impl Into<String>) -> Violation {
        (self.en, self.zh) = (en.into(), zh.into());
        self
    }
}

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

impl Violation {
    /// The violation in one line: what is wrong, the rule with the norm's code, the place.
    /// Every answer in text is made of these lines.
    pub fn told(&self, language: Language) -> String {
        let (line, column, path) = (self.line, self.column, &self.path);
        let code = match self.rule.as_str() {
            "" => self.code.clone(),
            rule => format!("{} {rule}", self.code),
        };
        let norm = self.norm_code.as_deref();
        match language {
            Language::English => {
                let norm = norm.map(|norm| format!(", norm {norm}")).unwrap_or_default();
                format!("{} ({code}{norm}, line {line}, column {column}, {path})", self.en)
            }
            Language::Chinese => {
                let norm = norm.map(|norm| format!("，规范代码 {norm}")).unwrap_or_default();
                format!("{}（{code}{norm}，第 {line} 行第 {column} 列，{path}）", self.zh)
            }
        }
    }

    /// How many violations this one says were left out; none for any other.
    fn left_out(&self) -> Option<usize> {
        self.code.ends_with("-more").then(|| self.found.parse().unwrap_or(0))
    }
}

/// Keeps `most` violations, and says how many were left out.
pub fn bounded(mut violations: Vec<Violation>, most: usize) -> Vec<Violation> {
    let before = violations.last().and_then(Violation::left_out);
    let listed = violations.len() - usize::from(before.is_some());
    if listed <= most {
        return violations;
    }
    let more = listed - most + before.unwrap_or(0);
    let last = violations.pop();
    violations.truncate(most);
    let Some(mut said) = last.or_else(|| violations.last().cloned()) else { return violations };
    if before.is_none() {
        "rules-more".clone_into(&mut said.code);
    }
    said.found = more.to_string();
    said.expected.clear();
    (said.en, said.zh) = (more_en(more), more_zh(more));
    violations.push(said);
    violations
}

/// As many violations as `most` characters hold, in Chinese, each as `[Code:…;Desc:…]` with
/// the norm's code before our own, and how many were left out.
pub fn summary(violations: &[Violation], most: usize) -> String {
    let told = violations.iter().filter(|violation| violation.left_out().is_none());
    let pieces: Vec<String> = told
        .map(|violation| {
            let code = violation.norm_code.as_deref().unwrap_or(&violation.code);
            format!("[Code:{code};Desc:{}]", violation.told(Language::Chinese))
        })
        .collect();
    let before: usize = violations.iter().filter_map(Violation::left_out).sum();
    let total = pieces.len();
    let more = |listed: usize| match total - listed + before {
        0 => String::new(),
        more => format!("[{}]", more_zh(more)),
    };
    // The longest beginning that fits together with what it must say of the rest.
    let fits = |listed: &usize| {
        let listed_chars: usize = pieces.iter().take(*listed).map(|p| p.chars().count()).sum();
        listed_chars + more(*listed).chars().count() <= most
    };
    let listed = (1..=total).rev().find(fits).unwrap_or(0);
    let mut text: String = pieces.iter().take(listed).map(String::as_str).collect();
    text.push_str(&more(listed));
    if listed == 0 {
        // Not even one fits: its beginning says more than a number.
        text = pieces.first().map_or(text, |first| first.chars().take(most).collect());
    }
    text
}

fn more_en(more: usize) -> String {
    format!("{more} more faults, not listed")
}

fn more_zh(more: usize) -> String {
    format!("另有 {more} 处错误，未列出")
}

/// A value as it may be shown: bounded.
pub(crate) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(FOUND_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(code: &str, found: &str) -> Violation {
        Violation {
            code: code.to_owned(),
            rule: String::new(),
            path: "/ceb:CEB311Message/ceb:Order".to_owned(),
            line: 3,
            column: 5,
            expected: String::new(),
            found: found.to_owned(),
            en: "this is wrong".to_owned(),
            zh: "此处有误".to_owned(),
            norm_code: None,
        }
    }

    #[test]
    fn a_violation_is_told_in_one_line() {
        let mut one = violation("unit", "999");
        let en = "this is wrong (unit, line 3, column 5, /ceb:CEB311Message/ceb:Order)";
        assert_eq!(one.told(Language::English), en);
        one.rule = "cvc-x".to_owned();
        assert!(one.told(Language::English).contains("(unit cvc-x, line 3"));
        one.rule.clear();
        one.norm_code = Some("-301008".to_owned());
        let zh = "此处有误（unit，规范代码 -301008，第 3 行第 5 列，/ceb:CEB311Message/ceb:Order）";
        assert_eq!(one.told(Language::Chinese), zh);
        assert_eq!(summary(&[one], 1000), format!("[Code:-301008;Desc:{zh}]"));
    }

    #[test]
    fn a_list_can_be_cut_again() {
        let codes = |all: Vec<Violation>| {
            all.into_iter().map(|v| format!("{} {}", v.code, v.found)).collect::<Vec<_>>()
        };
        let three = vec![violation("unit", "1"), violation("unit", "2"), violation("unit", "3")];
        assert_eq!(bounded(three.clone(), 3), three);
        assert_eq!(codes(bounded(three.clone(), 1)), ["unit 1", "rules-more 2"]);
        let mut cut = three.clone();
        cut.push(violation("rules-more", "7"));
        assert_eq!(bounded(cut.clone(), 3), cut);
        assert_eq!(codes(bounded(cut, 1)), ["unit 1", "rules-more 9"]);
        assert!(bounded(Vec::new(), 1).is_empty());
    }

    #[test]
    fn a_summary_says_how_many_were_left_out() {
        let mut all = vec![violation("unit", "999"); 50];
        all.push(violation("rules-more", "7"));
        let one = summary(&all[..1], 1000);
        let room = one.chars().count();
        let text = summary(&all, 3 * room);
        assert_eq!(text, format!("{}[另有 55 处错误，未列出]", one.repeat(2)));
        assert!(text.chars().count() <= 3 * room);
        assert_eq!(summary(&all[..2], 2 * room), one.repeat(2));
        assert_eq!(summary(&all, 10), one.chars().take(10).collect::<String>());
        assert_eq!(summary(&[], 10), "");
    }
}
