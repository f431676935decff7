//! One rule on one set of fields: what each kind of check means.

use std::borrow::Cow;

use onepoint_xml::Element;

use super::amount::{self, Amount};
use super::value::{is_identity_number, is_time};
use super::{Check, Rule, RuleSet};
use crate::violation::Violation;

/// The leaf elements below a head or a line, in document order.
#[derive(Debug)]
pub(super) struct Fields<'d> {
    owner: Element<'d>,
    fields: Vec<(&'d str, Element<'d>, Cow<'d, str>)>,
}

impl<'d> Fields<'d> {
    pub(super) fn of(owner: Element<'d>) -> Fields<'d> {
        let leaves = owner.children().filter(|child| child.children().next().is_none());
        let fields = leaves.map(|child| (child.name().local, child, child.text()));
        Fields { owner, fields: fields.collect() }
    }

    /// The field with a value as written; an empty one counts as absent.
    fn get(&self, name: &str) -> Option<(Element<'d>, &str)> {
        let found = self.fields.iter().find(|(field, _, _)| *field == name);
        let found = found.map(|(_, at, text)| (*at, &**text));
        found.filter(|(_, text)| !collapsed(text).is_empty())
    }

    fn amount(&self, name: &str) -> Option<(Element<'d>, &str, Amount)> {
        let (at, text) = self.get(name)?;
        Some((at, text, Amount::parse(text)?))
    }

    /// The sum of fields; an absent one counts as zero, as the norm's optional amounts do.
    fn sum(&self, names: &[String]) -> Option<Amount> {
        names.iter().try_fold(Amount::ZERO, |sum, name| match self.get(name) {
            Some(_) => sum.plus(self.amount(name)?.2),
            None => Some(sum),
        })
    }
}

/// The text without the white space around it that XML Schema takes off a number.
pub(super) fn collapsed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

impl Rule {
    /// Applies the rule; `head` is there when the fields are those of line `number`.
    pub(super) fn apply(
        &self,
        set: &RuleSet,
        fields: &Fields<'_>,
        head: Option<&Fields<'_>>,
        number: usize,
        found: &mut Vec<Violation>,
    ) {
        match &self.check {
            Check::OneOf { field, values } => self.one_of(fields, field, values, found),
            Check::OneOfWhen { when, is, field, values } => {
                if fields.get(when).is_some_and(|(_, text)| text == is) {
                    self.one_of(fields, field, values, found);
                }
            }
            Check::NotGreater { field, than } => {
                if let (Some((at, text)), Some((_, most))) = (fields.get(field), fields.get(than)) {
                    let (value, limit) = (Amount::parse(text), Amount::parse(most));
                    if value.is_none() || limit.is_none() || value > limit {
                        found.push(self.violation(at, field, text, most));
                    }
                }
            }
            Check::Sum { total, plus, minus } => self.sum(fields, total, plus, minus, found),
            Check::Product { total, factors } => self.product(fields, total, factors, found),
            Check::RequiredWhen { field, is, fields: needed } => {
                let source = head.unwrap_or(fields);
                if source.get(field).is_some_and(|(_, text)| text == is) {
                    let missing = needed.iter().filter(|name| fields.get(name).is_none());
                    missing.for_each(|name| found.push(self.violation(fields.owner, name, "", is)));
                }
            }
            Check::MemberOf { field, fields: others } => {
                let Some((at, text)) = fields.get(field) else { return };
                let member = |name: &String| fields.get(name).is_some_and(|(_, t)| t == text);
                if !others.iter().any(member) {
                    found.push(self.violation(at, field, text, &others.join(", ")));
                }
            }
            _ => self.values(set, fields, number, found),
        }
    }

