//! `onepoint audit compare`: whether two copies of a log, held by different people, show
//! the same tree. Every entry and checkpoint is compared; a log that shows different
//! trees to different people cannot pass.

use onepoint_proof::checkpoint::Checkpoint;
use onepoint_proof::proof::{prove_consistency, verify_consistency};
use onepoint_proof::tile::TILE_WIDTH;

use super::finding::{Finding, Findings, Stop};
use super::follow::unread;
use super::source::Source;
use super::walk::{Walk, bundles};
use crate::cli::audit::CompareArgs;
use crate::commands::Outcome;
use crate::trust::Trust;

pub(crate) fn run(args: &CompareArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let one = Source::open(&args.one, args.ca.as_deref(), None)?;
    let other = Source::open(&args.other, args.ca.as_deref(), None)?;
    let mut findings = Findings::new(args.common.json);
    let compared = compare(&one, &other, &trust, &mut findings);
    findings.take(compared)?;
    findings.end()
}

fn compare(
    one: &Source,
    other: &Source,
    trust: &Trust,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let mut copies = Vec::new();
    for source in [one, other] {
        let (signed, _) = source.checkpoint(trust)?;
        let head = signed.checkpoint().clone();
        let place = format!("{} size {}", source.name(), head.size);
        findings.add(&Finding::pass("checkpoint", place));
        copies.push((source, head));
    }
    copies.sort_by_key(|(_, head)| head.size);
    let [(small, old), (large, new)] = copies.as_slice() else { return Ok(()) };
    if let Some(finding) = findings.take(compare_trees(large, old, new))? {
        findings.add(&finding);
    }
    let same = compare_entries(small, large, old, findings)?;
    if same {
        findings.add(&Finding::pass("entries", format!("{} in both", old.size)));
    }
    Ok(())
}

/// The larger copy's tiles prove that it continues the smaller one's checkpoint, or not.
fn compare_trees(large: &Source, old: &Checkpoint, new: &Checkpoint) -> Result<Finding, Stop> {
    let place = format!("size {} and {}", old.size, new.size);
    let agree = Finding::pass("copies-agree", place.clone());
    if old.size == 0 || old.size == new.size {
        let same = old.size == 0 || old.root == new.root;
        return Ok(if same {
            agree
        } else {
            Finding::fail("split-view", place).differs(&old.root, &new.root)
        });
    }
    let proof = prove_consistency(large, old.size, new.size).map_err(unread)?;
    Ok(match verify_consistency(old.size, new.size, &proof, &old.root, &new.root) {
        Ok(()) => agree,
        Err(error) => Finding::fail("split-view", place).detail(error.en()),
    })
}

/// Every entry of the smaller copy, in both; and they lead to its root.
fn compare_entries(
    small: &Source,
    large: &Source,
    head: &Checkpoint,
    findings: &mut Findings,
) -> Result<bool, Stop> {
    let mut walk = Walk::new();
    let mut full = Vec::new();
    let mut same = true;
    for (index, width) in bundles(0, head.size) {
        let entries = small.entries(index, width)?;
        let others = large.entries(index, width)?;
        for (at, (entry, other)) in entries.iter().zip(&others).enumerate() {
            if entry != other {
                let place = format!("entry {}", index * u64::from(TILE_WIDTH) + at as u64);
                let shown = |entry: &[u8]| String::from_utf8_lossy(entry).into_owned();
                let detail = format!("{} and {}", shown(entry), shown(other));
                findings.add(&Finding::fail("copies-differ", place).detail(detail));
                same = false;
            }
            walk.take(entry, &mut full, findings);
        }
        full.clear();
    }
    let place = format!("{} size {}", small.name(), head.size);
    if walk.tiles.root() == head.root {
        findings.add(&Finding::pass("root", place));
    } else {
        let found = Finding::fail("root-mismatch", place).differs(&head.root, &walk.tiles.root());
        findings.add(&found);
        same = false;
    }
    Ok(same && walk.faults == 0)
}
