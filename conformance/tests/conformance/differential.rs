//! Our two engines and Debian's xmllint (libxml2) against each other. In: the example of
//! every message type, changed 10,000 times by a seed: lengths at their limits in Chinese,
//! base64 broken into lines, white space, elements missing, repeated, moved, foreign,
//! attributes, comments. Out: each document that the three judge differently, by name of
//! the change; a difference that is known stands in [`explained`] with its reason.

use std::collections::BTreeMap;
use std::process::Command;

use onepoint_schemas::{Engine, Expected, Files, SchemaSet};
use onepoint_xml::{Document, Element, Limits};

use crate::xmlsec::seeded::Dice;

const CASES: usize = 10_000;
/// Files that xmllint is given in one call.
const BATCH: usize = 500;
/// What is a number, and what only looks like one.
const NUMBERS: [&str; 17] = [
    "0",
    "-1",
    "+1",
    "1.",
    ".5",
    "1.000000",
    "12345678901234.12345",
    "99999999999999999999",
    "1e3",
    "1_0",
    "NaN",
    "2147483648",
    "00000000001",
    "1.123456",
    " 7 ",
    "1 0",
    "１",
];
/// Base64, and what is not.
const CODED: [&str; 10] =
    ["QUJD", "QU JD", "QUI=", "QUI", "QQ==", "QR==", "\nQUJD\nREVG\n", "Q=", "=", "QU\u{3000}JD"];
/// Times, and what is none.
const STAMPS: [&str; 5] =
    ["20261128235959", "2026112823595", "20261328235959", "2026-11-28", "20261128235959 "];
/// Attributes that are put into a tag.
const ATTRIBUTES: [&str; 5] =
    [" moon='1'", " version=''", " Id='a'", " xml:lang='zh'", " URI='%zz'"];
/// What is put behind a tag.
const INSIDE: [&str; 7] =
    ["<!-- c -->", " \n\t", "x", "<![CDATA[ ]]>", "&#x20;", "<?p?>", "\u{3000}"];
/// What the sender says of the schema.
const GIVEN: [&str; 4] = ["nil='true'", "nil='0'", "type='xs:string'", "schemaLocation='a b'"];
const SIGNATURE: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm=\"urn:c\"/><ds:SignatureMethod Algorithm=\"urn:s\"/>\
<ds:Reference URI=\"\"><ds:DigestMethod Algorithm=\"urn:d\"/><ds:DigestValue>QUJD</ds:DigestValue></ds:Reference>\
</ds:SignedInfo><ds:SignatureValue>QUJD\nREVG</ds:SignatureValue><ds:KeyInfo><ds:KeyName>01</ds:KeyName></ds:KeyInfo></ds:Signature>";

/// A document and what was done to it.
struct Case {
    xml: String,
    change: String,
}

#[test]
fn ten_thousand_changed_messages_are_judged_alike() {
    let files = Files::builtin();
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files.all() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let types: Vec<(String, &str)> = files
        .all()
        .filter_map(|(path, example)| {
            let (folder, name) = path.split_once("/examples/")?;
            let name = name.strip_suffix(".xml").filter(|name| !name.contains('/'))?;
            let schema = format!("{folder}/{name}.xsd");
            files.get(&schema).map(|_| (schema, example))
        })
        .collect();
    assert!(types.len() >= 8, "{} types with an example", types.len());
    let (mut judged, mut valid, mut findings) = (0, 0, Vec::new());
    for (number, (schema, example)) in types.iter().enumerate() {
        let set = SchemaSet::load(schema, &files).unwrap();
        assert_eq!(*set.engine(), Engine::Compiled, "{schema}");
        let mut dice = Dice(0x5eed_0000 + number as u64);
        let cases: Vec<Case> =
            (0..CASES.div_ceil(types.len())).map(|_| changed(example, &mut dice)).collect();
        for batch in cases.chunks(BATCH) {
            let theirs = xmllint(folder.path(), schema, batch);
            for (case, theirs) in batch.iter().zip(theirs) {
                let Some((ours, second)) = ours(&set, &case.xml) else { continue };
                judged += 1;
                valid += usize::from(ours);
                if (ours, second) != (theirs, theirs)
                    && explained(case, [ours, second, theirs]).is_none()
                {
                    let change = &case.change;
                    findings.push(format!(
                        "{schema}: {change}: compiled {ours}, general {second}, xmllint {theirs}"
                    ));
                }
            }
        }
    }
    println!("{judged} documents of {} types, {valid} of them valid", types.len());
    findings.sort();
    let shown = findings.iter().take(40).map(|line| format!("{line}\n")).collect::<String>();
    assert!(findings.is_empty(), "{} of {judged}:\n{shown}", findings.len());
    assert!(judged > CASES * 9 / 10 && valid > CASES / 10 && valid < judged * 9 / 10);
}

