//! Fourth stage: who must know. Turns each good document into the departments
//! of the routing table and groups them: one delivery per message and department. Pure.

use std::collections::BTreeMap;

use crate::authenticate::Judged;
use crate::config::Routes;
use crate::countersign::{self, Body};
use crate::refusal::{Refusal, Stage};
use crate::validate::Valid;

/// Evidence: every document without violations has at least one department.
#[derive(Debug)]
pub(crate) struct Routed {
    valid: Valid,
    deliveries: Vec<Delivery>,
    routes_version: String,
}

/// What one department gets of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) department: String,
    /// Topic key; the department stands first, so that its queue binds `<department>.#`.
    pub(crate) routing_key: String,
    /// Indexes of the documents, ascending.
    pub(crate) documents: Vec<usize>,
    /// The message in a form that the department takes.
    pub(crate) body: Body,
}

impl Routed {
    pub(crate) fn valid(&self) -> &Valid {
        &self.valid
    }

    pub(crate) fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    pub(crate) fn routes_version(&self) -> &str {
        &self.routes_version
    }
}

/// Finds the departments of every document that has no violation.
///
/// # Errors
/// `route-missing` when a good document has no department: it would be accepted and never seen;
/// `form-not-taken` when one of them does not take the form that the message came in.
pub(crate) fn route(valid: Valid, routes: &Routes) -> Judged<Routed> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let authentic = valid.authentic();
    for (index, facts) in authentic.facts().iter().enumerate() {
        if !valid.violations(index).is_empty() {
            continue;
        }
        let departments = routes.departments(authentic.message_type(), facts);
        if departments.is_empty() {
            let refusal = no_route(authentic.message_type(), index);
            return Err(Box::new((valid.into_received(), refusal)));
        }
        for department in departments {
            found.entry(department.to_owned()).or_default().push(index);
        }
    }
    let message_type = authentic.message_type();
    let deliveries = found.into_iter().map(|(department, documents)| {
        let desk = routes.desk(&department);
        let body = countersign::body(authentic, &department, &desk, routes.countersigner())?;
        let routing_key = routing_key(&department, message_type);
        Ok(Delivery { routing_key, department, documents, body })
    });
    let deliveries = match deliveries.collect::<Result<Vec<Delivery>, Refusal>>() {
        Ok(deliveries) => deliveries,
        Err(refusal) => return Err(Box::new((valid.into_received(), refusal))),
    };
    Ok(Routed { valid, deliveries, routes_version: routes.version().to_owned() })
}

fn no_route(message_type: &str, index: usize) -> Refusal {
    Refusal::new(
        Stage::Route,
        422,
        "route-missing",
        format!(
            "no department of this zone takes {message_type} with the values of document {index}"
        ),
        format!("路由表中没有接收 {message_type}（第 {} 份单证）的部门", index + 1),
    )
    .expecting("a [[route]] for this type in the configuration")
}

/// `<department>.<direction>.<family>.<type>`, for instance `tax.import.ceb.CEB311Message`.
pub(crate) fn routing_key(department: &str, message_type: &str) -> String {
    format!("{department}.import.ceb.{message_type}")
}
