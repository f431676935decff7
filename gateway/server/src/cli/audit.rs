//! The words of `onepoint audit`. Only words; the work is under `commands/audit/`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::IdentityArgs;

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
    /// Check a gateway's store against its own log
    Store(StoreArgs),
    /// Open facts that a seed draws, the same for everyone, and verify their receipts
    Sample(SampleArgs),
    /// Write the entries of a period as files, with a manifest of their digests
    Export(ExportArgs),
    /// Check a day's completeness statement against its list and against receipts
    Completeness(CompletenessArgs),
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

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The gateway's journal
    #[arg(long, value_name = "DIR")]
    pub(crate) store: PathBuf,
    /// A mirror of the log that the store must agree with
    #[arg(long, value_name = "DIR")]
    pub(crate) mirror: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// What the indexes are drawn from; agree on it after the checkpoint is known
    #[arg(long, value_name = "TEXT")]
    pub(crate) seed: String,
    /// How many facts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) count: u64,
    /// The gateway, for instance https://127.0.0.1:8443
    #[arg(long, value_name = "URL")]
    pub(crate) log: String,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Save the receipts into this folder as `INDEX.receipt.json`
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The mirror
    #[arg(long, value_name = "DIR")]
    pub(crate) mirror: PathBuf,
    /// The gateway's journal, for receipts
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// First day (UTC+8) as 2026-11-24, or a moment (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: String,
    /// Last day (UTC+8, all of it), or the moment before which it ends
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: String,
    /// The folder to write
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct CompletenessArgs {
    /// Receipt of the statement (member `statement` of `GET /v1/statements/{day}`)
    #[arg(value_name = "STATEMENT_RECEIPT")]
    pub(crate) statement: PathBuf,
    /// The day's list, as `GET /v1/statements/{day}` gives it; again for each further page
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Vec<PathBuf>,
    /// Receipts that the participant holds
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) receipts: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}
