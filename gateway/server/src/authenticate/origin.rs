//! Where the document that the stages judge comes from: the XML as it was written, or an XML
//! form of JSON or of an older order. In: violations with places in that document. Out: the
//! same with places in the text that the sender wrote.

use onepoint_schemas::{Catalogue, Json, JsonLimits, MessageType, Violation};

use crate::legacy::order::Places;

/// What the document was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// XML as it was written.
    #[default]
    Xml,
    /// The JSON form of its type, as it was sent.
    Json(Vec<u8>),
    /// The JSON of announcement 179, as it was sent.
    PaymentData(Vec<u8>),
    /// The XML of the Hangzhou port, as it was signed.
    Mo(Vec<u8>),
}

impl Origin {
    /// Moves places to the text of the sender.
    pub(crate) fn place(
        &self,
        violations: &mut [Violation],
        catalogue: &Catalogue,
        kind: &MessageType,
    ) {
        // Read again, since only what is at fault needs its places.
        let read = |bytes: &[u8]| Json::read(bytes.to_vec(), &JsonLimits::default()).ok();
        match self {
            Origin::Xml => {}
            _ if violations.is_empty() => {}
            Origin::Json(bytes) => {
                let form = catalogue.json_form(kind).and_then(Result::ok);
                let message = form.zip(read(bytes)).and_then(|(form, json)| form.accept(json).ok());
                if let Some(message) = message {
                    violations.iter_mut().for_each(|violation| message.place(violation));
                }
            }
            Origin::PaymentData(bytes) => {
                let json = read(bytes);
                for violation in violations {
                    violation.path = pointer(&violation.path);
                    let at = json.as_ref().map(|json| json.position(&violation.path));
                    (violation.line, violation.column) = at.unwrap_or_default();
                }
            }
            Origin::Mo(bytes) => {
                let places = Places::of(bytes);
                for violation in violations {
                    let Some((path, position)) = places.find(&violation.path) else { continue };
                    violation.path = path;
                    (violation.line, violation.column) = (position.line, position.column);
                }
            }
        }
    }
}

/// The JSON Pointer of a path in the XML form of payment data.
fn pointer(path: &str) -> String {
    let mut steps = path.split('/').skip(3);
    let step = steps.next().unwrap_or_default();
    let (name, number) = split(step);
    let mut pointer = match name {
        "PaymentDataHead" => {
            return match steps.next().map(|step| split(step).0) {
                Some(own @ ("sessionID" | "serviceTime")) => format!("/{own}"),
                Some(field) => format!("/payExchangeInfoHead/{field}"),
                None => "/payExchangeInfoHead".to_owned(),
            };
        }
        "payExchangeInfoList" => format!("/payExchangeInfoLists/{number}"),
        _ => return String::new(),
    };
    for step in steps {
        let (name, number) = split(step);
        pointer.push_str(&match name {
            "goodsInfo" => format!("/goodsInfo/{number}"),
            field => format!("/{field}"),
        });
    }
    pointer
}

/// Local name and index, from 0, of a step such as `p:goodsInfo[2]`.
pub(crate) fn split(step: &str) -> (&str, usize) {
    let (name, rest) = step.split_once('[').unwrap_or((step, ""));
    let number = rest.trim_end_matches(']').parse().unwrap_or(1_usize);
    (name.rsplit(':').next().unwrap_or_default(), number.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_xml_form_is_a_pointer_of_the_json() {
        for (path, expected) in [
            (
                "/PaymentDataMessage/PaymentData/PaymentDataHead/payCode",
                "/payExchangeInfoHead/payCode",
            ),
            ("/PaymentDataMessage/PaymentData/PaymentDataHead/sessionID", "/sessionID"),
            ("/PaymentDataMessage/PaymentData/PaymentDataHead", "/payExchangeInfoHead"),
            (
                "/p:PaymentDataMessage/p:PaymentData/p:payExchangeInfoList[2]/p:goodsInfo[3]/p:gname",
                "/payExchangeInfoLists/1/goodsInfo/2/gname",
            ),
            ("/PaymentDataMessage/PaymentData/payExchangeInfoList", "/payExchangeInfoLists/0"),
            ("/PaymentDataMessage/@guid", ""),
            ("", ""),
        ] {
            assert_eq!(pointer(path), expected, "{path}");
        }
    }
}
