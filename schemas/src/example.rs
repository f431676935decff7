//! A valid message of each type, with made-up identities. The four declarations
//! are those of one order, the receipts answer them. Tests, the demo and the
//! documentation start from them.

use std::collections::BTreeMap;

use onepoint_xml::escape_text;

use crate::files::all_embedded;

/// Name of each type and its example, in the newest version of its family. Declarations are
/// ready to be signed: they carry no Signature, so those that must have one are complete only
/// with it.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let newest: BTreeMap<&str, &str> = all_embedded()
        .filter_map(|(path, text)| {
            let (folder, file) = path.rsplit_once('/')?;
            let name = file.strip_suffix(".xml").filter(|_| folder.ends_with("/examples"))?;
            Some((name, text))
        })
        .collect();
    newest.into_iter()
}

/// The example of a type.
pub fn example(name: &str) -> Option<&'static str> {
    let file = format!("/examples/{name}.xml");
    all_embedded().filter(|(path, _)| path.ends_with(&file)).last().map(|(_, text)| text)
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
