//! Names interned and prefixes resolved while the pass runs. In: qualified names as
//! written, and declarations as elements open and close. Out: [`NameId`]s, one per
//! distinct prefix, local name and namespace. Promised: each distinct name is checked
//! once, and every look-up costs the same however many prefixes are in scope.

mod hash;

use std::collections::HashMap;

use crate::document::{NameEntry, NameId, Value};
use crate::error::{NamespaceRule, Problem, quoted};
use crate::limits::Limits;
use crate::{XML_NAMESPACE, XMLNS_NAMESPACE, chars};
use hash::Seed;

/// Index of a namespace name; [`NO_NAMESPACE`] is the empty one.
type NamespaceId = u32;
const NO_NAMESPACE: NamespaceId = 0;
/// Stands for a prefix that is not bound, and for a name never resolved before.
const NONE: u32 = u32::MAX;
const UNRESOLVED: (NamespaceId, NameId) = (NONE, NameId(NONE));
/// Index of the empty prefix.
const NO_PREFIX: u32 = 0;

/// A qualified name as written, without regard to what its prefix means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawName(u32);

/// Whether an attribute of this name is a namespace declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// An ordinary attribute.
    Plain,
    /// `xmlns`.
    DeclaresDefault,
    /// `xmlns:p`; holds the index of the prefix `p`.
    DeclaresPrefix(u32),
}

#[derive(Debug)]
struct RawEntry {
    prefix: u32,
    role: Role,
    parts: (Value, Value),
    /// The tag this name last stood in as attribute, to find doubles.
    seen_in: u32,
    /// The namespaces it was resolved to first and last, and the names that gave. Most
    /// names are only ever in one namespace and need no table.
    first: (NamespaceId, NameId),
    last: (NamespaceId, NameId),
}

#[derive(Debug)]
struct Prefix<'i> {
    text: &'i str,
    bound_to: NamespaceId,
}

