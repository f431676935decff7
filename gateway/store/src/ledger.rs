//! The ledger: facts become leaves, tiles and one signed checkpoint, in the same
//! transaction as the rows they are about.
//!
//! In: a store, the log's key, and groups of work; out: committed groups with
//! their receipts. Promise: a checkpoint is signed only for a tree that continues
//! the last one, is stored before anybody sees it, and memory moves only after
//! the disk did.

mod recovery;

pub(crate) use recovery::check_fact;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use onepoint_proof::{
    Checkpoint, Fact, FullTile, Hash, HashReader, LogSigner, Nonce, ProofError, Receipt, TileId,
    Tiles, proof,
};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::StoreError;
use crate::model::{CheckpointRow, FactRow, NewFact};
use crate::receipt;
use crate::store::{LogTx, Store, Tx};

/// Most facts of one group. With 64 messages of 100 documents each there is room left.
pub const MAX_GROUP_FACTS: usize = 65_536;

/// The one owner of a store and of the log in it.
#[derive(Debug)]
pub struct Ledger<S: Store> {
    store: S,
    signer: LogSigner,
    random: SystemRandom,
    /// The growing end of the tree as committed; replaced as a whole, after a commit.
    tiles: Arc<Tiles>,
    latest: Option<CheckpointRow>,
    dead: bool,
}

impl<S: Store> Ledger<S> {
    /// Opens the log in a store: rebuilds the end of its tree and compares it with the last
    /// signed checkpoint. The same after a crash as after a clean stop. A new store takes the
    /// signer's name as its origin, and keeps origin and key for life.
    ///
    /// # Errors
    /// [`StoreError::LogKeyChanged`]; [`StoreError::LogDamaged`] when facts, tiles and checkpoint
    /// do not agree; faults of the store.
    pub fn open(mut store: S, signer: LogSigner) -> Result<Ledger<S>, StoreError> {
        let mut found = None;
        store.transaction(&mut |tx| {
            found = Some(recovery::recover(tx, signer.verifier())?);
            Ok(())
        })?;
        let (tiles, latest) = found.ok_or_else(not_run)?;
        let tiles = Arc::new(tiles);
        Ok(Ledger { store, signer, random: SystemRandom::new(), tiles, latest, dead: false })
    }

    /// Commits a group: all that `work` does, the leaves of the facts it appends, the tiles and
    /// one checkpoint signed at `now_ms`, in one transaction with one sync. A group without facts
    /// writes no checkpoint. `work` runs once.
    ///
    /// # Errors
    /// What `work` returned, or a fault of the store. Nothing of the group is kept then and the
    /// ledger is where it was, so that the caller may commit the group's messages one by one to
    /// find the one at fault; unless [`StoreError::is_fatal`]: then whether the group is on disk
    /// is unknown, the ledger takes no more work, and the process must exit.
    pub fn commit(
        &mut self,
        now_ms: i64,
        work: &mut dyn FnMut(&mut LedgerTx<'_>) -> Result<(), StoreError>,
    ) -> Result<Committed, StoreError> {
        if self.dead {
            return Err(StoreError::Fatal("an earlier commit failed".into()));
        }
        let (store, signer, random) = (&mut self.store, &self.signer, &self.random);
        let (before, mut sealed) = (&self.tiles, None);
        let done = store.transaction(&mut |tx| {
            let mut group = LedgerTx::new(tx, Arc::clone(before), random);
            work(&mut group)?;
            // Dying up to here: nothing was promised to anybody, and nothing is on disk.
            // The checkpoint is signed now, but leaves this function only after the commit, so
            // that a group that fails has not shown a root which another group will contradict.
            sealed = Some(group.seal(signer, now_ms)?);
            Ok(())
        });
        // Dying between the store's commit and the answer: the group is on disk and complete;
        // its senders send again and get the receipts of the first time.
        self.dead |= done.as_ref().is_err_and(StoreError::is_fatal);
        done?;
        let committed = sealed.ok_or_else(not_run)?;
        self.tiles = Arc::clone(&committed.tiles);
        if let Some(checkpoint) = &committed.checkpoint {
            self.latest = Some(checkpoint.clone());
        }
        Ok(committed)
    }

    /// Housekeeping of the store; call it when the answers are out.
    ///
    /// # Errors
    /// As of [`Store::maintain`]; stop on a fatal one, as after [`Ledger::commit`].
    pub fn maintain(&mut self) -> Result<(), StoreError> {
        self.store.maintain()
    }

    /// Number of leaves committed.
    pub fn size(&self) -> u64 {
        self.tiles.size()
    }

    /// The last checkpoint; `None` while the log is empty.
    pub fn latest(&self) -> Option<&CheckpointRow> {
        self.latest.as_ref()
    }

    /// The epoch of this writer: one more than that of the writer before.
    pub fn epoch(&self) -> u64 {
        self.store.epoch()
    }

    /// The origin of the log.
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    /// The store, for its readers.
    pub fn store(&self) -> &S {
        &self.store
    }
}

/// An open group: everything of [`Tx`], and appending facts.
pub struct LedgerTx<'t> {
    tx: &'t mut (dyn LogTx + 't),
    random: &'t SystemRandom,
    /// Shared with the ledger until the first fact, its own copy from then on.
    tiles: Arc<Tiles>,
    full: Vec<FullTile>,
    facts: Vec<FactRow>,
}

