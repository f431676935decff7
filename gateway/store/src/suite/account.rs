//! The gateway's own affairs: seals, the order of times, register, tallies.

use onepoint_proof::countersign::{CountersignAlgorithm, verify_countersignature};
use onepoint_proof::statement::{Day, running_next, running_start};
use onepoint_proof::{FactKind, SignedCheckpoint};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::*;
use crate::error::Cause;
use crate::{LogParts, Seal};

/// A seal with a key of its own in a certificate that is one only as far as its public key.
pub(crate) struct TestSeal {
    key: EcdsaKeyPair,
    chain: Vec<Vec<u8>>,
    works: bool,
}

impl TestSeal {
    pub(crate) fn new(works: bool) -> Box<TestSeal> {
        TestSeal::with(&TestSeal::key(), works)
    }

    /// A new key, as PKCS#8.
    pub(crate) fn key() -> Vec<u8> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        pkcs8.as_ref().to_vec()
    }

    /// The same seal for the same key.
    pub(crate) fn with(pkcs8: &[u8], works: bool) -> Box<TestSeal> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &random).unwrap();
        let chain = vec![certificate(key.public_key().as_ref()), b"its issuer".to_vec()];
        Box::new(TestSeal { key, chain, works })
    }
}

/// SEQUENCE around `parts`.
fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let inner = parts.concat();
    let mut out = vec![0x30];
    match u8::try_from(inner.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(byte) => out.extend([0x81, byte]),
        Err(_) => out.extend([&[0x82][..], &(inner.len() as u16).to_be_bytes()].concat()),
    }
    out.extend(inner);
    out
}

/// The bones of X.509: serial number, five empty fields' worth, and the key.
fn certificate(point: &[u8]) -> Vec<u8> {
    let curve: &[u8] = &[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
        0x3d, 0x03, 0x01, 0x07,
    ];
    let bits = [&[0x03, 0x42, 0x00], point].concat();
    let spki = sequence(&[&sequence(&[curve]), &bits]);
    let empty = sequence(&[]);
    let serial: &[u8] = &[0x02, 0x01, 0x01];
    let tbs = sequence(&[serial, &empty, &empty, &empty, &empty, &spki]);
    sequence(&[&tbs])
}

impl Seal for TestSeal {
    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, algorithm: CountersignAlgorithm, message: &[u8]) -> Result<Vec<u8>, Cause> {
        assert_eq!(algorithm, CountersignAlgorithm::EcdsaP256Sha256);
        if !self.works {
            return Err("the key is away".into());
        }
        Ok(self.key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }
}

fn sealed<B: Backend>(backend: &B, seal: Box<TestSeal>) -> Ledger<B::Store> {
    Ledger::open(backend.store(), LogParts { signer: signer(), seal: Some(seal), head: None })
        .unwrap()
}

pub(crate) fn checkpoints_carry_the_seal_and_receipts_its_chain<B: Backend>() {
    let backend = B::new();
    let seal = TestSeal::new(true);
    let chain = seal.chain.clone();
    let mut ledger = sealed(&backend, seal);
    let committed = commit(&mut ledger, 0..2).unwrap();
    let row = committed.checkpoint().unwrap();
    assert_eq!(row.seal, Some(Hash::of(&chain[0])));
    let signed = SignedCheckpoint::open(row.note.as_bytes(), &verifier()).unwrap();
    let by = verify_countersignature(&signed, &chain[0]).unwrap();
    assert_eq!(by.time_ms, NOW);
    let receipt = committed.receipt(3).unwrap();
    assert_eq!(receipt.chain, chain);
    assert_holds(&receipt);
    let reader = backend.reader();
    assert_eq!(reader.receipt(3).unwrap().unwrap(), receipt);

    // Another certificate from now on: what the old one sealed keeps the old one's chain.
    drop(ledger);
    let next = TestSeal::new(true);
    let next_chain = next.chain.clone();
    let mut ledger = sealed(&backend, next);
    assert_eq!(reader.receipt(3).unwrap().unwrap().chain, chain);
    commit(&mut ledger, 2..3).unwrap();
    let receipt = reader.receipt(3).unwrap().unwrap();
    assert_eq!(receipt.chain, next_chain);
    assert_holds(&receipt);
    assert_eq!(reader.seal_chain(&Hash::of(&chain[0])).unwrap(), chain);
    assert_eq!(reader.seal_chain(&Hash::of(b"no")).unwrap(), Vec::<Vec<u8>>::new());

    // Without one: bare again.
    drop(ledger);
    let mut ledger = Ledger::open(backend.store(), signer()).unwrap();
    commit(&mut ledger, 3..4).unwrap();
    assert_eq!(reader.receipt(3).unwrap().unwrap().chain, Vec::<Vec<u8>>::new());
    assert_eq!(audit(&reader), 4);
}

pub(crate) fn a_seal_that_does_not_sign_stops_the_group_and_nothing_else<B: Backend>() {
    let backend = B::new();
    let mut ledger = sealed(&backend, TestSeal::new(false));
    let error = commit(&mut ledger, 0..1).unwrap_err();
    assert_eq!(error.code(), "store-seal-failed");
    assert!(!error.is_fatal());
    assert_eq!(audit(&backend.reader()), 0);
}

