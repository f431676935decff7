//! Strict reading of the elements of a Signature. In: an element. Out: its child
//! elements one after the other, its text, its attributes; whatever else stands there is
//! an error at its place. White space and comments between elements mean nothing and are
//! passed over; inside a value a comment is refused, so that no two readers can take
//! different values from it.

use std::borrow::Cow;

use onepoint_xml::{Children, Document, Element, Event};

use super::DSIG_NAMESPACE;
use super::error::{Fault, SignatureError, found};
use super::unsupported::Unsupported;
use crate::octets;

type Result<T> = std::result::Result<T, SignatureError>;

/// The child elements of an element with element-only content, read in order.
pub(super) struct Content<'d> {
    parent: Element<'d>,
    children: Children<'d>,
    next: Option<Element<'d>>,
}

impl<'d> Content<'d> {
    /// Checks that `parent` holds only elements, white space and comments, and no
    /// attributes but `attributes` (all without namespace).
    pub(super) fn of(parent: Element<'d>, attributes: &[&str]) -> Result<Self> {
        check_attributes(parent, attributes)?;
        check_element_only(parent)?;
        let mut children = parent.children();
        let next = children.next();
        Ok(Self { parent, children, next })
    }

    /// The next child, which must be `ds:local`.
    pub(super) fn required(&mut self, local: &'static str) -> Result<Element<'d>> {
        match self.optional(local) {
            Some(child) => Ok(child),
            None => match self.next {
                Some(other) if is_foreign(other) => Err(unexpected(other)),
                _ => Err(SignatureError::at(self.parent, Fault::MissingChild { name: local })),
            },
        }
    }

    /// The next child if it is `ds:local`.
    pub(super) fn optional(&mut self, local: &str) -> Option<Element<'d>> {
        let child = self.next.filter(|child| child.is(DSIG_NAMESPACE, local))?;
        self.next = self.children.next();
        Some(child)
    }

    /// The next child, if any, which the caller has to judge.
    pub(super) fn any(&mut self) -> Option<Element<'d>> {
        let child = self.next.take();
        self.next = self.children.next();
        child
    }

    /// No more children.
    pub(super) fn end(self) -> Result<()> {
        self.next.map_or(Ok(()), |child| Err(unexpected(child)))
    }
}

/// Whether a child is never part of the profile, wherever it stands.
fn is_foreign(child: Element<'_>) -> bool {
    named_refusal(child).is_some_and(|what| what != Unsupported::SeveralReferences)
}

/// The error for a child that does not belong where it stands, by its own name where
/// XML Signature has one for it.
pub(super) fn unexpected(child: Element<'_>) -> SignatureError {
    let fault = named_refusal(child).map_or_else(
        || Fault::UnexpectedContent { found: found(&child.name().to_string()) },
        Fault::Unsupported,
    );
    SignatureError::at(child, fault)
}

fn named_refusal(child: Element<'_>) -> Option<Unsupported> {
    let name = child.name();
    if name.namespace != DSIG_NAMESPACE {
        return None;
    }
    Some(match name.local {
        "Object" => match child.child(DSIG_NAMESPACE, "Manifest") {
            Some(_) => Unsupported::Manifest,
            None => Unsupported::Object,
        },
        "Manifest" => Unsupported::Manifest,
        "Reference" => Unsupported::SeveralReferences,
        "KeyValue" => Unsupported::KeyValue,
        "RetrievalMethod" => Unsupported::RetrievalMethod,
        "PGPData" | "SPKIData" | "MgmtData" => Unsupported::OtherKeyInfo,
        "X509IssuerSerial" | "X509SubjectName" | "X509SKI" => Unsupported::X509Name,
        "X509CRL" => Unsupported::X509Crl,
        "HMACOutputLength" => Unsupported::Hmac,
        _ => return None,
    })
}

/// The text of an element that holds nothing but text, at most `max` bytes.
pub(super) fn text<'d>(
    element: Element<'d>,
    attributes: &[&str],
    max: usize,
) -> Result<Cow<'d, str>> {
    check_attributes(element, attributes)?;
    for event in inner_events(element) {
        let fault = match event {
            Event::Text { .. } => continue,
            Event::Comment { .. } => Fault::CommentInValue,
            other => Fault::UnexpectedContent { found: kind(element.document(), other) },
        };
        return Err(SignatureError::at(element, fault));
    }
    let text = element.text();
    if text.len() > max {
        return Err(SignatureError::at(element, Fault::TextTooLong { max }));
    }
    Ok(text)
}

/// The octets of an element that holds base64, at most `max`.
pub(super) fn base64(element: Element<'_>, attributes: &[&str], max: usize) -> Result<Vec<u8>> {
    // White space may be as long as the value again, and twice that.
    let text = text(element, attributes, max.saturating_mul(4))?;
    octets::decode(&text, max).map_err(|fault| SignatureError::at(element, Fault::Value(fault)))
}

/// The value of a required attribute.
pub(super) fn attribute<'d>(element: Element<'d>, name: &'static str) -> Result<&'d str> {
    element
        .attribute("", name)
        .ok_or_else(|| SignatureError::at(element, Fault::MissingAttribute { name }))
}

fn check_attributes(element: Element<'_>, allowed: &[&str]) -> Result<()> {
    for (name, _) in element.attributes() {
        if !name.namespace.is_empty() || !allowed.contains(&name.local) {
            let fault = Fault::UnexpectedAttribute { found: found(&name.to_string()) };
            return Err(SignatureError::at(element, fault));
        }
    }
    Ok(())
}

fn check_element_only(parent: Element<'_>) -> Result<()> {
    let document = parent.document();
    let mut depth = 0usize;
    for event in inner_events(parent) {
        match event {
            Event::Start { .. } => depth += 1,
            Event::End { .. } => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Event::Comment { .. } => {}
            Event::Text { value, .. } if is_blank(document.value(value)) => {}
            other => {
                let found = kind(document, other);
                return Err(SignatureError::at(parent, Fault::UnexpectedContent { found }));
            }
        }
    }
    Ok(())
}

fn inner_events<'d>(element: Element<'d>) -> &'d [Event] {
    let first = element.index().0 as usize + 1;
    let end = element.end_index().0 as usize;
    element.document().events().get(first..end).unwrap_or_default()
}

fn kind(document: &Document, event: &Event) -> String {
    match event {
        Event::Start { name, .. } => found(&document.name(*name).to_string()),
        Event::Pi { target, .. } => found(&format!("<?{}?>", document.value(target))),
        Event::Text { value, .. } => found(document.value(value).trim()),
        Event::End { .. } | Event::Comment { .. } => String::new(),
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