/// Why the three may differ, each `[compiled, general, xmllint]`: the reason, or none.
fn explained(case: &Case, verdicts: [bool; 3]) -> Option<&'static str> {
    let mut changes = case.change.split("; ");
    let mut values = case.change.split("; ").filter_map(|change| change.split_once(" = "));
    let is_base64 = |name: &str| matches!(name, "DigestValue" | "SignatureValue" | "Data");
    // A whole number or a time, with white space around it.
    let is_collapsed = |value: &str| {
        let inside = value.trim_matches('"').replace("\\n", "\n");
        let plain = |byte: u8| byte.is_ascii_digit() || b"-:T+Z".contains(&byte);
        inside.trim() != inside && inside.trim().bytes().all(plain)
    };
    let is_space = |change: &str| {
        change.starts_with("\" \\n\\t\" first in") || change.starts_with("\"&#x20;\" first in")
    };
    let written_in_base64 =
        changes.clone().any(|one| one.rsplit_once(" in ").is_some_and(|(_, name)| is_base64(name)));
    match verdicts {
        [false, true, false] if case.change.contains('_') => {
            Some("the crate xsd-schema takes 1_0 for a number, which is none")
        }
        [false, true, false] if case.change.contains("\\u{3000}") => {
            Some("the crate xsd-schema takes an ideographic space for white space")
        }
        [false, false, true] if values.any(|(name, _)| is_base64(name)) || written_in_base64 => {
            Some("libxml2 passes over characters that are none of base64 (part 2, section 3.2.16)")
        }
        [true, true, false]
            if values.any(|(_, value)| is_collapsed(value)) || changes.clone().any(is_space) =>
        {
            Some(
                "libxml2 does not collapse white space around whole numbers and times (section 4.3.6)",
            )
        }
        [true, true, false] if changes.any(|change| change.starts_with("\"<![CDATA[ ]]>")) => {
            Some("libxml2 refuses white space between elements when it is written as CDATA")
        }
        _ => None,
    }
}

/// The verdicts of both of our engines; none where the document is not well-formed.
fn ours(set: &SchemaSet, xml: &str) -> Option<(bool, bool)> {
    let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default()).ok()?;
    let expected = Expected::default();
    let second = set.second_opinion(&document, &expected);
    Some((set.validate(&document, &expected).is_ok(), second.is_ok()))
}

fn xmllint(folder: &std::path::Path, schema: &str, batch: &[Case]) -> Vec<bool> {
    let mut command = Command::new("xmllint");
    command.current_dir(folder).args(["--nonet", "--noout", "--schema", schema]);
    for (number, case) in batch.iter().enumerate() {
        let name = format!("case{number}.xml");
        std::fs::write(folder.join(&name), &case.xml).unwrap();
        command.arg(name);
    }
    let said = command.output().expect("xmllint starts: install Debian's libxml2-utils");
    let said = String::from_utf8_lossy(&said.stderr);
    let mut verdicts = BTreeMap::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            [file, "validates"] => verdicts.insert(file.to_owned(), true),
            [file, "fails", "to", "validate"] => verdicts.insert(file.to_owned(), false),
            _ => None,
        };
    }
    (0..batch.len())
        .map(|number| verdicts.get(&format!("case{number}.xml")).copied().unwrap_or(false))
        .collect()
}

/// The example with one to three changes.
fn changed(example: &str, dice: &mut Dice) -> Case {
    let mut xml = example.to_owned();
    if dice.roll(2) == 0 && !xml.contains("Signature>") {
        let end = xml.rfind("</").unwrap();
        xml.insert_str(end, SIGNATURE);
    }
    let mut changes = Vec::new();
    for _ in 0..1 + dice.roll(3) / 2 {
        let Ok(document) = Document::parse(xml.clone().into_bytes(), &Limits::default()) else {
            break;
        };
        let (next, change) = change(&document, dice);
        changes.push(change);
        xml = next;
    }
    Case { xml, change: changes.join("; ") }
}

