//! Post: in come waybills, import and export, and what is said of them, out go receipts of the
//! zone. The post keeps what it carries as its own items: number, direction, weight in grams,
//! class. A consignee stands on the label, not in this record.

use jiff::Timestamp;

use crate::MappingError;
use crate::amount::Amount;
use crate::declaration::Declaration;
use crate::form::{Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, record};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "post";

pub(crate) static POST: Office =
    Office { name: NAME, code: "440466Y001", title: "测试邮政管理局", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::WAYBILL, record: inward, says: taken },
    Kind { shape: &shape::EXPORT_WAYBILL, record: outward, says: taken },
    Kind { shape: &shape::WAYBILL_STATUS, record: delivered, says: closed },
];

/// Heavier than this is no parcel for the post (kilograms).
const HEAVIEST: Amount = Amount::whole(30);
/// Up to this it is a small packet (kilograms).
const PACKET: Amount = Amount::whole(2);

fn inward(one: &Declaration<'_>) -> Result<Record, MappingError> {
    item(one, "inward", "weight")
}

fn outward(one: &Declaration<'_>) -> Result<Record, MappingError> {
    item(one, "outward", "grossWeight")
}

fn item(
    one: &Declaration<'_>,
    direction: &'static str,
    weight: &'static str,
) -> Result<Record, MappingError> {
    let mut kept = record(
        &one.head,
        &[
            ("item", As::Text, "logisticsNo"),
            ("carrier", As::Text, "logisticsCode"),
            ("dispatch", As::MaybeText, "billNo"),
            ("pieces", As::Text, "packNo"),
            ("postage", As::Decimal, "freight"),
            ("insured", As::Decimal, "insuredFee"),
        ],
    )?;
    let weight = one.head.amount(weight)?;
    // A thousandfold is 100,000 per cent.
    let grams = weight.percent(Amount::whole(100_000));
    let class = if weight <= PACKET { "packet" } else { "parcel" };
    kept.insert("direction".to_owned(), direction.into());
    kept.insert("grams".to_owned(), grams.to_string().into());
    kept.insert("class".to_owned(), class.into());
    Ok(kept)
}

/// What is too heavy goes as freight.
fn taken(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let field = if one.shape == &shape::WAYBILL { "weight" } else { "grossWeight" };
    Ok(vec![if one.head.amount(field)? > HEAVIEST {
        let why = detail(None, field, "TOO-HEAVY", "超过 30 千克，按货运办理");
        zone_return(status::REFUSED, "不按邮件收寄").lines([why])
    } else {
        zone_return(status::STORED, "运单已登记")
    }])
}

fn delivered(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let mut kept = record(
        &one.head,
        &[
            ("item", As::Text, "logisticsNo"),
            ("carrier", As::Text, "logisticsCode"),
            ("at", As::Time, "logisticsTime"),
        ],
    )?;
    // Final delivery, as postal operators code it (UPU standard M40, event EMI).
    let event = if one.head.required("logisticsStatus")? == "S" { "EMI" } else { "other" };
    kept.insert("event".to_owned(), event.into());
    Ok(kept)
}

fn closed(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::CONCLUDED, "妥投已登记")])
}
