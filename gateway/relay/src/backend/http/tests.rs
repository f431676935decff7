//! The HTTP back end against a server that wants client certificates: what each status and
//! each kind of body means for an order, and replies that are asked for.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};

use super::*;
use crate::testserver::{Pki, client, options, pki, serve};

/// What the server was asked: method with path, key, body.
type Asked = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A server that always answers the same.
async fn server(pki: &Pki, status: u16, body: &str) -> (HttpClient, Asked) {
    let (asked, body) = (Asked::default(), body.to_owned());
    let book = Arc::clone(&asked);
    let (base, _) = serve(pki, move |request: hyper::Request<Incoming>| {
        let (book, body) = (Arc::clone(&book), body.clone());
        async move {
            let what = format!("{} {}", request.method(), request.uri());
            let key = request.headers().get("idempotency-key").cloned();
            let key = key.map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
            let sent = request.into_body().collect().await.unwrap().to_bytes().to_vec();
            book.lock().unwrap().push((what, key, sent));
            let mut response = hyper::Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
            Ok::<_, Infallible>(response)
        }
    })
    .await;
    (client(pki, &base), asked)
}

fn order(number: u64) -> Order {
    Order {
        number,
        delivery: format!("d{number}"),
        content_type: "application/json".to_owned(),
        content: b"{}".to_vec(),
        documents: vec![0, 2],
        ..Order::default()
    }
}

async fn given(status: u16, body: &str) -> (Given, Asked) {
    let pki = pki();
    let (client, asked) = server(&pki, status, body).await;
    let mut backend = HttpBackend::new(client, "/orders", None);
    (backend.hand_over(&[order(7)]).await, asked)
}

#[tokio::test]
async fn an_order_is_posted_with_its_delivery_as_key_and_may_be_answered_at_once() {
    let (got, asked) = given(202, "").await;
    assert_eq!((got.fates, got.error), (vec![(7, OrderFate::Done)], None));
    let wanted = ("POST /orders".to_owned(), "d7".to_owned(), b"{}".to_vec());
    assert_eq!(*asked.lock().unwrap(), [wanted]);
    let body = r#"{"replies":[{"id":"r1","delivery":"d7","content":"<a/>"}]}"#;
    let (got, _) = given(200, body).await;
    assert_eq!(got.fates, [(7, OrderFate::Done)]);
    let (id, delivery) = ("r1".to_owned(), "d7".to_owned());
    assert_eq!(got.replies, [Reply { id, delivery, content: b"<a/>".to_vec() }]);
}

#[tokio::test]
async fn each_status_means_one_thing_for_an_order() {
    for status in [400, 409, 422] {
        let (got, _) = given(status, "why").await;
        let [(7, OrderFate::Refused(error))] = &got.fates[..] else { panic!("{status}") };
        assert_eq!(error.code, "backend-refused");
        assert_eq!(error.text, format!("{status} why"));
    }
    for status in [401, 403, 404, 408, 425, 429, 502, 503, 504] {
        let (got, _) = given(status, "").await;
        let error = got.error.unwrap();
        assert_eq!((got.fates.len(), error.code, error.about), (0, "backend-status", None));
    }
    for status in [500, 501, 507] {
        let error = given(status, "").await.0.error.unwrap();
        assert_eq!((error.code, error.about), ("backend-status", Some(7)));
    }
    // It says that it is well, in words nobody understands.
    for body in ["rubbish", "{}", r#"{"replies":[{"id":1}]}"#] {
        let (got, _) = given(200, body).await;
        let error = got.error.unwrap();
        assert_eq!((got.fates.len(), error.code, error.about), (0, "backend-rubbish", Some(7)));
    }
}

#[tokio::test]
async fn replies_are_asked_for_and_settled() {
    let pki = pki();
    let body = r#"{"replies":[{"id":"r1","delivery":"d1","content":"<a/>"},
        {"id":"r2","delivery":"d2","content":"x"}]}"#;
    let (client, asked) = server(&pki, 200, body).await;
    let mut backend = HttpBackend::new(client, "/orders", Some("/replies"));
    let replies = backend.collect(64).await.unwrap();
    assert_eq!(replies.len(), 2);
    let refused = ReplyFate::Refused(HandlerError::new("reply-invalid", "no"));
    let settled = vec![("r1".to_owned(), ReplyFate::Taken), ("r2".to_owned(), refused)];
    backend.settle(settled).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].0, "GET /replies?max=64");
    assert_eq!(asked[1].0, "POST /replies/settled");
    let told: serde_json::Value = serde_json::from_slice(&asked[1].2).unwrap();
    let wanted = serde_json::json!({ "settled": [
        { "id": "r1", "fate": "taken" },
        { "id": "r2", "fate": "refused", "code": "reply-invalid", "reason": "no" },
    ] });
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn a_server_that_is_away_or_no_friend_is_an_error_and_not_the_order_s() {
    let pki = pki();
    let (client, _) = server(&pki, 503, "").await;
    let mut backend = HttpBackend::new(client, "/orders", Some("/replies"));
    assert_eq!(backend.collect(1).await.unwrap_err().code, "backend-status");
    let settled = vec![("r1".to_owned(), ReplyFate::Known)];
    assert_eq!(backend.settle(settled).await.unwrap_err().code, "backend-status");
    let (known, _) = server(&pki, 200, "").await;
    // Nobody listens; a stranger's certificate; a server that never answers.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_base = format!("https://{}", silent.local_addr().unwrap());
    let nobody = crate::client::HttpClient::new(options(&pki, "https://127.0.0.1:1", &pki.client));
    let stranger = crate::client::HttpClient::new(options(&pki, known.base(), &pki.stranger));
    let mut hasty = options(&pki, &silent_base, &pki.client);
    hasty.timeout = Duration::from_millis(50);
    let hasty = crate::client::HttpClient::new(hasty);
    for client in [nobody, stranger, hasty] {
        let mut backend = HttpBackend::new(client.unwrap(), "/orders", None);
        let given = backend.hand_over(&[order(1)]).await;
        assert_eq!((given.fates.len(), given.error.unwrap().about), (0, None));
    }
}
