//! Exact amounts: xs:decimal with up to 5 digits behind the point, held as an
//! integer scaled by 100,000. 19 digits in all fit an i128 by far; a product may
//! not, and then counts as wrong.

use std::fmt;

/// Digits behind the point (the norm's N19,5).
const SCALE: u32 = 5;
const ONE: i128 = 100_000;
/// Most digits of one value, signs and leading zeros left out.
const DIGITS_MAX: usize = 19;

/// An amount or quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(i128);

impl Amount {
    pub(super) const ZERO: Amount = Amount(0);

    /// Reads an xs:decimal of at most 19 digits, 5 of them behind the point.
    /// `None` for anything else: the schema has judged that.
    pub(super) fn parse(text: &str) -> Option<Amount> {
        let text = super::check::collapsed(text);
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if digits.is_empty() || digits == "." || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        if fraction.len() > SCALE as usize || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let padded = format!("{whole}{fraction:0<5}");
        let value: i128 = padded.parse().ok()?;
        Some(Amount(if negative { -value } else { value }))
    }

    pub(super) fn plus(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    pub(super) fn minus(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }
}

impl From<u32> for Amount {
    fn from(whole: u32) -> Amount {
        Amount(i128::from(whole) * ONE)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / ONE, self.0.abs() % ONE);
        let fraction = format!("{fraction:05}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

/// Whether `total` is `a x b`: exactly, or rounded half up to 5 digits (what the
/// field can hold) or to 2 digits (what is paid). The norm names no rounding;
/// anything further off is a wrong total.
pub(super) fn is_product(total: Amount, a: Amount, b: Amount) -> bool {
    // 19 digits each before scaling: a product of the greatest would not fit.
    let Some(product) = a.0.checked_mul(b.0) else { return false };
    let to_5 = half_up(product, ONE);
    let to_2 = half_up(product, ONE * 1000).map(|cents| cents * 1000);
    to_5 == Some(total.0) || to_2 == Some(total.0)
}

/// The product as it would be written, for a message.
pub(super) fn product_shown(a: Amount, b: Amount) -> String {
    let product = a.0.checked_mul(b.0).and_then(|p| half_up(p, ONE));
    product.map_or_else(|| "out of range".to_owned(), |p| Amount(p).to_string())
}

fn half_up(value: i128, unit: i128) -> Option<i128> {
    let half = unit / 2;
    let shifted = if value < 0 { value.checked_sub(half)? } else { value.checked_add(half)? };
    shifted.checked_div(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("+1.5", "1.5"),
            ("007.10", "7.1"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.00001", "-0.00001"),
            ("99999999999999.99999", "99999999999999.99999"),
            ("9999999999999999999", "9999999999999999999"),
            (" 1\n", "1"),
        ] {
            assert_eq!(amount(text).to_string(), shown, "{text}");
        }
        for bad in [
            "",
            ".",
            "-",
            "1,5",
            "1e3",
            "0.000001",
            "12345678901234567890",
            "१",
            "1_0",
            "\u{3000}1",
            "+-1",
        ] {
            assert_eq!(Amount::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sums_are_exact_where_floats_are_not() {
        let sum = amount("0.1").plus(amount("0.2")).unwrap();
        assert_eq!(sum, amount("0.3"));
        assert_eq!(sum.minus(amount("0.3")).unwrap(), Amount::ZERO);
    }

    #[test]
    fn products_are_exact_or_rounded_half_up_to_5_or_2_digits() {
        let is = |total, a, b| is_product(amount(total), amount(a), amount(b));
        assert!(is("200", "100", "2"));
        assert!(is("0.00001", "0.00003", "0.33333"));
        assert!(is("3.33", "1.11111", "3"));
        assert!(is("3.33333", "1.11111", "3"));
        assert!(is("0.13", "0.125", "1"));
        assert!(is("-0.13", "-0.125", "1"));
        assert!(!is("3.34", "1.11111", "3"));
        assert!(!is("3.3", "1.11111", "3"));
        let most = "9999999999999999999";
        assert!(!is(most, most, most));
        assert_eq!(product_shown(amount("1.11111"), amount("3")), "3.33333");
    }
}
