//! Reading while the writer writes: a small, fixed set of read-only connections.
//!
//! In: a folder; out: a [`Reader`] that any number of threads may share. Each
//! call takes a connection, waits if all are taken, and sees one committed state;
//! the next call may see a later one. Nothing is ever written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use onepoint_proof::proof::TileCache;
use onepoint_proof::{Hash, HashReader, TileId};
use rusqlite::Connection;

use super::bodies::Bodies;
use super::rows::Place;
use super::{connect_to_read, fault, rows};
use crate::archive::Archive;
use crate::model::*;
use crate::sealing::{MasterKeys, Vault};
use crate::store::Reader;
use crate::{StoreError, receipt};

/// Most connections of one reader.
const MAX_CONNECTIONS: usize = 64;
/// Tiles that each connection keeps, 16 KiB each: those above 16 million leaves.
const TILES_MAX: usize = 256;
/// KiB of pages that each connection keeps.
const CACHE_KIB: i64 = -8 * 1024;

/// Read access to a store; clones share its connections.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    pool: Arc<Pool>,
    bodies: Bodies,
    pub(super) folder: PathBuf,
}

#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Slot>>,
    returned: Condvar,
}

/// A connection, and the tiles that proofs made over it have read and that others need as well:
/// hashing one anew costs more than all the rest of a proof.
#[derive(Debug)]
struct Slot {
    connection: Connection,
    tiles: TileCache,
}

impl SqliteReader {
    /// Opens a store for reading, with so many connections (1 to 64); also beside a gateway that
    /// runs in another process. Without master keys: sealed payloads cannot be read.
    ///
    /// # Errors
    /// [`StoreError::Missing`], `NotWritable` (SQLite needs its shared-memory file), `Newer`,
    /// `Foreign`, `Damaged`, `Io`.
    pub fn open(folder: &Path, connections: usize) -> Result<SqliteReader, StoreError> {
        SqliteReader::open_with(folder, connections, None)
    }

    /// As [`SqliteReader::open`], with the master keys of the store.
    ///
    /// # Errors
    /// As of [`SqliteReader::open`].
    pub fn open_with(
        folder: &Path,
        connections: usize,
        master_keys: Option<MasterKeys>,
    ) -> Result<SqliteReader, StoreError> {
        let vault = Arc::new(Vault::new(master_keys));
        SqliteReader::open_bodies(
            folder,
            connections,
            Bodies { vault, archive: Archive::of(folder) },
        )
    }

    pub(super) fn open_bodies(
        folder: &Path,
        connections: usize,
        bodies: Bodies,
    ) -> Result<SqliteReader, StoreError> {
        let mut idle = Vec::new();
        for _ in 0..connections.clamp(1, MAX_CONNECTIONS) {
            let connection = connect_to_read(folder)?;
            connection
                .pragma_update(None, "cache_size", CACHE_KIB)
                .and_then(|()| connection.pragma_update(None, "query_only", true))
                .map_err(fault::open)?;
            idle.push(Slot { connection, tiles: TileCache::new(TILES_MAX) });
        }
        let pool = Pool { idle: Mutex::new(idle), returned: Condvar::new() };
        Ok(SqliteReader { pool: Arc::new(pool), bodies, folder: folder.to_path_buf() })
    }

    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.lend(|slot| query(&slot.connection).map_err(fault::read))
    }

    fn lend<T>(
        &self,
        work: impl FnOnce(&mut Slot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut lease = self.pool.take();
        match &mut lease.slot {
            Some(slot) => work(slot),
            None => Err(StoreError::Backend("no connection".into())),
        }
    }
}

/// A connection on loan; goes back when dropped, also when a query panics.
struct Lease<'p> {
    pool: &'p Pool,
    slot: Option<Slot>,
}

/// The tiles of one connection.
struct ConnectionTiles<'c>(&'c Connection);

impl HashReader for ConnectionTiles<'_> {
    type Error = StoreError;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        let found = rows::tile(self.0, id.level, id.index, id.width).map_err(fault::read)?;
        found.ok_or_else(|| StoreError::LogDamaged(format!("{} is missing", id.path())))
    }

    fn tile_and_middle(&self, id: TileId) -> Result<(Vec<Hash>, Vec<Hash>), StoreError> {
        let found = rows::tile_and_middle(self.0, id.level, id.index).map_err(fault::read)?;
        found.ok_or_else(|| StoreError::LogDamaged(format!("{} is missing", id.path())))
    }
}

