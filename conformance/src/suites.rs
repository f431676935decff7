//! The suites nobody here wrote: in comes the name of an archive, out goes the
//! folder it is unpacked in. Each archive is unpacked once per version of it,
//! whichever test, thread or process asks first. Also the list of skipped cases
//! (`conformance/skips.toml`), where a skip that is no longer used is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The environment variable that says where the archives are.
pub const SUITES_VARIABLE: &str = "ONEPOINT_SUITES";

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("conformance/ has a parent").into()
}

/// The folder of the suite `name`, unpacked from `<suites>/<name>.tar.xz` into
/// `target/suites/<name>`. The archives are looked for in `ONEPOINT_SUITES`, else
/// in `shared/suites` beside the repository.
///
/// # Panics
/// When the archive is missing or Debian's `tar` and `xz` cannot unpack it, with
/// the way to give it.
pub fn unpack(name: &str) -> PathBuf {
    let archives = archives();
    let archive = archives.join(format!("{name}.tar.xz"));
    let version = version(&archive).unwrap_or_else(|| panic!("{}", missing(&archive)));
    unpack_into(&archive, &version, &repository().join("target/suites"), name)
}

/// A file of the shared folder that the suites' folder stands in, such as
/// `domain/sm2-signedinfo-vector.json`.
pub fn shared(path: &str) -> PathBuf {
    archives().join("..").join(path)
}

fn archives() -> PathBuf {
    match std::env::var_os(SUITES_VARIABLE) {
        Some(folder) => folder.into(),
        None => repository().join("../shared/suites"),
    }
}

fn missing(archive: &Path) -> String {
    format!(
        "suite archive {} is missing: set {SUITES_VARIABLE} to the folder that holds the \
         *.tar.xz files, or put it at shared/suites beside the repository",
        archive.display()
    )
}

/// Length and time of change: another archive under the same name is unpacked anew.
fn version(archive: &Path) -> Option<String> {
    let facts = fs::metadata(archive).ok()?;
    let changed = facts.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{} {}", facts.len(), changed.as_nanos()))
}

/// The lock file serialises threads and processes; the rename at the end makes a
/// killed run leave either nothing or the whole suite under the final name.
fn unpack_into(archive: &Path, version: &str, base: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(base).unwrap_or_else(|e| panic!("cannot create {}: {e}", base.display()));
    let lock = File::create(base.join(format!("{name}.lock"))).expect("lock file of the suite");
    lock.lock().expect("lock of the suite");

    let folder = base.join(name);
    let stamp = base.join(format!("{name}.stamp"));
    if folder.is_dir() && fs::read_to_string(&stamp).is_ok_and(|found| found == version) {
        return folder;
    }
    let fresh = base.join(format!("{name}.new"));
    for old in [&folder, &fresh] {
        if old.exists() {
            fs::remove_dir_all(old).expect("the earlier unpacking can be removed");
        }
    }
    fs::create_dir(&fresh).expect("a folder to unpack into");
    let tar = Command::new("tar")
        .args(["--extract", "--xz", "--no-same-owner", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&fresh)
        .output()
        .unwrap_or_else(|e| panic!("tar does not start ({e}): install Debian's tar and xz-utils"));
    assert!(
        tar.status.success(),
        "tar could not unpack {} (is xz-utils installed?): {}",
        archive.display(),
        String::from_utf8_lossy(&tar.stderr)
    );
    fs::rename(&fresh, &folder).expect("the unpacked suite takes its final name");
    fs::write(&stamp, version).expect("the stamp of the suite");
    folder
}

/// The cases that are skipped, by suite; which of them were asked for is kept, so
/// that [`Skips::assert_all_used`] finds the ones nobody needs any more.
#[derive(Debug, Default)]
pub struct Skips {
    suites: BTreeMap<String, BTreeMap<String, String>>,
    used: Mutex<BTreeSet<(String, String)>>,
}

/// The list in `conformance/skips.toml`.
///
/// # Panics
/// When the file is not as its first lines say.
pub fn skips() -> Skips {
    let path = repository().join("conformance/skips.toml");
    let text = fs::read_to_string(&path).expect("conformance/skips.toml can be read");
    Skips::parse(&text).unwrap_or_else(|problem| panic!("conformance/skips.toml: {problem}"))
}

impl Skips {
    /// Reads `[[skip]]` entries, each with a non-empty `suite`, `case` and `reason`.
    ///
    /// # Errors
    /// In words, what is wrong and in which entry.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        if let Some(key) = file.keys().find(|key| *key != "skip") {
            return Err(format!("unknown table {key}"));
        }
        let mut skips = Self::default();
        let entries = file.get("skip").map(|list| list.as_array().ok_or("skip is not a list"));
        for (number, entry) in entries.transpose()?.into_iter().flatten().enumerate() {
            let field = |key: &str| {
                let value = entry.get(key).and_then(toml::Value::as_str).map(str::trim);
                let value = value.filter(|value| !value.is_empty()).map(str::to_owned);
                value.ok_or_else(|| format!("entry {} has no {key}", number + 1))
            };
            let (suite, case, reason) = (field("suite")?, field("case")?, field("reason")?);
            let cases = skips.suites.entry(suite).or_default();
            if cases.insert(case.clone(), reason).is_some() {
                return Err(format!("entry {} repeats case {case}", number + 1));
            }
        }
        Ok(skips)
    }

    /// The reason why a case is skipped, `None` when it must be run.
    pub fn reason(&self, suite: &str, case: &str) -> Option<&str> {
        let reason = self.suites.get(suite)?.get(case)?;
        self.used.lock().expect("no test panics here").insert((suite.into(), case.into()));
        Some(reason)
    }

    /// To be called after the whole suite has run.
    ///
    /// # Panics
    /// When an entry of this suite was never asked for: the case is gone or misspelt.
    pub fn assert_all_used(&self, suite: &str) {
        let used = self.used.lock().expect("no test panics here");
        let unused: Vec<_> = self
            .suites
            .get(suite)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter(|case| !used.contains(&(suite.to_owned(), (*case).clone())))
            .collect();
        assert!(unused.is_empty(), "skips.toml: no such case in suite {suite}: {unused:?}");
    }
}

#[cfg(test)]
mod tests;
