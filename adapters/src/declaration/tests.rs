//! Reading documents and fields: amounts, days, lengths, and every way in which a
//! delivery can fail to be what it says. Bodies are small and made here.

use super::*;
use crate::shape::{LIST, ORDER};

const BODY: &str = "<c:CEB311Message xmlns:c='http://www.chinaport.gov.cn/ceb'>\
    <c:Order><c:OrderHead><c:orderNo>A<!-- x -->1</c:orderNo><c:note/></c:OrderHead>\
    <c:OrderList><c:qty>2</c:qty></c:OrderList><c:OrderList/></c:Order>\
    <c:Order><c:OrderHead><c:orderNo>A2</c:orderNo></c:OrderHead></c:Order>\
    <c:Order><c:other/></c:Order></c:CEB311Message>";

fn incoming<'a>(documents: &'a [u32], body: &'a str) -> Incoming<'a> {
    Incoming {
        delivery: "d",
        message: "m",
        message_type: "CEB311Message",
        documents,
        body: body.as_bytes(),
    }
}

fn failure(documents: &[u32], body: &str, shape: &'static Shape) -> MappingError {
    let incoming = incoming(documents, body);
    let document = read(&incoming).unwrap();
    declarations(&document, shape, documents).unwrap_err()
}

#[test]
fn the_named_documents_are_read() {
    let document = read(&incoming(&[0, 1], BODY)).unwrap();
    let found = declarations(&document, &ORDER, &[0, 1]).unwrap();
    let numbers: Vec<_> = found.iter().map(|one| one.head.required("orderNo").unwrap()).collect();
    assert_eq!(numbers, ["A1", "A2"]);
    assert_eq!(found[0].lines.len(), 2);
    assert_eq!(found[0].lines[0].decimal("qty").unwrap(), "2");
    assert_eq!(found[0].head.optional("note"), None);
    let second = declarations(&document, &ORDER, &[1]).unwrap();
    assert_eq!((second.len(), second[0].index), (1, 1));
}

#[test]
fn a_default_namespace_is_as_good_as_a_prefix() {
    let body = BODY.replace("xmlns:c=", "xmlns=").replace("c:", "");
    let document = read(&incoming(&[1], &body)).unwrap();
    let found = declarations(&document, &ORDER, &[1]).unwrap();
    assert_eq!(found[0].head.required("orderNo").unwrap(), "A2");
}

#[test]
fn what_the_delivery_says_must_be_in_the_body() {
    assert_eq!(failure(&[], BODY, &ORDER), MappingError::NoDocuments);
    assert_eq!(failure(&[1, 1], BODY, &ORDER), MappingError::Order { before: 1, found: 1 });
    assert_eq!(failure(&[1, 0], BODY, &ORDER), MappingError::Order { before: 1, found: 0 });
    assert_eq!(failure(&[0, 3], BODY, &ORDER), MappingError::OutOfRange { index: 3, count: 3 });
    let found = "{http://www.chinaport.gov.cn/ceb}CEB311Message".to_owned();
    let expected = MappingError::OtherType { expected: "CEB621Message", found };
    assert_eq!(failure(&[0], BODY, &LIST), expected);
    let found = "{}CEB311Message".to_owned();
    let expected = MappingError::OtherType { expected: "CEB311Message", found };
    assert_eq!(failure(&[0], "<CEB311Message/>", &ORDER), expected);
}

#[test]
fn a_document_without_a_head_is_named() {
    let error = failure(&[0, 2], BODY, &ORDER);
    let place = error.place().unwrap();
    assert_eq!(place.path, "/c:CEB311Message/c:Order[3]");
    assert_eq!((place.line, error.code()), (1, "mapping-field-missing"));
    assert!(error.en().starts_with("OrderHead is missing"));
}

