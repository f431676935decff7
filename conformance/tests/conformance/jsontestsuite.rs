//! The JSON parsing suite against the reader of JSON messages. In: files whose names say
//! what RFC 8259 says of them. Out: those read otherwise. `y_` must be read, `n_` refused,
//! `i_` may be either. Names that stand twice in an object are RFC 8259's to allow and a
//! message's to refuse: both are tested.

use onepoint_conformance::suites;
use onepoint_schemas::{Json, JsonLimits};

const SUITE: &str = "jsontestsuite";

fn cases() -> Vec<(String, Vec<u8>)> {
    let folder = suites::unpack(SUITE).join("jsontest/test_parsing");
    let mut cases: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_text_is_read_or_refused_as_its_name_says() {
    let limits = JsonLimits { duplicate_names: true, ..JsonLimits::default() };
    let mut findings = Vec::new();
    let (mut read, mut refused) = (0, 0);
    for (name, text) in cases() {
        let outcome = Json::read(text.clone(), &limits);
        match (name.as_bytes()[0], &outcome) {
            (b'y', Ok(_)) => read += 1,
            (b'n', Err(_)) => refused += 1,
            (b'i', _) => {}
            (_, outcome) => findings.push(format!("{name}: {outcome:?}")),
        }
        // As a message: the same, but for names that stand twice.
        let strict = Json::read(text, &JsonLimits::default());
        if outcome.is_ok() != strict.is_ok() {
            let code = strict.map_or_else(|fault| fault.code, |_| String::new());
            if code != "json-duplicate-name" || !name.contains("duplicated_key") {
                findings.push(format!("{name}: as a message {code}"));
            }
        }
    }
    assert!(findings.is_empty(), "{}:\n{}", findings.len(), findings.join("\n"));
    assert!(read > 40 && refused > 80, "{read} read, {refused} refused");
}

#[test]
fn every_refusal_has_a_place_and_words() {
    for (name, text) in cases() {
        let lines = text.split(|b| *b == b'\n').count();
        if let Err(fault) = Json::read(text, &JsonLimits::default()) {
            assert!(fault.line as usize <= lines && fault.column > 0, "{name}: {fault:?}");
            assert!(!fault.en.is_empty() && !fault.zh.is_empty(), "{name}: {fault:?}");
            assert!(fault.code.starts_with("json-"), "{name}: {fault:?}");
        }
    }
}
