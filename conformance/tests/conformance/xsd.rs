//! Schemas in wide use against `SchemaSet`: UBL 2.1 and ISO 20022 pain.001, with real
//! instances and the verdicts of libxml2 for each. In: the lists of verdicts. Out: nothing,
//! or each instance that is judged otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onepoint_conformance::suites;
use onepoint_schemas::{Engine, Expected, LoadOptions, Loader, Missing, SchemaSet};
use onepoint_xml::{Document, Limits};

/// Finds each file in the folder of a suite, also where a set names one by the path it has
/// in a package of Java.
struct Folder {
    root: PathBuf,
    by_name: BTreeMap<String, PathBuf>,
}

impl Folder {
    fn new(root: PathBuf) -> Folder {
        let mut by_name = BTreeMap::new();
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => open.push(path),
                    false => {
                        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                        by_name.insert(name, path);
                    }
                }
            }
        }
        Folder { root, by_name }
    }
}

impl Loader for Folder {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        let path = self.root.join(location);
        let name = location.rsplit('/').next()?;
        let found = if path.is_file() { path } else { self.by_name.get(name)?.clone() };
        std::fs::read_to_string(found).ok().map(Cow::Owned)
    }
}

/// Judges every instance of the list whose schema is in the archive.
fn judge(folder: &Folder, verdicts: &Path, beside: &[&str]) -> (usize, usize, Vec<String>) {
    let list = std::fs::read_to_string(verdicts).unwrap();
    let mut sets: BTreeMap<String, SchemaSet> = BTreeMap::new();
    let (mut judged, mut compiled, mut findings) = (0, 0, Vec::new());
    for line in list.lines() {
        let [instance, verdict, schema] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let (Some(instance), Some(schema)) = (inside(folder, instance), inside(folder, schema))
        else {
            continue;
        };
        let set = sets.entry(schema.clone()).or_insert_with(|| {
            // By itself where it names all it needs, else with those beside it.
            let alone = SchemaSet::load(&schema, folder);
            let locations: Vec<&str> = [schema.as_str()].iter().chain(beside).copied().collect();
            let options = LoadOptions { missing: Missing::Refuse, trusted: false };
            let set = alone.or_else(|_| SchemaSet::load_with(&locations, folder, options));
            set.unwrap_or_else(|error| panic!("{schema}: {error}"))
        });
        let bytes = std::fs::read(folder.root.join(&instance)).unwrap();
        let found = Document::parse(bytes, &Limits::default()).map_err(|error| error.to_string());
        let found = found.and_then(|document| {
            let expected = Expected::default();
            let words = |found: Vec<onepoint_schemas::Violation>| {
                format!("{} {} {}", found[0].rule, found[0].path, found[0].en)
            };
            let judged = set.validate(&document, &expected).map_err(words);
            let second = set.second_opinion(&document, &expected).map_err(words);
            if judged.is_ok() != second.is_ok() {
                findings.push(format!("{instance}: the engines: {judged:?} {second:?}"));
            }
            judged
        });
        judged += 1;
        compiled += usize::from(*set.engine() == Engine::Compiled);
        if found.is_ok() != (verdict == "valid") {
            findings.push(format!("{instance}: {verdict}, but {found:?}"));
        }
    }
    (judged, compiled, findings)
}

/// A path of the list in the archive: some begin above it.
fn inside(folder: &Folder, path: &str) -> Option<String> {
    let mut rest = path;
    loop {
        if folder.root.join(rest).is_file() {
            return Some(rest.to_owned());
        }
        rest = rest.split_once('/')?.1;
    }
}

#[test]
fn ubl_is_judged_as_listed() {
    let root = suites::unpack("ubl21").join("ubl21");
    // UBL imports these without a location.
    let beside = [
        "ph-xsds/ph-xsds-ccts-cct-schemamodule/src/main/resources/schemas/CCTS_CCT_SchemaModule.xsd",
        "ph-xsds/ph-xsds-xmldsig/src/main/resources/schemas/xmldsig-core-schema.xsd",
        "ph-xsds/ph-xsds-xades132/src/main/resources/schemas/XAdES01903v132-201601.xsd",
        "ph-xsds/ph-xsds-xades141/src/main/resources/schemas/XAdES01903v141-201601.xsd",
    ];
    let (judged, compiled, findings) =
        judge(&Folder::new(root.clone()), &root.join("VERDICTS-libxml2.tsv"), &beside);
    println!("{judged} instances, {compiled} by the compiled engine");
    assert!(findings.is_empty(), "{} of {judged}:\n{}", findings.len(), findings.join("\n"));
    assert!(judged > 60 && compiled == judged, "{compiled} of {judged}");
}

#[test]
fn iso_20022_is_judged_as_listed() {
    let root = suites::unpack("iso20022-pain001").join("pain001");
    let (judged, compiled, findings) =
        judge(&Folder::new(root.clone()), &root.join("VERDICTS-libxml2.tsv"), &[]);
    println!("{judged} instances, {compiled} by the compiled engine");
    assert!(findings.is_empty(), "{} of {judged}:\n{}", findings.len(), findings.join("\n"));
    assert!(judged >= 14 && compiled == judged, "{compiled} of {judged}");
}
