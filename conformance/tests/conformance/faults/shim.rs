//! The library that lets calls fail: compiled once with the C compiler of the machine,
//! loaded in front of libc into the gateway alone, told what to do through a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What fails in one gateway.
pub(super) struct Shim {
    control: PathBuf,
    clock: PathBuf,
}

impl Shim {
    /// Files that steer it, beside the zone's.
    pub(super) fn new(folder: &Path) -> Shim {
        let shim =
            Shim { control: folder.join("iofault.plan"), clock: folder.join("iofault.clock") };
        shim.off();
        shim.clock(0);
        shim
    }

    /// The environment of a gateway whose calls may fail.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        vec![
            ("LD_PRELOAD", text(library())),
            ("IOFAULT_CONTROL", text(&self.control)),
            ("IOFAULT_CLOCK", text(&self.clock)),
        ]
    }

    /// From now on: of `calls` on the file whose path ends with `file`, `skip` pass, then
    /// `count` (0: all) come to `action`. See the head of `iofault.c`.
    pub(super) fn plan(&self, calls: &str, file: &str, skip: usize, count: usize, action: &str) {
        drop(fs::remove_file(self.seen_path()));
        self.write(&self.control, &format!("{calls} {file} {skip} {count} {action}\n"));
    }

    /// Everything works.
    pub(super) fn off(&self) {
        self.write(&self.control, "");
    }

    /// The wall clock goes wrong by so many seconds.
    pub(super) fn clock(&self, seconds: i64) {
        self.write(&self.clock, &format!("{seconds}\n"));
    }

    /// How many calls of the plan there were.
    pub(super) fn seen(&self) -> usize {
        let text = fs::read_to_string(self.seen_path()).unwrap_or_default();
        text.trim().parse().unwrap_or_default()
    }

    fn seen_path(&self) -> PathBuf {
        self.control.with_extension("plan.seen")
    }

    /// Whole or not at all: the gateway reads it at any moment.
    fn write(&self, path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).expect("a file of the test");
        fs::rename(&new, path).expect("a file of the test");
    }
}

/// The library; compiled by the first who asks.
fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("onepoint-iofault-").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let path = folder.path().join("iofault.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/iofault.c");
        let output = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&path, &source])
            .args(["-ldl", "-pthread"])
            .output()
            .expect("cc can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        (folder, path)
    });
    path
}
