//! Customs: in come orders, payments, waybills and import lists, out go the receipts
//! CEB312, 412, 512 and 622. Each step of a status is one message with one return per
//! document: 2 (declaring), 120 (stored), and 800 (released) for a list. Numbers are
//! made from the key of the document, so the same list has the same number next time.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Writer};
use crate::declaration::{self, CEB, Change, Declaration, LIST, ORDER, PAYMENT, Shape, WAYBILL};
use crate::{Answer, Department, Incoming, MappingError, Outcome};

/// Name in the routing table.
pub const NAME: &str = "customs";

/// The customs department.
#[derive(Debug, Clone, Copy)]
pub struct Customs;

impl Department for Customs {
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
        let entries = declared.iter().map(|one| Entry::new(kind, one, now));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let steps = kind.steps.iter().zip(1..);
        let answers =
            steps.map(|(step, n)| step_answer(kind, *step, n, &entries, incoming, now)).collect();
        let stored = entries.iter().map(|entry| stored(kind, entry)).collect();
        Ok(Outcome { effect: answer::effect(NAME, incoming, now, stored), answers })
    }
}

/// One type that customs takes: what it is answered with, and how.
struct Kind {
    shape: &'static Shape,
    receipt: &'static str,
    returned: &'static str,
    /// Fields that the receipt repeats, in its order. The last is the number that the
    /// sender knows the document by.
    repeated: &'static [&'static str],
    steps: &'static [Step],
}

const TYPES: [&str; 4] =
    [ORDER.message_type, PAYMENT.message_type, WAYBILL.message_type, LIST.message_type];

/// The receipts of the norm of 2022-05 (CEB312, 412, 512, 622).
const KINDS: [Kind; 4] = [
    Kind {
        shape: &ORDER,
        receipt: "CEB312Message",
        returned: "OrderReturn",
        repeated: &["ebpCode", "ebcCode", "orderNo"],
        steps: &[Step::Declaring, Step::Stored],
    },
    Kind {
        shape: &PAYMENT,
        receipt: "CEB412Message",
        returned: "PaymentReturn",
        repeated: &["payCode", "payTransactionId"],
        steps: &[Step::Declaring, Step::Stored],
    },
    Kind {
        shape: &WAYBILL,
        receipt: "CEB512Message",
        returned: "LogisticsReturn",
        repeated: &["logisticsCode", "logisticsNo"],
        steps: &[Step::Declaring, Step::Stored],
    },
    Kind {
        shape: &LIST,
        receipt: "CEB622Message",
        returned: "InventoryReturn",
        repeated: &["customsCode", "ebpCode", "ebcCode", "agentCode", "copNo"],
        steps: &[Step::Declaring, Step::Stored, Step::Released],
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

/// A step in the life of a document at customs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Declaring,
    Stored,
    Released,
}

impl Step {
    fn status(self) -> &'static str {
        match self {
            Step::Declaring => "2",
            Step::Stored => "120",
            Step::Released => "800",
        }
    }

    /// The wording of the field, with the sender's guid in the first answer.
    fn info(self, entry: &Entry) -> String {
        match self {
            Step::Declaring => {
                let change = match entry.change {
                    Change::New => "新增",
                    Change::Changed => "变更",
                    Change::Deleted => "删除",
                };
                format!("{change}申报成功[{}]", entry.guid)
            }
            Step::Stored => "[Code:1800;Desc:逻辑校验通过]".to_owned(),
            Step::Released => "[Code:2600;Desc:放行]".to_owned(),
        }
    }
}

/// What customs holds of one document.
struct Entry {
    index: u32,
    guid: String,
    change: Change,
    repeated: Vec<(&'static str, String)>,
    list: Option<ListNumbers>,
}

/// The numbers that only a list has.
struct ListNumbers {
    /// 18 characters: B, the day, nine digits; what the sender repeated, when it did.
    pre_no: String,
    /// 18 characters: district, year, I for import, nine digits.
    invt_no: String,
}

impl Entry {
    fn new(kind: &Kind, one: &Declaration<'_>, now: Timestamp) -> Result<Self, MappingError> {
        let head = &one.head;
        let repeated = kind.repeated.iter().map(|field| Ok((*field, head.required(field)?)));
        let list = if kind.shape == &LIST { Some(ListNumbers::new(one, now)?) } else { None };
        Ok(Entry {
            index: one.index,
            guid: head.required("guid")?,
            change: head.change()?,
            repeated: repeated.collect::<Result<_, MappingError>>()?,
            list,
        })
    }
}

impl ListNumbers {
    fn new(one: &Declaration<'_>, now: Timestamp) -> Result<Self, MappingError> {
        let head = &one.head;
        let district = head.exactly("customsCode", 4, "a district of 4 characters")?;
        let key = [head.required("agentCode")?, head.required("copNo")?];
        let [agent, number] = key.each_ref().map(String::as_str);
        let day = answer::day(now);
        let year = day.get(..4).unwrap_or_default();
        let known = |field| {
            let text = head.optional(field).map(|text| text.into_owned());
            text.filter(|text| text.chars().count() == 18)
        };
        Ok(ListNumbers {
            pre_no: known("preNo").unwrap_or_else(|| {
                format!("B{day}{}", answer::serial(&["preNo", &district, agent, number]))
            }),
            invt_no: known("invtNo").unwrap_or_else(|| {
                format!(
                    "{district}{year}I{}",
                    answer::serial(&["invtNo", &district, agent, number])
                )
            }),
        })
    }
}

fn step_answer(
    kind: &Kind,
    step: Step,
    n: u32,
    entries: &[Entry],
    incoming: &Incoming<'_>,
    now: Timestamp,
) -> Answer {
    let id = format!("{}-{n}", incoming.delivery);
    let mut writer = Writer::new(kind.receipt, CEB, &answer::guid(&[NAME, &id]));
    for entry in entries {
        writer.open(kind.returned);
        writer.text("guid", &answer::guid(&[NAME, &id, &entry.index.to_string()]));
        for (field, value) in &entry.repeated {
            writer.text(field, value);
        }
        if let Some(list) = &entry.list {
            writer.text("preNo", &list.pre_no);
            if step != Step::Declaring {
                writer.text("invtNo", &list.invt_no);
            }
        }
        writer.text("returnStatus", step.status());
        writer.text("returnTime", &answer::return_time(now));
        writer.text("returnInfo", &step.info(entry));
        writer.close(kind.returned);
    }
    Answer {
        id,
        delivery: incoming.delivery.to_owned(),
        message: incoming.message.to_owned(),
        message_type: kind.receipt,
        xml: writer.finish(kind.receipt),
        documents: entries.iter().map(|entry| entry.index).collect(),
    }
}

/// What customs records of one document.
fn stored(kind: &Kind, entry: &Entry) -> Value {
    let mut stored = json!({
        "index": entry.index,
        "guid": entry.guid,
        "number": entry.repeated.last().map(|(_, number)| number),
        "status": kind.steps.last().map(|step| step.status()),
    });
    if let (Some(list), Some(fields)) = (&entry.list, stored.as_object_mut()) {
        fields.insert("preNo".to_owned(), list.pre_no.clone().into());
        fields.insert("invtNo".to_owned(), list.invt_no.clone().into());
    }
    stored
}

#[cfg(test)]
mod tests;
