//! The SOAP call of the Hangzhou port. In: an envelope (SOAP 1.1) with the parameters `content`,
//! `msgType`, `dataDigest` and `sendCode`. Out: the evidence, which is the signature as it came,
//! a line feed, and the plain XML that it is over; later the answer, as the port gives it.
//! AES-128 in ECB mode hides little and proves nothing; the signature does.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use jiff::Timestamp;
use jiff::tz::Offset;
use onepoint_envelope::octets;
use onepoint_xml::{Document, Element, Limits, escape_attribute, escape_text};

use super::order::Sign;
use crate::answer::Answer;
use crate::authenticate;
use crate::config::LegacyKey;
use crate::refusal::{Place, Refusal, Stage};

/// The namespace of SOAP 1.1 (its section 3).
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The one kind of message that is taken.
pub(crate) const IMPORT_ORDER: &str = "IMPORTORDER";
/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Bytes of the greatest signature: RSA of 8,192 bits.
pub(crate) const SIGNATURE_BYTES_MAX: usize = 1024;
/// Reasons that one result lists.
const REASONS_MAX: usize = 50;
/// Characters of a value of the caller that are shown to people.
const SHOWN_MAX: usize = 60;

/// A call that could be read.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is judged and kept.
    pub(crate) evidence: Vec<u8>,
    send_code: String,
    /// Local name and namespace of the element around the parameters.
    name: (String, String),
}

/// Reads a call by a participant with these customs codes.
///
/// # Errors
/// Those of the crate xml; `legacy-not-soap`, `legacy-parameter`, `legacy-business-type`,
/// `legacy-send-code`, and `legacy-content` for whatever does not decrypt to text.
pub(crate) fn open(
    body: Vec<u8>,
    key: &LegacyKey,
    codes: &[String],
    limits: &Limits,
) -> Result<Call, Refusal> {
    let document = authenticate::parse(body, limits)?;
    let call = call(&document)?;
    let send_code = parameter(call, "sendCode")?;
    if !codes.contains(&send_code) {
        let shown = shown(&send_code);
        let en = format!("sendCode {shown:?} is no customs code of the caller");
        return Err(refusal(403, "legacy-send-code", en, format!("sendCode“{shown}”不属于调用方"))
            .at(place_of(call, "sendCode"))
            .expecting("a code that is registered for the participant of the connection"));
    }
    let kind = parameter(call, "msgType")?;
    if kind != IMPORT_ORDER {
        let shown = shown(&kind);
        let en = format!("msgType {shown:?} is not taken");
        return Err(refusal(422, "legacy-business-type", en, format!("不支持 msgType“{shown}”"))
            .at(place_of(call, "msgType"))
            .expecting(IMPORT_ORDER));
    }
    let digest: String = parameter(call, "dataDigest")?.split_ascii_whitespace().collect();
    if octets::decode(&digest, SIGNATURE_BYTES_MAX).map_or(0, |signature| signature.len()) == 0 {
        return Err(bad_parameter(call, "dataDigest", "is no signature in base64"));
    }
    let content = parameter(call, "content")?;
    let plain = octets::decode(&content, limits.bytes).ok().and_then(|c| decrypted(c, key));
    // One refusal for all of it: what exactly is wrong would help to guess at plain text.
    let plain = plain.filter(|plain| std::str::from_utf8(plain).is_ok()).ok_or_else(|| {
        let en = "content does not decrypt to a message in UTF-8".to_owned();
        refusal(400, "legacy-content", en, "content 无法解密为 UTF-8 报文".to_owned())
            .at(place_of(call, "content"))
            .expecting("base64 of AES-128, ECB, PKCS#5, by the key of the [[legacy]] section")
    })?;
    let evidence = [digest.as_bytes(), b"\n", plain.as_slice()].concat();
    let name = call.name();
    Ok(Call { evidence, send_code, name: (name.local.to_owned(), name.namespace.to_owned()) })
}

/// The element around the parameters: the one child of the body.
fn call(document: &Document) -> Result<Element<'_>, Refusal> {
    let root = document.root();
    let body = root.child(SOAP, "Body").filter(|_| root.is(SOAP, "Envelope"));
    let mut calls = body.into_iter().flat_map(|body| body.children());
    match (calls.next(), calls.next()) {
        (Some(call), None) => Ok(call),
        _ => {
            let position = root.position();
            let (line, column) = (position.line, position.column);
            let en = "this is no SOAP 1.1 envelope around one call".to_owned();
            let zh = "不是包含单个调用的 SOAP 1.1 信封".to_owned();
            Err(refusal(400, "legacy-not-soap", en, zh)
                .at(Place { line, column, path: root.path(), within: "" })
                .expecting(format!("Envelope and Body in the namespace {SOAP}")))
        }
    }
}