impl<'t> LedgerTx<'t> {
    fn new(
        tx: &'t mut (dyn LogTx + 't),
        tiles: Arc<Tiles>,
        random: &'t SystemRandom,
    ) -> LedgerTx<'t> {
        LedgerTx { tx, random, tiles, full: Vec::new(), facts: Vec::new() }
    }

    /// Appends a fact about a message (which is stored already) and one of its documents, or
    /// about neither, and returns its index in the log. The index is final once the group is.
    ///
    /// # Errors
    /// [`StoreError::Fact`] for a fact out of bounds; [`StoreError::Conflict`] when the message
    /// is not stored; [`StoreError::Invalid`] beyond [`MAX_GROUP_FACTS`]; faults of the store.
    pub fn append(
        &mut self,
        message: Option<&str>,
        document: Option<u32>,
        fact: &Fact,
    ) -> Result<u64, StoreError> {
        if self.facts.len() >= MAX_GROUP_FACTS {
            return Err(StoreError::Invalid {
                field: "facts of a group",
                expected: format!("at most {MAX_GROUP_FACTS}"),
                found: "one more".into(),
            });
        }
        let mut nonce = [0; 32];
        self.random.fill(&mut nonce).map_err(|_| StoreError::NoRandomness)?;
        let (bytes, leaf) = fact.commit(&Nonce::new(nonce)).map_err(StoreError::Fact)?;
        let entry = leaf.to_bytes();
        let leaf_hash = onepoint_proof::leaf_hash(&entry);
        let index = self.tiles.size();
        self.tx.append_fact(&NewFact {
            index,
            message,
            document,
            kind: leaf.kind.as_str(),
            time_ms: leaf.time_ms,
            fact: &bytes,
            nonce,
            entry: &entry,
            leaf_hash,
        })?;
        Arc::make_mut(&mut self.tiles).append(leaf_hash, &mut self.full);
        self.facts.push(FactRow {
            index,
            message: message.map(str::to_owned),
            document,
            kind: leaf.kind.as_str().to_owned(),
            time_ms: leaf.time_ms,
            fact: bytes,
            nonce,
            entry,
            leaf_hash,
        });
        Ok(index)
    }

    /// Stores tiles and checkpoint of the facts appended.
    fn seal(self, signer: &LogSigner, now_ms: i64) -> Result<Committed, StoreError> {
        let LedgerTx { tx, tiles, full, facts, .. } = self;
        let mut checkpoint = None;
        if !facts.is_empty() {
            store_tiles(tx, &tiles, &full)?;
            let signed = Checkpoint::new(signer.name(), tiles.size(), tiles.root())
                .sign(signer)
                .map_err(|error| StoreError::Proof(error.into()))?;
            let row = CheckpointRow {
                size: tiles.size(),
                root: tiles.root(),
                note: signed.to_string(),
                time_ms: now_ms,
            };
            tx.put_checkpoint(&row)?;
            checkpoint = Some(row);
        }
        Ok(Committed { tiles, full, facts, checkpoint })
    }
}

