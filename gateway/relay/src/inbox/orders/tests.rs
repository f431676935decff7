//! Orders and replies in the inbox, by themselves.

use super::*;
use crate::backend::{NewOrder, Rehearsed};
use crate::inbox::{InboxCounts, TakenIn};
use crate::runner::{Delivery, Handled, OutgoingAnswer};

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn handler(delivery: &Delivery) -> Result<Handled, HandlerError> {
    let order = NewOrder {
        content_type: "text/plain".to_owned(),
        content: format!("order {}", delivery.id).into_bytes(),
        business_keys: vec![format!("key of {}", delivery.id)],
        rehearsed: vec![Rehearsed { id: "r".to_owned(), content: "<r/>".to_owned() }],
    };
    Ok(Handled { effect: delivery.id.clone(), order: Some(order), ..Handled::default() })
}

fn seal(reply: &Reply, facts: &Facts) -> Result<OutgoingAnswer, HandlerError> {
    if reply.content == b"rubbish" {
        return Err(HandlerError::new("reply-rubbish", "not a document"));
    }
    let body = [&reply.content[..], facts.business_keys.concat().as_bytes()].concat();
    Ok(OutgoingAnswer { id: reply.id.clone(), body })
}

fn inbox(folder: &tempfile::TempDir, deliveries: u32) -> Inbox {
    let mut inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
    let traceparent = Some("00-aa-bb-01".to_owned());
    let delivery = |n| Delivery {
        id: format!("d{n}"),
        message: format!("m{n}"),
        message_type: "CEB311Message".to_owned(),
        sender: "firm".to_owned(),
        documents: vec![0, 2],
        traceparent: traceparent.clone(),
        ..Delivery::default()
    };
    let deliveries: Vec<Delivery> = (0..deliveries).map(delivery).collect();
    let taken = inbox.take_in(&deliveries, &handler, now()).unwrap();
    assert!(taken.iter().all(|taken| *taken == TakenIn::Handled));
    inbox
}

fn reply(id: &str, delivery: &str, content: &str) -> Reply {
    let content = content.as_bytes().to_vec();
    Reply { id: id.to_owned(), delivery: delivery.to_owned(), content }
}

fn replied(inbox: &mut Inbox, replies: Vec<Reply>) -> Vec<ReplyFate> {
    inbox.record_try(&Try { replies, ..Try::default() }, &seal, now()).unwrap().replies
}

fn code(fate: &ReplyFate) -> &str {
    match fate {
        ReplyFate::Refused(error) => &error.code,
        _ => "",
    }
}

#[test]
fn orders_wait_in_order_until_their_fate_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = inbox(&folder, 3);
    let waiting = inbox.waiting(10).unwrap();
    let ids: Vec<&str> = waiting.iter().map(|order| order.delivery.as_str()).collect();
    assert_eq!(ids, ["d0", "d1", "d2"]);
    let first = &waiting[0];
    assert_eq!(first.content, b"order d0");
    assert_eq!((first.message.as_str(), first.sender.as_str()), ("m0", "firm"));
    assert_eq!(
        (&first.documents[..], first.traceparent.as_deref()),
        (&[0, 2][..], Some("00-aa-bb-01"))
    );
    assert_eq!(first.rehearsed[0].content, "<r/>");
    let refused = OrderFate::Refused(HandlerError::new("backend-refused", "no"));
    let fates = vec![(waiting[0].number, OrderFate::Done), (waiting[1].number, refused)];
    inbox.record_try(&Try { fates, ..Try::default() }, &seal, now()).unwrap();
    assert_eq!(inbox.waiting(10).unwrap(), waiting[2..]);
    let dead = inbox.dead_orders(10).unwrap();
    assert_eq!((dead[0].delivery.as_str(), dead[0].code.as_str()), ("d1", "backend-refused"));
    // Again, behind all others; a second time there is none.
    assert!(inbox.wait_again("d1").unwrap());
    assert!(!inbox.wait_again("d1").unwrap() && !inbox.wait_again("d0").unwrap());
    let ids: Vec<String> = inbox.waiting(9).unwrap().into_iter().map(|o| o.delivery).collect();
    assert_eq!(ids, ["d2", "d1"]);
    assert_eq!(inbox.waiting(9).unwrap()[1].content, b"order d1", "it is whole");
    assert_eq!(inbox.count_waiting().unwrap(), 2);
}

