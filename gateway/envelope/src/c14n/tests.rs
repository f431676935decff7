//! Exact octets for the rules of both Recommendations, on cases of our own, and
//! properties over generated documents.

#![allow(clippy::string_slice)]

use onepoint_xml::{Document, Limits};
use proptest::prelude::*;

use super::*;
use crate::generated;

fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn octets(document: &Document, selection: &Selection, method: &Method) -> String {
    let mut out = Vec::new();
    canonicalize(document, selection, method, &mut |run| out.extend_from_slice(run));
    String::from_utf8(out).unwrap()
}

fn whole(xml: &str, method: &Method) -> String {
    octets(&parse(xml), &Selection::document(), method)
}

/// Inclusive canonical form of a document.
fn inclusive(xml: &str) -> String {
    whole(xml, &Method::Inclusive10)
}

fn exclusive(xml: &str, prefixes: &str) -> String {
    whole(xml, &Method::Exclusive(PrefixList::parse(prefixes).unwrap()))
}

/// The first element with this local name.
fn find(document: &Document, local: &str) -> EventIndex {
    let mut indices = (0..document.events().len() as u32).map(EventIndex);
    indices
        .find(|at| {
            let element = document.element(*at);
            element.index() == *at && element.name().local == local
        })
        .unwrap()
}

/// The canonical form of the subtree of the first element with this local name.
fn subtree(xml: &str, local: &str, method: &Method) -> String {
    let document = parse(xml);
    octets(&document, &Selection::subtree(find(&document, local)), method)
}

#[test]
fn comments_and_instructions_around_the_root_stand_on_their_own_lines() {
    let xml = "\u{feff}<?xml version='1.0'?>\n\n<!--一-->  <?go   left  ?>\n<a>\n<!--二--><?go?></a>  \n<?end now?>\n\n<!--三-->\n";
    assert_eq!(
        whole(xml, &Method::Inclusive10WithComments),
        "<!--一-->\n<?go left  ?>\n<a>\n<!--二--><?go?></a>\n<?end now?>\n<!--三-->"
    );
    assert_eq!(inclusive(xml), "<?go left  ?>\n<a>\n<?go?></a>\n<?end now?>");
    let all = Method::ExclusiveWithComments(PrefixList::default());
    assert_eq!(whole(xml, &all), whole(xml, &Method::Inclusive10WithComments));
}

#[test]
fn white_space_between_tags_stays_and_inside_tags_goes() {
    let xml = "<a  >\n  <b   x = '1'\n y=\"2\" />\t<c></c  >\n</a >";
    assert_eq!(inclusive(xml), "<a>\n  <b x=\"1\" y=\"2\"></b>\t<c></c>\n</a>");
}

#[test]
fn values_are_escaped_as_the_recommendation_says() {
    let xml = "<a q='&quot;&apos;&lt;&gt;&amp;&#9;&#10;&#13;\t.'>&quot;'&lt;&gt;&amp;&#13;&#9;\r\n<![CDATA[a & b < c > d]]>&#x4E2D;\u{20000}</a>";
    assert_eq!(
        inclusive(xml),
        "<a q=\"&quot;'&lt;>&amp;&#x9;&#xA;&#xD; .\">\"'&lt;&gt;&amp;&#xD;\t\na &amp; b &lt; c &gt; d中\u{20000}</a>"
    );
}

#[test]
fn declarations_come_first_by_prefix_and_attributes_by_namespace() {
    let xml = "<a z='1' b:z='2' a:z='3' y='4' xml:lang='5' xmlns:b='urn:1' xmlns:a='urn:2' xmlns='urn:3'/>";
    assert_eq!(
        inclusive(xml),
        "<a xmlns=\"urn:3\" xmlns:a=\"urn:2\" xmlns:b=\"urn:1\" y=\"4\" z=\"1\" xml:lang=\"5\" b:z=\"2\" a:z=\"3\"></a>"
    );
    // Code points decide, as UTF-8 does: U+FF21 before U+20000, which UTF-16 would turn round.
    let xml = "<a \u{20000}='1' \u{ff21}='2' b='3'/>";
    assert_eq!(inclusive(xml), "<a b=\"3\" \u{ff21}=\"2\" \u{20000}=\"1\"></a>");
}

