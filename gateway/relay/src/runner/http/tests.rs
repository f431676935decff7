//! The runner over the queue that is pulled: a small gateway of the test's own, with the
//! lease table, that refuses, fails and forgets on purpose.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::embedded::{Candidate, LeaseTable};
use crate::inbox::Inbox;
use crate::pull::RefusedItem;
use crate::runner::{Handled, OutgoingAnswer, Runner, RunnerSnapshot};
use crate::testserver::{client, pki, serve};

/// What the gateway knows and what it was told.
struct Gateway {
    pending: VecDeque<&'static str>,
    leases: LeaseTable,
    /// Seconds: it moves by one with every request.
    now: i64,
    /// Seconds.
    lease: i64,
    /// Statuses for the next answers, in place of 200.
    statuses: VecDeque<u16>,
    answers: Vec<(String, String, String)>,
    nacks: Vec<(String, String, String)>,
    /// Acknowledgements to lose: the next ones are done and not answered.
    lose_acks: usize,
    rubbish: usize,
    requests: Vec<String>,
}

type Shared = Arc<Mutex<Gateway>>;

fn gateway(pending: &[&'static str]) -> Shared {
    Arc::new(Mutex::new(Gateway {
        pending: pending.iter().copied().collect(),
        leases: LeaseTable::new("run", 100),
        now: 1_800_000_000,
        lease: 100,
        statuses: VecDeque::new(),
        answers: Vec::new(),
        nacks: Vec::new(),
        lose_acks: 0,
        rubbish: 0,
        requests: Vec::new(),
    }))
}

impl Gateway {
    fn pull(&mut self) -> (u16, String) {
        if self.rubbish > 0 {
            self.rubbish -= 1;
            return (200, "rubbish".to_owned());
        }
        let now = Timestamp::from_second(self.now).unwrap();
        self.leases.expire(now);
        let rows = self.pending.iter().map(|delivery| Candidate { delivery, order_keys: &[] });
        let lease = SignedDuration::from_secs(self.lease);
        let grants = self.leases.grant(rows, "tax", now, lease, 2);
        let deliveries = grants.into_iter().map(|grant| PulledDelivery {
            body: STANDARD.encode(format!("<{}/>", grant.delivery)),
            delivery: grant.delivery,
            lease: grant.token,
            message_type: "CEB311Message".to_owned(),
            documents: vec![0, 2],
            ..PulledDelivery::default()
        });
        (200, serde_json::to_string(&Pulled { deliveries: deliveries.collect() }).unwrap())
    }

    fn settle(&mut self, delivery: String, lease: &str, settled: &mut Settled) -> bool {
        let now = Timestamp::from_second(self.now).unwrap();
        match self.leases.ack(&delivery, lease, "tax", now) {
            Ok(()) => {
                self.leases.settled(&delivery);
                self.pending.retain(|pending| *pending != delivery);
                settled.settled.push(delivery);
                true
            }
            Err(error) => {
                settled.refused.push(RefusedItem { delivery, code: error.code().to_owned() });
                false
            }
        }
    }

    fn ack(&mut self, body: &[u8]) -> (u16, String) {
        let acks: Acks = serde_json::from_slice(body).unwrap();
        let mut settled = Settled::default();
        for ack in acks.acks {
            self.settle(ack.delivery, &ack.lease, &mut settled);
        }
        if self.lose_acks > 0 {
            self.lose_acks -= 1;
            return (503, "lost".to_owned());
        }
        (200, serde_json::to_string(&settled).unwrap())
    }

    fn nack(&mut self, body: &[u8]) -> (u16, String) {
        let nacks: Nacks = serde_json::from_slice(body).unwrap();
        let mut settled = Settled::default();
        for NackItem { delivery, lease, code, reason, dead } in nacks.nacks {
            assert!(dead, "it can never be handled");
            if self.settle(delivery.clone(), &lease, &mut settled) {
                self.nacks.push((delivery, code, reason));
            }
        }
        (200, serde_json::to_string(&settled).unwrap())
    }
}

async fn answer(
    gateway: Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let path = request.uri().to_string();
    let header = |name: &str| {
        let value = request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    let (delivery, id) = (header("x-onepoint-delivery"), header("x-onepoint-answer"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, body) = {
        let mut gateway = gateway.lock().unwrap();
        gateway.now += 1;
        gateway.requests.push(path.clone());
        match path.split('?').next().unwrap() {
            "/v1/queues/tax" => gateway.pull(),
            "/v1/queues/tax/ack" => gateway.ack(&body),
            "/v1/queues/tax/nack" => gateway.nack(&body),
            "/v1/answers" => {
                let status = gateway.statuses.pop_front().unwrap_or(200);
                if status == 200 {
                    let body = String::from_utf8(body.to_vec()).unwrap();
                    gateway.answers.push((delivery, id, body));
                }
                (status, "because".to_owned())
            }
            _ => (404, String::new()),
        }
    };
    if body.contains("\"deliveries\":[]") {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(hyper::Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap())
}

fn handler(delivery: &Delivery) -> Result<Handled, HandlerError> {
    assert_eq!(
        (&delivery.documents[..], delivery.message_type.as_str()),
        (&[0, 2][..], "CEB311Message")
    );
    assert_eq!(delivery.body, format!("<{}/>", delivery.id).into_bytes());
    if delivery.id == "bad" {
        return Err(HandlerError::new("poison", "cannot be mapped"));
    }
    let answer = |n: u8| OutgoingAnswer {
        id: format!("{}-{n}", delivery.id),
        body: format!("<answer n='{n}'/>").into_bytes(),
    };
    Ok(Handled { effect: delivery.id.clone(), answers: vec![answer(1), answer(2)], order: None })
}

/// Runs an adapter until nothing is pending; gives its status and its inbox.
async fn run(gateway: &Shared) -> (RunnerSnapshot, tempfile::TempDir) {
    let (pki, shared) = (pki(), Arc::clone(gateway));
    let (base, _) = serve(&pki, move |request| answer(Arc::clone(&shared), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
    let source = HttpSource::new(client(&pki, &base), "tax");
    let runner = Runner::new(source, inbox, handler, Arc::new(|| Timestamp::UNIX_EPOCH));
    let (status, stop) = (runner.status(), CancellationToken::new());
    let task = tokio::spawn(runner.run(stop.clone()));
    let done = async {
        while !gateway.lock().unwrap().pending.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        // The last acknowledgement reaches the runner, too.
        sleep(Duration::from_millis(100)).await;
    };
    timeout(Duration::from_secs(30), done).await.expect("everything is settled");
    stop.cancel();
    task.await.unwrap().unwrap();
    (status.snapshot(), folder)
}

fn effects(folder: &tempfile::TempDir) -> Vec<String> {
    let inbox = Inbox::open(&folder.path().join("inbox.db")).unwrap();
    inbox.effects().unwrap().into_iter().map(|row| row.effect).collect()
}

fn answered(gateway: &Shared) -> Vec<String> {
    gateway.lock().unwrap().answers.iter().map(|(_, id, _)| id.clone()).collect()
}

#[tokio::test]
async fn deliveries_are_pulled_answered_in_order_and_acknowledged() {
    let gateway = gateway(&["a", "b", "c"]);
    let (seen, folder) = run(&gateway).await;
    assert_eq!(effects(&folder), ["a", "b", "c"]);
    assert_eq!(answered(&gateway), ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]);
    let gateway = gateway.lock().unwrap();
    let first = &gateway.answers[0];
    assert_eq!((first.0.as_str(), first.2.as_str()), ("a", "<answer n='1'/>"));
    assert_eq!((seen.acked, seen.redelivered, seen.link.as_str()), (3, 0, "connected"));
    // The first pull does not wait, the later ones do.
    assert_eq!(gateway.requests[0], "/v1/queues/tax?max=64&wait_ms=0&lease_ms=60000");
    assert!(gateway.requests.iter().any(|path| path.contains("wait_ms=20000")));
}

#[tokio::test]
async fn poison_is_given_back_with_its_reason() {
    let gateway = gateway(&["a", "bad", "b"]);
    let (seen, folder) = run(&gateway).await;
    assert_eq!(effects(&folder), ["a", "b"]);
    let nacks = &gateway.lock().unwrap().nacks;
    let expected = ("bad".to_owned(), "poison".to_owned(), "cannot be mapped".to_owned());
    assert_eq!((nacks.as_slice(), seen.rejected), (&[expected][..], 1));
}

#[tokio::test]
async fn a_gateway_that_fails_gets_the_answers_later_and_in_order() {
    let gateway = gateway(&["a"]);
    gateway.lock().unwrap().statuses = [200, 503, 429, 403].into();
    let (seen, folder) = run(&gateway).await;
    assert_eq!(answered(&gateway), ["a-1", "a-2"]);
    assert_eq!((effects(&folder), seen.answers_sent), (vec!["a".to_owned()], 2));
    assert_eq!(seen.last_error.unwrap().0, "gateway-status");
}

#[tokio::test]
async fn an_answer_the_gateway_refuses_is_recorded_and_the_rest_goes_on() {
    let gateway = gateway(&["a", "b"]);
    gateway.lock().unwrap().statuses = [422].into();
    let (seen, folder) = run(&gateway).await;
    assert_eq!(answered(&gateway), ["a-2", "b-1", "b-2"]);
    assert_eq!((seen.answers_sent, seen.answers_refused, seen.acked), (3, 1, 2));
    let inbox = rusqlite::Connection::open(folder.path().join("inbox.db")).unwrap();
    let query = "SELECT id || ': ' || reason FROM answer WHERE state = 'refused'";
    let reason: String = inbox.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(reason, "a-1: 422 because");
}

#[tokio::test]
async fn a_lease_that_ended_gives_the_delivery_again_and_nothing_is_done_twice() {
    let gateway = gateway(&["a", "b"]);
    // The answers take longer than the lease, the first time.
    gateway.lock().unwrap().lease = 6;
    gateway.lock().unwrap().statuses = [503; 2].into();
    let (seen, folder) = run(&gateway).await;
    assert_eq!(effects(&folder), ["a", "b"]);
    assert_eq!(answered(&gateway), ["a-1", "a-2", "b-1", "b-2"]);
    assert!(seen.redelivered > 0, "{seen:?}");
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_is_lost_does_no_harm() {
    let gateway = gateway(&["a", "b", "c"]);
    gateway.lock().unwrap().lose_acks = 1;
    let (seen, folder) = run(&gateway).await;
    assert_eq!(effects(&folder), ["a", "b", "c"]);
    assert_eq!(answered(&gateway).len(), 6);
    assert!(seen.acked < 3 && seen.last_error.is_some(), "{seen:?}");
}

#[tokio::test]
async fn rubbish_is_named_and_tried_again() {
    let gateway = gateway(&["a"]);
    gateway.lock().unwrap().rubbish = 2;
    let (seen, folder) = run(&gateway).await;
    assert_eq!(effects(&folder), ["a"]);
    let (code, text) = seen.last_error.unwrap();
    assert_eq!(code, "gateway-answer");
    assert!(text.contains("cannot be read"), "{text}");
}
