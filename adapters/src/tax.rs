//! Tax: in come orders, payments and import lists (answered by `TaxReturnMessage`), purchases
//! and export lists (the zone's receipt), and refund claims, which are judged line by line
//! (`RefundResultMessage`). Recorded is who sold what, when, for how much; amounts as decimal
//! strings, no data of the buyer.

use jiff::Timestamp;

use crate::MappingError;
use crate::amount::Amount;
use crate::declaration::{Declaration, Fields};
use crate::form::{Field, Form, Layout, REFUND_RESULT, Said, detail, status, zone_return};
use crate::office::{Kind, Office};
use crate::shape;

mod records;

/// Name in the routing table.
pub const NAME: &str = "tax";
/// Namespace of the tax department's own receipt.
pub const NAMESPACE: &str = "urn:onepoint:tax:1";
/// Root element and message type of it.
pub const RETURN: &str = "TaxReturnMessage";

static TAX_RETURN: Form = Form {
    message_type: RETURN,
    layout: Layout::Flat { namespace: NAMESPACE, document: "TaxReturn" },
};

pub(crate) static TAX: Office =
    Office { name: NAME, code: "440466X001", title: "测试税务局", kinds: &KINDS };

static KINDS: [Kind; 6] = [
    Kind { shape: &shape::ORDER, record: records::purchase, says: registered },
    Kind { shape: &shape::PAYMENT, record: records::payment, says: registered },
    Kind { shape: &shape::LIST, record: records::import, says: registered },
    Kind { shape: &shape::EXPORT_LIST, record: records::export, says: exported },
    Kind { shape: &shape::PURCHASE, record: records::input, says: input },
    Kind { shape: &shape::REFUND_CLAIM, record: records::claim, says: judged },
];

/// The receipt of a declaration of the norm: its type and key, stored.
fn registered(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let info = match one.shape.kind {
        "order" => "进项登记成功",
        "payment" => "付款登记成功",
        _ => "进口清单登记成功",
    };
    let key = one.shape.key.iter().map(|field| Ok((*field, one.head.required(field)?)));
    let key = key.collect::<Result<Vec<Field>, MappingError>>()?;
    let info = format!("{info}[{}]", one.head.required("guid")?);
    let said = Said::new(&TAX_RETURN, status::STORED, info);
    Ok(vec![said.with([("declarationType", one.shape.message_type.to_owned())]).with(key)])
}

fn exported(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let info = match one.head.optional("statisticsFlag").as_deref() {
        // What is declared in the simplified way has no refund (norm of 2022-05, `statisticsFlag`).
        Some("A") => "出口清单登记成功，简化申报不予退税",
        _ => "出口清单登记成功，可申报退税",
    };
    Ok(vec![zone_return(status::STORED, info)])
}

/// A purchase without an invoice can be exempt, but has no refund.
fn input(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let without = one.head.required("voucherType")? == "NONE";
    let said = zone_return(status::STORED, "采购登记成功");
    let why = "无发票采购适用免税，不予退税";
    let lines = without.then(|| detail(None, "voucherType", "EXEMPT-ONLY", why));
    Ok(vec![said.lines(lines)])
}

/// What is decided of one line of a claim.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Approved,
    Refused,
    Pending,
}

/// A claim is taken into work, then judged.
fn judged(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let mut sums = [Amount::ZERO; 3];
    let mut lines = Vec::new();
    for line in &one.lines {
        let (decision, code, reason) = decide(line)?;
        let claimed = line.amount("refundAmount")?;
        let approved = if decision == Decision::Approved { claimed } else { Amount::ZERO };
        if let Some(sum) = sums.get_mut(decision as usize) {
            *sum = sum.plus(claimed);
        }
        let word = match decision {
            Decision::Approved => "APPROVED",
            Decision::Refused => "REFUSED",
            Decision::Pending => "PENDING",
        };
        let fields = [
            ("gnum", line.required("gnum")?),
            ("decision", word.to_owned()),
            ("approvedAmount", approved.to_string()),
        ];
        let why = [("reasonCode", code), ("reason", reason)];
        let why = why.into_iter().filter(|(_, text)| !text.is_empty());
        lines.push(fields.into_iter().chain(why.map(|(n, text)| (n, text.to_owned()))).collect());
    }
    let [approved, refused, pending] = sums;
    let (status, info) = match (approved > Amount::ZERO, pending > Amount::ZERO) {
        (_, true) => (status::REVIEW, "部分事项待核实"),
        (true, false) => (status::CONCLUDED, "审核完毕"),
        (false, false) => (status::REFUSED, "不予退税"),
    };
    let result = Said::new(&REFUND_RESULT, status, info).with([
        ("approvedAmount", approved.to_string()),
        ("refusedAmount", refused.to_string()),
        ("pendingAmount", pending.to_string()),
        ("currency", one.head.required("currency")?),
    ]);
    Ok(vec![zone_return(status::IN_WORK, "退税申报已受理"), result.lines(lines)])
}

/// A line is good when its refund is the taxable amount at the refund rate, which is not
/// above the tax rate; without an invoice it has to be looked into.
fn decide(line: &Fields<'_>) -> Result<(Decision, &'static str, &'static str), MappingError> {
    let (claimed, rate) = (line.amount("refundAmount")?, line.amount("refundRate")?);
    let due = line.amount("taxableAmount")?.percent(rate);
    Ok(if rate > line.amount("taxRate")? {
        (Decision::Refused, "RATE", "退税率高于征税率")
    } else if claimed > due {
        (Decision::Refused, "AMOUNT", "申报退税额大于计税金额乘以退税率")
    } else if line.optional("invoiceNo").is_none() {
        (Decision::Pending, "INVOICE", "缺少进货发票")
    } else {
        (Decision::Approved, "", "")
    })
}

#[cfg(test)]
mod tests;
