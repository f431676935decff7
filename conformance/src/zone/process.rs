//! One process of a zone. In come a program with its arguments and the line that says
//! that it is up; out goes a child that is killed when dropped. What it prints is kept
//! in a file, and shown when it does not come up.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For a machine on which everything else runs beside it.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);
/// Lines of a log that are shown.
const SHOWN: usize = 40;

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` and waits until it has printed `marker`.
    /// Its log is appended to `NAME.log` in `folder`.
    ///
    /// # Panics
    /// With the end of its log when it ends, or says nothing in a minute.
    pub fn start(mut command: Command, name: &str, folder: &Path, marker: &str) -> Process {
        let (out, log) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.log")));
        let file = |e| panic!("{}: {e}", folder.display());
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap_or_else(file))
            .stderr(OpenOptions::new().create(true).append(true).open(&log).unwrap_or_else(file))
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
        let mut process = Process { name: name.to_owned(), child, log };
        let started = Instant::now();
        while !fs::read_to_string(&out).is_ok_and(|said| said.contains(marker)) {
            if let Some(status) = process.ended() {
                panic!("{name} ended with {status}\n{}", process.log_end());
            }
            let waited = started.elapsed();
            assert!(waited < START_TIMEOUT, "{name} is not up\n{}", process.log_end());
            sleep(LOOK);
        }
        process
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// SIGKILL, as when the power fails but for the page cache.
    pub fn kill(mut self) {
        assert!(self.ended().is_none(), "{} ended by itself\n{}", self.name, self.log_end());
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {name} {id}");
    }

    /// SIGTERM; it must end well.
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "{} ended with {status}\n{}", self.name, self.log_end());
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            let waited = started.elapsed();
            assert!(waited < STOP_TIMEOUT, "{} does not end\n{}", self.name, self.log_end());
            sleep(LOOK);
        }
    }

    /// The end of what it wrote.
    pub fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing may panic here: the test may be unwinding already.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
        if std::thread::panicking() {
            eprintln!("== the end of the log of {}\n{}", self.name, self.log_end());
        }
    }
}
