//! The receipts of customs: valid by their schemas, one message per step, the right
//! numbers in the right steps, and everything that a sender wrote escaped.

#![allow(clippy::string_slice, reason = "the texts and the places in them are made here")]

use super::*;
use crate::tests::{TYPES, after, assert_valid, batch, example, incoming, now, values, with};
use crate::{Answer, Department, Outcome};

fn map(message_type: &str, documents: &[u32], body: &str) -> Outcome {
    CUSTOMS.map(&incoming(message_type, documents, body), now()).unwrap()
}

#[test]
fn every_type_gets_its_receipts() {
    for (message_type, receipt, statuses) in [
        ("CEB311Message", "CEB312Message", &["2", "120"][..]),
        ("CEB411Message", "CEB412Message", &["2", "120"]),
        ("CEB511Message", "CEB512Message", &["2", "120"]),
        ("CEB621Message", "CEB622Message", &["2", "120", "800"]),
    ] {
        let outcome = map(message_type, &[0, 1, 2], &batch(message_type, 3));
        let receipts = outcome.answers.iter().filter(|answer| answer.message_type == receipt);
        assert_eq!(receipts.count(), statuses.len());
        for (answer, status) in outcome.answers.iter().zip(statuses) {
            assert_eq!(answer.message_type, receipt);
            assert_valid(answer);
            assert_eq!(values(answer, "returnStatus"), [*status; 3]);
            assert_eq!(values(answer, "returnTime"), ["20261124003005042"; 3]);
        }
    }
}

#[test]
fn receipts_repeat_what_the_document_is_known_by() {
    for (message_type, fields) in TYPES.into_iter().zip([
        &["ebpCode", "ebcCode", "orderNo"][..],
        &["payCode", "payTransactionId"],
        &["logisticsCode", "logisticsNo"],
        &["customsCode", "ebpCode", "ebcCode", "agentCode", "copNo"],
    ]) {
        let mut body = batch(message_type, 2);
        let number = fields.last().unwrap();
        body = with(&body, number, 0, Some("N<&>1"));
        body = with(&body, number, 1, Some("N]]>2"));
        let outcome = map(message_type, &[0, 1], &body);
        let receipt = |answer: &&Answer| !values(answer, "returnStatus").is_empty();
        for answer in outcome.answers.iter().filter(receipt) {
            assert_valid(answer);
            assert_eq!(values(answer, number), ["N<&>1", "N]]>2"]);
            assert!(fields.iter().all(|field| values(answer, field).len() == 2));
        }
        let one = map(message_type, &[1], &body);
        assert_eq!(values(&one.answers[0], number), ["N]]>2"]);
        assert_eq!(one.answers[0].documents, [1]);
    }
}

#[test]
fn the_first_answer_says_what_was_done_and_to_what() {
    for (change, word) in [("1", "新增"), ("2", "变更"), ("3", "删除")] {
        let body = with(&example("CEB411Message"), "appType", 0, Some(change));
        let guid = "测试-36-个字符的编号-0000000000000000000000";
        let body = with(&body, "guid", 0, Some(guid));
        let outcome = map("CEB411Message", &[0], &body);
        let expected = [format!("{word}申报成功[{guid}]")];
        assert_eq!(values(&outcome.answers[0], "returnInfo"), expected);
        let stored = ["[Code:1800;Desc:逻辑校验通过]"];
        assert_eq!(values(&outcome.answers[1], "returnInfo"), stored);
    }
}

