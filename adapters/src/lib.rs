//! The departments as pure mappings: in comes what a department's queue delivers, out
//! go its effect (one line, what the department recorded) and its answers, unsigned.
//! No sockets, no files, no clock: the runner that gives and takes these is elsewhere.
//!
//! - [`delivery`]: what goes in and comes out, and the trait of a department
//! - [`customs`], [`tax`], [`forex`], ...: one module per department: what it keeps of a
//!   document, and what it says of it
//! - [`dxp`]: an answer in the envelope of the exchange, ready to be signed
//! - `office`: how a department works, whichever it is; `record`, `form`, `answer`: what it
//!   writes; `control`: what customs and inspection decide by together
//! - `shape`, `declaration`, `amount`: documents of a message, their fields, their numbers
//!
//! Promised: the same delivery at the same time gives the same bytes, and bad input
//! gives a [`MappingError`] with a code, a place and texts, never a panic.

mod amount;
mod answer;
pub mod commerce;
mod control;
pub mod customs;
mod declaration;
pub mod delivery;
pub mod dxp;
mod error;
pub mod finance;
pub mod forex;
mod form;
pub mod government;
pub mod inspection;
pub mod market;
mod office;
pub mod park;
pub mod post;
mod record;
mod shape;
pub mod tax;
pub mod transport;

pub use delivery::{Answer, Department, Incoming, Outcome};
pub use dxp::dxp_for;
pub use error::{MappingError, Place};

/// Every department that has an adapter.
static OFFICES: [&office::Office; 11] = [
    &customs::CUSTOMS,
    &tax::TAX,
    &forex::FOREX,
    &inspection::INSPECTION,
    &commerce::COMMERCE,
    &market::MARKET,
    &post::POST,
    &transport::TRANSPORT,
    &finance::FINANCE,
    &government::GOVERNMENT,
    &park::PARK,
];

/// The departments that have an adapter, by name.
pub const DEPARTMENTS: [&str; 11] = [
    customs::NAME,
    tax::NAME,
    forex::NAME,
    inspection::NAME,
    commerce::NAME,
    market::NAME,
    post::NAME,
    transport::NAME,
    finance::NAME,
    government::NAME,
    park::NAME,
];

/// The department called `name`, as the routing table calls it.
#[must_use]
pub fn department(name: &str) -> Option<&'static dyn Department> {
    let found = OFFICES.iter().find(|office| office.name == name);
    found.map(|office| *office as &dyn Department)
}

#[cfg(test)]
mod tests;
