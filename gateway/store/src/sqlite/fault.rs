//! What SQLite's error codes mean for us, by where they happen.
//!
//! In: an error of SQLite and the place; out: a [`StoreError`]. Promise: a
//! failed write or sync on the writer's side is always fatal, and a full disk is
//! told apart from it, since SQLite undoes such a transaction completely.

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

/// While opening: nothing of ours is written yet.
pub(super) fn open(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        Some(ErrorCode::SystemIoFailure) => StoreError::Io(error.into()),
        _ => any(error),
    }
}

/// While reading beside the writer.
pub(super) fn read(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => StoreError::Io(error.into()),
        _ => any(error),
    }
}

/// Within the writer's transaction, and at its commit.
pub(super) fn write(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Fatal(error.into()),
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict(constraint(&error)),
        _ => any(error),
    }
}

/// Where it cannot be undone: anything but a full disk leaves the outcome unknown.
pub(super) fn commit(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        _ => StoreError::Fatal(error.into()),
    }
}

fn any(error: Error) -> StoreError {
    match (&error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        | (
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..),
            _,
        ) => StoreError::Damaged(error.into()),
        _ => StoreError::Backend(error.into()),
    }
}

/// The constraint's name; SQLite puts no values into it.
fn constraint(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn sqlite(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn failed_writes_and_syncs_are_fatal_for_the_writer_only() {
        for code in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_SHMMAP,
        ] {
            assert_eq!(write(sqlite(code)).code(), "store-fatal", "{code}");
            assert_eq!(commit(sqlite(code)).code(), "store-fatal", "{code}");
            assert_eq!(read(sqlite(code)).code(), "store-io", "{code}");
            assert_eq!(open(sqlite(code)).code(), "store-io", "{code}");
        }
        for code in [ffi::SQLITE_READONLY_DBMOVED, ffi::SQLITE_CANTOPEN, ffi::SQLITE_PERM] {
            assert!(write(sqlite(code)).is_fatal(), "{code}");
        }
    }

    #[test]
    fn a_full_disk_is_not_fatal_and_corruption_has_its_own_code() {
        for map in [open, write, commit] {
            let error = map(sqlite(ffi::SQLITE_FULL));
            assert_eq!(error.code(), "store-disk-full");
            assert!(!error.is_fatal());
        }
        for map in [open, read, write] {
            assert_eq!(map(sqlite(ffi::SQLITE_CORRUPT_INDEX)).code(), "store-damaged");
            assert_eq!(map(sqlite(ffi::SQLITE_NOTADB)).code(), "store-damaged");
            assert_eq!(map(sqlite(ffi::SQLITE_BUSY)).code(), "store-backend");
        }
        assert_eq!(commit(sqlite(ffi::SQLITE_BUSY)).code(), "store-fatal");
        let error = write(sqlite(ffi::SQLITE_CONSTRAINT_UNIQUE));
        assert_eq!(error.code(), "store-conflict");
    }
}
