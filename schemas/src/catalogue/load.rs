//! From files to a catalogue, and the complete check of a set that somebody adds. In: files.
//! Out: the catalogue, or the first fault with its file and line. Every type must have a
//! schema; a set that is added must also have examples that are judged as they say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use onepoint_xml::{Document, Limits};

use super::error::{CatalogueError, line};
use super::manifest::{Manifest, MessageType};
use super::{Catalogue, Entry, Judge, Version, sort};
use crate::fields;
use crate::files::{Files, View};
use crate::json::{Json, JsonLimits};
use crate::rules::{Known, RuleSet, TypeFields};
use crate::structure::{Structure, StructureError};
use crate::violation::Violation;

/// Name of a manifest in its folder.
const MANIFEST: &str = "manifest.toml";
/// Name of the rules in their folder.
const RULES: &str = "rules.toml";

impl Catalogue {
    /// The catalogue of these files.
    ///
    /// # Errors
    /// A manifest or rule file that is broken, or a type without its schema. Schemas compile
    /// at their first use; [`Catalogue::check_added`] does it at once.
    pub fn load(files: Files) -> Result<Catalogue, CatalogueError> {
        let files = Arc::new(files);
        let mut manifests = BTreeMap::new();
        let end = format!("/{MANIFEST}");
        for (path, text) in files.all().filter(|(path, _)| path.ends_with(&end)) {
            let manifest = Manifest::parse(text).map_err(|source| CatalogueError::Manifest {
                file: path.to_owned(),
                line: line(text, &source),
                source: Box::new(source),
            })?;
            let folder = manifest.folder();
            if path != format!("{folder}{end}") {
                let what = format!("it says {folder}, which is not its folder");
                return Err(CatalogueError::Inconsistent { file: path.to_owned(), what });
            }
            manifests.insert(folder, manifest);
        }
        let (types, versions) = (BTreeMap::new(), Vec::new());
        let mut catalogue = Catalogue { types, versions, files };
        for manifest in manifests.values() {
            catalogue.add(manifest, &manifests)?;
        }
        catalogue.types.values_mut().for_each(|entries| sort(entries));
        Ok(catalogue)
    }

    fn add(
        &mut self,
        manifest: &Manifest,
        all: &BTreeMap<String, Manifest>,
    ) -> Result<(), CatalogueError> {
        let folder = manifest.folder();
        let file = format!("{folder}/{MANIFEST}");
        let fault = |what: String| CatalogueError::Inconsistent { file: file.clone(), what };
        let base = base(manifest, all).map_err(fault)?;
        let base_folder = base.map(Manifest::folder);
        let view = View::new(Arc::clone(&self.files), &folder, base_folder.as_deref());
        let kinds = manifest.types_upon(base);
        let of_family = |other: &&Manifest| other.family == manifest.family;
        let known = Known {
            kinds: &kinds.iter().collect::<Vec<_>>(),
            elsewhere: &|name| all.values().filter(of_family).any(|other| other.has(name)),
            fields: &|_| None,
        };
        let rules = Arc::new(rules(&folder, &view, &known)?);
        for kind in kinds {
            let (schema, json) =
                (format!("{folder}/{}.xsd", kind.name), format!("{folder}/{}.json", kind.name));
            let judge = if view.get(&schema).is_some() {
                let builtin = Files::is_builtin(&file);
                Judge::Xsd(Box::new(Structure::new(&kind.name, &schema, view.clone(), builtin)))
            } else if view.get(&json).is_some() {
                Judge::Json { location: json, files: view.clone() }
            } else {
                let what = format!("the type {} has no schema {schema} or {json}", kind.name);
                return Err(fault(what));
            };
            let entries = self.types.entry(kind.name.clone()).or_default();
            if let Some(other) = entries.iter().find(|entry| entry.kind.family != kind.family) {
                let (name, family) = (&kind.name, &other.kind.family);
                let what = format!("the type {name} is there already, in the family {family}");
                return Err(fault(what));
            }
            if entries.iter().any(|entry| entry.kind.version == kind.version) {
                return Err(fault(format!("the type {} stands here twice", kind.name)));
            }
            let (from, form, rules) = (manifest.from, OnceLock::new(), Arc::clone(&rules));
            entries.push(Entry { kind, from, judge, form, rules });
        }
        self.versions.push(Version {
            added: !Files::is_builtin(&file),
            name: folder,
            from: manifest.from,
            base: base_folder,
        });
        Ok(())
    }

