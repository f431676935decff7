//! The client against a TLS server in this process: mutual TLS, refusals, bounds,
//! kept connections, and peers that misbehave.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::testserver::{acceptor, client, options, pki, serve};

async fn answer(
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let kind = request.headers().get("content-type").cloned();
    let host = request.headers().get("host").cloned().unwrap();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = hyper::Response::builder().header("x-host", host);
    if let Some(kind) = kind {
        response = response.header("X-Kind", kind);
    }
    let response = match path.as_str() {
        "/big" => response.body(Full::new(Bytes::from(vec![b'x'; 5000]))),
        "/problem" => response.status(409).body(Full::new(Bytes::from("duplicate"))),
        "/close" => response.header("connection", "close").body(Full::new(body)),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            response.body(Full::new(body))
        }
        _ => response.body(Full::new(body)),
    };
    Ok(response.unwrap())
}

#[tokio::test]
async fn a_host_inside_is_not_called_when_only_public_ones_may_be() {
    let pki = pki();
    let (base, connections) = serve(&pki, answer).await;
    for base in [base.clone(), base.replace("127.0.0.1", "localhost")] {
        let options = ClientOptions { public_only: true, ..options(&pki, &base, &pki.client) };
        let error = HttpClient::new(options).unwrap().get("/echo").await.unwrap_err();
        assert_eq!(error.code(), "host-private", "{error:?}");
        assert!(error.en().contains("public") && error.zh().contains("公网"));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn requests_are_answered_over_one_kept_connection() {
    let pki = pki();
    let (base, connections) = serve(&pki, answer).await;
    let client = client(&pki, &base);
    for n in 0..5 {
        let response = client.post("/echo", "application/xml", vec![b'0' + n]).await.unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, &[b'0' + n][..]));
        assert_eq!(response.header("x-kind"), Some("application/xml"));
        assert_eq!(response.header("x-host"), base.strip_prefix("https://"));
        assert_eq!(response.header("x-none"), None);
    }
    let response = client.get("/problem?a=b").await.unwrap();
    assert_eq!((response.status, response.text().as_str()), (409, "duplicate"));
    assert!(!response.is_success());
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert_eq!(client.base(), base);
}

