//! Words of `onepoint schemas`.

use std::path::PathBuf;

use clap::Subcommand;

use super::EXIT_CODES;

/// What can be done with message types.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemasCommand {
    /// List every message type in every version
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Describe a type: fields, keys, parties, rules
    #[command(after_help = EXIT_CODES)]
    Show(ShowArgs),
    /// Print the JSON Schema (2020-12) of a type's JSON form
    #[command(after_help = EXIT_CODES)]
    Json(TypeArgs),
    /// Judge a message, XML or JSON, by its schema and rules, signed or not
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Check a department's own set completely, and copy it into the gateway's folder
    #[command(after_help = EXIT_CODES)]
    Add(AddArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// With the sets that the gateway of this configuration has added
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) kind: TypeArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

// One type of message. (A comment for rustdoc would be the help of the command.)
#[derive(Debug, clap::Args)]
pub(crate) struct TypeArgs {
    /// Name of the type, for instance CEB311Message
    #[arg(value_name = "TYPE")]
    pub(crate) name: String,
    /// Its version, for instance ceb/2018-113; without it the one that judges last
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// With the sets that the gateway of this configuration has added
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The message; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) message: PathBuf,
    /// Judge by this version, for instance ceb/2018-113; without it by the one that judges today
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// With the sets and days of the gateway of this configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print every violation as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The set: a folder with manifest.toml, schemas, examples and perhaps rules.toml
    #[arg(value_name = "DIR")]
    pub(crate) set: PathBuf,
    /// The gateway's configuration, which names the folder and must route the set's declarations
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Check only: copy nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
