//! Why the digest of the content differs. In: the parts of a Signature and the canonical
//! content. Out: the first candidate whose digest is the signed one, which is a proof, or
//! nothing. The order is from the least departure to the greatest, so that a candidate
//! which happens to contain another is never named for it.

use onepoint_certs::DigestAlgorithm;
use onepoint_xml::{Document, Event};

use super::kind::CauseKind;
use super::layout::layouts;
use super::names;
use super::text;
use super::tokens::{self, Token, write};
use super::trial::{Proof, Trial};
use crate::c14n::{self, Method, PrefixList};
use crate::octets;
use crate::xmldsig::profile::Parts;

/// Children of the root that are tried as the digested part.
const MAX_PARTS: usize = 32;

/// Families that copy little, at the head of the list.
const CHEAP_FAMILIES: usize = 2;
/// Canonical octets of a content that is searched in full; in a larger one only the forms
/// of the digest, white space at the Signature and other canonicalisations are looked for.
pub const MAX_SEARCHED: usize = 1 << 20;

/// What the search looks at.
pub(super) struct View<'d> {
    pub(super) document: &'d Document,
    pub(super) parts: &'d Parts<'d>,
    /// The canonical content, as it came.
    pub(super) octets: &'d [u8],
}

type Found = Option<Proof>;

/// Searches all families in order.
pub(super) fn search(view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    if let Some(found) = digest_forms(view) {
        return Some(found);
    }
    let tokens = tokens::read(view.octets)?;
    let bare = without_space(view, &tokens);
    let families: [&dyn Fn(&mut Trial<'_>) -> Found; 9] = [
        &|trial| space(&bare, trial),
        &|trial| methods(view, trial),
        &|trial| names(&tokens, view, trial),
        &|trial| declaration(view, trial),
        &|trial| characters(view.octets, trial),
        &|trial| layout(&tokens, trial),
        &|trial| raw(view, trial),
        &|trial| part(view, trial),
        // Once more for a Signature that was put in with white space around it.
        &|trial| bare.iter().find_map(|(_, base)| second(base, view, trial)),
    ];
    for (at, family) in families.iter().enumerate() {
        if at >= CHEAP_FAMILIES && view.octets.len() > MAX_SEARCHED {
            trial.end();
        }
        if trial.is_over() {
            return None;
        }
        if let Some(found) = family(trial) {
            return Some(found);
        }
    }
    None
}

fn second(base: &[u8], view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let tokens = tokens::read(base)?;
    characters(base, trial)
        .or_else(|| names(&tokens, view, trial))
        .or_else(|| layout(&tokens, trial))
}

/// The digest in another form, or by another algorithm.
fn digest_forms(view: &View<'_>) -> Found {
    let reference = &view.parts.reference;
    let expected = &reference.value.it;
    let proof = |kind, en: String, zh: String| {
        Some(Proof { kind, how: (en, zh), octets: view.octets.to_vec() })
    };
    for algorithm in DigestAlgorithm::ALL {
        let digest = algorithm.digest(view.octets);
        let name = algorithm.name();
        if digest == *expected && algorithm != reference.digest.it {
            let en = format!("DigestValue is the {name} digest of this content");
            return proof(
                CauseKind::OtherDigest,
                en,
                format!("DigestValue 是现内容的 {name} 摘要"),
            );
        }
        let hex = super::hex(&digest);
        // Hexadecimal digits are base64 characters too: they may have been read as such.
        let read = octets::decode(&hex, expected.len()).unwrap_or_default();
        let twice = octets::encode(&digest);
        let upper = octets::decode(&hex.to_uppercase(), expected.len()).unwrap_or_default();
        let forms = [hex.as_bytes(), &read, &upper, hex.to_uppercase().as_bytes()]
            .contains(&expected.as_slice());
        if forms {
            let en = format!("DigestValue holds the hexadecimal digits of the {name} digest");
            return proof(
                CauseKind::DigestEncoding,
                en,
                format!("DigestValue 为 {name} 摘要的十六进制文本"),
            );
        }
        if twice.as_bytes() == expected {
            let en = format!("DigestValue holds the {name} digest in base64 twice");
            return proof(
                CauseKind::DigestEncoding,
                en,
                format!("DigestValue 为 {name} 摘要的两次 base64"),
            );
        }
        let mut reversed = digest;
        reversed.reverse();
        if reversed == *expected {
            let en = format!("DigestValue holds the {name} digest with its octets reversed");
            return proof(
                CauseKind::DigestEncoding,
                en,
                format!("DigestValue 中 {name} 摘要的字节顺序颠倒"),
            );
        }
    }
    None
}

type Base = ((&'static str, &'static str), Vec<u8>);

/// The content with other white space where the Signature stands.
fn without_space<'t>(view: &View<'_>, tokens: &'t [Token<'t>]) -> Vec<Base> {
    let Some(at) = gap_at_signature(view, tokens) else { return Vec::new() };
    let Some(Token::Text(all)) = tokens.get(at) else {
        return vec![(
            ("signed with a line end where the Signature stands", "加签时 Signature 处有换行"),
            with_text(tokens, at, None, "\n"),
        )];
    };
    let after = space_after(view);
    let before = all.strip_suffix(after.as_str()).unwrap_or(all);
    [
        (
            ("signed without white space after the Signature", "加签时 Signature 之后没有空白"),
            before,
        ),
        (
            ("signed without white space before the Signature", "加签时 Signature 之前没有空白"),
            &after,
        ),
        (
            (
                "signed without white space where the Signature stands",
                "加签时 Signature 处没有空白",
            ),
            "",
        ),
        (
            (
                "signed with one line end where the Signature stands",
                "加签时 Signature 处只有一个换行",
            ),
            "\n",
        ),
    ]
    .into_iter()
    .filter(|(_, text)| *text != all.as_ref())
    .map(|(how, text)| (how, with_text(tokens, at, Some(()), text)))
    .collect()
}

