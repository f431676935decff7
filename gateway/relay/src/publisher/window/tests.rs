//! The rules of the window one by one, and a random run that checks them all.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::publisher::Destination;

fn row(seq: u64, keys: &[&str]) -> OutboxRow {
    OutboxRow {
        seq,
        delivery: format!("d-{seq}"),
        destination: Destination::Department { routing_key: "tax".to_owned() },
        order_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        message_type: "CEB311Message".to_owned(),
        sender: "firm".to_owned(),
        message: "m".to_owned(),
        documents: vec![0],
        received: "2026-01-02T03:04:05Z".to_owned(),
        traceparent: None,
        replayed: false,
        body: vec![0; 10],
    }
}

fn window(rows: &[(u64, &[&str])]) -> Window {
    let mut window = Window::default();
    window.add(rows.iter().map(|(seq, keys)| row(*seq, keys)).collect());
    window
}

/// Publishes all that have their turn.
fn all_next(window: &mut Window, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| window.next(now).map(|(row, _)| row.seq)).collect()
}

#[test]
fn one_row_of_a_key_is_in_flight_at_a_time() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"]), (2, &["a"]), (3, &["b"]), (4, &[])]);
    assert_eq!(all_next(&mut window, now), [1, 3, 4]);
    assert_eq!(window.in_flight(), 3);
    window.confirmed(1);
    assert_eq!(all_next(&mut window, now), [2]);
}

#[test]
fn a_batch_waits_for_all_its_keys_and_holds_them_all() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"]), (2, &["b"]), (3, &["a", "b", "a"]), (4, &["b"])]);
    assert_eq!(all_next(&mut window, now), [1, 2]);
    window.confirmed(2);
    assert_eq!(all_next(&mut window, now), [0; 0]);
    window.confirmed(1);
    assert_eq!(all_next(&mut window, now), [3]);
    window.confirmed(3);
    assert_eq!(all_next(&mut window, now), [4]);
}

#[test]
fn a_failed_row_rests_and_keeps_its_turn() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"]), (2, &["a"]), (3, &[])]);
    assert_eq!(all_next(&mut window, now), [1, 3]);
    window.failed(1, now);
    assert_eq!(window.in_flight(), 1);
    assert_eq!(all_next(&mut window, now), [0; 0]);
    let due = window.due().unwrap();
    assert!(due > now);
    let (again, repeated) = window.next(due).unwrap();
    assert_eq!((again.seq, again.delivery.as_str(), repeated), (1, "d-1", true));
    assert!(window.due().is_none());
}

#[test]
fn after_a_loss_what_was_in_flight_goes_first_under_the_same_id() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"]), (2, &["a"]), (3, &[])]);
    assert_eq!(all_next(&mut window, now), [1, 3]);
    window.lost();
    assert_eq!(window.in_flight(), 0);
    let (first, repeated) = window.next(now).unwrap();
    assert_eq!((first.seq, repeated), (1, true));
    assert_eq!(all_next(&mut window, now), [3]);
}

#[test]
fn a_confirmed_row_is_held_until_it_is_recorded() {
    let now = Instant::now();
    let mut window = window(&[(1, &[]), (2, &[])]);
    all_next(&mut window, now);
    window.confirmed(1);
    assert!(window.owes_a_record());
    assert_eq!(window.take_confirmed(), [1]);
    assert!(!window.owes_a_record());
    // The outbox failed: the same is told again, with what came in the meantime.
    window.not_recorded();
    window.confirmed(2);
    let mut told = window.take_confirmed();
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
    // The connection went away while the outbox was asked.
    window.lost();
    assert_eq!(window.take_confirmed().len(), 2);
    assert_eq!((window.held(), window.after()), (2, 2));
    window.recorded();
    assert_eq!((window.held(), window.after()), (0, 0));
    assert!(all_next(&mut window, now).is_empty());
}

#[test]
fn what_is_held_is_not_taken_twice() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"])]);
    window.add(vec![row(1, &["a"]), row(2, &["a"])]);
    assert_eq!((window.held(), all_next(&mut window, now)), (2, vec![1]));
    window.confirmed(1);
    assert_eq!(all_next(&mut window, now), [2]);
}

#[test]
fn reading_stops_at_the_bounds() {
    let mut window = Window::default();
    assert_eq!(window.room(), Some(Take { rows: HELD_ROWS, bytes: HELD_BYTES }));
    window.add((0..HELD_ROWS as u64 / 2).map(|seq| row(seq, &[])).collect());
    assert_eq!(window.room().unwrap().rows, HELD_ROWS / 2);
    window.add(vec![row(9999, &[])]);
    assert_eq!(window.room(), None);
    let mut window = Window::default();
    window.add(vec![OutboxRow { body: vec![0; HELD_BYTES], ..row(1, &[]) }]);
    assert_eq!(window.room(), None);
    all_next(&mut window, Instant::now());
    window.confirmed(1);
    window.take_confirmed();
    window.recorded();
    assert_eq!(window.room(), Some(Take { rows: HELD_ROWS, bytes: HELD_BYTES }));
}