impl Pool {
    fn take(&self) -> Lease<'_> {
        // The connections are whole even if a thread died while it held the lock.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(slot) = idle.pop() {
                return Lease { pool: self, slot: Some(slot) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
            self.pool.returned.notify_one();
        }
    }
}

impl Reader for SqliteReader {
    fn message(&self, id: &str) -> Result<Option<MessageRow>, StoreError> {
        self.read(|on| rows::message(on, id))
    }

    fn body(&self, id: BodyId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tries = 2;
        loop {
            let Some(stored) = self.read(|on| rows::body(on, id))? else { return Ok(None) };
            let place = stored.place;
            if let Some(plain) = self.bodies.open(stored)? {
                return Ok(Some(plain));
            }
            // The file was gone: it may have been erased since the row was read. If the row
            // still names it, it is missing.
            tries -= 1;
            if let (0, Place::Segment(name)) = (tries, place) {
                return Err(self.bodies.archive.damaged(&name, "its file is missing"));
            }
        }
    }

    fn documents(&self, message: &str) -> Result<Vec<DocumentRow>, StoreError> {
        self.read(|on| rows::documents(on, message))
    }

    fn facts_of(&self, message: &str) -> Result<Vec<FactRow>, StoreError> {
        self.read(|on| rows::facts_of(on, message))
    }

    fn fact(&self, index: u64) -> Result<Option<FactRow>, StoreError> {
        self.read(|on| rows::fact(on, index))
    }

    fn facts(&self, from: u64, max: usize) -> Result<Vec<FactRow>, StoreError> {
        self.read(|on| rows::facts(on, from, max))
    }

    fn facts_about(
        &self,
        participant: &str,
        from: u64,
        max: usize,
    ) -> Result<Vec<FactRow>, StoreError> {
        self.read(|on| rows::facts_about(on, participant, from, max))
    }

    fn registered_fact(&self, kind: &str, name: &str) -> Result<Option<u64>, StoreError> {
        self.read(|on| rows::registered_fact(on, kind, name))
    }

    fn tallies(&self, day: i64) -> Result<Vec<Tally>, StoreError> {
        self.read(|on| rows::tallies(on, day))
    }

    fn answers_of(&self, message: &str) -> Result<Vec<AnswerRow>, StoreError> {
        self.read(|on| rows::answers_of(on, message))
    }

    fn find_by_business_key(&self, key: &BusinessKey<'_>) -> Result<Vec<KeyState>, StoreError> {
        self.read(|on| rows::key_versions(on, key))
    }

    fn pending(&self, query: &PendingQuery<'_>) -> Result<Vec<Delivery>, StoreError> {
        self.read(|on| rows::pending(on, query))
    }

    fn delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.read(|on| rows::delivery_by_id(on, id))
    }

    fn deliveries_of(&self, message: &str) -> Result<Vec<Delivery>, StoreError> {
        self.read(|on| rows::deliveries_of(on, message))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        // Several statements: one transaction, so that they see the same state.
        self.read(|on| rows::counts(&*on.unchecked_transaction()?))
    }

    fn latest_checkpoint(&self) -> Result<Option<CheckpointRow>, StoreError> {
        self.read(rows::latest_checkpoint)
    }

    fn checkpoint(&self, size: u64) -> Result<Option<CheckpointRow>, StoreError> {
        self.read(|on| rows::checkpoint(on, size))
    }

    fn checkpoints(&self, after: u64, max: usize) -> Result<Vec<CheckpointRow>, StoreError> {
        self.read(|on| rows::checkpoints(on, after, max))
    }

    fn log_identity(&self) -> Result<Option<LogIdentity>, StoreError> {
        self.read(rows::log_identity)
    }

    fn seal_chain(&self, seal: &Hash) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|on| rows::seal_chain(on, seal))
    }

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<Hash>>, StoreError> {
        self.read(|on| rows::tile(on, level, index, width))
    }

    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        self.lend(|Slot { connection, tiles }| {
            let found = tiles.inclusion(&ConnectionTiles(connection), index, size);
            found.map_err(receipt::unreadable)
        })
    }

    fn entries(&self, index: u64, width: u16) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.read(|on| rows::entries(on, index, width))
    }
}