#[tokio::test]
async fn a_connection_the_server_closed_is_replaced() {
    let pki = pki();
    let (base, connections) = serve(&pki, answer).await;
    let client = client(&pki, &base);
    for _ in 0..3 {
        let response = client.post("/close", "text/plain", b"again".to_vec()).await.unwrap();
        assert_eq!(response.text(), "again");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn several_requests_at_a_time_have_a_connection_each() {
    let pki = pki();
    let (base, connections) = serve(&pki, answer).await;
    let client = client(&pki, &base);
    let (a, b, c) = tokio::join!(client.get("/a"), client.get("/b"), client.get("/c"));
    assert!([a, b, c].iter().all(|response| response.as_ref().unwrap().is_success()));
    client.get("/d").await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_client_that_is_not_known_is_told_so() {
    let pki = pki();
    let (base, _) = serve(&pki, answer).await;
    let nobody = ClientOptions::new(&base, pki.ca.certificate_pem().into_bytes());
    for options in [options(&pki, &base, &pki.stranger), nobody] {
        let error = HttpClient::new(options).unwrap().get("/").await.unwrap_err();
        assert_eq!(error.code(), "tls-refused", "{error:?}");
        assert!(error.en().contains("client certificate"), "{}", error.en());
        assert!(error.zh().contains("客户端证书"), "{}", error.zh());
    }
}

#[tokio::test]
async fn a_server_that_is_not_the_right_one_is_refused() {
    let pki = pki();
    let (base, _) = serve(&pki, answer).await;
    let elsewhere = base.replace("127.0.0.1", "localhost");
    let wrong_name = options(&pki, &elsewhere, &pki.client);
    let wrong_ca = ClientOptions {
        ca_pem: pki.stranger.chain_pem().into_bytes(),
        ..options(&pki, &base, &pki.client)
    };
    for options in [wrong_name, wrong_ca] {
        let error = HttpClient::new(options).unwrap().get("/").await.unwrap_err();
        assert_eq!(error.code(), "certificate-not-trusted", "{error:?}");
        assert!(error.en().contains("host name") && error.zh().contains("主机名"));
    }
}

#[tokio::test]
async fn bodies_and_times_are_bounded() {
    let pki = pki();
    let (base, _) = serve(&pki, answer).await;
    let small = ClientOptions { max_body: 4999, ..options(&pki, &base, &pki.client) };
    let error = HttpClient::new(small).unwrap().get("/big").await.unwrap_err();
    assert_eq!(error.code(), "body-too-large");
    assert!(error.en().contains("4999") && error.zh().contains("长度上限"));
    let enough = ClientOptions { max_body: 5000, ..options(&pki, &base, &pki.client) };
    assert_eq!(HttpClient::new(enough).unwrap().get("/big").await.unwrap().body.len(), 5000);
    let started = tokio::time::Instant::now();
    let limit = Duration::from_millis(200);
    let error = client(&pki, &base).get_within("/slow", limit).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
    assert!(error.en().contains("sent again") && error.zh().contains("重发"));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn peers_that_are_no_gateway_are_named() {
    let pki = pki();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let base = format!("https://127.0.0.1:{port}");
    // No TLS, TLS and then rubbish, TLS and then nothing.
    let acceptor = acceptor(&pki);
    let peer = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = acceptor.accept(tcp).await.unwrap();
        tls.write_all(b"rubbish\r\n\r\n").await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = acceptor.accept(tcp).await.unwrap();
        tls.read_exact(&mut [0; 3]).await.unwrap();
        tls.shutdown().await.unwrap();
    });
    let client = client(&pki, &base);
    for code in ["tls-refused", "http-broken", "connection-lost"] {
        let error = client.get("/").await.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(!error.en().is_empty() && error.zh().contains(code));
    }
    peer.await.unwrap();
    let error = client.get("/").await.unwrap_err();
    assert_eq!(error.code(), "connection-refused", "{error:?}");
    assert!(error.en().contains("running") && error.zh().contains("连接被拒绝"));
    let nowhere = options(&pki, "https://no-such-host.invalid", &pki.client);
    let error = HttpClient::new(nowhere).unwrap().get("/").await.unwrap_err();
    assert_eq!(error.code(), "host-unknown", "{error:?}");
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let pki = pki();
    let code = |options: ClientOptions| HttpClient::new(options).unwrap_err().code();
    let good = options(&pki, "https://gateway.test", &pki.client);
    assert!(HttpClient::new(good.clone()).is_ok());
    for base in [
        "",
        "gateway.test",
        "http://gateway.test",
        "https://gateway.test/v1",
        "https://a b",
        "https://u@gateway.test",
    ] {
        assert_eq!(
            code(ClientOptions { base: base.to_owned(), ..good.clone() }),
            "client-address",
            "{base}"
        );
    }
    for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"] {
        assert_eq!(
            code(ClientOptions { ca_pem: pem.to_vec(), ..good.clone() }),
            "client-certificate"
        );
    }
    let chain = pki.client.chain_pem().into_bytes();
    let other_key = pki.stranger.key_pem().as_bytes().to_vec();
    assert_eq!(code(good.clone().identity(Vec::new(), other_key.clone())), "client-certificate");
    assert_eq!(code(good.clone().identity(chain.clone(), b"no key".to_vec())), "client-key");
    assert_eq!(code(good.clone().identity(chain, other_key)), "client-key");
    assert!(!format!("{good:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn a_request_that_is_not_http_is_not_sent() {
    let pki = pki();
    let (base, _) = serve(&pki, answer).await;
    let client = client(&pki, &base);
    let error = client.get("/with space").await.unwrap_err();
    assert_eq!(error.code(), "client-request");
    let headers = vec![("x".to_owned(), "line\nbreak".to_owned())];
    let (method, path) = ("GET".to_owned(), "/".to_owned());
    let request = Request { method, path, headers, body: Vec::new(), timeout: None };
    assert_eq!(client.send(request).await.unwrap_err().code(), "client-request");
}
