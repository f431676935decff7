//! Properties over arbitrary bytes and over documents that were changed a little: the pass
//! never panics, and what it accepts is in order.

#![allow(clippy::string_slice)]

use proptest::prelude::*;

use super::*;

/// A document with one of everything, to be changed.
const SEED: &str = "\u{FEFF}<?xml version=\"1.0\" encoding='UTF-8' standalone=\"no\"?>\r\n\
    <!-- 前 --><?pi data?>\n<c:Message xmlns:c=\"urn:c\" xmlns='urn:d' c:id='1' id=\"&#x32;\">\n\
    <c:Order n='a\tb&amp;'>订单 &lt;1&gt;\r\n<![CDATA[<x> ]] >]]><e/></c:Order ><f xmlns=''/>\
    <g><!-- - --><h xml:lang='zh'>&#49;</h></g></c:Message>\n<?end?><!---->";

/// Pieces that matter to the syntax.
const PIECES: [&str; 40] = [
    "<",
    ">",
    "/",
    "</",
    "/>",
    "=",
    "\"",
    "'",
    "&",
    ";",
    "&amp;",
    "&#",
    "&#x41;",
    "<!--",
    "-->",
    "--",
    "<![CDATA[",
    "]]>",
    "]]",
    "<?",
    "?>",
    "<?xml",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    ":",
    "a",
    "b",
    "xmlns",
    "xmlns:",
    "xml",
    "<!DOCTYPE",
    "!",
    "\u{FEFF}",
    "订",
    "\u{1}",
    "\u{FFFE}",
    "-",
];

/// Everything a user of a document relies on.
fn assert_in_order(document: &Document) {
    let source = document.source();
    let mut open: Vec<EventIndex> = Vec::new();
    let mut last_end = 0;
    for (index, event) in document.events().iter().enumerate() {
        let at = EventIndex(index as u32);
        let span = event.span();
        assert!(last_end <= span.start && span.start <= span.end, "in document order");
        assert!(source.get(span.clone()).is_some(), "on character boundaries");
        last_end = span.end;
        match event {
            Event::Start { name, tag, end, parent, .. } => {
                assert_eq!(*parent, open.last().copied().unwrap_or(at));
                let closing = document.event(*end);
                assert!(matches!(closing, Some(Event::End { start, .. }) if *start == at));
                assert!(!document.name(*name).local.is_empty());
                assert_attributes_in_order(document, *tag, &span);
                open.push(at);
            }
            Event::End { start, .. } => assert_eq!(open.pop(), Some(*start)),
            Event::Text { value, cdata, .. } => {
                assert!(!open.is_empty(), "no text outside the root");
                let text = document.value(value);
                assert!(text.chars().all(chars::is_char));
                assert!(*cdata || !text.is_empty());
            }
            Event::Comment { value, .. } => assert!(!document.value(value).contains("--")),
            Event::Pi { target, data, .. } => {
                assert!(chars::is_ncname(document.value(target)));
                assert!(!document.value(data).contains("?>"));
            }
        }
    }
    assert!(open.is_empty(), "balanced");
    assert_eq!(document.root().parent(), None);
    assert_eq!(document.root().ancestors().count(), 1);
}

fn assert_attributes_in_order(
    document: &Document,
    tag: crate::TagId,
    span: &std::ops::Range<usize>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for attribute in document.attributes(tag) {
        let name = document.name(attribute.name);
        assert!(seen.insert((name.namespace, name.local)), "expanded names are unique");
        assert_eq!(name.prefix.is_empty(), name.namespace.is_empty());
        let (start, end) = (attribute.span.start as usize, attribute.span.end as usize);
        assert!(span.start < start && end < span.end);
        assert!(document.source().get(start..end).is_some_and(|text| text.contains('=')));
        assert!(document.value(&attribute.value).chars().all(chars::is_char));
    }
    for declared in document.namespaces(tag) {
        assert!(document.value(&declared.prefix).chars().all(|c| c != ':'));
        assert!(document.value(&declared.uri).chars().all(chars::is_char));
    }
}

