//! Certificates named by their number, where a message does not carry them.
//!
//! In: the certificates that may be meant (those registered for a participant)
//! and a number. Out: the one certificate of that number. Promise: a number that
//! two certificates share names none; the number is the serial number in whole
//! bytes, hex, upper case; lower case needs the policy's rule.

use crate::certificate::Certificate;
use crate::policy::{PolicyError, SignaturePolicy, Tolerance};

/// Characters of a number that an error repeats.
const MAX_SHOWN: usize = 80;

/// Why a number names no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// None of the certificates has it.
    #[error("no registered certificate has the number {number:?}")]
    Unknown {
        /// The number, cut.
        number: String,
    },
    /// Several have it.
    #[error("several registered certificates have the number {number:?}")]
    Ambiguous {
        /// The number.
        number: String,
    },
    /// The policy does not take it as it is written.
    #[error("{}", .0.en())]
    Policy(#[source] PolicyError),
}

impl NumberError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            NumberError::Unknown { .. } => "key-number-unknown",
            NumberError::Ambiguous { .. } => "key-number-ambiguous",
            NumberError::Policy(source) => source.code(),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            NumberError::Unknown { number } => format!("没有编号为“{number}”的已登记证书"),
            NumberError::Ambiguous { number } => format!("编号“{number}”对应多张已登记证书"),
            NumberError::Policy(source) => source.zh(),
        }
    }
}

/// The certificate among `certificates` with this number, and the loose rule that
/// was needed. The same certificate given twice counts once.
///
/// # Errors
/// [`NumberError`].
pub fn find<'c>(
    certificates: &'c [Certificate],
    number: &str,
    policy: &SignaturePolicy,
) -> Result<(&'c Certificate, Option<Tolerance>), NumberError> {
    let shown = || number.chars().take(MAX_SHOWN).collect::<String>();
    let mut fitting = certificates.iter().filter(|c| c.serial_hex().eq_ignore_ascii_case(number));
    let Some(found) = fitting.next() else {
        return Err(NumberError::Unknown { number: shown() });
    };
    if fitting.any(|other| other != found) {
        return Err(NumberError::Ambiguous { number: shown() });
    }
    if number.bytes().any(|b| b.is_ascii_lowercase()) {
        let rule = policy.tolerate(Tolerance::LowerCaseNumber).map_err(NumberError::Policy)?;
        return Ok((found, Some(rule)));
    }
    Ok((found, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ZONE, assert_told, patched, told};

    /// The leaf of the tests with another serial number.
    fn numbered(serial: [u8; 4]) -> Certificate {
        let leaf = &ZONE.leaf.certificate;
        let old = crate::hex::decode(leaf.serial_hex()).unwrap();
        let new = [serial.as_slice(), &old[4..]].concat();
        Certificate::from_der(patched(leaf, &old, &new)).unwrap()
    }

    #[test]
    fn every_error_and_the_way_through() {
        let strict = SignaturePolicy::strict();
        let first = numbered([0x4a, 0xbc, 0xde, 0xf0]);
        let number = first.serial_hex().to_ascii_uppercase();
        let all = [ZONE.root.certificate().clone(), first.clone(), first.clone()];
        assert_eq!(find(&all, &number, &strict), Ok((&first, None)));

        let unknown = find(&all, "00", &strict).unwrap_err();
        // Another certificate of the same number.
        let twin = Certificate::from_der(patched(&first, "CN".as_bytes(), b"XX")).unwrap();
        let ambiguous = find(&[first.clone(), twin], &number, &strict).unwrap_err();
        let lower = number.to_ascii_lowercase();
        let refused = find(&all, &lower, &strict).unwrap_err();
        assert_told(&[
            ("key-number-unknown", told!(unknown)),
            ("key-number-ambiguous", told!(ambiguous)),
            ("policy-lower-case-number", told!(refused)),
        ]);
        let field = SignaturePolicy { allow_lower_case_number: true, ..strict };
        let found = find(&all, &lower, &field);
        assert_eq!(found, Ok((&first, Some(Tolerance::LowerCaseNumber))));
        // Digits alone have no case.
        let digits = numbered([0x40, 0x11, 0x22, 0x33]);
        let number = digits.serial_hex().to_ascii_uppercase();
        assert!(find(&[digits], &number, &field).unwrap().1.is_none());
        let long = find(&all, &"长".repeat(1000), &field).unwrap_err();
        assert!(long.en().chars().count() < MAX_SHOWN + 60);
    }
}
