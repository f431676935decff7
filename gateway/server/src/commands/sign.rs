//! `onepoint sign`: puts an enveloped XML Signature on a message.

use std::io::Write;
use std::process::ExitCode;

use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::xmldsig;

use super::{Failure, Outcome, read_text, write_new};
use crate::cli::SignArgs;
use crate::config::BODY_BYTES_MAX;

/// Bound of a certificate or key file, bytes.
pub(crate) const PEM_MAX: u64 = 1 << 20;

pub(crate) fn run(args: &SignArgs) -> Outcome {
    let xml = read_text(&args.message, BODY_BYTES_MAX)?;
    let (chain, key) = identity(&args.certificate, &args.key)?;
    let signed = xmldsig::sign(&xml, &key, &chain, &xmldsig::SignOptions::default())
        .map_err(|error| Failure::usage(error.code(), error.en(), "mend the message"))?;
    match &args.output {
        Some(path) => write_new(path, signed.as_bytes())?,
        None => std::io::stdout().lock().write_all(signed.as_bytes()).map_err(|error| {
            Failure::outside("output-unwritable", error.to_string(), "name a file with --output")
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a certificate chain and its key.
pub(crate) fn identity(
    certificate: &std::path::Path,
    key: &std::path::Path,
) -> Result<(Vec<Certificate>, SigningKey), Failure> {
    let chain = Certificate::from_pem(&read_text(certificate, PEM_MAX)?).map_err(|error| {
        let message = format!("{}: {error}", certificate.display());
        Failure::usage("certificate-unusable", message, "give a PEM file, leaf first")
    })?;
    let pem = zeroize::Zeroizing::new(read_text(key, PEM_MAX)?);
    let key_read = SigningKey::from_pkcs8_pem(&pem).map_err(|error| {
        let message = format!("{}: {error}", key.display());
        Failure::usage("key-unusable", message, "give a PEM file with a PKCS#8 private key")
    })?;
    Ok((chain, key_read))
}
