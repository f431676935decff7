//! The JSON Schema 2020-12 test suite against `onepoint-schemas`. In: every required test
//! of the suite, with its remote schemas given beside each schema as a stranger would
//! give them. Out: a list of the tests judged otherwise than the suite says. Nothing is
//! fetched; patterns run in linear time.

use std::path::{Path, PathBuf};

use onepoint_conformance::suites;
use onepoint_schemas::{Json, JsonLimits, JsonSchema};
use serde_json::Value;

const SUITE: &str = "json-schema-train";
/// Where the suite says that its remote schemas are served.
const SERVER: &str = "http://localhost:1234";

fn folder() -> PathBuf {
    suites::unpack(SUITE).join("json-schema")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// The remote schemas by their addresses.
fn remotes() -> Vec<(String, Vec<u8>)> {
    let root = folder().join("remotes");
    let address = |path: &PathBuf| {
        let path = path.strip_prefix(&root).unwrap().display().to_string();
        format!("{SERVER}/{path}")
    };
    files(&root).iter().map(|path| (address(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_test_is_judged_as_the_suite_says() {
    let skips = suites::skips();
    let remotes = remotes();
    let others: Vec<(&str, &[u8])> =
        remotes.iter().map(|(address, text)| (address.as_str(), text.as_slice())).collect();
    let mut findings = Vec::new();
    let mut judged = 0;
    for file in files(&folder().join("tests")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let groups: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for group in groups.as_array().unwrap() {
            let case = format!("{name}: {}", group["description"].as_str().unwrap());
            let skipped = skips.reason("json-schema", &case).is_some();
            match JsonSchema::compile(group["schema"].to_string().as_bytes(), &others) {
                Err(_) if skipped => {}
                Err(error) => findings.push(format!("{case}: {error}")),
                Ok(schema) => {
                    for test in group["tests"].as_array().unwrap() {
                        judged += 1;
                        let wrong = judge(&schema, test);
                        findings.extend(wrong.filter(|_| !skipped).map(|w| format!("{case}: {w}")));
                    }
                }
            }
        }
    }
    skips.assert_all_used("json-schema");
    assert!(findings.is_empty(), "{} of {judged}:\n{}", findings.len(), findings.join("\n"));
    // The archive holds some 640 tests; far fewer means that files were not found.
    assert!(judged > 500, "only {judged} tests found");
}

/// What is wrong with the verdict of one test, by both ways to ask.
fn judge(schema: &JsonSchema, test: &Value) -> Option<String> {
    let text = test["data"].to_string().into_bytes();
    let json = Json::read(text, &JsonLimits::default()).unwrap();
    let valid = test["valid"].as_bool().unwrap();
    let (is_valid, validated) = (schema.is_valid(&json), schema.validate(&json, &[]));
    let what = test["description"].as_str().unwrap();
    match (is_valid == valid, validated.is_ok() == valid) {
        (true, true) => None,
        _ => Some(format!("{what}: is_valid {is_valid}, validate {validated:?}")),
    }
}