#[test]
fn inclusive_leaves_out_what_an_ancestor_said() {
    let xml = "<a xmlns:p='urn:1' xmlns='urn:d'><b xmlns:p='urn:1' xmlns='urn:d'>\
               <c xmlns:p='urn:2'><d xmlns:p='urn:1'/></c></b><e xmlns:p='urn:2'/></a>";
    assert_eq!(
        inclusive(xml),
        "<a xmlns=\"urn:d\" xmlns:p=\"urn:1\"><b><c xmlns:p=\"urn:2\"><d xmlns:p=\"urn:1\"></d></c>\
         </b><e xmlns:p=\"urn:2\"></e></a>"
    );
}

#[test]
fn an_empty_default_namespace_is_written_only_where_it_takes_one_back() {
    let xml = "<a xmlns=''><b xmlns='urn:d'><c xmlns=''><d xmlns=''/><e xmlns='urn:d'/></c></b><f xmlns=''/></a>";
    let canonical =
        "<a><b xmlns=\"urn:d\"><c xmlns=\"\"><d></d><e xmlns=\"urn:d\"></e></c></b><f></f></a>";
    assert_eq!(inclusive(xml), canonical);
    assert_eq!(exclusive(xml, ""), canonical);
    assert_eq!(exclusive(xml, "#default"), canonical);
}

#[test]
fn the_xml_prefix_is_never_declared() {
    let xml = "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:space='preserve'/>";
    for canonical in [inclusive(xml), exclusive(xml, ""), exclusive(xml, "xml")] {
        assert_eq!(canonical, "<a xml:space=\"preserve\"></a>");
    }
}

const NESTED: &str = "<a:a xmlns:a='urn:a' xmlns:b='urn:b' xmlns='urn:d' xml:lang='zh' xml:base='urn:base' b:x='1'>\
    <m xmlns:b='urn:b2' xmlns='' xml:lang='en'><a:c xml:lang='fr'>t<x/></a:c><y b:y='2'/></m></a:a>";

#[test]
fn the_apex_of_an_inclusive_subtree_says_what_its_ancestors_said() {
    assert_eq!(
        subtree(NESTED, "m", &Method::Inclusive10),
        "<m xmlns:a=\"urn:a\" xmlns:b=\"urn:b2\" xml:base=\"urn:base\" xml:lang=\"en\">\
         <a:c xml:lang=\"fr\">t<x></x></a:c><y b:y=\"2\"></y></m>"
    );
    assert_eq!(
        subtree(NESTED, "c", &Method::Inclusive10),
        "<a:c xmlns:a=\"urn:a\" xmlns:b=\"urn:b2\" xml:base=\"urn:base\" xml:lang=\"fr\">t<x></x></a:c>"
    );
    // The nearest ancestor's value is the one that is inherited.
    assert_eq!(
        subtree(NESTED, "x", &Method::Inclusive10),
        "<x xmlns:a=\"urn:a\" xmlns:b=\"urn:b2\" xml:base=\"urn:base\" xml:lang=\"fr\"></x>"
    );
}

#[test]
fn version_11_joins_bases_and_inherits_no_id() {
    let xml = "<a xml:id='i' xml:base='http://example.com/x/y' xml:lang='zh' xml:space='preserve'>\
               <b xml:base='../z/'><c xml:base='q'><e xml:id='e'/></c><d/></b><f xml:base=''/></a>";
    let at = |local| subtree(xml, local, &Method::Inclusive11);
    assert_eq!(
        at("e"),
        "<e xml:base=\"http://example.com/z/q\" xml:id=\"e\" xml:lang=\"zh\" xml:space=\"preserve\"></e>"
    );
    assert_eq!(
        at("c"),
        "<c xml:base=\"http://example.com/z/q\" xml:lang=\"zh\" xml:space=\"preserve\"><e xml:id=\"e\"></e></c>"
    );
    assert!(at("d").starts_with("<d xml:base=\"http://example.com/z/\""));
    assert!(at("f").starts_with("<f xml:base=\"http://example.com/x/y\""));
    // 1.0 takes the nearest value of each as it stands, the Id too.
    let old = subtree(xml, "d", &Method::Inclusive10);
    assert!(old.starts_with("<d xml:base=\"../z/\" xml:id=\"i\" xml:lang=\"zh\""), "{old}");
    // One value alone is not touched, and an empty joined one is not written.
    let one = "<a xml:base='../x/./y'><b/></a>";
    assert_eq!(subtree(one, "b", &Method::Inclusive11), "<b xml:base=\"../x/./y\"></b>");
    let empty = "<a xml:base='x/'><b xml:base='..'/></a>";
    assert_eq!(subtree(empty, "b", &Method::Inclusive11), "<b></b>");
    // A whole document is the same in both versions.
    for xml in [xml, one, empty, NESTED] {
        assert_eq!(whole(xml, &Method::Inclusive11), inclusive(xml));
        let both = [Method::Inclusive11WithComments, Method::Inclusive10WithComments];
        assert_eq!(whole(xml, &both[0]), whole(xml, &both[1]));
    }
}

