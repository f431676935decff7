//! Names interned and prefixes resolved while the pass runs. In: qualified names as
//! written, and declarations as elements open and close. Out: [`NameId`]s, one per
//! distinct prefix, local name and namespace. Promised: each distinct name is checked
//! once, and every look-up costs the same however many prefixes are in scope.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::document::{NameEntry, NameId, Value};
use crate::error::{NamespaceRule, Problem, quoted};
use crate::limits::Limits;
use crate::{XML_NAMESPACE, XMLNS_NAMESPACE, chars};

/// Index of a namespace name; [`NO_NAMESPACE`] is the empty one.
type NamespaceId = u32;
const NO_NAMESPACE: NamespaceId = 0;
/// Stands for a prefix that is not bound, and for a name never resolved before.
const NONE: u32 = u32::MAX;
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
    /// The namespace it was resolved to last, and the name that gave.
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
    namespace_by_text: HashMap<Box<str>, NamespaceId, Seed>,
    namespaces: Vec<Box<str>>,
    resolved: HashMap<(u32, NamespaceId), NameId, Seed>,
    entries: Vec<NameEntry>,
    /// Per name: index of its expanded name; per expanded name: the tag it last stood in.
    expanded: Vec<u32>,
    expanded_by_parts: HashMap<(NamespaceId, &'i str), u32, Seed>,
    expanded_seen_in: Vec<u32>,
    /// What the bindings of open elements replaced: prefix and former namespace.
    replaced: Vec<(u32, NamespaceId)>,
}

impl<'i> Names<'i> {
    pub(crate) fn new(limits: &Limits) -> Self {
        let seed = Seed(RandomState::new().hash_one(0u8));
        let mut names = Names {
            limits: (limits.names, limits.name_bytes),
            by_text: HashMap::with_capacity_and_hasher(64, seed),
            raw: Vec::with_capacity(64),
            prefix_by_text: HashMap::with_hasher(seed),
            prefixes: vec![Prefix { text: "", bound_to: NO_NAMESPACE }],
            namespace_by_text: HashMap::with_hasher(seed),
            namespaces: vec!["".into(), XML_NAMESPACE.into()],
            resolved: HashMap::with_capacity_and_hasher(64, seed),
            entries: Vec::with_capacity(64),
            expanded: Vec::with_capacity(64),
            expanded_by_parts: HashMap::with_capacity_and_hasher(64, seed),
            expanded_seen_in: Vec::with_capacity(64),
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
            last: (NONE, NameId(NONE)),
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
        if let Some(known) = self.prefix_by_text.get(text) {
            return *known;
        }
        let id = self.prefixes.len() as u32;
        self.prefixes.push(Prefix { text, bound_to: NONE });
        self.prefix_by_text.insert(text, id);
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
    pub(crate) fn element(&mut self, name: RawName, source: &'i str) -> Result<NameId, Problem> {
        self.resolve(name, source, true)
    }

    /// Resolves the name of an attribute: without a prefix it is in no namespace. None
    /// when the expanded name stood in the tag `tag` already.
    pub(crate) fn attribute(
        &mut self,
        name: RawName,
        tag: u32,
        source: &'i str,
    ) -> Result<Option<NameId>, Problem> {
        let id = self.resolve(name, source, false)?;
        let seen = self
            .expanded
            .get(id.0 as usize)
            .and_then(|expanded| self.expanded_seen_in.get_mut(*expanded as usize));
        match seen {
            Some(seen) if *seen == tag => Ok(None),
            Some(seen) => {
                *seen = tag;
                Ok(Some(id))
            }
            None => Ok(Some(id)),
        }
    }

    fn resolve(
        &mut self,
        name: RawName,
        source: &'i str,
        takes_default: bool,
    ) -> Result<NameId, Problem> {
        let Some(raw) = self.raw.get_mut(name.0 as usize) else { return Ok(NameId(NONE)) };
        let namespace = if raw.prefix == NO_PREFIX && !takes_default {
            NO_NAMESPACE
        } else {
            self.prefixes.get(raw.prefix as usize).map_or(NONE, |prefix| prefix.bound_to)
        };
        if namespace == raw.last.0 && namespace != NONE {
            return Ok(raw.last.1);
        }
        if namespace == NONE {
            let prefix = self.prefixes.get(raw.prefix as usize).map_or("", |prefix| prefix.text);
            return Err(match prefix {
                "xmlns" => Problem::NamespaceDeclaration { rule: NamespaceRule::XmlnsPrefix },
                _ => Problem::PrefixUndeclared { prefix: quoted(prefix) },
            });
        }
        let id = match self.resolved.get(&(name.0, namespace)) {
            Some(known) => *known,
            None => {
                let id = NameId(self.entries.len() as u32);
                let (prefix, local) = raw.parts;
                self.entries.push(NameEntry { prefix, local, namespace });
                self.resolved.insert((name.0, namespace), id);
                let local = source.get(local.start as usize..local.end as usize).unwrap_or("");
                let next = self.expanded_seen_in.len() as u32;
                let expanded = *self.expanded_by_parts.entry((namespace, local)).or_insert(next);
                if expanded == next {
                    self.expanded_seen_in.push(NONE);
                }
                self.expanded.push(expanded);
                id
            }
        };
        raw.last = (namespace, id);
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

/// Makes the hashers: fast on short names, and seeded per document, so that nobody can
/// prepare names that collide.
#[derive(Debug, Clone, Copy)]
struct Seed(u64);

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Folds eight bytes at a time with a 128-bit product.
#[derive(Debug)]
struct Folded(u64);

impl Folded {
    fn fold(&mut self, word: u64) {
        // An odd constant with its bits well spread: the fraction of the golden ratio.
        let product = u128::from(self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.fold(last);
    }

    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    fn finish(&self) -> u64 {
        // The table looks at the lowest and the highest bits.
        let product = u128::from(self.0 ^ (self.0 >> 29)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (product as u64) ^ ((product >> 64) as u64)
    }
}
