//! `onepoint sign`: puts a signature on a message, in the form that is asked for: an enveloped
//! XML Signature, a signed DXP envelope around it, or a JSON Web Signature over it.

use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::announcement179::{Payment, PaymentError};
use onepoint_envelope::dxp::DxpMsg;
use onepoint_envelope::jws::{self, JwsOptions};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_xml::{Document, Limits};

use super::{Failure, Outcome, read_text, write_new};
use crate::cli::sign::{SignArgs, SignForm};
use crate::clock::Clock;
use crate::config::BODY_BYTES_MAX;

/// Bound of a certificate or key file, bytes.
pub(crate) const PEM_MAX: u64 = 1 << 20;

pub(crate) fn run(args: &SignArgs) -> Outcome {
    let text = read_text(&args.message, BODY_BYTES_MAX)?;
    let (chain, key) = identity(&args.certificate, &args.key)?;
    let signer = Signer { key, chain };
    let signed = match args.form {
        SignForm::Xml => signer.xml(&text)?,
        SignForm::Jws => signer.jws(&text, args.flattened)?,
        SignForm::Announcement179 => signer.payment_data(&text)?,
        SignForm::Dxp => {
            let address = |id: &Option<String>| id.clone().unwrap_or_default();
            let (from, to) = (address(&args.dxp_from), address(&args.dxp_to));
            signer.dxp(&text, &from, &to, Clock.now())?
        }
    };
    match &args.output {
        Some(path) => write_new(path, signed.as_bytes())?,
        None => std::io::stdout().lock().write_all(signed.as_bytes()).map_err(|error| {
            Failure::outside("output-unwritable", error.to_string(), "name a file with --output")
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Who signs with what.
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    pub(crate) chain: Vec<Certificate>,
}

impl Signer {
    /// The document with an enveloped XML Signature.
    pub(crate) fn xml(&self, xml: &str) -> Result<String, Failure> {
        xmldsig::sign(xml, &self.key, &self.chain, &SignOptions::default())
            .map_err(|error| Failure::usage(error.code(), error.en(), "mend the message"))
    }

    /// The message as the payload of a JSON Web Signature.
    pub(crate) fn jws(&self, message: &str, flattened: bool) -> Result<String, Failure> {
        let options = JwsOptions::default();
        let payload = message.as_bytes();
        let signed = match flattened {
            true => jws::sign_flattened(payload, &self.key, &self.chain, &options),
            false => jws::sign_compact(payload, &self.key, &self.chain, &options),
        };
        signed.map_err(|error| Failure::usage(error.code(), error.en(), error.expected()))
    }

    /// The JSON of `payExInfoStr`: the same data with `certNo` and `signValue`.
    pub(crate) fn payment_data(&self, json: &str) -> Result<String, Failure> {
        let failed =
            |error: PaymentError| Failure::usage(error.code(), error.en(), error.expected());
        let payment = Payment::read(json).map_err(failed)?;
        let certificate = self.chain.first().ok_or_else(|| {
            Failure::usage("certificate-missing", "the file holds no certificate", "leaf first")
        })?;
        payment.sign(&self.key, certificate).map_err(failed)
    }

    /// The document, as it is, in a DXP envelope that is signed.
    pub(crate) fn dxp(
        &self,
        xml: &str,
        from: &str,
        to: &str,
        at: Timestamp,
    ) -> Result<String, Failure> {
        let parsed = Document::parse(xml.as_bytes().to_vec(), &Limits::default());
        let document = parsed
            .map_err(|error| Failure::usage(error.code(), error.en(), "give an XML message"))?;
        let message = DxpMsg {
            cop_msg_id: crate::intake::new_id(at).to_string(),
            sender_id: from.to_owned(),
            receiver_ids: vec![to.to_owned()],
            creat_time: at.to_string(),
            msg_type: document.root().name().local.to_owned(),
            data: xml.as_bytes().to_vec(),
            add_info: None,
        };
        message
            .check()
            .map_err(|error| Failure::usage(error.code(), error.en(), error.expected()))?;
        self.xml(&message.to_xml())
    }
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
