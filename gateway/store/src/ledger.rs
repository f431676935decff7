//! The ledger: facts become leaves, tiles and one signed checkpoint, in the same
//! transaction as the rows they are about.
//!
//! In: a store, the log's key, and groups of work; out: committed groups with
//! their receipts. Promise: a checkpoint is signed only for a tree that continues
//! the last one, is stored before anybody sees it, and memory moves only after
//! the disk did.

mod group;
mod recovery;
mod sign;

pub use group::LedgerTx;
pub(crate) use recovery::check_fact;
pub use sign::{LogParts, Seal};

use std::sync::Arc;

use onepoint_proof::{
    Fact, FullTile, Hash, HashReader, Nonce, ProofError, Receipt, TileId, Tiles, proof,
};
use sign::Signers;

use crate::StoreError;
use crate::head::Head;
use crate::model::{CheckpointRow, FactRow};
use crate::retention::{Retained, Retention};
use crate::store::Store;

/// Most facts of one group. With 64 messages of 100 documents each there is room left.
pub const MAX_GROUP_FACTS: usize = 65_536;

/// The one owner of a store and of the log in it.
#[derive(Debug)]
pub struct Ledger<S: Store> {
    store: S,
    signers: Signers,
    head: Option<Head>,
    /// The growing end of the tree as committed; replaced as a whole, after a commit.
    tiles: Arc<Tiles>,
    latest: Option<CheckpointRow>,
    /// Time of the last fact, milliseconds since 1970: none may be older.
    last_ms: i64,
    dead: bool,
}

impl<S: Store> Ledger<S> {
    /// Opens the log in a store: rebuilds the end of its tree and compares it with the last
    /// signed checkpoint. The same after a crash as after a clean stop. A new store takes the
    /// signer's name as its origin, and keeps origin and key for life.
    ///
    /// # Errors
    /// [`StoreError::LogKeyChanged`]; [`StoreError::LogDamaged`] when facts, tiles and checkpoint
    /// do not agree; [`StoreError::RolledBack`], `LogFork`, `HeadMissing` and `HeadOfAnotherLog`
    /// when the head does not agree with them; faults of the store.
    pub fn open(mut store: S, parts: impl Into<LogParts>) -> Result<Ledger<S>, StoreError> {
        let mut parts = parts.into();
        let mut head = parts.head.take();
        let signers = Signers::new(parts);
        let (mut found, mut has_head) = (None, true);
        store.transaction(&mut |tx| {
            let log = recovery::recover(tx, signers.log.verifier())?;
            if let Some(head) = &head {
                has_head = recovery::compare(tx, &log, signers.log.name(), head)?;
            }
            found = Some(log);
            signers.enter(tx)
        })?;
        let recovery::Found { tiles, latest, last_ms } = found.ok_or_else(not_run)?;
        if let Some(head) = &mut head {
            // Behind when the gateway died between a commit and its mark.
            head.advance(signers.log.name(), tiles.size(), &tiles.root())?;
            // Dying here: the file is there, which the next start compares and remembers.
            if !has_head {
                store.transaction(&mut |tx| tx.put_head())?;
            }
        }
        Ok(Ledger { store, signers, head, tiles: Arc::new(tiles), latest, last_ms, dead: false })
    }

    /// The time that a fact of now gets: the wall clock's, unless the last fact is later. Times
    /// in the log never go back, whatever the clock does.
    pub fn time(&self, wall_ms: i64) -> i64 {
        wall_ms.max(self.last_ms)
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
        let (store, signers) = (&mut self.store, &self.signers);
        let (before, last_ms, mut sealed) = (&self.tiles, self.last_ms, None);
        let done = store.transaction(&mut |tx| {
            tx.set_time(now_ms);
            let mut group = LedgerTx::new(tx, Arc::clone(before), last_ms);
            work(&mut group)?;
            // Dying up to here: nothing was promised to anybody, and nothing is on disk.
            // The checkpoint is signed now, but leaves this function only after the commit, so
            // that a group that fails has not shown a root which another group will contradict.
            sealed = Some(group.finish(signers, now_ms)?);
            Ok(())
        });
        // Dying between the store's commit and the answer: the group is on disk and complete;
        // its senders send again and get the receipts of the first time.
        self.dead |= done.as_ref().is_err_and(StoreError::is_fatal);
        done?;
        let committed = sealed.ok_or_else(not_run)?;
        // Dying here: the head is behind by this group, which is on disk; the next start brings it
        // up. Nobody was told of the group yet, so that a roll-back to before it, in just this
        // moment, would break no promise.
        self.mark(&committed)?;
        self.tiles = Arc::clone(&committed.tiles);
        self.last_ms = committed.last_ms;
        if let Some(checkpoint) = &committed.checkpoint {
            self.latest = Some(checkpoint.clone());
        }
        Ok(committed)
    }

