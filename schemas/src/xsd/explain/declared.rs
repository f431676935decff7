//! Words for what has to do with declarations: roots, types given by the sender, nil,
//! fixed values, IDs; and for what only the general engine says.

use onepoint_xml::Element;

use super::{HIDDEN, Report, cut};
use crate::violation::Violation;

impl Report<'_> {
    /// An element that no schema declares.
    pub(in crate::xsd) fn undeclared(&mut self, element: Element<'_>, due: &str) {
        self.add("cvc-elt.1", || {
            let name = element.name();
            let violation = Violation::at(element, "schema-unexpected-element");
            violation.expected(due).found(name.local).text(
                cut(&format!(
                    "no schema declares the element {} of {:?}",
                    name.local, name.namespace
                )),
                cut(&format!("元素 {} 未在任何 schema 中声明", name.local)),
            )
        });
    }

    /// An element that only others may stand for.
    pub(in crate::xsd) fn is_abstract(&mut self, element: Element<'_>) {
        self.add("cvc-elt.2", || {
            let name = element.name().local;
            Violation::at(element, "schema-unexpected-element").found(name).text(
                format!("element {name} is abstract: only its substitutes may stand here"),
                format!("元素 {name} 是抽象元素，此处只能使用其替代元素"),
            )
        });
    }

    /// A type of which only others may be made.
    pub(in crate::xsd) fn abstract_type(&mut self, element: Element<'_>) {
        self.add("cvc-type.2", || {
            let name = element.name().local;
            Violation::at(element, "schema-type").found(name).text(
                format!("the type of {name} is abstract: xsi:type has to name one made from it"),
                format!("{name} 的类型是抽象类型，须以 xsi:type 指明其派生类型"),
            )
        });
    }

    /// xsi:type names no type.
    pub(in crate::xsd) fn type_unknown(&mut self, element: Element<'_>, given: &str) {
        self.add("cvc-elt.4.2", || {
            Violation::at(element, "schema-attribute").found(given).text(
                cut(&format!("xsi:type {given} names no type")),
                cut(&format!("xsi:type {given} 不是已知类型")),
            )
        });
    }

    /// xsi:type names a type that is not made from the declared one, or must not be used.
    pub(in crate::xsd) fn type_not_derived(&mut self, element: Element<'_>, given: &str) {
        self.add("cvc-elt.4.3", || {
            Violation::at(element, "schema-attribute").found(given).text(
                cut(&format!("xsi:type {given} may not take the place of the declared type")),
                cut(&format!("xsi:type {given} 不能代替声明的类型")),
            )
        });
    }

    /// xsi:nil on an element that cannot be nil.
    pub(in crate::xsd) fn not_nillable(&mut self, element: Element<'_>) {
        self.add("cvc-elt.3.1", || {
            let name = element.name().local;
            Violation::at(element, "schema-attribute")
                .found("xsi:nil")
                .text(format!("{name} cannot be nil"), format!("元素 {name} 不允许 xsi:nil"))
        });
    }

    /// An element that is nil and holds something.
    pub(in crate::xsd) fn not_nil(&mut self, element: Element<'_>) {
        self.add("cvc-elt.3.2.1", || {
            let name = element.name().local;
            Violation::at(element, "schema-unexpected-text").text(
                format!("{name} is nil, but is not empty"),
                format!("元素 {name} 标为 nil，但内容不为空"),
            )
        });
    }

    /// An element with another value than the fixed one.
    pub(in crate::xsd) fn not_fixed(&mut self, element: Element<'_>, fixed: &str) {
        let hidden = self.hides(element);
        self.add("cvc-elt.5.2.2", || {
            let (name, text) = (element.name().local, element.text());
            let shown = if hidden { HIDDEN } else { &text };
            Violation::at(element, "schema-enumeration").expected(fixed).found(shown).text(
                cut(&format!("{name} has another value than {fixed}")),
                cut(&format!("{name} 的值应为 {fixed}")),
            )
        });
    }

    /// An attribute with another value than the fixed one.
    pub(in crate::xsd) fn attribute_not_fixed(
        &mut self,
        element: Element<'_>,
        name: &str,
        value: &str,
        fixed: &str,
    ) {
        self.add("cvc-attribute.4", || {
            Violation::at(element, "schema-attribute").expected(fixed).found(value).text(
                cut(&format!("attribute {name} has another value than {fixed}")),
                cut(&format!("属性 {name} 的值应为 {fixed}")),
            )
        });
    }

    /// An ID that another element has too.
    pub(in crate::xsd) fn id_twice(&mut self, element: Element<'_>, id: &str) {
        self.add("cvc-id.2", || {
            Violation::at(element, "schema-identity").found(id).text(
                cut(&format!("the ID {id} is not the only one")),
                cut(&format!("标识 {id} 重复")),
            )
        });
    }

    /// A reference to an ID that no element has.
    pub(in crate::xsd) fn id_missing(&mut self, element: Element<'_>, id: &str) {
        self.add("cvc-id.1", || {
            Violation::at(element, "schema-identity").expected(id).text(
                cut(&format!("no element has the ID {id}")),
                cut(&format!("没有标识为 {id} 的元素")),
            )
        });
    }

    /// What only the general engine says. Its words may hold values: they are cut, and
    /// left out where the element is personal.
    pub(in crate::xsd) fn other(&mut self, element: Element<'_>, rule: &str, message: &str) {
        let message = if self.hides(element) { HIDDEN } else { message };
        self.add(rule, || {
            Violation::at(element, "schema-other")
                .expected(cut(message))
                .text(cut(&format!("{rule}: {message}")), format!("不符合 schema（{rule}）"))
        });
    }
}
