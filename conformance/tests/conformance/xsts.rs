//! The W3C XML Schema test suite against `SchemaSet`. In: the suite's test groups, each with
//! schemas and instances. Out: a list of the cases judged otherwise than the suite says,
//! which must be those that `skips.toml` names with a reason, and few. Where our compiled
//! engine serves, the general one judges as well, and must agree.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use onepoint_conformance::suites;
use onepoint_schemas::{Engine, Expected, LoadOptions, Loader, Missing, SchemaSet};
use onepoint_xml::{Document, Element, Limits};

const SUITE: &str = "xsts";
const XLINK: &str = "http://www.w3.org/1999/xlink";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Of a thousand cases this many may be judged otherwise than the suite says.
const WRONG_PER_MILLE: usize = 5;

/// A group of the suite: schemas that belong together and instances of them.
struct Group {
    name: String,
    schemas: Vec<PathBuf>,
    /// What the suite says of the schemas.
    schema_valid: Option<bool>,
    instances: Vec<(String, PathBuf, bool)>,
}

#[derive(Default)]
struct Outcome {
    cases: usize,
    compiled: usize,
    wrong: Vec<(String, String)>,
    disagree: Vec<(String, String)>,
}

#[test]
fn the_suite_is_judged_as_it_says() {
    let groups = groups(&suites::unpack("xsts-train").join("xsts"));
    let queue = Mutex::new(groups.iter());
    let total = Mutex::new(Outcome::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            // The crate recurses over a schema: its threads get the stack of a main thread.
            let worker = std::thread::Builder::new().stack_size(8 << 20);
            let run = || {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(group) = next else { return };
                    let outcome = judge(group);
                    let mut total = total.lock().unwrap();
                    total.cases += outcome.cases;
                    total.compiled += outcome.compiled;
                    total.wrong.extend(outcome.wrong);
                    total.disagree.extend(outcome.disagree);
                }
            };
            worker.spawn_scoped(scope, run).unwrap();
        }
    });
    let mut total = total.into_inner().unwrap();
    println!(
        "{} cases, {} wrong, {} instances by the compiled engine",
        total.cases,
        total.wrong.len(),
        total.compiled
    );
    assert!(total.cases > 5_000, "only {} cases found", total.cases);
    assert!(total.compiled > 1_000, "only {} by the compiled engine", total.compiled);
    let few = total.wrong.len() * 1_000 <= total.cases * WRONG_PER_MILLE;
    let skips = suites::skips();
    total.wrong.sort();
    total.disagree.sort();
    total.wrong.retain(|(case, _)| skips.reason(SUITE, case).is_none());
    total.disagree.retain(|(case, _)| skips.reason("xsts-engines", case).is_none());
    let lines = |list: &[(String, String)]| {
        list.iter().map(|(case, what)| format!("{case}: {what}\n")).collect::<String>()
    };
    assert!(
        total.wrong.is_empty() && total.disagree.is_empty(),
        "judged otherwise than the suite says:\n{}the engines disagree:\n{}",
        lines(&total.wrong),
        lines(&total.disagree)
    );
    assert!(few, "more than {WRONG_PER_MILLE} of a thousand");
    skips.assert_all_used(SUITE);
    skips.assert_all_used("xsts-engines");
}

fn judge(group: &Group) -> Outcome {
    let mut outcome = Outcome::default();
    let set = load(&group.schemas);
    if let Some(expected) = group.schema_valid {
        outcome.cases += 1;
        if set.is_ok() != expected {
            let said = set.as_ref().err().map_or("accepted".to_owned(), ToString::to_string);
            outcome.wrong.push((format!("{}/schema", group.name), said));
        }
    }
    for (name, path, expected) in &group.instances {
        outcome.cases += 1;
        let case = format!("{}/{name}", group.name);
        let said = instance(group, &set, path, &case, &mut outcome);
        if said.is_ok() != *expected {
            outcome.wrong.push((case, said.err().unwrap_or("accepted".into())));
        }
    }
    outcome
}

