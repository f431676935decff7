//! Checks of the registry as a whole.
//!
//! In: participants, delegations, policies as configured. Out: the indexed
//! registry, or every fault. Nothing is corrected on the way.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{
    MAX_CERTIFICATES, MAX_DELEGATIONS, MAX_DXP_ID, MAX_LIST, MAX_PARTICIPANTS, MAX_POLICIES,
    MAX_TEXT_BYTES, NODE_DIGITS, Place, Registry, RegistryError,
};
use crate::hex;
use crate::key::{MAX_RSA_BITS, MIN_RSA_BITS_LEGACY};
use crate::participant::{Delegation, Participant, ParticipantId, Role};
use crate::policy::SignaturePolicy;

pub(super) fn build(
    participants: Vec<Participant>,
    delegations: Vec<Delegation>,
    policies: Vec<SignaturePolicy>,
) -> Result<Registry, Vec<RegistryError>> {
    let counts = [
        ("participants", participants.len(), MAX_PARTICIPANTS),
        ("delegations", delegations.len(), MAX_DELEGATIONS),
        ("policies", policies.len(), MAX_POLICIES),
    ];
    let mut faults: Vec<RegistryError> = Vec::new();
    for (what, found, most) in counts {
        if found > most {
            faults.push(RegistryError::TooMany { place: Place::Registry, what, found, most });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let version = version(&participants, &delegations, &policies);
    let policies = check_policies(policies, &mut faults);
    let mut registry = Registry {
        participants: BTreeMap::new(),
        by_certificate: HashMap::new(),
        by_code: HashMap::new(),
        by_dxp_id: HashMap::new(),
        by_node: HashMap::new(),
        delegations: HashMap::new(),
        policies,
        version,
    };
    for participant in participants {
        add_participant(&mut registry, participant, &mut faults);
    }
    for delegation in delegations {
        add_delegation(&mut registry, delegation, &mut faults);
    }
    for codes in registry.delegations.values_mut() {
        for list in codes.values_mut() {
            list.sort_by(|a, b| order(a).cmp(&order(b)));
        }
    }
    if faults.is_empty() { Ok(registry) } else { Err(faults) }
}

fn order(d: &Delegation) -> impl Ord {
    (d.valid_from, d.valid_until, d.from.clone())
}

fn check_policies(
    policies: Vec<SignaturePolicy>,
    faults: &mut Vec<RegistryError>,
) -> BTreeMap<String, SignaturePolicy> {
    let mut by_name = BTreeMap::new();
    for policy in policies {
        let name = policy.name.clone();
        let shown = super::error::shown(&name);
        if !is_text(&name) {
            faults.push(RegistryError::BadText { place: Place::Policy, what: "name" });
        }
        if name == SignaturePolicy::STRICT {
            faults.push(RegistryError::ReservedPolicy);
        }
        if !(MIN_RSA_BITS_LEGACY..=MAX_RSA_BITS).contains(&policy.min_rsa_bits) {
            let (policy, found) = (shown.clone(), policy.min_rsa_bits);
            faults.push(RegistryError::PolicyRsaBits { policy, found });
        }
        if !policy.is_strict() && policy.until.is_none() {
            faults.push(RegistryError::PolicyWithoutEnd { policy: shown.clone() });
        }
        if by_name.insert(name, policy).is_some() {
            faults.push(RegistryError::DuplicatePolicy { policy: shown });
        }
    }
    by_name
}

fn add_participant(
    registry: &mut Registry,
    participant: Participant,
    faults: &mut Vec<RegistryError>,
) {
    let id = participant.id.clone();
    if registry.participants.contains_key(&id) {
        // Its certificates and codes would only repeat the same complaint.
        faults.push(RegistryError::DuplicateParticipant { id });
        return;
    }
    check_participant(registry, &participant, faults);
    for certificate in &participant.certificates {
        if let Some(key) = certificate.public_key().as_sm2() {
            key.prepare();
        }
        match registry.by_certificate.entry(certificate.fingerprint()) {
            Entry::Vacant(free) => _ = free.insert(id.clone()),
            Entry::Occupied(taken) => faults.push(RegistryError::CertificateShared {
                fingerprint: certificate.fingerprint(),
                first: taken.get().clone(),
                second: id.clone(),
            }),
        }
    }
    for code in &participant.codes {
        match registry.by_code.entry(code.clone()) {
            Entry::Vacant(free) => _ = free.insert(id.clone()),
            Entry::Occupied(taken) => faults.push(RegistryError::CodeShared {
                code: super::error::shown(code),
                first: taken.get().clone(),
                second: id.clone(),
            }),
        }
    }
    add_address(&mut registry.by_dxp_id, "dxp_id", participant.dxp_id.as_ref(), &id, faults);
    add_address(&mut registry.by_node, "node", participant.node.as_ref(), &id, faults);
    registry.participants.insert(id, participant);
}

fn add_address(
    taken: &mut HashMap<String, ParticipantId>,
    what: &'static str,
    address: Option<&String>,
    id: &ParticipantId,
    faults: &mut Vec<RegistryError>,
) {
    let Some(address) = address else { return };
    match taken.entry(address.clone()) {
        Entry::Vacant(free) => _ = free.insert(id.clone()),
        Entry::Occupied(taken) => faults.push(RegistryError::AddressShared {
            what,
            address: super::error::shown(address),
            first: taken.get().clone(),
            second: id.clone(),
        }),
    }
}

fn check_participant(
    registry: &Registry,
    participant: &Participant,
    faults: &mut Vec<RegistryError>,
) {
    let id = participant.id.clone();
    let place = Place::Participant(id.clone());
    if !is_text(&participant.name) {
        faults.push(RegistryError::BadText { place: place.clone(), what: "name" });
    }
    check_list(&place, "code", &participant.codes, faults);
    check_list(&place, "message type", &participant.may_send, faults);
    check_addresses(&place, participant, faults);
    let found = participant.certificates.len();
    if found > MAX_CERTIFICATES {
        let (what, most) = ("certificates", MAX_CERTIFICATES);
        faults.push(RegistryError::TooMany { place, what, found, most });
    }
    for certificate in participant.certificates.iter().filter(|c| c.is_ca()) {
        let fingerprint = certificate.fingerprint();
        faults.push(RegistryError::CertificateIsCa { participant: id.clone(), fingerprint });
    }
    if let Some(policy) = &participant.policy
        && policy != SignaturePolicy::STRICT
        && !registry.policies.contains_key(policy)
    {
        let policy = super::error::shown(policy);
        faults.push(RegistryError::UnknownPolicy { participant: id.clone(), policy });
    }
    if participant.role == Role::Enterprise && participant.may_send.is_empty() {
        faults.push(RegistryError::NothingToSend { participant: id.clone() });
    }
    let named = participant.department.as_deref().is_some_and(is_text);
    match (participant.role, &participant.department) {
        (Role::Department, _) if !named => {
            faults.push(RegistryError::DepartmentWithoutName { participant: id });
        }
        (Role::Department, _) | (_, None) => {}
        (_, Some(_)) => faults.push(RegistryError::DepartmentOfOther { participant: id }),
    }
}

fn check_addresses(place: &Place, participant: &Participant, faults: &mut Vec<RegistryError>) {
    let spaced = |text: &str| text.contains(char::is_whitespace);
    let address = |id: &str| is_text(id) && !spaced(id) && id.chars().count() <= MAX_DXP_ID;
    if participant.dxp_id.as_deref().is_some_and(|id| !address(id)) {
        faults.push(RegistryError::BadText { place: place.clone(), what: "dxp_id" });
    }
    let number = |node: &str| node.len() == NODE_DIGITS && node.bytes().all(|b| b.is_ascii_digit());
    if participant.node.as_deref().is_some_and(|node| !number(node)) {
        faults.push(RegistryError::BadText { place: place.clone(), what: "node" });
    }
}

fn add_delegation(
    registry: &mut Registry,
    delegation: Delegation,
    faults: &mut Vec<RegistryError>,
) {
    let before = faults.len();
    let Delegation { from, to, codes, types, valid_from, valid_until } = &delegation;
    let place = Place::Delegation { from: from.clone(), to: to.clone() };
    for (id, side) in [(from, "from"), (to, "to")] {
        if !registry.participants.contains_key(id) {
            faults.push(RegistryError::DelegationUnknown {
                from: from.clone(),
                to: to.clone(),
                side,
            });
        }
    }
    if from == to {
        faults.push(RegistryError::DelegationToSelf { id: from.clone() });
    }
    if valid_from > valid_until {
        faults.push(RegistryError::InvertedDates {
            from: from.clone(),
            to: to.clone(),
            valid_from: *valid_from,
            valid_until: *valid_until,
        });
    }
    check_list(&place, "code", codes, faults);
    check_list(&place, "message type", types, faults);
    for (what, list) in [("code", codes), ("message type", types)] {
        if list.is_empty() {
            faults.push(RegistryError::EmptyDelegation {
                from: from.clone(),
                to: to.clone(),
                what,
            });
        }
    }
    if registry.participants.contains_key(from) {
        for code in codes.iter().filter(|c| registry.by_code.get(c.as_str()) != Some(from)) {
            let code = super::error::shown(code);
            faults.push(RegistryError::CodeNotOwned { from: from.clone(), to: to.clone(), code });
        }
    }
    if faults.len() > before {
        return;
    }
    // Shared: a copy for each code would grow with the square of the lists.
    let delegation = Arc::new(delegation);
    let by_code = registry.delegations.entry(delegation.to.clone()).or_default();
    for code in &delegation.codes {
        by_code.entry(code.clone()).or_default().push(Arc::clone(&delegation));
    }
}

fn check_list(place: &Place, what: &'static str, list: &[String], faults: &mut Vec<RegistryError>) {
    let place = || place.clone();
    if list.len() > MAX_LIST {
        let (found, most) = (list.len(), MAX_LIST);
        faults.push(RegistryError::TooMany { place: place(), what, found, most });
        return;
    }
    let mut seen = HashSet::new();
    for text in list {
        // Codes and types are compared byte for byte: a space would make a
        // right that never applies.
        if !is_text(text) || text.contains(char::is_whitespace) {
            faults.push(RegistryError::BadText { place: place(), what });
        } else if !seen.insert(text) {
            let text = super::error::shown(text);
            faults.push(RegistryError::Repeated { place: place(), what, text });
        }
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.trim() == text
        && text.len() <= MAX_TEXT_BYTES
        && !text.contains(char::is_control)
}

// One JSON array per item, all of them sorted: no delimiter can be forged by a
// value, and the order of the input does not count.
fn version(
    participants: &[Participant],
    delegations: &[Delegation],
    policies: &[SignaturePolicy],
) -> String {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    let mut lines: Vec<String> = Vec::new();
    for p in participants {
        let mut prints: Vec<String> =
            p.certificates.iter().map(|c| c.fingerprint().to_string()).collect();
        prints.sort_unstable();
        let (codes, types) = (sorted(&p.codes), sorted(&p.may_send));
        let id: &ParticipantId = &p.id;
        lines.push(
            serde_json::json!([
                "participant",
                id.as_str(),
                p.name,
                p.role.name(),
                codes,
                types,
                prints,
                p.policy,
                p.trust,
                p.department,
                p.dxp_id,
                p.node
            ])
            .to_string(),
        );
    }
    for d in delegations {
        let (codes, types) = (sorted(&d.codes), sorted(&d.types));
        let (first, last) = (d.valid_from.to_string(), d.valid_until.to_string());
        lines.push(
            serde_json::json!([
                "delegation",
                d.from.as_str(),
                d.to.as_str(),
                codes,
                types,
                first,
                last
            ])
            .to_string(),
        );
    }
    lines.extend(policies.iter().map(policy_line));
    lines.sort_unstable();
    let digest = ring::digest::digest(&ring::digest::SHA256, lines.join("\n").as_bytes());
    hex::encode(digest.as_ref().get(..16).unwrap_or_default())
}

fn policy_line(p: &SignaturePolicy) -> String {
    serde_json::json!([
        "policy",
        p.name,
        p.until.map(|d| d.to_string()),
        p.allow_rsa_sha1,
        p.allow_digest_sha1,
        p.allow_chain_sha1,
        p.allow_flat_signed_info,
        p.allow_space_at_signature,
        p.allow_sm2_digest_sha1,
        p.allow_lower_case_number,
        p.min_rsa_bits,
        p.revocation_grace_hours
    ])
    .to_string()
}
