//! The gateway's X.509 signature under a checkpoint, as a further note signature.
//!
//! In: a signed checkpoint, the gateway's certificate (DER) and a time; out:
//! the bytes to be signed by the caller's key, the signature line, and its
//! verification. Bound to the certificate's key by the key id, to the whole
//! certificate by the signed bytes. Whether the certificate is to be trusted
//! is for the caller: no chain is built here.

mod der;

use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::checkpoint::SignedCheckpoint;
use crate::hash::Hash;
use crate::leaf::MAX_TIME_MS;
use crate::note::{NoteSignature, key_id};

/// First line of the signed bytes and identifier of the signature type.
pub const COUNTERSIGN_FORMAT: &str = "onepoint-countersignature/1";
/// Signature type byte for types without a byte of their own (c2sp.org/signed-note).
const TYPE_OWN: u8 = 0xff;
/// Longest signature: RSA with 8,192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// Why a checkpoint cannot be countersigned, or its countersignature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountersignError {
    /// No subjectPublicKeyInfo can be found in the certificate.
    #[error("certificate is not DER with a public key where X.509 has it")]
    Certificate,
    /// Neither RSA nor P-256.
    #[error("certificate's key is neither RSA nor P-256")]
    Key,
    /// The time is before 1970 or after 9999.
    #[error("time {time_ms} of the countersignature is outside 1970 to 9999")]
    Time {
        /// Milliseconds since 1970-01-01T00:00:00Z.
        time_ms: i64,
    },
    /// No line by the certificate's key.
    #[error("checkpoint carries no countersignature with key id {id:08x}")]
    Missing {
        /// The key id looked for.
        id: u32,
    },
    /// The payload of a line is too short or too long, or its time is out of range.
    #[error("countersignature is not an algorithm, a time and up to 1024 bytes of signature")]
    Malformed,
    /// The algorithm is unknown or not one of the certificate's key.
    #[error("countersignature has algorithm {found}, which is not one of the certificate's key")]
    Algorithm {
        /// The algorithm byte.
        found: u8,
    },
    /// The signature does not verify.
    #[error("countersignature does not verify with the certificate's key")]
    BadSignature,
}

impl CountersignError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CountersignError::Certificate => "certificate-malformed",
            CountersignError::Key => "certificate-key-unsupported",
            CountersignError::Time { .. } => "countersignature-time",
            CountersignError::Missing { .. } => "countersignature-missing",
            CountersignError::Malformed => "countersignature-malformed",
            CountersignError::Algorithm { .. } => "countersignature-algorithm",
            CountersignError::BadSignature => "countersignature-wrong",
        }
    }

    /// English sentence.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese sentence.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            CountersignError::Certificate => "证书不是 DER，或找不到公钥".to_owned(),
            CountersignError::Key => "证书的公钥既不是 RSA 也不是 P-256".to_owned(),
            CountersignError::Time { time_ms } => {
                format!("副署时间 {time_ms} 不在 1970 至 9999 年之间")
            }
            CountersignError::Missing { id } => {
                format!("检查点没有密钥标识 {id:08x} 的副署")
            }
            CountersignError::Malformed => {
                "副署不是由算法、时间和至多 1024 字节的签名组成".to_owned()
            }
            CountersignError::Algorithm { found } => {
                format!("副署算法 {found} 与证书的公钥不符")
            }
            CountersignError::BadSignature => "副署用证书的公钥验证不通过".to_owned(),
        }
    }
}

/// How a countersignature is made. Byte 3 is kept for SM2 with SM3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountersignAlgorithm {
    /// ECDSA over P-256 with SHA-256, signature as r || s, 64 bytes.
    EcdsaP256Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2,048 to 8,192 bits.
    RsaPkcs1Sha256,
}

impl CountersignAlgorithm {
    /// The byte in the signature line.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            CountersignAlgorithm::EcdsaP256Sha256 => 1,
            CountersignAlgorithm::RsaPkcs1Sha256 => 2,
        }
    }

    /// The name in the signed bytes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CountersignAlgorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            CountersignAlgorithm::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
        }
    }

    fn accepts(self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let verdict = match self {
            CountersignAlgorithm::EcdsaP256Sha256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            CountersignAlgorithm::RsaPkcs1Sha256 => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)
            }
        };
        verdict.is_ok()
    }
}

/// A countersignature that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countersigned {
    /// How it was made.
    pub algorithm: CountersignAlgorithm,
    /// When, by the gateway's clock: milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: i64,
}

/// Key id of a countersignature: the first four bytes of SHA-256(name || 0x0A ||
/// 0xFF || "onepoint-countersignature/1" || 0x0A || subjectPublicKeyInfo).
#[must_use]
pub fn countersign_key_id(name: &str, public_key_info: &[u8]) -> u32 {
    let kind = COUNTERSIGN_FORMAT.as_bytes();
    key_id(name, &[&[TYPE_OWN], kind, b"\n", public_key_info])
}

