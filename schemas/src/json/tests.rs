//! The JSON form of every type: both ways without loss, the same verdict as the XSD,
//! and what is refused is named at its place.

use onepoint_xml::{Document, Element, Limits};

use super::made;
use super::*;
use crate::{Catalogue, example, examples};

pub(super) fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

pub(super) fn read(text: &str) -> Json {
    Json::read(text.as_bytes().to_vec(), &JsonLimits::default()).unwrap()
}

pub(super) fn form<'c>(catalogue: &'c Catalogue, name: &str) -> &'c JsonForm {
    catalogue.json_form(catalogue.by_name(name).unwrap()).unwrap().unwrap()
}

/// The same data: names, attributes, values; not prefixes, comments, or white space
/// between elements.
fn assert_same(a: Element<'_>, b: Element<'_>) {
    assert_eq!((a.name().namespace, a.name().local), (b.name().namespace, b.name().local));
    if matches!(a.name().local, "Message" | "Signature") {
        return assert_eq!(opaque::to_text(a), opaque::to_text(b));
    }
    let attributes = |e: Element<'_>| {
        let mut all: Vec<_> =
            e.attributes().map(|(n, v)| (n.local.to_owned(), v.to_owned())).collect();
        all.sort();
        all
    };
    assert_eq!(attributes(a), attributes(b));
    assert_eq!(a.children().count(), b.children().count(), "{}", a.path());
    if a.children().next().is_none() {
        assert_eq!(a.text(), b.text(), "{}", a.path());
    }
    a.children().zip(b.children()).for_each(|(a, b)| assert_same(a, b));
}

/// XML to JSON to XML to JSON; gives the JSON.
pub(super) fn both_ways(form: &JsonForm, xml: &str) -> String {
    let document = parse(xml);
    let json = form
        .to_json(&document)
        .unwrap_or_else(|e| panic!("{}: {e:?}\n{xml}", form.shape().unwrap().root.name));
    let back = form.accept(read(&json)).unwrap_or_else(|e| panic!("{e:#?}\n{json}"));
    let again = parse(back.xml());
    assert_same(document.root(), again.root());
    assert_eq!(form.to_json(&again).unwrap(), json);
    json
}

#[test]
fn examples_of_every_type_go_both_ways() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (name, xml) in examples() {
        let kind = catalogue.by_name(name).unwrap();
        let xml = match xml.contains("BaseTransfer") {
            true => {
                xml.replace(&format!("</ceb:{name}>"), &format!("{}</ceb:{name}>", made::SIGNATURE))
            }
            false => xml.to_owned(),
        };
        let json = both_ways(form(&catalogue, name), &xml);
        let back = form(&catalogue, name).accept(read(&json)).unwrap();
        assert_eq!(catalogue.validate_structure(&parse(back.xml()), kind), Ok(()), "{name}");
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let xml = example("CEB311Message").unwrap();
    let json = both_ways(form(&catalogue, "CEB311Message"), xml);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let message = &value["CEB311Message"];
    assert_eq!(message["@version"], "1.0");
    assert_eq!(message["Order"][0]["OrderHead"]["goodsValue"], "299.5");
    assert_eq!(message["Order"][0]["OrderList"][1]["gnum"], "2");
    assert_eq!(message["BaseTransfer"]["dxpMode"], "DXP");
    assert!(message.get("BaseSubscribe").is_none());
    assert_eq!(read(&json).message_type(), Some("CEB311Message"));
    assert_eq!(read("{\"a\":1,\"b\":2}").message_type(), None);
    assert_eq!(read("[1]").message_type(), None);
    // Members stand in the order of the schema.
    assert!(json.find("\"@guid\"").unwrap() < json.find("\"Order\"").unwrap());
    assert!(json.find("\"goodsValue\"").unwrap() < json.find("\"freight\"").unwrap());
}

#[test]
fn any_xml_is_carried_octet_for_octet() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let form = form(&catalogue, "CEB311Message");
    let xml = example("CEB311Message").unwrap();
    let inner = "<ceb:Message a='1'>\u{a0}x <q:y xmlns:q=\"urn:q\" q:t='z:T'/><!-- c --><![CDATA[<]]>\r\n <z/></ceb:Message>";
    let extend = format!(
        "<ceb:ExtendMessage><ceb:name>n</ceb:name><ceb:version>1</ceb:version>{inner}</ceb:ExtendMessage></ceb:CEB311Message>"
    );
    let xml = xml.replace("</ceb:CEB311Message>", &extend).replacen(
        "<ceb:CEB311Message ",
        "<ceb:CEB311Message xmlns:z=\"urn:z\" xmlns:unused=\"urn:u\" ",
        1,
    );
    let json = both_ways(form, &xml);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let carried = value["CEB311Message"]["ExtendMessage"]["Message"].as_str().unwrap();
    let alone = inner.replacen(
        "<ceb:Message ",
        "<ceb:Message xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" xmlns:z=\"urn:z\" ",
        1,
    );
    assert_eq!(carried, alone);
}

