//! Words of `onepoint check`.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The signed message; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) message: PathBuf,
    /// Judge as the gateway with this configuration does; without it only signature, schema and rules are judged
    #[arg(long, value_name = "FILE", conflicts_with_all = ["registered", "anchors"])]
    pub(crate) config: Option<PathBuf>,
    /// The participant that hands the message in; without it whoever signed
    #[arg(long = "as", value_name = "ID", requires = "config")]
    pub(crate) submitter: Option<String>,
    /// PEM of a certificate that is registered for the signer; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) registered: Vec<PathBuf>,
    /// PEM of the anchors that the signer's chain has to lead to
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Option<PathBuf>,
    /// Write the canonical octets of the signed content into this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) canonical: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
