//! Payloads of closed messages, and only those, move to the archive and go in the end;
//! what is read on the way is right or an error, and the receipts hold to the last.

mod deaths;

use onepoint_proof::FactKind;

use super::sealed::DAY;
use super::*;
use crate::suite::{digest, fact, id};
use crate::{
    BodyId, Hash, Ledger, LedgerTx, MessageRow, NewAnswer, NewDelivery, Outcome, Reader as _,
    Retained, Retention,
};

const POLICY: Retention = Retention {
    archive_after_ms: 30 * DAY,
    unanswered_after_ms: 180 * DAY,
    erase_after_ms: Some(3 * 366 * DAY),
};

type Opened = (Ledger<SqliteStore>, SqliteReader);

fn commit_all(
    opened: &mut Opened,
    mut work: impl FnMut(&mut LedgerTx<'_>) -> Result<(), StoreError>,
) {
    opened.0.commit(NOW, &mut |tx| work(tx)).unwrap();
}

fn deliver(tx: &mut LedgerTx<'_>, n: usize, department: &str, at: i64) -> Result<(), StoreError> {
    let delivery = tx.delivery_by_id(&format!("{}.{department}", id(n)))?.unwrap();
    assert!(tx.mark_delivered(delivery.seq, at)?);
    Ok(())
}

fn answer(tx: &mut LedgerTx<'_>, n: usize, department: &str, at: i64) -> Result<(), StoreError> {
    let (name, text) = (format!("{n}-{at}"), format!("<answer n='{n}' of='{department}'/>"));
    tx.insert_answer(&NewAnswer {
        department,
        answer_id: &name,
        message: &id(n),
        content_digest: digest(n),
        message_type: "CEB312Message",
        received_ms: at,
        payload: crate::Payload::of(text.as_bytes()),
    })?;
    tx.append(Some(&id(n)), None, fact(FactKind::ANSWERED, n)).map(drop)
}

/// Delivers to and answers for both departments.
fn settle(tx: &mut LedgerTx<'_>, n: usize) -> Result<(), StoreError> {
    for department in ["customs", "tax"] {
        deliver(tx, n, department, NOW)?;
        answer(tx, n, department, NOW)?;
    }
    Ok(())
}

/// Messages 0..count, all closed.
fn closed(place: &Sqlite, count: usize) -> Opened {
    let mut opened = place.sealed();
    commit_all(&mut opened, |tx| (0..count).try_for_each(|n| suite::accept(tx, n).map(drop)));
    commit_all(&mut opened, |tx| (0..count).try_for_each(|n| settle(tx, n)));
    opened
}

/// All steps of one run.
fn run(ledger: &mut Ledger<SqliteStore>, now: i64) -> Retained {
    let mut sum = Retained::default();
    for _ in 0..1000 {
        sum.add(ledger.retain(&POLICY, now).unwrap());
        if !sum.more {
            return sum;
        }
    }
    panic!("it never ends: {sum:?}");
}

fn place_of(place: &Sqlite, n: usize) -> i64 {
    let sql = "SELECT place FROM body JOIN message m ON m.body = body.id WHERE m.id = ?1";
    place.raw().query_row(sql, [id(n)], |row| row.get(0)).unwrap()
}

fn segments(place: &Sqlite) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place.folder().join("archive")) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn payload_of(reader: &SqliteReader, n: usize) -> Result<Vec<u8>, StoreError> {
    let message: MessageRow = reader.message(&id(n)).unwrap().unwrap();
    reader.body(message.body).map(Option::unwrap)
}

