//! Sets as a whole: which engine serves, what is refused at load, and that both engines
//! judge alike.

use std::collections::BTreeMap;

use onepoint_xml::Limits;

use super::*;

mod sets;

/// Files by location.
#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn with(mut self, location: &str, text: impl Into<String>) -> Memory {
        self.0.insert(location.to_owned(), text.into());
        self
    }
}

impl Loader for Memory {
    fn load(&self, location: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.0.get(location).map(|text| text.as_str().into())
    }
}

/// A schema of the namespace `urn:t`, bound to no prefix, with qualified elements.
fn schema(body: &str) -> String {
    format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:t' xmlns='urn:t' \
         elementFormDefault='qualified'>{body}</xs:schema>"
    )
}

fn load(body: &str) -> Result<SchemaSet, SchemaError> {
    SchemaSet::load("t.xsd", &Memory::default().with("t.xsd", schema(body)))
}

fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

/// Judges `<r xmlns='urn:t'>body</r>`, or the whole document where it begins with `<r`, by
/// both engines, which must agree. The rules that are broken.
fn judge(set: &SchemaSet, body: &str) -> Vec<String> {
    let document = match body.starts_with("<r") {
        true => parse(&body.replacen("<r", "<r xmlns='urn:t' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xs='http://www.w3.org/2001/XMLSchema'", 1)),
        false => parse(&format!("<r xmlns='urn:t'>{body}</r>")),
    };
    let expected = Expected::default();
    let found = set.validate(&document, &expected).err().unwrap_or_default();
    let second = set.second_opinion(&document, &expected).err().unwrap_or_default();
    assert_eq!(found.is_empty(), second.is_empty(), "{body}\n{found:?}\n{second:?}");
    found.into_iter().map(|violation| violation.rule).collect()
}

