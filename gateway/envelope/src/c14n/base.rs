//! Joining `xml:base` values of ancestors that are not written (Canonical XML 1.1
//! section 2.4). In: the value of the outer element and of the inner one. Out: one value
//! that means the same. Promised: RFC 3986 section 5.2 with the changes of the
//! Recommendation: relative values stay relative, leading `..` stay, `//` becomes `/`,
//! a last `..` gets a `/`, fragments go.

/// A URI reference without its fragment.
struct Parts<'u> {
    scheme: Option<&'u str>,
    authority: Option<&'u str>,
    path: &'u str,
    query: Option<&'u str>,
}

/// What `inner` means below `outer`.
pub(super) fn join(outer: &str, inner: &str) -> String {
    let (base, given) = (split(outer), split(inner));
    if given.scheme.is_some() {
        return text(given.scheme, given.authority, &without_dots(given.path), given.query);
    }
    if given.authority.is_some() {
        return text(base.scheme, given.authority, &without_dots(given.path), given.query);
    }
    let (path, query) = match given.path {
        "" => (without_dots(base.path), given.query.or(base.query)),
        absolute if absolute.starts_with('/') => (without_dots(absolute), given.query),
        relative => (without_dots(&merged(&base, relative)), given.query),
    };
    text(base.scheme, base.authority, &path, query)
}

fn split(uri: &str) -> Parts<'_> {
    let uri = uri.split_once('#').map_or(uri, |(before, _)| before);
    let (uri, query) =
        uri.split_once('?').map_or((uri, None), |(before, query)| (before, Some(query)));
    let (scheme, rest) = match uri.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && !scheme.contains('/') => (Some(scheme), rest),
        _ => (None, uri),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(authority), path)
        }
        None => (None, rest),
    };
    Parts { scheme, authority, path, query }
}

/// The relative path in the folder of the base.
fn merged(base: &Parts<'_>, relative: &str) -> String {
    if base.authority.is_some() && base.path.is_empty() {
        return format!("/{relative}");
    }
    let ends_up = base.path == ".." || base.path.ends_with("/..");
    let folder = match base.path.rsplit_once('/') {
        _ if ends_up => format!("{}/", base.path),
        Some((folder, _)) => format!("{folder}/"),
        None => String::new(),
    };
    format!("{folder}{relative}")
}

fn without_dots(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut folder = false;
    for segment in path.split('/') {
        folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => match kept.last() {
                Some(last) if *last != ".." => {
                    kept.pop();
                }
                _ if absolute => {}
                _ => kept.push(".."),
            },
            other => kept.push(other),
        }
    }
    let mut path = kept.join("/");
    if folder && !path.is_empty() {
        path.push('/');
    }
    if absolute { format!("/{path}") } else { path }
}

fn text(scheme: Option<&str>, authority: Option<&str>, path: &str, query: Option<&str>) -> String {
    let scheme = scheme.map(|scheme| format!("{scheme}:")).unwrap_or_default();
    let authority = authority.map(|authority| format!("//{authority}")).unwrap_or_default();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}{authority}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn values_join_as_the_recommendation_says() {
        for (outer, inner, joined) in [
            ("http://a/b/c/d;p?q", "g", "http://a/b/c/g"),
            ("http://a/b/c/d;p?q", "../../g", "http://a/g"),
            ("http://a/b/c/d;p?q", "../../../g", "http://a/g"),
            ("http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"),
            ("http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"),
            ("http://a/b/c/d;p?q", "//g", "http://g"),
            ("http://a/b/c/d;p?q", "/g", "http://a/g"),
            ("http://a/b/c/d;p?q", "urn:x", "urn:x"),
            ("http://a/b/c/d;p?q", "g#s", "http://a/b/c/g"),
            ("http://a", "g", "http://a/g"),
            ("a/b/c", "d", "a/b/d"),
            ("a/", "../../b", "../b"),
            ("..", "x", "../x"),
            ("../..", "..", "../../../"),
            ("a//b", "c", "a/c"),
            ("x/y/", "..", "x/"),
            ("x", "..", "../"),
            ("/x", "..", "/"),
            ("x/", ".", "x/"),
            ("x/", "..", ""),
        ] {
            assert_eq!(join(outer, inner), joined, "{outer} {inner}");
        }
    }
}
