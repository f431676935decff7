//! Rules on each Rust file by itself: budgets of length, a module doc, nothing left
//! open, no test switched off, and no module with a name that says nothing.

use super::{assert_none, scan, sources};

/// Lines of a file, at most.
const FILE_LINES: usize = 500;
/// Lines of a function from `fn` to its closing brace, at most.
const FUNCTION_LINES: usize = 70;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "utils", "util", "core", "helpers", "helper", "misc"];

#[test]
fn files_keep_their_budget() {
    let findings: Vec<_> = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    assert_none("a file has at most 500 lines", &findings);
}

#[test]
fn functions_keep_their_budget() {
    let mut findings = Vec::new();
    for source in sources() {
        for function in scan::functions(&source.code) {
            if function.lines > FUNCTION_LINES {
                let (path, line) = (&source.path, function.line);
                findings.push(format!("{path}:{line}: {} {}", function.name, function.lines));
            }
        }
    }
    assert_none("a function has at most 70 lines", &findings);
}

#[test]
fn every_file_says_what_it_is() {
    let findings: Vec<_> = sources()
        .into_iter()
        .filter(|source| {
            let doc = source.text.lines().next().and_then(|line| line.strip_prefix("//!"));
            doc.unwrap_or_default().trim().is_empty()
        })
        .map(|source| source.path)
        .collect();
    assert_none("a file begins with a module doc", &findings);
}

/// The words are put together here so that a search for them finds only real ones.
#[test]
fn nothing_is_left_open() {
    let code = [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[ig", "nore")];
    let text = [concat!("FIX", "ME"), concat!("not yet ", "implemented")];
    let mut findings = Vec::new();
    for source in sources() {
        for (place, words) in [(&source.code, &code[..]), (&source.text, &text[..])] {
            for word in words {
                for (at, _) in place.match_indices(word) {
                    let line = scan::line_of(place, at);
                    findings.push(format!("{}:{line}: {word}", source.path));
                }
            }
        }
    }
    assert_none("nothing is left open, no test is switched off", &findings);
}

#[test]
fn modules_have_names_that_say_something() {
    let mut findings = Vec::new();
    for source in sources() {
        let path = source.path.trim_end_matches(".rs");
        let parts: Vec<_> = path.split('/').collect();
        let empty = parts.iter().any(|part| EMPTY_NAMES.contains(part));
        if empty || parts.last() == Some(&"mod") {
            findings.push(source.path.clone());
        }
        for at in scan::words(&source.code, "mod") {
            let name = source.code[at + 3..].trim_start();
            let name = name.split([' ', ';', '{']).next().unwrap_or_default();
            if EMPTY_NAMES.contains(&name) {
                findings.push(format!("{}: mod {name}", source.path));
            }
        }
    }
    assert_none("no mod.rs, no module called common, utils, core or helpers", &findings);
}
