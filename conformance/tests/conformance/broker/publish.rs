//! The outbox to a broker that is up: facts, confirms, returns, order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lapin::types::AMQPValue;
use onepoint_relay::publisher::{Destination, OutboxRow};
use onepoint_relay::status::Link;

use super::world::{Fault, Relay, broker, depth, eventually, pki, read_all, run, shared};

const QUIET: Duration = Duration::from_millis(700);

#[test]
fn rows_arrive_with_their_facts_and_are_recorded() {
    let url = shared().virtual_host("facts");
    run(async {
        let relay = Relay::start(&url, &["tax", "customs", "exchange"]);
        for n in 0..200 {
            for department in ["tax", "customs", "exchange"] {
                relay.outbox.add(department, &["platform:1"], &format!("<order n='{n}'/>"));
            }
        }
        relay.drained().await;
        let seen = relay.status.snapshot();
        let totals = seen.totals();
        assert_eq!((totals.published, totals.confirmed, totals.returned), (600, 600, 0));
        assert_eq!((totals.repeated, totals.in_flight, seen.link), (0, 0, Link::Connected));
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        assert_eq!(got.len(), 200);
        assert!(got.is_sorted_by_key(|got| got.seq), "one key: in order");
        let first = &got[0].delivery;
        assert_eq!(first.data, b"<order n='0'/>");
        assert_eq!(first.routing_key.as_str(), "tax.import.order.CEB311Message");
        assert_eq!(*first.properties.delivery_mode(), Some(2));
        assert_eq!(first.properties.message_id().as_ref().unwrap().as_str(), "delivery-1");
        assert_eq!(first.properties.kind().as_ref().unwrap().as_str(), "CEB311Message");
        assert_eq!(first.properties.app_id().as_ref().unwrap().as_str(), "onepoint");
        let headers = first.properties.headers().clone().unwrap();
        for (name, value) in [
            ("x-onepoint-message", "message-1"),
            ("x-onepoint-sender", "platform-1"),
            ("x-onepoint-documents", "0,2"),
            ("x-onepoint-received", "2026-01-02T03:04:05Z"),
        ] {
            let expected = AMQPValue::LongString(value.into());
            assert_eq!(headers.inner().get(name), Some(&expected), "{name}");
        }
    });
}

/// The client library hands a return to whichever confirm completes next; here two
/// rows in five come back, among 2,000 that are published through one window.
#[test]
fn of_rows_without_a_way_none_counts_as_relayed_and_none_is_lost() {
    let url = shared().virtual_host("returns");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let (mut good, mut stray) = (BTreeSet::new(), BTreeSet::new());
        for n in 0..2000 {
            match n % 5 {
                1 | 4 => stray.insert(relay.outbox.add_to("tax", "nobody.order", &[], "<stray/>")),
                _ => good.insert(relay.outbox.add("tax", &[], "<good/>")),
            };
            // The lane keeps a bounded number of rows; stray ones stay.
            if stray.len() == 200 {
                break;
            }
        }
        eventually("the good ones are relayed", || relay.outbox.relayed() == good).await;
        let reported: BTreeSet<u64> = relay.outbox.failed().iter().map(|f| f.0).collect();
        assert_eq!(reported, stray);
        let (_, code, reason) = relay.outbox.failed().remove(0);
        assert_eq!((code, reason.as_str()), ("unroutable", "312 NO_ROUTE"));
        assert_eq!(depth(&url, "onepoint.dept.tax").await, u32::try_from(good.len()).unwrap());
        // Somebody makes the missing queue: they arrive, under their own ids.
        let other = Relay::start(&url, &["nobody"]);
        relay.drained().await;
        other.stop().await;
        let totals = relay.status.snapshot().totals();
        assert!(totals.returned >= 200 && totals.repeated >= 200, "{totals:?}");
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.nobody", QUIET).await;
        let ids: BTreeSet<u64> = got.iter().map(|got| got.seq).collect();
        assert_eq!((got.len(), ids), (stray.len(), stray));
    });
}

