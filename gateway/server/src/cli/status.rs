//! Words of `onepoint status`.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The gateway's id of the message, as `send` printed it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The gateway
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// PEM of the anchors of the gateway's TLS certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// PEM of your own certificate, leaf first
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// PEM of its private key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Print the gateway's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
