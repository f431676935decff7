//! The files of a schema set. In: locations and a loader, which is the only way out of this
//! crate. Out: each file parsed once for each namespace it serves, itself first. Bounded in
//! number, bytes and depth, so that a set cannot include itself without end.

use std::borrow::Cow;
use std::collections::BTreeSet;

use onepoint_xml::{Document, Element, Limits};

use super::{Missing, SchemaError};

/// Namespace of XML Schema.
pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// Files of one set, counted once for each namespace they are included into.
const FILES_MAX: usize = 400;
/// Bytes of all files of one set.
const BYTES_MAX: usize = 32 << 20;

/// Where schema files come from. Locations are as a schema file names them, relative ones
/// resolved against the file they stand in: `a/b.xsd` with `../c.xsd` is `c.xsd`.
pub trait Loader {
    /// The text of a file, none when there is no such file.
    fn load(&self, location: &str) -> Option<Cow<'_, str>>;
}

impl<F: Fn(&str) -> Option<String>> Loader for F {
    fn load(&self, location: &str) -> Option<Cow<'_, str>> {
        self(location).map(Cow::Owned)
    }
}

/// One file, as it is used for one namespace.
#[derive(Debug)]
pub(super) struct File {
    pub(super) location: String,
    pub(super) document: Document,
    /// The namespace its components are in: its own, or that of the including file.
    pub(super) target: String,
    /// It has none of its own.
    pub(super) chameleon: bool,
}

/// The files of a set.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) files: Vec<File>,
    /// Why our engine must not judge this set, found while loading.
    pub(super) odd: Option<String>,
    /// A file was not there, or an import names none: what is not declared may be there.
    pub(super) incomplete: bool,
}

struct Wanted {
    location: String,
    /// The namespace of the including file; none for what is imported, or a beginning.
    into: Option<String>,
    /// The namespace the import names.
    import: Option<String>,
}

impl Sources {
    /// Loads the files at `locations` and all that they name.
    ///
    /// # Errors
    /// A file that is missing or not well-formed, or a set beyond the bounds.
    pub(super) fn load(
        locations: &[&str],
        loader: &dyn Loader,
        missing: Missing,
    ) -> Result<Sources, SchemaError> {
        let mut sources = Sources { files: Vec::new(), odd: None, incomplete: false };
        let begin =
            |location: &&str| Wanted { location: resolve("", location), into: None, import: None };
        let mut wanted: Vec<Wanted> = locations.iter().rev().map(begin).collect();
        let mut known = BTreeSet::new();
        let mut bytes = 0;
        while let Some(next) = wanted.pop() {
            if known.contains(&(next.location.clone(), next.into.clone())) {
                continue;
            }
            let Some(text) = loader.load(&next.location) else {
                match missing {
                    Missing::Refuse => return Err(SchemaError::Missing(next.location)),
                    Missing::Allow => {
                        sources.incomplete = true;
                        continue;
                    }
                }
            };
            bytes += text.len();
            if sources.files.len() >= FILES_MAX || bytes > BYTES_MAX {
                return Err(SchemaError::TooLarge(format!(
                    "more than {FILES_MAX} files or {BYTES_MAX} bytes"
                )));
            }
            known.insert((next.location.clone(), next.into.clone()));
            let parsed = Document::parse(text.into_owned().into_bytes(), &Limits::default());
            let document = parsed.map_err(|error| SchemaError::NotWellFormed {
                location: next.location.clone(),
                why: error.to_string(),
            })?;
            sources.take(document, next, &mut wanted)?;
        }
        Ok(sources)
    }