#[test]
fn a_full_queue_refuses_and_the_others_go_on() {
    let url = shared().virtual_host("full");
    let limit = |definition| {
        let pattern = "^onepoint.dept.tax$";
        shared().control(&["set_policy", "-p", "full", "full", pattern, definition]);
    };
    limit(r#"{"max-length":10}"#);
    run(async {
        let relay = Relay::start(&url, &["tax", "customs"]);
        let status = relay.status.clone();
        // The limit takes hold a moment after it was passed: rows come until it does.
        let mut rows = 0;
        while status.snapshot().lanes[0].refused == 0 {
            for _ in 0..20 {
                relay.outbox.add("tax", &[], "<x/>");
                relay.outbox.add("customs", &[], "<x/>");
            }
            rows += 20;
            assert!(rows < 5000, "never refused");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let customs = || status.snapshot().lanes[1].confirmed;
        eventually("customs has all", || customs() == rows).await;
        assert!(relay.outbox.pending_rows() > 0);
        assert!(relay.outbox.failed().iter().all(|(_, code, _)| *code == "queue-refused"));
        tokio::task::spawn_blocking(move || limit(r#"{"max-length":100000}"#)).await.unwrap();
        relay.drained().await;
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        let ids: BTreeSet<&str> = got.iter().map(|got| got.id.as_str()).collect();
        assert_eq!(ids.len() as u64, rows);
    });
}

#[test]
fn a_removed_queue_is_made_again() {
    let url = shared().virtual_host("removed");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        relay.outbox.add("tax", &[], "<before/>");
        relay.drained().await;
        let connection = broker(&url).connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeleteOptions::default();
        channel.queue_delete("onepoint.dept.tax".into(), options).await.unwrap();
        let after = relay.outbox.add("tax", &[], "<after/>");
        relay.drained().await;
        assert_eq!(relay.outbox.failed()[0].1, "unroutable");
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        assert_eq!(got.iter().map(|got| got.seq).collect::<Vec<_>>(), [after]);
    });
}

#[test]
fn batches_and_single_rows_keep_the_order_of_each_key() {
    let url = shared().virtual_host("order");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let mut keys: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for n in 0..1500u64 {
            let first = format!("k{}", n % 37);
            let second = format!("k{}", n % 11);
            let of_row: Vec<&str> = if n % 3 == 0 { vec![&first, &second] } else { vec![&first] };
            let seq = relay.outbox.add("tax", &of_row, "<x/>");
            let of_row: BTreeSet<&str> = of_row.into_iter().collect();
            for key in of_row {
                keys.entry(key.to_owned()).or_default().push(seq);
            }
        }
        relay.drained().await;
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        let place: BTreeMap<u64, usize> =
            got.iter().enumerate().map(|(at, got)| (got.seq, at)).collect();
        assert_eq!(place.len(), 1500);
        for (key, seqs) in keys {
            assert!(seqs.is_sorted_by_key(|seq| place[seq]), "{key} out of order");
        }
    });
}

#[test]
fn a_stop_records_what_was_in_flight() {
    let url = shared().virtual_host("stop");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        for _ in 0..5000 {
            relay.outbox.add("tax", &[], "<x/>");
        }
        let status = relay.status.clone();
        eventually("some are published", || status.snapshot().totals().published > 300).await;
        let outbox = relay.outbox.clone();
        relay.stop().await;
        let (left, relayed) = (outbox.pending_rows(), outbox.relayed().len());
        assert!(left > 0, "stopped in the middle");
        assert_eq!(status.snapshot().totals().in_flight, 0);
        assert_eq!(usize::try_from(depth(&url, "onepoint.dept.tax").await).unwrap(), relayed);
    });
}

#[test]
fn an_outbox_that_fails_is_tried_again_and_nothing_is_published_twice() {
    let url = shared().virtual_host("outbox");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        for fault in [Fault::Read, Fault::NotRecorded, Fault::RecordedUnknown, Fault::NotRecorded] {
            relay.outbox.fail(&[fault, fault]);
            for _ in 0..50 {
                relay.outbox.add("tax", &["key"], "<x/>");
            }
            relay.drained().await;
        }
        let status = relay.status.clone();
        eventually("all is recorded", || status.snapshot().totals().held == 0).await;
        let totals = status.snapshot().totals();
        assert_eq!((totals.published, totals.confirmed, totals.repeated), (200, 200, 0));
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        assert_eq!(got.len(), 200);
        assert!(got.is_sorted_by_key(|got| got.seq));
    });
}

