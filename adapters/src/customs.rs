//! Customs: in come all declarations of the norm, out go their receipts, step by step, and
//! for a released import list the tax bill and its status (CEB816, CEB818). Numbers are made
//! from the key of the document, so the same list has the same number next time.

use jiff::Timestamp;

use crate::MappingError;
use crate::answer;
use crate::declaration::Declaration;
use crate::form::{Field, Form, Layout, Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, record, whole};
use crate::shape::{self, CEB, Shape};

mod bill;
mod course;
mod payment_data;

/// Name in the routing table.
pub const NAME: &str = "customs";

pub(crate) static CUSTOMS: Office =
    Office { name: NAME, code: "440466C001", title: "测试海关", kinds: &KINDS };

const fn of_norm(shape: &'static Shape) -> Kind {
    Kind { shape, record: declared, says: receipts }
}

static KINDS: [Kind; 22] = [
    of_norm(&shape::ORDER),
    of_norm(&shape::PAYMENT),
    of_norm(&shape::WAYBILL),
    of_norm(&shape::WAYBILL_STATUS),
    of_norm(&shape::LIST),
    of_norm(&shape::CANCELLATION),
    of_norm(&shape::RETURN),
    of_norm(&shape::WAREHOUSE_IN),
    of_norm(&shape::EXPORT_ORDER),
    of_norm(&shape::EXPORT_RECEIPTS),
    of_norm(&shape::EXPORT_WAYBILL),
    of_norm(&shape::ARRIVAL),
    of_norm(&shape::DEPARTURE),
    of_norm(&shape::EXPORT_LIST),
    of_norm(&shape::EXPORT_CANCELLATION),
    of_norm(&shape::MASTER_LIST),
    of_norm(&shape::SUMMARY),
    of_norm(&shape::EXPORT_RETURN),
    of_norm(&shape::RETURN_TALLY),
    Kind { shape: &shape::TRANSIT, record: transit, says: let_go },
    Kind { shape: &shape::TAX_GUARANTEE, record: guarantee, says: opened },
    payment_data::KIND,
];

/// The receipt of a type: its form, and the fields before the status in their order. `?` marks
/// one that is left out where the declaration has none, `+` a number that customs gives (at
/// once), `*` one that it gives when the document is stored.
struct Receipt {
    of: &'static str,
    form: Form,
    fields: &'static [&'static str],
}

const fn receipt(
    of: &'static Shape,
    message_type: &'static str,
    document: &'static str,
    fields: &'static [&'static str],
) -> Receipt {
    let layout = Layout::Flat { namespace: CEB, document };
    Receipt { of: of.message_type, form: Form { message_type, layout }, fields }
}

