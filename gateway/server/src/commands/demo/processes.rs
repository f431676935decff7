//! The processes of the demo: this same binary as gateway and as adapters. They
//! end with the demo, also when it fails.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::commands::Failure;

/// A child process that is ended when this is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already is as good as ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts this binary with `args`; its log goes to `log`. Waits for the line that
/// says it is up, and gives what stands behind `marker` in it.
pub(crate) fn start(
    args: &[&str],
    folder: &Path,
    log: &str,
    marker: &str,
) -> Result<(Running, String), Failure> {
    let failed = |what: String| {
        let hint = format!("look into {}", folder.join(log).display());
        Failure::outside("demo-process", what, hint)
    };
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let log_file = File::create(folder.join(log)).map_err(|e| failed(e.to_string()))?;
    let child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let mut running = Running { child };
    let Some(out) = running.child.stdout.take() else {
        return Err(failed("no standard output".to_owned()));
    };
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).map_err(|e| failed(e.to_string()))?;
    match line.trim().split_once(marker) {
        Some((_, rest)) => Ok((running, rest.trim().to_owned())),
        None => Err(failed(format!("`onepoint {}` did not start", args.join(" ")))),
    }
}

/// Runs this binary to its end: exit code and standard output.
pub(crate) fn finish(args: &[&str], folder: &Path) -> Result<(i32, String), Failure> {
    let failed = |e: std::io::Error| Failure::outside("demo-process", e.to_string(), "");
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let output = command.output().map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.code().unwrap_or(-1), text))
}
