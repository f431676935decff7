//! The protected header. In: its JSON text. Out: algorithm, whether the payload is
//! encoded, and what names the key; or the first member that is not taken. Members that
//! are not known and not critical are passed over, as RFC 7515 section 4 demands, except
//! those that bring a key from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onepoint_certs::{Certificate, Fingerprint, SignatureAlgorithm};
use serde_json::Value;

use super::error::{JwsError, found};
use super::{MAX_CERTIFICATES, SM2_ALGORITHM};
use crate::json;
use crate::octets;

/// Octets of one certificate.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Bytes of a `kid`.
const MAX_KID_BYTES: usize = 256;
const HEADER: &str = "header";

/// What the protected header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: SignatureAlgorithm,
    /// The payload is base64url (RFC 7797 says otherwise with `b64`).
    pub(super) encoded: bool,
    pub(super) kid: Option<String>,
    /// The signer's certificate, then others.
    pub(super) certificates: Vec<Certificate>,
    pub(super) thumbprint: Option<[u8; 32]>,
}

pub(super) fn read(text: &str) -> Result<Header, JwsError> {
    let mut members = json::object(text).map_err(|fault| JwsError::json(HEADER, fault))?;
    let algorithm = match json::take(&mut members, "alg") {
        Some(Value::String(name)) => algorithm(&name)?,
        Some(_) => return Err(JwsError::Member { name: "alg", expected: "a text" }),
        None => return Err(JwsError::Missing { name: "alg" }),
    };
    for name in ["jku", "jwk", "x5u"] {
        if members.iter().any(|member| member.name == name) {
            return Err(JwsError::KeyMember { name });
        }
    }
    let b64 = json::take(&mut members, "b64");
    let critical = critical(json::take(&mut members, "crit"), b64.is_some())?;
    let encoded = match b64 {
        None => true,
        Some(Value::Bool(_)) if !critical => return Err(JwsError::B64NotCritical),
        Some(Value::Bool(encoded)) => encoded,
        Some(_) => return Err(JwsError::Member { name: "b64", expected: "true or false" }),
    };
    Ok(Header {
        algorithm,
        encoded,
        kid: kid(json::take(&mut members, "kid"))?,
        certificates: certificates(json::take(&mut members, "x5c"))?,
        thumbprint: thumbprint(json::take(&mut members, "x5t#S256"))?,
    })
}

/// RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2.
fn algorithm(name: &str) -> Result<SignatureAlgorithm, JwsError> {
    Ok(match name {
        "RS256" => SignatureAlgorithm::RsaPkcs1Sha256,
        "RS384" => SignatureAlgorithm::RsaPkcs1Sha384,
        "RS512" => SignatureAlgorithm::RsaPkcs1Sha512,
        "PS256" => SignatureAlgorithm::RsaPssSha256,
        "PS384" => SignatureAlgorithm::RsaPssSha384,
        "PS512" => SignatureAlgorithm::RsaPssSha512,
        "ES256" => SignatureAlgorithm::EcdsaP256Sha256,
        "ES384" => SignatureAlgorithm::EcdsaP384Sha384,
        "EdDSA" | "Ed25519" => SignatureAlgorithm::Ed25519,
        SM2_ALGORITHM => SignatureAlgorithm::Sm2Sm3,
        none if none.eq_ignore_ascii_case("none") => return Err(JwsError::None),
        "HS256" | "HS384" | "HS512" => return Err(JwsError::Hmac { algorithm: name.to_owned() }),
        other => return Err(JwsError::Algorithm { algorithm: found(other) }),
    })
}

/// The name of an algorithm for a new signature.
pub(super) fn algorithm_name(algorithm: SignatureAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => "RS256",
        SignatureAlgorithm::RsaPkcs1Sha384 => "RS384",
        SignatureAlgorithm::RsaPkcs1Sha512 => "RS512",
        SignatureAlgorithm::RsaPssSha256 => "PS256",
        SignatureAlgorithm::RsaPssSha384 => "PS384",
        SignatureAlgorithm::RsaPssSha512 => "PS512",
        SignatureAlgorithm::EcdsaP256Sha256 => "ES256",
        SignatureAlgorithm::EcdsaP384Sha384 => "ES384",
        SignatureAlgorithm::Ed25519 => "EdDSA",
        SignatureAlgorithm::Sm2Sm3 => SM2_ALGORITHM,
        _ => return None,
    })
}

/// Whether `b64` is critical; it is the only member that is understood so. The list is
/// not empty and names each member once, one that is there (RFC 7515 section 4.1.11).
fn critical(list: Option<Value>, has_b64: bool) -> Result<bool, JwsError> {
    let wrong = || JwsError::Member { name: "crit", expected: "a list of names, each once" };
    let list = match list {
        None => return Ok(false),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err(wrong()),
    };
    for name in &list {
        match name {
            Value::String(name) if name == "b64" => {}
            Value::String(name) => return Err(JwsError::Critical { name: found(name) }),
            _ => return Err(wrong()),
        }
    }
    if list.len() > 1 || !has_b64 {
        return Err(wrong());
    }
    Ok(true)
}

fn kid(value: Option<Value>) -> Result<Option<String>, JwsError> {
    match value {
        None => Ok(None),
        Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Ok(Some(kid)),
        Some(_) => Err(JwsError::Member { name: "kid", expected: "a text of at most 256 bytes" }),
    }
}

/// RFC 7515 section 4.1.6: base64, not base64url, of DER.
fn certificates(value: Option<Value>) -> Result<Vec<Certificate>, JwsError> {
    let wrong = || JwsError::Member { name: "x5c", expected: "a list of base64 texts" };
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err(wrong()),
    };
    if list.len() > MAX_CERTIFICATES {
        return Err(JwsError::TooManyCertificates { max: MAX_CERTIFICATES });
    }
    let read = |text: &Value| {
        let text = text.as_str().filter(|text| !text.contains(char::is_whitespace));
        let der = octets::decode(text.ok_or_else(wrong)?, MAX_CERTIFICATE_BYTES);
        Certificate::from_der(der.map_err(|_| wrong())?).map_err(JwsError::Certificate)
    };
    list.iter().map(read).collect()
}

/// RFC 7515 section 4.1.8.
fn thumbprint(value: Option<Value>) -> Result<Option<[u8; 32]>, JwsError> {
    let wrong = || JwsError::Member { name: "x5t#S256", expected: "base64url of 32 bytes" };
    match value {
        None => Ok(None),
        Some(Value::String(text)) => {
            let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
            octets.try_into().map(Some).map_err(|_| wrong())
        }
        Some(_) => Err(wrong()),
    }
}

pub(super) fn is_thumbprint(print: &[u8; 32], certificate: &Certificate) -> bool {
    Fingerprint::of(certificate.der()).as_bytes() == print
}
