//! Schema files by path, as `ceb/2022-05/CEB311Message.xsd`: those that are embedded,
//! and those that were read from a folder on top of them. Paths are relative, with `/`,
//! and never lead out of the set.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every file of the data folders, sorted by path; written by `build.rs`.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A set of files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
}

impl Files {
    /// The files that are built in.
    pub fn builtin() -> Files {
        let borrowed =
            |(path, text): &(&'static str, &'static str)| (Cow::from(*path), Cow::from(*text));
        Files { files: EMBEDDED.iter().map(borrowed).collect() }
    }

    /// Whether a file of this path is built in.
    pub fn is_builtin(path: &str) -> bool {
        EMBEDDED.binary_search_by(|(name, _)| (*name).cmp(path)).is_ok()
    }

    /// Adds a file, or replaces the one of this path.
    pub fn insert(&mut self, path: String, text: String) {
        self.files.insert(Cow::from(path), Cow::from(text));
    }

    /// The text of a file.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|text| text.as_ref())
    }

    /// Path and text of every file whose path begins so, in order.
    pub fn below(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let from = self
            .files
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        from.map(|(path, text)| (path.as_ref(), text.as_ref()))
            .take_while(move |(path, _)| path.starts_with(prefix))
    }

    /// Every file.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.below("")
    }
}

/// The files as one version of a family sees them: what its own folder lacks, the folder of
/// the version it is based on gives, under the same name.
#[derive(Debug, Clone)]
pub(crate) struct View {
    files: Arc<Files>,
    folder: String,
    base: Option<String>,
}

impl View {
    /// Folders are `ceb/2018-113`, without a slash at the end.
    pub(crate) fn new(files: Arc<Files>, folder: &str, base: Option<&str>) -> View {
        View { files, folder: folder.to_owned(), base: base.map(str::to_owned) }
    }

    /// The text of a file.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).or_else(|| {
            let inside = path.strip_prefix(&self.folder)?.strip_prefix('/')?;
            self.files.get(&format!("{}/{inside}", self.base.as_deref()?))
        })
    }
}

impl View {
    /// The other JSON Schemas of the folder of the file at `location`, each with its `$id`.
    pub(crate) fn schemas_beside(&self, location: &str) -> Vec<(String, String)> {
        let folder = location.rsplit_once('/').map_or("", |(folder, _)| folder);
        let base = self.base.as_deref().unwrap_or(folder);
        let mut found = BTreeMap::new();
        for place in [base, folder] {
            let files = self.files.below(place).filter(|(path, _)| {
                let inside = path.strip_prefix(place).and_then(|rest| rest.strip_prefix('/'));
                *path != location
                    && inside.is_some_and(|name| !name.contains('/') && name.ends_with(".json"))
            });
            for (_, text) in files {
                let schema: Option<serde_json::Value> = serde_json::from_str(text).ok();
                let id = schema.as_ref().and_then(|schema| schema.get("$id")?.as_str());
                if let Some(id) = id {
                    found.insert(id.to_owned(), text.to_owned());
                }
            }
        }
        found.into_iter().collect()
    }
}

/// The embedded file of this path.
#[cfg(test)]
pub(crate) fn embedded(path: &str) -> Option<&'static str> {
    let at = EMBEDDED.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    EMBEDDED.get(at).map(|(_, text)| *text)
}

/// Every embedded file.
pub(crate) fn all_embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().copied()
}

/// The path that `location` means within the file at `base`: relative, `.` and `..`
/// resolved. `None` where it is absolute or leads out of the set.
pub(crate) fn resolve(base: &str, location: &str) -> Option<String> {
    if location.starts_with('/') || location.contains([':', '\\']) {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in location.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_folders_are_there() {
        let files = Files::builtin();
        assert!(files.get("ceb/2022-05/CEB311Message.xsd").unwrap().contains("OrderHead"));
        assert_eq!(files.get("ceb/2022-05/manifest.toml"), embedded("ceb/2022-05/manifest.toml"));
        assert_eq!(files.get("ceb/2022-05/CEB999Message.xsd"), None);
        assert_eq!(embedded("src/lib.rs"), None);
        assert_eq!(files.all().count(), all_embedded().count());
        let examples = files.below("ceb/2022-05/examples/").map(|(path, _)| path);
        assert!(examples.into_iter().all(|path| path.ends_with(".xml")));
    }

    #[test]
    fn locations_are_relative_and_stay_inside() {
        let from = |location| resolve("ceb/2022-05/a.xsd", location);
        assert_eq!(from("b.xsd").as_deref(), Some("ceb/2022-05/b.xsd"));
        assert_eq!(from("./x/../b.xsd").as_deref(), Some("ceb/2022-05/b.xsd"));
        assert_eq!(from("../../xmldsig/x.xsd").as_deref(), Some("xmldsig/x.xsd"));
        for outside in ["../../../x.xsd", "/etc/passwd", "http://example.com/x", "c:\\x", "file:x"]
        {
            assert_eq!(from(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_version_sees_its_own_files_and_those_of_its_base() {
        let mut files = Files::default();
        for path in ["a/1/x.xsd", "a/1/y.xsd", "a/2/y.xsd", "b/1/z.xsd"] {
            files.insert(path.into(), path.into());
        }
        let files = Arc::new(files);
        let view = View::new(Arc::clone(&files), "a/2", Some("a/1"));
        assert_eq!(view.get("a/2/x.xsd"), Some("a/1/x.xsd"));
        assert_eq!(view.get("a/2/y.xsd"), Some("a/2/y.xsd"));
        assert_eq!(view.get("b/1/z.xsd"), Some("b/1/z.xsd"));
        assert_eq!((view.get("a/2/z.xsd"), view.get("a/22/x.xsd")), (None, None));
        assert_eq!(View::new(files, "a/2", None).get("a/2/x.xsd"), None);
    }

    #[test]
    fn files_can_be_added_and_replaced() {
        let mut files = Files::default();
        files.insert("a/1/x.xsd".into(), "one".into());
        files.insert("a/1/x.xsd".into(), "two".into());
        assert_eq!(files.all().collect::<Vec<_>>(), [("a/1/x.xsd", "two")]);
    }
}
