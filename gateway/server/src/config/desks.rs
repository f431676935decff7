//! In which forms departments take messages: the key `takes` of a department, and the gateway's
//! countersignature, by which what came in another form becomes a DXP envelope. In: sections of
//! the configuration. Out: checked [`Desk`]s; what does not fit together is a fault.

use super::section::Section;
use super::{Addresses, Department};
use crate::countersign::Countersigner;
use crate::seal::GatewaySeal;

/// The forms, for a person.
const FORMS: &str = "xml, dxp, jws, announcement-179 or countersigned";

/// Where and in which forms a department takes its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Desk {
    pub(crate) takes: Takes,
    /// Its address in DXP envelopes.
    pub(crate) dxp_id: Option<String>,
}

/// The forms that a department takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Takes {
    /// A document with its own Signature.
    pub(crate) xml: bool,
    /// The DXP envelope of the sender, as it came.
    pub(crate) dxp: bool,
    /// The JSON Web Signature, as it came.
    pub(crate) jws: bool,
    /// The JSON of announcement 179, as it came.
    pub(crate) payment_data: bool,
    /// A DXP envelope that the gateway signs, with the sender's signature in it as evidence.
    pub(crate) countersigned: bool,
}

impl Default for Takes {
    /// What the customs norm has: the document and the envelope.
    fn default() -> Takes {
        Takes { xml: true, dxp: true, jws: false, payment_data: false, countersigned: false }
    }
}

impl Takes {
    /// The names of the forms, as in the configuration.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [
            ("xml", self.xml),
            ("dxp", self.dxp),
            ("jws", self.jws),
            ("announcement-179", self.payment_data),
            ("countersigned", self.countersigned),
        ];
        all.iter().filter(|(_, taken)| *taken).map(|(name, _)| *name).collect()
    }
}

/// Reads `takes` of a department.
pub(super) fn takes(section: &Section<'_, '_>) -> Takes {
    if !section.has("takes") {
        return Takes::default();
    }
    let mut takes = Takes { xml: false, dxp: false, ..Takes::default() };
    let names = section.texts("takes");
    for name in &names {
        match name.as_str() {
            "xml" => takes.xml = true,
            "dxp" => takes.dxp = true,
            "jws" => takes.jws = true,
            "announcement-179" => takes.payment_data = true,
            "countersigned" => takes.countersigned = true,
            other => {
                let what = format!("expected {FORMS}, found {other:?}");
                section.fault("takes", what);
            }
        }
    }
    if names.is_empty() {
        section.fault("takes", format!("names no form; expected {FORMS}"));
    }
    takes
}

/// What countersigns for the departments that take it; none where none does.
pub(super) fn countersigner(
    root: &Section<'_, '_>,
    departments: &[Department],
    seal: &Option<GatewaySeal>,
    addresses: &Addresses,
) -> Option<Countersigner> {
    let wants: Vec<&Department> =
        departments.iter().filter(|department| department.desk.takes.countersigned).collect();
    let first = wants.first()?;
    for department in &wants {
        if department.desk.dxp_id.is_none() {
            let what =
                format!("department {} takes countersigned, but has no dxp_id", department.name);
            root.fault("participant", what);
        }
    }
    let name = &first.name;
    if seal.is_none() {
        root.fault("seal", format!("is missing; department {name} takes countersigned"));
    }
    if addresses.dxp_id.is_none() {
        root.fault("dxp", format!("has no id; department {name} takes countersigned"));
    }
    Some(Countersigner::new(seal.clone()?, addresses.dxp_id.clone()?))
}
