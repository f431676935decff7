//! Amounts to reckon with: decimals of up to 19 digits, 5 of them behind the point, held as
//! whole numbers scaled by 100,000. Sums are exact; shares are rounded half up to cents, as
//! they are paid. What leaves the range of 19 digits stays at its end.

use std::fmt;

/// Digits behind the point (the norm's N19,5).
const SCALE: usize = 5;
const ONE: i128 = 100_000;
/// One cent.
const CENT: i128 = 1_000;
/// Most digits of one value.
const DIGITS_MAX: usize = 19;
/// The greatest whole number of 19 digits.
const MOST: i128 = (10_i128.pow(19) - 1) * ONE;

/// An amount, quantity, weight or rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i128);

impl Amount {
    pub(crate) const ZERO: Amount = Amount(0);

    /// So many whole ones.
    pub(crate) const fn whole(count: u32) -> Amount {
        Amount(count as i128 * ONE)
    }

    /// Reads a decimal; `None` for anything else or longer.
    pub(crate) fn parse(text: &str) -> Option<Amount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if digits.is_empty()
            || fraction.len() > SCALE
            || whole.len() + fraction.len() > DIGITS_MAX
            || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let padding = std::iter::repeat_n(b'0', SCALE - fraction.len());
        let digits = whole.bytes().chain(fraction.bytes()).chain(padding);
        let value = digits.fold(0_i128, |value, byte| value * 10 + i128::from(byte - b'0'));
        Some(Amount(if negative { -value } else { value }))
    }

    pub(crate) fn plus(self, other: Amount) -> Amount {
        Amount::bounded(self.0 + other.0)
    }

    pub(crate) fn minus(self, other: Amount) -> Amount {
        Amount::bounded(self.0 - other.0)
    }

    /// Whether the two differ by at most so much.
    pub(crate) fn is_near(self, other: Amount, within: Amount) -> bool {
        (self.0 - other.0).abs() <= within.0
    }

    /// `self x rate / 100`, in cents.
    pub(crate) fn percent(self, rate: Amount) -> Amount {
        // Both are below 10^24: their product may not fit, and is far beyond any field then.
        let product = self.0.checked_mul(rate.0);
        product.map_or(Amount(MOST), |product| to_cents(product, ONE * 100))
    }
}

impl Amount {
    fn bounded(value: i128) -> Amount {
        Amount(value.clamp(-MOST, MOST))
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::ZERO, Amount::plus)
    }
}

/// Divides, and rounds half up to whole cents.
fn to_cents(value: i128, by: i128) -> Amount {
    let unit = by * CENT;
    let half = if value < 0 { -unit / 2 } else { unit / 2 };
    Amount::bounded((value + half) / unit * CENT)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, shown) in
            [("0", "0"), ("-0", "0"), ("007.10", "7.1"), ("0.00001", "0.00001"), ("-2.5", "-2.5")]
        {
            assert_eq!(amount(text).to_string(), shown, "{text}");
        }
        assert_eq!(amount("9999999999999999999").to_string(), "9999999999999999999");
        for text in ["", "-", "1e3", "1,5", "0.000001", "12345678901234567890", "1.2.3"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn shares_are_rounded_half_up_to_cents() {
        assert_eq!(amount("300").percent(amount("9.1")).to_string(), "27.3");
        assert_eq!(amount("0.05").percent(amount("10")).to_string(), "0.01");
        assert_eq!(amount("0.04").percent(amount("10")).to_string(), "0");
        assert_eq!(amount("-0.05").percent(amount("10")).to_string(), "-0.01");
        assert_eq!(amount("250").percent(amount("712.34")).to_string(), "1780.85");
    }

    #[test]
    fn what_no_field_can_hold_stays_at_the_end() {
        let most = amount("9999999999999999999");
        assert_eq!((most.plus(most), most.percent(most)), (most, most));
        assert_eq!(most.minus(most), Amount::ZERO);
        let sum: Amount = [amount("0.1"), amount("0.2")].into_iter().sum();
        assert_eq!(sum, amount("0.3"));
        assert!(sum.is_near(Amount::whole(1), amount("0.7")));
        assert!(!sum.is_near(Amount::whole(1), amount("0.69999")));
    }
}
