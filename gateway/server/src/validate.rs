//! Third stage: is it right? The schema judges the message as a whole, the rules
//! judge each document of the batch for itself. Pure.

use onepoint_schemas::{Catalogue, MESSAGE_VIOLATIONS_MAX, Violation, bounded};

use crate::authenticate::{Authentic, Judged};
use crate::intake::Received;
use crate::refusal::{Refusal, Stage};

/// Evidence: the structure is that of its schema, and each document has its verdict.
#[derive(Debug)]
pub(crate) struct Valid {
    authentic: Authentic,
    violations: Vec<Vec<Violation>>,
}

impl Valid {
    pub(crate) fn authentic(&self) -> &Authentic {
        &self.authentic
    }

    /// Gives the bytes back, for the journal of a refusal.
    pub(crate) fn into_received(self) -> Received {
        self.authentic.into_received()
    }

    /// What the rules found in the document `index`; nothing for a good one.
    pub(crate) fn violations(&self, index: usize) -> &[Violation] {
        self.violations.get(index).map_or(&[], Vec::as_slice)
    }
}

/// Judges structure and rules.
///
/// # Errors
/// A fault of structure refuses the whole message; see the crate schemas for the codes.
pub(crate) fn validate(authentic: Authentic, catalogue: &Catalogue) -> Judged<Valid> {
    let Some(kind) = catalogue.in_version(authentic.message_type(), authentic.schema()) else {
        return Err(Box::new((authentic.into_received(), crate::refusal::internal())));
    };
    if let Err(mut violations) = catalogue.validate_structure(authentic.document(), kind) {
        authentic.origin().place(&mut violations, catalogue, kind);
        let refusal = Refusal::from_violations(Stage::Validate, violations);
        let refusal = refusal.within(authentic.within());
        return Err(Box::new((authentic.into_received(), refusal)));
    }
    let document = authentic.document();
    let indexes = 0..authentic.facts().len();
    let mut room = MESSAGE_VIOLATIONS_MAX;
    let violations = indexes.map(|index| {
        let mut found = bounded(catalogue.check_rules(document, kind, index), room.max(1));
        authentic.origin().place(&mut found, catalogue, kind);
        room = room.saturating_sub(found.len());
        found
    });
    let violations = violations.collect();
    Ok(Valid { authentic, violations })
}