    /// Checks that look at one value at a time.
    fn values(
        &self,
        set: &RuleSet,
        fields: &Fields<'_>,
        number: usize,
        found: &mut Vec<Violation>,
    ) {
        match &self.check {
            Check::Time { field, form } => {
                self.must(fields, field, form, |text| is_time(text, form), found);
            }
            Check::IdentityNumber { field } => {
                let Some((at, text)) = fields.get(field) else { return };
                if !is_identity_number(text) {
                    // The number itself is personal: it is not repeated in answers and facts.
                    found.push(self.violation(at, field, "***", "18"));
                }
            }
            Check::InList { fields: names, list, .. } => {
                let known = |text: &str| set.knows(list, &self.check, text);
                names.iter().for_each(|name| self.must(fields, name, list, known, found));
            }
            Check::Digits { fields: names } => {
                let good = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
                names.iter().for_each(|name| self.must(fields, name, "0-9", good, found));
            }
            Check::NoOuterSpace { fields: names } => {
                let good = |text: &str| text.trim() == text;
                names.iter().for_each(|name| self.must(fields, name, "", good, found));
            }
            Check::Whole { field } => {
                let digits = |text: &str| {
                    let digits = text.strip_prefix('-').unwrap_or(text);
                    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
                };
                self.must(fields, field, "0-9", digits, found);
            }
            Check::Number { field, is } => {
                let good = |text: &str| Amount::parse(text).is_some_and(|a| a == Amount::from(*is));
                self.must(fields, field, &is.to_string(), good, found);
            }
            // A number that cannot be read here is a fault as well, not one less check.
            Check::NotNegative { fields: names } => {
                let good = |text: &str| Amount::parse(text).is_some_and(|a| a >= Amount::ZERO);
                names.iter().for_each(|name| self.must(fields, name, ">= 0", good, found));
            }
            Check::Positive { fields: names } => {
                let good = |text: &str| Amount::parse(text).is_some_and(|a| a > Amount::ZERO);
                names.iter().for_each(|name| self.must(fields, name, "> 0", good, found));
            }
            Check::Sequence { field } => {
                let expected = number.to_string();
                let good = |text: &str| collapsed(text).parse() == Ok(number);
                self.must(fields, field, &expected, good, found);
            }
            _ => {}
        }
    }

    /// The field, if present, must satisfy `good`.
    fn must(
        &self,
        fields: &Fields<'_>,
        field: &str,
        expected: &str,
        good: impl Fn(&str) -> bool,
        found: &mut Vec<Violation>,
    ) {
        if let Some((at, text)) = fields.get(field)
            && !good(text)
        {
            found.push(self.violation(at, field, text, expected));
        }
    }

    fn one_of(
        &self,
        fields: &Fields<'_>,
        field: &str,
        values: &[String],
        found: &mut Vec<Violation>,
    ) {
        let good = |text: &str| values.iter().any(|value| value == text);
        self.must(fields, field, &values.join(", "), good, found);
    }

    fn sum(
        &self,
        fields: &Fields<'_>,
        total: &str,
        plus: &[String],
        minus: &[String],
        found: &mut Vec<Violation>,
    ) {
        let Some((at, text)) = fields.get(total) else { return };
        let sum = fields.sum(plus).and_then(|sum| sum.minus(fields.sum(minus)?));
        match sum {
            Some(sum) if Some(sum) == Amount::parse(text) => {}
            Some(sum) => found.push(self.violation(at, total, text, &sum.to_string())),
            // Beyond what an amount can hold, so it cannot be equal either.
            None => found.push(self.violation(at, total, text, "a sum of at most 19 digits")),
        }
    }

    fn product(
        &self,
        fields: &Fields<'_>,
        total: &str,
        factors: &[String; 2],
        found: &mut Vec<Violation>,
    ) {
        let Some((at, text)) = fields.get(total) else { return };
        let [a, b] = factors;
        let (Some((_, a)), Some((_, b))) = (fields.get(a), fields.get(b)) else { return };
        let (Some(a), Some(b)) = (Amount::parse(a), Amount::parse(b)) else {
            return found.push(self.violation(at, total, text, "a product of two numbers"));
        };
        if !Amount::parse(text).is_some_and(|value| amount::is_product(value, a, b)) {
            let product = amount::product_shown(a, b);
            found.push(self.violation(at, total, text, &product));
        }
    }
}
