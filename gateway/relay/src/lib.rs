//! What carries committed messages to departments and their answers back. In come
//! rows of an outbox and deliveries of a queue; out go confirmed publishes, effects
//! that happen once, and answers that are sent until somebody took them. Nothing here
//! knows what a message says: bodies are bytes, never parsed and never logged.
//!
//! - [`backoff`]: pauses between attempts
//! - [`broker`]: the address of a RabbitMQ and one attempt to reach it
//! - [`topology`]: exchange, queues and bindings as data, declared idempotently
//! - [`publisher`]: the outbox to the broker, confirmed, in order per key
//! - [`consumer`]: a queue to an async handler
//! - [`depth`]: how much lies in a queue
//! - [`post`]: single messages to the broker, confirmed: verdicts, dead letters
//! - [`embedded`]: leases for the queue that is pulled over HTTP; [`pull`]: its JSON
//! - [`client`]: HTTPS with client certificates; [`fetch`]: one document, also by plain HTTP
//! - [`inbox`] and [`runner`]: the process an adapter runs in; [`backend`]: the system of
//!   a department behind it
//! - [`status`]: what the loops report to metrics and health

pub mod backend;
pub mod backoff;
pub mod broker;
pub mod client;
pub mod consumer;
pub mod depth;
pub mod embedded;
pub mod fetch;
pub mod inbox;
pub mod post;
pub mod publisher;
pub mod pull;
pub mod runner;
pub mod status;
pub mod topology;

mod confirms;
mod properties;
mod tls;

#[cfg(test)]
mod testserver;

/// Log targets that must be switched off: lapin writes whole returned messages, with
/// their bodies, at the level WARN; this crate reports every return itself.
pub const QUIET_LOG_TARGETS: &[&str] = &["lapin::returned_messages"];
