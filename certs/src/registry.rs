//! The registry: participants, delegations and policies, checked as a whole.
//!
//! In: plain data of the configuration. Out: a [`Registry`] that answers who
//! signed, what they may send and for whom they speak. Promise: `build` reports
//! every fault at once, an answer never depends on the order of the input, and
//! participants, codes and delegations are looked up by index.

mod build;
mod error;
#[cfg(test)]
mod tests;

pub use error::{AuthorityError, Place, RegistryError};

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::certificate::Fingerprint;
use crate::day::zone_day;
use crate::participant::{Authority, Delegation, Participant, ParticipantId};
use crate::policy::{InForce, SignaturePolicy};

/// Most participants.
pub const MAX_PARTICIPANTS: usize = 100_000;
/// Most delegations.
pub const MAX_DELEGATIONS: usize = 1_000_000;
/// Most signature policies.
pub const MAX_POLICIES: usize = 64;
/// Most certificates of one participant.
pub const MAX_CERTIFICATES: usize = 64;
/// Most codes or message types in one list.
pub const MAX_LIST: usize = 4096;
/// Longest address in DXP envelopes, in characters (norm of 2022-05, `SenderId`).
pub const MAX_DXP_ID: usize = 16;
/// Digits of a node's number (norm of 2022-05, `SvNo/MsgId`).
pub const NODE_DIGITS: usize = 8;
/// Longest name, code or message type, in bytes.
pub const MAX_TEXT_BYTES: usize = 256;

/// Participants, delegations and policies at one version.
#[derive(Debug)]
pub struct Registry {
    participants: BTreeMap<ParticipantId, Participant>,
    by_certificate: HashMap<Fingerprint, ParticipantId>,
    by_code: HashMap<String, ParticipantId>,
    by_dxp_id: HashMap<String, ParticipantId>,
    by_node: HashMap<String, ParticipantId>,
    // By the delegate, then by code; each list sorted, so that answers are the same for any
    // order of the input.
    delegations: HashMap<ParticipantId, HashMap<String, Vec<Arc<Delegation>>>>,
    policies: BTreeMap<String, SignaturePolicy>,
    version: String,
}

impl Registry {
    /// Checks everything and builds the indexes.
    ///
    /// # Errors
    /// Every fault found, in the order policies, participants, delegations.
    pub fn build(
        participants: Vec<Participant>,
        delegations: Vec<Delegation>,
        policies: Vec<SignaturePolicy>,
    ) -> Result<Registry, Vec<RegistryError>> {
        build::build(participants, delegations, policies)
    }

    /// The participant of an identifier.
    pub fn participant(&self, id: &ParticipantId) -> Option<&Participant> {
        self.participants.get(id)
    }

    /// All participants, by identifier.
    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.values()
    }

    /// The participant that a certificate is bound to.
    pub fn by_certificate(&self, fingerprint: &Fingerprint) -> Option<&Participant> {
        self.participant(self.by_certificate.get(fingerprint)?)
    }

    /// The participant that owns a code.
    pub fn by_code(&self, code: &str) -> Option<&Participant> {
        self.participant(self.by_code.get(code)?)
    }

    /// The participant with this address in DXP envelopes.
    pub fn by_dxp_id(&self, dxp_id: &str) -> Option<&Participant> {
        self.participant(self.by_dxp_id.get(dxp_id)?)
    }

    /// The participant that is this node of the exchange.
    pub fn by_node(&self, node: &str) -> Option<&Participant> {
        self.participant(self.by_node.get(node)?)
    }

    /// Whether `participant` may send messages of this type at all.
    pub fn may_send(&self, participant: &Participant, message_type: &str) -> bool {
        participant.may_send.iter().any(|t| t == message_type)
    }

    /// Whether `participant` may name `code` in a message of this type at `at`:
    /// it owns the code, or its owner delegated it for this type and day.
    /// Whether it may send the type at all is [`Registry::may_send`].
    ///
    /// # Errors
    /// [`AuthorityError::NotEntitled`] also when nobody has the code, so that a
    /// stranger learns nothing; [`AuthorityError::DelegationNotYet`] and
    /// [`AuthorityError::DelegationEnded`] when there is a delegation for other
    /// days: the next one to come, or else the last one that was.
    pub fn speaks_for(
        &self,
        participant: &Participant,
        code: &str,
        message_type: &str,
        at: Timestamp,
    ) -> Result<Authority, AuthorityError> {
        if self.by_code.get(code) == Some(&participant.id) {
            return Ok(Authority::Own);
        }
        let day = zone_day(at);
        let covering: Vec<&Arc<Delegation>> = self
            .delegations
            .get(&participant.id)
            .and_then(|codes| codes.get(code))
            .into_iter()
            .flatten()
            .filter(|d| d.types.iter().any(|t| t == message_type))
            .collect();
        let in_force = covering.iter().filter(|d| d.valid_from <= day && day <= d.valid_until);
        if let Some(best) = in_force.max_by_key(|d| d.valid_until) {
            let until = best.valid_until;
            return Ok(Authority::Delegated { from: best.from.clone(), until });
        }
        let to_come = covering.iter().filter(|d| d.valid_from > day).min_by_key(|d| d.valid_from);
        let was = covering.iter().max_by_key(|d| d.valid_until);
        Err(match (to_come, was) {
            (Some(d), _) => AuthorityError::DelegationNotYet {
                participant: participant.id.clone(),
                from: d.from.clone(),
                code: error::shown(code),
                valid_from: d.valid_from,
                day,
            },
            (None, Some(d)) => AuthorityError::DelegationEnded {
                participant: participant.id.clone(),
                from: d.from.clone(),
                code: error::shown(code),
                valid_until: d.valid_until,
                day,
            },
            (None, None) => AuthorityError::NotEntitled {
                participant: participant.id.clone(),
                code: error::shown(code),
                message_type: error::shown(message_type),
            },
        })
    }

    /// All delegations, each once, in an order that does not depend on the configuration's.
    pub fn delegations(&self) -> Vec<&Delegation> {
        let by_code = self.delegations.values().flat_map(HashMap::values).flatten();
        let mut all: Vec<&Delegation> = by_code.map(Arc::as_ref).collect();
        all.sort_by(|a, b| {
            let key = |d: &&Delegation| (d.from.clone(), d.to.clone(), d.valid_from, d.valid_until);
            key(a).cmp(&key(b)).then_with(|| (&a.codes, &a.types).cmp(&(&b.codes, &b.types)))
        });
        all.dedup();
        all
    }

    /// The signature policy that applies to `participant` at `at`.
    pub fn policy_of(&self, participant: &Participant, at: Timestamp) -> InForce {
        let named = participant.policy.as_ref().and_then(|name| self.policies.get(name));
        match named {
            Some(policy) => policy.in_force(at),
            None => SignaturePolicy::strict().in_force(at),
        }
    }

    /// The signature policies, by name, without the built-in strict one.
    pub fn policies(&self) -> impl Iterator<Item = &SignaturePolicy> {
        self.policies.values()
    }

    /// Digest of the content: 32 hex digits, the first half of SHA-256 over a
    /// canonical text. The same content in another order has the same version.
    pub fn version(&self) -> String {
        self.version.clone()
    }
}
