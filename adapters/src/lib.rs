//! The departments as pure mappings: in comes what a department's queue delivers, out
//! go its effect (one line, what the department recorded) and its answers, unsigned.
//! No sockets, no files, no clock: the runner that gives and takes these is elsewhere.
//!
//! - [`delivery`]: what goes in and comes out, and the trait of a department
//! - [`customs`], [`tax`]: one module per department
//! - [`dxp`]: an answer in the envelope of the exchange, ready to be signed
//! - `declaration`: the documents of a message and their fields
//! - `answer`: the text of an answer; numbers that are the same on every attempt
//!
//! Promised: the same delivery at the same time gives the same bytes, and bad input
//! gives a [`MappingError`] with a code, a place and texts, never a panic.

mod answer;
pub mod customs;
mod declaration;
pub mod delivery;
pub mod dxp;
mod error;
pub mod tax;

pub use delivery::{Answer, Department, Incoming, Outcome};
pub use dxp::dxp_for;
pub use error::{MappingError, Place};

/// The departments that have an adapter, by name.
pub const DEPARTMENTS: [&str; 2] = [customs::NAME, tax::NAME];

/// The department called `name`, as the routing table calls it.
#[must_use]
pub fn department(name: &str) -> Option<&'static dyn Department> {
    match name {
        customs::NAME => Some(&customs::Customs),
        tax::NAME => Some(&tax::Tax),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
