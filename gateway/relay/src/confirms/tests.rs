//! Which publish a returned message is charged to, in every order in which the
//! library can complete confirms.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use lapin::BasicProperties;
use lapin::message::Delivery;

use super::*;

fn returned(id: &str) -> BasicReturnMessage {
    let mut delivery = Delivery::mock(0, "e".into(), "k".into(), false, Vec::new());
    delivery.properties = BasicProperties::default().with_message_id(id.into());
    BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() }
}

fn done(answer: Result<Confirmation>) -> Publish {
    Box::pin(std::future::ready(answer))
}

/// Completes once the flag is set.
fn after(flag: &Arc<AtomicBool>, answer: Confirmation) -> Publish {
    let (flag, mut answer) = (Arc::clone(flag), Some(answer));
    Box::pin(poll_fn(move |_| match flag.load(Ordering::SeqCst) {
        true => Poll::Ready(Ok(answer.take().unwrap())),
        false => Poll::Pending,
    }))
}

/// Completes at once, and sets the flag while it is asked.
fn setting(flag: &Arc<AtomicBool>, answer: Confirmation) -> Publish {
    let (flag, mut answer) = (Arc::clone(flag), Some(answer));
    Box::pin(poll_fn(move |_| {
        flag.store(true, Ordering::SeqCst);
        Poll::Ready(Ok(answer.take().unwrap()))
    }))
}

fn poll(confirms: &mut Confirms) -> Poll<Result<Vec<(u64, Answer)>>> {
    confirms.poll_answers(&mut Context::from_waker(Waker::noop()))
}

fn answers(confirms: &mut Confirms) -> Vec<(u64, Answer)> {
    match poll(confirms) {
        Poll::Ready(answers) => {
            let mut answers = answers.unwrap();
            answers.sort_by_key(|(number, _)| *number);
            answers
        }
        Poll::Pending => panic!("no answer"),
    }
}

fn push(confirms: &mut Confirms, number: u64, publish: Publish) {
    confirms.push(number, &format!("d-{number}"), publish, Instant::now());
}

fn no_route() -> Answer {
    Answer::Returned("312 NO_ROUTE".to_owned())
}

#[tokio::test]
async fn a_return_with_its_own_confirm_is_a_failure() {
    let mut confirms = Confirms::default();
    push(&mut confirms, 1, done(Ok(Confirmation::Ack(Some(returned("d-1"))))));
    push(&mut confirms, 2, done(Ok(Confirmation::Ack(None))));
    push(&mut confirms, 3, done(Ok(Confirmation::Nack(None))));
    push(&mut confirms, 4, Box::pin(std::future::pending()));
    assert_eq!(answers(&mut confirms), [(1, no_route()), (2, Answer::Taken), (3, Answer::Refused)]);
    assert_eq!(confirms.len(), 1);
    assert!(poll(&mut confirms).is_pending());
}

#[tokio::test]
async fn a_return_with_the_confirm_of_another_is_charged_to_its_own() {
    let mut confirms = Confirms::default();
    push(&mut confirms, 1, done(Ok(Confirmation::Ack(Some(returned("d-2"))))));
    push(&mut confirms, 2, done(Ok(Confirmation::Ack(None))));
    assert_eq!(answers(&mut confirms), [(1, Answer::Taken), (2, no_route())]);
}

#[tokio::test]
async fn a_confirm_that_completes_while_we_look_is_seen_before_anything_is_judged() {
    // 1 was asked and not ready; then both complete, 1 first, carrying the return of 2.
    let (mut confirms, flag) = (Confirms::default(), Arc::new(AtomicBool::new(false)));
    push(&mut confirms, 1, after(&flag, Confirmation::Ack(Some(returned("d-2")))));
    push(&mut confirms, 2, setting(&flag, Confirmation::Ack(None)));
    assert_eq!(answers(&mut confirms), [(1, Answer::Taken), (2, no_route())]);
}

#[tokio::test]
async fn a_return_waits_for_the_confirm_of_its_own_publish() {
    let (mut confirms, flag) = (Confirms::default(), Arc::new(AtomicBool::new(false)));
    push(&mut confirms, 1, done(Ok(Confirmation::Ack(Some(returned("d-2"))))));
    push(&mut confirms, 2, after(&flag, Confirmation::Ack(None)));
    assert_eq!(answers(&mut confirms), [(1, Answer::Taken)]);
    flag.store(true, Ordering::SeqCst);
    assert_eq!(answers(&mut confirms), [(2, no_route())]);
    assert!(confirms.returned.is_empty());
}

#[tokio::test]
async fn the_end_of_the_channel_leaves_everything_open() {
    let mut confirms = Confirms::default();
    let since = Instant::now();
    confirms.push(1, "d-1", Box::pin(std::future::pending()), since);
    push(&mut confirms, 2, done(Err(lapin::ErrorKind::MissingHeartbeatError.into())));
    assert_eq!(confirms.oldest(), Some(since));
    assert!(matches!(poll(&mut confirms), Poll::Ready(Err(_))));
}
