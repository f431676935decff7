//! Findings about who signed: certificates and their chain, revocation, participant,
//! submitter, rights, guid, parties. In: the certificates of a signature and what is
//! known. Out: findings, each judged for itself, whatever the others say.

use onepoint_certs::{Certificate, Chain, TrustAnchors};
use onepoint_schemas::MessageType;
use onepoint_xml::Document;
use serde_json::{Value, json};

use super::{Finding, Known};
use crate::authenticate;
use crate::refusal::{Refusal, Stage};
use crate::revocation;

pub(super) fn findings(
    document: Option<&Document>,
    certificates: &[Certificate],
    kind: Option<&MessageType>,
    known: &Known<'_>,
) -> Vec<Finding> {
    let Some((leaf, rest)) = certificates.split_first() else {
        let (en, zh) = ("there is no certificate that could be judged", "没有可供校验的证书");
        return vec![Finding::new("chain", None, "not-judged", en, zh)];
    };
    let (chain, verified) = chain(leaf, rest, known);
    let mut findings = vec![chain, revocation(verified.as_ref(), known)];
    findings.extend(participant(document, leaf, kind, known));
    findings
}

/// The anchors of the group of whoever the certificate is registered for; those of all
/// groups for a stranger's.
fn anchors<'k>(leaf: &Certificate, known: &Known<'k>) -> Option<&'k TrustAnchors> {
    let Some((trust, _, _)) = known.zone else { return known.anchors };
    let participant = trust.registry.by_certificate(&leaf.fingerprint());
    Some(participant.map_or_else(|| trust.anchors.all(), |found| trust.anchors.of(found)))
}

fn chain(leaf: &Certificate, rest: &[Certificate], known: &Known<'_>) -> (Finding, Option<Chain>) {
    let shown = std::iter::once(leaf).chain(rest).map(|certificate| shown(certificate, known));
    let shown: Vec<Value> = shown.collect();
    let Some(anchors) = anchors(leaf, known) else {
        let (en, zh) =
            ("no anchors were given; the chain is not judged", "未提供信任锚，未校验证书链");
        let finding = Finding::new("chain", None, "not-judged", en, zh);
        return (finding.with(json!({ "certificates": shown })), None);
    };
    let verified = anchors.verify_chain_under(&known.policy, leaf, rest, known.at, known.tolerance);
    match verified {
        Ok(chain) => {
            let anchor = chain.anchor().subject();
            let (en, zh) =
                (format!("the chain leads to {anchor}"), format!("证书链可追溯到 {anchor}"));
            let detail = json!({ "certificates": shown, "anchor": anchor });
            let finding = Finding::new("chain", Some(true), "chain-good", en, zh).with(detail);
            (finding, Some(chain))
        }
        Err(error) => {
            let refusal =
                Refusal::new(Stage::Authenticate, 403, error.code(), error.en(), error.zh());
            let subjects: Vec<&str> = anchors.certificates().iter().map(|c| c.subject()).collect();
            let detail = json!({ "certificates": shown, "anchors": subjects });
            (Finding::refused("chain", &refusal).with(detail), None)
        }
    }
}

