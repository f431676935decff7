//! A valid message of each type, with made-up identities. The four declarations
//! are those of one order, the receipts answer them. Tests, the demo and the
//! documentation start from them.

use onepoint_xml::escape_text;

/// Name of a type and its example. Declarations are ready to be signed: they carry no
/// Signature, so the list, which must have one, is complete only with it.
pub const EXAMPLES: [(&str, &str); 8] = [
    ("CEB311Message", include_str!("../ceb/2022-05/examples/CEB311Message.xml")),
    ("CEB411Message", include_str!("../ceb/2022-05/examples/CEB411Message.xml")),
    ("CEB511Message", include_str!("../ceb/2022-05/examples/CEB511Message.xml")),
    ("CEB621Message", include_str!("../ceb/2022-05/examples/CEB621Message.xml")),
    ("CEB312Message", include_str!("../ceb/2022-05/examples/CEB312Message.xml")),
    ("CEB412Message", include_str!("../ceb/2022-05/examples/CEB412Message.xml")),
    ("CEB512Message", include_str!("../ceb/2022-05/examples/CEB512Message.xml")),
    ("CEB622Message", include_str!("../ceb/2022-05/examples/CEB622Message.xml")),
];

/// The example of a type.
pub fn example(name: &str) -> Option<&'static str> {
    EXAMPLES.iter().find(|(example, _)| *example == name).map(|(_, text)| *text)
}

/// The example of a type with other values: each field is the local name of an
/// element, all of which get the value, or `@name` for the attribute of the root, which
/// must not hold quotes. Values are escaped. A field that the type does not have is left out.
pub fn example_with(name: &str, fields: &[(&str, &str)]) -> Option<String> {
    let mut text = example(name)?.to_owned();
    let prefix = if text.contains("<ceb:") { "ceb:" } else { "" };
    for (field, value) in fields {
        let value = &escape_text(value);
        text = match field.strip_prefix('@') {
            Some(attribute) => replace_first(&text, &format!(" {attribute}=\""), "\"", value),
            None => replace_all(&text, &format!("<{prefix}{field}>"), "</", value),
        };
    }
    Some(text)
}

fn replace_first(text: &str, open: &str, close: &str, value: &str) -> String {
    let Some((before, rest)) = text.split_once(open) else { return text.to_owned() };
    let after = rest.split_once(close).map_or("", |(_, after)| after);
    format!("{before}{open}{value}{close}{after}")
}

fn replace_all(text: &str, open: &str, close: &str, value: &str) -> String {
    let mut parts = text.split(open);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once(close).map_or("", |(_, after)| after);
        out.push_str(open);
        out.push_str(value);
        out.push_str(close);
        out.push_str(after);
    }
    out
}
