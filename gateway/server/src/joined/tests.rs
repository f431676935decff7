//! The fold: what counts of several words, what is awaited and since when, what is flagged,
//! and that nothing is dropped.

use serde_json::json;

use super::*;

const HOUR: i64 = 3_600_000;

/// Facts of a message in the order in which they come, an hour apart where nothing is said.
#[derive(Default)]
struct Story {
    joined: Joined,
    facts: u64,
    now_ms: i64,
}

impl Story {
    /// One list that these departments must know.
    fn of(departments: &[&str]) -> Story {
        let mut story = Story::default();
        story.accept(0, departments);
        story
    }

    fn fact(&mut self, kind: &str, fact: &Value) {
        self.joined.apply(self.facts, kind, self.now_ms, fact);
        self.facts += 1;
    }

    fn accept(&mut self, document: u32, departments: &[&str]) {
        self.fact("accepted", &json!({ "document": document, "departments": departments }));
    }

    fn say(&mut self, department: &str, status: &str) {
        self.say_of(0, department, status, "CEB622Message");
    }

    fn say_of(&mut self, document: u32, department: &str, status: &str, of: &str) {
        let answer = format!("{department}-{}", self.facts);
        let fact = json!({
            "document": document, "department": department, "status": status, "answer": answer,
            "type": of,
        });
        self.fact("answered", &fact);
    }

    fn value(&self) -> Value {
        let by = Measure { now_ms: self.now_ms, due_ms: 24 * HOUR };
        self.joined.to_value(by, true)
    }

    fn document(&self) -> Value {
        self.value()["documents"][0].clone()
    }
}

#[test]
fn one_declaration_one_inspection_one_release() {
    let mut story = Story::of(&["customs", "inspection", "tax"]);
    assert_eq!(story.document()["state"], "awaited");
    story.say_of(0, "tax", "120", "TaxReturnMessage");
    story.say("customs", "2");
    assert_eq!(story.document()["state"], "in-work");
    story.say("customs", "500");
    story.say_of(0, "inspection", "500", "ZoneReturnMessage");
    let document = story.document();
    assert_eq!(document["state"], "stopped");
    let ordered = json!({ "ordered_by": ["customs", "inspection"], "over": false });
    assert_eq!(document["inspection"], ordered);
    story.say("customs", "800");
    let document = story.document();
    assert_eq!(
        (&document["state"], &document["released_by"]),
        (&json!("stopped"), &json!(["customs"]))
    );
    assert_eq!(document["awaited"][0]["department"], "inspection");
    story.say_of(0, "inspection", "800", "ZoneReturnMessage");
    let document = story.document();
    assert_eq!(document["state"], "released");
    assert_eq!(document["inspection"]["over"], true);
    assert_eq!(document["released_by"], json!(["customs", "inspection"]));
    assert_eq!(document["awaited"], json!([]));
    assert_eq!(story.value()["state"], "released");
}

#[test]
fn what_is_awaited_is_said_with_its_time() {
    let mut story = Story::of(&["customs", "tax"]);
    story.now_ms += HOUR;
    story.fact("delivered", &json!({ "department": "tax" }));
    story.now_ms += 24 * HOUR;
    story.say("customs", "2");
    let awaited = story.document()["awaited"].clone();
    let customs = json!({
        "department": "customs", "since": "1970-01-02T01:00:00Z", "delivered": null,
        "overdue": false,
    });
    let tax = json!({
        "department": "tax", "since": "1970-01-01T00:00:00Z",
        "delivered": "1970-01-01T01:00:00Z", "overdue": true,
    });
    assert_eq!(awaited, json!([customs, tax]));
}

#[test]
fn rank_counts_and_then_arrival() {
    let mut story = Story::of(&["customs"]);
    // All within one second, and the first comes last.
    for status in ["120", "800", "2"] {
        story.say("customs", status);
    }
    let customs = story.document()["departments"]["customs"].clone();
    assert_eq!((&customs["state"], &customs["status"]), (&json!("released"), &json!("800")));
    assert_eq!(customs["flags"], json!(["behind"]));
    let flags: Vec<_> = customs["said"].as_array().unwrap().iter().map(|w| &w["flags"]).collect();
    assert_eq!(flags, [&json!([]), &json!([]), &json!(["behind"])]);
    // Of one rank the later one counts.
    let mut story = Story::of(&["customs"]);
    story.say("customs", "-621005");
    story.say("customs", "100");
    assert_eq!(story.document()["departments"]["customs"]["status"], "100");
}

#[test]
fn late_answers_are_flagged() {
    let mut story = Story::of(&["customs"]);
    story.now_ms += 25 * HOUR;
    story.say("customs", "2");
    story.now_ms += HOUR;
    story.say("customs", "800");
    let customs = story.document()["departments"]["customs"].clone();
    assert_eq!(customs["flags"], json!(["late"]));
    assert_eq!(
        (&customs["said"][0]["flags"], &customs["said"][1]["flags"]),
        (&json!(["late"]), &json!([]))
    );
}

