//! Signed envelopes, without I/O: canonical XML, XML Signature in one narrow profile,
//! and the DXP envelope of the customs exchange.
//!
//! In: a parsed [`onepoint_xml::Document`], keys and a policy. Out: evidence
//! ([`xmldsig::SignedDocument`]) that can only be had by verifying, or an error with a
//! stable code, a place and texts. Promised: no panic, no clock, no recursion, work linear
//! in the input, and no trust: who the signer is and whether the certificate's chain
//! holds is for the caller to check before anything is believed.

pub mod c14n;
pub mod dxp;
#[cfg(test)]
mod generated;
pub mod octets;
pub mod xmldsig;
