//! The registry: who may say what for whom and when, and every fault at once.

mod authority;
mod errors;

use std::sync::LazyLock;

use super::*;
use crate::certificate::Certificate;
use crate::participant::Role;
use crate::samples::{ZONE, at, noon, signer};

/// Certificates of signers, made once.
static CERTIFICATES: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| (0..4).map(|_| ZONE.root.issue(&signer()).unwrap().certificate).collect());

fn id(text: &str) -> ParticipantId {
    ParticipantId::new(text).unwrap()
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn enterprise(name: &str, codes: &[&str], certificates: &[usize]) -> Participant {
    Participant {
        id: id(name),
        name: format!("测试{name}公司"),
        role: Role::Enterprise,
        codes: strings(codes),
        may_send: strings(&["CEB311Message", "CEB411Message"]),
        certificates: certificates.iter().map(|n| CERTIFICATES[*n].clone()).collect(),
        intermediates: Vec::new(),
        policy: None,
        trust: None,
        department: None,
        schemas: Vec::new(),
        dxp_id: None,
        node: None,
    }
}

fn department(name: &str) -> Participant {
    Participant {
        role: Role::Department,
        department: Some("customs".to_owned()),
        may_send: Vec::new(),
        ..enterprise(name, &[], &[])
    }
}

fn delegation(from: &str, to: &str, code: &str, days: (&str, &str)) -> Delegation {
    Delegation {
        from: id(from),
        to: id(to),
        codes: strings(&[code]),
        types: strings(&["CEB311Message"]),
        valid_from: days.0.parse().unwrap(),
        valid_until: days.1.parse().unwrap(),
    }
}

fn loose(name: &str, until: Option<&str>) -> SignaturePolicy {
    SignaturePolicy {
        name: name.to_owned(),
        until: until.map(|day| day.parse().unwrap()),
        allow_rsa_sha1: true,
        ..SignaturePolicy::strict()
    }
}

#[test]
fn participants_are_found_by_their_addresses() {
    let mut participants = two();
    participants[0].dxp_id = Some("DXPENT0000000001".to_owned());
    participants[1].node = Some("00000001".to_owned());
    let version = Registry::build(two(), vec![], vec![]).unwrap().version();
    let registry = Registry::build(participants, vec![], vec![]).unwrap();
    assert_ne!(registry.version(), version);
    let found = |p: Option<&Participant>| p.map(|p| p.id.to_string()).unwrap_or_default();
    assert_eq!(found(registry.by_dxp_id("DXPENT0000000001")), "jia");
    assert_eq!(found(registry.by_dxp_id("00000001")), "");
    assert_eq!(found(registry.by_node("00000001")), "yi");
    assert_eq!(found(registry.by_node("DXPENT0000000001")), "");
}

fn two() -> Vec<Participant> {
    vec![enterprise("jia", &["3301A00001"], &[0, 1]), enterprise("yi", &["3301A00002"], &[2])]
}

#[test]
fn participants_are_found_by_id_code_and_certificate() {
    let registry = Registry::build(two(), vec![], vec![]).unwrap();
    let found = |p: Option<&Participant>| p.map(|p| p.id.to_string()).unwrap_or_default();
    assert_eq!(found(registry.participant(&id("jia"))), "jia");
    assert_eq!(found(registry.participant(&id("bing"))), "");
    assert_eq!(found(registry.by_code("3301A00002")), "yi");
    assert_eq!(found(registry.by_code("3301a00002")), "", "byte for byte");
    for (at, owner) in [(0, "jia"), (1, "jia"), (2, "yi"), (3, "")] {
        assert_eq!(found(registry.by_certificate(&CERTIFICATES[at].fingerprint())), owner);
    }
    let all: Vec<&str> = registry.participants().map(|p| p.id.as_str()).collect();
    assert_eq!(all, ["jia", "yi"]);
}

#[test]
fn message_types_are_compared_as_a_whole() {
    let registry = Registry::build(two(), vec![], vec![]).unwrap();
    let jia = registry.participant(&id("jia")).unwrap();
    assert!(registry.may_send(jia, "CEB311Message"));
    for other in ["CEB621Message", "CEB311", "ceb311Message", "CEB311Message ", ""] {
        assert!(!registry.may_send(jia, other), "{other}");
    }
}

#[test]
fn the_policy_of_a_participant_ends_with_its_last_day() {
    let mut participants = two();
    participants[0].policy = Some("old".to_owned());
    participants[1].policy = Some("strict".to_owned());
    let policies = vec![loose("old", Some("2026-06-30"))];
    let registry = Registry::build(participants, vec![], policies).unwrap();
    let jia = registry.participant(&id("jia")).unwrap();
    let last = registry.policy_of(jia, at("2026-06-30T15:59:59Z"));
    assert!(last.policy.allow_rsa_sha1 && last.lapsed.is_none());
    let after = registry.policy_of(jia, at("2026-06-30T16:00:00Z"));
    assert!(after.policy.is_strict());
    assert_eq!(after.lapsed.unwrap().name, "old");
    let yi = registry.participant(&id("yi")).unwrap();
    assert_eq!(registry.policy_of(yi, noon()).policy, SignaturePolicy::strict());
    assert_eq!(registry.policies().count(), 1);
}

#[test]
fn the_version_counts_content_and_not_order() {
    let days = ("2026-01-01", "2026-12-31");
    let full = || {
        let mut participants = two();
        participants[1].policy = Some("old".to_owned());
        let delegations = vec![
            delegation("jia", "yi", "3301A00001", days),
            delegation("yi", "jia", "3301A00002", days),
        ];
        (participants, delegations, vec![loose("old", Some("2026-06-30"))])
    };
    let version = |(p, d, s)| Registry::build(p, d, s).unwrap().version();
    let base = version(full());
    assert_eq!(base.len(), 32);
    let mut turned = full();
    turned.0.reverse();
    turned.0[1].certificates.reverse();
    turned.0[0].may_send.reverse();
    turned.1.reverse();
    assert_eq!(version(turned), base);
    type Parts = (Vec<Participant>, Vec<Delegation>, Vec<SignaturePolicy>);
    let changes: [fn(&mut Parts); 12] = [
        |p| p.0[0].name.push('x'),
        |p| p.0[0].codes.push("3301A00009".to_owned()),
        |p| _ = p.0[0].may_send.pop(),
        |p| _ = p.0[0].certificates.pop(),
        |p| p.0[0].policy = Some("old".to_owned()),
        |p| p.0.push(department("customs")),
        |p| p.1[0].valid_until = "2026-12-30".parse().unwrap(),
        |p| p.1[0].types.push("CEB411Message".to_owned()),
        |p| _ = p.1.pop(),
        |p| p.2[0].allow_digest_sha1 = true,
        |p| p.2[0].min_rsa_bits = 1024,
        |p| p.2[0].until = Some("2026-07-01".parse().unwrap()),
    ];
    let mut versions = std::collections::BTreeSet::from([base]);
    for change in changes {
        let mut parts = full();
        change(&mut parts);
        assert!(versions.insert(version(parts)));
    }
}

#[test]
fn a_large_delegation_is_held_once() {
    let codes: Vec<String> = (0..MAX_LIST).map(|n| format!("{n:010}")).collect();
    let mut jia = enterprise("jia", &[], &[]);
    jia.codes.clone_from(&codes);
    let types = (0..MAX_LIST).map(|n| format!("T{n}")).collect();
    let days = ("2026-01-01", "2026-12-31");
    let given = Delegation { codes, types, ..delegation("jia", "yi", "", days) };
    let parts = vec![jia, enterprise("yi", &[], &[])];
    let registry = Registry::build(parts, vec![given], vec![]).unwrap();
    let lists = registry.delegations[&id("yi")].values();
    let first = lists.clone().next().unwrap();
    assert_eq!(Arc::strong_count(&first[0]), MAX_LIST);
    let yi = registry.participant(&id("yi")).unwrap();
    assert!(registry.speaks_for(yi, "0000004095", "T4095", noon()).is_ok());
}
