//! The outbox to a broker behind a bad network, and to one that refuses: cut, held and slow
//! connections, confirms that are lost, credentials that are wrong, certificates that are
//! over, messages that are too long, an exchange that is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::ExchangeDeleteOptions;
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_conformance::proxy::{Network, Proxy};
use onepoint_conformance::rabbit::{MESSAGE_BYTES, RabbitMq};
use onepoint_relay::broker::{Broker, BrokerTls};
use onepoint_relay::inbox::{Inbox, TakenIn};
use onepoint_relay::runner::{Delivery, Handled, HandlerError};
use onepoint_relay::status::Link;

use super::world::{
    Got, Relay, broker, depth, eventually, own, pki, read_all, run, shared, unique,
};

const QUIET: Duration = Duration::from_secs(1);
const ROWS: usize = 1500;

/// A virtual host, and the way to it through a proxy.
fn behind(rabbit: &RabbitMq, name: &str) -> (Proxy, String, String) {
    let url = rabbit.virtual_host(&unique(name));
    let proxy = Proxy::start(rabbit.port());
    let through = url.replace(&rabbit.port().to_string(), &proxy.port().to_string());
    (proxy, url, through)
}

fn add(relay: &Relay, rows: usize) {
    for n in 0..rows {
        relay.outbox.add("tax", &[&format!("key-{}", n % 10)], &"<x/>".repeat(100));
    }
}

/// Every row arrived; the first arrivals of each key are in order. Gives how many came again.
fn all_arrived(got: &[Got], rows: usize) -> usize {
    let mut seen = BTreeSet::new();
    let mut last = [0_u64; 10];
    for one in got {
        if seen.insert(one.seq) {
            let key = usize::try_from((one.seq - 1) % 10).unwrap();
            assert!(one.seq > last[key], "row {} after {}", one.seq, last[key]);
            last[key] = one.seq;
        }
    }
    assert_eq!(seen.len(), rows);
    got.len() - rows
}

#[test]
fn a_cut_network_loses_nothing() {
    let (proxy, url, through) = behind(shared(), "cut");
    run(async {
        let relay = Relay::start(&through, &["tax"]);
        add(&relay, ROWS);
        let confirmed = || relay.status.snapshot().totals().confirmed;
        for some in [100, 400, 700] {
            eventually("some are confirmed", || confirmed() >= some).await;
            proxy.cut();
            eventually("it is noticed", || relay.status.snapshot().link == Link::Disconnected)
                .await;
            assert!(relay.outbox.pending_rows() > 0, "in the middle");
            proxy.mend();
            eventually("it is back", || relay.status.snapshot().link == Link::Connected).await;
        }
        relay.drained().await;
        assert_eq!(relay.status.snapshot().reconnects, 3);
        relay.stop().await;
        all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, ROWS);
    });
}

#[test]
fn a_half_open_connection_is_left_by_its_heartbeat() {
    let (proxy, url, through) = behind(shared(), "halfopen");
    run(async {
        let relay = Relay::start(&(through + "?heartbeat=2"), &["tax"]);
        add(&relay, 100);
        relay.drained().await;
        proxy.set(Network::Dead);
        add(&relay, ROWS - 100);
        eventually("it is noticed", || relay.status.snapshot().link == Link::Disconnected).await;
        proxy.mend();
        relay.drained().await;
        relay.stop().await;
        all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, ROWS);
    });
}

#[test]
fn a_slow_network_only_takes_longer() {
    let (proxy, url, through) = behind(shared(), "slow");
    proxy.delay(Duration::from_millis(30));
    run(async {
        let relay = Relay::start(&through, &["tax"]);
        add(&relay, 300);
        relay.drained().await;
        assert_eq!(relay.status.snapshot().totals().repeated, 0);
        relay.stop().await;
        assert_eq!(all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, 300), 0);
    });
}

/// Has an effect for each delivery, as departments do.
fn effect(delivery: &Delivery) -> Result<Handled, HandlerError> {
    Ok(Handled { effect: delivery.id.clone(), answers: Vec::new(), order: None })
}

#[test]
fn confirms_lost_after_acceptance_are_published_again_and_have_one_effect() {
    let (proxy, url, through) = behind(shared(), "deaf");
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let relay = Relay::start(&through, &["tax"]);
        add(&relay, 50);
        relay.drained().await;
        proxy.set(Network::Deaf);
        add(&relay, 200);
        let published = || relay.status.snapshot().totals().published;
        eventually("more are published", || published() > 50).await;
        eventually("their confirms are lost", || proxy.lost() > 0).await;
        // The broker has them: only its word is lost.
        for _ in 0..200 {
            if depth(&url, "onepoint.dept.tax").await > 50 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.mend();
        relay.drained().await;
        assert!(relay.status.snapshot().totals().repeated > 0);
        relay.stop().await;
        let got = read_all(&url, "onepoint.dept.tax", QUIET).await;
        let again = all_arrived(&got, 250);
        assert!(again > 0, "the test tests something");
        let mut inbox = Inbox::open(&folder.path().join("inbox")).unwrap();
        let mut known = 0;
        for one in &got {
            let delivery = Delivery { id: one.id.clone(), ..Delivery::default() };
            let taken = inbox.take_in(&[delivery], &effect, jiff::Timestamp::now()).unwrap();
            known += usize::from(matches!(taken[0], TakenIn::Known { .. }));
        }
        assert_eq!((inbox.effects().unwrap().len(), known), (250, again));
    });
}

