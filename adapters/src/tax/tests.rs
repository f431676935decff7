//! The records of the tax department: right fields, decimals as strings, nothing about
//! the buyer; and its one answer per delivery.

use serde_json::{Value, json};

use super::*;
use crate::tests::{assert_valid, batch, example, incoming, now, parse, values, with};
use crate::{Answer, Department};

fn map(message_type: &str, documents: &[u32], body: &str) -> (Value, Answer) {
    let mut outcome = TAX.map(&incoming(message_type, documents, body), now()).unwrap();
    assert_eq!(outcome.answers.len(), 1);
    assert_valid(&outcome.answers[0]);
    (serde_json::from_str(&outcome.effect).unwrap(), outcome.answers.remove(0))
}

/// The example with known values in the fields that are recorded.
fn known(message_type: &str, fields: &[(&str, &str)]) -> String {
    fields
        .iter()
        .fold(example(message_type), |body, (field, value)| with(&body, field, 0, Some(value)))
}

#[test]
fn an_order_is_a_purchase() {
    let body = known(
        "CEB311Message",
        &[
            ("appType", "1"),
            ("appTime", "20261123080000"),
            ("orderNo", "ORDER-1"),
            ("ebpCode", "9999000001"),
            ("ebcCode", "9999000002"),
            ("ebcName", "测试甲公司"),
            ("freight", "010.50"),
            ("taxTotal", ".5"),
            ("acturalPaid", "211.00"),
            ("currency", "142"),
            ("itemName", "测试商品<一>"),
            ("unit", "011"),
            ("qty", "2"),
            ("price", "100.00"),
            ("totalPrice", "200.00"),
        ],
    );
    let (effect, _) = map("CEB311Message", &[0], &body);
    let record = &effect["documents"][0];
    let expected = json!({
        "name": "测试商品<一>", "unit": "011", "quantity": "2",
        "unitPrice": "100.00", "total": "200.00",
    });
    assert_eq!(record["goods"][0], expected);
    for (field, value) in [
        ("record", "purchase"),
        ("declared", "new"),
        ("orderNo", "ORDER-1"),
        ("platformCode", "9999000001"),
        ("sellerCode", "9999000002"),
        ("sellerName", "测试甲公司"),
        ("date", "2026-11-23"),
        ("freight", "10.50"),
        ("tax", "0.5"),
        ("total", "211.00"),
        ("currency", "142"),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
}

#[test]
fn a_payment_names_who_is_paid() {
    let body = known(
        "CEB411Message",
        &[
            ("appType", "2"),
            ("payTime", "20261122235959"),
            ("payTransactionId", "PAY-1"),
            ("amountPaid", "211.00"),
            ("ebpCode", "9999000001"),
        ],
    );
    let (effect, answer) = map("CEB411Message", &[0], &body);
    let record = &effect["documents"][0];
    for (field, value) in [
        ("record", "payment"),
        ("declared", "change"),
        ("transaction", "PAY-1"),
        ("date", "2026-11-22"),
        ("total", "211.00"),
        ("sellerCode", "9999000001"),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    assert_eq!(values(&answer, "payTransactionId"), ["PAY-1"]);
}

#[test]
fn a_list_has_classified_goods() {
    let body = known(
        "CEB621Message",
        &[
            ("appType", "3"),
            ("declTime", "20261123"),
            ("copNo", "LIST-1"),
            ("gcode", "9999999900"),
            ("gname", "测试商品"),
            ("qty", "1.5"),
        ],
    );
    let (effect, answer) = map("CEB621Message", &[0], &body);
    let record = &effect["documents"][0];
    assert_eq!(record["record"], "import");
    assert_eq!(record["declared"], "deletion");
    assert_eq!(record["date"], "2026-11-23");
    assert_eq!(record["goods"][0]["code"], "9999999900");
    assert_eq!(record["goods"][0]["name"], "测试商品");
    assert_eq!(record["goods"][0]["quantity"], "1.5");
    assert_eq!(values(&answer, "copNo"), ["LIST-1"]);
}

#[test]
fn nothing_about_the_buyer_is_recorded() {
    let secret = "测试机密";
    for (message_type, fields) in [
        (
            "CEB311Message",
            &[
                "buyerName",
                "buyerIdNumber",
                "buyerTelephone",
                "consignee",
                "consigneeAddress",
                "consigneeTelephone",
                "buyerRegNo",
            ][..],
        ),
        ("CEB411Message", &["payerName", "payerIdNumber"]),
        ("CEB621Message", &["buyerName", "buyerIdNumber", "buyerTelephone", "consigneeAddress"]),
    ] {
        let fields: Vec<_> = fields.iter().map(|field| (*field, secret)).collect();
        let (effect, answer) = map(message_type, &[0], &known(message_type, &fields));
        assert!(!effect.to_string().contains(secret));
        assert!(!answer.xml.contains(secret));
    }
}

#[test]
fn the_answer_has_one_return_per_document() {
    for message_type in ["CEB311Message", "CEB411Message", "CEB621Message"] {
        let mut body = batch(message_type, 3);
        let kind = KINDS.iter().find(|kind| kind.shape.message_type == message_type).unwrap();
        let number = kind.shape.key.last().unwrap();
        body = with(&body, number, 2, Some("<&>"));
        let (effect, answer) = map(message_type, &[0, 2], &body);
        let document = parse(&answer.xml);
        assert!(document.root().is(NAMESPACE, RETURN));
        assert_eq!(document.root().attribute("", "guid").unwrap().len(), 36);
        assert_eq!(values(&answer, "returnStatus"), ["120", "120"]);
        assert_eq!(values(&answer, "declarationType"), [message_type, message_type]);
        assert_eq!(values(&answer, number)[1], "<&>");
        assert!(values(&answer, "returnInfo").iter().all(|info| info.contains("登记成功[")));
        assert_eq!(effect["documents"][1]["index"], 2);
    }
}

#[test]
fn waybills_are_not_for_tax() {
    let body = example("CEB511Message");
    let error = TAX.map(&incoming("CEB511Message", &[0], &body), now()).unwrap_err();
    assert_eq!(error.code(), "mapping-type-unknown");
    assert!(error.en().contains("tax maps no CEB511Message, but CEB311Message, CEB411Message"));
}

#[test]
fn amounts_and_days_must_be_such() {
    for (field, value) in [("acturalPaid", "1,000"), ("qty", "two"), ("appTime", "20261323000000")]
    {
        let body = with(&example("CEB311Message"), field, 0, Some(value));
        let error = TAX.map(&incoming("CEB311Message", &[0], &body), now()).unwrap_err();
        assert_eq!(error.code(), "mapping-field-wrong");
        assert!(error.en().contains(value) && error.en().contains(field), "{}", error.en());
    }
}

fn said(message_type: &str, body: &str) -> Vec<Answer> {
    let outcome = TAX.map(&incoming(message_type, &[0], body), now()).unwrap();
    outcome.answers.iter().for_each(assert_valid);
    outcome.answers
}

#[test]
fn a_claim_is_judged_line_by_line() {
    let body = example("RefundClaimMessage");
    let of = |field: &str, value: Option<&str>| {
        let body = match field {
            "" => body.clone(),
            field => with(&body, field, 0, value),
        };
        let answers = said("RefundClaimMessage", &body);
        let [taken, judged] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!(values(taken, "returnStatus"), ["2"]);
        ["returnStatus", "decision", "refusedAmount", "pendingAmount", "reasonCode"]
            .map(|field| values(judged, field).join(" "))
    };
    assert_eq!(of("", None), ["399", "APPROVED", "0", "0", ""]);
    assert_eq!(of("invoiceNo", None), ["300", "PENDING", "0", "84.5", "INVOICE"]);
    assert_eq!(of("refundRate", Some("16")), ["100", "REFUSED", "84.5", "0", "RATE"]);
    assert_eq!(of("refundRate", Some("9")), ["100", "REFUSED", "84.5", "0", "AMOUNT"]);
}

#[test]
fn a_purchase_without_an_invoice_has_no_refund() {
    let body = example("PurchaseRegistrationMessage");
    assert_eq!(
        values(&said("PurchaseRegistrationMessage", &body)[0], "detailCode"),
        ["EXEMPT-ONLY"]
    );
    let invoiced = with(&body, "voucherType", 0, Some("INVOICE"));
    assert!(values(&said("PurchaseRegistrationMessage", &invoiced)[0], "detailCode").is_empty());
}

#[test]
fn a_simplified_export_has_no_refund() {
    let body = example("CEB603Message");
    assert!(values(&said("CEB603Message", &body)[0], "returnInfo")[0].contains("不予退税"));
    let summed = with(&body, "statisticsFlag", 0, Some("B"));
    assert!(values(&said("CEB603Message", &summed)[0], "returnInfo")[0].contains("可申报退税"));
}
