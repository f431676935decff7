//! A dry run that explains. In: the bytes of a message and what a gateway, or only a
//! developer's machine, knows. Out: a [`Report`]: the verdict of every stage in order,
//! going on after a failure wherever the next stage can still say something true, the
//! causes of a signature that does not verify, and what intake would answer. Nothing is
//! journaled and no key is claimed; the pipeline that judges real messages is only called.

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{Certificate, Participant, ParticipantId, SignaturePolicy, TrustAnchors};
use onepoint_envelope::xmldsig::explain::{Cause, Explanation, explain};
use onepoint_schemas::{Catalogue, MessageType, Violation};
use onepoint_xml::{Document, Limits};
use serde_json::{Value, json};

use crate::authenticate::{self, Origin, Trust};
use crate::config::Routes;
use crate::intake::Received;
use crate::pipeline;
use crate::refusal::{Place, Refusal, Stage};
use carried::Carried;

mod carried;
mod identity;
mod json;
mod signature;
mod text;

/// What one stage says.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) stage: &'static str,
    /// None where nothing was judged.
    pub(crate) ok: Option<bool>,
    pub(crate) code: String,
    pub(crate) en: String,
    pub(crate) zh: String,
    pub(crate) place: Option<Place>,
    pub(crate) expected: Option<String>,
    /// All that schema or rules found.
    pub(crate) violations: Vec<Violation>,
    /// Members of its own, for JSON; null for none.
    pub(crate) detail: Value,
    /// Why a JSON Web Signature does not verify; those of XML Signature stand in the report.
    pub(crate) causes: Vec<Cause>,
}

impl Finding {
    fn new(
        stage: &'static str,
        ok: Option<bool>,
        code: impl Into<String>,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Finding {
        let (code, en, zh) = (code.into(), en.into(), zh.into());
        let (place, expected, detail) = (None, None, Value::Null);
        let (violations, causes) = (Vec::new(), Vec::new());
        Finding { stage, ok, code, en, zh, place, expected, violations, detail, causes }
    }

    fn refused(stage: &'static str, refusal: &Refusal) -> Finding {
        Finding {
            place: refusal.place.clone(),
            expected: refusal.expected.clone(),
            violations: refusal.violations.clone(),
            ..Finding::new(stage, Some(false), refusal.code.clone(), &*refusal.en, &*refusal.zh)
        }
    }

    fn with(self, detail: Value) -> Finding {
        Finding { detail, ..self }
    }
}

/// What is known where the message is explained.
pub(crate) struct Known<'k> {
    pub(crate) catalogue: &'k Catalogue,
    pub(crate) limits: &'k Limits,
    pub(crate) at: Timestamp,
    /// Certificates that the signer may name by number or may have signed with.
    pub(crate) registered: Vec<Certificate>,
    /// Without a gateway's configuration: what chains must end in.
    pub(crate) anchors: Option<&'k TrustAnchors>,
    pub(crate) tolerance: SignedDuration,
    pub(crate) policy: SignaturePolicy,
    /// A gateway's configuration, and who hands the message in.
    pub(crate) zone: Option<(&'k Trust, &'k Routes, ParticipantId)>,
}

impl<'k> Known<'k> {
    /// What a gateway knows of a message that `submitter` hands in.
    pub(crate) fn of_gateway(
        trust: &'k Trust,
        routes: &'k Routes,
        submitter: &ParticipantId,
        at: Timestamp,
    ) -> Known<'k> {
        let participant = trust.registry.participant(submitter);
        Known {
            catalogue: &trust.catalogue,
            limits: &trust.limits,
            at,
            registered: participant.map(|p| p.certificates.clone()).unwrap_or_default(),
            anchors: None,
            tolerance: trust.tolerance,
            policy: authenticate::policy_of(trust, participant, at),
            zone: Some((trust, routes, submitter.clone())),
        }
    }

    /// The same as seen by whoever reads for `sender`: its policy and its certificates.
    fn of_sender(&self, sender: &str) -> (SignaturePolicy, Vec<Certificate>) {
        let trust = self.zone.as_ref().map(|(trust, _, _)| *trust);
        match trust.and_then(|trust| Some((trust, trust.registry.by_dxp_id(sender)?))) {
            Some((trust, who)) => {
                (authenticate::policy_of(trust, Some(who), self.at), who.certificates.clone())
            }
            None => (self.policy.clone(), self.registered.clone()),
        }
    }

    fn submitter(&self) -> Option<&'k Participant> {
        self.zone.as_ref().and_then(|(trust, _, id)| trust.registry.participant(id))
    }
}

/// Every stage's verdict.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    pub(crate) signature: Option<Explanation>,
    /// The same of the DXP envelope around it.
    pub(crate) envelope: Option<Explanation>,
    /// What intake would answer; none without a gateway's configuration.
    pub(crate) answer: Option<Result<(), Refusal>>,
}

impl Report {
    /// Whether the message would be accepted, or without a gateway's configuration,
    /// whether no stage that was judged says no.
    pub(crate) fn accepted(&self) -> bool {
        match &self.answer {
            Some(answer) => answer.is_ok(),
            None => self.findings.iter().all(|finding| finding.ok != Some(false)),
        }
    }
}

