//! Places, paths and quotes of errors.

use super::*;

fn place(source: &str, byte: usize) -> (u32, u32) {
    let position = Position::find(source, byte);
    assert_eq!(position.byte, byte);
    (position.line, position.column)
}

#[test]
fn positions_count_lines_and_characters() {
    let source = "ab\r\n订单x\rz\n";
    assert_eq!(place(source, 0), (1, 1));
    assert_eq!(place(source, 2), (1, 3), "CR of CR LF");
    assert_eq!(place(source, 3), (1, 4), "LF of CR LF");
    assert_eq!(place(source, 4), (2, 1));
    assert_eq!(place(source, 7), (2, 2), "second character");
    assert_eq!(place(source, 10), (2, 3));
    assert_eq!(place(source, 12), (3, 1), "after a lone CR");
    assert_eq!(place(source, source.len()), (4, 1));
    assert_eq!(Position::find(source, 999).byte, source.len());
    assert_eq!(place("", 0), (1, 1));
}

#[test]
fn paths_are_cut_in_the_middle() {
    assert_eq!(path_of(&[]), "");
    assert_eq!(path_of(&["a", "p:b"]), "/a/p:b");
    let names: Vec<String> = (0..40).map(|number| format!("e{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let path = path_of(&names);
    assert!(path.starts_with("/e0/e1/"), "{path}");
    assert!(path.contains("/e15/…/e24/"), "{path}");
    assert!(path.ends_with("/e39"), "{path}");
}

#[test]
fn quotes_are_bounded_and_harmless() {
    assert_eq!(quoted("a\u{1b}[1m\nb"), "a\u{FFFD}[1m\u{FFFD}b");
    assert_eq!(quoted(&"x".repeat(41)), format!("{}…", "x".repeat(40)));
    assert_eq!(quoted(&"x".repeat(40)), "x".repeat(40));
}

#[test]
fn display_is_place_and_sentence() {
    let position = Position { line: 3, column: 7, byte: 20 };
    let error = XmlError::new(Problem::Doctype, position, &["a"]);
    assert_eq!(error.to_string(), "3:7: document type declarations are refused");
    assert_eq!(error.path(), "/a");
    assert_eq!(error.expected(), "no document type declaration");
    assert_eq!(error.zh(), "不接受文档类型声明（DOCTYPE）");
}
