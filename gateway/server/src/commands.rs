//! What the commands share: how they end. Each command is a function from its
//! arguments to an exit code or a [`Failure`] with one message and a hint.

use std::path::Path;
use std::process::ExitCode;

pub(crate) mod adapter;
pub(crate) mod again;
pub(crate) mod audit;
pub(crate) mod certs;
pub(crate) mod check;
pub(crate) mod check_config;
pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod routes;
pub(crate) mod schemas;
pub(crate) mod selftest;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod verify;

/// A command that could not do its work: one message, one hint, an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
    pub(crate) exit: u8,
}

/// What a command comes to.
pub(crate) type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// The command line or a configuration is wrong: exit code 2.
    pub(crate) fn usage(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Failure {
        Failure { code, message: message.into(), hint: hint.into(), exit: 2 }
    }

    /// Something outside failed: exit code 3.
    pub(crate) fn outside(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Failure {
        Failure { code, message: message.into(), hint: hint.into(), exit: 3 }
    }

    /// Prints it and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("onepoint: {} [{}]", self.message, self.code);
        if !self.hint.is_empty() {
            eprintln!("  hint: {}", self.hint);
        }
        ExitCode::from(self.exit)
    }
}

/// Reads a file, or standard input for `-`, up to `max` bytes.
pub(crate) fn read_input(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Failure::outside("file-unreadable", format!("{shown}: {error}"), "name a file that exists")
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        let message = format!("{shown}: larger than {max} bytes");
        return Err(Failure::usage("file-too-large", message, "split the message"));
    }
    Ok(bytes)
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, Failure> {
    let bytes = read_input(path, max)?;
    String::from_utf8(bytes).map_err(|_| {
        let message = format!("{}: not UTF-8", path.display());
        Failure::usage("file-not-utf8", message, "save the file as UTF-8")
    })
}

/// Writes a file that must not exist yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = std::fs::File::create_new(path)?;
        std::io::Write::write_all(&mut file, bytes)
    };
    write().map_err(|error| {
        let hint = "choose a name that is free, in a folder you may write to";
        Failure::outside("file-unwritable", format!("{}: {error}", path.display()), hint)
    })
}

/// Makes a folder, with those above it, when it is not there.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| {
        let hint = "choose a folder you may write to";
        Failure::outside("folder-unwritable", format!("{}: {error}", path.display()), hint)
    })
}

/// The runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::outside("runtime-failed", error.to_string(), "raise the limits of this process")
    })
}
