//! The tax bill of a released import list (CEB816) and its status (CEB818). Within the limits
//! of retail imports there is no duty, and VAT at 70 per cent of the statutory amount; the
//! value is the price with freight and insurance (财关税〔2016〕18号). Consumption tax depends on
//! the tariff of each commodity, which a list does not name: a test zone bills none.

use jiff::Timestamp;

use super::number;
use crate::MappingError;
use crate::amount::Amount;
use crate::answer;
use crate::control::chapter;
use crate::declaration::Declaration;
use crate::form::{Field, Form, Layout, Said};
use crate::shape::CEB;

static BILL: Form = Form {
    message_type: "CEB816Message",
    layout: Layout::Bill { namespace: CEB, document: "Tax", head: "TaxHeadRd", line: "TaxListRd" },
};
static BILL_STATUS: Form = Form {
    message_type: "CEB818Message",
    layout: Layout::Bill {
        namespace: CEB,
        document: "Tax",
        head: "TaxHeadStatus",
        line: "TaxList",
    },
};

/// The last chapter of farm products.
const FARM: u8 = 14;
/// VAT of farm products, per cent.
const VAT_FARM: Amount = Amount::whole(9);
/// VAT of all else, per cent.
const VAT: Amount = Amount::whole(13);
/// Of it, what retail imports pay, per cent.
const SHARE: Amount = Amount::whole(70);

/// The bill of a list, and that it is settled by the guarantee.
pub(super) fn bills(one: &Declaration<'_>, now: Timestamp) -> Result<Vec<Said>, MappingError> {
    let list = number("invtNo", one, now)?;
    let bill = format!("T{}", list.chars().filter(char::is_ascii_digit).collect::<String>());
    let known = |field: &'static str| one.head.optional(field).map(|t| (field, t.into_owned()));
    let mut extra = one.head.amount("freight")?.plus(one.head.amount("insuredFee")?);
    let (mut total, mut lines) = (Amount::ZERO, Vec::new());
    for line in &one.lines {
        // Freight and insurance are in no line: the first one carries them.
        let value = line.amount("totalPrice")?.plus(std::mem::take(&mut extra));
        let farm = chapter(line).is_some_and(|chapter| chapter <= FARM);
        let rate = if farm { VAT_FARM } else { VAT };
        let vat = value.percent(rate.percent(SHARE));
        total = total.plus(vat);
        lines.push(vec![
            ("gnum", line.required("gnum")?),
            ("gcode", line.required("gcode")?),
            ("taxPrice", value.to_string()),
            ("customsTax", Amount::ZERO.to_string()),
            ("valueAddedTax", vat.to_string()),
            ("consumptionTax", Amount::ZERO.to_string()),
        ]);
    }
    let named: [Field; 2] = [("invtNo", list.clone()), ("taxNo", bill.clone())];
    let sums = [
        ("customsTax", Amount::ZERO.to_string()),
        ("valueAddedTax", total.to_string()),
        ("consumptionTax", Amount::ZERO.to_string()),
    ];
    let parties = ["assureCode", "ebcCode", "logisticsCode", "agentCode", "customsCode"];
    let parties = parties.into_iter().filter_map(known);
    let billed = Said::new(&BILL, "", "").with(named.clone()).with(sums).with(parties);
    let paid = ("entDutyNo", format!("D{}", answer::serial(&["entDutyNo", &bill])));
    let settled =
        Said::new(&BILL_STATUS, "", "").with(named).with([paid]).with(known("assureCode"));
    Ok(vec![billed.lines(lines), settled])
}
