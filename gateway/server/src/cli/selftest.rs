//! Words of `onepoint selftest`.

use std::path::PathBuf;

use super::EXIT_CODES;

#[derive(Debug, clap::Args)]
pub(crate) struct SelftestArgs {
    #[command(subcommand)]
    pub(crate) what: Selftest,
}

/// What to test.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Selftest {
    /// Kill a sandboxed gateway at every commit point in turn and at random moments; show that nothing is lost
    #[command(after_help = EXIT_CODES)]
    Crash(CrashArgs),
    /// Check a sandbox that `crash --keep` left: its journal against what senders and departments know
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// What `crash` runs to let housekeeping die: moves all payloads of closed messages of a sandbox
    #[command(hide = true)]
    Retain(RetainArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RetainArgs {
    /// The sandbox's configuration
    #[arg(value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Erase them as well
    #[arg(long)]
    pub(crate) erase: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CrashArgs {
    /// How often to kill it
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) runs: u32,
    /// Makes messages, places and moments of death; without it one is drawn and printed
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Keep the sandbox (configuration, keys, journal, evidence) in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The sandbox
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}