pub(crate) fn times_never_go_back<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    assert_eq!(ledger.time(5), 5);
    let at = |ledger: &mut Ledger<B::Store>, time_ms: i64| {
        let fact = Fact::new(FactKind::KEY, time_ms);
        ledger.commit(5, &mut |tx| tx.append(None, None, fact.clone()).map(drop))
    };
    at(&mut ledger, NOW).unwrap();
    // The checkpoint is not older than the facts it covers.
    assert_eq!(reader.latest_checkpoint().unwrap().unwrap().time_ms, NOW);
    assert_eq!(ledger.time(NOW - 3_600_000), NOW);
    assert_eq!(ledger.time(NOW + 1), NOW + 1);
    let error = at(&mut ledger, NOW - 1).unwrap_err();
    assert_eq!(error.code(), "store-value-invalid");
    at(&mut ledger, NOW).unwrap();
    at(&mut ledger, NOW + 5).unwrap();
    let error = ledger.commit(NOW, &mut |tx| {
        tx.append(None, None, Fact::new(FactKind::KEY, NOW + 9))?;
        tx.append(None, None, Fact::new(FactKind::KEY, NOW + 8)).map(drop)
    });
    assert_eq!(error.unwrap_err().code(), "store-value-invalid");
    // The group that failed has not moved the time.
    assert_eq!(ledger.time(0), NOW + 5);
    drop(ledger);
    let (ledger, _) = open(&backend);
    assert_eq!(ledger.time(0), NOW + 5);
}

/// Facts are counted for who sent the message they are about, by the day of the fact.
pub(crate) fn facts_are_tallied_by_sender_and_day<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let today = Day::of(NOW);
    commit(&mut ledger, 0..3).unwrap();
    let own = Fact::new(FactKind::KEY, NOW);
    ledger.commit(NOW, &mut |tx| tx.append(None, None, own.clone()).map(drop)).unwrap();
    commit(&mut ledger, 3..4).unwrap();
    let later = Fact::new(FactKind::ANSWERED, NOW + 86_400_000);
    let answered = |tx: &mut LedgerTx<'_>| tx.append(Some(&id(1)), None, later.clone()).map(drop);
    ledger.commit(NOW, &mut |tx| answered(tx)).unwrap();

    let tallies = reader.tallies(today.number()).unwrap();
    let [tally] = &tallies[..] else { panic!("{tallies:?}") };
    assert_eq!((tally.participant.as_str(), tally.count), ("jia", 8));
    assert_eq!((tally.first, tally.last), (0, 8));
    let listed = reader.facts_about("jia", 0, 100).unwrap();
    assert_eq!(listed.len(), 9);
    let mut running = running_start("jia", today);
    for row in listed.iter().filter(|row| Day::of(row.time_ms) == today) {
        running = running_next(&running, row.index, &row.leaf_hash);
    }
    assert_eq!(running, tally.running);
    assert_eq!(reader.tallies(today.next().number()).unwrap()[0].count, 1);
    assert_eq!(reader.facts_about("jia", 8, 1).unwrap()[0].index, 8);
    assert!(reader.facts_about("yi", 0, 9).unwrap().is_empty());
    let rows = reader.facts(6, 2).unwrap();
    assert_eq!(rows[0].participant, None, "about no message");
    assert_eq!(rows[1].participant.as_deref(), Some("jia"));
    assert_eq!(reader.checkpoints(6, 9).unwrap().len(), 3);

    // A group that is given up has counted nothing.
    let failed = ledger.commit(NOW, &mut |tx| {
        answered(tx)?;
        Err(StoreError::abandoned("no", "no"))
    });
    assert_eq!(failed.unwrap_err().code(), "no");
    assert_eq!(reader.tallies(today.next().number()).unwrap()[0].count, 1);
}

pub(crate) fn days_close_once_and_in_order<B: Backend>() {
    let backend = B::new();
    let (mut ledger, _) = open(&backend);
    let mut close = |day| {
        let mut before = None;
        let done = ledger.commit(NOW, &mut |tx| {
            before = tx.closed_day()?;
            tx.close_day(day)
        });
        done.map(|_| before)
    };
    assert_eq!(close(100).unwrap(), None);
    assert_eq!(close(101).unwrap(), Some(100));
    assert_eq!(close(100).unwrap_err().code(), "store-conflict");
    assert_eq!(close(101).unwrap(), Some(101));
}

pub(crate) fn the_register_keeps_what_was_said_last<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let mut put = |kind: &str, name: &str, digest: Option<Hash>| {
        let fact = Fact::new(FactKind::PARTICIPANT, NOW);
        let mut known = Vec::new();
        ledger
            .commit(NOW, &mut |tx| {
                let index = tx.append(None, None, fact.clone())?;
                tx.put_registered(kind, name, digest.as_ref(), index)?;
                known = tx.registered("participant")?;
                Ok(())
            })
            .map(|_| known.into_iter().map(|row| (row.name, row.digest)).collect::<Vec<_>>())
    };
    put("participant", "yi", Some(digest(1))).unwrap();
    put("policy", "strict", Some(digest(2))).unwrap();
    let known = put("participant", "jia", Some(digest(3))).unwrap();
    assert_eq!(known, [("jia".to_owned(), digest(3)), ("yi".to_owned(), digest(1))]);
    assert_eq!(reader.registered_fact("participant", "yi").unwrap(), Some(0));
    let known = put("participant", "yi", Some(digest(4))).unwrap();
    assert_eq!(known[1].1, digest(4));
    assert_eq!(reader.registered_fact("participant", "yi").unwrap(), Some(3));
    let known = put("participant", "yi", None).unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(reader.registered_fact("participant", "yi").unwrap(), None);
    assert_eq!(put("", "x", None).unwrap_err().code(), "store-value-invalid");
    assert_eq!(put("k", &"x".repeat(2000), None).unwrap_err().code(), "store-value-invalid");
}
