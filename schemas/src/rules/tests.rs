//! Every rule code has a document that passes and one that fails; a code without
//! both fails here.

#![allow(clippy::string_slice)]

use std::collections::BTreeSet;

use onepoint_xml::{Document, Limits};

use super::*;
use crate::{Catalogue, example, example_with};

const ORDER: &str = "CEB311Message";
const PAYMENT: &str = "CEB411Message";
const WAYBILL: &str = "CEB511Message";
const LIST: &str = "CEB621Message";
const RECEIPT: &str = "CEB622Message";

/// What a bonded list has that a direct one has not.
const BONDED: &[(&str, &str)] = &[("tradeMode", "1210")];

/// A field and its value.
type Change = (&'static str, &'static str);

/// Code, type, a change that passes, a change that fails.
#[rustfmt::skip]
const CASES: &[(&str, &str, Change, Change)] = &[
    ("app-type", ORDER, ("appType", "3"), ("appType", "4")),
    ("app-status", LIST, ("appStatus", "1"), ("appStatus", "100")),
    ("app-time", PAYMENT, ("appTime", "20240229000000"), ("appTime", "20230229000000")),
    ("pay-time", PAYMENT, ("payTime", "20261231235959"), ("payTime", "20261231235960")),
    ("declaration-date", LIST, ("declTime", "20261130"), ("declTime", "20261131")),
    ("entry-date", LIST, ("ieDate", ""), ("ieDate", "20261301")),
    ("order-type", ORDER, ("orderType", "I"), ("orderType", "E")),
    ("entry-flag", LIST, ("ieFlag", "I"), ("ieFlag", "E")),
    ("currency", WAYBILL, ("currency", "142"), ("currency", "502")),
    ("line-currency", ORDER, ("line:currency", "142"), ("line:currency", "502")),
    ("buyer-id-type", LIST, ("buyerIdType", "1"), ("buyerIdType", "2")),
    ("payer-id-type", PAYMENT, ("payerIdType", "1"), ("payerIdType", "2")),
    ("buyer-id-number", ORDER, ("buyerIdNumber", "999999199001010016"), ("buyerIdNumber", "999999199001010017")),
    ("payer-id-number", PAYMENT, ("payerIdNumber", "999999199001010016"), ("payerIdNumber", "1")),
    ("amount-negative", ORDER, ("discount", "9.50"), ("discount", "-9.5")),
    ("payment-amount", PAYMENT, ("amountPaid", "0"), ("amountPaid", "-0.00001")),
    ("waybill-amount", WAYBILL, ("insuredFee", "0"), ("insuredFee", "-1")),
    ("list-amount", LIST, ("freight", "0"), ("freight", "-1")),
    ("line-amount", LIST, ("line:price", "99.50"), ("line:price", "-99.5")),
    ("quantity", LIST, ("line:qty1", "0.00001"), ("line:qty1", "0")),
    ("waybill-weight", WAYBILL, ("weight", "0.00001"), ("weight", "0")),
    ("list-weight", LIST, ("netWeight", "0.5"), ("netWeight", "-0.5")),
    ("net-weight", LIST, ("netWeight", "2.10000"), ("netWeight", "2.10001")),
    ("order-total", ORDER, ("acturalPaid", "327.30"), ("acturalPaid", "327.31")),
    ("line-total", ORDER, ("line:totalPrice", "99.50000"), ("line:totalPrice", "99.51")),
    ("line-sequence", LIST, ("line:gnum", "02"), ("line:gnum", "3")),
    ("unit", ORDER, ("line:unit", "035"), ("line:unit", "999")),
    ("line-country", ORDER, ("line:country", "142"), ("line:country", "000")),
    ("country", LIST, ("country", "142"), ("country", "000")),
    ("customs-district", LIST, ("portCode", "5199"), ("portCode", "9300")),
    ("transport-mode", LIST, ("trafMode", "2"), ("trafMode", "Q")),
    ("wrap-type", LIST, ("wrapType", "2"), ("wrapType", "9")),
    ("trade-mode", LIST, ("tradeMode", "9610"), ("tradeMode", "0110")),
    ("pack-number", WAYBILL, ("packNo", " +01 "), ("packNo", "2")),
    ("direct-transport", LIST, ("voyageNo", "TT2"), ("voyageNo", "")),
    ("list-number", LIST, ("copNo", "L2"), ("copNo", "")),
    ("bonded-account", LIST, ("bonded:emsNo", "E1"), ("bonded:emsNo", "")),
    ("bonded-item", LIST, ("bonded:itemRecordNo", "R1"), ("bonded:itemRecordNo", "")),
    ("bonded-country", LIST, ("bonded:country", "142"), ("bonded:country", "609")),
    ("identifier-space", ORDER, ("orderNo", "A 1"), ("orderNo", "A1\u{3000}")),
    ("address-district", ORDER, ("consigneeDistrict", "999999"), ("consigneeDistrict", "99999X")),
    ("commodity-code", LIST, ("line:gcode", "3304990099"), ("line:gcode", "33049900.9")),
    ("trade-country", LIST, ("line:tradeCountry", "142"), ("line:tradeCountry", "000")),
    ("return-status", RECEIPT, ("returnStatus", "-621029"), ("returnStatus", "-")),
    ("return-time", RECEIPT, ("returnTime", "20240229235959999"), ("returnTime", "20230229235959999")),
    ("guarantor", LIST, ("assureCode", "440466T003"), ("assureCode", "440466T009")),
];

