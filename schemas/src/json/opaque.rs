//! An element carried as a string of its XML. In: the element, octet for octet as
//! it was written, made to stand alone by the namespace declarations it needs from
//! around it. Out: the same text back, checked to be one element of the name that is
//! due. Nothing in it is interpreted: comments, prefixes and white space stay.

use std::collections::BTreeSet;

use onepoint_xml::{Document, Element, Event, Limits, escape_attribute};

/// Deepest nesting of such XML: half of what a message may have.
const DEPTH_MAX: usize = 128;

/// The element as XML that stands alone.
pub(super) fn to_text(element: Element<'_>) -> String {
    let document = element.document();
    let source = document.source().get(element.span()).unwrap_or_default();
    let own: BTreeSet<&str> = declared(element).collect();
    let used = prefixes(element);
    let mut inherited = String::new();
    for (prefix, uri) in element.in_scope_namespaces() {
        if own.contains(prefix) || !(used.contains(prefix) || mentions(source, prefix)) {
            continue;
        }
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        inherited.push_str(&format!(" {name}=\"{}\"", escape_attribute(uri)));
    }
    let name = source.find(['>', '/', ' ', '\t', '\n', '\r']).unwrap_or(source.len());
    let (name, rest) = source.split_at_checked(name).unwrap_or((source, ""));
    format!("{name}{inherited}{rest}")
}

/// Checks that the text is one element of this name and nothing around it; gives the
/// text without an XML declaration, comments or white space before and after.
pub(super) fn from_text(text: &str, namespace: &str, local: &str) -> Result<String, String> {
    let limits = Limits { depth: DEPTH_MAX, ..Limits::default() };
    let document =
        Document::parse(text.as_bytes().to_vec(), &limits).map_err(|error| error.en())?;
    let root = document.root();
    if !root.is(namespace, local) {
        return Err(format!("the element is {}", root.name()));
    }
    Ok(document.source().get(root.span()).unwrap_or_default().to_owned())
}

/// Prefixes that the element itself declares.
fn declared<'d>(element: Element<'d>) -> impl Iterator<Item = &'d str> {
    let document = element.document();
    let declarations = match document.event(element.index()) {
        Some(Event::Start { tag, .. }) => document.namespaces(*tag),
        _ => &[],
    };
    declarations.iter().map(|declared| document.value(&declared.prefix))
}

/// Prefixes of the names of elements and attributes inside.
fn prefixes<'d>(element: Element<'d>) -> BTreeSet<&'d str> {
    let document = element.document();
    let range = element.index().0 as usize..element.end_index().0 as usize;
    let mut found = BTreeSet::new();
    for event in document.events().get(range).unwrap_or_default() {
        if let Event::Start { name, tag, .. } = event {
            found.insert(document.name(*name).prefix);
            let attributes = document.attributes(*tag).iter();
            let prefixes = attributes.map(|a| document.name(a.name).prefix);
            found.extend(prefixes.filter(|prefix| !prefix.is_empty()));
        }
    }
    found
}

/// Whether a value may hold a qualified name of this prefix.
fn mentions(source: &str, prefix: &str) -> bool {
    !prefix.is_empty() && source.contains(&format!("{prefix}:"))
}
