//! What the tests of this crate share: dates, keys, a zone with two CAs.
//!
//! RSA keys are slow to make, so there are three and they are made once.
//! Identities are made up.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::key::SigningKey;
use crate::testpki::{CaSpec, Issued, KeyKind, LeafSpec, TestCa, Validity};
use crate::{Certificate, TrustAnchors};

/// A moment at which everything of [`year`] is valid.
pub(crate) const NOON: &str = "2026-06-15T12:00:00Z";

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rsa(2048).unwrap());
static OTHER_RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rsa(2048).unwrap());

pub(crate) static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let root = TestCa::new("Test Root", KeyKind::P256, year()).unwrap();
    let upper = root.intermediate("Test Upper", KeyKind::P256, year()).unwrap();
    let lower = upper.intermediate("Test Lower", KeyKind::P256, year()).unwrap();
    let leaf = lower.issue(&signer()).unwrap();
    Zone { root, upper, lower, leaf }
});

/// A root, two CAs below it, and a signer.
pub(crate) struct Zone {
    pub(crate) root: TestCa,
    pub(crate) upper: TestCa,
    pub(crate) lower: TestCa,
    pub(crate) leaf: Issued,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> Timestamp {
    at(NOON)
}

pub(crate) fn year() -> Validity {
    Validity { from: at("2026-01-01T00:00:00Z"), until: at("2026-12-31T23:59:59Z") }
}

/// The same RSA key each time.
pub(crate) fn rsa() -> SigningKey {
    RSA.duplicate().unwrap()
}

/// Another RSA key, the same each time.
pub(crate) fn other_rsa() -> SigningKey {
    OTHER_RSA.duplicate().unwrap()
}

pub(crate) fn p256() -> SigningKey {
    SigningKey::generate_p256().unwrap()
}

pub(crate) fn signer() -> LeafSpec {
    LeafSpec::signer("测试甲公司", "测试甲公司", KeyKind::P256, year())
}

/// A root whose key is RSA.
pub(crate) fn rsa_root() -> TestCa {
    TestCa::root(&CaSpec::new("Test RSA Root", year()), rsa()).unwrap()
}

pub(crate) fn anchors<'c>(of: impl IntoIterator<Item = &'c TestCa>) -> TrustAnchors {
    let certificates = of.into_iter().map(|ca| ca.certificate().clone());
    TrustAnchors::from_certificates(certificates).unwrap()
}

/// The certificate with `from` replaced by `to` in its DER, as a forger or a
/// broken encoder would have it. Lengths stay right only for equal lengths.
pub(crate) fn patched(certificate: &Certificate, from: &[u8], to: &[u8]) -> Vec<u8> {
    let der = certificate.der();
    let place = der.windows(from.len()).position(|w| w == from).expect("the bytes to replace");
    [&der[..place], to, &der[place + from.len()..]].concat()
}

/// Code, English and Chinese of an error, which all error types have.
macro_rules! told {
    ($error:expr) => {{
        let error = $error;
        (error.code(), error.en(), error.zh())
    }};
}
pub(crate) use told;

/// Checks a table of expected code and error: each variant has its own code,
/// and texts of the agreed form in both languages.
pub(crate) fn assert_told(table: &[(&str, (&str, String, String))]) {
    let mut codes = BTreeSet::new();
    for (expected, (code, en, zh)) in table {
        assert_eq!(code, expected, "{en}");
        assert!(codes.insert(code), "{code} stands for two errors");
        assert!(code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        assert!(!en.is_empty() && !en.ends_with('.'), "{en}");
        let named = ["RSA", "ECDSA", "Ed25519", "SM2"].iter().any(|name| en.starts_with(name));
        assert!(named || !en.starts_with(|c: char| c.is_ascii_uppercase()), "{en}");
        let chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        assert!(zh.chars().any(chinese), "no Chinese: {zh}");
        assert!(!zh.ends_with('。') && !en.contains('\n') && !zh.contains('\n'));
    }
}
