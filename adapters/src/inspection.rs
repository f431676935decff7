//! Inspection and quarantine: in come quarantine requests, which are judged line by line
//! (`QuarantineResultMessage`), and import lists, which are opened or let go together with
//! customs: the same table decides for both, so that there is one inspection and one release.

use jiff::Timestamp;

use crate::MappingError;
use crate::answer;
use crate::control::{Control, chapter, control};
use crate::declaration::{Declaration, Fields};
use crate::form::{Field, QUARANTINE_RESULT, Said, detail, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "inspection";

pub(crate) static INSPECTION: Office =
    Office { name: NAME, code: "440466J001", title: "测试检验检疫机构", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::LIST, record: goods, says: opened },
    Kind { shape: &shape::QUARANTINE, record: request, says: judged },
    Kind { shape: &shape::PRODUCT_FILING, record: filed, says: assessed },
];

/// Of a list: what it is and where it comes from. Not who bought it.
fn goods(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("list", As::Text, "copNo"),
        ("waybill", As::Text, "logisticsNo"),
        ("port", As::Text, "portCode"),
        ("origin", As::Text, "country"),
        ("gross", As::Decimal, "grossWeight"),
    ];
    let lines: &[Column] = &[
        ("code", As::Text, "gcode"),
        ("name", As::Text, "gname"),
        ("origin", As::Text, "country"),
        ("quantity", As::Decimal, "qty"),
    ];
    whole(one, head, ("goods", lines))
}

/// One inspection, one release: what customs opens is opened here as well.
fn opened(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    if one.head.required("appType")? == "3" {
        return Ok(vec![zone_return(status::CONCLUDED, "清单已删除，检疫终止")]);
    }
    let joint = || zone_return(status::INSPECTION, "与海关联合查验");
    Ok(match control(&one.lines) {
        Control::Free | Control::Review => vec![zone_return(status::RELEASED, "无需检疫，放行")],
        Control::Joint => vec![joint(), zone_return(status::RELEASED, "联合查验合格，放行")],
        Control::Abroad => vec![zone_return("700", "退运出境")],
        Control::Detained => vec![joint(), zone_return("599", "查验后扣留")],
        Control::Refused => vec![zone_return(status::REFUSED, "不得以本方式入境")],
    })
}

fn request(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("request", As::Text, "documentNo"),
        ("direction", As::Text, "requestType"),
        ("owner", As::Text, "ebcCode"),
        ("from", As::Text, "departCountry"),
        ("arrived", As::Day, "arrivalDate"),
        ("stored", As::Text, "storagePlace"),
        ("wood", As::Text, "woodPackage"),
    ];
    let lines: &[Column] = &[
        ("code", As::Text, "gcode"),
        ("batch", As::MaybeText, "batchNo"),
        ("producer", As::MaybeText, "producerRegNo"),
        ("certificate", As::MaybeText, "certificateNo"),
        ("expires", As::MaybeDay, "expiryDate"),
        ("quantity", As::Decimal, "qty"),
    ];
    whole(one, head, ("goods", lines))
}

/// What is concluded of a line, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Conclusion {
    Pass,
    Conditional,
    Sampling,
    Fail,
}

impl Conclusion {
    fn word(self) -> &'static str {
        match self {
            Conclusion::Pass => "PASS",
            Conclusion::Conditional => "CONDITIONAL",
            Conclusion::Sampling => "SAMPLING",
            Conclusion::Fail => "FAIL",
        }
    }
}

/// Taken into work, then judged; the worst line decides.
fn judged(one: &Declaration<'_>, now: Timestamp) -> Result<Vec<Said>, MappingError> {
    let arrived = one.head.day("arrivalDate")?;
    let wood = one.head.required("woodPackage")? == "1";
    let (mut worst, mut lines) = (Conclusion::Pass, Vec::new());
    for line in &one.lines {
        let (conclusion, treatment, finding) = conclude(line, &arrived, wood)?;
        worst = worst.max(conclusion);
        lines.push(found(line, conclusion, treatment, finding)?);
    }
    let (status, info) = match worst {
        Conclusion::Pass => (status::CONCLUDED, "检疫合格"),
        Conclusion::Conditional => (status::CONCLUDED, "经处理后合格"),
        Conclusion::Sampling => (status::REVIEW, "已取样，待实验室结果"),
        Conclusion::Fail => (status::REFUSED, "检疫不合格"),
    };
    let good = matches!(worst, Conclusion::Pass | Conclusion::Conditional);
    let (number, day) = (one.serial("certificateNo")?, answer::day(now));
    let certificate = good.then(|| ("certificateNo", format!("CIQ{day}{number}")));
    let result = Said::new(&QUARANTINE_RESULT, status, info)
        .with([("conclusion", worst.word().to_owned())])
        .with(certificate)
        .with([("inspectionDate", day), ("inspectionPlace", one.head.required("storagePlace")?)]);
    Ok(vec![zone_return(status::IN_WORK, "报检已受理"), result.lines(lines)])
}

fn conclude(
    line: &Fields<'_>,
    arrived: &str,
    wood: bool,
) -> Result<(Conclusion, &'static str, &'static str), MappingError> {
    let expires = line.optional("expiryDate").is_some().then(|| line.day("expiryDate"));
    let living = chapter(line).is_some_and(|chapter| chapter <= 6);
    Ok(match expires.transpose()? {
        Some(day) if day.as_str() <= arrived => (Conclusion::Fail, "DESTROY", "入境时已过保质期"),
        _ if living && line.optional("certificateNo").is_none() => {
            (Conclusion::Sampling, "NONE", "动植物产品无官方证书，取样送检")
        }
        _ if wood => (Conclusion::Conditional, "DISINFECT", "木质包装须除害处理"),
        _ => (Conclusion::Pass, "NONE", "未见异常"),
    })
}

fn found(
    line: &Fields<'_>,
    conclusion: Conclusion,
    treatment: &str,
    finding: &str,
) -> Result<Vec<Field>, MappingError> {
    let quantity = line.decimal("qty")?;
    let none = || "0".to_owned();
    let (passed, failed) = match conclusion {
        Conclusion::Pass | Conclusion::Conditional => (quantity, none()),
        Conclusion::Sampling => (none(), none()),
        Conclusion::Fail => (none(), quantity),
    };
    Ok(vec![
        ("gnum", line.required("gnum")?),
        ("conclusion", conclusion.word().to_owned()),
        ("passedQty", passed),
        ("failedQty", failed),
        ("unit", line.required("unit")?),
        ("treatment", treatment.to_owned()),
        ("finding", finding.to_owned()),
    ])
}

/// Of a filed product: what quarantine asks of it.
fn filed(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let lines: &[Column] = &[
        ("item", As::Text, "itemNo"),
        ("code", As::Text, "gcode"),
        ("origin", As::Text, "country"),
        ("conditions", As::MaybeText, "quarantineConditions"),
        ("ingredient", As::MaybeText, "ingredient"),
    ];
    whole(one, &[("owner", As::Text, "ebcCode")], ("products", lines))
}

/// Goods that have to be inspected at each import are named.
fn assessed(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let asked = |line: &Fields<'_>| line.optional("quarantineConditions").is_some();
    let lines = one.lines.iter().zip(1..).filter(|(line, _)| asked(line));
    let why = |n| detail(Some(n), "quarantineConditions", "EACH-IMPORT", "每次入境须报检");
    let said = zone_return(status::STORED, "检疫要求已核定");
    Ok(vec![said.lines(lines.map(|(_, n)| why(n)).take(100))])
}
