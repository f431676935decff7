//! XML bytes to a [`Document`] in one hardened pass: XML 1.0 (5th edition) with
//! Namespaces in XML 1.0, UTF-8 only, no DTD, everything bounded by [`Limits`].
//!
//! In: the bytes of one document. Out: a flat array of [`Event`]s with resolved
//! names and byte ranges into the input, or an [`XmlError`] that says where, what was
//! expected, in English and Chinese. Promised: no panic, no recursion, no I/O, and
//! work linear in the input.
//!
//! The map: `encoding` turns bytes into text or names the encoding it refuses;
//! `reader` is the pass (quick-xml cuts tokens, every check is made here); `names`
//! interns names and resolves prefixes; `chars` knows the character classes;
//! `document` and `element` are what the pass leaves behind; `escape` is for writers.

mod chars;
mod document;
mod element;
mod encoding;
mod error;
mod escape;
mod limits;
mod names;
mod reader;

pub use chars::{is_char, is_name_char, is_ncname};
pub use document::{Attribute, Document, Event, EventIndex, Name, NameId, NsDecl, TagId, Value};
pub use element::{Ancestors, Children, Element};
pub use error::{Position, XmlError};
pub use escape::{escape_attribute, escape_text};
pub use limits::Limits;

/// The namespace the prefix `xml` is bound to (Namespaces in XML 1.0, section 3).
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace the prefix `xmlns` is bound to (Namespaces in XML 1.0, section 3).
pub const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";
