//! Signed notes and keys: as documented, each fault with its code, unknown
//! signatures, and any text that looks like one.

#![allow(clippy::string_slice)]

use proptest::prelude::*;
use ring::rand::SystemRandom;

use super::*;
use crate::hash::Hash;

const NAME: &str = "log.example.com/2026";

fn signer() -> LogSigner {
    LogSigner::from_seed(NAME, &[5; 32]).unwrap()
}

fn signed() -> Note {
    let mut note = Note::new("first\n\nthird\n".to_owned()).unwrap();
    note.add(signer().sign(note.text())).unwrap();
    note
}

fn code(text: &str) -> &'static str {
    Note::parse(text.as_bytes()).unwrap_err().code()
}

/// A signature of random bytes by a key nobody knows.
fn unknown(name: &str, bytes: usize) -> NoteSignature {
    NoteSignature { name: name.to_owned(), key_id: 7, bytes: vec![1; bytes] }
}

#[test]
fn signed_written_and_read_back() {
    let note = signed();
    let text = note.to_string();
    assert!(text.starts_with("first\n\nthird\n\n\u{2014} log.example.com/2026 "));
    let again = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(again, note);
    assert_eq!(again.text(), "first\n\nthird\n");
    assert_eq!(again.verify(signer().verifier()), Ok(()));
}

#[test]
fn unknown_signatures_are_kept_and_prove_nothing() {
    let mut note = signed();
    note.add(unknown("witness.example.com", 40)).unwrap();
    // The name of the log with another id, and its id under another name.
    note.add(unknown(NAME, 64)).unwrap();
    let mut alias = signer().sign(note.text());
    alias.name = "other.example.com".to_owned();
    note.add(alias).unwrap();
    let again = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(again.signatures().len(), 4);
    assert_eq!(again.verify(signer().verifier()), Ok(()));
    let other = LogSigner::from_seed(NAME, &[6; 32]).unwrap();
    assert_eq!(again.verify(other.verifier()).unwrap_err().code(), "signature-missing");
}

#[test]
fn one_wrong_signature_of_a_known_key_spoils_the_note() {
    let mut note = signed();
    note.add(signer().sign("something else\n")).unwrap();
    assert_eq!(note.verify(signer().verifier()).unwrap_err().code(), "signature-wrong");
    let mut short = signed();
    let mut line = signer().sign(short.text());
    line.bytes.truncate(63);
    short.signatures = vec![line];
    assert_eq!(short.verify(signer().verifier()).unwrap_err().code(), "signature-wrong");
}

#[test]
fn every_flipped_bit_of_the_text_is_noticed() {
    let note = signed();
    for at in 0..note.text().len() {
        let mut bad = note.clone();
        let mut bytes = bad.text.into_bytes();
        bytes[at] ^= 1;
        bad.text = String::from_utf8(bytes).unwrap();
        assert_eq!(bad.verify(signer().verifier()).unwrap_err().code(), "signature-wrong");
    }
}

#[test]
fn each_fault_of_a_note_has_its_code() {
    let good = signed().to_string();
    assert_eq!(code(&"a".repeat(MAX_NOTE_BYTES + 1)), "note-too-large");
    assert_eq!(code(&good.replace("first", "fi\rst")), "note-characters");
    assert_eq!(code(&good.replace("first", "fi\u{0}st")), "note-characters");
    assert_eq!(Note::parse(b"a\n\n\xff\n").unwrap_err(), NoteError::Characters { at: 3 });
    assert_eq!(code(""), "note-malformed");
    assert_eq!(code("text\n"), "note-malformed");
    assert_eq!(code(good.trim_end()), "note-malformed");
    assert_eq!(code("text\n\n"), "note-malformed");
    assert_eq!(code(&format!("{good}\n")), "note-malformed");
    for line in [
        "",
        "\u{2014}",
        "- a AAAAAAAA",
        "\u{2014} a",
        "\u{2014}  AAAAAAAA",
        "\u{2014} a AAAAAA==",
        "\u{2014} a+b AAAAAAAA",
        "\u{2014} a\u{a0}b AAAAAAAA",
        "\u{2014} a AAAAAAA",
        "\u{2014} a  AAAAAAAA",
        "\u{2014} a AAAAAAAA ",
        "\u{2014} a AAAAAAB=",
    ] {
        assert_eq!(
            code(&format!("text\n\n\u{2014} ok AAAAAAAA\n{line}\nx\n")),
            "note-signature-line",
            "{line}"
        );
    }
    let line = "\u{2014} a AAAAAAAA\n";
    assert!(Note::parse(format!("t\n\n{}", line.repeat(MAX_SIGNATURES)).as_bytes()).is_ok());
    assert_eq!(
        code(&format!("t\n\n{}", line.repeat(MAX_SIGNATURES + 1))),
        "note-too-many-signatures"
    );
}

#[test]
fn sixteen_post_quantum_signatures_fit() {
    let mut note = signed();
    for _ in 0..16 {
        note.add(unknown("witness.example.com", 5_000)).unwrap();
    }
    assert!(Note::parse(note.to_string().as_bytes()).is_ok());
}

