//! Bad envelopes over the public port; bad JSON Web Signatures are in `jose`. In: what an attacker
//! can make of a signed message without the key, what only the holder of a key can, and what a careless
//! client sends. Out: HTTP status, code and place of each; nothing of it is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onepoint_envelope::dxp::AddInfo;
use onepoint_schemas::example;

use super::*;
use crate::hostile::{between, edit};

/// What is sent, by whom, and what must come back.
pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) from: &'static str,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// Whether the refusal is a fact with a receipt.
    pub(super) journaled: bool,
}

pub(super) fn case(
    what: &'static str,
    kind: &str,
    body: String,
    status: u16,
    code: &'static str,
) -> Case {
    let labels = vec![("content-type", kind.to_owned())];
    Case { what, from: "platform", labels, body, status, code, journaled: true }
}

fn xml(what: &'static str, body: String, code: &'static str) -> Case {
    case(what, "application/xml", body, 422, code)
}

fn denied(case: Case) -> Case {
    Case { status: 403, ..case }
}

pub(super) fn by(from: &'static str, case: Case) -> Case {
    Case { from, ..case }
}

/// Refused before anything is parsed: no message, no fact.
pub(super) fn untaken(status: u16, case: Case) -> Case {
    Case { status, journaled: false, ..case }
}