#[test]
fn an_order_that_fails_by_itself_is_given_up_at_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = inbox(&folder, 2);
    let number = inbox.waiting(1).unwrap()[0].number;
    for n in 1..=ATTEMPTS {
        let failed = Some((number, HandlerError::new("backend-status", "500")));
        let recorded = inbox.record_try(&Try { failed, ..Try::default() }, &seal, now()).unwrap();
        assert_eq!(recorded.given_up, (n == ATTEMPTS).then_some(number), "try {n}");
    }
    assert_eq!(inbox.dead_orders(9).unwrap()[0].reason, "500");
    assert_eq!(inbox.waiting(9).unwrap()[0].delivery, "d1");
}

#[test]
fn a_reply_becomes_one_answer_and_what_cannot_be_one_is_kept_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = inbox(&folder, 2);
    let fates = replied(&mut inbox, vec![reply("r1", "d0", "<a/>"), reply("r1", "d0", "<a/>")]);
    assert_eq!(fates, [ReplyFate::Taken, ReplyFate::Known]);
    for (bad, why) in [
        (reply("r1", "d0", "<b/>"), "reply-conflict"),
        (reply("r1", "d1", "<a/>"), "reply-conflict"),
        (reply("r2", "d9", "<a/>"), "reply-delivery-unknown"),
        (reply("r3", "d0", "rubbish"), "reply-rubbish"),
        (reply("", "d0", "<a/>"), "reply-misfit"),
        (reply(&"x".repeat(ID_BYTES + 1), "d0", "<a/>"), "reply-misfit"),
        (reply("r4", "d0", &"x".repeat(ANSWER_BYTES + 1)), "reply-misfit"),
    ] {
        let id = bad.id.clone();
        assert_eq!(code(&replied(&mut inbox, vec![bad])[0]), why, "{id}");
    }
    // Refused twice is one row, and a good one under that id is still taken.
    replied(&mut inbox, vec![reply("r3", "d0", "rubbish")]);
    assert_eq!(replied(&mut inbox, vec![reply("r3", "d0", "<c/>")]), [ReplyFate::Taken]);
    let answers = inbox.unsent(9).unwrap();
    let bodies: Vec<&[u8]> = answers.iter().map(|answer| answer.body.as_slice()).collect();
    assert_eq!(bodies, [b"<a/>key of d0", b"<c/>key of d0"]);
    assert_eq!(answers[0].traceparent.as_deref(), Some("00-aa-bb-01"));
    let counts = inbox.counts().unwrap();
    let wanted = InboxCounts { replies: 2, replies_refused: 6, ..counts };
    assert_eq!(counts, wanted, "{:?}", inbox.refused_replies(99).unwrap());
}

#[test]
fn fates_and_replies_are_recorded_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = inbox(&folder, 1);
    inbox.database.execute_batch("DROP TABLE reply").unwrap();
    let number = inbox.waiting(1).unwrap()[0].number;
    let fates = vec![(number, OrderFate::Done)];
    let both = Try { fates, replies: vec![reply("r1", "d0", "<a/>")], failed: None };
    assert_eq!(inbox.record_try(&both, &seal, now()).unwrap_err().code(), "inbox-write");
    assert_eq!(inbox.waiting(1).unwrap().len(), 1, "it waits as before");
}

#[test]
fn an_inbox_of_an_older_layout_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    drop(inbox(&folder, 1));
    let database = rusqlite::Connection::open(&path).unwrap();
    let back = "DROP TABLE handed; DROP TABLE reply; DROP TABLE refused_reply;
                PRAGMA user_version = 2;";
    database.execute_batch(back).unwrap();
    drop(database);
    let inbox = Inbox::open(&path).unwrap();
    assert_eq!((inbox.counts().unwrap().handled, inbox.count_waiting().unwrap()), (1, 0));
}
