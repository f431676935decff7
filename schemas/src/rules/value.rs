//! Values that are more than characters: times, identity numbers, codes of
//! enterprises, numbers of a fixed form. Pure functions of text.

/// The text without the white space around it that XML Schema takes off a number.
pub(super) fn collapsed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Whether `text` has the form (`YYYYMMDD`, `YYYYMMDDhhmmss`, `YYYYMMDDhhmmssSSS`)
/// and names a real day and time of day.
pub(super) fn is_time(text: &str, form: &str) -> bool {
    if text.len() != form.len() || !is_digits(text) {
        return false;
    }
    let number = |from: usize, to: usize| {
        text.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0)
    };
    is_day(number(0, 4), number(4, 6), number(6, 8))
        && (form.len() == 8 || number(8, 10) < 24 && number(10, 12) < 60 && number(12, 14) < 60)
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year >= 1900 && (1..=days).contains(&day)
}

/// Whether there are only digits 0 to 9; true of nothing at all.
pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether it is an integer: digits, with a minus sign when negative.
pub(super) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && is_digits(digits)
}

/// The first two digits of an identity number: provinces (GB/T 2260), 71 Taiwan, 81 Hong
/// Kong, 82 Macao, 83 Taiwan residents' permits.
const PROVINCES: [u8; 35] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// Whether `text` is an 18-character identity number: 6 digits of district, birthday,
/// 3 digits, check character (GB 11643, ISO 7064 MOD 11-2). Of the district the province
/// is judged: districts come and go, holders keep their number. Numbers that begin with 9
/// are those of permanent residents, whose first six digits are of another form.
pub(super) fn is_identity_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(digits), Some(check), 18) = (bytes.get(..17), bytes.get(17), bytes.len()) else {
        return false;
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let birthday = text.get(6..14).unwrap_or_default();
    let province = text.get(..2).and_then(|two| two.parse::<u8>().ok()).unwrap_or_default();
    if !is_time(birthday, "YYYYMMDD") || !(province >= 90 || PROVINCES.contains(&province)) {
        return false;
    }
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    let expected = b"10X98765432".get((sum % 11) as usize);
    expected == Some(&check.to_ascii_uppercase())
}

/// The birthday within an identity number, `YYYYMMDD`.
pub(super) fn birthday(identity: &str) -> Option<&str> {
    identity.get(6..14)
}

/// Whether `text` can be the code of an enterprise: 10 letters and digits of the customs
/// registration, or 18 of the unified social credit code with its check character
/// (GB 32100, ISO 7064 MOD 31-3: no I, O, S, V, Z).
pub(super) fn is_enterprise_code(text: &str) -> bool {
    match text.len() {
        10 => text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
        18 => is_credit_code(text),
        _ => false,
    }
}

fn is_credit_code(text: &str) -> bool {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut sum = 0;
    let mut weight = 1;
    for (place, character) in text.chars().enumerate() {
        let Some(value) = ALPHABET.find(character) else { return false };
        match place {
            17 => return (sum + value) % 31 == 0,
            _ => sum += value * weight,
        }
        weight = weight * 3 % 31;
    }
    false
}

/// Whether `text` has the form: `9` stands for a digit, `A` for a capital letter, all else
/// for itself; what stands behind `(` may be there from the left.
pub(super) fn has_form(text: &str, form: &str) -> bool {
    let mut rest = text.bytes();
    let mut optional = false;
    for wanted in form.bytes() {
        if wanted == b'(' {
            optional = true;
            continue;
        }
        let Some(byte) = rest.next() else { return optional };
        let good = match wanted {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            other => byte == other,
        };
        if !good {
            return false;
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_real() {
        assert!(is_time("20240229235959", "YYYYMMDDhhmmss"));
        assert!(is_time("20261101", "YYYYMMDD"));
        for bad in [
            "20230229000000",
            "20241301000000",
            "20240431000000",
            "20240101240000",
            "20240101236000",
            "2024010123595",
            "2024010123595x",
            "18991231000000",
            "19000229000000",
        ] {
            assert!(!is_time(bad, "YYYYMMDDhhmmss"), "{bad}");
        }
    }

    #[test]
    fn identity_numbers_have_province_birthday_and_check_digit() {
        assert!(is_identity_number("999999199001010016"));
        assert!(is_identity_number("110000200002290016"));
        for bad in [
            "999999199001010017",
            "99999919900101001",
            "999999199013010010",
            "99999919900101001a",
            "測999991990010100",
            "110000200102290013",
            "160000199001010012",
        ] {
            assert!(!is_identity_number(bad), "{bad}");
        }
        assert_eq!(birthday("999999199001010016"), Some("19900101"));
    }

    #[test]
    fn codes_of_enterprises_have_10_or_18_characters() {
        assert!(is_enterprise_code("440466T001"));
        assert!(is_enterprise_code("91350100M000100Y43"));
        for bad in ["440466t001", "440466T00", "91350100M000100Y44", "91350100M0001O0Y43", ""] {
            assert!(!is_enterprise_code(bad), "{bad}");
        }
    }

    #[test]
    fn forms_may_end_early_in_their_optional_part() {
        let form = "99999999E999999999(99";
        for good in ["51412026E000000001", "51412026E0000000012", "51412026E00000000123"] {
            assert!(has_form(good, form), "{good}");
        }
        for bad in ["51412026E00000001", "51412026I000000001", "51412026E000000001234", ""] {
            assert!(!has_form(bad, form), "{bad}");
        }
    }
}
