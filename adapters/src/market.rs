//! Market regulation: in come filings of enterprises and products and after-sale cases, out go
//! receipts of the zone. It looks at licences, at what a label must say, and at what buyers
//! complain of; names and numbers of persons are not kept.

use jiff::Timestamp;

use crate::MappingError;
use crate::declaration::{Declaration, Fields};
use crate::form::{Field, Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "market";

pub(crate) static MARKET: Office =
    Office { name: NAME, code: "440466S001", title: "测试市场监管局", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::ENTERPRISE_FILING, record: licensed, says: verified },
    Kind { shape: &shape::PRODUCT_FILING, record: products, says: labelled },
    Kind { shape: &shape::AFTER_SALE, record: case, says: handled },
];

/// Most details of a receipt of the zone.
const DETAILS_MAX: usize = 100;

fn licensed(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("subject", As::Text, "creditCode"),
        ("name", As::Text, "enterpriseName"),
        ("address", As::Text, "registeredAddress"),
        ("established", As::Day, "establishedDate"),
        ("capital", As::MaybeDecimal, "registeredCapital"),
    ];
    let lines: &[Column] = &[
        ("licence", As::Text, "qualificationNo"),
        ("kind", As::Text, "qualificationType"),
        ("issuer", As::Text, "issuingAuthority"),
        ("until", As::MaybeDay, "validUntil"),
    ];
    whole(one, head, ("licences", lines))
}

/// There must be a licence, and none may have run out when the filing was made.
fn verified(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let filed = one.head.day("appTime")?;
    let (mut wrong, mut licence) = (Vec::new(), false);
    for (line, n) in one.lines.iter().zip(1..) {
        licence |= line.required("qualificationType")? == "LICENCE";
        let until = line.optional("validUntil").is_some().then(|| line.day("validUntil"));
        if until.transpose()?.is_some_and(|until| until < filed) {
            wrong.push(detail(Some(n), "validUntil", "LICENCE-ENDED", "资质已过有效期"));
        }
    }
    if !licence {
        wrong.push(detail(None, "qualificationType", "LICENCE-MISSING", "缺少营业执照"));
    }
    wrong.truncate(DETAILS_MAX);
    let (status, info) = match wrong.is_empty() {
        true => (status::CONCLUDED, "主体资格核验通过"),
        false => (status::REFUSED, "主体资格核验未通过"),
    };
    Ok(vec![zone_return(status, info).lines(wrong)])
}

fn products(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let lines: &[Column] = &[
        ("item", As::Text, "itemNo"),
        ("barcode", As::MaybeText, "barCode"),
        ("brand", As::Text, "brand"),
        ("maker", As::MaybeText, "manufacturer"),
        ("label", As::Text, "gmodel"),
        ("picture", As::MaybeText, "imageDigest"),
    ];
    whole(one, &[("seller", As::Text, "ebcCode")], ("products", lines))
}

/// Food must say what is in it and how long it keeps.
fn labelled(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let food = one.lines.iter().zip(1..);
    let food = food.filter(|(line, _)| line.optional("isFood").as_deref() == Some("1"));
    let missing = food.flat_map(|(line, n)| missing(line, n));
    let missing: Vec<Vec<Field>> = missing.take(DETAILS_MAX).collect();
    Ok(vec![match missing.is_empty() {
        true => zone_return(status::CONCLUDED, "商品备案通过"),
        false => zone_return(status::REFUSED, "商品备案退回").lines(missing),
    }])
}

fn missing(line: &Fields<'_>, n: usize) -> Vec<Vec<Field>> {
    let asked = [("ingredient", "食品须标明配料"), ("shelfLifeDays", "食品须标明保质期")];
    let absent = asked.into_iter().filter(|(field, _)| line.optional(field).is_none());
    absent.map(|(field, why)| detail(Some(n), field, "LABEL", why)).collect()
}

fn case(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("case", As::Text, "documentNo"),
        ("kind", As::Text, "caseType"),
        ("stands", As::Text, "caseStatus"),
        ("opened", As::Time, "openedTime"),
        ("seller", As::Text, "ebcCode"),
        ("order", As::Text, "orderNo"),
        ("reason", As::Text, "reasonCode"),
        ("refund", As::Decimal, "refundAmount"),
    ];
    let lines: &[Column] = &[
        ("item", As::MaybeText, "itemNo"),
        ("condition", As::MaybeText, "condition"),
        ("becomes", As::MaybeText, "disposition"),
    ];
    whole(one, head, ("items", lines))
}

/// What is not genuine, or of bad quality, is looked into before the case is closed.
fn handled(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let reason = one.head.required("reasonCode")?;
    Ok(match reason.as_str() {
        "FAKE" | "QUALITY" => {
            let first = zone_return(status::REVIEW, "涉及产品质量，已立案核查");
            vec![first, zone_return(status::CONCLUDED, "核查完毕，责任已告知经营者")]
        }
        _ => vec![zone_return(status::STORED, "售后记录已登记")],
    })
}
