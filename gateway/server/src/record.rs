//! The way back: a department's signed answer becomes evidence and then facts.
//! The answer is a DXP envelope that the department signed; what it carries is
//! judged by schema and rules like any message. Transport does not matter here: HTTP
//! and AMQP hand in the same bytes.

use jiff::Timestamp;
use onepoint_certs::crl::Taken;
use onepoint_certs::{ParticipantId, Role, SignaturePolicy};
use onepoint_envelope::dxp::DxpMsg;
use onepoint_envelope::xmldsig::{self, SignaturePlace};
use onepoint_schemas::{DocumentFacts, MESSAGE_VIOLATIONS_MAX, MessageType, bounded};
use onepoint_store::{Hash, Payload};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::authenticate::{Trust, in_force, message_type, parse, signature_refusal, signer};
use crate::clock::Clock;
use crate::commit::{Recorded, Sealed, Writer};
use crate::fault;
use crate::inforce::Current;
use crate::refusal::{Refusal, Stage, internal};

/// Names of the business keys in an answer's envelope.
pub(crate) const KEY_DELIVERY: &str = "delivery";
/// See [`KEY_DELIVERY`].
pub(crate) const KEY_MESSAGE: &str = "message";

/// What an answer says of one document.
#[derive(Debug, Clone)]
pub(crate) struct AnswerEntry {
    /// Business key of the document, when the answer names one.
    pub(crate) key: Option<String>,
    /// The status as it came; unknown ones are carried, never dropped.
    pub(crate) status: String,
    pub(crate) info: String,
    /// Numbers by which the department knows the document; see [`NUMBERS`].
    pub(crate) numbers: Vec<(&'static str, String)>,
}

impl AnswerEntry {
    /// The numbers as facts and notices have them.
    pub(crate) fn numbers_value(&self) -> Value {
        let numbers = self.numbers.iter().map(|(name, text)| ((*name).to_owned(), json!(text)));
        Value::Object(numbers.collect())
    }
}

/// The number of a list, as customs gave it: later answers name the list by it.
pub(crate) const LIST_NUMBER: &str = "invtNo";
/// Fields of answers that hold a number which a department gave.
const NUMBERS: [&str; 9] = [
    "preNo",
    LIST_NUMBER,
    "rkdNo",
    "sumNo",
    "taxNo",
    "entDutyNo",
    "settlementNo",
    "certificateNo",
    "proofNo",
];

/// Evidence: this department signed this answer, and it is well-formed for its type.
#[derive(Debug)]
pub(crate) struct AnswerEvidence {
    id: String,
    department: String,
    delivery: String,
    message: String,
    message_type: String,
    /// The declarations whose own receipt this type is.
    receipt_of: Vec<String>,
    sender: ParticipantId,
    certificate: String,
    entries: Vec<AnswerEntry>,
    bytes: Vec<u8>,
    digest: [u8; 32],
    content_digest: [u8; 32],
    revocation: Vec<Taken>,
}

impl AnswerEvidence {
    /// The department's id of the answer; unique with the department.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn department(&self) -> &str {
        &self.department
    }

    pub(crate) fn delivery(&self) -> &str {
        &self.delivery
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn message_type(&self) -> &str {
        &self.message_type
    }

    /// Whether it says where a declaration of this type itself stands.
    pub(crate) fn decides(&self, declaration: &str) -> bool {
        self.receipt_of.iter().any(|name| name == declaration)
    }

    pub(crate) fn sender(&self) -> &ParticipantId {
        &self.sender
    }

    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(crate) fn entries(&self) -> &[AnswerEntry] {
        &self.entries
    }

    /// The signed bytes for the store.
    pub(crate) fn payload(&self) -> Payload<'_> {
        Payload::digested(&self.bytes, Hash::new(self.digest))
    }

    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(crate) fn content_digest(&self) -> &[u8; 32] {
        &self.content_digest
    }

    /// The revocation status of each certificate of the chain, as it was seen.
    pub(crate) fn revocation(&self) -> &[Taken] {
        &self.revocation
    }

    /// The refusal when no such delivery went to this department.
    pub(crate) fn delivery_unknown(&self) -> Refusal {
        Refusal::new(
            Stage::Commit,
            422,
            "answer-delivery-unknown",
            format!("{} never got a delivery {}", self.department, self.delivery),
            format!("{} 未收到过投递 {}", self.department, self.delivery),
        )
    }

    /// The refusal when the id came before with other content.
    pub(crate) fn conflict(&self) -> Refusal {
        Refusal::new(
            Stage::Commit,
            409,
            "answer-conflict",
            format!("{} gave another answer under the id {} before", self.department, self.id),
            format!("{} 曾以编号 {} 提交过不同的回执", self.department, self.id),
        )
    }
}

/// Takes answers from any transport.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) clock: Clock,
    pub(crate) current: Current,
    pub(crate) writer: Writer,
}

impl Recorder {
    /// Authenticates an answer and makes it durable. `caller` is the participant of the
    /// connection, where the transport knows it; it must then be the signer. `traceparent` is
    /// the trace it came with, for the log.
    ///
    /// # Errors
    /// The refusals of the stages, and `answer-…` of this module.
    pub(crate) async fn record(
        &self,
        bytes: Vec<u8>,
        caller: Option<ParticipantId>,
        traceparent: Option<String>,
    ) -> Result<Sealed<Recorded>, Refusal> {
        let (current, now) = (self.current.get(), self.clock.now());
        let judged =
            tokio::task::spawn_blocking(move || judge(bytes, caller, &current.trust, now)).await;
        let evidence = judged.map_err(|error| {
            tracing::error!(%error, "judging an answer failed");
            internal()
        })??;
        // Dying here: the department has no acknowledgement and sends the answer again.
        fault::point("record.before");
        let (id, message) = (evidence.id().to_owned(), evidence.message().to_owned());
        let recorded = self.writer.answer(evidence).await;
        tracing::debug!(answer = id, message, traceparent, ok = recorded.is_ok(), "an answer");
        // Dying here: the department sends again and hears that it is known (its own id).
        fault::point("record.after");
        recorded
    }
}

