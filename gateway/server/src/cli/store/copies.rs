//! The words of `onepoint store check`, `backup`, `restore` and `head`.

use std::path::PathBuf;

/// Where a journal and what belongs to it are: from a configuration, or named one by one.
#[derive(Debug, clap::Args)]
pub(crate) struct JournalArgs {
    /// The gateway's configuration: names journal, log key, head file and master keys
    #[arg(long, value_name = "FILE", required_unless_present = "store")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the journal
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) known: KnownArgs,
}

/// What is known of a log besides its journal.
#[derive(Debug, clap::Args)]
pub(crate) struct KnownArgs {
    /// The log's verifier key: the key itself (name+hash+base64) or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: Option<String>,
    /// The head file of the log
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
    /// The file of master keys
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
    /// An auditor's copy of the log, in C2SP layout
    #[arg(long, value_name = "DIR")]
    pub(crate) mirror: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Print each finding as JSON, one a line, and the summary as the last one
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The gateway's configuration: names the journal
    #[arg(long, value_name = "FILE", required_unless_present = "store")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the journal
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Folder of the backup; an earlier backup in it is replaced once this one is whole
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// Folder of the backup
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// Folder of the journal to be; must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// The last checkpoint that anybody outside holds
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The gateway's configuration: names log key, head file and master keys
    #[arg(long, value_name = "FILE", required_unless_present = "log_key")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) known: KnownArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct HeadArgs {
    /// The gateway's configuration: names journal and head file
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Make the head file anew from the journal as it is; the gateway must be stopped
    #[arg(long)]
    pub(crate) accept: bool,
}