/// Judges an instance by the schemas of its group, with those it names itself.
fn instance(
    group: &Group,
    set: &Result<SchemaSet, String>,
    path: &Path,
    case: &str,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let text = decoded(std::fs::read(path).map_err(|error| error.to_string())?);
    let parsed = Document::parse(text.into_bytes(), &Limits::default());
    let document = parsed.map_err(|error| format!("{} {error}", error.code()))?;
    let mut schemas = group.schemas.clone();
    let hints = hints(&document, path).into_iter().filter(|hint| hint.is_file());
    schemas.extend(hints.filter(|hint| !group.schemas.contains(hint)));
    schemas.dedup();
    let more = (schemas.len() > group.schemas.len()).then(|| load(&schemas));
    let set = match (&more, set) {
        (Some(Ok(set)), _) => set,
        (_, Ok(set)) if !group.schemas.is_empty() => set,
        (Some(Err(error)), _) | (_, Err(error)) => return Err(error.clone()),
        (_, Ok(set)) => set,
    };
    let expected = Expected::default();
    let words = |found: Vec<onepoint_schemas::Violation>| {
        found.first().map_or(String::new(), |first| format!("{} {}", first.rule, first.en))
    };
    let found = set.validate(&document, &expected).map_err(words);
    if *set.engine() == Engine::Compiled {
        outcome.compiled += 1;
        let second = set.second_opinion(&document, &expected).map_err(words);
        if found.is_ok() != second.is_ok() {
            outcome.disagree.push((case.to_owned(), format!("{found:?} {second:?}")));
        }
    }
    found
}

struct Disk;

impl Loader for Disk {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        std::fs::read(location).ok().map(|bytes| decoded(bytes).into())
    }
}

fn load(schemas: &[PathBuf]) -> Result<SchemaSet, String> {
    let locations: Vec<&str> = schemas.iter().map(|path| path.to_str().unwrap()).collect();
    let options = LoadOptions { missing: Missing::Allow, trusted: false };
    SchemaSet::load_with(&locations, &Disk, options).map_err(|error| error.to_string())
}

/// The suite has files in UTF-16 and Latin 1, which the gateway refuses: they are decoded.
fn decoded(bytes: Vec<u8>) -> String {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        },
    };
    // What the declaration says of the encoding is not true any more.
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start().to_owned(),
        None => text,
    }
}

/// The schema files that an instance names.
fn hints(document: &Document, path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![document.root()];
    while let Some(element) = open.pop() {
        let pairs = element.attribute(XSI, "schemaLocation").unwrap_or_default();
        found.extend(pairs.split_whitespace().skip(1).step_by(2));
        found.extend(element.attribute(XSI, "noNamespaceSchemaLocation").map(str::trim));
        open.extend(element.children());
    }
    found.into_iter().map(|hint| normal(&path.parent().unwrap().join(hint))).collect()
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts
}

fn groups(base: &Path) -> Vec<Group> {
    let mut groups = Vec::new();
    for folder in ["sunMeta", "msMeta"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(base.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "testSet" || end == "xml"))
            .collect();
        files.sort();
        for file in files {
            let text = decoded(std::fs::read(&file).unwrap());
            let document = Document::parse(text.into_bytes(), &Limits::default()).unwrap();
            let sets = document.root().children().filter(|e| e.name().local == "testGroup");
            groups.extend(sets.map(|element| group(element, file.parent().unwrap())));
        }
    }
    groups
}

fn group(element: Element<'_>, folder: &Path) -> Group {
    let tests = |kind: &'static str| {
        element.children().filter(move |test| test.name().local == kind && is_meant(*test))
    };
    let mut group = Group {
        name: element.attribute("", "name").unwrap().to_owned(),
        schemas: Vec::new(),
        schema_valid: None,
        instances: Vec::new(),
    };
    let files = |test: Element<'_>, kind: &str| -> Vec<PathBuf> {
        let named = test.children().filter(|child| child.name().local == kind);
        let named = named.filter_map(|child| child.attribute(XLINK, "href"));
        named.map(|href| normal(&folder.join(href))).collect()
    };
    for test in tests("schemaTest") {
        group.schemas = files(test, "schemaDocument");
        group.schema_valid = verdict(test);
    }
    for test in tests("instanceTest") {
        let name = test.attribute("", "name").unwrap().to_owned();
        let path = files(test, "instanceDocument").remove(0);
        group.instances.extend(verdict(test).map(|expected| (name, path, expected)));
    }
    group
}

/// Whether a test is for XML Schema 1.0.
fn is_meant(test: Element<'_>) -> bool {
    test.attribute("", "version").is_none_or(|versions| versions.contains("1.0"))
}

/// What the suite expects; none where it leaves that open.
fn verdict(test: Element<'_>) -> Option<bool> {
    let all = || test.children().filter(|child| child.name().local == "expected");
    let version = |e: &Element<'_>| e.attribute("", "version").map(str::to_owned);
    let own = all().find(|e| version(e).as_deref() == Some("1.0"));
    let expected = own.or_else(|| all().find(|e| version(e).is_none()))?;
    match expected.attribute("", "validity")? {
        "valid" => Some(true),
        "invalid" | "notKnown" => Some(false),
        _ => None,
    }
}
