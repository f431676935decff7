//! Messages, documents, keys, deliveries and answers.

use super::*;
use crate::keys::{self, GuidVerdict, KeyVerdict, Period, Why};

const KEY: MessageKey<'static> = MessageKey { zone: "z1", sender: "jia", guid: "G" };

/// Commits one message `n` with guid `guid` and `documents` documents that have no keys.
fn one<S: Store>(ledger: &mut Ledger<S>, n: usize, guid: &str) -> BodyId {
    let mut body = None;
    ledger
        .commit(NOW, &mut |tx| {
            body = Some(tx.insert_message(&message(&id(n), guid, n, b"payload"))?);
            Ok(())
        })
        .unwrap();
    body.unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, StoreError>) -> &'static str {
    result.unwrap_err().code()
}

pub(crate) fn a_message_comes_back_as_it_was_stored<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let body = one(&mut ledger, 1, "G");
    let row = reader.message(&id(1)).unwrap().unwrap();
    let expected = MessageRow {
        id: id(1),
        zone: "z1".into(),
        sender: "jia".into(),
        guid: Some("G".into()),
        content_digest: digest(1),
        message_type: "CEB311Message".into(),
        media_type: "application/xml".into(),
        outcome: Outcome::Accepted,
        received_ms: NOW,
        body,
    };
    assert_eq!(row, expected);
    assert_eq!(reader.body(body).unwrap().unwrap(), b"payload");
    assert_eq!(reader.message(&id(2)).unwrap(), None);
    assert_eq!(reader.body(BodyId(body.0 + 1)).unwrap(), None);
}

pub(crate) fn key_1_tells_duplicates_from_conflicts<B: Backend>() {
    let backend = B::new();
    let (mut ledger, _reader) = open(&backend);
    one(&mut ledger, 1, "G");
    ledger
        .commit(NOW, &mut |tx| {
            let seen = tx.message_by_guid(&KEY)?;
            let (original, other) = (id(1), digest(2));
            assert_eq!(
                keys::judge_guid(seen.as_ref(), &digest(1)),
                GuidVerdict::Duplicate { message: original.clone() }
            );
            assert_eq!(
                keys::judge_guid(seen.as_ref(), &other),
                GuidVerdict::Conflict { message: original }
            );
            for key in [
                MessageKey { zone: "z2", ..KEY },
                MessageKey { sender: "yi", ..KEY },
                MessageKey { guid: "g", ..KEY },
            ] {
                assert_eq!(tx.message_by_guid(&key)?, None, "{key:?}");
            }
            Ok(())
        })
        .unwrap();
}

pub(crate) fn a_guid_is_stored_once_and_refused_messages_may_leave_it_free<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    one(&mut ledger, 1, "G");
    let again = ledger
        .commit(NOW, &mut |tx| tx.insert_message(&message(&id(2), "G", 2, b"other")).map(|_| ()));
    assert_eq!(code(again), "store-conflict");
    let same_id = ledger
        .commit(NOW, &mut |tx| tx.insert_message(&message(&id(1), "H", 2, b"other")).map(|_| ()));
    assert_eq!(code(same_id), "store-conflict");
    for n in 3..5 {
        ledger
            .commit(NOW, &mut |tx| {
                let id = id(n);
                let refused = NewMessage {
                    guid: None,
                    outcome: Outcome::Refused,
                    ..message(&id, "", n, b"refused")
                };
                tx.insert_message(&refused).map(|_| ())
            })
            .unwrap();
    }
    let counts = reader.counts().unwrap();
    assert_eq!((counts.accepted, counts.refused), (1, 2));
    assert_eq!(reader.message(&id(4)).unwrap().unwrap().guid, None);
}

