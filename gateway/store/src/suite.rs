//! What every store must do, as tests written against the traits alone.
//!
//! In: a [`Backend`] that opens a store in an empty place; out: tests, made by the
//! macro `suite!` beside each backend. A second database passes the same ones.

pub(crate) mod account;
pub(crate) mod log;
pub(crate) mod rows;

use onepoint_proof::{
    Fact, FactKind, Hash, LogSigner, LogVerifier, Receipt, Tree, VerifyOptions, leaf_hash,
    verify_receipt,
};

use crate::model::*;
use crate::{Committed, Ledger, LedgerTx, Reader, Store, StoreError};

/// Where a test's store is, and how to open it.
pub(crate) trait Backend {
    /// Its writer.
    type Store: Store;
    /// Its reader.
    type Reader: Reader + Clone + 'static;

    /// An empty place, removed with the value.
    fn new() -> Self;
    /// Opens the writer; the one before must be gone.
    fn store(&self) -> Self::Store;
    /// A reader of what the writer wrote.
    fn reader(&self) -> Self::Reader;
}

/// A test for each name: `suite!(Backend; module: test test; module: test)`.
macro_rules! suite {
    ($backend:ty; $($module:ident: $($test:ident)*);* $(;)?) => {$($(
        #[test]
        fn $test() {
            crate::suite::$module::$test::<$backend>();
        }
    )*)*};
}
pub(crate) use suite;

/// The time of the tests: 2026-11-24T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_478_400_000;

pub(crate) fn signer() -> LogSigner {
    LogSigner::from_seed("log.onepoint.example/1", &[7; 32]).unwrap()
}

pub(crate) fn verifier() -> LogVerifier {
    signer().verifier().clone()
}

pub(crate) fn open<B: Backend>(backend: &B) -> (Ledger<B::Store>, B::Reader) {
    let ledger = Ledger::open(backend.store(), signer()).unwrap();
    let reader = backend.reader();
    (ledger, reader)
}

pub(crate) fn id(n: usize) -> String {
    format!("0193a000-0000-7000-8000-{n:012}")
}

pub(crate) fn digest(n: usize) -> Hash {
    Hash::of(&n.to_be_bytes())
}

pub(crate) fn fact(kind: FactKind, n: usize) -> Fact {
    Fact::new(kind, NOW).set("message", id(n)).set("sender", "jia")
}

/// A message row; the borrowed parts are the caller's.
pub(crate) fn message<'a>(
    id: &'a str,
    guid: &'a str,
    n: usize,
    payload: &'a [u8],
) -> NewMessage<'a> {
    NewMessage {
        id,
        zone: "z1",
        sender: "jia",
        guid: Some(guid),
        content_digest: digest(n),
        message_type: "CEB311Message",
        media_type: "application/xml",
        outcome: Outcome::Accepted,
        received_ms: NOW,
        payload: Payload::of(payload),
    }
}

pub(crate) fn delivery<'a>(
    id: &'a str,
    message: &'a str,
    destination: &'a str,
    body: BodyId,
) -> NewDelivery<'a> {
    NewDelivery {
        id,
        message,
        kind: DestinationKind::Department,
        destination,
        routing_key: "x.import.order.CEB311Message",
        order_keys: &[],
        message_type: "CEB311Message",
        headers: "{}",
        body,
        created_ms: NOW,
    }
}

/// Everything the commit stage writes for an accepted message with one document: the message,
/// its document and key, two facts, two deliveries. Returns the indexes of the facts.
pub(crate) fn accept(tx: &mut LedgerTx<'_>, n: usize) -> Result<[u64; 2], StoreError> {
    let (id, guid, payload) = (id(n), format!("G{n:035}"), format!("<order n='{n}'/>"));
    let order = format!("P1|{n}");
    let body = tx.insert_message(&message(&id, &guid, n, payload.as_bytes()))?;
    let key = BusinessKey { kind: "order", value: &order };
    tx.insert_document(&NewDocument {
        message: &id,
        index: 0,
        guid: Some(&guid),
        app_type: Some(1),
        business_key: Some(key),
        order_key: Some(&order),
        outcome: Outcome::Accepted,
    })?;
    tx.put_business_key(&NewKeyVersion {
        key,
        version: 1,
        message: &id,
        document: 0,
        app_type: 1,
        declared_ms: NOW,
        period_start_ms: NOW,
    })?;
    let first = tx.append(Some(&id), None, fact(FactKind::ACCEPTED, n))?;
    let second = tx.append(Some(&id), Some(0), fact(FactKind::ACCEPTED, n).set("document", 0))?;
    for department in ["customs", "tax"] {
        let delivery_id = format!("{id}.{department}");
        tx.insert_outbox(&delivery(&delivery_id, &id, department, body))?;
    }
    Ok([first, second])
}

/// Commits the messages of a range in one group.
pub(crate) fn commit<S: Store>(
    ledger: &mut Ledger<S>,
    messages: std::ops::Range<usize>,
) -> Result<Committed, StoreError> {
    ledger.commit(NOW, &mut |tx| {
        for n in messages.clone() {
            accept(tx, n)?;
        }
        Ok(())
    })
}

/// Verifies a receipt as its holder would, from its file.
pub(crate) fn assert_holds(receipt: &Receipt) {
    let json = receipt.to_json().unwrap();
    let options = VerifyOptions { now_ms: Some(NOW), ..VerifyOptions::default() };
    let report = verify_receipt(json.as_bytes(), &[verifier()], &options);
    assert!(report.ok(), "{report:?}\n{json}");
}

/// Checks the whole of what a reader shows against itself, as an auditor would, for messages
/// 0.. written by [`accept`]; returns their number.
pub(crate) fn audit<R: Reader>(reader: &R) -> usize {
    let size = reader.latest_checkpoint().unwrap().map_or(0, |latest| latest.size);
    let counts = reader.counts().unwrap();
    assert_eq!(counts.facts, size, "no fact without a checkpoint over it");
    assert_eq!(size % 2, 0, "a message is there with both of its facts or not at all");
    let messages = usize::try_from(size / 2).unwrap();
    let mut tree = Tree::new();
    for n in 0..messages {
        let row = reader.message(&id(n)).unwrap().unwrap();
        let payload = reader.body(row.body).unwrap().unwrap();
        assert_eq!(payload, format!("<order n='{n}'/>").as_bytes());
        assert_eq!(reader.documents(&id(n)).unwrap().len(), 1);
        assert_eq!(reader.deliveries_of(&id(n)).unwrap().len(), 2);
        let facts = reader.facts_of(&id(n)).unwrap();
        assert_eq!(facts.len(), 2, "message {n}");
        for fact in facts {
            assert_eq!(tree.append(leaf_hash(&fact.entry)), fact.index);
            assert_holds(&reader.receipt(fact.index).unwrap().unwrap());
        }
    }
    if let Some(latest) = reader.latest_checkpoint().unwrap() {
        assert_eq!(tree.root(), latest.root);
    }
    assert_eq!(reader.message(&id(messages)).unwrap(), None);
    let messages_counted = u64::try_from(messages).unwrap();
    assert_eq!(counts.accepted, messages_counted);
    assert_eq!(counts.pending + counts.relayed + counts.delivered, 2 * messages_counted);
    messages
}