/// All names seen so far and the prefixes in scope.
#[derive(Debug)]
pub(crate) struct Names<'i> {
    limits: (usize, usize),
    by_text: HashMap<&'i str, RawName, Seed>,
    raw: Vec<RawEntry>,
    prefix_by_text: HashMap<&'i str, u32, Seed>,
    prefixes: Vec<Prefix<'i>>,
    /// The prefix looked up last: most names of a document have the same.
    last_prefix: (&'i str, u32),
    namespace_by_text: HashMap<Box<str>, NamespaceId, Seed>,
    namespaces: Vec<Box<str>>,
    resolved: HashMap<(u32, NamespaceId), NameId, Seed>,
    entries: Vec<NameEntry>,
    /// The tag in which a prefixed attribute last stood, by expanded name.
    expanded_seen_in: HashMap<(NamespaceId, &'i str), u32, Seed>,
    /// What the bindings of open elements replaced: prefix and former namespace.
    replaced: Vec<(u32, NamespaceId)>,
}

impl<'i> Names<'i> {
    pub(crate) fn new(limits: &Limits) -> Self {
        let seed = Seed::fresh();
        let mut names = Names {
            limits: (limits.names, limits.name_bytes),
            by_text: HashMap::with_capacity_and_hasher(64, seed),
            raw: Vec::with_capacity(64),
            prefix_by_text: HashMap::with_hasher(seed),
            prefixes: vec![Prefix { text: "", bound_to: NO_NAMESPACE }],
            last_prefix: ("", NO_PREFIX),
            namespace_by_text: HashMap::with_hasher(seed),
            namespaces: vec!["".into(), XML_NAMESPACE.into()],
            resolved: HashMap::with_hasher(seed),
            entries: Vec::with_capacity(64),
            expanded_seen_in: HashMap::with_hasher(seed),
            replaced: Vec::new(),
        };
        let xml = names.prefix("xml");
        if let Some(prefix) = names.prefixes.get_mut(xml as usize) {
            prefix.bound_to = 1;
        }
        names
    }

    /// Interns a name as written at byte `at`; checks it when it is new.
    pub(crate) fn intern(&mut self, text: &'i str, at: usize) -> Result<RawName, Problem> {
        if let Some(known) = self.by_text.get(text) {
            return Ok(*known);
        }
        let (limit, name_bytes) = self.limits;
        if text.len() > name_bytes {
            return Err(Problem::NameTooLong { limit: name_bytes, found: text.len() });
        }
        if self.raw.len() >= limit {
            return Err(Problem::TooManyNames { limit });
        }
        let (prefix, local) = split(text)?;
        let prefix_at = at as u32;
        let local_at = prefix_at + (text.len() - local.len()) as u32;
        let entry = RawEntry {
            prefix: self.prefix(prefix),
            role: match (prefix, local) {
                ("", "xmlns") => Role::DeclaresDefault,
                ("xmlns", declared) => Role::DeclaresPrefix(self.prefix(declared)),
                _ => Role::Plain,
            },
            parts: (
                Value { start: prefix_at, end: prefix_at + prefix.len() as u32 },
                Value { start: local_at, end: local_at + local.len() as u32 },
            ),
            seen_in: NONE,
            first: UNRESOLVED,
            last: UNRESOLVED,
        };
        let raw = RawName(self.raw.len() as u32);
        self.raw.push(entry);
        self.by_text.insert(text, raw);
        Ok(raw)
    }

    fn prefix(&mut self, text: &'i str) -> u32 {
        if text.is_empty() {
            return NO_PREFIX;
        }
        let (last, id) = self.last_prefix;
        if last == text {
            return id;
        }
        let next = self.prefixes.len() as u32;
        let id = *self.prefix_by_text.entry(text).or_insert(next);
        if id == next {
            self.prefixes.push(Prefix { text, bound_to: NONE });
        }
        self.last_prefix = (text, id);
        id
    }

    /// What an attribute of this name does; and marks it as seen in the tag `tag`.
    /// None when it stood there already.
    pub(crate) fn mark(&mut self, name: RawName, tag: u32) -> Option<Role> {
        let entry = self.raw.get_mut(name.0 as usize)?;
        if entry.seen_in == tag {
            return None;
        }
        entry.seen_in = tag;
        Some(entry.role)
    }

    /// The declared prefix of a declaration: where its text stands.
    pub(crate) fn declared_prefix(&self, name: RawName) -> Value {
        match self.raw.get(name.0 as usize) {
            Some(RawEntry { role: Role::DeclaresPrefix(_), parts: (_, local), .. }) => *local,
            _ => Value { start: 0, end: 0 },
        }
    }

    /// How many bindings are in force: to be given to [`Names::unbind`] later.
    pub(crate) fn bindings(&self) -> u32 {
        self.replaced.len() as u32
    }

    /// Binds a prefix for the element that is being opened (Namespaces in XML 1.0,
    /// section 3 and 5).
    pub(crate) fn bind(&mut self, role: Role, uri: &str) -> Result<(), Problem> {
        let refuse = |rule| Err(Problem::NamespaceDeclaration { rule });
        let prefix = match role {
            Role::DeclaresPrefix(prefix) => prefix,
            _ => NO_PREFIX,
        };
        let text = self.prefixes.get(prefix as usize).map_or("", |prefix| prefix.text);
        match (text, uri) {
            ("xmlns", _) => return refuse(NamespaceRule::XmlnsPrefix),
            ("xml", XML_NAMESPACE) => {}
            ("xml", _) => return refuse(NamespaceRule::XmlPrefix),
            (_, XML_NAMESPACE) => return refuse(NamespaceRule::XmlNamespace),
            (_, XMLNS_NAMESPACE) => return refuse(NamespaceRule::XmlnsNamespace),
            (text, "") if !text.is_empty() => return refuse(NamespaceRule::EmptyForPrefix),
            _ => {}
        }
        let namespace = self.namespace(uri)?;
        if let Some(entry) = self.prefixes.get_mut(prefix as usize) {
            self.replaced.push((prefix, entry.bound_to));
            entry.bound_to = namespace;
        }
        Ok(())
    }

    fn namespace(&mut self, uri: &str) -> Result<NamespaceId, Problem> {
        match uri {
            "" => return Ok(NO_NAMESPACE),
            XML_NAMESPACE => return Ok(1),
            _ => {}
        }
        if let Some(known) = self.namespace_by_text.get(uri) {
            return Ok(*known);
        }
        if self.namespaces.len() >= self.limits.0 {
            return Err(Problem::TooManyNames { limit: self.limits.0 });
        }
        let id = self.namespaces.len() as u32;
        self.namespaces.push(uri.into());
        self.namespace_by_text.insert(uri.into(), id);
        Ok(id)
    }

    /// Takes back the bindings made since [`Names::bindings`] said `count`.
    pub(crate) fn unbind(&mut self, count: u32) {
        while self.replaced.len() > count as usize {
            let Some((prefix, former)) = self.replaced.pop() else { return };
            if let Some(entry) = self.prefixes.get_mut(prefix as usize) {
                entry.bound_to = former;
            }
        }
    }

    /// Resolves the name of an element: without a prefix it is in the default namespace.
    pub(crate) fn element(&mut self, name: RawName) -> Result<NameId, Problem> {
        self.resolve(name, true)
    }

    /// Resolves the name of an attribute: without a prefix it is in no namespace. None
    /// when the expanded name stood in the tag `tag` already.
    pub(crate) fn attribute(
        &mut self,
        name: RawName,
        tag: u32,
        source: &'i str,
    ) -> Result<Option<NameId>, Problem> {
        let id = self.resolve(name, false)?;
        // Without a prefix the name as written is the expanded name: looked at in `mark`.
        if self.raw.get(name.0 as usize).is_some_and(|raw| raw.prefix != NO_PREFIX)
            && let Some(NameEntry { local, namespace, .. }) = self.entries.get(id.0 as usize)
        {
            let local = source.get(local.start as usize..local.end as usize).unwrap_or_default();
            if self.expanded_seen_in.insert((*namespace, local), tag) == Some(tag) {
                return Ok(None);
            }
        }
        Ok(Some(id))
    }

    fn resolve(&mut self, name: RawName, takes_default: bool) -> Result<NameId, Problem> {
        let Some(raw) = self.raw.get_mut(name.0 as usize) else { return Ok(NameId(NONE)) };
        let namespace = if raw.prefix == NO_PREFIX && !takes_default {
            NO_NAMESPACE
        } else {
            self.prefixes.get(raw.prefix as usize).map_or(NONE, |prefix| prefix.bound_to)
        };
        if namespace == NONE {
            let prefix = self.prefixes.get(raw.prefix as usize).map_or("", |prefix| prefix.text);
            return Err(match prefix {
                "xmlns" => Problem::NamespaceDeclaration { rule: NamespaceRule::XmlnsPrefix },
                _ => Problem::PrefixUndeclared { prefix: quoted(prefix) },
            });
        }
        for known in [raw.last, raw.first] {
            if known.0 == namespace {
                return Ok(known.1);
            }
        }
        let next = NameId(self.entries.len() as u32);
        let id = match raw.first {
            UNRESOLVED => next,
            _ => *self.resolved.entry((name.0, namespace)).or_insert(next),
        };
        if id == next {
            if self.entries.len() >= self.limits.0 {
                return Err(Problem::TooManyNames { limit: self.limits.0 });
            }
            let (prefix, local) = raw.parts;
            self.entries.push(NameEntry { prefix, local, namespace });
        }
        raw.last = (namespace, id);
        if raw.first == UNRESOLVED {
            raw.first = raw.last;
        }
        Ok(id)
    }

    /// The tables a document keeps.
    pub(crate) fn into_tables(self) -> (Vec<NameEntry>, Vec<Box<str>>) {
        (self.entries, self.namespaces)
    }
}

/// Splits a qualified name into prefix and local name (Namespaces in XML 1.0,
/// productions [7] to [11]).
fn split(text: &str) -> Result<(&str, &str), Problem> {
    let (prefix, local) = text.split_once(':').unwrap_or(("", text));
    if chars::is_ncname(local) && (text.len() == local.len() || chars::is_ncname(prefix)) {
        return Ok((prefix, local));
    }
    let found = quoted(text);
    if text.split(':').all(|part| part.is_empty() || chars::is_ncname(part)) && !text.is_empty() {
        Err(Problem::QualifiedName { found })
    } else {
        Err(Problem::Name { found })
    }
}

#[cfg(test)]
mod tests;