fn change(document: &Document, dice: &mut Dice) -> (String, String) {
    let mut all = Vec::new();
    let mut open = vec![document.root()];
    while let Some(element) = open.pop() {
        all.push(element);
        open.extend(element.children());
    }
    let element = *dice.pick(&all);
    let name = element.name().local;
    let source = document.source();
    let span = element.span();
    let text = &source[span.clone()];
    let leaf = element.children().next().is_none() && text.contains("</");
    let replaced = |with: &str| format!("{}{with}{}", &source[..span.start], &source[span.end..]);
    let open_end = text.find('>').unwrap();
    let after_open = |with: &str| {
        let at = span.start + open_end + 1;
        format!("{}{with}{}", &source[..at], &source[at..])
    };
    let in_tag = |with: &str| {
        let at = span.start + open_end - usize::from(text[..open_end].ends_with('/'));
        format!("{}{with}{}", &source[..at], &source[at..])
    };
    if leaf && dice.roll(4) > 0 {
        let value = value(&element, dice);
        let close = text.rfind("</").unwrap();
        let xml = replaced(&format!("{}{value}{}", &text[..=open_end], &text[close..]));
        return (xml, format!("{name} = {value:?}"));
    }
    match dice.roll(10) {
        0 => (replaced(""), format!("{name} left out")),
        1 => (replaced(&text.repeat(2)), format!("{name} twice")),
        2 => (replaced(&format!("<x xmlns='urn:x'/>{text}")), format!("a stranger before {name}")),
        3 => (replaced(&format!("{text}<moon/>")), format!("moon after {name}")),
        4 => {
            let other = dice.pick(&all).span();
            let other = &source[other];
            (replaced(other), format!("{name} is another element of {} bytes", other.len()))
        }
        5 => {
            let extra = *dice.pick(&ATTRIBUTES);
            (in_tag(extra), format!("{name}{extra}"))
        }
        6 => {
            let extra = *dice.pick(&GIVEN);
            let xsi = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xs='http://www.w3.org/2001/XMLSchema'";
            let again = source.contains("xmlns:xsi=") && element.parent().is_none();
            let xsi = if again { "" } else { xsi };
            (in_tag(&format!(" {xsi} xsi:{extra}")), format!("{name} xsi:{extra}"))
        }
        7 => {
            let extra = *dice.pick(&INSIDE);
            (after_open(extra), format!("{extra:?} first in {name}"))
        }
        8 => (text_renamed(source, &element), format!("{name} renamed")),
        _ => {
            let without = text[..open_end].split_once(' ').map_or(text.to_owned(), |(tag, _)| {
                format!("{tag} {}{}", xmlns(&text[..open_end]), &text[open_end..])
            });
            (replaced(&without), format!("{name} without attributes"))
        }
    }
}

/// The namespace declarations of a start tag.
fn xmlns(tag: &str) -> String {
    let all = tag.split(' ').filter(|part| part.starts_with("xmlns"));
    all.collect::<Vec<_>>().join(" ")
}

fn text_renamed(source: &str, element: &Element<'_>) -> String {
    let span = element.span();
    let name = element.name().to_string();
    let text = source[span.clone()].replace(&name, &format!("{name}x"));
    format!("{}{text}{}", &source[..span.start], &source[span.end..])
}

/// A value for a leaf: what it is now in another form, or something else.
fn value(element: &Element<'_>, dice: &mut Dice) -> String {
    let now = element.text().replace('&', "&amp;").replace('<', "&lt;");
    let length = now.chars().count();
    match dice.roll(12) {
        0 => String::new(),
        1 => {
            let limits = [
                1, 2, 3, 4, 10, 14, 17, 18, 19, 20, 30, 32, 36, 37, 50, 60, 100, 200, 250, 510,
                1000,
            ];
            let limit = *dice.pick(&limits);
            "测".repeat((limit + dice.roll(3)).saturating_sub(1))
        }
        2 => "验".repeat((length + dice.roll(3)).saturating_sub(1)),
        3 => format!(" {now}\n"),
        4 => {
            let half = now.char_indices().nth(length / 2).map_or(0, |(at, _)| at);
            format!("{}\n  {}", &now[..half], &now[half..])
        }
        5 => format!("<![CDATA[{}]]>", element.text()),
        6 => now.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        7 => format!("{now}<!-- c -->"),
        8 => (*dice.pick(&NUMBERS)).to_owned(),
        9 => (*dice.pick(&CODED)).to_owned(),
        10 => (*dice.pick(&STAMPS)).to_owned(),
        _ => (*dice.pick(&["A", "CNY", "142", "I", "订单", "a&amp;b", "\u{1F600}", "\u{3000}"]))
            .to_owned(),
    }
}
