//! Findings about what a message is carried in: a DXP envelope or a JSON Web Signature, its
//! shape, its addresses, its signature and why that does not verify. In: the bytes and what is
//! known. Out: findings, and the document inside wherever one can be seen, verified or not; of
//! JSON that has faults, the XML form of what has none.

use onepoint_certs::{Certificate, SignaturePolicy};
use onepoint_envelope::dxp::{AROUND_MESSAGE, DxpMsg, DxpMsgSv};
use onepoint_envelope::jws::{Jws, JwsCause, JwsError};
use onepoint_envelope::xmldsig::explain::{Cause, Explanation, explain};
use onepoint_envelope::xmldsig::{Fault, SignaturePlace};
use onepoint_xml::Document;
use serde_json::json;

use super::{Finding, Known, Report, signature};
use crate::authenticate::{self, Origin, PLACE, dxp, jose, json as message, open, payment};
use crate::intake::{Carrier, Received, unsigned_json};
use crate::refusal::Refusal;

/// Begins the names of the stages that judge an envelope.
pub(super) const ENVELOPE: &str = "envelope-";

/// Policy and certificates by which a Signature is judged.
type Reader = (SignaturePolicy, Vec<Certificate>);

/// A document, out of what it was carried in.
pub(super) struct Carried {
    /// None of JSON that has no XML form at all.
    pub(super) document: Option<Document>,
    pub(super) within: &'static str,
    /// What it was made of.
    pub(super) origin: Origin,
    /// What the JSON Schema says against the JSON that it was made of.
    pub(super) faults: Option<Refusal>,
    /// Certificates of the signature nearest around it, the signer's first; none without one.
    pub(super) around: Vec<Certificate>,
    /// Those of its own Signature.
    pub(super) reader: Reader,
}

impl Carried {
    fn of(document: Document, within: &'static str, origin: Origin, reader: Reader) -> Carried {
        let document = Some(document);
        Carried { document, within, origin, faults: None, around: Vec::new(), reader }
    }

    /// Whether the signature around the document stands for the one that it does not have.
    pub(super) fn stands_for(&self, own: &Explanation) -> bool {
        let missing =
            own.outcome.as_ref().err().is_some_and(|e| matches!(e.fault(), Fault::Missing));
        // JSON has no place for one.
        missing && (!self.around.is_empty() || matches!(self.origin, Origin::Json(_)))
    }
}

/// The finding about a document without a Signature, inside of something signed.
pub(super) fn stands_in(origin: &Origin) -> Finding {
    let (en, zh) = match origin {
        Origin::Json(_) => (
            "JSON has no Signature inside; it is signed by a JSON Web Signature around it",
            "JSON 报文内部没有签名，由其外的 JWS 加签",
        ),
        _ => (
            "the document has no Signature of its own; whether the envelope's does for this type is said below",
            "单证本身未加签，该类报文是否可仅凭信封签名接收见下文",
        ),
    };
    Finding::new("signature", None, "carried-unsigned", en, zh)
}

/// Opens what `received` is carried in.
pub(super) fn open(received: &Received, known: &Known<'_>, report: &mut Report) -> Option<Carried> {
    match received.carrier() {
        Carrier::Xml => {
            let document = well_formed(received.bytes().to_vec(), "", known, report)?;
            if open::is_envelope(&document) {
                return envelope(&document, known, report);
            }
            let reader = (known.policy.clone(), known.registered.clone());
            Some(Carried::of(document, "", Origin::Xml, reader))
        }
        Carrier::JwsCompact | Carrier::JwsFlattened => jws(received, known, report),
        Carrier::PaymentData => payment_data(received, known, report),
        // No door that explains takes it; what intake answers is said without reasons.
        Carrier::Mo => None,
        Carrier::Json => {
            report.findings.push(Finding::refused("envelope", &unsigned_json()));
            let reader = (known.policy.clone(), known.registered.clone());
            Some(of_json(received.bytes(), "", (known, reader), report))
        }
    }
}

fn well_formed(
    bytes: Vec<u8>,
    within: &'static str,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Document> {
    let parsed = match within {
        "" => authenticate::parse(bytes, known.limits),
        within => open::inner(bytes, within, known.limits),
    };
    match parsed {
        Ok(document) => {
            let (en, zh) =
                ("the document is well-formed XML in UTF-8", "报文是格式良好的 UTF-8 XML");
            report.findings.push(Finding::new("well-formed", Some(true), "well-formed", en, zh));
            Some(document)
        }
        Err(refusal) => {
            report.findings.push(Finding::refused("well-formed", &refusal));
            None
        }
    }
}

