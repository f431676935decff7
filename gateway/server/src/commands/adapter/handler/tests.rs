//! Orders and replies of the real departments: what a back end says is taken only when it
//! is a valid answer about what it was given.

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};

use super::*;

fn signing() -> Arc<Signing> {
    let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
    let day = SignedDuration::from_hours(24);
    let validity = Validity { from: now - day, until: now + day };
    let ca = TestCa::new("test CA", KeyKind::P256, validity).unwrap();
    let spec = LeafSpec::signer("customs", "测试海关", KeyKind::P256, validity);
    let issued = ca.issue(&spec).unwrap();
    let (dxp_id, receiver) = ("DXPEDCCEB0000002".to_owned(), "DXPONEPOINT00001".to_owned());
    let chain = Certificate::from_pem(&issued.chain_pem()).unwrap();
    let key = SigningKey::from_pkcs8_pem(&issued.key_pem()).unwrap();
    Arc::new(Signing { chain, key, dxp_id, receiver })
}

fn delivery(message_type: &str) -> Delivery {
    Delivery {
        id: "0193.customs".to_owned(),
        message: "0193".to_owned(),
        message_type: message_type.to_owned(),
        documents: vec![0],
        body: onepoint_schemas::example(message_type).unwrap().as_bytes().to_vec(),
        ..Delivery::default()
    }
}

/// A handler with a simulator behind it, and the seal of the same department.
fn customs(message: bool) -> (DepartmentHandler, ReplySeal) {
    let catalogue = Arc::new(Catalogue::load_builtin().unwrap());
    let ordering = Ordering { catalogue: Arc::clone(&catalogue), message, simulated: true };
    let (signing, backend) = (signing(), Some(ordering));
    let department = onepoint_adapters::department("customs").unwrap();
    let seal = ReplySeal { catalogue, signing: Arc::clone(&signing) };
    (DepartmentHandler { department, signing, backend }, seal)
}

fn facts(order: &NewOrder) -> Facts {
    Facts {
        delivery: "0193.customs".to_owned(),
        message: "0193".to_owned(),
        message_type: "CEB311Message".to_owned(),
        sender: "platform".to_owned(),
        business_keys: order.business_keys.clone(),
    }
}

fn reply(content: &str) -> Reply {
    let content = content.as_bytes().to_vec();
    Reply { id: "0193.customs-1".to_owned(), delivery: "0193.customs".to_owned(), content }
}

#[test]
fn an_order_is_the_record_or_the_message_and_no_answer_is_given() {
    let (records, _) = customs(false);
    let handled = records.handle(&delivery("CEB311Message")).unwrap();
    assert!(handled.answers.is_empty(), "the back end answers");
    let order = handled.order.unwrap();
    assert_eq!(
        (order.content_type.as_str(), order.content),
        ("application/json", handled.effect.into_bytes())
    );
    assert_eq!((order.business_keys.len(), order.rehearsed.len()), (1, 2));
    let (messages, _) = customs(true);
    let order = messages.handle(&delivery("CEB311Message")).unwrap().order.unwrap();
    let wanted = ("application/xml".to_owned(), delivery("CEB311Message").body);
    assert_eq!((order.content_type, order.content), wanted);
}

#[test]
fn a_good_reply_is_signed_as_the_department_s_answer() {
    let (handler, seal) = customs(false);
    let order = handler.handle(&delivery("CEB311Message")).unwrap().order.unwrap();
    let answer = seal.seal(&reply(&order.rehearsed[0].content), &facts(&order)).unwrap();
    assert_eq!(answer.id, "0193.customs-1");
    let envelope = DxpMsg::parse(&parse(&answer.body).unwrap()).unwrap();
    assert_eq!(
        (envelope.msg_type.as_str(), envelope.cop_msg_id.as_str()),
        ("CEB312Message", "0193.customs-1")
    );
    assert_eq!(envelope.biz_key(KEY_DELIVERY), Some("0193.customs"));
    assert_eq!(envelope.biz_key(KEY_MESSAGE), Some("0193"));
}

#[test]
fn what_is_no_answer_to_this_delivery_is_refused_with_its_reason() {
    let (handler, seal) = customs(false);
    let order = handler.handle(&delivery("CEB311Message")).unwrap().order.unwrap();
    let facts = facts(&order);
    let good = &order.rehearsed[0].content;
    let code = |content: &str| seal.seal(&reply(content), &facts).unwrap_err().code;
    assert_eq!(code("<CEB312Message"), "xml-truncated");
    assert_eq!(code("<?xml version='1.0'?><!DOCTYPE x><x/>"), "xml-doctype-forbidden");
    assert_eq!(code("<pong/>"), "reply-type-unknown");
    // A declaration is nothing that a department answers with.
    assert_eq!(code(onepoint_schemas::example("CEB311Message").unwrap()), "reply-type-unknown");
    assert_eq!(code(&good.replace("returnStatus", "status")), "reply-invalid");
    let about = seal
        .seal(&reply(good), &Facts { business_keys: vec!["order|x".to_owned()], ..facts.clone() });
    assert_eq!(about.unwrap_err().code, "reply-about-another");
    let long = Reply { id: "x".repeat(255), ..reply(good) };
    assert!(seal.seal(&long, &facts).is_err(), "no envelope holds such an id");
}
