//! Second stage: who sent it. Parses, verifies the XML Signature and the chain,
//! finds the participant behind the certificate, and checks that it may send
//! this type and speak for the parties the body names. Nothing that was not
//! digested is visible after this stage, and no business key is looked up before it.

use std::sync::{Arc, Mutex};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use onepoint_certs::crl::Taken;
use onepoint_certs::{
    Authority, Certificate, ChainCache, Participant, ParticipantId, Registry, RevocationError,
    SignaturePolicy,
};
use onepoint_envelope::xmldsig::{self, SignaturePlace, SignedDocument};
use onepoint_schemas::{Catalogue, DocumentFacts, MessageType};
use onepoint_xml::{Document, Limits};

use crate::config::trust::Anchors;
use crate::intake::Received;
use crate::refusal::{Place, Refusal, Stage};
use crate::revocation::Revocation;

/// What this stage needs of the world.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) registry: Arc<Registry>,
    pub(crate) anchors: Anchors,
    pub(crate) tolerance: SignedDuration,
    pub(crate) revocation: Arc<Revocation>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) chains: Mutex<ChainCache>,
    pub(crate) limits: Limits,
}

/// Evidence: a registered participant signed this document, as a whole, with a
/// certificate that was valid, and may send it in the name of the parties in it.
#[derive(Debug)]
pub(crate) struct Authentic {
    received: Received,
    document: Document,
    signed: SignedDocument,
    sender: ParticipantId,
    message_type: String,
    schema: String,
    policy: String,
    registry: String,
    guid: String,
    facts: Vec<DocumentFacts>,
    delegations: Vec<ParticipantId>,
    revocation: Vec<Taken>,
}

impl Authentic {
    pub(crate) fn received(&self) -> &Received {
        &self.received
    }

    /// Gives the bytes back, for the journal of a refusal.
    pub(crate) fn into_received(self) -> Received {
        self.received
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    pub(crate) fn signed(&self) -> &SignedDocument {
        &self.signed
    }

    pub(crate) fn sender(&self) -> &ParticipantId {
        &self.sender
    }

    /// Name in the catalogue, for instance `CEB311Message`.
    pub(crate) fn message_type(&self) -> &str {
        &self.message_type
    }

    /// Family and version of its schema, for instance `ceb/2022-05`.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Name of the signature policy that was applied.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// Version of the register under which it was judged.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The root's guid: the sender's number of this message.
    pub(crate) fn guid(&self) -> &str {
        &self.guid
    }

    /// One entry per document of the batch, in its order.
    pub(crate) fn facts(&self) -> &[DocumentFacts] {
        &self.facts
    }

    /// The revocation status of each certificate of the chain, as it was seen.
    pub(crate) fn revocation(&self) -> &[Taken] {
        &self.revocation
    }

    /// Participants whose delegation was needed.
    pub(crate) fn delegations(&self) -> &[ParticipantId] {
        &self.delegations
    }
}

/// A refusal of this or a later stage keeps the bytes, so that it can be journaled.
pub(crate) type Judged<T> = Result<T, Box<(Received, Refusal)>>;

/// Judges who sent `received`.
///
/// # Errors
/// The codes of the crates xml, envelope and certs, and those of this module:
/// `type-unknown`, `sender-unknown`, `sender-not-submitter`, `sender-may-not-send`,
/// `party-not-entitled`, `delegation-…`, `guid-missing`.
pub(crate) fn authenticate(received: Received, trust: &Trust) -> Judged<Authentic> {
    match judge(&received, trust) {
        Ok(found) => Ok(Authentic {
            received,
            document: found.document,
            signed: found.signed,
            sender: found.sender,
            message_type: found.message_type,
            schema: found.schema,
            policy: found.policy,
            registry: trust.registry.version(),
            guid: found.guid,
            facts: found.facts,
            delegations: found.delegations,
            revocation: found.revocation,
        }),
        Err(refusal) => Err(Box::new((received, refusal))),
    }
}

struct Found {
    document: Document,
    signed: SignedDocument,
    sender: ParticipantId,
    message_type: String,
    schema: String,
    policy: String,
    guid: String,
    facts: Vec<DocumentFacts>,
    delegations: Vec<ParticipantId>,
    revocation: Vec<Taken>,
}

fn judge(received: &Received, trust: &Trust) -> Result<Found, Refusal> {
    let document = parse(received.bytes().to_vec(), &trust.limits)?;
    let kind = message_type(&document, &trust.catalogue)?;
    let submitter = trust.registry.participant(received.submitter());
    let policy = policy_of(trust, submitter, received.at());
    // A certificate that is registered may be named instead of sent.
    let known = submitter.map(|p| p.certificates.as_slice()).unwrap_or_default();
    let place = SignaturePlace::ChildOfRoot;
    let signed = xmldsig::verify_known(&document, &place, &policy, known)
        .map_err(|error| signature_refusal(&error))?;
    let (sender, revocation) = signer(&signed, &policy, trust, received.at())?;
    check_submitter(sender, received.submitter(), kind, trust, received.at())?;
    check_right(sender, kind)?;
    let kind = in_force(kind, &sender.schemas, received.at(), &trust.catalogue)?;
    let guid = guid(&document)?;
    let facts = trust.catalogue.documents(&document, kind);
    let delegations = check_parties(sender, kind, &facts, trust, received.at())?;
    Ok(Found {
        sender: sender.id.clone(),
        message_type: kind.name.clone(),
        schema: kind.schema_version(),
        policy: policy.name.clone(),
        document,
        signed,
        guid,
        facts,
        delegations,
        revocation,
    })
}

/// Bytes to a well-formed document.
pub(crate) fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Document, Refusal> {
    Document::parse(bytes, limits).map_err(|error| {
        let position = error.position();
        Refusal::new(Stage::Authenticate, 400, error.code(), error.en(), error.zh())
            .at(Place {
                line: position.line,
                column: position.column,
                path: error.path().to_owned(),
            })
            .expecting(error.expected())
    })
}

/// The message type behind the root element.
pub(crate) fn message_type<'c>(
    document: &Document,
    catalogue: &'c Catalogue,
) -> Result<&'c MessageType, Refusal> {
    let root = document.root();
    let name = root.name();
    catalogue.by_root(name.namespace, name.local).ok_or_else(|| {
        let shown = format!("{{{}}}{}", name.namespace, name.local);
        Refusal::new(
            Stage::Authenticate,
            422,
            "type-unknown",
            format!("no message type has the root element {shown}"),
            format!("未知的报文类型，根元素为 {shown}"),
        )
        .at(place_of(document, root))
    })
}

