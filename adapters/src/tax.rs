//! Tax: in come orders, payments and import lists, out go a record of each (who sold
//! what, when, for how much; amounts as decimal strings, no data of the buyer) and one
//! `TaxReturnMessage` per delivery, built as the schema of that name says.

use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{self, Writer};
use crate::declaration::{self, Declaration, Fields, LIST, ORDER, PAYMENT, Shape};
use crate::{Answer, Department, Incoming, MappingError, Outcome};

mod records;

/// Name in the routing table.
pub const NAME: &str = "tax";
/// Namespace of the answers of the tax department.
pub const NAMESPACE: &str = "urn:onepoint:tax:1";
/// Root element and message type of the answers.
pub const RETURN: &str = "TaxReturnMessage";

/// Status 120: stored, as in the CEB receipts.
const STORED: &str = "120";

/// The tax department.
#[derive(Debug, Clone, Copy)]
pub struct Tax;

impl Department for Tax {
    fn name(&self) -> &'static str {
        NAME
    }

    fn message_types(&self) -> &'static [&'static str] {
        &TYPES
    }

    fn map(&self, incoming: &Incoming<'_>, now: Timestamp) -> Result<Outcome, MappingError> {
        let kind = kind(incoming.message_type)?;
        let document = declaration::read(incoming)?;
        let declared = declaration::declarations(&document, kind.shape, incoming.documents)?;
        let entries = declared.iter().map(|one| Entry::new(kind, one));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let answers = vec![tax_return(kind, &entries, incoming, now)];
        let records = entries.into_iter().map(|entry| entry.record).collect();
        Ok(Outcome { effect: answer::effect(NAME, incoming, now, records), answers })
    }
}

/// One type that the tax department takes.
struct Kind {
    shape: &'static Shape,
    /// The fields that name the document in the answer.
    key: &'static [&'static str],
    info: &'static str,
    record: fn(&Declaration<'_>) -> Result<Value, MappingError>,
}

const TYPES: [&str; 3] = [ORDER.message_type, PAYMENT.message_type, LIST.message_type];

const KINDS: [Kind; 3] = [
    Kind {
        shape: &ORDER,
        key: &["ebpCode", "orderNo"],
        info: "进项登记成功",
        record: records::purchase,
    },
    Kind {
        shape: &PAYMENT,
        key: &["payCode", "payTransactionId"],
        info: "付款登记成功",
        record: records::payment,
    },
    Kind {
        shape: &LIST,
        key: &["agentCode", "copNo"],
        info: "进口清单登记成功",
        record: records::import,
    },
];

fn kind(message_type: &str) -> Result<&'static Kind, MappingError> {
    let found = KINDS.iter().find(|kind| kind.shape.message_type == message_type);
    found.ok_or_else(|| MappingError::UnknownType {
        department: NAME,
        found: message_type.to_owned(),
        expected: &TYPES,
    })
}

/// What the tax department holds of one document.
struct Entry {
    index: u32,
    guid: String,
    key: Vec<(&'static str, String)>,
    record: Value,
}

impl Entry {
    fn new(kind: &Kind, one: &Declaration<'_>) -> Result<Self, MappingError> {
        let head: &Fields<'_> = &one.head;
        let key = kind.key.iter().map(|field| Ok((*field, head.required(field)?)));
        Ok(Entry {
            index: one.index,
            guid: head.required("guid")?,
            key: key.collect::<Result<_, MappingError>>()?,
            record: (kind.record)(one)?,
        })
    }
}

fn tax_return(kind: &Kind, entries: &[Entry], incoming: &Incoming<'_>, now: Timestamp) -> Answer {
    let id = format!("{}-1", incoming.delivery);
    let mut writer = Writer::new(RETURN, NAMESPACE, &answer::guid(&[NAME, &id]));
    for entry in entries {
        writer.open("TaxReturn");
        writer.text("guid", &answer::guid(&[NAME, &id, &entry.index.to_string()]));
        writer.text("declarationType", kind.shape.message_type);
        for (field, value) in &entry.key {
            writer.text(field, value);
        }
        writer.text("returnStatus", STORED);
        writer.text("returnTime", &answer::return_time(now));
        writer.text("returnInfo", &format!("{}[{}]", kind.info, entry.guid));
        writer.close("TaxReturn");
    }
    Answer {
        id,
        delivery: incoming.delivery.to_owned(),
        message: incoming.message.to_owned(),
        message_type: RETURN,
        xml: writer.finish(RETURN),
        documents: entries.iter().map(|entry| entry.index).collect(),
    }
}

#[cfg(test)]
mod tests;
