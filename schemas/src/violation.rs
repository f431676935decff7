//! One fault of a message: a stable code, the place, what was expected, what was
//! found, and text in both languages.

use onepoint_xml::Element;
use serde::Serialize;

/// Most violations listed for a message; one more says how many were left out.
pub const VIOLATIONS_MAX: usize = 50;
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
        let text =
            (format!("{more} more faults, not listed"), format!("另有 {more} 处错误，未列出"));
        Violation::at(element, code).found(&more.to_string()).text(text.0, text.1)
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

/// A value as it may be shown: bounded.
pub(crate) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(FOUND_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