#[test]
fn faults_are_named_at_their_place_in_the_json() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let form = form(&catalogue, "CEB411Message");
    let xml = example("CEB411Message").unwrap();
    let json = form.to_json(&parse(xml)).unwrap().replace(",\"", ",\n\"");
    let judge = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}\n{json}");
        form.accept(read(&json.replacen(from, to, 1))).unwrap_err()
    };
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let head = &value["CEB411Message"]["Payment"][0]["PaymentHead"];
    let paid = format!("\"amountPaid\":{}", head["amountPaid"]);
    let found = judge(&paid, "\"amountPaid\":1.5");
    assert_eq!((found.len(), found[0].code.as_str()), (1, "json-type"), "{found:?}");
    assert_eq!(found[0].path, "/CEB411Message/Payment/0/PaymentHead/amountPaid");
    assert_eq!(found[0].rule, "type");
    assert!(found[0].line > 5 && found[0].column == 14, "{found:?}");
    assert_eq!(found[0].found, "1.5");
    assert!(found[0].en.contains("19 digits") && found[0].zh.contains("19 位"), "{found:?}");
    let found = judge(&paid, "\"amountPaid\":\"1.1234567\"");
    assert_eq!(found[0].code, "json-pattern");
    let found = judge("\"payTime\"", "\"payTme\"");
    let codes: Vec<&str> = found.iter().map(|v| v.code.as_str()).collect();
    assert_eq!(codes, ["json-missing-member", "json-unexpected-member"], "{found:?}");
    assert_eq!((found[0].expected.as_str(), found[1].found.as_str()), ("payTime", "payTme"));
    assert_eq!(found[1].column, 1);
    let payer = format!("\"payerName\":{}", head["payerName"]);
    let found = judge(&payer, &format!("\"payerName\":\"{}\"", "名".repeat(101)));
    assert_eq!((found[0].code.as_str(), found[0].found.as_str()), ("json-max-length", "***"));
    let found = judge("\"note\":\"", "\"note\":\"\\u0001");
    assert_eq!((found[0].code.as_str(), found[0].found.as_str()), ("json-character", "U+0001"));
    let found = judge("\"BaseTransfer\"", "\"Signature\":\"<x/>\",\"BaseTransfer\"");
    assert_eq!(found[0].code, "json-xml", "{found:?}");
}

#[test]
fn violations_of_the_xml_form_are_moved_to_the_json() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let form = form(&catalogue, "CEB311Message");
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let xml = example("CEB311Message").unwrap();
    let xml = xml.replacen("<ceb:totalPrice>99.5<", "<ceb:totalPrice>99<", 1);
    let json = form.to_json(&parse(&xml)).unwrap().replace(",\"", ",\n \"");
    let message = form.accept(read(&json)).unwrap();
    let mut found = catalogue.check_rules(&parse(message.xml()), kind, 0);
    message.place(&mut found[0]);
    assert_eq!(found[0].path, "/CEB311Message/Order/0/OrderList/1/totalPrice");
    let line = json.lines().nth(found[0].line as usize - 1).unwrap();
    assert!(line.starts_with(" \"totalPrice\":\"99\""), "{line}");
    assert_eq!(found[0].column, 15);
    assert_eq!(message.pointer("/a:CEB311Message/a:Nothing/x"), "/CEB311Message");
}

