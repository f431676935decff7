//! Payment data of announcement 179 at the door. In: the JSON of `payExInfoStr`. Out: its XML
//! form, a `PaymentDataMessage` of the catalogue, and the signature that verified: over the exact
//! string of the announcement, by a certificate of the participant that hands it in, which
//! `certNo` has to name. Every field of the JSON stands in the XML with the characters that were
//! signed, or the data are refused.

use onepoint_envelope::announcement179::{self, Content, Fields, PaymentError};
use onepoint_schemas::{Json, JsonLimits};
use onepoint_xml::{Document, Limits, escape_text};

use super::open::Opened;
use super::{Form, Origin, Proof, Trust, policy_of, signer};
use crate::intake::Received;
use crate::refusal::{Place, Refusal, Stage};

/// Where the fields of payment data stand.
pub(crate) const IN_STRING: &str = "payExInfoStr";
/// The namespace of the XML form.
pub(crate) const NAMESPACE: &str = "urn:onepoint:payment-data:2018-179";

/// Fields of `payExchangeInfoHead` in the order of the announcement.
const HEAD: [&str; 12] = [
    "guid",
    "initalRequest",
    "initalResponse",
    "ebpCode",
    "payCode",
    "payTransactionId",
    "totalAmount",
    "currency",
    "verDept",
    "payType",
    "tradingTime",
    "note",
];
/// Those that may be empty, which is the same as absent.
const OPTIONAL: [&str; 3] = ["payType", "note", "recpCode"];
/// Fields of an order before and after its goods.
const ORDER: [&str; 4] = ["orderNo", "recpAccount", "recpCode", "recpName"];
/// Fields of the goods.
const GOODS: [&str; 2] = ["gname", "itemLink"];

/// Opens payment data.
///
/// # Errors
/// `payment-…`, `key-number-…`, the policy's codes, `sender-unknown`.
pub(super) fn open<'t>(received: &Received, trust: &'t Trust) -> Result<Opened<'t>, Refusal> {
    let at = received.at();
    let reader = trust.registry.participant(received.submitter());
    let policy = policy_of(trust, reader, at);
    let known = reader.map(|p| p.certificates.as_slice()).unwrap_or_default();
    let placed = |refusal| in_text(refusal, received.bytes());
    let signed = read(received).map_err(placed)?.verify(&policy, known);
    let signed = signed.map_err(|error| placed(refused(&error)))?;
    let leaf = signed.certificate();
    let (sender, revocation) = signer(leaf, &[], &policy, trust, at)?;
    let used = (&policy, signed.tolerances());
    let proof =
        Proof::new(Form::Announcement179, sender, leaf, signed.algorithm(), used, revocation);
    let document = document(signed.payment(), &trust.limits).map_err(placed)?;
    Ok(Opened {
        document,
        within: IN_STRING,
        origin: Origin::PaymentData(received.bytes().to_vec()),
        proofs: vec![(proof, sender)],
        envelope: None,
        reader: Some(sender),
        named: None,
    })
}

/// The data as they were sent, not yet verified.
///
/// # Errors
/// `payment-not-utf-8`, and the shapes that the crate envelope refuses.
pub(crate) fn read(received: &Received) -> Result<announcement179::Received, Refusal> {
    let text = std::str::from_utf8(received.bytes()).map_err(|error| {
        let at = error.valid_up_to();
        Refusal::new(
            Stage::Authenticate,
            400,
            "payment-not-utf-8",
            format!("byte {at} of payExInfoStr is not UTF-8"),
            format!("payExInfoStr 第 {at} 字节不是 UTF-8"),
        )
        .expecting("JSON in UTF-8")
    })?;
    if text.contains("\"signValue\"") && lost_plus(text) {
        return Err(Refusal::new(
            Stage::Authenticate,
            422,
            "payment-plus-lost",
            "signValue has spaces: its + was not URL-encoded",
            "signValue 中含空格：“+”未做 URL 编码",
        )
        .at(Place { path: "/signValue".to_owned(), within: IN_STRING, ..Place::default() })
        .expecting("+ sent as %2B in a form"));
    }
    announcement179::Received::parse(text).map_err(|error| refused(&error))
}

/// A form turns a bare `+` into a space, and base64 has no spaces.
fn lost_plus(text: &str) -> bool {
    let value = text.split_once("\"signValue\"").map_or("", |(_, after)| after);
    let value = value.split('"').nth(1).unwrap_or_default();
    value.contains(' ')
}

