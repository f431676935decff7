//! Every rule of the lease table, and a random run against a plain model.

use proptest::prelude::*;

use super::*;

const LEASE: SignedDuration = SignedDuration::from_secs(30);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Rows in order: a delivery and its keys.
struct Rows(Vec<(&'static str, Vec<String>)>);

impl Rows {
    fn new(rows: &[(&'static str, &[&str])]) -> Rows {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Rows(rows.iter().map(|(delivery, of)| (*delivery, keys(of))).collect())
    }

    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.0.iter().map(|(delivery, order_keys)| Candidate { delivery, order_keys })
    }
}

fn granted(table: &mut LeaseTable, rows: &Rows, second: i64) -> Vec<Grant> {
    table.expire(at(second));
    table.grant(rows.candidates(), "tax", at(second), LEASE, 10)
}

fn names(grants: &[Grant]) -> Vec<&str> {
    grants.iter().map(|grant| grant.delivery.as_str()).collect()
}

#[test]
fn what_is_leased_is_not_granted_again_until_the_lease_ends() {
    let rows = Rows::new(&[("a", &[]), ("b", &[])]);
    let mut table = LeaseTable::new("run1", 10);
    let first = granted(&mut table, &rows, 0);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first[0].until, at(30));
    assert_eq!(table.next_end(), Some(at(30)));
    assert!(granted(&mut table, &rows, 29).is_empty());
    let expired = table.expire(at(30));
    assert_eq!(expired[0], Expired { delivery: "a".into(), holder: "tax".into() });
    let second = granted(&mut table, &rows, 30);
    assert_eq!(names(&second), ["a", "b"]);
    assert_ne!(first[0].token, second[0].token);
}

#[test]
fn an_answered_delivery_holds_nothing_back_and_may_be_acknowledged() {
    let rows = Rows::new(&[("a", &["k"]), ("b", &["k"])]);
    let mut table = LeaseTable::new("run1", 10);
    let first = granted(&mut table, &rows, 0);
    assert_eq!(names(&first), ["a"]);
    table.answered("a");
    table.answered("unknown");
    // The store has "a" as delivered: it is no row any more.
    let rows = Rows::new(&[("b", &["k"])]);
    assert_eq!(names(&granted(&mut table, &rows, 1)), ["b"]);
    table.ack("a", &first[0].token, "tax", at(2)).unwrap();
    table.settled("a");
    // The key is that of "b" now.
    let rows = Rows::new(&[("c", &["k"])]);
    assert!(granted(&mut table, &rows, 3).is_empty());
}

#[test]
fn an_acknowledgement_must_fit_and_each_misfit_has_its_code() {
    let rows = Rows::new(&[("a", &[])]);
    let mut table = LeaseTable::new("run1", 10);
    let token = granted(&mut table, &rows, 0)[0].token.clone();
    let code = |result: Result<(), LeaseError>| result.unwrap_err().code();
    assert_eq!(code(table.ack("b", &token, "tax", at(1))), "lease-unknown");
    assert_eq!(code(table.ack("a", "run1-99", "tax", at(1))), "lease-token-wrong");
    assert_eq!(code(table.ack("a", &token, "customs", at(1))), "lease-holder-wrong");
    assert_eq!(code(table.ack("a", &token, "tax", at(30))), "lease-expired");
    table.ack("a", &token, "tax", at(2)).unwrap();
    assert_eq!(code(table.ack("a", &token, "tax", at(2))), "lease-already-settled");
    // Being recorded: does not end by itself, is not granted.
    assert!(table.expire(at(100)).is_empty());
    assert!(granted(&mut table, &rows, 100).is_empty());
    table.settled("a");
    assert_eq!(code(table.ack("a", &token, "tax", at(3))), "lease-unknown");
    assert_eq!(table.leased(), 0);
    for error in [
        LeaseError::Unknown,
        LeaseError::WrongToken,
        LeaseError::WrongHolder,
        LeaseError::Expired,
        LeaseError::AlreadySettled,
    ] {
        assert!(error.en().contains("given out again") && error.zh().contains("再次发出"));
    }
}

#[test]
fn a_token_of_an_earlier_run_is_not_known() {
    let rows = Rows::new(&[("a", &[])]);
    let old = granted(&mut LeaseTable::new("run1", 10), &rows, 0)[0].token.clone();
    let mut table = LeaseTable::new("run2", 10);
    granted(&mut table, &rows, 1);
    assert_eq!(table.ack("a", &old, "tax", at(2)), Err(LeaseError::WrongToken));
}

#[test]
fn what_could_not_be_recorded_is_granted_again() {
    let rows = Rows::new(&[("a", &["k"])]);
    let mut table = LeaseTable::new("run1", 10);
    let token = granted(&mut table, &rows, 0)[0].token.clone();
    table.ack("a", &token, "tax", at(1)).unwrap();
    table.restore("a");
    assert_eq!(names(&granted(&mut table, &rows, 1)), ["a"]);
}

#[test]
fn what_is_given_back_rests_first() {
    let rows = Rows::new(&[("a", &[]), ("b", &[])]);
    let mut table = LeaseTable::new("run1", 10);
    let grants = granted(&mut table, &rows, 0);
    let pause = SignedDuration::from_secs(5);
    table.nack("a", &grants[0].token, "tax", at(1), pause).unwrap();
    let again = table.nack("a", &grants[0].token, "tax", at(1), pause);
    assert_eq!(again, Err(LeaseError::Unknown));
    assert!(granted(&mut table, &rows, 5).is_empty());
    assert!(table.expire(at(6)).is_empty(), "a rest that is over is no expired lease");
    assert_eq!(names(&granted(&mut table, &rows, 6)), ["a"]);
}

#[test]
fn of_one_order_key_only_the_first_is_out() {
    let rows = Rows::new(&[("a", &["k"]), ("b", &["k", "l"]), ("c", &["l"]), ("d", &["m"])]);
    let mut table = LeaseTable::new("run1", 10);
    let first = granted(&mut table, &rows, 0);
    // c waits behind b although nobody has l.
    assert_eq!(names(&first), ["a", "d"]);
    table.ack("a", &first[0].token, "tax", at(1)).unwrap();
    assert!(granted(&mut table, &rows, 1).is_empty());
    table.settled("a");
    let rows = Rows::new(&[("b", &["k", "l"]), ("c", &["l"]), ("d", &["m"])]);
    assert_eq!(names(&granted(&mut table, &rows, 2)), ["b"]);
}

#[test]
fn bounds_hold() {
    let rows = Rows::new(&[("a", &[]), ("b", &[]), ("c", &[])]);
    let mut table = LeaseTable::new("run1", 2);
    let short = SignedDuration::ZERO;
    let grants = table.grant(rows.candidates(), "tax", at(0), short, 1);
    assert_eq!((names(&grants), grants[0].until), (vec!["a"], at(1)));
    let long = SignedDuration::from_hours(1000);
    let grants = table.grant(rows.candidates(), "tax", at(0), long, 10);
    assert_eq!((names(&grants), grants[0].until), (vec!["b"], at(15 * 60)));
    assert!(granted(&mut table, &rows, 0).is_empty(), "full");
    let never = LeaseTable::new("run1", 2).grant(rows.candidates(), "x", Timestamp::MAX, LEASE, 1);
    assert_eq!(never[0].until, Timestamp::MAX);
}

proptest! {
    /// Whatever happens in whatever order: nothing is leased twice at a time, per key
    /// the order is kept, and in the end everything was settled exactly once.
    #[test]
    fn everything_is_settled_once_and_in_order(steps in prop::collection::vec((0u8..5, 0usize..8), 0..200)) {
        let names = ["0", "1", "2", "3", "4", "5", "6", "7"];
        let keys: Vec<Vec<String>> = (0..8).map(|n| vec![format!("k{}", n % 3)]).collect();
        let mut pending: Vec<usize> = (0..8).collect();
        let mut out: Vec<(usize, Grant)> = Vec::new();
        let mut done: Vec<usize> = Vec::new();
        let mut table = LeaseTable::new("run", 5);
        let mut now = 0;
        let finish = (0..100).flat_map(|_| [(0, 0), (1, 0)]);
        for (what, which) in steps.into_iter().chain(finish) {
            let expired = table.expire(at(now));
            out.retain(|(_, grant)| !expired.iter().any(|e| e.delivery == grant.delivery));
            let chosen = (!out.is_empty()).then(|| which % out.len().max(1));
            match (what, chosen) {
                (0, _) => {
                    let rows = pending.iter().map(|n| Candidate { delivery: names[*n], order_keys: &keys[*n] });
                    for grant in table.grant(rows, "tax", at(now), LEASE, 3) {
                        let n: usize = grant.delivery.parse().unwrap();
                        prop_assert!(out.iter().all(|(other, _)| other % 3 != n % 3));
                        out.push((n, grant));
                    }
                }
                (1, Some(at_index)) => {
                    let (n, grant) = out.remove(at_index);
                    table.ack(&grant.delivery, &grant.token, "tax", at(now)).unwrap();
                    pending.retain(|p| *p != n);
                    done.push(n);
                    table.settled(&grant.delivery);
                }
                (2, Some(at_index)) => {
                    let (_, grant) = out.remove(at_index);
                    table.nack(&grant.delivery, &grant.token, "tax", at(now), SignedDuration::ZERO).unwrap();
                }
                _ => now += i64::try_from(which).unwrap() * 7,
            }
            prop_assert!(table.leased() <= 5);
        }
        prop_assert_eq!(done.len(), 8);
        for key in 0..3 {
            let of_key: Vec<usize> = done.iter().copied().filter(|n| n % 3 == key).collect();
            prop_assert!(of_key.is_sorted());
        }
    }
}

#[test]
fn how_often_a_delivery_was_given_out_is_remembered_until_it_is_settled() {
    let rows = Rows::new(&[("a", &[])]);
    let mut table = LeaseTable::new("run1", 10);
    for (times, second) in [(1, 0), (2, 30), (3, 60)] {
        let grants = granted(&mut table, &rows, second);
        assert_eq!((grants.len(), table.handouts("a")), (1, times));
        assert!(table.is_out("a"));
    }
    let last = table.grant(rows.candidates(), "tax", at(60), LEASE, 10);
    assert!(last.is_empty(), "it is out");
    table.expire(at(90));
    assert!(!table.is_out("a"));
    table.settled("a");
    assert_eq!(table.handouts("a"), 0);
}
