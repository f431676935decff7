//! Verification by table against the crate `sm2`: the same verdict on values that verify,
//! that nearly do, and at every edge of numbers and windows.

use sm2::dsa::signature::hazmat::PrehashVerifier as _;
use sm2::elliptic_curve::point::AffineCoordinates as _;
use sm2::elliptic_curve::sec1::ToSec1Point as _;

use super::*;
use crate::DigestAlgorithm;
use crate::key::Part;
use crate::sm2::{DEFAULT_ID, Key, RAW_BYTES, Refused};

/// Cases of an everyday run; `ONEPOINT_SM2_CASES=100000` asks for the long one.
fn cases() -> u64 {
    std::env::var("ONEPOINT_SM2_CASES").map_or(2_000, |n| n.parse().expect("a number"))
}

/// What the crate says, and its arithmetic for making values.
struct Oracle {
    secret: Scalar,
    verifying: sm2::dsa::VerifyingKey,
}

impl Oracle {
    fn new(secret: Scalar) -> (Oracle, Key) {
        let point = (ProjectivePoint::GENERATOR * secret).to_affine();
        let bytes = point.to_sec1_point(false);
        let key = Key::from_point(bytes.as_bytes()).unwrap();
        key.prepare();
        let verifying = sm2::dsa::VerifyingKey::from_affine(DEFAULT_ID, point).unwrap();
        (Oracle { secret, verifying }, key)
    }

    fn accepts(&self, digest: &[u8; 32], raw: &[u8; RAW_BYTES]) -> bool {
        sm2::dsa::Signature::from_slice(raw)
            .is_ok_and(|value| self.verifying.verify_prehash(digest, &value).is_ok())
    }

    /// The digest that makes (t - s, s) a value of this key.
    fn digest(&self, s: &Scalar, t: &Scalar) -> [u8; 32] {
        let sum = ProjectivePoint::GENERATOR * (*s + *t * self.secret);
        let e = *t - *s - Scalar::reduce(&sum.to_affine().x());
        e.to_repr().into()
    }
}

fn raw(r: &Scalar, s: &Scalar) -> [u8; RAW_BYTES] {
    let mut raw = [0; RAW_BYTES];
    raw[..32].copy_from_slice(&r.to_repr());
    raw[32..].copy_from_slice(&s.to_repr());
    raw
}

/// The bytes of a case: the same each run.
fn seeded(case: u64, what: &str) -> [u8; 32] {
    let text = format!("table {case} {what}");
    DigestAlgorithm::Sm3.digest(text.as_bytes()).try_into().unwrap()
}

/// A number of a case; one in four has all windows at their edges.
fn scalar(case: u64, what: &str) -> Scalar {
    let bytes = seeded(case, what);
    let small = Scalar::from(u64::from(bytes[1] % 4));
    // 2^(8 i) to 2^(8 i + 7).
    let power = || {
        let mut power = [0; 32];
        power[usize::from(bytes[2] % 32)] = 1 << (bytes[3] % 8);
        Scalar::reduce(&FieldBytes::from(power))
    };
    match bytes[0] % 16 {
        0 => small,
        1 => -small,
        2 => power() - small,
        3 => Scalar::reduce(&FieldBytes::from([bytes[1]; 32])),
        _ => Scalar::reduce(&FieldBytes::from(bytes)),
    }
}

/// Changes a value that verifies, in one of the ways of a case, or not.
fn change(case: u64, digest: &mut [u8; 32], raw: &mut [u8; RAW_BYTES]) {
    let seed = seeded(case, "change");
    let at = usize::from(seed[0]);
    match case % 8 {
        1 => raw[at % 64] ^= 1 << (seed[1] % 8),
        2 => digest[at % 32] ^= 1 << (seed[1] % 8),
        3 => raw[..32].copy_from_slice(&seed),
        4 => raw[32..].copy_from_slice(&seed),
        5 => {
            let half = at % 2 * 32;
            raw[half..half + 32].copy_from_slice(&range::SM2);
            raw[half + 31] = raw[half + 31].wrapping_add(seed[1] % 4).wrapping_sub(2);
        }
        6 => raw[at % 2 * 32..][..32].fill(if seed[1].is_multiple_of(2) { 0 } else { 0xff }),
        _ => {}
    }
}

