//! Values that are more than characters: times and identity numbers.

/// Whether `text` has the form (`YYYYMMDD`, `YYYYMMDDhhmmss`, `YYYYMMDDhhmmssSSS`)
/// and names a real day and time of day.
pub(super) fn is_time(text: &str, form: &str) -> bool {
    if text.len() != form.len() || !text.bytes().all(|b| b.is_ascii_digit()) {
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

/// Whether `text` is an 18-character citizen identity number: 6 digits of region,
/// birthday, 3 digits, check character (GB 11643, ISO 7064 MOD 11-2).
pub(super) fn is_identity_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(digits), Some(check), 18) = (bytes.get(..17), bytes.get(17), bytes.len()) else {
        return false;
    };
    let birthday = text.get(6..14).unwrap_or_default();
    if !digits.iter().all(u8::is_ascii_digit) || !is_time(birthday, "YYYYMMDD") {
        return false;
    }
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    let expected = b"10X98765432".get((sum % 11) as usize);
    expected == Some(&check.to_ascii_uppercase())
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
        ] {
            assert!(!is_time(bad, "YYYYMMDDhhmmss"), "{bad}");
        }
    }

    #[test]
    fn identity_numbers_have_birthday_and_check_digit() {
        assert!(is_identity_number("999999199001010016"));
        for bad in [
            "999999199001010017",
            "99999919900101001",
            "999999199013010010",
            "99999919900101001a",
            "測999991990010100",
        ] {
            assert!(!is_identity_number(bad), "{bad}");
        }
    }
}