pub(crate) fn documents_keep_their_last_status<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    one(&mut ledger, 1, "G");
    let id = id(1);
    let new = |index| NewDocument {
        message: &id,
        index,
        guid: None,
        app_type: Some(2),
        business_key: Some(BusinessKey { kind: "list", value: "C1" }),
        order_key: Some("P1|1"),
        outcome: Outcome::Refused,
    };
    ledger
        .commit(NOW, &mut |tx| {
            tx.insert_document(&new(1))?;
            tx.insert_document(&new(0))?;
            assert!(tx.set_document_status(&id, 0, 2, NOW)?);
            assert!(tx.set_document_status(&id, 0, -301_010, NOW + 1)?);
            assert!(!tx.set_document_status(&id, 2, 2, NOW)?);
            assert_eq!(tx.document(&id, 0)?.unwrap().last_status, Some((-301_010, NOW + 1)));
            assert_eq!(tx.document(&id, 2)?, None);
            Ok(())
        })
        .unwrap();
    let documents = reader.documents(&id).unwrap();
    assert_eq!(documents.iter().map(|d| d.index).collect::<Vec<_>>(), [0, 1]);
    let expected = DocumentRow {
        message: id.clone(),
        index: 1,
        guid: None,
        app_type: Some(2),
        business_key: Some(("list".into(), "C1".into())),
        order_key: Some("P1|1".into()),
        outcome: Outcome::Refused,
        last_status: None,
    };
    assert_eq!(documents[1], expected);
    let twice = ledger.commit(NOW, &mut |tx| tx.insert_document(&new(0)));
    assert_eq!(code(twice), "store-conflict");
    let orphan = NewDocument { message: "nobody", ..new(0) };
    assert_eq!(code(ledger.commit(NOW, &mut |tx| tx.insert_document(&orphan))), "store-conflict");
}

/// One declaration after another under one key: what the commit stage does with key 2.
fn declare<S: Store>(ledger: &mut Ledger<S>, n: usize, app_type: u8, at: i64) -> KeyVerdict {
    let mut verdict = None;
    let key = BusinessKey { kind: "waybill", value: "L1|123" };
    ledger
        .commit(at, &mut |tx| {
            let (id, guid) = (id(n), format!("G{n}"));
            let present = tx.business_key(&key)?;
            let judged = keys::judge_key(present.as_ref(), app_type, at, keys::period_of(key.kind));
            verdict = Some(judged.clone());
            let KeyVerdict::Take { version, period_start_ms, .. } = judged else { return Ok(()) };
            tx.insert_message(&message(&id, &guid, n, b"waybill"))?;
            tx.insert_document(&NewDocument {
                message: &id,
                index: 0,
                guid: None,
                app_type: Some(app_type),
                business_key: Some(key),
                order_key: None,
                outcome: Outcome::Accepted,
            })?;
            tx.put_business_key(&NewKeyVersion {
                key,
                version,
                message: &id,
                document: 0,
                app_type,
                declared_ms: at,
                period_start_ms,
            })
        })
        .unwrap();
    verdict.unwrap()
}

fn status<S: Store>(ledger: &mut Ledger<S>, n: usize, status: i64) {
    ledger
        .commit(NOW, &mut |tx| tx.set_document_status(&id(n), 0, status, NOW).map(|_| ()))
        .unwrap();
}

