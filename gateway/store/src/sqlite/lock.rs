//! The folder of a store and the lock that keeps it to one writer.
//!
//! In: a path; out: the folder, made if allowed (0700), with a lock file (0600)
//! held for as long as [`FolderLock`] lives. The lock is the operating system's:
//! it goes with the process, however that ends, so that nothing is left to clean.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::StoreError;
use crate::durable::{cannot_write, make_folder, private_file, sync_parent};

/// The file that is locked.
const LOCK_FILE: &str = "store.lock";

/// Exclusive use of a folder.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks the folder, or says that another writer has it.
    pub(super) fn take(folder: &Path) -> Result<FolderLock, StoreError> {
        let path = folder.join(LOCK_FILE);
        let file = private_file().open(&path).map_err(|error| cannot_write(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(cannot_write(&path, error)),
        }
    }
}

/// Checks the folder, and makes it where that is allowed.
pub(super) fn prepare_folder(folder: &Path, create: bool) -> Result<(), StoreError> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(StoreError::NotAFolder { path: folder.to_path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => make_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::Missing { path: folder.to_path_buf() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(StoreError::NotAFolder { path: folder.to_path_buf() })
        }
        Err(error) => Err(cannot_write(folder, error)),
    }
}

/// Makes the empty database file before SQLite opens it, so that it, and the files that SQLite
/// makes beside it with the same permissions, are never readable by others.
pub(super) fn prepare_file(file: &Path) -> Result<(), StoreError> {
    let made = private_file().open(file).map_err(|error| cannot_write(file, error))?;
    made.sync_all().map_err(|error| cannot_write(file, error))?;
    sync_parent(file)
}
