//! Named places where a test lets the process die, to show that nothing is lost
//! there. `ONEPOINT_DIE_AT=name:n` ends the process, as SIGKILL would, when the
//! place `name` is passed for the n-th time. Unset, it costs one atomic load.
//! The table below is the one list: README shows it, `selftest crash` visits it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place, and what it means to die there.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    /// What is on disk then.
    pub(crate) durable: &'static str,
    /// What follows for those who have no answer.
    pub(crate) then: &'static str,
    /// The selftest lets the process die at one of so many passes.
    pub(crate) passes: u64,
    /// Only passed with a broker.
    pub(crate) broker: bool,
    /// Passed by housekeeping and not by traffic.
    pub(crate) chore: bool,
}

const fn point_of(
    name: &'static str,
    passes: u64,
    durable: &'static str,
    then: &'static str,
) -> Point {
    Point { name, durable, then, passes, broker: false, chore: false }
}

/// A place of the store's own, passed once in a step of the retention policy.
const fn chore(name: &'static str, durable: &'static str, then: &'static str) -> Point {
    Point { name, durable, then, passes: 1, broker: false, chore: true }
}

/// Every place, so that a test can visit them all.
pub(crate) const POINTS: [Point; 25] = [
    point_of(
        "start.opened",
        1,
        "what was committed",
        "nobody was served yet; opening again is the same code",
    ),
    point_of(
        "start.announced",
        1,
        "what is registered, as facts",
        "nobody was served yet; the next start has nothing new to say",
    ),
    point_of(
        "reload.announced",
        1,
        "what a new configuration changes, as facts",
        "the next start reads the same files and has nothing new to say",
    ),
    point_of("intake.received", 24, "nothing of this message", "the sender sends again"),
    point_of("commit.before", 16, "nothing of this group", "its senders send again"),
    point_of(
        "commit.inside",
        16,
        "nothing of this group",
        "SQLite drops the unfinished transaction; its senders send again",
    ),
    point_of(
        "commit.after",
        16,
        "the whole group, its checkpoint signed",
        "whoever sends again gets the original receipts",
    ),
    point_of(
        "answer.before",
        24,
        "the message",
        "the sender sends again, gets the original receipts",
    ),
    point_of(
        "maintain.before",
        16,
        "the whole group, in the write-ahead log",
        "nothing: its answers are out",
    ),
    point_of("maintain.after", 16, "the whole group", "nothing: its answers are out"),
    Point {
        name: "relay.confirmed",
        durable: "the delivery as pending; the broker has it",
        then: "published again under the same id; the inbox makes it one effect",
        passes: 1,
        broker: true,
        chore: false,
    },
    point_of(
        "ack.before",
        8,
        "the delivery as pending",
        "the department is given it again; the inbox makes it one effect",
    ),
    point_of("ack.after", 8, "`delivered`", "nothing: it is not given out again"),
    point_of("record.before", 12, "nothing of the answer", "the department sends it again"),
    point_of(
        "record.after",
        12,
        "`answered`",
        "the department sends it again, it is known by its id",
    ),
    point_of(
        "receipt-ack.before",
        4,
        "the sender's answer as pending",
        "the sender is given it again",
    ),
    point_of(
        "receipt-ack.after",
        4,
        "that the sender has it",
        "nothing: it is not given out again",
    ),
    chore(
        "archive.unwritten",
        "the payloads in the journal",
        "nothing: the next run of housekeeping moves them",
    ),
    chore(
        "archive.written",
        "the payloads in the journal, and a segment that no row names",
        "the next run removes that segment and moves them again",
    ),
    chore("archive.pointed", "the payloads in their segment", "nothing: they are read from there"),
    chore(
        "erase.unmarked",
        "the payloads in their segment, which is due",
        "nothing: the next run erases it",
    ),
    chore(
        "erase.marked",
        "that they are erased, and still the file of their segment",
        "nobody is given them; the next run removes the file",
    ),
    chore("erase.removed", "that they are erased", "nothing: their receipts verify as before"),
    Point {
        name: "vendor.committed",
        durable: "the message; the broker has it too",
        then: "the broker gives it again, it is recognised by its guid, its verdict is posted",
        passes: 1,
        broker: true,
        chore: false,
    },
    Point {
        name: "vendor.answered",
        durable: "the message; its verdict is in the vendor's queue",
        then: "the broker gives it again, and its verdict is posted once more",
        passes: 1,
        broker: true,
        chore: false,
    },
];

/// The places of an adapter: a process of its own, which the selftest of a gateway does
/// not let die.
pub(crate) const ADAPTER_POINTS: [Point; 4] = [
    point_of(
        "adapter.handled",
        1,
        "effect, order and answers of the delivery, in the inbox",
        "the delivery comes again, is known, and has no second effect",
    ),
    point_of(
        "adapter.answered",
        1,
        "the same; the answers are out",
        "the delivery comes again, is known, and nothing is left to send",
    ),
    point_of(
        "backend.given",
        1,
        "the order as waiting; the back end has it",
        "the back end is given it again, under the same id",
    ),
    point_of(
        "backend.replied",
        1,
        "the reply, as an answer to be sent",
        "the reply comes again, and is known",
    ),
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
    let mut all = POINTS.iter().chain(&ADAPTER_POINTS);
    debug_assert!(all.any(|point| point.name == name), "unknown fault point {name}");
    let Some(plan) = PLAN.as_ref() else { return };
    if plan.point == name && plan.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_says_of_every_place_what_dying_there_means() {
        let readme = include_str!("../../../README.md");
        let rows = POINTS.map(|p| format!("| `{}` | {} | {} |\n", p.name, p.durable, p.then));
        for row in &rows {
            assert!(readme.contains(row), "README lacks this row:\n{row}");
        }
        assert!(readme.contains(&rows.concat()), "README has the places in another order");
        let rows =
            ADAPTER_POINTS.map(|p| format!("| `{}` | {} | {} |\n", p.name, p.durable, p.then));
        assert!(readme.contains(&rows.concat()), "README lacks a place of an adapter: {rows:?}");
    }

    #[test]
    fn every_place_is_passed_somewhere() {
        let sources = [
            include_str!("commit.rs"),
            include_str!("deliver.rs"),
            include_str!("gateway.rs"),
            include_str!("http/queues.rs"),
            include_str!("intake/vendors.rs"),
            include_str!("pipeline.rs"),
            include_str!("record.rs"),
            // Those that the store tells of.
            include_str!("../../store/src/archive.rs"),
            include_str!("../../store/src/sqlite/retention.rs"),
            include_str!("../../store/src/sqlite/retention/erase.rs"),
            // Those that the relay tells of.
            include_str!("../../relay/src/runner.rs"),
            include_str!("../../relay/src/runner/handover.rs"),
        ];
        for point in POINTS.iter().chain(&ADAPTER_POINTS) {
            let quoted = format!("\"{}\"", point.name);
            assert!(sources.iter().any(|text| text.contains(&quoted)), "{quoted} is nowhere");
        }
    }
}