/// Writes the events back as a document of the same content.
fn rewritten(document: &Document) -> String {
    let mut out = String::new();
    for event in document.events() {
        match event {
            Event::Start { name, tag, .. } => {
                out += &format!("<{}", document.name(*name));
                for declared in document.namespaces(*tag) {
                    let prefix = document.value(&declared.prefix);
                    let colon = if prefix.is_empty() { "" } else { ":" };
                    let uri = crate::escape_attribute(document.value(&declared.uri));
                    out += &format!(" xmlns{colon}{prefix}=\"{uri}\"");
                }
                for attribute in document.attributes(*tag) {
                    let value = crate::escape_attribute(document.value(&attribute.value));
                    out += &format!(" {}=\"{value}\"", document.name(attribute.name));
                }
                out += ">";
            }
            Event::End { start, .. } => out += &format!("</{}>", document.element(*start).name()),
            Event::Text { value, .. } => out += &crate::escape_text(document.value(value)),
            Event::Comment { value, .. } => out += &format!("<!--{}-->", document.value(value)),
            Event::Pi { target, data, .. } => {
                out += &format!("<?{} {}?>", document.value(target), document.value(data));
            }
        }
    }
    out
}

fn check(input: Vec<u8>) {
    let limits = Limits { bytes: 1 << 16, depth: 8, names: 64, ..Limits::default() };
    match Document::parse(input, &limits) {
        Ok(document) => {
            assert_in_order(&document);
            let again = Document::parse(rewritten(&document).into_bytes(), &limits)
                .unwrap_or_else(|error| panic!("{:?}: {error}", rewritten(&document)));
            assert_in_order(&again);
            assert_eq!(rewritten(&again), rewritten(&document), "same content");
            assert_eq!(again.root().text(), document.root().text());
        }
        Err(error) => {
            assert!(error.position().line >= 1 && error.position().column >= 1);
            assert!(!error.en().is_empty() && !error.zh().is_empty());
            assert!(!error.expected().is_empty() && error.code().starts_with("xml-"));
        }
    }
}

#[test]
fn the_seed_is_accepted() {
    assert!(Document::parse(SEED.into(), &Limits::default()).is_ok());
    check(SEED.into());
}

/// Every document that is cut off is refused, wherever it is cut.
#[test]
fn a_document_cut_anywhere_is_refused() {
    let root_end = SEED.rfind("</c:Message>").unwrap() + "</c:Message>".len();
    for length in 0..root_end {
        let input = SEED.as_bytes()[..length].to_vec();
        assert!(Document::parse(input, &Limits::default()).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn arbitrary_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(input);
    }

    #[test]
    fn arbitrary_pieces_never_panic(
        pieces in proptest::collection::vec(0..PIECES.len(), 0..40),
        wrapped in any::<bool>(),
    ) {
        let inner: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        check(if wrapped { format!("<a>{inner}</a>") } else { inner }.into_bytes());
    }

    #[test]
    fn mutated_documents_never_panic(
        changes in proptest::collection::vec((0..SEED.len(), 0..SEED.len(), 0..PIECES.len(), 0u8..4), 1..6),
    ) {
        let mut input = SEED.as_bytes().to_vec();
        for (at, other, piece, kind) in changes {
            let at = at % (input.len() + 1);
            let end = (at + other % 20).min(input.len());
            match kind {
                0 => { input.splice(at..at, PIECES[piece].bytes()); }
                1 => { input.drain(at..end); }
                2 => { let copy = input[at..end].to_vec(); input.splice(at..at, copy); }
                _ => { if let Some(byte) = input.get_mut(at) { *byte ^= 1 << (piece % 8); } }
            }
        }
        check(input);
    }
}

/// The end of a tag and the names of open elements, besides the pieces.
const ENDS: [&str; 8] =
    ["ab", "</ab>", "</ab", "<ab>", "<a:b>", "<_a>", "</a>", "text of sixteen and more"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    /// What is cut without quick-xml is cut as by quick-xml, wherever the rest goes on.
    #[test]
    fn plain_tokens_are_those_of_the_reader(
        pieces in prop::collection::vec(prop::sample::select([&PIECES[..], &ENDS[..]].concat()), 1..12),
        name in prop::sample::select(vec!["ab", "a", "a:b", "abc"]),
    ) {
        let source = pieces.concat();
        let limits = Limits::default();
        let mut pass = Pass::new(&source, Scan::default(), &limits);
        let open = Open { start: EventIndex(0), name, bindings: 0 };
        while pass.at < source.len() {
            pass.open = vec![open];
            let from = pass.at;
            let plain = pass.plain().map(|cut| (cut, pass.at));
            // A byte order mark is text here; quick-xml would drop it at its beginning.
            if source[from..].starts_with('\u{FEFF}') {
                prop_assert!(matches!(plain, Some((Cut::Text, _))));
                continue;
            }
            pass.at = from;
            let Ok(cut) = pass.any() else {
                prop_assert_eq!(plain, None);
                break;
            };
            if let Some(plain) = plain {
                prop_assert_eq!(plain, (cut, pass.at), "{:?} at {}", source, from);
            }
            prop_assert!(pass.at > from);
        }
    }
}