#[test]
fn only_what_is_closed_and_old_enough_moves() {
    let place = Sqlite::new();
    let mut opened = place.sealed();
    commit_all(&mut opened, |tx| {
        (0..7).try_for_each(|n| suite::accept(tx, n).map(drop))?;
        let (name, guid) = (id(7), "G7");
        let refused = suite::message(&name, guid, 7, b"<refused/>");
        tx.insert_message(&crate::NewMessage { outcome: Outcome::Refused, guid: None, ..refused })?;
        tx.append(Some(&name), None, fact(FactKind::REFUSED, 7)).map(drop)
    });
    commit_all(&mut opened, |tx| {
        settle(tx, 0)?;
        // 1: nothing happened. 2: one department has it. 3: no answer of tax.
        deliver(tx, 2, "customs", NOW)?;
        answer(tx, 2, "customs", NOW)?;
        deliver(tx, 3, "customs", NOW)?;
        deliver(tx, 3, "tax", NOW)?;
        answer(tx, 3, "customs", NOW)?;
        // 4: relayed only. 5: closed, but its sender's notice waits.
        for department in ["customs", "tax"] {
            let delivery = tx.delivery_by_id(&format!("{}.{department}", id(4)))?.unwrap();
            assert!(tx.mark_relayed(delivery.seq, NOW)?.is_some());
        }
        settle(tx, 5)?;
        let body = tx.insert_body(b"notice")?;
        tx.insert_outbox(&NewDelivery {
            kind: crate::DestinationKind::Receipts,
            ..suite::delivery(&format!("{}.notice", id(5)), &id(5), "jia", body)
        })?;
        settle(tx, 6)
    });
    let moved = |opened: &mut Opened, days: i64| -> Vec<usize> {
        run(&mut opened.0, NOW + days * DAY);
        (0..8).filter(|n| place_of(&place, *n) == 1).collect()
    };
    assert_eq!(moved(&mut opened, 29), Vec::<usize>::new(), "too young");
    assert_eq!(moved(&mut opened, 30), [0, 6, 7]);
    assert_eq!(moved(&mut opened, 30), [0, 6, 7]);
    commit_all(&mut opened, |tx| {
        let notice = tx.delivery_by_id(&format!("{}.notice", id(5)))?.unwrap();
        assert!(tx.mark_delivered(notice.seq, NOW)?);
        answer(tx, 3, "tax", NOW + 31 * DAY)
    });
    assert_eq!(moved(&mut opened, 31), [0, 3, 5, 6, 7], "what closed later");
    assert_eq!(moved(&mut opened, 180), [0, 3, 4, 5, 6, 7], "not waited for any more");
    assert_eq!(moved(&mut opened, 1000), [0, 3, 4, 5, 6, 7], "pending ones stay for ever");
    for n in 0..7 {
        assert_eq!(payload_of(&opened.1, n).unwrap(), format!("<order n='{n}'/>").as_bytes());
    }
    let listed: i64 =
        place.raw().query_row("SELECT count(*) FROM unsettled", [], |row| row.get(0)).unwrap();
    assert_eq!(listed, 2);
}

#[test]
fn what_moved_reads_as_before_and_later_answers_follow() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 10);
    let step = run(&mut opened.0, NOW + 30 * DAY);
    assert_eq!((step.archived, step.segments, step.erased), (30, 1, 0));
    assert_eq!(segments(&place).len(), 1);
    let bytes = fs::read(&segments(&place)[0]).unwrap();
    assert_eq!(step.segment_bytes, bytes.len() as u64);
    let name = format!("{}.seg", Hash::of(&bytes).to_hex());
    assert!(segments(&place)[0].ends_with(name));
    let whole: i64 =
        place.raw().query_row("SELECT sum(length(bytes)) FROM body", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, 0);
    for n in 0..10 {
        assert_eq!(payload_of(&opened.1, n).unwrap(), format!("<order n='{n}'/>").as_bytes());
        for row in opened.1.answers_of(&id(n)).unwrap() {
            let text = format!("<answer n='{n}' of='{}'/>", row.department);
            assert_eq!(opened.1.body(row.body).unwrap().unwrap(), text.as_bytes());
        }
    }
    commit_all(&mut opened, |tx| answer(tx, 3, "customs", NOW + 40 * DAY));
    assert_eq!(run(&mut opened.0, NOW + 41 * DAY).archived, 1, "its fact has the time of the test");
    assert_eq!(segments(&place).len(), 2);
    // A payload that has moved is not delivered once more.
    let name = format!("{}.again", id(3));
    let again = opened.0.commit(NOW, &mut |tx| {
        tx.insert_outbox(&suite::delivery(&name, &id(3), "x", BodyId(4))).map(drop)
    });
    assert_eq!(again.unwrap_err().code(), "store-conflict");
    drop(opened);
    let reader =
        SqliteReader::open_with(&place.folder(), 1, super::sealed::keys(super::sealed::M1));
    assert_eq!(payload_of(&reader.unwrap(), 9).unwrap(), b"<order n='9'/>");
}

