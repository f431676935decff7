//! One table of a TOML file, read key by key. Every fault (missing key, wrong
//! type, unknown key, value out of range) is collected with file, line and key,
//! so that a person mends a configuration in one round and not in ten.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::{DeTable, DeValue};

/// A fault of a configuration file: where it is and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConfigFault {
    /// The file as it was named to us.
    pub(crate) file: PathBuf,
    /// Line in the file, from 1; 0 when the fault has no place in it.
    pub(crate) line: usize,
    /// The key with its tables, for instance `participant[2].codes`.
    pub(crate) key: String,
    /// What is wrong and what was expected, in one sentence.
    pub(crate) what: String,
}

impl std::fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A file that is being read: collects the faults of all its sections.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    file: &'t Path,
    text: &'t str,
    faults: RefCell<Vec<ConfigFault>>,
    warnings: RefCell<Vec<ConfigFault>>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(file: &'t Path, text: &'t str) -> Source<'t> {
        Source { file, text, faults: RefCell::default(), warnings: RefCell::default() }
    }

    /// Parses the text as far as it goes; syntax faults are collected like all others.
    pub(crate) fn table(&self) -> DeTable<'t> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |s| s.start);
            let what = format!("not valid TOML: {}", error.message());
            self.fault_at(self.line_of(at), "", what);
        }
        table.into_inner()
    }

    pub(crate) fn root<'s>(&'s self, table: &'s DeTable<'t>) -> Section<'s, 't> {
        Section { source: self, table, path: String::new(), line: 1, used: RefCell::default() }
    }

    /// The folder of the file: paths in it are relative to this.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    pub(crate) fn fault_at(&self, line: usize, key: &str, what: String) {
        self.faults.borrow_mut().push(self.finding(line, key, what));
    }

    fn finding(&self, line: usize, key: &str, what: String) -> ConfigFault {
        ConfigFault { file: self.file.to_owned(), line, key: key.to_owned(), what }
    }

    /// What is allowed but not wise.
    pub(crate) fn take_warnings(&self) -> Vec<ConfigFault> {
        self.warnings.take()
    }

    pub(crate) fn into_faults(self) -> Vec<ConfigFault> {
        self.faults.into_inner()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    fn line_of(&self, byte: usize) -> usize {
        let bytes = self.text.as_bytes();
        1 + bytes.iter().take(byte).filter(|b| **b == b'\n').count()
    }
}

/// One table, with the keys that were asked for so far.
#[derive(Debug)]
pub(crate) struct Section<'s, 't> {
    source: &'s Source<'t>,
    table: &'s DeTable<'t>,
    path: String,
    line: usize,
    used: RefCell<BTreeSet<String>>,
}

impl<'s, 't> Section<'s, 't> {
    /// The full name of `key`.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Adds a fault at `key`.
    pub(crate) fn fault(&self, key: &str, what: impl Into<String>) {
        self.source.fault_at(self.line_of_key(key), &self.key(key), what.into());
    }

    /// Adds a warning at `key`: the configuration is taken all the same.
    pub(crate) fn warn(&self, key: &str, what: impl Into<String>) {
        let found = self.source.finding(self.line_of_key(key), &self.key(key), what.into());
        self.source.warnings.borrow_mut().push(found);
    }

    /// Whether the key is there, of whatever type.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn line_of_key(&self, key: &str) -> usize {
        let line = self.table.iter().find(|(k, _)| k.get_ref() == key);
        line.map_or(self.line, |(k, _)| self.source.line_of(k.span().start))
    }

    fn value(&self, key: &str) -> Option<&'s DeValue<'t>> {
        self.used.borrow_mut().insert(key.to_owned());
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, v)| v.get_ref())
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'s DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let got = read(value);
        if got.is_none() {
            self.fault(key, format!("expected {expected}, found {}", value.type_str()));
        }
        got
    }

    fn required<T>(&self, key: &str, expected: &str, got: Option<T>) -> Option<T> {
        if got.is_none() && !self.table.iter().any(|(k, _)| k.get_ref() == key) {
            self.fault(key, format!("is missing; expected {expected}"));
        }
        got
    }

    pub(crate) fn opt_text(&self, key: &str) -> Option<String> {
        let text = self.typed(key, "a text", |v| v.as_str().map(str::to_owned))?;
        if text.trim().is_empty() {
            self.fault(key, "must not be empty");
            return None;
        }
        Some(text)
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let got = self.opt_text(key);
        self.required(key, "a text", got)
    }

    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        self.typed(key, "a list of texts", |v| {
            v.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
        .unwrap_or_default()
    }

    pub(crate) fn flag(&self, key: &str, default: bool) -> bool {
        self.typed(key, "true or false", DeValue::as_bool).unwrap_or(default)
    }

    /// A whole number within `range`, or `default` when the key is absent.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let read = |v: &DeValue<'t>| {
            let number = v.as_integer()?.as_str().parse::<u64>().ok()?;
            range.contains(&number).then_some(number)
        };
        self.typed(key, &expected, read).unwrap_or(default)
    }

    /// A calendar day: a TOML date or the same as a text (`2027-06-30`).
    pub(crate) fn opt_date(&self, key: &str) -> Option<jiff::civil::Date> {
        self.typed(key, "a day as YYYY-MM-DD", |v| {
            let text = match v {
                DeValue::Datetime(d) => d.to_string(),
                _ => v.as_str()?.to_owned(),
            };
            text.parse().ok()
        })
    }

    pub(crate) fn date(&self, key: &str) -> Option<jiff::civil::Date> {
        let got = self.opt_date(key);
        self.required(key, "a day as YYYY-MM-DD", got)
    }

    /// A path, taken relative to the folder of the file.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|p| self.relative(&p))
    }

    /// A path from the file, taken relative to its folder.
    pub(crate) fn relative(&self, path: &str) -> PathBuf {
        self.source.folder().join(path)
    }

    pub(crate) fn opt_section(&self, key: &str) -> Option<Section<'s, 't>> {
        let table = self.typed(key, "a table", |v| v.as_table())?;
        Some(self.below(self.key(key), table))
    }

    pub(crate) fn section(&self, key: &str) -> Option<Section<'s, 't>> {
        let got = self.opt_section(key);
        self.required(key, "a table", got)
    }

    /// The tables of `[[key]]`; none when it is absent.
    pub(crate) fn sections(&self, key: &str) -> Vec<Section<'s, 't>> {
        let tables: Option<Vec<&'s DeTable<'t>>> =
            self.typed(key, "a list of tables", |v| match v {
                DeValue::Array(items) => items.iter().map(|i| i.get_ref().as_table()).collect(),
                _ => None,
            });
        let name = self.key(key);
        let tables = tables.unwrap_or_default().into_iter().enumerate();
        tables.map(|(i, table)| self.below(format!("{name}[{i}]"), table)).collect()
    }

    fn below(&self, path: String, table: &'s DeTable<'t>) -> Section<'s, 't> {
        let first = table.iter().map(|(k, _)| k.span().start).min();
        let line = first.map_or(self.line, |at| self.source.line_of(at));
        Section { source: self.source, table, path, line, used: RefCell::default() }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(&self) {
        let used = self.used.borrow();
        for (key, _) in self.table.iter().filter(|(k, _)| !used.contains(k.get_ref().as_ref())) {
            let known: Vec<&str> = used.iter().map(String::as_str).collect();
            let what = format!("unknown key; known here: {}", known.join(", "));
            self.source.fault_at(
                self.source.line_of(key.span().start),
                &self.key(key.get_ref()),
                what,
            );
        }
    }
}
