//! Addresses, and how errors are sorted; the attempts themselves are tested with a
//! real broker in the conformance tests.

use std::io;
use std::sync::Arc;

use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};

use onepoint_certs::testpki::{KeyKind, TestCa, Validity};

use super::*;

fn broker(url: &str) -> Result<Broker, BrokerError> {
    Broker::new(url, "test", None)
}

#[test]
fn addresses_are_shown_without_credentials() {
    let broker = broker("amqp://user:secret@queue.test:5999/%2f").unwrap();
    assert_eq!(broker.shown(), "amqp://queue.test:5999//");
    assert!(!format!("{broker:?}").contains("secret"));
    assert_eq!(broker.uri.query.heartbeat, Some(HEARTBEAT));
}

#[test]
fn the_address_may_choose_its_own_heartbeat() {
    let broker = broker("amqp://queue.test?heartbeat=3").unwrap();
    assert_eq!(broker.uri.query.heartbeat, Some(3));
}

#[test]
fn addresses_that_cannot_be_used_are_refused() {
    for url in ["", "queue.test:5672", "http://queue.test", "amqp:", "amqps://queue.test"] {
        let error = broker(url).unwrap_err();
        assert_eq!(error.code(), "broker-address", "{url}: {error}");
        assert!(error.en().contains("expected amqp://"), "{}", error.en());
        assert!(error.zh().contains("消息代理地址无效"), "{}", error.zh());
    }
}

#[test]
fn errors_are_sorted_by_what_to_do() {
    let io = |kind, text: &'static str| lapin::Error::from(io::Error::new(kind, text));
    let tls = io::Error::other(rustls::Error::DecryptError);
    let said = |kind: AMQPErrorKind| {
        lapin::ErrorKind::ProtocolError(AMQPError::new(kind, "words".into())).into()
    };
    let cases: Vec<(lapin::Error, &str)> = vec![
        (io(io::ErrorKind::ConnectionRefused, "no"), "broker-refused"),
        (io(io::ErrorKind::TimedOut, "slow"), "broker-timeout"),
        (io(io::ErrorKind::ConnectionReset, "gone"), "broker-lost"),
        (tls.into(), "broker-tls"),
        (lapin::ErrorKind::MissingHeartbeatError.into(), "broker-lost"),
        (
            lapin::ErrorKind::IOError(Arc::new(io::ErrorKind::BrokenPipe.into())).into(),
            "broker-lost",
        ),
        (said(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)), "broker-credentials"),
        (said(AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)), "broker-credentials"),
        (said(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)), "broker-topology"),
        (said(AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)), "broker-queue-missing"),
        (said(AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED)), "broker-lost"),
        (lapin::ErrorKind::AuthProviderError("no".to_owned()).into(), "broker-protocol"),
    ];
    let broker = broker("amqp://queue.test").unwrap();
    for (source, code) in cases {
        let shown = source.to_string();
        let error = broker.error(source);
        assert_eq!(error.code(), code, "{shown}");
        assert!(error.en().contains("queue.test") && error.zh().contains("queue.test"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_at_once() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let broker = broker(&format!("amqp://127.0.0.1:{port}")).unwrap();
    assert_eq!(broker.connect().await.unwrap_err().code(), "broker-refused");
}

#[tokio::test]
async fn something_that_is_no_broker_is_named() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let error = broker(&format!("amqp://127.0.0.1:{port}")).unwrap().connect().await.unwrap_err();
    assert!(["broker-protocol", "broker-lost"].contains(&error.code()), "{error:?}");
}

#[tokio::test]
async fn an_attempt_that_is_given_up_lets_go_of_the_peer() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let broker = broker(&format!("amqp://127.0.0.1:{port}")).unwrap();
    let attempt = timeout(Duration::from_millis(300), broker.connect());
    let (attempt, accepted) = tokio::join!(attempt, listener.accept());
    assert!(attempt.is_err(), "the peer never answers");
    // The protocol header, and then the end: the library's thread is gone.
    let mut said = Vec::new();
    let mut peer = accepted.unwrap().0;
    timeout(Duration::from_secs(5), peer.read_to_end(&mut said)).await.unwrap().unwrap();
    assert_eq!(said, b"AMQP\x00\x00\x09\x01");
}

#[test]
fn tls_settings_that_cannot_be_used_are_refused() {
    let with = |ca_pem: &str, identity| {
        let tls = BrokerTls { ca_pem: ca_pem.to_owned(), identity };
        Broker::new("amqps://queue.test", "test", Some(tls))
    };
    let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no PEM", rubbish] {
        let error = with(pem, None).unwrap_err();
        assert_eq!(error.code(), "broker-certificate");
        assert!(error.en().contains("expected PEM") && error.zh().contains("PEM"), "{error}");
    }
    let now = jiff::Timestamp::UNIX_EPOCH;
    let validity = Validity { from: now, until: now };
    let ca = TestCa::new("test CA", KeyKind::P256, validity).unwrap().certificate_pem();
    assert!(with(&ca, None).is_ok());
    let identity = Some((ca.clone().into_bytes(), b"no key".to_vec()));
    assert_eq!(with(&ca, identity).unwrap_err().code(), "broker-certificate");
}
