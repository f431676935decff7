//! What clients of the e-port are known to do otherwise than XML Signature says. In: a
//! Signature that did not verify as it stands. Out: the octets it was made over, if it is
//! one of theirs. Whether a policy takes that is decided by the caller.

use onepoint_xml::{Document, Element, Event, Limits};

use super::profile::Parts;
use super::{DSIG_NAMESPACE, signed_info_octets};
use crate::c14n::Method;

/// A root with the namespaces that such clients have in scope, around SignedInfo.
const HEAD: &str = "<ceb:x xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
    xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";

/// SignedInfo as such clients sign it: no white space between its elements, and `ceb`,
/// `ds` and `xsi` in scope, whatever the document declares. `None` where SignedInfo has
/// another prefix, or is to be canonicalised otherwise than they do.
pub(super) fn flat_signed_info(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let info = parts.signed_info;
    if parts.canonicalization != Method::Inclusive10 || info.name().prefix != "ds" {
        return None;
    }
    let document = info.document();
    let mut flat = HEAD.to_owned();
    let inner = info.index().0 as usize..=info.end_index().0 as usize;
    for event in document.events().get(inner)? {
        match event {
            Event::Text { value, .. } if is_blank(document.value(value)) => {}
            Event::Comment { .. } => {}
            other => flat.push_str(document.source().get(other.span())?),
        }
    }
    flat.push_str("</ceb:x>");
    let document = Document::parse(flat.into_bytes(), &Limits::default()).ok()?;
    let info = document.root().child(DSIG_NAMESPACE, "SignedInfo")?;
    Some(signed_info_octets(&document, info.index(), &Method::Inclusive10))
}

/// Whether white space follows the Signature.
pub(super) fn space_after(signature: Element<'_>) -> bool {
    let document = signature.document();
    let next = (signature.end_index().0 as usize).saturating_add(1);
    matches!(document.events().get(next), Some(Event::Text { value, cdata: false, .. })
        if is_blank(document.value(value)))
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
