//! The W3C XML conformance suite against `onepoint-xml`. In: the suite's TEST entries,
//! found from `xmlconf.xml` on. Out: a list of the cases judged otherwise than the suite
//! says. Not-well-formed documents must be refused; well-formed UTF-8 documents without a
//! DOCTYPE accepted; a DOCTYPE and other encodings refused under their own codes. Where a
//! DOCTYPE declares nothing that changes the content, the document is read once more
//! without it, and its content compared with the canonical form the suite gives.

use std::path::{Path, PathBuf};

use onepoint_conformance::suites;
use onepoint_xml::{Document, Event, EventIndex, Limits, XmlError};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Token};

const SUITE: &str = "xmlconf";

/// One TEST entry.
struct Case {
    id: String,
    kind: String,
    document: PathBuf,
    canonical: Option<PathBuf>,
    /// Whether the suite means it for processors of XML 1.0, 5th edition, with namespaces.
    in_scope: bool,
}

#[test]
fn every_case_is_judged_as_the_suite_says() {
    let cases = cases();
    let skips = suites::skips();
    let mut findings = Vec::new();
    for case in &cases {
        // In scope or not: when the verdict is the suite's, nothing has to be skipped.
        let Err(finding) = judge(case) else { continue };
        match (case.in_scope, skips.reason(SUITE, &case.id)) {
            (false, Some(_)) => {}
            (true, Some(_)) => findings.push(format!("{}: skipped, but meant for us", case.id)),
            (_, None) => findings.push(format!("{}: {finding}", case.id)),
        }
    }
    skips.assert_all_used(SUITE);
    assert!(findings.is_empty(), "{} of {}:\n{}", findings.len(), cases.len(), findings.join("\n"));
    // The archive holds some 1,400 entries; far fewer means that files were not found.
    assert!(cases.len() > 1000, "only {} cases found", cases.len());
}

