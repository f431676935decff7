//! Opening the log: the same after a crash as after a clean stop.
//!
//! In: the rows on disk; out: the end of the tree, in memory, that leads to the
//! root signed last, or a refusal. Nothing is repaired here: every state that a
//! crash can leave is one that the ledger committed, so that whatever does not
//! agree was damaged or altered.

use std::cell::RefCell;

use onepoint_proof::checkpoint::check_origin;
use onepoint_proof::{
    FactKind, Hash, HashReader, Leaf, LogVerifier, Nonce, ReadError, SignedCheckpoint, TileId,
    Tiles, leaf_hash, proof,
};

use crate::StoreError;
use crate::head::Head;
use crate::model::{CheckpointRow, FactRow, LogIdentity};
use crate::store::LogTx;

/// The end of the log as it is on disk.
pub(super) struct Found {
    pub(super) tiles: Tiles,
    pub(super) latest: Option<CheckpointRow>,
    /// Time of the last fact; 0 in an empty log.
    pub(super) last_ms: i64,
}

/// Checks whose log this is, then rebuilds its end.
pub(super) fn recover(tx: &mut dyn LogTx, verifier: &LogVerifier) -> Result<Found, StoreError> {
    identify(tx, verifier)?;
    let latest = tx.latest_checkpoint()?;
    let size = latest.as_ref().map_or(0, |latest| latest.size);
    let facts = tx.next_index()?;
    if facts != size {
        return Err(damaged(format!("{facts} facts, but the last checkpoint is of {size}")));
    }
    let tiles = Tiles::rebuild(size, &TxTiles(RefCell::new(tx))).map_err(|error| match error {
        ReadError::Source(error) => error,
        ReadError::Proof(error) => damaged(error.en()),
    })?;
    let mut last_ms = 0;
    if let Some(latest) = &latest {
        check_checkpoint(latest, &tiles, verifier)?;
        check_stored_tiles(tx, &tiles)?;
        // The last fact at least, for its time.
        for index in (size - size % 256).min(size.saturating_sub(1))..size {
            let fact = tx.fact(index)?;
            let fact = fact.ok_or_else(|| damaged(format!("fact {index} is missing")))?;
            check_fact(&fact)?;
            last_ms = last_ms.max(fact.time_ms);
        }
    }
    Ok(Found { tiles, latest, last_ms })
}

/// Whether the log is the one that its head file knows, or one that continues it; says whether
/// the journal remembers that there is such a file.
pub(super) fn compare(
    tx: &mut dyn LogTx,
    log: &Found,
    origin: &str,
    head: &Head,
) -> Result<bool, StoreError> {
    let has_head = tx.has_head()?;
    let path = || head.path().to_path_buf();
    let Some(mark) = head.last() else {
        // A log of a time before there was a head gets one now; one that had a head lost it.
        return if has_head { Err(StoreError::HeadMissing { path: path() }) } else { Ok(false) };
    };
    if mark.origin != origin {
        let (found, expected) = (mark.origin.clone(), origin.to_owned());
        return Err(StoreError::HeadOfAnotherLog { path: path(), found, expected });
    }
    let have = log.tiles.size();
    if mark.size > have {
        let since_ms = log.latest.as_ref().map(|_| log.last_ms);
        return Err(StoreError::RolledBack { by: path(), known: mark.size, have, since_ms });
    }
    if mark.size > 0 {
        let root = proof::root_from_tiles(&TxTiles(RefCell::new(tx)), mark.size);
        let root = root.map_err(|error| match error {
            ReadError::Source(error) => error,
            ReadError::Proof(error) => damaged(error.en()),
        })?;
        if root != mark.root {
            return Err(StoreError::LogFork { size: mark.size });
        }
    }
    Ok(has_head)
}

fn identify(tx: &mut dyn LogTx, verifier: &LogVerifier) -> Result<(), StoreError> {
    let ours = LogIdentity { origin: verifier.name().to_owned(), key: verifier.to_string() };
    let Some(stored) = tx.log_identity()? else {
        check_origin(&ours.origin).map_err(StoreError::Origin)?;
        return tx.put_log_identity(&ours);
    };
    for (what, stored, given) in
        [("origin", stored.origin, ours.origin), ("key", stored.key, ours.key)]
    {
        if stored != given {
            return Err(StoreError::LogKeyChanged { what, stored, given });
        }
    }
    Ok(())
}

fn check_checkpoint(
    row: &CheckpointRow,
    tiles: &Tiles,
    verifier: &LogVerifier,
) -> Result<(), StoreError> {
    let signed = SignedCheckpoint::open(row.note.as_bytes(), verifier)
        .map_err(|error| damaged(format!("the last checkpoint: {}", error.en())))?;
    let signed = signed.checkpoint();
    if signed.size != row.size || signed.root != row.root {
        return Err(damaged(format!("the note of checkpoint {} is of another tree", row.size)));
    }
    if tiles.root() != row.root {
        return Err(damaged(format!(
            "the leaves lead to root {}, signed for size {} is {}",
            tiles.root(),
            row.size,
            row.root
        )));
    }
    Ok(())
}

/// The partial tiles of higher levels, which were computed from those below, as readers see them.
fn check_stored_tiles(tx: &mut dyn LogTx, tiles: &Tiles) -> Result<(), StoreError> {
    for (id, hashes) in tiles.partials() {
        if tx.tile(id.level, id.index, id.width)?.as_deref() != Some(hashes) {
            return Err(damaged(format!("{} is not what its leaves lead to", id.path())));
        }
    }
    Ok(())
}

/// Whether a stored fact is what its leaf commits to.
///
/// # Errors
/// [`StoreError::LogDamaged`] that names the fact and what does not agree.
pub(crate) fn check_fact(row: &FactRow) -> Result<(), StoreError> {
    let differs = |what: &str| damaged(format!("fact {}: {what}", row.index));
    if leaf_hash(&row.entry) != row.leaf_hash {
        return Err(differs("its entry has another leaf hash"));
    }
    let kind = FactKind::new(&row.kind).map_err(|error| differs(&error.en()))?;
    if row.is_erased() {
        let leaf = Leaf::parse(&row.entry).map_err(|error| differs(&error.en()))?;
        if leaf.kind != kind || leaf.time_ms != row.time_ms {
            return Err(differs("its kind or time is not that of the entry"));
        }
        return Ok(());
    }
    let leaf = Leaf::commit(kind, row.time_ms, &Nonce::new(row.nonce), &row.fact)
        .map_err(|error| differs(&error.en()))?;
    if leaf.to_bytes() != row.entry {
        return Err(differs("its kind, time, nonce or content is not what the entry commits to"));
    }
    Ok(())
}

fn damaged(what: String) -> StoreError {
    StoreError::LogDamaged(what)
}

/// The tiles of the store within a transaction.
struct TxTiles<'t>(RefCell<&'t mut dyn LogTx>);

impl HashReader for TxTiles<'_> {
    type Error = StoreError;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        let found = self.0.borrow_mut().tile(id.level, id.index, id.width)?;
        found.ok_or_else(|| damaged(format!("{} is missing", id.path())))
    }
}
