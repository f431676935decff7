//! First stage: bytes from an authenticated transport become [`Received`]
//! evidence. What is checked here costs nothing: size, content type, emptiness.

use jiff::Timestamp;
use onepoint_certs::ParticipantId;
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::refusal::{Refusal, Stage};
use crate::trace;

pub(crate) mod vendors;

/// What a request says of its body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Labels<'r> {
    pub(crate) content_type: Option<&'r str>,
    /// The header `traceparent`, as it came.
    pub(crate) traceparent: Option<&'r str>,
}

/// Evidence: these bytes came from this participant's authenticated connection at this time.
#[derive(Debug)]
pub(crate) struct Received {
    id: Uuid,
    at: Timestamp,
    submitter: ParticipantId,
    /// The trace the sender is in, carried along.
    traceparent: Option<String>,
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

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes as they came.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Takes a body that the transport has already bounded.
///
/// # Errors
/// `content-type-unsupported` and `body-empty`.
pub(crate) fn receive(
    body: Vec<u8>,
    labels: Labels<'_>,
    submitter: &ParticipantId,
    at: Timestamp,
) -> Result<Received, Refusal> {
    check_content_type(labels.content_type)?;
    if body.is_empty() {
        return Err(Refusal::new(
            Stage::Intake,
            400,
            "body-empty",
            "the request has no body; send the signed message as the body",
            "请求正文为空，请将已加签报文作为正文发送",
        ));
    }
    let mut hash = [0_u8; 32];
    hash.copy_from_slice(digest(&SHA256, &body).as_ref());
    let id = new_id(at);
    let (submitter, traceparent) = (submitter.clone(), trace::traceparent(labels.traceparent));
    Ok(Received { id, at, submitter, traceparent, bytes: body, digest: hash })
}

fn check_content_type(content_type: Option<&str>) -> Result<(), Refusal> {
    let essence = content_type.and_then(|t| t.split(';').next()).map(|t| t.trim().to_lowercase());
    match essence.as_deref() {
        Some("application/xml" | "text/xml") => Ok(()),
        other => Err(Refusal::new(
            Stage::Intake,
            415,
            "content-type-unsupported",
            format!("content type {} is not taken here", other.unwrap_or("(none)")),
            format!("不支持的内容类型 {}", other.unwrap_or("（无）")),
        )
        .expecting("Content-Type: application/xml")),
    }
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