pub(crate) fn key_2_goes_through_its_states<B: Backend>() {
    const MONTH: i64 = 31 * 24 * 3600 * 1000;
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let why = |verdict| match verdict {
        KeyVerdict::Take { version, why, .. } => Some((version, why)),
        KeyVerdict::AlreadyDeclared { .. } => None,
    };
    assert_eq!(keys::period_of("waybill"), Period::Months(6));
    assert_eq!(why(declare(&mut ledger, 1, 1, NOW)), Some((1, Why::First)));
    assert_eq!(why(declare(&mut ledger, 2, 1, NOW)), None, "nobody answered yet");
    status(&mut ledger, 1, 2);
    assert_eq!(
        declare(&mut ledger, 2, 1, NOW),
        KeyVerdict::AlreadyDeclared { message: id(1), document: 0, last_status: Some(2) }
    );
    assert_eq!(why(declare(&mut ledger, 2, 2, NOW)), Some((2, Why::Marked)));
    status(&mut ledger, 1, 100);
    assert_eq!(why(declare(&mut ledger, 3, 1, NOW)), None, "only the present version counts");
    status(&mut ledger, 2, 100);
    assert_eq!(why(declare(&mut ledger, 3, 1, NOW)), Some((3, Why::Reopened)));
    status(&mut ledger, 3, 120);
    assert_eq!(why(declare(&mut ledger, 4, 1, NOW + 5 * MONTH)), None);
    assert_eq!(why(declare(&mut ledger, 4, 1, NOW + 7 * MONTH)), Some((4, Why::NewPeriod)));
    assert_eq!(why(declare(&mut ledger, 5, 1, NOW + 8 * MONTH)), None, "a period of its own");

    let key = BusinessKey { kind: "waybill", value: "L1|123" };
    let versions = reader.find_by_business_key(&key).unwrap();
    let seen: Vec<_> =
        versions.iter().map(|v| (v.version, v.message.clone(), v.last_status)).collect();
    let expected =
        [(1, id(1), Some(100)), (2, id(2), Some(100)), (3, id(3), Some(120)), (4, id(4), None)];
    assert_eq!(seen, expected);
    let order = BusinessKey { kind: "order", value: "L1|123" };
    assert_eq!(reader.find_by_business_key(&order).unwrap(), []);
}

pub(crate) fn a_key_version_is_stored_once_for_a_document_that_is_there<B: Backend>() {
    let backend = B::new();
    let (mut ledger, _reader) = open(&backend);
    declare(&mut ledger, 1, 1, NOW);
    let key = BusinessKey { kind: "waybill", value: "L1|123" };
    let id = id(1);
    let version = NewKeyVersion {
        key,
        version: 1,
        message: &id,
        document: 0,
        app_type: 1,
        declared_ms: NOW,
        period_start_ms: NOW,
    };
    let missing = NewKeyVersion { version: 2, document: 9, ..version };
    for version in [version, missing] {
        let result = ledger.commit(NOW, &mut |tx| tx.put_business_key(&version));
        assert_eq!(code(result), "store-conflict");
    }
    let zero = NewKeyVersion { version: 0, ..version };
    assert_eq!(
        code(ledger.commit(NOW, &mut |tx| tx.put_business_key(&zero))),
        "store-value-invalid"
    );
}

pub(crate) fn the_outbox_moves_forward_only<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..1).unwrap();
    let of = |name: &str| reader.delivery(&format!("{}.{name}", id(0))).unwrap().unwrap();
    let (customs, tax) = (of("customs"), of("tax"));
    assert!(customs.seq < tax.seq);
    assert_eq!(customs.state, DeliveryState::Pending);
    assert_eq!(customs.body_bytes, "<order n='0'/>".len() as u64);
    ledger
        .commit(NOW, &mut |tx| {
            assert_eq!(tx.delivery_by_id(&customs.id)?, Some(customs.clone()));
            assert_eq!(tx.delivery(customs.seq)?, Some(customs.clone()));
            let relayed = tx.mark_relayed(customs.seq, NOW + 1)?.unwrap();
            assert_eq!(
                (relayed.state, relayed.relayed_ms),
                (DeliveryState::Relayed, Some(NOW + 1))
            );
            assert_eq!(tx.delivery(customs.seq)?, Some(relayed));
            assert_eq!(tx.mark_relayed(customs.seq, NOW + 2)?, None, "once");
            assert!(tx.mark_delivered(customs.seq, NOW + 3)?);
            assert!(!tx.mark_delivered(customs.seq, NOW + 4)?, "once");
            assert_eq!(tx.mark_relayed(customs.seq, NOW + 5)?, None, "never back");
            // An embedded queue knows no broker in between.
            assert!(tx.mark_delivered(tax.seq, NOW + 6)?);
            assert!(!tx.mark_delivered(9999, NOW)?);
            assert_eq!(tx.delivery(9999)?, None);
            Ok(())
        })
        .unwrap();
    let customs = of("customs");
    assert_eq!(customs.state, DeliveryState::Delivered);
    assert_eq!((customs.relayed_ms, customs.delivered_ms), (Some(NOW + 1), Some(NOW + 3)));
    assert_eq!((of("tax").relayed_ms, of("tax").delivered_ms), (None, Some(NOW + 6)));
    let counts = reader.counts().unwrap();
    assert_eq!((counts.pending, counts.relayed, counts.delivered), (0, 0, 2));
}

