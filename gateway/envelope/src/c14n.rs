//! Canonical XML. In: a parsed document and a selection (all of it or the subtree of
//! one element, less one omitted subtree). Out: the canonical octets, in order, straight
//! into a sink. One pass over the document's events, no tree, no recursion; memory is the
//! depth of the document plus one small run of octets.
//!
//! Inclusive: Canonical XML 1.0 (W3C REC-xml-c14n-20010315) and 1.1 (W3C
//! REC-xml-c14n11-20080502). Exclusive: Exclusive XML Canonicalization 1.0 (W3C
//! REC-xml-exc-c14n-20020718).

mod base;
mod bindings;
mod escape;
#[cfg(test)]
mod tests;
mod walk;

use onepoint_xml::{Document, EventIndex};

/// Identifier of inclusive canonicalisation 1.0 without comments.
pub const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
/// Identifier of inclusive canonicalisation 1.0 with comments.
pub const INCLUSIVE_WITH_COMMENTS: &str =
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments";
/// Identifier of inclusive canonicalisation 1.1 without comments.
pub const INCLUSIVE_11: &str = "http://www.w3.org/2006/12/xml-c14n11";
/// Identifier of inclusive canonicalisation 1.1 with comments.
pub const INCLUSIVE_11_WITH_COMMENTS: &str = "http://www.w3.org/2006/12/xml-c14n11#WithComments";
/// Identifier of exclusive canonicalisation without comments.
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// Identifier of exclusive canonicalisation with comments.
pub const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
/// Prefixes that one `InclusiveNamespaces` list may name.
pub const MAX_PREFIXES: usize = 64;

/// A canonicalisation method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Canonical XML 1.0.
    Inclusive10,
    /// Canonical XML 1.0 with comments.
    Inclusive10WithComments,
    /// Canonical XML 1.1: as 1.0, but a subtree inherits no `xml:id`, and its
    /// `xml:base` is joined with those of its ancestors.
    Inclusive11,
    /// Canonical XML 1.1 with comments.
    Inclusive11WithComments,
    /// Exclusive Canonical XML 1.0.
    Exclusive(PrefixList),
    /// Exclusive Canonical XML 1.0 with comments.
    ExclusiveWithComments(PrefixList),
}

impl Method {
    /// The method named by an `Algorithm` attribute, with an empty prefix list.
    pub fn from_uri(uri: &str) -> Option<Self> {
        match uri {
            INCLUSIVE => Some(Self::Inclusive10),
            INCLUSIVE_WITH_COMMENTS => Some(Self::Inclusive10WithComments),
            INCLUSIVE_11 => Some(Self::Inclusive11),
            INCLUSIVE_11_WITH_COMMENTS => Some(Self::Inclusive11WithComments),
            EXCLUSIVE => Some(Self::Exclusive(PrefixList::default())),
            EXCLUSIVE_WITH_COMMENTS => Some(Self::ExclusiveWithComments(PrefixList::default())),
            _ => None,
        }
    }

    /// The identifier of the method.
    pub fn uri(&self) -> &'static str {
        match self {
            Self::Inclusive10 => INCLUSIVE,
            Self::Inclusive10WithComments => INCLUSIVE_WITH_COMMENTS,
            Self::Inclusive11 => INCLUSIVE_11,
            Self::Inclusive11WithComments => INCLUSIVE_11_WITH_COMMENTS,
            Self::Exclusive(_) => EXCLUSIVE,
            Self::ExclusiveWithComments(_) => EXCLUSIVE_WITH_COMMENTS,
        }
    }

    /// Whether comments are part of the output.
    pub fn with_comments(&self) -> bool {
        matches!(
            self,
            Self::Inclusive10WithComments
                | Self::Inclusive11WithComments
                | Self::ExclusiveWithComments(_)
        )
    }

    /// The same method over a node-set that has no comments, which is what the
    /// references `URI=""` and `URI="#id"` select (XML Signature 1.0 section 4.3.3.3).
    pub fn without_comments(self) -> Self {
        match self {
            Self::Inclusive10 | Self::Inclusive10WithComments => Self::Inclusive10,
            Self::Inclusive11 | Self::Inclusive11WithComments => Self::Inclusive11,
            Self::Exclusive(list) | Self::ExclusiveWithComments(list) => Self::Exclusive(list),
        }
    }

    /// The prefixes treated inclusively; none for an inclusive method, where all are.
    pub fn prefixes(&self) -> Option<&PrefixList> {
        match self {
            Self::Inclusive10
            | Self::Inclusive10WithComments
            | Self::Inclusive11
            | Self::Inclusive11WithComments => None,
            Self::Exclusive(list) | Self::ExclusiveWithComments(list) => Some(list),
        }
    }

    /// Whether this is Canonical XML 1.1.
    fn is_11(&self) -> bool {
        matches!(self, Self::Inclusive11 | Self::Inclusive11WithComments)
    }

    /// Puts `list` in place of the prefix list of an exclusive method.
    pub(crate) fn with_prefixes(self, list: PrefixList) -> Self {
        match self {
            Self::Exclusive(_) => Self::Exclusive(list),
            Self::ExclusiveWithComments(_) => Self::ExclusiveWithComments(list),
            inclusive => inclusive,
        }
    }
}

/// The prefixes that exclusive canonicalisation treats as inclusive canonicalisation
/// does (`InclusiveNamespaces/@PrefixList`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrefixList(Vec<String>);

impl PrefixList {
    /// Reads the white-space separated list; `#default` is the default namespace.
    ///
    /// # Errors
    /// `None` when it names more than [`MAX_PREFIXES`] prefixes.
    pub fn parse(list: &str) -> Option<Self> {
        let white = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let tokens = list.split(white).filter(|token| !token.is_empty());
        let prefixes: Vec<String> = tokens
            .take(MAX_PREFIXES + 1)
            .map(|token| if token == "#default" { "" } else { token }.to_owned())
            .collect();
        (prefixes.len() <= MAX_PREFIXES).then_some(Self(prefixes))
    }

    fn holds(&self, prefix: &str) -> bool {
        self.0.iter().any(|own| own == prefix)
    }
}

impl std::fmt::Display for PrefixList {
    /// The list as an attribute has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, prefix) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            let prefix = if prefix.is_empty() { "#default" } else { prefix };
            write!(f, "{space}{prefix}")?;
        }
        Ok(())
    }
}

/// What is canonicalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The element whose subtree is meant; the whole document when `None`.
    pub apex: Option<EventIndex>,
    /// An element left out with all it holds: the Signature, for the enveloped
    /// signature transform.
    pub omit: Option<EventIndex>,
    /// White space right after the omitted element is left out too.
    pub space: bool,
}

impl Selection {
    /// The whole document, comments and processing instructions around the root too.
    pub fn document() -> Self {
        Self { apex: None, omit: None, space: false }
    }

    /// The subtree of one element.
    pub fn subtree(apex: EventIndex) -> Self {
        Self { apex: Some(apex), omit: None, space: false }
    }

    /// The same without the subtree of `element`.
    pub fn without(self, element: EventIndex) -> Self {
        Self { omit: Some(element), ..self }
    }

    /// The same without the white space that follows the omitted element.
    pub fn without_space(self) -> Self {
        Self { space: true, ..self }
    }
}

/// Writes the canonical form of what `selection` names into `out`, in order, in runs
/// of some kilobytes.
pub fn canonicalize(
    document: &Document,
    selection: &Selection,
    method: &Method,
    out: &mut dyn FnMut(&[u8]),
) {
    walk::Walk::new(document, method, out).run(selection);
}