#[test]
fn a_broker_short_of_disk_is_waited_for() {
    let rabbit = own();
    let url = rabbit.virtual_host(&unique("disk"));
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        add(&relay, 10);
        relay.drained().await;
        let limit = |of: &str| rabbit.control(&["set_disk_free_limit", of]);
        tokio::task::block_in_place(|| limit("100000GB"));
        add(&relay, 500);
        eventually("it asks to wait", || relay.status.snapshot().link == Link::Blocked).await;
        let published = relay.status.snapshot().totals().published;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(relay.status.snapshot().totals().published, published);
        tokio::task::block_in_place(|| limit("50MB"));
        relay.drained().await;
        assert_eq!(relay.status.snapshot().link, Link::Connected);
        relay.stop().await;
        all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, 510);
    });
}

#[test]
fn wrong_credentials_are_named_and_mended_without_a_restart() {
    let rabbit = shared();
    let url = rabbit.virtual_host("credentials");
    rabbit.control(&["add_user", "gateway-c", "secret"]);
    rabbit.control(&["set_permissions", "-p", "credentials", "gateway-c", ".*", ".*", ".*"]);
    run(async {
        let relay = Relay::start(&url.replace("guest:guest", "gateway-c:other"), &["tax"]);
        add(&relay, 10);
        let code = || relay.status.snapshot().last_error.map(|(code, _)| code);
        eventually("it is named", || code() == Some("broker-credentials")).await;
        assert_eq!(relay.status.snapshot().totals().published, 0);
        tokio::task::block_in_place(|| rabbit.control(&["change_password", "gateway-c", "other"]));
        relay.drained().await;
        relay.stop().await;
        all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, 10);
    });
}

#[test]
fn a_certificate_that_is_over_is_refused_on_either_side() {
    let url = shared().tls_url();
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let over = Validity { from: now - day, until: now - day / 2 };
    let identity = |ca: &TestCa| {
        let spec = LeafSpec::tls_client("gateway", "test", KeyKind::P256, over);
        let client = ca.issue(&spec).unwrap();
        Some((client.chain_pem().into_bytes(), client.key_pem().as_bytes().to_vec()))
    };
    run(async {
        let probe = async |tls: BrokerTls| {
            let broker = Broker::new(&url, "test", Some(tls)).unwrap();
            broker.probe().await.unwrap_err()
        };
        // Ours is over: the broker says so with a TLS alert, which may come late.
        let ours = BrokerTls { identity: identity(&pki().ca), ..pki().client.clone() };
        let error = probe(ours).await;
        assert!(["broker-tls", "broker-lost"].contains(&error.code()), "{error:?}");
        // We trust nobody but a CA that the broker is not of.
        let other = Validity { from: now - day, until: now + day };
        let other = TestCa::new("other CA", KeyKind::P256, other).unwrap();
        let theirs = BrokerTls { ca_pem: other.certificate_pem(), ..pki().client.clone() };
        assert_eq!(probe(theirs).await.code(), "broker-tls");
    });
}

#[test]
fn a_message_over_the_limit_is_reported_and_the_rest_goes_on() {
    let url = shared().virtual_host("toolong");
    run(async {
        let relay = Relay::start(&url, &["tax", "customs"]);
        add(&relay, 20);
        let long = relay.outbox.add("tax", &["long"], &"x".repeat(MESSAGE_BYTES + 1));
        let behind = relay.outbox.add("tax", &["long"], "<behind/>");
        add(&relay, 20);
        let customs = relay.outbox.add("customs", &[], "<x/>");
        eventually("the rest is relayed", || relay.outbox.relayed().len() == 41).await;
        let relayed = relay.outbox.relayed();
        assert!(relayed.contains(&customs) && !relayed.contains(&long));
        assert!(!relayed.contains(&behind), "nothing of its key overtakes it");
        let reported = relay.outbox.failed();
        assert_eq!((reported.len(), reported[0].0, reported[0].1), (1, long, "message-too-large"));
        assert!(reported[0].2.contains("larger than"), "{}", reported[0].2);
        relay.stop().await;
    });
}

#[test]
fn an_exchange_that_is_gone_is_made_again() {
    let url = shared().virtual_host("noexchange");
    run(async {
        let relay = Relay::start(&url, &["tax"]);
        add(&relay, 10);
        relay.drained().await;
        let connection = broker(&url).connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = ExchangeDeleteOptions::default();
        channel.exchange_delete("onepoint.messages".into(), options).await.unwrap();
        // The broker ends the channel of whoever publishes to it.
        add(&relay, 10);
        relay.drained().await;
        relay.stop().await;
        all_arrived(&read_all(&url, "onepoint.dept.tax", QUIET).await, 20);
    });
}
