//! A store with everything in it, as a gateway leaves it: accepted and refused
//! messages, deliveries at every stage, answers, plain and sealed payloads, a seal,
//! a register, a head file. For the tests that check, copy and damage stores.

use std::path::Path;

use onepoint_proof::{Fact, FactKind, Hash, LogVerifier};
use serde_json::json;

use super::*;
use crate::suite::account::TestSeal;
use crate::suite::{delivery, id, signer};
use crate::{
    BusinessKey, CheckFinding, CheckOptions, Checked, Head, Ledger, LedgerTx, LogParts, MasterKeys,
    NewAnswer, NewDocument, NewKeyVersion, NewMessage, Outcome, Payload, StoreError, check,
};

/// The master keys of the tests.
pub(in crate::sqlite) const MASTER: &str =
    "onepoint-master-key/1 m1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// A filled store, and its keys and head in another folder.
pub(in crate::sqlite) struct Filled {
    pub(in crate::sqlite) store: TempDir,
    pub(in crate::sqlite) keys: TempDir,
    pub(in crate::sqlite) key: LogVerifier,
    seal: Vec<u8>,
}

impl Filled {
    /// With so many messages, a tenth of them plain and the rest sealed.
    pub(in crate::sqlite) fn new(messages: usize) -> Filled {
        let filled = Filled {
            store: tempfile::tempdir().unwrap(),
            keys: tempfile::tempdir().unwrap(),
            key: signer().verifier().clone(),
            seal: TestSeal::key(),
        };
        let plain = messages / 10;
        fill(&mut filled.ledger(false), 0..plain);
        fill(&mut filled.ledger(true), plain..messages);
        filled
    }

    pub(in crate::sqlite) fn folder(&self) -> PathBuf {
        self.store.path().join("journal")
    }

    pub(in crate::sqlite) fn head(&self) -> PathBuf {
        self.keys.path().join("log.head")
    }

    pub(in crate::sqlite) fn masters() -> MasterKeys {
        MasterKeys::parse(MASTER).unwrap()
    }

    /// Opens it for writing, as a gateway does.
    pub(in crate::sqlite) fn ledger(&self, sealed: bool) -> Ledger<SqliteStore> {
        self.try_ledger(sealed).unwrap()
    }

    pub(in crate::sqlite) fn try_ledger(
        &self,
        sealed: bool,
    ) -> Result<Ledger<SqliteStore>, StoreError> {
        let master_keys = sealed.then(Filled::masters);
        let options = SqliteOptions { master_keys, ..SqliteOptions::new(self.folder(), NOW) };
        let store = SqliteStore::open(&options)?;
        let parts = LogParts {
            signer: signer(),
            seal: Some(TestSeal::with(&self.seal, true)),
            head: Some(Head::open(self.head())?),
        };
        Ledger::open(store, parts)
    }

    pub(in crate::sqlite) fn reader(&self) -> SqliteReader {
        SqliteReader::open_with(&self.folder(), 1, Some(Filled::masters())).unwrap()
    }

    /// A connection past everything that guards the store.
    pub(in crate::sqlite) fn raw(&self) -> Connection {
        Connection::open(self.folder().join(DATABASE_FILE)).unwrap()
    }

    /// The findings of a check with all keys.
    pub(in crate::sqlite) fn check(&self) -> Vec<CheckFinding> {
        self.check_with(None).1
    }

    pub(in crate::sqlite) fn check_with(
        &self,
        mirror: Option<&Path>,
    ) -> (Checked, Vec<CheckFinding>) {
        let masters = Filled::masters();
        let options = CheckOptions {
            folder: &self.folder(),
            log_key: Some(&self.key),
            head: Some(&self.head()),
            mirror,
            master_keys: Some(&masters),
        };
        let mut found = Vec::new();
        let checked = check(&options, &mut |finding| found.push(finding.clone())).unwrap();
        assert_eq!(checked.ok(), found.is_empty());
        (checked, found)
    }
}

/// Commits messages in groups of three, as a gateway does, and what becomes of them.
pub(in crate::sqlite) fn fill(ledger: &mut Ledger<SqliteStore>, messages: std::ops::Range<usize>) {
    let all: Vec<usize> = messages.collect();
    for group in all.chunks(3) {
        let (now, later) = (ledger.time(NOW) + 1, ledger.time(NOW) + 2);
        ledger.commit(now, &mut |tx| group.iter().try_for_each(|n| message(tx, *n, now))).unwrap();
        let moved = |tx: &mut LedgerTx<'_>| group.iter().try_for_each(|n| moved(tx, *n, later));
        ledger.commit(later, &mut { moved }).unwrap();
    }
    let now = ledger.time(NOW);
    ledger
        .commit(now, &mut |tx| {
            let fact = Fact::new(FactKind::POLICY, now).set("policy", "strict");
            let index = tx.append(None, None, fact)?;
            tx.put_registered("policy", "strict", Some(&Hash::of(b"strict")), index)
        })
        .unwrap();
}

