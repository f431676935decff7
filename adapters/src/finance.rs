//! Finance: in come requests of firms for credit, bonds and policies (`ProofAnswerMessage`),
//! guarantees and contracts, out go decisions and receipts of the zone. Banks and insurers see
//! the trade behind a request, by its numbers and digests, and nothing of its buyers.

use jiff::{Span, Timestamp};

use crate::MappingError;
use crate::amount::Amount;
use crate::answer;
use crate::declaration::Declaration;
use crate::form::{Field, PROOF_ANSWER, Said, status, zone_return};
use crate::office::{Kind, Office, Record};
use crate::record::{As, Column, record, whole};
use crate::shape;

/// Name in the routing table.
pub const NAME: &str = "finance";

pub(crate) static FINANCE: Office =
    Office { name: NAME, code: "440466B001", title: "测试银行", kinds: &KINDS };

static KINDS: [Kind; 3] = [
    Kind { shape: &shape::PROOF, record: request, says: decided },
    Kind { shape: &shape::TAX_GUARANTEE, record: cover, says: covered },
    Kind { shape: &shape::CONTRACT, record: claim, says: seen },
];

/// What is lent on proved trade, per cent of it.
const LENT: Amount = Amount::whole(80);
/// The rate of what is lent, per cent a year.
const RATE: &str = "4.35";
/// Days that a grant holds where the request names none.
const DAYS: i64 = 30;
/// Most days of a grant.
const DAYS_MAX: i64 = 3_650;

fn request(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("request", As::Text, "documentNo"),
        ("product", As::Text, "proofType"),
        ("institution", As::Text, "institutionCode"),
        ("customer", As::Text, "applicantCreditCode"),
        ("consent", As::Text, "consentNo"),
        ("amount", As::Decimal, "amount"),
        ("currency", As::Text, "currency"),
        ("days", As::MaybeText, "termDays"),
    ];
    let lines: &[Column] = &[
        ("kind", As::Text, "evidenceType"),
        ("number", As::Text, "evidenceNo"),
        ("amount", As::MaybeDecimal, "amount"),
        ("receipt", As::MaybeText, "receiptDigest"),
    ];
    whole(one, head, ("evidence", lines))
}

/// Taken into work, then decided: without consent nothing, else a share of the trade that has
/// a receipt of the log.
fn decided(one: &Declaration<'_>, now: Timestamp) -> Result<Vec<Said>, MappingError> {
    let (mut proved, mut findings) = (Amount::ZERO, Vec::new());
    for line in &one.lines {
        let receipt = line.optional("receiptDigest").is_some();
        if receipt && line.optional("amount").is_some() {
            proved = proved.plus(line.amount("amount")?);
        }
        let finding = if receipt { "TRUE" } else { "UNKNOWN" };
        let why = (!receipt).then(|| ("reason", "未附回执摘要".to_owned()));
        let fields = [("gnum", line.required("gnum")?), ("finding", finding.to_owned())];
        findings.push(fields.into_iter().chain(why).collect::<Vec<Field>>());
    }
    let asked = one.head.amount("amount")?;
    let granted = asked.min(proved.percent(LENT));
    let consented = one.head.day("consentUntil")? >= one.head.day("appTime")?;
    let said = match (consented, granted > Amount::ZERO) {
        (false, _) => refused("REFUSED", status::REFUSED, "授权已过期"),
        (true, false) => refused("MORE", status::REVIEW, "请补充带回执摘要的交易凭证"),
        (true, true) => {
            let decision = if granted == asked { "GRANTED" } else { "PARTLY" };
            let said = Said::new(&PROOF_ANSWER, status::CONCLUDED, "已审批");
            said.with([("decision", decision.to_owned())]).with(grant(one, granted, now)?)
        }
    };
    Ok(vec![zone_return(status::IN_WORK, "申请已受理"), said.lines(findings)])
}

fn refused(decision: &str, status: &'static str, info: &str) -> Said {
    Said::new(&PROOF_ANSWER, status, info).with([("decision", decision.to_owned())])
}

/// Number, amount, rate and days of what is granted.
fn grant(
    one: &Declaration<'_>,
    granted: Amount,
    now: Timestamp,
) -> Result<Vec<Field>, MappingError> {
    let term = one.head.optional("termDays").and_then(|days| days.trim().parse::<i64>().ok());
    let days = Span::new().try_days(term.unwrap_or(DAYS).clamp(1, DAYS_MAX)).unwrap_or_default();
    let today = answer::day(now);
    Ok(vec![
        ("proofNo", format!("PR{today}{}", one.serial("proofNo")?)),
        ("currency", one.head.required("currency")?),
        ("grantedAmount", granted.to_string()),
        ("rate", RATE.to_owned()),
        ("validFrom", today),
        ("validUntil", answer::day_after(now, days)),
    ])
}

/// A guarantee as the institution that gave it books it.
fn cover(one: &Declaration<'_>) -> Result<Record, MappingError> {
    record(
        &one.head,
        &[
            ("guarantee", As::Text, "guaranteeNo"),
            ("kind", As::Text, "guaranteeType"),
            ("booking", As::Text, "guaranteeAction"),
            ("customer", As::Text, "assureCreditCode"),
            ("institution", As::Text, "issuerCode"),
            ("exposure", As::Decimal, "guaranteeAmount"),
            ("used", As::MaybeDecimal, "usedAmount"),
            ("ends", As::Day, "validUntil"),
        ],
    )
}

fn covered(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "保函已记账")])
}

/// A contract is a claim that can be financed.
fn claim(one: &Declaration<'_>) -> Result<Record, MappingError> {
    record(
        &one.head,
        &[
            ("claim", As::Text, "contractNo"),
            ("customer", As::Text, "partyACode"),
            ("debtor", As::Text, "partyBCode"),
            ("country", As::Text, "partyBCountry"),
            ("amount", As::Decimal, "totalAmount"),
            ("currency", As::Text, "currency"),
            ("terms", As::MaybeText, "paymentTerm"),
            ("text", As::Text, "attachmentDigest"),
        ],
    )
}

fn seen(_: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    Ok(vec![zone_return(status::STORED, "合同已登记，可作融资依据")])
}