/// A `DxpMsg`, or a `DxpMsgSv` around one.
fn envelope(document: &Document, known: &Known<'_>, report: &mut Report) -> Option<Carried> {
    if document.root().name().local == "DxpMsg" {
        return match DxpMsg::parse(document) {
            Ok(message) => of_message(document, message, known, report),
            Err(error) => shapeless(&dxp::refused(&error, "DxpMsg"), report),
        };
    }
    let whole = match DxpMsgSv::parse(document) {
        Ok(whole) => whole,
        Err(error) => return shapeless(&dxp::refused(&error, "DxpMsgSv"), report),
    };
    let number = whole.number();
    let (en, zh) = (
        format!("a DxpMsgSv from node {} to node {}", number.sta_node, number.end_node),
        format!("节点 {} 发往节点 {} 的 DxpMsgSv", number.sta_node, number.end_node),
    );
    report.findings.push(Finding::new("envelope", Some(true), "envelope-good", en, zh));
    let node = known.zone.as_ref().and_then(|(trust, _, _)| {
        let node = trust.registry.by_node(&number.sta_node)?;
        Some((authenticate::policy_of(trust, Some(node), known.at), node.certificates.clone()))
    });
    let reader = node.unwrap_or_else(|| (known.policy.clone(), known.registered.clone()));
    signed(document, &AROUND_MESSAGE, &reader, report);
    let text = whole.message_text().as_bytes().to_vec();
    match authenticate::parse(text, known.limits) {
        Ok(message) => of_message(&message, whole.message().clone(), known, report),
        Err(refusal) => shapeless(&refusal, report),
    }
}

fn shapeless(refusal: &Refusal, report: &mut Report) -> Option<Carried> {
    report.findings.push(Finding::refused("envelope", refusal));
    None
}

fn of_message(
    document: &Document,
    message: DxpMsg,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Carried> {
    let (from, to) = (&message.sender_id, message.receiver_ids.join(", "));
    let (en, zh) = (
        format!("a DxpMsg from {from} to {to}, CopMsgId {}", message.cop_msg_id),
        format!("{from} 发往 {to} 的 DxpMsg，CopMsgId 为 {}", message.cop_msg_id),
    );
    report.findings.push(Finding::new("envelope", Some(true), "envelope-good", en, zh));
    if let Some((trust, _, _)) = &known.zone {
        report.findings.push(match dxp::check_addresses(document, &message, trust) {
            Ok(sender) => {
                let (en, zh) = (
                    format!("SenderId is that of {}, and the receivers are known", sender.id),
                    format!("SenderId 属于 {}，接收方均已登记", sender.id),
                );
                Finding::new("envelope-addresses", Some(true), "addresses-good", en, zh)
            }
            Err(refusal) => Finding::refused("envelope-addresses", &refusal),
        });
    }
    let reader = known.of_sender(&message.sender_id);
    let around = signed(document, &PLACE, &reader, report);
    let document = well_formed(message.data, open::IN_DATA, known, report)?;
    Some(Carried { around, ..Carried::of(document, open::IN_DATA, Origin::Xml, reader) })
}

/// The Signature of an envelope; gives its certificates.
fn signed(
    document: &Document,
    place: &SignaturePlace,
    (policy, registered): &Reader,
    report: &mut Report,
) -> Vec<Certificate> {
    let explained = explain(document, place, policy, registered, &[]);
    if explained.outcome.as_ref().err().is_some_and(|e| matches!(e.fault(), Fault::Missing)) {
        let (en, zh) = ("the envelope is not signed", "信封未加签");
        report.findings.push(Finding::new("envelope-signature", None, "envelope-unsigned", en, zh));
        return Vec::new();
    }
    let found =
        std::iter::once(signature::shape(&explained)).chain(signature::computed(&explained));
    report.findings.extend(found.map(|finding| Finding {
        stage: match finding.stage {
            "reference" => "envelope-reference",
            "value" => "envelope-value",
            _ => "envelope-signature",
        },
        ..finding
    }));
    let certificates = explained.parts.as_ref().map(|parts| parts.certificates.clone());
    report.envelope = Some(explained);
    certificates.unwrap_or_default()
}

fn jws(received: &Received, known: &Known<'_>, report: &mut Report) -> Option<Carried> {
    let read = match jose::read(received) {
        Ok(read) => read,
        Err(refusal) => return shapeless(&refusal, report),
    };
    let (en, zh) = ("a JSON Web Signature within the profile", "符合规范的 JWS 签名");
    report.findings.push(Finding::new("envelope", Some(true), "envelope-good", en, zh));
    report.findings.push(value(&read, known));
    let around = read.named_certificates(&known.policy, &known.registered);
    let payload = match read.unverified_payload() {
        Ok(payload) => payload,
        Err(error) => return shapeless(&jose::refused(&error), report),
    };
    let reader = (known.policy.clone(), known.registered.clone());
    let within = open::IN_PAYLOAD;
    let inside = match payload.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => of_json(&payload, within, (known, reader), report),
        _ => {
            let document = well_formed(payload, within, known, report)?;
            Carried::of(document, within, Origin::Xml, reader)
        }
    };
    Some(Carried { around, ..inside })
}