/// The version of a type that judges the message of a sender for whom `pinned` are set.
pub(crate) fn in_force<'c>(
    kind: &MessageType,
    pinned: &[String],
    at: Timestamp,
    catalogue: &'c Catalogue,
) -> Result<&'c MessageType, Refusal> {
    let day = Offset::constant(8).to_datetime(at).date();
    catalogue.in_force(kind, day, pinned).ok_or_else(|| {
        let (name, family) = (&kind.name, &kind.family);
        Refusal::new(
            Stage::Authenticate,
            422,
            "type-not-in-force",
            format!("the version of {family} that judges this sender on {day} has no {name}"),
            format!("{day} 对该发送方适用的 {family} 版本中没有报文类型 {name}"),
        )
        .expecting("a type of the version that is in force; see `onepoint schemas list`")
    })
}

fn place_of(document: &Document, element: onepoint_xml::Element<'_>) -> Place {
    let position = document.position(element.span().start);
    Place { line: position.line, column: position.column, path: element.path() }
}

pub(crate) fn policy_of(
    trust: &Trust,
    who: Option<&Participant>,
    at: Timestamp,
) -> SignaturePolicy {
    who.map_or_else(SignaturePolicy::strict, |p| trust.registry.policy_of(p, at).policy)
}

/// An envelope error as the sender sees it.
pub(crate) fn signature_refusal(error: &xmldsig::SignatureError) -> Refusal {
    let position = error.position();
    Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
        .at(Place { line: position.line, column: position.column, path: error.path().to_owned() })
        .expecting(error.expected())
}

/// The participant behind the signature's certificate, whose chain must hold. The
/// register is asked first: a stranger's certificates cost no search for a path.
pub(crate) fn signer<'t>(
    signed: &SignedDocument,
    policy: &SignaturePolicy,
    trust: &'t Trust,
    at: Timestamp,
) -> Result<(&'t Participant, Vec<Taken>), Refusal> {
    let fingerprint = signed.certificate().fingerprint();
    let found = trust.registry.by_certificate(&fingerprint);
    let found = found.ok_or_else(|| unknown_sender(signed.certificate()))?;
    let certificates = (signed.certificate(), signed.intermediates());
    let revocation = chain_holds(trust, policy, found, certificates, at)?;
    Ok((found, revocation))
}

/// The refusal of a certificate that no participant has.
pub(crate) fn unknown_sender(certificate: &Certificate) -> Refusal {
    let (serial, subject) = (certificate.serial_hex(), certificate.subject());
    Refusal::new(
        Stage::Authenticate,
        403,
        "sender-unknown",
        format!("the certificate {serial} ({subject}) is not registered for any participant"),
        format!("签名证书 {serial} 未登记"),
    )
    .expecting("a certificate that is registered for a participant")
}

/// Whether a participant's certificate leads to an anchor of its group, and nothing on the way
/// is revoked. Gives the revocation status of each certificate.
///
/// # Errors
/// The codes of chains, `cert-revoked`, `cert-revocation-unknown`.
pub(crate) fn chain_holds(
    trust: &Trust,
    policy: &SignaturePolicy,
    participant: &Participant,
    (leaf, intermediates): (&Certificate, &[Certificate]),
    at: Timestamp,
) -> Result<Vec<Taken>, Refusal> {
    let anchors = trust.anchors.of(participant);
    let chain = anchors
        .verify_chain_cached(&trust.chains, policy, leaf, intermediates, at, trust.tolerance)
        .map_err(|e| Refusal::new(Stage::Authenticate, 403, e.code(), e.en(), e.zh()))?;
    trust.revocation.judge(&chain, at, trust.tolerance, policy).map_err(|e| revoked(&e))
}

/// A revocation error as the sender sees it.
pub(crate) fn revoked(error: &RevocationError) -> Refusal {
    Refusal::new(Stage::Authenticate, 403, error.code(), error.en(), error.zh())
        .expecting("a certificate that is not revoked, by a current list of its issuer")
}

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

pub(crate) fn guid(document: &Document) -> Result<String, Refusal> {
    let root = document.root();
    match root.attribute("", "guid") {
        Some(guid) if !guid.is_empty() && guid.len() <= 64 => Ok(guid.to_owned()),
        _ => Err(Refusal::new(
            Stage::Authenticate,
            422,
            "guid-missing",
            "the root element has no usable attribute guid",
            "根元素缺少 guid 属性",
        )
        .at(place_of(document, root))
        .expecting("an attribute guid of 36 characters")),
    }
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
