//! JSON messages. In: the text of a message in the JSON form of its type. Out: its XML form, on
//! which every later stage works, once its JSON Schema holds; or what is wrong with it, with
//! line, column and JSON Pointer. Who signed it is not known here.

use onepoint_schemas::{Catalogue, Json, JsonForm, JsonLimits, MessageType, Violation};
use onepoint_xml::{Document, Limits};

use super::Origin;
use crate::refusal::{Place, Refusal, Stage};

/// The XML form of a message.
///
/// # Errors
/// What is wrong with it, with its place in the text, which stands in `within`.
pub(crate) fn open(
    bytes: &[u8],
    within: &'static str,
    catalogue: &Catalogue,
    limits: &Limits,
) -> Result<(Document, Origin), Refusal> {
    let json = read(bytes, within, limits)?;
    let form = form(kind(&json, within, catalogue)?, catalogue)?;
    let message = form.accept(json).map_err(|found| refused(found, within))?;
    let document = super::parse(message.xml().as_bytes().to_vec(), limits)?;
    Ok((document, Origin::Json(bytes.to_vec())))
}

/// Strict JSON.
///
/// # Errors
/// `json-…`.
pub(crate) fn read(bytes: &[u8], within: &'static str, limits: &Limits) -> Result<Json, Refusal> {
    let bounds = JsonLimits { bytes: limits.bytes, depth: limits.depth, ..JsonLimits::default() };
    Json::read(bytes.to_vec(), &bounds).map_err(|fault| refused(vec![*fault], within))
}

/// What reading or the JSON Schema found.
pub(crate) fn refused(violations: Vec<Violation>, within: &'static str) -> Refusal {
    Refusal::from_violations(Stage::Validate, violations).within(within)
}

/// The type of a JSON message: the one member of its object.
///
/// # Errors
/// `type-unknown`.
pub(crate) fn kind<'c>(
    json: &Json,
    within: &'static str,
    catalogue: &'c Catalogue,
) -> Result<&'c MessageType, Refusal> {
    let name = json.message_type();
    name.and_then(|name| catalogue.by_name(name)).ok_or_else(|| {
        let shown: String = name.map_or("(none)", |name| name).chars().take(64).collect();
        let (line, column) = json.position("");
        Refusal::new(
            Stage::Authenticate,
            422,
            "type-unknown",
            format!("no message type is called {shown:?}"),
            format!("未知的报文类型“{shown}”"),
        )
        .at(Place { line, column, path: String::new(), within })
        .expecting(
            "an object with one member, called like a message type: {\"CEB311Message\": {…}}",
        )
    })
}

/// The JSON form of a type.
///
/// # Errors
/// `json-form-missing`.
pub(crate) fn form<'c>(
    kind: &MessageType,
    catalogue: &'c Catalogue,
) -> Result<&'c JsonForm, Refusal> {
    catalogue.json_form(kind).and_then(Result::ok).ok_or_else(|| {
        Refusal::new(
            Stage::Authenticate,
            422,
            "json-form-missing",
            format!("{} has no JSON form", kind.name),
            format!("{} 没有 JSON 形式", kind.name),
        )
        .expecting("the message in XML")
    })
}
