//! A department behind two tables of a real PostgreSQL, which crashes and stands still in
//! between: each order is one row, each reply one answer.

use onepoint_conformance::postgres::Postgres;
use onepoint_relay::backend::postgres::{PostgresBackend, PostgresOptions};
use onepoint_relay::backend::{Backend, Order, OrderFate, ReplyFate};
use onepoint_relay::runner::HandlerError;
use tokio_postgres::{Client, NoTls};

use super::*;
use crate::broker::pki;

async fn connect(url: &str) -> Client {
    let started = Instant::now();
    loop {
        match tokio_postgres::connect(url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The department: replies to every order that has no reply, until it has seen so many.
async fn works(url: String, orders: usize) {
    let client = connect(&url).await;
    let started = Instant::now();
    let mut seen = 0;
    while seen < orders {
        assert!(started.elapsed() < PATIENCE, "{seen} of {orders} orders");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let new = "SELECT delivery, content FROM onepoint_orders o WHERE NOT EXISTS
                   (SELECT 1 FROM onepoint_replies r WHERE r.delivery = o.delivery)";
        // The tables may not be there so far.
        let Ok(rows) = client.query(new, &[]).await else { continue };
        for row in rows {
            let (delivery, content): (String, String) = (row.get(0), row.get(1));
            for (id, xml) in replies_of(&delivery, content.as_bytes()) {
                let insert =
                    "INSERT INTO onepoint_replies (id, delivery, content) VALUES ($1, $2, $3)";
                client.execute(insert, &[&id, &delivery, &xml]).await.unwrap();
            }
            seen += 1;
        }
    }
}

#[test]
fn orders_are_rows_once_and_replies_are_answers_though_the_database_crashes() {
    let mut database = Postgres::start(None);
    let url = database.url();
    let mut zone = zone(&format!(
        "[backend]\nkind = \"postgres\"\ncontent = \"message\"\nurl = \"{url}\"\npoll_ms = 50\n\
         timeout_s = 2\n"
    ));
    zone.start_adapter("customs");
    let runtime = runtime();
    let mut ids = runtime.block_on(zone.order(3));
    runtime.block_on(works(url.clone(), 3));
    runtime.block_on(answered(&zone, &ids));
    // Down while orders come; up again; standing still; and the adapter killed at work.
    database.crash();
    let some = runtime.block_on(zone.order(3));
    std::thread::sleep(Duration::from_millis(500));
    database.start_again();
    runtime.block_on(works(url.clone(), 3));
    runtime.block_on(answered(&zone, &some));
    ids.extend(some);
    database.pause();
    let some = runtime.block_on(zone.order(3));
    std::thread::sleep(Duration::from_secs(1));
    zone.kill_adapter("customs");
    database.resume();
    zone.start_adapter("customs");
    runtime.block_on(works(url.clone(), 3));
    runtime.block_on(answered(&zone, &some));
    ids.extend(some);
    zone.stop_adapter("customs");
    runtime.block_on(async {
        let client = connect(&url).await;
        let count = |query: &'static str| async {
            client.query_one(query, &[]).await.unwrap().get::<_, i64>(0)
        };
        assert_eq!(count("SELECT count(*) FROM onepoint_orders").await, 9, "each order once");
        let taken = "SELECT count(*) FROM onepoint_replies WHERE state = 'taken'";
        assert_eq!(count(taken).await, 9 * i64::try_from(replies_each()).unwrap());
    });
    zone.stop_adapter("tax");
    zone.stop_gateway();
}

fn order(number: u64, content: &[u8]) -> Order {
    Order {
        number,
        delivery: format!("d{number}"),
        documents: vec![0, 7],
        content: content.to_vec(),
        ..Order::default()
    }
}

fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        url: url.to_owned(),
        ca_pem: None,
        identity: None,
        orders: "own.orders".to_owned(),
        replies: Some("own.replies".to_owned()),
    }
}

