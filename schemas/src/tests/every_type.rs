//! Every type of every built-in version of the customs norm, tried by its own schema: each
//! required field missing in turn, too long, of the wrong type, out of order, unknown,
//! foreign; the bounds of documents and lines. What the schema says of its fields decides
//! what is tried, so that a type that is added is tried as well.

use std::sync::LazyLock;

use onepoint_xml::{Document, Element};

use super::{SIGNATURE, parse};
use crate::{Catalogue, Field, MessageType, Place, Violation, example};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load_builtin().unwrap());

/// A type with its example, complete: with a Signature where the root has a place for one.
struct Subject {
    kind: &'static MessageType,
    fields: Vec<Field>,
    xml: String,
}

/// A field of the schema and where it stands in the example.
struct Spot {
    field: Field,
    start: usize,
    /// Behind its start tag, and at its end tag.
    inside: std::ops::Range<usize>,
    end: usize,
}

impl Subject {
    fn judge(&self, xml: &str) -> Vec<Violation> {
        CATALOGUE.validate_structure(&parse(xml), self.kind).err().unwrap_or_default()
    }

    /// What is refused, and why first.
    fn expect(&self, xml: &str, code: &str, what: &str) -> Violation {
        let label = format!("{} {} {what}", self.kind.schema_version(), self.kind.name);
        assert_ne!(xml, self.xml, "{label}");
        let found = self.judge(xml);
        let first = found.first().unwrap_or_else(|| panic!("{label}: accepted"));
        assert_eq!(first.code, code, "{label}: {first:?}");
        assert!(first.line > 1 && !first.path.is_empty() && !first.zh.is_empty(), "{first:?}");
        found.into_iter().next().unwrap()
    }

    /// Every field that the example has, at its first place.
    fn spots(&self) -> Vec<Spot> {
        let document = parse(&self.xml);
        let mut spots = Vec::new();
        let mut path: Vec<Element<'_>> = Vec::new();
        for field in self.fields.iter().filter(|field| !field.foreign && field.depth > 0) {
            path.truncate(field.depth - 1);
            let parent = match field.depth {
                1 => Some(document.root()),
                depth => path.get(depth - 2).copied(),
            };
            let named = parent.filter(|_| path.len() + 1 == field.depth);
            let found = named.and_then(|p| p.children().find(|e| e.name().local == field.name));
            let Some(element) = found else { continue };
            path.push(element);
            spots.push(spot(&document, element, field));
        }
        spots
    }

    /// The prefix of the example's elements, with its colon.
    fn prefix(&self) -> &'static str {
        if self.xml.contains("<ceb:") { "ceb:" } else { "" }
    }

    fn replaced(&self, range: std::ops::Range<usize>, by: &str) -> String {
        format!("{}{by}{}", &self.xml[..range.start], &self.xml[range.end..])
    }
}

fn spot(document: &Document, element: Element<'_>, field: &Field) -> Spot {
    let span = element.span();
    let close = document.event(element.end_index()).unwrap().span();
    let start_tag = document.source()[span.clone()].find('>').unwrap() + 1;
    let inside = span.start + start_tag..close.start;
    Spot { field: field.clone(), start: span.start, inside, end: span.end }
}

/// The type's example with a Signature in its place; no example has an ExtendMessage.
fn complete(kind: &MessageType) -> String {
    let xml = example(&kind.name).unwrap();
    if kind.signature_place == Place::Envelope {
        return xml.to_owned();
    }
    let (body, end) = xml.rsplit_once("</").unwrap();
    format!("{body}{SIGNATURE}</{end}")
}

fn every(mut does: impl FnMut(&Subject)) {
    let mut types = 0;
    for kind in CATALOGUE.all_versions().filter(|kind| kind.family == "ceb") {
        let fields = CATALOGUE.fields(kind).unwrap();
        does(&Subject { kind, fields, xml: complete(kind) });
        types += 1;
    }
    // 42 of 2022-05, of which 2018-113 lacks four.
    assert!(types >= 42 + 38, "{types}");
}

#[test]
fn examples_are_valid_have_their_keys_and_name_their_parties() {
    every(|subject| {
        let label = format!("{} {}", subject.kind.schema_version(), subject.kind.name);
        assert_eq!(subject.judge(&subject.xml), [], "{label}");
        let document = parse(&subject.xml);
        assert_eq!(CATALOGUE.check_rules(&document, subject.kind, 0), [], "{label}");
        let facts = CATALOGUE.documents(&document, subject.kind);
        assert!(facts[0].business_key.is_some(), "{label}");
        for group in subject.kind.signers_required(&facts[0]) {
            assert!(group.codes().next().is_some(), "{label}: {group:?}");
        }
    });
}

