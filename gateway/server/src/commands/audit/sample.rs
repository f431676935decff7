//! `onepoint audit sample`: opens facts that nobody chose. In: a seed, a number, a
//! gateway; out: the same indexes for everyone with that seed and checkpoint, the
//! receipt of each, and whether it verifies and belongs to the very tree the indexes
//! were drawn from. FORMATS.md, "Sample", is the source of the drawing.

use std::collections::BTreeSet;

use onepoint_proof::checkpoint::Checkpoint;
use onepoint_proof::proof::{prove_consistency, verify_consistency};
use onepoint_proof::receipt::VerifyOptions;
use onepoint_proof::{Hash, Report};
use serde_json::Value;

use super::finding::{Finding, Findings, Stop};
use super::follow::unread;
use super::source::Source;
use crate::cli::audit::SampleArgs;
use crate::clock::Clock;
use crate::commands::{Failure, Outcome, make_folder, write_new};
use crate::trust::Trust;

/// First line of what an index is drawn from.
const FORMAT: &str = "onepoint-sample/1";

pub(crate) fn run(args: &SampleArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let source = Source::open(&args.log, Some(&args.identity.ca), Some(&args.identity))?;
    let mut findings = Findings::new(args.common.json);
    let sampled = sample(&source, &trust, args, &mut findings);
    findings.take(sampled)?;
    findings.end()
}

/// The indexes of a sample, ascending: `count` different ones, or all when there are no more.
fn draw(seed: &str, root: &Hash, size: u64, count: u64) -> BTreeSet<u64> {
    if count >= size {
        return (0..size).collect();
    }
    let mut drawn = BTreeSet::new();
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let mut counter = 0u64;
    while drawn.len() < wanted {
        let counted = counter.to_be_bytes();
        let parts = [
            FORMAT.as_bytes(),
            b"\n",
            seed.as_bytes(),
            b"\n",
            root.as_bytes().as_slice(),
            &counted,
        ];
        let digest = Hash::of(&parts.concat());
        let (head, _) = digest.as_bytes().split_at(16);
        let number = head.iter().fold(0u128, |n, byte| n << 8 | u128::from(*byte));
        drawn.insert(u64::try_from(number % u128::from(size)).unwrap_or(0));
        counter += 1;
    }
    drawn
}

fn sample(
    source: &Source,
    trust: &Trust,
    args: &SampleArgs,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let (signed, _) = source.checkpoint(trust)?;
    let head = signed.checkpoint();
    findings.add(&Finding::pass("checkpoint", format!("size {} root {}", head.size, head.root)));
    if let Some(folder) = &args.output {
        make_folder(folder)?;
    }
    let mut proven = BTreeSet::new();
    for index in draw(&args.seed, &head.root, head.size, args.count) {
        let place = format!("fact {index}");
        let response = source.ask(&format!("/v1/facts/{index}"))?;
        match response.status {
            200 => {}
            410 => {
                findings.add(&Finding::pass("fact-erased", place));
                continue;
            }
            403 if names(&response.body, "fact-not-entitled") => {
                findings.add(&Finding::fail("not-entitled", place));
                continue;
            }
            401 | 403 => {
                let hint = "--certificate and --key of an auditor or operator";
                let message = format!("{}: {}", response.status, response.text());
                return Err(Failure::outside("not-entitled", message, hint).into());
            }
            status => {
                findings.add(&Finding::fail("receipt-missing", place).detail(status.to_string()));
                continue;
            }
        }
        let now_ms = Some(Clock.now().as_millisecond());
        let options = VerifyOptions { message: None, now_ms };
        let report = trust.verify(&response.body, &options);
        for finding in report.findings().iter().filter(|finding| !finding.ok) {
            findings.add(&Finding::of_receipt(finding, place.clone()));
        }
        if report.ok()
            && belongs(source, head, &report, &response.body, index, &mut proven, findings)?
        {
            let kind = report.fact().map(|fact| fact.kind().as_str().to_owned());
            findings.add(&Finding::pass("receipt", place).detail(kind.unwrap_or_default()));
        }
        if let Some(folder) = &args.output {
            write_new(&folder.join(format!("{index}.receipt.json")), &response.body)?;
        }
    }
    Ok(())
}

/// Whether an answer of the gateway has this code.
fn names(problem: &[u8], code: &str) -> bool {
    let problem: Value = serde_json::from_slice(problem).unwrap_or_default();
    problem.get("code").and_then(Value::as_str) == Some(code)
}

/// Whether the receipt is of the index asked for, and its tree the one that was drawn from
/// or a continuation of it.
fn belongs(
    source: &Source,
    head: &Checkpoint,
    report: &Report,
    receipt: &[u8],
    index: u64,
    proven: &mut BTreeSet<(u64, Hash)>,
    findings: &mut Findings,
) -> Result<bool, Stop> {
    let place = format!("fact {index}");
    let value: Value = serde_json::from_slice(receipt).unwrap_or_default();
    if value.get("index").and_then(Value::as_u64) != Some(index) {
        findings.add(&Finding::fail("receipt-of-another-fact", place));
        return Ok(false);
    }
    let Some(theirs) = report.checkpoint() else { return Ok(false) };
    let shown = (theirs.size, theirs.root);
    if shown == (head.size, head.root) || proven.contains(&shown) {
        return Ok(true);
    }
    let good = theirs.size > head.size && {
        let proof = prove_consistency(source, head.size, theirs.size).map_err(unread)?;
        verify_consistency(head.size, theirs.size, &proof, &head.root, &theirs.root).is_ok()
    };
    if good {
        proven.insert(shown);
    } else {
        let detail = format!("size {} and {}", head.size, theirs.size);
        findings.add(&Finding::fail("split-view", place).detail(detail));
    }
    Ok(good)
}
