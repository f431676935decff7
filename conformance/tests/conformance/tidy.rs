//! Style as a test: the tree is read as text, and every finding is a line
//! `path:line: what`. In come the files of the repository, out goes a failure that
//! lists all findings of one rule. [`scan`] knows Rust's tokens, [`crates`] the
//! dependency table, [`layout`] the folders and the papers.

use std::path::{Path, PathBuf};

mod crates;
mod layout;
mod scan;
mod sources;

/// One Rust file of the repository.
struct Source {
    /// Relative to the root of the repository.
    path: String,
    text: String,
    /// The text with comments and literals blanked out.
    code: String,
}

fn root() -> PathBuf {
    onepoint_conformance::suites::repository()
}

/// What is in the tree besides the tree: `/name` lines of .gitignore.
fn ignored() -> Vec<String> {
    let text = read(".gitignore");
    text.lines().filter_map(|line| line.strip_prefix('/')).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below the root that is part of the tree, relative, sorted.
fn files() -> Vec<String> {
    let (root, ignored) = (root(), ignored());
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = relative(&root, &path);
            if relative == ".git" || ignored.contains(&relative) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(relative);
            }
        }
    }
    found.sort();
    found
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().expect("names in the tree are UTF-8").to_owned()
}

fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| {
        let text = read(&path);
        let code = scan::blank(&text);
        Source { path, text, code }
    })
    .collect()
}

fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n{}", findings.join("\n"));
}
