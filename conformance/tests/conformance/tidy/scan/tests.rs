//! The scanner on small strings: each rule of Rust's tokens it claims to know.

use super::*;

/// What is left of a text, with one space for each run of blanks.
fn left(text: &str) -> String {
    let code = blank(text);
    assert_eq!(code.chars().count(), text.chars().count(), "{text}");
    assert_eq!(code.matches('\n').count(), text.matches('\n').count(), "{text}");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn comments_and_literals_become_spaces() {
    for (text, code) in [
        ("a // b\nc", "a c"),
        ("a /* b /* c */ d */ e", "a e"),
        ("a /* b\n */ e", "a e"),
        (r#"f("{ \" }")"#, "f( )"),
        (r##"f(r"\", r#"a"b"#, x)"##, "f( , , x)"),
        (r##"f(br#"}"#, b"}", c"}")"##, "f( , b , c )"),
        ("f('{', '\\'', '\\u{7b}', b'}')", "f( , , , b )"),
        ("fn a<'a>(x: &'a str) {}", "fn a<'a>(x: &'a str) {}"),
        ("r#fn for r in br", "r#fn for r in br"),
        ("'中' \"中\"", ""),
        ("\"open", ""),
        ("/* open", ""),
    ] {
        assert_eq!(left(text), code, "{text}");
    }
}

fn lengths(text: &str) -> Vec<(String, usize, usize)> {
    functions(&blank(text)).into_iter().map(|f| (f.name, f.line, f.lines)).collect()
}

#[test]
fn functions_are_found_with_their_lines() {
    assert_eq!(lengths("fn a() {}"), [("a".into(), 1, 1)]);
    assert_eq!(
        lengths("\nfn a() {\n  \"}\";\n}\nfn b() {\n}"),
        [("a".into(), 2, 3), ("b".into(), 5, 2)]
    );
    assert_eq!(lengths("fn a()\nwhere\n  T: X,\n{\n  if x { y }\n}"), [("a".into(), 1, 6)]);
    assert_eq!(lengths("fn a(x: [u8; 2]) -> [u8; 3] {\n}"), [("a".into(), 1, 2)]);
    assert_eq!(lengths("fn a() {\n  fn b() {\n  }\n}"), [("a".into(), 1, 4), ("b".into(), 2, 2)]);
}

#[test]
fn what_is_no_function_is_left_alone() {
    for text in [
        "trait T { fn a(&self); }",
        "type F = fn(u8) -> u8;",
        "struct S { f: Box<dyn Fn() -> u8> }",
        "// fn a() {}",
        "let fname = 1;",
    ] {
        assert_eq!(lengths(text), [], "{text}");
    }
    let default = "trait T {\n fn a(&self);\n fn b(&self) {\n }\n}";
    assert_eq!(lengths(default), [("b".into(), 3, 2)]);
}

#[test]
fn words_are_whole() {
    assert_eq!(words("fn afn fn_ fn", "fn"), [0, 11]);
    assert_eq!(words("std::fs::read, my_std::fs", "std::fs"), [0]);
}

#[test]
fn test_items_are_left_out() {
    let code = "use a;\n#[cfg(test)]\nmod tests {\n  use b;\n}\n#[cfg(test)]\nmod tests;\nuse c;";
    let shipped = without_tests(code);
    assert!(shipped.contains("use a;") && shipped.contains("use c;"));
    assert!(!shipped.contains("use b") && !shipped.contains("mod tests"));
    assert_eq!(shipped.lines().count(), code.lines().count());
}