/// The receipts of the norm of 2022-05.
static RECEIPTS: [Receipt; 19] = [
    receipt(&shape::ORDER, "CEB312Message", "OrderReturn", &["ebpCode", "ebcCode", "orderNo"]),
    receipt(&shape::PAYMENT, "CEB412Message", "PaymentReturn", &["payCode", "payTransactionId"]),
    receipt(&shape::WAYBILL, "CEB512Message", "LogisticsReturn", &["logisticsCode", "logisticsNo"]),
    receipt(
        &shape::WAYBILL_STATUS,
        "CEB514Message",
        "LogisticsStatusReturn",
        &["logisticsCode", "logisticsNo", "logisticsStatus"],
    ),
    receipt(
        &shape::LIST,
        "CEB622Message",
        "InventoryReturn",
        &["customsCode", "ebpCode", "ebcCode", "agentCode", "copNo", "preNo+", "invtNo*"],
    ),
    receipt(
        &shape::CANCELLATION,
        "CEB624Message",
        "InvtCancelReturn",
        &["customsCode", "agentCode", "ebpCode", "ebcCode", "copNo", "preNo+", "invtNo?"],
    ),
    receipt(
        &shape::RETURN,
        "CEB626Message",
        "InvtRefundReturn",
        &["customsCode", "agentCode", "ebpCode", "ebcCode", "copNo", "preNo+", "invtNo?"],
    ),
    receipt(
        &shape::WAREHOUSE_IN,
        "CEB712Message",
        "DeliveryReturn",
        &["customsCode", "operatorCode", "copNo", "preNo+", "rkdNo*"],
    ),
    receipt(
        &shape::EXPORT_ORDER,
        "CEB304Message",
        "OrderReturn",
        &["ebpCode", "ebcCode", "orderNo"],
    ),
    receipt(
        &shape::EXPORT_RECEIPTS,
        "CEB404Message",
        "ReceiptsReturn",
        &["ebcCode", "orderNo", "payNo?"],
    ),
    receipt(
        &shape::EXPORT_WAYBILL,
        "CEB506Message",
        "LogisticsReturn",
        &["logisticsCode", "logisticsNo"],
    ),
    receipt(
        &shape::ARRIVAL,
        "CEB508Message",
        "ArrivalReturn",
        &["operatorCode", "logisticsCode", "preNo+", "copNo", "billNo", "msgSeqNo"],
    ),
    receipt(
        &shape::DEPARTURE,
        "CEB510Message",
        "DepartureReturn",
        &["logisticsCode", "copNo", "preNo+", "msgSeqNo"],
    ),
    receipt(
        &shape::EXPORT_LIST,
        "CEB604Message",
        "InventoryReturn",
        &[
            "agentCode",
            "copNo",
            "preNo+",
            "invtNo+",
            "ebcCode",
            "ebpCode",
            "orderNo",
            "statisticsFlag",
        ],
    ),
    receipt(
        &shape::EXPORT_CANCELLATION,
        "CEB606Message",
        "InvtCancelReturn",
        &["agentCode", "copNo", "preNo+", "invtNo"],
    ),
    receipt(
        &shape::MASTER_LIST,
        "CEB608Message",
        "WayBillReturn",
        &["agentCode", "logisticsCode", "copNo", "preNo+", "billNo", "msgSeqNo"],
    ),
    receipt(
        &shape::SUMMARY,
        "CEB702Message",
        "SummaryReturn",
        &["agentCode", "ebcCode", "copNo", "preNo+", "sumNo*", "msgSeqNo"],
    ),
    receipt(
        &shape::EXPORT_RETURN,
        "CEB214Message",
        "RefundReturn",
        &["ebpCode?", "ebcCode?", "agentCode", "coElNo", "preNo+", "invtNo"],
    ),
    receipt(
        &shape::RETURN_TALLY,
        "CEB216Message",
        "InvtRefundDetailReturn",
        &["operatorCode", "logisticsCode", "logisticsNo", "coElNo", "preNo+"],
    ),
];

/// The receipts of a document, one for each step of its life at customs, then the bills.
fn receipts(one: &Declaration<'_>, now: Timestamp) -> Result<Vec<Said>, MappingError> {
    let receipt = RECEIPTS.iter().find(|receipt| receipt.of == one.shape.message_type);
    let receipt = receipt.ok_or_else(|| MappingError::UnknownType {
        department: NAME,
        found: one.shape.message_type.to_owned(),
        expected: RECEIPTS.iter().map(|receipt| receipt.of).collect(),
    })?;
    let mut said = Vec::new();
    for step in course::course(one)? {
        let fields = receipt.fields.iter().filter_map(|field| given(field, step, one, now));
        let fields = fields.collect::<Result<Vec<Field>, MappingError>>()?;
        said.push(Said::new(&receipt.form, step, course::info(step, one)?).with(fields));
    }
    if one.shape == &shape::LIST && said.iter().any(|said| said.status == status::RELEASED) {
        said.extend(bill::bills(one, now)?);
    }
    Ok(said)
}

/// A field of a receipt; none where it has no place in this step.
fn given(
    field: &'static str,
    step: &str,
    one: &Declaration<'_>,
    now: Timestamp,
) -> Option<Result<Field, MappingError>> {
    let copy = |name| one.head.required(name).map(|text| (name, text));
    let number = |name| number(name, one, now).map(|text| (name, text));
    if let Some(name) = field.strip_suffix('?') {
        return one.head.optional(name).map(|text| Ok((name, text.into_owned())));
    }
    if let Some(name) = field.strip_suffix('+') {
        return Some(number(name));
    }
    match field.strip_suffix('*') {
        Some(name) => course::is_stored(step).then(|| number(name)),
        // A return request may have no number of the firm's own, its receipt must: the port's.
        None if field == "copNo" && one.head.optional(field).is_none() => {
            Some(number("preNo").map(|(_, text)| (field, text)))
        }
        None => Some(copy(field)),
    }
}

