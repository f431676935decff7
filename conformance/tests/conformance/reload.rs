//! Rotation without a pause, from outside: certificates, the door's certificate and the
//! seal change while the gateway runs, at SIGHUP, as a whole or not at all; each change is
//! a fact, a new seal is in the log before it signs, and messages go on all the time.

use std::fs;
use std::time::{Duration, Instant};

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Usage, Validity};
use onepoint_certs::{Certificate, SigningKey};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use onepoint_schemas::example_with;
use serde_json::Value;

pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// The CA of a pilot, from its files.
pub(crate) fn ca(zone: &Zone) -> TestCa {
    let pki = |name: &str| fs::read_to_string(zone.folder().join("pki").join(name)).unwrap();
    TestCa::from_pem(&pki("ca.pem"), &pki("ca.key")).unwrap()
}

pub(crate) fn validity() -> Validity {
    let from = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    Validity { from, until: from + jiff::SignedDuration::from_hours(48) }
}

pub(crate) fn keep(zone: &Zone, name: &str, issued: &Issued) {
    let file = |end: &str| zone.folder().join(format!("pki/{name}.{end}"));
    fs::write(file("pem"), issued.chain_pem()).unwrap();
    fs::write(file("key"), issued.key_pem().as_bytes()).unwrap();
}

