//! Every cause seeded in fifty signed JSON documents: the first one named is right in at least
//! 95 of 100. The table is printed with `--nocapture`. What was signed is written by the
//! generator of the documents, not by what is judged.

use std::collections::BTreeMap;

use super::*;

/// Documents for each way.
const DOCUMENTS: u64 = 50;

/// How a writer of JSON writes.
#[derive(Clone, Copy)]
struct Style {
    indent: Option<&'static str>,
    gaps: [&'static str; 2],
    /// Escapes everything but ASCII.
    ascii: bool,
    slashes: bool,
    sorted: bool,
    line: &'static str,
}

const COMPACT: Style = Style {
    indent: None,
    gaps: [",", ":"],
    ascii: false,
    slashes: false,
    sorted: false,
    line: "\n",
};
const SPACED: Style = Style { gaps: [", ", ": "], ..COMPACT };
const LINES: [Style; 3] = [
    Style { indent: Some("  "), gaps: [",", ": "], ..COMPACT },
    Style { indent: Some("    "), gaps: [",", ": "], ..COMPACT },
    Style { indent: Some("\t"), gaps: [",", ": "], ..COMPACT },
];

/// A generator of numbers (Knuth, The Art of Computer Programming, volume 2, section 3.3.4).
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// An order of a few lines, the same for the same `n` in every style.
fn document(n: u64, style: Style) -> String {
    let mut seed = Seed(n);
    let fields = ["orderNo", "goodsInfo", "note", "recpName", "@id", "itemLink"];
    let items: Vec<Node> = (0..2 + seed.below(3))
        .map(|item| {
            let first = seed.below(6);
            // Never in the order of the names.
            let names = (0..6).map(|at| fields[usize::try_from((first + 6 - at) % 6).unwrap()]);
            let mut value = |name: &str| format!("测试{}\"甲\"/{name}\n{item}", seed.below(1000));
            Node::Object(names.map(|name| (name, Node::Text(value(name)))).collect())
        })
        .collect();
    let whole = vec![("Order", Node::Array(items)), ("@guid", Node::Text(format!("{n:036}")))];
    let root = Node::Object(vec![("订单", Node::Object(whole))]);
    let mut out = String::new();
    root.write(style, 0, &mut out);
    out
}

enum Node {
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(&'static str, Node)>),
}

impl Node {
    fn write(&self, style: Style, depth: usize, out: &mut String) {
        let line = |depth: usize, out: &mut String| {
            if let Some(unit) = style.indent {
                out.push_str(style.line);
                out.push_str(&unit.repeat(depth));
            }
        };
        let [comma, colon] = style.gaps;
        match self {
            Node::Text(text) => string(text, style, out),
            Node::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { comma });
                    line(depth + 1, out);
                    item.write(style, depth + 1, out);
                }
                line(depth, out);
                out.push(']');
            }
            Node::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                if style.sorted {
                    members.sort_by_key(|(name, _)| *name);
                }
                out.push('{');
                for (at, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { comma });
                    line(depth + 1, out);
                    string(name, style, out);
                    out.push_str(colon);
                    value.write(style, depth + 1, out);
                }
                line(depth, out);
                out.push('}');
            }
        }
    }
}