    /// Keeps a file and notes what it names.
    fn take(
        &mut self,
        document: Document,
        given: Wanted,
        wanted: &mut Vec<Wanted>,
    ) -> Result<(), SchemaError> {
        let root = document.root();
        if !root.is(XS, "schema") {
            return Err(SchemaError::Invalid(format!("{} is no schema", given.location)));
        }
        let own = root.attribute("", "targetNamespace").unwrap_or_default().to_owned();
        let chameleon = own.is_empty() && given.into.as_ref().is_some_and(|into| !into.is_empty());
        if given.into.as_ref().is_some_and(|into| *into != own && !own.is_empty()) {
            self.odd(format!("{} is included into another namespace", given.location));
        }
        if given.import.as_ref().is_some_and(|import| *import != own) {
            self.odd(format!("{} is imported for another namespace", given.location));
        }
        let target = if chameleon { given.into.unwrap_or_default() } else { own };
        let mut named = Vec::new();
        for directive in root.children().filter(|child| child.name().namespace == XS) {
            let location = directive.attribute("", "schemaLocation");
            let location = location.map(|location| resolve(&given.location, location.trim()));
            let (into, import) = match directive.name().local {
                "include" => (Some(target.clone()), None),
                "redefine" => {
                    self.odd("xs:redefine".to_owned());
                    (Some(target.clone()), None)
                }
                "import" => {
                    let namespace = directive.attribute("", "namespace").unwrap_or_default();
                    (None, Some(namespace.to_owned()))
                }
                _ => continue,
            };
            match location {
                Some(location) => named.push(Wanted { location, into, import }),
                // The attributes of the xml namespace are built in.
                None => self.incomplete |= import.as_deref() != Some(onepoint_xml::XML_NAMESPACE),
            }
        }
        wanted.extend(named.into_iter().rev());
        self.files.push(File { location: given.location, document, target, chameleon });
        Ok(())
    }

    /// Whether a pattern takes a class of characters away from another.
    pub(super) fn subtracts(&self) -> bool {
        let elements = |file: &File| {
            let mut open = vec![file.document.root()];
            let mut found = false;
            while let Some(element) = open.pop() {
                found |= element.is(XS, "pattern")
                    && element.attribute("", "value").is_some_and(|value| value.contains("-["));
                open.extend(element.children());
            }
            found
        };
        self.files.iter().any(elements)
    }

    /// Namespace and local name of every global element.
    pub(super) fn roots(&self) -> BTreeSet<(String, String)> {
        let named = |file: &File, node: Element<'_>| {
            let name = node.attribute("", "name").filter(|_| node.is(XS, "element"));
            name.map(|name| (file.target.clone(), name.trim().to_owned()))
        };
        let all = self.files.iter().map(|file| components(file).filter_map(|n| named(file, n)));
        all.flatten().collect()
    }

    fn odd(&mut self, what: String) {
        self.odd.get_or_insert(what);
    }
}

/// A location seen from the file at `base`, without `.` and `..` where they can be taken away.
pub(super) fn resolve(base: &str, location: &str) -> String {
    let absolute = location.starts_with('/') || location.contains("://");
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let joined = match absolute || folder.is_empty() {
        true => location.to_owned(),
        false => format!("{folder}/{location}"),
    };
    let (scheme, path) = match joined.split_once("://") {
        Some((scheme, path)) => (format!("{scheme}://"), path.to_owned()),
        None => (String::new(), joined),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    scheme + &parts.join("/")
}

/// The top-level components of a file.
pub(super) fn components(file: &File) -> impl Iterator<Item = Element<'_>> {
    file.document.root().children().filter(|child| child.name().namespace == XS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_the_file_they_stand_in() {
        for (base, location, expected) in [
            ("", "a.xsd", "a.xsd"),
            ("x/y/a.xsd", "b.xsd", "x/y/b.xsd"),
            ("x/y/a.xsd", "../b.xsd", "x/b.xsd"),
            ("x/a.xsd", "../../b.xsd", "../b.xsd"),
            ("../a.xsd", "../b.xsd", "../../b.xsd"),
            ("a.xsd", "./c/../b.xsd", "b.xsd"),
            ("/x/a.xsd", "../b.xsd", "/b.xsd"),
            ("x/a.xsd", "http://h/./b.xsd", "http://h/b.xsd"),
            ("http://h/x/a.xsd", "../b.xsd", "http://h/b.xsd"),
        ] {
            assert_eq!(resolve(base, location), expected, "{base} {location}");
        }
    }
}
