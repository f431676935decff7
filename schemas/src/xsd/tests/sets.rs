//! Sets that are broken, cyclic, incomplete, or that explode; and sets of the general engine.

use super::*;

fn refused(files: &[(&str, &str)]) -> SchemaError {
    let memory = files.iter().fold(Memory::default(), |memory, (at, text)| memory.with(at, *text));
    SchemaSet::load("t.xsd", &memory).err().unwrap_or_else(|| panic!("{files:?}"))
}

#[test]
fn what_is_no_schema_is_refused() {
    assert!(matches!(refused(&[]), SchemaError::Missing(at) if at == "t.xsd"));
    assert!(matches!(refused(&[("t.xsd", "<")]), SchemaError::NotWellFormed { .. }));
    assert!(matches!(refused(&[("t.xsd", "<!DOCTYPE a><a/>")]), SchemaError::NotWellFormed { .. }));
    assert!(matches!(refused(&[("t.xsd", "<a/>")]), SchemaError::Invalid(_)));
    for body in [
        "<xs:element name='r' type='gone'/>",
        "<xs:element name='r' type='xs:int' default='x'/>",
        "<xs:element name='r'/><xs:element name='r'/>",
        "<xs:complexType name='a'><xs:complexContent><xs:extension base='a'/></xs:complexContent></xs:complexType>",
        "<xs:simpleType name='a'><xs:restriction base='b'/></xs:simpleType><xs:simpleType name='b'><xs:restriction base='a'/></xs:simpleType>",
        "<xs:group name='g'><xs:sequence><xs:group ref='g'/></xs:sequence></xs:group>",
        "<xs:simpleType name='a'><xs:restriction base='xs:string'><xs:pattern value='['/></xs:restriction></xs:simpleType>",
        "<xs:simpleType name='a'><xs:restriction base='xs:string'><xs:minLength value='3'/><xs:maxLength value='2'/></xs:restriction></xs:simpleType>",
        // Unique attribution.
        "<xs:complexType name='a'><xs:sequence><xs:element name='b' minOccurs='0'/><xs:element name='b'/></xs:sequence></xs:complexType>",
        "<xs:moon/>",
    ] {
        let schema = schema(body);
        assert!(matches!(refused(&[("t.xsd", &schema)]), SchemaError::Invalid(_)), "{body}");
    }
}

#[test]
fn files_that_are_missing_or_of_another_namespace_are_refused() {
    let include = schema("<xs:include schemaLocation='x/b.xsd'/><xs:element name='r' type='t'/>");
    let missing = refused(&[("t.xsd", &include)]);
    assert!(matches!(missing, SchemaError::Missing(at) if at == "x/b.xsd"));
    let other = schema("<xs:simpleType name='t'><xs:restriction base='xs:int'/></xs:simpleType>");
    let other = other.replace("urn:t", "urn:other");
    let found = refused(&[("t.xsd", &include), ("x/b.xsd", &other)]);
    assert!(matches!(found, SchemaError::Invalid(_)), "{found}");
    // A reference into a namespace that is not imported.
    let foreign = schema("<xs:element name='r' type='o:t' xmlns:o='urn:other'/>");
    let found = refused(&[("t.xsd", &foreign)]);
    assert!(matches!(found, SchemaError::Invalid(_)), "{found}");
}

#[test]
fn files_may_include_each_other_and_take_the_namespace_over() {
    let one = schema("<xs:include schemaLocation='x/b.xsd'/><xs:element name='r' type='t'/>");
    let two = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:include schemaLocation='../t.xsd'/>\
        <xs:include schemaLocation='b.xsd'/><xs:simpleType name='t'><xs:restriction base='u'/></xs:simpleType>\
        <xs:simpleType name='u'><xs:restriction base='xs:int'/></xs:simpleType></xs:schema>";
    let memory = Memory::default().with("t.xsd", one.clone()).with("x/b.xsd", two);
    let found = SchemaSet::load("t.xsd", &memory);
    // A file without namespace may not include one that has one.
    assert!(found.is_ok() || matches!(found, Err(SchemaError::Invalid(_))));
    let two = two.replace("<xs:include schemaLocation='../t.xsd'/>", "");
    let memory = Memory::default().with("t.xsd", one).with("x/b.xsd", two);
    let set = SchemaSet::load("t.xsd", &memory).unwrap();
    assert_eq!(*set.engine(), Engine::Compiled);
    assert_eq!(judge(&set, "12"), [""; 0]);
    assert_eq!(judge(&set, "x"), ["cvc-datatype-valid"]);
    let cycle = |at: &str, next: &str| {
        (at.to_owned(), schema(&format!("<xs:include schemaLocation='{next}'/>")))
    };
    let files = [cycle("t.xsd", "b.xsd"), cycle("b.xsd", "t.xsd")];
    let memory = Memory(files.into_iter().collect());
    assert!(SchemaSet::load("t.xsd", &memory).is_ok());
}

