//! The form of the Haikou port. In: the JSON wrapper around a message in base64, and the
//! question for receipts since a time. Out: the message itself, and customs' answers in the
//! text that the port's clients read: a list as Java writes it. The wrapper proves nothing and
//! is not kept: what was signed is the message.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use onepoint_envelope::octets;
use onepoint_xml::{Document, Element, Limits};
use serde::Deserialize;

use crate::refusal::{Place, Refusal, Stage};

/// Type of the answers that are polled for.
pub(crate) const RECEIPT: &str = "CEB312Message";
/// The namespace of the answers.
const CEB: &str = "http://www.chinaport.gov.cn/ceb";
/// Digits of a time to the second.
const TIME_DIGITS: usize = 14;
/// Characters of a parser's reason that are passed on.
const REASON_CHARS_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper {
    message: Message,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(rename = "messageHead")]
    head: Head,
    #[serde(rename = "messageBody")]
    body: Body,
}

/// Members that say nothing of the message have to be there, and are not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "messageId")]
    _message_id: String,
    #[serde(rename = "senderID")]
    sender_id: String,
    #[serde(rename = "receiverID")]
    _receiver_id: String,
    #[serde(rename = "sendTime")]
    _send_time: String,
    #[serde(rename = "messageType")]
    message_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    data: String,
}

/// The message in a wrapper that a participant with the address `dxp_id` sent.
///
/// # Errors
/// `legacy-not-json`, `legacy-sender-mismatch`, `legacy-not-base64`, `legacy-type-mismatch`.
/// What is wrong with the message itself is left to the stages, so that it has a receipt.
pub(crate) fn unwrap(
    wrapper: &[u8],
    dxp_id: Option<&str>,
    limits: &Limits,
) -> Result<Vec<u8>, Refusal> {
    let Wrapper { message } = serde_json::from_slice(wrapper).map_err(|error| not_json(&error))?;
    let head = message.head;
    if let Some(own) = dxp_id.filter(|own| *own != head.sender_id) {
        return Err(sender_mismatch(&head.sender_id)
            .at(path("/message/messageHead/senderID"))
            .expecting(own));
    }
    let data = octets::decode(&message.body.data, limits.bytes).map_err(|error| {
        let en = format!("data is not a message in base64: {error}");
        refusal(400, "legacy-not-base64", en, "data 不是 Base64 编码的报文".to_owned())
            .at(path("/message/messageBody/data"))
            .expecting("the XML in base64 (RFC 4648 section 4), line breaks allowed")
    })?;
    let named = head.message_type.strip_suffix(".xml").unwrap_or(&head.message_type);
    let found = Document::parse(data.clone(), limits).ok();
    let found = found.map(|document| document.root().name().local.to_owned());
    if let Some(found) = found.filter(|found| found != named) {
        let (named, shown) = (shown(&head.message_type), shown(&found));
        return Err(refusal(
            422,
            "legacy-type-mismatch",
            format!("messageType is {named:?}, but data holds a {shown}"),
            format!("messageType 为“{named}”，而 data 中是 {shown}"),
        )
        .at(path("/message/messageHead/messageType"))
        .expecting(format!("{shown}.xml")));
    }
    Ok(data)
}

fn not_json(error: &serde_json::Error) -> Refusal {
    let reason = shown(&error.to_string());
    let (line, column) = (error.line(), error.column());
    let number = |n: usize| u32::try_from(n).unwrap_or_default();
    refusal(
        400,
        "legacy-not-json",
        format!("this is not the wrapper of a message: {reason}"),
        format!("不是规定的 JSON 报文外壳：{reason}"),
    )
    .at(Place { line: number(line), column: number(column), ..Place::default() })
    .expecting(
        "{\"message\":{\"messageHead\":{version, messageId, senderID, receiverID, sendTime, \
         messageType},\"messageBody\":{data}}}, each member once, as text",
    )
}

/// The refusal of another participant's address.
pub(crate) fn sender_mismatch(found: &str) -> Refusal {
    let found = shown(found);
    refusal(
        403,
        "legacy-sender-mismatch",
        format!("{found:?} is not the DXP address of the caller"),
        format!("“{found}”不是调用方的 DXP 地址"),
    )
}

/// The moment in a `qryid`.
///
/// # Errors
/// `query-invalid` for what is no time, or one that is not over.
pub(crate) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let digits = text.len() == TIME_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = digits.then(|| DateTime::strptime("%Y%m%d%H%M%S", text).ok()).flatten();
    let time = time.and_then(|time| Offset::constant(8).to_timestamp(time).ok());
    time.filter(|time| *time <= now).ok_or_else(|| {
        let found = shown(text);
        refusal(
            400,
            "query-invalid",
            format!("qryid={found} is not a time in the past"),
            format!("查询参数 qryid={found} 不是过去的时间"),
        )
        .expecting("qryid=yyyyMMddHHmmss, in UTC+8")
    })
}

/// One `OrderReturn`, and when the answer with it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Return {
    received_ms: i64,
    guid: String,
    ebp_code: String,
    ebc_code: String,
    order_no: String,
    status: String,
    info: String,
    time: String,
}

/// The returns of an answer that came at `received_ms`.
pub(crate) fn returns(answer: &Document, received_ms: i64) -> Vec<Return> {
    let returns = answer.root().children_named(CEB, "OrderReturn");
    let one = |element: Element<'_>| {
        let text = |name: &str| {
            let field = element.child(CEB, name).map(|field| field.text().into_owned());
            // A line of its own would be read as the next one.
            field.unwrap_or_default().replace(char::is_control, " ")
        };
        Return {
            received_ms,
            guid: text("guid"),
            ebp_code: text("ebpCode"),
            ebc_code: text("ebcCode"),
            order_no: text("orderNo"),
            status: text("returnStatus"),
            info: text("returnInfo"),
            time: text("returnTime"),
        }
    };
    returns.map(one).collect()
}

/// The list as the port writes it.
pub(crate) fn list(returns: &[Return], dxp_id: &str) -> String {
    let mut out = "[".to_owned();
    for (n, one) in returns.iter().enumerate() {
        let between = if n == 0 { "" } else { ", " };
        let Return { received_ms, guid, ebp_code, ebc_code, order_no, status, info, time } = one;
        let received = digits(*received_ms);
        let returned = millis(time).unwrap_or(*received_ms);
        out.push_str(&format!(
            "{between}{{org_id=1, instm={received_ms}, re_order_guid={guid}, returnstatus={status}, \
             ebpcode={ebp_code}, returntime2={received}, ebccode={ebc_code}, trans_dxpid={dxp_id}, \
             returninfo={info}, returntime={returned}, orderno={order_no}}}"
        ));
    }
    out.push(']');
    out
}

/// A moment as digits to the second, in UTC+8.
fn digits(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    Offset::constant(8).to_datetime(at).strftime("%Y%m%d%H%M%S").to_string()
}

/// The milliseconds of a `returnTime`: 17 digits, in UTC+8.
fn millis(text: &str) -> Option<i64> {
    let (seconds, rest) = text.split_at_checked(TIME_DIGITS)?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
    let rest: i64 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
    let at = Offset::constant(8).to_timestamp(time).ok()?;
    Some(at.as_millisecond() + rest)
}

fn path(path: &str) -> Place {
    Place { path: path.to_owned(), ..Place::default() }
}

/// Text of others for a message to people.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}

fn refusal(status: u16, code: &'static str, en: String, zh: String) -> Refusal {
    Refusal::new(Stage::Intake, status, code, en, zh)
}

#[cfg(test)]
mod tests;