#[test]
fn steps_are_bounded_and_the_last_one_says_so() {
    let place = Sqlite::new();
    let mut opened = place.sealed();
    let payload = vec![7; 1 << 20];
    commit_all(&mut opened, |tx| {
        (0..11).try_for_each(|n| {
            let (name, guid) = (id(n), format!("G{n}"));
            let message = suite::message(&name, &guid, n, &payload);
            tx.insert_message(&crate::NewMessage { outcome: Outcome::Refused, ..message })?;
            tx.append(Some(&name), None, fact(FactKind::REFUSED, n)).map(drop)
        })
    });
    let mut steps = Vec::new();
    loop {
        let step = opened.0.retain(&POLICY, NOW + 30 * DAY).unwrap();
        steps.push(step.archived);
        if !step.more {
            break;
        }
    }
    assert_eq!(steps, [4, 4, 3]);
    // Many small ones: so many rows at a time, over more facts than one step looks at.
    let mut next = 11;
    for _ in 0..5 {
        commit_all(&mut opened, |tx| {
            (next..next + 1000).try_for_each(|n| {
                let (name, guid) = (id(n), format!("G{n}"));
                let message = suite::message(&name, &guid, n, b"x");
                tx.insert_message(&crate::NewMessage { outcome: Outcome::Refused, ..message })?;
                tx.append(Some(&name), None, fact(FactKind::REFUSED, n)).map(drop)
            })
        });
        next += 1000;
    }
    let step = opened.0.retain(&POLICY, NOW + 30 * DAY).unwrap();
    assert_eq!((step.archived, step.more), (2048, true));
    assert_eq!(run(&mut opened.0, NOW + 30 * DAY).archived, 5000 - 2048);
    assert_eq!(payload_of(&opened.1, 4000).unwrap(), b"x");
}

#[test]
fn erased_payloads_say_so_and_their_receipts_hold() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 4);
    opened.0.commit(NOW + DAY, &mut |tx| tx.insert_body(b"of another day").map(drop)).unwrap();
    let wrapped: Vec<u8> = place
        .raw()
        .query_row("SELECT wrapped FROM data_key WHERE id = 1", [], |row| row.get(0))
        .unwrap();
    run(&mut opened.0, NOW + 30 * DAY);
    let end = NOW + POLICY.erase_after_ms.unwrap();
    assert_eq!(run(&mut opened.0, end - 1), Retained::default());
    let step = run(&mut opened.0, end);
    assert_eq!((step.erased, step.keys_destroyed, step.archived), (12, 1, 0));
    assert_eq!(segments(&place), Vec::<PathBuf>::new());
    for n in 0..4 {
        let error = payload_of(&opened.1, n).unwrap_err();
        assert_eq!(error.code(), "payload-erased");
        assert!(error.en().contains("2029-11-2"), "{}", error.en());
        for fact in opened.1.facts_of(&id(n)).unwrap() {
            suite::assert_holds(&opened.1.receipt(fact.index).unwrap().unwrap());
        }
        assert_eq!(opened.1.answers_of(&id(n)).unwrap().len(), 2);
    }
    // The key is nowhere any more, not even in what SQLite keeps of older pages.
    for name in [DATABASE_FILE, "journal.db-wal"] {
        let bytes = fs::read(place.folder().join(name)).unwrap_or_default();
        assert!(!bytes.windows(wrapped.len()).any(|w| w == wrapped), "{name}");
    }
    let destroyed: Option<i64> = place
        .raw()
        .query_row("SELECT destroyed_ms FROM data_key WHERE wrapped IS NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(destroyed, Some(end));
    assert_eq!(run(&mut opened.0, end + DAY), Retained::default());
    drop(opened);
    let (ledger, _reader) = place.sealed();
    assert_eq!(ledger.size(), 16);
}

