//! The dependency table: which of our crates may use which, and what none of them
//! may touch. Read from the manifests and, for files, sockets and the environment,
//! from the code that ships (tests may do more).

use std::collections::BTreeSet;

use super::{Source, assert_none, read, root, scan, sources};

/// What one crate may use and never uses.
struct Rule {
    name: &'static str,
    folder: &'static str,
    /// Which of our crates.
    may_use: &'static [&'static str],
    /// Crates of others that would bring in what it must not do.
    no_crates: &'static [&'static str],
    /// Paths that do not occur in its code outside of tests.
    no_paths: &'static [&'static [&'static str]],
}

/// Runtimes, protocols and databases.
const NETWORK: &[&str] = &[
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "hyper",
    "hyper-util",
    "http-body-util",
    "lapin",
    "reqwest",
    "rusqlite",
    "rustls",
];
/// What opens a socket; addresses are plain values and stay allowed.
const SOCKETS: &[&str] =
    &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "ToSocketAddrs"];
/// The rest of a process's world.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "tokio",
    "Timestamp::now",
    "SystemTime::now",
    "Instant::now",
];

const TABLE: &[Rule] = &[
    Rule {
        name: "onepoint-xml",
        folder: "gateway/xml",
        may_use: &[],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-proof",
        folder: "gateway/proof",
        may_use: &[],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-certs",
        folder: "certs",
        may_use: &[],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-schemas",
        folder: "schemas",
        may_use: &["onepoint-xml"],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-envelope",
        folder: "gateway/envelope",
        may_use: &["onepoint-xml", "onepoint-certs"],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-store",
        folder: "gateway/store",
        may_use: &["onepoint-proof"],
        no_crates: &["hyper", "hyper-util", "lapin", "reqwest", "rustls", "tokio-rustls"],
        no_paths: &[SOCKETS],
    },
    Rule {
        name: "onepoint-relay",
        folder: "gateway/relay",
        may_use: &["onepoint-certs"],
        no_crates: &[],
        no_paths: &[],
    },
    Rule {
        name: "onepoint-adapters",
        folder: "adapters",
        may_use: &["onepoint-xml", "onepoint-envelope", "onepoint-schemas"],
        no_crates: NETWORK,
        no_paths: &[WORLD, SOCKETS],
    },
    Rule {
        name: "onepoint-server",
        folder: "gateway/server",
        may_use: LIBRARIES,
        no_crates: &[],
        no_paths: &[],
    },
    Rule {
        name: "onepoint-conformance",
        folder: "conformance",
        may_use: LIBRARIES,
        no_crates: &[],
        no_paths: &[],
    },
];

/// All but the server, which the conformance tests know only as a process.
const LIBRARIES: &[&str] = &[
    "onepoint-xml",
    "onepoint-proof",
    "onepoint-certs",
    "onepoint-schemas",
    "onepoint-envelope",
    "onepoint-store",
    "onepoint-relay",
    "onepoint-adapters",
];

/// What a manifest says about one crate.
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) folder: String,
    /// All direct ones: normal, build and dev, for every target.
    pub(super) dependencies: BTreeSet<String>,
    features: BTreeSet<String>,
    workspace_lints: bool,
}

/// The members of the workspace.
pub(super) fn manifests() -> Vec<Manifest> {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    members.iter().map(|folder| manifest(folder.as_str().unwrap())).collect()
}

fn manifest(folder: &str) -> Manifest {
    let file: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
    let keys = |table: Option<&toml::Value>| -> BTreeSet<String> {
        let table = table.and_then(toml::Value::as_table);
        table.into_iter().flat_map(|table| table.keys().cloned()).collect()
    };
    let per_target = file.get("target").and_then(toml::Value::as_table);
    let tables = per_target.into_iter().flat_map(toml::Table::values);
    let tables = tables.filter_map(toml::Value::as_table).chain([&file]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    Manifest {
        name: file["package"]["name"].as_str().unwrap().to_owned(),
        folder: folder.to_owned(),
        dependencies: tables
            .flat_map(|table| kinds.map(|kind| keys(table.get(kind))))
            .flatten()
            .collect(),
        features: keys(file.get("features")),
        workspace_lints: file
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool)
            .unwrap_or(false),
    }
}

fn rule(name: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|rule| rule.name == name)
}

#[test]
fn the_table_and_the_workspace_name_the_same_crates() {
    let found: BTreeSet<_> = manifests().into_iter().map(|m| (m.name, m.folder)).collect();
    let table: BTreeSet<_> =
        TABLE.iter().map(|rule| (rule.name.to_owned(), rule.folder.to_owned())).collect();
    assert_eq!(found, table);
}

#[test]
fn crates_use_only_what_the_table_allows() {
    let mut findings = Vec::new();
    for manifest in manifests() {
        let Some(rule) = rule(&manifest.name) else { continue };
        for name in &manifest.dependencies {
            let ours = name.starts_with("onepoint-") && !rule.may_use.contains(&name.as_str());
            if ours || rule.no_crates.contains(&name.as_str()) {
                findings.push(format!("{}/Cargo.toml: {name}", manifest.folder));
            }
        }
    }
    assert_none("a crate uses what the table of ARCHITECTURE.md forbids", &findings);
}

#[test]
fn crates_share_the_lints_and_have_no_features() {
    let mut findings = Vec::new();
    for manifest in manifests() {
        if !manifest.workspace_lints {
            findings.push(format!("{}: lints of the workspace are not taken", manifest.name));
        }
        for feature in manifest.features.iter().filter(|feature| *feature != "fuzzing") {
            findings.push(format!("{}: feature {feature}", manifest.name));
        }
    }
    assert_none("one set of lints, no feature but fuzzing", &findings);
}

#[test]
fn pure_crates_do_not_touch_the_world() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !is_test(source)) {
        let rule = TABLE.iter().find(|rule| source.path.starts_with(&format!("{}/", rule.folder)));
        let code = scan::without_tests(&source.code);
        for path in rule.into_iter().flat_map(|rule| rule.no_paths.concat()) {
            for at in scan::words(&code, path) {
                findings.push(format!("{}:{}: {path}", source.path, scan::line_of(&code, at)));
            }
        }
    }
    assert_none("a pure crate reads no files, sockets, clocks or environment", &findings);
}

/// Tests and build scripts do not ship.
fn is_test(source: &Source) -> bool {
    let apart = ["/tests.rs", "/build.rs"].iter().any(|end| source.path.ends_with(end));
    apart || source.path.contains("/tests/")
}

#[test]
fn every_folder_of_the_table_has_its_library_or_binary() {
    for rule in TABLE {
        let src = root().join(rule.folder).join("src");
        assert!(src.join("lib.rs").exists() || src.join("main.rs").exists(), "{}", rule.folder);
    }
}
