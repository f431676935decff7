//! The store on SQLite: one writer, write-ahead log, every commit synced.
//!
//! In: a folder; out: a [`Store`] and [`SqliteReader`]s for it. Settings, and why:
//!
//! | setting | value | why |
//! |---|---|---|
//! | journal_mode | WAL | readers and the writer do not wait for each other |
//! | synchronous | FULL | a commit returns after one fsync of the log, and only that |
//! | wal_autocheckpoint | 0 | SQLite would drop the error of a failed sync; we move pages ourselves |
//! | page_size | 4096 | a page of 8192 takes a tenth less time and a third more disk for payloads of 5 KB |
//! | cache_size | 64 MiB | the upper pages of every index of some tens of millions of rows |
//! | secure_delete | FAST | a destroyed key is overwritten in its page; freed pages are left, where payloads lie sealed |
//! | foreign_keys, cell_size_check | on | a contradiction stops here and not at an auditor's |
//!
//! The folder holds `journal.db` with its `-wal` and `-shm`, `store.lock`, and `archive` once there is one.

mod backup;
mod bodies;
mod check;
mod fault;
mod keys;
mod lock;
mod outbox;
mod reader;
mod restore;
mod retention;
mod rows;
mod schema;
mod stats;
mod sums;
mod tx;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

pub use backup::{BackedUp, backup};
pub use check::{CheckFinding, CheckOptions, Checked, MAX_FINDINGS, check};
pub use outbox::{Backlog, ReplayQuery, Replayable};
pub use reader::SqliteReader;
pub use restore::{RestoreOptions, Restored, restore};
pub use stats::{StoreStats, Volume};

use crate::archive::{Archive, Passing};
use crate::retention::{Retained, Retention, Rewrapped};
use crate::sealing::Vault;
use crate::store::{LogTx, Store};
use crate::{MasterKeys, StoreError};
use bodies::Bodies;
use lock::FolderLock;
use tx::SqliteTx;

/// The database file in the folder.
const DATABASE_FILE: &str = "journal.db";
/// Bytes of a page; fixed when the database is made.
const PAGE_BYTES: u32 = 4096;
/// KiB of pages that the writer keeps (negative: KiB and not pages).
const CACHE_KIB: i64 = -64 * 1024;
/// Pages in the write-ahead log from which on they are moved to their place.
const CHECKPOINT_PAGES: i64 = 4000;
/// Statements kept prepared; there are fewer.
const STATEMENTS: usize = 64;
/// How long to wait for a lock that somebody else's tool holds.
const BUSY: std::time::Duration = std::time::Duration::from_secs(2);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The folder of the store, for it alone. One that is made gets permissions 0700; files get
    /// 0600 in any case.
    pub folder: PathBuf,
    /// Whether to make folder and store when they are not there. Without it a wrong path is an
    /// error and not an empty log.
    pub create: bool,
    /// Connections of each reader: so many reads run at the same time, others wait.
    pub readers: usize,
    /// The time now, for the record of who opened and migrated.
    pub now_ms: i64,
    /// The keys that wrap the data keys of payloads. Without them new payloads are stored plain,
    /// and a store that has sealed ones does not open.
    pub master_keys: Option<MasterKeys>,
    /// Told of each step of archiving and erasing (`archive.written` and so on), so that a test
    /// can let the process die there; see `retention` for what that means.
    pub passing: Passing,
}

impl SqliteOptions {
    /// Makes the store when it is not there; 4 reading connections; payloads stay plain.
    pub fn new(folder: impl Into<PathBuf>, now_ms: i64) -> SqliteOptions {
        SqliteOptions {
            folder: folder.into(),
            create: true,
            readers: 4,
            now_ms,
            master_keys: None,
            passing: |_| (),
        }
    }
}

/// The writer. There is one for a folder on the whole machine, while it lives.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the lock goes last.
    connection: Connection,
    folder: PathBuf,
    readers: usize,
    epoch: u64,
    bodies: Bodies,
    run: retention::Run,
    /// Set by the first fatal error: nothing is written any more.
    dead: bool,
    _lock: FolderLock,
}

