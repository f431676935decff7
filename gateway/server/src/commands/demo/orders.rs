//! The messages of the demo: the four declarations of one order, made from the
//! catalogue's examples, and the bad ones among them.

use onepoint_schemas::example_with;
use uuid::Uuid;

use crate::commands::Failure;
use crate::commands::init::parties::Party;

/// The four declarations of an order, in the order in which they are sent: type, sender.
pub(crate) const DECLARATIONS: [(&str, &str); 4] = [
    ("CEB311Message", "platform"),
    ("CEB411Message", "payment"),
    ("CEB511Message", "logistics"),
    ("CEB621Message", "declarant"),
];

/// The unsigned declaration of `message_type` for the order `number`; `changes` go over it.
pub(crate) fn declaration(
    message_type: &str,
    number: &str,
    changes: &[(&str, &str)],
) -> Result<String, Failure> {
    let code = |id: &str| Party::by_id(id).map_or("", |party| party.code);
    let guid = Uuid::new_v4().to_string().to_uppercase();
    let sender = DECLARATIONS.iter().find(|(t, _)| *t == message_type).map_or("", |(_, s)| *s);
    let transaction = format!("PAY{number}");
    let waybill = format!("WB{number}");
    let list = format!("LIST{number}");
    let mut fields = vec![
        ("@guid", guid.as_str()),
        ("guid", guid.as_str()),
        ("orderNo", number),
        ("payTransactionId", transaction.as_str()),
        ("logisticsNo", waybill.as_str()),
        ("copNo", list.as_str()),
        ("ebpCode", code("platform")),
        ("ebcCode", code("platform")),
        ("payCode", code("payment")),
        ("logisticsCode", code("logistics")),
        ("agentCode", code("declarant")),
        ("assureCode", code("declarant")),
        ("copCode", code(sender)),
    ];
    fields.extend_from_slice(changes);
    example_with(message_type, &fields).ok_or_else(|| {
        let message = format!("the catalogue has no example of {message_type}");
        Failure::outside("example-missing", message, "this is a fault of the demo")
    })
}
