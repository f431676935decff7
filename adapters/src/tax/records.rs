//! The records of the tax department, one function per type. In comes a document, out
//! goes what tax must know of it: seller, day, goods, amounts. Never a name, number or
//! address of the buyer or payer.

use serde_json::{Value, json};

use crate::MappingError;
use crate::declaration::{Change, Declaration, Fields};

/// An order is a purchase: the seller is the e-commerce firm.
pub(super) fn purchase(one: &Declaration<'_>) -> Result<Value, MappingError> {
    let head = &one.head;
    Ok(json!({
        "record": "purchase",
        "index": one.index,
        "declared": declared(head)?,
        "orderNo": head.required("orderNo")?,
        "platformCode": head.required("ebpCode")?,
        "sellerCode": head.required("ebcCode")?,
        "sellerName": head.required("ebcName")?,
        "date": head.day("appTime")?,
        "goods": goods(&one.lines, "itemName")?,
        "freight": head.decimal("freight")?,
        "tax": head.decimal("taxTotal")?,
        "total": head.decimal("acturalPaid")?,
        "currency": head.required("currency")?,
    }))
}

/// A payment names the platform that is paid, and the firm that pays it out.
pub(super) fn payment(one: &Declaration<'_>) -> Result<Value, MappingError> {
    let head = &one.head;
    Ok(json!({
        "record": "payment",
        "index": one.index,
        "declared": declared(head)?,
        "orderNo": head.required("orderNo")?,
        "transaction": head.required("payTransactionId")?,
        "payCode": head.required("payCode")?,
        "payName": head.required("payName")?,
        "sellerCode": head.required("ebpCode")?,
        "sellerName": head.required("ebpName")?,
        "date": head.day("payTime")?,
        "total": head.decimal("amountPaid")?,
        "currency": head.required("currency")?,
    }))
}

/// An import list has the classified goods.
pub(super) fn import(one: &Declaration<'_>) -> Result<Value, MappingError> {
    let head = &one.head;
    Ok(json!({
        "record": "import",
        "index": one.index,
        "declared": declared(head)?,
        "orderNo": head.required("orderNo")?,
        "listNo": head.required("copNo")?,
        "agentCode": head.required("agentCode")?,
        "sellerCode": head.required("ebcCode")?,
        "sellerName": head.required("ebcName")?,
        "date": head.day("declTime")?,
        "goods": goods(&one.lines, "gname")?,
        "freight": head.decimal("freight")?,
        "insurance": head.decimal("insuredFee")?,
        "currency": head.required("currency")?,
    }))
}

fn declared(head: &Fields<'_>) -> Result<&'static str, MappingError> {
    Ok(match head.change()? {
        Change::New => "new",
        Change::Changed => "change",
        Change::Deleted => "deletion",
    })
}

fn goods(lines: &[Fields<'_>], name: &'static str) -> Result<Vec<Value>, MappingError> {
    let line = |line: &Fields<'_>| {
        let mut fields = json!({
            "name": line.required(name)?,
            "unit": line.required("unit")?,
            "quantity": line.decimal("qty")?,
            "unitPrice": line.decimal("price")?,
            "total": line.decimal("totalPrice")?,
        });
        if let (Some(code), Some(fields)) = (line.optional("gcode"), fields.as_object_mut()) {
            fields.insert("code".to_owned(), code.into());
        }
        Ok(fields)
    };
    lines.iter().map(line).collect()
}
