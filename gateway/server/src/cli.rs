//! The command line of the one binary. Only words here; each command lives in
//! its own file under `commands/`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) mod audit;
pub(crate) mod certs;
pub(crate) mod check;
pub(crate) mod routes;
pub(crate) mod schemas;
pub(crate) mod selftest;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod store;

/// Exit codes, the same for every command.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the answer is no: refused, not verified, an outcome was not the expected one
  2  the command line or the configuration is wrong
  3  something outside failed: a file, the network, the gateway
  4  the journal failed: stop, look at the disk, start again";

/// What an adapter does, and with what behind it.
const ADAPTER: &str = "\
Run the adapter of one department: take its messages from [gateway] (pulled) or [broker] \
(RabbitMQ), map them, answer in signed envelopes. Each effect happens once ([inbox]).

With [backend] the department's own system gets each mapped message, and its replies become \
the answers. Its key `kind` is one of:
  http       POST with certificates on both sides; replies in the response or at `replies`
  folder     a file for each order in `orders`, a file for each reply in `replies`
  postgres   a row for each order in one table, a row for each reply in another
  amqp       another broker: [backend.broker], `exchange`, `key`, the queue `replies`
  simulator  none: behaves as its [[backend.step]]s say
Without [backend] the mapping itself answers. README has every key.";

/// One-point access: hand in a signed declaration once, every department gets it, receipts prove it.
#[derive(Debug, Parser)]
#[command(name = "onepoint", version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole job on this machine: parties, gateway, departments, good and bad messages
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArgs),
    /// Write a configuration and a test PKI into a folder
    #[command(after_help = EXIT_CODES)]
    Init(InitArgs),
    /// Run the gateway
    #[command(after_help = EXIT_CODES)]
    Serve(ServeArgs),
    /// Run the adapter of one department
    #[command(long_about = ADAPTER, after_help = EXIT_CODES)]
    Adapter(AdapterArgs),
    /// Sign a message: XML Signature, DXP envelope, JSON Web Signature
    #[command(after_help = EXIT_CODES)]
    Sign(sign::SignArgs),
    /// Send a signed message to a gateway and print its answer
    #[command(after_help = EXIT_CODES)]
    Send(SendArgs),
    /// Print what all departments together have said of a message
    #[command(after_help = EXIT_CODES)]
    Status(status::StatusArgs),
    /// Verify receipts offline
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
    /// Audit a log: follow it, compare copies of it
    #[command(after_help = EXIT_CODES)]
    Audit(audit::AuditArgs),
    /// Explain what would become of a message, stage by stage, without sending it
    #[command(after_help = EXIT_CODES)]
    Check(check::CheckArgs),
    /// Look at certificates: when they end, and whose flows stop then
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// Check a configuration and say everything that is wrong with it
    #[command(after_help = EXIT_CODES)]
    CheckConfig(CheckConfigArgs),
    /// Message types: list, describe, try a file, add a set
    #[command(subcommand)]
    Schemas(schemas::SchemasCommand),
    /// The routing table as queues at the broker: show, plan, apply, test
    #[command(subcommand)]
    Routes(routes::RoutesCommand),
    /// Give a department once more what it was given in a period
    #[command(after_help = EXIT_CODES)]
    Replay(routes::ReplayArgs),
    /// Dead letters of a pulled queue: list, requeue
    #[command(subcommand)]
    Dead(routes::DeadCommand),
    /// Let this gateway prove itself on this machine
    #[command(after_help = EXIT_CODES)]
    Selftest(selftest::SelftestArgs),
    /// Look after a journal: stats, archive, keys
    #[command(subcommand)]
    Store(store::StoreCommand),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep everything (configuration, keys, messages, receipts, journal) in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Use this broker instead of the embedded queue, for instance amqp://guest:guest@127.0.0.1:5672/%2f
    #[arg(long, value_name = "URL")]
    pub(crate) amqp: Option<String>,
    /// How many orders to send, with four documents each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) orders: u32,
    /// Print JSON, one object a line, instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The folder to write; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Address the gateway will listen on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8443")]
    pub(crate) listen: std::net::SocketAddr,
    /// Use this broker
    #[arg(long, value_name = "URL")]
    pub(crate) amqp: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AdapterArgs {
    /// The department: customs, tax, forex, inspection, commerce, market, post, transport, finance, government or park
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The adapter's configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// List what the back end refused or what was given up, instead of running
    #[arg(long)]
    pub(crate) dead: bool,
    /// Let a dead order wait for the back end again, by its delivery, instead of running
    #[arg(long, value_name = "DELIVERY")]
    pub(crate) again: Vec<String>,
}

// Whom to trust at a gateway, and as whom to talk to it.
#[derive(Debug, clap::Args)]
pub(crate) struct IdentityArgs {
    /// PEM of the anchors that the gateway's TLS certificate leads to
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// PEM of your own certificate, leaf first
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// PEM of its private key (PKCS#8)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SendArgs {
    /// The signed message, in any form that `sign` makes; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) message: PathBuf,
    /// The gateway, for instance https://127.0.0.1:8443
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Save each receipt into this folder as `ID-N.receipt.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) receipts: Option<PathBuf>,
    /// Print the gateway's answer as it came
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Receipt files
    #[arg(value_name = "RECEIPT", required = true)]
    pub(crate) receipts: Vec<PathBuf>,
    /// The log's verifier key: the key itself (name+hash+base64) or a file with it
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: String,
    /// PEM of the CA certificates that the countersigning certificate may lead to
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
    /// The message the receipt is about; its digest is compared
    #[arg(long, value_name = "FILE")]
    pub(crate) message: Option<PathBuf>,
    /// Print every finding as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfigArgs {
    /// The gateway's configuration
    #[arg(value_name = "FILE", default_value = "onepoint.toml")]
    pub(crate) config: PathBuf,
    /// Print the faults as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