/// Full tiles are stored once. The partial ones of higher levels grow with each tile below that
/// became full; stored too, they save a reader the 255 tiles below. Those of level 0 are the
/// leaf hashes in the facts.
fn store_tiles(tx: &mut dyn LogTx, tiles: &Tiles, full: &[FullTile]) -> Result<(), StoreError> {
    for tile in full {
        tx.put_tile(tile.id.level, tile.id.index, &tile.hashes)?;
    }
    if !full.is_empty() {
        for (id, hashes) in tiles.partials().filter(|(id, _)| id.level > 0) {
            tx.put_tile(id.level, id.index, hashes)?;
        }
    }
    Ok(())
}

impl<'t> Deref for LedgerTx<'t> {
    type Target = dyn Tx + 't;

    fn deref(&self) -> &Self::Target {
        &*self.tx
    }
}

impl DerefMut for LedgerTx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.tx
    }
}

impl std::fmt::Debug for LedgerTx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerTx").field("facts", &self.facts.len()).finish_non_exhaustive()
    }
}

/// A group that is on disk, with what its receipts need in memory.
#[derive(Debug)]
pub struct Committed {
    tiles: Arc<Tiles>,
    full: Vec<FullTile>,
    facts: Vec<FactRow>,
    checkpoint: Option<CheckpointRow>,
}

impl Committed {
    /// The facts of the group, by index.
    pub fn facts(&self) -> &[FactRow] {
        &self.facts
    }

    /// The checkpoint signed over the group; `None` for a group without facts.
    pub fn checkpoint(&self) -> Option<&CheckpointRow> {
        self.checkpoint.as_ref()
    }

    /// Number of leaves with the group.
    pub fn size(&self) -> u64 {
        self.tiles.size()
    }

    /// The fact at an index of the log, if it is of this group.
    pub fn fact(&self, index: u64) -> Option<&FactRow> {
        let first = self.facts.first()?.index;
        self.facts.get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// The receipt of a fact of this group, from memory. The gateway's certificates are not in
    /// it: the checkpoint is not countersigned yet.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the fact is not of this group.
    pub fn receipt(&self, index: u64) -> Result<Receipt, StoreError> {
        let (Some(row), Some(checkpoint)) = (self.fact(index), &self.checkpoint) else {
            return Err(StoreError::Invalid {
                field: "fact index",
                expected: format!("one of the {} facts of this group", self.facts.len()),
                found: index.to_string(),
            });
        };
        receipt::of_row(row, self.inclusion(index)?, checkpoint)
    }

    /// The inclusion proof of a fact of this group in its checkpoint, from memory.
    fn inclusion(&self, index: u64) -> Result<Vec<Hash>, StoreError> {
        match self.tiles.inclusion(index) {
            // A group of more than 256 facts: the tiles that it filled are here as well.
            Err(ProofError::NotInMemory { .. }) => proof::prove_inclusion(self, index, self.size())
                .map_err(|error| StoreError::Proof(error.into())),
            other => other.map_err(|error| StoreError::Proof(error.into())),
        }
    }
}

impl HashReader for Committed {
    type Error = ProofError;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, ProofError> {
        let filled = self.full.iter().find(|t| t.id.level == id.level && t.id.index == id.index);
        let hashes = filled.map(|tile| tile.hashes.as_slice()).or_else(|| self.tiles.tile(id));
        hashes.map(<[Hash]>::to_vec).ok_or(ProofError::TileTooShort { tile: id, found: 0 })
    }
}

/// A store that says it committed without having called the work breaks its contract.
fn not_run() -> StoreError {
    StoreError::Fatal("the store did not run the transaction".into())
}

#[cfg(test)]
mod tests;
