//! Real-time payment data of announcement 179 (2018): the JSON of `payExInfoStr` and the
//! exact string that is signed. In: the JSON as it was sent, or its parts. Out: a
//! [`SignedPayment`], which nothing but [`Received::verify`] can make, or the signed JSON.
//!
//! The string: `"sessionID":"…"||"payExchangeInfoHead":"{…}"||"payExchangeInfoLists":"[…]"||
//! "serviceTime":"…"`, where the inner JSON stands as it was sent, byte for byte, in quotes
//! and not escaped. Promised: the certificate is the one that `certNo` names among those
//! that the caller knows (the exchange itself does not check that), and what was signed is
//! what is shown.

mod content;
mod error;
mod explain;
#[cfg(test)]
mod tests;

pub use content::{Content, Fields, Order};
pub use error::PaymentError;

use onepoint_certs::{
    Certificate, KeyError, KeyFamily, PolicyError, SignatureAlgorithm, SignaturePolicy, SigningKey,
    Tolerance, number, testpki,
};
use serde_json::Value;

use crate::json::{self, Member};
use crate::octets;

/// Bytes of the whole JSON.
pub const MAX_BYTES: usize = 1 << 20;
/// Bytes of a session id.
pub const MAX_SESSION_BYTES: usize = 128;
/// Octets of a signature value: RSA with 8192 bits.
const MAX_VALUE_BYTES: usize = 1024;

/// The data of one request, signed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    session_id: String,
    head: String,
    lists: String,
    service_time: String,
}

/// The JSON of one answer, read and not yet verified.
#[derive(Debug, Clone)]
pub struct Received {
    payment: Payment,
    number: String,
    value: Vec<u8>,
}

/// Evidence: this data was signed with the key of this certificate, one of those that the
/// caller knows.
#[derive(Debug, Clone)]
pub struct SignedPayment {
    payment: Payment,
    certificate: Certificate,
    algorithm: SignatureAlgorithm,
    tolerances: Vec<Tolerance>,
}

impl SignedPayment {
    /// The data.
    pub fn payment(&self) -> &Payment {
        &self.payment
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The algorithm.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Codes of the loose rules of the policy that were needed.
    pub fn tolerances(&self) -> Vec<&'static str> {
        self.tolerances.iter().map(|used| used.code()).collect()
    }
}

impl Payment {
    /// Takes the parts of a request: `head` a JSON object and `lists` a JSON array, both
    /// compact, as they will be sent; `service_time` in milliseconds.
    ///
    /// # Errors
    /// [`PaymentError`].
    pub fn new(
        session_id: &str,
        head: &str,
        lists: &str,
        service_time: &str,
    ) -> Result<Payment, PaymentError> {
        let quoted = Value::String(session_id.to_owned());
        let text = format!(
            "{{\"sessionID\":{quoted},\"payExchangeInfoHead\":{head},\
             \"payExchangeInfoLists\":{lists},\"serviceTime\":\"{service_time}\"}}"
        );
        let members = read(&text)?;
        if let Some(other) = members.get(4) {
            return Err(PaymentError::Unexpected { name: error::found(&other.name) });
        }
        payment(&members)
    }

    /// Takes the JSON of a request without its signature: the four members, in any order.
    ///
    /// # Errors
    /// [`PaymentError`].
    pub fn read(json: &str) -> Result<Payment, PaymentError> {
        let members = read(json)?;
        let known = [SESSION, HEAD, LISTS, TIME];
        if let Some(other) = members.iter().find(|m| !known.contains(&m.name.as_str())) {
            return Err(PaymentError::Unexpected { name: error::found(&other.name) });
        }
        payment(&members)
    }

    /// The session id of the request that this answers.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// `payExchangeInfoHead`, as it is sent.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// `payExchangeInfoLists`, as it is sent.
    pub fn lists(&self) -> &str {
        &self.lists
    }

    /// `serviceTime` in milliseconds.
    pub fn service_time(&self) -> &str {
        &self.service_time
    }

    /// The string that is signed.
    pub fn signed_string(&self) -> String {
        let Self { session_id, head, lists, service_time } = self;
        format!(
            "\"sessionID\":\"{session_id}\"||\"payExchangeInfoHead\":\"{head}\"||\
             \"payExchangeInfoLists\":\"{lists}\"||\"serviceTime\":\"{service_time}\""
        )
    }