#[test]
fn a_table_changes_no_verdict() {
    let (mut valid, mut refused) = (0, 0);
    let (mut oracle, mut key) = Oracle::new(Scalar::ONE);
    for case in 0..cases() {
        if case.is_multiple_of(250) {
            let secret = scalar(case, "secret");
            let usable = if bool::from(secret.is_zero()) { Scalar::ONE } else { secret };
            (oracle, key) = Oracle::new(usable);
        }
        let (s, t) = (scalar(case, "s"), scalar(case, "t"));
        let mut digest = oracle.digest(&s, &t);
        let mut value = raw(&(t - s), &s);
        change(case, &mut digest, &mut value);
        let expected = oracle.accepts(&digest, &value);
        assert_eq!(key.verify_digest(&digest, &value).is_ok(), expected, "case {case}");
        *if expected { &mut valid } else { &mut refused } += 1;
    }
    println!("{valid} values verified, {refused} were refused");
    assert!(valid * 8 > cases() && refused * 2 > cases(), "{valid} and {refused}");
}

/// Where x of the sum is not below the order, r is made of x less the order.
#[test]
fn an_x_above_the_order() {
    let order = FieldBytes::from(range::SM2);
    let high = (1..).find_map(|more: u8| {
        let mut x = order;
        x[31] += more;
        AffinePoint::decompress(&x, Choice::from(0)).into_option()
    });
    let high = ProjectivePoint::from(high.unwrap());
    let (s, t) = (scalar(1, "s"), scalar(1, "t"));
    let inverse = Option::<Scalar>::from(t.invert()).unwrap();
    let point = ((high - ProjectivePoint::GENERATOR * s) * inverse).to_affine();
    let key = Key::from_point(point.to_sec1_point(false).as_bytes()).unwrap();
    let e = t - s - Scalar::reduce(&high.to_affine().x());
    let (digest, value) = (e.to_repr().into(), raw(&(t - s), &s));
    assert_eq!(key.verify_digest(&digest, &value), Ok(()));
    key.prepare();
    assert_eq!(key.verify_digest(&digest, &value), Ok(()));
    assert_eq!(plus_order(&FieldBytes::default()), Some(order));
    assert_eq!(plus_order(&order), None);
}

#[test]
fn a_sum_at_infinity_and_parts_out_of_range() {
    let (oracle, key) = Oracle::new(Scalar::ONE);
    // s G + (r + s) G with r = -2 s is the point at infinity.
    let s = Scalar::from(5u64);
    let value = raw(&-(s + s), &s);
    for digest in [[0; 32], seeded(1, "digest"), (-(s + s)).to_repr().into()] {
        assert!(!oracle.accepts(&digest, &value));
        assert_eq!(key.verify_digest(&digest, &value), Err(Refused::Value));
    }
    for (r, s, part) in [(Scalar::ZERO, s, Part::R), (s, Scalar::ZERO, Part::S), (s, -s, Part::Sum)]
    {
        let refused = key.verify_digest(&[1; 32], &raw(&r, &s));
        assert_eq!(refused, Err(Refused::Range(part)));
    }
}

#[test]
fn a_table_is_shared_and_goes_with_its_last_key() {
    let (oracle, key) = Oracle::new(scalar(7, "shared"));
    let again = Key::from_point(key.point()).unwrap();
    assert!(Arc::ptr_eq(again.table.get().unwrap(), key.table.get().unwrap()));
    assert!(format!("{key:?}").contains("KeyTable(0 points)"), "{key:?}");
    let (s, t) = (Scalar::from(8u64), Scalar::from(80u64));
    again.verify_digest(&oracle.digest(&s, &t), &raw(&(t - s), &s)).unwrap();
    assert!(format!("{key:?}").contains("KeyTable(2368 points)"), "{key:?}");
    let point = *key.point();
    drop((key, again));
    assert!(Key::from_point(&point).unwrap().table.get().is_none());
}

#[test]
fn the_memory_of_all_tables_is_bounded() {
    const { assert!(TABLE_BYTES * MAX_TABLES < 22 << 20) };
    // In a set of its own: other tests hold tables too.
    let mut admitted = Admitted::default();
    let point = AffinePoint::GENERATOR;
    let bytes = |n: usize| {
        let mut bytes = [0; 65];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        bytes
    };
    let mut held: Vec<_> =
        (0..MAX_TABLES).map(|n| admitted.admit(&bytes(n), &point).unwrap()).collect();
    assert!(admitted.admit(&bytes(MAX_TABLES), &point).is_none());
    assert!(Arc::ptr_eq(&admitted.admit(&bytes(3), &point).unwrap(), &held[3]));
    held.pop();
    assert!(admitted.admit(&bytes(MAX_TABLES), &point).is_some());
}
