//! PEM: what is read, what is skipped, what is refused.

use super::*;
use crate::samples::{assert_told, told};

fn labels(text: &str) -> Vec<(String, usize, Vec<u8>)> {
    let blocks = read(text).unwrap();
    blocks.into_iter().map(|b| (b.label, b.line, b.der.to_vec())).collect()
}

fn refused(text: &str) -> PemError {
    read(text).map(|_| ()).unwrap_err()
}

#[test]
fn what_is_written_is_read_back() {
    for length in [0, 1, 2, 3, 47, 48, 49, 96, 97, 1000] {
        let der: Vec<u8> = (0..length).map(|n: u32| n.to_le_bytes()[0]).collect();
        let text = write("CERTIFICATE", &der);
        assert!(text.lines().all(|line| line.len() <= LINE));
        assert_eq!(labels(&text), [("CERTIFICATE".to_owned(), 1, der)]);
    }
}

#[test]
fn prose_line_ends_and_spaces_are_skipped() {
    let text = "prose -----BEGIN\r\nmore\r\n  -----BEGIN A-----  \r\n YWJj \r\n\r\n\tZGVm\r\n\
        -----END A-----\r\nprose\n-----BEGIN B-----\nYQ==\n-----END B-----";
    let found = labels(text);
    assert_eq!(found[0], ("A".to_owned(), 3, b"abcdef".to_vec()));
    assert_eq!(found[1], ("B".to_owned(), 9, b"a".to_vec()));
    assert!(labels("").is_empty() && labels("-----END A-----").is_empty());
}

#[test]
fn every_pem_error() {
    assert_told(&[
        ("pem-too-large", told!(refused(&" ".repeat(MAX_PEM_BYTES + 1)))),
        ("pem-no-end", told!(refused("\n-----BEGIN A-----\nYWJj\n"))),
        ("pem-not-base64", told!(refused("-----BEGIN A-----\nYW?j\n-----END A-----"))),
    ]);
    assert!(labels(&" ".repeat(MAX_PEM_BYTES)).is_empty());
}

#[test]
fn blocks_are_counted() {
    let block = write("A", b"x");
    assert_eq!(labels(&block.repeat(MAX_PEM_BLOCKS)).len(), MAX_PEM_BLOCKS);
    assert_eq!(refused(&block.repeat(MAX_PEM_BLOCKS + 1)), PemError::TooLarge);
}

#[test]
fn junk_is_refused_with_its_line() {
    for text in [
        "x\n-----BEGIN A-----\nYWJj\n-----END B-----",
        "x\n-----BEGIN A-----\n-----BEGIN B-----\nYQ==\n-----END B-----",
    ] {
        assert_eq!(refused(text), PemError::NoEnd { line: 2, label: "A".to_owned() });
    }
    for body in ["YWJ", "YWJj=", "YW=j", "YWJjZ", "测试", "YWJj\nProc-Type: 4,ENCRYPTED", "YR=="]
    {
        let text = format!("-----BEGIN A-----\n{body}\n-----END A-----");
        assert_eq!(refused(&text).code(), "pem-not-base64", "{body}");
    }
}

#[test]
fn labels_are_shown_bounded() {
    let text = format!("-----BEGIN {}\u{1b}-----\n", "A".repeat(1000));
    let error = refused(&text);
    assert!(error.en().len() < 120 && !error.en().contains('\u{1b}'), "{error}");
}
