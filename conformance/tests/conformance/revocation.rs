//! Revocation from outside: a server of revocation lists that is good, down, slow, or says
//! rubbish, beside a gateway that goes on all the time. Good, revoked and unknown are told
//! apart in answers, facts and counters.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{CaSpec, Issued, KeyKind, LeafSpec, ListSpec, TestCa, Usage};
use onepoint_certs::{Certificate, Fingerprint};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{HttpClient, Response};
use serde_json::Value;

use super::reload::{WAIT, ca, code, edit, keep, order, reload, send, validity};

/// How a server of lists behaves.
#[derive(Clone)]
enum Mood {
    /// Answers with this body.
    Says(Vec<u8>),
    /// Answers with this status.
    Status(&'static str),
    /// Answers half, and nothing more.
    Slow,
    /// Closes at once.
    Down,
}

/// A server of lists on the loopback interface; it ends with the test process.
struct Lists {
    address: String,
    mood: Arc<Mutex<Mood>>,
}

impl Lists {
    fn serve(mood: Mood) -> Lists {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/ca.crl", listener.local_addr().unwrap());
        let mood = Arc::new(Mutex::new(mood));
        let shared = Arc::clone(&mood);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mood = shared.lock().unwrap().clone();
                let (status, body) = match mood {
                    Mood::Down => continue,
                    Mood::Says(body) => ("200 OK", body),
                    Mood::Status(status) => (status, Vec::new()),
                    Mood::Slow => ("200 OK", vec![0x30]),
                };
                let length =
                    if matches!(&*shared.lock().unwrap(), Mood::Slow) { 9 } else { body.len() };
                assert!(stream.read(&mut [0; 2048]).is_ok());
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(&[head.as_bytes(), &body].concat()).ok();
                if length > body.len() {
                    // Held open on another thread, so that the next connection is served.
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_secs(10));
                        drop(stream);
                    });
                }
            }
        });
        Lists { address, mood }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

/// A list of now, good for `seconds`.
fn list(ca: &TestCa, revoked: &[&Certificate], number: u64, seconds: i64) -> Vec<u8> {
    let now = Timestamp::now();
    let at = now - SignedDuration::from_secs(60);
    let revoked = revoked.iter().map(|certificate| ((*certificate).clone(), at)).collect();
    let next = now + SignedDuration::from_secs(seconds);
    let spec = ListSpec { revoked, number: Some(number), ..ListSpec::new(now, Some(next)) };
    ca.revocation_list(&spec).unwrap()
}

/// A zone whose first CA publishes its lists at `address`, looked at every second.
fn zone(address: &str, more: &str) -> (Zone, TestCa, Issued) {
    let zone = Zone::make(&Setup::default());
    let ca = ca(&zone);
    let lists =
        format!("lists = [\"{address}\"]\nrefresh_s = 1\ntimeout_s = 1\nbytes_max = 4096{more}");
    edit(&zone, "lists = [\"pki/ca.crl\"]", &lists);
    let spec = LeafSpec {
        usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
        ..LeafSpec::tls_client("platform", "测试电商平台甲公司", KeyKind::P256, validity())
    };
    let next = ca.issue(&spec).unwrap();
    keep(&zone, "platform-next", &next);
    let both = "certificates = [\"pki/platform.pem\", \"pki/platform-next.pem\"]";
    edit(&zone, "certificates = [\"pki/platform.pem\"]", both);
    (zone, ca, next)
}

async fn text(operator: &HttpClient) -> String {
    operator.get("/metrics").await.unwrap().text()
}

/// The value of a counter or gauge of the pilot's CA that has this label too; 0 without one.
fn value(text: &str, name: &str, label: &str) -> u64 {
    let start = format!("onepoint_{name}{{");
    let mut lines = text.lines().filter(|line| line.starts_with(&start));
    let line = lines.find(|line| line.contains("CN=OnePoint test CA\"") && line.contains(label));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or_default()
}

