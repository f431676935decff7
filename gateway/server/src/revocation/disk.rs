//! Revocation lists at rest: one file for each issuer, and when its lists began to be asked,
//! which is where the grace of an issuer begins whose list never came. Files are named by
//! the issuer's name and key, are replaced as a whole, and are verified like any list when read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use onepoint_certs::crl::MAX_CRL_BYTES;
use onepoint_certs::{Fingerprint, RevocationList, SignaturePolicy};
use onepoint_store::{StoreError, make_folder, replace_file};

use crate::config::trust::ListSource;

/// Characters of a file's name.
const NAME_CHARS: usize = 32;
/// Longest file that holds a time, bytes.
const TIME_BYTES: usize = 64;

/// Reads a file up to a bound.
pub(super) fn file(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(max).unwrap_or(u64::MAX);
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        let what = format!("larger than {max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// The list that was kept for an issuer.
pub(super) fn list(folder: &Path, source: &ListSource) -> Option<RevocationList> {
    let path = place(folder, source, "crl");
    let bytes = match file(&path, MAX_CRL_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a kept revocation list cannot be read");
            return None;
        }
    };
    let read = RevocationList::from_der(&bytes, &source.issuer, &SignaturePolicy::strict());
    read.map_err(|error| {
        let code = error.code();
        tracing::warn!(file = %path.display(), code, %error, "a kept revocation list is damaged");
    })
    .ok()
}

/// Keeps a list in the place of the one before.
pub(super) fn keep(folder: &Path, source: &ListSource, der: &[u8]) -> Result<(), StoreError> {
    replace_file(&place(folder, source, "crl"), der)
}

/// Since when an issuer's lists are asked, if that was kept.
pub(super) fn since(folder: &Path, source: &ListSource) -> Option<Timestamp> {
    let bytes = file(&place(folder, source, "since"), TIME_BYTES).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

/// Keeps it, unless it is kept already: a restart does not begin a new grace period.
pub(super) fn keep_since(
    folder: &Path,
    source: &ListSource,
    at: Timestamp,
) -> Result<(), StoreError> {
    if since(folder, source).is_some() {
        return Ok(());
    }
    make_folder(folder)?;
    replace_file(&place(folder, source, "since"), format!("{at}\n").as_bytes())
}

fn place(folder: &Path, source: &ListSource, end: &str) -> PathBuf {
    let (name, key) = (source.issuer.subject_id(), source.issuer.public_key());
    let id = Fingerprint::of(&[name.as_bytes(), key.spki_der()].concat()).to_string();
    folder.join(format!("{}.{end}", id.get(..NAME_CHARS).unwrap_or(&id)))
}
