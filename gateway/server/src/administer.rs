//! What the gateway says of itself in the log: participants, certificates, keys,
//! policies, routes. At the start and at each reload they are compared with what the log
//! said last; each difference becomes a fact, so that nobody's rights change unseen.

use std::collections::BTreeMap;

use onepoint_certs::{Certificate, Delegation, Participant, SignaturePolicy, TrustAnchors};
use onepoint_proof::fact::{MAX_FACT_BYTES, canonical_digest};
use onepoint_proof::{FactKind, Hash};
use onepoint_schemas::{Catalogue, Version};
use onepoint_store::{Ledger, LedgerTx, Store, StoreError};
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::facts::FactMaker;

/// Facts written in one transaction.
const GROUP_MAX: usize = 10_000;
/// Longest content that stands in the fact itself, bytes; a longer one only with its digest.
const SAYS_BYTES_MAX: usize = MAX_FACT_BYTES / 4;

/// The kinds of facts that are about the gateway itself.
const KINDS: [FactKind; 4] =
    [FactKind::PARTICIPANT, FactKind::CERTIFICATE, FactKind::KEY, FactKind::POLICY];

/// All that a configuration registers.
#[derive(Debug, Clone)]
pub(crate) struct Registered(Vec<Thing>);

impl Registered {
    pub(crate) fn of(settings: &Settings) -> Registered {
        Registered(things(settings))
    }
}

/// Something registered: what it is called and what it says now.
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    kind: FactKind,
    name: String,
    says: Value,
}

/// A difference between what is and what the log said.
#[derive(Debug)]
struct Change {
    kind: FactKind,
    name: String,
    change: &'static str,
    /// Content and its digest; none when the thing is gone.
    says: Option<(Value, Hash)>,
}

/// Writes what is not as the log last said. Returns the number of facts.
///
/// Dying between two groups: the next start finds what is still missing.
///
/// # Errors
/// Faults of the journal.
pub(crate) fn announce<S: Store>(
    ledger: &mut Ledger<S>,
    facts: &FactMaker,
    registered: &Registered,
    wall_ms: i64,
) -> Result<usize, StoreError> {
    let mut written = 0;
    loop {
        let (facts, now_ms) = facts.at(ledger.time(wall_ms), wall_ms);
        let mut group = 0;
        ledger.commit(now_ms, &mut |tx| {
            let changes = changes(tx, &registered.0)?;
            group = changes.len().min(GROUP_MAX);
            for change in changes.iter().take(GROUP_MAX) {
                write(tx, &facts, change, now_ms)?;
            }
            Ok(())
        })?;
        written += group;
        if group < GROUP_MAX {
            return Ok(written);
        }
    }
}

fn write(
    tx: &mut LedgerTx<'_>,
    facts: &FactMaker,
    change: &Change,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut fact = facts.own(change.kind.clone(), now_ms);
    fact = fact.set("change", json!(change.change)).set("name", json!(change.name));
    if let Some((says, digest)) = &change.says {
        if says.to_string().len() <= SAYS_BYTES_MAX {
            fact = fact.set("says", says.clone());
        }
        fact = fact.set("says_digest", json!(digest.to_hex()));
    }
    let index = tx.append(None, None, fact)?;
    let digest = change.says.as_ref().map(|(_, digest)| digest);
    tx.put_registered(change.kind.as_str(), &change.name, digest, index)
}

/// Everything that differs, by kind and name.
fn changes(tx: &mut LedgerTx<'_>, things: &[Thing]) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    for kind in KINDS {
        let said = tx.registered(kind.as_str())?;
        let mut said: BTreeMap<String, Hash> =
            said.into_iter().map(|row| (row.name, row.digest)).collect();
        for thing in things.iter().filter(|thing| thing.kind == kind) {
            let digest = canonical_digest(&thing.says).map_err(StoreError::Fact)?;
            let change = match said.remove(&thing.name) {
                Some(before) if before == digest => continue,
                Some(_) => "changed",
                None => "added",
            };
            let says = Some((thing.says.clone(), digest));
            let (kind, name) = (kind.clone(), thing.name.clone());
            changes.push(Change { kind, name, change, says });
        }
        for (name, _) in said {
            changes.push(Change { kind: kind.clone(), name, change: "removed", says: None });
        }
    }
    Ok(changes)
}

