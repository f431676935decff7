//! Words of `onepoint status`.

use super::IdentityArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The gateway's id of the message, as `send` printed it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The gateway
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Print the gateway's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
