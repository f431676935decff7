//! Words for what a walk finds: stable codes, our position, the rule of XML Schema, what was
//! expected, what was found, both languages. Bounded: further faults are counted, not kept.

use onepoint_xml::{Element, Name};

use super::model::{AttributeUse, Model, TypeId};
use super::simple::Rule;
use super::symbols::Symbol;
use super::words::Wrong;
use crate::violation::{VIOLATIONS_MAX, Violation};

mod declared;

/// What stands for a value that is personal.
const HIDDEN: &str = "***";
/// Longest text with names that a sender made up, characters.
const TEXT_MAX: usize = 400;

/// A required element that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// [`super::symbols::UNKNOWN`] where any element would do.
    pub(super) name: Symbol,
    /// The element that stands before the gap, when there is one.
    pub(super) after: Option<Symbol>,
    /// It came too early, which was said there.
    pub(super) moved: bool,
}

/// The faults of one message.
pub(super) struct Report<'p> {
    found: Vec<Violation>,
    /// Faults beyond the bound.
    more: usize,
    /// Names of elements whose values are personal and are not repeated.
    personal: &'p [String],
}

impl<'p> Report<'p> {
    pub(super) fn new(personal: &'p [String]) -> Report<'p> {
        Report { found: Vec::new(), more: 0, personal }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether what comes is counted only.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= VIOLATIONS_MAX
    }

    /// The violations; one more when some were left out, which says how many.
    pub(super) fn finish(mut self, root: Element<'_>) -> Vec<Violation> {
        if self.more > 0 {
            let more = self.more;
            let text =
                (format!("{more} more faults, not listed"), format!("另有 {more} 处错误，未列出"));
            let found = Violation::at(root, "schema-more").found(&more.to_string());
            self.found.push(found.text(text.0, text.1));
        }
        self.found
    }

    fn add(&mut self, rule: &str, make: impl FnOnce() -> Violation) {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(make().rule(rule));
        } else {
            self.more += 1;
        }
    }

    fn hides(&self, element: Element<'_>) -> bool {
        let name = element.name().local;
        self.personal.iter().any(|personal| personal == name)
    }

    /// A required element is not there; `next` stands in its place.
    pub(super) fn missing(&mut self, model: &Model, next: Element<'_>, gap: &Gap) {
        self.add("cvc-complex-type.2.4", || {
            let (name, found) = (shown(model, gap.name), next.name().local);
            let (en, zh) = match gap.after {
                Some(after) => {
                    let after = shown(model, after);
                    (
                        format!("expected element {name} after {after}, found {found}"),
                        format!("{after} 之后应为 {name}，实为 {found}"),
                    )
                }
                None => (
                    format!("expected element {name} first, found {found}"),
                    format!("首个元素应为 {name}，实为 {found}"),
                ),
            };
            let violation = Violation::at(next, "schema-missing-element");
            violation.expected(name).found(found).text(cut(&en), cut(&zh))
        });
    }

    /// A required element is not there; its parent ends.
    pub(super) fn missing_at_end(&mut self, model: &Model, parent: Element<'_>, gap: &Gap) {
        self.add("cvc-complex-type.2.4", || {
            let (name, parent_name) = (shown(model, gap.name), parent.name().local);
            let empty = parent.children().next().is_none();
            let (en, zh) = match gap.after {
                Some(after) => {
                    let after = shown(model, after);
                    (
                        format!(
                            "expected element {name} after {after}, found the end of {parent_name}"
                        ),
                        format!("{parent_name} 缺少 {name}，应在 {after} 之后"),
                    )
                }
                None if empty => (
                    format!("{parent_name} is empty; expected element {name}"),
                    format!("{parent_name} 为空，应有 {name}"),
                ),
                None => (
                    format!("{parent_name} lacks element {name}"),
                    format!("{parent_name} 缺少 {name}"),
                ),
            };
            let violation = Violation::at(parent, "schema-missing-element").at_end_of(parent);
            violation.expected(name).found(&format!("end of {parent_name}")).text(en, zh)
        });
    }

    /// An element that has no place here; `due` are the names that have.
    pub(super) fn unexpected(&mut self, element: Element<'_>, due: &str) {
        self.add("cvc-complex-type.2.4", || {
            let name = element.name();
            let local = name.local;
            // The namespace is the news only where it is another than around it.
            let around = element.parent().map_or("", |parent| parent.name().namespace);
            let (of_en, of_zh) = match name.namespace {
                same if same == around => (String::new(), String::new()),
                "" => (" of no namespace".to_owned(), "（无命名空间）".to_owned()),
                other => (format!(" of namespace {other}"), format!("（命名空间 {other}）")),
            };
            let (mut en, mut zh) = (
                format!("element {local}{of_en} is not allowed here"),
                format!("此处不允许元素 {local}{of_zh}"),
            );
            if !due.is_empty() {
                en.push_str(&format!("; expected {due}"));
                zh.push_str(&format!("，应为 {due}"));
            }
            let violation = Violation::at(element, "schema-unexpected-element");
            violation.expected(due).found(local).text(cut(&en), cut(&zh))
        });
    }

