//! First stage: bytes from an authenticated transport become [`Received`]
//! evidence. What is checked here costs nothing: size, content type, emptiness; a detached
//! signature is put to the body that it came with.

use jiff::Timestamp;
use onepoint_certs::ParticipantId;
use onepoint_envelope::jws;
use onepoint_store::{Hash, Payload};
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::refusal::{Refusal, Stage};
use crate::trace;

mod payment_data;
pub(crate) mod vendors;

/// The header of a detached JSON Web Signature (RFC 7515 appendix F): `protected..value`.
pub(crate) const JWS_HEADER: &str = "jws-signature";

/// The door for messages.
pub(crate) const MESSAGES_PATH: &str = "/v1/messages";
/// The door for payment data of announcement 179: the path of the field.
pub(crate) const PAYMENT_DATA_PATH: &str = "/ceb2grab/grab/realTimeDataUpload";

/// The door for calls of the Hangzhou port.
pub(crate) const HANGZHOU_PATH: &str = "/legacy/hangzhou";

/// How a message is carried, as far as transport says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// XML: a document with its own Signature, or a DXP envelope.
    Xml,
    /// A JSON Web Signature in the compact form (RFC 7515 section 3.1).
    JwsCompact,
    /// In the flattened JSON form (section 7.2.2).
    JwsFlattened,
    /// The JSON of announcement 179, which carries its own signature.
    PaymentData,
    /// The signed XML of the Hangzhou port: signature, line feed, text.
    Mo,
    /// A message in JSON without a signature: only ever explained.
    Json,
}

/// Where a request came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Door {
    /// For messages.
    #[default]
    Messages,
    /// For payment data of announcement 179.
    PaymentData,
    /// For calls of the Hangzhou port, once they are opened.
    Mo,
    /// For explanations of both, and of what lacks its signature.
    Check,
}

impl Carrier {
    /// What a body says by itself that it is, for tools that are handed a file.
    pub(crate) fn of_body(body: &[u8]) -> Carrier {
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') if holds(body, b"\"payExchangeInfoHead\"") => Carrier::PaymentData,
            Some(b'{') if holds(body, b"\"protected\"") => Carrier::JwsFlattened,
            Some(b'{') if holds(body, b"\"signature") => Carrier::JwsFlattened,
            Some(b'{') => Carrier::Json,
            Some(byte) if byte.is_ascii_alphanumeric() => Carrier::JwsCompact,
            _ => Carrier::Xml,
        }
    }

    /// Where a gateway takes it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Carrier::PaymentData => PAYMENT_DATA_PATH,
            Carrier::Mo => HANGZHOU_PATH,
            _ => MESSAGES_PATH,
        }
    }

    /// Media type of the bytes, as the journal keeps it.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Carrier::Xml => "application/xml",
            Carrier::JwsCompact => "application/jose",
            Carrier::JwsFlattened => "application/jose+json",
            Carrier::PaymentData | Carrier::Json => "application/json",
            Carrier::Mo => "text/x-mo",
        }
    }
}

/// Whether `part` stands anywhere in `body`.
fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

/// What a request says of its body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Labels<'r> {
    pub(crate) content_type: Option<&'r str>,
    /// The header `traceparent`, as it came.
    pub(crate) traceparent: Option<&'r str>,
    /// The header [`JWS_HEADER`].
    pub(crate) signature: Option<&'r str>,
    pub(crate) door: Door,
}

/// Evidence: these bytes came from this participant's authenticated connection at this time.
#[derive(Debug)]
pub(crate) struct Received {
    id: Uuid,
    at: Timestamp,
    submitter: ParticipantId,
    /// The trace the sender is in, carried along.
    traceparent: Option<String>,
    carrier: Carrier,
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Received {
    /// The message id, a UUID version 7 (RFC 9562): it sorts by time.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// The participant of the connection; who signed is not known here.
    pub(crate) fn submitter(&self) -> &ParticipantId {
        &self.submitter
    }

    pub(crate) fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes for the store.
    pub(crate) fn payload(&self) -> Payload<'_> {
        Payload::digested(&self.bytes, Hash::new(self.digest))
    }

