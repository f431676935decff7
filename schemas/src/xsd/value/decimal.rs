//! `xs:decimal` and its kin (XML Schema part 2, section 3.2.3), of any length and exact.
//! In: the lexical form, trimmed. Out: the digits as slices of it, so that checks and
//! comparisons neither convert nor allocate.

use std::cmp::Ordering;

/// A decimal number: the digits that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::xsd) struct Decimal<'t> {
    negative: bool,
    /// Before the point, without leading zeros.
    whole: &'t [u8],
    /// Behind the point, without trailing zeros.
    fraction: &'t [u8],
}

impl<'t> Decimal<'t> {
    /// Reads `[+-]?(digits(.digits?)?|.digits)`; none when it is something else.
    pub(in crate::xsd) fn parse(text: &'t str) -> Option<Decimal<'t>> {
        let (negative, digits) = sign(text.as_bytes());
        let point = digits.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) => (digits.get(..at)?, digits.get(at + 1..)?),
            None => (digits, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        Decimal::of(negative, whole, fraction)
    }

    /// Reads `[+-]?digits`.
    pub(in crate::xsd) fn parse_integer(text: &'t str) -> Option<Decimal<'t>> {
        let (negative, digits) = sign(text.as_bytes());
        if digits.is_empty() {
            return None;
        }
        Decimal::of(negative, digits, &[])
    }

    fn of(negative: bool, whole: &'t [u8], fraction: &'t [u8]) -> Option<Decimal<'t>> {
        if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return None;
        }
        let leading = whole.iter().take_while(|byte| **byte == b'0').count();
        let trailing = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
        let whole = whole.get(leading..).unwrap_or_default();
        let fraction = fraction.get(..fraction.len() - trailing).unwrap_or_default();
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal { negative: negative && !zero, whole, fraction })
    }

    /// Digits behind the point that count.
    pub(in crate::xsd) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    /// The least totalDigits that has this value: the number is i / 10^n with |i| below
    /// 10^totalDigits and n at most totalDigits (part 2, section 4.3.11).
    pub(in crate::xsd) fn total_digits(&self) -> usize {
        let behind = self.fraction.iter().take_while(|byte| **byte == b'0').count();
        let digits = match self.whole.len() {
            0 => self.fraction.len() - behind,
            whole => whole + self.fraction.len(),
        };
        digits.max(self.fraction.len())
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = || {
            let by_length = self.whole.len().cmp(&other.whole.len());
            by_length.then_with(|| self.whole.cmp(other.whole)).then_with(|| {
                // Without trailing zeros the order of digits is the order of fractions.
                self.fraction.cmp(other.fraction)
            })
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(),
            (true, true) => size().reverse(),
        }
    }
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_the_numbers() {
        let ordered = [
            "-100000000000000000000000000000000000000000",
            "-10.5",
            "-10",
            "-9.99",
            "-0.01",
            "0",
            "0.001",
            "0.0099999999999999999999999999999999999999",
            ".01",
            "1",
            "1.5",
            "2",
            "10",
            "0100000000000000000000000000000000000000000.5",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (than, other) in ordered.iter().enumerate() {
                let (one, other) = (Decimal::parse(one).unwrap(), Decimal::parse(other).unwrap());
                assert_eq!(one.cmp(&other), at.cmp(&than));
            }
        }
        assert_eq!(Decimal::parse("-0.0"), Decimal::parse("0"));
        assert_eq!(Decimal::parse("+1.50"), Decimal::parse("01.5"));
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for bad in ["", "+", "-", ".", "1_0", "1e3", " 1", "1 ", "١", "1.2.3", "--1", "INF", "1,0"]
        {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
        for good in ["1.", ".5", "-.5", "+5", "00"] {
            assert!(Decimal::parse(good).is_some(), "{good}");
        }
        assert!(Decimal::parse_integer("1.").is_none());
        assert!(Decimal::parse_integer("-007").is_some());
    }

    #[test]
    fn digits_that_count() {
        for (text, total, fraction) in [
            ("0", 0, 0),
            ("100", 3, 0),
            ("00100.00", 3, 0),
            ("0.05", 2, 2),
            ("12.340", 4, 2),
            ("0.00001", 5, 5),
        ] {
            let value = Decimal::parse(text).unwrap();
            assert_eq!(
                (value.total_digits(), value.fraction_digits()),
                (total, fraction),
                "{text}"
            );
        }
    }
}
