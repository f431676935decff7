//! Second stage: who sent it. Opens what the message is carried in, verifies every signature
//! around and in it with its chain, finds the participants behind the certificates, and checks
//! that the signer may send this type and speak for the parties the body names. Nothing that
//! was not digested is visible after this stage, and no business key is looked up before it.

use std::sync::{Arc, Mutex};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use onepoint_certs::crl::Taken;
use onepoint_certs::{
    Certificate, ChainCache, Participant, ParticipantId, Registry, RevocationError, SignaturePolicy,
};
use onepoint_envelope::xmldsig::{self, SignaturePlace};
use onepoint_schemas::{Catalogue, DocumentFacts, MessageType};
use onepoint_xml::{Document, Limits};

use crate::config::Addresses;
use crate::config::trust::Anchors;
use crate::intake::Received;
use crate::refusal::{Place, Refusal, Stage};
use crate::revocation::Revocation;

pub(crate) mod dxp;
pub(crate) mod jose;
pub(crate) mod json;
mod mo;
pub(crate) mod open;
mod origin;
pub(crate) mod payment;
mod proof;
mod rights;

use open::Opened;
pub(crate) use origin::{Origin, split};
pub(crate) use proof::{EnvelopeFacts, Form, Proof};
pub(crate) use rights::{check_parties, check_right, check_submitter};

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
    /// The gateway's own addresses in DXP envelopes.
    pub(crate) addresses: Addresses,
}

/// Evidence: a registered participant signed this document, as a whole, or the envelope with
/// all of it, with a certificate that was valid, and may send it in the name of the parties in it.
#[derive(Debug)]
pub(crate) struct Authentic {
    received: Received,
    document: Document,
    within: &'static str,
    origin: Origin,
    proofs: Vec<Proof>,
    envelope: Option<EnvelopeFacts>,
    content: [u8; 32],
    message_type: String,
    schema: String,
    registry: String,
    guid: String,
    facts: Vec<DocumentFacts>,
    delegations: Vec<ParticipantId>,
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

    /// Where the document stood, when it was not the body itself.
    pub(crate) fn within(&self) -> &'static str {
        self.within
    }

    /// Where the document comes from.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The signatures, outermost first; at least one. The last one is the sender's.
    pub(crate) fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// What the DXP envelope says, where there was one.
    pub(crate) fn envelope(&self) -> Option<&EnvelopeFacts> {
        self.envelope.as_ref()
    }

    /// SHA-256 of the canonical document without its Signature, however it was carried.
    pub(crate) fn content(&self) -> &[u8; 32] {
        &self.content
    }

    pub(crate) fn sender(&self) -> &ParticipantId {
        self.proofs.last().map_or(self.received.submitter(), Proof::signer)
    }

    /// Name in the catalogue, for instance `CEB311Message`.
    pub(crate) fn message_type(&self) -> &str {
        &self.message_type
    }

    /// Family and version of its schema, for instance `ceb/2022-05`.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
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
        self.proofs.last().map(Proof::revocation).unwrap_or_default()
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
/// The codes of the crates xml, envelope and certs, and those of this module and of those
/// below it: `type-unknown`, `sender-unknown`, `sender-not-submitter`, `sender-may-not-send`,
/// `party-not-entitled`, `delegation-…`, `guid-missing`, `signature-required`, `envelope-…`,
/// `dxp-…`, `jws-…`.
pub(crate) fn authenticate(received: Received, trust: &Trust) -> Judged<Authentic> {
    match judge(&received, trust) {
        Ok(found) => Ok(Authentic {
            received,
            document: found.document,
            within: found.within,
            origin: found.origin,
            proofs: found.proofs,
            envelope: found.envelope,
            content: found.content,
            message_type: found.message_type,
            schema: found.schema,
            registry: trust.registry.version(),
            guid: found.guid,
            facts: found.facts,
            delegations: found.delegations,
        }),
        Err(refusal) => Err(Box::new((received, refusal))),
    }
}