/// The XML form.
///
/// # Errors
/// `payment-unexpected-member`, `payment-field`, `payment-character`.
pub(crate) fn document(
    payment: &announcement179::Payment,
    limits: &Limits,
) -> Result<Document, Refusal> {
    let content = payment.content().map_err(|error| refused(&error))?;
    let xml = write(payment, &content)?;
    super::parse(xml.into_bytes(), limits).map_err(|refusal| Refusal {
        place: Some(Place { within: IN_STRING, ..Place::default() }),
        ..refusal
    })
}

fn write(payment: &announcement179::Payment, content: &Content) -> Result<String, Refusal> {
    let guid = content.head.iter().find(|(name, _)| name == "guid").map_or("", |(_, text)| text);
    let guid = onepoint_xml::escape_attribute(guid).into_owned();
    let mut out = format!(
        "<PaymentDataMessage xmlns=\"{NAMESPACE}\" guid=\"{guid}\" version=\"1.0\"><PaymentData>\
         <PaymentDataHead>"
    );
    element("sessionID", payment.session_id(), "/sessionID", &mut out)?;
    element("serviceTime", payment.service_time(), "/serviceTime", &mut out)?;
    fields(&content.head, &HEAD, "/payExchangeInfoHead", &mut out)?;
    out.push_str("</PaymentDataHead>");
    for (n, order) in content.orders.iter().enumerate() {
        let at = format!("/payExchangeInfoLists/{n}");
        out.push_str("<payExchangeInfoList>");
        unexpected(&order.fields, &ORDER, &at)?;
        let (before, after) = ORDER.split_at(1);
        some(&order.fields, before, &at, &mut out)?;
        for (g, goods) in order.goods.iter().enumerate() {
            out.push_str("<goodsInfo>");
            fields(goods, &GOODS, &format!("{at}/goodsInfo/{g}"), &mut out)?;
            out.push_str("</goodsInfo>");
        }
        some(&order.fields, after, &at, &mut out)?;
        out.push_str("</payExchangeInfoList>");
    }
    out.push_str("</PaymentData></PaymentDataMessage>");
    Ok(out)
}

/// All fields of an object, in the order of `names`.
fn fields(found: &Fields, names: &[&str], at: &str, out: &mut String) -> Result<(), Refusal> {
    unexpected(found, names, at)?;
    some(found, names, at, out)
}

fn some(found: &Fields, names: &[&str], at: &str, out: &mut String) -> Result<(), Refusal> {
    for name in names {
        let Some((_, text)) = found.iter().find(|(field, _)| field == name) else { continue };
        if text.is_empty() && OPTIONAL.contains(name) {
            continue;
        }
        element(name, text, &format!("{at}/{name}"), out)?;
    }
    Ok(())
}

/// Nothing may travel that no department would see.
fn unexpected(found: &Fields, names: &[&str], at: &str) -> Result<(), Refusal> {
    let Some((name, _)) = found.iter().find(|(name, _)| !names.contains(&name.as_str())) else {
        return Ok(());
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(Refusal::new(
        Stage::Authenticate,
        422,
        "payment-unexpected-member",
        format!("{at} has the member {name:?}, which the announcement does not have"),
        format!("{at} 中有公告未规定的成员“{name}”"),
    )
    .at(pointer(format!("{at}/{name}")))
    .expecting(names.join(", ")))
}

fn element(name: &str, text: &str, at: &str, out: &mut String) -> Result<(), Refusal> {
    let unfit = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(unfit) {
        return Err(Refusal::new(
            Stage::Authenticate,
            422,
            "payment-character",
            format!("{at} holds a character that XML cannot carry"),
            format!("{at} 含有 XML 不允许的字符"),
        )
        .at(pointer(at.to_owned()))
        .expecting("characters of XML 1.0"));
    }
    out.push_str(&format!("<{name}>{}</{name}>", escape_text(text)));
    Ok(())
}

fn pointer(path: String) -> Place {
    Place { path, within: IN_STRING, ..Place::default() }
}

/// Line and column of what a refusal points at.
fn in_text(mut refusal: Refusal, text: &[u8]) -> Refusal {
    if let Some(place) = refusal.place.as_mut().filter(|place| place.within == IN_STRING) {
        // Whoever names a member twice is told of it by its name.
        let limits = JsonLimits { duplicate_names: true, ..JsonLimits::default() };
        let json = Json::read(text.to_vec(), &limits).ok();
        let at = json.map(|json| json.position(&place.path));
        (place.line, place.column) = at.unwrap_or_default();
    }
    refusal
}

/// Payment data that are not taken.
pub(crate) fn refused(error: &PaymentError) -> Refusal {
    Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
        .at(pointer(error.pointer()))
        .expecting(error.expected())
}
