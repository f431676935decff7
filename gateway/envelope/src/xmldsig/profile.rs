//! The one shape of Signature that is taken. In: the document. Out: the parts of its
//! Signature, decoded, with every algorithm named; or the first thing that does not fit.
//! Only cheap things happen here: no certificate is parsed, nothing is digested.
//! Source: XML Signature Syntax and Processing 1.0 (RFC 3275) section 4. What the one
//! Reference names is in `target`.

use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm};
use onepoint_xml::{Document, Element, Event, EventIndex};

use super::algorithms::{
    ENVELOPED, canonicalization, digest_algorithm, signature_algorithm, transform,
};
use super::content::{Content, attribute, base64, text, unexpected};
use super::error::{Fault, SignatureError, found};
use super::target::{self, Target};
use super::unsupported::Unsupported;
use super::{
    DSIG_NAMESPACE, MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES, MAX_KEY_NAME_BYTES,
    MAX_SIGNATURE_BYTES,
};
use crate::c14n::{EXCLUSIVE, Method, PrefixList};

type Result<T> = std::result::Result<T, SignatureError>;

/// XML white space.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];
/// Octets of the longest digest.
const MAX_DIGEST_BYTES: usize = 64;
/// `Type` of a Reference to a Manifest (RFC 3275 section 5.1).
const MANIFEST_TYPE: &str = "http://www.w3.org/2000/09/xmldsig#Manifest";

/// A Signature that has the shape of the profile.
pub(super) struct Parts<'d> {
    pub(super) signature: Element<'d>,
    pub(super) signed_info: Element<'d>,
    pub(super) canonicalization: Method,
    pub(super) algorithm: Located<'d, SignatureAlgorithm>,
    pub(super) reference: Reference<'d>,
    pub(super) value: Located<'d, Vec<u8>>,
    /// Certificates, or none and the number of one.
    pub(super) certificates: Vec<Located<'d, Vec<u8>>>,
    pub(super) number: Option<Located<'d, String>>,
}

/// The one Reference.
pub(super) struct Reference<'d> {
    pub(super) at: Element<'d>,
    /// What is signed.
    pub(super) target: Target<'d>,
    /// How the document without the Signature becomes octets.
    pub(super) method: Method,
    pub(super) digest: Located<'d, DigestAlgorithm>,
    pub(super) value: Located<'d, Vec<u8>>,
}

/// A thing and the element it was read from, for errors.
pub(super) struct Located<'d, T> {
    pub(super) at: Element<'d>,
    pub(super) it: T,
}

/// Finds the one Signature: exactly one in the whole document, not counting those inside
/// of `within`, which are content.
pub(super) fn find<'d>(document: &'d Document, within: Option<Element<'d>>) -> Result<Element<'d>> {
    let mut only: Option<Element<'_>> = None;
    for (at, event) in document.events().iter().enumerate() {
        let Event::Start { name, .. } = event else { continue };
        let name = document.name(*name);
        if name.local != "Signature" || name.namespace != DSIG_NAMESPACE {
            continue;
        }
        let element = element_at(document, at);
        if within.is_some_and(|within| element.parent() == Some(within)) {
            continue;
        }
        if let Some(first) = only {
            let nested = element.ancestors().any(|ancestor| ancestor == first);
            let fault = if nested { Fault::Nested } else { Fault::Repeated };
            return Err(SignatureError::at(element, fault));
        }
        only = Some(element);
    }
    only.ok_or_else(|| SignatureError::at(document.root(), Fault::Missing))
}

/// [`find`], and the Signature is a child of the root.
pub(super) fn find_below_root<'d>(
    document: &'d Document,
    within: Option<Element<'d>>,
) -> Result<Element<'d>> {
    let signature = find(document, within)?;
    if signature.parent() != Some(document.root()) {
        return Err(SignatureError::at(signature, Fault::Misplaced));
    }
    Ok(signature)
}