#[test]
fn content_is_as_the_canonical_forms_show() {
    let mut findings = Vec::new();
    let mut compared = 0;
    for case in cases() {
        let (Some(canonical_form), true) = (&case.canonical, case.in_scope) else { continue };
        let Ok(text) = std::fs::read_to_string(&case.document) else { continue };
        let Some(text) = without_doctype(&text) else { continue };
        let expected = std::fs::read_to_string(canonical_form).expect("a canonical form");
        compared += 1;
        match Document::parse(text.into_bytes(), &Limits::default()) {
            Err(error) => findings.push(format!("{}: {} {error}", case.id, error.code())),
            Ok(document) => {
                let found = canonical(&document);
                if found != expected {
                    findings.push(format!("{}: {found:?} instead of {expected:?}", case.id));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{} of {compared}:\n{}", findings.len(), findings.join("\n"));
    assert!(compared > 60, "only {compared} documents compared");
}

/// Judges one case.
fn judge(case: &Case) -> Result<(), String> {
    let input = std::fs::read(&case.document)
        .map_err(|error| format!("{}: {error}", case.document.display()))?;
    let outcome = Document::parse(input.clone(), &Limits::default());
    match case.kind.as_str() {
        "not-wf" => match outcome {
            Err(_) => Ok(()),
            Ok(_) => Err("not well-formed, but accepted".into()),
        },
        // No processor has to report these; that it came back is enough.
        "error" => Ok(()),
        "valid" | "invalid" => judge_well_formed(&input, outcome),
        kind => Err(format!("unknown TYPE {kind}")),
    }
}

fn judge_well_formed(input: &[u8], outcome: Result<Document, XmlError>) -> Result<(), String> {
    match (refusal_in_order(input), outcome) {
        (None, Ok(_)) => Ok(()),
        (None, Err(error)) => Err(format!("refused: {} {error}", error.code())),
        (Some(code), Err(error)) if error.code() == code => Ok(()),
        (Some(code), Err(error)) => Err(format!("refused as {} instead of {code}", error.code())),
        (Some(code), Ok(_)) => Err(format!("accepted, but should be refused as {code}")),
    }
}

/// The code under which a well-formed document is refused: found here from the bytes
/// alone, not by the code under test.
fn refusal_in_order(input: &[u8]) -> Option<&'static str> {
    let wide = input.starts_with(b"\xFE\xFF") || input.starts_with(b"\xFF\xFE");
    if wide || input.starts_with(b"\0<") || input.starts_with(b"<\0") {
        return Some("xml-encoding-utf16");
    }
    let head = String::from_utf8_lossy(&input[..input.len().min(200)]).to_lowercase();
    let declaration = head.split("?>").next().unwrap_or_default();
    let other = declaration.contains("<?xml")
        && declaration.contains("encoding")
        && !declaration.contains("utf-8");
    if other {
        return Some("xml-encoding-unsupported");
    }
    let text = String::from_utf8_lossy(input);
    doctype_at(&text).is_some().then_some("xml-doctype-forbidden")
}

/// Where the document type declaration stands before the root.
fn doctype_at(text: &str) -> Option<usize> {
    let mut rest = text.trim_start_matches('\u{FEFF}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<!DOCTYPE") => return Some(text.len() - rest.len()),
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<?") => "?>",
            _ => return None,
        };
        rest = rest.split_once(end).map_or("", |(_, rest)| rest).trim_start();
    }
}

/// The document with its document type declaration cut out, where that declares nothing
/// but elements and attributes without defaults or types that normalise.
fn without_doctype(text: &str) -> Option<String> {
    let at = doctype_at(text)?;
    let rest = &text[at..];
    let (subset, end) = match (rest.find('['), rest.find('>')?) {
        (Some(open), close) if open < close => {
            let end = open + rest[open..].find("]>").or_else(|| rest[open..].find("] >"))?;
            (&rest[open + 1..end], end + rest[end..].find('>')?)
        }
        (_, close) => ("", close),
    };
    let changes = ["<!ENTITY", "<!NOTATION", "<?", "<!--", "%"];
    let plain = !changes.iter().any(|word| subset.contains(word))
        && !rest[..end].contains("SYSTEM")
        && !rest[..end].contains("PUBLIC")
        && subset.split("<!ATTLIST").skip(1).all(declares_plain_attributes);
    plain.then(|| format!("{}{}", &text[..at], &rest[end + 1..]))
}

/// Whether an attribute list has only `name CDATA #IMPLIED` or `#REQUIRED`.
fn declares_plain_attributes(list: &str) -> bool {
    let words: Vec<&str> =
        list.split('>').next().unwrap_or("").split_whitespace().skip(1).collect();
    words.chunks(3).all(|words| matches!(words, [_, "CDATA", "#IMPLIED" | "#REQUIRED"]))
}

/// The canonical form of James Clark's tests, as the suite's README describes it: attributes
/// in order of their names, no comments, references for tab, line ends and markup.
fn canonical(document: &Document) -> String {
    let mut out = String::new();
    for (index, event) in document.events().iter().enumerate() {
        match event {
            Event::Start { tag, .. } => {
                let element = document.element(EventIndex(index as u32));
                out += &format!("<{}", element.name());
                let attributes = element.attributes();
                let mut pairs: Vec<(String, &str)> =
                    attributes.map(|(name, value)| (name.to_string(), value)).collect();
                pairs.extend(document.namespaces(*tag).iter().map(|declared| {
                    let name = match document.value(&declared.prefix) {
                        "" => "xmlns".to_owned(),
                        prefix => format!("xmlns:{prefix}"),
                    };
                    (name, document.value(&declared.uri))
                }));
                pairs.sort();
                for (name, value) in pairs {
                    out += &format!(" {name}=\"{}\"", escaped(value));
                }
                out += ">";
            }
            Event::End { start, .. } => {
                out += &format!("</{}>", document.element(*start).name());
            }
            Event::Text { value, .. } => out += &escaped(document.value(value)),
            Event::Comment { .. } => {}
            Event::Pi { target, data, .. } => {
                out += &format!("<?{} {}?>", document.value(target), document.value(data));
            }
        }
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\t' | '\n' | '\r' => out += &format!("&#{};", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

/// All cases of the files that `xmlconf.xml` pulls in as external entities.
fn cases() -> Vec<Case> {
    let base = find(&suites::unpack("xmlconf-train"), "testcases.dtd");
    let index = std::fs::read_to_string(base.join("xmlconf.xml")).expect("index of the suite");
    let mut cases = Vec::new();
    for declaration in index.split("<!ENTITY ").skip(1) {
        let file = declaration.split('"').nth(1).expect("a system identifier");
        match std::fs::read_to_string(base.join(file)) {
            Ok(text) => read_cases(&text, &base.join(file), &mut cases),
            // The archive leaves IBM's part out.
            Err(_) if file.starts_with("ibm/") => {}
            Err(error) => panic!("{file}: {error}"),
        }
    }
    cases
}

/// The folder below `root` that holds `name`.
fn find(root: &Path, name: &str) -> PathBuf {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join(name).is_file() {
            return folder;
        }
        let entries = std::fs::read_dir(&folder).expect("a folder of the suite");
        folders.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
    }
    panic!("no {name} below {}", root.display());
}

/// The files have no single root and some have entities: read token by token.
fn read_cases(text: &str, file: &Path, cases: &mut Vec<Case>) {
    let folder = file.parent().expect("a file in a folder");
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{}: {e}", file.display())) {
            Token::Start(tag) | Token::Empty(tag) if tag.name().as_ref() == "TEST" => {
                cases.push(read_case(&tag, folder));
            }
            Token::Eof => return,
            _ => {}
        }
    }
}

fn read_case(tag: &BytesStart<'_>, folder: &Path) -> Case {
    let value = |name: &str| {
        let pairs = tag.attributes().map(|pair| pair.expect("an attribute of TEST"));
        let mut named = pairs.filter(|pair| pair.key.as_ref() == name);
        named.next().map(|pair| pair.value.to_string())
    };
    let listed = |name: &str, wanted: &str| {
        value(name).is_none_or(|list| list.split_whitespace().any(|item| item == wanted))
    };
    let in_scope = listed("VERSION", "1.0")
        && listed("EDITION", "5")
        && value("NAMESPACE").as_deref() != Some("no");
    Case {
        id: value("ID").expect("ID of a TEST"),
        kind: value("TYPE").expect("TYPE of a TEST"),
        document: folder.join(value("URI").expect("URI of a TEST")),
        canonical: value("OUTPUT").map(|path| folder.join(path)),
        in_scope,
    }
}
