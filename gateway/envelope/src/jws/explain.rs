//! Why a JSON Web Signature does not verify. In: a token that was read, and the keys that
//! may have made it. Out: the first cause under which the value does verify, which is a
//! proof; else `unknown`. Bounded: some hundred candidates of the payload, each verified
//! once under one key, and [`MAX_KEYS`] other certificates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use onepoint_certs::{Certificate, KeyFamily, SignatureAlgorithm, SignaturePolicy};

use super::Jws;
use crate::xmldsig::explain::{CauseKind, Difference, MAX_KEYS, from_der, text_difference};

mod forms;

use forms::forms;
pub(crate) use forms::spaced;

/// Octets of a payload that is laid out otherwise.
const MAX_SEARCHED: usize = 1 << 20;
/// RSA keys below this are not taken under any policy, in bits.
const RSA_BITS: u32 = 1024;

/// A cause, and in what way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsCause {
    /// What happened.
    pub kind: CauseKind,
    /// Whether the value verifies under it.
    pub proved: bool,
    /// In what way, English.
    pub how_en: String,
    /// In what way, Chinese.
    pub how_zh: String,
    /// The first octet of the payload that differs from what was signed, where it was another
    /// payload.
    pub difference: Option<Difference>,
}

impl JwsCause {
    pub(crate) fn proved(kind: CauseKind, en: &str, zh: &str) -> JwsCause {
        let (how_en, how_zh) = (en.to_owned(), zh.to_owned());
        JwsCause { kind, proved: true, how_en, how_zh, difference: None }
    }

    /// Nothing led to a good value.
    pub(crate) fn unknown() -> JwsCause {
        JwsCause { proved: false, ..JwsCause::proved(CauseKind::Unknown, "", "") }
    }
}

impl Jws<'_> {
    /// Says why the value does not verify under the certificate that the header names;
    /// nothing where it does, or where no certificate is named. `known` as for
    /// [`Jws::verify`].
    pub fn explain(&self, policy: &SignaturePolicy, known: &[Certificate]) -> Option<JwsCause> {
        let (certificate, _) = self.certificate(policy, known).ok()?;
        let algorithm = self.header.algorithm;
        let message = self.message(&self.covered);
        let fits = |by: &Certificate, algorithm, message: &[u8], value: &[u8]| {
            by.public_key().verify_at_least(RSA_BITS, algorithm, message, value).is_ok()
        };
        let good = |message: &[u8]| fits(certificate, algorithm, message, &self.value);
        if good(&message) {
            return None;
        }
        let raw = from_der(&self.value, algorithm);
        if raw.is_some_and(|raw| fits(certificate, algorithm, &message, &raw)) {
            let (en, zh) = ("the value is in ASN.1 DER form", "签名值为 ASN.1 DER 形式");
            return Some(JwsCause::proved(CauseKind::ValueForm, en, zh));
        }
        let used = SignatureAlgorithm::ALL.into_iter().filter(|used| *used != algorithm);
        for used in used.filter(|used| used.family() != KeyFamily::Unsupported) {
            if fits(certificate, used, &message, &self.value) {
                let en = format!("the value is one of {}", used.name());
                let zh = format!("签名值由 {} 产生", used.name());
                return Some(JwsCause::proved(CauseKind::OtherAlgorithm, &en, &zh));
            }
        }
        let others = known.iter().chain(&self.header.certificates).take(MAX_KEYS);
        for other in others {
            if fits(other, algorithm, &message, &self.value) {
                let en = format!("the value is one of {}", other.subject());
                let zh = format!("签名由 {} 产生", other.subject());
                return Some(JwsCause::proved(CauseKind::OtherCertificate, &en, &zh));
            }
        }
        let hashed = algorithm.digest().digest(&message);
        if good(&hashed) {
            let (en, zh) =
                ("the digest of header and payload was signed", "对头部与载荷的摘要再次加签");
            return Some(JwsCause::proved(CauseKind::HashTwice, en, zh));
        }
        self.payloads(&good).or_else(|| Some(JwsCause::unknown()))
    }

    fn message(&self, covered: &[u8]) -> Vec<u8> {
        [self.protected.as_bytes(), b".", covered].concat()
    }

    /// Other payloads, or the same in another encoding.
    fn payloads(&self, good: &dyn Fn(&[u8]) -> bool) -> Option<JwsCause> {
        let payload = self.unverified_payload().ok()?;
        if payload.len() > MAX_SEARCHED {
            return None;
        }
        let instead: [(&[u8], &str, &str); 2] = [
            (&payload, "the payload was signed without its header", "只对载荷加签，未含头部"),
            (
                &self.covered,
                "the encoded payload was signed without its header",
                "只对编码后的载荷加签，未含头部",
            ),
        ];
        if let Some((_, en, zh)) = instead.iter().find(|(message, _, _)| good(message)) {
            return Some(JwsCause::proved(CauseKind::OtherOctets, en, zh));
        }
        let encodings = [
            (
                URL_SAFE.encode(&payload),
                "signed with padding in base64url",
                "加签时 base64url 带有填充",
            ),
            (
                STANDARD.encode(&payload),
                "signed in base64 instead of base64url",
                "加签时使用 base64 而非 base64url",
            ),
            (
                STANDARD_NO_PAD.encode(&payload),
                "signed in base64 without padding",
                "加签时使用无填充的 base64",
            ),
            (
                String::from_utf8(payload.clone()).unwrap_or_default(),
                "signed as it stands, as with b64 false",
                "按 b64=false 对原文加签",
            ),
        ];
        for (covered, en, zh) in &encodings {
            if good(&self.message(covered.as_bytes())) {
                return Some(JwsCause::proved(CauseKind::NotCanonical, en, zh));
            }
        }
        let text = std::str::from_utf8(&payload).ok()?;
        forms(text).into_iter().find_map(|(kind, (en, zh), form)| {
            let encoded = self.header.encoded.then(|| URL_SAFE_NO_PAD.encode(&form).into_bytes());
            let covered = encoded.as_ref().unwrap_or(&form);
            let difference = || text_difference(&payload, &form);
            good(&self.message(covered))
                .then(|| JwsCause { difference: difference(), ..JwsCause::proved(kind, en, zh) })
        })
    }
}

#[cfg(test)]
mod tests;
