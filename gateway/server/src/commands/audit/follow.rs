//! `onepoint audit follow`: reads what a log has signed since the last time, checks all
//! of it against the mirror, and only then moves the mirror on. A log that shows less
//! than before, or another tree, is a fork: both checkpoints are kept as evidence.

use onepoint_proof::checkpoint::{Checkpoint, SignedCheckpoint};
use onepoint_proof::countersign::verify_countersignature;
use onepoint_proof::proof::{prove_consistency, root_from_tiles, verify_consistency};
use onepoint_proof::{FullTile, ReadError, TileId, TilePath, leaf_hash};

use super::finding::{Finding, Findings, Stop};
use super::mirror::{Last, Mirror, proof_json};
use super::source::Source;
use super::walk::{Walk, bundles};
use crate::cli::audit::FollowArgs;
use crate::clock::Clock;
use crate::commands::Outcome;
use crate::trust::Trust;

pub(crate) fn run(args: &FollowArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let source = Source::open(&args.log, args.ca.as_deref(), None)?;
    let mut findings = Findings::new(args.common.json);
    let followed = follow(&source, &trust, args, &mut findings);
    findings.take(followed)?;
    findings.end()
}

fn follow(
    source: &Source,
    trust: &Trust,
    args: &FollowArgs,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let mut mirror = Mirror::open(&args.mirror, trust)?;
    let (signed, note) = source.checkpoint(trust)?;
    let head = signed.checkpoint();
    findings.add(&Finding::pass("checkpoint", format!("size {}", head.size)));
    check_countersignature(source, trust, &signed, findings)?;
    if let Some(fault) = check_order(&mirror, head, &note)? {
        return Err(fault.into());
    }
    let known = mirror.last().map_or(0, |last| last.checkpoint.size);
    let mut round = Round {
        source,
        mirror: &mirror,
        findings,
        walk: mirror
            .last()
            .map_or_else(Walk::new, |last| Walk::from(last.tiles.clone(), last.time_ms)),
        faults: 0,
    };
    round.fetch(head)?;
    let (walk, faults) = (round.walk, round.faults);
    if walk.tiles.root() != head.root {
        return Err(explain(source, &mirror, head, &note)?.into());
    }
    findings.add(&Finding::pass("root", format!("size {}", head.size)));
    if known > 0 {
        findings.add(&Finding::pass("consistency", format!("size {known} to {}", head.size)));
    }
    if faults + walk.faults > 0 {
        return Ok(());
    }
    let range = format!("{} new", walk.taken);
    for code in ["entries", "tiles", "times"] {
        findings.add(&Finding::pass(code, range.clone()));
    }
    let key = trust.keys.first().map(ToString::to_string).unwrap_or_default();
    let size = head.size;
    if size > known || mirror.last().is_none() {
        let last =
            Last { checkpoint: head.clone(), note, tiles: walk.tiles, time_ms: walk.time_ms };
        mirror.finish(last, &key, Clock.now())?;
    }
    findings.add(&Finding::pass("mirror-written", format!("size {size}")));
    Ok(())
}

/// The gateway's own signature under the checkpoint, when there are anchors to judge it by.
fn check_countersignature(
    source: &Source,
    trust: &Trust,
    signed: &SignedCheckpoint,
    findings: &mut Findings,
) -> Result<(), Stop> {
    if trust.anchors.is_none() {
        return Ok(());
    }
    if signed.note().signatures().len() < 2 {
        findings.add(&Finding::pass("countersignature-none", ""));
        return Ok(());
    }
    let Some(pem) = source.certificates()? else {
        findings.add(&Finding::fail("countersignature-certificates-missing", source.name()));
        return Ok(());
    };
    let chain = onepoint_certs::Certificate::from_pem(&String::from_utf8_lossy(&pem));
    let chain = chain.map_err(|e| Finding::error(e.code(), e.en(), e.zh(), "certificates"))?;
    let chain: Vec<Vec<u8>> = chain.iter().map(|c| c.der().to_vec()).collect();
    let first = chain.first().map_or(&[][..], Vec::as_slice);
    match verify_countersignature(signed, first) {
        Ok(countersigned) => {
            findings.add(&Finding::pass("countersignature", ""));
            let certificate = trust.certificate(&chain, countersigned.time_ms);
            findings.add(&Finding::of_receipt(&certificate, "certificates"));
        }
        Err(e) => findings.add(&Finding::error(e.code(), e.en(), e.zh(), "checkpoint")),
    }
    Ok(())
}

/// What two sizes and roots alone can say.
fn check_order(mirror: &Mirror, head: &Checkpoint, note: &[u8]) -> Result<Option<Finding>, Stop> {
    let Some(last) = mirror.last() else { return Ok(None) };
    let old = &last.checkpoint;
    let code = if head.size < old.size {
        "log-shrunk"
    } else if head.size == old.size && head.root != old.root {
        "log-split"
    } else {
        return Ok(None);
    };
    let kept = keep(mirror, code, last, head, note, &[])?;
    let place = format!("size {} after {}", head.size, old.size);
    Ok(Some(Finding::fail(code, place).detail(kept)))
}

fn keep(
    mirror: &Mirror,
    code: &str,
    last: &Last,
    head: &Checkpoint,
    note: &[u8],
    more: &[(&str, &[u8])],
) -> Result<String, Stop> {
    let root: String = head.root.to_hex().chars().take(8).collect();
    let name = format!("{code}-{}-{}-{root}", last.checkpoint.size, head.size);
    let files =
        [&[("ours.checkpoint", last.note.as_slice()), ("theirs.checkpoint", note)], more].concat();
    Ok(mirror.keep_evidence(&name, &files)?)
}

