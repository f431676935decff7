//! Log entries: as documented, each fault with its code, and any bytes.

use super::*;
use proptest::prelude::*;

fn leaf() -> Leaf {
    Leaf::commit(FactKind::ACCEPTED, 1_795_651_200_123, &Nonce::new([7; 32]), b"{}").unwrap()
}

#[test]
fn written_as_documented_and_read_back() {
    let leaf = leaf();
    let mut data = vec![7; 32];
    data.extend_from_slice(b"{}");
    let line = format!(
        "onepoint-leaf/1 accepted 1795651200123 {}",
        encode_base64(Hash::of(&data).as_bytes())
    );
    assert_eq!(leaf.to_string(), line);
    assert_eq!(Leaf::parse(&leaf.to_bytes()), Ok(leaf.clone()));
    assert_eq!(leaf.hash(), leaf_hash(line.as_bytes()));
}

#[test]
fn each_fault_has_its_code() {
    let good = leaf().to_string();
    let base64 = good.rsplit(' ').next().unwrap().to_owned();
    let code = |line: &str| Leaf::parse(line.as_bytes()).unwrap_err().code();
    assert_eq!(code(""), "leaf-malformed");
    assert_eq!(code(&format!("{good} ")), "leaf-malformed");
    assert_eq!(code(&good.replace(" accepted", "  accepted")), "leaf-malformed");
    assert_eq!(code(&"a".repeat(MAX_LEAF_BYTES + 1)), "leaf-malformed");
    assert_eq!(Leaf::parse(b"\xff").unwrap_err().code(), "leaf-malformed");
    assert_eq!(code(&good.replace("leaf/1", "leaf/2")), "leaf-format-unsupported");
    assert_eq!(code(&good.replace("accepted", "Accepted")), "leaf-kind-malformed");
    assert_eq!(code(&good.replace("accepted", &"a".repeat(33))), "leaf-kind-malformed");
    for time in ["01795651200123", "+1", "-1", "1.0", "253402300800000", "99999999999999999999"] {
        assert_eq!(code(&good.replace("1795651200123", time)), "leaf-time-malformed");
    }
    assert_eq!(code(&format!("{good}\n")), "leaf-commitment-malformed");
    assert_eq!(code(&good.replace(&base64, "AAAA")), "leaf-commitment-malformed");
}

#[test]
fn kinds_times_and_nonces_are_checked_when_made() {
    assert_eq!(FactKind::new("").unwrap_err().code(), "leaf-kind-malformed");
    assert_eq!(FactKind::new("a b").unwrap_err().code(), "leaf-kind-malformed");
    assert_eq!(FactKind::new("accepted"), Ok(FactKind::ACCEPTED));
    for time in [-1, MAX_TIME_MS + 1] {
        let made = Leaf::commit(FactKind::KEY, time, &Nonce::new([0; 32]), b"");
        assert_eq!(made.unwrap_err().code(), "leaf-time-malformed");
    }
    assert_eq!(Nonce::from_base64("AAAA").unwrap_err().code(), "nonce-malformed");
    assert_eq!(format!("{:?}", Nonce::new([1; 32])), "Nonce(..)");
}

#[test]
fn every_error_has_both_languages() {
    let errors = [
        LeafError::Form,
        LeafError::Format { found: "x".into() },
        LeafError::Kind { found: "X".into() },
        LeafError::Time { found: "y".into() },
        LeafError::Commitment,
        LeafError::Nonce,
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics_and_is_exact(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
        if let Ok(leaf) = Leaf::parse(&bytes) {
            prop_assert_eq!(leaf.to_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_written_is_read(kind in "[a-z-]{1,32}", time in 0..=MAX_TIME_MS, nonce: [u8; 32]) {
        let kind = FactKind::new(&kind).unwrap();
        let leaf = Leaf::commit(kind, time, &Nonce::new(nonce), b"fact").unwrap();
        prop_assert!(leaf.to_bytes().len() <= MAX_LEAF_BYTES);
        prop_assert_eq!(Leaf::parse(&leaf.to_bytes()), Ok(leaf));
    }
}
