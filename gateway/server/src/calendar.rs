//! When what ends, and whose flows stop then. In: a configuration and what is known of
//! revocation lists. Out: an entry for every certificate (participants and departments, the
//! issuers on their way, anchors, the door, the seal and the next one), list, dated policy,
//! delegation, obsolete form and key, each with its end. Nothing is judged here: `refused.rs`
//! does that for one day, `watch.rs` warns in a running gateway.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{
    Certificate, Delegation, Fingerprint, Participant, Role, SignaturePolicy, TrustAnchors,
    end_of_day,
};

use crate::config::trust::same_ca;
use crate::config::{LegacyUse, Settings};
use crate::revocation::IssuerState;

pub(crate) mod refused;
pub(crate) mod watch;

/// Most issuers on the way from a certificate to its anchor.
const STEPS_MAX: usize = 8;
/// Flows that a text names; the rest is counted.
const SHOWN_MAX: usize = 8;

/// Something that has an end, or stands in the list because it has none.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `participant`, `department`, `issuer`, `anchor`, `tls`, `seal`, `seal-next`, `list`,
    /// `policy`, `delegation`, `legacy`, `key`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// First moment, where there is one.
    pub(crate) begins: Option<Timestamp>,
    /// Last moment; none: it has no end.
    pub(crate) ends: Option<Timestamp>,
    /// Participants whose flows stop with it.
    pub(crate) flows: Vec<String>,
    /// What stops.
    pub(crate) en: String,
    pub(crate) zh: String,
}

impl Entry {
    /// Seconds that are left at `now`; negative after the end.
    pub(crate) fn seconds_left(&self, now: Timestamp) -> Option<i64> {
        self.ends.map(|ends| ends.as_second().saturating_sub(now.as_second()))
    }
}

/// The calendar of one configuration.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// Everything but revocation lists, which come and go while a gateway runs.
    fixed: Vec<Entry>,
    /// For each issuer of lists, who is refused without one.
    list_flows: Vec<Vec<String>>,
    grace: SignedDuration,
}

impl Calendar {
    pub(crate) fn of(settings: &Settings) -> Calendar {
        let issuers = settings.trust.revocation.issuers.iter();
        let list_flows = issuers.map(|source| under(settings, &source.issuer)).collect();
        let fixed = fixed(settings);
        Calendar { fixed, list_flows, grace: settings.trust.revocation.grace }
    }

    /// All entries, soonest first; `states` are those of the issuers of lists.
    pub(crate) fn entries(&self, states: &[IssuerState]) -> Vec<Entry> {
        let lists = states.iter().zip(&self.list_flows);
        let lists = lists.map(|(state, flows)| of_list(state, flows.clone(), self.grace));
        let mut entries: Vec<Entry> = self.fixed.iter().cloned().chain(lists).collect();
        sort(&mut entries);
        entries
    }
}

fn fixed(settings: &Settings) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut issuers: BTreeMap<Fingerprint, (Certificate, Vec<String>)> = BTreeMap::new();
    for participant in settings.registry.participants() {
        for certificate in &participant.certificates {
            entries.push(of_participant(participant, certificate));
            for issuer in way(settings, participant, certificate) {
                let (_, flows) =
                    issuers.entry(issuer.fingerprint()).or_insert((issuer.clone(), Vec::new()));
                if flows.last().is_none_or(|last| last != participant.id.as_str()) {
                    flows.push(participant.id.as_str().to_owned());
                }
            }
        }
    }
    let anchors = settings.trust.anchors.all().certificates();
    for anchor in anchors {
        issuers.entry(anchor.fingerprint()).or_insert((anchor.clone(), Vec::new()));
    }
    entries.extend(issuers.into_values().map(|(issuer, flows)| {
        let kind = if anchors.contains(&issuer) { "anchor" } else { "issuer" };
        of_issuer(kind, &issuer, flows)
    }));
    entries.extend(own(settings));
    let policies = settings.registry.policies();
    entries.extend(policies.filter_map(|policy| of_policy(settings, policy)));
    entries.extend(settings.registry.delegations().into_iter().map(of_delegation));
    entries.extend(settings.legacy.iter().map(of_legacy));
    entries
}

