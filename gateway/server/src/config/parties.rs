//! Participants, their rights, delegations and signature policies of a
//! configuration, compiled into the registry.

use std::collections::HashMap;

use onepoint_certs::{
    Certificate, Delegation, Fingerprint, Participant, ParticipantId, Registry, Role,
    SignaturePolicy,
};

use super::section::Section;
use super::trust::{GRACE, GRACE_HOURS_MAX, TrustSettings};
use super::{Department, Desk, ReadFile, Transport, desks, read_named};

/// What the party sections of a configuration say.
#[derive(Debug)]
pub(super) struct Parties {
    /// None when there were faults.
    pub(super) registry: Option<Registry>,
    pub(super) departments: Vec<Department>,
    pub(super) receipts_by_broker: Vec<String>,
    /// Participants whose answers are pushed, and where to.
    pub(super) webhooks: Vec<(String, String)>,
    /// Issuers that stand in the participants' files, by the certificate before them.
    pub(super) chains: HashMap<Fingerprint, Vec<Certificate>>,
}

pub(super) fn read(
    root: &Section<'_, '_>,
    files: ReadFile<'_>,
    broker: bool,
    trust: Option<&TrustSettings>,
) -> Parties {
    let mut departments = Vec::new();
    let mut receipts_by_broker = Vec::new();
    let mut webhooks = Vec::new();
    let mut participants = Vec::new();
    let mut chains = HashMap::new();
    let sections = root.sections("participant");
    if sections.is_empty() {
        root.fault("participant", "is missing; expected at least one [[participant]]");
    }
    for section in &sections {
        let Some(participant) = participant(section, files, &mut chains) else { continue };
        if let (Some(group), Some(trust)) = (&participant.trust, trust)
            && !trust.anchors.has(group)
        {
            section.fault("trust", format!("there is no [[trust.group]] {group:?}"));
        }
        let id = participant.id.as_str().to_owned();
        if let Some(url) = section.opt_text("webhook") {
            if section.has("receipts") {
                section.fault("receipts", "is named beside webhook; expected one of the two");
            }
            webhooks.push((id, url));
        } else if transport(section, "receipts", false, broker) == Transport::Amqp {
            receipts_by_broker.push(id);
        }
        let way = transport(section, "transport", broker, broker);
        if let Some(name) = participant.department.clone() {
            let takes = desks::takes(section);
            let desk = Desk { takes, dxp_id: participant.dxp_id.clone() };
            departments.push(Department { name, transport: way, desk });
        }
        section.finish();
        participants.push(participant);
    }
    departments.sort_by(|a, b| a.name.cmp(&b.name));
    departments.dedup_by(|a, b| a.name == b.name);
    let delegations = root.sections("delegation").iter().filter_map(delegation).collect();
    let policies = root.sections("policy").iter().filter_map(policy).collect();
    let registry = match Registry::build(participants, delegations, policies) {
        Ok(registry) => Some(registry),
        Err(errors) => {
            errors.iter().for_each(|error| root.fault("participant", error.to_string()));
            None
        }
    };
    Parties { registry, departments, receipts_by_broker, webhooks, chains }
}

fn transport(section: &Section<'_, '_>, key: &str, default_amqp: bool, broker: bool) -> Transport {
    let default = if default_amqp { Transport::Amqp } else { Transport::Pull };
    match section.opt_text(key).as_deref() {
        None => default,
        Some("pull") => Transport::Pull,
        Some("amqp") if broker => Transport::Amqp,
        Some("amqp") => {
            section.fault(key, "is amqp, but there is no [broker]");
            default
        }
        Some(other) => {
            section.fault(key, format!("expected pull or amqp, found {other:?}"));
            default
        }
    }
}

