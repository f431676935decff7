//! `onepoint audit`: what somebody who trusts nobody can check of a log, of the
//! gateway's store and of what participants hold. In: a log (HTTPS or a folder), its
//! key; out: findings, each with a stable code, both languages and the place, and the
//! exit code: 0 only when every check held.

use crate::cli::audit::{Audit, AuditArgs};

use super::Outcome;

mod compare;
mod completeness;
mod export;
mod finding;
mod follow;
mod mirror;
mod sample;
mod source;
mod store;
mod tally;
mod walk;

pub(crate) fn run(args: &AuditArgs) -> Outcome {
    match &args.what {
        Audit::Follow(args) => follow::run(args),
        Audit::Compare(args) => compare::run(args),
        Audit::Store(args) => store::run(args),
        Audit::Sample(args) => sample::run(args),
        Audit::Export(args) => export::run(args),
        Audit::Completeness(args) => completeness::run(args),
    }
}