#[test]
fn what_is_not_held_is_left_alone() {
    let mut window = window(&[(1, &[])]);
    window.confirmed(7);
    window.failed(7, Instant::now());
    assert_eq!((window.held(), window.in_flight()), (1, 0));
}

proptest! {
    /// Whatever the broker does: at most one row of a key is in flight, the first
    /// publishes of a key come in its order, and in the end all is recorded.
    #[test]
    fn nothing_overtakes_and_nothing_is_left(
        keys in prop::collection::vec(prop::collection::vec(0u8..4, 0..3), 1..40),
        moves in prop::collection::vec((0u8..5, any::<prop::sample::Index>()), 0..120),
    ) {
        let names = |keys: &Vec<u8>| keys.iter().map(|k| format!("k{k}")).collect::<Vec<_>>();
        let rows: Vec<OutboxRow> = keys.iter().zip(1u64..)
            .map(|(keys, seq)| OutboxRow { order_keys: names(keys), ..row(seq, &[]) })
            .collect();
        let (mut window, mut now) = (Window::default(), Instant::now());
        let mut flying: Vec<Arc<OutboxRow>> = Vec::new();
        let mut confirmed: Vec<u64> = Vec::new();
        let mut unread = rows.clone();
        for (what, which) in moves {
            now += Duration::from_secs(1);
            match what {
                0 => { let n = which.index(unread.len() + 1); window.add(unread.drain(..n).collect()); }
                1 => while let Some((row, _)) = window.next(now) {
                    for other in &flying {
                        prop_assert!(row.order_keys.iter().all(|k| !other.order_keys.contains(k)));
                    }
                    for key in &row.order_keys {
                        let before = rows.iter().filter(|r| r.seq < row.seq && r.order_keys.contains(key));
                        prop_assert!(before.clone().all(|r| confirmed.contains(&r.seq)));
                    }
                    flying.push(row);
                },
                2 if !flying.is_empty() => {
                    let row = flying.remove(which.index(flying.len()));
                    window.confirmed(row.seq);
                    confirmed.push(row.seq);
                }
                3 if !flying.is_empty() => {
                    let row = flying.remove(which.index(flying.len()));
                    window.failed(row.seq, now);
                }
                4 => { window.lost(); flying.clear(); }
                _ => {}
            }
            prop_assert_eq!(window.in_flight(), flying.len());
        }
        window.add(unread);
        window.lost();
        for _ in 0..rows.len() {
            now += Duration::from_secs(100);
            while let Some((row, _)) = window.next(now) {
                window.confirmed(row.seq);
            }
            window.take_confirmed();
            window.recorded();
        }
        prop_assert_eq!((window.held(), window.bytes, window.queues.len()), (0, 0, 0));
    }
}

#[test]
fn a_barred_row_keeps_its_turn_and_others_go_on() {
    let now = Instant::now();
    let mut window = Window::default();
    let long = |seq: u64, bytes: usize| OutboxRow { body: vec![0; bytes], ..row(seq, &["a"]) };
    window.add(vec![long(1, 500), row(2, &["a"]), row(3, &["b"]), row(4, &["c"])]);
    assert_eq!(all_next(&mut window, now), [1, 3, 4]);
    assert_eq!(window.bar(500), Some(1));
    assert_eq!(window.in_flight(), 2);
    window.lost();
    assert_eq!(all_next(&mut window, now), [3, 4], "not the barred one, nor what is behind it");
    window.confirmed(3);
    window.confirmed(4);
    assert_eq!(all_next(&mut window, now), [0_u64; 0]);
    // A size that no row has: the longest one in flight it must be.
    let mut window = Window::default();
    window.add(vec![long(1, 10), OutboxRow { order_keys: Vec::new(), ..long(2, 20) }]);
    all_next(&mut window, now);
    assert_eq!(window.bar(7), Some(2));
    assert_eq!(Window::default().bar(7), None);
}

#[test]
fn a_refused_row_may_be_tried_again_at_once_and_keeps_its_turn() {
    let now = Instant::now();
    let mut window = window(&[(1, &["a"]), (2, &["a"])]);
    assert_eq!(all_next(&mut window, now), [1]);
    window.refused(1);
    assert_eq!(window.in_flight(), 0);
    assert_eq!(all_next(&mut window, now), [1]);
    window.confirmed(1);
    assert_eq!(all_next(&mut window, now), [2]);
}
