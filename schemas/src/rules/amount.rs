//! Exact amounts: xs:decimal with up to 5 digits behind the point, held as an
//! integer scaled by 100,000. 19 digits in all fit an i128 by far; what does not fit
//! them any more is told apart from what is merely wrong.

use std::fmt;

use serde::Deserialize;

/// Digits behind the point (the norm's N19,5).
const SCALE: usize = 5;
const ONE: i128 = 100_000;
/// Most digits of one value, signs and leading zeros left out.
const DIGITS_MAX: usize = 19;
/// The first scaled value that 19 digits cannot hold, whatever stands behind the point.
const BEYOND: i128 = 10_i128.pow(19) * ONE;

/// An amount or quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Amount(i128);

/// What two numbers make of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// The total is right.
    Right,
    /// It should be this.
    Wrong(Amount),
    /// No field could hold the result.
    Beyond,
}

impl Amount {
    pub(super) const ZERO: Amount = Amount(0);

    /// Reads an xs:decimal of at most 19 digits, 5 of them behind the point.
    /// `None` for anything else: the schema has judged that.
    pub(super) fn parse(text: &str) -> Option<Amount> {
        let text = super::value::collapsed(text);
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        if fraction.len() > SCALE || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i128::from(byte - b'0');
        }
        value *= 10_i128.pow(u32::try_from(SCALE - fraction.len()).unwrap_or(0));
        Some(Amount(if negative { -value } else { value }))
    }

    /// The sum; `None` beyond an i128, which no message has room for.
    pub(super) fn plus(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference, likewise.
    pub(super) fn minus(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// Whether a field of 19 digits can hold it.
    pub(super) fn fits(self) -> bool {
        self.0.abs() < BEYOND
    }

    /// Whether the two are at most `within` apart, so many times over.
    pub(super) fn is_near(self, other: Amount, within: Amount, times: usize) -> bool {
        let apart = i128::try_from(times).ok().and_then(|times| within.0.checked_mul(times));
        // Beyond an i128 everything is near; a message has no room for so many lines.
        apart.is_none_or(|apart| (self.0 - other.0).abs() <= apart)
    }

    /// Whether this is `percent` of `of`, give or take `within`.
    pub(super) fn is_percent(self, percent: u32, of: Amount, within: Amount) -> bool {
        let share = of.0.checked_mul(i128::from(percent));
        let whole = self.0.checked_mul(100).zip(within.0.checked_mul(100));
        let (Some(share), Some((whole, within))) = (share, whole) else { return false };
        (whole - share).abs() <= within
    }

    /// So many hundredths of it, rounded half up.
    pub(super) fn percent(self, percent: u32) -> Option<Amount> {
        half_up(self.0.checked_mul(i128::from(percent))?, 100).map(Amount)
    }
}

impl From<u32> for Amount {
    fn from(whole: u32) -> Amount {
        Amount(i128::from(whole) * ONE)
    }
}

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Amount, String> {
        Amount::parse(&text).ok_or_else(|| format!("{text} is not an amount"))
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
pub(super) fn product(total: Amount, a: Amount, b: Amount) -> Made {
    // 19 digits each before scaling: the product of the greatest does not fit an i128,
    // and what does not fit one has more than 19 digits.
    let Some(product) = a.0.checked_mul(b.0) else { return Made::Beyond };
    let (Some(to_5), Some(to_2)) = (half_up(product, ONE), half_up(product, ONE * 1000)) else {
        return Made::Beyond;
    };
    if !Amount(to_5).fits() {
        return Made::Beyond;
    }
    match to_5 == total.0 || to_2 * 1000 == total.0 {
        true => Made::Right,
        false => Made::Wrong(Amount(to_5)),
    }
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
            "1.2.3",
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
    fn sums_that_no_field_can_hold_do_not_fit() {
        let most = amount("9999999999999999999");
        let sum = most.plus(amount("1")).unwrap();
        assert!(most.fits() && !sum.fits());
        assert!(sum.minus(amount("1")).unwrap().fits());
    }

    #[test]
    fn products_are_exact_or_rounded_half_up_to_5_or_2_digits() {
        let made = |total, a, b| product(amount(total), amount(a), amount(b));
        for (total, a, b) in [
            ("200", "100", "2"),
            ("0.00001", "0.00003", "0.33333"),
            ("3.33", "1.11111", "3"),
            ("3.33333", "1.11111", "3"),
            ("0.13", "0.125", "1"),
            ("-0.13", "-0.125", "1"),
        ] {
            assert_eq!(made(total, a, b), Made::Right, "{total}");
        }
        assert_eq!(made("3.34", "1.11111", "3"), Made::Wrong(amount("3.33333")));
        assert_eq!(made("3.3", "1.11111", "3"), Made::Wrong(amount("3.33333")));
    }

    #[test]
    fn products_beyond_19_digits_are_beyond() {
        let made = |a, b| product(Amount::ZERO, amount(a), amount(b));
        let most = "9999999999999999999";
        assert_eq!(made(most, most), Made::Beyond);
        assert_eq!(made(most, "2"), Made::Beyond);
        assert_eq!(made(most, "1"), Made::Wrong(amount(most)));
        assert_eq!(made("-5000000000000000000", "2"), Made::Beyond);
    }

    #[test]
    fn percentages_are_judged_without_division() {
        let cent = amount("0.01");
        assert!(amount("9.1").is_percent(13, amount("70"), Amount::ZERO));
        assert!(amount("9.11").is_percent(13, amount("70"), cent));
        assert!(!amount("9.11001").is_percent(13, amount("70"), cent));
        assert_eq!(amount("99.99").percent(70).unwrap(), amount("69.993"));
    }
}
