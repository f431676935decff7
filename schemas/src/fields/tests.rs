//! Fields: what is listed of a schema, and what is passed over.

use std::sync::Arc;

use super::*;
use crate::{Catalogue, Files};

/// Depth, name, occurrence and words of every field of `r` in a schema with this body.
fn listed(body: &str) -> Vec<(usize, String, u32, Option<u32>, String)> {
    let text = format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:t' xmlns='urn:t' \
         elementFormDefault='qualified'>{body}</xs:schema>"
    );
    let mut files = Files::default();
    files.insert("f/1/r.xsd".into(), text);
    let view = View::new(Arc::new(files), "f/1", None);
    let fields = of("r", "f/1/r.xsd", &view).unwrap_or_default();
    let words = |field: &Field| field.value.as_ref().map(ValueType::words).unwrap_or_default();
    fields.iter().map(|f| (f.depth, f.name.clone(), f.min, f.max, words(f))).collect()
}

fn field(
    depth: usize,
    name: &str,
    min: u32,
    max: Option<u32>,
    words: &str,
) -> (usize, String, u32, Option<u32>, String) {
    (depth, name.to_owned(), min, max, words.to_owned())
}

#[test]
fn fields_have_occurrence_type_and_documentation() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name("CEB311Message").unwrap();
    let fields = catalogue.fields(kind).unwrap();
    let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    let order = named("orderNo");
    assert_eq!((order.depth, order.min, order.max), (3, 1, Some(1)));
    assert_eq!(order.value.as_ref().unwrap().words(), "string, 1 to 60 characters");
    assert_eq!(order.documentation, "Order number, unique within the platform");
    assert_eq!(named("OrderList").max, Some(99));
    assert!(named("OrderList").value.is_none());
    let amount = named("goodsValue").value.as_ref().unwrap().words();
    assert_eq!(amount, "decimal, up to 19 digits, 5 behind the point");
    assert!(named("Signature").foreign && !named("BaseTransfer").foreign);
    assert_eq!(named("payCode").min, 0);
}

#[test]
fn anonymous_types_choices_groups_and_extensions_are_listed() {
    let found = listed(
        "<xs:element name='r'><xs:complexType><xs:sequence maxOccurs='2'>\
           <xs:choice><xs:element name='a' type='xs:int'/><xs:group ref='g' maxOccurs='unbounded'/></xs:choice>\
           <xs:element ref='e' minOccurs='0' maxOccurs='3'/></xs:sequence></xs:complexType></xs:element>\
         <xs:group name='g'><xs:sequence><xs:element name='b'><xs:simpleType><xs:restriction base='s'>\
           <xs:enumeration value='x'/><xs:enumeration value='y'/></xs:restriction></xs:simpleType></xs:element></xs:sequence></xs:group>\
         <xs:simpleType name='s'><xs:restriction base='xs:string'><xs:minLength value='1'/></xs:restriction></xs:simpleType>\
         <xs:element name='e' type='derived'/>\
         <xs:complexType name='base'><xs:sequence><xs:element name='c' type='xs:date'/></xs:sequence></xs:complexType>\
         <xs:complexType name='derived'><xs:complexContent><xs:extension base='base'><xs:sequence>\
           <xs:element name='d'><xs:complexType><xs:simpleContent><xs:extension base='xs:decimal'/></xs:simpleContent></xs:complexType></xs:element>\
         </xs:sequence></xs:extension></xs:complexContent></xs:complexType>",
    );
    assert_eq!(
        found,
        [
            field(0, "r", 1, Some(1), ""),
            field(1, "a", 0, Some(2), "int"),
            field(1, "b", 0, None, "string, at least 1 characters, one of x y"),
            field(1, "e", 0, Some(6), ""),
            field(2, "c", 1, Some(1), "date"),
            field(2, "d", 1, Some(1), "decimal"),
        ]
    );
}

#[test]
fn types_that_hold_themselves_end() {
    let own = "<xs:complexType name='t'><xs:sequence><xs:element name='a' type='t'/></xs:sequence></xs:complexType>";
    let found = listed(&format!("<xs:element name='r' type='t'/>{own}"));
    assert_eq!(found.len(), DEPTH_MAX + 1);
    let group = "<xs:group name='g'><xs:sequence><xs:group ref='g'/><xs:element name='a' type='xs:int'/></xs:sequence></xs:group>";
    let holder = "<xs:complexType><xs:sequence><xs:group ref='g'/></xs:sequence></xs:complexType>";
    assert!(listed(&format!("<xs:element name='r'>{holder}</xs:element>{group}")).len() < 80);
    let circle = "<xs:complexType name='t'><xs:complexContent><xs:extension base='t'/></xs:complexContent></xs:complexType>";
    assert_eq!(listed(&format!("<xs:element name='r' type='t'/>{circle}")).len(), 1);
    let simple = "<xs:simpleType name='s'><xs:restriction base='s'/></xs:simpleType>";
    assert_eq!(listed(&format!("<xs:element name='r' type='s'/>{simple}")).len(), 1);
}

#[test]
fn what_cannot_be_read_is_not_described() {
    assert!(listed("").is_empty());
    assert!(listed("<xs:element name='other' type='xs:int'/>").is_empty());
    let view = View::new(Arc::new(Files::default()), "f/1", None);
    assert_eq!(of("r", "f/1/r.xsd", &view), None);
}
