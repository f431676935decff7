//! The members of a receipt, each read on its own.
//!
//! In: bytes; out: whatever members could be read, and a finding for each. One
//! broken member does not keep the others from being checked.

use serde_json::{Map, Value};

use super::finding::{Finding, Report};
use super::{
    Level, MAX_CERTIFICATE_BYTES, MAX_CHAIN, MAX_RECEIPT_BYTES, RECEIPT_FORMAT, RECEIPT_MEMBERS,
    Receipt,
};
use crate::checkpoint::SignedCheckpoint;
use crate::fact::Fact;
use crate::hash::{Hash, decode_base64};
use crate::json::{self, MAX_DEPTH};
use crate::leaf::{Leaf, Nonce};
use crate::note::check_key_name;
use crate::proof::MAX_PROOF_HASHES;

/// Members that could be read.
pub(super) struct Fields {
    pub(super) origin: Option<String>,
    pub(super) fact: Option<(Fact, Vec<u8>)>,
    pub(super) nonce: Option<Nonce>,
    pub(super) leaf: Option<Leaf>,
    pub(super) index: Option<u64>,
    pub(super) proof: Option<Vec<Hash>>,
    pub(super) checkpoint: Option<SignedCheckpoint>,
    pub(super) chain: Option<Vec<Vec<u8>>>,
}

impl Fields {
    /// A receipt, when every member could be read.
    pub(super) fn into_receipt(self) -> Option<Receipt> {
        self.leaf?;
        Some(Receipt {
            origin: self.origin?,
            fact: self.fact?.0,
            nonce: self.nonce?,
            index: self.index?,
            proof: self.proof?,
            checkpoint: self.checkpoint?.to_string(),
            chain: self.chain?,
        })
    }
}

/// Reads a receipt's members; `None` when it is no receipt of this format.
pub(super) fn read(bytes: &[u8], report: &mut Report) -> Option<Fields> {
    let members = read_object(bytes, report)?;
    let unknown = members.keys().find(|name| !RECEIPT_MEMBERS.contains(&name.as_str()));
    match unknown {
        None => report.pass("fields", ""),
        Some(name) => {
            report.fail("receipt-field-unknown", name.chars().take(64).collect::<String>())
        }
    }
    match text(&members, "level") {
        Some(level) if level == Level::Signed.as_str() => report.pass("level", level),
        level => report.fail("level-unsupported", short(level)),
    }
    Some(Fields {
        origin: read_origin(&members, report),
        fact: read_fact(&members, report),
        nonce: read_nonce(&members, report),
        leaf: read_leaf(&members, report),
        index: read_index(&members, report),
        proof: read_proof(&members, report),
        checkpoint: read_checkpoint(&members, report),
        chain: read_chain(&members, report),
    })
}

fn read_object(bytes: &[u8], report: &mut Report) -> Option<Map<String, Value>> {
    if bytes.len() > MAX_RECEIPT_BYTES {
        report.fail("receipt-too-large", format!("{} bytes", bytes.len()));
        return None;
    }
    // One level more than a fact: the receipt around it.
    let members = match json::parse(bytes, MAX_DEPTH + 1) {
        Ok(Value::Object(members)) => members,
        Ok(_) => {
            report.fail("receipt-not-json", "expected an object");
            return None;
        }
        Err(error) => {
            report.fail("receipt-not-json", error.0);
            return None;
        }
    };
    let format = text(&members, "format");
    if format == Some(RECEIPT_FORMAT) {
        report.pass("format", RECEIPT_FORMAT);
        Some(members)
    } else {
        report.fail("receipt-format-unsupported", short(format));
        None
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Value::as_str)
}

fn short(found: Option<&str>) -> String {
    found.map_or_else(|| "missing".to_owned(), |text| text.chars().take(64).collect())
}

fn read_origin(members: &Map<String, Value>, report: &mut Report) -> Option<String> {
    let origin = text(members, "origin");
    match origin.filter(|name| check_key_name(name).is_ok()) {
        Some(name) => {
            report.pass("origin", name);
            Some(name.to_owned())
        }
        None => {
            report.fail("origin-malformed", short(origin));
            None
        }
    }
}

fn read_fact(members: &Map<String, Value>, report: &mut Report) -> Option<(Fact, Vec<u8>)> {
    let value = members.get("fact").cloned().unwrap_or(Value::Null);
    let fact = Fact::from_value(value).and_then(|fact| {
        let bytes = fact.to_bytes()?;
        Ok((fact, bytes))
    });
    report.check("fact", fact, |e| Finding::error(e.code(), e.en(), e.zh()))
}

fn read_nonce(members: &Map<String, Value>, report: &mut Report) -> Option<Nonce> {
    let nonce = text(members, "nonce").and_then(|text| Nonce::from_base64(text).ok());
    report.check("nonce", nonce.ok_or(()), |()| Finding::fail("nonce-malformed", String::new()))
}

fn read_leaf(members: &Map<String, Value>, report: &mut Report) -> Option<Leaf> {
    let leaf = Leaf::parse(text(members, "leaf").unwrap_or_default().as_bytes());
    report.check("leaf", leaf, |e| Finding::error(e.code(), e.en(), e.zh()))
}

fn read_index(members: &Map<String, Value>, report: &mut Report) -> Option<u64> {
    let index = members.get("index").and_then(Value::as_u64);
    report.check("index", index.ok_or(()), |()| Finding::fail("index-malformed", String::new()))
}

fn read_proof(members: &Map<String, Value>, report: &mut Report) -> Option<Vec<Hash>> {
    let proof = members.get("proof").and_then(Value::as_array);
    let proof = proof.filter(|hashes| hashes.len() <= MAX_PROOF_HASHES).and_then(|hashes| {
        hashes.iter().map(|hash| hash.as_str().and_then(Hash::from_base64)).collect()
    });
    report.check("proof", proof.ok_or(()), |()| Finding::fail("proof-malformed", String::new()))
}

fn read_checkpoint(members: &Map<String, Value>, report: &mut Report) -> Option<SignedCheckpoint> {
    let note = text(members, "checkpoint").unwrap_or_default();
    let checkpoint = SignedCheckpoint::parse_unverified(note.as_bytes());
    report.check("checkpoint", checkpoint, |e| Finding::error(e.code(), e.en(), e.zh()))
}

fn read_chain(members: &Map<String, Value>, report: &mut Report) -> Option<Vec<Vec<u8>>> {
    let certificate = |value: &Value| {
        let der = value.as_str().and_then(decode_base64)?;
        (1..=MAX_CERTIFICATE_BYTES).contains(&der.len()).then_some(der)
    };
    let chain = members.get("chain").and_then(Value::as_array);
    let chain = chain
        .filter(|chain| chain.len() <= MAX_CHAIN)
        .and_then(|chain| chain.iter().map(certificate).collect());
    report.check("chain", chain.ok_or(()), |()| Finding::fail("chain-malformed", String::new()))
}
