//! `onepoint audit store`: the gateway's store against its own log. In: the journal's
//! folder, the log's key, maybe a mirror; out: whether every stored fact leads to its
//! leaf, the leaves to every signed checkpoint, and every message to its facts. Reads
//! beside a gateway that runs; holds one page of rows.

use std::path::Path;

use onepoint_proof::checkpoint::SignedCheckpoint;
use onepoint_proof::countersign::verify_countersignature;
use onepoint_proof::tile::TILE_WIDTH;
use onepoint_proof::{Fact, FullTile, Hash, Leaf, Nonce, leaf_hash};
use onepoint_store::{CheckpointRow, FactRow, Reader, SqliteReader, StoreError};

use super::finding::{Finding, Findings, Stop};
use super::mirror::Last;
use super::source::{Source, open_checkpoint};
use super::tally::Tallies;
use super::walk::Walk;
use crate::cli::audit::StoreArgs;
use crate::commands::{Failure, Outcome};
use crate::trust::Trust;

/// Rows of one read.
const PAGE: usize = 4096;

pub(crate) fn run(args: &StoreArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let reader = open(&args.store)?;
    let mut findings = Findings::new(args.common.json);
    let mirror = args.mirror.as_deref().map(|folder| Copy::open(folder, &trust)).transpose();
    let Some(mirror) = findings.take(mirror)? else { return findings.end() };
    let mut audit = StoreAudit {
        reader: &reader,
        trust: &trust,
        mirror,
        walk: Walk::new(),
        full: Vec::new(),
        messages: 0,
        last_message: None,
        checkpoints: 0,
        tallies: Tallies::default(),
        erased: 0,
        faults: 0,
        findings,
    };
    let audited = audit.all();
    let mut findings = audit.findings;
    findings.take(audited)?;
    findings.end()
}

/// Opens a journal for reading.
pub(crate) fn open(folder: &Path) -> Result<SqliteReader, Failure> {
    SqliteReader::open(folder, 1).map_err(|error| unreadable(&error))
}

/// The journal could not be read: nothing is said of what is in it.
pub(crate) fn unreadable(error: &StoreError) -> Failure {
    Failure {
        exit: 4,
        ..Failure::outside(error.code(), error.en(), "is this a gateway's journal?")
    }
}

/// An auditor's mirror, bundle by bundle.
struct Copy {
    source: Source,
    last: Last,
    bundle: Vec<Vec<u8>>,
}

impl Copy {
    fn open(folder: &Path, trust: &Trust) -> Result<Copy, Stop> {
        let last = Last::read(folder, trust)?;
        Ok(Copy { source: Source::folder(folder), last, bundle: Vec::new() })
    }

    /// The entry at an index; `None` beyond the mirror's end.
    fn entry(&mut self, index: u64) -> Result<Option<&[u8]>, Stop> {
        let size = self.last.checkpoint.size;
        if index >= size {
            return Ok(None);
        }
        let width = u64::from(TILE_WIDTH);
        let at = index % width;
        if at == 0 {
            let wide = (size - index).min(width);
            let wide = u16::try_from(wide).unwrap_or(TILE_WIDTH);
            self.bundle = self.source.entries(index / width, wide)?;
        }
        Ok(usize::try_from(at).ok().and_then(|at| self.bundle.get(at)).map(Vec::as_slice))
    }
}

struct StoreAudit<'a> {
    reader: &'a SqliteReader,
    trust: &'a Trust,
    mirror: Option<Copy>,
    walk: Walk,
    full: Vec<FullTile>,
    /// Messages with a verdict, counted by their facts.
    messages: u64,
    last_message: Option<String>,
    checkpoints: u64,
    tallies: Tallies,
    erased: u64,
    faults: u64,
    findings: Findings,
}

fn failed(error: &StoreError) -> Stop {
    unreadable(error).into()
}

