//! The facts about a message as AMQP properties and headers, both ways. In come an
//! outbox row, an answer, or a library delivery; out go properties, or plain values
//! with bounded lengths. Unknown headers are carried, never dropped.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::consumer::Incoming;
use crate::inbox::StoredAnswer;
use crate::post::Mail;
use crate::publisher::OutboxRow;

/// Kept on disk by the broker (AMQP 0-9-1, basic class, `delivery-mode`).
const PERSISTENT: u8 = 2;
/// What every message of the gateway names as its application.
const APPLICATION: &str = "onepoint";
/// How often a quorum queue has given a message out before.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// Header: the id of the message the delivery belongs to.
pub(crate) const MESSAGE: &str = "x-onepoint-message";
/// Header: the participant who sent it.
pub(crate) const SENDER: &str = "x-onepoint-sender";
/// Header: indices of the documents that are meant, `0,2`.
pub(crate) const DOCUMENTS: &str = "x-onepoint-documents";
/// Header: the position in the outbox; rises within an order key.
pub(crate) const SEQUENCE: &str = "x-onepoint-sequence";
/// Header: when the gateway received it, RFC 3339.
pub(crate) const RECEIVED: &str = "x-onepoint-received";
/// Header: order keys, an array.
pub(crate) const ORDER_KEYS: &str = "x-onepoint-order-keys";
/// Header: W3C trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Header: it was relayed before and is given out once more on the operator's order.
pub(crate) const REPLAYED: &str = "x-onepoint-replayed";
/// Header of a dead letter: the stable code of the reason.
pub(crate) const REASON_CODE: &str = "x-onepoint-reason-code";
/// Header of a dead letter: the reason in words.
pub(crate) const REASON: &str = "x-onepoint-reason";
/// Header of a dead letter: the queue it was in.
pub(crate) const QUEUE: &str = "x-onepoint-queue";
/// Header of a dead letter: the user who published it.
pub(crate) const USER: &str = "x-onepoint-user";

/// A text that does not fit an AMQP short string (255 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) &'static str);

/// A short string, refused instead of cut.
pub(crate) fn short(what: &'static str, text: &str) -> Result<ShortString, TooLong> {
    ShortString::try_new(text).map_err(|_| TooLong(what))
}

/// The properties of a message to a department or a participant.
pub(crate) fn of_row(row: &OutboxRow) -> Result<BasicProperties, TooLong> {
    let mut headers = FieldTable::default();
    let mut text = |name: &'static str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    text(MESSAGE, &row.message);
    text(SENDER, &row.sender);
    text(DOCUMENTS, &written(&row.documents));
    text(RECEIVED, &row.received);
    if let Some(traceparent) = &row.traceparent {
        text(TRACEPARENT, traceparent);
    }
    if row.replayed {
        headers.insert(REPLAYED.into(), AMQPValue::Boolean(true));
    }
    let keys = row.order_keys.iter().map(|key| AMQPValue::LongString(key.as_str().into()));
    headers.insert(ORDER_KEYS.into(), AMQPValue::FieldArray(keys.collect::<Vec<_>>().into()));
    let sequence = i64::try_from(row.seq).unwrap_or(i64::MAX);
    headers.insert(SEQUENCE.into(), AMQPValue::LongLongInt(sequence));
    Ok(BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short("delivery id", &row.delivery)?)
        .with_type(short("message type", &row.message_type)?)
        .with_app_id(APPLICATION.into())
        .with_headers(headers))
}

/// The properties of a department's answer.
pub(crate) fn of_answer(
    answer: &StoredAnswer,
    department: &str,
) -> Result<BasicProperties, TooLong> {
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &answer.traceparent {
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.as_str().into()));
    }
    Ok(BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short("answer id", &answer.id)?)
        .with_correlation_id(short("delivery id", &answer.delivery)?)
        .with_type("DxpMsg".into())
        .with_app_id(short("department", department)?)
        .with_headers(headers))
}

/// The properties of a mail of the gateway.
pub(crate) fn of_mail(mail: &Mail) -> Result<BasicProperties, TooLong> {
    let mut headers = FieldTable::default();
    for (name, value) in &mail.headers {
        let name = short("name of a header", name)?;
        headers.insert(name, AMQPValue::LongString(value.as_str().into()));
    }
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short("message id", &mail.id)?)
        .with_type(short("message type", &mail.kind)?)
        .with_app_id(APPLICATION.into())
        .with_headers(headers);
    if let Some(correlation) = &mail.correlation {
        properties = properties.with_correlation_id(short("correlation id", correlation)?);
    }
    if let Some(content_type) = &mail.content_type {
        properties = properties.with_content_type(short("content type", content_type)?);
    }
    Ok(properties)
}

