//! The test PKI: what it issues is what was asked for, and its errors.

use std::collections::BTreeSet;

use rustls_pki_types::{ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::*;
use crate::samples::{
    ZONE, anchors, assert_told, at, noon, p256, patched, rsa, signer, told, year,
};
use crate::{Fingerprint, KeyFamily, SignatureAlgorithm};

fn taken(root: &TestCa, leaf: &Issued) -> bool {
    let tolerance = jiff::SignedDuration::ZERO;
    let others = leaf.intermediates();
    anchors([root]).verify_chain(&leaf.certificate, others, noon(), tolerance).is_ok()
}

/// Whether webpki takes a certificate for a TLS server of this name.
fn serves(root: &TestCa, leaf: &Issued, name: &str) -> bool {
    let end = EndEntityCert::try_from(leaf.certificate.as_certificate_der()).unwrap();
    let anchor = webpki::anchor_from_trusted_cert(root.certificate().as_certificate_der()).unwrap();
    let others: Vec<_> =
        leaf.intermediates().iter().map(|c| c.as_certificate_der().clone()).collect();
    let seconds = u64::try_from(noon().as_second()).unwrap();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        &others,
        time,
        KeyUsage::server_auth(),
        None,
        None,
    )
    .unwrap();
    end.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()).is_ok()
}

#[test]
fn every_kind_of_key_issues_every_kind_of_leaf() {
    let kinds = [
        (KeyKind::P256, KeyFamily::EcdsaP256),
        (KeyKind::P384, KeyFamily::EcdsaP384),
        (KeyKind::Ed25519, KeyFamily::Ed25519),
        (KeyKind::Sm2, KeyFamily::Sm2),
        (KeyKind::Rsa2048, KeyFamily::Rsa),
    ];
    let key =
        |kind: KeyKind| if kind == KeyKind::Rsa2048 { rsa() } else { kind.generate().unwrap() };
    for (ca, family) in kinds {
        let root = TestCa::root(&CaSpec::new("Test", year()), key(ca)).unwrap();
        assert_eq!(root.key().public_key().family(), family);
        for (leaf, _) in kinds {
            let issued = root.issue_for(&signer(), key(leaf)).unwrap();
            assert!(taken(&root, &issued), "{leaf:?} by {ca:?}");
            assert_eq!(issued.certificate.public_key(), issued.key.public_key());
        }
    }
    let issued = ZONE.lower.issue(&LeafSpec { key: KeyKind::Rsa2048, ..signer() }).unwrap();
    assert_eq!(issued.key.public_key().bits(), 2048);
}

#[test]
fn tls_servers_have_their_names() {
    let ips = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let names = ["gateway.example", "other.example"];
    let spec = LeafSpec::tls_server("gateway.example", &names, &ips, KeyKind::P256, year());
    let leaf = ZONE.lower.issue(&spec).unwrap();
    assert_eq!(leaf.chain.len(), 3);
    for name in ["gateway.example", "other.example", "192.0.2.7", "2001:db8::7"] {
        assert!(serves(&ZONE.root, &leaf, name), "{name}");
    }
    for name in ["example", "x.gateway.example", "192.0.2.8"] {
        assert!(!serves(&ZONE.root, &leaf, name), "{name}");
    }
    // A server does not sign messages, a client does.
    assert!(!taken(&ZONE.root, &leaf));
    let client = LeafSpec::tls_client("测试乙公司", "测试乙公司", KeyKind::P256, year());
    assert!(taken(&ZONE.root, &ZONE.root.issue(&client).unwrap()));
}

#[test]
fn serial_numbers_are_positive_and_differ() {
    let serials: BTreeSet<String> = (0..50)
        .map(|_| ZONE.root.issue_for(&signer(), p256()).unwrap().certificate)
        .map(|c| c.serial_hex().to_owned())
        .collect();
    assert_eq!(serials.len(), 50);
    assert!(
        serials.iter().all(|s| s.len() == 32 && ('4'..='7').contains(&s.chars().next().unwrap()))
    );
}