pub(super) async fn check(zone: &Zone, case: &Case) {
    let labels: Vec<(&str, &str)> = case.labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let response = send(zone, case.from, &labels, &case.body).await;
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    let found = (response.status, problem["code"].as_str().unwrap());
    assert_eq!(found, (case.status, case.code), "{}: {problem}", case.what);
    for text in ["title", "title_zh"] {
        assert!(!problem[text].as_str().unwrap().is_empty(), "{}: {text}", case.what);
    }
    let receipts = problem["receipts"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(receipts.len(), usize::from(case.journaled), "{}: {problem}", case.what);
    for receipt in receipts {
        let verified = zone.auditor().verify(receipt, None).unwrap();
        assert_eq!(verified.text("code"), case.code, "{}", case.what);
    }
}

/// An envelope with one thing otherwise, signed by the platform.
fn changed(zone: &Zone, change: impl FnOnce(&mut DxpMsg)) -> String {
    let mut message = message(order(1).as_bytes());
    change(&mut message);
    sign(zone, "platform", &message.to_xml())
}

/// Data and its encoding.
fn data(zone: &Zone) -> Vec<Case> {
    let good = message(order(1).as_bytes()).to_xml();
    let data = between(&good, "<dxp:Data>", "</dxp:Data>").to_owned();
    let with = |value: &str| {
        sign(zone, "platform", &edit(&good, &data, &format!("<dxp:Data>{value}</dxp:Data>")))
    };
    let text = &data["<dxp:Data>".len()..data.len() - "</dxp:Data>".len()];
    let mut gbk = b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>".to_vec();
    gbk.extend([0xB2, 0xE2, 0xCA, 0xD4]);
    gbk.extend(b"</a>");
    let encoding = |name: &str| {
        let info = AddInfo { text_encoding: Some(name.to_owned()), ..AddInfo::default() };
        changed(zone, |it| it.add_info = Some(info))
    };
    let not_base64 = "dxp-data-not-base64";
    let mut in_gbk = xml("GBK inside", changed(zone, |it| it.data = gbk), "xml-encoding-gbk");
    in_gbk.status = 400;
    let mut broken =
        xml("not XML inside", changed(zone, |it| it.data = b"x".to_vec()), "xml-not-xml");
    broken.status = 400;
    vec![
        xml("not base64", with("&lt;&gt;"), "dxp-data-not-base64"),
        xml("base64 cut short", with(&text[..text.len() - 1]), not_base64),
        xml("base64 for URLs", with(&STANDARD.encode([0xfb; 30]).replace('+', "-")), not_base64),
        xml("Data in two parts", with(&format!("{text}<x/>")), "dxp-unexpected"),
        xml("a comment in Data", with(&format!("{text}<!-- -->")), "dxp-unexpected"),
        xml("declared as GBK", encoding("GBK"), "dxp-encoding"),
        in_gbk,
        broken,
        xml(
            "an unknown root inside",
            changed(zone, |it| it.data = b"<a/>".to_vec()),
            "type-unknown",
        ),
        xml(
            "an envelope inside",
            changed(zone, |it| it.data = good.clone().into_bytes()),
            "envelope-nested",
        ),
    ]
}

/// Addresses and types that are not what the register says.
fn addresses(zone: &Zone) -> Vec<Case> {
    let order_of_platform = sign(zone, "platform", &order(1));
    let mut of_payment = message(order_of_platform.as_bytes());
    of_payment.sender_id = "DXPENT0000000002".to_owned();
    let around = sign(zone, "payment", &of_payment.to_xml());
    let mut bare = message(order(1).as_bytes());
    bare.sender_id = "DXPENT0000000002".to_owned();
    let bare = sign(zone, "payment", &bare.to_xml());
    let named = |id: &str| changed(zone, |it| it.sender_id = id.to_owned());
    let to = |id: &str| changed(zone, |it| it.receiver_ids.push(id.to_owned()));
    let of = |what, body, code| denied(xml(what, body, code));
    let unsigned = |inside: &str| {
        let mut message = message(inside.as_bytes());
        message.sender_id = "DXPENT0000000003".to_owned();
        message.to_xml()
    };
    vec![
        of("SenderId of another", named("DXPENT0000000002"), "dxp-sender-mismatch"),
        of("SenderId of nobody", named("DXPENT9999999999"), "dxp-sender-unknown"),
        of(
            "signed by another",
            sign(zone, "payment", &message(b"<a/>").to_xml()),
            "dxp-sender-mismatch",
        ),
        of("an unsigned envelope of another", unsigned(&order_of_platform), "dxp-sender-mismatch"),
        xml("a receiver of nobody", to("DXPEDCCEB0000009"), "dxp-receiver-unknown"),
        xml("a firm as receiver", to(PLATFORM), "dxp-receiver-unknown"),
        xml(
            "MsgType of another",
            changed(zone, |it| it.msg_type = "CEB411Message".into()),
            "dxp-type-mismatch",
        ),
        by("payment", of("another's order around", around, "sender-not-submitter")),
        by("payment", of("another's order, unsigned", bare, "sender-may-not-send")),
        by(
            "payment",
            of("handed in by another", signed_envelope(zone, &order(1)), "sender-not-submitter"),
        ),
    ]
}

/// The Signature of an envelope, moved, doubled, missing, or over something else.
fn wrapped(zone: &Zone) -> Vec<Case> {
    let signed = signed_envelope(zone, &order(1));
    let whole = signed.split_once("?>").unwrap().1.trim().to_owned();
    let signature = between(&whole, "<ds:Signature ", "</ds:Signature>").to_owned();
    let unsigned = edit(&whole, &signature, "");
    let other = STANDARD.encode(order(2));
    let data = between(&whole, "<dxp:Data>", "</dxp:Data>").to_owned();
    let forged = edit(&whole, &data, &format!("<dxp:Data>{other}</dxp:Data>"));
    let end = "</dxp:DxpMsg>";
    let list = |xml: &str| {
        let mut message = message(xml.as_bytes());
        message.msg_type = String::new();
        message.sender_id = "DXPENT0000000004".to_owned();
        sign(zone, "declarant", &message.to_xml())
    };
    let list = list(example("CEB621Message").unwrap());
    vec![
        xml("changed after signing", edit(&whole, "TEST-1", "TEST-2"), "signature-digest-mismatch"),
        xml("other Data", forged.clone(), "signature-digest-mismatch"),
        xml("the original as a sibling", format!("<x>{forged}{unsigned}</x>"), "type-unknown"),
        xml(
            "the original in it",
            edit(&forged, end, &format!("{unsigned}{end}")),
            "dxp-unexpected",
        ),
        xml("two signatures", edit(&whole, end, &format!("{signature}{end}")), "dxp-unexpected"),
        xml(
            "the original in an Object",
            edit(
                &forged,
                "</ds:Signature>",
                &format!("<ds:Object>{unsigned}</ds:Object></ds:Signature>"),
            ),
            "signature-object",
        ),
        xml(
            "the Signature in Data",
            edit(&unsigned, "</dxp:Data>", &format!("{signature}</dxp:Data>")),
            "dxp-unexpected",
        ),
        xml("unsigned inside unsigned", unsigned, "envelope-unsigned"),
        by("declarant", xml("a list without a Signature", list, "signature-required")),
        xml(
            "CopMsgId of 10 MB",
            changed(zone, |it| it.cop_msg_id = "x".repeat(10 << 20)),
            "dxp-length",
        ),
    ]
}

/// Envelopes between nodes.
fn nodes(zone: &Zone) -> Vec<Case> {
    let inside = signed_envelope(zone, &order(1));
    let good = between_nodes(zone, &inside);
    let unsigned = |sta: &str, msg_id: &str, end: &str, inside: &str| {
        let number = SvNo {
            msg_id: format!("{msg_id}202611230800000000000001"),
            sub_msg_id: None,
            send_time: "2026-11-23T08:00:01+08:00".to_owned(),
            end_node: end.to_owned(),
            sta_node: sta.to_owned(),
        };
        DxpMsgSv::wrap(number, inside).unwrap().to_xml()
    };
    let options = SignOptions { place: AROUND_MESSAGE, ..SignOptions::default() };
    let sealed = |by: &str, xml: &str| sign_with(zone, by, xml, &options);
    let [node, gateway] = NODES;
    let of_node = |what, body, code| by("logistics", xml(what, body, code));
    let bare = message(order(1).as_bytes()).to_xml();
    vec![
        denied(of_node(
            "no such node",
            sealed("logistics", &unsigned("00000009", "00000009", gateway, &inside)),
            "dxp-node-unknown",
        )),
        of_node(
            "the number of another",
            sealed("logistics", &unsigned(node, "00000009", gateway, &inside)),
            "dxp-node-number",
        ),
        of_node(
            "to another node",
            sealed("logistics", &unsigned(node, node, "00000009", &inside)),
            "dxp-end-node",
        ),
        of_node("unsigned", unsigned(node, node, gateway, &inside), "dxp-node-unsigned"),
        denied(of_node(
            "signed by no node",
            sealed("platform", &unsigned(node, node, gateway, &inside)),
            "dxp-node-mismatch",
        )),
        of_node(
            "nothing signed but by the node",
            sealed("logistics", &unsigned(node, node, gateway, &bare)),
            "envelope-unsigned",
        ),
        of_node("changed on the way", edit(&good, "TEST-1", "TEST-2"), "signature-digest-mismatch"),
        denied(by("platform", xml("a node's, by another", good, "sender-not-submitter"))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bad_envelope_is_accepted() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let cases = [data(&zone), addresses(&zone), wrapped(&zone), nodes(&zone)];
    for case in cases.iter().flatten() {
        check(&zone, case).await;
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
    // A place counts in the text that is at fault.
    let body = changed(&zone, |it| it.data = b"<a>\n<b></a>".to_vec());
    let response = send(&zone, "platform", &XML, &body).await;
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["place"]["within"], "DxpMsg/Data", "{problem}");
    assert_eq!(problem["place"]["line"], 2, "{problem}");
}
