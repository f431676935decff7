//! What the pass takes and refuses: each code with its place, and each rule that changes
//! a value.

#![allow(clippy::string_slice)]

use super::*;

fn read(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec(), &Limits::default())
        .unwrap_or_else(|error| panic!("{text:?}: {} {error}", error.code()))
}

fn refused_under(text: &str, limits: &Limits) -> XmlError {
    match Document::parse(text.as_bytes().to_vec(), limits) {
        Ok(_) => panic!("accepted: {text:?}"),
        Err(error) => error,
    }
}

fn refused(text: &str) -> XmlError {
    refused_under(text, &Limits::default())
}

/// Code, document, line and column, path.
type Case = (&'static str, &'static str, (u32, u32), &'static str);

#[track_caller]
fn assert_refused(cases: &[Case]) {
    for (code, text, (line, column), path) in cases {
        let error = refused(text);
        let place = (error.position().line, error.position().column);
        assert_eq!((error.code(), place), (*code, (*line, *column)), "{text:?}: {error}");
        assert_eq!(error.path(), *path, "{text:?}");
        for said in [error.en(), error.zh(), error.expected()] {
            assert!(
                !said.is_empty() && !said.starts_with("xml-") && !said.ends_with('.'),
                "{said}"
            );
        }
        assert!(!error.zh().is_ascii(), "{}", error.zh());
    }
}

#[test]
fn input_that_ends_too_early_says_what_is_missing() {
    assert_refused(&[
        ("xml-truncated", "<a>\n<b>text", (2, 8), "/a/b"),
        ("xml-truncated", "<a><b></b>", (1, 11), "/a"),
        ("xml-truncated", "<a><b", (1, 6), "/a"),
        ("xml-truncated", "<a><", (1, 5), "/a"),
        ("xml-truncated", "<a></a", (1, 7), "/a"),
        ("xml-truncated", "<a b=\"c", (1, 8), ""),
        ("xml-truncated", "<a b='c", (1, 8), ""),
        ("xml-truncated", "<a><!-- c", (1, 10), "/a"),
        ("xml-truncated", "<a><!-", (1, 7), "/a"),
        ("xml-truncated", "<a><![CDATA[ c]]", (1, 17), "/a"),
        ("xml-truncated", "<a><![CDA", (1, 10), "/a"),
        ("xml-truncated", "<a><?p d", (1, 9), "/a"),
        ("xml-truncated", "<?xml version='1.0'", (1, 20), ""),
    ]);
    assert_eq!(refused("<a><b>").expected(), "</b>");
    assert_eq!(refused("<a b='c").expected(), "'");
    // The quote is missing far before the end.
    assert_refused(&[("xml-tag-malformed", "<a>\n<b c=\"d></b></a>", (2, 1), "/a")]);
}

#[test]
fn doctypes_and_entities_are_refused() {
    assert_refused(&[
        ("xml-doctype-forbidden", "<!DOCTYPE a><a/>", (1, 1), ""),
        (
            "xml-doctype-forbidden",
            "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            (2, 1),
            "",
        ),
        ("xml-doctype-forbidden", "<!DOCTYPE a [", (1, 1), ""),
        ("xml-doctype-forbidden", "<!doctype html><html/>", (1, 1), ""),
        ("xml-doctype-forbidden", "<!DOCTYPE>", (1, 1), ""),
        ("xml-doctype-forbidden", "<a><!DOCTYPE b></a>", (1, 4), "/a"),
        ("xml-entity-undeclared", "<a>x&nbsp;</a>", (1, 5), "/a"),
        ("xml-entity-undeclared", "<a b='&e;'/>", (1, 7), ""),
        ("xml-ampersand-bare", "<a>A & B</a>", (1, 6), "/a"),
        ("xml-ampersand-bare", "<a>A&B</a>", (1, 5), "/a"),
        ("xml-ampersand-bare", "<a>A&;</a>", (1, 5), "/a"),
        ("xml-ampersand-bare", "<a>A& &amp;</a>", (1, 5), "/a"),
        ("xml-ampersand-bare", "<a b='A & B'/>", (1, 9), ""),
        ("xml-ampersand-bare", "<a b='A &'/>", (1, 9), ""),
        ("xml-ampersand-bare", "<a>&", (1, 4), "/a"),
    ]);
}

#[test]
fn characters_and_their_references_are_checked() {
    assert_refused(&[
        ("xml-character-forbidden", "<a>\n\u{1}</a>", (2, 1), ""),
        ("xml-character-forbidden", "<a b='\u{FFFE}'/>", (1, 7), ""),
        ("xml-character-forbidden", "<a><!--\u{FFFF}--></a>", (1, 8), ""),
        ("xml-character-forbidden", "<a>\0</a>", (1, 4), ""),
        ("xml-character-reference-invalid", "<a>&#0;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#x1F;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#xD800;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#xFFFE;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#x110000;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#4294967361;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#x;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#X41;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#4 1;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a>&#+1;</a>", (1, 4), "/a"),
        ("xml-character-reference-invalid", "<a b='&#1;'/>", (1, 7), ""),
        ("xml-cdata-end-in-text", "<a>x]]>y</a>", (1, 5), "/a"),
        ("xml-cdata-end-in-text", "<a>&amp;]]></a>", (1, 9), "/a"),
    ]);
}

#[test]
fn tags_and_attributes_are_checked() {
    assert_refused(&[
        ("xml-name-invalid", "<1a/>", (1, 2), ""),
        ("xml-name-invalid", "<a><b/c></a>", (1, 5), "/a"),
        ("xml-name-invalid", "<a 1b='c'/>", (1, 4), ""),
        ("xml-name-invalid", "<a b='c' <d>", (1, 10), ""),
        ("xml-name-invalid", "<a / >", (1, 4), ""),
        ("xml-tag-malformed", "<a>1 < 2</a>", (1, 6), "/a"),
        ("xml-tag-malformed", "<>", (1, 1), ""),
        ("xml-tag-malformed", "<a b='c'd='e'/>", (1, 9), ""),
        ("xml-tag-malformed", "<a b/>", (1, 5), ""),
        ("xml-tag-malformed", "<a b>", (1, 5), ""),
        ("xml-tag-malformed", "<a b=c/>", (1, 6), ""),
        ("xml-tag-malformed", "<a b= />", (1, 7), ""),
        ("xml-less-than-in-attribute", "<a b='x<y'/>", (1, 8), ""),
        ("xml-attribute-duplicate", "<a b='1' b='2'/>", (1, 10), ""),
        ("xml-attribute-duplicate", "<a xmlns:p='u' xmlns:p='u'/>", (1, 16), ""),
        ("xml-attribute-duplicate", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", (1, 36), ""),
        ("xml-end-tag-mismatch", "<a><b></a>", (1, 7), "/a/b"),
        ("xml-end-tag-mismatch", "<a></A>", (1, 4), "/a"),
        ("xml-end-tag-mismatch", "<a></ab>", (1, 4), "/a"),
        ("xml-end-tag-mismatch", "<a></ a>", (1, 4), "/a"),
        ("xml-end-tag-mismatch", "<a></a b='c'>", (1, 4), "/a"),
        ("xml-end-tag-mismatch", "<a></>", (1, 4), "/a"),
        ("xml-end-tag-unexpected", "<a/></a>", (1, 5), ""),
        ("xml-end-tag-unexpected", "</a>", (1, 1), ""),
    ]);
    let error = refused("<a><b></c></a>");
    assert_eq!(error.expected(), "</b>");
    assert_eq!(error.en(), "end tag </c> where </b> was expected");
}

#[test]
fn namespaces_are_checked() {
    let rules = "xml-namespace-declaration-invalid";
    assert_refused(&[
        ("xml-prefix-undeclared", "<p:a/>", (1, 2), ""),
        ("xml-prefix-undeclared", "<a p:b='c'/>", (1, 4), ""),
        ("xml-prefix-undeclared", "<a><b xmlns:p='u'/><p:b/></a>", (1, 21), "/a"),
        ("xml-qualified-name-invalid", "<a:b:c/>", (1, 2), ""),
        ("xml-qualified-name-invalid", "<:a/>", (1, 2), ""),
        ("xml-qualified-name-invalid", "<a:/>", (1, 2), ""),
        ("xml-qualified-name-invalid", "<a xmlns:='u'/>", (1, 4), ""),
        (rules, "<a xmlns:p=''/>", (1, 4), ""),
        (rules, "<a xmlns:xml='u'/>", (1, 4), ""),
        (rules, "<a xmlns:xmlns='u'/>", (1, 4), ""),
        (rules, "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", (1, 4), ""),
        (rules, "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", (1, 4), ""),
        (rules, "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", (1, 4), ""),
        (rules, "<a xmlns='http://www.w3.org/2000/xmlns/'/>", (1, 4), ""),
        (rules, "<xmlns:a/>", (1, 2), ""),
    ]);
    // Declared after use in the same tag, declared as itself, and bound in its own scope.
    read("<p:a p:b='c' xmlns:p='u'/>");
    read("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='zh'/>");
    read("<a xmlns:p='u'><p:b xmlns:p='v'/><p:b/></a>");
    read("<a xmlns='u' xmlns:p='u' p:b='1' b='2'/>");
}

#[test]
fn what_stands_around_the_root_is_checked() {
    assert_refused(&[
        ("xml-no-root", "<?xml version='1.0'?>\n<!-- c -->", (2, 11), ""),
        ("xml-second-root", "<a/>\n<b/>", (2, 1), ""),
        ("xml-content-outside-root", "text<a/>", (1, 1), ""),
        ("xml-content-outside-root", "<a/>\n text", (2, 2), ""),
        ("xml-content-outside-root", "<a/>&#32;", (1, 5), ""),
        ("xml-content-outside-root", "<a/><![CDATA[]]>", (1, 5), ""),
        ("xml-content-outside-root", "\u{FEFF}\u{FEFF}<a/>", (1, 1), ""),
        ("xml-declaration-misplaced", "\n<?xml version='1.0'?><a/>", (2, 1), ""),
        ("xml-declaration-misplaced", "<a><?xml version='1.0'?></a>", (1, 4), "/a"),
        ("xml-pi-target-reserved", "<?XML version='1.0'?><a/>", (1, 1), ""),
        ("xml-pi-target-reserved", "<a/><?Xml?>", (1, 5), ""),
        ("xml-pi-malformed", "<?p:q?><a/>", (1, 1), ""),
        ("xml-pi-malformed", "<? p?><a/>", (1, 1), ""),
        ("xml-pi-malformed", "<??><a/>", (1, 1), ""),
        ("xml-pi-malformed", "<?p+?><a/>", (1, 1), ""),
        ("xml-comment-double-hyphen", "<!-- a--b --><a/>", (1, 7), ""),
        ("xml-comment-double-hyphen", "<!-- a ---><a/>", (1, 8), ""),
        ("xml-comment-double-hyphen", "<!-----><a/>", (1, 5), ""),
        ("xml-markup-invalid", "<!ELEMENT a ANY><a/>", (1, 1), ""),
        ("xml-markup-invalid", "<a><![INCLUDE[x]]></a>", (1, 4), "/a"),
        ("xml-markup-invalid", "<a><![cdata[x]]></a>", (1, 4), "/a"),
        ("xml-markup-invalid", "<a><!-x--></a>", (1, 4), "/a"),
        ("xml-truncated", "<!--><a/>", (1, 10), ""),
    ]);
}

#[test]
fn the_declaration_is_checked() {
    for (text, column) in [
        ("<?xml?><a/>", 6),
        ("<?xml encoding='UTF-8'?><a/>", 6),
        ("<?xml version=1.0?><a/>", 15),
        ("<?xml version='2.0'?><a/>", 6),
        ("<?xml version='1.'?><a/>", 6),
        ("<?xml version='1.0\"?><a/>", 15),
        ("<?xml version '1.0'?><a/>", 15),
        ("<?xml version='1.0'encoding='UTF-8'?><a/>", 20),
        ("<?xml version='1.0' standalone='true'?><a/>", 20),
        ("<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", 38),
        ("<?xml version='1.0' version='1.0'?><a/>", 21),
    ] {
        let error = refused(text);
        assert_eq!(error.code(), "xml-declaration-malformed", "{text}");
        assert_eq!(error.position().column, column, "{text}: {error}");
    }
    for text in [
        "<?xml version='1.0'?><a/>",
        "<?xml version = \"1.1\" ?><a/>",
        "<?xml\tversion='1.0'\r\nencoding='utf-8' standalone='no' ?>\n<a/>\n",
        "\u{FEFF}<?xml version='1.0' standalone=\"yes\"?><a/>",
    ] {
        read(text);
    }
}

#[test]
fn limits_have_their_codes() {
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    let cases = [
        ("xml-too-large", "<a/>", "<ab/>", limits(|l| l.bytes = 4)),
        ("xml-too-deep", "<a><b/></a>", "<a><b><c/></b></a>", limits(|l| l.depth = 2)),
        (
            "xml-too-many-attributes",
            "<a b='' xmlns:c='u'/>",
            "<a b='' xmlns:c='u' d=''/>",
            limits(|l| l.attributes = 2),
        ),
        ("xml-too-many-events", "<a>x</a>", "<a>x<!----></a>", limits(|l| l.events = 3)),
        ("xml-name-too-long", "<abc/>", "<abcd/>", limits(|l| l.name_bytes = 3)),
        ("xml-name-too-long", "<?abc?><a/>", "<?abcd?><a/>", limits(|l| l.name_bytes = 3)),
        ("xml-too-many-names", "<a><b/><a/></a>", "<a><b/><c/></a>", limits(|l| l.names = 2)),
        (
            "xml-too-many-names",
            "<a><a xmlns='u'><b/></a><a xmlns='v'/></a>",
            "<a><a xmlns='u'><b/></a><a xmlns='v'><b/></a></a>",
            limits(|l| l.names = 4),
        ),
    ];
    for (code, good, bad, limits) in cases {
        assert!(Document::parse(good.into(), &limits).is_ok(), "{code}: {good}");
        let error = refused_under(bad, &limits);
        assert_eq!(error.code(), code, "{bad}");
        assert!(error.en().len() > 3 && !error.zh().is_ascii() && error.expected().len() > 3);
    }
}

/// The events as one line each, to compare.
fn shown(text: &str) -> Vec<String> {
    let document = read(text);
    let show = |event: &Event| match event {
        Event::Start { name, tag, .. } => {
            let mut out = format!("<{}", document.name(*name));
            for declared in document.namespaces(*tag) {
                let (prefix, uri) =
                    (document.value(&declared.prefix), document.value(&declared.uri));
                out += &format!(" xmlns:{prefix}={uri:?}");
            }
            for attribute in document.attributes(*tag) {
                let name = document.name(attribute.name);
                out += &format!(" {name}={:?}", document.value(&attribute.value));
            }
            out
        }
        Event::End { .. } => ">".to_owned(),
        Event::Text { value, cdata, .. } => {
            format!("{}{:?}", if *cdata { "c" } else { "" }, document.value(value))
        }
        Event::Comment { value, .. } => format!("!{:?}", document.value(value)),
        Event::Pi { target, data, .. } => {
            format!("?{} {:?}", document.value(target), document.value(data))
        }
    };
    document.events().iter().map(show).collect()
}

#[test]
fn text_is_normalised_and_expanded() {
    assert_eq!(shown("<a>x\r\ny\rz\r\r\n</a>"), ["<a", "\"x\\ny\\nz\\n\\n\"", ">"]);
    assert_eq!(
        shown("<a>1&lt;2&gt;&amp;&quot;&apos;&#65;&#x42;&#000000000000000067;</a>"),
        ["<a", "\"1<2>&\\\"'ABC\"", ">"]
    );
    assert_eq!(shown("<a>&#13;\r\n&#xD;</a>"), ["<a", "\"\\r\\n\\r\"", ">"], "references stay");
    assert_eq!(shown("<a>&amp;</a>"), ["<a", "\"&\"", ">"]);
    assert_eq!(shown("<a>]]&gt;]] ></a>"), ["<a", "\"]]>]] >\"", ">"]);
    assert_eq!(
        shown("<a>x<![CDATA[<&]] ]>\r\n]]>y<![CDATA[]]></a>"),
        ["<a", "\"x\"", "c\"<&]] ]>\\n\"", "\"y\"", "c\"\"", ">"]
    );
    assert_eq!(shown("<a></a>"), ["<a", ">"]);
}

#[test]
fn attributes_are_normalised_as_cdata() {
    assert_eq!(
        shown("<a b=' x\t\ny\r\nz\r ' c=\"'&quot;&lt;>\" d='&#9;&#10;&#13;&#32;' e=''/>"),
        ["<a b=\" x  y z  \" c=\"'\\\"<>\" d=\"\\t\\n\\r \" e=\"\"", ">"]
    );
    assert_eq!(
        shown("<a xmlns='u&amp;v' xmlns:p='w\nx'><p:b p:c = 'd'\n/></a >"),
        ["<a xmlns:=\"u&v\" xmlns:p=\"w x\"", "<p:b p:c=\"d\"", ">", ">"]
    );
}

#[test]
fn comments_and_instructions_are_kept_everywhere() {
    assert_eq!(
        shown("<?p  a?b ?>\r\n<!---->\n<a><!-- x\r\ny --><?q?></a>\n<!-- - --><?xml-r \r\n?>"),
        ["?p \"a?b \"", "!\"\"", "<a", "!\" x\\ny \"", "?q \"\"", ">", "!\" - \"", "?xml-r \"\""]
    );
}

#[test]
fn events_point_at_each_other_and_into_the_input() {
    let document = read("\u{FEFF}<!--0--><a>1<b c='2'/>&lt;<![CDATA[3]]></a>");
    let source = document.source();
    let spans: Vec<&str> = document.events().iter().map(|event| &source[event.span()]).collect();
    let wanted = ["<!--0-->", "<a>", "1", "<b c='2'/>", "", "&lt;", "<![CDATA[3]]>", "</a>"];
    assert_eq!(spans, wanted);
    let Event::Start { end, parent, tag, .. } = &document.events()[3] else { panic!() };
    assert_eq!((*end, *parent), (EventIndex(4), EventIndex(1)));
    let attribute = &document.attributes(*tag)[0];
    assert_eq!(&source[attribute.span.start as usize..attribute.span.end as usize], "c='2'");
    assert!(matches!(&document.events()[7], Event::End { start: EventIndex(1), .. }));
    assert_eq!(document.root().index(), EventIndex(1));
}

#[test]
fn positions_agree_with_errors() {
    let text = "<a>\r\n订<b/>\rx</a>";
    let document = read(text);
    for byte in (0..=text.len()).filter(|byte| text.is_char_boundary(*byte)) {
        assert_eq!(document.position(byte), Position::find(text, byte));
    }
}

#[test]
fn names_are_interned() {
    let document = read("<a xmlns:p='u' xmlns:q='u'><p:b/><p:b/><q:b/><c/><p:b xmlns:p='v'/></a>");
    let name = |at: usize| match &document.events()[at] {
        Event::Start { name, .. } => *name,
        _ => panic!(),
    };
    assert_eq!(name(1), name(3));
    assert_ne!(name(1), name(5), "another prefix");
    assert_ne!(name(1), name(9), "another namespace");
    assert_eq!(document.name(name(5)).namespace, "u");
    assert_eq!(document.name(name(9)).namespace, "v");
}
