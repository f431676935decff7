//! Rules on the tree: what may stand at its top, what the papers must name, and
//! the two commands that a newcomer needs.

use super::{assert_none, crates, ignored, read, root};

/// The top level, fixed by the customer; names with a dot in front are free.
const TOP: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "gateway",
    "schemas",
    "adapters",
    "certs",
    "conformance",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

#[test]
fn the_top_level_is_the_agreed_one() {
    let ignored = ignored();
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with('.') && !TOP.contains(&name.as_str()) && !ignored.contains(&name) {
            findings.push(name);
        }
    }
    assert_none("not in the agreed list of the top level", &findings);
}

#[test]
fn the_papers_are_there() {
    for path in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(!read(path).trim().is_empty(), "{path} is empty");
    }
}

#[test]
fn architecture_names_every_crate_and_every_dependency() {
    let text = read("ARCHITECTURE.md");
    let manifests = crates::manifests();
    let ours = manifests.iter().map(|manifest| manifest.name.clone());
    let theirs = manifests.iter().flat_map(|manifest| manifest.dependencies.clone());
    let mut names: Vec<_> = ours.chain(theirs).collect();
    names.sort();
    names.dedup();
    let findings: Vec<_> =
        names.into_iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert_none("ARCHITECTURE.md says nothing about (a name in `backticks`)", &findings);
}

#[test]
fn readme_has_its_two_commands() {
    let text = read("README.md");
    for command in ["cargo run --release -- demo", "conformance/test"] {
        assert!(text.contains(command), "README.md lacks {command}");
    }
}

#[test]
fn ci_runs_the_one_test_command() {
    assert!(read(".ci/run").contains("conformance/test"));
    #[cfg(unix)]
    for path in [".ci/run", "conformance/test"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(root().join(path)).unwrap().permissions().mode();
        assert!(mode & 0o111 != 0, "{path} is not executable");
    }
}
