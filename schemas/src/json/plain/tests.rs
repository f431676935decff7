//! A set with JSON Schemas alone, as a department would bring it.

use onepoint_xml::Limits;
use proptest::prelude::*;

use super::*;
use crate::{Catalogue, CatalogueError, Files, JsonForm, JsonLimits, MessageType};

const MANIFEST: &str = r#"
family = "quay"
version = "1"
namespace = "urn:quay"
[[type]]
name = "Berth"
direction = "declaration"
title = "berth request"
title_zh = "泊位申请"
document = "Request"
key = ["berth", "no"]
signer_any_of = ["firm"]
personal = ["pilot"]
signature = "none"
"#;
const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object", "required": ["Berth"], "additionalProperties": false,
  "properties": {"Berth": {"type": "object", "required": ["Request"], "properties": {
    "Request": {"type": "array", "minItems": 1, "items": {
      "type": "object", "required": ["no", "firm"],
      "properties": {
        "no": {"$ref": "urn:quay:parts#/$defs/number"}, "firm": {"type": "string"}, "pilot": {"maxLength": 3},
        "draught": {"type": "integer", "maximum": 20}, "urgent": {"type": "boolean"},
        "holds": {"type": "array", "items": {"type": "string"}}, "note": true}}}}}}
}"##;
const PARTS: &str =
    r#"{"$id": "urn:quay:parts", "$defs": {"number": {"type": "string", "pattern": "^B[0-9]+$"}}}"#;
const GOOD: &str = r#"{"Berth": {"Request": [
  {"no": "B1", "firm": "F", "draught": 12, "urgent": true, "holds": ["a", "b"], "note": null},
  {"no": "B2", "firm": "F", "holds": [], "note": {"x": {}, "y": ""}}]}}"#;

fn files(changes: &[(&str, &str)]) -> Files {
    let mut files = Files::builtin();
    let bad = r#"{"Berth": {"Request": [{"no": "B1"}]}}"#;
    let given = [
        ("manifest.toml", MANIFEST),
        ("Berth.json", SCHEMA),
        ("parts.json", PARTS),
        ("examples/Berth.json", GOOD),
        ("examples/invalid/Berth.json-missing-member.json", bad),
    ];
    for (name, text) in given.iter().chain(changes) {
        files.insert(format!("quay/1/{name}"), (*text).to_owned());
    }
    files
}

fn catalogue() -> Catalogue {
    let catalogue = Catalogue::load(files(&[])).unwrap();
    catalogue.check_added().unwrap();
    catalogue
}

fn form(catalogue: &Catalogue) -> (&JsonForm, &MessageType) {
    let kind = catalogue.by_name("Berth").unwrap();
    (catalogue.json_form(kind).unwrap().unwrap(), kind)
}

fn json(text: &str) -> Json {
    Json::read(text.as_bytes().to_vec(), &JsonLimits::default()).unwrap()
}

