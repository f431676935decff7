//! The receipts of customs: valid by their schemas, one message per step, the right
//! numbers in the right steps, and everything that a sender wrote escaped.

#![allow(clippy::string_slice, reason = "the texts and the places in them are made here")]

use super::*;
use crate::tests::{TYPES, after, assert_valid, batch, example, incoming, now, values, with};

fn map(message_type: &str, documents: &[u32], body: &str) -> Outcome {
    Customs.map(&incoming(message_type, documents, body), now()).unwrap()
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
        assert_eq!(outcome.answers.len(), statuses.len());
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
        for answer in &outcome.answers {
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
    let [declaring, stored, released] = outcome.answers.as_slice() else { panic!() };
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
    assert_eq!(guids.len(), 6);
}

#[test]
fn a_district_of_another_length_is_refused() {
    let body = with(&example("CEB621Message"), "customsCode", 0, Some("12345"));
    let error = Customs.map(&incoming("CEB621Message", &[0], &body), now()).unwrap_err();
    assert_eq!(error.code(), "mapping-field-wrong");
    assert!(error.zh().contains("customsCode"));
}
