//! The log: every fact to its leaf, every leaf to the tree, the tree to every tile
//! and every signed checkpoint, and to an auditor's copy where there is one.
//!
//! In: the rows in the order of the log; out: findings with the index. The tree is
//! built as the ledger builds it; of it only its right edge is in memory.

use onepoint_proof::{
    FullTile, Hash, LogVerifier, SignedCheckpoint, TileId, Tiles, countersign, leaf_hash, proof,
    tile,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};

use super::Run;
use super::tally::Tallies;
use crate::StoreError;
use crate::head::HeadMark;
use crate::ledger::check_fact;
use crate::mirror::Mirror;
use crate::model::FactRow;
use crate::sqlite::rows;

/// Longest gap between two facts that is still walked over.
const MAX_GAP: u64 = 100_000;

/// Whose log it is, and the key to check it with.
pub(super) fn identity(
    run: &mut Run<'_>,
    on: &Connection,
) -> Result<Option<LogVerifier>, rusqlite::Error> {
    let place = run.at("table log_identity");
    let Some(stored) = rows::log_identity(on)? else {
        // A store that no ledger has opened yet has no log.
        if rows::next_index(on)? > 0 {
            run.find("log-identity-wrong", place, "there are facts but no log that they are of");
        }
        return Ok(run.options.log_key.cloned());
    };
    run.seen.origin.clone_from(&stored.origin);
    let key = LogVerifier::parse(&stored.key);
    match &key {
        Err(error) => run.find("log-identity-wrong", &place, error.en()),
        Ok(key) if key.name() != stored.origin => {
            let what = format!("its key is of {}, its origin {}", key.name(), stored.origin);
            run.find("log-identity-wrong", &place, what);
        }
        Ok(_) => {}
    }
    let Some(given) = run.options.log_key else { return Ok(key.ok()) };
    if given.to_string() != stored.key {
        let what = format!("the journal is of {}, the key given is {given}", stored.key);
        run.find("log-key-differs", &place, what);
    }
    Ok(Some(given.clone()))
}

pub(super) fn facts(
    run: &mut Run<'_>,
    on: &Connection,
    key: Option<&LogVerifier>,
    mirror: Option<&Mirror>,
) -> Result<(), rusqlite::Error> {
    let mut checkpoints =
        on.prepare("SELECT size, root, note, seal FROM checkpoint ORDER BY size")?;
    let mut walk = Walk {
        on,
        key,
        tiles: Tiles::new(),
        full: Vec::new(),
        checkpoints: checkpoints.query([])?,
        next: None,
        broken: 0,
        last_ms: 0,
        entries: Vec::new(),
        mirror,
        tallies: Tallies::default(),
    };
    walk.next_checkpoint(run)?;
    let mut statement = on.prepare(&format!("{} ORDER BY log_index", rows::FACT))?;
    let mut facts = statement.query([])?;
    while let Some(row) = facts.next()? {
        walk.fact(run, row)?;
    }
    walk.finish(run)
}

/// The log as walked so far.
struct Walk<'c> {
    on: &'c Connection,
    key: Option<&'c LogVerifier>,
    tiles: Tiles,
    full: Vec<FullTile>,
    checkpoints: Rows<'c>,
    next: Option<Signed>,
    /// Checkpoints whose root the leaves did not lead to.
    broken: u64,
    last_ms: i64,
    /// Entries of the bundle that is being filled, for the comparison with a copy.
    entries: Vec<Vec<u8>>,
    mirror: Option<&'c Mirror>,
    tallies: Tallies,
}

/// A checkpoint as stored.
struct Signed {
    size: u64,
    root: Hash,
    note: String,
    seal: Option<Hash>,
}

