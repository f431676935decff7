//! A valid message of each type, with made-up identities. The four declarations
//! are those of one order. Tests, the demo and the documentation start from them.

/// Name of a type and its example.
pub const EXAMPLES: [(&str, &str); 4] = [
    ("CEB311Message", include_str!("../ceb/2022-05/examples/CEB311Message.xml")),
    ("CEB411Message", include_str!("../ceb/2022-05/examples/CEB411Message.xml")),
    ("CEB511Message", include_str!("../ceb/2022-05/examples/CEB511Message.xml")),
    ("CEB621Message", include_str!("../ceb/2022-05/examples/CEB621Message.xml")),
];

/// The example of a type.
pub fn example(name: &str) -> Option<&'static str> {
    EXAMPLES.iter().find(|(example, _)| *example == name).map(|(_, text)| *text)
}

/// The example of a type with other values: each field is the local name of an
/// element, all of which get the value, or `@name` for the attribute of the root.
/// Values must not need escaping. A field that the type does not have is left out.
pub fn example_with(name: &str, fields: &[(&str, &str)]) -> Option<String> {
    let mut text = example(name)?.to_owned();
    for (field, value) in fields {
        text = match field.strip_prefix('@') {
            Some(attribute) => replace_first(&text, &format!(" {attribute}=\""), "\"", value),
            None => replace_all(&text, &format!("<ceb:{field}>"), "</", value),
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
