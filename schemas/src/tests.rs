//! The catalogue as a whole: examples are valid, faults are found where they are.

#![allow(clippy::string_slice)]

use onepoint_xml::{Document, Limits};

use super::*;

mod every_type;

fn catalogue() -> Catalogue {
    Catalogue::load_builtin().unwrap()
}

fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn judge(catalogue: &Catalogue, xml: &str) -> Vec<Violation> {
    let document = parse(xml);
    let name = document.root().name();
    let kind = catalogue.by_root(name.namespace, name.local).unwrap();
    catalogue.validate_structure(&document, kind).err().unwrap_or_default()
}

/// A Signature as a signer would put it there, line breaks in its base64 included.
const SIGNATURE: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>\
<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
<ds:Reference URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></ds:Transforms>\
<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>QUJD\n REVG</ds:DigestValue></ds:Reference>\
</ds:SignedInfo><ds:SignatureValue>QUJD\r\n\tREVG</ds:SignatureValue><ds:KeyInfo><ds:KeyName>01</ds:KeyName>\
<ds:X509Data><ds:X509Certificate>QUJD\nREVG\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>";

fn signed(name: &str) -> String {
    let xml = example(name).unwrap();
    if !xml.contains("BaseTransfer") {
        return xml.to_owned();
    }
    let (body, _) = xml.rsplit_once("</").unwrap();
    format!("{body}{SIGNATURE}</ceb:{name}>\n")
}

#[test]
fn a_message_that_must_be_signed_is_complete_only_with_its_signature() {
    let catalogue = catalogue();
    for name in ["CEB311Message", "CEB621Message"] {
        assert_eq!(judge(&catalogue, &signed(name)), [], "{name}");
    }
    assert_eq!(judge(&catalogue, example("CEB311Message").unwrap()), []);
    let unsigned = judge(&catalogue, example("CEB621Message").unwrap());
    assert_eq!(unsigned[0].code, "schema-missing-element");
}

#[test]
fn lengths_count_characters() {
    let catalogue = catalogue();
    let named = |n: usize| {
        let xml = signed("CEB311Message");
        xml.replace(
            "<ceb:ebpName>测试电商平台甲公司<",
            &format!("<ceb:ebpName>{}<", "名".repeat(n)),
        )
    };
    assert_eq!(judge(&catalogue, &named(100)), []);
    let found = judge(&catalogue, &named(101));
    assert_eq!((found.len(), found[0].code.as_str()), (1, "schema-length"), "{found:?}");
    assert!(found[0].path.ends_with("ebpName"), "{found:?}");
    assert!(found[0].found.chars().count() <= 65);
}

#[test]
fn types_orders_and_strangers_are_refused() {
    let catalogue = catalogue();
    let xml = signed("CEB311Message");
    let first = |xml: &str| {
        let found = judge(&catalogue, xml);
        found.first().map_or_else(String::new, |v| v.code.clone())
    };
    let change = |from: &str, to: &str| {
        assert!(xml.contains(from), "{from}");
        first(&xml.replacen(from, to, 1))
    };
    assert_eq!(change("<ceb:freight>10<", "<ceb:freight>ten<"), "schema-type");
    assert_eq!(change("<ceb:freight>10<", "<ceb:freight>0.000001<"), "schema-digits");
    assert_eq!(change("<ceb:freight>10<", "<ceb:freight>12345678901234567890<"), "schema-digits");
    assert_eq!(change("<ceb:gnum>1<", "<ceb:gnum>one<"), "schema-type");
    assert_eq!(change("<ceb:note>测试订单</ceb:note>", "<ceb:moon/>"), "schema-unexpected-element");
    assert_eq!(
        change("<ceb:ebpCode>", "<ceb:orderNo>X</ceb:orderNo><ceb:ebpCode>"),
        "schema-unexpected-element"
    );
    assert_eq!(change(" version=\"1.0\">", ">"), "schema-attribute");
    assert_eq!(change(" version=\"1.0\">", " version=\"1.0\" moon=\"1\">"), "schema-attribute");
    let transfer = xml
        .split_once("<ceb:BaseTransfer>")
        .unwrap()
        .1
        .split_once("</ceb:BaseTransfer>")
        .unwrap()
        .0;
    let twice = format!("<ceb:BaseTransfer>{transfer}</ceb:BaseTransfer><ceb:BaseTransfer>");
    assert_eq!(change("<ceb:BaseTransfer>", &twice), "schema-unexpected-element");
}

