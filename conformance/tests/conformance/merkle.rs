//! RFC 6962 proofs, right and wrong, that nobody here made. In: the cases of the
//! suite: inclusion and consistency of trees, and of subtrees. Out: a list of the
//! cases judged otherwise than their `wantErr` says. None may be skipped.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onepoint_conformance::suites;
use onepoint_proof::proof::{
    verify_consistency, verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};
use onepoint_proof::{Hash, ProofError};
use serde_json::Value;

const SUITE: &str = "merkle-train";

#[test]
fn every_proof_is_judged_as_the_suite_says() {
    let cases = cases(&suites::unpack(SUITE));
    let mut findings = Vec::new();
    for path in &cases {
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let refused = judge(path, &case);
        if refused.is_err() != case["wantErr"].as_bool().unwrap() {
            findings.push(format!("{} ({}): {refused:?}", path.display(), case["desc"]));
        }
    }
    assert!(findings.is_empty(), "{} of {}:\n{}", findings.len(), cases.len(), findings.join("\n"));
    // Half of the suite holds 261 cases; far fewer means that files were not found.
    assert!(cases.len() > 200, "only {} cases found", cases.len());
}

/// All JSON files below a folder.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(cases(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Judges a case by the kind of its folder.
fn judge(path: &Path, case: &Value) -> Result<(), ProofError> {
    let number = |name: &str| case[name].as_u64().unwrap_or_else(|| panic!("{name} in {path:?}"));
    let proof: Vec<Hash> =
        case["proof"].as_array().into_iter().flatten().map(|v| hash(v, "proof")).collect();
    let root = |name: &str| hash(&case[name], "root");
    let leaf = || hash(&case["leafHash"], "leaf");
    let kinds = ["inclusion", "consistency", "subtreeinclusion", "subtreeconsistency"];
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.iter().find(|part| kinds.contains(part)).copied() {
        Some("inclusion") => {
            let (index, size) = (number("leafIdx"), number("treeSize"));
            verify_inclusion(&leaf(), index, size, &proof, &root("root"))
        }
        Some("consistency") => {
            let (old, new) = (number("size1"), number("size2"));
            verify_consistency(old, new, &proof, &root("root1"), &root("root2"))
        }
        Some("subtreeinclusion") => {
            let bounds = (number("start"), number("end"));
            let index = number("leafIdx");
            verify_subtree_inclusion(&leaf(), index, bounds, &proof, &root("root"))
        }
        Some("subtreeconsistency") => {
            let (start, end, size) = (number("start"), number("end"), number("size"));
            let (subtree, tree) = (root("root1"), root("root2"));
            verify_subtree_consistency(start, end, size, &proof, &subtree, &tree)
        }
        _ => panic!("unknown kind of case: {path:?}"),
    }
}

/// A hash of the suite. Some are not 32 bytes ("WrongRoot", nothing at all); our
/// types cannot hold those, so another hash stands for each: the same for the
/// same text in the same role, and equal to no hash of a tree.
fn hash(value: &Value, role: &str) -> Hash {
    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    Hash::from_slice(&bytes)
        .unwrap_or_else(|| Hash::of_parts(&[b"no hash: ", role.as_bytes(), &bytes]))
}
