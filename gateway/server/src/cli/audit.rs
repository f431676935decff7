//! The words of `onepoint audit`. Only words; the work is under `commands/audit/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) what: Audit,
}

/// What to audit.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Follow a log: fetch what is new, check all of it, keep a mirror
    Follow(FollowArgs),
    /// Compare two copies of a log: do they show the same tree?
    Compare(CompareArgs),
}

/// Whose log it is, and how to say what was found.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The log's verifier key: the key itself (name+hash+base64) or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: String,
    /// PEM of the CA certificates that the countersigning certificate may lead to
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
    /// Print every finding as JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// The log: a gateway (https://host:port) or a folder with a copy
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) log: String,
    /// PEM of the anchors that the gateway's TLS certificate leads to
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The folder of the mirror; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) mirror: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// One copy: a gateway (https://host:port) or a folder
    #[arg(value_name = "URL|DIR")]
    pub(crate) one: String,
    /// The other copy
    #[arg(value_name = "URL|DIR")]
    pub(crate) other: String,
    /// PEM of the anchors that a gateway's TLS certificate leads to
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}
