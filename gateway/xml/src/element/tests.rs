//! Walking a document.

#![allow(clippy::string_slice)]

use super::*;
use crate::Limits;

const ORDER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<c:Message xmlns:c="urn:c" xmlns:x="urn:x" guid="G1" x:note="n">
  <c:Order><c:no>1</c:no></c:Order>
  <!-- between -->
  <c:Order xmlns="urn:d" xmlns:x="urn:y"><c:no>2</c:no><c:no/><item x:k="v"/></c:Order>
  <Order xmlns="">a&amp;<b>b</b><![CDATA[<c>]]><!-- no --><?no no?> d</Order>
</c:Message>"#;

fn document() -> Document {
    Document::parse(ORDER.as_bytes().to_vec(), &Limits::default()).unwrap()
}

#[test]
fn names_and_attributes() {
    let document = document();
    let root = document.root();
    assert_eq!(root.name(), Name { prefix: "c", local: "Message", namespace: "urn:c" });
    assert_eq!(root.name().to_string(), "c:Message");
    assert!(root.is("urn:c", "Message") && !root.is("", "Message") && !root.is("urn:c", "message"));
    assert_eq!(root.attribute("", "guid"), Some("G1"));
    assert_eq!(root.attribute("urn:x", "note"), Some("n"));
    assert_eq!(root.attribute("urn:c", "guid"), None, "no default namespace for attributes");
    assert_eq!(root.attributes().count(), 2);
    assert_eq!(root.attribute_list().len(), 2);
}

#[test]
fn children_parents_and_siblings() {
    let document = document();
    let root = document.root();
    let names: Vec<String> = root.children().map(|child| child.name().to_string()).collect();
    assert_eq!(names, ["c:Order", "c:Order", "Order"]);
    assert_eq!(root.children_named("urn:c", "Order").count(), 2);
    assert_eq!(root.child("", "Order").unwrap().children().count(), 1);
    assert!(root.child("urn:c", "None").is_none());
    let second = root.children().nth(1).unwrap();
    assert_eq!(second.parent(), Some(root));
    assert_eq!(root.parent(), None);
    assert!(second.child("urn:d", "item").is_some(), "default namespace for elements");
    let mut children = root.children();
    assert_eq!(children.by_ref().count(), 3);
    assert!(children.next().is_none(), "stays at its end");
    assert_eq!(second.ancestors().count(), 2);
}

#[test]
fn text_is_that_of_all_inside_without_comments() {
    let document = document();
    let order = document.root().child("", "Order").unwrap();
    assert_eq!(order.text(), "a&b<c> d");
    let number = document.root().children().next().unwrap().child("urn:c", "no").unwrap();
    assert!(matches!(number.text(), Cow::Borrowed("1")));
    let empty = document.root().children().nth(1).unwrap().children().nth(1).unwrap();
    assert!(matches!(empty.text(), Cow::Borrowed("")));
}

#[test]
fn spans_positions_and_paths() {
    let document = document();
    let root = document.root();
    let order = root.children().nth(1).unwrap();
    let source = document.source();
    assert!(source[order.span()].starts_with("<c:Order xmlns=\"urn:d\""));
    assert!(source[order.span()].ends_with("<item x:k=\"v\"/></c:Order>"));
    let empty = order.children().nth(1).unwrap();
    assert_eq!(&source[empty.span()], "<c:no/>");
    assert_eq!((order.position().line, order.position().column), (5, 3));
    assert_eq!(order.position().byte, order.span().start);
    assert_eq!(root.path(), "/c:Message");
    assert_eq!(empty.path(), "/c:Message/c:Order[2]/c:no[2]");
    assert_eq!(order.child("urn:d", "item").unwrap().path(), "/c:Message/c:Order[2]/item");
    assert_eq!(root.child("", "Order").unwrap().path(), "/c:Message/Order");
}

#[test]
fn namespaces_in_scope() {
    let document = document();
    let root = document.root();
    assert_eq!(root.in_scope_namespaces(), [("c", "urn:c"), ("x", "urn:x")]);
    let item = root.children().nth(1).unwrap().child("urn:d", "item").unwrap();
    assert_eq!(item.in_scope_namespaces(), [("", "urn:d"), ("c", "urn:c"), ("x", "urn:y")]);
    assert_eq!(item.attribute("urn:y", "k"), Some("v"));
    let plain = root.child("", "Order").unwrap();
    assert_eq!(plain.in_scope_namespaces(), [("c", "urn:c"), ("x", "urn:x")]);
    assert_eq!(item.namespace_of("x"), Some("urn:y"));
    assert_eq!(item.namespace_of(""), Some("urn:d"));
    assert_eq!(plain.namespace_of(""), None, "taken back");
    assert_eq!(plain.namespace_of("y"), None);
    assert_eq!(plain.namespace_of("xml"), Some(XML_NAMESPACE));
}

#[test]
fn an_element_is_found_from_any_event_inside() {
    let document = document();
    for (index, event) in document.events().iter().enumerate() {
        let element = document.element(EventIndex(index as u32));
        let inside = element.index().0 <= index as u32 && index as u32 <= element.end_index().0;
        assert!(inside, "{event:?}");
        if matches!(event, Event::Start { .. }) {
            assert_eq!(element.index().0, index as u32);
        }
        if let Event::Comment { value, .. } = event
            && document.value(value) == " no "
        {
            assert_eq!(element.name().local, "Order");
        }
    }
    assert_eq!(document.element(EventIndex(9999)), document.root());
    assert!(document.event(EventIndex(9999)).is_none());
}
