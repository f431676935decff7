//! Canonical octets as tokens, to be written otherwise. In: octets that canonicalisation
//! made. Out: tags, texts and the rest in order; written back unchanged they are the same
//! octets. Values stay escaped, so that an edit changes nothing else.

use std::borrow::Cow;

/// A name and its escaped value.
pub(super) type Pair<'c> = (Cow<'c, str>, Cow<'c, str>);

/// One piece of canonical XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'c> {
    /// A start tag with namespace declarations and attributes in the order they stand.
    Start { name: Cow<'c, str>, pairs: Vec<Pair<'c>> },
    /// An end tag.
    End(Cow<'c, str>),
    /// Text, escaped.
    Text(Cow<'c, str>),
    /// A comment or an instruction, as it stands.
    Other(&'c str),
}

impl Token<'_> {
    /// Text of nothing but white space (a carriage return is a reference here).
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Token::Text(text) if is_blank(text))
    }

    pub(super) fn is_tag(&self) -> bool {
        matches!(self, Token::Start { .. } | Token::End(_))
    }
}

pub(super) fn is_blank(text: &str) -> bool {
    text.replace("&#xD;", "").bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n'))
}

/// Reads canonical octets; `None` where they are not such.
pub(super) fn read(octets: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut rest = std::str::from_utf8(octets).ok()?;
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let (token, after) = next(rest)?;
        tokens.push(token);
        rest = after;
    }
    Some(tokens)
}

fn next(rest: &str) -> Option<(Token<'_>, &str)> {
    let cut = |end: usize| rest.split_at_checked(end);
    if !rest.starts_with('<') {
        let (text, after) = cut(rest.find('<').unwrap_or(rest.len()))?;
        return Some((Token::Text(text.into()), after));
    }
    if rest.starts_with("<!--") {
        let (text, after) = cut(rest.find("-->")? + 3)?;
        return Some((Token::Other(text), after));
    }
    if rest.starts_with("<?") {
        let (text, after) = cut(rest.find("?>")? + 2)?;
        return Some((Token::Other(text), after));
    }
    if let Some(inner) = rest.strip_prefix("</") {
        let (name, after) = inner.split_once('>')?;
        return Some((Token::End(name.into()), after));
    }
    let inner = rest.strip_prefix('<')?;
    let (name, mut inner) = inner.split_at_checked(inner.find([' ', '>'])?)?;
    let mut pairs = Vec::new();
    while let Some(attribute) = inner.strip_prefix(' ') {
        let (key, value) = attribute.split_once("=\"")?;
        let (value, after) = value.split_once('"')?;
        pairs.push((key.into(), value.into()));
        inner = after;
    }
    Some((Token::Start { name: name.into(), pairs }, inner.strip_prefix('>')?))
}

/// Writes tokens.
pub(super) fn write(tokens: &[Token<'_>]) -> Vec<u8> {
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Start { name, pairs } => {
                out.push('<');
                out.push_str(name);
                for (key, value) in pairs {
                    for part in [" ", key, "=\"", value, "\""] {
                        out.push_str(part);
                    }
                }
                out.push('>');
            }
            Token::End(name) => {
                for part in ["</", name, ">"] {
                    out.push_str(part);
                }
            }
            Token::Text(text) => out.push_str(text),
            Token::Other(text) => out.push_str(text),
        }
    }
    out.into_bytes()
}

/// The first start tag's pairs.
pub(super) fn apex<'t, 'c>(tokens: &'t mut [Token<'c>]) -> Option<&'t mut Vec<Pair<'c>>> {
    tokens.iter_mut().find_map(|token| match token {
        Token::Start { pairs, .. } => Some(pairs),
        _ => None,
    })
}

/// Whether a pair declares a namespace.
pub(super) fn declares(pair: &Pair<'_>) -> bool {
    pair.0 == "xmlns" || pair.0.starts_with("xmlns:")
}

/// Puts declarations first, by prefix; attributes keep their order.
pub(super) fn sort_declarations(pairs: &mut [Pair<'_>]) {
    pairs.sort_by(|a, b| match (declares(a), declares(b)) {
        (true, true) => a.0.cmp(&b.0),
        (x, y) => y.cmp(&x),
    });
}