    /// Compiles every schema, so that a broken one is found now.
    ///
    /// # Errors
    /// The first that does not compile.
    pub fn compile_all(&self) -> Result<(), CatalogueError> {
        self.types.values().flatten().try_for_each(Entry::compile)?;
        self.check_rule_fields()
    }

    /// Checks that every field of a rule is one of its types, which costs reading the schemas.
    ///
    /// # Errors
    /// The first that is not.
    pub(crate) fn check_rule_fields(&self) -> Result<(), CatalogueError> {
        self.versions.iter().try_for_each(|version| self.check_rule_fields_of(&version.name))
    }

    fn check_rule_fields_of(&self, version: &str) -> Result<(), CatalogueError> {
        let entries = self.types.values().flatten();
        let entries = entries.filter(|entry| entry.kind.schema_version() == version);
        let entries: Vec<&Entry> = entries.collect();
        let Some(first) = entries.first() else { return Ok(()) };
        let fields = |name: &str| {
            let entry = entries.iter().find(|entry| entry.kind.name == name)?;
            let fields = self.fields(&entry.kind)?;
            let (root, document) = (entry.kind.name.as_str(), entry.kind.document.as_str());
            let below = |name: &Option<String>| match name {
                Some(name) => fields::below(&fields, &[root, document, name]),
                None => BTreeSet::new(),
            };
            let head = match &entry.kind.head {
                None => fields::below(&fields, &[root, document]),
                head => below(head),
            };
            Some(TypeFields { head, line: below(&entry.kind.line) })
        };
        let known = Known {
            kinds: &entries.iter().map(|entry| &entry.kind).collect::<Vec<_>>(),
            elsewhere: &|name| {
                self.by_name(name).is_some_and(|kind| kind.family == first.kind.family)
            },
            fields: &fields,
        };
        rules(version, first.judge.files(), &known).map(drop)
    }

    /// Checks a version completely: every schema compiles, every type has an example that is
    /// good and one that is not, and each is judged as it says.
    ///
    /// # Errors
    /// The first fault.
    pub fn check_version(&self, version: &str) -> Result<(), CatalogueError> {
        let entries = self.types.values().flatten();
        for entry in entries.filter(|entry| entry.kind.schema_version() == version) {
            entry.compile()?;
            self.check_examples(&entry.kind)?;
        }
        self.check_rule_fields_of(version)
    }

    /// Checks every version that is not built in.
    ///
    /// # Errors
    /// The first fault.
    pub fn check_added(&self) -> Result<(), CatalogueError> {
        let mut added = self.versions.iter().filter(|version| version.added);
        added.try_for_each(|version| self.check_version(&version.name))
    }

    fn check_examples(&self, kind: &MessageType) -> Result<(), CatalogueError> {
        let fault =
            |file: &str, what: String| CatalogueError::Example { file: file.to_owned(), what };
        let folder = self.example_folder(kind);
        let end = if self.is_json_only(kind) { "json" } else { "xml" };
        let good = format!("{folder}{}.{end}", kind.name);
        let Some(text) = self.files.get(&good) else {
            return Err(fault(&folder, format!("there is no example {}.{end}", kind.name)));
        };
        if let Some(found) = self.first_fault(kind, text).map_err(|what| fault(&good, what))? {
            let (line, en) = (found.line, found.en);
            return Err(fault(
                &good,
                format!("it is not valid: line {line}: {en} [{}]", found.code),
            ));
        }
        let begin = format!("{folder}invalid/{}.", kind.name);
        let mut bad = 0;
        for (file, text) in self.files.below(&begin) {
            bad += 1;
            let expected = file.strip_prefix(&begin).and_then(|rest| rest.split('.').next());
            let found = self.first_fault(kind, text).map_err(|what| fault(file, what))?;
            let found = found.map_or_else(|| "nothing".to_owned(), |violation| violation.code);
            if Some(found.as_str()) != expected {
                let expected = expected.unwrap_or_default();
                let what = format!("the first fault is {found}, its name says {expected}");
                return Err(fault(file, what));
            }
        }
        match bad {
            0 => {
                let what = format!("there is no invalid example {}.CODE.{end}", kind.name);
                Err(fault(&format!("{folder}invalid/"), what))
            }
            _ => Ok(()),
        }
    }