impl Walk<'_> {
    fn fact(&mut self, run: &mut Run<'_>, row: &Row<'_>) -> Result<(), rusqlite::Error> {
        let index: i64 = row.get(0)?;
        let index = u64::try_from(index).unwrap_or(0);
        self.gap(run, index)?;
        let place = run.at(format!("fact {index}"));
        let fact = match rows::to_fact(row) {
            Ok(fact) => fact,
            Err(error) => {
                run.find("fact-differs", place, error);
                return self.leaf(run, Hash::EMPTY_ROOT, Vec::new());
            }
        };
        if let Err(StoreError::LogDamaged(what)) = check_fact(&fact) {
            run.find("fact-differs", &place, what);
        }
        if fact.time_ms < self.last_ms {
            let what = format!("its time is {}, that of one before {}", fact.time_ms, self.last_ms);
            run.find("fact-time-back", &place, what);
        }
        self.last_ms = self.last_ms.max(fact.time_ms);
        run.seen.erased += u64::from(fact.is_erased());
        columns(run, &place, &fact);
        self.tallies.count(run, self.on, &fact)?;
        // An altered leaf hash is told above; the tree goes on with what the entry says.
        let hash = leaf_hash(&fact.entry);
        self.leaf(run, hash, fact.entry)
    }

    /// Facts that are not there: their places in the tree are kept, so that later ones keep theirs.
    fn gap(&mut self, run: &mut Run<'_>, index: u64) -> Result<(), rusqlite::Error> {
        let here = self.tiles.size();
        let missing = index.saturating_sub(here);
        if missing == 0 {
            return Ok(());
        }
        let place = run.at(format!("fact {here}"));
        run.find("fact-missing", place, format!("{missing} facts are missing before {index}"));
        for _ in 0..missing.min(MAX_GAP) {
            self.leaf(run, Hash::EMPTY_ROOT, Vec::new())?;
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        run: &mut Run<'_>,
        hash: Hash,
        entry: Vec<u8>,
    ) -> Result<(), rusqlite::Error> {
        self.tiles.append(hash, &mut self.full);
        run.seen.facts += 1;
        for full in std::mem::take(&mut self.full) {
            self.tile(run, full.id, &full.hashes)?;
        }
        self.compare_entry(run, entry);
        while self.next.as_ref().is_some_and(|next| next.size <= self.tiles.size()) {
            self.checkpoint(run)?;
        }
        Ok(())
    }

    fn tile(
        &mut self,
        run: &mut Run<'_>,
        id: TileId,
        hashes: &[Hash],
    ) -> Result<(), rusqlite::Error> {
        run.seen.tiles += 1;
        let (place, path) =
            (run.at(format!("table tile level {} index {}", id.level, id.index)), id.path());
        let stored: Option<(Vec<u8>, Option<Vec<u8>>)> = self
            .on
            .prepare_cached("SELECT hashes, middle FROM tile WHERE level = ?1 AND idx = ?2")?
            .query_row(params![id.level, rows::number(id.index)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match stored {
            None => run.find("tile-missing", place, &path),
            Some((stored, _)) if stored != tile::encode_tile(hashes) => {
                run.find("tile-differs", place, format!("{path} is not what its leaves lead to"));
            }
            Some((_, Some(middle))) if middle != tile::encode_tile(&tile::middle(hashes)) => {
                let what = format!("the inner nodes beside {path} are not those of its leaves");
                run.find("tile-differs", place, what);
            }
            Some(_) => {}
        }
        if let Some(mirror) = self.mirror.filter(|mirror| {
            TileId::in_tree(mirror.size, id.level, id.index).is_some_and(|there| there.is_full())
        }) {
            match mirror.tile(id.level, id.index) {
                Ok(Some(copy)) if copy == hashes => {}
                Ok(_) => {
                    run.find("mirror-differs", path, "a tile of the copy is another or not there")
                }
                Err(error) => run.find("mirror-damaged", path, error),
            }
        }
        Ok(())
    }

    /// The entries of a bundle against those of the copy, once it is full or the copy ends.
    fn compare_entry(&mut self, run: &mut Run<'_>, entry: Vec<u8>) {
        let Some(mirror) = self.mirror else { return };
        let size = self.tiles.size();
        if size > mirror.size {
            return;
        }
        self.entries.push(entry);
        if !size.is_multiple_of(256) && size != mirror.size {
            return;
        }
        let ours = std::mem::take(&mut self.entries);
        let index = (size - 1) / 256;
        let path = mirror.entries_path(index);
        match mirror.entries(index) {
            Ok(copy) => {
                for (n, (ours, copy)) in (index * 256..).zip(ours.iter().zip(&copy)) {
                    if ours != copy {
                        let place = format!("{}: entry {n}", path.display());
                        run.find("mirror-differs", place, "the entry is not that of the journal");
                    }
                }
            }
            Err(error) => run.find("mirror-damaged", path.display(), error),
        }
    }

    fn next_checkpoint(&mut self, run: &mut Run<'_>) -> Result<(), rusqlite::Error> {
        self.next = None;
        while let Some(row) = self.checkpoints.next()? {
            let size: i64 = row.get(0)?;
            let read = || -> Result<Signed, rusqlite::Error> {
                Ok(Signed {
                    size: u64::try_from(size).unwrap_or(0),
                    root: Hash::new(row.get(1)?),
                    note: row.get(2)?,
                    seal: row.get::<_, Option<[u8; 32]>>(3)?.map(Hash::new),
                })
            };
            run.seen.checkpoints += 1;
            match read() {
                Ok(signed) => {
                    self.next = Some(signed);
                    return Ok(());
                }
                Err(error) => {
                    let place = run.at(format!("checkpoint {size}"));
                    run.find("checkpoint-differs", place, error);
                }
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, run: &mut Run<'_>) -> Result<(), rusqlite::Error> {
        let Some(signed) = self.next.take() else { return Ok(()) };
        let place = run.at(format!("checkpoint {}", signed.size));
        let (size, root) = (self.tiles.size(), self.tiles.root());
        if signed.size != size || signed.root != root {
            self.broken += 1;
            if self.broken == 1 {
                let what =
                    format!("the leaves lead to {root} for size {size}, stored is {}", signed.root);
                run.find("root-differs", &place, what);
            }
        }
        let note = match self.key {
            Some(key) => SignedCheckpoint::open(signed.note.as_bytes(), key),
            None => SignedCheckpoint::parse_unverified(signed.note.as_bytes()),
        };
        match note {
            Err(error) => run.find("checkpoint-differs", &place, error.en()),
            Ok(note) => {
                let inside = note.checkpoint();
                if (inside.size, inside.root) != (signed.size, signed.root)
                    || inside.origin != run.seen.origin
                {
                    run.find("checkpoint-differs", &place, "its note is of another tree");
                }
                if note.to_string() != signed.note {
                    run.find(
                        "checkpoint-differs",
                        &place,
                        "its note is not spelled as it is signed",
                    );
                }
                self.seal(run, &place, &note, signed.seal)?;
            }
        }
        if let Some(mirror) = self.mirror.filter(|mirror| mirror.size == signed.size) {
            if mirror.root != signed.root {
                run.find("mirror-differs", &place, format!("the copy has root {}", mirror.root));
            }
            // The copy may have signatures that we do not know (of witnesses), but none less.
            if !signed.note.lines().all(|line| mirror.note.lines().any(|copy| copy == line)) {
                let path = mirror.folder().join("checkpoint");
                let what = "a signature of the journal's is not in it, or is another";
                run.find("mirror-differs", path.display(), what);
            }
        }
        self.next_checkpoint(run)
    }

    fn seal(
        &self,
        run: &mut Run<'_>,
        place: &str,
        note: &SignedCheckpoint,
        seal: Option<Hash>,
    ) -> Result<(), rusqlite::Error> {
        let Some(seal) = seal else { return Ok(()) };
        let der: Option<Vec<u8>> = self
            .on
            .prepare_cached("SELECT der FROM seal_certificate WHERE seal = ?1 AND position = 0")?
            .query_row([seal.as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(der) = der else {
            run.find("seal-differs", place, "its certificate is not stored");
            return Ok(());
        };
        if Hash::of(&der) != seal {
            run.find("seal-differs", place, "its certificate has another digest");
        }
        if let Err(error) = countersign::verify_countersignature(note, &der) {
            run.find("seal-differs", place, error.en());
        }
        Ok(())
    }

    /// What is left when all facts are read.
    fn finish(mut self, run: &mut Run<'_>) -> Result<(), rusqlite::Error> {
        let (size, root) = (self.tiles.size(), self.tiles.root());
        run.seen.root = Some(root);
        if self.broken > 1 {
            let place = run.at("table checkpoint");
            run.find("root-differs", place, format!("and {} later checkpoints", self.broken - 1));
        }
        if let Some(next) = &self.next {
            let place = run.at(format!("fact {size}"));
            let what = format!("a checkpoint was signed for {} facts", next.size);
            run.find("fact-missing", place, what);
        }
        while self.next.is_some() {
            self.next_checkpoint(run)?;
        }
        let latest = rows::latest_checkpoint(self.on)?.map_or(0, |latest| latest.size);
        if latest < size {
            let place = run.at(format!("fact {latest}"));
            run.find(
                "fact-not-signed",
                place,
                format!("{} facts have no checkpoint", size - latest),
            );
        }
        let partials: Vec<_> =
            self.tiles.partials().map(|(id, hashes)| (id, hashes.to_vec())).collect();
        for (id, hashes) in partials.iter().filter(|(id, _)| id.level > 0) {
            self.tile(run, *id, hashes)?;
        }
        let stored: u64 =
            self.on.query_row("SELECT count(*) FROM tile", [], |row| rows::unsigned(row, 0))?;
        if stored > run.seen.tiles {
            let place = run.at("table tile");
            run.find("tile-differs", place, format!("{} tiles too many", stored - run.seen.tiles));
        }
        if let Some(mirror) = self.mirror.filter(|mirror| mirror.size > size) {
            let place = run.at(format!("fact {size}"));
            let what = format!("the copy has {} facts, the journal {size}", mirror.size);
            run.find("store-rolled-back", place, what);
        }
        self.tallies.finish(run, self.on)
    }
}

/// The columns that a fact is found by, against what the fact itself says.
fn columns(run: &mut Run<'_>, place: &str, row: &FactRow) {
    if row.is_erased() {
        return;
    }
    let Ok(fact) = onepoint_proof::Fact::parse(&row.fact) else {
        return run.find("fact-differs", place, "it is no fact");
    };
    let message = fact.get("message").and_then(|value| value.as_str());
    if message != row.message.as_deref() {
        run.find("fact-differs", place, "its row names another message than the fact");
    }
    let document = fact.get("document").and_then(|value| value.as_u64());
    if document != row.document.map(u64::from) {
        run.find("fact-differs", place, "its row names another document than the fact");
    }
}

/// A mark of the head file against the journal.
pub(super) fn head(
    run: &mut Run<'_>,
    on: &Connection,
    place: &str,
    mark: &HeadMark,
) -> Result<(), rusqlite::Error> {
    let have = rows::next_index(on)?;
    if mark.origin != run.seen.origin {
        run.find("store-head-of-another-log", place, format!("it is of {}", mark.origin));
    } else if mark.size > have {
        let what = format!("it says {} facts, the journal has {have}", mark.size);
        run.find("store-rolled-back", place, what);
    } else if mark.size > 0 {
        let root = proof::root_from_tiles(&StoredTiles(on), mark.size);
        if root.is_ok_and(|root| root != mark.root) {
            let what = format!("another root at size {} than the journal", mark.size);
            run.find("store-log-fork", place, what);
        }
    }
    Ok(())
}

/// The tiles of the snapshot.
pub(in crate::sqlite) struct StoredTiles<'c>(pub(in crate::sqlite) &'c Connection);

impl onepoint_proof::HashReader for StoredTiles<'_> {
    type Error = rusqlite::Error;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, rusqlite::Error> {
        Ok(rows::tile(self.0, id.level, id.index, id.width)?.unwrap_or_default())
    }
}