#[test]
fn contradictions_are_flagged() {
    // One department takes back what it said.
    let mut story = Story::of(&["customs"]);
    story.say("customs", "800");
    story.say("customs", "100");
    let document = story.document();
    assert_eq!(document["state"], "contradicted");
    let flags = &document["departments"]["customs"]["flags"];
    assert_eq!(*flags, json!(["behind", "contradiction"]));
    // One lets go what the other sends back.
    let mut story = Story::of(&["customs", "inspection"]);
    story.say("customs", "800");
    story.say("inspection", "700");
    assert_eq!(story.document()["state"], "contradicted");
    // That tax has stored what customs refuses is none.
    let mut story = Story::of(&["customs", "tax"]);
    story.say_of(0, "tax", "120", "TaxReturnMessage");
    story.say("customs", "100");
    assert_eq!(story.document()["state"], "rejected");
    assert_eq!(story.document()["rejected_by"], json!(["customs"]));
    // Detained and let go after all is none either.
    let mut story = Story::of(&["customs"]);
    story.say("customs", "503");
    assert_eq!(story.document()["state"], "stopped");
    story.say("customs", "800");
    assert_eq!(story.document()["state"], "released");
}

#[test]
fn unknown_codes_are_carried() {
    let mut story = Story::of(&["customs"]);
    story.say("customs", "99");
    let customs = story.document()["departments"]["customs"].clone();
    assert_eq!((&customs["status"], &customs["state"]), (&json!("99"), &json!("in-work")));
    assert_eq!(customs["flags"], json!(["unknown-code"]));
    story.say("customs", "800");
    story.say("customs", "777");
    let customs = story.document()["departments"]["customs"].clone();
    assert_eq!((&customs["status"], &customs["state"]), (&json!("800"), &json!("released")));
    let said: Vec<_> = customs["said"].as_array().unwrap().iter().map(|w| &w["status"]).collect();
    assert_eq!(said, ["99", "800", "777"]);
}

#[test]
fn a_bill_finds_its_document_by_the_number_of_the_list() {
    let mut story = Story::of(&["customs"]);
    story.accept(1, &["customs"]);
    let bill = json!({
        "department": "customs", "status": "", "answer": "b", "type": "CEB816Message",
        "numbers": { "invtNo": "L-1", "taxNo": "T-1" },
    });
    story.fact("answered", &bill);
    let unplaced = story.value()["unplaced"].clone();
    assert_eq!(
        (&unplaced[0]["department"], &unplaced[0]["answer"]),
        (&json!("customs"), &json!("b"))
    );
    let stored = json!({
        "document": 1, "department": "customs", "status": "120", "answer": "a",
        "type": "CEB622Message", "numbers": { "invtNo": "L-1" },
    });
    story.fact("answered", &stored);
    story.fact("answered", &bill);
    let customs = story.value()["documents"][1]["departments"]["customs"].clone();
    let said: Vec<_> = customs["said"].as_array().unwrap().iter().map(|w| &w["answer"]).collect();
    // The one that came too early as well, in the order in which they came.
    assert_eq!(said, ["b", "a", "b"]);
    assert_eq!(story.value()["unplaced"], json!([]));
    assert_eq!((&customs["status"], &customs["flags"]), (&json!("120"), &json!([])));
}

#[test]
fn a_message_stands_where_its_open_documents_do() {
    let mut story = Story::of(&["tax"]);
    story.accept(1, &["tax"]);
    story.fact("refused", &json!({ "document": 2, "code": "list-limit" }));
    assert_eq!(story.value()["state"], "awaited");
    story.say_of(0, "tax", "120", "TaxReturnMessage");
    assert_eq!(story.value()["state"], "awaited");
    story.say_of(1, "tax", "120", "TaxReturnMessage");
    let value = story.value();
    let states: Vec<_> =
        value["documents"].as_array().unwrap().iter().map(|d| &d["state"]).collect();
    assert_eq!(states, ["concluded", "concluded", "refused"]);
    assert_eq!(
        (&value["state"], &value["documents"][2]["refused"]),
        (&json!("refused"), &json!("list-limit"))
    );
    let mut whole = Story::default();
    whole.fact("refused", &json!({ "code": "cert-expired" }));
    assert_eq!(whole.value()["state"], "refused");
    assert_eq!(Story::default().value()["documents"], json!([]));
}

/// A department that answers what was not meant for it is heard, and does not count as asked.
#[test]
fn an_answer_of_a_department_that_was_not_asked_is_kept() {
    let mut story = Story::of(&["customs"]);
    story.say_of(0, "market", "120", "ZoneReturnMessage");
    let departments = story.document()["departments"].clone();
    assert_eq!(departments["market"]["state"], "concluded");
    assert_eq!(story.document()["state"], "in-work");
}
