//! SM2 signatures that nobody here made: the example of GB/T 32918.5, two values of
//! the OpenSSL project over given digests, a genuine value of an e-port client over a
//! SignedInfo, and OpenSSL itself, both ways. In: the suite, and Debian's `openssl` 3.
//! Out: a failed assertion for any verdict that is not ours.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onepoint_certs::sm2::{self, DEFAULT_ID};
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{Certificate, PublicKey, SignatureAlgorithm, SigningKey};
use onepoint_conformance::suites;
use serde_json::Value;

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Sm2Sm3;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Every bit of a value changed, one after the other.
fn flipped(value: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..value.len() * 8).map(|bit| {
        let mut value = value.to_vec();
        value[bit / 8] ^= 1 << (bit % 8);
        value
    })
}

#[test]
fn the_example_of_the_standard() {
    let case = json(&suites::unpack("sm2sm3").join("sm/gbt32918-5-signature.json"));
    let point = [vec![4], hex(&case["public_x"]), hex(&case["public_y"])].concat();
    let key = sm2::Key::from_point(&point).unwrap();
    let message = case["message"].as_str().unwrap().as_bytes();
    let raw = [hex(&case["r"]), hex(&case["s"])].concat();
    let digest = key.digest(case["id"].as_str().unwrap(), message).unwrap();
    let judge = |raw: &[u8]| key.verify_digest(&digest, raw.try_into().unwrap()).is_ok();
    assert_eq!(judge(&raw), case["expected"] == "valid");
    assert_eq!(case["id"], DEFAULT_ID);
    assert!(key.verify(message, raw.as_slice().try_into().unwrap()).is_ok());
    assert!(flipped(&raw).all(|raw| !judge(&raw)));
}

#[test]
fn the_values_of_openssl() {
    let cases = json(&suites::unpack("sm2sm3").join("sm/openssl/evppkey_sm2.json"));
    let key = SigningKey::from_pkcs8_pem(cases["private_pem"].as_str().unwrap()).unwrap();
    let key = key.public_key().as_sm2().unwrap();
    let cases = cases["verify"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let digest: [u8; 32] = hex(&case[1]).try_into().unwrap();
        let der = hex(&case[2]);
        let judge = |der: &[u8]| {
            sm2::raw_from_der(der).is_some_and(|raw| key.verify_digest(&digest, &raw).is_ok())
        };
        assert_eq!(judge(&der), case[3] == "valid");
        assert!(flipped(&der).all(|der| !judge(&der)));
    }
}

#[test]
fn a_value_of_a_client_of_the_e_port() {
    let case = json(&suites::shared("domain/sm2-signedinfo-vector.json"));
    let pem = case["publicKeyPem"].as_str().unwrap();
    let inner: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = PublicKey::from_spki_der(&STANDARD.decode(inner).unwrap()).unwrap();
    let message = case["signedOctets"].as_str().unwrap().as_bytes();
    let raw = STANDARD.decode(case["signatureValue"].as_str().unwrap()).unwrap();
    assert_eq!(key.verify(ALGORITHM, message, &raw).is_ok(), case["verdict"] == "valid");
    assert!(flipped(&raw).all(|raw| key.verify(ALGORITHM, message, &raw).is_err()));
}

/// Runs OpenSSL; whether it was content.
fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let run = Command::new("openssl").current_dir(folder).args(arguments).output();
    let run = run.unwrap_or_else(|e| panic!("openssl does not start ({e}): install openssl 3"));
    run.status.success()
}

const DISTID: [&str; 2] = ["-sigopt", "distid:1234567812345678"];

#[test]
fn what_we_sign_openssl_verifies_and_the_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key = SigningKey::generate_sm2().unwrap();
    std::fs::write(at("key.pem"), key.to_pkcs8_pem().as_bytes()).unwrap();
    let public = STANDARD.encode(key.public_key().spki_der());
    let public = format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n");
    std::fs::write(at("public.pem"), public).unwrap();
    for length in [0usize, 1, 55, 56, 64, 119, 6_700] {
        let message: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        std::fs::write(at("message"), &message).unwrap();

        let ours = sm2::der_from_raw(&key.sign(ALGORITHM, &message).unwrap()).unwrap();
        let verify = [&["dgst", "-sm3", "-verify", "public.pem"], &DISTID[..]].concat();
        let verify = [&verify[..], &["-signature", "ours", "message"]].concat();
        std::fs::write(at("ours"), &ours).unwrap();
        assert!(openssl(folder.path(), &verify), "{length} bytes, signed by us");
        let mut wrong = ours;
        *wrong.last_mut().unwrap() ^= 1;
        std::fs::write(at("ours"), wrong).unwrap();
        assert!(!openssl(folder.path(), &verify), "{length} bytes, changed");

        let sign = [&["dgst", "-sm3", "-sign", "key.pem"], &DISTID[..]].concat();
        let sign = [&sign[..], &["-out", "theirs", "message"]].concat();
        assert!(openssl(folder.path(), &sign), "{length} bytes: openssl signs");
        let theirs = sm2::raw_from_der(&std::fs::read(at("theirs")).unwrap()).unwrap();
        let verdict = key.public_key().verify(ALGORITHM, &message, &theirs);
        assert_eq!(verdict, Ok(()), "{length} bytes, signed by openssl");
    }
}

#[test]
fn our_sm2_chains_are_chains_to_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let validity = Validity { from: now - day, until: now + day };
    let root = TestCa::new("测试根", KeyKind::Sm2, validity).unwrap();
    let middle = root.intermediate("测试中间", KeyKind::Sm2, validity).unwrap();
    let spec = LeafSpec::signer("测试甲公司", "测试甲公司", KeyKind::Sm2, validity);
    let leaf = middle.issue(&spec).unwrap();
    let verify = |anchor: &TestCa, certificate: &Certificate| {
        std::fs::write(at("anchor.pem"), anchor.certificate_pem()).unwrap();
        std::fs::write(at("checked.pem"), certificate.to_pem()).unwrap();
        // The id of the option is that of the last certificate only, so each step
        // of the chain is a run of its own.
        let id = ["-vfyopt", "distid:1234567812345678"];
        let files = ["-partial_chain", "-CAfile", "anchor.pem", "checked.pem"];
        openssl(folder.path(), &[&["verify"], &id[..], &files[..]].concat())
    };
    assert!(verify(&root, middle.certificate()));
    assert!(verify(&middle, &leaf.certificate));
    let other = TestCa::new("测试中间", KeyKind::Sm2, validity).unwrap();
    assert!(!verify(&other, &leaf.certificate));
}
