//! The records of the tax department, one function per type. In comes a document, out
//! goes what tax must know of it: seller, day, goods, amounts. Never a name, number or
//! address of the buyer or payer.

use crate::MappingError;
use crate::declaration::Declaration;
use crate::office::Record;
use crate::record::{As, Column, record, whole};

/// Goods, by the field that holds their name.
const fn goods(name: &'static str) -> [Column; 6] {
    [
        ("name", As::Text, name),
        ("code", As::MaybeText, "gcode"),
        ("unit", As::Text, "unit"),
        ("quantity", As::Decimal, "qty"),
        ("unitPrice", As::Decimal, "price"),
        ("total", As::Decimal, "totalPrice"),
    ]
}

fn named(what: &str, mut record: Record) -> Record {
    record.insert("record".to_owned(), what.into());
    record
}

/// An order is a purchase: the seller is the e-commerce firm.
pub(super) fn purchase(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("orderNo", As::Text, "orderNo"),
        ("platformCode", As::Text, "ebpCode"),
        ("sellerCode", As::Text, "ebcCode"),
        ("sellerName", As::Text, "ebcName"),
        ("date", As::Day, "appTime"),
        ("freight", As::Decimal, "freight"),
        ("tax", As::Decimal, "taxTotal"),
        ("total", As::Decimal, "acturalPaid"),
        ("currency", As::Text, "currency"),
    ];
    Ok(named("purchase", whole(one, head, ("goods", &goods("itemName")))?))
}

/// A payment names the platform that is paid, and the firm that pays it out.
pub(super) fn payment(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("orderNo", As::Text, "orderNo"),
        ("transaction", As::Text, "payTransactionId"),
        ("payCode", As::Text, "payCode"),
        ("payName", As::Text, "payName"),
        ("sellerCode", As::Text, "ebpCode"),
        ("sellerName", As::Text, "ebpName"),
        ("date", As::Day, "payTime"),
        ("total", As::Decimal, "amountPaid"),
        ("currency", As::Text, "currency"),
    ];
    Ok(named("payment", record(&one.head, head)?))
}

/// An import list has the classified goods.
pub(super) fn import(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("orderNo", As::Text, "orderNo"),
        ("listNo", As::Text, "copNo"),
        ("agentCode", As::Text, "agentCode"),
        ("sellerCode", As::Text, "ebcCode"),
        ("sellerName", As::Text, "ebcName"),
        ("date", As::Day, "declTime"),
        ("freight", As::Decimal, "freight"),
        ("insurance", As::Decimal, "insuredFee"),
        ("currency", As::Text, "currency"),
    ];
    Ok(named("import", whole(one, head, ("goods", &goods("gname")))?))
}

/// An export list is the sale that a refund claim refers to.
pub(super) fn export(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("orderNo", As::Text, "orderNo"),
        ("listNo", As::Text, "copNo"),
        ("sellerCode", As::Text, "ebcCode"),
        ("producerCode", As::Text, "ownerCode"),
        ("date", As::Day, "ieDate"),
        ("flag", As::Text, "statisticsFlag"),
        ("destination", As::Text, "country"),
    ];
    Ok(named("export", whole(one, head, ("goods", &goods("gname")))?))
}

/// A registered purchase is the input of a later export.
pub(super) fn input(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("purchaseNo", As::Text, "documentNo"),
        ("buyer", As::Text, "buyerCreditCode"),
        ("sellerTaxNo", As::MaybeText, "sellerTaxNo"),
        ("sellerType", As::Text, "sellerType"),
        ("voucher", As::Text, "voucherType"),
        ("voucherNo", As::MaybeText, "voucherNo"),
        ("date", As::Day, "purchaseDate"),
        ("total", As::Decimal, "totalAmount"),
        ("currency", As::Text, "currency"),
    ];
    Ok(named("input", whole(one, head, ("goods", &goods("gname")))?))
}

/// A claim, line by line against exports and invoices; where to pay it stays out.
pub(super) fn claim(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("claimNo", As::Text, "documentNo"),
        ("claim", As::Text, "claimType"),
        ("taxpayer", As::Text, "taxpayerNo"),
        ("office", As::Text, "taxAuthorityCode"),
        ("period", As::Text, "claimPeriod"),
        ("exported", As::Decimal, "exportAmount"),
        ("claimed", As::Decimal, "refundAmount"),
    ];
    let lines: &[Column] = &[
        ("list", As::Text, "invtNo"),
        ("exported", As::Day, "exportDate"),
        ("invoice", As::MaybeText, "invoiceNo"),
        ("taxable", As::Decimal, "taxableAmount"),
        ("rate", As::Decimal, "refundRate"),
        ("claimed", As::Decimal, "refundAmount"),
    ];
    Ok(named("claim", whole(one, head, ("lines", lines))?))
}
