//! Code lists: embedded tables of code and name, parsed once.

use std::collections::BTreeSet;

/// Name of a list and its table.
const LISTS: [(&str, &str); 7] = [
    ("units", include_str!("../codes/units.csv")),
    ("countries", include_str!("../codes/countries.csv")),
    ("currencies", include_str!("../codes/currencies.csv")),
    ("customs_districts", include_str!("../codes/customs_districts.csv")),
    ("trade_modes", include_str!("../codes/trade_modes.csv")),
    ("transport_modes", include_str!("../codes/transport_modes.csv")),
    ("wrap_types", include_str!("../codes/wrap_types.csv")),
];

/// The codes of a list; `None` when there is no such list.
pub(crate) fn list(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, table) = LISTS.iter().find(|(list, _)| *list == name)?;
    let lines = table.lines().skip(1);
    Some(lines.filter_map(|line| line.split_once(',')).map(|(code, _)| code).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_codes_of_one_length() {
        for (name, _) in LISTS {
            let codes = list(name).unwrap();
            let length = codes.first().unwrap().len();
            assert!(codes.len() >= 7, "{name}");
            assert!(codes.iter().all(|code| code.len() == length), "{name}");
        }
        assert!(list("units").unwrap().contains("035"));
        assert!(list("customs_districts").unwrap().contains("0100"));
        assert!(list("moons").is_none());
    }
}
