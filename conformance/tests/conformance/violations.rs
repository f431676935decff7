//! What is wrong with a message is told the same everywhere: in the answer, by the dry run,
//! on the command line, in the log, and in the receipts of the norm.

use std::process::Command;

use onepoint_conformance::zone::{Setup, Zone, onepoint};
use onepoint_relay::client::{HttpClient, Request, Response};
use onepoint_xml::{Document, Limits};
use serde_json::Value;

use crate::intake::order;

/// Changes of an order, and the rules that they break, in the order of the document.
const FAULTS: [(&str, &str, &str); 5] = [
    ("<ceb:appType>1<", "<ceb:appType>7<", "app-type"),
    ("<ceb:acturalPaid>327.3<", "<ceb:acturalPaid>1<", "order-total"),
    (
        "<ceb:buyerIdNumber>999999199001010016<",
        "<ceb:buyerIdNumber>999999199001010017<",
        "buyer-id-number",
    ),
    ("<ceb:unit>122<", "<ceb:unit>999<", "unit"),
    ("<ceb:country>305<", "<ceb:country>000<", "line-country"),
];
const PERSONAL: &str = "999999199001010017";

async fn send(client: &HttpClient, path: &str, accept: &str, body: &str) -> Response {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: vec![header("content-type", "application/xml"), header("accept", accept)],
        body: body.as_bytes().to_vec(),
        timeout: None,
    };
    client.send(request).await.unwrap()
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn signed(zone: &Zone, xml: &str) -> String {
    String::from_utf8(zone.signer("platform").sign(xml)).unwrap()
}

fn faulty(n: u32) -> String {
    FAULTS.iter().fold(order(n), |xml, (good, bad, _)| {
        assert!(xml.contains(good), "{good}");
        xml.replacen(good, bad, 1)
    })
}

/// The first document's text of an element of a receipt.
fn said(receipt: &str, name: &str) -> String {
    let document = Document::parse(receipt.as_bytes().to_vec(), &Limits::default()).unwrap();
    let returned = document.root().children().next().unwrap();
    let field = returned.children().find(|child| child.name().local == name);
    field.map(|field| field.text().into_owned()).unwrap_or_default()
}

/// What a dry run found by the rules.
fn by_the_rules(report: &Value) -> Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["stage"] == "rules").unwrap()["violations"].clone()
}

