//! Payment data of announcement 179 at customs: what customs asked a platform for, kept with
//! the orders and the payment it belongs to. The announcement knows no receipt but the answer
//! to the upload, so customs says that it has them in a receipt of the zone.

use jiff::Timestamp;

use crate::MappingError;
use crate::declaration::Declaration;
use crate::form::{Said, status, zone_return};
use crate::office::{Kind, Record};
use crate::record::{As, Column, whole};
use crate::shape;

pub(super) const KIND: Kind = Kind { shape: &shape::PAYMENT_DATA, record: kept, says: stored };

/// Characters of a number that a receipt of the zone can name; the announcement sets none.
const NUMBER_MAX: usize = 60;

/// What was asked for and paid; who received it and what the payment firm wrote stay away.
fn kept(one: &Declaration<'_>) -> Result<Record, MappingError> {
    let head: &[Column] = &[
        ("session", As::Text, "sessionID"),
        ("platform", As::Text, "ebpCode"),
        ("payer", As::Text, "payCode"),
        ("transaction", As::Text, "payTransactionId"),
        ("amount", As::Decimal, "totalAmount"),
        ("currency", As::Text, "currency"),
        ("verifiedBy", As::Text, "verDept"),
        ("paid", As::Text, "tradingTime"),
    ];
    let mut kept = whole(one, head, ("orders", &[("order", As::Text, "orderNo")]))?;
    // A session is answered once: nothing is changed or deleted.
    kept.insert("declared".to_owned(), "new".into());
    Ok(kept)
}

fn stored(one: &Declaration<'_>, _: Timestamp) -> Result<Vec<Said>, MappingError> {
    let number = one.head.required("sessionID")?;
    if number.chars().count() > NUMBER_MAX {
        return Ok(Vec::new());
    }
    Ok(vec![zone_return(status::STORED, "支付数据已登记")])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::department;
    use crate::tests::{assert_valid, example, incoming, now, values, with};

    const TYPE: &str = "PaymentDataMessage";

    #[test]
    fn the_data_of_a_session_are_recorded_and_answered_in_the_zones_form() {
        let customs = department("customs").unwrap();
        let body = example(TYPE);
        let outcome = customs.map(&incoming(TYPE, &[0], &body), now()).unwrap();
        let record: Value = serde_json::from_str(&outcome.effect).unwrap();
        let record = &record["documents"][0];
        assert_eq!(record["session"], "SESSION-20261123-0001");
        assert_eq!(record["amount"], "327.3");
        assert_eq!(record["orders"], json!([{ "order": "T0001" }]));
        assert_eq!((&record["declared"], &record["status"]), (&json!("new"), &json!("120")));
        let [answer] = &*outcome.answers else { panic!("{:?}", outcome.answers) };
        assert_valid(answer);
        assert_eq!(values(answer, "documentNo"), ["SESSION-20261123-0001"]);
    }

    #[test]
    fn a_session_that_no_receipt_can_name_is_recorded_all_the_same() {
        let customs = department("customs").unwrap();
        for (length, answers) in [(60, 1), (61, 0)] {
            let body = with(&example(TYPE), "sessionID", 0, Some(&"S".repeat(length)));
            let outcome = customs.map(&incoming(TYPE, &[0], &body), now()).unwrap();
            assert_eq!(outcome.answers.len(), answers, "{length}");
            outcome.answers.iter().for_each(assert_valid);
            assert!(outcome.effect.contains(&"S".repeat(length)));
        }
    }
}
