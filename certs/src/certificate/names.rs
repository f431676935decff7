//! Distinguished names as text for people.
//!
//! In: an X.509 name (RFC 5280, section 4.1.2.4). Out: one bounded line without
//! control characters. BMPString is decoded, and Chinese in GBK under whatever string
//! type, since older certificates of the field use both. Promise: never fails; what cannot be decoded is shown in hex.

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::hex;

/// Longest readable name, in characters.
const MAX_NAME_CHARS: usize = 512;
/// Longest value of one attribute, in characters.
const MAX_VALUE_CHARS: usize = 128;
/// Attributes shown.
const MAX_ATTRIBUTES: usize = 16;

const COMMON_NAME: &str = "2.5.4.3";

pub(super) fn readable(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_attributes()
        .take(MAX_ATTRIBUTES)
        .map(|attribute| {
            let oid = attribute.attr_type().to_id_string();
            format!("{}={}", abbreviation(&oid).unwrap_or(&oid), value(attribute))
        })
        .collect();
    parts.join(", ").chars().take(MAX_NAME_CHARS).collect()
}

pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_attributes()
        .filter(|attribute| attribute.attr_type().to_id_string() == COMMON_NAME)
        .last()
        .map(value)
}

fn abbreviation(oid: &str) -> Option<&'static str> {
    Some(match oid {
        COMMON_NAME => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.97" => "organizationIdentifier",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => return None,
    })
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    let any = attribute.attr_value();
    let bytes = any.data;
    let decoded = match any.tag() {
        Tag::BmpString => utf16(bytes),
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::Ia5String
        | Tag::TeletexString => {
            std::str::from_utf8(bytes).ok().map(str::to_owned).or_else(|| gbk(bytes))
        }
        _ => None,
    };
    let text = decoded.unwrap_or_else(|| {
        let shown = bytes.get(..MAX_VALUE_CHARS / 2).unwrap_or(bytes);
        format!("#{}", hex::encode(shown))
    });
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).take(MAX_VALUE_CHARS).collect()
}

// GBK has no string type of its own: CAs put it into any. Latin-1 cannot be told from it for
// certain, so it counts only where all that is not ASCII is Chinese, and the first pair of
// bytes is of GB 2312, the older and common part. It is for people; names are compared as bytes.
fn gbk(bytes: &[u8]) -> Option<String> {
    let first = bytes.iter().position(|byte| !byte.is_ascii())?;
    let pair = bytes.get(first..first + 2)?;
    if pair.iter().any(|byte| *byte < 0xa1) {
        return None;
    }
    let text = encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(bytes)?;
    let chinese = |c: char| matches!(c, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff5e}');
    text.chars().all(|c| c.is_ascii() || chinese(c)).then(|| text.into_owned())
}

// Control characters would forge log lines, bidirectional marks would show
// another name than the one that is there.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok()
}
