//! What the demo sends, and what must come of it.

use super::Zone;
use super::orders::{DECLARATIONS, declaration};
use crate::clock::Clock;
use crate::commands::Failure;
use crate::commands::init::parties::{GATEWAY_DXP_ID, Party};

/// What the table calls the list that is opened.
pub(crate) const OPENED: &str = "list of plants, to be opened";

/// One message to send.
pub(crate) struct Case {
    /// What a person reads in the table.
    pub(crate) what: String,
    /// The party whose connection hands it in.
    pub(crate) from: &'static str,
    pub(crate) message_type: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The outcome a case must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// With these statuses of customs, and this state of all departments together.
    Accepted(&'static [&'static str], &'static str),
    /// The original receipts again.
    Duplicate,
    /// Refused with this code.
    Refused(&'static str),
}

/// All cases, in the order in which they are sent.
pub(crate) fn all(zone: &Zone, orders: u32) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for n in 1..=orders {
        let number = zone.number(n);
        for (message_type, from) in DECLARATIONS {
            let xml = declaration(message_type, &number, &[])?;
            let (signer, with) = zone.declarer(from, n)?;
            // Unsigned documents inside of a signed envelope and of a JSON Web Signature.
            let (body, with) = match (message_type, n % 2) {
                ("CEB311Message", 0) => (signer.jws(&xml, false)?, ", as a JWS"),
                ("CEB511Message", 1) => {
                    let address = Party::by_id(from).map_or("", |party| party.dxp_id);
                    let now = Clock.now();
                    (signer.dxp(&xml, address, GATEWAY_DXP_ID, now)?, ", in a DXP envelope")
                }
                _ => (signer.xml(&xml)?, with),
            };
            cases.push(Case {
                what: format!("{} of order {n}{with}", title(message_type)),
                from,
                message_type,
                body: body.into_bytes(),
                expected: good(message_type),
            });
        }
    }
    cases.push(opened(zone)?);
    bad(zone, &mut cases)?;
    Ok(cases)
}

fn good(message_type: &str) -> Expected {
    match message_type {
        "CEB621Message" => Expected::Accepted(&["2", "120", "800"], "released"),
        _ => Expected::Accepted(&["2", "120"], "concluded"),
    }
}

/// A list whose parcel customs and inspection open: together and once.
fn opened(zone: &Zone) -> Result<Case, Failure> {
    let (from, message_type) = ("declarant", "CEB621Message");
    let plants = [("gcode", "0602909100"), ("gname", "测试盆栽")];
    let xml = declaration(message_type, &zone.number(900), &plants)?;
    Ok(Case {
        what: OPENED.to_owned(),
        from,
        message_type,
        body: zone.signer(from)?.xml(&xml)?.into_bytes(),
        expected: Expected::Accepted(&["2", "120", "500", "800"], "released"),
    })
}

fn title(message_type: &str) -> &'static str {
    match message_type {
        "CEB311Message" => "order",
        "CEB411Message" => "payment",
        "CEB511Message" => "waybill",
        _ => "list",
    }
}

/// The bad ones: each is an order that has one thing wrong with it.
fn bad(zone: &Zone, cases: &mut Vec<Case>) -> Result<(), Failure> {
    let platform = zone.signer("platform")?;
    let order =
        |n: u32, changes: &[(&str, &str)]| declaration("CEB311Message", &zone.number(n), changes);
    let mut add = |what: &str, from, body: Vec<u8>, expected| {
        let what = what.to_owned();
        cases.push(Case { what, from, message_type: "CEB311Message", body, expected });
    };

    let signed = platform.xml(&order(901, &[])?)?;
    let broken = signed.replacen("<ceb:consignee>", "<ceb:consignee>另", 1);
    let refused = Expected::Refused("signature-digest-mismatch");
    add("order changed after signing", "platform", broken.into_bytes(), refused);

    let expired = zone.expired()?.xml(&order(902, &[])?)?.into_bytes();
    let refused = Expected::Refused("cert-expired");
    add("order signed with an expired certificate", "platform", expired, refused);

    let revoked = Expected::Refused("cert-revoked");
    let body = zone.revoked().xml(&order(908, &[])?)?.into_bytes();
    add("order signed with a revoked certificate", "platform", body, revoked);

    let without = cut(&order(903, &[])?, "ebpName");
    let refused = Expected::Refused("schema-missing-element");
    add("order without ebpName", "platform", platform.xml(&without)?.into_bytes(), refused);

    let wrong = order(904, &[("acturalPaid", "1")])?;
    add(
        "order with a wrong total",
        "platform",
        platform.xml(&wrong)?.into_bytes(),
        Expected::Refused("order-total"),
    );

    let original = declaration("CEB311Message", &zone.number(905), &[])?;
    add(
        "order, to be sent again",
        "platform",
        platform.xml(&original)?.into_bytes(),
        good("CEB311Message"),
    );
    let again = platform.jws(&original, true)?.into_bytes();
    add("the same order again, as a JWS", "platform", again, Expected::Duplicate);
    let changed = original.replacen("<ceb:note>", "<ceb:note>改 ", 1);
    add(
        "the same guid, other content",
        "platform",
        platform.xml(&changed)?.into_bytes(),
        Expected::Refused("guid-conflict"),
    );

    let payment = zone.signer("payment")?;
    let refused = Expected::Refused("sender-may-not-send");
    add(
        "order sent by the payment firm",
        "payment",
        payment.xml(&order(906, &[])?)?.into_bytes(),
        refused,
    );

    let other = order(907, &[("ebpCode", "440466T999"), ("ebcCode", "440466T999")])?;
    let refused = Expected::Refused("not-entitled");
    add(
        "order in the name of another firm",
        "platform",
        platform.xml(&other)?.into_bytes(),
        refused,
    );
    Ok(())
}

/// The message without its first element `name`.
fn cut(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<ceb:{name}>"), format!("</ceb:{name}>"));
    let parts = xml.split_once(&open).and_then(|(before, rest)| {
        rest.split_once(&close).map(|(_, after)| format!("{before}{after}"))
    });
    parts.unwrap_or_else(|| xml.to_owned())
}
