//! Why the value of payment data does not verify. In: data that were read, and the certificates
//! that may have signed. Out: the first cause under which the value does verify, which is a
//! proof; else `unknown`. Bounded: a dozen candidates of the string, each verified once.

use onepoint_certs::{Certificate, KeyFamily, SignatureAlgorithm, SignaturePolicy, number};

use super::{Payment, Received};
use crate::jws::JwsCause;
use crate::jws::explain::spaced;
use crate::xmldsig::explain::{CauseKind, MAX_KEYS, from_der};

/// RSA keys below this are not taken under any policy, in bits.
const RSA_BITS: u32 = 1024;

impl Received {
    /// Says why the value does not verify under the certificate that `certNo` names; nothing
    /// where it does, or where none is named. `known` as for [`Received::verify`].
    pub fn explain(&self, policy: &SignaturePolicy, known: &[Certificate]) -> Option<JwsCause> {
        let (certificate, _) = number::find(known, &self.number, policy).ok()?;
        let string = self.payment.signed_string();
        let fits = |by: &Certificate, message: &str, value: &[u8]| {
            algorithms(by).iter().any(|algorithm| {
                let message = message.as_bytes();
                by.public_key().verify_at_least(RSA_BITS, *algorithm, message, value).is_ok()
            })
        };
        let good = |message: &str| fits(certificate, message, &self.value);
        if good(&string) {
            return None;
        }
        let raw = from_der(&self.value, SignatureAlgorithm::Sm2Sm3);
        if raw.is_some_and(|raw| fits(certificate, &string, &raw)) {
            let (en, zh) = ("the value is in ASN.1 DER form", "签名值为 ASN.1 DER 形式");
            return Some(JwsCause::proved(CauseKind::ValueForm, en, zh));
        }
        for other in known.iter().take(MAX_KEYS) {
            if fits(other, &string, &self.value) {
                let en = format!(
                    "the value is one of {}, number {}",
                    other.subject(),
                    other.serial_hex()
                );
                let zh =
                    format!("签名由 {} 产生，证书编号 {}", other.subject(), other.serial_hex());
                return Some(JwsCause::proved(CauseKind::OtherCertificate, &en, &zh));
            }
        }
        let found = strings(&self.payment).into_iter().find(|(_, _, _, text)| good(text));
        Some(match found {
            Some((kind, en, zh, _)) => JwsCause::proved(kind, en, zh),
            None => JwsCause::unknown(),
        })
    }
}

fn algorithms(by: &Certificate) -> &'static [SignatureAlgorithm] {
    match by.public_key().family() {
        KeyFamily::Sm2 => &[SignatureAlgorithm::Sm2Sm3],
        KeyFamily::Rsa => &[SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPkcs1Sha1],
        _ => &[],
    }
}

type Candidate = (CauseKind, &'static str, &'static str, String);

/// Strings that clients have signed instead.
fn strings(payment: &Payment) -> Vec<Candidate> {
    let Payment { session_id, head, lists, service_time } = payment;
    let with = |session: &str, head: &str, lists: &str, time: &str| {
        format!(
            "\"sessionID\":{session}||\"payExchangeInfoHead\":{head}||\
             \"payExchangeInfoLists\":{lists}||\"serviceTime\":{time}"
        )
    };
    let quoted = |text: &str| format!("\"{text}\"");
    let (session, time) = (quoted(session_id), quoted(service_time));
    let other = CauseKind::OtherOctets;
    let mut all: Vec<Candidate> = vec![
        (
            other,
            "head and lists were signed without quotes around them, as the announcement's text shows it",
            "加签时 payExchangeInfoHead 与 payExchangeInfoLists 未加引号（公告原文写法）",
            with(&session, head, lists, &time),
        ),
        (
            other,
            "serviceTime was signed without quotes",
            "加签时 serviceTime 未加引号",
            with(&session, &quoted(head), &quoted(lists), service_time),
        ),
        (
            other,
            "head, lists and serviceTime were signed without quotes",
            "加签时 payExchangeInfoHead、payExchangeInfoLists 与 serviceTime 均未加引号",
            with(&session, head, lists, service_time),
        ),
        (
            other,
            "lists were signed under the name payExchangeInfoList",
            "加签时使用了成员名 payExchangeInfoList（缺少 s）",
            payment.signed_string().replacen(
                "\"payExchangeInfoLists\"",
                "\"payExchangeInfoList\"",
                1,
            ),
        ),
    ];
    let escaped = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    all.push((
        other,
        "the quotes inside head and lists were escaped before signing",
        "加签前对 payExchangeInfoHead 与 payExchangeInfoLists 内的引号做了转义",
        with(&session, &escaped(head), &escaped(lists), &time),
    ));
    let layouts = [
        (",", ":", "signed without white space in head and lists", "加签时 JSON 无空白"),
        (", ", ": ", "signed with a space after : and ,", "加签时 : 与 , 后有空格"),
    ];
    for (comma, colon, en, zh) in layouts {
        let laid = |text: &str| quoted(&spaced(text, None, comma, colon));
        all.push((CauseKind::Reindented, en, zh, with(&session, &laid(head), &laid(lists), &time)));
    }
    all
}