/// Loads a schema that our engine serves and judges texts: those that are valid, and those
/// that are not with the rule they break.
fn check(body: &str, valid: &[&str], invalid: &[(&str, &str)]) {
    let set = load(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert_eq!(*set.engine(), Engine::Compiled, "{body}");
    for text in valid {
        assert_eq!(judge(&set, text), [""; 0], "{body} {text}");
    }
    for (text, rule) in invalid {
        assert_eq!(judge(&set, text).first().map(String::as_str), Some(*rule), "{body} {text}");
    }
}

fn of_type(body: &str) -> String {
    format!("<xs:element name='r'><xs:complexType>{body}</xs:complexType></xs:element>")
}

fn of_value(body: &str) -> String {
    format!("<xs:element name='r'><xs:simpleType>{body}</xs:simpleType></xs:element>")
}

#[test]
fn content_models() {
    const ORDER: &str = "cvc-complex-type.2.4";
    let a_b = "<xs:sequence minOccurs='2' maxOccurs='100'><xs:element name='a' type='xs:int'/>\
               <xs:element name='b' minOccurs='0'/></xs:sequence>";
    check(
        &of_type(a_b),
        &["<a>1</a><b/><a>2</a>", "<a>1</a><a>2</a>", &"<a>1</a><b/>".repeat(100)],
        &[("<a>1</a>", ORDER), ("", ORDER), (&"<a>1</a>".repeat(101), ORDER), ("<b/>", ORDER)],
    );
    let all = "<xs:all><xs:element name='a'/><xs:element name='b' minOccurs='0'/></xs:all>";
    check(
        &of_type(all),
        &["<b/><a/>", "<a/>"],
        &[
            ("<b/>", ORDER),
            ("<a/><a/>", ORDER),
            ("<a/><c/>", ORDER),
            ("x<a/>", "cvc-complex-type.2.3"),
        ],
    );
    let any = "<xs:sequence><xs:any namespace='##other' processContents='lax'/></xs:sequence>\
               <xs:anyAttribute namespace='##other' processContents='skip'/>";
    check(
        &of_type(any),
        &["<x xmlns='urn:x'><y/></x>", "<r x:a='1' xmlns:x='urn:x'><x:x><r>text</r></x:x></r>"]
            .map(|text| text.trim())[..1],
        &[
            ("<a/>", ORDER),
            ("<x xmlns=''/>", ORDER),
            ("<r a='1'><x xmlns='urn:x'/></r>", "cvc-complex-type.3.2.2"),
        ],
    );
}

#[test]
fn values() {
    let text = "<xs:restriction base='xs:string'><xs:maxLength value='3'/><xs:minLength value='1'/></xs:restriction>";
    check(
        &of_value(text),
        &["测试测", "\u{1F600}\u{1F600}\u{1F600}", "<![CDATA[<]]>&amp;<!-- c -->&#x6d4b;", "   "],
        &[
            ("测试测试", "cvc-maxLength-valid"),
            ("", "cvc-minLength-valid"),
            ("<r><x/></r>", "cvc-complex-type.2.4"),
        ],
    );
    let number = "<xs:restriction base='xs:decimal'><xs:totalDigits value='5'/><xs:fractionDigits value='2'/>\
                  <xs:maxExclusive value='500'/><xs:minInclusive value='-0.5'/></xs:restriction>";
    check(
        &of_value(number),
        &[" 499.990 ", "-.50", "+0001"],
        &[
            ("1.234", "cvc-fractionDigits-valid"),
            ("123456", "cvc-totalDigits-valid"),
            ("500.0", "cvc-maxExclusive-valid"),
            ("-0.51", "cvc-minInclusive-valid"),
            ("1e3", "cvc-datatype-valid"),
            ("", "cvc-datatype-valid"),
        ],
    );
    let listed = "<xs:restriction><xs:simpleType><xs:list><xs:simpleType><xs:union memberTypes='xs:int xs:boolean'/>\
                  </xs:simpleType></xs:list></xs:simpleType><xs:length value='2'/></xs:restriction>";
    check(
        &of_value(listed),
        &[" 1  true ", "false\n7"],
        &[("1", "cvc-length-valid"), ("1 x", "cvc-datatype-valid")],
    );
    let values = "<xs:restriction base='xs:decimal'><xs:enumeration value='1.0'/><xs:enumeration value='2'/></xs:restriction>";
    check(&of_value(values), &["1", "02.00"], &[("3", "cvc-enumeration-valid")]);
    let stamp = "<xs:restriction base='xs:dateTime'><xs:minInclusive value='2026-01-01T00:00:00Z'/>\
                 <xs:pattern value='.*Z'/></xs:restriction>";
    check(
        &of_value(stamp),
        &["2026-01-01T00:00:00Z"],
        &[
            ("2025-12-31T23:59:59.9Z", "cvc-minInclusive-valid"),
            ("2026-01-01T00:00:00", "cvc-pattern-valid"),
        ],
    );
    check(
        "<xs:element name='r' type='xs:base64Binary'/>",
        &["QUJD\n REVG", ""],
        &[("QUJ", "cvc-datatype-valid")],
    );
}

#[test]
fn types_that_are_made_from_others() {
    let body = "<xs:complexType name='base'><xs:sequence><xs:element name='a'/></xs:sequence>\
        <xs:attribute name='n' type='xs:int' use='required'/></xs:complexType>\
        <xs:complexType name='more'><xs:complexContent><xs:extension base='base'><xs:sequence>\
        <xs:element name='b'/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>\
        <xs:complexType name='less'><xs:complexContent><xs:restriction base='base'><xs:sequence>\
        <xs:element name='a'/></xs:sequence><xs:attribute name='n' type='xs:int' fixed='7' use='required'/>\
        </xs:restriction></xs:complexContent></xs:complexType>\
        <xs:element name='r' type='base' nillable='true' block='restriction'/>";
    check(
        body,
        &[
            "<r n='1'><a/></r>",
            "<r n='1' xsi:type='more'><a/><b/></r>",
            "<r n='1' xsi:nil='true'/>",
            "<r n='1' xsi:nil=' 0 '><a/></r>",
        ],
        &[
            ("<r n='1'><a/><b/></r>", "cvc-complex-type.2.4"),
            ("<r><a/></r>", "cvc-complex-type.4"),
            ("<r n='7' xsi:type='less'><a/></r>", "cvc-elt.4.3"),
            ("<r n='1' xsi:type='xs:int'>1</r>", "cvc-elt.4.3"),
            ("<r n='1' xsi:type='gone'><a/></r>", "cvc-elt.4.2"),
            ("<r n='1' xsi:nil='true'><a/></r>", "cvc-elt.3.2.1"),
        ],
    );
    let groups = "<xs:element name='head' abstract='true' type='xs:decimal'/>\
        <xs:element name='one' type='xs:int' substitutionGroup='head'/>\
        <xs:element name='two' type='xs:short' substitutionGroup='one' fixed='02'/>\
        <xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='head' maxOccurs='2'/></xs:sequence></xs:complexType></xs:element>";
    check(
        groups,
        &["<one>1</one><two> 2 </two>", "<two/>"],
        &[
            ("<head>1</head>", "cvc-elt.2"),
            ("<one>1.5</one>", "cvc-datatype-valid"),
            ("<two>3</two>", "cvc-elt.5.2.2"),
            ("<one>1</one><one>1</one><one>1</one>", "cvc-complex-type.2.4"),
        ],
    );
    let ids = "<xs:element name='r'><xs:complexType><xs:choice maxOccurs='unbounded'>\
        <xs:element name='a' type='xs:ID'/><xs:element name='b' type='xs:IDREFS'/></xs:choice></xs:complexType></xs:element>";
    check(
        ids,
        &["<b>x y</b><a>x</a><a> y</a>"],
        &[("<a>x</a><a>x</a>", "cvc-id.2"), ("<a>x</a><b>y</b>", "cvc-id.1")],
    );
}
