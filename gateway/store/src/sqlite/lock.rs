//! The folder of a store and the lock that keeps it to one writer.
//!
//! In: a path; out: the folder, made if allowed (0700), with a lock file (0600)
//! held for as long as [`FolderLock`] lives. The lock is the operating system's:
//! it goes with the process, however that ends, so that nothing is left to clean.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

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
        let file = private_file().open(&path).map_err(|error| not_writable(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(not_writable(&path, error)),
        }
    }
}

/// Checks the folder, and makes it where that is allowed.
pub(super) fn prepare_folder(folder: &Path, create: bool) -> Result<(), StoreError> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(StoreError::NotAFolder { path: folder.to_path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
            private_folder().create(folder).map_err(|error| not_writable(folder, error))?;
            sync_parent(folder)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::Missing { path: folder.to_path_buf() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(StoreError::NotAFolder { path: folder.to_path_buf() })
        }
        Err(error) => Err(not_writable(folder, error)),
    }
}

/// Makes the empty database file before SQLite opens it, so that it, and the files that SQLite
/// makes beside it with the same permissions, are never readable by others.
pub(super) fn prepare_file(file: &Path) -> Result<(), StoreError> {
    let made = private_file().open(file).map_err(|error| not_writable(file, error))?;
    made.sync_all().map_err(|error| not_writable(file, error))?;
    sync_parent(file)
}

/// Makes a new name in a folder durable.
fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| not_writable(parent, error))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn not_writable(path: &Path, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::DiskFull(error.into());
    }
    StoreError::NotWritable { path: PathBuf::from(path), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_missing_permission() {
        let code = |kind: io::ErrorKind| not_writable(Path::new("d"), kind.into()).code();
        assert_eq!(code(io::ErrorKind::StorageFull), "store-disk-full");
        assert_eq!(code(io::ErrorKind::PermissionDenied), "store-not-writable");
        assert_eq!(code(io::ErrorKind::ReadOnlyFilesystem), "store-not-writable");
    }

    #[test]
    fn a_folder_without_a_parent_in_its_name_is_made_where_we_are() {
        assert!(sync_parent(Path::new("anything")).is_ok());
        assert!(sync_parent(Path::new("/nonexistent/folder")).is_err());
    }
}
