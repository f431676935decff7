//! Options of the PostgreSQL back end; what needs a server is in the conformance suite.

use super::*;

fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        url: url.to_owned(),
        ca_pem: None,
        identity: None,
        orders: "onepoint_orders".to_owned(),
        replies: None,
    }
}

#[test]
fn without_tls_only_this_machine_is_spoken_to() {
    for here in [
        "postgresql://u:p@127.0.0.1:5432/d",
        "postgresql://u@localhost/d",
        "host=/run/postgresql user=u",
        "host=::1 user=u",
    ] {
        assert!(PostgresBackend::new(&options(here)).is_ok(), "{here}");
    }
    for there in [
        "postgresql://u:p@192.0.2.1/d",
        "postgresql://u@db.example/d",
        "postgresql://u@127.0.0.1,db.example/d",
        "host=localhost hostaddr=192.0.2.1 user=u",
        "user=u",
    ] {
        let error = PostgresBackend::new(&options(there)).err();
        assert_eq!(error, Some(PostgresError::Plain), "{there}");
    }
    let error = PostgresBackend::new(&options("postgresql://u@[/d")).err().unwrap();
    assert!(matches!(error, PostgresError::Address(_)), "{error}");
    let ca_pem = Some(b"no certificate".to_vec());
    let error = PostgresBackend::new(&PostgresOptions { ca_pem, ..options("host=db user=u") });
    assert!(matches!(error.err(), Some(PostgresError::Certificate(_))));
}

#[test]
fn names_of_tables_are_plain_and_quoted() {
    assert_eq!(table("orders").unwrap(), "\"orders\"");
    assert_eq!(table("tax.orders_2").unwrap(), "\"tax\".\"orders_2\"");
    for bad in ["", ".", "a.", "a.b.c", "a b", "a;b", "\"a\"", "Orders", "a'b", &"x".repeat(64)] {
        assert_eq!(table(bad), Err(PostgresError::Name(bad.to_owned())), "{bad}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_away() {
    let mut backend = PostgresBackend::new(&options("postgresql://u@127.0.0.1:1/d")).unwrap();
    let given = backend.hand_over(&[Order { number: 1, ..Order::default() }]).await;
    let error = given.error.unwrap();
    assert_eq!((given.fates.len(), error.code, error.about), (0, "backend-lost", None));
    assert!(error.text.contains("refused"), "the cause is told: {}", error.text);
}
