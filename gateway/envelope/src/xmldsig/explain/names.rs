//! Namespaces, prefixes and the order of attributes. In: canonical tokens, and for the
//! order the document. Out: the same content with declarations at the apex added or left
//! out, with another prefix, or with attributes in the order in which they were written.

use std::borrow::Cow;

use onepoint_xml::{Document, Event};

use super::tokens::{Pair, Token, apex, declares, sort_declarations, write};

/// The namespaces that messages of the family have at their root.
const USUAL: [(&str, &str); 4] = [
    ("xmlns:ceb", "http://www.chinaport.gov.cn/ceb"),
    ("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#"),
    ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("xmlns:xsd", "http://www.w3.org/2001/XMLSchema"),
];
/// Prefixes that tools choose.
const PREFIXES: [&str; 11] = ["", "ceb", "ns0", "ns1", "ns2", "ns3", "n1", "tns", "q1", "p", "a"];
/// Declarations at an apex that are left out one by one.
const MAX_LEFT_OUT: usize = 8;
/// Attributes of the root whose orders are all tried: 5! = 120.
const MAX_PERMUTED: usize = 5;

/// A candidate, and its names.
pub(super) type Named = ((String, String), Vec<u8>);

/// The usual prefixes with the usual names, where one is bound to another name.
pub(super) fn corrected<'t>(tokens: &'t [Token<'t>]) -> Option<Named> {
    let mut out = tokens.to_vec();
    let mut wrong = Vec::new();
    for pair in apex(&mut out)? {
        if let Some((key, uri)) = USUAL.iter().find(|(key, _)| pair.0 == *key)
            && pair.1 != *uri
        {
            wrong.push(format!("{key}=\"{uri}\""));
            pair.1 = Cow::from(*uri);
        }
    }
    let wrong = wrong.join(", ");
    let said = (format!("signed with {wrong}"), format!("加签时为 {wrong}"));
    (!wrong.is_empty()).then(|| (said, write(&out)))
}