#[test]
fn ids_must_fit_into_an_answer() {
    for (delivery, message, which, found) in [
        ("", "m", "delivery", 0),
        (&*"d".repeat(65), "m", "delivery", 65),
        ("d", "", "message", 0),
        ("d", &*"信".repeat(65), "message", 65),
    ] {
        let incoming = Incoming { delivery, message, ..incoming(&[0], BODY) };
        assert_eq!(read(&incoming).unwrap_err(), MappingError::Id { which, found });
    }
    let longest = "信".repeat(64);
    assert!(read(&Incoming { delivery: &longest, ..incoming(&[0], BODY) }).is_ok());
}

#[test]
fn a_body_that_is_no_xml_is_said_with_its_cause() {
    let error = read(&incoming(&[0], "{\"json\": true}")).unwrap_err();
    assert_eq!(error.code(), "mapping-body-not-xml");
    assert!(std::error::Error::source(&error).is_some());
    assert!(error.en().len() > error.to_string().len());
}

#[test]
fn decimals_keep_their_digits() {
    for (text, expected) in [
        ("0", "0"),
        ("120.50", "120.50"),
        (" +007.10\n", "7.10"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("00", "0"),
    ] {
        assert_eq!(decimal(text).as_deref(), Some(expected), "{text}");
    }
    let long = "1".repeat(65);
    for text in ["", ".", "-", "1e3", "1,5", "1.2.3", "--1", "INF", "１", &long] {
        assert_eq!(decimal(text), None, "{text}");
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(day("20240229123456").unwrap().to_string(), "2024-02-29");
    for text in ["20230229", "2023", "2023022a", "", "二〇二三〇二二九", "+2023012"] {
        assert_eq!(day(text), None, "{text}");
    }
}

#[test]
fn times_are_those_of_the_calendar() {
    assert_eq!(time("20240229235958").as_deref(), Some("2024-02-29T23:59:58+08:00"));
    for text in
        ["20240229", "20240229240000", "2024022923595", "20240229235958000", "20240229+1+1+1"]
    {
        assert_eq!(time(text), None, "{text}");
    }
}

#[test]
fn wrong_values_are_quoted_and_cut() {
    let body = BODY.replace("<c:qty>2<", &format!("<c:qty>{}<", "x".repeat(50)));
    let document = read(&incoming(&[0], &body)).unwrap();
    let found = declarations(&document, &ORDER, &[0]).unwrap();
    let error = found[0].lines[0].decimal("qty").unwrap_err();
    assert_eq!(error.code(), "mapping-field-wrong");
    assert_eq!(error.place().unwrap().path, "/c:CEB311Message/c:Order[1]/c:OrderList[1]");
    let MappingError::FieldWrong { found: quoted, .. } = &error else { panic!("{error}") };
    assert_eq!(quoted.len(), 40);
    let head = &found[0].head;
    assert!(head.exactly("orderNo", 2, "two characters").is_ok());
    let error = head.exactly("orderNo", 3, "three characters").unwrap_err();
    assert!(error.en().contains("expected three characters"), "{}", error.en());
    assert_eq!(head.day("orderNo").unwrap_err().code(), "mapping-field-wrong");
    assert_eq!(head.required("note").unwrap_err().code(), "mapping-field-missing");
    assert_eq!(head.change().unwrap_err().code(), "mapping-field-missing");
}

#[test]
fn every_error_speaks_both_languages() {
    let errors = [
        failure(&[], BODY, &ORDER),
        failure(&[1, 1], BODY, &ORDER),
        failure(&[9], BODY, &ORDER),
        failure(&[2], BODY, &ORDER),
        failure(&[0], BODY, &LIST),
        read(&incoming(&[0], "")).unwrap_err(),
        read(&Incoming { delivery: "", ..incoming(&[0], BODY) }).unwrap_err(),
    ];
    for error in errors {
        assert!(error.code().starts_with("mapping-"));
        assert!(error.en().is_ascii(), "{}", error.en());
        assert!(error.zh().chars().any(|c| ('一'..='龥').contains(&c)), "{}", error.zh());
        assert!(!error.to_string().ends_with('.'));
    }
}