/// All that is registered, as the configuration has it.
fn things(settings: &Settings) -> Vec<Thing> {
    let registry = &settings.registry;
    let mut things = Vec::new();
    for participant in registry.participants() {
        let id = participant.id.as_str();
        things.push(thing(FactKind::PARTICIPANT, id, participant_says(participant)));
        for certificate in &participant.certificates {
            let mut says = certificate_says(certificate);
            if let Some(says) = says.as_object_mut() {
                says.insert("participant".to_owned(), json!(id));
            }
            let name = certificate.fingerprint().to_string();
            things.push(thing(FactKind::CERTIFICATE, &name, says));
        }
    }
    for certificate in settings.trust.anchors.all().certificates() {
        let name = format!("anchor {}", certificate.fingerprint());
        things.push(thing(FactKind::CERTIFICATE, &name, certificate_says(certificate)));
    }
    for policy in registry.policies() {
        let name = format!("signature {}", policy.name);
        things.push(thing(FactKind::POLICY, &name, policy_says(policy)));
    }
    for delegation in registry.delegations() {
        let says = delegation_says(delegation);
        let digest = canonical_digest(&says).map(|digest| digest.to_hex()).unwrap_or_default();
        let mark = digest.get(..16).unwrap_or_default();
        let name = format!("delegation {} {} {mark}", delegation.from, delegation.to);
        things.push(thing(FactKind::POLICY, &name, says));
    }
    things.extend(trust(settings));
    let routes = json!({
        "version": settings.routes.version(),
        "table": settings.routes.to_value(),
        "takes": settings.routes.desks_value(),
    });
    things.push(thing(FactKind::POLICY, "routes", routes));
    for version in settings.catalogue.versions() {
        let name = format!("schemas {}", version.name);
        things.push(thing(FactKind::POLICY, &name, schemas_say(version, &settings.catalogue)));
    }
    things.push(thing(FactKind::KEY, "log", json!({ "origin": settings.log.origin })));
    if let Some(seal) = &settings.seal {
        things.push(thing(FactKind::KEY, "seal", certificate_says(seal.certificate())));
    }
    if let Some(next) = &settings.seal_next {
        things.push(thing(FactKind::KEY, "seal next", certificate_says(next)));
    }
    if let Some(certificate) = &settings.listen.own {
        things.push(thing(FactKind::KEY, "tls", certificate_says(certificate)));
    }
    things.dedup_by(|a, b| a.kind == b.kind && a.name == b.name);
    things
}

/// Groups of anchors, and where revocation lists come from.
fn trust(settings: &Settings) -> Vec<Thing> {
    let trust = &settings.trust;
    let mut things = Vec::new();
    let prints = |anchors: &TrustAnchors| -> Vec<String> {
        anchors.certificates().iter().map(|c| c.fingerprint().to_string()).collect()
    };
    let usual = json!({
        "anchors": prints(trust.anchors.usual()),
        "clock_tolerance_s": trust.tolerance.as_secs(),
        "revocation_grace_h": trust.revocation.grace.as_hours(),
    });
    things.push(thing(FactKind::POLICY, "trust", usual));
    for (name, anchors) in trust.anchors.groups() {
        let says = json!({ "anchors": prints(anchors) });
        things.push(thing(FactKind::POLICY, &format!("trust {name}"), says));
    }
    for source in &trust.revocation.issuers {
        let lists: Vec<String> = source.addresses.iter().map(ToString::to_string).collect();
        let says = json!({
            "issuer": source.issuer.subject(),
            "lists": lists,
            "refresh_s": source.refresh.as_secs(),
        });
        let name = format!("revocation {}", source.issuer.fingerprint());
        things.push(thing(FactKind::POLICY, &name, says));
    }
    things
}

fn thing(kind: FactKind, name: &str, says: Value) -> Thing {
    Thing { kind, name: name.to_owned(), says }
}

fn participant_says(participant: &Participant) -> Value {
    let certificates = participant.certificates.iter();
    let certificates: Vec<String> = certificates.map(|c| c.fingerprint().to_string()).collect();
    let mut says = json!({
        "role": participant.role.name(),
        "name": participant.name,
        "codes": participant.codes,
        "may_send": participant.may_send,
        "policy": participant.policy.as_deref().unwrap_or("strict"),
        "trust": participant.trust.as_deref().unwrap_or_default(),
        "department": participant.department.as_deref().unwrap_or_default(),
        "dxp_id": participant.dxp_id.as_deref().unwrap_or_default(),
        "node": participant.node.as_deref().unwrap_or_default(),
        "certificates": certificates,
    });
    // Nothing new is said of those for whom no version is set.
    if let Some(says) = says.as_object_mut().filter(|_| !participant.schemas.is_empty()) {
        says.insert("schemas".to_owned(), json!(participant.schemas));
    }
    says
}

/// A version of a norm: from when it judges, and the digest of the files that say how.
fn schemas_say(version: &Version, catalogue: &Catalogue) -> Value {
    let from = version.from.map(|day| day.to_string()).unwrap_or_default();
    let mut hash = Context::new(&SHA256);
    for (path, text) in catalogue.files().below(&format!("{}/", version.name)) {
        // Lengths before the parts: no two sets of files have the same octets.
        for part in [path, text] {
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    let digest: String = hash.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let base = version.base.as_deref().unwrap_or_default();
    json!({ "from": from, "base": base, "files_digest": digest })
}

fn certificate_says(certificate: &Certificate) -> Value {
    json!({
        "fingerprint": certificate.fingerprint().to_string(),
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "serial": certificate.serial_hex(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
    })
}

fn delegation_says(delegation: &Delegation) -> Value {
    json!({
        "from": delegation.from.as_str(),
        "to": delegation.to.as_str(),
        "codes": delegation.codes,
        "types": delegation.types,
        "valid_from": delegation.valid_from.to_string(),
        "valid_until": delegation.valid_until.to_string(),
    })
}

fn policy_says(policy: &SignaturePolicy) -> Value {
    let until = policy.until.map(|day| day.to_string()).unwrap_or_default();
    json!({ "until": until, "rules": serde_json::to_value(policy).unwrap_or_default() })
}

#[cfg(test)]
mod tests;
