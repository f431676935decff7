//! An open group: facts become rows, leaves and tallies; at its end tiles and the
//! checkpoint join them. Everything here happens within one transaction, so that
//! none of it is there without the rest.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use onepoint_proof::leaf::NONCE_BYTES;
use onepoint_proof::statement::{Day, running_next, running_start};
use onepoint_proof::{Fact, FullTile, Hash, Nonce, Tiles};

use super::sign::Signers;
use super::{Committed, MAX_GROUP_FACTS};
use crate::StoreError;
use crate::model::{FactRow, NewFact, Tally};
use crate::random::Nonces;
use crate::store::{LogTx, Tx};

/// An open group: everything of [`Tx`], and appending facts.
pub struct LedgerTx<'t> {
    tx: &'t mut (dyn LogTx + 't),
    nonces: Nonces<NONCE_BYTES>,
    /// Shared with the ledger until the first fact, its own copy from then on.
    tiles: Arc<Tiles>,
    full: Vec<FullTile>,
    facts: Vec<FactRow>,
    /// The same facts as they came, for their receipts.
    said: Vec<Fact>,
    /// Time of the last fact: none may be older.
    last_ms: i64,
    /// Of the senders in this group, and the day of now.
    tallies: Vec<Tally>,
    /// The sender of the message that the last fact was about.
    sender: Option<(String, Option<String>)>,
}

impl<'t> LedgerTx<'t> {
    pub(super) fn new(
        tx: &'t mut (dyn LogTx + 't),
        tiles: Arc<Tiles>,
        last_ms: i64,
    ) -> LedgerTx<'t> {
        LedgerTx {
            tx,
            nonces: Nonces::default(),
            tiles,
            full: Vec::new(),
            facts: Vec::new(),
            said: Vec::new(),
            last_ms,
            tallies: Vec::new(),
            sender: None,
        }
    }

    /// Appends a fact about a message (which is stored already) and one of its documents, or
    /// about neither, and returns its index in the log. The index is final once the group is.
    ///
    /// # Errors
    /// [`StoreError::Fact`] for a fact out of bounds; [`StoreError::Conflict`] when the message
    /// is not stored; [`StoreError::Invalid`] beyond [`MAX_GROUP_FACTS`] and for a time before
    /// that of the last fact; faults of the store.
    pub fn append(
        &mut self,
        message: Option<&str>,
        document: Option<u32>,
        fact: Fact,
    ) -> Result<u64, StoreError> {
        if self.facts.len() >= MAX_GROUP_FACTS {
            return Err(StoreError::Invalid {
                field: "facts of a group",
                expected: format!("at most {MAX_GROUP_FACTS}"),
                found: "one more".into(),
            });
        }
        let nonce = self.nonces.next()?;
        let (bytes, leaf) = fact.commit(&Nonce::new(nonce)).map_err(StoreError::Fact)?;
        if leaf.time_ms < self.last_ms {
            return Err(StoreError::Invalid {
                field: "fact time",
                expected: format!("{} or later, the time of the last fact", self.last_ms),
                found: leaf.time_ms.to_string(),
            });
        }
        let participant = message.map_or(Ok(None), |message| self.sender_of(message))?;
        let entry = leaf.to_bytes();
        let leaf_hash = onepoint_proof::leaf_hash(&entry);
        let index = self.tiles.size();
        self.tx.append_fact(&NewFact {
            index,
            message,
            document,
            participant: participant.as_deref(),
            kind: leaf.kind.as_str(),
            time_ms: leaf.time_ms,
            fact: &bytes,
            nonce,
            entry: &entry,
            leaf_hash,
        })?;
        if let Some(participant) = &participant {
            self.count(participant, leaf.time_ms, index, &leaf_hash)?;
        }
        self.last_ms = leaf.time_ms;
        Arc::make_mut(&mut self.tiles).append(leaf_hash, &mut self.full);
        self.facts.push(FactRow {
            index,
            message: message.map(str::to_owned),
            document,
            participant,
            kind: leaf.kind.as_str().to_owned(),
            time_ms: leaf.time_ms,
            fact: bytes,
            nonce,
            entry,
            leaf_hash,
        });
        self.said.push(fact);
        Ok(index)
    }

    /// Facts of one message come together: its sender is asked for once.
    fn sender_of(&mut self, message: &str) -> Result<Option<String>, StoreError> {
        if let Some((_, sender)) = self.sender.as_ref().filter(|(id, _)| id == message) {
            return Ok(sender.clone());
        }
        let sender = self.tx.sender_of(message)?;
        self.sender = Some((message.to_owned(), sender.clone()));
        Ok(sender)
    }

    /// Counts a fact for the completeness statement of its day.
    fn count(
        &mut self,
        participant: &str,
        time_ms: i64,
        index: u64,
        leaf: &Hash,
    ) -> Result<(), StoreError> {
        let day = Day::of(time_ms);
        let same = |tally: &Tally| tally.day == day.number() && tally.participant == participant;
        let place = match self.tallies.iter().position(same) {
            Some(place) => place,
            None => {
                let found = self.tx.tally(participant, day.number())?;
                self.tallies.push(found.unwrap_or_else(|| Tally {
                    participant: participant.to_owned(),
                    day: day.number(),
                    count: 0,
                    first: index,
                    last: index,
                    running: running_start(participant, day),
                }));
                self.tallies.len() - 1
            }
        };
        if let Some(tally) = self.tallies.get_mut(place) {
            tally.count += 1;
            tally.last = index;
            tally.running = running_next(&tally.running, index, leaf);
        }
        Ok(())
    }

    /// Stores tiles, tallies and checkpoint of the facts appended.
    pub(super) fn finish(self, signer: &Signers, now_ms: i64) -> Result<Committed, StoreError> {
        let LedgerTx { tx, tiles, full, facts, said, tallies, last_ms, .. } = self;
        let mut checkpoint = None;
        if !facts.is_empty() {
            store_tiles(tx, &tiles, &full)?;
            for tally in &tallies {
                tx.put_tally(tally)?;
            }
            // Not before the facts it covers, whatever the wall clock says.
            let row = signer.checkpoint(&tiles, now_ms.max(last_ms))?;
            tx.put_checkpoint(&row)?;
            checkpoint = Some(row);
        }
        let (origin, chain) = (signer.log.name().to_owned(), signer.chain());
        Ok(Committed { tiles, full, facts, said, checkpoint, origin, chain, last_ms })
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
