//! What a store must do, with nothing of any database in it.
//!
//! In: rows and transactions; out: rows, read back in one consistent state.
//! [`Store`] is the one writer, [`Tx`] and [`LogTx`] what it does within one
//! transaction, [`Reader`] what many threads read meanwhile. Promise of every
//! implementation: when [`Store::transaction`] returns `Ok`, all of it is on
//! disk; when it returns an error that is not fatal, none of it ever will be.

use onepoint_proof::{Hash, Receipt, tile};

use crate::model::*;
use crate::retention::{Retained, Retention, Rewrapped};
use crate::{StoreError, receipt};

/// The one writer of a store.
pub trait Store {
    /// Runs `work` (once) in one transaction: commits and syncs when it returns `Ok`, rolls
    /// back when it returns an error, which is passed on.
    ///
    /// # Errors
    /// What `work` returned. [`StoreError::Fatal`] when writing, committing or syncing failed:
    /// whether the transaction is on disk is then unknown, every later call fails the same way,
    /// and the process must exit. [`StoreError::Fenced`] when another writer opened the store.
    /// [`StoreError::DiskFull`]: nothing was kept, later transactions may succeed.
    fn transaction(
        &mut self,
        work: &mut dyn FnMut(&mut dyn LogTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Housekeeping between transactions (moving journal pages to their place and such). Cheap
    /// when there is nothing to do, never needed for safety; call it after the answers are out.
    ///
    /// # Errors
    /// [`StoreError::Fatal`] as above; [`StoreError::DiskFull`] and others that are not fatal
    /// leave it for the next time.
    fn maintain(&mut self) -> Result<(), StoreError>;

    /// One bounded step of the retention policy: payloads of closed messages move to the archive,
    /// or a segment of it is erased. Call it again while [`Retained::more`] says so.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a policy that contradicts itself; [`StoreError::NotWritable`],
    /// [`StoreError::DiskFull`] when a segment cannot be written; faults of the store. Whatever
    /// the error, every payload is where it was or where it went.
    fn retain(&mut self, policy: &Retention, now_ms: i64) -> Result<Retained, StoreError>;

    /// Wraps every data key by the current master key, in one transaction, so that the master
    /// keys before it can be removed.
    ///
    /// # Errors
    /// [`StoreError::MasterKeyMissing`], [`StoreError::DataKeyUnreadable`]: nothing was changed
    /// then; faults of the store.
    fn rewrap(&mut self) -> Result<Rewrapped, StoreError>;

    /// The epoch of this writer: one more than that of the writer before.
    fn epoch(&self) -> u64;
}

/// What the commit stage reads and writes within a transaction. Reads see its own writes.
pub trait Tx {
    /// Key 1: the message stored under this guid.
    ///
    /// # Errors
    /// Faults of the database.
    fn message_by_guid(&mut self, key: &MessageKey<'_>) -> Result<Option<SeenMessage>, StoreError>;

    /// Stores a message with its payload.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id or key 1 is taken; [`StoreError::Invalid`].
    fn insert_message(&mut self, message: &NewMessage<'_>) -> Result<BodyId, StoreError>;

    /// Stores a payload that is neither a received message nor an answer (a customs-style
    /// receipt, a converted document) for deliveries of one message to name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    fn insert_body(&mut self, bytes: &[u8]) -> Result<BodyId, StoreError>;

    /// Stores a document of a message.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is there already or its message is not; `Invalid`.
    fn insert_document(&mut self, document: &NewDocument<'_>) -> Result<(), StoreError>;

    /// A document.
    ///
    /// # Errors
    /// Faults of the database.
    fn document(&mut self, message: &str, index: u32) -> Result<Option<DocumentRow>, StoreError>;

    /// Sets the last returnStatus of a document. Returns false when there is no such document.
    ///
    /// # Errors
    /// Faults of the database.
    fn set_document_status(
        &mut self,
        message: &str,
        index: u32,
        status: i64,
        time_ms: i64,
    ) -> Result<bool, StoreError>;

    /// Key 2: the present version of a business key.
    ///
    /// # Errors
    /// Faults of the database.
    fn business_key(&mut self, key: &BusinessKey<'_>) -> Result<Option<KeyState>, StoreError>;

    /// Adds a version to a business key (see [`crate::keys`] for when it may).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the version is there already or the document is not.
    fn put_business_key(&mut self, version: &NewKeyVersion<'_>) -> Result<(), StoreError>;

    /// The facts of a message, by index.
    ///
    /// # Errors
    /// Faults of the database.
    fn facts_of(&mut self, message: &str) -> Result<Vec<FactRow>, StoreError>;

    /// Adds a row to the outbox and returns its number, which ascends in commit order.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken or message or payload are missing (a payload
    /// that has moved to the archive is, too); `Invalid`.
    fn insert_outbox(&mut self, delivery: &NewDelivery<'_>) -> Result<u64, StoreError>;

    /// A row of the outbox by its number.
    ///
    /// # Errors
    /// Faults of the database.
    fn delivery(&mut self, seq: u64) -> Result<Option<Delivery>, StoreError>;

    /// A row of the outbox by its id.
    ///
    /// # Errors
    /// Faults of the database.
    fn delivery_by_id(&mut self, id: &str) -> Result<Option<Delivery>, StoreError>;

    /// Moves a delivery from pending to relayed, and gives it as it is now. Gives nothing (and
    /// changes nothing) when it is relayed or delivered already, or does not exist.
    ///
    /// # Errors
    /// Faults of the database.
    fn mark_relayed(&mut self, seq: u64, time_ms: i64) -> Result<Option<Delivery>, StoreError>;

    /// Moves a delivery from pending or relayed to delivered. Returns false (and changes
    /// nothing) when it is delivered already, or does not exist.
    ///
    /// # Errors
    /// Faults of the database.
    fn mark_delivered(&mut self, seq: u64, time_ms: i64) -> Result<bool, StoreError>;

    /// The answer stored under this id of this department.
    ///
    /// # Errors
    /// Faults of the database.
    fn answer_seen(&mut self, department: &str, id: &str)
    -> Result<Option<SeenAnswer>, StoreError>;

    /// What the log last said of everything registered under a kind, by name.
    ///
    /// # Errors
    /// Faults of the database.
    fn registered(&mut self, kind: &str) -> Result<Vec<Registered>, StoreError>;

    /// The fact that last told of something registered, if it still is.
    ///
    /// # Errors
    /// Faults of the database.
    fn registered_fact(&mut self, kind: &str, name: &str) -> Result<Option<u64>, StoreError>;

    /// Keeps what the fact at `fact` said of something; `None` when it said that it is gone.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such fact; `Invalid`.
    fn put_registered(
        &mut self,
        kind: &str,
        name: &str,
        digest: Option<&Hash>,
        fact: u64,
    ) -> Result<(), StoreError>;

    /// The tallies of a day, by participant.
    ///
    /// # Errors
    /// Faults of the database.
    fn tallies(&mut self, day: i64) -> Result<Vec<Tally>, StoreError>;

    /// The last day (UTC+8, in days since 1970) that was closed by statements.
    ///
    /// # Errors
    /// Faults of the database.
    fn closed_day(&mut self) -> Result<Option<i64>, StoreError>;

    /// Closes a day: no fact of it may come any more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a later day is closed already.
    fn close_day(&mut self, day: i64) -> Result<(), StoreError>;

    /// Stores an answer with its bytes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its id is taken or its message is missing; `Invalid`.
    fn insert_answer(&mut self, answer: &NewAnswer<'_>) -> Result<BodyId, StoreError>;
}

/// The log itself; only [`crate::Ledger`] calls it.
pub trait LogTx: Tx {
    /// The time of the group, for what has no time of its own (the day of a data key).
    fn set_time(&mut self, now_ms: i64);

    /// Origin and key of the log, once they are set.
    ///
    /// # Errors
    /// Faults of the database.
    fn log_identity(&mut self) -> Result<Option<LogIdentity>, StoreError>;

    /// Sets origin and key of the log, once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when they are set already.
    fn put_log_identity(&mut self, identity: &LogIdentity) -> Result<(), StoreError>;

    /// Whether a head file was ever made for this log.
    ///
    /// # Errors
    /// Faults of the database.
    fn has_head(&mut self) -> Result<bool, StoreError>;

    /// Remembers that a head file was made.
    ///
    /// # Errors
    /// Faults of the database.
    fn put_head(&mut self) -> Result<(), StoreError>;

    /// The checkpoint of the largest size.
    ///
    /// # Errors
    /// Faults of the database.
    fn latest_checkpoint(&mut self) -> Result<Option<CheckpointRow>, StoreError>;

    /// The index that the next fact will have.
    ///
    /// # Errors
    /// Faults of the database.
    fn next_index(&mut self) -> Result<u64, StoreError>;

    /// A fact by its index.
    ///
    /// # Errors
    /// Faults of the database.
    fn fact(&mut self, index: u64) -> Result<Option<FactRow>, StoreError>;

    /// The first `width` hashes of a tile, as in [`Reader::tile`].
    ///
    /// # Errors
    /// Faults of the database.
    fn tile(&mut self, level: u8, index: u64, width: u16) -> Result<Option<Vec<Hash>>, StoreError>;

    /// The participant that sent a message.
    ///
    /// # Errors
    /// Faults of the database.
    fn sender_of(&mut self, message: &str) -> Result<Option<String>, StoreError>;

    /// The tally of a participant on a day.
    ///
    /// # Errors
    /// Faults of the database.
    fn tally(&mut self, participant: &str, day: i64) -> Result<Option<Tally>, StoreError>;

    /// Stores a tally, in the place of the one before.
    ///
    /// # Errors
    /// Faults of the database.
    fn put_tally(&mut self, tally: &Tally) -> Result<(), StoreError>;

    /// Keeps the certificates behind a seal (DER, the one that signs first), once.
    ///
    /// # Errors
    /// Faults of the database.
    fn put_seal(&mut self, seal: &Hash, chain: &[Vec<u8>]) -> Result<(), StoreError>;

    /// The certificates behind a seal; none when it is unknown.
    ///
    /// # Errors
    /// Faults of the database.
    fn seal_chain(&mut self, seal: &Hash) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Appends a fact with its leaf.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] unless its index is the next one; `Invalid`.
    fn append_fact(&mut self, fact: &NewFact<'_>) -> Result<(), StoreError>;

    /// Stores a tile: a full one of level 0, or one of a higher level as far as it has grown.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`] when what is stored is not a prefix of it.
    fn put_tile(&mut self, level: u8, index: u64, hashes: &[Hash]) -> Result<(), StoreError>;

    /// Stores a checkpoint.
    ///
    /// # Errors
    /// [`StoreError::LogFork`] when one with another root is stored for its size, or one of a
    /// larger size is.
    fn put_checkpoint(&mut self, checkpoint: &CheckpointRow) -> Result<(), StoreError>;
}

/// Reading while the writer writes. Cheap to clone, usable from any thread. Calls block the
/// thread for as long as the database takes, and while all connections are busy.
pub trait Reader: Send + Sync {
    /// A message by its id.
    ///
    /// # Errors
    /// Faults of the database, as in every method here.
    fn message(&self, id: &str) -> Result<Option<MessageRow>, StoreError>;

    /// A payload as it was handed in, wherever it is now.
    ///
    /// # Errors
    /// [`StoreError::Erased`] when it went by policy; [`StoreError::BodyDamaged`] and
    /// [`StoreError::SegmentDamaged`] when it is not what was stored;
    /// [`StoreError::MasterKeyMissing`], [`StoreError::DataKeyUnreadable`]; faults of the
    /// database.
    fn body(&self, id: BodyId) -> Result<Option<Vec<u8>>, StoreError>;

    /// The documents of a message, by index.
    ///
    /// # Errors
    /// Faults of the database.
    fn documents(&self, message: &str) -> Result<Vec<DocumentRow>, StoreError>;

    /// The facts of a message, by index.
    ///
    /// # Errors
    /// Faults of the database.
    fn facts_of(&self, message: &str) -> Result<Vec<FactRow>, StoreError>;

    /// A fact by its index in the log.
    ///
    /// # Errors
    /// Faults of the database.
    fn fact(&self, index: u64) -> Result<Option<FactRow>, StoreError>;

    /// Facts from an index on, at most `max` and [`MAX_ROWS`].
    ///
    /// # Errors
    /// Faults of the database.
    fn facts(&self, from: u64, max: usize) -> Result<Vec<FactRow>, StoreError>;

    /// The facts about a participant's messages from an index on, at most `max` and [`MAX_ROWS`].
    ///
    /// # Errors
    /// Faults of the database.
    fn facts_about(
        &self,
        participant: &str,
        from: u64,
        max: usize,
    ) -> Result<Vec<FactRow>, StoreError>;

    /// The fact that last told of something registered, if it still is.
    ///
    /// # Errors
    /// Faults of the database.
    fn registered_fact(&self, kind: &str, name: &str) -> Result<Option<u64>, StoreError>;

    /// The tallies of a day, by participant.
    ///
    /// # Errors
    /// Faults of the database.
    fn tallies(&self, day: i64) -> Result<Vec<Tally>, StoreError>;

    /// The answers to a message, in the order of their arrival.
    ///
    /// # Errors
    /// Faults of the database.
    fn answers_of(&self, message: &str) -> Result<Vec<AnswerRow>, StoreError>;

    /// All versions of a business key, oldest first, at most [`MAX_ROWS`]. Each has the last
    /// status of its own document.
    ///
    /// # Errors
    /// Faults of the database.
    fn find_by_business_key(&self, key: &BusinessKey<'_>) -> Result<Vec<KeyState>, StoreError>;

    /// Pending deliveries, by number.
    ///
    /// # Errors
    /// Faults of the database.
    fn pending(&self, query: &PendingQuery<'_>) -> Result<Vec<Delivery>, StoreError>;

    /// A delivery by its id.
    ///
    /// # Errors
    /// Faults of the database.
    fn delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError>;

    /// The deliveries of a message, by id.
    ///
    /// # Errors
    /// Faults of the database.
    fn deliveries_of(&self, message: &str) -> Result<Vec<Delivery>, StoreError>;

    /// Rows by state, for metrics.
    ///
    /// # Errors
    /// Faults of the database.
    fn counts(&self) -> Result<Counts, StoreError>;

    /// The latest signed checkpoint; `None` while the log is empty.
    ///
    /// # Errors
    /// Faults of the database.
    fn latest_checkpoint(&self) -> Result<Option<CheckpointRow>, StoreError>;

    /// The checkpoint of exactly this size.
    ///
    /// # Errors
    /// Faults of the database.
    fn checkpoint(&self, size: u64) -> Result<Option<CheckpointRow>, StoreError>;

    /// Checkpoints of more than `after` leaves, by size, at most `max` and [`MAX_ROWS`].
    ///
    /// # Errors
    /// Faults of the database.
    fn checkpoints(&self, after: u64, max: usize) -> Result<Vec<CheckpointRow>, StoreError>;

    /// Origin and key of the log, once they are set.
    ///
    /// # Errors
    /// Faults of the database.
    fn log_identity(&self) -> Result<Option<LogIdentity>, StoreError>;

    /// The certificates behind a seal (DER, the one that signs first); none when it is unknown.
    ///
    /// # Errors
    /// Faults of the database.
    fn seal_chain(&self, seal: &Hash) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The first `width` (1 to 256) hashes of a tile (C2SP tlog-tiles); `None` when the log does
    /// not have as many yet.
    ///
    /// # Errors
    /// Faults of the database.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<Hash>>, StoreError>;

    /// The first `width` (1 to 256) entries of an entry bundle; `None` when the log does not
    /// have as many yet.
    ///
    /// # Errors
    /// Faults of the database.
    fn entries(&self, index: u64, width: u16) -> Result<Option<Vec<Vec<u8>>>, StoreError>;

    /// The bytes of a tile, as published: [`Reader::tile`] encoded.
    ///
    /// # Errors
    /// Faults of the database.
    fn tile_bytes(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tile(level, index, width)?.map(|hashes| tile::encode_tile(&hashes)))
    }

    /// The bytes of an entry bundle, as published: [`Reader::entries`] encoded.
    ///
    /// # Errors
    /// Faults of the database; [`StoreError::Proof`] for an entry that no bundle can hold.
    fn entry_bundle(&self, index: u64, width: u16) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(entries) = self.entries(index, width)? else { return Ok(None) };
        let bundle =
            tile::encode_bundle(&entries).map_err(|error| StoreError::Proof(error.into()))?;
        Ok(Some(bundle))
    }

    /// The inclusion proof of a leaf in the tree of `size` leaves.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`] when tiles are missing; faults of the database.
    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        receipt::inclusion(self, index, size)
    }

    /// The receipt of a fact against the latest checkpoint, checked before it is returned;
    /// `None` when the log has no such fact.
    ///
    /// # Errors
    /// [`StoreError::FactErased`] when only the leaf of it is left;
    /// [`StoreError::LogDamaged`] when fact, leaf, tiles and checkpoint do not agree; faults of
    /// the database.
    fn receipt(&self, index: u64) -> Result<Option<Receipt>, StoreError> {
        receipt::read(self, index)
    }
}
