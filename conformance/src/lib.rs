//! What the black-box tests and benches share: the suites nobody here wrote,
//! the list of skipped cases, and a private broker. The tests themselves are in
//! `tests/conformance/`, one binary; the gateway is driven only as a process.
//!
//! - [`suites`]: unpacks a suite once, reads `skips.toml`
//! - [`postgres`]: starts and stops a PostgreSQL of the test's own
//! - [`proxy`]: a network that can be cut, held and slowed down
//! - [`rabbit`]: starts and stops a RabbitMQ of the test's own
//! - [`zone`]: gateway and adapters as processes, and what an outsider may see of them

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test crate: a broken expectation must stop the test where it stands, and tests read clocks"
)]

pub mod postgres;
pub mod proxy;
pub mod rabbit;
pub mod suites;
pub mod zone;