fn parse(xml: &str) -> onepoint_xml::Document {
    onepoint_xml::Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

#[test]
fn a_message_goes_both_ways_and_says_its_facts() {
    let catalogue = catalogue();
    let (form, kind) = form(&catalogue);
    let message = form.accept(json(GOOD)).unwrap();
    let document = parse(message.xml());
    assert_eq!(catalogue.validate_structure(&document, kind), Ok(()));
    assert_eq!(json(&form.to_json(&document).unwrap()).value(), json(GOOD).value());
    let facts = catalogue.documents(&document, kind);
    let keys: Vec<_> = facts.iter().map(|one| one.business_key.as_deref().unwrap()).collect();
    assert_eq!(keys, ["berth|1|B1", "berth|1|B2"]);
    assert_eq!(facts[0].parties, [("firm".to_owned(), "F".to_owned())]);
    assert_eq!((catalogue.engine(kind), catalogue.is_json_only(kind)), ("json-schema", true));
    assert_eq!(
        message.pointer("/quay:Berth/quay:Request[2]/quay:note/quay:y"),
        "/Berth/Request/1/note/y"
    );
}

#[test]
fn each_fault_is_at_its_place_in_json_and_in_xml() {
    let catalogue = catalogue();
    let (form, kind) = form(&catalogue);
    let message = form.accept(json(GOOD)).unwrap();
    let changes = [
        ("\"B2\"", "\"C2\"", "json-pattern", "/Berth/Request/1/no", "/quay:Request[2]/quay:no"),
        ("12", "21", "json-maximum", "/Berth/Request/0/draught", "/quay:Request[1]/quay:draught"),
        ("\"b\"", "3", "json-type", "/Berth/Request/0/holds/1", "/quay:Request[1]/quay:holds[2]"),
        (
            "\"note\": null",
            "\"pilot\": \"Nobody\"",
            "json-max-length",
            "/Berth/Request/0/pilot",
            "/quay:Request[1]/quay:pilot",
        ),
    ];
    for (from, to, code, pointer, path) in changes {
        let text = GOOD.replacen(from, to, 1);
        let found = form.accept(json(&text)).unwrap_err();
        assert_eq!((found[0].code.as_str(), found[0].path.as_str()), (code, pointer));
        assert_eq!(found.len(), 1);
        assert!(!format!("{found:?}").contains("Nobody"), "personal");
        // The same message, had it come as XML.
        let xml = write("Berth", "urn:quay", "quay", &json(&text)).unwrap();
        let found = catalogue.validate_structure(&parse(&xml), kind).unwrap_err();
        assert_eq!((found[0].code.as_str(), found[0].line), (code, 2));
        assert!(found[0].path.ends_with(path), "{} {path}", found[0].path);
    }
    assert!(message.xml().contains("json-array=\"empty\""));
}

#[test]
fn what_xml_cannot_carry_is_refused_at_its_place() {
    let catalogue = catalogue();
    let (form, _) = form(&catalogue);
    for (value, code, expected) in [
        ("1.5", "json-form", "a number with a fraction as a string"),
        ("[[1]]", "json-form", "no array inside an array"),
        ("{\"a b\": 1}", "json-form", "a name that XML also has"),
        ("\"\\u0001\"", "json-character", ""),
    ] {
        let text = GOOD.replacen("null", value, 1);
        let found = form.accept(json(&text)).unwrap_err();
        assert_eq!(found[0].code, code, "{value}");
        assert!(found[0].expected.starts_with(expected), "{value}");
        assert!(found[0].path.starts_with("/Berth/Request/0/note"), "{value}");
        assert_eq!(found[0].line, 2);
    }
    for text in ["{}", "{\"Berth\": 1}"] {
        let found = write("Berth", "urn:quay", "quay", &json(text)).unwrap_err();
        assert_eq!((found.len(), found[0].code.as_str()), (1, "json-form"), "{text}");
    }
}

#[test]
fn xml_that_no_json_was_written_as_is_refused() {
    let catalogue = catalogue();
    let kind = catalogue.by_name("Berth").unwrap();
    for inside in [
        "<no other=\"1\">B1</no>",
        "<no json-type=\"number\">01</no>",
        "<no json-type=\"boolean\">yes</no>",
        "<no json-type=\"null\">x</no>",
        "<no json-type=\"date\"/>",
        "<no json-array=\"items\">B1</no>",
        "<no>B1</no><no>B2</no>",
        "<no>B1</no><no json-array=\"item\">B2</no>",
        "<no json-array=\"empty\">B1</no>",
        "<no>B1</no>text",
        "<no xmlns=\"urn:other\">B1</no>",
    ] {
        let xml = format!(
            "<Berth xmlns=\"urn:quay\"><Request json-array=\"item\">{inside}</Request></Berth>"
        );
        let found = catalogue.validate_structure(&parse(&xml), kind).unwrap_err();
        assert_eq!(found[0].code, "json-no-place", "{inside}");
    }
}

#[test]
fn a_set_that_does_not_hold_is_refused_with_its_file() {
    let refused = |name: &str, text: &str| {
        let catalogue = Catalogue::load(files(&[(name, text)])).unwrap();
        catalogue.check_added().unwrap_err()
    };
    for text in ["", "{\"type\": 1}", "{\"$ref\": \"urn:nowhere\"}", "{\"pattern\": \"(\"}"] {
        let error = refused("Berth.json", text);
        assert!(matches!(error, CatalogueError::Schema { .. }), "{text}: {error}");
        assert_eq!(error.file(), "quay/1/Berth.json");
    }
    let error = refused("examples/Berth.json", "{\"Berth\": {}}");
    assert_eq!(error.file(), "quay/1/examples/Berth.json");
    let error = refused("examples/invalid/Berth.json-missing-member.json", GOOD);
    assert!(error.reason().contains("the first fault is nothing"), "{}", error.reason());
}

/// Any value that has an XML form.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "[ -~中文\r\n\t]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let item = inner.clone().prop_filter("no array in an array", |value| !value.is_array());
        prop_oneof![
            prop::collection::vec(item, 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z中][a-z0-9]{0,3}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_goes_both_ways(inner in values()) {
        let message = serde_json::json!({ "M": { "inner": inner } });
        let xml = write("M", "urn:m", "m", &json(&message.to_string())).unwrap();
        let document = parse(&xml);
        let back = json(&read(document.root()).unwrap());
        prop_assert_eq!(back.value(), &message, "{}", xml);
    }
}