/// Waits until fetches of the pilot's CA came to `code` `more` times more.
async fn fetched(operator: &HttpClient, code: &str, more: u64) {
    let label = format!("code=\"{code}\"");
    let count = async || value(&text(operator).await, "revocation_fetches_total", &label);
    let (before, started) = (count().await, Instant::now());
    while count().await < before + more {
        assert!(started.elapsed() < WAIT, "no fetch came to {code}: {}", text(operator).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the first receipt's fact says of revocation.
fn said(response: &Response) -> Value {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(response.status, 200, "{body}");
    body["receipts"][0]["fact"]["revocation"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_revoked_between_two_messages_is_refused_from_then_on() {
    let lists = Lists::serve(Mood::Down);
    let (mut zone, ca, next) = zone(&lists.address, "");
    let first = list(&ca, &[], 1, 3600);
    lists.set(Mood::Says(first.clone()));
    zone.start_gateway(&[]);
    let (platform, operator) = (zone.client("platform"), zone.client("operator"));
    fetched(&operator, "same", 1).await;
    let sent = send(&platform, 1, &next.key, &next.chain).await;
    let said = said(&sent);
    assert_eq!((&said["status"], &said["list"]["number"]), (&"good".into(), &"01".into()));
    assert_eq!(said["list"]["sha256"], Fingerprint::of(&first).to_string());
    assert_eq!(said["certificate"], next.certificate.fingerprint().to_string());

    lists.set(Mood::Says(list(&ca, &[&next.certificate], 2, 3600)));
    fetched(&operator, "new", 1).await;
    let refused = send(&platform, 2, &next.key, &next.chain).await;
    assert_eq!((refused.status, code(&refused).as_str()), (403, "cert-revoked"));
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    let receipt = zone.auditor().verify(&body["receipts"][0], None).unwrap();
    assert!(receipt.text("reason").contains("list 02"), "{body}");
    // The same key still opens nothing: the door asks as well.
    let revoked = zone.client("platform-next");
    let turned = revoked.get("/v1/receipts").await.unwrap();
    assert_eq!((turned.status, code(&turned).as_str()), (403, "cert-revoked"));
    assert_eq!(revoked.get("/healthz").await.unwrap().status, 200);
    // The other certificate of the same firm is not concerned.
    let other = zone.signer("platform").sign(&order(3));
    let other = platform.post("/v1/messages", "application/xml", other).await.unwrap();
    assert_eq!(other.status, 200, "{}", other.text());

    // Without its server, and after a restart, it stays revoked and the rest stays good.
    lists.set(Mood::Down);
    zone.stop_gateway();
    zone.start_gateway(&[]);
    let refused = send(&platform, 4, &next.key, &next.chain).await;
    assert_eq!(code(&refused), "cert-revoked");
    let other = zone.signer("platform").sign(&order(5));
    let other = platform.post("/v1/messages", "application/xml", other).await.unwrap();
    assert_eq!(self::said(&other)["status"], "good");
    // An older list, without the entry, does not bring it back.
    lists.set(Mood::Says(first));
    fetched(&zone.client("operator"), "older", 1).await;
    assert_eq!(code(&send(&platform, 6, &next.key, &next.chain).await), "cert-revoked");
}

/// A CA between firm and anchor: once the anchor's list names it, everything below it is
/// refused, at the door too, and what is not below it is not concerned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_intermediate_is_refused_with_all_that_it_signed() {
    let lists = Lists::serve(Mood::Down);
    let (mut zone, ca, beside) = zone(&lists.address, "");
    lists.set(Mood::Says(list(&ca, &[], 1, 3600)));
    let key = KeyKind::P256.generate().unwrap();
    let between = ca.intermediate_with(&CaSpec::new("between", validity()), key).unwrap();
    let spec = LeafSpec {
        usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
        ..LeafSpec::tls_client("platform", "测试电商平台甲公司", KeyKind::P256, validity())
    };
    let below = between.issue(&spec).unwrap();
    assert!(below.chain.contains(between.certificate()), "the chain is sent");
    keep(&zone, "platform-below", &below);
    edit(
        &zone,
        "\"pki/platform-next.pem\"]",
        "\"pki/platform-next.pem\", \"pki/platform-below.pem\"]",
    );
    zone.start_gateway(&[]);
    let operator = zone.client("operator");
    fetched(&operator, "same", 1).await;
    let door = zone.client("platform-below");
    let sent = send(&door, 80, &below.key, &below.chain).await;
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent.status, 200, "{body}");
    let said = &body["receipts"][0]["fact"]["revocation"];
    // Its own issuer publishes no list, which is known as such.
    assert_eq!((&said[0]["status"], &said[0]["why"]), (&"unknown".into(), &"no-list".into()));
    assert_eq!(said[1]["status"], "good", "{said}");
    assert_eq!(said[1]["certificate"], between.certificate().fingerprint().to_string());

    lists.set(Mood::Says(list(&ca, &[between.certificate()], 2, 3600)));
    fetched(&operator, "new", 1).await;
    let platform = zone.client("platform");
    let refused = send(&platform, 81, &below.key, &below.chain).await;
    assert_eq!((refused.status, code(&refused).as_str()), (403, "cert-revoked"));
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    let receipt = zone.auditor().verify(&body["receipts"][0], None).unwrap();
    let reason = receipt.text("reason");
    assert!(reason.contains("CN=between") && reason.contains("list 02"), "{reason}");
    let turned = door.get("/v1/receipts").await.unwrap();
    assert_eq!((turned.status, code(&turned).as_str()), (403, "cert-revoked"));
    // A dry run names the same certificate.
    let signed = xmldsig::sign(&order(82), &below.key, &below.chain, &SignOptions::default());
    let signed = signed.unwrap().into_bytes();
    let report = platform.post("/v1/messages/check", "application/xml", signed).await.unwrap();
    let report: Value = serde_json::from_slice(&report.body).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["stage"] == "revocation").unwrap();
    assert_eq!((&found["ok"], &found["code"]), (&false.into(), &"cert-revoked".into()));
    assert!(found["en"].as_str().unwrap().contains("CN=between"), "{found}");
    let other = send(&platform, 83, &beside.key, &beside.chain).await;
    assert_eq!(self::said(&other)["status"], "good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_in_any_way_stops_nothing_and_revokes_nobody() {
    let lists = Lists::serve(Mood::Down);
    let (mut zone, ca, next) = zone(&lists.address, "");
    let other = TestCa::new("other CA", KeyKind::P256, validity()).unwrap();
    let twin = TestCa::new("OnePoint test CA", KeyKind::P256, validity()).unwrap();
    zone.start_gateway(&[]);
    let (platform, operator) = (zone.client("platform"), zone.client("operator"));
    let moods = [
        ("connection-lost", Mood::Down),
        ("fetch-status", Mood::Status("404 Not Found")),
        ("fetch-status", Mood::Status("302 Found")),
        ("timeout", Mood::Slow),
        ("body-too-large", Mood::Says(vec![b'x'; 4097])),
        ("crl-malformed", Mood::Says(b"<html>out of order</html>".to_vec())),
        ("crl-other-issuer", Mood::Says(list(&other, &[&next.certificate], 1, 60))),
        ("crl-bad-signature", Mood::Says(list(&twin, &[&next.certificate], 1, 60))),
    ];
    for (n, (outcome, mood)) in (1..).zip(moods) {
        lists.set(mood);
        fetched(&operator, outcome, 1).await;
        let said = said(&send(&platform, 20 + n, &next.key, &next.chain).await);
        assert_eq!((&said["status"], &said["why"]), (&"unknown".into(), &"no-list".into()));
        let grace = |key: &str| said[key].as_str().unwrap().parse::<Timestamp>().unwrap();
        let grace = grace("grace_ends").duration_since(grace("unknown_since"));
        assert_eq!(grace.as_hours(), 72, "{outcome}");
    }
    let grace = async || {
        value(&text(&operator).await, "revocation_grace_seconds_left", "policy=\"strict\"")
    };
    let first = grace().await;
    assert!((1..=72 * 3600).contains(&first), "{first}");
    let started = Instant::now();
    while grace().await >= first {
        assert!(started.elapsed() < WAIT, "the grace is not counted down");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A good list ends the grace; its server may then fail as long as the list lasts.
    lists.set(Mood::Says(list(&ca, &[], 1, 3600)));
    fetched(&operator, "new", 1).await;
    assert_eq!(grace().await, 0);
    assert!(!text(&operator).await.contains("revocation_grace_seconds_left{"));
    lists.set(Mood::Down);
    fetched(&operator, "connection-lost", 1).await;
    let good = said(&send(&platform, 40, &next.key, &next.chain).await);
    assert_eq!(good["status"], "good");
}

/// A list that ends is stale, not good and not revoked: the grace begins with its end, and
/// when it is over the refusal has a code of its own. A policy may have another grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_list_is_taken_for_the_grace_of_the_policy_and_then_no_more() {
    let lists = Lists::serve(Mood::Down);
    let (mut zone, ca, next) = zone(&lists.address, "");
    lists.set(Mood::Says(list(&ca, &[], 9, 4)));
    zone.start_gateway(&[]);
    let (platform, operator) = (zone.client("platform"), zone.client("operator"));
    fetched(&operator, "same", 1).await;
    lists.set(Mood::Down);
    let started = Instant::now();
    let mut n = 50;
    let stale = loop {
        let said = said(&send(&platform, n, &next.key, &next.chain).await);
        n += 1;
        if said["status"] == "unknown" {
            break said;
        }
        assert_eq!(said["status"], "good");
        assert!(started.elapsed() < WAIT, "the list does not end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((&stale["why"], &stale["list"]["number"]), (&"stale".into(), &"09".into()));
    assert_eq!(stale["unknown_since"], stale["list"]["next_update"]);

    // The operator's own certificate is of the same CA: with no grace for anybody its door
    // would be closed too. So only the platform's policy has none.
    let policy =
        "\n[[policy]]\nname = \"no-grace\"\nuntil = \"2099-12-31\"\nrevocation_grace_h = 0\n";
    edit(
        &zone,
        "\n[[participant]]\nid = \"platform\"",
        &format!("{policy}\n[[participant]]\nid = \"platform\"\npolicy = \"no-grace\""),
    );
    reload(&zone, &operator, "accepted").await;
    let refused = platform.post("/v1/messages", "application/xml", Vec::new()).await.unwrap();
    assert_eq!((refused.status, code(&refused).as_str()), (403, "cert-revocation-unknown"));
    let open = platform.get("/log/checkpoint").await.unwrap();
    assert_eq!(open.status, 200);
}

/// A firm in a group of its own: what leads to the usual anchors is not taken from it, and
/// what leads to its group's is not taken from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_group_of_participants_has_its_own_anchors() {
    let mut zone = Zone::make(&Setup::default());
    let own = TestCa::new("the group's CA", KeyKind::P256, validity()).unwrap();
    fs::write(zone.folder().join("pki/group.pem"), own.certificate_pem()).unwrap();
    let usage = vec![Usage::DigitalSignature, Usage::NonRepudiation];
    let spec = |name: &str| LeafSpec {
        usage: usage.clone(),
        ..LeafSpec::tls_client(name, "测试公司", KeyKind::P256, validity())
    };
    let firm = own.issue(&spec("platform")).unwrap();
    keep(&zone, "platform-group", &firm);
    edit(
        &zone,
        "certificates = [\"pki/platform.pem\"]",
        "certificates = [\"pki/platform.pem\", \"pki/platform-group.pem\"]",
    );
    let group = "[[trust.group]]\nname = \"g\"\nanchors = [\"pki/group.pem\"]\n";
    edit(&zone, "[[revocation]]", &format!("{group}\n[[revocation]]"));
    zone.start_gateway(&[]);
    let operator = zone.client("operator");
    let both = |n| {
        let (firm, zone) = (&firm, &zone);
        async move {
            // The group's CA vouches at the door for whoever is in the group only.
            let group = send(&zone.client("platform-group"), n, &firm.key, &firm.chain).await;
            let signed = zone.signer("platform").sign(&order(n + 1));
            let usual = zone.client("platform");
            let usual = usual.post("/v1/messages", "application/xml", signed).await.unwrap();
            [group, usual].map(|response| match response.status {
                200 => "taken".to_owned(),
                _ => code(&response),
            })
        }
    };
    assert_eq!(both(70).await, ["cert-unknown-issuer", "taken"]);
    edit(&zone, "id = \"platform\"\n", "id = \"platform\"\ntrust = \"g\"\n");
    reload(&zone, &operator, "accepted").await;
    assert_eq!(both(72).await, ["taken", "cert-unknown-issuer"]);
}
