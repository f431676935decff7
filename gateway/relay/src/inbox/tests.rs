//! Every outcome of taking a delivery in, answers until somebody took them, and files
//! that cannot be used.

use super::*;
use crate::runner::OutgoingAnswer;

fn open() -> (tempfile::TempDir, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
    (folder, inbox)
}

fn delivery(id: &str) -> Delivery {
    Delivery { id: id.to_owned(), message_type: "CEB311Message".to_owned(), ..Delivery::default() }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn answer(id: &str) -> OutgoingAnswer {
    OutgoingAnswer { id: id.to_owned(), body: format!("<{id}/>").into_bytes() }
}

/// One effect and two answers.
fn two_answers(delivery: &Delivery) -> Result<Handled, HandlerError> {
    let id = &delivery.id;
    let answers = vec![answer(&format!("{id}-1")), answer(&format!("{id}-2"))];
    Ok(Handled { effect: format!("recorded {id}"), answers, order: None })
}

fn code(taken: &TakenIn) -> &str {
    match taken {
        TakenIn::Rejected(error) => &error.code,
        _ => panic!("{taken:?}"),
    }
}

#[test]
fn a_delivery_has_its_effect_once_however_often_it_comes() {
    let (folder, mut inbox) = open();
    let batch = [delivery("a"), delivery("b"), delivery("a")];
    let taken = inbox.take_in(&batch, &two_answers, now()).unwrap();
    assert_eq!(taken, [TakenIn::Handled, TakenIn::Handled, TakenIn::Known { redeliveries: 1 }]);
    // The process ends; the next one opens the same file.
    drop(inbox);
    let mut inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
    let taken = inbox.take_in(&[delivery("a")], &two_answers, now()).unwrap();
    assert_eq!(taken, [TakenIn::Known { redeliveries: 2 }]);
    let effects = inbox.effects().unwrap();
    assert_eq!(
        effects[0],
        EffectRow {
            delivery: "a".to_owned(),
            effect: "recorded a".to_owned(),
            at: "2026-01-02T03:04:05Z".to_owned()
        }
    );
    let counts = inbox.counts().unwrap();
    assert_eq!((effects.len(), counts.effects, counts.handled), (2, 2, 2));
    assert_eq!((counts.redeliveries, counts.answers_unsent), (2, 4));
}

#[test]
fn answers_are_given_until_they_are_recorded() {
    let (_folder, mut inbox) = open();
    inbox.take_in(&[delivery("a"), delivery("b")], &two_answers, now()).unwrap();
    let ids =
        |inbox: &Inbox| inbox.unsent(3).unwrap().into_iter().map(|a| a.id).collect::<Vec<_>>();
    assert_eq!(ids(&inbox), ["a-1", "a-2", "b-1"]);
    assert_eq!(ids(&inbox), ["a-1", "a-2", "b-1"]);
    let first = inbox.unsent(1).unwrap().remove(0);
    assert_eq!((first.delivery.as_str(), first.body.as_slice()), ("a", &b"<a-1/>"[..]));
    let refused = AnswerFate::Refused("400".to_owned());
    inbox.record(&[(first.number, AnswerFate::Sent), (first.number + 1, refused)]).unwrap();
    assert_eq!(ids(&inbox), ["b-1", "b-2"]);
    let counts = inbox.counts().unwrap();
    assert_eq!((counts.answers_sent, counts.answers_refused, counts.answers_unsent), (1, 1, 2));
}

#[test]
fn what_cannot_be_handled_leaves_no_effect_and_spoils_no_batch() {
    let (_folder, mut inbox) = open();
    let handler = |delivery: &Delivery| match delivery.id.as_str() {
        "bad" => Err(HandlerError::new("no-such-type", "not for us")),
        "panic" => panic!("as asked"),
        _ => two_answers(delivery),
    };
    let batch = [delivery("a"), delivery("bad"), delivery("panic"), delivery("b")];
    let taken = inbox.take_in(&batch, &handler, now()).unwrap();
    assert_eq!((&taken[0], &taken[3]), (&TakenIn::Handled, &TakenIn::Handled));
    assert_eq!((code(&taken[1]), code(&taken[2])), ("no-such-type", "handler-panicked"));
    // Rejected again when it comes again: it is not taken for handled.
    let taken = inbox.take_in(&[delivery("bad")], &handler, now()).unwrap();
    assert_eq!(code(&taken[0]), "no-such-type");
    let counts = inbox.counts().unwrap();
    assert_eq!((counts.handled, counts.effects, counts.rejected), (2, 2, 2));
}

#[test]
fn outcomes_out_of_bounds_are_rejected() {
    let (_folder, mut inbox) = open();
    let mut taken = |id: &str, handled: Handled| {
        let handler = move |_: &Delivery| Ok(handled.clone());
        inbox.take_in(&[delivery(id)], &handler, now()).unwrap().remove(0)
    };
    let with = |answers| Handled { effect: String::new(), answers, order: None };
    let long = "x".repeat(ID_BYTES + 1);
    assert_eq!(code(&taken("", with(vec![]))), "delivery-id");
    assert_eq!(code(&taken(&long, with(vec![]))), "delivery-id");
    let effect = Handled { effect: "x".repeat(EFFECT_BYTES + 1), answers: vec![], order: None };
    assert_eq!(code(&taken("a", effect)), "effect-too-long");
    let many = (0..=ANSWERS_PER_DELIVERY).map(|n| answer(&n.to_string())).collect();
    assert_eq!(code(&taken("a", with(many))), "answers-too-many");
    assert_eq!(code(&taken("a", with(vec![answer(&long)]))), "answer-misfit");
    assert_eq!(code(&taken("a", with(vec![answer("")]))), "answer-misfit");
    let huge = OutgoingAnswer { id: "h".to_owned(), body: vec![0; ANSWER_BYTES + 1] };
    assert_eq!(code(&taken("a", with(vec![huge]))), "answer-misfit");
    assert_eq!(code(&taken("a", with(vec![answer("1"), answer("1")]))), "answer-id-taken");
    assert_eq!(taken("a", with(vec![answer("1")])), TakenIn::Handled);
    assert_eq!(code(&taken("b", with(vec![answer("1")]))), "answer-id-taken");
}

#[test]
fn a_batch_that_cannot_be_written_did_not_happen() {
    let (folder, mut inbox) = open();
    inbox.database.busy_timeout(Duration::from_millis(10)).unwrap();
    let other = Connection::open(folder.path().join("inbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = inbox.take_in(&[delivery("a")], &two_answers, now()).unwrap_err();
    assert_eq!(error.code(), "inbox-write");
    assert!(error.en().contains("check disk") && error.zh().contains("收件库"));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(inbox.counts().unwrap(), InboxCounts::default());
    let taken = inbox.take_in(&[delivery("a")], &two_answers, now()).unwrap();
    assert_eq!(taken, [TakenIn::Handled]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Inbox::open(&folder.path().join("none").join("inbox.db")).unwrap_err();
    assert_eq!(error.code(), "inbox-open");
    assert!(error.en().contains("folder exists") && error.zh().contains("无法打开"));
    let rubbish = folder.path().join("rubbish.db");
    std::fs::write(&rubbish, "this is not a database, and long enough to be read as one").unwrap();
    assert_eq!(Inbox::open(&rubbish).unwrap_err().code(), "inbox-open");
    let newer = folder.path().join("newer.db");
    drop(Inbox::open(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = Inbox::open(&newer).unwrap_err();
    assert_eq!(error.code(), "inbox-version");
    assert!(error.en().contains("layout 7") && error.zh().contains('7'));
}

#[test]
fn what_is_committed_survives_a_power_failure_as_far_as_sqlite_promises() {
    let (_folder, inbox) = open();
    let pragma = |name| {
        inbox.database.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
    };
    assert_eq!(pragma("journal_mode").unwrap(), "wal".to_owned().into());
    assert_eq!(pragma("synchronous").unwrap(), 2.into());
}
