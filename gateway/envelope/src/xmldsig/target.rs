//! What the one Reference names: the whole document, or the one element that carries an
//! Id. In: the Reference and its Signature. Out: the element, and whether the Signature
//! stands in it. Promised: an Id that two readers could take to be on different elements
//! names none. Source: XML Signature 1.0 (RFC 3275) section 4.3.3.

use onepoint_xml::{Document, Element, Event, EventIndex};

use super::error::{Fault, SignatureError, found};
use super::unsupported::Unsupported;
use crate::c14n::Selection;

type Result<T> = std::result::Result<T, SignatureError>;

/// What is signed.
pub(super) struct Target<'d> {
    /// The element; the root for the whole document.
    pub(super) apex: Element<'d>,
    /// The Signature is in it.
    pub(super) enveloping: bool,
    /// Comments and instructions around the root are meant too.
    whole: bool,
}

impl Target<'_> {
    /// The target without the Signature.
    pub(super) fn selection(&self, signature: Element<'_>) -> Selection {
        let all = match self.whole {
            true => Selection::document(),
            false => Selection::subtree(self.apex.index()),
        };
        all.without(signature.index())
    }
}

/// Reads the URI of the Reference.
pub(super) fn read<'d>(reference: Element<'d>, signature: Element<'d>) -> Result<Target<'d>> {
    let document = reference.document();
    let refused = match reference.attribute("", "URI") {
        Some("") => {
            return Ok(Target { apex: document.root(), enveloping: true, whole: true });
        }
        None => Unsupported::ReferenceWithoutUri,
        Some(uri) => match uri.strip_prefix('#') {
            Some(id) if id.starts_with("xpointer") => Unsupported::XPointerReference,
            Some(id) => return named(document, id, reference, signature),
            None => Unsupported::ExternalReference,
        },
    };
    Err(SignatureError::at(reference, Fault::Unsupported(refused)))
}

fn named<'d>(
    document: &'d Document,
    id: &str,
    reference: Element<'d>,
    signature: Element<'d>,
) -> Result<Target<'d>> {
    let missing = || SignatureError::at(reference, Fault::IdMissing { found: found(id) });
    let mut only = None;
    for (at, event) in document.events().iter().enumerate() {
        let Event::Start { tag, .. } = event else { continue };
        for attribute in document.attributes(*tag) {
            // Other readers take `ID`, `id` and `xml:id` for Ids: with the same value
            // they would be a second meaning of the reference.
            let name = document.name(attribute.name);
            if !name.local.eq_ignore_ascii_case("id") || document.value(&attribute.value) != id {
                continue;
            }
            let element = document.element(EventIndex(u32::try_from(at).unwrap_or(u32::MAX)));
            if only.is_some() {
                let fault = Fault::IdRepeated { found: found(id) };
                return Err(SignatureError::at(element, fault));
            }
            only = Some((element, name.namespace.is_empty() && name.local == "Id"));
        }
    }
    let apex = match only {
        Some((element, true)) if !id.is_empty() => element,
        _ => return Err(missing()),
    };
    if apex == signature || apex.ancestors().any(|ancestor| ancestor == signature) {
        return Err(SignatureError::at(reference, Fault::ToSignature));
    }
    let enveloping = signature.ancestors().any(|ancestor| ancestor == apex);
    Ok(Target { apex, enveloping, whole: false })
}
