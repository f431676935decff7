//! Every form of signature through the front door: DXP envelopes, envelopes between nodes, JSON
//! Web Signatures in all their forms. In: the same order, carried in each of them. Out: what the
//! receipts say of who signed what, the same receipts for the same content whatever carries it,
//! and what the departments are given. Bad ones are in `hostile`.

use onepoint_certs::SignaturePolicy;
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::dxp::{AROUND_MESSAGE, DxpMsg, DxpMsgSv, SvNo};
use onepoint_envelope::jws::{self, JwsOptions, KeyMember};
use onepoint_envelope::xmldsig::{self, SignOptions, SignaturePlace};
use onepoint_relay::client::{Request, Response};
use onepoint_xml::{Document, Limits};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::hostile::{identity, sign, sign_with};
use crate::intake::order;

mod hostile;
mod jose;
mod json;
mod payment_data;
mod tools;

/// The gateway's addresses and those of the parties, as `init` writes them.
const GATEWAY: &str = "DXPONEPOINT00001";
const PLATFORM: &str = "DXPENT0000000001";
const NODES: [&str; 2] = ["00000003", "00000001"];

/// An envelope of the platform around `data`, unsigned.
fn message(data: &[u8]) -> DxpMsg {
    DxpMsg {
        cop_msg_id: "TEST-1".to_owned(),
        sender_id: PLATFORM.to_owned(),
        receiver_ids: vec![GATEWAY.to_owned()],
        creat_time: "2026-11-23T08:00:00+08:00".to_owned(),
        msg_type: "CEB311Message".to_owned(),
        data: data.to_vec(),
        add_info: None,
    }
}

fn signed_envelope(zone: &Zone, xml: &str) -> String {
    sign(zone, "platform", &message(xml.as_bytes()).to_xml())
}

/// The envelope between nodes, signed by the logistics firm, which is one.
fn between_nodes(zone: &Zone, inside: &str) -> String {
    let number = SvNo {
        msg_id: format!("{}202611230800000000000001", NODES[0]),
        sub_msg_id: None,
        send_time: "2026-11-23T08:00:01+08:00".to_owned(),
        end_node: NODES[1].to_owned(),
        sta_node: NODES[0].to_owned(),
    };
    let whole = DxpMsgSv::wrap(number, inside).unwrap().to_xml();
    let options = SignOptions { place: AROUND_MESSAGE, ..SignOptions::default() };
    sign_with(zone, "logistics", &whole, &options)
}

fn compact(zone: &Zone, by: &str, payload: &str, options: &JwsOptions) -> String {
    let (key, chain) = identity(zone, by);
    jws::sign_compact(payload.as_bytes(), &key, &chain, options).unwrap()
}

fn flattened(zone: &Zone, by: &str, payload: &str, options: &JwsOptions) -> String {
    let (key, chain) = identity(zone, by);
    jws::sign_flattened(payload.as_bytes(), &key, &chain, options).unwrap()
}

/// Hands `body` in, with the labels it needs.
async fn send(zone: &Zone, by: &str, labels: &[(&str, &str)], body: &str) -> Response {
    let headers = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/messages".to_owned(),
        headers: headers.collect(),
        body: body.as_bytes().to_vec(),
        timeout: None,
    };
    zone.client(by).send(request).await.unwrap()
}

const XML: [(&str, &str); 1] = [("content-type", "application/xml")];
const JOSE: [(&str, &str); 1] = [("content-type", "application/jose")];

/// The one receipt of an answer, verified: index and fact.
fn receipt(zone: &Zone, response: &Response, verdict: &str) -> (u64, Value) {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, body["verdict"].as_str()), (200, Some(verdict)), "{body}");
    let receipts = body["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 1, "{body}");
    let verified = zone.auditor().verify(&receipts[0], None).unwrap();
    (verified.index, receipts[0]["fact"].clone())
}

