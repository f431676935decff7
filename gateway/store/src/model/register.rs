//! Rows about the gateway's own affairs: what the log last said of each registered
//! thing, and the daily count of each participant's facts.

use onepoint_proof::Hash;

/// What the log last said of something registered (a participant, a certificate, a policy, ...).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Kind of the thing: the kind of the fact that told of it.
    pub kind: String,
    /// Its name, unique within the kind.
    pub name: String,
    /// Digest of its content as the log last said it.
    pub digest: Hash,
}

/// The facts about one participant's messages on one day, as counted so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The participant.
    pub participant: String,
    /// The day (UTC+8), in days since 1970-01-01.
    pub day: i64,
    /// How many facts.
    pub count: u64,
    /// Log index of the first one.
    pub first: u64,
    /// Log index of the last one.
    pub last: u64,
    /// The running hash over all of them.
    pub running: Hash,
}
