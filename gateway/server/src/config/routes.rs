//! The routing table: which departments must know a type of message, perhaps
//! only when a field has certain values. Pure; decided per document.

use std::collections::{BTreeMap, BTreeSet};

use onepoint_schemas::DocumentFacts;

use super::section::Section;
use super::{Department, Desk};
use crate::countersign::Countersigner;

/// The routing table of a configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    version: String,
    desks: BTreeMap<String, Desk>,
    countersigner: Option<Countersigner>,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) message_type: String,
    pub(crate) departments: Vec<String>,
    pub(crate) when: Vec<Condition>,
}

/// A field that must have one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) one_of: Vec<String>,
}

impl Routes {
    pub(crate) fn new(routes: Vec<Route>) -> Routes {
        let version = version(&format!("{routes:?}"));
        Routes { routes, version, ..Routes::default() }
    }

    /// The same with the desks of the departments, and what countersigns for them.
    pub(crate) fn at_desks(
        self,
        departments: &[Department],
        countersigner: Option<Countersigner>,
    ) -> Routes {
        let desks: BTreeMap<String, Desk> =
            departments.iter().map(|d| (d.name.clone(), d.desk.clone())).collect();
        let version = version(&format!("{:?} {desks:?}", self.routes));
        Routes { routes: self.routes, version, desks, countersigner }
    }

    /// Where and in which forms a department takes its messages.
    pub(crate) fn desk(&self, department: &str) -> Desk {
        self.desks.get(department).cloned().unwrap_or_default()
    }

    pub(crate) fn countersigner(&self) -> Option<&Countersigner> {
        self.countersigner.as_ref()
    }

    /// Names this table's content in facts.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The table as the log shows it.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        let condition = |c: &Condition| serde_json::json!({ "field": c.field, "one_of": c.one_of });
        let line = |route: &Route| {
            let when: Vec<serde_json::Value> = route.when.iter().map(condition).collect();
            serde_json::json!({
                "type": route.message_type, "departments": route.departments, "when": when,
            })
        };
        self.routes.iter().map(line).collect()
    }

    /// Whether any line is for this type.
    pub(crate) fn knows(&self, message_type: &str) -> bool {
        self.routes.iter().any(|route| route.message_type == message_type)
    }

    /// What each department takes, as the log shows it.
    pub(crate) fn desks_value(&self) -> serde_json::Value {
        let desk =
            |(name, desk): (&String, &Desk)| (name.clone(), serde_json::json!(desk.takes.names()));
        serde_json::Value::Object(self.desks.iter().map(desk).collect())
    }

    /// The departments that must know this document, each once, in alphabetical order.
    pub(crate) fn departments(&self, message_type: &str, facts: &DocumentFacts) -> BTreeSet<&str> {
        let lines = self.routes.iter().filter(|route| {
            route.message_type == message_type && route.when.iter().all(|c| c.holds(facts))
        });
        lines.flat_map(|route| route.departments.iter().map(String::as_str)).collect()
    }
}

impl Routes {
    /// Why a document goes to a department: the lines of the table that say so.
    pub(crate) fn why(
        &self,
        message_type: &str,
        department: &str,
        facts: &DocumentFacts,
    ) -> Vec<String> {
        let says = |route: &&Route| {
            route.message_type == message_type
                && route.departments.iter().any(|name| name == department)
                && route.when.iter().all(|condition| condition.holds(facts))
        };
        let why = |route: &Route| match route.when.as_slice() {
            [] => format!("every {message_type} goes there"),
            when => {
                let told = when.iter().map(|condition| {
                    let value = facts.field(&condition.field).unwrap_or_default();
                    format!("{} is {value:?}", condition.field)
                });
                told.collect::<Vec<_>>().join(" and ")
            }
        };
        self.routes.iter().filter(says).map(why).collect()
    }
}

fn version(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

impl Condition {
    fn holds(&self, facts: &DocumentFacts) -> bool {
        let value = facts.field(&self.field).unwrap_or_default();
        self.one_of.iter().any(|allowed| *allowed == value)
    }
}

/// Reads every `[[route]]`.
pub(super) fn read(root: &Section<'_, '_>, departments: &[Department]) -> Routes {
    let lines = root.sections("route");
    if lines.is_empty() {
        root.fault(
            "route",
            "is missing; expected at least one [[route]] with type and departments",
        );
    }
    Routes::new(lines.iter().filter_map(|line| route(line, departments)).collect())
}

fn route(line: &Section<'_, '_>, departments: &[Department]) -> Option<Route> {
    let message_type = line.text("type");
    let names = line.texts("departments");
    if names.is_empty() {
        line.fault("departments", "is missing; expected a list of department names");
    }
    for name in names.iter().filter(|n| departments.iter().all(|d| d.name != **n)) {
        let known: Vec<&str> = departments.iter().map(|d| d.name.as_str()).collect();
        let what = format!("no participant is department {name:?}; known: {}", known.join(", "));
        line.fault("departments", what);
    }
    let when = line.sections("when").iter().filter_map(condition).collect();
    line.finish();
    Some(Route { message_type: message_type?, departments: names, when })
}

fn condition(section: &Section<'_, '_>) -> Option<Condition> {
    let field = section.text("field");
    let one_of = section.texts("one_of");
    if one_of.is_empty() {
        section.fault("one_of", "is missing; expected a list of values");
    }
    section.finish();
    Some(Condition { field: field?, one_of })
}
