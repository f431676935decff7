//! The business document of a delivery. In: the bytes that the gateway delivered: the document,
//! a DXP envelope around it, or the JSON Web Signature over it, alone or in an envelope. Out: the
//! document's bytes. Who signed is the gateway's to judge, over whose authenticated connection
//! it came; here it is only taken out.

use std::borrow::Cow;
use std::sync::OnceLock;

use onepoint_envelope::dxp::{DXP_NAMESPACE, DxpMsg, DxpMsgSv};
use onepoint_envelope::jws::Jws;
use onepoint_relay::runner::HandlerError;
use onepoint_schemas::{Catalogue, Json, JsonLimits};
use onepoint_xml::{Document, Limits};

/// Takes the document out of what it is carried in; anything else is given back as it is.
///
/// # Errors
/// An envelope that is not what the norm says: it would fail on every attempt.
pub(super) fn document(body: &[u8]) -> Result<Cow<'_, [u8]>, HandlerError> {
    match envelope(body)? {
        Some(data) => Ok(Cow::Owned(signed(&data).unwrap_or(data))),
        None => Ok(signed(body).map_or(Cow::Borrowed(body), Cow::Owned)),
    }
}

/// The data of an envelope; nothing for what is none. What is no XML is for the department's
/// own mapping to refuse.
fn envelope(body: &[u8]) -> Result<Option<Vec<u8>>, HandlerError> {
    let Ok(parsed) = Document::parse(body.to_vec(), &Limits::default()) else { return Ok(None) };
    let name = parsed.root().name();
    let data = match (name.namespace, name.local) {
        (DXP_NAMESPACE, "DxpMsg") => DxpMsg::parse(&parsed).map(|message| message.data),
        (DXP_NAMESPACE, "DxpMsgSv") => {
            DxpMsgSv::parse(&parsed).map(|whole| whole.message().data.clone())
        }
        _ => return Ok(None),
    };
    let poison = |code: &str, text: String| HandlerError { code: code.to_owned(), text };
    data.map(Some).map_err(|error| poison(error.code(), error.en()))
}

/// The payload of a JSON Web Signature; nothing for what is none.
fn signed(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let read = match text.starts_with('{') {
        true => Jws::flattened(text, None),
        false => Jws::compact(text, None),
    };
    read.and_then(|jws| jws.unverified_payload())
        .ok()
        .map(|payload| xml_form(&payload).unwrap_or(payload))
}

/// The XML form of a JSON message; nothing for what is none.
fn xml_form(payload: &[u8]) -> Option<Vec<u8>> {
    static CATALOGUE: OnceLock<Option<Catalogue>> = OnceLock::new();
    if payload.first() != Some(&b'{') {
        return None;
    }
    let json = Json::read(payload.to_vec(), &JsonLimits::default()).ok()?;
    let catalogue = CATALOGUE.get_or_init(|| Catalogue::load_builtin().ok()).as_ref()?;
    let kind = catalogue.by_name(json.value().as_object()?.keys().next()?)?;
    let form = catalogue.json_form(kind)?.ok()?;
    Some(form.accept(json).ok()?.xml().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &[u8]) -> DxpMsg {
        DxpMsg {
            cop_msg_id: "1".to_owned(),
            sender_id: "DXPENT0000000001".to_owned(),
            receiver_ids: vec!["DXPONEPOINT00001".to_owned()],
            creat_time: "2026-11-23T08:00:00+08:00".to_owned(),
            msg_type: "CEB311Message".to_owned(),
            data: data.to_vec(),
            add_info: None,
        }
    }

    #[test]
    fn a_document_comes_out_of_its_envelope() {
        let whole = message(b"<a/>").to_xml();
        assert_eq!(document(whole.as_bytes()).unwrap().as_ref(), b"<a/>");
        for plain in ["<a/>", "{\"a\":1}", ""] {
            assert_eq!(document(plain.as_bytes()).unwrap().as_ref(), plain.as_bytes());
        }
        // {"alg":"RS256"} and <a/>, as they are encoded.
        let token = "eyJhbGciOiJSUzI1NiJ9.PGEvPg.AAAA";
        assert_eq!(document(token.as_bytes()).unwrap().as_ref(), b"<a/>");
        let inside = message(token.as_bytes()).to_xml();
        assert_eq!(document(inside.as_bytes()).unwrap().as_ref(), b"<a/>");
        let catalogue = Catalogue::load_builtin().unwrap();
        let kind = catalogue.by_name("CEB311Message").unwrap();
        let example = onepoint_schemas::example("CEB311Message").unwrap();
        let example = Document::parse(example.as_bytes().to_vec(), &Limits::default()).unwrap();
        let json = catalogue.json_form(kind).unwrap().unwrap().to_json(&example).unwrap();
        let payload = onepoint_envelope::octets::encode(json.as_bytes());
        let payload = payload.replace('+', "-").replace('/', "_").replace('=', "");
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{payload}.AAAA");
        let out = document(token.as_bytes()).unwrap().into_owned();
        let out = Document::parse(out, &Limits::default()).unwrap();
        assert!(out.root().is("http://www.chinaport.gov.cn/ceb", "CEB311Message"));
        let broken = whole.replacen("CopMsgId", "CopMsgNo", 2);
        assert_eq!(document(broken.as_bytes()).unwrap_err().code, "dxp-missing");
    }
}