fn judge(
    bytes: Vec<u8>,
    caller: Option<ParticipantId>,
    trust: &Trust,
    at: Timestamp,
) -> Result<AnswerEvidence, Refusal> {
    let envelope = parse(bytes.clone(), &trust.limits)?;
    let message = DxpMsg::parse(&envelope).map_err(|error| {
        Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
    })?;
    if message.cop_msg_id.len() > onepoint_store::MAX_ID_BYTES {
        return Err(id_too_long());
    }
    let policy = SignaturePolicy::strict();
    let signed = xmldsig::verify(&envelope, &SignaturePlace::ChildOfRoot, &policy)
        .map_err(|error| signature_refusal(&error))?;
    let (leaf, others) = (signed.certificate(), signed.intermediates());
    let (sender, revocation) = signer(leaf, others, &policy, trust, at)?;
    let Some(department) = sender.department.clone().filter(|_| sender.role == Role::Department)
    else {
        return Err(not_a_department(&sender.id));
    };
    if caller.is_some_and(|caller| caller != sender.id) {
        return Err(not_the_caller(&sender.id));
    }
    let inner = parse(message.data.clone(), &trust.limits)?;
    let kind = message_type(&inner, &trust.catalogue)?;
    let kind = in_force(kind, &sender.schemas, at, &trust.catalogue)?;
    if !sender.may_send.contains(&kind.name) || message.msg_type != kind.name {
        return Err(wrong_type(&sender.id, &kind.name));
    }
    if let Err(violations) = trust.catalogue.validate_structure(&inner, kind) {
        return Err(Refusal::from_violations(Stage::Validate, violations));
    }
    let documents = trust.catalogue.documents(&inner, kind);
    let rules = (0..documents.len()).flat_map(|n| trust.catalogue.check_rules(&inner, kind, n));
    let broken = bounded(rules.collect(), MESSAGE_VIOLATIONS_MAX);
    if !broken.is_empty() {
        return Err(Refusal::from_violations(Stage::Validate, broken));
    }
    let entries = documents.iter().map(entry);
    let answered = |declared: &&MessageType| declared.receipt.as_deref() == Some(&kind.name);
    let receipt_of = trust.catalogue.types().filter(answered);
    let mut hash = [0_u8; 32];
    hash.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    Ok(AnswerEvidence {
        id: message.cop_msg_id.clone(),
        delivery: business_key(&message, KEY_DELIVERY)?,
        message: business_key(&message, KEY_MESSAGE)?,
        message_type: kind.name.clone(),
        receipt_of: receipt_of.map(|declared| declared.name.clone()).collect(),
        sender: sender.id.clone(),
        certificate: signed.certificate().fingerprint().to_string(),
        entries: entries.collect(),
        digest: hash,
        content_digest: *signed.content_digest(),
        revocation,
        department,
        bytes,
    })
}

fn entry(facts: &DocumentFacts) -> AnswerEntry {
    let number = |name: &&'static str| Some((*name, facts.field(name)?.to_owned()));
    AnswerEntry {
        key: facts.business_key.clone(),
        status: facts.field("returnStatus").unwrap_or_default().to_owned(),
        info: facts.field("returnInfo").unwrap_or_default().to_owned(),
        numbers: NUMBERS.iter().filter_map(number).filter(|(_, text)| !text.is_empty()).collect(),
    }
}

fn business_key(message: &DxpMsg, name: &str) -> Result<String, Refusal> {
    message.biz_key(name).map(str::to_owned).ok_or_else(|| {
        Refusal::new(
            Stage::Authenticate,
            422,
            "answer-key-missing",
            format!("the envelope has no AddInfo/BizKey/Key with name=\"{name}\""),
            format!("信封缺少 AddInfo/BizKey/Key（name=\"{name}\"）"),
        )
        .expecting("the ids that came with the delivery")
    })
}

fn id_too_long() -> Refusal {
    let max = onepoint_store::MAX_ID_BYTES;
    Refusal::new(
        Stage::Authenticate,
        422,
        "answer-id-too-long",
        format!("CopMsgId is longer than {max} bytes"),
        format!("CopMsgId 超过 {max} 字节"),
    )
    .expecting(format!("at most {max} bytes"))
}

fn not_a_department(sender: &ParticipantId) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        403,
        "answer-not-a-department",
        format!("{sender} is not a department and cannot answer"),
        format!("{sender} 不是部门，无权回执"),
    )
}

fn not_the_caller(sender: &ParticipantId) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        403,
        "answer-signer-mismatch",
        format!("the answer was signed by {sender}, but another participant handed it in"),
        format!("回执由 {sender} 加签，但由其他参与方提交"),
    )
}

fn wrong_type(sender: &ParticipantId, kind: &str) -> Refusal {
    Refusal::new(
        Stage::Authenticate,
        403,
        "answer-type-not-entitled",
        format!(
            "{sender} may not answer with {kind}, or the envelope's MsgType names another type"
        ),
        format!("{sender} 无权以 {kind} 回执，或信封 MsgType 不一致"),
    )
}
