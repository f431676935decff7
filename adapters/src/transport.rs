//! Logistics: in come tracking events and the status of waybills, out go receipts of the zone.
//! The office for transport keeps the way of a shipment: where it is now, how often it
//! stopped, and what does not fit: events out of order, or after its end.

use jiff::Timestamp;
use serde_json::json;

use crate::MappingError;
use crate::declaration::Declaration;
use crate::form::{Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, record, whole};
use crate::shape;

/// Name in the routing table: `logistics` is what the firms are called.
pub const NAME: &str = "transport";

pub(crate) static TRANSPORT: Office =
    Office { name: NAME, code: "440466L001", title: "测试物流主管部门", kinds: &KINDS };

static KINDS: [Kind; 2] = [
    Kind { shape: &shape::LOGISTICS_EVENT, record: way, says: followed },
    Kind { shape: &shape::WAYBILL_STATUS, record: arrived, says: ended },
];

/// Events after which a shipment goes no further.
const ENDS: [&str; 3] = ["SIGNED", "RETURNED", "LOST"];
/// Most details of a receipt of the zone.
const DETAILS_MAX: usize = 100;

fn way(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("shipment", As::Text, "logisticsNo"),
        ("carrier", As::Text, "logisticsCode"),
        ("master", As::MaybeText, "totalLogisticsNo"),
        ("list", As::MaybeText, "invtNo"),
    ];
    let lines: &[Column] = &[
        ("event", As::Text, "eventCode"),
        ("at", As::Time, "eventTime"),
        ("place", As::Text, "placeName"),
        ("country", As::MaybeText, "country"),
        ("by", As::MaybeText, "trafMode"),
    ];
    let mut kept = whole(one, head, ("way", lines))?;
    if let Some(last) = one.lines.last() {
        kept.insert("now".to_owned(), last.required("eventCode")?.into());
        kept.insert("where".to_owned(), last.required("placeName")?.into());
    }
    kept.insert("events".to_owned(), json!(one.lines.len()));
    Ok(kept)
}

/// Events are in the order of their times, and nothing comes after the end.
fn followed(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let (mut before, mut ended, mut wrong) = (String::new(), false, Vec::new());
    for (line, n) in one.lines.iter().zip(1..) {
        let (at, event) = (line.time("eventTime")?, line.required("eventCode")?);
        if at < before {
            wrong.push(detail(Some(n), "eventTime", "OUT-OF-ORDER", "时间早于前一节点"));
        }
        if ended {
            wrong.push(detail(Some(n), "eventCode", "AFTER-END", "运输已终结，仍有后续节点"));
        }
        ended |= ENDS.contains(&event.as_str());
        before = at;
    }
    wrong.truncate(DETAILS_MAX);
    let (status, info) = match (wrong.is_empty(), ended) {
        (false, _) => (status::REVIEW, "轨迹存疑"),
        (true, true) => (status::CONCLUDED, "运输终结"),
        (true, false) => (status::STORED, "轨迹已登记"),
    };
    Ok(vec![zone_return(status, info).lines(wrong)])
}

fn arrived(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let columns: &[Column] = &[
        ("shipment", As::Text, "logisticsNo"),
        ("carrier", As::Text, "logisticsCode"),
        ("now", As::Text, "logisticsStatus"),
        ("since", As::Time, "logisticsTime"),
    ];
    record(&one.head, columns)
}

fn ended(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::CONCLUDED, "签收已登记，运输终结")])
}
