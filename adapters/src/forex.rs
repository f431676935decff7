//! Foreign exchange: in come import payments and export receipts, which are entered as money
//! paid and money earned, and settlement requests, which are settled at the day's rate
//! (`SettlementResultMessage`). Kept is who, how much, for which trade; no payer, no account.

use jiff::Timestamp;

use crate::MappingError;
use crate::amount::Amount;
use crate::answer;
use crate::declaration::{Declaration, Fields};
use crate::form::{Field, SETTLEMENT_RESULT, Said, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, record, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "forex";

pub(crate) static FOREX: Office =
    Office { name: NAME, code: "440466F001", title: "测试外汇管理局", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::PAYMENT, record: paid, says: entered },
    Kind { shape: &shape::EXPORT_RECEIPTS, record: earned, says: entered },
    Kind { shape: &shape::SETTLEMENT, record: request, says: settled },
];

/// Yuan for 100 units of a currency (codes of customs), in a test zone.
const RATES: [(&str, &str); 5] =
    [("502", "712.34"), ("300", "826.4"), ("303", "945.1"), ("110", "91.55"), ("116", "4.57")];
/// What a bank keeps of a settlement, per cent.
const FEE: &str = "0.1";

fn paid(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let mut kept = record(
        &one.head,
        &[
            ("trade", As::Text, "orderNo"),
            ("transaction", As::Text, "payTransactionId"),
            ("institution", As::Text, "payCode"),
            ("counterparty", As::Text, "ebpCode"),
            ("day", As::Day, "payTime"),
            ("amount", As::Decimal, "amountPaid"),
            ("currency", As::Text, "currency"),
        ],
    )?;
    kept.insert("direction".to_owned(), "out".into());
    Ok(kept)
}

fn earned(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let mut kept = record(
        &one.head,
        &[
            ("trade", As::Text, "orderNo"),
            ("transaction", As::MaybeText, "payNo"),
            ("institution", As::MaybeText, "payCode"),
            ("counterparty", As::Text, "ebcCode"),
            ("day", As::Day, "accountingDate"),
            ("amount", As::Decimal, "charge"),
            ("currency", As::Text, "currency"),
        ],
    )?;
    kept.insert("direction".to_owned(), "in".into());
    Ok(kept)
}

fn entered(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let info = match one.shape.kind {
        "payment" => "跨境付款已登记",
        _ => "出口收汇已登记",
    };
    Ok(vec![zone_return(status::STORED, info)])
}

fn request(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("request", As::Text, "documentNo"),
        ("direction", As::Text, "settlementType"),
        ("bank", As::Text, "bankCode"),
        ("country", As::Text, "counterpartyCountry"),
        ("transactionCode", As::Text, "transactionCode"),
        ("amount", As::Decimal, "amount"),
        ("currency", As::Text, "currency"),
        ("applied", As::Day, "applyDate"),
    ];
    let lines: &[Column] = &[
        ("trade", As::Text, "orderNo"),
        ("list", As::MaybeText, "invtNo"),
        ("day", As::Day, "tradeDate"),
        ("amount", As::Decimal, "amount"),
    ];
    whole(one, head, ("trades", lines))
}

/// Taken into work, then settled: all lines whose trade was before the request, at the day's rate.
fn settled(one: &Declaration<'_>, now: Timestamp) -> Result<Vec<Said>, MappingError> {
    let applied = one.head.day("applyDate")?;
    let (mut sum, mut lines) = (Amount::ZERO, Vec::new());
    for line in &one.lines {
        let (good, fields) = settle(line, &applied)?;
        sum = sum.plus(good);
        lines.push(fields);
    }
    let currency = one.head.required("currency")?;
    let rate = RATES.iter().find(|(code, _)| *code == currency);
    let rate = rate.and_then(|(_, rate)| Amount::parse(rate));
    let result = |status, info| {
        let said = Said::new(&SETTLEMENT_RESULT, status, info);
        let amount = if status == status::CONCLUDED { sum } else { Amount::ZERO };
        (said, [("currency", currency.clone()), ("settledAmount", amount.to_string())])
    };
    let last = match rate {
        None => {
            let (said, sums) = result(status::REVIEW, "该币种无挂牌汇率，待人工处理");
            said.with(sums)
        }
        Some(_) if sum == Amount::ZERO => {
            let (said, sums) = result(status::REFUSED, "没有可以结算的交易");
            said.with(sums).lines(lines)
        }
        Some(rate) => {
            let (said, sums) = result(status::CONCLUDED, "已结算");
            let local = sum.percent(rate);
            let fee = local.percent(Amount::parse(FEE).unwrap_or_default());
            let (number, day) = (one.serial("settlementNo")?, answer::day(now));
            let said =
                said.with([("settlementNo", format!("FX{day}{number}")), ("settledDate", day)]);
            let said = said.with(sums).with([
                ("exchangeRate", rate.to_string()),
                ("localAmount", local.to_string()),
                ("fee", fee.to_string()),
            ]);
            said.lines(lines)
        }
    };
    Ok(vec![zone_return(status::IN_WORK, "结售汇申请已受理"), last])
}

/// What of a line is settled, and what is said of it.
fn settle(line: &Fields<'_>, applied: &str) -> Result<(Amount, Vec<Field>), MappingError> {
    let amount = line.amount("amount")?;
    // Days as YYYY-MM-DD are in the order of their text.
    let early = line.day("tradeDate")?.as_str() <= applied;
    let (good, word) = if early { (amount, "SETTLED") } else { (Amount::ZERO, "REFUSED") };
    let fields = [
        ("gnum", line.required("gnum")?),
        ("orderNo", line.required("orderNo")?),
        ("itemStatus", word.to_owned()),
        ("settledAmount", good.to_string()),
    ];
    let why = (!early).then(|| ("reason", "交易日期晚于申请日期".to_owned()));
    Ok((good, fields.into_iter().chain(why).collect()))
}