pub(crate) fn edit(zone: &Zone, from: &str, to: &str) {
    let path = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

/// Lets the gateway read its configuration again and waits for the `code` that comes of it.
pub(crate) async fn reload(zone: &Zone, operator: &HttpClient, code: &str) {
    let name = format!("onepoint_config_reloads_total{{code=\"{code}\"}}");
    let count = async || {
        let text = operator.get("/metrics").await.unwrap().text();
        onepoint_conformance::zone::Metrics::read(&text).get(&name)
    };
    let before = count().await;
    zone.hang_up();
    let started = Instant::now();
    while count().await == before {
        assert!(started.elapsed() < WAIT, "no reload was {code}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn order(n: u32) -> String {
    let guid = format!("00000000-0000-4000-9000-{n:012}");
    let number = format!("RELOAD{n:04}");
    example_with("CEB311Message", &[("@guid", &guid), ("guid", &guid), ("orderNo", &number)])
        .unwrap()
}

pub(crate) async fn send(
    client: &HttpClient,
    n: u32,
    key: &SigningKey,
    chain: &[Certificate],
) -> Response {
    let signed = xmldsig::sign(&order(n), key, chain, &SignOptions::default()).unwrap();
    client.post("/v1/messages", "application/xml", signed.into_bytes()).await.unwrap()
}

pub(crate) fn code(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// Another certificate of the platform: unknown at first, taken after the reload, and unknown
/// again when it is taken out, also to a connection that is still open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_a_participant_come_and_go_without_a_pause() {
    let mut zone = Zone::make(&Setup::default());
    let spec = LeafSpec {
        usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
        ..LeafSpec::tls_client("platform", "测试电商平台甲公司", KeyKind::P256, validity())
    };
    let next = ca(&zone).issue(&spec).unwrap();
    keep(&zone, "platform-next", &next);
    zone.start_gateway(&[]);
    let (old, operator) = (zone.client("platform"), zone.client("operator"));
    let registry = |body: &Response| {
        let body: Value = serde_json::from_slice(&body.body).unwrap();
        body["receipts"][0]["fact"]["registry"].as_str().unwrap().to_owned()
    };
    let first =
        old.post("/v1/messages", "application/xml", zone.signer("platform").sign(&order(1)));
    let first = first.await.unwrap();
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(code(&send(&old, 2, &next.key, &next.chain).await), "sender-unknown");

    let both = "certificates = [\"pki/platform.pem\", \"pki/platform-next.pem\"]";
    edit(&zone, "certificates = [\"pki/platform.pem\"]", both);
    reload(&zone, &operator, "accepted").await;
    let taken = send(&old, 3, &next.key, &next.chain).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_ne!(registry(&first), registry(&taken), "facts name the register they were judged by");
    // The new certificate opens the door, too.
    let new = HttpClient::new(
        ClientOptions::new(zone.url(), fs::read(zone.folder().join("pki/ca.pem")).unwrap())
            .identity(next.chain_pem().into_bytes(), next.key_pem().as_bytes().to_vec()),
    );
    let new = new.unwrap();
    assert_eq!(send(&new, 4, &next.key, &next.chain).await.status, 200);

    edit(&zone, both, "certificates = [\"pki/platform-next.pem\"]");
    reload(&zone, &operator, "accepted").await;
    // The connection is the one of before, its certificate has no rights any more.
    assert_eq!(code(&send(&old, 5, &next.key, &next.chain).await), "certificate-required");
    let signed = zone.signer("platform").sign(&order(6));
    let refused = new.post("/v1/messages", "application/xml", signed).await.unwrap();
    assert_eq!(code(&refused), "sender-unknown");
}

/// One fault is enough: nothing of the new configuration comes into force, and the old one
/// goes on. What only a restart changes is such a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_configuration_changes_nothing() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let (platform, operator) = (zone.client("platform"), zone.client("operator"));
    let size = zone.metrics().await.unwrap().journal("facts");
    let good = fs::read_to_string(zone.folder().join("onepoint.toml")).unwrap();
    let rights = "may_send = [\"CEB311Message\", \"CEB303Message\", \"PaymentDataMessage\"]";
    let faults = [
        ("role = \"auditor\"", "role = \"king\"", "participant"),
        ("anchors = [\"pki/ca.pem\", ", "anchors = [\"pki/none.pem\", ", "trust.anchors"),
        ("key = \"pki/gateway.key\"", "key = \"pki/seal.key\"", "listen"),
        ("zone = \"pilot\"", "zone = \"other\"", "zone"),
        ("path = \"journal\"", "path = \"elsewhere\"", "store.path"),
        ("[trust]", "[trust", "not valid TOML"),
    ];
    for (n, (from, to, named)) in (1..).zip(faults) {
        // With each fault comes a change that would be good: less rights for the platform.
        edit(&zone, rights, "may_send = [\"CEB303Message\"]");
        edit(&zone, from, to);
        reload(&zone, &operator, "refused").await;
        // An operator who asks is told the same, with the file and line.
        let asked = operator.post("/v1/reload", "application/json", Vec::new()).await.unwrap();
        assert_eq!(asked.status, 422, "{}", asked.text());
        assert!(asked.text().contains(named) && code(&asked) == "config-invalid", "{named}");
        let sent = zone.signer("platform").sign(&order(100 + n));
        let sent = platform.post("/v1/messages", "application/xml", sent).await.unwrap();
        assert_eq!(sent.status, 200, "{named}: {}", sent.text());
        let log = fs::read_to_string(zone.folder().join("gateway.log")).unwrap();
        assert!(log.contains(named) && log.contains("config-invalid"), "{named} not in the log");
        fs::write(zone.folder().join("onepoint.toml"), &good).unwrap();
    }
    reload(&zone, &operator, "accepted").await;
    let asked = operator.post("/v1/reload", "application/json", Vec::new()).await.unwrap();
    assert_eq!(asked.status, 200, "{}", asked.text());
    assert!(asked.text().contains("\"in_force\":true"), "{}", asked.text());
    let facts = zone.metrics().await.unwrap().journal("facts");
    assert_eq!(facts, size + 6, "six messages, and no word about configurations");
}

/// The seal and the door get other certificates. The log says so under the old seal, and
/// what the new one signs leads to the same anchor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_own_keys_are_in_the_log_before_they_are_used() {
    let mut zone = Zone::make(&Setup::default());
    let ca = ca(&zone);
    let usage = vec![Usage::DigitalSignature, Usage::NonRepudiation];
    let seal = LeafSpec {
        usage,
        ..LeafSpec::signer("seal", "OnePoint pilot, next", KeyKind::P256, validity())
    };
    let seal = ca.issue(&seal).unwrap();
    let ip = std::net::IpAddr::from([127, 0, 0, 1]);
    let door = LeafSpec::tls_server("gateway", &["localhost"], &[ip], KeyKind::P256, validity());
    let door = ca.issue(&door).unwrap();
    let old = fs::read_to_string(zone.folder().join("pki/seal.pem")).unwrap();
    let old = Certificate::from_pem(&old).unwrap().remove(0);
    zone.start_gateway(&[]);
    let (platform, operator) = (zone.client("platform"), zone.client("operator"));
    let size = zone.metrics().await.unwrap().journal("facts");
    keep(&zone, "seal", &seal);
    keep(&zone, "gateway", &door);
    reload(&zone, &operator, "accepted").await;

    let auditor = zone.client("auditor");
    let mut said = Vec::new();
    for index in size..zone.metrics().await.unwrap().journal("facts") {
        let receipt = auditor.get(&format!("/v1/facts/{index}")).await.unwrap().text();
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        let verified = zone.auditor().verify(&receipt, None).unwrap();
        assert_eq!(receipt["fact"]["kind"], "key");
        assert_eq!(verified.text("change"), "changed");
        let prints = receipt["fact"]["says"]["fingerprint"].as_str().unwrap().to_owned();
        said.push((verified.text("name").to_owned(), prints, chain(&receipt)));
    }
    said.sort();
    let print = |certificate: &Certificate| certificate.fingerprint().to_string();
    // Nothing was sealed since: the checkpoint over these facts is still the old seal's.
    assert_eq!(
        said,
        [
            ("seal".to_owned(), print(&seal.certificate), print(&old)),
            ("tls".to_owned(), print(&door.certificate), print(&old)),
        ]
    );
    let sent = zone.signer("platform").sign(&order(200));
    let sent = platform.post("/v1/messages", "application/xml", sent).await.unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    let receipt = &body["receipts"][0];
    zone.auditor().verify(receipt, None).unwrap();
    assert_eq!(chain(receipt), print(&seal.certificate), "the next checkpoint is the new seal's");
    zone.stop_gateway();
    zone.start_gateway(&[]);
    assert_eq!(zone.metrics().await.unwrap().journal("facts"), size + 3, "all was said");
}

/// The door's certificate comes from another CA: whoever trusts only that one gets in after
/// the reload and not before, without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_are_shown_the_new_certificate_of_the_door() {
    let mut zone = Zone::make(&Setup::default());
    let other = TestCa::new("another CA", KeyKind::P256, validity()).unwrap();
    let ip = std::net::IpAddr::from([127, 0, 0, 1]);
    let door = LeafSpec::tls_server("gateway", &["localhost"], &[ip], KeyKind::P256, validity());
    let door = other.issue(&door).unwrap();
    zone.start_gateway(&[]);
    let trusting = other.certificate_pem().into_bytes();
    let client = HttpClient::new(ClientOptions::new(zone.url(), trusting)).unwrap();
    assert_eq!(client.get("/healthz").await.unwrap_err().code(), "certificate-not-trusted");
    keep(&zone, "gateway", &door);
    zone.hang_up();
    let started = Instant::now();
    while !client.get("/healthz").await.is_ok_and(|response| response.status == 200) {
        assert!(started.elapsed() < WAIT, "the new certificate is not shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Fingerprint of the certificate that countersigned a receipt's checkpoint.
fn chain(receipt: &Value) -> String {
    use base64::Engine as _;
    let der = receipt["chain"][0].as_str().unwrap();
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    Certificate::from_der(der).unwrap().fingerprint().to_string()
}
