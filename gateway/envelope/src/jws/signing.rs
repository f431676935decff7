//! Making signatures. In: a payload, a key and the chain of its certificate. Out: the
//! compact or the flattened form. Promised: what comes out was verified before it is
//! handed out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use onepoint_certs::{Certificate, SignatureAlgorithm, SignaturePolicy, SigningKey};
use serde_json::{Map, Value, json};

use super::{Jws, JwsError, header, is_compact_safe};

/// How the header names the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyMember {
    /// `x5c`: the chain.
    #[default]
    Chain,
    /// `kid`: the number of the certificate, upper case.
    Number,
    /// `x5t#S256`: the thumbprint of the certificate.
    Thumbprint,
}

/// How to sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JwsOptions {
    /// The algorithm; the key's own where it is `None`.
    pub algorithm: Option<SignatureAlgorithm>,
    /// How the header names the key.
    pub key: KeyMember,
    /// The payload is left out and travels beside.
    pub detached: bool,
    /// The payload is signed as it stands (`b64` false, RFC 7797).
    pub unencoded: bool,
}

/// Signs in the compact form.
///
/// # Errors
/// [`JwsError`]; [`JwsError::Unencoded`] for an unencoded payload that this form cannot
/// carry and that is not detached.
pub fn sign_compact(
    payload: &[u8],
    key: &SigningKey,
    chain: &[Certificate],
    options: &JwsOptions,
) -> Result<String, JwsError> {
    let Parts { protected, covered, value } = parts(payload, key, chain, options)?;
    let shown = match options.detached {
        true => String::new(),
        false => String::from_utf8(covered).map_err(|_| JwsError::Unencoded)?,
    };
    if options.unencoded && !is_compact_safe(&shown) {
        return Err(JwsError::Unencoded);
    }
    let token = format!("{protected}.{shown}.{value}");
    let detached = options.detached.then_some(payload);
    check(&Jws::compact(&token, detached)?, chain)?;
    Ok(token)
}

/// Signs in the flattened JSON form.
///
/// # Errors
/// As [`sign_compact`]; an unencoded payload has to be UTF-8 here.
pub fn sign_flattened(
    payload: &[u8],
    key: &SigningKey,
    chain: &[Certificate],
    options: &JwsOptions,
) -> Result<String, JwsError> {
    let Parts { protected, covered, value } = parts(payload, key, chain, options)?;
    let mut object = Map::new();
    if !options.detached {
        let text = String::from_utf8(covered).map_err(|_| JwsError::Unencoded)?;
        object.insert("payload".to_owned(), Value::String(text));
    }
    object.insert("protected".to_owned(), Value::String(protected));
    object.insert("signature".to_owned(), Value::String(value));
    let text = Value::Object(object).to_string();
    let detached = options.detached.then_some(payload);
    check(&Jws::flattened(&text, detached)?, chain)?;
    Ok(text)
}

struct Parts {
    protected: String,
    covered: Vec<u8>,
    value: String,
}

fn parts(
    payload: &[u8],
    key: &SigningKey,
    chain: &[Certificate],
    options: &JwsOptions,
) -> Result<Parts, JwsError> {
    let leaf = chain.first().ok_or(JwsError::NoKey)?;
    let algorithm = options.algorithm.unwrap_or(key.default_algorithm());
    let unknown = || JwsError::Algorithm { algorithm: algorithm.name().to_owned() };
    let name = header::algorithm_name(algorithm).ok_or_else(unknown)?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(name));
    match options.key {
        KeyMember::Chain => {
            let chain: Vec<String> = chain.iter().map(|c| STANDARD.encode(c.der())).collect();
            header.insert("x5c".to_owned(), json!(chain));
        }
        KeyMember::Number => {
            header.insert("kid".to_owned(), json!(leaf.serial_hex().to_ascii_uppercase()));
        }
        KeyMember::Thumbprint => {
            let print = URL_SAFE_NO_PAD.encode(leaf.fingerprint().as_bytes());
            header.insert("x5t#S256".to_owned(), json!(print));
        }
    }
    if options.unencoded {
        header.insert("b64".to_owned(), json!(false));
        header.insert("crit".to_owned(), json!(["b64"]));
    }
    let protected = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
    let covered = match options.unencoded {
        true => payload.to_vec(),
        false => URL_SAFE_NO_PAD.encode(payload).into_bytes(),
    };
    let message = [protected.as_bytes(), b".", &covered].concat();
    let value = key.sign(algorithm, &message).map_err(|source| {
        let policy = SignaturePolicy::STRICT.to_owned();
        JwsError::Policy(onepoint_certs::PolicyError::Key { policy, source })
    })?;
    Ok(Parts { protected, covered, value: URL_SAFE_NO_PAD.encode(value) })
}

fn check(made: &Jws<'_>, chain: &[Certificate]) -> Result<(), JwsError> {
    made.verify(&SignaturePolicy::strict(), chain).map(drop)
}
