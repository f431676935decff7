//! One submission, all departments, one status: a real gateway with the departments as
//! processes, or with a test in the place of one that answers late, twice or nonsense. In
//! come signed messages, out goes the joined status as the sender sees it.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use onepoint_adapters::{Answer, DEPARTMENTS, Incoming, department, dxp_for};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_relay::client::Response;
use onepoint_schemas::{Catalogue, Direction, example_with};
use serde_json::{Value, json};

mod fixtures;

const PATIENCE: Duration = Duration::from_secs(60);
/// The gateway's id in envelopes.
const GATEWAY: &str = "DXPONEPOINT00001";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A zone with its gateway and these departments.
fn zone(departments: &[&str], change: impl FnOnce(String) -> String) -> Zone {
    let mut zone = Zone::make(&Setup::default());
    zone.edit("onepoint.toml", change);
    zone.start_gateway(&[]);
    departments.iter().for_each(|name| zone.start_adapter(name));
    zone
}

/// The example of a type with other values.
fn message(message_type: &str, fields: &[(&str, &str)]) -> String {
    let (root, own) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let mut all = vec![("@guid", root.as_str()), ("guid", own.as_str())];
    all.extend_from_slice(fields);
    example_with(message_type, &all).unwrap()
}

/// Hands a message in; gives its id.
async fn send(zone: &Zone, party: &str, xml: &str) -> String {
    let body = zone.signer(party).sign(xml);
    let response = zone.client(party).post("/v1/messages", "application/xml", body).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    value(&response)["id"].as_str().unwrap().to_owned()
}

