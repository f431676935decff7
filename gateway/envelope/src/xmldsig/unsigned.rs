//! Documents that carry no Signature because an envelope around them is signed. In: such a
//! document. Out: the same content digest that it would have with one. Promised: a document
//! that holds a Signature anywhere, at its place or not, is never taken for an unsigned one.

use onepoint_certs::{DigestAlgorithm, Digester};
use onepoint_xml::Document;

use super::{Fault, SignatureError, as_content_digest, profile};
use crate::c14n::{self, Method, Selection};

/// The content digest of a document without any `ds:Signature`: SHA-256 of its canonical form
/// (inclusive C14N 1.0, no comments), as [`super::SignedDocument::content_digest`] has it for
/// a signed one. Nothing where the document has a Signature.
///
/// # Errors
/// A relative namespace name, over which canonicalisation is not defined.
pub fn unsigned_content(document: &Document) -> Result<Option<[u8; 32]>, SignatureError> {
    match profile::find(document, None) {
        Err(error) if matches!(error.fault(), Fault::Missing) => {}
        _ => return Ok(None),
    }
    profile::check_namespaces(document)?;
    let mut content = Digester::new(DigestAlgorithm::Sha256);
    let whole = Selection::document();
    c14n::canonicalize(document, &whole, &Method::Inclusive10, &mut |run| content.update(run));
    Ok(Some(as_content_digest(&content.finish())))
}