/// The DER of a certificate's subjectPublicKeyInfo (RFC 5280 section 4.1), as it stands there.
///
/// # Errors
/// [`CountersignError::Certificate`].
pub fn public_key_info(certificate: &[u8]) -> Result<&[u8], CountersignError> {
    der::public_key_info(certificate).ok_or(CountersignError::Certificate)
}

/// The bytes that a countersignature signs.
fn message(
    algorithm: CountersignAlgorithm,
    certificate: &[u8],
    time_ms: i64,
    text: &str,
) -> Vec<u8> {
    let digest = Hash::of(certificate);
    let name = algorithm.name();
    format!("{COUNTERSIGN_FORMAT}\nalgorithm {name}\ncertificate {digest}\ntime {time_ms}\n{text}")
        .into_bytes()
}

/// A countersignature to be signed by the caller.
#[derive(Clone, Debug)]
pub struct CountersignDraft {
    name: String,
    key_id: u32,
    key: Vec<u8>,
    algorithm: CountersignAlgorithm,
    time_ms: i64,
    message: Vec<u8>,
}

impl CountersignDraft {
    /// Prepares the countersignature of a checkpoint by the gateway's
    /// certificate; its key decides the algorithm.
    ///
    /// # Errors
    /// [`CountersignError::Certificate`], [`CountersignError::Key`],
    /// [`CountersignError::Time`].
    pub fn new(
        checkpoint: &SignedCheckpoint,
        certificate: &[u8],
        time_ms: i64,
    ) -> Result<CountersignDraft, CountersignError> {
        if !(0..=MAX_TIME_MS).contains(&time_ms) {
            return Err(CountersignError::Time { time_ms });
        }
        let info = public_key_info(certificate)?;
        let (algorithm, key) = der::algorithm_and_key(info).ok_or(CountersignError::Key)?;
        let name = checkpoint.checkpoint().origin.clone();
        Ok(CountersignDraft {
            key_id: countersign_key_id(&name, info),
            name,
            key: key.to_vec(),
            algorithm,
            time_ms,
            message: message(algorithm, certificate, time_ms, checkpoint.note().text()),
        })
    }

    /// How the message is to be signed.
    #[must_use]
    pub fn algorithm(&self) -> CountersignAlgorithm {
        self.algorithm
    }

    /// The bytes to be signed.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The signature line, for [`crate::Note::add`]; the signature is verified
    /// first, so that a key that is not the certificate's never gets out.
    ///
    /// # Errors
    /// [`CountersignError::BadSignature`].
    pub fn finish(&self, signature: &[u8]) -> Result<NoteSignature, CountersignError> {
        if !self.algorithm.accepts(&self.key, &self.message, signature) {
            return Err(CountersignError::BadSignature);
        }
        let mut bytes = vec![self.algorithm.byte()];
        bytes.extend_from_slice(&self.time_ms.to_be_bytes());
        bytes.extend_from_slice(signature);
        Ok(NoteSignature { name: self.name.clone(), key_id: self.key_id, bytes })
    }
}

/// Checks the countersignature of a checkpoint by a certificate: at least one
/// line has the origin as name and the id of the certificate's key, and every
/// line that has them verifies. The first one is returned.
///
/// # Errors
/// Any [`CountersignError`] but [`CountersignError::Time`].
pub fn verify_countersignature(
    checkpoint: &SignedCheckpoint,
    certificate: &[u8],
) -> Result<Countersigned, CountersignError> {
    let info = public_key_info(certificate)?;
    let name = &checkpoint.checkpoint().origin;
    let id = countersign_key_id(name, info);
    let mut first = None;
    for line in checkpoint.note().signatures() {
        if line.name == *name && line.key_id == id {
            let signed = verify_line(line, info, certificate, checkpoint.note().text())?;
            first.get_or_insert(signed);
        }
    }
    first.ok_or(CountersignError::Missing { id })
}

fn verify_line(
    line: &NoteSignature,
    info: &[u8],
    certificate: &[u8],
    text: &str,
) -> Result<Countersigned, CountersignError> {
    let malformed = CountersignError::Malformed;
    let (found, rest) = line.bytes.split_first().ok_or(malformed.clone())?;
    let (time, signature) = rest.split_first_chunk::<8>().ok_or(malformed.clone())?;
    let time_ms = i64::from_be_bytes(*time);
    if !(0..=MAX_TIME_MS).contains(&time_ms)
        || !(1..=MAX_SIGNATURE_BYTES).contains(&signature.len())
    {
        return Err(malformed);
    }
    let (algorithm, key) = der::algorithm_and_key(info).ok_or(CountersignError::Key)?;
    if *found != algorithm.byte() {
        return Err(CountersignError::Algorithm { found: *found });
    }
    if algorithm.accepts(key, &message(algorithm, certificate, time_ms, text), signature) {
        Ok(Countersigned { algorithm, time_ms })
    } else {
        Err(CountersignError::BadSignature)
    }
}

#[cfg(test)]
pub(crate) mod tests;