/// Participants with a certificate whose way leads through `issuer`.
fn under(settings: &Settings, issuer: &Certificate) -> Vec<String> {
    let mut flows = Vec::new();
    for participant in settings.registry.participants() {
        let leads =
            |own: &Certificate| way(settings, participant, own).iter().any(|c| same_ca(c, issuer));
        if participant.certificates.iter().any(leads) {
            flows.push(participant.id.as_str().to_owned());
        }
    }
    flows
}

/// Soonest first, what has no end last.
fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| {
        let key = |e: &Entry| (e.ends.is_none(), e.ends, e.kind, e.name.clone());
        key(a).cmp(&key(b))
    });
}

/// The issuers from a certificate to its anchor, by their names: also where a date does not hold.
fn way(settings: &Settings, participant: &Participant, leaf: &Certificate) -> Vec<Certificate> {
    let anchors: &TrustAnchors = settings.trust.anchors.of(participant);
    let sent = settings.chains.get(&leaf.fingerprint()).map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<Certificate> = Vec::new();
    let mut at = leaf.clone();
    while found.len() < STEPS_MAX {
        let of = |candidate: &&Certificate| candidate.subject_id() == at.issuer_id();
        if let Some(anchor) = anchors.certificates().iter().find(of) {
            found.push(anchor.clone());
            break;
        }
        let Some(next) = sent.iter().find(of).filter(|next| !found.contains(next)) else { break };
        found.push(next.clone());
        at = next.clone();
    }
    found
}

fn named(certificate: &Certificate) -> String {
    format!("{} ({})", certificate.subject(), certificate.serial_hex())
}

fn of_certificate(
    kind: &'static str,
    certificate: &Certificate,
    flows: Vec<String>,
    en: String,
    zh: String,
) -> Entry {
    let (begins, ends) = (Some(certificate.not_before()), Some(certificate.not_after()));
    Entry { kind, name: named(certificate), begins, ends, flows, en, zh }
}

fn of_participant(participant: &Participant, certificate: &Certificate) -> Entry {
    let id = participant.id.as_str();
    let (what_en, what_zh) = match participant.role {
        Role::Enterprise => {
            let types = participant.may_send.join(", ");
            (format!("messages of {id} ({types})"), format!("{id} 的报文（{types}）"))
        }
        Role::Department => (format!("queue and answers of {id}"), format!("{id} 的取件与回执")),
        Role::Auditor | Role::Operator => (format!("access of {id}"), format!("{id} 的访问")),
    };
    let others = participant.certificates.iter().filter(|other| *other != certificate);
    let after = others.map(Certificate::not_after).filter(|end| *end > certificate.not_after());
    let (en, zh) = match after.max() {
        Some(end) => (
            format!("{what_en} signed with it; another certificate is good until {end}"),
            format!("用其加签的{what_zh}；另有证书有效至 {end}"),
        ),
        None => {
            (format!("{what_en}: there is no later certificate"), format!("{what_zh}：无后续证书"))
        }
    };
    let kind = if participant.role == Role::Department { "department" } else { "participant" };
    of_certificate(kind, certificate, vec![id.to_owned()], en, zh)
}

fn of_issuer(kind: &'static str, issuer: &Certificate, flows: Vec<String>) -> Entry {
    let (en, zh) = if flows.is_empty() {
        (
            "nobody's: no registered certificate leads to it".to_owned(),
            "无登记证书依赖于它".to_owned(),
        )
    } else {
        let shown = shown(&flows);
        (format!("all that lead to it: {shown}"), format!("经其签发的全部：{shown}"))
    };
    of_certificate(kind, issuer, flows, en, zh)
}