fn with_text(tokens: &[Token<'_>], at: usize, replaces: Option<()>, text: &str) -> Vec<u8> {
    let (head, tail) = tokens.split_at_checked(at).unwrap_or((tokens, &[]));
    let tail = if replaces.is_some() { tail.get(1..).unwrap_or_default() } else { tail };
    [write(head), text.as_bytes().to_vec(), write(tail)].concat()
}

/// Where the Signature was: the token after as many tags as stand before it.
fn gap_at_signature(view: &View<'_>, tokens: &[Token<'_>]) -> Option<usize> {
    let (signature, apex) = (view.parts.signature, view.parts.reference.target.apex);
    if !view.parts.reference.target.enveloping {
        return None;
    }
    let inner = apex.index().0 as usize..signature.index().0 as usize;
    let tag = |event: &&Event| matches!(event, Event::Start { .. } | Event::End { .. });
    let before = view.document.events().get(inner)?.iter().filter(tag).count();
    let mut seen = 0;
    for (at, token) in tokens.iter().enumerate() {
        if seen == before {
            return (token.is_blank() || token.is_tag()).then_some(at);
        }
        seen += usize::from(token.is_tag());
    }
    None
}

/// Blank text right after the Signature, escaped.
fn space_after(view: &View<'_>) -> String {
    let next = view.parts.signature.end_index().0 as usize + 1;
    match view.document.events().get(next) {
        Some(Event::Text { value, .. }) => view.document.value(value).replace('\r', "&#xD;"),
        _ => String::new(),
    }
}

fn space(bare: &[Base], trial: &mut Trial<'_>) -> Found {
    bare.iter()
        .find_map(|(how, octets)| trial.prove(CauseKind::SpaceAtSignature, *how, octets.clone()))
}

/// Every canonicalisation but the one that is named.
fn methods(view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let reference = &view.parts.reference;
    let selection = reference.target.selection(view.parts.signature);
    let with = |method: &Method| canonical(view.document, &selection, method);
    let comments = match reference.method.clone().without_comments() {
        Method::Inclusive10 => Method::Inclusive10WithComments,
        Method::Inclusive11 => Method::Inclusive11WithComments,
        Method::Exclusive(list) => Method::ExclusiveWithComments(list),
        other => other,
    };
    let how = ("the digest is that of the content with its comments", "摘要包含了注释");
    if let Some(found) = trial.prove(CauseKind::Comments, how, with(&comments)) {
        return Some(found);
    }
    for method in all_methods() {
        let octets = with(&method);
        if octets != view.octets && trial.matches(&octets) {
            let en = format!("the digest is that of {}", method.uri());
            let zh = format!("摘要对应的规范化算法为 {}", method.uri());
            return Some(Proof { kind: CauseKind::OtherMethod, how: (en, zh), octets });
        }
    }
    None
}

pub(super) fn all_methods() -> [Method; 6] {
    [
        Method::Inclusive10,
        Method::Exclusive(PrefixList::default()),
        Method::Inclusive11,
        Method::Inclusive10WithComments,
        Method::ExclusiveWithComments(PrefixList::default()),
        Method::Inclusive11WithComments,
    ]
}