fn start(kind: FactKind, n: usize, time_ms: i64) -> Fact {
    Fact::new(kind, time_ms).set("message", id(n)).set("zone", "z1")
}

/// Every seventh is refused.
fn message(tx: &mut LedgerTx<'_>, n: usize, now: i64) -> Result<(), StoreError> {
    let refused = n % 7 == 6;
    let (id, guid, payload) = (id(n), format!("G{n:035}"), format!("<order n='{n}'/>").repeat(9));
    let order = format!("P1|{n}");
    let content = Hash::of(format!("content {n}").as_bytes());
    let body = tx.insert_message(&NewMessage {
        id: &id,
        zone: "z1",
        sender: if n.is_multiple_of(2) { "jia" } else { "yi" },
        guid: (!refused).then_some(&guid),
        content_digest: content,
        message_type: "CEB311Message",
        media_type: "application/xml",
        outcome: if refused { Outcome::Refused } else { Outcome::Accepted },
        received_ms: now,
        payload: Payload::of(payload.as_bytes()),
    })?;
    let key = BusinessKey { kind: "order", value: &order };
    tx.insert_document(&NewDocument {
        message: &id,
        index: 0,
        guid: Some(&guid),
        app_type: Some(1),
        business_key: Some(key),
        order_key: Some(&order),
        outcome: if refused { Outcome::Refused } else { Outcome::Accepted },
    })?;
    let kind = if refused { FactKind::REFUSED } else { FactKind::ACCEPTED };
    let fact = start(kind, n, now)
        .set("sender", if n.is_multiple_of(2) { "jia" } else { "yi" })
        .set("guid", guid.clone())
        .set("type", "CEB311Message")
        .set("content", content.to_hex())
        .set("digest", json!({ "sha256": Hash::of(payload.as_bytes()).to_hex() }))
        .set("document", 0);
    tx.append(Some(&id), Some(0), fact)?;
    if refused {
        return Ok(());
    }
    tx.put_business_key(&NewKeyVersion {
        key,
        version: 1,
        message: &id,
        document: 0,
        app_type: 1,
        declared_ms: now,
        period_start_ms: now,
    })?;
    for department in ["customs", "tax"] {
        let delivery_id = format!("{id}.{department}");
        tx.insert_outbox(&delivery(&delivery_id, &id, department, body))?;
    }
    Ok(())
}

/// The delivery to customs goes as far as the message's number says; some are answered.
fn moved(tx: &mut LedgerTx<'_>, n: usize, time_ms: i64) -> Result<(), StoreError> {
    let id = id(n);
    let delivery_id = format!("{id}.customs");
    let Some(delivery) = tx.delivery_by_id(&delivery_id)? else { return Ok(()) };
    let about = |kind| {
        start(kind, n, time_ms).set("delivery", delivery_id.clone()).set("department", "customs")
    };
    if !n.is_multiple_of(4) {
        tx.mark_relayed(delivery.seq, time_ms)?;
        tx.append(Some(&id), None, about(FactKind::RELAYED))?;
    }
    if n % 4 > 1 {
        tx.mark_delivered(delivery.seq, time_ms)?;
        tx.append(Some(&id), None, about(FactKind::DELIVERED))?;
    }
    if n % 4 > 2 {
        let (answer_id, payload) = (format!("A{n}"), format!("<answer n='{n}'/>").repeat(5));
        let content = Hash::of(format!("answer {n}").as_bytes());
        tx.insert_answer(&NewAnswer {
            department: "customs",
            answer_id: &answer_id,
            message: &id,
            content_digest: content,
            message_type: "CEB312Message",
            received_ms: time_ms,
            payload: Payload::of(payload.as_bytes()),
        })?;
        tx.set_document_status(&id, 0, 120, time_ms)?;
        let fact = about(FactKind::ANSWERED)
            .set("answer", answer_id)
            .set("content", content.to_hex())
            .set("digest", json!({ "sha256": Hash::of(payload.as_bytes()).to_hex() }))
            .set("status", "120")
            .set("document", 0);
        tx.append(Some(&id), Some(0), fact)?;
    }
    Ok(())
}

/// A copy of the published log in C2SP layout, as an auditor keeps it.
pub(in crate::sqlite) fn mirror(reader: &SqliteReader, to: &Path) {
    use crate::Reader as _;
    use onepoint_proof::{TileId, TilePath};
    let latest = reader.latest_checkpoint().unwrap().unwrap();
    let put = |path: String, bytes: Vec<u8>| {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("checkpoint".into(), latest.note.into_bytes());
    for level in 0..2 {
        let mut index = 0;
        while let Some(id) = TileId::in_tree(latest.size, level, index) {
            put(id.path(), reader.tile_bytes(level, index, id.width).unwrap().unwrap());
            if level == 0 {
                let path = TilePath::Entries { index, width: id.width }.to_string();
                put(path, reader.entry_bundle(index, id.width).unwrap().unwrap());
            }
            index += 1;
        }
    }
}
