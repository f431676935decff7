//! `[[legacy]]`: who may use an obsolete form, and every way to say it wrong.

use super::*;

fn with(legacy: &str) -> Result<Settings, Vec<ConfigFault>> {
    let firm =
        GOOD.replace("name = \"测试公司\"", "name = \"测试公司\"\ndxp_id = \"DXPENT0000000001\"");
    check(&format!("{firm}{legacy}"))
}

const HAIKOU: &str = "[[legacy]]\nform = \"haikou\"\nparticipant = \"firm\"\nuntil = 2026-12-31\n";
const HANGZHOU: &str = "[[legacy]]\nform = \"hangzhou\"\nparticipant = \"firm\"\nuntil = \"2026-12-31\"\nkey = \"mo.key\"\n";

#[test]
fn there_is_none_by_default_and_each_is_warned_of() {
    assert_eq!(check(GOOD).unwrap().legacy.len(), 0);
    let settings = with(&format!("{HAIKOU}{HANGZHOU}")).unwrap();
    let forms: Vec<LegacyForm> = settings.legacy.iter().map(|one| one.form).collect();
    assert_eq!(forms, [LegacyForm::Haikou, LegacyForm::Hangzhou]);
    assert_eq!(settings.legacy[0].until.to_string(), "2026-12-31");
    assert_eq!(settings.legacy[1].key.as_ref().unwrap().bytes()[15], 15);
    assert!(!format!("{:?}", settings.legacy).contains("15"), "no key in any log");
    let warned: Vec<&str> = settings.warnings.iter().map(|one| one.key.as_str()).collect();
    assert!(warned.contains(&"legacy[0].form") && warned.contains(&"legacy[1].form"), "{warned:?}");
}

#[test]
fn every_fault_of_a_section_has_its_key() {
    let edit = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    for (text, key) in [
        (edit(HAIKOU, "haikou", "ningbo"), "legacy[0].form"),
        (edit(HAIKOU, "form = \"haikou\"\n", ""), "legacy[0].form"),
        (edit(HAIKOU, "\"firm\"", "\"nobody\""), "legacy[0].participant"),
        (edit(HAIKOU, "\"firm\"", "\"tax\""), "legacy[0].participant"),
        (edit(HAIKOU, "until = 2026-12-31\n", ""), "legacy[0].until"),
        (edit(HAIKOU, "2026-12-31", "\"soon\""), "legacy[0].until"),
        (format!("{HAIKOU}key = \"mo.key\"\n"), "legacy[0].key"),
        (format!("{HAIKOU}{HAIKOU}"), "legacy[1].participant"),
        (edit(HANGZHOU, "key = \"mo.key\"\n", ""), "legacy[0].key"),
        (edit(HANGZHOU, "mo.key", "gone.key"), "legacy[0].key"),
        (edit(HANGZHOU, "mo.key", "log.key"), "legacy[0].key"),
        (edit(HANGZHOU, "mo.key", "ca.pem"), "legacy[0].key"),
    ] {
        let faults = with(&text).unwrap_err();
        let found: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(found, [key], "{text}");
    }
    // Without an address there is nothing to name in what is made of a call.
    let faults = check(&format!("{GOOD}{HANGZHOU}")).unwrap_err();
    assert_eq!(faults[0].key, "legacy[0].participant");
    assert!(check(&format!("{GOOD}{HAIKOU}")).is_ok());
}
