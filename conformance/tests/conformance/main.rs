//! Everything that is tested from outside the crates, in one binary: the style of
//! the tree, and the suites nobody here wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test crate: a broken expectation must stop the test where it stands, and tests read clocks"
)]

mod audit;
mod backends;
mod blackbox;
mod broker;
mod calendar;
mod copies;
mod demo;
mod departments;
mod differential;
mod explain;
mod faults;
mod forms;
mod hostile;
mod intake;
mod jose;
mod json_schema;
mod jsontestsuite;
mod legacy;
mod merkle;
mod pulled;
mod receipts;
mod reload;
mod revocation;
mod schemas;
mod selftest;
mod sm2sm3;
mod startup;
mod tidy;
mod vault;
mod vendors;
mod violations;
mod webhook;
mod xmlconf;
mod xmldsig;
mod xmlsec;
mod xsd;
mod xsts;
mod zone_reference;