#[test]
fn batches_and_lines_have_bounds() {
    let catalogue = catalogue();
    let xml = signed("CEB311Message");
    let order = &xml[xml.find("<ceb:Order>").unwrap()..xml.find("<ceb:BaseTransfer>").unwrap()];
    let batch = |n: usize| xml.replacen(order, &order.repeat(n), 1);
    assert_eq!(judge(&catalogue, &batch(100)), []);
    let found = judge(&catalogue, &batch(101));
    assert_eq!(found[0].code, "schema-unexpected-element");
    let line = &xml[xml.find("<ceb:OrderList>").unwrap()..xml.find("</ceb:Order>").unwrap()];
    let one = &line[..line.find("</ceb:OrderList>").unwrap() + "</ceb:OrderList>".len()];
    let lines = |n: usize| xml.replacen(line, &one.repeat(n), 1);
    assert_eq!(judge(&catalogue, &lines(99)), []);
    assert_eq!(judge(&catalogue, &lines(100))[0].code, "schema-unexpected-element");
    let document = parse(&batch(100));
    let kind = catalogue.by_name("CEB311Message").unwrap();
    assert_eq!(catalogue.documents(&document, kind).len(), 100);
}

#[test]
fn violations_are_bounded() {
    let catalogue = catalogue();
    let xml = signed("CEB311Message");
    let order = &xml[xml.find("<ceb:Order>").unwrap()..xml.find("<ceb:BaseTransfer>").unwrap()];
    let bad = order.replace("<ceb:freight>10<", "<ceb:freight>ten<");
    let found = judge(&catalogue, &xml.replacen(order, &bad.repeat(90), 1));
    assert_eq!(found.len(), VIOLATIONS_MAX + 1);
    assert_eq!(found[VIOLATIONS_MAX].code, "schema-more");
}

#[test]
fn the_wrong_namespace_is_no_type() {
    let catalogue = catalogue();
    assert!(catalogue.by_root("http://www.chinaport.gov.cn/ceb", "CEB311Message").is_some());
    assert!(catalogue.by_root("urn:other", "CEB311Message").is_none());
    assert!(catalogue.by_root("http://www.chinaport.gov.cn/ceb", "CEB999Message").is_none());
    let receipts = catalogue
        .types()
        .filter(|kind| kind.family == "ceb" && catalogue.is_receipt_type(&kind.name));
    let receipts: Vec<&str> = receipts.map(|kind| kind.name.as_str()).collect();
    assert_eq!(receipts.len(), 19, "{receipts:?}");
    for name in ["CEB792Message", "CEB816Message", "CEB900Message", "TaxReturnMessage"] {
        assert!(!receipts.contains(&name), "{name} is no receipt of a declaration");
    }
    // An envelope is no message: what it carries is.
    assert!(catalogue.by_name("DxpMsg").is_some());
    assert!(catalogue.by_root("http://www.chinaport.gov.cn/dxp", "DxpMsg").is_none());
}

#[test]
fn documents_have_keys_parties_and_fields() {
    let catalogue = catalogue();
    let kind = catalogue.by_name("CEB621Message").unwrap();
    let facts = catalogue.documents(&parse(example("CEB621Message").unwrap()), kind);
    let list = &facts[0];
    assert_eq!(list.business_key.as_deref(), Some("list|1|440466T004|LISTTEST000001"));
    assert_eq!(list.order_key.as_deref(), Some("440466T001|TEST20261101000001"));
    assert_eq!(list.field("InventoryHead/tradeMode"), Some("9610"));
    assert_eq!(list.field("tradeMode"), Some("9610"));
    assert_eq!(list.field("Other/tradeMode"), None);
    assert_eq!((list.app_type.as_deref(), list.app_status.as_deref()), (Some("1"), Some("2")));
    let groups = kind.signers_required(list);
    let codes: Vec<Vec<(&str, &str)>> = groups.iter().map(|g| g.codes().collect()).collect();
    assert_eq!(
        codes,
        [
            vec![("ebcCode", "440466T001"), ("agentCode", "440466T004")],
            vec![("copCode", "440466T004")],
        ]
    );
    let without =
        example("CEB621Message").unwrap().replace("<ceb:copNo>LISTTEST000001</ceb:copNo>", "");
    let key = catalogue.documents(&parse(&without), kind)[0].business_key.clone().unwrap();
    assert_eq!(key, "list-order|1|440466T001|TEST20261101000001|WBTEST000001");
}

#[test]
fn separators_in_fields_cannot_make_keys_collide() {
    let catalogue = catalogue();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let key = |code: &str, number: &str| {
        let xml = example_with("CEB311Message", &[("ebpCode", code), ("orderNo", number)]).unwrap();
        catalogue.documents(&parse(&xml), kind)[0].business_key.clone().unwrap()
    };
    assert_ne!(key("A|B", "C"), key("A", "B|C"));
    assert_ne!(key("A\\", "|C"), key("A", "\\|C"));
}

