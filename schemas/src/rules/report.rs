//! What rules found wrong: violations in the order of the document, bounded, with the
//! count of those left out. Personal values are not repeated.

use onepoint_xml::Element;

use super::Rule;
use super::fields::Field;
use crate::violation::{HIDDEN, VIOLATIONS_MAX, Violation, cut};

/// The violations of one document.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: Vec<Violation>,
    /// Those beyond the bound.
    more: usize,
}

impl Report {
    pub(super) fn add(
        &mut self,
        rule: &Rule,
        at: Element<'_>,
        field: &Field,
        found: &str,
        expected: &str,
    ) {
        let shown = if field.personal && !found.is_empty() { HIDDEN } else { found };
        let shown = cut(shown);
        let fill = |text: &str| {
            let text = text.replace("{field}", &field.name).replace("{expected}", expected);
            // What was sent comes last: braces in it stand for themselves.
            text.replace("{found}", &shown)
        };
        let (en, zh) = (&rule.words.en, &rule.words.zh);
        self.push(rule, at, &rule.words.code, || (fill(en), fill(zh)), &shown, expected);
    }

    /// A result that no field of 19 digits could hold, whatever is declared.
    pub(super) fn overflow(&mut self, rule: &Rule, at: Element<'_>, field: &Field, found: &str) {
        let (name, rule_code) = (&field.name, &rule.words.code);
        let text = || {
            (
                format!("{name} cannot be right ({rule_code}): the result has more than 19 digits"),
                format!("{name} 不可能正确（{rule_code}）：计算结果超过 19 位数字"),
            )
        };
        self.push(rule, at, "amount-overflow", text, &cut(found), "at most 19 digits");
    }

    fn push(
        &mut self,
        rule: &Rule,
        at: Element<'_>,
        code: &str,
        text: impl FnOnce() -> (String, String),
        found: &str,
        expected: &str,
    ) {
        if self.found.len() >= VIOLATIONS_MAX {
            self.more += 1;
            return;
        }
        let (en, zh) = text();
        let mut violation = Violation::at(at, code).found(found).expected(expected).text(en, zh);
        violation.norm_code.clone_from(&rule.norm);
        self.found.push(violation);
    }

    /// The violations; one more when some were left out, which says how many.
    pub(super) fn finish(mut self, document: Element<'_>) -> Vec<Violation> {
        self.found.sort_by_key(|violation| (violation.line, violation.column));
        if self.more > 0 {
            let mut more = Violation::more(document, "rules-more", self.more);
            more.norm_code = self.found.first().and_then(|first| first.norm_code.clone());
            self.found.push(more);
        }
        self.found
    }
}
