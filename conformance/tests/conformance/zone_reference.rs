//! The reference of the zone's messages (`schemas/zone/1/README.md`) against the manifest and
//! the schemas it is made from. With `ONEPOINT_WRITE_REFERENCE` set it is written anew.

use onepoint_conformance::suites::repository;
use onepoint_schemas::{Catalogue, reference};

#[test]
fn the_reference_of_the_zone_says_what_is_checked() {
    let path = repository().join("schemas/zone/1/README.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let (introduction, _) = written.split_once("\n## ").unwrap();
    let made = reference(&Catalogue::load_builtin().unwrap(), "zone");
    let text = format!("{introduction}\n{}\n", made.trim_end());
    if std::env::var_os("ONEPOINT_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let differs = text.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(text == written, "{differs:?}; write it anew with ONEPOINT_WRITE_REFERENCE=1");
}
