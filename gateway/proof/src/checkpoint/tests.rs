//! Checkpoints: their lines one by one, signatures, origins, and any text that
//! looks like one.

use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "log.example.com/2026";

fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[5; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(ORIGIN, 70_000, Hash::EMPTY_ROOT)
}

#[test]
fn written_as_documented_and_opened_again() {
    let text = "log.example.com/2026\n70000\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    assert_eq!(checkpoint().text(), text);
    let signed = checkpoint().sign(&signer()).unwrap();
    assert!(signed.to_string().starts_with(&format!("{text}\n\u{2014} {ORIGIN} ")));
    let again = SignedCheckpoint::open(signed.to_string().as_bytes(), signer().verifier());
    assert_eq!(again, Ok(signed.clone()));
    assert_eq!(again.unwrap().checkpoint(), &checkpoint());
}

#[test]
fn each_line_has_to_be_as_written() {
    let good = checkpoint().text();
    let fault = |from: &str, to: &str| match Checkpoint::parse(&good.replacen(from, to, 1)) {
        Err(CheckpointError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(ORIGIN, ""), 1);
    assert_eq!(fault(&good, "no newline"), 1);
    for size in ["070000", "+70000", "-1", "", "1e4", "18446744073709551616", "70000 "] {
        assert_eq!(fault("70000", size), 2, "{size}");
    }
    for root in ["uFU", "uFV=", "u\u{2014}="] {
        assert_eq!(fault("uFU=", root), 3);
    }
    assert_eq!(fault("uFU=\n", "uFU=\n\n"), 4);
    assert_eq!(fault("uFU=\n", "uFU=\nextension\n\n"), 5);
    assert_eq!(Checkpoint::parse("a\n").unwrap_err().code(), "checkpoint-malformed");
    assert_eq!(Checkpoint::parse(&good.replace("70000", "0")).unwrap().size, 0);
}

#[test]
fn extension_lines_are_kept_and_signed() {
    let mut head = checkpoint();
    head.extensions.push("more".to_owned());
    let signed = head.sign(&signer()).unwrap().to_string();
    let again = SignedCheckpoint::open(signed.as_bytes(), signer().verifier()).unwrap();
    assert_eq!(again.checkpoint(), &head);
    head.extensions.push(String::new());
    assert_eq!(head.sign(&signer()).unwrap_err().code(), "checkpoint-malformed");
    head.extensions = vec!["a\u{1}".to_owned()];
    assert_eq!(head.sign(&signer()).unwrap_err().code(), "note-text");
}

#[test]
fn another_log_or_another_root_is_refused() {
    let other = LogSigner::from_seed("other.example.com", &[5; 32]).unwrap();
    assert_eq!(checkpoint().sign(&other).unwrap_err().code(), "checkpoint-of-another-log");
    let note = checkpoint().sign(&signer()).unwrap().to_string();
    let open = |note: &str, signer: &LogSigner| {
        SignedCheckpoint::open(note.as_bytes(), signer.verifier()).unwrap_err().code()
    };
    assert_eq!(open(&note, &other), "checkpoint-of-another-log");
    let rekeyed = LogSigner::from_seed(ORIGIN, &[6; 32]).unwrap();
    assert_eq!(open(&note, &rekeyed), "signature-missing");
    assert_eq!(open(&note.replace("70000", "70001"), &signer()), "signature-wrong");
    assert_eq!(open("a\n", &signer()), "note-malformed");
}

#[test]
fn signatures_can_be_added_later() {
    let mut signed = checkpoint().sign(&signer()).unwrap();
    let witness = LogSigner::from_seed("witness.example.com", &[8; 32]).unwrap();
    let line = witness.sign(signed.note().text());
    signed.note_mut().add(line).unwrap();
    let again = SignedCheckpoint::open(signed.to_string().as_bytes(), signer().verifier());
    assert_eq!(again.unwrap().note().verify(witness.verifier()), Ok(()));
}

#[test]
fn origins_are_url_prefixes_without_scheme() {
    for good in ["log.example.com", "localhost:8443/log", "a-b.example/x/Y_z~1.2", ORIGIN] {
        assert_eq!(check_origin(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "/",
        "log.example.com/",
        "https://log.example.com",
        "log.example.com//a",
        "Log.example",
        "a b",
        "a+b",
        "日志.example",
        "host:",
        "host:99999",
        "host:080",
        "host:+80",
        "h/a?b",
        "h/../a",
        "h/./a",
        &format!("h/{}", "a".repeat(254)),
    ] {
        assert_eq!(check_origin(bad).unwrap_err().code(), "origin-malformed", "{bad}");
    }
}

#[test]
fn every_error_has_both_languages() {
    let errors = [
        CheckpointError::Note(NoteError::Form),
        CheckpointError::Line { line: 1, expected: "x" },
        CheckpointError::Origin { origin: "x".into() },
        CheckpointError::OtherLog { found: "a".into(), expected: "b".into() },
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
}

proptest! {
    #[test]
    fn reading_is_exact(text in "[a-z/.]{0,5}\n?[0-9]{0,21}\n?[A-Za-z0-9+/]{42,43}=?\n?([a-z]{0,3}\n){0,2}") {
        if let Ok(head) = Checkpoint::parse(&text) {
            prop_assert_eq!(head.text(), text);
        }
    }

    #[test]
    fn any_head_reads_back(size: u64, root: [u8; 32]) {
        let head = Checkpoint::new(ORIGIN, size, Hash::new(root));
        prop_assert_eq!(Checkpoint::parse(&head.text()), Ok(head));
    }
}