#[test]
fn strict_reading_names_the_place() {
    let refused = |text: &[u8]| *Json::read(text.to_vec(), &JsonLimits::default()).unwrap_err();
    for (text, code, line, column) in [
        (&b"{\"a\":1,\n \"a\":2}"[..], "json-duplicate-name", 2, 2),
        (b"{\"\\u0061\":1, \"a\":2}", "json-duplicate-name", 1, 14),
        (b"{\"\xe5\x90\x8d\":\"\xff\"}", "json-encoding", 1, 7),
        (b"\xef\xbb\xbf{}", "json-byte-order-mark", 1, 1),
        (b"[NaN]", "json-syntax", 1, 2),
        (b"[\"\\ud800\"]", "json-surrogate", 1, 9),
        (b"[\"\\udc00\"]", "json-surrogate", 1, 8),
        (b"[1e400]", "json-number", 1, 6),
        (b"{} x", "json-syntax", 1, 4),
        (b"", "json-syntax", 1, 1),
        (b"{'a':1}", "json-syntax", 1, 2),
        (b"[1,]", "json-syntax", 1, 4),
    ] {
        let fault = refused(text);
        let shown = String::from_utf8_lossy(text);
        assert_eq!((fault.code.as_str(), fault.line), (code, line), "{shown}: {fault:?}");
        assert_eq!(fault.column, column, "{shown}: {fault:?}");
        assert!(!fault.en.is_empty() && !fault.zh.is_empty());
    }
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(Json::read(deep(64).into_bytes(), &JsonLimits::default()).is_ok());
    assert_eq!(refused(deep(65).as_bytes()).code, "json-too-deep");
    assert_eq!(refused(deep(1_000_000).as_bytes()).code, "json-too-deep");
    let few = JsonLimits { values: 3, bytes: 20, ..JsonLimits::default() };
    assert!(Json::read(b"[1,2]".to_vec(), &few).is_ok());
    assert_eq!(Json::read(b"[1,2,3]".to_vec(), &few).unwrap_err().code, "json-too-many-values");
    assert_eq!(Json::read(vec![b' '; 21], &few).unwrap_err().code, "json-too-large");
    let twice = JsonLimits { duplicate_names: true, ..JsonLimits::default() };
    let json = Json::read(b"{\"a\":1,\"a\":[2]}".to_vec(), &twice).unwrap();
    assert_eq!(json.value()["a"][0], 2);
    assert_eq!(json.position("/a/0"), (1, 13));
}

#[test]
fn places_are_found_behind_escapes_and_nests() {
    let json =
        read("{ \"a~/b\" : [ {\"x\":\"]}\\\"\"},\n  {\"\\u0079\" : {\"z\":[[],[1 , 22]]}} ] }");
    assert_eq!(json.position("/a~0~1b/1/y/z/1/1"), (2, 29));
    assert_eq!(json.name_position("/a~0~1b/1/y"), (2, 4));
    assert_eq!(json.position("/a~0~1b/1/y/none"), (2, 15));
    assert_eq!(json.position("/a~0~1b/7"), (1, 12));
    assert_eq!(json.position(""), (1, 1));
}

#[test]
fn schemas_of_strangers_reach_nothing_and_stay_bounded() {
    let compile = |text: &str| JsonSchema::compile(text.as_bytes(), &[]);
    for (bad, why) in [
        ("{\"$ref\":\"https://example.org/x.json\"}", "not among the schemas"),
        ("{\"$ref\":\"file:///etc/passwd\"}", "not among the schemas"),
        ("{\"$ref\":\"#/$defs/none\"}", "none"),
        ("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "dialect"),
        ("{\"pattern\":\"(a)\\\\1\"}", ""),
        ("{\"pattern\":\"(?=a)a\"}", ""),
        ("{\"pattern\":\"((((a{100}){100}){100}){100})\"}", ""),
        ("{\"type\":\"text\"}", ""),
        ("{\"a\":1,\"a\":2}", "twice"),
        ("[]", ""),
    ] {
        let error = compile(bad).unwrap_err().to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
    let other = ("urn:x:other", &b"{\"$id\":\"urn:x:other\",\"type\":\"string\"}"[..]);
    let schema = JsonSchema::compile(b"{\"items\":{\"$ref\":\"urn:x:other\"}}", &[other]).unwrap();
    assert!(schema.is_valid(&read("[\"a\"]")) && !schema.is_valid(&read("[1]")));
    // A pattern that backtracks without end elsewhere.
    let slow = compile("{\"pattern\":\"^(a+)+$\"}").unwrap();
    assert!(!slow.is_valid(&read(&format!("\"{}b\"", "a".repeat(50_000)))));
    let many = compile("{\"items\":{\"type\":\"string\"}}").unwrap();
    let found = many.validate(&read(&format!("[{}0]", "0,".repeat(499))), &[]).unwrap_err();
    assert_eq!(found.len(), crate::VIOLATIONS_MAX + 1);
    assert_eq!(
        (found.last().unwrap().code.as_str(), found.last().unwrap().found.as_str()),
        ("json-more", "450")
    );
}