/// The key of a receipt's document is that of the document it answers.
#[test]
fn receipts_answer_by_the_key_of_their_declaration() {
    let key = |kind: &MessageType| {
        let document = parse(example(&kind.name).unwrap());
        CATALOGUE.documents(&document, kind)[0].business_key.clone().unwrap()
    };
    for kind in CATALOGUE.types().filter(|kind| kind.family == "ceb") {
        let Some(receipt) = &kind.receipt else { continue };
        assert_eq!(key(CATALOGUE.by_name(receipt).unwrap()), key(kind), "{}", kind.name);
    }
}

#[test]
fn prefixes_and_the_case_of_guids_do_not_count() {
    every(|subject| {
        let plain = subject.xml.replace("xmlns:ceb=", "xmlns=").replace("ceb:", "");
        assert_eq!(subject.judge(&plain), [], "{}", subject.kind.name);
        let lower = subject
            .xml
            .replace("00000000-0000-4000-8000-0000000", "abcdefab-cdef-4abc-8def-abcdefa");
        assert_ne!(lower, subject.xml);
        assert_eq!(subject.judge(&lower), [], "{}", subject.kind.name);
    });
}

#[test]
fn every_required_field_that_is_missing_is_named() {
    let mut tried = 0;
    every(|subject| {
        for spot in subject.spots().iter().filter(|spot| spot.field.min > 0) {
            let (name, open) =
                (&spot.field.name, format!("<{}{}>", subject.prefix(), spot.field.name));
            let around = subject.xml.split(&open).count() - 1;
            let mut xml = subject.replaced(spot.start..spot.end, "");
            if spot.field.max != Some(1) && around > 1 {
                // Several lines, or documents: all of them go.
                xml = without_all(&subject.xml, subject.prefix(), name);
            }
            let found = subject.expect(&xml, "schema-missing-element", name);
            assert_eq!(found.expected, *name, "{found:?}");
            tried += 1;
        }
        let signed = subject.fields.iter().any(|field| field.foreign && field.min > 0);
        if signed {
            let found = subject.expect(
                example(&subject.kind.name).unwrap(),
                "schema-missing-element",
                "Signature",
            );
            assert_eq!(found.expected, "Signature");
        }
    });
    assert!(tried > 1200, "{tried}");
}

fn without_all(xml: &str, prefix: &str, name: &str) -> String {
    let (open, close) = (format!("<{prefix}{name}>"), format!("</{prefix}{name}>"));
    let mut parts = xml.split(&open);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + part.split_once(&close).unwrap().1)
}

#[test]
fn texts_are_as_long_as_the_schema_says_and_no_longer() {
    let mut tried = 0;
    every(|subject| {
        for spot in subject.spots() {
            let Some(value) = spot.field.value.as_ref() else { continue };
            let Some(most) = value.length.or(value.max_length) else { continue };
            let most = usize::try_from(most).unwrap();
            let longest = subject.replaced(spot.inside.clone(), &"测".repeat(most));
            assert_eq!(subject.judge(&longest), [], "{} {}", subject.kind.name, spot.field.name);
            let longer = subject.replaced(spot.inside.clone(), &"测".repeat(most + 1));
            subject.expect(&longer, "schema-length", &spot.field.name);
            tried += 1;
        }
    });
    assert!(tried > 1000, "{tried}");
}

#[test]
fn numbers_are_numbers_of_so_many_digits() {
    let mut tried = 0;
    every(|subject| {
        for spot in subject.spots() {
            let Some(value) = spot.field.value.as_ref() else { continue };
            let (name, put) =
                (&spot.field.name, |text: &str| subject.replaced(spot.inside.clone(), text));
            match (value.base.as_str(), value.total_digits) {
                ("decimal", Some(19)) => {
                    subject.expect(&put("ten"), "schema-type", name);
                    subject.expect(&put("1.123456"), "schema-digits", name);
                    subject.expect(&put("12345678901234567890"), "schema-digits", name);
                    assert_eq!(subject.judge(&put("12345678901234.12345")), [], "{name}");
                }
                ("int", Some(digits)) => {
                    let digits = usize::try_from(digits).unwrap();
                    subject.expect(&put("one"), "schema-type", name);
                    subject.expect(
                        &put(&format!("1{}", "0".repeat(digits))),
                        "schema-digits",
                        name,
                    );
                    assert_eq!(subject.judge(&put(&"9".repeat(digits))), [], "{name}");
                }
                ("int", None) => {
                    subject.expect(&put("1.0"), "schema-type", name);
                    subject.expect(&put("2147483648"), "schema-range", name);
                }
                _ => continue,
            }
            tried += 1;
        }
    });
    assert!(tried > 150, "{tried}");
}