#[test]
fn a_row_amqp_cannot_carry_is_reported_and_the_rest_goes_on() {
    let url = shared().virtual_host("long");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        let long = OutboxRow {
            seq: 0,
            delivery: "x".repeat(256),
            destination: Destination::Department { routing_key: "tax".to_owned() },
            order_keys: vec!["long".to_owned()],
            message_type: "CEB311Message".to_owned(),
            sender: "platform-1".to_owned(),
            message: "m".to_owned(),
            documents: Vec::new(),
            received: "2026-01-02T03:04:05Z".to_owned(),
            traceparent: None,
            replayed: false,
            body: Vec::new(),
        };
        let long = relay.outbox.add_row("tax", long);
        let good: BTreeSet<u64> = (0..10).map(|_| relay.outbox.add("tax", &[], "<x/>")).collect();
        eventually("the rest is relayed", || relay.outbox.relayed() == good).await;
        eventually("it is reported", || !relay.outbox.failed().is_empty()).await;
        let (seq, code, reason) = relay.outbox.failed().remove(0);
        assert_eq!((seq, code), (long, "row-too-long"));
        assert!(reason.contains("delivery id"), "{reason}");
        relay.stop().await;
    });
}

#[test]
fn a_participant_finds_its_receipts_in_its_own_queue() {
    let url = shared().virtual_host("receipts");
    run(async {
        let relay = Relay::start(&url, &["tax", "receipts"]);
        let seq = relay.outbox.add("tax", &[], "<x/>");
        relay.drained().await;
        let receipt = OutboxRow {
            seq: 0,
            delivery: "receipt-1".to_owned(),
            destination: Destination::Receipts { participant: "platform-1".to_owned() },
            order_keys: Vec::new(),
            message_type: "receipt".to_owned(),
            sender: "gateway".to_owned(),
            message: "m".to_owned(),
            documents: vec![0],
            received: "2026-01-02T03:04:05Z".to_owned(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            replayed: false,
            body: b"{}".to_vec(),
        };
        relay.outbox.add_row("receipts", receipt);
        relay.drained().await;
        relay.stop().await;
        let got = read_all(&url, "onepoint.receipts.platform-1", QUIET).await;
        assert_eq!(got.iter().map(|got| got.id.as_str()).collect::<Vec<_>>(), ["receipt-1"]);
        let headers = got[0].delivery.properties.headers().clone().unwrap();
        assert!(headers.contains_key("traceparent"));
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        assert_eq!(got[0].seq, seq);
    });
}

#[test]
fn what_is_wrong_with_the_way_to_a_broker_is_named() {
    let url = shared().url();
    run(async {
        let code = async |url: &str| broker(url).probe().await.unwrap_err().code();
        broker(&url).probe().await.unwrap();
        assert_eq!(code(&url.replace("guest:guest", "guest:wrong")).await, "broker-credentials");
        assert_eq!(code(&url.replace("%2f", "none")).await, "broker-credentials");
        let tls = |url: &str, tls| onepoint_relay::broker::Broker::new(url, "test", Some(tls));
        let (url, client) = (shared().tls_url(), pki().client.clone());
        tls(&url, client.clone()).unwrap().probe().await.unwrap();
        let stranger = onepoint_relay::broker::BrokerTls { identity: None, ..client.clone() };
        let error = tls(&url, stranger).unwrap().probe().await.unwrap_err();
        assert!(["broker-tls", "broker-lost"].contains(&error.code()), "{error:?}");
        let elsewhere = url.replace("127.0.0.1", "localhost");
        let error = tls(&elsewhere, client).unwrap().probe().await.unwrap_err();
        assert_eq!(error.code(), "broker-tls", "{error:?}");
    });
}
