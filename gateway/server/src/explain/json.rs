//! A report as JSON. In: a [`Report`]. Out: one object; the formats of its members are
//! in README.md. Canonical octets are base64, cut at [`CANONICAL_SHOWN_MAX`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onepoint_envelope::xmldsig::explain::{Cause, Inspected};
use serde_json::{Map, Value, json};

use super::{Finding, Report};

/// Canonical octets in one answer.
const CANONICAL_SHOWN_MAX: usize = 1 << 20;

impl Report {
    /// The whole report.
    pub(crate) fn to_value(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(finding).collect();
        let explained = self.envelope.iter().chain(&self.signature);
        let parts: Vec<&Inspected> = explained.filter_map(|it| it.parts.as_ref()).collect();
        let of_parts = parts.iter().flat_map(|parts| &parts.causes);
        let of_findings = self.findings.iter().flat_map(|finding| &finding.causes);
        let all: Vec<Value> = of_parts.chain(of_findings).map(cause).collect();
        let answer = self.answer.as_ref().map(|answer| match answer {
            Ok(()) => json!({ "accepted": true, "status": 200 }),
            Err(refusal) => {
                json!({ "accepted": false, "status": refusal.status, "refusal": refusal })
            }
        });
        json!({
            "accepted": self.accepted(),
            "causes": all,
            "search_bounded": parts.iter().any(|parts| parts.bounded),
            "findings": findings,
            "answer": answer,
        })
    }
}

fn finding(finding: &Finding) -> Value {
    let mut members = Map::new();
    members.insert("stage".to_owned(), json!(finding.stage));
    members.insert("ok".to_owned(), json!(finding.ok));
    members.insert("code".to_owned(), json!(finding.code));
    members.insert("en".to_owned(), json!(finding.en));
    members.insert("zh".to_owned(), json!(finding.zh));
    if let Some(place) = &finding.place {
        members.insert("place".to_owned(), json!(place));
    }
    if let Some(expected) = &finding.expected {
        members.insert("expected".to_owned(), json!(expected));
    }
    if !finding.causes.is_empty() {
        let causes: Vec<Value> = finding.causes.iter().map(cause).collect();
        members.insert("causes".to_owned(), json!(causes));
    }
    if let Value::Object(detail) = &finding.detail {
        members.extend(detail.clone());
    }
    Value::Object(members)
}

/// Octets with their number, and whether all of them are here.
pub(super) fn octets(octets: &[u8]) -> Value {
    let shown = octets.get(..CANONICAL_SHOWN_MAX).unwrap_or(octets);
    json!({
        "octets": octets.len(),
        "base64": STANDARD.encode(shown),
        "complete": shown.len() == octets.len(),
    })
}

/// The causes of a wrong digest, or of a wrong value.
pub(super) fn causes(parts: &Inspected, about_value: bool) -> Vec<Value> {
    parts.causes.iter().filter(|it| it.about_value == about_value).map(cause).collect()
}

fn cause(cause: &Cause) -> Value {
    let difference = cause.difference.as_ref().map(|difference| {
        json!({
            "offset": difference.offset,
            "line": difference.position.map(|at| at.line),
            "column": difference.position.map(|at| at.column),
            "here": difference.here,
            "signed": difference.signed,
        })
    });
    json!({
        "code": cause.kind.code(),
        "about": if cause.about_value { "value" } else { "content" },
        "proved": cause.proved,
        "en": cause.kind.en(),
        "zh": cause.kind.zh(),
        "how_en": cause.how_en,
        "how_zh": cause.how_zh,
        "advice_en": cause.kind.advice_en(),
        "advice_zh": cause.kind.advice_zh(),
        "difference": difference,
    })
}