#[test]
fn strangers_neighbours_in_the_wrong_order_and_other_namespaces_are_refused() {
    every(|subject| {
        let (prefix, spots) = (subject.prefix(), subject.spots());
        for spot in &spots {
            let stranger = format!("<{prefix}moon/>");
            match &spot.field.value {
                // Within everything that holds elements, as the first and as the last.
                None if spot.field.name != "Message" => {
                    for at in [spot.inside.start, spot.inside.end] {
                        let xml = subject.replaced(at..at, &stranger);
                        subject.expect(&xml, "schema-unexpected-element", &spot.field.name);
                    }
                }
                _ => {}
            }
        }
        for pair in spots.windows(2) {
            let [a, b] = pair else { continue };
            if a.field.depth != b.field.depth
                || a.end > b.start
                || a.field.min == 0
                || b.field.min == 0
            {
                continue;
            }
            let (first, second) = (&subject.xml[a.start..a.end], &subject.xml[b.start..b.end]);
            let between = &subject.xml[a.end..b.start];
            if between.trim().is_empty() {
                let xml = subject.replaced(a.start..b.end, &format!("{second}{between}{first}"));
                subject.expect(&xml, "schema-unexpected-element", &a.field.name);
            }
        }
        let leaf = spots.iter().find(|spot| spot.field.value.is_some()).unwrap();
        let inside = &subject.xml[leaf.inside.clone()];
        let foreign = format!("<x:{0} xmlns:x='urn:other'>{inside}</x:{0}>", leaf.field.name);
        let xml = subject.replaced(leaf.start..leaf.end, &foreign);
        subject.expect(&xml, "schema-unexpected-element", "namespace");
        assert!(CATALOGUE.by_root("urn:other", &subject.kind.name).is_none());
    });
}

#[test]
fn documents_and_lines_have_their_bounds() {
    every(|subject| {
        for spot in subject.spots() {
            // Of all that may be repeated, which the examples show once or twice.
            let Field { name, max, value, .. } = &spot.field;
            if *max == Some(1) || value.is_some() {
                continue;
            }
            let one = &subject.xml[spot.start..spot.end];
            let shown = subject.xml.matches(one.split_inclusive('>').next().unwrap()).count();
            let grown = |to: usize| subject.replaced(spot.end..spot.end, &one.repeat(to - shown));
            match max {
                Some(most) => {
                    let most = usize::try_from(*most).unwrap();
                    assert!([5, 99, 100].contains(&most), "{name}");
                    assert_eq!(subject.judge(&grown(most)), [], "{} {name}", subject.kind.name);
                    subject.expect(&grown(most + 1), "schema-unexpected-element", name);
                }
                None => assert_eq!(subject.judge(&grown(250)), [], "{} {name}", subject.kind.name),
            }
        }
    });
}

#[test]
fn there_is_one_base_transfer() {
    let mut tried = 0;
    every(|subject| {
        for spot in subject.spots().iter().filter(|spot| spot.field.name == "BaseTransfer") {
            let again = &subject.xml[spot.start..spot.end];
            let xml = subject.replaced(spot.end..spot.end, again);
            subject.expect(&xml, "schema-unexpected-element", "BaseTransfer");
            tried += 1;
        }
    });
    assert_eq!(tried, 19 + 17);
}

/// What the official samples of the norm have wrong.
#[test]
fn oddities_of_the_official_samples_are_refused() {
    let ceb = "http://www.chinaport.gov.cn/ceb";
    assert!(CATALOGUE.by_root(ceb, "CEB214").is_none());
    let kind = CATALOGUE.by_name("CEB792Message").unwrap();
    let line = "<SummaryResultList><invtNo>51412026E000000001</invtNo><logisticsNo>WBTEST000009</logisticsNo>\
                <gseqno>1</gseqno><gnum>1</gnum><gcode>6911101100</gcode></SummaryResultList>";
    let xml = without_all(example("CEB792Message").unwrap(), "", "SummaryResultList");
    let xml = xml.replace("</SummaryResult>", &format!("{line}</SummaryResult>"));
    assert_eq!(CATALOGUE.validate_structure(&parse(&xml), kind), Ok(()));
    let sample = xml.replace("<gseqno>1</gseqno>", "");
    let found = CATALOGUE.validate_structure(&parse(&sample), kind).unwrap_err();
    assert_eq!(
        (found[0].code.as_str(), found[0].expected.as_str()),
        ("schema-missing-element", "gseqno")
    );
}