/// The gateway's own.
fn own(settings: &Settings) -> Vec<Entry> {
    let everybody = || settings.registry.participants().map(|p| p.id.as_str().to_owned()).collect();
    let mut entries = Vec::new();
    if let Some(door) = &settings.listen.own {
        let (en, zh) = ("every connection to the gateway", "网关的全部连接");
        entries.push(of_certificate("tls", door, everybody(), en.to_owned(), zh.to_owned()));
    }
    let seal = settings.seal.as_ref().map(|seal| ("seal", seal.certificate()));
    let next = settings.seal_next.as_ref().map(|next| ("seal-next", next));
    for (kind, certificate) in seal.into_iter().chain(next) {
        let (en, zh) = (
            "receipts verify no more by the certificate of the seal (by the log's key they do)",
            "新回执无法再以副署证书核验（日志密钥仍可核验）",
        );
        entries.push(of_certificate(kind, certificate, everybody(), en.to_owned(), zh.to_owned()));
    }
    let key = |name: String| Entry {
        kind: "key",
        name,
        begins: None,
        ends: None,
        flows: Vec::new(),
        en: "has no end".to_owned(),
        zh: "无期限".to_owned(),
    };
    entries.push(key(format!("log key of {}", settings.log.origin)));
    let keys = settings.master_keys.iter().flat_map(|keys| keys.ids());
    entries.extend(keys.map(|id| key(format!("master key {id} of payloads"))));
    entries
}

fn of_policy(settings: &Settings, policy: &SignaturePolicy) -> Option<Entry> {
    let until = policy.until?;
    let own = settings.registry.participants();
    let own = own.filter(|p| p.policy.as_deref() == Some(policy.name.as_str()));
    let flows: Vec<String> = own.map(|p| p.id.as_str().to_owned()).collect();
    let shown = shown(&flows);
    Some(Entry {
        kind: "policy",
        name: policy.name.clone(),
        begins: None,
        ends: end_of_day(until),
        en: format!("what only this policy takes of: {shown}; strict applies after it"),
        zh: format!("仅凭此策略接收的报文：{shown}；其后按严格策略执行"),
        flows,
    })
}

fn of_legacy(one: &LegacyUse) -> Entry {
    let (form, who) = (one.form.name(), one.participant.as_str());
    Entry {
        kind: "legacy",
        name: format!("{form} of {who}"),
        begins: None,
        ends: end_of_day(one.until),
        flows: vec![who.to_owned()],
        en: format!("messages of {who} in the obsolete form {form}"),
        zh: format!("{who} 以旧式接口 {form} 提交的报文"),
    }
}

fn of_delegation(delegation: &Delegation) -> Entry {
    let (from, to) = (delegation.from.as_str(), delegation.to.as_str());
    let types = delegation.types.join(", ");
    Entry {
        kind: "delegation",
        name: format!("{from} to {to}: {}", delegation.codes.join(", ")),
        begins: None,
        ends: end_of_day(delegation.valid_until),
        flows: vec![to.to_owned()],
        en: format!("messages of {to} in the name of {from} ({types})"),
        zh: format!("{to} 代 {from} 提交的报文（{types}）"),
    }
}

fn of_list(state: &IssuerState, flows: Vec<String>, grace: SignedDuration) -> Entry {
    let after = |from: Timestamp| from.checked_add(grace).unwrap_or(Timestamp::MAX);
    let next_update = state.list.as_ref().and_then(|list| list.next_update);
    let ends = match &state.list {
        // Known to be without end, or for want of a list over since it was asked.
        Some(_) => next_update,
        None => state.unknown_since,
    };
    let shown = shown(&flows);
    let (en, zh) = match ends {
        None => ("the list has no end".to_owned(), "该列表无期限".to_owned()),
        Some(ends) => {
            let refused = after(ends);
            (
                format!("without a newer list these are refused from {refused}: {shown}"),
                format!("若无更新的列表，自 {refused} 起退回：{shown}"),
            )
        }
    };
    let begins = state.list.as_ref().map(|list| list.this_update);
    let number =
        state.list.as_ref().map_or("none yet", |list| list.number.as_deref().unwrap_or("-"));
    let name = format!("list {number} of {}", state.issuer);
    Entry { kind: "list", name, begins, ends, flows, en, zh }
}

/// Names for a person.
fn shown(flows: &[String]) -> String {
    if flows.is_empty() {
        return "-".to_owned();
    }
    let named: Vec<&str> = flows.iter().take(SHOWN_MAX).map(String::as_str).collect();
    let rest = flows.len().saturating_sub(SHOWN_MAX);
    let more = if rest == 0 { String::new() } else { format!(", + {rest}") };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests;
