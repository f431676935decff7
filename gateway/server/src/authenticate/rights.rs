//! Rights of a signer: who may hand in for whom, who may send what, and for which parties of
//! the body it speaks. In: participants of the register and the facts of the documents. Out:
//! the delegations that were needed, or a refusal. Pure; no business key is looked up.

use jiff::Timestamp;
use onepoint_certs::{Authority, Participant, ParticipantId};
use onepoint_schemas::{DocumentFacts, MessageType};

use super::Trust;
use crate::refusal::{Refusal, Stage};

/// Whether `submitter` may hand in what `sender` signed: the same participant, or a delegate.
pub(crate) fn check_submitter(
    sender: &Participant,
    submitter: &ParticipantId,
    kind: &MessageType,
    trust: &Trust,
    at: Timestamp,
) -> Result<(), Refusal> {
    if sender.id == *submitter {
        return Ok(());
    }
    let submitting = trust.registry.participant(submitter);
    let entitled = sender.codes.iter().any(|code| {
        submitting.is_some_and(|p| trust.registry.speaks_for(p, code, &kind.name, at).is_ok())
    });
    if entitled {
        return Ok(());
    }
    Err(Refusal::new(
        Stage::Authenticate,
        403,
        "sender-not-submitter",
        format!(
            "{submitter} handed in a message that {} signed, without a delegation from it",
            sender.id
        ),
        format!("报文由 {} 加签，但由 {submitter} 提交，且无有效委托", sender.id),
    )
    .expecting("the signer's own connection, or a registered delegation in force"))
}

/// Whether `sender` may send messages of this type at all.
pub(crate) fn check_right(sender: &Participant, kind: &MessageType) -> Result<(), Refusal> {
    if sender.may_send.contains(&kind.name) {
        return Ok(());
    }
    Err(Refusal::new(
        Stage::Authenticate,
        403,
        "sender-may-not-send",
        format!("{} is not registered to send {}", sender.id, kind.name),
        format!("{} 无权发送 {}", sender.id, kind.name),
    )
    .expecting(format!("one of: {}", sender.may_send.join(", "))))
}

/// Whoever signs must be the party the body names, or hold a delegation for it.
pub(crate) fn check_parties(
    sender: &Participant,
    kind: &MessageType,
    facts: &[DocumentFacts],
    trust: &Trust,
    at: Timestamp,
) -> Result<Vec<ParticipantId>, Refusal> {
    let mut used = Vec::new();
    for document in facts {
        for named in kind.signers_required(document) {
            let mut last = None;
            let authority = named.codes().find_map(|(field, code)| {
                match trust.registry.speaks_for(sender, code, &kind.name, at) {
                    Ok(authority) => Some(authority),
                    Err(error) => {
                        last = Some((field, code, error));
                        None
                    }
                }
            });
            match (authority, last) {
                (Some(Authority::Own), _) => {}
                (Some(Authority::Delegated { from, .. }), _) => {
                    if !used.contains(&from) {
                        used.push(from);
                    }
                }
                (None, Some((field, code, error))) => {
                    return Err(party_refusal(sender, document, field, code, &error));
                }
                (None, None) => return Err(no_party(document)),
            }
        }
    }
    Ok(used)
}

fn party_refusal(
    sender: &Participant,
    document: &DocumentFacts,
    field: &str,
    code: &str,
    error: &onepoint_certs::AuthorityError,
) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        403,
        error.code(),
        format!(
            "document {}: {field} names {code}, and {} may not speak for it: {}",
            document.index,
            sender.id,
            error.en()
        ),
        format!("第 {} 份单证：{field} 为 {code}，{}", document.index + 1, error.zh()),
    )
    .expecting("the signer's own registration code, or one delegated to it")
}

fn no_party(document: &DocumentFacts) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        422,
        "party-missing",
        format!("document {} names no party that could have signed it", document.index),
        format!("第 {} 份单证未填写加签企业代码", document.index + 1),
    )
}