/// Refuses relative namespace names, over which canonicalisation is not defined
/// (Canonical XML 1.0 section 1.3).
pub(super) fn check_namespaces(document: &Document) -> Result<()> {
    for (at, event) in document.events().iter().enumerate() {
        let Event::Start { tag, .. } = event else { continue };
        for declared in document.namespaces(*tag) {
            let uri = document.value(&declared.uri);
            if !uri.is_empty() && !has_scheme(uri) {
                let fault = Fault::RelativeNamespace { found: found(uri) };
                return Err(SignatureError::at(element_at(document, at), fault));
            }
        }
    }
    Ok(())
}

/// Whether a URI begins with a scheme (RFC 3986 section 3.1).
fn has_scheme(uri: &str) -> bool {
    let Some((scheme, _)) = uri.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn element_at(document: &Document, at: usize) -> Element<'_> {
    document.element(EventIndex(u32::try_from(at).unwrap_or(u32::MAX)))
}

/// Reads the Signature.
pub(super) fn read(signature: Element<'_>) -> Result<Parts<'_>> {
    let mut content = Content::of(signature, &["Id"])?;
    let signed_info = content.required("SignedInfo")?;
    let value_at = content.required("SignatureValue")?;
    let key_info = content.required("KeyInfo")?;
    content.end()?;

    let mut info = Content::of(signed_info, &["Id"])?;
    let canonicalization = canonicalization_method(info.required("CanonicalizationMethod")?)?;
    let method_at = info.required("SignatureMethod")?;
    let algorithm = signature_method(method_at)?;
    let reference_at = info.required("Reference")?;
    info.end()?;

    let keys = keys(key_info)?;
    Ok(Parts {
        signature,
        signed_info,
        canonicalization,
        algorithm: Located { at: method_at, it: algorithm },
        reference: reference(reference_at, signature)?,
        value: Located { at: value_at, it: base64(value_at, &["Id"], MAX_SIGNATURE_BYTES)? },
        certificates: keys.certificates,
        number: keys.number,
    })
}

fn canonicalization_method(at: Element<'_>) -> Result<Method> {
    let uri = attribute(at, "Algorithm")?;
    let method = canonicalization(uri).map_err(|fault| SignatureError::at(at, fault))?;
    with_prefix_list(at, method)
}

fn signature_method(at: Element<'_>) -> Result<SignatureAlgorithm> {
    let uri = attribute(at, "Algorithm")?;
    let algorithm = signature_algorithm(uri).map_err(|fault| SignatureError::at(at, fault))?;
    Content::of(at, &["Algorithm"])?.end()?;
    Ok(algorithm)
}

fn reference<'d>(at: Element<'d>, signature: Element<'d>) -> Result<Reference<'d>> {
    if at.attribute("", "Type") == Some(MANIFEST_TYPE) {
        return Err(SignatureError::at(at, Fault::Unsupported(Unsupported::Manifest)));
    }
    let target = target::read(at, signature)?;
    let mut content = Content::of(at, &["Id", "URI"])?;
    let method = transforms(content.optional("Transforms"), at, target.enveloping)?;
    let digest_at = content.required("DigestMethod")?;
    let uri = attribute(digest_at, "Algorithm")?;
    let digest = digest_algorithm(uri).map_err(|fault| SignatureError::at(digest_at, fault))?;
    Content::of(digest_at, &["Algorithm"])?.end()?;
    let value_at = content.required("DigestValue")?;
    content.end()?;
    Ok(Reference {
        at,
        target,
        method,
        digest: Located { at: digest_at, it: digest },
        value: Located { at: value_at, it: base64(value_at, &[], MAX_DIGEST_BYTES)? },
    })
}

/// Enveloped-signature first, which only a part without the Signature in it can do
/// without, then at most one canonicalisation. Without one the octets are those of
/// inclusive canonicalisation (RFC 3275 section 4.3.3.2).
fn transforms(at: Option<Element<'_>>, reference: Element<'_>, enveloping: bool) -> Result<Method> {
    let not_first = |at| SignatureError::at(at, Fault::EnvelopedNotFirst);
    let at = match at {
        Some(at) => at,
        None if enveloping => return Err(not_first(reference)),
        None => return Ok(Method::Inclusive10),
    };
    let mut content = Content::of(at, &[])?;
    let first = content.required("Transform")?;
    let uri = attribute(first, "Algorithm")?;
    let last = if uri == ENVELOPED {
        Content::of(first, &["Algorithm"])?.end()?;
        content.optional("Transform")
    } else {
        // A transform that the profile does not have is named before its place is.
        transform(uri).map_err(|fault| SignatureError::at(first, fault))?;
        if enveloping {
            return Err(not_first(first));
        }
        Some(first)
    };
    let Some(last) = last else {
        content.end()?;
        return Ok(Method::Inclusive10);
    };
    let uri = attribute(last, "Algorithm")?;
    let method = transform(uri).map_err(|fault| SignatureError::at(last, fault))?;
    if let Some(another) = content.optional("Transform") {
        return Err(SignatureError::at(another, Fault::TooManyTransforms));
    }
    content.end()?;
    Ok(with_prefix_list(last, method)?.without_comments())
}

/// Reads `InclusiveNamespaces`, which only exclusive methods may have.
fn with_prefix_list(at: Element<'_>, method: Method) -> Result<Method> {
    let mut content = Content::of(at, &["Algorithm"])?;
    let Some(child) = content.any() else { return Ok(method) };
    if method.prefixes().is_none() || !child.is(EXCLUSIVE, "InclusiveNamespaces") {
        return Err(unexpected(child));
    }
    content.end()?;
    let list = attribute(child, "PrefixList")?;
    Content::of(child, &["PrefixList"])?.end()?;
    let list = PrefixList::parse(list)
        .ok_or_else(|| SignatureError::at(child, Fault::PrefixListTooLong))?;
    Ok(method.with_prefixes(list))
}

/// What KeyInfo says about the key.
struct Keys<'d> {
    certificates: Vec<Located<'d, Vec<u8>>>,
    number: Option<Located<'d, String>>,
}

