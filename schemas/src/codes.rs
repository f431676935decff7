//! Code lists: embedded tables of code and name, parsed once.

use std::borrow::Cow;
use std::sync::Arc;

/// Name of a list and its table.
const LISTS: [(&str, &str); 8] = [
    ("units", include_str!("../codes/units.csv")),
    ("countries", include_str!("../codes/countries.csv")),
    ("currencies", include_str!("../codes/currencies.csv")),
    ("customs_districts", include_str!("../codes/customs_districts.csv")),
    ("id_types", include_str!("../codes/id_types.csv")),
    ("trade_modes", include_str!("../codes/trade_modes.csv")),
    ("transport_modes", include_str!("../codes/transport_modes.csv")),
    ("wrap_types", include_str!("../codes/wrap_types.csv")),
];

/// The norm's own error codes and their meaning.
const NORM_ERRORS: &str = include_str!("../codes/norm_errors.csv");

/// The codes of a list, sorted; shared by all rules that name it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Codes(Arc<[Cow<'static, str>]>);

impl Codes {
    /// A list of somebody's own.
    pub(crate) fn of(codes: impl IntoIterator<Item = Cow<'static, str>>) -> Codes {
        let mut codes: Vec<_> = codes.into_iter().collect();
        codes.sort();
        codes.dedup();
        Codes(codes.into())
    }

    /// The built-in list of this name; `None` when there is no such list.
    pub(crate) fn builtin(name: &str) -> Option<Codes> {
        let (_, table) = LISTS.iter().find(|(list, _)| *list == name)?;
        Some(Codes::of(first_column(table).map(Cow::Borrowed)))
    }

    pub(crate) fn contains(&self, code: &str) -> bool {
        self.0.binary_search_by(|known| known.as_ref().cmp(code)).is_ok()
    }

    /// Whether some code begins with `start`.
    pub(crate) fn any_begins(&self, start: &str) -> bool {
        let next = self.0.partition_point(|known| known.as_ref() < start);
        self.0.get(next).is_some_and(|code| code.starts_with(start))
    }
}

/// Whether the customs norm (2022-05, chapter 7) has this error code.
pub(crate) fn is_norm_error(code: &str) -> bool {
    first_column(NORM_ERRORS).any(|known| known == code)
}

fn first_column(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().skip(1).filter_map(|line| line.split_once(',')).map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_codes_of_one_length() {
        for (name, _) in LISTS {
            let codes = Codes::builtin(name).unwrap();
            let length = codes.0.first().unwrap().len();
            assert!(codes.0.len() >= 2, "{name}");
            assert!(codes.0.iter().all(|code| code.len() == length), "{name}");
        }
        assert!(Codes::builtin("units").unwrap().contains("035"));
        assert!(Codes::builtin("moons").is_none());
    }

    #[test]
    fn codes_are_found_by_their_beginning() {
        let districts = Codes::builtin("customs_districts").unwrap();
        assert!(districts.contains("0100") && districts.any_begins("51"));
        assert!(!districts.any_begins("93") && !districts.any_begins("a"));
    }

    #[test]
    fn errors_of_the_norm_are_known() {
        assert!(is_norm_error("-621005") && is_norm_error("0002"));
        assert!(!is_norm_error("-621999") && !is_norm_error("code"));
    }
}
