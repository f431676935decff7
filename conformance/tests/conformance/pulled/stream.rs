//! Server-sent events over a real connection.

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;

use super::*;

/// A reader of a stream: what came and was not taken apart yet.
struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    /// The next event's id and data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                let line = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    lines.collect::<String>()
                };
                assert_eq!(line("event: "), "delivery", "{event}");
                return (line("id: "), serde_json::from_str(&line("data: ")).unwrap());
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.expect("an event").expect("the stream goes on").unwrap();
            let bytes = frame.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Whether nothing comes for a while.
    async fn is_quiet(&mut self) -> bool {
        let quiet = Duration::from_millis(1500);
        self.text.is_empty() && tokio::time::timeout(quiet, self.body.frame()).await.is_err()
    }
}

async fn open(zone: &Zone, path: &str) -> hyper::Response<Incoming> {
    let pem = |name: &str| std::fs::read(zone.folder().join("pki").join(name)).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem("ca.pem")).unwrap()).unwrap();
    let chain = CertificateDer::pem_slice_iter(&pem("tax.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem("tax.key")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    let address = zone.url().strip_prefix("https://").unwrap().to_owned();
    let tcp = TcpStream::connect(&address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tls = connector.connect(name, tcp).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(path).header("host", address);
    sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
}

#[test]
fn deliveries_come_as_events_and_are_acknowledged_by_post() {
    let mut zone = zone();
    let runtime = runtime();
    runtime.block_on(async {
        let tax = zone.client("tax");
        let response = open(&zone, "/v1/queues/tax/events?max=2&lease_ms=600000").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Events { body: response.into_body(), text: String::new() };
        let ids = send(&zone, &["E-1", "E-2", "E-3"]).await;
        let mut held = Vec::new();
        for id in &ids[..2] {
            let (event, data) = events.next().await;
            assert_eq!((&event, &data["message"]), (&format!("{id}.tax"), &json!(id)));
            assert!(STANDARD.decode(data["body"].as_str().unwrap()).unwrap().starts_with(b"<"));
            held.push(lease(&data));
        }
        assert!(events.is_quiet().await, "two are held: no third");
        assert!(pull(&tax, 30_000).await.len() == 1, "a pull beside it gets what is free");
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": held })).await;
        let more = send(&zone, &["E-4"]).await;
        let (event, _) = events.next().await;
        assert_eq!(event, format!("{}.tax", more[0]));
        let other = open(&zone, "/v1/queues/customs/events").await;
        assert_eq!(other.status(), 403);
    });
    check(&mut zone);
}