    /// SHA-256 of the bytes as they came.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Takes a body that the transport has already bounded.
///
/// # Errors
/// `content-type-unsupported`, `body-empty`, and what is wrong with a detached signature:
/// `jws-header-…` and the codes of the crate envelope.
pub(crate) fn receive(
    body: Vec<u8>,
    labels: Labels<'_>,
    submitter: &ParticipantId,
    at: Timestamp,
) -> Result<Received, Refusal> {
    let carrier = carrier(labels, &body)?;
    if body.is_empty() {
        return Err(Refusal::new(
            Stage::Intake,
            400,
            "body-empty",
            "the request has no body; send the signed message as the body",
            "请求正文为空，请将已加签报文作为正文发送",
        ));
    }
    let body = match (carrier, labels.signature) {
        (Carrier::JwsFlattened, Some(signature)) => attached(signature, body)?,
        (Carrier::PaymentData, _) => payment_data::string(body, labels.content_type)?,
        _ => body,
    };
    let mut hash = [0_u8; 32];
    hash.copy_from_slice(digest(&SHA256, &body).as_ref());
    let id = new_id(at);
    let (submitter, traceparent) = (submitter.clone(), trace::traceparent(labels.traceparent));
    Ok(Received { id, at, submitter, traceparent, carrier, bytes: body, digest: hash })
}

fn carrier(labels: Labels<'_>, body: &[u8]) -> Result<Carrier, Refusal> {
    let mut parts = labels.content_type.unwrap_or_default().split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    });
    if let Some(charset) = charset.filter(|it| !matches!(it.as_str(), "utf-8" | "utf8")) {
        return Err(unsupported(&format!("{essence}; charset={charset}")));
    }
    match (labels.door, essence.as_str(), labels.signature) {
        (Door::PaymentData, payment_data::FORM | "application/json", _)
        | (Door::Check, payment_data::FORM, _) => return Ok(Carrier::PaymentData),
        (Door::PaymentData, other, _) => {
            return Err(unsupported(other).expecting(payment_data::EXPECTED));
        }
        // By its members, since nothing beside it says what it is.
        (Door::Check, "application/json", None) => {
            return Ok(match Carrier::of_body(body) {
                Carrier::PaymentData => Carrier::PaymentData,
                _ => Carrier::Json,
            });
        }
        (Door::Mo, ..) => return Ok(Carrier::Mo),
        _ => {}
    }
    match (essence.as_str(), labels.signature) {
        ("application/xml" | "text/xml", None) => Ok(Carrier::Xml),
        ("application/jose", None) => Ok(Carrier::JwsCompact),
        ("application/jose+json", None) => Ok(Carrier::JwsFlattened),
        // The payload alone, its signature in the header.
        ("application/xml" | "text/xml" | "application/json", Some(_)) => Ok(Carrier::JwsFlattened),
        ("application/jose" | "application/jose+json", Some(_)) => Err(Refusal::new(
            Stage::Intake,
            400,
            "jws-header-unexpected",
            "the body is a JSON Web Signature already; JWS-Signature belongs to a detached one",
            "正文已是 JWS 签名，JWS-Signature 头只用于分离式签名",
        )
        .expecting("one signature: in the body, or in the header JWS-Signature")),
        ("application/json", None) => Err(unsigned_json()),
        ("", _) => Err(unsupported("(none)")),
        (other, _) => Err(unsupported(other)),
    }
}

/// The refusal of JSON that nobody signed.
pub(crate) fn unsigned_json() -> Refusal {
    Refusal::new(
        Stage::Intake,
        400,
        "jws-header-missing",
        "JSON is taken only with its detached signature in the header JWS-Signature",
        "JSON 报文必须在 JWS-Signature 头中附分离式签名",
    )
    .expecting("JWS-Signature: <protected>..<value>")
}

fn unsupported(found: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        415,
        "content-type-unsupported",
        format!("content type {found} is not taken here"),
        format!("不支持的内容类型 {found}"),
    )
    .expecting("Content-Type: application/xml, application/jose or application/jose+json, in UTF-8")
}

/// Body and detached signature as one flattened signature: that is what is judged, kept and
/// receipted, since the body alone would prove nothing.
fn attached(signature: &str, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let attached = jws::attach(signature, &body);
    attached.map(String::into_bytes).map_err(|error| {
        Refusal::new(Stage::Intake, 400, error.code(), error.en(), error.zh())
            .expecting("JWS-Signature: <protected>..<value>")
    })
}

/// The refusal of a body that grew beyond `max` bytes while it was read.
pub(crate) fn too_large(max: usize) -> Refusal {
    Refusal::new(
        Stage::Intake,
        413,
        "body-too-large",
        format!("the body is larger than {max} bytes; split it into several messages"),
        format!("请求正文超过 {max} 字节，请拆分为多个报文"),
    )
    .expecting(format!("at most {max} bytes"))
}

/// A fresh UUID version 7 for a message received at `at`.
pub(crate) fn new_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let random = *Uuid::new_v4().as_bytes();
    let mut tail = [0_u8; 10];
    tail.iter_mut().zip(random).for_each(|(to, from)| *to = from);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}