impl StoreAudit<'_> {
    fn fault(&mut self, finding: &Finding) {
        self.findings.add(finding);
        self.faults += 1;
    }

    fn all(&mut self) -> Result<(), Stop> {
        // Facts that come while we read are beyond this checkpoint and not looked at.
        let latest = self.reader.latest_checkpoint().map_err(|e| failed(&e))?;
        let size = latest.as_ref().map_or(0, |latest| latest.size);
        let counts = self.reader.counts().map_err(|e| failed(&e))?;
        let mut checkpoints = Checkpoints { page: Vec::new().into_iter(), after: 0 };
        let mut next = checkpoints.next(self.reader)?;
        while self.walk.tiles.size() < size {
            let from = self.walk.tiles.size();
            let rows = self.reader.facts(from, PAGE).map_err(|e| failed(&e))?;
            if rows.is_empty() {
                self.fault(&Finding::fail("fact-missing", format!("fact {from}")));
                return Ok(());
            }
            for row in rows.iter().take_while(|row| row.index < size) {
                if row.index != self.walk.tiles.size() {
                    let place = format!("fact {}", self.walk.tiles.size());
                    self.fault(&Finding::fail("fact-missing", place));
                    return Ok(());
                }
                self.fact(row)?;
                while let Some(row) = next.take_if(|row| row.size == self.walk.tiles.size()) {
                    self.checkpoint(&row)?;
                    next = checkpoints.next(self.reader)?;
                }
            }
        }
        self.partials()?;
        self.end(size, &counts)
    }

    /// What has to hold when all facts were read.
    fn end(&mut self, size: u64, counts: &onepoint_store::Counts) -> Result<(), Stop> {
        let behind = self.mirror.as_ref().map_or(0, |mirror| mirror.last.checkpoint.size);
        if behind > size {
            let place = format!("size {size}, the mirror has {behind}");
            self.fault(&Finding::fail("store-behind-mirror", place));
        }
        // A gateway that runs may have taken more in between; never fewer.
        let stored = counts.accepted + counts.refused;
        if self.messages < stored && counts.facts <= size {
            let place = format!("{} messages, {} with facts", stored, self.messages);
            self.fault(&Finding::fail("message-without-facts", place));
        }
        if self.faults + self.walk.faults == 0 {
            let place = format!("{size} facts, {} erased", self.erased);
            self.findings.add(&Finding::pass("facts", place));
            for code in ["tiles", "times"] {
                self.findings.add(&Finding::pass(code, ""));
            }
            self.findings.add(&Finding::pass("messages", format!("{}", self.messages)));
            self.findings.add(&Finding::pass("checkpoints", format!("{}", self.checkpoints)));
        }
        Ok(())
    }

    fn fact(&mut self, row: &FactRow) -> Result<(), Stop> {
        let place = format!("fact {}", row.index);
        if let Some(finding) = judge(row, &place) {
            self.fault(&finding);
        }
        if let Some(finding) = self.tallies.take(row) {
            self.fault(&finding);
        }
        self.erased += u64::from(row.is_erased());
        if let Some(mirror) = &mut self.mirror {
            let theirs = mirror.entry(row.index)?;
            if theirs.is_some_and(|theirs| theirs != row.entry) {
                self.fault(&Finding::fail("entries-changed", place.clone()));
            }
        }
        self.message(row, &place)?;
        self.walk.take(&row.entry, &mut self.full, &mut self.findings);
        for FullTile { id, hashes } in std::mem::take(&mut self.full) {
            self.tile(id, &hashes)?;
        }
        self.mirror_root();
        Ok(())
    }

    /// The message is there; and its verdict is counted once.
    fn message(&mut self, row: &FactRow, place: &str) -> Result<(), Stop> {
        let Some(message) = &row.message else { return Ok(()) };
        if self.last_message.as_ref() == Some(message) {
            return Ok(());
        }
        if self.reader.message(message).map_err(|e| failed(&e))?.is_none() {
            self.fault(&Finding::fail("message-missing", place).detail(message.clone()));
        }
        let verdict = row.kind == "accepted" || row.kind == "refused";
        if verdict {
            self.messages += 1;
            self.last_message = Some(message.clone());
        }
        Ok(())
    }

    fn tile(&mut self, id: onepoint_proof::TileId, hashes: &[Hash]) -> Result<(), Stop> {
        let stored = self.reader.tile(id.level, id.index, id.width).map_err(|e| failed(&e))?;
        match stored {
            Some(stored) if stored == hashes => {}
            Some(_) => self.fault(&Finding::fail("tile-wrong", id.path())),
            None => self.fault(&Finding::fail("tile-missing", id.path())),
        }
        Ok(())
    }

    fn partials(&mut self) -> Result<(), Stop> {
        let partials: Vec<_> =
            self.walk.tiles.partials().map(|(id, hashes)| (id, hashes.to_vec())).collect();
        partials.into_iter().try_for_each(|(id, hashes)| self.tile(id, &hashes))
    }

    fn mirror_root(&mut self) {
        let Some(mirror) = &self.mirror else { return };
        let (size, root) = (mirror.last.checkpoint.size, mirror.last.checkpoint.root);
        if size != self.walk.tiles.size() {
            return;
        }
        let place = format!("size {size}");
        let found = self.walk.tiles.root();
        if found == root {
            self.findings.add(&Finding::pass("consistency", place));
        } else {
            self.fault(&Finding::fail("store-differs-from-mirror", place).differs(&root, &found));
        }
    }

    /// A signed checkpoint: signatures, and the root of the tree at its size.
    fn checkpoint(&mut self, row: &CheckpointRow) -> Result<(), Stop> {
        let place = format!("checkpoint {}", row.size);
        let signed = match open_checkpoint(row.note.as_bytes(), self.trust, &place) {
            Ok(signed) => signed,
            Err(Stop::Found(finding)) => {
                self.fault(&finding);
                return Ok(());
            }
            Err(outside) => return Err(outside),
        };
        let head = signed.checkpoint();
        let found = self.walk.tiles.root();
        if head.size != row.size || head.root != found || row.root != found {
            self.fault(&Finding::fail("root-mismatch", place.clone()).differs(&head.root, &found));
        }
        self.checkpoints += 1;
        self.countersignature(row, &signed, &place)
    }

    fn countersignature(
        &mut self,
        row: &CheckpointRow,
        signed: &SignedCheckpoint,
        place: &str,
    ) -> Result<(), Stop> {
        let Some(seal) = &row.seal else { return Ok(()) };
        let chain = self.reader.seal_chain(seal).map_err(|e| failed(&e))?;
        let first = chain.first().map_or(&[][..], Vec::as_slice);
        match verify_countersignature(signed, first) {
            Err(e) => self.fault(&Finding::error(e.code(), e.en(), e.zh(), place)),
            Ok(countersigned) if self.trust.anchors.is_some() => {
                let finding = self.trust.certificate(&chain, countersigned.time_ms);
                if !finding.ok {
                    self.fault(&Finding::of_receipt(&finding, place));
                }
            }
            Ok(_) => {}
        }
        Ok(())
    }
}

