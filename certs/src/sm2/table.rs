//! Multiples of a point, computed once, so that verification needs additions only.
//!
//! In: the base point, or a public key that is met again and again. Out: the sum of two
//! multiples for a verification, at less than a third of the time. Promise: only keys that were
//! admitted by name have a table, never those that a message brings along, and the memory
//! of all tables together is bounded: [`MAX_TABLES`] of [`TABLE_BYTES`].
//!
//! Only public values pass through here, so nothing has to take constant time. The points
//! are those of the crate `sm2`, with its complete formulas: no case is exceptional.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, Weak};

use sm2::elliptic_curve::ops::Reduce as _;
use sm2::elliptic_curve::point::DecompressPoint as _;
use sm2::elliptic_curve::subtle::Choice;
use sm2::elliptic_curve::{BatchNormalize as _, Group as _, PrimeField as _};
use sm2::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};

use crate::key::range;

/// Most keys that have a table at one time, of [`TABLE_BYTES`] each: 22 MB together. The
/// others are verified as by the crate `sm2`. A table goes with the last key that holds it.
pub const MAX_TABLES: usize = 128;
/// Bytes of the table of one key.
pub const TABLE_BYTES: usize = windows(KEY_BITS) * multiples(KEY_BITS) * size_of::<AffinePoint>();

// Bits of a scalar that one addition takes in.
const KEY_BITS: usize = 7;
const BASE_BITS: usize = 9;
const SCALAR_BITS: usize = 256;

static BASE: LazyLock<Table> = LazyLock::new(|| Table::of(ProjectivePoint::generator(), BASE_BITS));
static ADMITTED: LazyLock<Mutex<Admitted>> = LazyLock::new(Mutex::default);

/// Windows of a scalar and of the carry that its signed digits leave.
const fn windows(bits: usize) -> usize {
    (SCALAR_BITS + 1).div_ceil(bits)
}

/// Multiples of a window: digits are signed, and a point is negated for nothing.
const fn multiples(bits: usize) -> usize {
    1 << (bits - 1)
}

/// The multiples 1 to 2^(bits - 1) of the point, of 2^bits times the point, and so on.
struct Table {
    bits: usize,
    points: Vec<AffinePoint>,
}

impl Table {
    fn of(point: ProjectivePoint, bits: usize) -> Table {
        let mut points = Vec::with_capacity(windows(bits) * multiples(bits));
        let mut base = point;
        for _ in 0..windows(bits) {
            let mut multiple = base;
            points.push(multiple);
            for _ in 1..multiples(bits) {
                multiple += &base;
                points.push(multiple);
            }
            base = multiple.double();
        }
        Table { bits, points: ProjectivePoint::batch_normalize_vartime(points.as_slice()) }
    }

    /// Adds `scalar` times the point to `sum`.
    fn add(&self, scalar: &Scalar, sum: &mut ProjectivePoint) {
        let bytes = scalar.to_repr();
        let mut carry = 0;
        for (window, points) in self.points.chunks(multiples(self.bits)).enumerate() {
            let digit = digit(&bytes, window * self.bits, self.bits) + carry;
            // Above the half: less this many, and one more of the next window.
            carry = usize::from(digit > multiples(self.bits));
            let size = if carry == 0 { digit } else { (1 << self.bits) - digit };
            match size.checked_sub(1).and_then(|at| points.get(at)) {
                Some(multiple) if carry == 0 => *sum += multiple,
                Some(multiple) => *sum -= multiple,
                None => {}
            }
        }
    }
}

/// `bits` bits of a big-endian number, from the bit `from` on, the lowest being 0.
fn digit(bytes: &FieldBytes, from: usize, bits: usize) -> usize {
    let byte = |at: usize| {
        let at = bytes.len().checked_sub(at + 1);
        at.and_then(|at| bytes.get(at)).map_or(0, |byte| usize::from(*byte))
    };
    let both = byte(from / 8) | (byte(from / 8 + 1) << 8);
    (both >> (from % 8)) & ((1 << bits) - 1)
}

/// A big-endian number plus the order, if 32 bytes hold it.
fn plus_order(number: &FieldBytes) -> Option<FieldBytes> {
    let mut sum = *number;
    let mut carry = 0;
    for (byte, order) in sum.iter_mut().zip(&range::SM2).rev() {
        let both = u16::from(*byte) + u16::from(*order) + carry;
        let [high, low] = both.to_be_bytes();
        (carry, *byte) = (u16::from(high), low);
    }
    (carry == 0).then_some(sum)
}

/// The table of a public key, computed when it is first needed.
pub(super) struct KeyTable {
    point: AffinePoint,
    table: OnceLock<Table>,
}

impl KeyTable {
    /// The table of a key that was admitted.
    pub(super) fn find(bytes: &[u8; 65]) -> Option<Arc<KeyTable>> {
        ADMITTED.lock().ok()?.0.get(bytes)?.upgrade()
    }

    /// Admits a key, unless there are [`MAX_TABLES`] already.
    pub(super) fn admit(bytes: &[u8; 65], point: &AffinePoint) -> Option<Arc<KeyTable>> {
        ADMITTED.lock().ok()?.admit(bytes, point)
    }

    /// Steps B5 to B7 of the verification (GB/T 32918.2, section 7.1), r and s being in
    /// range and their sum `t` not zero: whether r is e + x of `s` G + `t` P.
    pub(super) fn verifies(&self, digest: &[u8; 32], r: &Scalar, s: &Scalar, t: &Scalar) -> bool {
        let table = self.table.get_or_init(|| Table::of(self.point.into(), KEY_BITS));
        let mut sum = ProjectivePoint::IDENTITY;
        BASE.add(s, &mut sum);
        table.add(t, &mut sum);
        if bool::from(sum.is_identity()) {
            return false;
        }
        // An inversion would cost a third of all this. So not x of the sum is sought, but
        // whether it is one of the numbers that make r: r - e modulo the order, and that
        // plus the order where the field has it. A root gives the point of such an x.
        let x = (*r - Scalar::reduce(&FieldBytes::from(*digest))).to_repr();
        let has_x = |x: &FieldBytes| {
            AffinePoint::decompress(x, Choice::from(0))
                .into_option()
                .is_some_and(|point| sum == point.into() || sum == (-point).into())
        };
        has_x(&x) || plus_order(&x).is_some_and(|x| has_x(&x))
    }
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let points = self.table.get().map_or(0, |table| table.points.len());
        write!(f, "KeyTable({points} points)")
    }
}

/// The keys that have a table, by their points.
#[derive(Default)]
struct Admitted(HashMap<[u8; 65], Weak<KeyTable>>);

impl Admitted {
    fn admit(&mut self, bytes: &[u8; 65], point: &AffinePoint) -> Option<Arc<KeyTable>> {
        if let Some(table) = self.0.get(bytes).and_then(Weak::upgrade) {
            return Some(table);
        }
        self.0.retain(|_, table| table.strong_count() > 0);
        if self.0.len() >= MAX_TABLES {
            return None;
        }
        let table = Arc::new(KeyTable { point: *point, table: OnceLock::new() });
        self.0.insert(*bytes, Arc::downgrade(&table));
        Some(table)
    }
}
