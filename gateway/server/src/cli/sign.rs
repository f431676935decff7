//! Words of `onepoint sign`.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct SignArgs {
    /// The message; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) message: PathBuf,
    /// PEM of the signer's certificate, leaf first
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// PEM of the signer's private key (PKCS#8)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The form of the signature
    #[arg(long, value_enum, default_value_t = SignForm::Xml)]
    pub(crate) form: SignForm,
    /// With --form dxp: SenderId, the signer's registered address
    #[arg(long, value_name = "ID", required_if_eq("form", "dxp"))]
    pub(crate) dxp_from: Option<String>,
    /// With --form dxp: ReceiverId, the address of the gateway or of a department
    #[arg(long, value_name = "ID", required_if_eq("form", "dxp"))]
    pub(crate) dxp_to: Option<String>,
    /// With --form jws: the flattened JSON form instead of the compact one
    #[arg(long)]
    pub(crate) flattened: bool,
    /// Write the signed message here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SignForm {
    /// An enveloped XML Signature in the document
    Xml,
    /// The document, signed already or not, in a signed DxpMsg
    Dxp,
    /// A JSON Web Signature with the message as its payload
    Jws,
    /// The string of announcement 179, for a JSON object with sessionID, payExchangeInfoHead,
    /// payExchangeInfoLists and serviceTime
    #[value(name = "179")]
    Announcement179,
}