    /// An element that may come at most `max` times.
    pub(super) fn too_many(&mut self, element: Element<'_>, max: u32) {
        self.add("cvc-complex-type.2.4", || {
            let name = element.name().local;
            let en = match max {
                1 => format!("element {name} occurs more than once"),
                max => format!("element {name} occurs more than {max} times"),
            };
            let violation = Violation::at(element, "schema-unexpected-element");
            let violation = violation.expected(format!("at most {max} {name}")).found(name);
            violation.text(en, format!("元素 {name} 最多出现 {max} 次"))
        });
    }

    /// An element that should stand after another, which comes further down.
    pub(super) fn early(&mut self, element: Element<'_>, after: &str) {
        self.add("cvc-complex-type.2.4", || {
            let name = element.name().local;
            let violation = Violation::at(element, "schema-unexpected-element");
            violation.expected(format!("{name} after {after}")).found(name).text(
                format!("element {name} is out of order: it stands after {after}"),
                format!("元素 {name} 顺序有误，应在 {after} 之后"),
            )
        });
    }

    /// An element that should have stood before another.
    pub(super) fn late(&mut self, element: Element<'_>, before: &str) {
        self.add("cvc-complex-type.2.4", || {
            let name = element.name().local;
            let violation = Violation::at(element, "schema-unexpected-element");
            violation.expected(format!("{name} before {before}")).found(name).text(
                format!("element {name} is out of order: it stands before {before}"),
                format!("元素 {name} 顺序有误，应在 {before} 之前"),
            )
        });
    }

    /// A choice ends too early.
    pub(super) fn incomplete(&mut self, element: Element<'_>, due: &str) {
        self.add("cvc-complex-type.2.4", || {
            let name = element.name().local;
            let violation = Violation::at(element, "schema-missing-element").at_end_of(element);
            violation.expected(due).found(&format!("end of {name}")).text(
                cut(&format!("{name} is not complete; it is made of {due}")),
                cut(&format!("{name} 内容不完整，可包含 {due}")),
            )
        });
    }

    /// Text among elements.
    pub(super) fn text_unexpected(&mut self, element: Element<'_>, text: &str) {
        self.add("cvc-complex-type.2.3", || {
            let name = element.name().local;
            let violation = Violation::at(element, "schema-unexpected-text");
            violation.expected("elements only").found(text.trim()).text(
                format!("{name} holds elements, but there is text among them"),
                format!("{name} 只能包含元素，其间出现了文本"),
            )
        });
    }

    /// A value that its type does not allow.
    pub(super) fn value(&mut self, model: &Model, element: Element<'_>, kind: TypeId, rule: Rule) {
        let hidden = self.hides(element);
        self.add(rule.name(), || {
            let (name, text) = (element.name().local, element.text());
            let what = Wrong::of(model, kind, rule, &text);
            let shown = if hidden { HIDDEN } else { &text };
            Violation::at(element, what.code)
                .expected(what.expected)
                .found(shown)
                .text(format!("{name} {}", what.en), format!("{name} {}", what.zh))
        });
    }

    /// An attribute that the element does not have.
    pub(super) fn attribute_unknown(&mut self, at: Element<'_>, name: Name<'_>, known: &str) {
        self.add("cvc-complex-type.3.2.2", || {
            let element = at.name().local;
            let violation = Violation::at(at, "schema-attribute").expected(known);
            violation.found(&name.to_string()).text(
                cut(&format!("attribute {name} is not allowed on {element}")),
                cut(&format!("元素 {element} 不允许属性 {name}")),
            )
        });
    }

    /// An attribute that is required and absent.
    pub(super) fn attribute_missing(
        &mut self,
        model: &Model,
        element: Element<'_>,
        used: &AttributeUse,
    ) {
        self.add("cvc-complex-type.4", || {
            let (name, element_name) = (model.symbols.local(used.name), element.name().local);
            let (en, zh) = super::words::expected(model, used.kind);
            Violation::at(element, "schema-attribute").expected(name).text(
                format!("{element_name} lacks the attribute {name} ({en})"),
                format!("元素 {element_name} 缺少属性 {name}（{zh}）"),
            )
        });
    }

    /// An attribute with a wrong value.
    pub(super) fn attribute_value(
        &mut self,
        model: &Model,
        element: Element<'_>,
        used: &AttributeUse,
        value: &str,
        rule: Rule,
    ) {
        self.add(rule.name(), || {
            let name = model.symbols.local(used.name);
            let what = Wrong::of(model, used.kind, rule, value);
            Violation::at(element, "schema-attribute")
                .expected(what.expected)
                .found(value)
                .text(format!("attribute {name} {}", what.en), format!("属性 {name} {}", what.zh))
        });
    }
}

fn shown(model: &Model, name: Symbol) -> &str {
    match model.symbols.local(name) {
        "" => "*",
        local => local,
    }
}

/// Text that holds names a sender made up: bounded.
fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}
