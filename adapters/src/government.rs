//! Local government: in come statistics and export lists, out go receipts of the zone. It keeps
//! summaries: sums by indicator, or what was exported where to, by chapter of the commodity
//! code; no single goods line, price or firm's name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::MappingError;
use crate::amount::Amount;
use crate::control::chapter;
use crate::declaration::Declaration;
use crate::form::{Said, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, record};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "government";

pub(crate) static GOVERNMENT: Office =
    Office { name: NAME, code: "440466G001", title: "测试管委会", kinds: &KINDS };

static KINDS: [Kind; 2] = [
    Kind { shape: &shape::STATISTICS, record: by_indicator, says: summed },
    Kind { shape: &shape::EXPORT_LIST, record: by_chapter, says: summed },
];

/// Sums of a report by indicator.
fn by_indicator(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for line in &one.lines {
        add(&mut sums, line.required("indicatorCode")?, line.amount("value")?);
    }
    let mut kept =
        record(&one.head, &[("from", As::Day, "periodFrom"), ("until", As::Day, "periodUntil")])?;
    kept.insert("period".to_owned(), one.head.required("periodType")?.into());
    kept.insert("sums".to_owned(), shown(&sums));
    Ok(kept)
}

/// What a list exports, by chapter.
fn by_chapter(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for line in &one.lines {
        let chapter = chapter(line).map_or_else(String::new, |chapter| format!("{chapter:02}"));
        add(&mut sums, chapter, line.amount("totalPrice")?);
    }
    let mut kept = record(
        &one.head,
        &[
            ("mode", As::Text, "tradeMode"),
            ("to", As::Text, "country"),
            ("day", As::Day, "ieDate"),
            ("weight", As::Decimal, "grossWeight"),
        ],
    )?;
    kept.insert("sums".to_owned(), shown(&sums));
    Ok(kept)
}

fn add(sums: &mut BTreeMap<String, Amount>, of: String, amount: Amount) {
    let sum = sums.entry(of).or_default();
    *sum = sum.plus(amount);
}

fn shown(sums: &BTreeMap<String, Amount>) -> Value {
    sums.iter().map(|(of, sum)| (of.clone(), json!(sum.to_string()))).collect()
}

fn summed(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "已纳入汇总")])
}