/// The document of a JSON message. What its JSON Schema says against it is told below, where
/// that of XML is told by the XSD; here only what keeps it from being read.
fn of_json(
    text: &[u8],
    within: &'static str,
    (known, reader): (&Known<'_>, Reader),
    report: &mut Report,
) -> Carried {
    let origin = Origin::Json(text.to_vec());
    let (around, faults) = (Vec::new(), None);
    let nothing = Carried { document: None, within, origin, faults, around, reader };
    let json = match message::read(text, within, known.limits) {
        Ok(json) => json,
        Err(refusal) => {
            report.findings.push(Finding::refused("well-formed", &refusal));
            return nothing;
        }
    };
    let (en, zh) = ("the message is strict JSON in UTF-8", "报文是严格的 UTF-8 JSON");
    report.findings.push(Finding::new("well-formed", Some(true), "json-good", en, zh));
    let found = message::kind(&json, within, known.catalogue)
        .and_then(|kind| Ok((kind, message::form(kind, known.catalogue)?)));
    let (kind, form) = match found {
        Ok(found) => found,
        Err(refusal) => {
            report.findings.push(Finding::refused("type", &refusal));
            return nothing;
        }
    };
    let document = authenticate::parse(form.sketch(&json).into_bytes(), known.limits).ok();
    if document.is_none() {
        // Nothing of it is as its type has it; the schema says so below.
        report.findings.push(super::type_known(kind));
    }
    let faults = form.accept(json).err().map(|found| message::refused(found, within));
    Carried { document, faults, ..nothing }
}

fn value(read: &Jws<'_>, known: &Known<'_>) -> Finding {
    let error = match read.verify(&known.policy, &known.registered) {
        Ok(signed) => {
            let name = signed.algorithm().name();
            let (en, zh) = (
                format!("the {name} value is one of the certificate's key over header and payload"),
                format!("{name} 签名值与证书、头部及载荷相符"),
            );
            let finding = Finding::new("envelope-value", Some(true), "value-good", en, zh);
            return finding.with(json!({ "algorithm": name }));
        }
        Err(error) => error,
    };
    let finding = Finding::refused("envelope-value", &jose::refused(&error));
    if !matches!(error, JwsError::ValueMismatch(_)) {
        return finding;
    }
    let causes = read.explain(&known.policy, &known.registered).into_iter().map(of_value);
    Finding { causes: causes.collect(), ..finding }
}

fn of_value(cause: JwsCause) -> Cause {
    let JwsCause { kind, proved, how_en, how_zh, difference } = cause;
    Cause { kind, about_value: true, proved, how_en, how_zh, difference }
}

/// The JSON of announcement 179.
fn payment_data(received: &Received, known: &Known<'_>, report: &mut Report) -> Option<Carried> {
    let read = match payment::read(received) {
        Ok(read) => read,
        Err(refusal) => return shapeless(&refusal, report),
    };
    let (en, zh) = ("payment data of announcement 179", "179号公告支付数据");
    report.findings.push(Finding::new("envelope", Some(true), "envelope-good", en, zh));
    let (policy, registered) = (&known.policy, known.registered.as_slice());
    report.findings.push(match read.verify(policy, registered) {
        Ok(signed) => {
            let name = signed.algorithm().name();
            let (en, zh) = (
                format!("the {name} value is one of the certificate's key over the exact string"),
                format!("{name} 签名值与证书及待签字符串相符"),
            );
            let finding = Finding::new("envelope-value", Some(true), "value-good", en, zh);
            finding.with(json!({ "algorithm": name }))
        }
        Err(error) => {
            let string = json!({ "signed_string": read.payment().signed_string() });
            let finding =
                Finding::refused("envelope-value", &payment::refused(&error)).with(string);
            let causes = read.explain(policy, registered).into_iter().map(of_value);
            Finding { causes: causes.collect(), ..finding }
        }
    });
    let named = registered.iter().find(|it| it.serial_hex().eq_ignore_ascii_case(read.number()));
    let around = named.cloned().into_iter().collect();
    match payment::document(read.payment(), known.limits) {
        Ok(document) => {
            let reader = (known.policy.clone(), known.registered.clone());
            let origin = Origin::PaymentData(received.bytes().to_vec());
            Some(Carried { around, ..Carried::of(document, payment::IN_STRING, origin, reader) })
        }
        Err(refusal) => shapeless(&refusal, report),
    }
}