impl SqliteStore {
    /// Opens a store, makes it if allowed, and brings its tables to the newest version.
    ///
    /// There is nothing to recover here: SQLite takes what the write-ahead log has of complete
    /// transactions and nothing else, which is what it does on every first read.
    ///
    /// # Errors
    /// [`StoreError::Missing`], `NotAFolder`, `NotWritable`, `Locked` (another gateway has it),
    /// `Newer`, `Foreign`, `Damaged`, `DiskFull`, `Io`; `MasterKeyMissing`, `DataKeyUnreadable`.
    pub fn open(options: &SqliteOptions) -> Result<SqliteStore, StoreError> {
        lock::prepare_folder(&options.folder, options.create)?;
        let file = options.folder.join(DATABASE_FILE);
        if !options.create && !file.is_file() {
            return Err(StoreError::Missing { path: options.folder.clone() });
        }
        let lock = FolderLock::take(&options.folder)?;
        lock::prepare_file(&file)?;
        let mut connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = schema::check(&connection, &file)?;
        if found == 0 && !options.create {
            // Left by a process that died while it made the store.
            return Err(StoreError::Missing { path: options.folder.clone() });
        }
        configure(&connection).map_err(|error| opening(error, &options.folder))?;
        let epoch = enter(&mut connection, found, options.now_ms)
            .map_err(|error| opening(error, &options.folder))?;
        let vault = Arc::new(Vault::new(options.master_keys.clone()));
        let archive = Archive::of(&options.folder).watched(options.passing);
        let bodies = Bodies { vault, archive };
        bodies.check_keys(&rows::live_keys(&connection).map_err(fault::open)?)?;
        Ok(SqliteStore {
            connection,
            folder: options.folder.clone(),
            readers: options.readers,
            epoch,
            bodies,
            run: retention::Run::default(),
            dead: false,
            _lock: lock,
        })
    }

    /// A reader of this store, to be cloned.
    ///
    /// # Errors
    /// As [`SqliteReader::open`].
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::open_bodies(&self.folder, self.readers, self.bodies.clone())
    }

    /// One transaction: begun, done and committed, or rolled back. Any error of `work` ends it.
    fn within<T>(
        &mut self,
        work: impl FnOnce(&Connection, &Bodies) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.alive()?;
        // A transaction is only still open here if the work in it panicked.
        let ready = self.roll_back().and_then(|()| match self.move_pages() {
            // They wait in the log, which may have room of its own: what is written now shows it.
            Err(StoreError::DiskFull(_)) => Ok(()),
            moved => moved,
        });
        self.note(ready)?;
        let done = match self.attempt(work) {
            Ok(done) => Ok(done),
            // A failed rollback outweighs what led to it.
            Err(error) => self.roll_back().and(Err(error)),
        };
        self.note(done)
    }

    /// Everything up to the commit; the caller rolls back what failed.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Connection, &Bodies) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let on = &self.connection;
        on.prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut begin| begin.execute([]))
            .map_err(fault::write)?;
        let found = rows::epoch(on).map_err(fault::write)?;
        if found != self.epoch {
            return Err(StoreError::Fenced { ours: self.epoch, found });
        }
        let done = work(on, &self.bodies)?;
        if on.is_autocommit() {
            // SQLite has rolled back on its own and what came after was not in a transaction.
            return Err(StoreError::Fatal("the transaction ended before its commit".into()));
        }
        // The commit point. Dying before it returns: the write-ahead log holds the whole
        // transaction with its commit mark or it is as if nothing had been written; the sender
        // has no answer and sends again. Dying after: it is on disk with its receipt, and a
        // sender who sends again gets that receipt.
        on.prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]))
            .map_err(fault::commit)?;
        Ok(done)
    }

    fn roll_back(&mut self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("ROLLBACK").map_err(|error| StoreError::Fatal(error.into()))
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.dead {
            return Err(StoreError::Fatal("an earlier write failed".into()));
        }
        Ok(())
    }

    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        self.dead |= result.as_ref().is_err_and(StoreError::is_fatal);
        result
    }

    /// Moves pages from the write-ahead log to their place once there are enough of them.
    fn move_pages(&mut self) -> Result<(), StoreError> {
        let wal = |mode: &str| {
            let sql = format!("PRAGMA wal_checkpoint({mode})");
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_row([], |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
        };
        let (pages, moved) = wal("NOOP").map_err(fault::write)?;
        if pages.saturating_sub(moved) >= CHECKPOINT_PAGES {
            // Dying within: the log is only used anew once all of it is synced at its place.
            wal("PASSIVE").map_err(fault::write)?;
        }
        Ok(())
    }
}