fn shown(certificate: &Certificate, known: &Known<'_>) -> Value {
    json!({
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "serial": certificate.serial_hex(),
        "fingerprint": certificate.fingerprint().to_string(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "in_validity": certificate.not_before() <= known.at && known.at <= certificate.not_after(),
    })
}

/// What the gateway's lists say of every certificate of the chain.
fn revocation(chain: Option<&Chain>, known: &Known<'_>) -> Finding {
    let Some((trust, _, _)) = &known.zone else {
        let (en, zh) = ("revocation lists are not asked", "未查询吊销列表");
        return Finding::new("revocation", None, "revocation-not-checked", en, zh);
    };
    let Some(chain) = chain else {
        let (en, zh) =
            ("without a chain there is no issuer to ask", "证书链无效，无法查询吊销状态");
        return Finding::new("revocation", None, "not-judged", en, zh);
    };
    let taken = match trust.revocation.judge(chain, known.at, trust.tolerance, &known.policy) {
        Ok(taken) => taken,
        Err(error) => return Finding::refused("revocation", &authenticate::revoked(&error)),
    };
    let ends = taken.iter().filter_map(|one| one.grace).map(|(_, ends)| ends).min();
    let finding = if let Some(ends) = ends {
        let (en, zh) = (
            format!("a status is unknown; it is taken until {ends}"),
            format!("吊销状态未知，宽限至 {ends}"),
        );
        Finding::new("revocation", Some(true), "revocation-unknown-in-grace", en, zh)
    } else if taken.iter().all(|one| one.status.is_none()) {
        let (en, zh) = ("no lists of these issuers are asked", "未查询这些签发者的吊销列表");
        Finding::new("revocation", None, "revocation-not-checked", en, zh)
    } else {
        let (en, zh) = ("current lists do not name the certificates", "现行吊销列表未列出证书");
        Finding::new("revocation", Some(true), "revocation-good", en, zh)
    };
    finding.with(json!({ "certificates": revocation::says(&taken) }))
}

fn participant(
    document: Option<&Document>,
    leaf: &Certificate,
    kind: Option<&MessageType>,
    known: &Known<'_>,
) -> Vec<Finding> {
    let Some((trust, _, submitter)) = &known.zone else {
        return vec![registered(leaf, known)];
    };
    let Some(sender) = trust.registry.by_certificate(&leaf.fingerprint()) else {
        return vec![Finding::refused("participant", &authenticate::unknown_sender(leaf))];
    };
    let (en, zh) = (
        format!("the certificate is registered for {}", sender.id),
        format!("证书登记于 {}", sender.id),
    );
    let mut findings = vec![
        Finding::new("participant", Some(true), "sender-known", en, zh)
            .with(json!({ "participant": sender.id.as_str(), "policy": known.policy.name })),
    ];
    let (Some(document), Some(kind)) = (document, kind) else { return findings };
    let mut judge = |stage, judged: Result<(), Refusal>, code: &str, en: &str, zh: &str| {
        findings.push(match judged {
            Ok(()) => Finding::new(stage, Some(true), code, en, zh),
            Err(refusal) => Finding::refused(stage, &refusal),
        });
    };
    let submits = authenticate::check_submitter(sender, submitter, kind, trust, known.at);
    let (en, zh) = ("who hands it in may do so for the signer", "提交方可代签名方提交");
    judge("submitter", submits, "submitter-entitled", en, zh);
    let (en, zh) = ("the signer may send this type", "签名方可发送此类报文");
    judge("rights", authenticate::check_right(sender, kind), "sender-may-send", en, zh);
    let (en, zh) = ("the root carries a guid", "根元素有 guid");
    judge("guid", authenticate::guid(document).map(drop), "guid-good", en, zh);
    let facts = trust.catalogue.documents(document, kind);
    let parties = authenticate::check_parties(sender, kind, &facts, trust, known.at).map(drop);
    let (en, zh) = (
        "the signer may speak for the parties that the documents name",
        "签名方可代表单证所列企业",
    );
    judge("delegation", parties, "parties-entitled", en, zh);
    findings
}

/// Without a configuration: whether it is one of the certificates that were given.
fn registered(leaf: &Certificate, known: &Known<'_>) -> Finding {
    if known.registered.is_empty() || known.submitter().is_some() {
        let (en, zh) = ("no registered certificates were given", "未提供已登记的证书");
        return Finding::new("participant", None, "not-judged", en, zh);
    }
    if known.registered.iter().any(|own| own.fingerprint() == leaf.fingerprint()) {
        let (en, zh) = (
            "the certificate is one of those given as registered",
            "签名证书在所提供的已登记证书之中",
        );
        return Finding::new("participant", Some(true), "sender-known", en, zh);
    }
    Finding::refused("participant", &authenticate::unknown_sender(leaf))
}
