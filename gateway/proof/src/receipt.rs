//! The receipt file: everything needed to check one fact, in one JSON text.
//!
//! In: fact, nonce, proof, checkpoint and the gateway's certificates; out: the
//! file, its reading, and the verdict over it with every finding. A receipt
//! shows the fact to whoever holds the file; the log does not.

mod fields;
mod finding;
mod verify;

use serde_json::Value;

pub use finding::{Finding, Report};
pub use verify::{CLOCK_TOLERANCE_MS, EARLIEST_TIME_MS, VerifyOptions, verify_receipt};

use crate::fact::{Fact, FactError};
use crate::hash::{Hash, encode_base64};
use crate::json::{pretty, quoted};
use crate::leaf::Nonce;
use crate::proof::MAX_PROOF_HASHES;

/// Value of `format`; names the version.
pub const RECEIPT_FORMAT: &str = "onepoint-receipt/1";
/// Most bytes of a receipt file.
pub const MAX_RECEIPT_BYTES: usize = 1024 * 1024;
/// Most certificates in `chain`.
pub const MAX_CHAIN: usize = 8;
/// Most bytes of one certificate.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Members of a receipt, in the order in which they are written.
pub const RECEIPT_MEMBERS: [&str; 10] =
    ["format", "level", "origin", "fact", "nonce", "leaf", "index", "proof", "checkpoint", "chain"];

/// How far a receipt's proof goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The log signed its checkpoint.
    Signed,
    /// Reserved: independent witnesses cosigned the checkpoint as well.
    Witnessed,
    /// Reserved: a time-stamping authority dated the checkpoint as well.
    Timestamped,
}

impl Level {
    /// The value of `level`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Signed => "signed",
            Level::Witnessed => "witnessed",
            Level::Timestamped => "timestamped",
        }
    }
}

/// Why a receipt cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The fact has no canonical form or is too large.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// The file or a part of it is larger than a verifier would take.
    #[error("receipt's {part} has {found}, expected at most {most}")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// Count or bytes found.
        found: usize,
        /// Most allowed.
        most: usize,
    },
    /// The bytes are no receipt; the first finding that says so.
    #[error("not a receipt: {}", .0.en)]
    Malformed(Finding),
}

impl ReceiptError {
    /// Stable code; of a malformed receipt that of the finding.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ReceiptError::Fact(error) => error.code(),
            ReceiptError::TooLarge { .. } => "receipt-too-large",
            ReceiptError::Malformed(finding) => finding.code,
        }
    }

    /// English sentence.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese sentence.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            ReceiptError::Fact(error) => error.zh(),
            ReceiptError::TooLarge { part, found, most } => {
                format!("回执的 {part} 为 {found}，最多 {most}")
            }
            ReceiptError::Malformed(finding) => format!("不是回执：{}", finding.zh),
        }
    }
}

/// What a receipt of level `signed` holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Origin of the log.
    pub origin: String,
    /// The fact itself.
    pub fact: Fact,
    /// The nonce of its leaf.
    pub nonce: Nonce,
    /// Index of the leaf.
    pub index: u64,
    /// Inclusion proof for the checkpoint's size.
    pub proof: Vec<Hash>,
    /// The checkpoint, as the whole signed note.
    pub checkpoint: String,
    /// The gateway's certificate and its issuers (DER) when the checkpoint is
    /// countersigned; else empty.
    pub chain: Vec<Vec<u8>>,
}

impl Receipt {
    /// Writes the file: the same receipt gives the same bytes.
    ///
    /// # Errors
    /// [`ReceiptError::Fact`]; [`ReceiptError::TooLarge`] beyond what a verifier takes.
    pub fn to_json(&self) -> Result<String, ReceiptError> {
        let values = self.values()?;
        let mut out = String::from("{");
        for (place, (name, value)) in RECEIPT_MEMBERS.iter().zip(&values).enumerate() {
            out.push_str(if place == 0 { "\n  " } else { ",\n  " });
            out.push_str(&quoted(name));
            out.push_str(": ");
            pretty(value, 1, &mut out);
        }
        out.push_str("\n}\n");
        within("file", out.len(), MAX_RECEIPT_BYTES)?;
        Ok(out)
    }

    /// The same as a member of a larger text; saved by itself it is a receipt file.
    ///
    /// # Errors
    /// As of [`Receipt::to_json`]. Without the file's line breaks the bounds of its parts keep it
    /// below [`MAX_RECEIPT_BYTES`].
    pub fn to_value(&self) -> Result<Value, ReceiptError> {
        let members = RECEIPT_MEMBERS.iter().zip(self.values()?);
        Ok(Value::Object(members.map(|(name, value)| ((*name).to_owned(), value)).collect()))
    }

    /// The values of [`RECEIPT_MEMBERS`].
    fn values(&self) -> Result<[Value; RECEIPT_MEMBERS.len()], ReceiptError> {
        self.check_bounds()?;
        let (_, leaf) = self.fact.commit(&self.nonce)?;
        let text = |text: &str| Value::String(text.to_owned());
        let hashes = self.proof.iter().map(|hash| Value::String(hash.to_base64())).collect();
        let chain = self.chain.iter().map(|der| Value::String(encode_base64(der))).collect();
        Ok([
            text(RECEIPT_FORMAT),
            text(Level::Signed.as_str()),
            text(&self.origin),
            self.fact.to_value()?,
            Value::String(self.nonce.to_base64()),
            Value::String(leaf.to_string()),
            Value::from(self.index),
            Value::Array(hashes),
            text(&self.checkpoint),
            Value::Array(chain),
        ])
    }

    /// Reads a file without checking what it proves: for showing and
    /// completing receipts, never for believing them.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`] with the first finding.
    pub fn parse_unverified(bytes: &[u8]) -> Result<Receipt, ReceiptError> {
        let mut report = Report::new();
        let receipt = fields::read(bytes, &mut report).and_then(fields::Fields::into_receipt);
        let fault = report.findings().iter().find(|finding| !finding.ok);
        match (receipt, fault) {
            (Some(receipt), None) => Ok(receipt),
            (_, fault) => Err(ReceiptError::Malformed(
                fault.cloned().unwrap_or_else(|| Finding::fail("receipt-not-json", String::new())),
            )),
        }
    }

    fn check_bounds(&self) -> Result<(), ReceiptError> {
        within("proof", self.proof.len(), MAX_PROOF_HASHES)?;
        within("chain", self.chain.len(), MAX_CHAIN)?;
        self.chain.iter().try_for_each(|der| within("chain", der.len(), MAX_CERTIFICATE_BYTES))
    }
}

fn within(part: &'static str, found: usize, most: usize) -> Result<(), ReceiptError> {
    if found <= most { Ok(()) } else { Err(ReceiptError::TooLarge { part, found, most }) }
}

#[cfg(test)]
mod tests;