    /// Where the examples of a type stand: beside its manifest, else beside that of the base.
    fn example_folder(&self, kind: &MessageType) -> String {
        let own = kind.schema_version();
        let version = self.versions.iter().find(|version| version.name == own);
        let base = version.and_then(|version| version.base.clone());
        let here = self.files.get(&format!("{own}/examples/{}.xml", kind.name)).is_some();
        format!("{}/examples/", base.filter(|_| !here).unwrap_or(own))
    }

    /// The XML form of a JSON text of a type.
    fn accept(&self, kind: &MessageType, text: &str) -> Result<String, Vec<Violation>> {
        let json = Json::read(text.as_bytes().to_vec(), &JsonLimits::default());
        let json = json.map_err(|fault| vec![*fault])?;
        match self.json_form(kind) {
            Some(Ok(form)) => form.accept(json).map(|message| message.xml().to_owned()),
            _ => Ok(String::new()),
        }
    }

    /// The first fault of an example, by its schema, else by its rules. That it is not signed
    /// yet is none: whoever uses it signs it.
    fn first_fault(&self, kind: &MessageType, text: &str) -> Result<Option<Violation>, String> {
        let xml = match self.is_json_only(kind) {
            false => text.to_owned(),
            true => match self.accept(kind, text) {
                Ok(xml) => xml,
                Err(found) => return Ok(found.into_iter().next()),
            },
        };
        let parsed = Document::parse(xml.into_bytes(), &Limits::default());
        let document = parsed.map_err(|error| error.en())?;
        if !document.root().is(&kind.namespace, &kind.name) {
            let (namespace, name) = (&kind.namespace, &kind.name);
            return Err(format!("its root is not {name} in the namespace {namespace}"));
        }
        let found = self.validate_structure(&document, kind).err().unwrap_or_default();
        let unsigned = |violation: &Violation| {
            violation.code == "schema-missing-element" && violation.expected == "Signature"
        };
        let first = found.into_iter().find(|violation| !unsigned(violation));
        Ok(first.or_else(|| {
            let mut documents = 0..self.documents(&document, kind).len();
            documents.find_map(|index| self.check_rules(&document, kind, index).into_iter().next())
        }))
    }
}

impl Entry {
    fn compile(&self) -> Result<(), CatalogueError> {
        let compiled = match &self.judge {
            Judge::Xsd(structure) => structure.compiled(),
            Judge::Json { .. } => {
                let form = self.json_form().map(|_| ());
                form.map_err(|error| StructureError::Json(error.to_string()))
            }
        };
        let file = self.judge.location().to_owned();
        compiled.map_err(|source| CatalogueError::Schema { file, source })
    }
}

/// The version that a manifest is based on, which must be of its family and stand by itself.
fn base<'m>(
    manifest: &Manifest,
    all: &'m BTreeMap<String, Manifest>,
) -> Result<Option<&'m Manifest>, String> {
    let Some(version) = &manifest.base else { return Ok(None) };
    let folder = format!("{}/{version}", manifest.family);
    let base = all.get(&folder).filter(|_| *version != manifest.version);
    let base = base.ok_or_else(|| format!("its base {folder} is not there"))?;
    if base.base.is_some() {
        return Err(format!("its base {folder} has a base itself; expected one that has none"));
    }
    let unknown = |name: &&String| base.types.iter().all(|kind| kind.name != **name);
    match manifest.without.iter().find(unknown) {
        Some(name) => Err(format!("it is without {name}, which {folder} does not have")),
        None => Ok(Some(base)),
    }
}

/// The rules of a version; none where it has no file of them.
fn rules(folder: &str, view: &View, known: &Known<'_>) -> Result<RuleSet, CatalogueError> {
    let file = format!("{folder}/{RULES}");
    let Some(text) = view.get(&file) else { return Ok(RuleSet::default()) };
    RuleSet::parse(&file, text, known).map_err(CatalogueError::Rules)
}
