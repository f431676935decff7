//! Structure: what the engine lets through and what the words say.

#![allow(clippy::string_slice)]

use std::sync::Arc;

use onepoint_xml::{Document, Limits};

use super::*;
use crate::{Catalogue, example};

const SIGNATURE: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm=\"urn:c\"/><ds:SignatureMethod Algorithm=\"urn:s\"/>\
<ds:Reference URI=\"\"><ds:DigestMethod Algorithm=\"urn:d\"/><ds:DigestValue>QUJD</ds:DigestValue></ds:Reference>\
</ds:SignedInfo><ds:SignatureValue>QUJD</ds:SignatureValue><ds:KeyInfo><ds:KeyName>01</ds:KeyName></ds:KeyInfo></ds:Signature>";

fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn judge(xml: &str) -> Vec<Violation> {
    let catalogue = Catalogue::load_builtin().unwrap();
    let document = parse(xml);
    let name = document.root().name();
    let kind = catalogue.by_root(name.namespace, name.local).unwrap();
    catalogue.validate_structure(&document, kind).err().unwrap_or_default()
}

/// The schema of a type of the customs norm.
fn structure(name: &str) -> Structure {
    let location = format!("ceb/2022-05/{name}.xsd");
    let files = View::new(Arc::new(Files::builtin()), "ceb/2022-05", None);
    Structure::new(name, &location, files, false)
}

fn order(from: &str, to: &str) -> String {
    let xml = example("CEB311Message").unwrap();
    assert!(xml.contains(from), "{from}");
    xml.replacen(from, to, 1)
}

/// Code, place and English text of each violation.
fn said(xml: &str) -> Vec<(String, u32, String)> {
    judge(xml).into_iter().map(|v| (v.code, v.line, v.en)).collect()
}