    /// Signs, with SM2 and SM3 or with RSA and SHA-256, and gives the JSON of
    /// `payExInfoStr`. Sent in a form, it has to be URL-encoded.
    ///
    /// # Errors
    /// [`PaymentError::KeyFamily`], [`PaymentError::OtherCertificate`],
    /// [`PaymentError::Policy`].
    pub fn sign(
        &self,
        key: &SigningKey,
        certificate: &Certificate,
    ) -> Result<String, PaymentError> {
        let algorithm = match key.public_key().family() {
            KeyFamily::Sm2 => SignatureAlgorithm::Sm2Sm3,
            KeyFamily::Rsa => SignatureAlgorithm::RsaPkcs1Sha256,
            family => return Err(PaymentError::KeyFamily { family }),
        };
        if certificate.public_key() != key.public_key() {
            return Err(PaymentError::OtherCertificate);
        }
        let value = key.sign(algorithm, self.signed_string().as_bytes()).map_err(failed)?;
        Ok(self.with_value(certificate, &value))
    }

    /// Signs with RSA and SHA-1, as the field's older certificates do: for tests of
    /// compatibility policies.
    ///
    /// # Errors
    /// [`PaymentError::KeyFamily`] for another kind of key.
    pub fn sign_rsa_sha1(
        &self,
        key: &SigningKey,
        certificate: &Certificate,
    ) -> Result<String, PaymentError> {
        let family = key.public_key().family();
        let value = testpki::sign_rsa_sha1(key, self.signed_string().as_bytes())
            .map_err(|_| PaymentError::KeyFamily { family })?;
        Ok(self.with_value(certificate, &value))
    }

    fn with_value(&self, certificate: &Certificate, value: &[u8]) -> String {
        let Self { session_id, head, lists, service_time } = self;
        let number = certificate.serial_hex().to_ascii_uppercase();
        let value = octets::encode(value);
        format!(
            "{{\"sessionID\":\"{session_id}\",\"payExchangeInfoHead\":{head},\
             \"payExchangeInfoLists\":{lists},\"serviceTime\":\"{service_time}\",\
             \"certNo\":\"{number}\",\"signValue\":\"{value}\"}}"
        )
    }
}

impl Received {
    /// Reads the JSON of `payExInfoStr`, URL-decoded. Its members may come in any order;
    /// others than those of the announcement are refused.
    ///
    /// # Errors
    /// [`PaymentError`].
    pub fn parse(text: &str) -> Result<Received, PaymentError> {
        let members = read(text)?;
        let known = [SESSION, HEAD, LISTS, TIME, NUMBER, VALUE];
        if let Some(other) = members.iter().find(|m| !known.contains(&m.name.as_str())) {
            return Err(PaymentError::Unexpected { name: error::found(&other.name) });
        }
        let number = text_of(&members, NUMBER)?.to_owned();
        let value = octets::decode(text_of(&members, VALUE)?, MAX_VALUE_BYTES)
            .map_err(|_| PaymentError::Member { name: VALUE, expected: "base64 of a value" })?;
        Ok(Received { payment: payment(&members)?, number, value })
    }

    /// The data, for explanations only: nobody is known to have signed them.
    pub fn payment(&self) -> &Payment {
        &self.payment
    }