#[test]
fn a_list_gets_its_numbers() {
    let body = with(&without_numbers(), "customsCode", 0, Some("9999"));
    let body = with(&body, "copNo", 0, Some("LIST-1"));
    let outcome = map("CEB621Message", &[0], &body);
    let [declaring, stored, released, ..] = outcome.answers.as_slice() else { panic!() };
    assert!(values(declaring, "invtNo").is_empty());
    let number = values(stored, "invtNo").remove(0);
    assert!(number.starts_with("99992026I") && number.len() == 18, "{number}");
    assert!(number[9..].bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(values(released, "invtNo"), [&*number]);
    assert_eq!(values(released, "returnInfo"), ["[Code:2600;Desc:放行]"]);

    let port = values(declaring, "preNo").remove(0);
    assert!(port.starts_with("B20261124") && port.len() == 18, "{port}");
    assert!(outcome.effect.contains(&number) && outcome.effect.contains(&port));

    let other = with(&body, "copNo", 0, Some("LIST-2"));
    let other = map("CEB621Message", &[0], &other);
    assert_ne!(values(&other.answers[1], "invtNo"), [number]);
}

/// The example of a list as it is before the port and customs have seen it.
fn without_numbers() -> String {
    let body = example("CEB621Message");
    ["preNo", "invtNo"].into_iter().fold(body, |body, field| {
        if body.contains(&format!("{field}>")) { with(&body, field, 0, None) } else { body }
    })
}

#[test]
fn numbers_that_the_sender_repeats_are_kept() {
    let body = without_numbers();
    let first = map("CEB621Message", &[0], &body);
    let port = values(&first.answers[1], "preNo").remove(0);
    let number = values(&first.answers[1], "invtNo").remove(0);
    let again = after(&body, "copNo", "preNo", &port);
    let again = after(&again, "preNo", "invtNo", &number);
    let second = map("CEB621Message", &[0], &again);
    assert_valid(&second.answers[2]);
    assert_eq!(values(&second.answers[2], "preNo"), [port]);
    assert_eq!(values(&second.answers[2], "invtNo"), [number]);
}

#[test]
fn guids_differ_between_documents_and_steps() {
    let outcome = map("CEB621Message", &[0, 1], &batch("CEB621Message", 2));
    let mut guids: Vec<_> = outcome.answers.iter().flat_map(|a| values(a, "guid")).collect();
    guids.sort();
    guids.dedup();
    // Three receipts, the bill and its status.
    assert_eq!(guids.len(), 2 * 5);
}

#[test]
fn a_district_of_another_length_is_refused() {
    let body = with(&example("CEB621Message"), "customsCode", 0, Some("12345"));
    let error = CUSTOMS.map(&incoming("CEB621Message", &[0], &body), now()).unwrap_err();
    assert_eq!(error.code(), "mapping-field-wrong");
    assert!(error.zh().contains("customsCode"));
}

/// A list with goods of a chapter.
fn list_of(chapter: &str) -> String {
    with(&without_numbers(), "gcode", 0, Some(&format!("{chapter}01000000")))
}

fn statuses(message_type: &str, body: &str) -> Vec<String> {
    let outcome = map(message_type, &[0], body);
    outcome.answers.iter().for_each(assert_valid);
    outcome.answers.iter().flat_map(|answer| values(answer, "returnStatus")).collect()
}

#[test]
fn the_goods_decide_the_course_of_an_import_list() {
    for (chapter, course) in [
        ("19", &["2", "120", "800"][..]),
        ("30", &["2", "120", "300", "800"]),
        ("06", &["2", "120", "500", "800"]),
        ("97", &["2", "120", "300", "700"]),
        ("93", &["2", "120", "500", "503"]),
        ("24", &["2", "100"]),
    ] {
        assert_eq!(statuses("CEB621Message", &list_of(chapter)), course, "{chapter}");
    }
    let bonded = with(&list_of("19"), "tradeMode", 0, Some("1210"));
    assert_eq!(statuses("CEB621Message", &bonded), ["2", "120", "800", "899"]);
    let deleted = with(&list_of("93"), "appType", 0, Some("3"));
    assert_eq!(statuses("CEB621Message", &deleted), ["2", "120", "399"]);
    let staged = with(&list_of("93"), "appStatus", 0, Some("1"));
    assert_eq!(statuses("CEB621Message", &staged), ["1"]);
}

#[test]
fn the_goods_decide_the_course_of_exports_and_returns() {
    let of = |message_type, chapter: &str| {
        let code = format!("{chapter}01000000");
        statuses(message_type, &with(&example(message_type), "gcode", 0, Some(&code)))
    };
    for (chapter, export, back) in [
        ("69", &["2", "3", "120", "800", "899"][..], &["2", "3", "120", "800"][..]),
        ("30", &["2", "3", "120", "300", "800", "899"], &["2", "3", "120", "300", "800"]),
        ("93", &["2", "3", "300", "100"], &["2", "3", "120", "500", "505"]),
        ("97", &["2", "3", "120", "800", "899"], &["2", "3", "120", "600"]),
        ("01", &["2", "3", "120", "300", "800", "899"], &["2", "3", "120", "500", "800"]),
        ("24", &["2", "3", "300", "100"], &["2", "3", "100"]),
    ] {
        assert_eq!(of("CEB603Message", chapter), export, "{chapter}");
        assert_eq!(of("CEB213Message", chapter), back, "{chapter}");
    }
    for (message_type, course) in [
        ("CEB513Message", &["2", "399"][..]),
        ("CEB623Message", &["2", "120", "399"]),
        ("CEB625Message", &["2", "120", "399"]),
        ("CEB711Message", &["2", "120"]),
        ("CEB303Message", &["2", "3", "120"]),
        ("CEB505Message", &["2", "3", "120"]),
        ("CEB605Message", &["2", "399"]),
        ("CEB607Message", &["1"]),
        ("CEB701Message", &["2", "399"]),
    ] {
        assert_eq!(statuses(message_type, &example(message_type)), course, "{message_type}");
    }
}

/// One batch, three courses: each answer has the documents that have come so far.
#[test]
fn documents_of_a_batch_go_their_own_ways() {
    let mut body = batch("CEB621Message", 3);
    // Two lines each.
    body = with(&body, "gcode", 2, Some("2401000000"));
    body = with(&body, "gcode", 4, Some("0601000000"));
    let outcome = map("CEB621Message", &[0, 1, 2], &body);
    let told: Vec<_> = outcome
        .answers
        .iter()
        .map(|answer| (values(answer, "returnStatus").join(" "), answer.documents.clone()))
        .collect();
    let expected = [
        ("2 2 2", vec![0, 1, 2]),
        ("120 100 120", vec![0, 1, 2]),
        ("800 500", vec![0, 2]),
        ("", vec![0]),
        ("800", vec![2]),
        ("", vec![0]),
        ("", vec![2]),
        ("", vec![2]),
    ];
    let expected: Vec<_> = expected.map(|(status, of)| (status.to_owned(), of)).into();
    assert_eq!(told, expected);
    outcome.answers.iter().for_each(assert_valid);
}

#[test]
fn a_released_list_gets_its_tax_bill() {
    let outcome = map("CEB621Message", &[0], &without_numbers());
    let [.., bill, settled] = outcome.answers.as_slice() else { panic!() };
    assert_eq!((bill.message_type, settled.message_type), ("CEB816Message", "CEB818Message"));
    assert_valid(bill);
    assert_valid(settled);
    // 200 with the freight of 10, and 99.5; VAT of 13 per cent, of it 70 per cent.
    assert_eq!(values(bill, "taxPrice"), ["210", "99.5"]);
    assert_eq!(values(bill, "valueAddedTax"), ["28.16", "19.11", "9.05"]);
    let list = values(&outcome.answers[1], "invtNo");
    assert_eq!((values(bill, "invtNo"), values(settled, "invtNo")), (list.clone(), list));
    assert_eq!(values(bill, "taxNo"), values(settled, "taxNo"));
    assert!(values(bill, "entDutyNo").is_empty() && values(settled, "entDutyNo").len() == 1);
    // Farm products pay 9 per cent.
    let farm = map("CEB621Message", &[0], &list_of("09"));
    let bill = farm.answers.iter().find(|answer| answer.message_type == "CEB816Message").unwrap();
    assert_eq!(values(bill, "valueAddedTax")[1], "13.23");
    // What is not released is not billed.
    assert_eq!(map("CEB621Message", &[0], &list_of("97")).answers.len(), 4);
}

#[test]
fn a_return_without_a_number_is_answered_by_the_ports() {
    let body = with(&example("CEB625Message"), "copNo", 0, None);
    let outcome = map("CEB625Message", &[0], &body);
    outcome.answers.iter().for_each(assert_valid);
    let (firm, port) = (values(&outcome.answers[0], "copNo"), values(&outcome.answers[0], "preNo"));
    assert!(firm == port && firm[0].starts_with('B'), "{firm:?} {port:?}");
}

#[test]
fn nothing_leaves_under_control_without_a_guarantee() {
    assert_eq!(statuses("TransitMessage", &example("TransitMessage")), ["2", "800"]);
    let without = with(&example("TransitMessage"), "guaranteeNo", 0, None);
    assert_eq!(statuses("TransitMessage", &without), ["2", "100"]);
}
