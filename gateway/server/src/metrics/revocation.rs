//! What is counted of revocation: fetches by what came of them, how long each issuer's list
//! is good, and the grace of an unknown status, counted down for each policy.

use jiff::Timestamp;
use onepoint_certs::SignaturePolicy;
use prometheus_client::encoding::EncodeLabelSet;

use super::{InForce, Metrics};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByIssuer {
    issuer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByIssuerCode {
    issuer: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByIssuerPolicy {
    issuer: String,
    policy: String,
}

impl Metrics {
    pub(super) fn register_revocation(&mut self) {
        let r = &mut self.registry;
        let fetches = self.fetches.clone();
        r.register("revocation_fetches", "revocation lists asked for, by outcome", fetches);
        let left = self.list_left.clone();
        r.register("revocation_list_seconds_left", "until the list of an issuer ends", left);
        let unknown = self.unknown.clone();
        r.register("revocation_unknown", "1 while an issuer has no current list", unknown);
        let grace = self.grace_left.clone();
        r.register(
            "revocation_grace_seconds_left",
            "until messages are refused because their revocation status is unknown",
            grace,
        );
    }

    /// A revocation list was asked for.
    pub(crate) fn fetched(&self, issuer: &str, code: &str) {
        let (issuer, code) = (issuer.to_owned(), code.to_owned());
        self.fetches.get_or_create(&ByIssuerCode { issuer, code }).inc();
    }

    /// Sets the gauges of revocation lists: none of an issuer that is not asked any more.
    pub(crate) fn revocation(&self, now: &InForce, at: Timestamp) {
        self.list_left.clear();
        self.unknown.clear();
        self.grace_left.clear();
        let (revocation, registry) = (&now.trust.revocation, &now.trust.registry);
        let strict = SignaturePolicy::strict();
        let own = registry.policies().filter(|policy| policy.revocation_grace_hours.is_some());
        let policies: Vec<&SignaturePolicy> = std::iter::once(&strict).chain(own).collect();
        for state in revocation.states(at) {
            let issuer = || state.issuer.clone();
            let by = ByIssuer { issuer: issuer() };
            if let Some(ends) = state.list.as_ref().and_then(|list| list.next_update) {
                self.list_left.get_or_create(&by).set(seconds(at, ends));
            }
            self.unknown.get_or_create(&by).set(i64::from(state.unknown_since.is_some()));
            let Some(since) = state.unknown_since else { continue };
            for policy in &policies {
                let ends = since.checked_add(revocation.grace(policy)).unwrap_or(Timestamp::MAX);
                let by = ByIssuerPolicy { issuer: issuer(), policy: policy.name.clone() };
                self.grace_left.get_or_create(&by).set(seconds(at, ends).max(0));
            }
        }
    }
}

/// Seconds from one moment to the other.
fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second())
}
