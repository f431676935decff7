//! For tests: an HTTPS server in this process that wants client certificates, and the
//! certificates for it. Used by the tests of the client and of the pulled queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::client::{ClientOptions, HttpClient};

/// A CA with a server and two clients, one of them of another CA.
pub(crate) struct Pki {
    pub(crate) ca: TestCa,
    pub(crate) server: Issued,
    pub(crate) client: Issued,
    pub(crate) stranger: Issued,
}

pub(crate) fn pki() -> Pki {
    let now: Timestamp = std::time::UNIX_EPOCH.elapsed().map_or(Timestamp::UNIX_EPOCH, |since| {
        Timestamp::from_second(i64::try_from(since.as_secs()).unwrap()).unwrap()
    });
    let day = SignedDuration::from_hours(24);
    let validity = Validity { from: now - day, until: now + day };
    let ca = TestCa::new("test CA", KeyKind::P256, validity).unwrap();
    let other = TestCa::new("other CA", KeyKind::P256, validity).unwrap();
    let here = "127.0.0.1".parse().unwrap();
    let spec = LeafSpec::tls_server("gateway", &["gateway.test"], &[here], KeyKind::P256, validity);
    let server = ca.issue(&spec).unwrap();
    let spec = LeafSpec::tls_client("firm", "测试甲公司", KeyKind::P256, validity);
    Pki { client: ca.issue(&spec).unwrap(), stranger: other.issue(&spec).unwrap(), ca, server }
}

pub(crate) fn acceptor(pki: &Pki) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let ca = pki.ca.certificate_pem();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let chain = pki.server.chain_pem();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pki.server.key_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Serves until the test ends; gives the address and counts connections.
pub(crate) async fn serve<S, F>(pki: &Pki, answer: S) -> (String, Arc<AtomicUsize>)
where
    S: Fn(hyper::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<hyper::Response<Full<Bytes>>, Infallible>> + Send + 'static,
{
    let (acceptor, connections) = (acceptor(pki), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
            let answer = answer.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                counter.fetch_add(1, Ordering::SeqCst);
                let http = hyper::server::conn::http1::Builder::new();
                http.serve_connection(TokioIo::new(tls), service_fn(answer)).await.ok();
            });
        }
    });
    (base, connections)
}

/// Options for one of the clients.
pub(crate) fn options(pki: &Pki, base: &str, who: &Issued) -> ClientOptions {
    ClientOptions::new(base, pki.ca.certificate_pem().into_bytes())
        .identity(who.chain_pem().into_bytes(), who.key_pem().as_bytes().to_vec())
}

/// The client that is known.
pub(crate) fn client(pki: &Pki, base: &str) -> HttpClient {
    HttpClient::new(options(pki, base, &pki.client)).unwrap()
}