pub(crate) fn pending_is_read_in_order_and_in_bounds<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..10).unwrap();
    let all = PendingQuery {
        kind: DestinationKind::Department,
        destination: None,
        after_seq: 0,
        max_rows: 1000,
        max_bytes: u64::MAX,
    };
    let seqs = |query: PendingQuery<'_>| -> Vec<u64> {
        reader.pending(&query).unwrap().iter().map(|d| d.seq).collect()
    };
    let everything = seqs(all);
    assert_eq!(everything.len(), 20);
    assert!(everything.is_sorted());
    let tax = PendingQuery { destination: Some("tax"), ..all };
    assert_eq!(seqs(tax).len(), 10);
    assert_eq!(seqs(PendingQuery { after_seq: everything[4], ..all }), everything[5..]);
    assert_eq!(seqs(PendingQuery { max_rows: 3, ..all }), everything[..3]);
    assert_eq!(seqs(PendingQuery { max_bytes: 30, ..all }).len(), 2, "14 bytes each");
    assert_eq!(seqs(PendingQuery { max_bytes: 0, ..all }).len(), 1, "at least one");
    assert_eq!(seqs(PendingQuery { max_rows: 0, ..all }).len(), 0);
    assert_eq!(seqs(PendingQuery { kind: DestinationKind::Receipts, ..all }).len(), 0);
    assert_eq!(seqs(PendingQuery { destination: Some("post"), ..all }).len(), 0);
    assert_eq!(seqs(PendingQuery { after_seq: u64::MAX, ..all }).len(), 0);
    ledger.commit(NOW, &mut |tx| tx.mark_relayed(everything[0], NOW).map(|_| ())).unwrap();
    assert_eq!(seqs(all), everything[1..]);
}

pub(crate) fn deliveries_are_found_by_message_and_name_a_stored_payload<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let body = one(&mut ledger, 1, "G");
    let (id, keys) = (id(1), vec!["P1|1".to_string(), "P1|\"2\"".to_string()]);
    let name = |suffix: &str| format!("{id}{suffix}");
    let (queue, odd) = (name(".jia.receipts"), name(".中"));
    let mut made = None;
    ledger
        .commit(NOW, &mut |tx| {
            made = Some(tx.insert_body(b"<CEB312Message/>")?);
            tx.insert_outbox(&NewDelivery {
                kind: DestinationKind::Receipts,
                order_keys: &keys,
                headers: r#"{"documents":[0]}"#,
                ..delivery(&queue, &id, "jia", made.unwrap())
            })?;
            tx.insert_outbox(&delivery(&odd, &id, "tax", body)).map(|_| ())
        })
        .unwrap();
    let found = reader.deliveries_of(&id).unwrap();
    assert_eq!(found.iter().map(|d| d.id.clone()).collect::<Vec<_>>(), [queue.clone(), odd]);
    assert_eq!(found[0].order_keys, keys);
    assert_eq!(found[0].headers, r#"{"documents":[0]}"#);
    assert_eq!(reader.body(found[0].body).unwrap().unwrap(), b"<CEB312Message/>");
    let prefix: String = id.chars().take(id.len() - 1).collect();
    assert_eq!(reader.deliveries_of(&prefix).unwrap(), []);

    for (bad, expected) in [
        (delivery(&queue, &id, "jia", body), "store-conflict"),
        (delivery(&name(".a"), &id, "jia", BodyId(99)), "store-conflict"),
        (delivery("nobody.a", "nobody", "jia", body), "store-conflict"),
        (delivery(&name("."), &id, "jia", body), "store-value-invalid"),
        (delivery(&name("/a"), &id, "jia", body), "store-value-invalid"),
        (delivery("other.a", &id, "jia", body), "store-value-invalid"),
    ] {
        let result = ledger.commit(NOW, &mut |tx| tx.insert_outbox(&bad).map(|_| ()));
        assert_eq!(code(result), expected, "{bad:?}");
    }
    assert_eq!(reader.counts().unwrap().pending, 2);
}

