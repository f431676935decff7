//! Interning and prefixes by themselves: scopes, names in several namespaces, limits.

#![allow(clippy::string_slice)]

use super::*;

const SOURCE: &str = "p:a a xmlns:p xmlns q:a";

fn names() -> Names<'static> {
    Names::new(&Limits::default())
}

fn raw(names: &mut Names<'static>, text: &'static str) -> RawName {
    let at = SOURCE.find(text).unwrap();
    names.intern(&SOURCE[at..at + text.len()], at).unwrap()
}

#[test]
fn bindings_end_with_their_element() {
    let mut names = names();
    let (name, declares) = (raw(&mut names, "p:a"), raw(&mut names, "xmlns:p"));
    let role = names.mark(declares, 0).unwrap();
    assert!(names.element(name).is_err(), "not bound");
    names.bind(role, "urn:1").unwrap();
    let outer = names.element(name).unwrap();
    let before = names.bindings();
    names.bind(role, "urn:2").unwrap();
    let inner = names.element(name).unwrap();
    assert_ne!(outer, inner);
    names.unbind(before);
    assert_eq!(names.element(name).unwrap(), outer);
    names.bind(role, "urn:3").unwrap();
    let third = names.element(name).unwrap();
    names.bind(role, "urn:2").unwrap();
    assert_eq!(names.element(name).unwrap(), inner, "known again, first or not");
    assert_ne!(third, inner);
    names.unbind(0);
    assert!(names.element(name).is_err());
}

#[test]
fn the_default_namespace_is_for_elements_only() {
    let mut names = names();
    let (name, declares) = (raw(&mut names, "a"), raw(&mut names, "xmlns"));
    let role = names.mark(declares, 0).unwrap();
    assert_eq!(role, Role::DeclaresDefault);
    let none = names.element(name).unwrap();
    names.bind(role, "urn:1").unwrap();
    assert_ne!(names.element(name).unwrap(), none);
    assert_eq!(names.attribute(name, 5, SOURCE).unwrap(), Some(none));
    names.bind(role, "").unwrap();
    assert_eq!(names.element(name).unwrap(), none, "taken back");
}

#[test]
fn doubles_are_found_by_name_and_by_expanded_name() {
    let mut names = names();
    let (p, q, a) = (raw(&mut names, "p:a"), raw(&mut names, "q:a"), raw(&mut names, "a"));
    assert_eq!(names.mark(a, 7), Some(Role::Plain));
    assert_eq!(names.mark(a, 7), None);
    assert_eq!(names.mark(a, 8), Some(Role::Plain));
    let prefix = |names: &Names<'_>, name: RawName| names.raw[name.0 as usize].prefix;
    for name in [p, q] {
        let role = Role::DeclaresPrefix(prefix(&names, name));
        names.bind(role, "urn:1").unwrap();
    }
    assert!(names.attribute(p, 9, SOURCE).unwrap().is_some());
    assert!(names.attribute(q, 9, SOURCE).unwrap().is_none());
    assert!(names.attribute(q, 10, SOURCE).unwrap().is_some());
}

#[test]
fn namespaces_are_bounded_too() {
    let mut names = Names::new(&Limits { names: 4, ..Limits::default() });
    let role = Role::DeclaresDefault;
    assert_eq!(names.bind(role, "urn:1"), Ok(()));
    assert_eq!(names.bind(role, "urn:2"), Ok(()));
    assert_eq!(names.bind(role, "urn:1"), Ok(()));
    assert_eq!(names.bind(role, "urn:3"), Err(Problem::TooManyNames { limit: 4 }));
}

#[test]
fn hashes_depend_on_every_byte_and_on_the_seed() {
    use std::hash::BuildHasher;
    let seed = Seed::fresh();
    let texts = ["", "a", "b", "ab", "ba", "abcdefgh", "abcdefgi", "abcdefgha", "\0", "\0\0"];
    let mut seen: Vec<u64> = texts.iter().map(|text| seed.hash_one(text)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), texts.len());
    assert_ne!(Seed::fresh().hash_one("a"), Seed::fresh().hash_one("a"));
}