/// The text of a parameter, which has to be there once.
fn parameter(call: Element<'_>, name: &str) -> Result<String, Refusal> {
    let mut found = call.children().filter(|child| child.name().local == name);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.text().trim().to_owned()),
        (None, _) => Err(bad_parameter(call, name, "is missing")),
        _ => Err(bad_parameter(call, name, "is there twice")),
    }
}

fn bad_parameter(call: Element<'_>, name: &str, what: &str) -> Refusal {
    let en = format!("the parameter {name} {what}");
    refusal(400, "legacy-parameter", en, format!("参数 {name} 缺失、重复或格式不正确"))
        .at(place_of(call, name))
        .expecting("content, msgType, dataDigest and sendCode, each once")
}

fn place_of(call: Element<'_>, name: &str) -> Place {
    let found = call.children().find(|child| child.name().local == name).unwrap_or(call);
    let position = found.position();
    Place { line: position.line, column: position.column, path: found.path(), within: "" }
}

/// AES-128-ECB without its padding (PKCS#5, RFC 8018 section 6.1.1).
fn decrypted(mut content: Vec<u8>, key: &LegacyKey) -> Option<Vec<u8>> {
    if !content.len().is_multiple_of(BLOCK) {
        return None;
    }
    let cipher = Aes128::new(&Array::from(*key.bytes()));
    for block in content.chunks_exact_mut(BLOCK) {
        cipher.decrypt_block(block.try_into().ok()?);
    }
    let padding = usize::from(*content.last()?);
    let rest = content.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
    let good = content.get(rest..)?.iter().all(|byte| usize::from(*byte) == padding);
    content.truncate(rest);
    good.then_some(content)
}

impl Call {
    /// The answer of the port: a result for each order, in an envelope.
    pub(crate) fn answer(&self, answer: &Answer, at: Timestamp) -> String {
        let plain = self.evidence.split(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
        let plain = self.evidence.get(plain + 1..).unwrap_or_default();
        let results = results(answer, super::order::signs(plain), &self.send_code);
        let time = Offset::constant(8).to_datetime(at);
        let (date, time) = (time.strftime("%Y-%m-%d"), time.strftime("%H:%M:%S"));
        let mut mo = "<mo version=\"1.0.0\"><head><businessType>RESULT</businessType></head>\
            <body><list>"
            .to_owned();
        for (sign, reasons) in &results {
            mo.push_str("<jkfResult>");
            for (name, text) in [
                ("companyCode", sign.company_code.as_str()),
                ("businessNo", sign.business_no.as_str()),
                ("businessType", sign.business_type.as_str()),
                ("declareType", sign.declare_type.as_str()),
                ("chkMark", if reasons.is_empty() { "1" } else { "2" }),
                ("noticeDate", &date.to_string()),
                ("noticeTime", &time.to_string()),
            ] {
                mo.push_str(&format!("<{name}>{}</{name}>", escape_text(text)));
            }
            mo.push_str("<resultList>");
            for reason in reasons {
                let reason = escape_text(reason);
                mo.push_str(&format!(
                    "<jkfResultDetail><resultInfo>{reason}</resultInfo></jkfResultDetail>"
                ));
            }
            mo.push_str("</resultList></jkfResult>");
        }
        mo.push_str("</list></body></mo>");
        let (name, namespace) = &self.name;
        let (namespace, mo) = (escape_attribute(namespace), escape_text(&mo));
        format!(
            "<soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Body><{name}Response xmlns=\"{namespace}\">\
             <return xmlns=\"\">{mo}</return></{name}Response></soap:Body></soap:Envelope>"
        )
    }
}

/// Each order, and why it was not taken; one for the call where its orders cannot be read.
fn results(answer: &Answer, mut signs: Vec<Sign>, send_code: &str) -> Vec<(Sign, Vec<String>)> {
    if signs.is_empty() {
        let (company_code, business_type) = (send_code.to_owned(), IMPORT_ORDER.to_owned());
        signs.push(Sign { company_code, business_type, ..Sign::default() });
    }
    let whole = answer.refused_message().map(reasons).unwrap_or_default();
    let of = |(index, sign)| {
        let own = answer.refused_documents().find(|(n, _)| *n == index);
        (sign, own.map_or_else(|| whole.clone(), |(_, refusal)| reasons(refusal)))
    };
    signs.into_iter().enumerate().map(of).collect()
}

/// `code: text` for everything that was found.
fn reasons(refusal: &Refusal) -> Vec<String> {
    let found = refusal.violations.iter().take(REASONS_MAX);
    let found: Vec<String> = found.map(|one| format!("{}: {}", one.code, one.zh)).collect();
    match found.is_empty() {
        true => vec![format!("{}: {}", refusal.code, refusal.zh)],
        false => found,
    }
}

/// Text of others for a message to people.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect()
}

fn refusal(status: u16, code: &'static str, en: String, zh: String) -> Refusal {
    Refusal::new(Stage::Intake, status, code, en, zh)
}

#[cfg(test)]
mod tests;