pub(crate) fn answers_are_stored_once<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    one(&mut ledger, 1, "G");
    let id = id(1);
    let answer = |answer_id, at| NewAnswer {
        department: "customs",
        answer_id,
        message: &id,
        content_digest: digest(9),
        message_type: "CEB312Message",
        received_ms: at,
        payload: Payload::of(b"<CEB312Message/>"),
    };
    ledger
        .commit(NOW, &mut |tx| {
            assert_eq!(tx.answer_seen("customs", "A1")?, None);
            tx.insert_answer(&answer("A2", NOW + 1))?;
            tx.insert_answer(&answer("A1", NOW))?;
            let seen = tx.answer_seen("customs", "A1")?.unwrap();
            assert_eq!(seen, SeenAnswer { message: id.clone(), content_digest: digest(9) });
            assert_eq!(tx.answer_seen("tax", "A1")?, None);
            Ok(())
        })
        .unwrap();
    let answers = reader.answers_of(&id).unwrap();
    assert_eq!(answers.iter().map(|a| a.answer_id.as_str()).collect::<Vec<_>>(), ["A1", "A2"]);
    assert_eq!(reader.body(answers[0].body).unwrap().unwrap(), b"<CEB312Message/>");
    assert_eq!(answers[0].message_type, "CEB312Message");
    assert_eq!(reader.counts().unwrap().answers, 2);
    let again = ledger.commit(NOW, &mut |tx| tx.insert_answer(&answer("A1", NOW)).map(|_| ()));
    assert_eq!(code(again), "store-conflict");
    let orphan = NewAnswer { message: "nobody", ..answer("A3", NOW) };
    let result = ledger.commit(NOW, &mut |tx| tx.insert_answer(&orphan).map(|_| ()));
    assert_eq!(code(result), "store-conflict");
}

pub(crate) fn values_out_of_bounds_are_refused_and_named<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let (long, huge) = ("x".repeat(MAX_KEY_BYTES + 1), vec![0; MAX_BODY_BYTES + 1]);
    let good = message("m", "G", 1, b"");
    let bad = [
        (NewMessage { id: "", ..good }, "message id"),
        (NewMessage { id: &long, ..good }, "message id"),
        (NewMessage { zone: "", ..good }, "zone"),
        (NewMessage { sender: &long, ..good }, "sender"),
        (NewMessage { guid: Some(&long), ..good }, "message guid"),
        (NewMessage { message_type: "", ..good }, "message type"),
        (NewMessage { media_type: &long, ..good }, "media type"),
        (NewMessage { payload: Payload::of(&huge), ..good }, "payload"),
    ];
    for (message, name) in bad {
        let result = ledger.commit(NOW, &mut |tx| tx.insert_message(&message).map(|_| ()));
        let Err(StoreError::Invalid { field, .. }) = result else { panic!("{name}: {result:?}") };
        assert_eq!(field, name);
    }
    let result = ledger.commit(NOW, &mut |tx| tx.insert_body(&huge).map(|_| ()));
    assert_eq!(code(result), "store-value-invalid");
    let far = NewDocument {
        message: "m",
        index: MAX_DOCUMENT_INDEX + 1,
        guid: None,
        app_type: None,
        business_key: None,
        order_key: None,
        outcome: Outcome::Accepted,
    };
    let result = ledger.commit(NOW, &mut |tx| tx.insert_document(&far));
    assert_eq!(code(result), "store-value-invalid");
    let keys = vec!["k".to_string(); MAX_ORDER_KEYS + 1];
    let many = NewDelivery { order_keys: &keys, ..delivery("m.a", "m", "a", BodyId(1)) };
    let result = ledger.commit(NOW, &mut |tx| tx.insert_outbox(&many).map(|_| ()));
    assert_eq!(code(result), "store-value-invalid");
    assert_eq!(reader.counts().unwrap(), Counts::default());
}