fn one(xml: &str) -> (String, u32, String) {
    let found = said(xml);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_missing_element_does_not_hide_what_follows() {
    let xml = order("      <ceb:ebpName>测试电商平台甲公司</ceb:ebpName>\n", "")
        .replace("<ceb:freight>10<", "<ceb:freight>ten<")
        .replace("<ceb:buyerIdType>1<", "<ceb:buyerIdType>12<")
        .replacen("      <ceb:unit>122</ceb:unit>\n", "", 1);
    let found = said(&xml);
    let expected = [
        ("schema-missing-element", 12, "expected element ebpName after ebpCode, found ebcCode"),
        (
            "schema-type",
            15,
            "freight is not of its type; expected a number of at most 19 digits, at most 5 behind the point",
        ),
        ("schema-length", 23, "buyerIdType has 2 characters; expected exactly 1 characters"),
        ("schema-missing-element", 38, "expected element unit after gmodel, found qty"),
    ];
    let found: Vec<_> = found.iter().map(|(c, l, e)| (c.as_str(), *l, e.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_out_of_order_is_said_once() {
    let (code, name) = (
        "<ceb:ebpCode>440466T001</ceb:ebpCode>",
        "      <ceb:ebpName>测试电商平台甲公司</ceb:ebpName>\n",
    );
    let xml = order(name, "").replacen(code, &format!("{}{code}", name.trim()), 1);
    let (code, _, en) = one(&xml);
    assert_eq!(code, "schema-unexpected-element");
    assert_eq!(en, "element ebpName is out of order: it stands after ebpCode");

    // Far too early, twice, and something missing between.
    let note = "      <ceb:note>测试订单</ceb:note>\n";
    let early = format!("{note}{note}      <ceb:freight>");
    let xml = order(note, "").replacen("      <ceb:freight>", &early, 1);
    let (code, line, en) = one(&xml);
    assert_eq!((code.as_str(), line), ("schema-unexpected-element", 16));
    assert_eq!(en, "element note is out of order: it stands after consigneeAddress");
    let xml = xml.replacen("      <ceb:buyerName>测试买方</ceb:buyerName>\n", "", 1);
    let found = said(&xml);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1].2, "expected element buyerName after buyerRegNo, found buyerTelephone");
    // An order after the transfer.
    let xml = example("CEB311Message").unwrap();
    let (head, rest) = xml.split_once("  <ceb:Order>").unwrap();
    let (body, transfer) = rest.split_once("  <ceb:BaseTransfer>").unwrap();
    let (transfer, end) = transfer.split_once("</ceb:CEB311Message>").unwrap();
    let xml =
        format!("{head}<ceb:BaseTransfer>{transfer}<ceb:Order>{body}</ceb:CEB311Message>{end}");
    assert_eq!(one(&xml).2, "element BaseTransfer is out of order: it stands after Order");

    // An optional one that is late.
    let pay = "      <ceb:payCode>440466T002</ceb:payCode>\n";
    let xml =
        order(pay, "").replacen("    </ceb:OrderHead>", &format!("{pay}    </ceb:OrderHead>"), 1);
    let (code, line, en) = one(&xml);
    assert_eq!((code.as_str(), line), ("schema-unexpected-element", 32));
    assert_eq!(en, "element payCode is out of order: it stands before note");
}

#[test]
fn repeated_and_foreign_elements_are_named() {
    let cases = [
        (
            "<ceb:freight>10</ceb:freight>",
            "<ceb:freight>10</ceb:freight><ceb:freight>10</ceb:freight>",
            "element freight occurs more than once",
        ),
        (
            "<ceb:discount>",
            "<ceb:goodsValue>1</ceb:goodsValue><ceb:discount>",
            "element goodsValue occurs more than once",
        ),
        (
            "<ceb:freight>",
            "<ceb:moon><ceb:moon/>x</ceb:moon><ceb:freight>",
            "element moon is not allowed here; expected freight",
        ),
        (
            "<ceb:payCode>",
            "<ceb:moon/><ceb:payCode>",
            "element moon is not allowed here; expected payCode, payName, payTransactionId, batchNumbers, consignee",
        ),
        (
            "<ceb:freight>10</ceb:freight>",
            "<ceb:freight>10</ceb:freight><freight xmlns=\"urn:x\"/>",
            "element freight of namespace urn:x is not allowed here; expected discount",
        ),
        (
            "<ceb:freight>10</ceb:freight>",
            "<ceb:freight>10</ceb:freight><freight/>",
            "element freight of no namespace is not allowed here; expected discount",
        ),
        ("<ceb:freight>10<", "<ceb:freight><ceb:moon/>10<", "element moon is not allowed here"),
    ];
    for (from, to, expected) in cases {
        let (code, _, en) = one(&order(from, to));
        assert_eq!((code.as_str(), en.as_str()), ("schema-unexpected-element", expected));
    }
    let (_, _, en) = one(&order("<ceb:BaseTransfer>", "<ceb:Moon/><ceb:BaseTransfer>"));
    assert_eq!(en, "element Moon is not allowed here; expected Order, BaseTransfer");
}

#[test]
fn what_is_missing_at_the_end_is_placed_at_the_end_tag() {
    let address = "      <ceb:consigneeAddress>测试省测试市测试路一号</ceb:consigneeAddress>\n";
    let xml = order(address, "").replacen("      <ceb:note>测试订单</ceb:note>\n", "", 1);
    let found = judge(&xml);
    assert_eq!(found.len(), 1, "{found:?}");
    let found = &found[0];
    assert_eq!((found.line, found.column), (31, 5));
    assert_eq!(found.path, "/ceb:CEB311Message/ceb:Order/ceb:OrderHead");
    assert_eq!(
        found.en,
        "expected element consigneeAddress after consigneeTelephone, found the end of OrderHead"
    );
    assert_eq!(found.zh, "OrderHead 缺少 consigneeAddress，应在 consigneeTelephone 之后");
    assert_eq!(found.norm_code.as_deref(), Some("0002"));
}

#[test]
fn attributes_are_named() {
    let root = "version=\"1.0\">";
    for (to, expected) in [
        (">", "CEB311Message lacks the attribute version (1 to 10 characters)"),
        ("version=\"\">", "attribute version has 0 characters; expected 1 to 10 characters"),
        ("version=\"1.0\" moon=\"1\">", "attribute moon is not allowed on CEB311Message"),
        ("version=\"1.0\" xml:lang=\"zh\">", "attribute xml:lang is not allowed on CEB311Message"),
        (
            "version=\"1.0\" xsi:type=\"ceb:Order\">",
            "attribute xsi:type is not allowed on CEB311Message",
        ),
        ("version=\"1.0\" xsi:nil=\"false\">", "attribute xsi:nil is not allowed on CEB311Message"),
        ("version=\"1.0\" xsi:moon=\"1\">", "attribute xsi:moon is not allowed on CEB311Message"),
    ] {
        let (code, line, en) = one(&order(root, to));
        assert_eq!((code.as_str(), line, en.as_str()), ("schema-attribute", 2, expected));
    }
    let hint = "version=\"1.0\" xsi:schemaLocation=\"http://www.chinaport.gov.cn/ceb a.xsd\">";
    assert_eq!(judge(&order(root, hint)), []);
    let (code, _, en) = one(&order("<ceb:freight>10<", "<ceb:freight moon=\"1\">10<"));
    assert_eq!(
        (code.as_str(), en.as_str()),
        ("schema-attribute", "attribute moon is not allowed on freight")
    );
}

/// Each of these is taken by the engine or refused by it, wrongly.
#[test]
fn faults_of_the_engine_are_made_good() {
    let after = "<ceb:OrderHead>";
    for text in ["\u{3000}", "\u{a0}", "\u{2028}", "x"] {
        let (code, _, _) = one(&order(after, &format!("{after}{text}")));
        assert_eq!(code, "schema-unexpected-text", "{text:?}");
    }
    assert_eq!(judge(&order(after, &format!("{after}<!-- c --> \t\r\n<?p?>&#x20;"))), []);
    let numbers = |value: &str, serial: &str| {
        let key = format!(
            "<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>\nQU JD\n</ds:Modulus><ds:Exponent>{value}</ds:Exponent>\
             </ds:RSAKeyValue></ds:KeyValue><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=测试</ds:X509IssuerName>\
             <ds:X509SerialNumber>{serial}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>"
        );
        let signature =
            SIGNATURE.replacen("<ds:KeyInfo><ds:KeyName>01</ds:KeyName></ds:KeyInfo>", &key, 1);
        order("</ceb:CEB311Message>", &format!("{signature}</ceb:CEB311Message>"))
    };
    assert_eq!(judge(&numbers(" AQ\nAB ", "\n 12 ")), []);
    assert_eq!(one(&numbers("AQAB", "1_0")).0, "schema-type");
    assert_eq!(one(&numbers("AQ-AB", "1")).0, "schema-type");
    assert_eq!(one(&numbers("AQAB\u{3000}", "1")).0, "schema-type");
}

#[test]
fn comments_and_cdata_do_not_split_a_value() {
    assert_eq!(
        judge(&order("<ceb:freight>10<", "<ceb:freight>1<!-- c -->0<![CDATA[.5]]><?p?><")),
        []
    );
    let (code, _, en) = one(&order("<ceb:appType>1<", "<ceb:appType>1<!-- c -->2<"));
    assert_eq!(
        (code.as_str(), en.as_str()),
        ("schema-length", "appType has 2 characters; expected exactly 1 characters")
    );
}

#[test]
fn choices_are_judged_by_the_engine() {
    let with = |from: &str, to: &str| {
        let signature = SIGNATURE.replacen(from, to, 1);
        order("</ceb:CEB311Message>", &format!("{signature}</ceb:CEB311Message>"))
    };
    let key = "<ds:KeyName>01</ds:KeyName>";
    assert_eq!(judge(&with(key, "<x:y xmlns:x=\"urn:x\" a=\"1\">t<x:z/></x:y>")), []);
    let (code, _, en) = one(&with(
        key,
        "<ds:Transform Algorithm=\"a\"><ds:XPath>x</ds:XPath></ds:Transform><ds:Moon/>",
    ));
    assert_eq!(code, "schema-unexpected-element");
    assert_eq!(en, "element Transform is not allowed here; expected KeyName, KeyValue, X509Data");
    let (code, _, en) = one(&with(key, "<ds:X509Data></ds:X509Data>"));
    assert_eq!(code, "schema-missing-element");
    assert!(en.starts_with("X509Data is not complete; it is made of X509IssuerSerial"), "{en}");
    let (code, _, _) = one(&with("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"));
    assert_eq!(code, "schema-unexpected-element");
}

#[test]
fn extension_messages_hold_anything() {
    let extension = "<ceb:ExtendMessage><ceb:name>n</ceb:name><ceb:version>1</ceb:version>\
                     <ceb:Message a=\"1\">text<x b=\"2\"/><ceb:Order/></ceb:Message></ceb:ExtendMessage>";
    assert_eq!(
        judge(&order("</ceb:CEB311Message>", &format!("{extension}</ceb:CEB311Message>"))),
        []
    );
    let unnamed = extension.replacen("<ceb:name>n</ceb:name>", "", 1);
    let (code, _, en) =
        one(&order("</ceb:CEB311Message>", &format!("{unnamed}</ceb:CEB311Message>")));
    assert_eq!(
        (code.as_str(), en.as_str()),
        ("schema-missing-element", "expected element name first, found version")
    );
}

#[test]
fn personal_values_are_not_repeated() {
    let found =
        judge(&order("<ceb:buyerName>测试买方<", &format!("<ceb:buyerName>{}<", "密".repeat(61))));
    assert_eq!(found[0].code, "schema-length");
    assert!(!format!("{found:?}").contains('密'), "{found:?}");
    let found =
        judge(&order("<ceb:itemName>测试奶粉<", &format!("<ceb:itemName>{}<", "奶".repeat(251))));
    assert!(found[0].found.starts_with("奶奶"), "{found:?}");
}

#[test]
fn a_root_of_another_type_is_refused() {
    let structure = structure("CEB311Message");
    let found = structure.validate(&parse(example("CEB411Message").unwrap()), &[]).unwrap_err();
    assert_eq!((found.len(), found[0].code.as_str()), (1, "schema-unexpected-element"));
}

#[test]
fn threads_may_judge_at_once() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let document = parse(example("CEB311Message").unwrap());
                    assert_eq!(catalogue.validate_structure(&document, kind), Ok(()));
                }
            });
        }
    });
}

/// Every schema that is built in runs compiled.
#[test]
fn the_catalogue_runs_compiled() {
    let files = Files::builtin();
    let mut sets = 0;
    for (path, _) in files.all().filter(|(path, _)| path.ends_with(".xsd")) {
        let set = crate::SchemaSet::load(path, &files).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(*set.engine(), crate::Engine::Compiled, "{path}");
        sets += 1;
    }
    assert!(sets >= 50, "{sets}");
    let catalogue = Catalogue::load_builtin().unwrap();
    for kind in catalogue.all_versions() {
        assert_eq!(catalogue.engine(kind), "compiled", "{}", kind.name);
    }
}