/// Form and signer of each signature of a fact.
fn signatures(fact: &Value) -> Vec<(String, String)> {
    let one = |it: &Value| {
        assert_eq!(it["certificate"].as_str().unwrap().len(), 64, "{fact}");
        assert!(!it["algorithm"].as_str().unwrap().is_empty(), "{fact}");
        (it["form"].as_str().unwrap().to_owned(), it["signer"].as_str().unwrap().to_owned())
    };
    fact["signatures"].as_array().unwrap().iter().map(one).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// One way in for an order: who hands it in, as what, and the signatures that its receipt lists.
struct Way {
    by: &'static str,
    labels: Vec<(&'static str, String)>,
    body: String,
    proofs: Vec<(&'static str, &'static str)>,
}

impl Way {
    fn new(
        by: &'static str,
        kind: &str,
        body: String,
        proofs: &[(&'static str, &'static str)],
    ) -> Way {
        let labels = vec![("content-type", kind.to_owned())];
        Way { by, labels, body, proofs: proofs.to_vec() }
    }

    fn detached(header: String, body: &str) -> Way {
        let mut way = Way::new("platform", "application/xml", body.to_owned(), &[JWS]);
        way.labels.push(("jws-signature", header));
        way
    }

    async fn send(&self, zone: &Zone) -> Response {
        let labels: Vec<(&str, &str)> = self.labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        send(zone, self.by, &labels, &self.body).await
    }
}

const DXP: (&str, &str) = ("dxp", "platform");
const OWN: (&str, &str) = ("xml", "platform");
const NODE: (&str, &str) = ("dxp-sv", "logistics");
const JWS: (&str, &str) = ("jws", "platform");

/// Every way in for the order `n`; the first one is an envelope.
fn ways(zone: &Zone, n: u32) -> Vec<Way> {
    let plain = order(n);
    let inner = sign(zone, "platform", &plain);
    let envelope = signed_envelope(zone, &plain);
    let unsigned = message(inner.as_bytes()).to_xml();
    let usual = JwsOptions::default();
    let by = |key| JwsOptions { key, ..JwsOptions::default() };
    let detached = JwsOptions { detached: true, ..JwsOptions::default() };
    let raw = JwsOptions { unencoded: true, ..detached.clone() };
    let token = |payload: &str, options: &JwsOptions| compact(zone, "platform", payload, options);
    // Base64 in lines is what XML allows.
    let data = octets(plain.as_bytes());
    let lines =
        message(plain.as_bytes()).to_xml().replace(&data, &format!("\n{}\n", in_lines(&data)));
    let (xml, jose) = ("application/xml", "application/jose");
    vec![
        Way::new("platform", xml, envelope.clone(), &[DXP]),
        Way::new("platform", xml, sign(zone, "platform", &lines), &[DXP]),
        Way::new("platform", xml, inner.clone(), &[OWN]),
        Way::new("platform", xml, signed_envelope(zone, &inner), &[DXP, OWN]),
        Way::new("platform", xml, unsigned.clone(), &[OWN]),
        Way::new("logistics", xml, between_nodes(zone, &envelope), &[NODE, DXP]),
        Way::new("logistics", xml, between_nodes(zone, &unsigned), &[NODE, OWN]),
        Way::new("platform", jose, token(&plain, &usual), &[JWS]),
        Way::new("platform", jose, token(&plain, &by(KeyMember::Number)), &[JWS]),
        Way::new("platform", jose, token(&plain, &by(KeyMember::Thumbprint)), &[JWS]),
        Way::new("platform", jose, token(&inner, &usual), &[JWS, OWN]),
        Way::new(
            "platform",
            "application/jose+json",
            flattened(zone, "platform", &plain, &usual),
            &[JWS],
        ),
        Way::detached(token(&plain, &detached), &plain),
        Way::detached(token(&plain, &raw), &plain),
    ]
}

fn octets(bytes: &[u8]) -> String {
    onepoint_envelope::octets::encode(bytes)
}

fn in_lines(text: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|it| std::str::from_utf8(it).unwrap()).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_content_has_one_receipt_whatever_carries_it() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let all = ways(&zone, 1);
    let (index, fact) = receipt(&zone, &all[0].send(&zone).await, "accepted");
    assert_eq!(fact["envelope"]["cop_msg_id"], "TEST-1", "{fact}");
    assert_eq!(fact["sender"], "platform");
    for way in &all {
        let (again, same) = receipt(&zone, &way.send(&zone).await, "duplicate");
        assert_eq!((again, &same), (index, &fact));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_what_each_signature_proved() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    for n in 0..ways(&zone, 1).len() {
        let way = ways(&zone, 100 + u32::try_from(n).unwrap()).swap_remove(n);
        let (_, fact) = receipt(&zone, &way.send(&zone).await, "accepted");
        assert_eq!(signatures(&fact), pairs(&way.proofs), "{n}: {fact}");
        // The receipt is about the bytes that were sent; a detached signature is put to them.
        if way.labels.len() == 1 {
            let hash = digest(&SHA256, way.body.as_bytes());
            let hex: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(fact["digest"]["sha256"], hex.as_str(), "{n}");
        }
    }
}

/// What the customs department is given.
async fn delivered(zone: &Zone) -> String {
    use base64::Engine as _;
    let client = zone.client("customs");
    let pulled = client.get("/v1/queues/customs?wait_ms=2000&max=1").await.unwrap();
    let body: Value = serde_json::from_slice(&pulled.body).unwrap();
    let delivery = &body["deliveries"][0];
    let text = delivery["body"].as_str().unwrap_or_else(|| panic!("nothing was delivered: {body}"));
    let acks = serde_json::json!({
        "acks": [{ "delivery": delivery["delivery"], "lease": delivery["lease"] }],
    });
    let acks = acks.to_string().into_bytes();
    client.post("/v1/queues/customs/ack", "application/json", acks).await.unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_is_given_the_form_that_it_takes() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let envelope = signed_envelope(&zone, &order(1));
    receipt(&zone, &send(&zone, "platform", &XML, &envelope).await, "accepted");
    assert_eq!(delivered(&zone).await, envelope, "the envelope as it came");
    // A signed document comes out of the JSON Web Signature around it.
    let inner = sign(&zone, "platform", &order(2));
    let around = compact(&zone, "platform", &inner, &JwsOptions::default());
    receipt(&zone, &send(&zone, "platform", &JOSE, &around).await, "accepted");
    assert_eq!(delivered(&zone).await, inner);
    // Anything else is countersigned, with the signature as evidence.
    let token = compact(&zone, "platform", &order(3), &JwsOptions::default());
    let (_, fact) = receipt(&zone, &send(&zone, "platform", &JOSE, &token).await, "accepted");
    let made = delivered(&zone).await;
    let document = parse(&made);
    let (strict, place) = (SignaturePolicy::strict(), SignaturePlace::ChildOfRoot);
    let signed = xmldsig::verify(&document, &place, &strict).unwrap();
    let (_, seal) = identity(&zone, "seal");
    assert_eq!(signed.certificate(), &seal[0], "the gateway's own certificate");
    let message = DxpMsg::parse(&document).unwrap();
    assert_eq!((message.sender_id.as_str(), message.msg_type.as_str()), (GATEWAY, "CEB311Message"));
    assert_eq!(message.receiver_ids, ["DXPEDCCEB0000002"]);
    assert_eq!(message.biz_key("evidence-sha256"), fact["digest"]["sha256"].as_str());
    assert_eq!(message.biz_key("sender"), Some("platform"));
    let inside = parse(std::str::from_utf8(&message.data).unwrap());
    let ceb = "http://www.chinaport.gov.cn/ceb";
    let extension = inside.root().child(ceb, "ExtendMessage").unwrap();
    assert_eq!(extension.child(ceb, "Message").unwrap().text(), token, "the original");
    // And the adapters take all of them.
    zone.start_adapter("customs");
    let token = compact(&zone, "platform", &order(4), &JwsOptions::default());
    let response = send(&zone, "platform", &JOSE, &token).await;
    let id = serde_json::from_slice::<Value>(&response.body).unwrap()["id"].clone();
    let path = format!("/v1/messages/{}", id.as_str().unwrap());
    for _ in 0..200 {
        let state = zone.client("platform").get(&path).await.unwrap();
        let state: Value = serde_json::from_slice(&state.body).unwrap();
        if state["answers"].as_array().map_or(0, Vec::len) == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("customs did not answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_that_takes_none_of_them_refuses_the_form_by_name() {
    let mut zone = Zone::make(&Setup::default());
    let path = zone.folder().join("onepoint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let takes = "takes = [\"xml\", \"dxp\", \"countersigned\"]";
    assert!(text.contains(takes));
    std::fs::write(&path, text.replace(takes, "takes = [\"xml\"]")).unwrap();
    zone.start_gateway(&[]);
    let usual = JwsOptions::default();
    for (labels, body) in [
        (&XML, signed_envelope(&zone, &order(1))),
        (&JOSE, compact(&zone, "platform", &order(1), &usual)),
    ] {
        let response = send(&zone, "platform", labels, &body).await;
        let problem: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(problem["code"], "form-not-taken", "{problem}");
        assert_eq!(problem["expected"], "one of: xml", "{problem}");
    }
    // Signed in itself, it is taken out of whatever carries it.
    let inner = sign(&zone, "platform", &order(1));
    let carried = signed_envelope(&zone, &inner);
    receipt(&zone, &send(&zone, "platform", &XML, &carried).await, "accepted");
    assert_eq!(delivered(&zone).await, inner);
}