#[test]
fn a_row_the_table_does_not_take_is_refused_and_the_rest_is_inserted() {
    let database = Postgres::start(None);
    runtime().block_on(async {
        let client = connect(&database.url()).await;
        // The schema is missing: nobody's order's fault.
        let mut backend = PostgresBackend::new(&options(&database.url())).unwrap();
        let given = backend.hand_over(&[order(1, b"a")]).await;
        let error = given.error.unwrap();
        assert_eq!((given.fates.len(), error.code, error.about), (0, "backend-database", None));
        client.batch_execute("CREATE SCHEMA own").await.unwrap();
        let given = backend.hand_over(&[order(1, b"a"), order(1, b"a")]).await;
        assert_eq!(given.fates, [(1, OrderFate::Done), (1, OrderFate::Done)], "known is done");
        let check = "ALTER TABLE own.orders ADD CHECK (content <> 'bad')";
        client.batch_execute(check).await.unwrap();
        let orders = [order(2, b"bad"), order(3, b"\xff"), order(4, b"a\0b"), order(5, b"good")];
        let given = backend.hand_over(&orders).await;
        assert_eq!(given.error, None);
        for (at, (_, fate)) in given.fates.iter().enumerate() {
            let refused = matches!(fate, OrderFate::Refused(e) if e.code == "backend-refused");
            assert_eq!(refused, at < 3, "{:?}", orders[at].delivery);
        }
        let rows = client.query("SELECT delivery, documents FROM own.orders ORDER BY number", &[]);
        let rows = rows.await.unwrap();
        let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(found, ["d1", "d5"]);
        assert_eq!(rows[0].get::<_, Vec<i32>>(1), [0, 7]);
        // Replies: what is settled does not come again, what is refused says why.
        let insert = "INSERT INTO own.replies (id, delivery, content)
                      VALUES ('r1', 'd1', '<a/>'), ('r2', 'd1', 'x')";
        assert!(backend.collect(9).await.unwrap().is_empty());
        client.batch_execute(insert).await.unwrap();
        assert_eq!(backend.collect(1).await.unwrap().len(), 1);
        let replies = backend.collect(9).await.unwrap();
        let refused = ReplyFate::Refused(HandlerError::new("reply-invalid", "why"));
        let settled = replies.into_iter().map(|(_, id)| id).zip([ReplyFate::Taken, refused]);
        backend.settle(settled.collect()).await.unwrap();
        assert!(backend.collect(9).await.unwrap().is_empty());
        let reason = client.query_one("SELECT reason FROM own.replies WHERE id = 'r2'", &[]);
        assert_eq!(reason.await.unwrap().get::<_, String>(0), "why [reply-invalid]");
    });
}

#[test]
fn over_tls_both_sides_show_certificates() {
    let pki = pki();
    let database = Postgres::start(Some(&pki.tls));
    let identity = pki.client.identity.clone();
    let url = database.url();
    let with = |ca: &str, identity| PostgresOptions {
        ca_pem: Some(ca.as_bytes().to_vec()),
        identity,
        orders: "orders".to_owned(),
        replies: None,
        ..options(&url)
    };
    runtime().block_on(async {
        let ca = &pki.client.ca_pem;
        let mut good = PostgresBackend::new(&with(ca, identity.clone())).unwrap();
        assert_eq!(good.hand_over(&[order(1, b"a")]).await.fates.len(), 1);
        let mut nobody = PostgresBackend::new(&with(ca, None)).unwrap();
        assert!(nobody.hand_over(&[order(2, b"a")]).await.error.is_some(), "no certificate");
        let mut plain = PostgresBackend::new(&options(&url)).unwrap();
        assert!(plain.hand_over(&[order(3, b"a")]).await.error.is_some(), "no TLS");
        let stranger = &database_of_another();
        let mut wary = PostgresBackend::new(&with(stranger, identity)).unwrap();
        let error = wary.hand_over(&[order(4, b"a")]).await.error.unwrap();
        assert_eq!(error.code, "backend-lost", "not our CA: {}", error.text);
    });
}

/// The certificate of a CA that has nothing to do with it.
fn database_of_another() -> String {
    use onepoint_certs::testpki::{KeyKind, TestCa, Validity};
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let validity = Validity { from: now - day, until: now + day };
    TestCa::new("another CA", KeyKind::P256, validity).unwrap().certificate_pem()
}
