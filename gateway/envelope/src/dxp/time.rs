//! The lexical form of `xs:dateTime` (XML Schema part 2, section 3.2.7), years of four
//! digits. In: text. Out: whether it is one. What it means is for the reader with a clock.

/// Whether `text` is `YYYY-MM-DDThh:mm:ss`, with an optional fraction and zone.
pub(super) fn is_date_time(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(text: &str) -> Option<()> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = fields(date, '-')?;
    let year = number(year, 4, 1..=9999)?;
    let month = number(month, 2, 1..=12)?;
    number(day, 2, 1..=days(year, month))?;

    let (time, zone) = split_zone(time);
    let [hour, minute, second] = fields(time, ':')?;
    let (second, fraction) = second.split_once('.').map_or((second, None), |(s, f)| (s, Some(f)));
    number(hour, 2, 0..=23)?;
    number(minute, 2, 0..=59)?;
    number(second, 2, 0..=59)?;
    if let Some(fraction) = fraction {
        let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
        digits.then_some(())?;
    }
    match zone {
        "" | "Z" => Some(()),
        offset => {
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let hours = number(hours, 2, 0..=14)?;
            number(minutes, 2, 0..=if hours == 14 { 0 } else { 59 })?;
            Some(())
        }
    }
}

/// The time, and the zone with its sign.
fn split_zone(time: &str) -> (&str, &str) {
    let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    time.split_at_checked(at).unwrap_or((time, ""))
}

fn fields(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut fields = text.split(separator);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(three)
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| text.parse::<u32>().ok())??;
    range.contains(&number).then_some(number)
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::is_date_time;

    #[test]
    fn takes_what_the_schema_takes() {
        for text in [
            "2022-05-01T08:00:00",
            "2022-05-01T08:00:00Z",
            "2022-05-01T23:59:59.999+08:00",
            "2024-02-29T00:00:00-14:00",
            "2000-02-29T00:00:00.1",
        ] {
            assert!(is_date_time(text), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "2022-05-01",
            "2022-05-01 08:00:00",
            "20220501080000",
            "2022-13-01T08:00:00",
            "2022-02-29T08:00:00",
            "1900-02-29T08:00:00",
            "2022-04-31T08:00:00",
            "2022-05-00T08:00:00",
            "2022-05-01T24:00:00",
            "2022-05-01T08:60:00",
            "2022-05-01T08:00:60",
            "2022-05-01T08:00",
            "2022-05-01T08:00:00.",
            "2022-05-01T08:00:00.x",
            "2022-05-01T08:00:00Zx",
            "2022-05-01T08:00:00+8:00",
            "2022-05-01T08:00:00+15:00",
            "2022-05-01T08:00:00+14:01",
            "2022-05-01T08:00:00+08:00Z",
            "+022-05-01T08:00:00",
            "0000-05-01T08:00:00",
            "2022-05-01-01T08:00:00",
            "２022-05-01T08:00:00",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
