//! The words of `onepoint store`.

use std::path::PathBuf;

use clap::Subcommand;

use super::EXIT_CODES;

pub(crate) mod copies;

/// What can be done to a journal.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Count what is in the journal; also beside a gateway that runs
    #[command(after_help = EXIT_CODES)]
    Stats(StoreArgs),
    /// Follow the retention policy now: archive and erase; the gateway must be stopped
    #[command(after_help = EXIT_CODES)]
    Archive(StoreArgs),
    /// Wrap all data keys by the first master key of the file; the gateway must be stopped
    #[command(after_help = EXIT_CODES)]
    Rewrap(StoreArgs),
    /// Print a line with a new master key, to be put on top of the file of master keys
    #[command(after_help = EXIT_CODES)]
    NewKey(NewKeyArgs),
    /// Read everything and tell what does not agree; also beside a gateway that runs
    #[command(after_help = EXIT_CODES)]
    Check(copies::CheckArgs),
    /// Copy the journal as of one moment; also beside a gateway that runs
    #[command(after_help = EXIT_CODES)]
    Backup(copies::BackupArgs),
    /// Put a backup into its place, checked, and never so that the log forks
    #[command(after_help = EXIT_CODES)]
    Restore(copies::RestoreArgs),
    /// Show the head file beside the journal, or make it anew
    #[command(after_help = EXIT_CODES)]
    Head(copies::HeadArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewKeyArgs {
    /// Name of the new key: a-z, 0-9, `-`, `.`, `_`; no other key of the file may have it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}
