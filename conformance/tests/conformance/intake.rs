//! Bad input over the public port: each gets a clear answer with a stable code and
//! is either journaled with a receipt or leaves no trace, and the gateway goes on.

use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use onepoint_schemas::{example, example_with};
use serde_json::Value;

/// What is sent, and what must come back.
struct Case {
    what: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    /// Whether the refusal is a fact with a receipt.
    journaled: bool,
}

fn case(what: &'static str, body: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Case {
    let content_type = "application/xml";
    Case { what, content_type, body: body.into(), status, code, journaled: true }
}

/// Refused before anything is parsed: no message, no fact.
fn untaken(mut case: Case) -> Case {
    case.journaled = false;
    case
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// An order with a guid of its own, so that no case meets another.
pub(crate) fn order(n: u32) -> String {
    let guid = format!("{n:036}");
    let number = format!("BAD{n}");
    example_with("CEB311Message", &[("@guid", &guid), ("guid", &guid), ("orderNo", &number)])
        .unwrap()
}

/// A certificate of `ca` for a name that nobody registered, used to sign.
fn sign_as_stranger(ca: &TestCa, xml: &str) -> Vec<u8> {
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let validity = Validity { from: now - hour, until: now + hour };
    let spec = LeafSpec::signer("stranger", "测试陌生公司", KeyKind::P256, validity);
    let issued = ca.issue(&spec).unwrap();
    xmldsig::sign(xml, &issued.key, &issued.chain, &SignOptions::default()).unwrap().into_bytes()
}

fn zone_ca(zone: &Zone) -> TestCa {
    let read = |name: &str| std::fs::read_to_string(zone.folder().join("pki").join(name)).unwrap();
    TestCa::from_pem(&read("ca.pem"), &read("ca.key")).unwrap()
}

fn bodies() -> Vec<Case> {
    let utf16: Vec<u8> = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut gbk = b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>".to_vec();
    gbk.extend([0xB2, 0xE2, 0xCA, 0xD4]);
    gbk.extend(b"</a>");
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let large = format!("<a>{}</a>", "x".repeat(50_000_000));
    let plain =
        Case { content_type: "text/plain", ..case("text", "x", 415, "content-type-unsupported") };
    vec![
        untaken(case("nothing", "", 400, "body-empty")),
        untaken(plain),
        untaken(case("50 MB", large, 413, "body-too-large")),
        case("JSON", "{\"a\": 1}", 400, "xml-not-xml"),
        case("not well-formed", "<a><b></a>", 400, "xml-end-tag-mismatch"),
        case("a DTD", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", 400, "xml-doctype-forbidden"),
        case("UTF-16", [&[0xFF, 0xFE], utf16.as_slice()].concat(), 400, "xml-encoding-utf16"),
        case("GBK", gbk, 400, "xml-encoding-gbk"),
        case("10,000 levels", deep, 400, "xml-too-deep"),
        case("an unknown root", "<a/>", 422, "type-unknown"),
        case(
            "an unknown type of the family",
            "<CEB999Message xmlns=\"http://www.chinaport.gov.cn/ceb\" guid=\"1\"/>",
            422,
            "type-unknown",
        ),
        case("no signature", order(1), 422, "signature-missing"),
    ]
}

fn signatures(zone: &Zone) -> Vec<Case> {
    let platform = zone.signer("platform");
    let signed = text(platform.sign(&order(2)));
    let at = signed.find("<ds:Signature").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let twice = format!("{}{}{}", &signed[..end], &signed[at..end], &signed[end..]);
    let foreign = TestCa::new("other CA", KeyKind::P256, {
        let now = jiff::Timestamp::now();
        Validity { from: now, until: now + jiff::SignedDuration::from_hours(1) }
    });
    vec![
        case("two signatures", twice, 422, "signature-repeated"),
        case(
            "an unknown sender",
            sign_as_stranger(&zone_ca(zone), &order(3)),
            403,
            "sender-unknown",
        ),
        case(
            "an unknown CA",
            sign_as_stranger(&foreign.unwrap(), &order(4)),
            403,
            "sender-unknown",
        ),
        case(
            "another's signature",
            zone.signer("payment").sign(example("CEB411Message").unwrap()),
            403,
            "sender-not-submitter",
        ),
        case(
            "a byte changed",
            signed.replacen("测试收货人", "测试收货者", 1),
            422,
            "signature-digest-mismatch",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_messages_are_refused_by_name_and_the_gateway_goes_on() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let client = zone.client("platform");
    let mut journaled = 0;
    for case in bodies().into_iter().chain(signatures(&zone)) {
        let response = client.post("/v1/messages", case.content_type, case.body).await;
        let response = response.unwrap_or_else(|error| panic!("{}: {error}", case.what));
        let problem = problem(&response, case.what);
        assert_eq!(response.status, case.status, "{}: {problem}", case.what);
        assert_eq!(problem["code"], case.code, "{}: {problem}", case.what);
        for text in ["title", "title_zh", "id"] {
            assert!(!problem[text].as_str().unwrap().is_empty(), "{}: {text}", case.what);
        }
        let receipts = problem["receipts"].as_array().map_or(0, Vec::len);
        assert_eq!(receipts, usize::from(case.journaled), "{}: {problem}", case.what);
        for receipt in problem["receipts"].as_array().into_iter().flatten() {
            let verified = zone.auditor().verify(receipt, None).unwrap();
            assert_eq!(verified.text("code"), case.code);
        }
        journaled += u64::from(case.journaled);
    }
    let metrics = zone.metrics().await.unwrap();
    assert_eq!(metrics.journal("refused"), journaled);
    let good = zone.signer("platform").sign(&order(99));
    let response = client.post("/v1/messages", "application/xml", good).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
}

fn problem(response: &Response, what: &str) -> Value {
    let kind = response.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{what}: {kind}");
    serde_json::from_slice(&response.body).unwrap()
}

/// Route and method, then who gets past the door: nobody in particular, enterprise,
/// department (customs), auditor, operator.
const ROUTES: [(&str, &str, [bool; 5]); 27] = [
    ("GET", "/healthz", [true; 5]),
    ("GET", "/readyz", [true; 5]),
    ("GET", "/log/checkpoint", [true; 5]),
    ("GET", "/log/certificates", [true; 5]),
    ("GET", "/log/tile/0/000.p/1", [true; 5]),
    ("GET", "/log/tile/entries/000.p/1", [true; 5]),
    ("GET", "/metrics", [false, false, false, true, true]),
    ("POST", "/v1/messages", [false, true, false, false, false]),
    ("POST", "/v1/messages/check", [false, true, false, false, false]),
    ("POST", "/ceb2grab/grab/realTimeDataUpload", [false, true, false, false, false]),
    ("POST", "/cebcmsg", [false, true, false, false, false]),
    ("GET", "/ceb312msg", [false, true, false, false, false]),
    ("POST", "/legacy/hangzhou", [false, true, false, false, false]),
    ("GET", "/v1/messages/x", [false, true, false, true, true]),
    ("GET", "/v1/messages/x/receipts", [false, true, false, true, true]),
    ("GET", "/v1/facts/0", [false, true, false, true, true]),
    ("GET", "/v1/queues/customs", [false, false, true, false, false]),
    ("GET", "/v1/queues/tax", [false; 5]),
    ("POST", "/v1/queues/customs/ack", [false, false, true, false, false]),
    ("POST", "/v1/queues/customs/nack", [false, false, true, false, false]),
    ("POST", "/v1/reload", [false, false, false, false, true]),
    ("POST", "/v1/answers", [false, false, true, false, false]),
    ("GET", "/v1/receipts", [false, true, false, false, false]),
    ("POST", "/v1/receipts/ack", [false, true, false, false, false]),
    ("POST", "/v1/receipts/nack", [false, true, false, false, false]),
    ("GET", "/v1/statements/2026-11-23", [false, true, false, true, true]),
    ("POST", "/v1/queues/tax/ack", [false; 5]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_open_to_its_roles_only() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let ca = std::fs::read(zone.folder().join("pki/ca.pem")).unwrap();
    let stranger = HttpClient::new(ClientOptions::new(zone.url(), ca)).unwrap();
    let parties = ["platform", "customs", "auditor", "operator"];
    let clients: Vec<HttpClient> =
        std::iter::once(stranger).chain(parties.iter().map(|party| zone.client(party))).collect();
    for (method, path, expected) in ROUTES {
        for (n, (client, open)) in clients.iter().zip(expected).enumerate() {
            let response = match method {
                "GET" => client.get(path).await,
                _ => client.post(path, "application/json", b"x".to_vec()).await,
            };
            let response = response.unwrap();
            // Fact 0 is the gateway's own, and obsolete forms are off: the route opens, and says so.
            let said = ["fact-not-entitled", "legacy-off"];
            let closed = matches!(response.status, 401 | 403)
                && !said.iter().any(|code| response.text().contains(code));
            assert_eq!(closed, !open, "{method} {path} by {n}: {}", response.text());
            if n == 0 && !open {
                assert_eq!(response.status, 401, "{method} {path}");
            }
        }
    }
    // A certificate that leads to another CA does not get through the handshake.
    let folder = tempfile::tempdir().unwrap();
    let other = foreign_identity(&zone, folder.path());
    assert!(other.get("/healthz").await.is_err());
}

fn foreign_identity(zone: &Zone, _folder: &std::path::Path) -> HttpClient {
    let now = jiff::Timestamp::now();
    let validity = Validity { from: now, until: now + jiff::SignedDuration::from_hours(1) };
    let ca = TestCa::new("other CA", KeyKind::P256, validity).unwrap();
    let issued = ca.issue(&LeafSpec::tls_client("x", "x", KeyKind::P256, validity)).unwrap();
    let trusted = std::fs::read(zone.folder().join("pki/ca.pem")).unwrap();
    let options = ClientOptions::new(zone.url(), trusted)
        .identity(issued.chain_pem().into_bytes(), issued.key_pem().as_bytes().to_vec());
    HttpClient::new(options).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_judged_per_document() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let plain = order(50);
    let from = plain.find("<ceb:Order>").unwrap();
    let to = plain.find("</ceb:Order>").unwrap() + "</ceb:Order>".len();
    let document = |n: u32, paid: &str| {
        let changed = plain[from..to].replace("BAD50", &format!("BATCH{n}"));
        changed.replace("<ceb:acturalPaid>327.3<", &format!("<ceb:acturalPaid>{paid}<"))
    };
    // Good, a wrong total, good, and the first one again.
    let batch =
        [document(1, "327.3"), document(2, "1"), document(3, "327.3"), document(1, "327.3")];
    let xml = format!("{}{}{}", &plain[..from], batch.concat(), &plain[to..]);
    let signed = zone.signer("platform").sign(&xml);
    let response = zone.client("platform").post("/v1/messages", "application/xml", signed).await;
    let body: Value = serde_json::from_slice(&response.unwrap().body).unwrap();
    assert_eq!(body["verdict"], "partly-accepted", "{body}");
    let verdicts: Vec<(bool, &str)> = body["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["accepted"].as_bool().unwrap(), d["refusal"]["code"].as_str().unwrap_or("")))
        .collect();
    let expected = [(true, ""), (false, "order-total"), (true, ""), (false, "already-declared")];
    assert_eq!(verdicts, expected);
    let auditor = zone.auditor();
    let kinds: Vec<String> = body["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|receipt| {
            auditor.verify(receipt, None).unwrap();
            receipt["fact"]["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds, ["accepted", "refused", "accepted", "refused"]);
    let pulled = zone.client("customs").get("/v1/queues/customs?wait_ms=1000").await.unwrap();
    let pulled: Value = serde_json::from_slice(&pulled.body).unwrap();
    assert_eq!(pulled["deliveries"][0]["documents"], serde_json::json!([0, 2]));
}