#[test]
fn white_space_after_the_omitted_element_can_go() {
    let xml = "<a>\n<s>x</s> \n\t<!-- - --> <b/></a>";
    let document = parse(xml);
    let selection = Selection::document().without(find(&document, "s"));
    assert_eq!(octets(&document, &selection, &Method::Inclusive10), "<a>\n \n\t <b></b></a>");
    let selection = selection.without_space();
    assert_eq!(octets(&document, &selection, &Method::Inclusive10), "<a>\n <b></b></a>");
    // Text that is more than white space stays whole.
    let document = parse("<a><s/> x</a>");
    let selection = Selection::document().without(find(&document, "s")).without_space();
    assert_eq!(octets(&document, &selection, &Method::Inclusive10), "<a> x</a>");
}

#[test]
fn exclusive_writes_what_a_tag_uses_visibly() {
    assert_eq!(
        exclusive(NESTED, ""),
        "<a:a xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" xml:base=\"urn:base\" xml:lang=\"zh\" b:x=\"1\">\
         <m xml:lang=\"en\"><a:c xml:lang=\"fr\">t<x></x></a:c><y xmlns:b=\"urn:b2\" b:y=\"2\"></y></m></a:a>"
    );
    let none = Method::Exclusive(PrefixList::default());
    // Nothing of the ancestors' xml: attributes, and no unused prefix.
    assert_eq!(
        subtree(NESTED, "m", &none),
        "<m xml:lang=\"en\"><a:c xmlns:a=\"urn:a\" xml:lang=\"fr\">t<x></x></a:c>\
         <y xmlns:b=\"urn:b2\" b:y=\"2\"></y></m>"
    );
    // A prefix bound to something else in between, and back again, is not said again.
    let xml =
        "<p:a xmlns:p='urn:1'><b xmlns:p='urn:2'><p:c xmlns:p='urn:1'/><p:d/></b><p:e/></p:a>";
    assert_eq!(
        exclusive(xml, ""),
        "<p:a xmlns:p=\"urn:1\"><b><p:c></p:c><p:d xmlns:p=\"urn:2\"></p:d></b><p:e></p:e></p:a>"
    );
    // Siblings each say what they use.
    let xml = "<a xmlns:p='urn:1'><p:b/><p:b/><c p:x='1' x='2'/></a>";
    assert_eq!(
        exclusive(xml, ""),
        "<a><p:b xmlns:p=\"urn:1\"></p:b><p:b xmlns:p=\"urn:1\"></p:b>\
         <c xmlns:p=\"urn:1\" x=\"2\" p:x=\"1\"></c></a>"
    );
}

#[test]
fn exclusive_treats_listed_prefixes_inclusively() {
    assert_eq!(
        exclusive(NESTED, " b\t#default\r\n"),
        "<a:a xmlns=\"urn:d\" xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" xml:base=\"urn:base\" xml:lang=\"zh\" b:x=\"1\">\
         <m xmlns=\"\" xmlns:b=\"urn:b2\" xml:lang=\"en\"><a:c xml:lang=\"fr\">t<x></x></a:c>\
         <y b:y=\"2\"></y></m></a:a>"
    );
    let list = Method::Exclusive(PrefixList::parse("b a #default").unwrap());
    assert_eq!(subtree(NESTED, "x", &list), "<x xmlns:a=\"urn:a\" xmlns:b=\"urn:b2\"></x>");
}