#[test]
fn stats_say_what_is_where() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 2);
    commit_all(&mut opened, |tx| suite::accept(tx, 2).map(drop));
    run(&mut opened.0, NOW + 30 * DAY);
    let stats = opened.1.stats().unwrap();
    let volume = |payloads, bytes| crate::Volume { payloads, bytes };
    assert_eq!((stats.here, stats.erased), (volume(1, 14), volume(0, 0)));
    let answers = 2 * ("<answer n='0' of='customs'/>".len() + "<answer n='0' of='tax'/>".len());
    assert_eq!(stats.archived, volume(6, 28 + answers as u64));
    assert_eq!((stats.in_the_clear, stats.not_closed, stats.segments), (0, 1, 1));
    assert_eq!(stats.segment_bytes, fs::metadata(&segments(&place)[0]).unwrap().len());
    assert_eq!((stats.data_keys, stats.destroyed_keys), (vec![("m1".into(), 1)], 0));
    assert_eq!(stats.counts, opened.1.counts().unwrap());
    assert_eq!((stats.version, opened.1.folder()), (schema::VERSION, place.folder().as_path()));
    opened.0.commit(NOW + DAY, &mut |tx| tx.insert_body(b"x").map(drop)).unwrap();
    run(&mut opened.0, NOW + POLICY.erase_after_ms.unwrap());
    let stats = opened.1.stats().unwrap();
    assert_eq!((stats.erased.payloads, stats.segments, stats.destroyed_keys), (6, 0, 0));
    assert_eq!(stats.data_keys, [("m1".into(), 2)], "message 2 is still under the first key");
    let plain = Sqlite::new();
    let (mut ledger, reader) = open(&plain);
    commit(&mut ledger, 0..3).unwrap();
    let stats = reader.stats().unwrap();
    assert_eq!((stats.in_the_clear, stats.here.payloads), (3, 3));
    assert!(stats.database_bytes > 0 && stats.write_ahead_bytes > 0);
}

#[test]
fn a_segment_that_a_pending_delivery_needs_is_not_erased() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 2);
    run(&mut opened.0, NOW + 30 * DAY);
    // Another message's delivery names it: nobody does that, but nothing is lost if one does.
    let sql = "UPDATE delivery SET state = 0, body = 2 WHERE seq = 1";
    place.raw().execute(sql, []).unwrap();
    let end = NOW + POLICY.erase_after_ms.unwrap();
    assert_eq!(run(&mut opened.0, end).erased, 0);
    place.raw().execute("UPDATE delivery SET state = 2 WHERE seq = 1", []).unwrap();
    assert_eq!(run(&mut opened.0, end).erased, 6);
}

#[test]
fn a_segment_altered_in_any_byte_is_found_and_not_served() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 3);
    run(&mut opened.0, NOW + 30 * DAY);
    let path = &segments(&place)[0];
    let good = fs::read(path).unwrap();
    let bodies: Vec<_> = (1..=9).map(BodyId).collect();
    let texts: Vec<_> = bodies.iter().map(|body| opened.1.body(*body).unwrap()).collect();
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        fs::write(path, altered).unwrap();
        let mut found = 0;
        for (body, text) in bodies.iter().zip(&texts) {
            match opened.1.body(*body) {
                Ok(read) => assert_eq!(&read, text, "byte {at}"),
                Err(error) => {
                    let codes = ["store-segment-damaged", "store-body-damaged"];
                    assert!(codes.contains(&error.code()), "byte {at}: {error:?}");
                    found += 1;
                }
            }
        }
        assert!(found > 0, "byte {at} is of no payload");
    }
    fs::write(path, &good[..good.len() - 1]).unwrap();
    assert_eq!(opened.1.body(BodyId(1)).unwrap_err().code(), "store-segment-damaged");
    fs::remove_file(path).unwrap();
    let error = opened.1.body(BodyId(1)).unwrap_err();
    assert!(error.en().contains("missing"), "{}", error.en());
    fs::write(path, &good).unwrap();
    assert_eq!(opened.1.body(BodyId(1)).unwrap(), texts[0]);
}

