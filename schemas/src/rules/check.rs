//! One rule on one row of fields: what each kind of check means. Nothing is
//! formatted unless the rule is broken.

use onepoint_xml::Element;

use super::Rule;
use super::amount::Amount;
use super::fields::{Field, Row};
use super::file::Check;
use super::report::Report;
use super::value;

impl Rule {
    /// Applies a check that looks at the values of one row.
    pub(super) fn row(&self, row: Row<'_, '_>, report: &mut Report) {
        match &self.check {
            Check::OneOf { fields, values } => {
                let good = |text: &str| values.iter().any(|value| value == text);
                self.each(row, fields, good, || values.join(", "), report);
            }
            Check::NotOneOf { fields, values } => {
                let good = |text: &str| values.iter().all(|value| value != text);
                self.each(row, fields, good, || format!("not {}", values.join(", ")), report);
            }
            Check::Time { fields, form } => {
                self.each(row, fields, |text| value::is_time(text, form), || form.clone(), report);
            }
            Check::EnterpriseCode { fields, or } => {
                let good = |text: &str| {
                    value::is_enterprise_code(text) || or.iter().any(|other| other == text)
                };
                self.each(row, fields, good, || "10 or 18 characters".to_owned(), report);
            }
            Check::InList { fields, list, prefix, codes } => {
                let good = |text: &str| match prefix {
                    None => codes.contains(text),
                    Some(length) => {
                        value::is_digits(text)
                            && text.get(..*length).is_some_and(|start| codes.any_begins(start))
                    }
                };
                self.each(row, fields, good, || list.clone(), report);
            }
            Check::Digits { fields, length } => {
                let long = |text: &str| length.is_none_or(|length| text.len() == length);
                let good = |text: &str| value::is_digits(text) && long(text);
                let expected =
                    || length.map_or("0-9".to_owned(), |length| format!("0-9 x {length}"));
                self.each(row, fields, good, expected, report);
            }
            Check::Form { fields, form } => {
                let good = |text: &str| value::has_form(text, form);
                self.each(row, fields, good, || form.replace('(', ""), report);
            }
            Check::NoOuterSpace { fields } => {
                let good = |text: &str| text.trim() == text;
                self.each(row, fields, good, || "no white space around it".to_owned(), report);
            }
            Check::Whole { fields, negative } => {
                let below = |text: &str| !negative || text.starts_with('-');
                let good = |text: &str| value::is_whole(text) && below(text);
                let expected = || if *negative { "< 0" } else { "0-9" }.to_owned();
                self.each(row, fields, good, expected, report);
            }
            _ => self.numbers(row, report),
        }
    }

    /// Checks of amounts and integers. A number that cannot be read is a fault as well,
    /// not one less check.
    fn numbers(&self, row: Row<'_, '_>, report: &mut Report) {
        match &self.check {
            Check::Number { field, is } => {
                let good = |text: &str| Amount::parse(text) == Some(Amount::from(*is));
                self.one(row, field, good, || is.to_string(), report);
            }
            Check::NotNegative { fields } => {
                let good = |text: &str| Amount::parse(text).is_some_and(|a| a >= Amount::ZERO);
                self.each(row, fields, good, || ">= 0".to_owned(), report);
            }
            Check::Positive { fields } => {
                let good = |text: &str| Amount::parse(text).is_some_and(|a| a > Amount::ZERO);
                self.each(row, fields, good, || "> 0".to_owned(), report);
            }
            Check::NotGreater { field, than } => {
                let (Some((at, text)), Some((_, most))) = (row.get(field), row.get(than)) else {
                    return;
                };
                let (value, limit) = (Amount::parse(&text), Amount::parse(&most));
                if value.is_none() || limit.is_none() || value > limit {
                    self.fault(at, field, &text, &format!("<= {most}"), report);
                }
            }
            Check::Sequence { field } => {
                let good = |text: &str| value::collapsed(text).parse() == Ok(row.number());
                self.one(row, field, good, || row.number().to_string(), report);
            }
            Check::Sum { total, plus, minus } => self.sum(row, total, plus, minus, report),
            Check::Product { total, factors } => self.product(row, total, factors, report),
            Check::RetailTax { .. } => self.retail_tax(row, report),
            _ => self.relations(row, report),
        }
    }

    /// Checks of which fields are there, and of one field against another.
    fn relations(&self, row: Row<'_, '_>, report: &mut Report) {
        match &self.check {
            Check::NotBefore { field, than } => {
                let (Some((at, text)), Some((_, first))) = (row.get(field), row.get(than)) else {
                    return;
                };
                // Digits of one form stand in the order of the times they name.
                if text < first {
                    self.fault(at, field, &text, &format!(">= {first}"), report);
                }
            }
            Check::Together { fields } => {
                let missing = |field: &&Field| row.get(field).is_none();
                if !fields.iter().all(|field| missing(&field)) {
                    for field in fields.iter().filter(missing) {
                        self.fault(row.owner(), field, "", &names(fields), report);
                    }
                }
            }
            Check::IdentityNumber { field, by } => self.identity(row, field, by, report),
            Check::Required { fields } => {
                for field in fields.iter().filter(|field| row.get(field).is_none()) {
                    self.fault(row.owner(), field, "", &field.name, report);
                }
            }
            Check::Absent { fields } => {
                for field in fields {
                    if let Some((at, text)) = row.get(field) {
                        self.fault(at, field, &text, "nothing", report);
                    }
                }
            }
            Check::MemberOf { field, fields } => {
                let Some((at, text)) = row.get(field) else { return };
                let same = |other: &Field| row.get(other).is_some_and(|(_, value)| value == text);
                if !fields.iter().any(same) {
                    self.fault(at, field, &text, &names(fields), report);
                }
            }
            _ => self.document(row, report),
        }
    }

    fn identity(&self, row: Row<'_, '_>, field: &Field, by: &Field, report: &mut Report) {
        let Some((at, text)) = row.get(field) else { return };
        let day = row.get(by).filter(|(_, time)| value::is_time(time, "YYYYMMDDhhmmss"));
        // Born after the day of the message: a real day, but of nobody.
        let born = day.is_none_or(|(_, time)| value::birthday(&text) <= time.get(..8));
        if !value::is_identity_number(&text) || !born {
            self.fault(at, field, &text, "18", report);
        }
    }

    /// Each field that is there must satisfy `good`.
    fn each(
        &self,
        row: Row<'_, '_>,
        fields: &[Field],
        good: impl Fn(&str) -> bool,
        expected: impl Fn() -> String,
        report: &mut Report,
    ) {
        for field in fields {
            self.one(row, field, &good, &expected, report);
        }
    }

    fn one(
        &self,
        row: Row<'_, '_>,
        field: &Field,
        good: impl Fn(&str) -> bool,
        expected: impl Fn() -> String,
        report: &mut Report,
    ) {
        if let Some((at, text)) = row.get(field)
            && !good(&text)
        {
            self.fault(at, field, &text, &expected(), report);
        }
    }

    pub(super) fn fault(
        &self,
        at: Element<'_>,
        field: &Field,
        found: &str,
        expected: &str,
        report: &mut Report,
    ) {
        report.add(self, at, field, found, expected);
    }
}

fn names(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.join(", ")
}
