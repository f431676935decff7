//! Countersignatures by a made-up gateway with a P-256 key; RSA is tested with
//! real certificates in the conformance crate.

#![allow(clippy::string_slice)]

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::*;
use crate::checkpoint::Checkpoint;
use crate::hash::encode_base64;
use crate::note::LogSigner;

const ORIGIN: &str = "log.example.com/2026";
const TIME: i64 = 1_795_478_401_000;
const OID_EC_P256: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => out.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    if (0x80..0x100).contains(&content.len()) {
        out.splice(1..4, [0x81, content.len() as u8]);
    }
    out.extend(content);
    out
}

/// The shape of a certificate around a key; nothing else in it is real.
pub(crate) fn certificate(identifier: &[u8], key: &[u8]) -> Vec<u8> {
    let info = element(0x30, &[&element(0x30, &[identifier]), &element(3, &[&[0], key])]);
    let sequence = element(0x30, &[]);
    let padding = element(0x30, &[&[5, 0].repeat(100)]);
    let inner = element(
        0x30,
        &[
            &element(0xa0, &[&[2, 1, 2]]),
            &[2, 1, 7],
            &sequence,
            &padding,
            &sequence,
            &sequence,
            &info,
        ],
    );
    element(0x30, &[&inner, &sequence, &element(3, &[&[0]])])
}

/// A gateway's P-256 key with its certificate.
pub(crate) struct Gateway {
    pair: EcdsaKeyPair,
    pub(crate) certificate: Vec<u8>,
}

