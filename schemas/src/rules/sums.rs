//! Arithmetic of rules, within a row and over all lines. Exact: what no field could
//! hold is a violation of its own (`amount-overflow`), not a wrong total.

use std::collections::BTreeSet;

use super::Rule;
use super::amount::{self, Amount, Made};
use super::fields::{Field, Row, Values};
use super::file::Check;
use super::report::Report;
use super::value::collapsed;

/// The namespace of XML Signature.
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

impl Rule {
    /// Checks that look at all lines, or beyond the document.
    pub(super) fn document(&self, row: Row<'_, '_>, report: &mut Report) {
        let values = row.values;
        match &self.check {
            Check::LineSum { total, line, within } => {
                self.line_sum(row, total, line, *within, report);
            }
            Check::Increasing { field } => self.increasing(values, field, report),
            Check::Unique { field } => self.unique(values, field, report),
            Check::Limit { .. } => self.limit(row, report),
            Check::Signed { field } => {
                let root = values.document.root();
                if root.child(DS, "Signature").is_none()
                    && let Some((at, text)) = row.get(field)
                {
                    self.fault(at, field, &text, "Signature", report);
                }
            }
            Check::Lines { or } => {
                let instead = !or.is_empty() && or.iter().all(|field| row.get(field).is_some());
                if values.lines() == 0
                    && !instead
                    && let Some(field) = or.first()
                {
                    self.fault(values.element, field, "", "1", report);
                }
            }
            _ => {}
        }
    }

    pub(super) fn sum(
        &self,
        row: Row<'_, '_>,
        total: &Field,
        plus: &[Field],
        minus: &[Field],
        report: &mut Report,
    ) {
        let Some((at, text)) = row.get(total) else { return };
        let (Ok(plus), Ok(minus)) = (sum(row, plus), sum(row, minus)) else {
            // A part that cannot be read: the total cannot be right either.
            return self.fault(at, total, &text, "a sum of numbers", report);
        };
        let difference = plus.zip(minus).and_then(|(plus, minus)| plus.minus(minus));
        match difference.filter(|sum| sum.fits()) {
            Some(sum) if Some(sum) == Amount::parse(&text) => {}
            Some(sum) => self.fault(at, total, &text, &sum.to_string(), report),
            None => report.overflow(self, at, total, &text),
        }
    }

    pub(super) fn product(
        &self,
        row: Row<'_, '_>,
        total: &Field,
        factors: &[Field; 2],
        report: &mut Report,
    ) {
        let Some((at, text)) = row.get(total) else { return };
        let [a, b] = factors;
        let (Some((_, a)), Some((_, b))) = (row.get(a), row.get(b)) else { return };
        let (Some(a), Some(b)) = (Amount::parse(&a), Amount::parse(&b)) else {
            return self.fault(at, total, &text, "a product of two numbers", report);
        };
        let made = Amount::parse(&text).map(|value| amount::product(value, a, b));
        match made.unwrap_or_else(|| amount::product(Amount::ZERO, a, b)) {
            Made::Right if made.is_some() => {}
            Made::Right => self.fault(at, total, &text, "0", report),
            Made::Wrong(product) => self.fault(at, total, &text, &product.to_string(), report),
            Made::Beyond => report.overflow(self, at, total, &text),
        }
    }

    fn line_sum(
        &self,
        row: Row<'_, '_>,
        total: &Field,
        line: &Field,
        within: Amount,
        report: &mut Report,
    ) {
        let Some((at, text)) = row.get(total) else { return };
        let Ok(sum) = over_lines(row.values, Some(Amount::ZERO), std::slice::from_ref(line)) else {
            return self.fault(at, total, &text, "a sum of numbers", report);
        };
        let Some(sum) = sum.filter(|sum| sum.fits()) else {
            return report.overflow(self, at, total, &text);
        };
        let lines = row.values.lines();
        if !Amount::parse(&text).is_some_and(|value| value.is_near(sum, within, lines)) {
            self.fault(at, total, &text, &sum.to_string(), report);
        }
    }

    fn increasing(&self, values: &Values<'_>, field: &Field, report: &mut Report) {
        let mut last: i64 = 0;
        for row in values.rows() {
            let Some((at, text)) = row.get(field) else { continue };
            let number: Option<i64> = collapsed(&text).parse().ok();
            let expected = if row.number() == 1 { "1".to_owned() } else { format!("> {last}") };
            match number {
                Some(1) if row.number() == 1 => last = 1,
                Some(number) if row.number() > 1 && number > last => last = number,
                _ => {
                    self.fault(at, field, &text, &expected, report);
                    last = number.unwrap_or(last).max(last);
                }
            }
        }
    }

