//! The built-in types of XML Schema part 2, and the attributes of the xml namespace. In: an
//! empty model. Out: a model that knows them, `anyType` first, then `anySimpleType`.

use std::sync::Arc;

use super::content::{Machine, Particle, Term, UNBOUNDED};
use super::model::{
    ANY_SIMPLE_TYPE, ANY_TYPE, AttributeUse, Attributes, Complex, Content, Globals, Kind, Model,
    Process, Spaces, Type, TypeId, Ways, Wildcard, Xsi,
};
use super::pattern;
use super::simple::{Bound, Facets, Pattern, Role, Rule, Simple, Values, Variety, White};
use super::source::XS;
use super::symbols::{Symbol, UNKNOWN};
use super::value::time::Point;
use super::value::{Primitive, Value};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Name, base, and how its values are written where that is another way than those of the base.
const ATOMIC: [(&str, &str, Option<Primitive>); 41] = [
    ("string", "anySimpleType", Some(Primitive::String)),
    ("normalizedString", "string", None),
    ("token", "normalizedString", None),
    ("language", "token", Some(Primitive::Language)),
    ("NMTOKEN", "token", Some(Primitive::Nmtoken)),
    ("Name", "token", Some(Primitive::Name)),
    ("NCName", "Name", Some(Primitive::NcName)),
    ("ID", "NCName", None),
    ("IDREF", "NCName", None),
    ("ENTITY", "NCName", None),
    ("boolean", "anySimpleType", Some(Primitive::Boolean)),
    ("decimal", "anySimpleType", Some(Primitive::Decimal)),
    ("integer", "decimal", Some(Primitive::Integer)),
    ("nonPositiveInteger", "integer", None),
    ("negativeInteger", "nonPositiveInteger", None),
    ("long", "integer", None),
    ("int", "long", None),
    ("short", "int", None),
    ("byte", "short", None),
    ("nonNegativeInteger", "integer", None),
    ("unsignedLong", "nonNegativeInteger", None),
    ("unsignedInt", "unsignedLong", None),
    ("unsignedShort", "unsignedInt", None),
    ("unsignedByte", "unsignedShort", None),
    ("positiveInteger", "nonNegativeInteger", None),
    ("float", "anySimpleType", Some(Primitive::Float)),
    ("double", "anySimpleType", Some(Primitive::Double)),
    ("duration", "anySimpleType", Some(Primitive::Duration)),
    ("dateTime", "anySimpleType", Some(Primitive::Time(Point::DateTime))),
    ("time", "anySimpleType", Some(Primitive::Time(Point::Time))),
    ("date", "anySimpleType", Some(Primitive::Time(Point::Date))),
    ("gYearMonth", "anySimpleType", Some(Primitive::Time(Point::YearMonth))),
    ("gYear", "anySimpleType", Some(Primitive::Time(Point::Year))),
    ("gMonthDay", "anySimpleType", Some(Primitive::Time(Point::MonthDay))),
    ("gDay", "anySimpleType", Some(Primitive::Time(Point::Day))),
    ("gMonth", "anySimpleType", Some(Primitive::Time(Point::Month))),
    ("hexBinary", "anySimpleType", Some(Primitive::Hex)),
    ("base64Binary", "anySimpleType", Some(Primitive::Base64)),
    ("anyURI", "anySimpleType", Some(Primitive::Uri)),
    ("QName", "anySimpleType", Some(Primitive::Qname)),
    ("NOTATION", "anySimpleType", Some(Primitive::Notation)),
];

/// Least and greatest value of the whole numbers.
const RANGES: [(&str, Option<&str>, Option<&str>); 12] = [
    ("nonPositiveInteger", None, Some("0")),
    ("negativeInteger", None, Some("-1")),
    ("long", Some("-9223372036854775808"), Some("9223372036854775807")),
    ("int", Some("-2147483648"), Some("2147483647")),
    ("short", Some("-32768"), Some("32767")),
    ("byte", Some("-128"), Some("127")),
    ("nonNegativeInteger", Some("0"), None),
    ("unsignedLong", Some("0"), Some("18446744073709551615")),
    ("unsignedInt", Some("0"), Some("4294967295")),
    ("unsignedShort", Some("0"), Some("65535")),
    ("unsignedByte", Some("0"), Some("255")),
    ("positiveInteger", Some("1"), None),
];

