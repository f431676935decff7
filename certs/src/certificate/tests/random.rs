//! Whatever bytes come, readers answer and do not panic.

use std::sync::LazyLock;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::key::{PublicKey, SigningKey};
use crate::samples::{anchors, noon};
use crate::testpki::ExtendedUsage;

/// Sound certificates to start from: many extensions, RSA, P-256, CA.
static SOUND: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let spec = LeafSpec {
        dns: vec!["zone.example".to_owned()],
        ips: vec!["192.0.2.1".parse().unwrap()],
        extended: vec![ExtendedUsage::ClientAuth],
        ..signer()
    };
    let full = ZONE.root.issue(&spec).unwrap().certificate;
    let old = retyped("TEST", 0x1e, &[0x6d, 0x4b, 0x8b, 0xd5]);
    let of_rsa = ZONE.root.issue_for(&signer(), rsa()).unwrap().certificate;
    let ca = ZONE.root.certificate().clone();
    let constrained = include_str!("../../chain/tests/constrained.pem");
    let constrained = Certificate::from_pem(constrained).unwrap();
    let all = [full, old, of_rsa, ca].into_iter().chain(constrained);
    all.map(|c| c.der().to_vec()).collect()
});

/// Sound private keys in PKCS#8.
static KEYS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    [rsa(), p256(), SigningKey::generate_ed25519().unwrap()]
        .iter()
        .map(|key| key.pkcs8_der().to_vec())
        .collect()
});

#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = any::<prop::sample::Index>;
    // Tags and lengths are what parsers trip over.
    let byte = || prop_oneof![Just(0), Just(0x7f), Just(0x80), Just(0x84), Just(0xff), any::<u8>()];
    let change = prop_oneof![
        8 => (place(), byte()).prop_map(|(at, to)| Change::Set(at, to)),
        2 => (place(), byte()).prop_map(|(at, to)| Change::Insert(at, to)),
        2 => place().prop_map(Change::Remove),
        1 => place().prop_map(Change::Cut),
    ];
    prop::collection::vec(change, 1..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Set(at, to) => *at.get_mut(&mut bytes) = *to,
            Change::Insert(at, to) => bytes.insert(at.index(bytes.len()), *to),
            Change::Remove(at) => _ = bytes.remove(at.index(bytes.len())),
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
    bytes
}

/// Everything that a certificate from outside goes through.
fn use_up(certificate: &Certificate) {
    let anchors = anchors([&ZONE.root, &ZONE.upper]);
    let others = [certificate.clone(), ZONE.lower.certificate().clone()];
    for leaf in [certificate, &ZONE.leaf.certificate] {
        let minute = SignedDuration::from_mins(1);
        if let Err(error) = anchors.verify_chain(leaf, &others, noon(), minute) {
            assert!(!error.en().is_empty() && !error.zh().is_empty());
        }
    }
    if let Err(error) = crate::TrustAnchors::from_certificates([certificate.clone()]) {
        assert!(!error.en().is_empty() && !error.zh().is_empty());
    }
    for algorithm in crate::SignatureAlgorithm::ALL {
        _ = certificate.public_key().verify_at_least(1024, algorithm, b"x", &[1; 64]);
    }
    assert!(certificate.subject().chars().count() <= 512);
    assert!(!format!("{certificate:?}").contains('\n'));
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        _ = Certificate::from_der(bytes.clone());
        _ = PublicKey::from_spki_der(&bytes);
        _ = SigningKey::from_pkcs8_der(&bytes);
        let text = pem::write("CERTIFICATE", &bytes);
        prop_assert!(Certificate::from_pem(&text).is_err());
    }

    #[test]
    fn arbitrary_text(text in "(-----BEGIN |-----END |CERTIFICATE|PRIVATE KEY|-----\n|[A-Za-z0-9+/=\n]{0,9}|\\PC){0,30}") {
        _ = Certificate::from_pem(&text);
        _ = SigningKey::from_pkcs8_pem(&text);
        _ = crate::TrustAnchors::from_pem(&text);
    }

    #[test]
    fn changed_certificates(which in any::<prop::sample::Index>(), changes in changes()) {
        let bytes = changed(which.get(SOUND.as_slice()).clone(), &changes);
        match Certificate::from_der(bytes.clone()) {
            Ok(certificate) => {
                prop_assert_eq!(certificate.der(), &bytes);
                use_up(&certificate);
            }
            Err(error) => prop_assert!(!error.en().is_empty() && !error.zh().is_empty()),
        }
    }

    #[test]
    fn changed_pem(which in any::<prop::sample::Index>(), changes in changes()) {
        let sound: &Vec<u8> = which.get(SOUND.as_slice());
        let sound = pem::write("CERTIFICATE", sound).into_bytes();
        let text = String::from_utf8_lossy(&changed(sound, &changes)).into_owned();
        _ = Certificate::from_pem(&text);
    }

    #[test]
    fn changed_keys(which in any::<prop::sample::Index>(), changes in changes()) {
        let bytes = changed(which.get(KEYS.as_slice()).clone(), &changes);
        if let Ok(key) = SigningKey::from_pkcs8_der(&bytes) {
            _ = key.sign(key.default_algorithm(), b"x");
        }
    }

    #[test]
    fn a_changed_certificate_is_never_trusted(
        which in any::<prop::sample::Index>(),
        to in 1_u8..,
    ) {
        let mut bytes = ZONE.upper.certificate().der().to_vec();
        *which.get_mut(&mut bytes) ^= to;
        if let Ok(upper) = Certificate::from_der(bytes) {
            let others = [upper, ZONE.lower.certificate().clone()];
            let anchors = anchors([&ZONE.root]);
            let result = anchors.verify_chain(&ZONE.leaf.certificate, &others, noon(), SignedDuration::ZERO);
            prop_assert!(result.is_err());
        }
    }
}
