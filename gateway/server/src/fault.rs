//! Named places where a test lets the process die, to show that nothing is lost
//! there. `ONEPOINT_DIE_AT=name:n` ends the process, as SIGKILL would, when the
//! place `name` is passed for the n-th time. Unset, it costs one atomic load.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every place, so that a test can visit them all.
pub(crate) const POINTS: [&str; 6] = [
    "commit.before",
    "commit.inside",
    "commit.after",
    "answer.before",
    "relay.confirmed",
    "record.before",
];

struct Plan {
    point: String,
    left: AtomicU64,
}

static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
    let plan = std::env::var("ONEPOINT_DIE_AT").ok()?;
    let (point, count) = plan.split_once(':').unwrap_or((&plan, "1"));
    Some(Plan { point: point.to_owned(), left: AtomicU64::new(count.parse().unwrap_or(1)) })
});

/// Dies here if the plan says so. Aborts: no destructor runs, nothing is flushed.
pub(crate) fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "unknown fault point {name}");
    let Some(plan) = PLAN.as_ref() else { return };
    if plan.point == name && plan.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        std::process::abort();
    }
}