/// The example with one change. `line:` changes the last line, `bonded:` a bonded list.
fn changed(kind: &str, (field, value): (&str, &str)) -> String {
    if let Some(field) = field.strip_prefix("bonded:") {
        return bonded(field, value);
    }
    let (line, field) = match field.strip_prefix("line:") {
        Some(field) => (true, field),
        None => (false, field),
    };
    let xml = example(kind).unwrap();
    let open = format!("<{}{field}>", if xml.contains("<ceb:") { "ceb:" } else { "" });
    let at = if line { xml.rfind(&open) } else { xml.find(&open) };
    let Some(at) = at else {
        let after = if line { "List>\n" } else { "Head>\n" };
        return with_field(xml, after, field, value);
    };
    let from = at + open.len();
    let to = from + xml[from..].find('<').unwrap();
    format!("{}{value}{}", &xml[..from], &xml[to..])
}

/// Adds an optional field to the head or a line; the rules do not mind its place.
fn with_field(xml: &str, after: &str, field: &str, value: &str) -> String {
    xml.replacen(after, &format!("{after}<ceb:{field}>{value}</ceb:{field}>"), 1)
}

fn bonded(field: &str, value: &str) -> String {
    let mut fields = BONDED.to_vec();
    fields.push(("country", "142"));
    let mut xml = example_with(LIST, &fields).unwrap();
    for (name, good) in [("emsNo", "E1"), ("areaCode", "440466T005"), ("areaName", "测试仓")] {
        xml = with_field(&xml, "Head>\n", name, if name == field { value } else { good });
    }
    let record = if field == "itemRecordNo" { value } else { "R1" };
    xml = xml.replace(
        "<ceb:gcode>",
        &format!("<ceb:itemRecordNo>{record}</ceb:itemRecordNo><ceb:gcode>"),
    );
    if field == "country" {
        xml = xml.replacen("<ceb:country>142<", &format!("<ceb:country>{value}<"), 1);
    }
    xml
}

fn codes(catalogue: &Catalogue, kind: &str, xml: &str) -> BTreeSet<String> {
    let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap();
    let kind = catalogue.by_name(kind).unwrap();
    catalogue.check_rules(&document, kind, 0).into_iter().map(|v| v.code).collect()
}

#[test]
fn every_rule_has_a_document_that_passes_and_one_that_fails() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (code, kind, good, bad) in CASES {
        let passing = codes(&catalogue, kind, &changed(kind, *good));
        assert!(!passing.contains(*code), "{code} fails with {good:?}");
        let failing = codes(&catalogue, kind, &changed(kind, *bad));
        assert!(failing.contains(*code), "{code} passes with {bad:?}: {failing:?}");
    }
}

#[test]
fn no_rule_is_without_its_case_for_each_check() {
    let set = RuleSet::parse(crate::files::embedded("ceb/2022-05/rules.toml").unwrap()).unwrap();
    let rules: BTreeSet<&str> = set.rules.values().flatten().map(|r| r.code.as_str()).collect();
    let cases: BTreeSet<&str> = CASES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(rules, cases);
}

