//! Signed envelopes, without I/O: canonical XML, XML Signature and JSON Web Signature in
//! narrow profiles, the DXP envelopes of the customs exchange, and the signed string of
//! announcement 179.
//!
//! In: a parsed [`onepoint_xml::Document`] or a text, keys and a policy. Out: evidence
//! ([`xmldsig::SignedDocument`], [`jws::SignedPayload`]) that can only be had by verifying,
//! or an error with a stable code and texts. Promised: no panic, no clock, no recursion over
//! the input, work linear in it, and no trust: who the signer is and whether the
//! certificate's chain holds is for the caller to check before anything is believed.

pub mod announcement179;
pub mod c14n;
pub mod dxp;
#[cfg(test)]
mod generated;
mod json;
pub mod jws;
pub mod octets;
pub mod xmldsig;
