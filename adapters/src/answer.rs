//! The text of an answer, and the numbers in it. In come names, values and the parts
//! that identify what is answered; out go XML with every value escaped, times in the
//! zone of the customs, and numbers that are the same on every attempt, because they
//! are made from what they stand for and not drawn.

use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use onepoint_xml::{escape_attribute, escape_text};
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};

use crate::Incoming;

/// The zone of all times in CEB messages.
const ZONE: Offset = Offset::constant(8);

/// An element with children, being written.
#[derive(Debug)]
pub(crate) struct Writer {
    xml: String,
}

impl Writer {
    /// The XML declaration and the start tag of the root.
    pub(crate) fn new(root: &str, namespace: &str, guid: &str) -> Self {
        let (namespace, guid) = (escape_attribute(namespace), escape_attribute(guid));
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <{root} xmlns=\"{namespace}\" guid=\"{guid}\" version=\"1.0\">"
        );
        Writer { xml }
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.xml.push_str(&format!("<{name}>"));
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.xml.push_str(&format!("</{name}>"));
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.xml.push_str(&escape_text(value));
        self.close(name);
    }

    /// Elements with text, one after the other.
    pub(crate) fn fields(&mut self, fields: &[(&'static str, String)]) {
        for (name, value) in fields {
            self.text(name, value);
        }
    }

    /// What came of a document, and when.
    pub(crate) fn result(&mut self, status: &str, time: &str, info: &str) {
        self.text("returnStatus", status);
        self.text("returnTime", time);
        self.text("returnInfo", info);
    }

    /// An element for each line.
    pub(crate) fn lines(&mut self, name: &str, lines: &[Vec<(&'static str, String)>]) {
        for line in lines {
            self.open(name);
            self.fields(line);
            self.close(name);
        }
    }

    /// Closes the root.
    pub(crate) fn finish(mut self, root: &str) -> String {
        self.close(root);
        self.xml
    }
}

/// 17 digits, `YYYYMMDDhhmmssSSS` at UTC+8 (norm of 2022-05, `returnTime`).
pub(crate) fn return_time(at: Timestamp) -> String {
    ZONE.to_datetime(at).strftime("%Y%m%d%H%M%S%3f").to_string()
}

/// The day at UTC+8, `YYYYMMDD`.
pub(crate) fn day(at: Timestamp) -> String {
    ZONE.to_datetime(at).strftime("%Y%m%d").to_string()
}

/// The day so long after, likewise.
pub(crate) fn day_after(at: Timestamp, days: Span) -> String {
    let day = ZONE.to_datetime(at).date();
    day.saturating_add(days).strftime("%Y%m%d").to_string()
}

/// SHA-256 over the parts, each with its length, so that no two lists of parts are alike.
fn hash(parts: &[&str]) -> u128 {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    digest.as_ref().iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// A guid of 36 characters in capitals, as the port makes them: a UUID of version 8
/// (RFC 9562, section 5.8) from what it stands for.
pub(crate) fn guid(parts: &[&str]) -> String {
    let bits = hash(parts) & !(0xF << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{bits:032X}");
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range));
    groups.map(Option::unwrap_or_default).join("-")
}

/// Nine decimal digits from what they stand for.
pub(crate) fn serial(parts: &[&str]) -> String {
    format!("{:09}", hash(parts) % 1_000_000_000)
}

/// The line that a department records: one JSON object, keys in alphabetical order.
pub(crate) fn effect(
    department: &str,
    incoming: &Incoming<'_>,
    now: Timestamp,
    documents: Vec<Value>,
) -> String {
    json!({
        "at": now.to_string(),
        "delivery": incoming.delivery,
        "department": department,
        "documents": documents,
        "message": incoming.message,
        "messageType": incoming.message_type,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_customs() {
        let at: Timestamp = "2026-11-23T16:30:05.0429Z".parse().unwrap();
        assert_eq!(return_time(at), "20261124003005042");
        assert_eq!(day(at), "20261124");
        assert_eq!(day_after(at, Span::new().days(7)), "20261201");
    }

    #[test]
    fn guids_are_uuids_of_version_8() {
        let one = guid(&["delivery", "1"]);
        assert_eq!(one.len(), 36);
        assert_eq!(one, one.to_uppercase());
        assert_eq!(one.get(14..15), Some("8"));
        assert!(one.get(19..20).is_some_and(|variant| "89AB".contains(variant)));
        assert_eq!(one, guid(&["delivery", "1"]));
        assert_ne!(one, guid(&["delivery1"]));
        assert_ne!(one, guid(&["deliver", "y1"]));
    }

    #[test]
    fn serials_have_nine_digits() {
        for key in 0..100 {
            let serial = serial(&["list", &key.to_string()]);
            assert!(serial.len() == 9 && serial.bytes().all(|b| b.is_ascii_digit()), "{serial}");
        }
    }

    #[test]
    fn values_are_escaped() {
        let mut writer = Writer::new("R", "urn:a&b", "\"g\"");
        writer.text("info", "<a> & b");
        assert!(writer.finish("R").ends_with(
            "<R xmlns=\"urn:a&amp;b\" guid=\"&quot;g&quot;\" version=\"1.0\">\
             <info>&lt;a&gt; &amp; b</info></R>"
        ));
    }
}
