//! The program under test. In comes the place of the test binary, out goes the path of
//! `onepoint` beside it, built from the sources as they are: a test never runs a
//! program that is older than they.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::suites::repository;

/// The path of the program. The first call of a test run lets cargo see to it that it
/// is there and up to date, which takes under a second when it is.
///
/// # Panics
/// When it cannot be built.
pub fn onepoint() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of the test binary");
        // .../target/release/deps/conformance-0123456789abcdef
        let release = test.ancestors().nth(2).expect("the folder of the profile").to_owned();
        let target = release.parent().expect("the target folder");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // The same selection as in conformance/test: another one would resolve other features of
        // the dependencies and compile them a second time.
        build.args(["build", "--release", "--workspace", "--bins", "--tests", "--target-dir"]);
        build.arg(target).current_dir(repository());
        // What cargo tells a test of its own package is not for another cargo: build scripts that
        // look at it (that of ring does) would see a change, and all that depends on them be built
        // again, now and at the next call from a shell.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        let output = build.output().expect("cargo can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "onepoint could not be built:\n{said}");
        release.join("onepoint")
    })
}
