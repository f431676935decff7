//! Every encoding we refuse, by each kind of evidence, and what is no XML at all.

use super::*;

fn refused(input: &[u8]) -> (&'static str, String) {
    let error = decode(input.to_vec()).expect_err("refused");
    assert!(!error.zh().is_ascii() && !error.expected().is_empty());
    (error.code(), error.en())
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn utf8_is_taken_with_and_without_mark() {
    assert_eq!(decode(b"<a/>".to_vec()).unwrap(), "<a/>");
    assert_eq!(decode(b"\xEF\xBB\xBF<a/>".to_vec()).unwrap(), "<a/>");
    for name in ["UTF-8", "utf-8", "Utf-8"] {
        let text = format!("<?xml version='1.0' encoding = \"{name}\"?><a/>");
        assert_eq!(decode(text.clone().into_bytes()).unwrap(), text);
    }
}

#[test]
fn utf16_and_utf32_are_told_by_mark_by_pattern_and_by_declaration() {
    for big in [true, false] {
        for text in ["\u{FEFF}<a/>", "<a/>", "<?xml version='1.0'?><a/>"] {
            assert_eq!(refused(&utf16(text, big)).0, "xml-encoding-utf16", "{text} {big}");
        }
    }
    assert!(refused(&utf16("\u{FEFF}<a/>", true)).1.contains("UTF-16, big endian"));
    for input in [&b"\0\0\xFE\xFF\0\0\0<"[..], b"\xFF\xFE\0\0<\0\0\0", b"<\0\0\0a\0\0\0"] {
        let (code, text) = refused(input);
        assert_eq!(code, "xml-encoding-utf16");
        assert!(text.contains("UTF-32"), "{text}");
    }
    let (code, text) = refused(b"<?xml version='1.0' encoding='utf-16'?><a/>");
    assert_eq!(code, "xml-encoding-utf16");
    assert!(text.contains("declaration says utf-16"), "{text}");
}

#[test]
fn gbk_is_told_by_declaration_and_by_bytes() {
    for name in ["GBK", "gb2312", "GB18030", "cp936"] {
        let text = format!("<?xml version=\"1.0\" encoding=\"{name}\"?><a/>");
        assert_eq!(refused(text.as_bytes()).0, "xml-encoding-gbk", "{name}");
    }
    // "订单" in GBK, undeclared and declared as UTF-8; then a four-byte form of GB18030.
    assert_eq!(refused(b"<a>\xB6\xA9\xB5\xA5</a>").0, "xml-encoding-gbk");
    let declared = b"<?xml version='1.0' encoding='UTF-8'?>\n<a>\xB6\xA9\xB5\xA5</a>";
    assert_eq!(refused(declared).0, "xml-encoding-gbk");
    assert_eq!(refused(b"<a>\x81\x30\x81\x30</a>").0, "xml-encoding-gbk");
}

#[test]
fn other_encodings_are_named() {
    let (code, text) = refused(b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>");
    assert_eq!(code, "xml-encoding-unsupported");
    assert!(text.contains("ISO-8859-1"), "{text}");
    // No registered name: other parsers may refuse it.
    let (code, text) = refused(b"<?xml version='1.0' encoding='UTF8'?><a/>");
    assert_eq!(code, "xml-encoding-unsupported");
    assert!(text.contains("declare UTF-8"), "{text}");
    assert_eq!(refused(b"\x4C\x6F\xA7\x94\x93\x40").0, "xml-encoding-unsupported");
    // An instruction that only begins alike declares nothing.
    assert!(decode(b"<?xml-stylesheet encoding='GBK'?><a/>".to_vec()).is_ok());
}

#[test]
fn bytes_that_are_nothing_we_know_have_their_place() {
    let error = decode(b"<a>\n\xE6\xB5\x8B\xFF</a>".to_vec()).expect_err("refused");
    assert_eq!(error.code(), "xml-not-utf8");
    assert_eq!((error.position().line, error.position().column), (2, 2));
    assert_eq!(error.position().byte, 7);
}

#[test]
fn empty_and_foreign_input_is_told_apart() {
    for input in ["", " \r\n\t", "\u{FEFF}", "\u{FEFF} "] {
        assert_eq!(refused(input.as_bytes()).0, "xml-empty", "{input:?}");
    }
    let foreign: [(&[u8], &str); 8] = [
        (b"{\"guid\": \"<a/>\"}", "JSON"),
        (b" [1]", "JSON"),
        (b"\x1F\x8B\x08\0", "gzip"),
        (b"PK\x03\x04", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"-----BEGIN CERTIFICATE-----", "PEM"),
        (b"PD94bWwgdmVyc2lvbj0iMS4wIj8+", "Base64"),
        (b"\x01\x02", "binary"),
    ];
    for (input, kind) in foreign {
        let (code, text) = refused(input);
        assert_eq!(code, "xml-not-xml");
        assert!(text.contains(kind), "{text}");
    }
    assert!(refused("订单".as_bytes()).1.contains("plain text"));
}
