//! Refusals for senders that ask for XML (`Accept: application/xml`). In: an answer and the
//! bytes of its message. Out: CEB900 for a message whose form does not let it through, else
//! the receipt of its type with each refused document; nothing where none was refused.

use jiff::Timestamp;
use jiff::tz::Offset;
use onepoint_schemas::{Issue, MessageType, Refused, format_receipt, return_status, summary};
use ring::digest::{SHA256, digest};
use uuid::Builder;

use crate::answer::Answer;
use crate::authenticate::{self, Trust};
use crate::refusal::{Refusal, Stage};

/// The zone of all times in CEB messages.
const ZONE: Offset = Offset::constant(8);
/// Longest returnInfo of a receipt of documents, and of CEB900, characters (norm of 2022-05).
const INFO_MAX: usize = 1000;
const FORMAT_INFO_MAX: usize = 5000;

/// Whether the sender wants XML: it is the first that `Accept` names.
pub(crate) fn is_wanted(accept: Option<&str>) -> bool {
    let first = accept.and_then(|accept| accept.split([',', ';']).next()).unwrap_or_default();
    matches!(first.trim(), "application/xml" | "text/xml")
}

/// The receipt of what was refused.
pub(crate) fn receipt(
    answer: &Answer,
    bytes: &[u8],
    trust: &Trust,
    at: Timestamp,
) -> Option<String> {
    let time = ZONE.to_datetime(at).strftime("%Y%m%d%H%M%S%3f").to_string();
    let guid = |number: usize| guid(answer.message(), number);
    let issue = Issue { time: &time, guid: &guid };
    let refusals: Vec<(usize, &Refusal)> = answer.refused_documents().collect();
    let whole = answer.refused_message();
    if whole.is_none() && refusals.is_empty() {
        return None;
    }
    let document = authenticate::parse(bytes.to_vec(), &trust.limits).ok();
    let kind = document
        .as_ref()
        .and_then(|document| authenticate::message_type(document, &trust.catalogue).ok());
    if let (Some(document), Some(kind)) = (&document, kind)
        && whole.is_none_or(|refusal| refusal.stage != Stage::Validate)
    {
        let facts = trust.catalogue.documents(document, kind);
        let all = facts.iter().filter_map(|facts| {
            let own = refusals.iter().find(|(index, _)| *index == facts.index);
            Some((facts, whole.or(own.map(|(_, refusal)| *refusal))?))
        });
        let told: Vec<_> = all
            .map(|(facts, refusal)| (facts, status(refusal, Some(kind)), info(refusal, INFO_MAX)))
            .collect();
        let refused: Vec<Refused<'_>> =
            told.iter().map(|(facts, status, info)| Refused { facts, status, info }).collect();
        if let Some(xml) = trust.catalogue.receipt_of(kind, &refused, &issue) {
            return Some(xml);
        }
    }
    let refusal = whole.or(refusals.first().map(|(_, refusal)| *refusal))?;
    let (status, info) = (status(refusal, kind), info(refusal, FORMAT_INFO_MAX));
    let root = document.as_ref().and_then(|it| it.root().attribute("", "guid"));
    let name = document.as_ref().map(|it| it.root().name().local).unwrap_or_default();
    Some(format_receipt(&issue, &status, &info, root.unwrap_or_default(), name, bytes))
}

/// The norm's code for the first fault, or for the kind of refusal.
fn status(refusal: &Refusal, kind: Option<&MessageType>) -> String {
    let norm = kind.map(|kind| &kind.norm);
    let of_kind = |code: &str| match code {
        "already-declared" => norm?.duplicate.as_deref(),
        code if code.starts_with("signature") => norm?.signature.as_deref(),
        // Nothing of it could be read: the norm's "format" of the transport.
        _ if kind.is_none() => Some("0001"),
        _ => None,
    };
    let first = refusal.violations.first().and_then(|first| first.norm_code.as_deref());
    return_status(first.or_else(|| of_kind(&refusal.code)))
}

fn info(refusal: &Refusal, most: usize) -> String {
    if refusal.violations.is_empty() {
        let text = format!("[Code:{};Desc:{}]", refusal.code, refusal.zh);
        return text.chars().take(most).collect();
    }
    summary(&refusal.violations, most)
}

/// A guid in capitals, the same whenever this refusal is told: a UUID of version 8 (RFC 9562,
/// section 5.8) made of the message it is about.
fn guid(message: &str, number: usize) -> String {
    let mut bytes = [0_u8; 16];
    let hash = digest(&SHA256, format!("ceb-receipt {message} {number}").as_bytes());
    for (byte, from) in bytes.iter_mut().zip(hash.as_ref()) {
        *byte = *from;
    }
    Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_wanted_where_it_comes_first() {
        for yes in ["application/xml", " text/xml ; q=0.9", "application/xml, application/json"] {
            assert!(is_wanted(Some(yes)), "{yes}");
        }
        for no in ["application/json, application/xml", "*/*", "", "application/xmlx"] {
            assert!(!is_wanted(Some(no)), "{no}");
        }
        assert!(!is_wanted(None));
    }

    #[test]
    fn guids_stand_for_a_message_and_a_number() {
        let one = guid("m", 1);
        assert_eq!((one.len(), one.get(14..15)), (36, Some("8")));
        assert_eq!(one, guid("m", 1));
        assert_ne!(one, guid("m", 2));
        assert_ne!(one, guid("n", 1));
        assert_eq!(one, one.to_uppercase());
    }
}