/// The lists, each of at least one.
const LISTS: [(&str, &str); 3] =
    [("NMTOKENS", "NMTOKEN"), ("IDREFS", "IDREF"), ("ENTITIES", "ENTITY")];

/// A model that knows the built-in types.
pub(super) fn model() -> Model {
    let mut model = Model::default();
    let any = model.symbols.intern(XS, "anyType");
    push(&mut model, any, ANY_TYPE, Ways::RESTRICTION, Kind::Complex(Box::new(any_type())));
    let simple =
        Simple { variety: Variety::Any, white: White::Preserve, facets: Facets::default() };
    let name = model.symbols.intern(XS, "anySimpleType");
    push(&mut model, name, ANY_TYPE, Ways::RESTRICTION, Kind::Simple(simple));
    for (name, base, primitive) in ATOMIC {
        let base = named(&model, base);
        let simple = atomic(name, primitive, model.simple(base));
        let name = model.symbols.intern(XS, name);
        push(&mut model, name, base, Ways::RESTRICTION, Kind::Simple(simple));
    }
    for (name, item) in LISTS {
        let variety = Variety::List(named(&model, item));
        let facets = Facets { min_length: Some(1), ..Facets::default() };
        let simple = Simple { variety, white: White::Collapse, facets };
        let name = model.symbols.intern(XS, name);
        push(&mut model, name, ANY_SIMPLE_TYPE, Ways::RESTRICTION, Kind::Simple(simple));
    }
    model.xsi = Xsi {
        kind: model.symbols.intern(XSI, "type"),
        nil: model.symbols.intern(XSI, "nil"),
        location: model.symbols.intern(XSI, "schemaLocation"),
        no_namespace_location: model.symbols.intern(XSI, "noNamespaceSchemaLocation"),
    };
    model
}

fn push(model: &mut Model, name: Symbol, base: TypeId, way: Ways, kind: Kind) -> TypeId {
    let id = model.types.len() as TypeId;
    model.types.push(Type { base, way, is_abstract: false, block: Ways::NONE, kind });
    if name != UNKNOWN {
        set_global(model, name, |globals| globals.kind = Some(id));
    }
    id
}

/// Notes what stands at the top under this name.
pub(super) fn set_global(model: &mut Model, name: Symbol, set: impl FnOnce(&mut Globals)) {
    let at = name as usize;
    if at >= model.globals.len() {
        model.globals.resize(at + 1, Globals::default());
    }
    if let Some(globals) = model.globals.get_mut(at) {
        set(globals);
    }
}

/// A built-in type by its local name.
pub(super) fn named(model: &Model, local: &str) -> TypeId {
    model.globals(model.symbols.find(XS, local)).kind.unwrap_or(ANY_SIMPLE_TYPE)
}

fn any_type() -> Complex {
    let lax = Wildcard { spaces: Spaces::Any, process: Process::Lax };
    let particle = Particle { min: 0, max: UNBOUNDED, term: Term::Any(lax.clone()) };
    let machine = Machine::Sequence(vec![particle]);
    Complex {
        content: Content::Children { machine, mixed: true },
        attributes: Attributes { wildcard: Some(lax), ..Attributes::default() },
    }
}

