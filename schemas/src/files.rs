//! Schema files by path, as `ceb/2022-05/CEB311Message.xsd`: those that are embedded,
//! and those that were read from a folder on top of them. Paths are relative, with `/`,
//! and never lead out of the set.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
    fn files_can_be_added_and_replaced() {
        let mut files = Files::default();
        files.insert("a/1/x.xsd".into(), "one".into());
        files.insert("a/1/x.xsd".into(), "two".into());
        assert_eq!(files.all().collect::<Vec<_>>(), [("a/1/x.xsd", "two")]);
    }
}
