//! What one accepted document writes, and a log grown to a size.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{SignatureAlgorithm, SigningKey};
use onepoint_proof::countersign::CountersignAlgorithm;
use onepoint_proof::{Fact, FactKind, Hash};
use onepoint_store::{
    BusinessKey, Cause, DestinationKind, Ledger, LedgerTx, MessageKey, NewDelivery, NewDocument,
    NewKeyVersion, NewMessage, Outcome, Payload, Seal, SqliteStore, StoreError,
};

/// 2026-11-24T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_478_400_000;
/// Bytes of a payload: a signed order of one document.
pub(crate) const PAYLOAD: [u8; 6_000] = [b'x'; 6_000];
/// Facts of one message in the grown log: accepted, and relayed, delivered, answered twice.
const FACTS_OF_MESSAGE: u64 = 7;
/// Messages of a group while the log grows.
const GROWING: u64 = 2_000;

/// The names that one document has everywhere; the peer writes the same ones.
pub(crate) struct Names {
    pub(crate) id: String,
    pub(crate) guid: String,
    pub(crate) key: String,
}

pub(crate) fn names(n: usize) -> Names {
    // Like UUIDs of version 7: in order of time, as the gateway makes them.
    let id = format!("0193a000-{:04x}-7000-8000-{n:012x}", n >> 16);
    let guid = format!("4CDE1CFD-EDED-46B1-{n:016}");
    Names { id, guid, key: format!("440466T001|ORDER{n:010}") }
}

/// All that the commit stage reads and writes for an accepted document, with one fact.
pub(crate) fn accept(
    tx: &mut LedgerTx<'_>,
    n: usize,
    payload: Payload<'_>,
) -> Result<u64, StoreError> {
    let Names { id, guid, key } = names(n);
    let seen = tx.message_by_guid(&MessageKey { zone: "z1", sender: "platform", guid: &guid })?;
    assert!(seen.is_none());
    let body = tx.insert_message(&NewMessage {
        id: &id,
        zone: "z1",
        sender: "platform",
        guid: Some(&guid),
        content_digest: Hash::of(&n.to_be_bytes()),
        message_type: "CEB311Message",
        media_type: "application/xml",
        outcome: Outcome::Accepted,
        received_ms: NOW,
        payload,
    })?;
    let business = BusinessKey { kind: "order", value: &key };
    assert!(tx.business_key(&business)?.is_none());
    tx.insert_document(&NewDocument {
        message: &id,
        index: 0,
        guid: Some(&guid),
        app_type: Some(1),
        business_key: Some(business),
        order_key: Some(&key),
        outcome: Outcome::Accepted,
    })?;
    tx.put_business_key(&NewKeyVersion {
        key: business,
        version: 1,
        message: &id,
        document: 0,
        app_type: 1,
        declared_ms: NOW,
        period_start_ms: NOW,
    })?;
    for department in ["customs", "tax"] {
        tx.insert_outbox(&NewDelivery {
            id: &format!("{id}.{department}"),
            message: &id,
            kind: DestinationKind::Department,
            destination: department,
            routing_key: &format!("{department}.import.order.CEB311Message"),
            order_keys: std::slice::from_ref(&key),
            message_type: "CEB311Message",
            headers: r#"{"documents":[0],"received":"2026-11-24T00:00:00Z","sender":"platform"}"#,
            body,
            created_ms: NOW,
        })?;
    }
    tx.append(Some(&id), Some(0), fact(FactKind::ACCEPTED, &id))
}

/// A fact of the length that the gateway's have.
pub(crate) fn fact(kind: FactKind, message: &str) -> Fact {
    let hex = "2f379a76b4e559594a37fada510314d1a622ceea98be1479a2399552283f82e9";
    Fact::new(kind, NOW)
        .set("zone", "z1")
        .set("message", message)
        .set("digest", serde_json::json!({ "sha256": hex }))
        .set("content", hex)
        .set("certificate", hex)
        .set("sender", "platform")
        .set("submitter", "platform")
        .set("type", "CEB311Message")
        .set("schema", "ceb-2022-05")
        .set("departments", serde_json::json!(["customs", "tax"]))
        .set("policy", "strict")
        .set("document", 0)
        .set("documents", 1)
}

/// Grows a log by messages with all their facts; returns the number of messages.
pub(crate) fn grow(ledger: &mut Ledger<SqliteStore>, leaves: u64) -> usize {
    let kinds = [FactKind::RELAYED, FactKind::DELIVERED, FactKind::ANSWERED];
    let mut n = 0;
    while ledger.size() < leaves {
        let messages = (leaves - ledger.size()).div_ceil(FACTS_OF_MESSAGE).min(GROWING);
        let grown = ledger.commit(NOW, &mut |tx| {
            for _ in 0..messages {
                // Payloads lie apart: short ones keep the bench under a minute.
                accept(tx, n, Payload::of(&PAYLOAD[..64]))?;
                let id = names(n).id;
                for kind in kinds.iter().flat_map(|kind| [kind, kind]) {
                    tx.append(Some(&id), Some(0), fact(kind.clone(), &id))?;
                }
                n += 1;
            }
            Ok(())
        });
        grown.unwrap();
        ledger.maintain().unwrap();
    }
    n
}

/// One group of accepted documents; the time from its first row to its last receipt.
pub(crate) fn timed_group(
    ledger: &mut Ledger<SqliteStore>,
    range: std::ops::Range<usize>,
) -> Duration {
    let start = Instant::now();
    let mut indexes = Vec::new();
    let committed = ledger.commit(NOW, &mut |tx| {
        for n in range.clone() {
            indexes.push(accept(tx, n, Payload::of(&PAYLOAD))?);
        }
        Ok(())
    });
    let committed = committed.unwrap();
    for index in indexes {
        committed.receipt(index).unwrap();
    }
    let time = start.elapsed();
    ledger.maintain().unwrap();
    time
}

/// CPU time of this thread so far.
pub(crate) fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

struct BenchSeal {
    key: SigningKey,
    chain: Vec<Vec<u8>>,
}

/// A P-256 seal, as `onepoint init` makes one.
pub(crate) fn seal() -> Box<dyn Seal> {
    let from = Timestamp::from_millisecond(NOW).unwrap();
    let validity = Validity { from, until: from + SignedDuration::from_hours(24) };
    let ca = TestCa::new("bench CA", KeyKind::P256, validity).unwrap();
    let spec = LeafSpec::signer("seal", "OnePoint bench", KeyKind::P256, validity);
    let issued = ca.issue(&spec).unwrap();
    let key = SigningKey::from_pkcs8_pem(&issued.key_pem()).unwrap();
    Box::new(BenchSeal { key, chain: vec![issued.certificate.der().to_vec()] })
}

impl Seal for BenchSeal {
    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, algorithm: CountersignAlgorithm, message: &[u8]) -> Result<Vec<u8>, Cause> {
        assert_eq!(algorithm, CountersignAlgorithm::EcdsaP256Sha256);
        Ok(self.key.sign(SignatureAlgorithm::EcdsaP256Sha256, message)?)
    }
}