/// Whether a stored fact is what its leaf commits to; the finding when it is not.
fn judge(row: &FactRow, place: &str) -> Option<Finding> {
    let wrong = |detail: &str| Some(Finding::fail("fact-wrong", place).detail(detail));
    if leaf_hash(&row.entry) != row.leaf_hash {
        return wrong("the entry has another leaf hash");
    }
    // A leaf that cannot be read is found by the walk.
    let Ok(leaf) = Leaf::parse(&row.entry) else { return None };
    if leaf.kind.as_str() != row.kind || leaf.time_ms != row.time_ms {
        return wrong("kind or time is not that of the leaf");
    }
    if row.is_erased() {
        return None;
    }
    let fact = match Fact::parse(&row.fact) {
        Ok(fact) => fact,
        Err(error) => return wrong(&error.en()),
    };
    if *fact.kind() != leaf.kind || fact.time_ms() != leaf.time_ms {
        return wrong("the fact is of another kind or time than its leaf");
    }
    let committed = Leaf::commit(leaf.kind, leaf.time_ms, &Nonce::new(row.nonce), &row.fact);
    match committed {
        Ok(committed) if committed.to_bytes() == row.entry => None,
        _ => wrong("fact and nonce do not lead to the leaf"),
    }
}

/// The checkpoints by size, page by page.
struct Checkpoints {
    page: std::vec::IntoIter<CheckpointRow>,
    after: u64,
}

impl Checkpoints {
    fn next(&mut self, reader: &SqliteReader) -> Result<Option<CheckpointRow>, Stop> {
        if self.page.len() == 0 {
            self.page = reader.checkpoints(self.after, PAGE).map_err(|e| failed(&e))?.into_iter();
        }
        let next = self.page.next();
        if let Some(row) = &next {
            self.after = row.size;
        }
        Ok(next)
    }
}