pub(super) fn canonical(
    document: &Document,
    selection: &c14n::Selection,
    method: &Method,
) -> Vec<u8> {
    let mut octets = Vec::new();
    c14n::canonicalize(document, selection, method, &mut |run| octets.extend_from_slice(run));
    octets
}

fn names(tokens: &[Token<'_>], view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let mut prove = |kind, ((en, zh), octets): names::Named| trial.prove(kind, (&en, &zh), octets);
    names::corrected(tokens)
        .into_iter()
        .chain(names::declarations(tokens))
        .chain(names::prefixes(tokens))
        .find_map(|named| prove(CauseKind::Namespace, named))
        .or_else(|| {
            let written = names::written(view.document, view.parts.signature.span());
            let mut orders = names::orders(tokens, &written);
            orders.find_map(|named| prove(CauseKind::AttributeOrder, named))
        })
}

/// The canonical form with the XML declaration before it.
fn declaration(view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let source = view.document.source();
    let own = source.starts_with("<?xml").then(|| source.split_inclusive("?>").next()).flatten();
    let usual = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
    ];
    let how =
        ("the XML declaration stands before the digested content", "摘要内容之前带有 XML 声明");
    own.into_iter().chain(usual).find_map(|declaration| {
        ["", "\n", "\r\n"].into_iter().find_map(|line| {
            let octets = [declaration.as_bytes(), line.as_bytes(), view.octets].concat();
            trial.prove(CauseKind::XmlDeclaration, how, octets)
        })
    })
}

fn characters(octets: &[u8], trial: &mut Trial<'_>) -> Found {
    text::candidates(octets)
        .into_iter()
        .find_map(|(kind, how, candidate)| trial.prove(kind, how, candidate))
}

fn layout(tokens: &[Token<'_>], trial: &mut Trial<'_>) -> Found {
    layouts(tokens).find_map(|layout| {
        let how = (layout.how.0.as_str(), layout.how.1.as_str());
        trial.prove(CauseKind::Reindented, how, layout.octets)
    })
}

/// The text as it came, with the Signature cut out.
fn raw(view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let source = view.document.source();
    let signature = view.parts.signature.span();
    let root = view.parts.reference.target.apex.span();
    let cut = |from: usize, to: usize, trim: bool| {
        let head = source.get(from..signature.start).unwrap_or_default();
        let tail = source.get(signature.end..to).unwrap_or_default();
        if trim {
            format!("{}{}", head.trim_end(), tail.trim_start())
        } else {
            format!("{head}{tail}")
        }
    };
    let how = ("the digest is that of the text as written", "摘要对应原始文本");
    for trim in [false, true] {
        let root_only = cut(root.start, root.end, trim);
        let all = cut(0, source.len(), trim);
        let trimmed = all.trim().to_owned();
        for text in [root_only, all, trimmed] {
            let lines = text.replace("\r\n", "\n");
            let crlf = lines.replace('\n', "\r\n");
            let gbk = encoding_rs::GBK.encode(&text).0.into_owned();
            let mark = format!("\u{feff}{text}");
            for octets in
                [text.into_bytes(), lines.into_bytes(), crlf.into_bytes(), gbk, mark.into_bytes()]
            {
                if let Some(found) = trial.prove(CauseKind::NotCanonical, how, octets) {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// A child of the root, its inside, or all but the root's own tags.
fn part(view: &View<'_>, trial: &mut Trial<'_>) -> Found {
    let apex = view.parts.reference.target.apex;
    let children = apex.children().filter(|child| *child != view.parts.signature).take(MAX_PARTS);
    for child in children {
        for method in [Method::Inclusive10, Method::Exclusive(PrefixList::default())] {
            let selection = c14n::Selection::subtree(child.index());
            let octets = canonical(view.document, &selection, &method);
            if trial.matches(&octets) {
                let en = format!("the digest is that of {}", child.path());
                let zh = format!("摘要只对应 {}", child.path());
                return Some(Proof { kind: CauseKind::PartDigested, how: (en, zh), octets });
            }
        }
    }
    let text = std::str::from_utf8(view.octets).ok()?;
    let inner = text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</"))?.0;
    let how = ("the digest is that of what stands inside the root", "摘要只对应根元素的内容");
    trial.prove(CauseKind::PartDigested, how, inner.as_bytes().to_vec())
}
