//! What an RSA value was made over. In: a key and a PKCS#1 v1.5 value. Out: the octets
//! under the padding, for explaining a refusal. Promise: only to be looked at; nothing
//! here says that a signature is good.

use rsa::BoxedUint;

use super::{MAX_RSA_BITS, Material, PublicKey};
use crate::algorithm::DigestAlgorithm;

/// The heads of a DigestInfo (RFC 8017, section 9.2, note 1; GB/T 33560 for SM3), before
/// the digest.
const HEADS: [(DigestAlgorithm, &[u8]); 5] = [
    (DigestAlgorithm::Sha1, b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"),
    (
        DigestAlgorithm::Sha256,
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
    ),
    (
        DigestAlgorithm::Sha384,
        b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
    ),
    (
        DigestAlgorithm::Sha512,
        b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    ),
    (
        DigestAlgorithm::Sm3,
        b"\x30\x30\x30\x0c\x06\x08\x2a\x81\x1c\xcf\x55\x01\x83\x11\x05\x00\x04\x20",
    ),
];
/// Octets of padding at least (RFC 8017, section 9.2).
const PADDING_MIN: usize = 8;

/// What stands under the padding of a PKCS#1 v1.5 value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The algorithm that its DigestInfo names; none where there is no DigestInfo.
    pub algorithm: Option<DigestAlgorithm>,
    /// The digest, or whatever stands there.
    pub digest: Vec<u8>,
}

impl PublicKey {
    /// What an RSASSA-PKCS1-v1_5 value by this key was made over. `None` for another kind
    /// of key, and for a value without the padding: it is of another key, or altered.
    pub fn recover_pkcs1(&self, value: &[u8]) -> Option<Recovered> {
        let Material::Rsa { modulus, exponent } = &self.0.material else { return None };
        if value.len() != modulus.len() || self.bits() > MAX_RSA_BITS {
            return None;
        }
        let number = |bytes: &[u8]| {
            let bits = u32::try_from(bytes.len().checked_mul(8)?).ok()?;
            BoxedUint::from_be_slice(bytes, bits).ok()
        };
        let key = rsa::PublicKey::new(number(modulus)?, number(exponent)?).ok()?;
        let block = rsa::hazmat::rsa_encrypt(&key, &number(value)?).ok()?;
        let block = block.to_be_bytes();
        let at = block.len().checked_sub(modulus.len())?;
        payload(block.get(at..)?).map(digest_info)
    }
}

/// EMSA-PKCS1-v1_5: 00 01, FF at least eight times, 00, what was signed.
fn payload(block: &[u8]) -> Option<&[u8]> {
    let rest = block.strip_prefix(&[0, 1])?;
    let padding = rest.iter().take_while(|octet| **octet == 0xff).count();
    let rest = rest.get(padding..)?.strip_prefix(&[0])?;
    (padding >= PADDING_MIN).then_some(rest)
}

fn digest_info(payload: &[u8]) -> Recovered {
    for (algorithm, head) in HEADS {
        if let Some(digest) = payload.strip_prefix(head)
            && digest.len() == algorithm.output_len()
        {
            return Recovered { algorithm: Some(algorithm), digest: digest.to_vec() };
        }
    }
    Recovered { algorithm: None, digest: payload.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::SignatureAlgorithm;
    use crate::key::SigningKey;

    #[test]
    fn a_value_gives_back_what_it_was_made_over() {
        let key = SigningKey::generate_rsa(2048).unwrap();
        let value = key.sign(SignatureAlgorithm::RsaPkcs1Sha256, b"signed").unwrap();
        let found = key.public_key().recover_pkcs1(&value).unwrap();
        assert_eq!(found.algorithm, Some(DigestAlgorithm::Sha256));
        assert_eq!(found.digest, DigestAlgorithm::Sha256.digest(b"signed"));
    }

    #[test]
    fn another_key_another_kind_and_an_altered_value_give_nothing() {
        let key = SigningKey::generate_rsa(2048).unwrap();
        let mut value = key.sign(SignatureAlgorithm::RsaPkcs1Sha256, b"signed").unwrap();
        let other = SigningKey::generate_p256().unwrap();
        assert_eq!(other.public_key().recover_pkcs1(&value), None);
        assert_eq!(key.public_key().recover_pkcs1(&value[1..]), None);
        value[7] ^= 1;
        assert_eq!(key.public_key().recover_pkcs1(&value), None);
        let pss = key.sign(SignatureAlgorithm::RsaPssSha256, b"signed").unwrap();
        assert_eq!(key.public_key().recover_pkcs1(&pss), None);
    }
}
