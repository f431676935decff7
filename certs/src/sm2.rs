//! SM2 signatures with SM3 (GB/T 32918.2 and .5; GM/T 0009 for their forms).
//!
//! In: a point on the recommended curve, a message or its digest, a value.
//! Out: whether the value verifies, and if not, why. Promise: the two forms of a
//! value are kept apart: `r || s` is 64 bytes and nothing else, the ASN.1 form is
//! strict DER; each is refused where the other is meant.

mod table;
#[cfg(test)]
mod tests;

pub use table::{MAX_TABLES, TABLE_BYTES};

use std::sync::{Arc, OnceLock};

use sm2::dsa::Signature;
use sm2::dsa::signature::hazmat::PrehashVerifier as _;
use sm3::Sm3;
use sm3::digest::Digest as _;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader};

use crate::hex;
use crate::key::{Part, range};
use table::KeyTable;

/// The signer's id where no other is agreed (GM/T 0009, section 10).
pub const DEFAULT_ID: &str = "1234567812345678";
/// Longest id of a signer in bytes: its length in bits is written in two bytes.
pub const MAX_ID_BYTES: usize = 8191;
/// Bytes of a value in the form `r || s`.
pub const RAW_BYTES: usize = 64;

// a, b and the base point of the recommended curve (GB/T 32918.5), as Z takes them.
const CURVE: &str = "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc\
                     28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93\
                     32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7\
                     bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";
/// Why a value is refused, before or after arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A part of it is out of range.
    Range(Part),
    /// Within range, and not a signature by this key over this message.
    Value,
}

/// A public key, checked to be on the curve.
#[derive(Clone, Debug)]
pub struct Key {
    point: [u8; 65],
    // Z under the default id.
    z: [u8; 32],
    verifying: sm2::dsa::VerifyingKey,
    table: OnceLock<Arc<KeyTable>>,
}

impl Key {
    /// Reads an uncompressed point: 04, then both coordinates.
    pub fn from_point(bytes: &[u8]) -> Option<Key> {
        let point: [u8; 65] = bytes.try_into().ok()?;
        if point.first() != Some(&4) {
            return None;
        }
        let verifying = sm2::dsa::VerifyingKey::from_sec1_bytes(DEFAULT_ID, bytes).ok()?;
        let z = z(DEFAULT_ID, &point)?;
        let table = KeyTable::find(&point).map_or_else(OnceLock::new, OnceLock::from);
        Some(Key { point, z, verifying, table })
    }

    /// The uncompressed point.
    pub fn point(&self) -> &[u8; 65] {
        &self.point
    }

    /// The digest that is signed: SM3 over Z of the signer, then the message
    /// (GB/T 32918.2, sections 5.5 and 6.1). `None` for an id that is too long.
    pub fn digest(&self, id: &str, message: &[u8]) -> Option<[u8; 32]> {
        let z = if id == DEFAULT_ID { self.z } else { z(id, &self.point)? };
        let mut digest = Sm3::new();
        digest.update(z);
        digest.update(message);
        Some(digest.finalize().into())
    }

    /// Admits a key that will be met again, such as a registered one, to the tables that
    /// make a verification about four times as fast, while fewer than [`MAX_TABLES`] keys
    /// have one. Every key of this point that is read later shares the table; it is
    /// computed at the first verification, which takes as long as some ten without.
    pub fn prepare(&self) {
        if self.table.get().is_none()
            && let Some(table) = KeyTable::admit(&self.point, self.verifying.as_affine())
        {
            self.table.get_or_init(|| table);
        }
    }

    /// Verifies a value in the form `r || s` over a message, for the signer
    /// with [`DEFAULT_ID`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, message: &[u8], raw: &[u8; RAW_BYTES]) -> Result<(), Refused> {
        let digest = self.digest(DEFAULT_ID, message).ok_or(Refused::Value)?;
        self.verify_digest(&digest, raw)
    }

    /// Verifies a value over the digest that [`Key::digest`] gives.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify_digest(&self, digest: &[u8; 32], raw: &[u8; RAW_BYTES]) -> Result<(), Refused> {
        range::check(&range::SM2, raw).map_err(Refused::Range)?;
        let value = Signature::from_bytes(&(*raw).into()).map_err(|_| Refused::Value)?;
        let (r, s) = (*value.r(), *value.s());
        let sum = r + s;
        if bool::from(sum.is_zero()) {
            return Err(Refused::Range(Part::Sum));
        }
        if let Some(table) = self.table.get() {
            return match table.verifies(digest, &r, &s, &sum) {
                true => Ok(()),
                false => Err(Refused::Value),
            };
        }
        self.verifying.verify_prehash(digest, &value).map_err(|_| Refused::Value)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.point == other.point
    }
}

impl Eq for Key {}

// GB/T 32918.2, section 5.5: what ties the id and the key into the digest.
fn z(id: &str, point: &[u8; 65]) -> Option<[u8; 32]> {
    let bits = u16::try_from(id.len().checked_mul(8)?).ok()?;
    let mut z = Sm3::new();
    z.update(bits.to_be_bytes());
    z.update(id);
    z.update(hex::decode(CURVE)?);
    z.update(point.get(1..)?);
    Some(z.finalize().into())
}

/// The form `r || s` of a value in strict DER (GM/T 0009, section 7.2):
/// SEQUENCE of two positive INTEGERs, nothing after. `None` for anything else.
pub fn raw_from_der(der: &[u8]) -> Option<[u8; RAW_BYTES]> {
    let mut reader = SliceReader::new(der).ok()?;
    let both: Result<_, x509_cert::der::Error> =
        reader.sequence(|inner| Ok((UintRef::decode(inner)?, UintRef::decode(inner)?)));
    let both = both.ok()?;
    reader.finish().ok()?;
    let mut raw = [0; RAW_BYTES];
    let (r, s) = raw.split_at_mut(RAW_BYTES / 2);
    for (to, from) in [(r, both.0.as_bytes()), (s, both.1.as_bytes())] {
        let at = to.len().checked_sub(from.len())?;
        to.get_mut(at..)?.copy_from_slice(from);
    }
    Some(raw)
}

/// The DER form of `r || s`, for any curve: ECDSA-Sig-Value (RFC 5480, appendix
/// A) and SM2Signature (GM/T 0009) are the same. `None` for an odd length.
pub fn der_from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    if !raw.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let mut body = UintRef::new(r).ok()?.to_der().ok()?;
    body.extend(UintRef::new(s).ok()?.to_der().ok()?);
    x509_cert::der::asn1::AnyRef::new(x509_cert::der::Tag::Sequence, &body).ok()?.to_der().ok()
}
