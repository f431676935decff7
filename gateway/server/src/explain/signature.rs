//! Findings about the Signature: its shape, the digest of the content, the value over
//! SignedInfo. In: what the crate envelope explains. Out: findings, with the canonical
//! octets and the causes in their details.

use onepoint_envelope::xmldsig::SignatureError;
use onepoint_envelope::xmldsig::explain::{Explanation, Inspected};
use serde_json::json;

use super::Finding;
use super::json::{causes, octets};
use crate::authenticate::signature_refusal;
use crate::refusal::Place;

/// Codes that the stages below say with more.
const SAID_LATER: [&str; 2] = ["signature-digest-mismatch", "signature-value-mismatch"];

/// Place, profile and policy of the Signature.
pub(super) fn shape(explained: &Explanation) -> Finding {
    let error = explained.outcome.as_ref().err();
    let policy = explained.parts.as_ref().and_then(|parts| parts.policy.as_ref());
    let said_later = |error: &&SignatureError| !SAID_LATER.contains(&error.code());
    if let Some(error) = error.filter(said_later).or(policy) {
        return Finding::refused("signature", &signature_refusal(error));
    }
    let (en, zh) = (
        "one ds:Signature, at its place and within the profile",
        "有且仅有一个 ds:Signature，位置与内容符合签名规范",
    );
    let finding = Finding::new("signature", Some(true), "signature-in-profile", en, zh);
    let place = explained.parts.as_ref().map(|parts| Place {
        line: parts.position.line,
        column: parts.position.column,
        path: parts.path.clone(),
        within: "",
    });
    Finding { place, ..finding }
}

/// Digest and value.
pub(super) fn computed(explained: &Explanation) -> Vec<Finding> {
    let Some(parts) = &explained.parts else {
        let (en, zh) = ("there is no Signature that could be judged", "没有可供校验的签名");
        return vec![Finding::new("reference", None, "not-judged", en, zh)];
    };
    let tolerated = explained.outcome.as_ref().map(|signed| signed.tolerances());
    vec![reference(parts, tolerated.is_ok()), value(parts, tolerated.is_ok())]
}

fn reference(parts: &Inspected, verified: bool) -> Finding {
    let reference = &parts.reference;
    let same = reference.expected == reference.computed;
    let name = reference.digest.name();
    let finding = if same || verified {
        let (en, zh) =
            (format!("the {name} digest is that of the content"), format!("{name} 摘要与内容相符"));
        Finding::new("reference", Some(true), "digest-good", en, zh)
    } else {
        let en = format!(
            "the {name} digest of the content is {}, the document has {}",
            hex(&reference.computed),
            hex(&reference.expected)
        );
        let zh = format!(
            "内容的 {name} 摘要为 {}，报文中为 {}",
            hex(&reference.computed),
            hex(&reference.expected)
        );
        Finding::new("reference", Some(false), "signature-digest-mismatch", en, zh)
    };
    let (line, column) = (reference.position.line, reference.position.column);
    Finding {
        place: Some(Place {
            line,
            column,
            path: format!("{}/ds:SignedInfo/ds:Reference", parts.path),
            within: "",
        }),
        ..finding
    }
    .with(json!({
        "uri": reference.uri,
        "transforms": reference.transforms,
        "digest_algorithm": name,
        "expected": hex(&reference.expected),
        "computed": hex(&reference.computed),
        "canonical": octets(&reference.octets),
        "causes": causes(parts, false),
    }))
}

fn value(parts: &Inspected, verified: bool) -> Finding {
    let name = parts.algorithm.name();
    let finding = match parts.value_good {
        None => {
            let (en, zh) =
                ("no certificate was found to verify the value with", "未找到可用于验签的证书");
            Finding::new("value", None, "not-judged", en, zh)
        }
        Some(good) if good || verified => {
            let (en, zh) = (
                format!("the {name} value is one of the certificate's key over SignedInfo"),
                format!("{name} 签名值与证书及 SignedInfo 相符"),
            );
            Finding::new("value", Some(true), "value-good", en, zh)
        }
        Some(_) => {
            let (en, zh) = (
                format!(
                    "the {name} value is not one of the certificate's key over this SignedInfo"
                ),
                format!("{name} 签名值与证书或 SignedInfo 不符"),
            );
            Finding::new("value", Some(false), "signature-value-mismatch", en, zh)
        }
    };
    finding.with(json!({
        "algorithm": name,
        "canonicalization": parts.canonicalization,
        "signed_info": octets(&parts.signed_info),
        "causes": causes(parts, true),
    }))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
