//! Words of `onepoint routes`, `onepoint replay` and `onepoint dead`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{EXIT_CODES, IdentityArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum RoutesCommand {
    /// Show which department gets what, by which key and queue
    #[command(after_help = EXIT_CODES)]
    Show(RoutesArgs),
    /// Compare the queues that the routing table needs with those at the broker; changes nothing
    #[command(after_help = EXIT_CODES)]
    Plan(RoutesArgs),
    /// Declare the queues that the routing table needs; doing it again changes nothing
    #[command(after_help = EXIT_CODES)]
    Apply(RoutesArgs),
    /// Show where a message would go, and why; nothing of it is judged but its type
    #[command(after_help = EXIT_CODES)]
    Test(RoutesTestArgs),
    /// Write the broker's users with the least rights each needs, for `rabbitmqctl import_definitions`
    #[command(after_help = EXIT_CODES)]
    Definitions(DefinitionsArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RoutesArgs {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RoutesTestArgs {
    /// The message, signed or not; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) message: PathBuf,
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DefinitionsArgs {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Write the definitions into this new file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Give each user a password, and write them into this new file; without it users log in by certificate only
    #[arg(long, value_name = "FILE")]
    pub(crate) passwords: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OperatorArgs {
    /// The gateway, for instance https://127.0.0.1:8443
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: String,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Print the gateway's answer as it came
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The department
    #[arg(long, value_name = "NAME")]
    pub(crate) department: String,
    /// What was accepted at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: jiff::Timestamp,
    /// What was accepted before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) to: jiff::Timestamp,
    /// Only messages of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) message_type: Option<String>,
    /// Do it; without this nothing is done, and what would be is shown
    #[arg(long)]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List what a department could not handle, with the reasons
    #[command(after_help = EXIT_CODES)]
    List(DeadArgs),
    /// Give dead letters to the department once more
    #[command(after_help = EXIT_CODES)]
    Requeue(DeadRequeueArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeadArgs {
    /// The department; its queue must be a pulled one
    #[arg(long, value_name = "NAME")]
    pub(crate) department: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeadRequeueArgs {
    /// The letters' ids, as `dead list` shows them
    #[arg(value_name = "LETTER", required = true)]
    pub(crate) letters: Vec<String>,
    /// The department; its queue must be a pulled one
    #[arg(long, value_name = "NAME")]
    pub(crate) department: String,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}
