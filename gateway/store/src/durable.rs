//! What it takes until a file is there for good: the only place that renames.
//!
//! In: bytes and paths; out: files that are whole or not there at all. A new file
//! is written beside its place, synced (`fsync`), renamed, and its folder synced
//! after that: dying in between leaves the old state and a `.new` file, which the
//! next attempt replaces. Files are made 0600, folders 0700.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Puts a file into its place, over one that is there, as a whole.
///
/// # Errors
/// [`StoreError::DiskFull`], [`StoreError::NotWritable`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let beside = beside(path);
    let write = || {
        let mut file = private_file().truncate(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| cannot_write(&beside, error))?;
    rename(&beside, path)
}

/// Renames and makes the new name durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    #[expect(clippy::disallowed_methods, reason = "this module owns the durability of names")]
    fs::rename(from, to).map_err(|error| cannot_write(to, error))?;
    sync_parent(to)
}

/// Makes what a file holds durable.
pub(crate) fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| cannot_write(path, error))
}

/// Makes a new name in a folder durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_file(parent)
}

/// Opens a file for reading and writing, made if it is not there.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder and those above it, and makes its name durable.
///
/// # Errors
/// As [`replace`].
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| cannot_write(path, error))?;
    sync_parent(path)
}

/// A fault of writing, with a full disk told apart.
pub(crate) fn cannot_write(path: &Path, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::DiskFull(error.into());
    }
    StoreError::NotWritable { path: path.to_path_buf(), source: error.into() }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_missing_permission() {
        let code = |kind: io::ErrorKind| cannot_write(Path::new("d"), kind.into()).code();
        assert_eq!(code(io::ErrorKind::StorageFull), "store-disk-full");
        assert_eq!(code(io::ErrorKind::PermissionDenied), "store-not-writable");
        assert_eq!(code(io::ErrorKind::ReadOnlyFilesystem), "store-not-writable");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_private() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a/b/file");
        assert_eq!(replace(&file, b"x").unwrap_err().code(), "store-not-writable");
        make_folder(file.parent().unwrap()).unwrap();
        for bytes in [&b"first"[..], b"2nd"] {
            replace(&file, bytes).unwrap();
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        }
    }

    #[test]
    fn a_folder_without_a_parent_in_its_name_is_made_where_we_are() {
        assert!(sync_parent(Path::new("anything")).is_ok());
        assert!(sync_parent(Path::new("/nonexistent/folder")).is_err());
    }
}