    /// The head moves after the disk and before memory and every answer: what anybody was told
    /// is known to it. Without its mark nothing may be told, so that a failure is fatal.
    fn mark(&mut self, committed: &Committed) -> Result<(), StoreError> {
        let (Some(head), Some(checkpoint)) = (&mut self.head, committed.checkpoint()) else {
            return Ok(());
        };
        let marked = head.advance(self.signers.log.name(), checkpoint.size, &checkpoint.root);
        self.dead |= marked.is_err();
        marked.map_err(|error| match error {
            fatal @ StoreError::Fatal(_) => fatal,
            other => StoreError::Fatal(other.into()),
        })
    }

    /// Lets another seal, or none, countersign from the next checkpoint on. Its certificates are
    /// kept first, so that every checkpoint can show whose it is.
    ///
    /// # Errors
    /// Faults of the store; stop on a fatal one, as after [`Ledger::commit`]. The seal stays then.
    pub fn reseal(&mut self, seal: Option<Box<dyn Seal>>) -> Result<(), StoreError> {
        let (mark, chain) = sign::certificates(seal.as_deref());
        let done = match &mark {
            // Dying here: the certificates are kept and nothing is signed with them.
            Some(mark) => self.store.transaction(&mut |tx| tx.put_seal(mark, &chain)),
            None => Ok(()),
        };
        self.dead |= done.as_ref().is_err_and(StoreError::is_fatal);
        done?;
        self.signers.reseal(seal);
        Ok(())
    }

    /// Housekeeping of the store; call it when the answers are out.
    ///
    /// # Errors
    /// As of [`Store::maintain`]; stop on a fatal one, as after [`Ledger::commit`].
    pub fn maintain(&mut self) -> Result<(), StoreError> {
        self.store.maintain()
    }

    /// One step of the retention policy, between groups.
    ///
    /// # Errors
    /// As of [`Store::retain`]; stop on a fatal one, as after [`Ledger::commit`].
    pub fn retain(&mut self, policy: &Retention, now_ms: i64) -> Result<Retained, StoreError> {
        let done = self.store.retain(policy, now_ms);
        self.dead |= done.as_ref().is_err_and(StoreError::is_fatal);
        done
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
        self.signers.log.name()
    }

    /// The store, for its readers.
    pub fn store(&self) -> &S {
        &self.store
    }
}

/// A group that is on disk, with what its receipts need in memory.
#[derive(Debug)]
pub struct Committed {
    tiles: Arc<Tiles>,
    full: Vec<FullTile>,
    facts: Vec<FactRow>,
    said: Vec<Fact>,
    checkpoint: Option<CheckpointRow>,
    origin: String,
    /// Certificates of the seal on the checkpoint; none when it has no seal.
    chain: Arc<Vec<Vec<u8>>>,
    last_ms: i64,
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

    /// The receipt of a fact of this group, from memory.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the fact is not of this group.
    pub fn receipt(&self, index: u64) -> Result<Receipt, StoreError> {
        let place = self.facts.first().and_then(|first| index.checked_sub(first.index));
        let place = place.and_then(|place| usize::try_from(place).ok());
        let said = place.and_then(|place| self.said.get(place));
        let (Some(row), Some(fact), Some(checkpoint)) = (self.fact(index), said, &self.checkpoint)
        else {
            return Err(StoreError::Invalid {
                field: "fact index",
                expected: format!("one of the {} facts of this group", self.facts.len()),
                found: index.to_string(),
            });
        };
        // Fact, leaf and checkpoint were made from each other; the proof is checked as always.
        let inclusion = self.inclusion(index)?;
        let (size, root) = (checkpoint.size, &checkpoint.root);
        proof::verify_inclusion(&row.leaf_hash, index, size, &inclusion, root)
            .map_err(|error| StoreError::Proof(error.into()))?;
        Ok(Receipt {
            origin: self.origin.clone(),
            fact: fact.clone(),
            nonce: Nonce::new(row.nonce),
            index,
            proof: inclusion,
            checkpoint: checkpoint.note.clone(),
            chain: self.chain.to_vec(),
        })
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
