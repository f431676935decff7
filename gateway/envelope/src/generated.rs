//! Documents for property tests. In: random choices. Out: a well-formed document as text
//! that uses what canonicalisation has rules for: prefixes bound anew, default namespaces
//! given and taken back, `xml:` attributes, references, CDATA, comments, instructions.

use proptest::prelude::*;

/// The prefixes; the root binds each, so that every document is namespace-well-formed.
const PREFIXES: [&str; 4] = ["", "a", "b", "中"];
const URIS: [&str; 4] = ["urn:one", "urn:two", "http://example.com/三", "urn:&amp;four"];

/// A node of a document.
#[derive(Debug, Clone)]
enum Node {
    Element { prefix: usize, bound: Vec<(usize, usize)>, attributes: Vec<usize>, inside: Vec<Node> },
    Leaf(String),
}

/// Documents of some dozen nodes.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let inside = prop::collection::vec(node(), 0..6);
    (aside(), bindings(), inside, aside()).prop_map(|(before, bound, inside, after)| {
        let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{before}\n");
        text.push_str("<r:root xmlns:r=\"urn:root\" xmlns:a='urn:one' xmlns:b=\"urn:two\" ");
        text.push_str("xmlns:中=\"urn:two\" xml:lang=\"zh\" guid=\"0\">");
        write(&Node::Element { prefix: 1, bound, attributes: vec![3, 1], inside }, &mut text);
        text.push_str("\n</r:root>\n");
        text.push_str(&after);
        text
    })
}

fn aside() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("<!--旁-->".into()), Just("<?pi  some data ?>".into())]
}

fn bindings() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..PREFIXES.len(), 0..URIS.len() + 1), 0..3)
}

fn node() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(5, 40, 5, |inner| {
        let inside = prop::collection::vec(inner, 0..5);
        let attributes = prop::collection::vec(0..5usize, 0..4);
        (0..PREFIXES.len(), bindings(), attributes, inside).prop_map(
            |(prefix, bound, attributes, inside)| Node::Element {
                prefix,
                bound,
                attributes,
                inside,
            },
        )
    })
}

fn leaf() -> impl Strategy<Value = Node> {
    let fixed = [
        "<![CDATA[<x>&]]>",
        "<!-- 注 -->",
        "<?target?>",
        "<?t a  b?>",
        "&lt;&#13;&gt;&#x9;",
        "\r\n",
        "<e/>",
        "\u{20000}",
    ];
    prop_oneof![
        "[a-z0-9 \"'>\n\t中文]{0,24}".prop_map(|text| Node::Leaf(text.replace("]]>", ""))),
        prop::sample::select(fixed.to_vec()).prop_map(|text| Node::Leaf(text.to_owned())),
    ]
}

fn write(node: &Node, text: &mut String) {
    let (prefix, bound, attributes, inside) = match node {
        Node::Leaf(leaf) => return text.push_str(leaf),
        Node::Element { prefix, bound, attributes, inside } => (prefix, bound, attributes, inside),
    };
    let prefix = PREFIXES[*prefix];
    let name = if prefix.is_empty() { "e".to_owned() } else { format!("{prefix}:e") };
    text.push_str(&format!("<{name}"));
    for (at, attribute) in attributes.iter().enumerate() {
        // The position in the local name keeps attributes apart whatever the prefixes mean.
        let attribute = match *attribute {
            4 if attributes[..at].contains(&4) => continue,
            4 => format!(" xml:lang='l{at}'"),
            0 => format!(" x{at}=\"&#10;{at}\t&quot;\""),
            other => format!("\n {}:x{at} = '<{at}>\"'", PREFIXES[other]).replace('<', "&lt;"),
        };
        text.push_str(&attribute);
    }
    let mut said = Vec::new();
    for (prefix, uri) in bound {
        if said.contains(prefix) {
            continue;
        }
        said.push(*prefix);
        match (PREFIXES[*prefix], URIS.get(*uri)) {
            ("", uri) => text.push_str(&format!(" xmlns=\"{}\"", uri.copied().unwrap_or(""))),
            (prefix, Some(uri)) => text.push_str(&format!(" xmlns:{prefix}=\"{uri}\"")),
            (_, None) => {}
        }
    }
    text.push('>');
    for node in inside {
        write(node, text);
    }
    text.push_str(&format!("</{name}>"));
}