/// Declarations at the apex added and left out.
pub(super) fn declarations<'t>(tokens: &'t [Token<'t>]) -> impl Iterator<Item = Named> + 't {
    let mut first = tokens.to_vec();
    let present: Vec<Pair<'t>> = apex(&mut first).cloned().unwrap_or_default();
    let has = |key: &str| present.iter().any(|pair| pair.0 == key);
    let missing: Vec<(&str, &str)> = USUAL.into_iter().filter(|(key, _)| !has(key)).collect();
    let extra = present.iter().filter(|pair| declares(pair)).take(MAX_LEFT_OUT);
    let extra: Vec<String> = extra.map(|pair| pair.0.clone().into_owned()).collect();
    let drops = std::iter::once(None).chain(extra.into_iter().map(Some));
    drops.flat_map(move |drop| {
        let missing = missing.clone();
        (0..1_usize << missing.len()).filter_map(move |set| {
            let added = missing.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            let added: Vec<(&str, &str)> = added.map(|(_, pair)| *pair).collect();
            if added.is_empty() && drop.is_none() {
                return None;
            }
            let mut out = tokens.to_vec();
            let pairs = apex(&mut out)?;
            pairs.retain(|pair| drop.as_deref() != Some(&*pair.0));
            pairs.extend(added.iter().map(|(key, uri)| (Cow::from(*key), Cow::from(*uri))));
            sort_declarations(pairs);
            Some((said(&added, drop.as_deref()), write(&out)))
        })
    })
}

fn said(added: &[(&str, &str)], dropped: Option<&str>) -> (String, String) {
    let names: Vec<&str> = added.iter().map(|(key, _)| *key).collect();
    let (mut en, mut zh) = (Vec::new(), Vec::new());
    if !names.is_empty() {
        en.push(format!("signed with {}, which is not declared here", names.join(", ")));
        zh.push(format!("加签时声明了 {}，现报文中没有", names.join("、")));
    }
    if let Some(dropped) = dropped {
        en.push(format!("signed without {dropped}, which is declared here"));
        zh.push(format!("加签时没有声明 {dropped}，现报文中多出"));
    }
    (en.join("; "), zh.join("；"))
}

/// The prefix of the root's namespace renamed.
pub(super) fn prefixes<'t>(tokens: &'t [Token<'t>]) -> impl Iterator<Item = Named> + 't {
    let root = tokens.iter().find_map(|token| match token {
        Token::Start { name, .. } => Some(name.as_ref()),
        _ => None,
    });
    let old = root.map_or("", |name| name.split_once(':').map_or("", |(prefix, _)| prefix));
    PREFIXES.into_iter().filter(move |new| *new != old).map(move |new| {
        let shown = |prefix: &str| if prefix.is_empty() { "xmlns" } else { prefix }.to_owned();
        let en = format!("signed with the prefix {} instead of {}", shown(new), shown(old));
        let zh = format!("加签时前缀为 {}，现为 {}", shown(new), shown(old));
        ((en, zh), write(&renamed(tokens, old, new)))
    })
}

fn renamed<'t>(tokens: &'t [Token<'t>], old: &str, new: &str) -> Vec<Token<'t>> {
    let join = |prefix: &str, local: &str| match prefix {
        "" => local.to_owned(),
        prefix => format!("{prefix}:{local}"),
    };
    let rename = |name: &str| {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        join(if prefix == old { new } else { prefix }, local)
    };
    let declaration = |prefix: &str| match prefix {
        "" => "xmlns".to_owned(),
        prefix => format!("xmlns:{prefix}"),
    };
    let (from, to) = (declaration(old), declaration(new));
    let change = |token: &Token<'t>| match token {
        Token::Start { name, pairs } => {
            let mut pairs = pairs.clone();
            for pair in pairs.iter_mut().filter(|pair| pair.0 == from) {
                pair.0 = to.clone().into();
            }
            sort_declarations(&mut pairs);
            Token::Start { name: rename(name).into(), pairs }
        }
        Token::End(name) => Token::End(rename(name).into()),
        other => other.clone(),
    };
    tokens.iter().map(change).collect()
}

/// Attributes in the order in which the document has them, then in every order at the
/// root, then with attributes before declarations.
pub(super) fn orders<'t>(
    tokens: &'t [Token<'t>],
    written: &[Vec<String>],
) -> impl Iterator<Item = Named> + 't {
    let mut as_written = tokens.to_vec();
    let starts = as_written.iter_mut().filter_map(|token| match token {
        Token::Start { pairs, .. } => Some(pairs),
        _ => None,
    });
    for (pairs, order) in starts.zip(written) {
        let place = |key: &str| order.iter().position(|name| name == key);
        pairs.sort_by_key(|pair| place(&pair.0).unwrap_or(usize::MAX));
    }
    let en = "digested with the attributes in the order in which they are written";
    let first = ((en.to_owned(), "按书写顺序的属性计算摘要".to_owned()), write(&as_written));
    let mut root = as_written.clone();
    let pairs = apex(&mut root).cloned().unwrap_or_default();
    let few = pairs.len() <= MAX_PERMUTED;
    let all = if few { permutations(&pairs) } else { Vec::new() };
    std::iter::once(first).chain(all.into_iter().map(move |order| {
        let names: Vec<&str> = order.iter().map(|pair| &*pair.0).collect();
        let en = format!("digested with the root's attributes in the order {}", names.join(", "));
        let zh = format!("按根元素属性顺序 {} 计算摘要", names.join("、"));
        let mut out = as_written.clone();
        if let Some(pairs) = apex(&mut out) {
            *pairs = order;
        }
        ((en, zh), write(&out))
    }))
}

fn permutations<'t>(pairs: &[Pair<'t>]) -> Vec<Vec<Pair<'t>>> {
    let Some((last, rest)) = pairs.split_last() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for shorter in permutations(rest) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, last.clone());
            all.push(longer);
        }
    }
    all
}

/// For each start tag, in order, the names of its attributes and declarations as they
/// are written; tags in `left_out` are passed over.
pub(super) fn written(document: &Document, left_out: std::ops::Range<usize>) -> Vec<Vec<String>> {
    let events = document.events().iter().filter_map(|event| match event {
        Event::Start { .. } if !left_out.contains(&event.span().start) => Some(event.span()),
        _ => None,
    });
    events.map(|span| names_in(document.source().get(span).unwrap_or_default())).collect()
}

/// The names in a well-formed start tag.
fn names_in(tag: &str) -> Vec<String> {
    let white = [' ', '\t', '\r', '\n'];
    let mut names = Vec::new();
    let mut rest = tag.split_once(white).map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        names.push(name.trim_matches(white).to_owned());
        let after = after.trim_start_matches(white);
        let Some(quote) = after.chars().next() else { break };
        rest = after.splitn(3, quote).nth(2).unwrap_or_default();
    }
    names
}