#[test]
fn a_damaged_payload_stays_where_it_is_and_is_named_each_time() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 3);
    let sql = "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 2";
    place.raw().execute(sql, []).unwrap();
    let step = run(&mut opened.0, NOW + 30 * DAY);
    assert_eq!((step.archived, step.damaged), (8, vec![BodyId(2)]));
    let step = run(&mut opened.0, NOW + 31 * DAY);
    assert_eq!((step.archived, step.damaged), (0, vec![BodyId(2)]));
    assert_eq!(opened.1.body(BodyId(2)).unwrap_err().code(), "store-body-damaged");
    assert_eq!(payload_of(&opened.1, 2).unwrap(), b"<order n='2'/>");
}

#[test]
fn plain_payloads_move_too_and_leave_nothing_behind() {
    let place = Sqlite::new();
    let mut opened = open(&place);
    commit_all(&mut opened, |tx| (0..30).try_for_each(|n| suite::accept(tx, n).map(drop)));
    commit_all(&mut opened, |tx| (0..30).try_for_each(|n| settle(tx, n)));
    place.raw().execute("UPDATE body SET digest = NULL, plain_bytes = NULL", []).unwrap();
    run(&mut opened.0, NOW + 30 * DAY);
    assert_eq!(payload_of(&opened.1, 7).unwrap(), b"<order n='7'/>");
    let found = |name: PathBuf| {
        let bytes = fs::read(name).unwrap_or_default();
        bytes.windows(9).any(|w| w == b"<order n=")
    };
    assert!(found(segments(&place)[0].clone()));
    run(&mut opened.0, NOW + POLICY.erase_after_ms.unwrap());
    drop(opened);
    assert!(!found(place.folder().join(DATABASE_FILE)));
}

#[test]
fn an_archive_that_cannot_be_written_changes_nothing() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 3);
    fs::write(place.folder().join("archive"), "in the way").unwrap();
    for _ in 0..2 {
        let error = opened.0.retain(&POLICY, NOW + 30 * DAY).unwrap_err();
        assert_eq!(error.code(), "store-not-writable");
        assert!(!error.is_fatal());
    }
    assert_eq!(payload_of(&opened.1, 1).unwrap(), b"<order n='1'/>");
    fs::remove_file(place.folder().join("archive")).unwrap();
    assert_eq!(run(&mut opened.0, NOW + 30 * DAY).archived, 9);
    let error = opened.0.retain(&Retention { erase_after_ms: Some(0), ..POLICY }, NOW).unwrap_err();
    assert_eq!(error.code(), "store-value-invalid");
    commit_all(&mut opened, |tx| suite::accept(tx, 3).map(drop));
}

#[test]
fn who_reads_meanwhile_gets_the_payload_or_is_told_that_it_went() {
    let place = Sqlite::new();
    let mut opened = closed(&place, 200);
    let reader = opened.1.clone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|start| {
                let (reader, stop) = (&reader, &stop);
                scope.spawn(move || {
                    let mut erased = 0;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        for n in (start..200).step_by(3) {
                            match payload_of(reader, n) {
                                Ok(text) => {
                                    assert_eq!(text, format!("<order n='{n}'/>").as_bytes())
                                }
                                Err(StoreError::Erased { .. }) => erased += 1,
                                Err(error) => panic!("{error:?}"),
                            }
                        }
                    }
                    erased
                })
            })
            .collect();
        run(&mut opened.0, NOW + 30 * DAY);
        run(&mut opened.0, NOW + POLICY.erase_after_ms.unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
}
