//! Words of `onepoint certs`.

use std::path::PathBuf;

use clap::Subcommand;

use super::EXIT_CODES;

/// What can be asked about certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertsCommand {
    /// List every certificate, revocation list, dated policy, delegation and key: when it ends, and whose flows stop then
    #[command(after_help = EXIT_CODES)]
    Calendar(CalendarArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CalendarArgs {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Show what would be refused at the end of this day (UTC+8) instead; exit code 1 when there is something
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) at: Option<jiff::civil::Date>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}
