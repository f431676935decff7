//! Payment data of announcement 179 as a request carries them. In: a form with the one field
//! `payExInfoStr`, or the JSON alone. Out: the JSON, to the byte as it was signed.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::refusal::{Refusal, Stage};

/// Content type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// What is taken.
pub(super) const EXPECTED: &str =
    "Content-Type: application/x-www-form-urlencoded (payExInfoStr=…) or application/json";
/// The field.
const FIELD: &str = "payExInfoStr";

/// The JSON in `body`.
///
/// # Errors
/// `form-unusable`.
pub(super) fn string(body: Vec<u8>, content_type: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case(FORM) {
        return Ok(body);
    }
    let text = std::str::from_utf8(&body).map_err(|_| unusable("it is not ASCII"))?;
    let mut fields = text.split('&').filter(|field| !field.is_empty());
    let (Some(only), None) = (fields.next(), fields.next()) else {
        return Err(unusable("it does not have exactly one field"));
    };
    let (name, value) = only.split_once('=').ok_or_else(|| unusable("its field has no value"))?;
    if name != FIELD {
        return Err(unusable("its field is not payExInfoStr"));
    }
    let escapes = value.split('%').skip(1);
    let whole = |escape: &str| escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !escapes.into_iter().all(whole) {
        return Err(unusable("a % is not followed by two hexadecimal digits"));
    }
    // In a form, + is a space (WHATWG URL, section 5.1).
    let value: Cow<'_, str> = match value.contains('+') {
        true => Cow::Owned(value.replace('+', " ")),
        false => Cow::Borrowed(value),
    };
    Ok(percent_decode(value.as_bytes()).collect())
}

fn unusable(why: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        400,
        "form-unusable",
        format!("the form cannot be read: {why}"),
        "表单无法解析",
    )
    .expecting("payExInfoStr=<URL-encoded JSON>, and no other field")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<String, String> {
        let string = string(
            body.as_bytes().to_vec(),
            Some("application/x-www-form-urlencoded; charset=utf-8"),
        );
        string.map(|it| String::from_utf8(it).unwrap()).map_err(|refusal| refusal.code.to_string())
    }

    #[test]
    fn a_form_gives_its_one_field() {
        assert_eq!(
            form("payExInfoStr=%7B%22a%22%3A%22+%2B%E4%B8%AD%22%7D").unwrap(),
            "{\"a\":\" +中\"}"
        );
        assert_eq!(form("payExInfoStr=").unwrap(), "");
        for bad in
            ["", "a=b", "payExInfoStr", "payExInfoStr=1&b=2", "payExInfoStr=%7", "payExInfoStr=%zz"]
        {
            assert_eq!(form(bad).unwrap_err(), "form-unusable", "{bad}");
        }
        let json = string(b"{\"a\":\"%2B+\"}".to_vec(), Some("application/json")).unwrap();
        assert_eq!(json, b"{\"a\":\"%2B+\"}");
    }
}