struct Found {
    document: Document,
    within: &'static str,
    origin: Origin,
    proofs: Vec<Proof>,
    envelope: Option<EnvelopeFacts>,
    content: [u8; 32],
    message_type: String,
    schema: String,
    guid: String,
    facts: Vec<DocumentFacts>,
    delegations: Vec<ParticipantId>,
}

fn judge(received: &Received, trust: &Trust) -> Result<Found, Refusal> {
    let opened = open::open(received, trust)?;
    let (within, written) = (opened.within, opened.origin == Origin::Xml);
    judge_opened(received, opened, trust).map_err(|refusal| match written {
        true => refusal.within(within),
        // A place in the XML form is none in the text.
        false => Refusal { place: None, ..refusal },
    })
}

fn judge_opened(received: &Received, opened: Opened<'_>, trust: &Trust) -> Result<Found, Refusal> {
    let at = received.at();
    let Opened { document, within, origin, mut proofs, envelope, reader, named } = opened;
    let kind = message_type(&document, &trust.catalogue)?;
    let policy = policy_of(trust, reader, at);
    // A certificate that is registered may be named instead of sent.
    let known = reader.map(|p| p.certificates.as_slice()).unwrap_or_default();
    let content = match xmldsig::verify_known(&document, &PLACE, &policy, known) {
        Ok(signed) => {
            let (leaf, others) = (signed.certificate(), signed.intermediates());
            let (sender, revocation) = signer(leaf, others, &policy, trust, at)?;
            let used = (&policy, signed.tolerances());
            let proof = Proof::new(Form::Xml, sender, leaf, signed.algorithm(), used, revocation);
            proofs.push((proof, sender));
            *signed.content_digest()
        }
        Err(error) => open::unsigned(&document, &error, kind, &proofs, within)?,
    };
    let sender = open::check_carriers(received.submitter(), &proofs, named, kind, trust, at)?;
    check_right(sender, kind)?;
    let kind = in_force(kind, &sender.schemas, received.at(), &trust.catalogue)?;
    let guid = guid(&document)?;
    let facts = trust.catalogue.documents(&document, kind);
    let delegations = check_parties(sender, kind, &facts, trust, at)?;
    Ok(Found {
        message_type: kind.name.clone(),
        schema: kind.schema_version(),
        proofs: proofs.into_iter().map(|(proof, _)| proof).collect(),
        document,
        within,
        origin,
        envelope,
        content,
        guid,
        facts,
        delegations,
    })
}

/// Where a document's own Signature has to stand.
pub(crate) const PLACE: SignaturePlace = SignaturePlace::ChildOfRoot;

/// Bytes to a well-formed document.
pub(crate) fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Document, Refusal> {
    Document::parse(bytes, limits).map_err(|error| {
        let position = error.position();
        Refusal::new(Stage::Authenticate, 400, error.code(), error.en(), error.zh())
            .at(Place {
                line: position.line,
                column: position.column,
                path: error.path().to_owned(),
                within: "",
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
    Place { line: position.line, column: position.column, path: element.path(), within: "" }
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
        .at(Place {
            line: position.line,
            column: position.column,
            path: error.path().to_owned(),
            within: "",
        })
        .expecting(error.expected())
}

/// The participant behind a signature's certificate, whose chain must hold. The
/// register is asked first: a stranger's certificates cost no search for a path.
pub(crate) fn signer<'t>(
    leaf: &Certificate,
    intermediates: &[Certificate],
    policy: &SignaturePolicy,
    trust: &'t Trust,
    at: Timestamp,
) -> Result<(&'t Participant, Vec<Taken>), Refusal> {
    let found = trust.registry.by_certificate(&leaf.fingerprint());
    let found = found.ok_or_else(|| unknown_sender(leaf))?;
    // A signature that only names its certificate brings no path.
    let path = match intermediates {
        [] => found.intermediates.as_slice(),
        brought => brought,
    };
    let revocation = chain_holds(trust, policy, found, (leaf, path), at)?;
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