/// The entries did not lead to the signed root. When the log's own tiles do, and do not
/// continue our tree, the log is forked; else its entries or tiles are damaged.
fn explain(
    source: &Source,
    mirror: &Mirror,
    head: &Checkpoint,
    note: &[u8],
) -> Result<Finding, Stop> {
    let mismatch = Finding::fail("root-mismatch", format!("size {}", head.size));
    let Some(last) = mirror.last() else { return Ok(mismatch) };
    let old = &last.checkpoint;
    let shown = || -> Result<Option<Vec<_>>, Stop> {
        let whole = root_from_tiles(source, head.size).map_err(unread)? == head.root;
        let proof = prove_consistency(source, old.size, head.size).map_err(unread)?;
        Ok(whole.then_some(proof))
    };
    let forked = match shown() {
        Ok(Some(proof)) => {
            let verdict = verify_consistency(old.size, head.size, &proof, &old.root, &head.root);
            verdict.is_err().then_some(proof)
        }
        Ok(None) | Err(Stop::Found(_)) => None,
        Err(outside) => return Err(outside),
    };
    let Some(proof) = forked else {
        let kept = keep(mirror, "root-mismatch", last, head, note, &[])?;
        return Ok(mismatch.detail(kept));
    };
    let proof = format!("{:#}\n", proof_json(old, head, &proof));
    let kept = keep(mirror, "log-forked", last, head, note, &[("proof.json", proof.as_bytes())])?;
    let place = format!("size {} to {}", old.size, head.size);
    Ok(Finding::fail("log-forked", place).detail(kept))
}

/// A proof could not be made: the source's own fault, or tiles that are too short.
pub(crate) fn unread(error: ReadError<Stop>) -> Stop {
    match error {
        ReadError::Source(stop) => stop,
        ReadError::Proof(error) => {
            Finding::error(error.code(), error.en(), error.zh(), "tile").into()
        }
    }
}

/// One round of fetching.
struct Round<'r> {
    source: &'r Source,
    mirror: &'r Mirror,
    findings: &'r mut Findings,
    walk: Walk,
    faults: u64,
}

impl Round<'_> {
    fn fault(&mut self, finding: &Finding) {
        self.findings.add(finding);
        self.faults += 1;
    }

    /// Fetches all bundles and tiles that are new in the tree of `head`.
    fn fetch(&mut self, head: &Checkpoint) -> Result<(), Stop> {
        if self.walk.tiles.size() == head.size {
            return Ok(());
        }
        let mut full = Vec::new();
        for (index, width) in bundles(self.walk.tiles.size(), head.size) {
            self.bundle(index, width, &mut full)?;
            for FullTile { id, hashes } in full.drain(..) {
                if id.level > 0 && self.source.hashes(id)? != hashes {
                    self.fault(&Finding::fail("tile-wrong", id.path()));
                }
                self.mirror.put_tile(id, &hashes)?;
            }
        }
        let partials: Vec<_> =
            self.walk.tiles.partials().map(|(id, hashes)| (id, hashes.to_vec())).collect();
        for (id, hashes) in partials {
            if id.level > 0 && self.source.hashes(id)? != hashes {
                self.fault(&Finding::fail("tile-wrong", id.path()));
            }
            self.mirror.put_tile(id, &hashes)?;
        }
        Ok(())
    }

    /// One bundle: the entries we have must be the same, all must be those of the tile.
    fn bundle(&mut self, index: u64, width: u16, full: &mut Vec<FullTile>) -> Result<(), Stop> {
        let first = index * u64::from(onepoint_proof::tile::TILE_WIDTH);
        let known = usize::try_from(self.walk.tiles.size() - first).unwrap_or(usize::MAX);
        let entries = self.source.entries(index, width)?;
        let hashes = self.source.hashes(TileId { level: 0, index, width })?;
        let ours = match u16::try_from(known) {
            Ok(known) if known > 0 => self.mirror.entries(index, known)?,
            _ => Vec::new(),
        };
        let mut wrong = 0;
        for (at, entry) in entries.iter().enumerate() {
            let place = || format!("entry {}", first + at as u64);
            if ours.get(at).is_some_and(|ours| ours != entry) {
                wrong += 1;
                self.fault(&Finding::fail("entries-changed", place()));
            }
            let hash = leaf_hash(entry);
            if let Some(expected) = hashes.get(at).filter(|expected| **expected != hash) {
                wrong += 1;
                self.fault(&Finding::fail("entry-wrong", place()).differs(expected, &hash));
            }
            if at >= known {
                self.walk.take(entry, full, self.findings);
            }
        }
        if wrong > 0 {
            let path = TilePath::Entries { index, width }.to_string();
            let bundle = onepoint_proof::tile::encode_bundle(&entries).unwrap_or_default();
            let tile = onepoint_proof::tile::encode_tile(&hashes);
            let hashes = TileId { level: 0, index, width }.path();
            let files = [(path.as_str(), bundle.as_slice()), (hashes.as_str(), &tile)];
            self.mirror.keep_evidence(&format!("entry-wrong-{first}"), &files)?;
        }
        self.mirror.put_entries(index, &entries)
    }
}