/// Takes a library delivery apart. The body is moved out of it.
pub(crate) fn incoming(delivery: &mut Delivery) -> Incoming {
    let properties = &delivery.properties;
    let text = |value: &Option<ShortString>| value.as_ref().map(|v| v.as_str().to_owned());
    let mut incoming = Incoming {
        id: text(properties.message_id()),
        content_type: text(properties.content_type()),
        message_type: text(properties.kind()),
        app_id: text(properties.app_id()),
        user_id: text(properties.user_id()),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        routing_key: delivery.routing_key.as_str().to_owned(),
        headers: BTreeMap::new(),
        order_keys: Vec::new(),
        redelivered: delivery.redelivered,
        deliveries: 0,
        body: Vec::new(),
    };
    for (name, value) in properties.headers().iter().flatten() {
        match (name.as_str(), value) {
            (ORDER_KEYS, AMQPValue::FieldArray(keys)) => {
                incoming.order_keys = keys.as_slice().iter().filter_map(shown).collect();
            }
            (DELIVERY_COUNT, value) => incoming.deliveries = number(value),
            (name, value) => {
                if let Some(value) = shown(value) {
                    incoming.headers.insert(name.to_owned(), value);
                }
            }
        }
    }
    incoming.body = std::mem::take(&mut delivery.data);
    incoming
}

/// `0,2` for the documents 0 and 2.
pub(crate) fn written(documents: &[u32]) -> String {
    let numbers: Vec<String> = documents.iter().map(u32::to_string).collect();
    numbers.join(",")
}

/// Reads `0,2`; what is no number is left out.
pub(crate) fn documents(text: &str) -> Vec<u32> {
    text.split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

/// A header's value as text: texts, numbers and booleans.
fn shown(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        AMQPValue::Boolean(flag) => flag.to_string(),
        AMQPValue::ShortShortInt(n) => n.to_string(),
        AMQPValue::ShortShortUInt(n) => n.to_string(),
        AMQPValue::ShortInt(n) => n.to_string(),
        AMQPValue::ShortUInt(n) => n.to_string(),
        AMQPValue::LongInt(n) => n.to_string(),
        AMQPValue::LongUInt(n) => n.to_string(),
        AMQPValue::LongLongInt(n) => n.to_string(),
        AMQPValue::Timestamp(n) => n.to_string(),
        _ => return None,
    })
}

fn number(value: &AMQPValue) -> u64 {
    shown(value).and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::Destination;

    fn row() -> OutboxRow {
        OutboxRow {
            seq: 7,
            delivery: "d-7".to_owned(),
            destination: Destination::Receipts { participant: "firm".to_owned() },
            order_keys: vec!["测试:1".to_owned(), "b".to_owned()],
            message_type: "CEB311Message".to_owned(),
            sender: "firm".to_owned(),
            message: "m-1".to_owned(),
            documents: vec![0, 2],
            received: "2026-01-02T03:04:05Z".to_owned(),
            traceparent: Some("00-aa-bb-01".to_owned()),
            replayed: true,
            body: b"<x/>".to_vec(),
        }
    }

    #[test]
    fn what_is_published_is_what_arrives() {
        let properties = of_row(&row()).unwrap();
        assert_eq!(*properties.delivery_mode(), Some(PERSISTENT));
        let mut delivery =
            Delivery::mock(1, "e".into(), "tax.order".into(), true, b"<x/>".to_vec());
        delivery.properties = properties;
        let got = incoming(&mut delivery);
        assert_eq!(got.id.as_deref(), Some("d-7"));
        assert_eq!(got.message_type.as_deref(), Some("CEB311Message"));
        assert_eq!(got.app_id.as_deref(), Some("onepoint"));
        assert_eq!(got.order_keys, ["测试:1", "b"]);
        assert_eq!((got.redelivered, got.deliveries, got.body.as_slice()), (true, 0, &b"<x/>"[..]));
        for (name, value) in [
            (MESSAGE, "m-1"),
            (SENDER, "firm"),
            (DOCUMENTS, "0,2"),
            (SEQUENCE, "7"),
            (RECEIVED, "2026-01-02T03:04:05Z"),
            (TRACEPARENT, "00-aa-bb-01"),
            (REPLAYED, "true"),
        ] {
            assert_eq!(got.headers.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(documents("0,2"), [0, 2]);
        assert_eq!(documents(""), [0; 0]);
    }

    #[test]
    fn how_often_it_was_given_out_is_read_from_the_broker() {
        let mut delivery = Delivery::mock(1, "e".into(), "k".into(), true, Vec::new());
        let mut headers = FieldTable::default();
        headers.insert(DELIVERY_COUNT.into(), AMQPValue::LongLongInt(3));
        headers.insert("odd".into(), AMQPValue::Void);
        headers.insert("flag".into(), AMQPValue::Boolean(true));
        delivery.properties = BasicProperties::default().with_headers(headers);
        let got = incoming(&mut delivery);
        assert_eq!(got.deliveries, 3);
        assert_eq!(got.headers, BTreeMap::from([("flag".to_owned(), "true".to_owned())]));
    }

    #[test]
    fn what_does_not_fit_is_refused_not_cut() {
        let long = "x".repeat(256);
        let refused = of_row(&OutboxRow { delivery: long.clone(), ..row() });
        assert_eq!(refused.unwrap_err(), TooLong("delivery id"));
        let refused = of_row(&OutboxRow { message_type: long.clone(), ..row() });
        assert_eq!(refused.unwrap_err(), TooLong("message type"));
        let answer = StoredAnswer {
            number: 1,
            id: long.clone(),
            delivery: "d".to_owned(),
            traceparent: None,
            body: Vec::new(),
        };
        assert_eq!(of_answer(&answer, "tax").unwrap_err(), TooLong("answer id"));
        let mail = Mail { correlation: Some(long), ..Mail::default() };
        assert_eq!(of_mail(&mail).unwrap_err(), TooLong("correlation id"));
    }
}
