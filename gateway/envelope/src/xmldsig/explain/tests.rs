//! Every cause seeded in fifty signed documents, and what is said of them. The table is
//! printed with `--nocapture`.

#![allow(clippy::string_slice)]

mod seed;
mod ways;

use std::collections::BTreeMap;

use super::*;
use onepoint_xml::Limits;

use crate::c14n::{Method, PrefixList};
use crate::xmldsig::SignOptions;
use crate::xmldsig::tests::{ORDER, WORLD, edit, parse, sign_by};
use seed::{Seed, Shape, digested, good, message, signer};
use ways::{Damage, WAYS};

/// Documents for each way.
const DOCUMENTS: u64 = 50;

fn explained(xml: &str, others: &[Certificate]) -> Inspected {
    let place = SignaturePlace::ChildOfRoot;
    let found = explain(&parse(xml), &place, &SignaturePolicy::strict(), &[], others);
    found.parts.unwrap_or_else(|| panic!("{:?}: {xml}", found.outcome))
}

fn first(xml: &str, others: &[Certificate]) -> Option<Cause> {
    explained(xml, others).causes.into_iter().next()
}

#[test]
fn the_first_cause_named_is_the_one_that_was_seeded() {
    let mut wrong = Vec::new();
    let mut kinds: BTreeMap<CauseKind, (u32, u32)> = BTreeMap::new();
    for way in WAYS.iter() {
        let mut said: BTreeMap<&str, u32> = BTreeMap::new();
        for n in 0..DOCUMENTS {
            let mut seed = Seed::new(n + 1);
            let Damage { xml, others } = (way.damage)(&mut seed);
            let cause = first(&xml, &others).expect("something is wrong");
            *said.entry(cause.kind.code()).or_default() += 1;
            let tally = kinds.entry(way.kind).or_default();
            tally.1 += 1;
            if cause.kind == way.kind {
                tally.0 += 1;
            } else if cause.proved {
                wrong.push(format!("{}: {:?}\n{xml}", way.what, cause));
            }
        }
        println!("{:28} {:44} {said:?}", way.kind.code(), way.what);
    }
    for (kind, (right, all)) in &kinds {
        println!("{:28} {right} of {all}", kind.code());
        assert!(right * 100 >= all * 95, "{}: {right} of {all}", kind.code());
    }
    assert!(wrong.is_empty(), "{} wrong, the first: {}", wrong.len(), wrong[0]);
}

#[test]
fn every_cause_is_seeded_and_has_its_words() {
    for kind in CauseKind::ALL {
        assert!(WAYS.iter().any(|way| way.kind == *kind), "{}", kind.code());
        let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(chinese(kind.zh()) && chinese(kind.advice_zh()), "{}", kind.code());
        assert!(!kind.en().is_empty() && !kind.advice_en().is_empty());
    }
}

#[test]
fn nothing_is_said_of_a_good_signature() {
    for n in 0..DOCUMENTS {
        let mut seed = Seed::new(n);
        let by = signer(&mut seed);
        let xml = good(by, &message(&mut seed, Shape::default()));
        let found = explained(&xml, &[]);
        assert!(found.causes.is_empty() && found.value_good == Some(true), "{:?}", found.causes);
        assert_eq!(found.reference.expected, found.reference.computed);
    }
}

#[test]
fn canonical_octets_are_read_and_written_to_the_octet() {
    for n in 0..DOCUMENTS {
        let mut seed = Seed::new(n);
        let shape = Shape { comments: true, empty_tags: true, ..Shape::default() };
        let xml = message(&mut seed, shape);
        for method in content::all_methods() {
            let octets = seed::content(&xml, &method);
            assert_eq!(tokens::write(&tokens::read(&octets).unwrap()), octets);
        }
    }
    for broken in ["<a b>", "<a", "</a", "<!-- ", "<?x", "<a b=\"1>"] {
        assert_eq!(tokens::read(broken.as_bytes()), None, "{broken}");
    }
}

#[test]
fn the_first_difference_is_found_in_the_file() {
    let xml = "<?xml version=\"1.0\"?>\n<r guid=\"1\">\n<a>测试</a><b>x</b>\n</r>";
    let signed = good(&WORLD.p256, xml);
    let later = edit(&signed, "</a><b>", "</a>\n  <b>");
    let flat = xml.replace("\n<a>", "<a>").replace("\n</r>", "</r>");
    let late = edit(&good(&WORLD.p256, &flat), "</a><b>", "</a>\n  <b>");
    let cause = first(&late, &[]).unwrap();
    assert_eq!(cause.kind, CauseKind::Reindented);
    let place = cause.difference.unwrap();
    let at = place.position.unwrap();
    assert_eq!((at.line, at.column), (2, 22));
    assert!(place.here.contains("</a>⏎··<b>") && place.signed.contains("</a><b>"), "{place:?}");
    // Irregular white space that no layout gives back is not called anything else.
    assert_eq!(first(&later, &[]).unwrap().kind, CauseKind::ChangedAfterSigning);
}