    /// The number of the certificate that the sender names.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Verifies the value with the certificate that `certNo` names among `known`: those
    /// registered for a participant. The kind of its key says the algorithm: SM2 with SM3,
    /// or RSA with SHA-256, or with SHA-1 where the policy takes it. The policy is taken
    /// as it stands: the caller asks [`SignaturePolicy::in_force`] first.
    ///
    /// # Errors
    /// [`PaymentError`].
    pub fn verify(
        &self,
        policy: &SignaturePolicy,
        known: &[Certificate],
    ) -> Result<SignedPayment, PaymentError> {
        let (certificate, rule) =
            number::find(known, &self.number, policy).map_err(PaymentError::Number)?;
        let key = certificate.public_key();
        let algorithms: &[SignatureAlgorithm] = match key.family() {
            KeyFamily::Sm2 => &[SignatureAlgorithm::Sm2Sm3],
            KeyFamily::Rsa => {
                &[SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPkcs1Sha1]
            }
            family => return Err(PaymentError::KeyFamily { family }),
        };
        let message = self.payment.signed_string();
        let mut wrong = None;
        for algorithm in algorithms {
            // A value with SHA-1 is told by its being one, whatever the policy says.
            let legacy = *algorithm == SignatureAlgorithm::RsaPkcs1Sha1;
            let bits = policy.min_rsa_bits;
            if legacy
                && key.verify_at_least(bits, *algorithm, message.as_bytes(), &self.value).is_err()
            {
                break;
            }
            match policy.verify(key, *algorithm, message.as_bytes(), &self.value) {
                Ok(mut tolerances) => {
                    tolerances.extend(rule);
                    let (payment, certificate) = (self.payment.clone(), certificate.clone());
                    let algorithm = *algorithm;
                    return Ok(SignedPayment { payment, certificate, algorithm, tolerances });
                }
                Err(error) if is_mismatch(&error) => wrong = Some(error),
                Err(error) => return Err(PaymentError::Policy(error)),
            }
        }
        let fallback = || PolicyError::Key {
            policy: policy.name.clone(),
            source: KeyError::BadSignature { algorithm: SignatureAlgorithm::RsaPkcs1Sha256 },
        };
        Err(PaymentError::ValueMismatch(wrong.unwrap_or_else(fallback)))
    }
}

const SESSION: &str = "sessionID";
const HEAD: &str = "payExchangeInfoHead";
const LISTS: &str = "payExchangeInfoLists";
const TIME: &str = "serviceTime";
const NUMBER: &str = "certNo";
const VALUE: &str = "signValue";

fn is_mismatch(error: &PolicyError) -> bool {
    matches!(error, PolicyError::Key { source: KeyError::BadSignature { .. }, .. })
}

fn failed(source: KeyError) -> PaymentError {
    let policy = SignaturePolicy::STRICT.to_owned();
    PaymentError::Policy(PolicyError::Key { policy, source })
}

fn read(text: &str) -> Result<Vec<Member<'_>>, PaymentError> {
    if text.len() > MAX_BYTES {
        return Err(PaymentError::TooLong { max: MAX_BYTES });
    }
    json::object(text).map_err(PaymentError::json)
}

fn member<'m, 't>(
    members: &'m [Member<'t>],
    name: &'static str,
) -> Result<&'m Member<'t>, PaymentError> {
    members.iter().find(|m| m.name == name).ok_or(PaymentError::Missing { name })
}

fn text_of<'m>(members: &'m [Member<'_>], name: &'static str) -> Result<&'m str, PaymentError> {
    let text = member(members, name)?.value.as_str();
    text.ok_or(PaymentError::Member { name, expected: "a text" })
}

fn payment(members: &[Member<'_>]) -> Result<Payment, PaymentError> {
    let session_id = text_of(members, SESSION)?;
    // It stands in the signed string without escapes: a quote would end it early.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if session_id.is_empty()
        || session_id.len() > MAX_SESSION_BYTES
        || !session_id.chars().all(plain)
    {
        let expected = "1 to 128 letters, digits, or - _ . :";
        return Err(PaymentError::Member { name: SESSION, expected });
    }
    let head = member(members, HEAD)?;
    if !head.value.is_object() {
        return Err(PaymentError::Member { name: HEAD, expected: "an object" });
    }
    let lists = member(members, LISTS)?;
    if !lists.value.is_array() {
        return Err(PaymentError::Member { name: LISTS, expected: "an array" });
    }
    let time = member(members, TIME)?;
    let digits = match &time.value {
        Value::String(text) => text.as_str(),
        // Some send the number as such; the string that is signed has it in quotes.
        Value::Number(_) => time.raw,
        _ => "",
    };
    if !(1..=20).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PaymentError::Member { name: TIME, expected: "milliseconds in digits" });
    }
    Ok(Payment {
        session_id: session_id.to_owned(),
        head: head.raw.to_owned(),
        lists: lists.raw.to_owned(),
        service_time: digits.to_owned(),
    })
}