#[test]
fn sets_that_explode_are_refused() {
    let mut doubling = String::new();
    for n in 0..40 {
        let next = n + 1;
        doubling.push_str(&format!(
            "<xs:group name='g{n}'><xs:sequence><xs:group ref='g{next}'/><xs:group ref='g{next}'/></xs:sequence></xs:group>"
        ));
    }
    doubling.push_str(
        "<xs:group name='g40'><xs:sequence><xs:element name='e'/></xs:sequence></xs:group>",
    );
    doubling.push_str(&of_type("<xs:group ref='g0'/>"));
    let doubling = schema(&doubling);
    assert!(matches!(refused(&[("t.xsd", &doubling)]), SchemaError::TooLarge(_)));
    let mut chain = String::new();
    for n in 0..5_000 {
        let next = n + 1;
        chain.push_str(&format!(
            "<xs:simpleType name='s{n}'><xs:restriction base='s{next}'/></xs:simpleType>"
        ));
    }
    chain.push_str("<xs:simpleType name='s5000'><xs:restriction base='xs:int'/></xs:simpleType>");
    let chain = schema(&chain);
    assert!(matches!(refused(&[("t.xsd", &chain)]), SchemaError::TooLarge(_)));
    // Files without end.
    let endless = |location: &str| {
        let next = location.trim_end_matches(".xsd").parse::<u32>().unwrap_or(0) + 1;
        Some(schema(&format!("<xs:include schemaLocation='{next}.xsd'/>")))
    };
    let found = SchemaSet::load("t.xsd", &endless);
    assert!(matches!(found, Err(SchemaError::TooLarge(_))));
    // A great number of occurrences is only a number.
    let many = "<xs:sequence maxOccurs='1000000'><xs:element name='a' maxOccurs='1000000'/>\
        <xs:element name='b' minOccurs='0' maxOccurs='4000000000000'/></xs:sequence>";
    let body = of_type(many);
    let found = load(&body);
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn what_ours_does_not_serve_the_general_engine_does() {
    let unique = "<xs:element name='r'><xs:complexType><xs:sequence><xs:element name='a' type='xs:int' maxOccurs='unbounded'/>\
        </xs:sequence></xs:complexType><xs:unique name='u'><xs:selector xpath='t:a' xmlns:t='urn:t'/><xs:field xpath='.'/></xs:unique></xs:element>";
    let set = load(unique).unwrap();
    assert!(matches!(set.engine(), Engine::General { because } if because.contains("unique")));
    assert_eq!(judge(&set, "<a>1</a><a>2</a>"), [""; 0]);
    assert_eq!(judge(&set, "<a>1</a><a>1</a>"), ["cvc-identity-constraint.4.2.2"]);
    let pattern = of_value(
        "<xs:restriction base='xs:string'><xs:pattern value='\\p{Lu}+'/></xs:restriction>",
    );
    let set = load(&pattern).unwrap();
    assert!(matches!(set.engine(), Engine::General { because } if because.contains("category")));
    assert_eq!(judge(&set, "AB"), [""; 0]);
    assert_eq!(judge(&set, "Ab"), ["cvc-pattern-valid"]);
    // A class taken from another is read otherwise by the crate: nobody serves this.
    let pattern = "<xs:simpleType name='p'><xs:restriction base='xs:string'><xs:pattern value='[a-z-[aeiou]]'/></xs:restriction></xs:simpleType>";
    assert!(matches!(load(&format!("{unique}{pattern}")), Err(SchemaError::Unserved(_))));
    // White space in base64, which the crate refuses.
    let base64 = unique.replace("type='xs:int'", "type='xs:base64Binary'");
    let set = load(&base64).unwrap();
    assert_eq!(judge(&set, "<a>QUJD\n QUJE</a>"), [""; 0]);
}

#[test]
fn names_of_senders_do_not_fill_either_engine() {
    let body =
        of_type("<xs:sequence><xs:any processContents='lax' maxOccurs='unbounded'/></xs:sequence>");
    let set = load(&body).unwrap();
    for round in 0..5 {
        let made_up: String = (0..2_000)
            .map(|n| format!("<p{n}:m{round}x{n} a{round}x{n}='1' xmlns:p{n}='urn:{round}x{n}'/>"))
            .collect();
        assert_eq!(judge(&set, &made_up), [""; 0]);
        assert!(set.general.names() < 12_000, "{}", set.general.names());
    }
}
