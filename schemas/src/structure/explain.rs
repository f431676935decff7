//! Says why a document is not valid: the engine's findings, mapped to stable
//! codes, with our position, what was expected, what was found, both languages.

use std::cell::RefCell;
use std::rc::Rc;

use onepoint_xml::{Document, Element};
use xsd_schema::SchemaSet;
use xsd_schema::validation::{
    SchemaValidator, ValidationError, ValidationFlags, ValidationRuntime, ValidationSink,
    ValidationWarning,
};

use super::drive::{Watch, walk};
use crate::violation::{VIOLATIONS_MAX, Violation, cut};

type Findings = Rc<RefCell<Vec<ValidationError>>>;

struct Sink(Findings);

impl ValidationSink for Sink {
    fn on_error(&mut self, error: ValidationError) {
        self.0.borrow_mut().push(error);
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

/// All violations, in document order, up to the bound.
pub(super) fn violations(set: &SchemaSet, document: &Document) -> Vec<Violation> {
    let findings: Findings = Rc::default();
    let validator = SchemaValidator::new(set, ValidationFlags::empty());
    let mut runtime = validator.start_run(Sink(Rc::clone(&findings)));
    let mut watch =
        Explain { set, findings, expected: Vec::new(), found: Vec::new(), spoiled: Vec::new() };
    walk(set, document, &mut runtime, &mut watch);
    if let Err(error) = runtime.end_validation() {
        let root = document.root();
        watch.found.push(other(root, &error));
    }
    let mut found = watch.found;
    if found.is_empty() {
        let text = ("the schema refuses the document", "报文不符合 schema");
        found.push(Violation::at(document.root(), "schema-other").text(text.0, text.1));
    }
    if found.len() >= VIOLATIONS_MAX {
        found.truncate(VIOLATIONS_MAX);
        found.push(Violation::at(document.root(), "schema-more").text(
            format!("only the first {VIOLATIONS_MAX} faults are listed"),
            format!("仅列出前 {VIOLATIONS_MAX} 处错误"),
        ));
    }
    found
}

struct Explain<'s> {
    set: &'s SchemaSet,
    findings: Findings,
    /// Names that could have come where the present element came.
    expected: Vec<String>,
    found: Vec<Violation>,
    /// Depth of elements whose children are out of order: what follows there is noise.
    spoiled: Vec<usize>,
}

impl Explain<'_> {
    fn expect<S: ValidationSink>(&mut self, runtime: &ValidationRuntime<'_, S>) {
        let names = runtime.get_expected_elements().into_iter();
        let names = names.map(|e| self.set.name_table.resolve(e.local_name).to_owned());
        self.expected = names.collect();
    }

    fn take(&mut self, element: Element<'_>, starting: bool) {
        let errors: Vec<ValidationError> = self.findings.borrow_mut().drain(..).collect();
        for error in errors {
            let parent = if starting { element.parent() } else { Some(element) };
            let key = parent.map(|p| p.span().start);
            let structural = is_structural(error.constraint);
            if structural && key.is_some_and(|key| self.spoiled.contains(&key)) {
                continue;
            }
            if structural {
                self.spoiled.extend(key);
            }
            let violation = violation(element, &error, &self.expected, starting);
            self.found.push(violation);
        }
    }
}

impl<S: ValidationSink> Watch<S> for Explain<'_> {
    fn before(&mut self, runtime: &ValidationRuntime<'_, S>, _: Element<'_>) {
        self.expect(runtime);
    }

    fn started(&mut self, _: &ValidationRuntime<'_, S>, element: Element<'_>) {
        self.take(element, true);
    }

    fn ending(&mut self, runtime: &ValidationRuntime<'_, S>, element: Element<'_>) {
        self.take(element, false);
        self.expect(runtime);
    }

    fn ended(&mut self, _: &ValidationRuntime<'_, S>, element: Element<'_>) {
        self.take(element, false);
    }

    fn is_done(&self) -> bool {
        self.found.len() > VIOLATIONS_MAX
    }
}

/// The order and presence of children (XML Schema part 1, section 3.4.4).
fn is_structural(constraint: &str) -> bool {
    constraint.starts_with("cvc-complex-type.2") || constraint.starts_with("cvc-elt.1")
}

fn violation(
    element: Element<'_>,
    error: &ValidationError,
    expected: &[String],
    starting: bool,
) -> Violation {
    let constraint = error.constraint;
    if is_structural(constraint) {
        return structural(element, expected, starting);
    }
    if constraint.starts_with("cvc-complex-type.3") || constraint.starts_with("cvc-complex-type.4")
    {
        let en = format!("attributes of {}: {}", element.name().local, error.message);
        let zh = format!("元素 {} 的属性有误：{}", element.name().local, error.message);
        return Violation::at(element, "schema-attribute").expected(&*error.message).text(en, zh);
    }
    let (code, en, zh) = match constraint {
        "cvc-pattern-valid" => ("schema-pattern", "has the wrong form", "格式不符"),
        "cvc-length-valid" => ("schema-length", "has the wrong length", "长度不符"),
        "cvc-minLength-valid" => ("schema-length", "is too short", "长度不足"),
        "cvc-maxLength-valid" => ("schema-length", "is too long", "长度超限"),
        "cvc-totalDigits-valid" => ("schema-digits", "has too many digits", "数字位数超限"),
        "cvc-fractionDigits-valid" => {
            ("schema-digits", "has too many digits behind the point", "小数位数超限")
        }
        "cvc-enumeration-valid" => {
            ("schema-enumeration", "is not one of the values", "取值不在范围内")
        }
        c if c.starts_with("cvc-m") => ("schema-range", "is out of range", "取值超出范围"),
        c if c.starts_with("cvc-datatype-valid") || c.starts_with("cvc-type") => {
            ("schema-type", "is not a value of its type", "类型不符")
        }
        _ => return other(element, error),
    };
    let name = element.name().local;
    let found = cut(&element.text());
    Violation::at(element, code)
        .found(&found)
        .expected(&*error.message)
        .text(format!("{name} {en}: {}", error.message), format!("{name} {zh}：“{found}”"))
}

fn structural(element: Element<'_>, expected: &[String], starting: bool) -> Violation {
    let wanted = expected.join(", ");
    let name = element.name().local;
    if !starting {
        return Violation::at(element, "schema-missing-element")
            .expected(&*wanted)
            .found(&format!("end of {name}"))
            .text(
                format!("{name} ends too early; expected {wanted}"),
                format!("{name} 缺少 {wanted}"),
            );
    }
    let came_before = element.parent().is_some_and(|parent| {
        let before = parent.children().take_while(|sibling| sibling.index() != element.index());
        before.into_iter().any(|sibling| sibling.name().local == name)
    });
    if expected.is_empty() || came_before {
        let (en, zh) = match expected {
            [] => (format!("{name} is not allowed here"), format!("此处不允许 {name}")),
            _ => (
                format!("{name} is not allowed here; expected {wanted}"),
                format!("此处不允许 {name}，应为 {wanted}"),
            ),
        };
        let found = Violation::at(element, "schema-unexpected-element").expected(wanted);
        return found.found(name).text(en, zh);
    }
    Violation::at(element, "schema-missing-element")
        .expected(&*wanted)
        .found(name)
        .text(format!("expected {wanted}, found {name}"), format!("此处应为 {wanted}，实为 {name}"))
}

fn other(element: Element<'_>, error: &ValidationError) -> Violation {
    Violation::at(element, "schema-other").expected(&*error.message).text(
        format!("{}: {}", error.constraint, error.message),
        format!("不符合 schema（{}）", error.constraint),
    )
}