/// The certificates in order: the signer's, then those that lead to an anchor. KeyName
/// counts only where there are none.
fn keys(key_info: Element<'_>) -> Result<Keys<'_>> {
    let mut content = Content::of(key_info, &["Id"])?;
    let mut number = None;
    if let Some(at) = content.optional("KeyName") {
        let it = text(at, &[], MAX_KEY_NAME_BYTES)?.trim_matches(WHITE).to_owned();
        number = Some(Located { at, it });
    }
    let mut certificates = Vec::new();
    let mut data = match content.optional("X509Data") {
        None if number.is_some() => {
            content.end()?;
            return Ok(Keys { certificates, number });
        }
        None => return Err(missing_key(key_info, content)),
        found => found,
    };
    while let Some(at) = data {
        let mut inner = Content::of(at, &[])?;
        let mut certificate = Some(inner.required("X509Certificate")?);
        while let Some(at) = certificate {
            if certificates.len() == MAX_CERTIFICATES {
                let fault = Fault::TooManyCertificates { max: MAX_CERTIFICATES };
                return Err(SignatureError::at(at, fault));
            }
            certificates.push(Located { at, it: base64(at, &[], MAX_CERTIFICATE_BYTES)? });
            certificate = inner.optional("X509Certificate");
        }
        inner.end()?;
        data = content.optional("X509Data");
    }
    content.end()?;
    Ok(Keys { certificates, number: None })
}

fn missing_key(key_info: Element<'_>, content: Content<'_>) -> SignatureError {
    match content.end() {
        Err(other) => other,
        Ok(()) => SignatureError::at(key_info, Fault::NoKey),
    }
}
