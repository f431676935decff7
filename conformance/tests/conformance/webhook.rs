//! Answers pushed to a participant's own HTTPS host: signed by the gateway, tried again
//! while the host is down or refuses, and never sent to an address inside unless the
//! configuration allows that.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{Certificate, SignaturePolicy};
use onepoint_conformance::zone::{DEPARTMENTS, Metrics, Setup, Zone};
use onepoint_envelope::jws::Jws;
use onepoint_schemas::example_with;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the host got.
#[derive(Clone, Debug)]
struct Pushed {
    delivery: String,
    signature: String,
    body: Vec<u8>,
}

/// A participant's host.
#[derive(Clone, Default)]
struct Host {
    /// Refuses so many pushes first.
    refusals: Arc<Mutex<usize>>,
    taken: Arc<Mutex<Vec<Pushed>>>,
    refused: Arc<Mutex<Vec<Pushed>>>,
}

impl Host {
    async fn answer(
        self,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let (delivery, signature) = (header("onepoint-delivery"), header("onepoint-signature"));
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/hook"));
        let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
        let pushed = Pushed { delivery, signature, body };
        let mut refusals = self.refusals.lock().unwrap();
        let status = match refusals.checked_sub(1) {
            Some(left) => {
                *refusals = left;
                self.refused.lock().unwrap().push(pushed);
                503
            }
            None => {
                self.taken.lock().unwrap().push(pushed);
                204
            }
        };
        let response = hyper::Response::builder().status(status);
        Ok(response.body(Full::default()).unwrap())
    }

    /// Serves on a port until the runtime ends.
    async fn serve(self, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, host) = (acceptor.clone(), self.clone());
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                let service = service_fn(move |request| host.clone().answer(request));
                let http = hyper::server::conn::http1::Builder::new();
                http.serve_connection(TokioIo::new(tls), service).await.ok();
            });
        }
    }

    fn taken(&self) -> Vec<Pushed> {
        self.taken.lock().unwrap().clone()
    }
}

struct Pki {
    ca: String,
    server: Issued,
}

fn pki() -> Pki {
    let now = jiff::Timestamp::now();
    let day = jiff::SignedDuration::from_hours(24);
    let validity = Validity { from: now - day, until: now + day };
    let ca = TestCa::new("hosts", KeyKind::P256, validity).unwrap();
    let here = [std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let spec = LeafSpec::tls_server("host", &[], &here, KeyKind::P256, validity);
    Pki { ca: ca.certificate_pem(), server: ca.issue(&spec).unwrap() }
}

fn acceptor(server: &Issued) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = server.chain_pem();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(server.key_pem().as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A zone whose platform has a webhook at a port.
fn zone(pki: &Pki, port: u16, allow_private: bool) -> Zone {
    let zone = Zone::make(&Setup::default());
    std::fs::write(zone.folder().join("hosts.pem"), &pki.ca).unwrap();
    zone.edit("onepoint.toml", |text| {
        let line = "[[participant]]\nid = \"platform\"\n";
        assert!(text.contains(line), "{text}");
        let hook = format!("{line}webhook = \"https://127.0.0.1:{port}/hook\"\n");
        let section = format!("[webhooks]\nca = \"hosts.pem\"\nallow_private = {allow_private}\n");
        text.replace(line, &hook) + &section
    });
    zone
}

async fn send(zone: &Zone, number: &str) -> String {
    let (root, own) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let fields = [("@guid", root.as_str()), ("guid", own.as_str()), ("orderNo", number)];
    let xml = example_with("CEB311Message", &fields).unwrap();
    let body = zone.signer("platform").sign(&xml);
    let client = zone.client("platform");
    let response = client.post("/v1/messages", "application/xml", body).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let told: Value = serde_json::from_slice(&response.body).unwrap();
    told["id"].as_str().unwrap().to_owned()
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is().await {
        assert!(started.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn pushes(metrics: &Metrics, what: &str) -> u64 {
    metrics.get(&format!("onepoint_webhooks_total{{code=\"{what}\"}}"))
}

#[test]
fn answers_are_pushed_signed_and_tried_again_until_the_host_takes_them() {
    let pki = pki();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // Nobody listens at first.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut zone = tokio::task::block_in_place(|| {
            let mut zone = zone(&pki, address.port(), true);
            zone.start_gateway(&[]);
            DEPARTMENTS.iter().for_each(|department| zone.start_adapter(department));
            zone
        });
        let message = send(&zone, "W-1").await;
        until("it was tried", async || pushes(&zone.metrics().await.unwrap(), "failed") >= 1).await;
        let host = Host { refusals: Arc::new(Mutex::new(2)), ..Host::default() };
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(host.clone().serve(listener, acceptor(&pki.server)));
        until("all came", async || host.taken().len() == 3).await;
        let seal = std::fs::read_to_string(zone.folder().join("pki/seal.pem")).unwrap();
        let seal = Certificate::from_pem(&seal).unwrap();
        let mut statuses = Vec::new();
        for pushed in host.taken() {
            let signed = Jws::compact(&pushed.signature, Some(&pushed.body)).unwrap();
            signed.verify(&SignaturePolicy::strict(), &seal[..1]).unwrap();
            let notice: Value = serde_json::from_slice(&pushed.body).unwrap();
            assert_eq!(notice["message"], message.as_str());
            assert!(pushed.delivery.starts_with(&message));
            let entry = &notice["entries"][0];
            statuses.push(format!("{} {}", notice["department"], entry["status"]));
            let receipt = &notice["receipts"][0];
            let envelope = notice["envelope"].as_str().unwrap();
            zone.auditor().verify(receipt, Some(envelope.as_bytes())).unwrap();
            // Another body is not what was signed.
            let altered = [&pushed.body[..], b" "].concat();
            let signed = Jws::compact(&pushed.signature, Some(&altered)).unwrap();
            assert!(signed.verify(&SignaturePolicy::strict(), &seal[..1]).is_err());
        }
        statuses.sort();
        assert_eq!(statuses.len(), 3);
        let refused = host.refused.lock().unwrap().clone();
        assert_eq!(refused.len(), 2, "refused pushes came again");
        until("all is settled", async || zone.metrics().await.unwrap().journal("pending") == 0)
            .await;
        assert_eq!(pushes(&zone.metrics().await.unwrap(), "taken"), 3);
        tokio::task::block_in_place(|| zone.stop_gateway());
    });
}

#[test]
fn a_host_inside_is_not_called_unless_the_configuration_says_so() {
    let pki = pki();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host::default();
        tokio::spawn(host.clone().serve(listener, acceptor(&pki.server)));
        let mut zone = tokio::task::block_in_place(|| {
            let mut zone = zone(&pki, port, false);
            zone.start_gateway(&[]);
            zone.start_adapter("tax");
            zone
        });
        send(&zone, "W-2").await;
        until("it was tried", async || pushes(&zone.metrics().await.unwrap(), "failed") >= 1).await;
        assert!(host.taken().is_empty());
        let log = std::fs::read_to_string(zone.folder().join("gateway.log")).unwrap();
        assert!(log.contains("not on the public internet"), "{log}");
        tokio::task::block_in_place(|| zone.stop_gateway());
    });
}