#[test]
fn lost_characters_are_named_without_being_called_proved() {
    let xml = edit(&good(&WORLD.rsa, ORDER), "测试 &amp;", "\u{fffd}\u{fffd} &amp;");
    let cause = first(&xml, &[]).unwrap();
    assert_eq!((cause.kind, cause.proved), (CauseKind::ReEncoded, false));
}

#[test]
fn a_part_of_the_search_is_left_out_for_large_messages() {
    let rows: String = (0..60_000).map(|n| format!("<a n=\"{n}\">测试订单编号 {n}</a>")).collect();
    let xml = good(&WORLD.p256, &format!("<r guid=\"1\">{rows}</r>"));
    let xml = edit(&xml, "测试订单编号 7<", "测试订单编号 8<");
    let found = explained(&xml, &[]);
    assert!(found.bounded);
    assert_eq!(found.causes[0].kind, CauseKind::ChangedAfterSigning);
}

#[test]
fn a_refused_shape_has_an_outcome_and_no_parts() {
    let place = SignaturePlace::ChildOfRoot;
    let document = parse(ORDER);
    let found = explain(&document, &place, &SignaturePolicy::strict(), &[], &[]);
    assert_eq!(found.outcome.unwrap_err().code(), "signature-missing");
    assert!(found.parts.is_none());
}

#[test]
fn other_methods_and_references_are_explained_as_well() {
    let (list, id) = (PrefixList::parse("xsi").unwrap(), Some("root".to_owned()));
    let methods = [
        Method::Exclusive(list),
        Method::Inclusive11,
        Method::ExclusiveWithComments(PrefixList::default()),
    ];
    for (n, method) in (1_u64..).zip(methods) {
        let mut seed = Seed::new(n);
        let flat = Shape { lines: Some(false), ..Shape::default() };
        let xml = edit(&message(&mut seed, flat), " guid=", " Id=\"root\" guid=");
        for id in [None, id.clone()] {
            let transform = Some(method.clone());
            let options = SignOptions {
                id,
                transform,
                canonicalization: method.clone(),
                ..SignOptions::default()
            };
            let signed = sign_by(&WORLD.p256, &xml, &options);
            assert!(explained(&signed, &[]).causes.is_empty());
            let cause = first(&seed::formatted(&signed, Some("\t")), &[]).unwrap();
            assert_eq!((cause.kind, cause.proved), (CauseKind::Reindented, true), "{method:?}");
            let cause = first(&edit(&signed, "</ds:Signature>", "</ds:Signature>\n"), &[]).unwrap();
            assert_eq!(cause.kind, CauseKind::SpaceAtSignature, "{method:?}");
        }
    }
}

#[test]
fn altered_octets_anywhere_are_never_explained_by_a_layout_or_an_encoding() {
    let mut judged = 0;
    for n in 0..600 {
        let mut seed = Seed::new(n);
        let by = signer(&mut seed);
        let mut octets = good(by, &message(&mut seed, Shape::default())).into_bytes();
        for _ in 0..=seed.below(3) {
            let at = seed.below(octets.len());
            if octets[at].is_ascii_alphanumeric() {
                octets[at] = seed.pick(b"05adxKZ");
            }
        }
        let Ok(document) = Document::parse(octets, &Limits::default()) else { continue };
        let place = SignaturePlace::ChildOfRoot;
        let found = explain(&document, &place, &SignaturePolicy::strict(), &[], &[]);
        let Some(parts) = found.parts else { continue };
        judged += 1;
        let digest_good = parts.reference.expected == parts.reference.computed;
        let good = digest_good && parts.value_good != Some(false);
        assert_eq!(parts.causes.is_empty(), good, "{:?}", parts.causes);
        for cause in parts.causes.iter().filter(|cause| cause.proved) {
            use CauseKind as K;
            let right = [K::SignedInfoChanged, K::DigestValueChanged, K::Namespace];
            assert!(right.contains(&cause.kind), "{cause:?}: {}", document.source());
        }
    }
    assert!(judged > 200, "{judged}");
}

#[test]
fn two_causes_are_both_named() {
    // Namespaces are in the digest and in SignedInfo.
    let mut seed = Seed::new(7);
    let xml = message(&mut seed, Shape::default());
    let xml = edit(&good(&WORLD.sm2, &xml), " xmlns:xsi=", " xmlns:xs=");
    let found = explained(&xml, &[]);
    let named: Vec<_> = found.causes.iter().map(|c| (c.kind, c.about_value, c.proved)).collect();
    let expected = [(CauseKind::Namespace, false, true), (CauseKind::Namespace, true, true)];
    assert_eq!(named, expected);
    // A digest over something else, and a value under another key.
    let other = digested(&WORLD.p256, ORDER, b"something else");
    assert_eq!(first(&other, &[]).unwrap().kind, CauseKind::ChangedAfterSigning);
}