#[test]
fn violations_say_place_and_both_languages() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (code, kind, _, bad) in CASES {
        let xml = changed(kind, *bad);
        let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
        let kind = catalogue.by_name(kind).unwrap();
        let found = catalogue.check_rules(&document, kind, 0);
        let violation = found.iter().find(|v| v.code == *code).unwrap();
        assert!(violation.line > 1 && violation.path.starts_with('/'), "{violation:?}");
        for text in [&violation.en, &violation.zh] {
            assert!(!text.contains('{') && !text.is_empty(), "{text}");
        }
        assert!(violation.zh.chars().any(|c| c as u32 > 0x4e00), "{violation:?}");
    }
}

#[test]
fn a_number_that_is_personal_is_not_repeated() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let xml = changed(ORDER, ("buyerIdNumber", "123456789"));
    let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
    let found = catalogue.check_rules(&document, catalogue.by_name(ORDER).unwrap(), 0);
    assert!(!format!("{found:?}").contains("123456789"));
}

#[test]
fn sums_beyond_what_an_amount_can_hold_are_a_violation_and_no_panic() {
    let most = "9999999999999999999";
    let xml = example_with(
        ORDER,
        &[
            ("goodsValue", most),
            ("freight", most),
            ("acturalPaid", most),
            ("price", most),
            ("qty", most),
        ],
    )
    .unwrap();
    let catalogue = Catalogue::load_builtin().unwrap();
    let found = codes(&catalogue, ORDER, &xml);
    assert!(found.contains("order-total") && found.contains("line-total"), "{found:?}");
}

/// The schema refuses these; if it ever did not, a rule must not pass over them.
#[test]
fn numbers_that_cannot_be_read_break_the_rule() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (kind, field, code) in [
        (ORDER, "acturalPaid", "order-total"),
        (ORDER, "freight", "order-total"),
        (ORDER, "discount", "amount-negative"),
        (ORDER, "line:totalPrice", "line-total"),
        (ORDER, "line:price", "line-total"),
        (LIST, "netWeight", "net-weight"),
        (LIST, "netWeight", "list-weight"),
        (LIST, "packNo", "pack-number"),
    ] {
        let found = codes(&catalogue, kind, &changed(kind, (field, "1_0")));
        assert!(found.contains(code), "{field}: {found:?}");
    }
}

#[test]
fn codes_are_compared_as_they_are_written() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (field, value, code) in [
        ("appStatus", " 2", "app-status"),
        ("appStatus", "2\u{3000}", "app-status"),
        ("buyerIdNumber", "999999199001010016 ", "buyer-id-number"),
    ] {
        let found = codes(&catalogue, ORDER, &changed(ORDER, (field, value)));
        assert!(found.contains(code), "{field}: {found:?}");
    }
}

#[test]
fn violations_carry_the_code_of_the_norm_where_it_has_one() {
    let catalogue = Catalogue::load_builtin().unwrap();
    for (kind, change, norm) in [
        (ORDER, ("acturalPaid", "1"), Some("-301008")),
        (PAYMENT, ("currency", "502"), Some("-401009")),
        (WAYBILL, ("packNo", "2"), Some("-504011")),
        (LIST, ("packNo", "2"), Some("-621001")),
        (RECEIPT, ("returnStatus", "x"), None),
    ] {
        let document = changed(kind, change).into_bytes();
        let document = Document::parse(document, &Limits::default()).unwrap();
        let found = catalogue.check_rules(&document, catalogue.by_name(kind).unwrap(), 0);
        assert_eq!(found[0].norm_code.as_deref(), norm, "{found:?}");
    }
}

#[test]
fn broken_rule_files_are_refused() {
    assert!(matches!(RuleSet::parse("rule = 1"), Err(RuleError::File(_))));
    let text = "[[rule]]\ncode = \"x\"\ntypes = []\nat = \"head\"\nen = \"\"\nzh = \"\"\ncheck = { kind = \"in-list\", fields = [], list = \"moons\" }\n";
    assert!(matches!(RuleSet::parse(text), Err(RuleError::List { .. })));
}