    fn unique(&self, values: &Values<'_>, field: &Field, report: &mut Report) {
        // Numbers that only grow are the usual case, and need no set.
        let mut last = i64::MIN;
        let grows = values.rows().all(|row| {
            let number = row.get(field).and_then(|(_, text)| collapsed(&text).parse().ok());
            number.is_some_and(|number: i64| std::mem::replace(&mut last, number) < number)
        });
        if grows {
            return;
        }
        let mut seen = BTreeSet::new();
        for row in values.rows() {
            let Some((at, text)) = row.get(field) else { continue };
            let plain = collapsed(&text);
            let number: Option<i64> = plain.parse().ok();
            let key = number.map_or_else(|| plain.to_owned(), |number| number.to_string());
            if !seen.insert(key) {
                self.fault(at, field, &text, "once", report);
            }
        }
    }

    fn limit(&self, row: Row<'_, '_>, report: &mut Report) {
        let Check::Limit { head, line, most, single, quantity, every } = &self.check else {
            return;
        };
        let values = row.values;
        if every.as_ref().is_some_and(|every| !values.rows().all(|line| every.holds(line))) {
            return;
        }
        // Numbers that cannot be read break rules of their own.
        let Ok(start) = sum(row, head) else { return };
        let Ok(total) = over_lines(values, start, line) else { return };
        // A sum over lines has no field of its own: the head stands for it.
        let place = head.first().filter(|_| line.is_empty()).and_then(|field| row.get(field));
        let at = place.map_or_else(|| row.owner(), |(at, _)| at);
        let Some(field) = line.first().or(head.first()) else { return };
        let Some(total) = total.filter(|total| total.fits()) else {
            return report.overflow(self, at, field, "");
        };
        let one = values.lines() == 1
            && values.rows().all(|line| {
                let quantity = quantity.as_ref().and_then(|field| line.get(field));
                quantity.and_then(|(_, text)| Amount::parse(&text)) == Some(Amount::from(1))
            });
        let bound = single.filter(|_| one).unwrap_or(*most);
        if total > bound {
            self.fault(at, field, &total.to_string(), &format!("<= {bound}"), report);
        }
    }

    pub(super) fn retail_tax(&self, row: Row<'_, '_>, report: &mut Report) {
        let Check::RetailTax { base, duty, consumption, vat, rates, share, within } = &self.check
        else {
            return;
        };
        let Some((at, text)) = row.get(vat) else { return };
        let value = |field: &Field| row.get(field).and_then(|(_, text)| Amount::parse(&text));
        let (Some(base), Some(duty), Some(consumption), Some(vat_paid)) =
            (value(base), value(duty), value(consumption), value(vat))
        else {
            return;
        };
        let whole = base.plus(duty).and_then(|sum| sum.plus(consumption));
        // The consumption tax of the line is at its share already; the VAT's base holds all of it.
        let shared = base.percent(*share).and_then(|part| part.plus(consumption));
        let shared = shared.filter(|_| duty == Amount::ZERO);
        let near = |of: Option<Amount>, rate: &u32| {
            of.is_some_and(|of| vat_paid.is_percent(*rate, of, *within))
        };
        if !rates.iter().any(|rate| near(whole, rate) || near(shared, rate)) {
            let of = shared.or(whole);
            let due = rates.iter().filter_map(|rate| of?.percent(*rate));
            let due: Vec<String> = due.map(|amount| amount.to_string()).collect();
            self.fault(at, vat, &text, &due.join(", "), report);
        }
    }
}

/// A part of a sum that is no number.
struct Unreadable;

/// The sum of fields; an absent one counts as zero, as the norm's optional amounts do.
/// `None` when no field could hold it.
fn sum(row: Row<'_, '_>, fields: &[Field]) -> Result<Option<Amount>, Unreadable> {
    add(row, Some(Amount::ZERO), fields)
}

fn add(
    row: Row<'_, '_>,
    start: Option<Amount>,
    fields: &[Field],
) -> Result<Option<Amount>, Unreadable> {
    fields.iter().try_fold(start, |sum, field| match row.get(field) {
        None => Ok(sum),
        Some((_, text)) => {
            let amount = Amount::parse(&text).ok_or(Unreadable)?;
            Ok(sum.and_then(|sum| sum.plus(amount)))
        }
    })
}

fn over_lines(
    values: &Values<'_>,
    start: Option<Amount>,
    fields: &[Field],
) -> Result<Option<Amount>, Unreadable> {
    values.rows().try_fold(start, |sum, row| add(row, sum, fields))
}
