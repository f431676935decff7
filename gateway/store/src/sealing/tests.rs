//! The file of master keys fault by fault; payloads and keys that were altered in
//! any byte, or taken for others, do not open; rotation.

use super::*;

const KEY_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const KEY_B: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn line(id: &str, key: &str) -> String {
    format!("onepoint-master-key/1 {id} {key}\n")
}

fn vault(text: &str) -> Vault {
    Vault::new(Some(MasterKeys::parse(text).unwrap()))
}

fn row(vault: &Vault, key: &DataKey) -> WrappedKey {
    WrappedKey {
        id: key.id(),
        master: vault.current_master().unwrap().to_owned(),
        wrapped: Some(vault.wrap(key).unwrap()),
        destroyed_ms: None,
    }
}

#[test]
fn the_first_key_is_current_and_none_is_shown() {
    let keys = MasterKeys::parse(&(line("m-2", KEY_B) + &line("m.1_", KEY_A))).unwrap();
    assert_eq!(keys.current(), "m-2");
    assert_eq!(keys.ids().collect::<Vec<_>>(), ["m-2", "m.1_"]);
    assert_eq!(format!("{keys:?}"), r#"["m-2", "m.1_"]"#);
    let key = DataKey::generate(7).unwrap();
    assert_eq!(format!("{key:?}"), "DataKey { id: 7, .. }");
    // Without an end of line, and with that of another system.
    MasterKeys::parse(line("m", KEY_A).trim_end()).unwrap();
    MasterKeys::parse(&line("m", KEY_A).replace('\n', "\r\n")).unwrap();
}

#[test]
fn each_fault_of_the_file_has_its_code_and_line() {
    let good = line("m1", KEY_A);
    let many: String = (0..65u8).map(|n| line(&format!("m{n}"), &encoded(&[n; 32]))).collect();
    for (text, at, code) in [
        (String::new(), 0, "master-key-none"),
        (format!("{good}\n"), 2, "master-key-line-malformed"),
        (format!("{good}# comment\n"), 2, "master-key-line-malformed"),
        (format!("onepoint-master-key/1 m1  {KEY_A}"), 1, "master-key-line-malformed"),
        (good.replace("/1", "/2"), 1, "master-key-format-unsupported"),
        (line("M1", KEY_A), 1, "master-key-id-malformed"),
        (line(&"m".repeat(65), KEY_A), 1, "master-key-id-malformed"),
        (line("m1", "AAAA"), 1, "master-key-malformed"),
        (line("m1", &encoded(&[0; 33])), 1, "master-key-malformed"),
        (line("m1", &encoded(&[0; 64])), 1, "master-key-malformed"),
        (line("m1", &KEY_A.replace('=', "")), 1, "master-key-malformed"),
        (format!("{good}{}", line("m1", KEY_B)), 2, "master-key-id-twice"),
        (format!("{good}{}", line("m2", KEY_A)), 2, "master-key-twice"),
        (many, 65, "master-key-too-many"),
        (good.repeat(1000), 0, "master-key-file-too-large"),
    ] {
        let error = MasterKeys::parse(&text).unwrap_err();
        assert_eq!((error.line, error.code()), (at, code), "{text}");
        assert!(error.zh().chars().any(|c| c as u32 >= 0x4e00), "{}", error.zh());
        assert!(!error.en().ends_with('.') && !error.en().contains(KEY_A), "{}", error.en());
    }
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_generated_line_is_a_key() {
    let (one, two) =
        (MasterKeys::generate_line("a").unwrap(), MasterKeys::generate_line("b").unwrap());
    let keys = MasterKeys::parse(&format!("{}{}", *one, *two)).unwrap();
    assert_eq!(keys.current(), "a");
    assert_eq!(
        MasterKeys::generate_line("no spaces").unwrap_err().code(),
        "master-key-id-malformed"
    );
}

#[test]
fn payloads_open_as_they_were() {
    let key = DataKey::generate(3).unwrap();
    for length in [0, 1, 15, 16, 17, 5000] {
        let plain = vec![0x5a; length];
        let sealed = key.seal(9, &mut Nonces::default(), &plain).unwrap();
        assert_eq!(sealed.len(), length + SEAL_BYTES);
        assert_ne!(
            key.seal(9, &mut Nonces::default(), &plain).unwrap(),
            sealed,
            "another nonce each time"
        );
        assert_eq!(key.open(9, sealed).unwrap(), plain);
    }
}

#[test]
fn a_payload_altered_in_any_bit_does_not_open() {
    let key = DataKey::generate(3).unwrap();
    let sealed = key.seal(9, &mut Nonces::default(), b"an order").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(9, altered), None, "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(key.open(9, sealed[..length].to_vec()), None, "cut to {length}");
    }
    assert_eq!(key.open(10, sealed.clone()), None, "taken for another payload");
    let other = DataKey { id: 4, secret: key.secret.clone() };
    assert_eq!(other.open(9, sealed.clone()), None, "said to be of another key");
    assert_eq!(DataKey::generate(3).unwrap().open(9, sealed), None);
}

#[test]
fn a_wrapped_key_altered_in_any_bit_does_not_open() {
    let vault = vault(&line("m1", KEY_A));
    let key = DataKey::generate(3).unwrap();
    let good = row(&vault, &key);
    assert_eq!(good.wrapped.as_ref().unwrap().len(), WRAPPED_BYTES);
    assert_eq!(vault.unwrap(&good).unwrap().secret, key.secret);
    for bit in 0..WRAPPED_BYTES * 8 {
        let mut altered = good.clone();
        altered.wrapped.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(vault.unwrap(&altered).unwrap_err().code(), "store-data-key-unreadable");
    }
    let moved = WrappedKey { id: 4, ..good.clone() };
    assert_eq!(vault.unwrap(&moved).unwrap_err().code(), "store-data-key-unreadable");
    let gone = WrappedKey { wrapped: None, ..good };
    assert_eq!(vault.unwrap(&gone).unwrap_err().code(), "store-data-key-unreadable");
}

#[test]
fn a_missing_master_key_is_told_from_a_wrong_one() {
    let one = vault(&line("m1", KEY_A));
    let wrapped = row(&one, &DataKey::generate(1).unwrap());
    let error = vault(&line("m2", KEY_A)).unwrap(&wrapped).unwrap_err();
    assert_eq!(error.code(), "store-master-key-missing");
    assert!(error.en().contains("m1"), "{}", error.en());
    let error = vault(&line("m1", KEY_B)).unwrap(&wrapped).unwrap_err();
    assert_eq!(error.code(), "store-data-key-unreadable");
    let error = Vault::new(None).unwrap(&wrapped).unwrap_err();
    assert_eq!(error.code(), "store-master-key-missing");
    assert!(!Vault::new(None).seals());
}

#[test]
fn a_key_wrapped_anew_is_the_same_key() {
    let old = vault(&line("m1", KEY_A));
    let key = DataKey::generate(1).unwrap();
    let before = row(&old, &key);
    let both = vault(&(line("m2", KEY_B) + &line("m1", KEY_A)));
    let after = row(&both, &both.unwrap(&before).unwrap());
    assert_eq!(after.master, "m2");
    let new = vault(&line("m2", KEY_B));
    assert_eq!(new.unwrap(&after).unwrap().secret, key.secret);
    assert_eq!(new.unwrap(&before).unwrap_err().code(), "store-master-key-missing");
}

#[test]
fn unwrapped_keys_are_kept_in_bounds_and_never_stale() {
    let vault = vault(&line("m1", KEY_A));
    let first = row(&vault, &DataKey::generate(1).unwrap());
    let again = row(&vault, &DataKey::generate(1).unwrap());
    let (a, b) = (vault.unwrap(&first).unwrap(), vault.unwrap(&again).unwrap());
    assert_ne!(a.secret, b.secret, "the id alone does not name a key");
    assert!(Arc::ptr_eq(&b, &vault.unwrap(&again).unwrap()));
    vault.forget(1);
    assert!(!Arc::ptr_eq(&b, &vault.unwrap(&again).unwrap()));
    for id in 2..1500 {
        vault.unwrap(&row(&vault, &DataKey::generate(id).unwrap())).unwrap();
    }
    assert_eq!(vault.unwrapped.lock().unwrap().len(), UNWRAPPED_MAX);
}
