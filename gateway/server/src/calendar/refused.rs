//! What would be refused at one moment: each registered certificate is judged as
//! intake would judge it then, with the lists that are known now; then the gateway's own
//! certificates and what is dated. In: a configuration and a moment. Out: findings with
//! stable codes, and whose flows stop.

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{Certificate, Participant, zone_day};

use crate::config::Settings;
use crate::revocation::Revocation;

/// Something that would not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The code that intake or a verifier would give.
    pub(crate) code: &'static str,
    /// Whose flows stop.
    pub(crate) who: String,
    pub(crate) en: String,
    pub(crate) zh: String,
}

/// Everything that would be refused at `at`.
pub(crate) fn refused(settings: &Settings, known: &Revocation, at: Timestamp) -> Vec<Refused> {
    let mut found = Vec::new();
    for participant in settings.registry.participants() {
        for certificate in &participant.certificates {
            found.extend(certificate_refused(settings, known, participant, certificate, at));
        }
        if let Some(lapsed) = settings.registry.policy_of(participant, at).lapsed {
            let who = participant.id.as_str().to_owned();
            found.push(Refused { code: lapsed.code(), who, en: lapsed.en(), zh: lapsed.zh() });
        }
    }
    let door = settings.listen.own.as_ref().map(|door| ("tls", "everybody", door));
    let seal = settings.seal.as_ref().map(|seal| ("seal", "receipts", seal.certificate()));
    for (what, who, certificate) in door.into_iter().chain(seal) {
        found.extend(own_refused(what, who, certificate, at));
    }
    let day = zone_day(at);
    for delegation in settings.registry.delegations() {
        let (from, to) = (&delegation.from, &delegation.to);
        let (until, begins) = (delegation.valid_until, delegation.valid_from);
        let (code, en, zh) = if until < day {
            let zh = format!("{from} 对 {to} 的委托已于 {until} 结束");
            ("delegation-ended", format!("the delegation of {from} to {to} ended on {until}"), zh)
        } else if begins > day {
            let zh = format!("{from} 对 {to} 的委托自 {begins} 起生效");
            (
                "delegation-not-yet",
                format!("the delegation of {from} to {to} begins on {begins}"),
                zh,
            )
        } else {
            continue;
        };
        found.push(Refused { code, who: to.as_str().to_owned(), en, zh });
    }
    found
}

fn certificate_refused(
    settings: &Settings,
    known: &Revocation,
    participant: &Participant,
    certificate: &Certificate,
    at: Timestamp,
) -> Option<Refused> {
    let who = participant.id.as_str().to_owned();
    let policy = settings.registry.policy_of(participant, at).policy;
    let sent = settings.chains.get(&certificate.fingerprint());
    let sent = sent.map(Vec::as_slice).unwrap_or_default();
    let anchors = settings.trust.anchors.of(participant);
    // Without the tolerance: it is for clocks that differ, not days to count on.
    let exact = SignedDuration::ZERO;
    let chain = match anchors.verify_chain_under(&policy, certificate, sent, at, exact) {
        Ok(chain) => chain,
        Err(error) => {
            return Some(Refused { code: error.code(), who, en: error.en(), zh: error.zh() });
        }
    };
    let error = known.judge(&chain, at, exact, &policy).err()?;
    Some(Refused { code: error.code(), who, en: error.en(), zh: error.zh() })
}

fn own_refused(
    what: &'static str,
    who: &'static str,
    certificate: &Certificate,
    at: Timestamp,
) -> Option<Refused> {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let (code, en, zh) = if at > until {
        let zh = format!("网关证书（{what}）已于 {until} 过期");
        ("cert-expired", format!("the gateway's certificate ({what}) expired at {until}"), zh)
    } else if at < from {
        let zh = format!("网关证书（{what}）自 {from} 起生效");
        (
            "cert-not-yet-valid",
            format!("the gateway's certificate ({what}) is valid from {from}"),
            zh,
        )
    } else {
        return None;
    };
    Some(Refused { code, who: who.to_owned(), en, zh })
}