/// What `schemas check` says of the file, without the document's number.
fn checked(folder: &std::path::Path) -> Vec<Value> {
    let mut command = Command::new(onepoint());
    command.current_dir(folder).args(["schemas", "check", "faulty.xml", "--json"]);
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        assert_eq!(line.as_object_mut().unwrap().remove("document"), Some(0.into()));
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn violations_are_the_same_in_every_output() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let platform = zone.client("platform");
    let message = signed(&zone, &faulty(700));
    let answer = send(&platform, "/v1/messages", "application/json", &message).await;
    assert_eq!(answer.status, 422);
    let answer = json(&answer);
    let violations = answer["violations"].as_array().unwrap();
    let codes: Vec<&str> = violations.iter().map(|v| v["code"].as_str().unwrap()).collect();
    assert_eq!(codes, FAULTS.map(|(_, _, code)| code));
    assert!(!answer.to_string().contains(PERSONAL));
    for violation in violations {
        for text in ["path", "expected", "found", "en", "zh", "norm_code"] {
            assert!(!violation[text].as_str().unwrap().is_empty(), "{text}: {violation}");
        }
        assert!(violation["line"].as_u64() > Some(1) && violation["column"].as_u64() > Some(0));
    }
    assert_eq!(answer["documents"][0]["refusal"]["violations"], answer["violations"]);

    // The dry run says the same, over HTTPS and on the command line.
    let report = json(&send(&platform, "/v1/messages/check", "application/json", &message).await);
    assert_eq!(by_the_rules(&report), answer["violations"]);
    std::fs::write(zone.folder().join("faulty.xml"), &message).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(onepoint());
        command.current_dir(zone.folder()).arg("check").args(arguments);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let offline: Value = serde_json::from_str(&command(&["faulty.xml", "--json"])).unwrap();
    assert_eq!(by_the_rules(&offline), answer["violations"]);
    let text = command(&["faulty.xml"]);
    // So does the check by schema and rules alone, a line for each.
    let checked = checked(zone.folder());
    assert_eq!(Value::from(checked), answer["violations"]);

    // The log names rule, place and the norm's code, and no value.
    let fact = &answer["receipts"][0]["fact"];
    assert_eq!(fact["violations_found"], violations.len());
    for (listed, violation) in fact["violations"].as_array().unwrap().iter().zip(violations) {
        for member in ["code", "path", "line", "column", "norm_code"] {
            assert_eq!(listed[member], violation[member], "{member}");
        }
    }

    // The receipt of the norm says them in one field, whose length holds them all here.
    let receipt = send(&platform, "/v1/messages", "application/xml", &message).await;
    assert_eq!(receipt.status, 422);
    assert!(receipt.header("location").unwrap().starts_with("/v1/messages/"));
    let receipt = receipt.text().to_string();
    assert!(receipt.contains("<CEB312Message xmlns=\"http://www.chinaport.gov.cn/ceb\""));
    assert_eq!(said(&receipt, "returnStatus"), violations[0]["norm_code"]);
    assert_eq!(said(&receipt, "returnTime").len(), 17);
    let info = said(&receipt, "returnInfo");
    assert!(info.chars().count() <= 1000 && !info.contains(PERSONAL), "{info}");
    for violation in violations {
        let (code, norm) = (violation["code"].as_str().unwrap(), violation["norm_code"].as_str());
        let (line, column) = (&violation["line"], &violation["column"]);
        let (zh, path) = (violation["zh"].as_str().unwrap(), violation["path"].as_str().unwrap());
        let norm = norm.unwrap();
        let chinese =
            format!("{zh}（{code}，规范代码 {norm}，第 {line} 行第 {column} 列，{path}）");
        let en = violation["en"].as_str().unwrap();
        let english = format!("{en} ({code}, norm {norm}, line {line}, column {column}, {path})");
        assert!(text.contains(&chinese) && text.contains(&english), "{english}\n{text}");
        assert!(info.contains(&format!("[Code:{norm};Desc:{chinese}]")), "{chinese}\n{info}");
    }
    assert!(!text.contains(PERSONAL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_refused_by_the_receipt_that_fits() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let platform = zone.client("platform");
    let ask = async |body: &str| {
        let response = send(&platform, "/v1/messages", "application/xml", body).await;
        (response.status, response.text().to_string())
    };
    // Form: a structure that is wrong, no XML at all, a type that nobody knows.
    let broken = signed(&zone, &order(710).replacen("<ceb:freight>10<", "<ceb:freight>ten<", 1));
    let (status, receipt) = ask(&broken).await;
    assert_eq!(status, 422);
    assert!(receipt.contains("<CEB900Message"), "{receipt}");
    assert_eq!(said(&receipt, "returnStatus"), "-0002");
    assert_eq!(said(&receipt, "oriMessageType"), "CEB311Message");
    assert_eq!(said(&receipt, "oriBizMessage"), broken.replace("\r\n", "\n"));
    assert!(said(&receipt, "returnInfo").starts_with("[Code:0002;Desc:"), "{receipt}");
    let (status, receipt) = ask("<a><b></a>").await;
    assert_eq!((status, said(&receipt, "returnStatus").as_str()), (400, "-0001"));
    assert_eq!(said(&receipt, "oriMessageType"), "Unknown");
    let (status, receipt) = ask("<a guid=\"1\"/>").await;
    assert_eq!((status, said(&receipt, "returnStatus").as_str()), (422, "-0001"));
    // Signature: the receipt of the type, every document with the norm's code for it.
    let (_, receipt) = ask(&order(711)).await;
    assert!(receipt.contains("<CEB312Message"), "{receipt}");
    assert_eq!(said(&receipt, "returnStatus"), "-1001");
    // Taken: there is nothing to refuse, and the answer is the usual one.
    let good = signed(&zone, &order(712));
    let (status, answer) = ask(&good).await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["verdict"], "accepted");
    // A number that is declared already.
    let again = signed(&zone, &order(713).replace("BAD713", "BAD712"));
    let (status, receipt) = ask(&again).await;
    assert_eq!((status, said(&receipt, "returnStatus").as_str()), (409, "-301010"), "{receipt}");
    assert!(said(&receipt, "returnInfo").starts_with("[Code:already-declared;Desc:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_violations_is_bounded_and_counted() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let plain = order(720);
    let cut = |from: &str, to: &str| {
        let start = plain.find(from).unwrap();
        (start, plain.find(to).unwrap() + to.len())
    };
    let (start, end) = cut("<ceb:Order>", "</ceb:Order>");
    let (line_start, line_end) = cut("<ceb:OrderList>", "</ceb:OrderList>");
    let bad = plain[line_start..line_end].replace("<ceb:unit>122<", "<ceb:unit>999<");
    let lines = bad.replace("<ceb:country>609<", "<ceb:country>000<").repeat(99);
    let last = plain.rfind("</ceb:OrderList>").unwrap() + "</ceb:OrderList>".len();
    let document = |n: usize| {
        let text = format!("{}{lines}{}", &plain[start..line_start], &plain[last..end]);
        text.replace("BAD720", &format!("FLOOD{n}"))
    };
    let documents: String = (0..100).map(document).collect();
    let flood = signed(&zone, &format!("{}{documents}{}", &plain[..start], &plain[end..]));
    let platform = zone.client("platform");
    let answer = json(&send(&platform, "/v1/messages", "application/json", &flood).await);
    let documents = answer["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 100);
    let mut listed = 0;
    for document in documents {
        let violations = document["refusal"]["violations"].as_array().unwrap();
        let (more, found) = violations.split_last().unwrap();
        assert_eq!(more["code"], "rules-more", "{more}");
        let left_out: usize = more["found"].as_str().unwrap().parse().unwrap();
        // Of each line unit and country; of all but the first two that number and sequence are wrong.
        assert_eq!(found.len() + left_out, 99 * 2 + 98 * 2, "{more}");
        listed += violations.len();
    }
    assert!(listed <= 500 + 2 * 100, "{listed}");
}