#[test]
fn what_would_not_parse_again_is_not_made() {
    for text in ["", "no newline", "a\tb\n"] {
        assert_eq!(Note::new(text.to_owned()).unwrap_err().code(), "note-text");
    }
    let mut note = signed();
    assert_eq!(note.add(unknown("a b", 4)).unwrap_err().code(), "key-name");
    assert_eq!(note.add(unknown("a", 0)).unwrap_err().code(), "note-signature-line");
    assert_eq!(note.add(unknown("a", MAX_NOTE_BYTES)).unwrap_err().code(), "note-too-large");
    for _ in 1..MAX_SIGNATURES {
        note.add(unknown("a", 4)).unwrap();
    }
    assert_eq!(note.add(unknown("a", 4)).unwrap_err().code(), "note-too-many-signatures");
}

#[test]
fn keys_are_written_as_documented_and_read_back() {
    let (secret, verifier) = generate_key(NAME, &SystemRandom::new()).unwrap();
    let again = LogSigner::parse(&format!("{}\n", *secret)).unwrap();
    assert_eq!(again.verifier(), &verifier);
    assert!(secret.starts_with(&format!("PRIVATE+KEY+{NAME}+{:08x}+", verifier.key_id())));
    let text = verifier.to_string();
    assert_eq!(LogVerifier::parse(&text), Ok(verifier.clone()));
    let mut typed = vec![1];
    typed.extend_from_slice(verifier.public_key());
    let id = Hash::of(&[NAME.as_bytes(), b"\n", &typed].concat()).to_hex();
    assert_eq!(text, format!("{NAME}+{}+{}", &id[..8], encode_base64(&typed)));
    assert!(!format!("{again:?}").contains("PRIVATE"));
    assert_eq!((again.name(), again.key_id()), (NAME, verifier.key_id()));
}

#[test]
fn each_fault_of_a_key_has_its_code() {
    let (secret, verifier) = generate_key(NAME, &SystemRandom::new()).unwrap();
    let text = verifier.to_string();
    let id = format!("{:08x}", verifier.key_id());
    let code = |text: &str| LogVerifier::parse(text).unwrap_err().code();
    for bad in ["", "a+b", &format!("{text}="), &text[..text.len() - 4], &"a".repeat(600)] {
        assert_eq!(code(bad), "key-malformed", "{bad}");
    }
    assert_eq!(code(&format!("{NAME}+{id}+{}", encode_base64(&[1; 34]))), "key-malformed");
    assert_eq!(code(&format!("{NAME}+{id}+{}", encode_base64(&[]))), "key-malformed");
    assert_eq!(code(&format!("{NAME}+{id}+{}", encode_base64(&[2; 33]))), "key-type-unsupported");
    assert_eq!(code(&text.replace(&id, "00000000")), "key-id-wrong");
    assert_eq!(code(&text.replace(&id, "0")), "key-id-wrong");
    assert_eq!(code(&text.replace("log.", "log ")), "key-name");
    assert_eq!(code(&text.replace(NAME, "")), "key-name");
    assert_eq!(code(&secret), "key-malformed");
    let code = |text: &str| LogSigner::parse(text).unwrap_err().code();
    assert_eq!(code(&text), "key-malformed");
    assert_eq!(code("PRIVATE+KEY+a"), "key-malformed");
    assert_eq!(code(&secret.replace(&id, "00000000")), "key-id-wrong");
    assert_eq!(code(&secret.replace("log.", "lag.")), "key-id-wrong");
    assert_eq!(generate_key("a+b", &SystemRandom::new()).unwrap_err().code(), "key-name");
    assert_eq!(check_key_name(&"n".repeat(256)).unwrap_err().code(), "key-name");
}

#[test]
fn every_error_has_both_languages() {
    let name = "n".to_owned();
    let errors = [
        NoteError::TooLarge { bytes: 1 },
        NoteError::TooManySignatures,
        NoteError::Characters { at: 1 },
        NoteError::Form,
        NoteError::SignatureLine { line: 1 },
        NoteError::Text,
        NoteError::KeyName { name: name.clone() },
        NoteError::Key { expected: "x" },
        NoteError::KeyId { found: "a".into(), expected: "b".into() },
        NoteError::KeyType { found: 2 },
        NoteError::NotSigned { name: name.clone(), id: 1 },
        NoteError::BadSignature { name, id: 1 },
        NoteError::Randomness,
    ];
    let mut codes: Vec<_> = errors.iter().map(NoteError::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), errors.len());
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
}

proptest! {
    #[test]
    fn reading_is_exact(bytes: Vec<u8>) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn reading_text_like_notes_is_exact(text in "([a-c\n+ ]|\u{2014} |AAAAAAAA|\n\n\u{2014} n AAAAAAAA\n){0,30}") {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text);
        }
    }

    #[test]
    fn reading_keys_never_panics(text: String) {
        prop_assert!(LogVerifier::parse(&text).is_err());
        let secret = format!("PRIVATE+KEY+{text}");
        prop_assert!(LogSigner::parse(&secret).is_err());
    }
}
