//! What an outsider can check of a zone: its counters and its receipts. In come the
//! text of `/metrics` and receipts as JSON; out go numbers and verified facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{Certificate, TrustAnchors};
use onepoint_proof::{
    Checkpoint, Fact, LogVerifier, Report, SignedCheckpoint, VerifyOptions, verify_receipt,
};
use onepoint_relay::client::{ClientError, HttpClient};
use serde_json::Value;

/// The counters of a gateway at one moment.
#[derive(Clone, Debug, Default)]
pub struct Metrics(BTreeMap<String, u64>);

impl Metrics {
    /// Asks a gateway, as its operator or auditor.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(overseer: &HttpClient) -> Result<Metrics, ClientError> {
        let response = overseer.get("/metrics").await?;
        assert!(response.is_success(), "metrics: {}", response.text());
        Ok(Metrics::read(&response.text()))
    }

    /// Reads the exposition text: one line `name{labels} value` for each.
    pub fn read(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Metrics(values.collect())
    }

    /// The value of `name`, labels included; 0 when it was never counted.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How many of `what` the journal holds: accepted, refused, pending, facts …
    pub fn journal(&self, what: &str) -> u64 {
        self.get(&format!("onepoint_journal{{code=\"{what}\"}}"))
    }

    /// Publishes of a lane that the broker has not confirmed.
    pub fn in_flight(&self, lane: &str) -> u64 {
        self.get(&format!("onepoint_relay_in_flight{{lane=\"{lane}\"}}"))
    }
}

/// A receipt that holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Its place in the log.
    pub index: u64,
    /// What it proves.
    pub fact: Fact,
}

impl Verified {
    /// A member of the fact as text; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.fact.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The document of the message that the fact is about.
    pub fn document(&self) -> Option<usize> {
        usize::try_from(self.fact.get("document")?.as_u64()?).ok()
    }
}

/// Someone who has nothing but the log's public key and the anchors of certificates.
#[derive(Clone, Debug)]
pub struct Auditor {
    key: LogVerifier,
    anchors: Arc<TrustAnchors>,
}

impl Auditor {
    /// Reads a verifier key (C2SP signed note) and anchors (PEM).
    ///
    /// # Panics
    /// When they are none.
    pub fn new(key: &str, anchors: &str) -> Auditor {
        let key = LogVerifier::parse(key.trim()).expect("a verifier key");
        Auditor { key, anchors: Arc::new(TrustAnchors::from_pem(anchors).expect("anchors")) }
    }

    /// Verifies a receipt, and that it is about `message` where one is given. The checkpoint
    /// has to be countersigned, as in every pilot, by a certificate that was good then.
    ///
    /// # Errors
    /// The codes of all findings that failed.
    pub fn verify(&self, receipt: &Value, message: Option<&[u8]>) -> Result<Verified, String> {
        let bytes = receipt.to_string().into_bytes();
        let now_ms = Some(jiff::Timestamp::now().as_millisecond());
        let options = VerifyOptions { message, now_ms };
        let report = verify_receipt(&bytes, std::slice::from_ref(&self.key), &options);
        let mut faults: Vec<&str> = report.faults().collect();
        if !self.countersigned(&report) {
            faults.push("not countersigned by a certificate under the anchors");
        }
        match (report.fact(), receipt["index"].as_u64()) {
            (Some(fact), Some(index)) if report.ok() && faults.is_empty() => {
                Ok(Verified { index, fact: fact.clone() })
            }
            _ => Err(faults.join(", ")),
        }
    }

    fn countersigned(&self, report: &Report) -> bool {
        let chain = report.chain().iter().map(|der| Certificate::from_der(der.clone()).ok());
        let (Some(signed), Some(chain)) =
            (report.countersigned(), chain.collect::<Option<Vec<_>>>())
        else {
            return false;
        };
        let at = Timestamp::from_millisecond(signed.time_ms).unwrap_or_default();
        chain.split_first().is_some_and(|(leaf, issuers)| {
            self.anchors.verify_chain(leaf, issuers, at, SignedDuration::ZERO).is_ok()
        })
    }

    /// The checkpoint in a signed note, if this log signed it.
    ///
    /// # Panics
    /// When it is no checkpoint of this log.
    pub fn checkpoint(&self, note: &str) -> Checkpoint {
        let signed = SignedCheckpoint::open(note.as_bytes(), &self.key);
        let signed = signed.expect("a checkpoint of this log");
        signed.checkpoint().clone()
    }
}