/// Explains a message that intake would take.
pub(crate) fn report(received: Received, known: &Known<'_>) -> Report {
    let mut report = Report { findings: Vec::new(), signature: None, envelope: None, answer: None };
    match carried::open(&received, known, &mut report) {
        Some(carried) => {
            let outside = report.findings.len();
            stages(&carried, known, &mut report);
            for finding in report.findings.iter_mut().skip(outside) {
                let of_text = matches!(finding.stage, "schema" | "rules");
                if !of_text && carried.origin != Origin::Xml {
                    // A place in the XML form is none in the text.
                    finding.place = None;
                }
                if let Some(place) = &mut finding.place {
                    place.within = carried.within;
                }
            }
        }
        None => {
            let (en, zh) = ("no later stage can see a document", "后续阶段无法读取报文");
            report.findings.push(Finding::new("signature", None, "not-judged", en, zh));
        }
    }
    if let Some((trust, routes, _)) = &known.zone {
        let answer = pipeline::dry_run(received, trust, routes);
        report.findings.push(answer_finding(&answer));
        report.answer = Some(answer);
    }
    report
}

fn stages(carried: &Carried, known: &Known<'_>, report: &mut Report) {
    let Some(document) = &carried.document else {
        report.findings.extend(identity::findings(None, &carried.around, None, known));
        report.findings.extend(carried.faults.iter().flat_map(structure_refused));
        return;
    };
    let pinned = known.submitter().map(|it| it.schemas.as_slice()).unwrap_or_default();
    let found = authenticate::message_type(document, known.catalogue);
    let found =
        found.and_then(|kind| authenticate::in_force(kind, pinned, known.at, known.catalogue));
    let kind = match found {
        Ok(kind) => {
            report.findings.push(type_known(kind));
            Some(kind)
        }
        Err(refusal) => {
            report.findings.push(Finding::refused("type", &refusal));
            None
        }
    };
    let (policy, registered) = &carried.reader;
    let explained = explain(document, &authenticate::PLACE, policy, registered, &[]);
    if carried.stands_for(&explained) {
        report.findings.push(carried::stands_in(&carried.origin));
        report.findings.extend(identity::findings(Some(document), &carried.around, kind, known));
    } else {
        let own = explained.parts.as_ref().map(|parts| parts.certificates.as_slice());
        let own = own.unwrap_or_default();
        report.findings.push(signature::shape(&explained));
        report.findings.extend(identity::findings(Some(document), own, kind, known));
        report.findings.extend(signature::computed(&explained));
        report.signature = Some(explained);
    }
    if let Some(kind) = kind {
        report.findings.extend(content(carried, document, kind, known.catalogue));
    }
}

fn type_known(kind: &MessageType) -> Finding {
    let (en, zh) =
        (format!("the message type is {}", kind.name), format!("报文类型为 {}", kind.name));
    let detail = json!({ "message_type": kind.name, "schema": kind.schema_version() });
    Finding::new("type", Some(true), "type-known", en, zh).with(detail)
}

fn structure_refused(refusal: &Refusal) -> [Finding; 2] {
    let detail = json!({ "violations": refusal.violations });
    let (en, zh) = ("rules are judged once the schema holds", "结构合格后才校验业务规则");
    [
        Finding::refused("schema", refusal).with(detail),
        Finding::new("rules", None, "not-judged", en, zh),
    ]
}

/// Schema and rules, whoever signed.
fn content(
    carried: &Carried,
    document: &Document,
    kind: &MessageType,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let origin = &carried.origin;
    let structure = match &carried.faults {
        Some(faults) => Err(faults.clone()),
        None => catalogue.validate_structure(document, kind).map_err(|mut violations| {
            origin.place(&mut violations, catalogue, kind);
            Refusal::from_violations(Stage::Validate, violations)
        }),
    };
    if let Err(refusal) = structure {
        return structure_refused(&refusal).into();
    }
    let (en, zh) = ("the structure is that of the schema", "结构符合报文规范");
    let mut findings = vec![Finding::new("schema", Some(true), "schema-good", en, zh)];
    for index in 0..catalogue.documents(document, kind).len() {
        let mut violations = catalogue.check_rules(document, kind, index);
        origin.place(&mut violations, catalogue, kind);
        let detail = json!({ "document": index, "violations": violations });
        let finding = if violations.is_empty() {
            let (en, zh) = (
                format!("document {index} keeps the rules"),
                format!("第 {} 份单证符合业务规则", index + 1),
            );
            Finding::new("rules", Some(true), "rules-good", en, zh)
        } else {
            Finding::refused("rules", &Refusal::from_violations(Stage::Validate, violations))
        };
        findings.push(finding.with(detail));
    }
    findings
}

fn answer_finding(answer: &Result<(), Refusal>) -> Finding {
    match answer {
        Ok(()) => {
            let en = "intake would take this message; whether its guid or a business key is taken already is not looked up here";
            let zh = "网关会接收此报文；此处不查询 guid 或业务主键是否已被占用";
            Finding::new("answer", Some(true), "would-be-accepted", en, zh)
        }
        Err(refusal) => {
            let en = format!("intake would refuse this message: {}", refusal.en);
            let zh = format!("网关会拒绝此报文：{}", refusal.zh);
            let finding = Finding::refused("answer", refusal);
            Finding { en, zh, ..finding }.with(json!({ "status": refusal.status }))
        }
    }
}