#[test]
fn an_omitted_subtree_leaves_its_surroundings_as_they_are() {
    let document =
        parse("<a xmlns='urn:d'>1<!--c--><s xmlns:p='urn:p'>2<s/></s>\n<p:b xmlns:p='urn:p'/></a>");
    let selection = Selection::document().without(find(&document, "s"));
    let rest = "<a xmlns=\"urn:d\">1\n<p:b xmlns:p=\"urn:p\"></p:b></a>";
    assert_eq!(octets(&document, &selection, &Method::Inclusive10), rest);
    let within = Selection::subtree(document.root().index()).without(find(&document, "s"));
    assert_eq!(octets(&document, &within, &Method::Inclusive10), rest);
}

#[test]
fn hundreds_of_prefixes_are_kept_apart() {
    let declared: String = (0..200).map(|n| format!(" xmlns:p{n}='urn:{n}'")).collect();
    let again: String = (0..200).map(|n| format!(" xmlns:p{n}='urn:{}'", n % 2 * n)).collect();
    let xml = format!("<a{declared}><b{again}><c{declared}/></b><d{declared}/></a>");
    let mut changed: Vec<String> =
        (1..200).filter(|n| n % 2 == 0).map(|n| format!("p{n}")).collect();
    changed.sort();
    let mut all: Vec<String> = (0..200).map(|n| format!("p{n}")).collect();
    all.sort();
    let first: String = all.iter().map(|p| format!(" xmlns:{p}=\"urn:{}\"", &p[1..])).collect();
    let second: String = changed.iter().map(|p| format!(" xmlns:{p}=\"urn:0\"")).collect();
    let third: String = changed.iter().map(|p| format!(" xmlns:{p}=\"urn:{}\"", &p[1..])).collect();
    assert_eq!(inclusive(&xml), format!("<a{first}><b{second}><c{third}></c></b><d></d></a>"));
}

#[test]
fn methods_are_known_by_their_identifiers() {
    for uri in [
        INCLUSIVE,
        INCLUSIVE_WITH_COMMENTS,
        INCLUSIVE_11,
        INCLUSIVE_11_WITH_COMMENTS,
        EXCLUSIVE,
        EXCLUSIVE_WITH_COMMENTS,
    ] {
        let method = Method::from_uri(uri).unwrap();
        assert_eq!(method.uri(), uri);
        assert_eq!(method.with_comments(), uri.ends_with("#WithComments"));
        assert!(!method.clone().without_comments().with_comments());
        assert_eq!(method.prefixes().is_some(), uri.contains("exc-c14n"));
    }
    assert_eq!(Method::from_uri("http://www.w3.org/2010/xml-c14n2"), None);
}

#[test]
fn prefix_lists_are_bounded() {
    let long = vec!["p"; MAX_PREFIXES].join(" ");
    assert_eq!(PrefixList::parse(&long).unwrap().to_string(), long);
    assert_eq!(PrefixList::parse(&format!("{long} q")), None);
    assert_eq!(PrefixList::parse("  a #default\n").unwrap().to_string(), "a #default");
}

/// All methods, exclusive ones with and without a list.
fn methods() -> Vec<Method> {
    let list = || PrefixList::parse("a #default").unwrap();
    vec![
        Method::Inclusive10,
        Method::Inclusive10WithComments,
        Method::Exclusive(PrefixList::default()),
        Method::Exclusive(list()),
        Method::ExclusiveWithComments(list()),
    ]
}

proptest! {
    /// The canonical form is its own canonical form, and says the same as the document.
    #[test]
    fn canonical_is_canonical(xml in generated::document()) {
        for method in methods() {
            let once = whole(&xml, &method);
            prop_assert_eq!(&whole(&once, &method), &once);
        }
        let (document, again) = (parse(&xml), parse(&inclusive(&xml)));
        prop_assert_eq!(document.root().text(), again.root().text());
    }

    /// The subtree of the root is the document without what stands around the root.
    #[test]
    fn root_subtree_is_the_document(xml in generated::document()) {
        let document = parse(&xml);
        for method in methods() {
            let all = octets(&document, &Selection::document(), &method);
            let root = Selection::subtree(document.root().index());
            prop_assert!(all.contains(&octets(&document, &root, &method)));
        }
    }

    /// An exclusive form with every prefix listed is the inclusive form.
    #[test]
    fn all_prefixes_listed_is_inclusive(xml in generated::document()) {
        prop_assert_eq!(exclusive(&xml, "r a b 中 #default"), inclusive(&xml));
    }
}
