//! Every fault of a registry and every refusal of a right, from a real input.

use super::*;
use crate::participant::BadId;
use crate::samples::{assert_told, told};

const DAYS: (&str, &str) = ("2026-01-01", "2026-12-31");

fn faults(
    participants: Vec<Participant>,
    delegations: Vec<Delegation>,
    policies: Vec<SignaturePolicy>,
) -> Vec<RegistryError> {
    Registry::build(participants, delegations, policies).unwrap_err()
}

/// The one fault that is found when `change` is made to a sound registry.
fn fault(change: impl FnOnce(&mut Vec<Participant>, &mut Vec<Delegation>)) -> RegistryError {
    let (mut participants, mut delegations) =
        (two(), vec![delegation("jia", "yi", "3301A00001", DAYS)]);
    change(&mut participants, &mut delegations);
    let mut found = faults(participants, delegations, vec![]);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn policy_fault(policies: Vec<SignaturePolicy>) -> RegistryError {
    let mut found = faults(two(), vec![], policies);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn every_fault_of_participants() {
    assert_told(&[
        (
            "registry-duplicate-participant",
            told!(fault(|p, _| p.push(enterprise("jia", &["3301A00009"], &[3])))),
        ),
        (
            "registry-certificate-shared",
            told!(fault(|p, _| p[1].certificates.push(CERTIFICATES[0].clone()))),
        ),
        (
            "registry-certificate-is-ca",
            told!(fault(|p, _| p[1].certificates.push(ZONE.root.certificate().clone()))),
        ),
        ("registry-code-shared", told!(fault(|p, _| p[1].codes.push("3301A00001".to_owned())))),
        (
            "registry-address-shared",
            told!(fault(|p, _| p.iter_mut().for_each(|p| p.dxp_id = Some("DXPENT1".to_owned())))),
        ),
        ("registry-unknown-policy", told!(fault(|p, _| p[0].policy = Some("none".to_owned())))),
        ("registry-nothing-to-send", told!(fault(|p, _| p[0].may_send.clear()))),
        (
            "registry-department-without-name",
            told!(fault(|p, _| p.push(Participant { department: None, ..department("d") }))),
        ),
        (
            "registry-department-of-other",
            told!(fault(|p, _| p[0].department = Some("customs".to_owned()))),
        ),
        ("registry-bad-text", told!(fault(|p, _| p[0].name = " 测试".to_owned()))),
        ("registry-repeated", told!(fault(|p, _| p[0].may_send.push("CEB311Message".to_owned())))),
        (
            "registry-too-many",
            told!(fault(|p, _| {
                p[0].may_send = (0..=MAX_LIST).map(|n| format!("T{n}")).collect();
            })),
        ),
    ]);
}

#[test]
fn every_fault_of_delegations_and_policies() {
    let sha1 = |name| loose(name, Some("2026-06-30"));
    assert_told(&[
        (
            "registry-delegation-unknown",
            told!(fault(|_, d| d.push(delegation("jia", "wu", "3301A00001", DAYS)))),
        ),
        ("registry-delegation-to-self", told!(fault(|_, d| d[0].to = id("jia")))),
        (
            "registry-inverted-dates",
            told!(fault(|_, d| d[0].valid_until = "2025-12-31".parse().unwrap())),
        ),
        ("registry-empty-delegation", told!(fault(|_, d| d[0].types.clear()))),
        ("registry-code-not-owned", told!(fault(|_, d| d[0].codes = strings(&["3301A00002"])))),
        ("registry-duplicate-policy", told!(policy_fault(vec![sha1("a"), sha1("a")]))),
        ("registry-reserved-policy", told!(policy_fault(vec![sha1("strict")]))),
        ("registry-policy-without-end", told!(policy_fault(vec![loose("a", None)]))),
        (
            "registry-policy-rsa-bits",
            told!(policy_fault(vec![SignaturePolicy { min_rsa_bits: 1023, ..sha1("a") }])),
        ),
    ]);
    // A strict policy of another name needs no end.
    let strict = SignaturePolicy { name: "a".to_owned(), ..SignaturePolicy::strict() };
    assert!(Registry::build(two(), vec![], vec![strict]).is_ok());
    let huge = SignaturePolicy { min_rsa_bits: 8193, ..sha1("a") };
    assert_eq!(policy_fault(vec![huge]).code(), "registry-policy-rsa-bits");
}

#[test]
fn all_faults_are_reported_at_once() {
    let mut participants = two();
    participants[0].name.clear();
    participants[0].codes.push("33 01".to_owned());
    participants[0].policy = Some("none".to_owned());
    participants[1].codes.push("3301A00001".to_owned());
    participants[1].certificates.push(CERTIFICATES[1].clone());
    participants.push(enterprise("yi", &[], &[]));
    participants.push(Participant { department: None, ..department("d") });
    let delegations = vec![
        delegation("wu", "liu", "3301A00001", ("2026-02-01", "2026-01-31")),
        Delegation { codes: vec![], types: vec![], ..delegation("jia", "jia", "x", DAYS) },
    ];
    let found = faults(participants, delegations, vec![loose("a", None), loose("strict", None)]);
    let codes: Vec<&str> = found.iter().map(RegistryError::code).collect();
    assert_eq!(
        codes,
        [
            "registry-policy-without-end",
            "registry-reserved-policy",
            "registry-policy-without-end",
            "registry-bad-text",
            "registry-bad-text",
            "registry-unknown-policy",
            "registry-certificate-shared",
            "registry-code-shared",
            "registry-duplicate-participant",
            "registry-department-without-name",
            "registry-delegation-unknown",
            "registry-delegation-unknown",
            "registry-inverted-dates",
            "registry-delegation-to-self",
            "registry-empty-delegation",
            "registry-empty-delegation",
        ]
    );
}

#[test]
fn texts_and_lists_are_bounded() {
    let name = |text: String| {
        let mut participants = two();
        participants[0].name = text;
        Registry::build(participants, vec![], vec![]).is_ok()
    };
    assert!(name("x".repeat(MAX_TEXT_BYTES)));
    assert!(!name("x".repeat(MAX_TEXT_BYTES + 1)));
    for bad in ["", " ", "a\nb", "a\u{0}", "a ", "\u{3000}a"] {
        assert!(!name(bad.to_owned()), "{bad:?}");
    }
    let code = |text: &str| {
        let mut participants = two();
        participants[0].codes = strings(&[text]);
        Registry::build(participants, vec![], vec![]).is_ok()
    };
    assert!(code("3301A00001"));
    for bad in ["", "33 01", " 3301", "3301\u{a0}", "33\t01"] {
        assert!(!code(bad), "{bad:?}");
    }
    let address = |dxp_id: Option<&str>, node: Option<&str>| {
        let mut participants = two();
        participants[0].dxp_id = dxp_id.map(str::to_owned);
        participants[0].node = node.map(str::to_owned);
        Registry::build(participants, vec![], vec![]).is_ok()
    };
    assert!(address(Some("DXPENT0000000001"), Some("00000001")));
    for bad in ["", "DXPENT00000000012", "DXP ENT"] {
        assert!(!address(Some(bad), None), "{bad:?}");
    }
    for bad in ["", "1234567", "123456789", "1234567a"] {
        assert!(!address(None, Some(bad)), "{bad:?}");
    }
    let policies = |n: usize| (0..n).map(|n| loose(&format!("p{n}"), Some("2026-06-30"))).collect();
    assert!(Registry::build(two(), vec![], policies(MAX_POLICIES)).is_ok());
    let found = faults(two(), vec![], policies(MAX_POLICIES + 1));
    assert_eq!(found[0].en(), "registry: 65 entries of policies, at most 64 are taken");
    assert_eq!(found[0].zh(), "登记表：策略共 65 个，最多 64 个");
    let mut participants = two();
    participants[0].certificates = vec![CERTIFICATES[0].clone(); MAX_CERTIFICATES + 1];
    let found = faults(participants, vec![], vec![]);
    assert_eq!(found[0].code(), "registry-too-many");
    let list = Delegation {
        codes: (0..=MAX_LIST).map(|n| n.to_string()).collect(),
        ..delegation("jia", "yi", "x", DAYS)
    };
    assert_eq!(faults(two(), vec![list], vec![])[0].code(), "registry-too-many");
}

#[test]
fn values_from_outside_are_shortened_in_texts() {
    let name = format!("bad\n{}", "x".repeat(1000));
    for fault in faults(two(), vec![], vec![loose(&name, None), loose(&name, None)]) {
        assert!(fault.en().len() < 250 && !fault.en().contains('\n'), "{fault}");
    }
    let registry = Registry::build(two(), vec![], vec![]).unwrap();
    let jia = registry.participant(&id("jia")).unwrap();
    let error = registry.speaks_for(jia, &name, &name, noon()).unwrap_err();
    assert!(error.en().len() < 250 && !error.en().contains('\n'));
}

#[test]
fn every_refusal_of_a_right() {
    let days = ("2026-05-01", "2026-05-31");
    let registry =
        Registry::build(two(), vec![delegation("jia", "yi", "3301A00001", days)], vec![]).unwrap();
    let yi = registry.participant(&id("yi")).unwrap();
    let ask = |code: &str, moment: &str| {
        registry.speaks_for(yi, code, "CEB311Message", at(moment)).unwrap_err()
    };
    assert_told(&[
        ("not-entitled", told!(ask("3301A00009", "2026-05-15T00:00:00Z"))),
        ("delegation-not-yet", told!(ask("3301A00001", "2026-04-15T00:00:00Z"))),
        ("delegation-ended", told!(ask("3301A00001", "2026-06-15T00:00:00Z"))),
    ]);
}

#[test]
fn identifiers_are_narrow() {
    for good in ["a", "A-1_z", &"x".repeat(64)] {
        assert_eq!(good.parse::<ParticipantId>().unwrap().as_str(), good);
    }
    let long = "x".repeat(65);
    for bad in ["", " ", "a b", "a/b", "..", "a.b", "测试", "a\n", &long] {
        let error: BadId = ParticipantId::new(bad).unwrap_err();
        assert!(error.found.chars().count() <= 64 && !error.found.contains('\n'));
    }
    assert_told(&[("participant-id", told!(ParticipantId::new("a b").unwrap_err()))]);
}