impl Store for SqliteStore {
    fn transaction(
        &mut self,
        work: &mut dyn FnMut(&mut dyn LogTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.within(|on, bodies| {
            let mut tx = SqliteTx::new(on, &bodies.vault);
            work(&mut tx)?;
            tx.finish()
        })
    }

    fn retain(&mut self, policy: &Retention, now_ms: i64) -> Result<Retained, StoreError> {
        self.retain_step(policy, now_ms)
    }

    fn rewrap(&mut self) -> Result<Rewrapped, StoreError> {
        let done = self.within(keys::rewrap)?;
        self.cut_write_ahead_log()?;
        Ok(done)
    }

    fn maintain(&mut self) -> Result<(), StoreError> {
        self.alive()?;
        let moved = self.move_pages();
        self.note(moved)
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

fn connect(file: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let folder = file.parent().unwrap_or(file);
    let connection =
        Connection::open_with_flags(file, flags).map_err(|error| opening(error, folder))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .busy_timeout(BUSY)
        // Plans do not depend on bound values: without this, statements with a bound value against
        // a partial index are prepared anew on every call, which is a fifth of a commit.
        .and_then(|()| {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
        })
        .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        .and_then(|()| connection.pragma_update(None, "cell_size_check", true))
        .map_err(fault::open)?;
    Ok(connection)
}

/// A connection that only reads, to a store of this version.
fn connect_to_read(folder: &Path) -> Result<Connection, StoreError> {
    let file = folder.join(DATABASE_FILE);
    if !file.is_file() {
        return Err(StoreError::Missing { path: folder.to_path_buf() });
    }
    let connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if schema::check(&connection, &file)? != schema::VERSION {
        // Only the writer makes and migrates tables: until it has run, nothing is here.
        return Err(StoreError::Missing { path: folder.to_path_buf() });
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| {
        let mode: String = row.get(0)?;
        if mode == "wal" { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
    })?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.pragma_update_and_check(None, "secure_delete", "fast", |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "memory")
}

/// Migrates and takes the next epoch, in one transaction.
fn enter(connection: &mut Connection, found: u32, now_ms: i64) -> Result<u64, rusqlite::Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::migrate(&tx, found, now_ms)?;
    tx.execute(
        "INSERT INTO writer (one, epoch, opened_ms) VALUES (1, 1, ?1) \
         ON CONFLICT (one) DO UPDATE SET epoch = epoch + 1, opened_ms = excluded.opened_ms",
        params![now_ms],
    )?;
    let epoch = rows::epoch(&tx)?;
    tx.commit()?;
    Ok(epoch)
}

fn opening(error: rusqlite::Error, folder: &Path) -> StoreError {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, PermissionDenied, ReadOnly,
    };
    let path = folder.to_path_buf();
    match error.sqlite_error_code() {
        Some(CannotOpen | PermissionDenied | ReadOnly) => {
            StoreError::NotWritable { path, source: error.into() }
        }
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Locked { path },
        _ => fault::open(error),
    }
}

#[cfg(test)]
pub(crate) mod tests;
