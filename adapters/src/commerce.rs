//! Commerce: in come filings of enterprises, contracts and statistics, out go receipts of the
//! zone. Commerce keeps what a firm does and how much it trades; who stands behind it and
//! whether its licences hold is for market regulation.

use jiff::Timestamp;

use crate::MappingError;
use crate::amount::Amount;
use crate::declaration::Declaration;
use crate::form::{Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, record, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "commerce";

pub(crate) static COMMERCE: Office =
    Office { name: NAME, code: "440466M001", title: "测试商务局", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::ENTERPRISE_FILING, record: firm, says: admitted },
    Kind { shape: &shape::CONTRACT, record: contract, says: noted },
    Kind { shape: &shape::STATISTICS, record: figures, says: compared },
];

fn firm(one: &Declaration<'_>) -> Result<Record, MappingError> {
    record(
        &one.head,
        &[
            ("firm", As::Text, "creditCode"),
            ("name", As::Text, "enterpriseName"),
            ("role", As::Text, "enterpriseRole"),
            ("scope", As::Text, "businessScope"),
            ("district", As::Text, "districtCode"),
            ("site", As::MaybeText, "websiteUrl"),
        ],
    )
}

/// A platform is found by its site.
fn admitted(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let platform = one.head.required("enterpriseRole")? == "PLATFORM";
    let first = zone_return(status::IN_WORK, "企业备案已受理");
    let last = if platform && one.head.optional("websiteUrl").is_none() {
        let why = detail(None, "websiteUrl", "SITE-MISSING", "电商平台须提供网址");
        zone_return(status::REFUSED, "备案退回").lines([why])
    } else {
        zone_return(status::CONCLUDED, "企业备案通过")
    };
    Ok(vec![first, last])
}

fn contract(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("contract", As::Text, "contractNo"),
        ("kind", As::Text, "contractType"),
        ("country", As::Text, "partyBCountry"),
        ("terms", As::MaybeText, "incoterm"),
        ("amount", As::Decimal, "totalAmount"),
        ("currency", As::Text, "currency"),
        ("signed", As::Day, "signDate"),
        ("ends", As::Day, "validUntil"),
    ];
    let lines: &[Column] = &[
        ("goods", As::Text, "gname"),
        ("code", As::MaybeText, "gcode"),
        ("amount", As::Decimal, "totalPrice"),
    ];
    whole(one, head, ("goods", lines))
}

fn noted(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "合同已备案")])
}

fn figures(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("report", As::Text, "reportCode"),
        ("from", As::Day, "periodFrom"),
        ("until", As::Day, "periodUntil"),
        ("firm", As::Text, "reporterCreditCode"),
        ("corrects", As::MaybeText, "correctionOf"),
    ];
    let lines: &[Column] = &[
        ("indicator", As::Text, "indicatorCode"),
        ("mode", As::MaybeText, "tradeMode"),
        ("country", As::MaybeText, "country"),
        ("value", As::Decimal, "value"),
        ("before", As::MaybeDecimal, "previousValue"),
    ];
    whole(one, head, ("figures", lines))
}

/// A figure that is more than twice, or less than half, that of the period before is asked about.
fn compared(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let mut asked = Vec::new();
    for (line, n) in one.lines.iter().zip(1..) {
        if line.optional("previousValue").is_none() {
            continue;
        }
        let (now, before) = (line.amount("value")?, line.amount("previousValue")?);
        let half = |amount: Amount| amount.percent(Amount::whole(50));
        if half(now) > before || now < half(before) {
            asked.push(detail(Some(n), "value", "JUMP", "与上期相差一倍以上，请说明"));
        }
    }
    asked.truncate(100);
    let said = zone_return(status::STORED, "统计报表已接收");
    Ok(vec![said.lines(asked)])
}
