//! Ends what a test started when the test process dies without a chance to clean up
//! (SIGKILL, abort, or a broker held in a static). A small shell waits at the end of
//! a pipe that only the test process holds; when the pipe breaks, it kills the
//! processes written down in the folder and removes the folder.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `$1` is the folder. `read` returns when the pipe is closed.
const SCRIPT: &str = r#"
read -r _
for file in "$1"/guarded-*; do
    [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null
done
rm -rf "$1"
"#;

/// Guards processes whose ids are files in a folder; see the module.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    folder: PathBuf,
}

impl Watchdog {
    /// Starts watching. When this process ends in any way, the guarded processes are
    /// killed and `folder` is removed with all that is in it.
    pub fn start(folder: &Path) -> Watchdog {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(folder)
            // An interrupt at the terminal must not end the watchdog before its time.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        Watchdog { shell, folder: folder.to_owned() }
    }

    /// Puts a process under guard, in place of an earlier one of that name.
    pub fn guard(&self, name: &str, pid: u32) {
        let file = self.file(name);
        fs::write(&file, pid.to_string()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }

    /// The process has been waited for; its id may belong to another by now.
    pub fn forget(&self, name: &str) {
        fs::remove_file(self.file(name)).ok();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("guarded-{name}"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Whoever drops it has ended the processes himself.
        if self.shell.kill().is_ok() {
            self.shell.wait().ok();
        }
    }
}