fn participant(
    section: &Section<'_, '_>,
    files: ReadFile<'_>,
    chains: &mut HashMap<Fingerprint, Vec<Certificate>>,
) -> Option<Participant> {
    let id = section.text("id").and_then(|id| match ParticipantId::new(id) {
        Ok(id) => Some(id),
        Err(error) => {
            section.fault("id", error.to_string());
            None
        }
    });
    let name = section.text("name");
    let role = section.text("role").and_then(|role| match role.as_str() {
        "enterprise" => Some(Role::Enterprise),
        "department" => Some(Role::Department),
        "auditor" => Some(Role::Auditor),
        "operator" => Some(Role::Operator),
        other => {
            let roles = "expected enterprise, department, auditor or operator";
            section.fault("role", format!("{roles}, found {other:?}"));
            None
        }
    });
    let certificates = certificates(section, files, chains);
    let paths = certificates.iter().filter_map(|leaf| chains.get(&leaf.fingerprint()));
    let mut intermediates: Vec<Certificate> = paths.flatten().cloned().collect();
    intermediates.dedup();
    let codes = section.texts("codes");
    let may_send = section.texts("may_send");
    let policy = section.opt_text("policy");
    let trust = section.opt_text("trust");
    let department = section.opt_text("department");
    let schemas = section.texts("schemas");
    Some(Participant {
        id: id?,
        name: name?,
        role: role?,
        codes,
        may_send,
        certificates,
        intermediates,
        policy,
        trust,
        department,
        schemas,
        dxp_id: section.opt_text("dxp_id"),
        node: section.opt_text("node"),
    })
}

fn certificates(
    section: &Section<'_, '_>,
    files: ReadFile<'_>,
    chains: &mut HashMap<Fingerprint, Vec<Certificate>>,
) -> Vec<Certificate> {
    let names = section.texts("certificates");
    if names.is_empty() {
        section.fault("certificates", "is missing; expected a list of PEM files");
    }
    let mut leaves = Vec::new();
    for name in names {
        let path = section.relative(&name);
        let Some(pem) = read_named(section, "certificates", &path, files) else { continue };
        // The first certificate of a file is the participant's own; the rest is its chain.
        match Certificate::from_pem(&pem)
            .map(|mut chain| (!chain.is_empty()).then(|| (chain.remove(0), chain)))
        {
            Ok(Some((leaf, rest))) => {
                chains.insert(leaf.fingerprint(), rest);
                leaves.push(leaf);
            }
            Ok(None) => section.fault("certificates", format!("{name}: holds no certificate")),
            Err(error) => section.fault("certificates", format!("{name}: {error}")),
        }
    }
    leaves
}

fn delegation(section: &Section<'_, '_>) -> Option<Delegation> {
    let party = |key: &str| {
        let id = section.text(key)?;
        let parsed = ParticipantId::new(id);
        if let Err(error) = &parsed {
            section.fault(key, error.to_string());
        }
        parsed.ok()
    };
    let (from, to) = (party("from"), party("to"));
    let (codes, types) = (section.texts("codes"), section.texts("types"));
    let (valid_from, valid_until) = (section.date("valid_from"), section.date("valid_until"));
    section.finish();
    Some(Delegation {
        from: from?,
        to: to?,
        codes,
        types,
        valid_from: valid_from?,
        valid_until: valid_until?,
    })
}

fn policy(section: &Section<'_, '_>) -> Option<SignaturePolicy> {
    let name = section.text("name");
    let until = section.date("until");
    // The known policy has its rules by its name, another one those that are set.
    let usual = match (name.as_deref(), until) {
        (Some(SignaturePolicy::CEB_FIELD), Some(until)) => SignaturePolicy::ceb_field(until),
        _ => SignaturePolicy::strict(),
    };
    let bits = section.number("min_rsa_bits", 1024..=8192, u64::from(usual.min_rsa_bits));
    let grace = section.has(GRACE).then(|| section.number(GRACE, 0..=GRACE_HOURS_MAX, 0));
    let grace = grace.and_then(|hours| u32::try_from(hours).ok());
    let policy = SignaturePolicy {
        name: name?,
        until: Some(until?),
        allow_rsa_sha1: section.flag("rsa_sha1", usual.allow_rsa_sha1),
        allow_digest_sha1: section.flag("digest_sha1", usual.allow_digest_sha1),
        allow_chain_sha1: section.flag("chain_sha1", usual.allow_chain_sha1),
        allow_flat_signed_info: section.flag("flat_signed_info", usual.allow_flat_signed_info),
        allow_space_at_signature: section
            .flag("space_at_signature", usual.allow_space_at_signature),
        allow_sm2_digest_sha1: section.flag("sm2_digest_sha1", usual.allow_sm2_digest_sha1),
        allow_lower_case_number: section.flag("lower_case_number", usual.allow_lower_case_number),
        min_rsa_bits: u32::try_from(bits).ok()?,
        revocation_grace_hours: grace,
    };
    section.finish();
    Some(policy)
}