fn atomic(name: &str, primitive: Option<Primitive>, base: Option<&Simple>) -> Simple {
    let of_base = match base.map(|base| &base.variety) {
        Some(Variety::Atomic(primitive, _)) => *primitive,
        _ => Primitive::String,
    };
    let role = match name {
        "ID" => Role::Id,
        "IDREF" => Role::IdRef,
        "ENTITY" => Role::Entity,
        _ => Role::Plain,
    };
    let white = match name {
        "string" => White::Preserve,
        "normalizedString" => White::Replace,
        _ => White::Collapse,
    };
    let mut facets = Facets::default();
    for (_, least, greatest) in RANGES.iter().filter(|(range, ..)| *range == name) {
        let bound = |rule, text: &&str| Bound {
            rule,
            text: (*text).into(),
            value: Value::Decimal((*text).into()),
        };
        facets.bounds.extend(least.as_ref().map(|text| bound(Rule::MinInclusive, text)));
        facets.bounds.extend(greatest.as_ref().map(|text| bound(Rule::MaxInclusive, text)));
    }
    Simple { variety: Variety::Atomic(primitive.unwrap_or(of_base), role), white, facets }
}

/// The attributes of the xml namespace (its schema, edition of 2009), for sets that import
/// the namespace and bring no schema of it.
pub(super) fn xml_attributes(model: &mut Model) {
    let ncname = named(model, "NCName");
    let space = Values {
        texts: vec!["default".into(), "preserve".into()],
        values: vec![Value::Text("default".into()), Value::Text("preserve".into())],
    };
    let facets = Facets { values: Some(space), ..Facets::default() };
    let variety = Variety::Atomic(Primitive::NcName, Role::Plain);
    let space = Simple { variety, white: White::Collapse, facets };
    let space = push(model, UNKNOWN, ncname, Ways::RESTRICTION, Kind::Simple(space));
    let mut facets = Facets::default();
    if let Ok(regex) = pattern::compile("") {
        facets.patterns.push(Pattern { texts: vec!["".into()], regexes: vec![regex] });
    }
    let variety = Variety::Atomic(Primitive::String, Role::Plain);
    let empty = Simple { variety, white: White::Preserve, facets };
    let string = named(model, "string");
    let empty = push(model, UNKNOWN, string, Ways::RESTRICTION, Kind::Simple(empty));
    let variety = Variety::Union(vec![named(model, "language"), empty]);
    let lang = Simple { variety, white: White::Preserve, facets: Facets::default() };
    let lang = push(model, UNKNOWN, ANY_SIMPLE_TYPE, Ways::RESTRICTION, Kind::Simple(lang));
    let (uri, id) = (named(model, "anyURI"), named(model, "ID"));
    for (name, kind) in [("lang", lang), ("space", space), ("base", uri), ("id", id)] {
        let name = model.symbols.intern(onepoint_xml::XML_NAMESPACE, name);
        let at = model.attributes.len() as u32;
        model.attributes.push(AttributeUse { name, kind, required: false, constraint: None });
        set_global(model, name, |globals| globals.attribute = Some(at));
    }
}

/// A wildcard of these namespaces.
pub(super) fn listed(namespaces: Vec<Box<str>>) -> Spaces {
    Spaces::Listed(Arc::from(namespaces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xsd::simple::check;
    use crate::xsd::value::Scope;
    use onepoint_xml::{Document, Limits};

    #[test]
    fn built_in_types_take_what_part_2_says() {
        let model = model();
        let document = Document::parse(b"<a/>".to_vec(), &Limits::default()).unwrap();
        let scope = Scope::of(document.root());
        for (name, good, bad) in [
            ("int", " 2147483647 ", "2147483648"),
            ("unsignedByte", "255", "-1"),
            ("positiveInteger", "1", "0"),
            ("negativeInteger", "-1", "0"),
            ("long", "-9223372036854775808", "9223372036854775808"),
            ("integer", "123456789012345678901234567890", "1.0"),
            ("NMTOKENS", "a b", ""),
            ("ENTITY", "", "a"),
            ("token", " a  b ", "\u{0}"),
            ("boolean", "\ntrue ", "True"),
            ("base64Binary", "QU\nJD", "QUJ"),
            ("date", "2026-02-28", "2026-02-29"),
            ("NOTATION", "", "a"),
        ] {
            let judge = |text| check(&model, named(&model, name), text, scope, &mut |_, _| {});
            assert!(good.is_empty() || judge(good).is_ok(), "{name} {good}");
            assert!(bad.starts_with('\0') || judge(bad).is_err(), "{name} {bad}");
        }
    }
}
