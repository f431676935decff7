//! Own codes, delegations, and the midnights of the zone between them.

use super::*;

const CODE: &str = "3301A00001";
const TYPE: &str = "CEB311Message";

fn with(delegations: Vec<Delegation>) -> Registry {
    let mut participants = two();
    participants.push(enterprise("bing", &["3301A00003"], &[3]));
    Registry::build(participants, delegations, vec![]).unwrap()
}

fn ask(registry: &Registry, who: &str, code: &str, ty: &str, moment: &str) -> String {
    let who = registry.participant(&id(who)).unwrap();
    match registry.speaks_for(who, code, ty, at(moment)) {
        Ok(Authority::Own) => "own".to_owned(),
        Ok(Authority::Delegated { from, until }) => format!("{from} until {until}"),
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn a_day_of_the_zone_begins_at_sixteen_hours_utc() {
    let cases = [
        ("2026-04-30T15:59:59.999Z", "2026-04-30"),
        ("2026-04-30T16:00:00Z", "2026-05-01"),
        ("2026-12-31T16:00:00Z", "2027-01-01"),
        ("2028-02-28T16:00:00Z", "2028-02-29"),
        ("1969-12-31T15:59:59.5Z", "1969-12-31"),
        ("1969-12-31T16:00:00Z", "1970-01-01"),
    ];
    for (moment, day) in cases {
        assert_eq!(zone_day(at(moment)).to_string(), day, "{moment}");
    }
    // The ends of time do not panic.
    zone_day(Timestamp::MIN);
    zone_day(Timestamp::MAX);
}

#[test]
fn own_codes_need_no_delegation() {
    let registry = with(vec![]);
    assert_eq!(ask(&registry, "jia", CODE, TYPE, "2026-05-01T00:00:00Z"), "own");
    assert_eq!(ask(&registry, "yi", CODE, TYPE, "2026-05-01T00:00:00Z"), "not-entitled");
    assert_eq!(ask(&registry, "jia", "0000000000", TYPE, "2026-05-01T00:00:00Z"), "not-entitled");
    assert_eq!(ask(&registry, "jia", "", TYPE, "2026-05-01T00:00:00Z"), "not-entitled");
}

#[test]
fn a_delegation_holds_from_midnight_to_midnight() {
    let registry = with(vec![delegation("jia", "yi", CODE, ("2026-05-01", "2026-05-31"))]);
    let cases = [
        ("2026-04-30T15:59:59.999Z", "delegation-not-yet"),
        ("2026-04-30T16:00:00Z", "jia until 2026-05-31"),
        ("2026-05-15T00:00:00Z", "jia until 2026-05-31"),
        ("2026-05-31T15:59:59.999Z", "jia until 2026-05-31"),
        // Ended yesterday.
        ("2026-05-31T16:00:00Z", "delegation-ended"),
        ("2027-05-15T00:00:00Z", "delegation-ended"),
    ];
    for (moment, expected) in cases {
        assert_eq!(ask(&registry, "yi", CODE, TYPE, moment), expected, "{moment}");
    }
    let one_day = with(vec![delegation("jia", "yi", CODE, ("2026-05-01", "2026-05-01"))]);
    assert_eq!(ask(&one_day, "yi", CODE, TYPE, "2026-05-01T12:00:00Z"), "jia until 2026-05-01");
    assert_eq!(ask(&one_day, "yi", CODE, TYPE, "2026-05-01T16:00:00Z"), "delegation-ended");
}

#[test]
fn a_delegation_covers_its_type_code_and_delegate_only() {
    let registry = with(vec![delegation("jia", "yi", CODE, ("2026-05-01", "2026-05-31"))]);
    let may = "2026-05-15T00:00:00Z";
    assert_eq!(ask(&registry, "yi", CODE, "CEB411Message", may), "not-entitled");
    assert_eq!(ask(&registry, "yi", CODE, "CEB311", may), "not-entitled");
    assert_eq!(ask(&registry, "yi", "3301A00003", TYPE, may), "not-entitled");
    assert_eq!(ask(&registry, "bing", CODE, TYPE, may), "not-entitled");
    // Other days of another type say nothing about this one.
    assert_eq!(ask(&registry, "yi", CODE, "CEB411Message", "2026-04-01T00:00:00Z"), "not-entitled");
    // It does not work backwards, and is not handed on.
    assert_eq!(ask(&registry, "jia", "3301A00002", TYPE, may), "not-entitled");
    let chained = with(vec![
        delegation("jia", "yi", CODE, ("2026-05-01", "2026-05-31")),
        delegation("yi", "bing", "3301A00002", ("2026-05-01", "2026-05-31")),
    ]);
    assert_eq!(ask(&chained, "bing", CODE, TYPE, may), "not-entitled");
}

#[test]
fn of_several_delegations_the_best_answers_in_any_order() {
    let all = [
        delegation("jia", "yi", CODE, ("2026-01-01", "2026-01-31")),
        delegation("jia", "yi", CODE, ("2026-05-01", "2026-05-31")),
        delegation("jia", "yi", CODE, ("2026-05-10", "2026-08-31")),
        delegation("jia", "yi", CODE, ("2026-11-01", "2026-11-30")),
    ];
    let mut turned = all.to_vec();
    turned.reverse();
    for registry in [with(all.to_vec()), with(turned)] {
        let ask = |moment| ask(&registry, "yi", CODE, TYPE, moment);
        assert_eq!(ask("2026-05-05T00:00:00Z"), "jia until 2026-05-31");
        assert_eq!(ask("2026-05-15T00:00:00Z"), "jia until 2026-08-31");
        assert_eq!(ask("2026-12-15T00:00:00Z"), "delegation-ended");
        let yi = registry.participant(&id("yi")).unwrap();
        let error = registry.speaks_for(yi, CODE, TYPE, at("2026-10-01T00:00:00Z")).unwrap_err();
        // The next to come, not the last that was.
        assert!(error.en().contains("begins on 2026-11-01, today is 2026-10-01"), "{error}");
        let error = registry.speaks_for(yi, CODE, TYPE, at("2026-12-31T16:00:00Z")).unwrap_err();
        assert!(error.zh().contains("2026-11-30 到期，今天是 2027-01-01"), "{}", error.zh());
    }
}