#[test]
fn a_ca_is_read_back_from_its_files() {
    let read = TestCa::from_pem(&ZONE.root.certificate_pem(), &ZONE.root.key_pem()).unwrap();
    let leaf = read.issue(&signer()).unwrap();
    assert!(taken(&ZONE.root, &leaf) && leaf.intermediates().is_empty());
    let read = TestCa::from_pem(&ZONE.upper.certificate_pem(), &ZONE.upper.key_pem()).unwrap();
    let leaf = read.issue(&signer()).unwrap();
    assert_eq!(leaf.intermediates(), [ZONE.upper.certificate().clone()]);
    assert!(taken(&ZONE.root, &leaf));
    let chain = Certificate::from_pem(&leaf.chain_pem()).unwrap();
    assert_eq!(chain, leaf.chain);
    assert_eq!(leaf.certificate_pem(), chain[0].to_pem());
    let key = SigningKey::from_pkcs8_pem(&leaf.key_pem()).unwrap();
    assert_eq!(key.public_key(), chain[0].public_key());
}

#[test]
fn organisations_are_optional() {
    let without = |organization: Option<&str>| {
        let spec = LeafSpec { organization: organization.map(str::to_owned), ..signer() };
        ZONE.root.issue(&spec).unwrap().certificate.subject().to_owned()
    };
    assert_eq!(without(None), "C=CN, CN=测试甲公司");
    assert_eq!(without(Some("")), "C=CN, CN=测试甲公司");
    assert_eq!(without(Some("a, CN=b")), "C=CN, O=a, CN=b, CN=测试甲公司");
}

#[test]
fn sha1_signatures_are_those_of_the_standard() {
    let key = rsa();
    let value = sign_rsa_sha1(&key, b"message").unwrap();
    let algorithm = SignatureAlgorithm::RsaPkcs1Sha1;
    assert_eq!(key.public_key().verify(algorithm, b"message", &value), Ok(()));
}

#[test]
fn every_error_of_the_test_pki() {
    let dns = LeafSpec { dns: vec!["测试".to_owned()], ..signer() };
    let many = (0..3000).map(|n| format!("host-{n:05}.example")).collect();
    let large = LeafSpec { dns: many, ..signer() };
    let issue = |spec: &LeafSpec| ZONE.root.issue(spec).unwrap_err();
    assert_told(&[
        ("key-mismatch", told!(sign_rsa_sha1(&p256(), b"message").unwrap_err())),
        ("cert-too-large", told!(issue(&large))),
        ("test-pki-encoding", told!(issue(&dns))),
    ]);
    let old = Validity { from: at("1969-12-31T23:59:59Z"), ..year() };
    assert_eq!(issue(&LeafSpec { validity: old, ..signer() }).code(), "test-pki-encoding");
    let (pem, key) = (ZONE.root.certificate_pem(), ZONE.root.key_pem());
    let read = |pem: &str, key: &str| TestCa::from_pem(pem, key).unwrap_err().code();
    assert_eq!(read("", &key), "cert-none");
    assert_eq!(read(&pem, ""), "key-not-one");
    assert_eq!(read(&pem, &p256().to_pkcs8_pem()), "test-pki-encoding");
    let leaf = &ZONE.leaf;
    assert_eq!(read(&leaf.certificate_pem(), &leaf.key_pem()), "test-pki-encoding");
}

#[test]
fn errors_have_their_sources() {
    use std::error::Error as _;
    let error = TestCa::from_pem("", &ZONE.root.key_pem()).unwrap_err();
    assert_eq!(error.to_string(), "the test PKI could not read back a certificate");
    assert!(error.source().is_some() && error.en().contains("CERTIFICATE block"));
    let der = patched(ZONE.root.certificate(), b"Test Root", b"Best Root");
    assert_ne!(Fingerprint::of(&der), ZONE.root.certificate().fingerprint());
}