/// A number that port or customs give, of 18 characters: what the sender repeated, where it
/// did; else made from the document's key.
fn number(
    name: &'static str,
    one: &Declaration<'_>,
    now: Timestamp,
) -> Result<String, MappingError> {
    let known = one.head.optional(name).map(|text| text.into_owned());
    if let Some(known) = known.filter(|text| text.chars().count() == 18) {
        return Ok(known);
    }
    let district = one.head.exactly("customsCode", 4, "a district of 4 characters")?;
    let key: Result<Vec<String>, _> = one.shape.key.iter().map(|f| key_part(one, f)).collect();
    let key = key?;
    let mut parts = vec![name, district.as_str()];
    parts.extend(key.iter().map(String::as_str));
    let serial = answer::serial(&parts);
    let day = answer::day(now);
    let year = day.get(..4).unwrap_or_default();
    Ok(match (name, one.shape.kind) {
        // District, year, direction, nine digits.
        ("invtNo", "list") => format!("{district}{year}I{serial}"),
        ("invtNo", _) => format!("{district}{year}E{serial}"),
        ("rkdNo", _) => format!("{district}{year}K{serial}"),
        ("sumNo", _) => format!("{district}{year}S{serial}"),
        // The port's: B, the day, nine digits.
        _ => format!("B{day}{serial}"),
    })
}

/// A part of the key; a return request may have no number of its own.
fn key_part(one: &Declaration<'_>, field: &'static str) -> Result<String, MappingError> {
    match one.head.optional(field) {
        Some(text) => Ok(text.into_owned()),
        None => one.head.required("guid"),
    }
}

/// What customs keeps of a declaration of the norm: its number, what the declarations of one
/// order are matched by, and the classified goods.
fn declared(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("district", As::MaybeText, "customsCode"),
        ("mode", As::MaybeText, "tradeMode"),
        ("order", As::MaybeText, "orderNo"),
        ("waybill", As::MaybeText, "logisticsNo"),
        ("bill", As::MaybeText, "billNo"),
        ("due", As::MaybeDecimal, "acturalPaid"),
        ("paid", As::MaybeDecimal, "amountPaid"),
        ("earned", As::MaybeDecimal, "charge"),
        ("about", As::MaybeText, "invtNo"),
    ];
    let goods: &[Column] = &[
        ("code", As::MaybeText, "gcode"),
        ("quantity", As::MaybeDecimal, "qty"),
        ("unit", As::MaybeText, "unit"),
    ];
    let mut kept = whole(one, head, ("goods", goods))?;
    let last = one.shape.key.last().copied().unwrap_or_default();
    kept.insert("number".to_owned(), key_part(one, last)?.into());
    Ok(kept)
}

/// A journey under control: who carries what from where to where, under which seal.
fn transit(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("from", As::Text, "customsFrom"),
        ("to", As::Text, "customsTo"),
        ("carrier", As::Text, "carrierCode"),
        ("seal", As::Text, "sealNo"),
        ("guarantee", As::MaybeText, "guaranteeNo"),
        ("due", As::Time, "arrivalTime"),
    ];
    let lines: &[Column] = &[("list", As::MaybeText, "invtNo"), ("packages", As::Text, "packNo")];
    whole(one, head, ("carried", lines))
}

/// Without a guarantee nothing leaves under control.
fn let_go(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let first = zone_return(status::IN_WORK, "转关申报已受理");
    let last = match one.head.optional("guaranteeNo") {
        Some(_) => zone_return(status::RELEASED, "准予转关"),
        None => {
            let why = detail(None, "guaranteeNo", "GUARANTEE-MISSING", "转关须提供担保");
            zone_return(status::REFUSED, "不予转关").lines([why])
        }
    };
    Ok(vec![first, last])
}

/// The account of a guarantee.
fn guarantee(one: &Declaration<'_>) -> Result<Record, MappingError> {
    record(
        &one.head,
        &[
            ("guarantee", As::Text, "guaranteeNo"),
            ("action", As::Text, "guaranteeAction"),
            ("for", As::Text, "assureCode"),
            ("amount", As::Decimal, "guaranteeAmount"),
            ("available", As::MaybeDecimal, "availableAmount"),
            ("until", As::Day, "validUntil"),
        ],
    )
}

fn opened(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "税款担保已登记")])
}

#[cfg(test)]
mod tests;