#[test]
fn examples_take_other_values() {
    let xml = example_with("CEB311Message", &[("orderNo", "N1"), ("@guid", "G1"), ("moon", "x")])
        .unwrap();
    assert!(xml.contains("<ceb:orderNo>N1</ceb:orderNo>") && xml.contains(" guid=\"G1\""));
    assert!(example_with("CEB999Message", &[]).is_none());
}

/// Every schema compiles, every type has examples on both sides, and every rule its fields.
#[test]
fn every_version_that_is_built_in_passes_the_check_of_an_added_one() {
    let catalogue = catalogue();
    for version in catalogue.versions() {
        assert!(!version.added, "{version:?}");
        catalogue.check_version(&version.name).unwrap_or_else(|e| panic!("{e}: {}", e.reason()));
    }
    assert!(catalogue.types().all(|kind| example(&kind.name).is_some()));
}

/// A manifest, and what is said of it.
#[test]
fn manifests_that_do_not_hold_are_refused() {
    let kind = "[[type]]\nname = \"N\"\ndirection = \"answer\"\ntitle = \"n\"\ntitle_zh = \"n\"\n\
                document = \"D\"\nkey = [\"n\", \"a\"]\nsignature = \"none\"\n";
    let head = "family = \"f\"\nversion = \"1\"\nnamespace = \"urn:f\"\n";
    let said = |text: &str, at: &str| {
        let mut files = Files::default();
        files.insert("f/1/N.xsd".into(), "<broken".into());
        files.insert(at.into(), text.into());
        let loaded = Catalogue::load(files).and_then(|catalogue| catalogue.compile_all());
        let error = loaded.unwrap_err();
        assert!(error.to_string().contains(error.file()) && !error.reason().is_empty(), "{error}");
        error.to_string()
    };
    let at = "f/1/manifest.toml";
    assert_eq!(said("family = 1", at), "f/1/manifest.toml cannot be read");
    assert_eq!(said(&format!("{head}{kind}"), at), "the schema f/1/N.xsd does not compile");
    let (twice, moved) = (format!("{head}{kind}{kind}"), format!("{head}{kind}"));
    assert_eq!(said(&twice, at), "f/1/manifest.toml: the type N stands here twice");
    let other = "f/2/manifest.toml: it says f/1, which is not its folder";
    assert_eq!(said(&moved, "f/2/manifest.toml"), other);
    let missing = format!("{head}{}", kind.replace("\"N\"", "\"M\""));
    assert_eq!(
        said(&missing, at),
        "f/1/manifest.toml: the type M has no schema f/1/M.xsd or f/1/M.json"
    );
}

/// Match rules of the norm over the four declarations (order, payment, waybill, list).
#[test]
fn the_four_declarations_are_those_of_one_order() {
    let catalogue = catalogue();
    let head = |name: &str| {
        let kind = catalogue.by_name(name).unwrap();
        catalogue.documents(&parse(example(name).unwrap()), kind).remove(0)
    };
    let (order, payment) = (head("CEB311Message"), head("CEB411Message"));
    let (waybill, list) = (head("CEB511Message"), head("CEB621Message"));
    let same = |a: &DocumentFacts, field: &str, b: &DocumentFacts, other: &str| {
        assert!(a.field(field).is_some(), "{field}");
        assert_eq!(a.field(field), b.field(other), "{field}");
    };
    for other in [&payment, &waybill, &list] {
        same(&order, "orderNo", other, "orderNo");
    }
    for field in ["payCode", "payTransactionId", "ebpCode"] {
        same(&order, field, &payment, field);
    }
    same(&order, "acturalPaid", &payment, "amountPaid");
    same(&order, "buyerIdNumber", &payment, "payerIdNumber");
    for field in ["consignee", "consigneeTelephone", "consigneeAddress"] {
        same(&order, field, &waybill, field);
    }
    for field in ["ebpCode", "ebcCode", "buyerName", "buyerIdNumber", "consigneeAddress"] {
        same(&order, field, &list, field);
    }
    for field in ["logisticsCode", "logisticsNo"] {
        same(&waybill, field, &list, field);
    }
    for (receipt, of) in [
        ("CEB312Message", &order),
        ("CEB412Message", &payment),
        ("CEB512Message", &waybill),
        ("CEB622Message", &list),
    ] {
        assert_eq!(head(receipt).business_key, of.business_key, "{receipt}");
    }
}
