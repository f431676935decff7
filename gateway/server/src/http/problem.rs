//! Answers: JSON, and problem documents (RFC 9457) with a stable code, both
//! languages and the id that is also in the log.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response as HttpResponse, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Response, ResponseBody};
use crate::refusal::Refusal;

/// A JSON answer that no cache keeps.
pub(crate) fn json_answer(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => answer(status, "application/json; charset=utf-8", body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            answer(500, "application/problem+json", Vec::new())
        }
    }
}

/// Any answer.
pub(crate) fn answer(status: u16, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = HttpResponse::new(ResponseBody::new(Full::new(Bytes::from(body))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The problem document of a refusal. `id` is the message id, or the id of the request.
pub(crate) fn problem(refusal: &Refusal, id: &str) -> Response {
    problem_with(refusal, id, Map::new())
}

/// Like [`problem`], with further members (the documents and receipts of a refused message).
pub(crate) fn problem_with(refusal: &Refusal, id: &str, more: Map<String, Value>) -> Response {
    let body = document(refusal, id, more);
    let mut response = json_answer(refusal.status, &body);
    let kind = HeaderValue::from_static("application/problem+json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The JSON of a problem document.
pub(crate) fn document(refusal: &Refusal, id: &str, more: Map<String, Value>) -> Value {
    let mut body = json!({
        "type": format!("urn:onepoint:problem:{}", refusal.code),
        "title": refusal.en,
        "title_zh": refusal.zh,
        "status": refusal.status,
        "code": refusal.code,
        "stage": refusal.stage,
        "id": id,
    });
    if let Some(members) = body.as_object_mut() {
        if let Some(place) = &refusal.place {
            members.insert("place".to_owned(), json!(place));
        }
        if let Some(expected) = &refusal.expected {
            members.insert("expected".to_owned(), json!(expected));
        }
        if !refusal.violations.is_empty() {
            members.insert("violations".to_owned(), json!(refusal.violations));
        }
        members.extend(more);
    }
    body
}