fn value(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

async fn status(zone: &Zone, party: &str, id: &str) -> Value {
    let path = format!("/v1/messages/{id}/status");
    let response = zone.client(party).get(&path).await.unwrap();
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    value(&response)
}

/// The status when nobody is awaited any more.
async fn settled(zone: &Zone, party: &str, id: &str) -> Value {
    let since = Instant::now();
    loop {
        let status = status(zone, party, id).await;
        let documents = status["documents"].as_array().unwrap();
        if !documents.is_empty() && documents.iter().all(|d| d["awaited"] == json!([])) {
            return status;
        }
        assert!(since.elapsed() < PATIENCE, "not settled: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn one_declaration_one_inspection_one_release() {
    let mut zone = zone(&["customs", "tax", "inspection"], |text| text);
    let runtime = runtime();
    let id = runtime.block_on(async {
        let plants = [("copNo", "PLANTS-1"), ("gcode", "0602909100")];
        let id = send(&zone, "declarant", &message("CEB621Message", &plants)).await;
        let status = settled(&zone, "declarant", &id).await;
        assert_eq!(
            (&status["state"], &status["message_type"]),
            (&json!("released"), &json!("CEB621Message"))
        );
        let document = &status["documents"][0];
        assert_eq!(
            document["inspection"],
            json!({ "ordered_by": ["customs", "inspection"], "over": true })
        );
        assert_eq!(document["released_by"], json!(["customs", "inspection"]));
        let said = |name: &str| -> Vec<Value> {
            let said = document["departments"][name]["said"].as_array().unwrap();
            said.iter().map(|word| word["status"].clone()).filter(|status| status != "").collect()
        };
        assert_eq!(said("customs"), ["2", "120", "500", "800"]);
        assert_eq!(
            (said("inspection"), said("tax")),
            (vec![json!("500"), json!("800")], vec![json!("120")])
        );
        // The same in short where the message is; and whose it is not, sees nothing.
        let shown = zone.client("declarant").get(&format!("/v1/messages/{id}")).await.unwrap();
        let shown = value(&shown);
        assert_eq!(
            (&shown["state"], &shown["joined"]["state"]),
            (&json!("released"), &json!("released"))
        );
        assert!(shown["joined"]["documents"][0]["departments"]["tax"]["said"].is_null());
        for suffix in ["", "/status"] {
            let path = format!("/v1/messages/{id}{suffix}");
            assert_eq!(zone.client("platform").get(&path).await.unwrap().status, 404, "{path}");
        }
        id
    });
    let mut arguments = vec!["status", &id, "--to"];
    let (url, pki) = (zone.url(), ["pki/ca.pem", "pki/declarant.pem", "pki/declarant.key"]);
    arguments.extend([url.as_str(), "--ca", pki[0], "--certificate", pki[1], "--key", pki[2]]);
    let (code, out, err) = zone.run(&arguments);
    assert_eq!(code, Some(0), "{out}{err}");
    for said in [
        "one inspection by customs and inspection is over",
        "2 120 500 800",
        "released  CEB621Message",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
    arguments[1] = "nobody-knows";
    let (code, out, _) = zone.run(&arguments);
    assert_eq!((code, out.contains("message-unknown")), (Some(1), true), "{out}");
    zone.stop_gateway();
}

/// What the tax bill of a batch is about is found by the numbers that customs gave.
#[test]
fn a_tax_bill_is_placed_by_the_number_of_its_list() {
    let mut zone = zone(&["customs", "tax", "inspection"], |text| text);
    runtime().block_on(async {
        let first = message("CEB621Message", &[("copNo", "BATCH-1"), ("orderNo", "BATCH-ORDER-1")]);
        let second =
            message("CEB621Message", &[("copNo", "BATCH-2"), ("orderNo", "BATCH-ORDER-2")]);
        let (open, close) = ("<ceb:Inventory>", "</ceb:Inventory>");
        let document =
            &second[second.find(open).unwrap()..second.find(close).unwrap() + close.len()];
        let batch = first.replacen(open, &format!("{document}\n{open}"), 1);
        let id = send(&zone, "declarant", &batch).await;
        let since = Instant::now();
        loop {
            let status = settled(&zone, "declarant", &id).await;
            let bills = |n: usize| -> Vec<Value> {
                let said = status["documents"][n]["departments"]["customs"]["said"].clone();
                let said = said.as_array().unwrap().iter();
                let bills = said.filter(|w| w["message_type"] == "CEB816Message");
                bills.map(|w| w["numbers"]["invtNo"].clone()).collect()
            };
            let (one, other) = (bills(0), bills(1));
            if one.len() == 1 && other.len() == 1 {
                assert_ne!(one, other);
                assert_eq!(status["unplaced"], json!([]));
                break;
            }
            assert!(since.elapsed() < PATIENCE, "no bills: {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    zone.stop_gateway();
}

/// A test in the place of customs.
struct Customs<'z> {
    zone: &'z Zone,
    message: String,
    delivery: String,
    body: String,
    answers: usize,
}

impl Customs<'_> {
    /// Hands in the answer of customs with another status in it.
    async fn say(&mut self, change: impl FnOnce(String) -> String) -> Response {
        self.answers += 1;
        let incoming = Incoming {
            delivery: &self.delivery,
            message: &self.message,
            message_type: "CEB621Message",
            documents: &[0],
            body: self.body.as_bytes(),
        };
        let outcome = department("customs").unwrap().map(&incoming, Timestamp::now()).unwrap();
        let answer = outcome.answers.into_iter().next().unwrap();
        let id = format!("{}-test-{}", self.delivery, self.answers);
        self.hand_in(Answer { id, xml: change(answer.xml), ..answer }).await
    }

    async fn hand_in(&self, answer: Answer) -> Response {
        let envelope = dxp_for(&answer, "DXPEDCCEB0000002", GATEWAY, Timestamp::now());
        let body = self.zone.signer("customs").sign(&envelope.to_xml());
        let client = self.zone.client("customs");
        client.post("/v1/answers", "application/xml", body).await.unwrap()
    }

    async fn say_status(&mut self, status: &str) {
        let to = format!("<returnStatus>{status}<");
        let said = self.say(|xml| xml.replace("<returnStatus>2<", &to)).await;
        assert!(said.is_success(), "{status}: {}", said.text());
    }
}

#[test]
fn what_is_awaited_late_unknown_or_contradicted_is_said() {
    let due = |text: String| format!("{text}\n[alarms]\nanswer_s = 1\n");
    let mut zone = zone(&[], due);
    runtime().block_on(async {
        let body = message("CEB621Message", &[("copNo", "LATE-1")]);
        let id = send(&zone, "declarant", &body).await;
        let names = |status: &Value, overdue: bool| -> Vec<String> {
            let awaited = status["documents"][0]["awaited"].as_array().unwrap().clone();
            let awaited = awaited.iter().filter(|one| one["overdue"] == overdue);
            awaited.map(|one| one["department"].as_str().unwrap().to_owned()).collect()
        };
        let first = status(&zone, "declarant", &id).await;
        let asked = [names(&first, false), names(&first, true)].concat();
        assert_eq!((&first["state"], asked.len()), (&json!("awaited"), 3), "{first}");
        assert!(first["documents"][0]["awaited"][0]["since"].as_str().is_some());
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let later = status(&zone, "declarant", &id).await;
        assert_eq!(names(&later, true), ["customs", "inspection", "tax"]);

        let delivery = format!("{id}.customs");
        let mut customs = Customs { zone: &zone, message: id.clone(), delivery, body, answers: 0 };
        for code in ["800", "2", "99"] {
            customs.say_status(code).await;
        }
        let said =
            status(&zone, "declarant", &id).await["documents"][0]["departments"]["customs"].clone();
        assert_eq!((&said["status"], &said["state"]), (&json!("800"), &json!("released")));
        assert_eq!(said["flags"], json!(["late", "behind", "unknown-code"]));
        let codes: Vec<_> = said["said"].as_array().unwrap().iter().map(|w| &w["status"]).collect();
        assert_eq!(codes, ["800", "2", "99"], "all of it is kept, in the order of arrival");

        customs.say_status("100").await;
        let status = status(&zone, "declarant", &id).await;
        assert_eq!(status["state"], "contradicted", "{status}");
        let flags = &status["documents"][0]["departments"]["customs"]["flags"];
        assert!(flags.as_array().unwrap().contains(&json!("contradiction")), "{flags}");
    });
    zone.stop_gateway();
}

#[test]
fn answers_are_judged_by_rules_too() {
    let mut zone = zone(&[], |text| text);
    runtime().block_on(async {
        let body = message("CEB621Message", &[("copNo", "RULES-1")]);
        let id = send(&zone, "declarant", &body).await;
        let delivery = format!("{id}.customs");
        let mut customs = Customs { zone: &zone, message: id.clone(), delivery, body, answers: 0 };
        let word = customs.say(|xml| xml.replace("<returnStatus>2<", "<returnStatus>two<")).await;
        assert_eq!((word.status, &value(&word)["code"]), (422, &json!("return-status")));
        let incoming = Incoming {
            delivery: &customs.delivery,
            message: &id,
            message_type: "CEB621Message",
            documents: &[0],
            body: customs.body.as_bytes(),
        };
        let outcome = department("customs").unwrap().map(&incoming, Timestamp::now()).unwrap();
        let bill = outcome.answers.into_iter().find(|a| a.message_type == "CEB816Message").unwrap();
        // The sum of the lines is another one.
        let wrong = bill.xml.replacen("<valueAddedTax>", "<valueAddedTax>9", 1);
        let refused = customs.hand_in(Answer { xml: wrong, ..bill.clone() }).await;
        assert_eq!((refused.status, &value(&refused)["code"]), (422, &json!("vat-total")));
        assert!(customs.hand_in(bill).await.is_success());
        let status = status(&zone, "declarant", &id).await;
        // Before customs has numbered the list, nobody can tell what the bill is about.
        assert_eq!(status["unplaced"].as_array().unwrap().len(), 1, "{status}");
        assert_eq!(status["state"], "awaited");
    });
    zone.stop_gateway();
}

/// A hundred returns with the longest texts there can be are one answer and one notice.
#[test]
fn long_texts_of_many_documents_reach_the_sender() {
    const COUNT: u32 = 100;
    let mut zone = zone(&[], |text| text);
    runtime().block_on(async {
        let one = message("CEB621Message", &[]);
        let (open, close) = ("<ceb:Inventory>", "</ceb:Inventory>");
        let (start, end) = (one.find(open).unwrap(), one.find(close).unwrap() + close.len());
        let numbered = |n: u32| {
            let document = message("CEB621Message", &[("copNo", &format!("MANY-{n:03}"))]);
            document[document.find(open).unwrap()..document.find(close).unwrap() + close.len()]
                .to_owned()
        };
        let documents: String = (0..COUNT).map(numbered).collect();
        let body = format!("{}{documents}{}", &one[..start], &one[end..]);
        let id = send(&zone, "declarant", &body).await;
        let indexes: Vec<u32> = (0..COUNT).collect();
        let incoming = Incoming {
            delivery: &format!("{id}.customs"),
            message: &id,
            message_type: "CEB621Message",
            documents: &indexes,
            body: body.as_bytes(),
        };
        let outcome = department("customs").unwrap().map(&incoming, Timestamp::now()).unwrap();
        let answer = outcome.answers.into_iter().next().unwrap();
        let long = format!("<returnInfo>{}</returnInfo>", "查".repeat(1000));
        let parts = answer.xml.split("<returnInfo>").map(|part| {
            part.split_once("</returnInfo>")
                .map_or(part.to_owned(), |(_, rest)| format!("{long}{rest}"))
        });
        let xml = parts.collect();
        let customs = Customs {
            zone: &zone,
            message: id.clone(),
            delivery: answer.delivery.clone(),
            body,
            answers: 0,
        };
        let told = customs.hand_in(Answer { xml, ..answer }).await;
        assert!(told.is_success(), "{}", told.text());
        let pulled = value(&zone.client("declarant").get("/v1/receipts?max=1").await.unwrap());
        let notice = STANDARD.decode(pulled["deliveries"][0]["body"].as_str().unwrap()).unwrap();
        let notice: Value = serde_json::from_slice(&notice).unwrap();
        let entries = notice["entries"].as_array().unwrap();
        assert_eq!(entries.len(), COUNT as usize);
        for entry in entries {
            let info = entry["info"].as_str().unwrap();
            assert!((100..1000).contains(&info.chars().count()), "{info}");
        }
        // What was cut is whole in the envelope.
        assert!(notice["envelope"].as_str().unwrap().len() > 300_000);
    });
    zone.stop_gateway();
}

/// Who of the pilot hands a type in, and the fields that name it.
fn sender(zone: &Zone, message_type: &str) -> (String, String) {
    let config = std::fs::read_to_string(zone.folder().join("onepoint.toml")).unwrap();
    let sections = config.split("[[participant]]").skip(1);
    let named = sections.filter(|section| section.contains("role = \"enterprise\""));
    let mut may = named.filter(|section| section.contains(&format!("\"{message_type}\"")));
    let section = may.next().unwrap_or_else(|| panic!("nobody sends {message_type}"));
    let of = |key: &str| {
        let line = section.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    (of("id = "), of("codes = "))
}

/// Every type that any department maps goes from its sender to all who must know it, and each
/// of them answers.
#[test]
fn every_department_answers_what_the_pilot_sends_it() {
    let mut zone = zone(&DEPARTMENTS, |text| text);
    let catalogue = Catalogue::load_builtin().unwrap();
    let mapped = |name: &str| {
        let departments =
            DEPARTMENTS.iter().filter(|of| department(of).unwrap().message_types().contains(&name));
        let mut names: Vec<&str> = departments.copied().collect();
        names.sort_unstable();
        names
    };
    let kinds = catalogue.types().filter(|kind| kind.direction == Direction::Declaration);
    let kinds: Vec<_> = kinds.filter(|kind| !mapped(&kind.name).is_empty()).collect();
    assert_eq!(kinds.len(), 35);
    runtime().block_on(async {
        let mut sent = Vec::new();
        for kind in &kinds {
            let (party, code) = sender(&zone, &kind.name);
            // The example of a gate event has a load that its papers do not explain.
            let fields = [("senderCode", &*code), ("copCode", &*code), ("totalWeight", "3502.2")];
            let xml = message(&kind.name, &fields);
            sent.push((party.clone(), send(&zone, &party, &xml).await));
        }
        for (kind, (party, id)) in kinds.iter().zip(sent) {
            // What is only laid by at the port goes no further.
            if kind.name == "CEB607Message" {
                continue;
            }
            let status = settled(&zone, &party, &id).await;
            let departments = status["documents"][0]["departments"].as_object().unwrap();
            let names: Vec<&str> = departments.keys().map(String::as_str).collect();
            assert_eq!(names, mapped(&kind.name), "{}", kind.name);
            let state = status["state"].as_str().unwrap();
            assert!(matches!(state, "concluded" | "released"), "{}: {status}", kind.name);
            assert_eq!(status["unplaced"], json!([]), "{}", kind.name);
        }
    });
    for name in DEPARTMENTS {
        zone.stop_adapter(name);
    }
    zone.stop_gateway();
}