impl Gateway {
    pub(crate) fn new() -> Gateway {
        let random = SystemRandom::new();
        let method = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(method, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(method, key.as_ref(), &random).unwrap();
        let certificate = certificate(OID_EC_P256, pair.public_key().as_ref());
        Gateway { pair, certificate }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn countersign(&self, signed: &mut SignedCheckpoint, time_ms: i64) {
        let draft = CountersignDraft::new(signed, &self.certificate, time_ms).unwrap();
        let line = draft.finish(&self.sign(draft.message())).unwrap();
        signed.note_mut().add(line).unwrap();
    }
}

fn checkpoint() -> SignedCheckpoint {
    let signer = LogSigner::from_seed(ORIGIN, &[5; 32]).unwrap();
    Checkpoint::new(ORIGIN, 3, Hash::EMPTY_ROOT).sign(&signer).unwrap()
}

/// The checkpoint with a countersignature whose payload `change` has altered.
fn altered(gateway: &Gateway, change: impl Fn(&mut Vec<u8>)) -> &'static str {
    let mut good = checkpoint();
    gateway.countersign(&mut good, TIME);
    let mut line = good.note().signatures()[1].clone();
    change(&mut line.bytes);
    let mut bad = checkpoint();
    bad.note_mut().add(line).unwrap();
    verify_countersignature(&bad, &gateway.certificate).unwrap_err().code()
}

#[test]
fn signed_bytes_and_key_id_are_as_documented() {
    let gateway = Gateway::new();
    let signed = checkpoint();
    let draft = CountersignDraft::new(&signed, &gateway.certificate, TIME).unwrap();
    let digest = encode_base64(Hash::of(&gateway.certificate).as_bytes());
    let expected = format!(
        "onepoint-countersignature/1\nalgorithm ecdsa-p256-sha256\ncertificate {digest}\ntime 1795478401000\n{}",
        signed.note().text()
    );
    assert_eq!(draft.message(), expected.as_bytes());
    assert_eq!(draft.algorithm(), CountersignAlgorithm::EcdsaP256Sha256);
    let info = public_key_info(&gateway.certificate).unwrap();
    assert_eq!((info.len(), &info[..4]), (91, &b"\x30\x59\x30\x13"[..]));
    let mut hashed = format!("{ORIGIN}\n").into_bytes();
    hashed.push(0xff);
    hashed.extend_from_slice(b"onepoint-countersignature/1\n");
    hashed.extend_from_slice(info);
    let id = Hash::of(&hashed).to_hex();
    assert_eq!(format!("{:08x}", countersign_key_id(ORIGIN, info)), id[..8]);
    let line = draft.finish(&gateway.sign(draft.message())).unwrap();
    assert_eq!(line.bytes.len(), 1 + 8 + 64);
    assert_eq!((line.bytes[0], &line.bytes[1..9]), (1, &TIME.to_be_bytes()[..]));
}

#[test]
fn added_beside_the_log_key_and_verified() {
    let gateway = Gateway::new();
    let mut signed = checkpoint();
    gateway.countersign(&mut signed, TIME);
    gateway.countersign(&mut signed, TIME + 5);
    let again = SignedCheckpoint::parse_unverified(signed.to_string().as_bytes()).unwrap();
    let good = verify_countersignature(&again, &gateway.certificate).unwrap();
    assert_eq!((good.time_ms, good.algorithm.name()), (TIME, "ecdsa-p256-sha256"));
    let log = LogSigner::from_seed(ORIGIN, &[5; 32]).unwrap();
    assert_eq!(again.verify(log.verifier()), Ok(()));
}

#[test]
fn each_fault_has_its_code() {
    let gateway = Gateway::new();
    let missing = verify_countersignature(&checkpoint(), &gateway.certificate);
    assert_eq!(missing.unwrap_err().code(), "countersignature-missing");
    let malformed = verify_countersignature(&checkpoint(), b"0");
    assert_eq!(malformed.unwrap_err().code(), "certificate-malformed");
    assert_eq!(altered(&gateway, |b| b.truncate(9)), "countersignature-malformed");
    assert_eq!(altered(&gateway, |b| b.truncate(1)), "countersignature-malformed");
    assert_eq!(altered(&gateway, |b| b[1] = 0xff), "countersignature-malformed");
    assert_eq!(altered(&gateway, |b| b[1] = 0x7f), "countersignature-malformed");
    assert_eq!(altered(&gateway, |b| b.extend([0; 1000])), "countersignature-malformed");
    assert_eq!(altered(&gateway, |b| b[0] = 2), "countersignature-algorithm");
    assert_eq!(altered(&gateway, |b| b[0] = 0), "countersignature-algorithm");
    assert_eq!(altered(&gateway, |b| b[8] ^= 1), "countersignature-wrong");
    for at in 9..73 {
        assert_eq!(altered(&gateway, |b| b[at] ^= 1), "countersignature-wrong");
    }
    assert_eq!(altered(&gateway, |b| b.push(0)), "countersignature-wrong");
}

#[test]
fn another_certificate_of_the_same_key_is_not_the_one_that_signed() {
    let gateway = Gateway::new();
    let mut signed = checkpoint();
    gateway.countersign(&mut signed, TIME);
    let mut other = gateway.certificate.clone();
    let at = other.windows(3).position(|w| w == [2, 1, 7]).unwrap();
    other[at + 2] = 8;
    let error = verify_countersignature(&signed, &other).unwrap_err();
    assert_eq!(error.code(), "countersignature-wrong");
    let stranger = Gateway::new();
    let error = verify_countersignature(&signed, &stranger.certificate).unwrap_err();
    assert_eq!(error.code(), "countersignature-missing");
}

#[test]
fn nothing_is_drafted_that_would_not_verify() {
    let gateway = Gateway::new();
    let signed = checkpoint();
    let draft = |certificate: &[u8], time| {
        CountersignDraft::new(&signed, certificate, time).unwrap_err().code()
    };
    assert_eq!(draft(&gateway.certificate, -1), "countersignature-time");
    assert_eq!(draft(&gateway.certificate, MAX_TIME_MS + 1), "countersignature-time");
    assert_eq!(draft(b"", TIME), "certificate-malformed");
    let other_key = certificate(b"\x06\x03\x2b\x65\x70", &[0; 32]);
    assert_eq!(draft(&other_key, TIME), "certificate-key-unsupported");
    let good = CountersignDraft::new(&signed, &gateway.certificate, TIME).unwrap();
    let stranger = Gateway::new().sign(good.message());
    assert_eq!(good.finish(&stranger).unwrap_err().code(), "countersignature-wrong");
}

#[test]
fn a_line_for_a_key_that_is_no_key_is_refused() {
    let unsupported = certificate(b"\x06\x03\x2b\x65\x70", &[0; 32]);
    let info = public_key_info(&unsupported).unwrap();
    let mut signed = checkpoint();
    let line = NoteSignature {
        name: ORIGIN.to_owned(),
        key_id: countersign_key_id(ORIGIN, info),
        bytes: [&[1][..], &TIME.to_be_bytes(), &[0; 64]].concat(),
    };
    signed.note_mut().add(line).unwrap();
    let error = verify_countersignature(&signed, &unsupported).unwrap_err();
    assert_eq!(error.code(), "certificate-key-unsupported");
}

#[test]
fn every_cut_of_a_certificate_is_refused() {
    let whole = Gateway::new().certificate;
    for length in 0..whole.len() {
        assert!(public_key_info(&whole[..length]).is_err());
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(public_key_info(&longer).is_err());
    for bad in [
        &b"\x30\x80\x00\x00"[..],
        b"\x30\x81\x05abcde",
        b"\x30\x84\x00\x00\x00\x00",
        b"\x30\x82\x00\x80",
    ] {
        assert!(public_key_info(bad).is_err());
    }
}

#[test]
fn every_error_has_both_languages() {
    let errors = [
        CountersignError::Certificate,
        CountersignError::Key,
        CountersignError::Time { time_ms: -1 },
        CountersignError::Missing { id: 1 },
        CountersignError::Malformed,
        CountersignError::Algorithm { found: 9 },
        CountersignError::BadSignature,
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
    assert_eq!(CountersignAlgorithm::RsaPkcs1Sha256.byte(), 2);
    assert_eq!(CountersignAlgorithm::RsaPkcs1Sha256.name(), "rsa-pkcs1-sha256");
}

proptest! {
    #[test]
    fn reading_certificates_never_panics(bytes: Vec<u8>) {
        let _found = public_key_info(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0usize..300, byte: u8) {
        let mut bytes = certificate(OID_EC_P256, &[4; 65]);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _found = CountersignDraft::new(&checkpoint(), &bytes, TIME);
    }
}