fn string(text: &str, style: Style, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '/' if style.slashes => out.push_str("\\/"),
            c if style.ascii && !c.is_ascii() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A payload as it is sent, and as it was signed.
type Way = (CauseKind, &'static str, fn(u64) -> (String, Vec<u8>));

fn styles(n: u64, sent: Style, signed: Style) -> (String, Vec<u8>) {
    (document(n, sent), document(n, signed).into_bytes())
}

fn lines(n: u64) -> Style {
    LINES[usize::try_from(n % 3).unwrap()]
}

const PAYLOADS: [Way; 15] = [
    (CauseKind::Reindented, "formatted after", |n| styles(n, lines(n), COMPACT)),
    (CauseKind::Reindented, "formatted before", |n| styles(n, COMPACT, lines(n))),
    (CauseKind::Reindented, "spaces before", |n| styles(n, COMPACT, SPACED)),
    (CauseKind::Reindented, "a line end before", |n| {
        let sent = document(n, lines(n));
        (sent.clone(), format!("{sent}\n").into_bytes())
    }),
    (CauseKind::Escaped, "ASCII before", |n| styles(n, COMPACT, Style { ascii: true, ..SPACED })),
    (CauseKind::Escaped, "ASCII after", |n| styles(n, Style { ascii: true, ..SPACED }, SPACED)),
    (CauseKind::Escaped, "slashes", |n| styles(n, COMPACT, Style { slashes: true, ..COMPACT })),
    (CauseKind::Escaped, "slashes after", |n| {
        styles(n, Style { slashes: true, ..COMPACT }, COMPACT)
    }),
    (CauseKind::AttributeOrder, "sorted", |n| {
        styles(n, COMPACT, Style { sorted: true, ..COMPACT })
    }),
    (CauseKind::AttributeOrder, "sorted, in lines", |n| {
        styles(n, lines(n), Style { sorted: true, ..lines(n) })
    }),
    (CauseKind::LineEnds, "CRLF after", |n| {
        styles(n, Style { line: "\r\n", ..lines(n) }, lines(n))
    }),
    (CauseKind::LineEnds, "CRLF before", |n| {
        styles(n, lines(n), Style { line: "\r\n", ..lines(n) })
    }),
    (CauseKind::ReEncoded, "GBK", |n| {
        let sent = document(n, lines(n));
        let signed = encoding_rs::GBK.encode(&sent).0.into_owned();
        (sent, signed)
    }),
    (CauseKind::ReEncoded, "a byte order mark", |n| {
        let sent = document(n, COMPACT);
        let signed = [b"\xEF\xBB\xBF", sent.as_bytes()].concat();
        (sent, signed)
    }),
    (CauseKind::Unknown, "something else", |n| {
        (document(n, COMPACT), document(n + 1, COMPACT).into_bytes())
    }),
];

/// What else than header and payload may be signed: cause, and the octets.
type Misuse = (CauseKind, fn(&str, &str) -> Vec<u8>);

const MISUSES: [Misuse; 5] = [
    (CauseKind::NotCanonical, |header, payload| {
        format!("{header}.{}", URL_SAFE.encode(payload)).into_bytes()
    }),
    (CauseKind::NotCanonical, |header, payload| {
        format!("{header}.{}", STANDARD.encode(payload)).into_bytes()
    }),
    (CauseKind::NotCanonical, |header, payload| format!("{header}.{payload}").into_bytes()),
    (CauseKind::OtherOctets, |_, payload| payload.as_bytes().to_vec()),
    (CauseKind::HashTwice, |header, payload| {
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        onepoint_certs::DigestAlgorithm::Sha256.digest(message.as_bytes())
    }),
];

fn header(by: &Issued) -> String {
    let signed = sign_compact(b"{}", &by.key, &by.chain, &JwsOptions::default()).unwrap();
    signed.split('.').next().unwrap().to_owned()
}

fn signed(by: &Issued, header: &str, payload: &str, message: &[u8]) -> String {
    let value = by.key.sign(by.key.default_algorithm(), message).unwrap();
    let payload = URL_SAFE_NO_PAD.encode(payload);
    format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(value))
}

#[test]
fn the_first_cause_named_is_the_one_that_was_seeded() {
    let by = signer(KeyKind::P256);
    let header = header(&by);
    let mut kinds: BTreeMap<CauseKind, (u32, u32)> = BTreeMap::new();
    let mut tell = |kind: CauseKind, what: &str, sent: &str| {
        let cause = explained(sent).expect("something is wrong");
        let tally = kinds.entry(kind).or_default();
        tally.1 += 1;
        tally.0 += u32::from(cause.kind == kind);
        assert!(cause.kind == kind || !cause.proved, "{what}: {cause:?}");
    };
    for n in 1..=DOCUMENTS {
        for (kind, what, payloads) in PAYLOADS {
            let (sent, octets) = payloads(n);
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(octets));
            tell(kind, what, &signed(&by, &header, &sent, message.as_bytes()));
        }
        for (kind, message) in MISUSES {
            let mut sent = document(n, lines(n));
            if sent.len().is_multiple_of(3) {
                // Only other lengths are padded in base64.
                sent.push(' ');
            }
            let message = message(&header, &sent);
            tell(kind, "misuse", &signed(&by, &header, &sent, &message));
        }
    }
    for (kind, (right, all)) in &kinds {
        println!("{:28} {right} of {all}", kind.code());
        assert!(right * 100 >= all * 95, "{}: {right} of {all}", kind.code());
    }
}
