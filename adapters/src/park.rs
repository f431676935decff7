//! The park: in come arrivals (warehouse-in and export), stock, departures, the gate and
//! journeys under control, out go receipts of the zone. It keeps a ledger of movements: what
//! came in or left, where, by which vehicle or waybill; what does not balance is asked about.

use jiff::Timestamp;

use crate::MappingError;
use crate::amount::Amount;
use crate::declaration::Declaration;
use crate::form::{Field, Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "park";

pub(crate) static PARK: Office =
    Office { name: NAME, code: "440466P001", title: "测试园区运营公司", kinds: &KINDS };

static KINDS: [Kind; 6] = [
    Kind { shape: &shape::WAREHOUSE_IN, record: unloaded, says: entered },
    Kind { shape: &shape::ARRIVAL, record: arrived, says: entered },
    Kind { shape: &shape::DEPARTURE, record: left, says: entered },
    Kind { shape: &shape::STOCK_EVENT, record: stock, says: balanced },
    Kind { shape: &shape::GATE_EVENT, record: passed, says: weighed },
    Kind { shape: &shape::TRANSIT, record: expected, says: awaited },
];

/// Parcels by their waybills.
const PARCELS: (&str, &[Column]) = ("parcels", &[("waybill", As::Text, "logisticsNo")]);
/// How far a scale may be off, per cent of what papers say.
const SCALE: Amount = Amount::whole(5);
/// Most details of a receipt of the zone.
const DETAILS_MAX: usize = 100;

fn moved(what: &str, mut record: Record) -> Record {
    record.insert("movement".to_owned(), what.into());
    record
}

fn unloaded(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("site", As::Text, "operatorCode"),
        ("bill", As::Text, "billNo"),
        ("place", As::MaybeText, "unloadLocation"),
    ];
    Ok(moved("in", whole(one, head, PARCELS)?))
}

fn arrived(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("site", As::Text, "operatorCode"),
        ("bill", As::Text, "billNo"),
        ("vehicle", As::MaybeText, "domesticTrafNo"),
        ("part", As::Text, "msgSeqNo"),
    ];
    Ok(moved("arrival", whole(one, head, PARCELS)?))
}

fn left(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("bill", As::Text, "billNo"),
        ("by", As::Text, "trafName"),
        ("at", As::Time, "leaveTime"),
        ("part", As::Text, "msgSeqNo"),
    ];
    Ok(moved("departure", whole(one, head, PARCELS)?))
}

fn entered(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let info = match one.shape.kind {
        "departure" => "离境已登记",
        "arrival" => "运抵已登记",
        _ => "入库已登记",
    };
    Ok(vec![zone_return(status::STORED, info)])
}

fn stock(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("account", As::Text, "emsNo"),
        ("warehouse", As::Text, "warehouseNo"),
        ("kind", As::Text, "eventType"),
        ("at", As::Time, "eventTime"),
        ("because", As::MaybeText, "relatedNo"),
    ];
    let lines: &[Column] = &[
        ("record", As::Text, "itemRecordNo"),
        ("change", As::Decimal, "qtyChange"),
        ("now", As::Decimal, "qtyAfter"),
        ("unit", As::Text, "unit"),
        ("shelf", As::MaybeText, "location"),
    ];
    Ok(moved("stock", whole(one, head, ("goods", lines))?))
}

/// What comes in is more afterwards, what goes out is less.
fn balanced(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let kind = one.head.required("eventType")?;
    let mut wrong = Vec::new();
    for (line, n) in one.lines.iter().zip(1..) {
        let change = line.amount("qtyChange")?;
        let fits = match kind.as_str() {
            "IN" | "RETURN" => change > Amount::ZERO,
            "OUT" | "DESTROY" => change < Amount::ZERO,
            _ => true,
        };
        if !fits {
            wrong.push(detail(Some(n), "qtyChange", "DIRECTION", "数量增减与变动类型不符"));
        }
    }
    Ok(vec![asked(wrong, "库存变动已登记")])
}

fn passed(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("gate", As::Text, "gateNo"),
        ("direction", As::Text, "ieFlag"),
        ("at", As::Time, "passTime"),
        ("result", As::Text, "passResult"),
        ("seal", As::MaybeText, "sealNo"),
        ("scale", As::MaybeDecimal, "totalWeight"),
    ];
    let lines: &[Column] = &[
        ("papers", As::Text, "documentType"),
        ("number", As::Text, "relatedNo"),
        ("packages", As::Text, "packNo"),
    ];
    Ok(moved("gate", whole(one, head, ("cargo", lines))?))
}

/// The scale must show what the papers say, when both say something.
fn weighed(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let known = |field| one.head.optional(field).is_some().then(|| one.head.amount(field));
    let total = known("totalWeight").transpose()?;
    let vehicle = known("vehicleWeight").transpose()?;
    let declared = one.lines.iter().map(|line| {
        line.optional("grossWeight").is_some().then(|| line.amount("grossWeight")).transpose()
    });
    let declared = declared.collect::<Result<Option<Vec<Amount>>, _>>()?;
    let mut wrong = Vec::new();
    if let (Some(total), Some(vehicle), Some(declared)) = (total, vehicle, declared)
        && !declared.is_empty()
    {
        let (shown, declared) = (total.minus(vehicle), declared.into_iter().sum::<Amount>());
        if !shown.is_near(declared, declared.percent(SCALE)) {
            let why = format!("地磅净重 {shown} 千克，单证 {declared} 千克");
            wrong.push(detail(None, "totalWeight", "WEIGHT", why));
        }
    }
    Ok(vec![asked(wrong, "过卡已登记")])
}

fn asked(mut wrong: Vec<Vec<Field>>, good: &str) -> Said {
    wrong.truncate(DETAILS_MAX);
    match wrong.is_empty() {
        true => zone_return(status::STORED, good),
        false => zone_return(status::REVIEW, "已登记，存疑待核").lines(wrong),
    }
}

fn expected(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("seal", As::Text, "sealNo"),
        ("vehicle", As::Text, "vehicleNo"),
        ("due", As::Time, "arrivalTime"),
        ("packages", As::Text, "packNo"),
    ];
    Ok(moved("transit", whole(one, head, PARCELS)?))
}

fn awaited(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "转关车辆已预报，待核对关锁")])
}
