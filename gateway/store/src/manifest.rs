//! The manifest of a backup: what it is of, and the digest of each file in it.
//!
//! In: what a backup was made of; out: `manifest.json`, and back. It is written
//! last and ends with a sum over itself, so that a backup is either whole and
//! what it was, or is refused. The format stands in `FORMATS.md`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use onepoint_proof::Hash;
use serde_json::{Value, json};

use crate::error::CopyError;
use crate::{StoreError, durable};

/// Its name in the folder of the backup.
pub(crate) const FILE: &str = "manifest.json";
/// Its format, and the version of it.
const FORMAT: &str = "onepoint-backup/1";
/// Longest manifest: some hundred thousand segments.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes read at a time.
const CHUNK: usize = 1 << 16;
/// What stands between the manifest and the sum over all before it.
const SUM: &str = "\n  \"sum\": \"";

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name within the backup.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of it.
    pub digest: Hash,
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// When it was made, ms.
    pub created_ms: i64,
    /// Origin of the log.
    pub origin: String,
    /// Verifier key of the log.
    pub key: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The last signed checkpoint; empty for an empty log.
    pub checkpoint: String,
    /// The database first, then the archive segments that it names.
    pub files: Vec<BackupFile>,
}

impl Manifest {
    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|f| json!({ "name": f.name, "bytes": f.bytes, "sha256": f.digest.to_hex() }))
            .collect();
        let body = json!({
            "format": FORMAT,
            "created": onepoint_proof::fact::format_time(self.created_ms),
            "origin": self.origin,
            "key": self.key,
            "size": self.size,
            "root": self.root.to_base64(),
            "checkpoint": self.checkpoint,
            "files": files,
        });
        let text = format!("{body:#}");
        // The closing brace makes room for the sum.
        let body = text.trim_end_matches(['}', '\n']);
        let text = format!("{body},");
        let sum = Hash::of(text.as_bytes()).to_hex();
        format!("{text}{SUM}{sum}\"\n}}\n").into_bytes()
    }

    /// Writes it into the folder of a backup, as the last file.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        durable::replace(&folder.join(FILE), &self.to_bytes())
    }

    /// Reads and checks the manifest of a backup. The files are checked where they are copied.
    ///
    /// # Errors
    /// [`CopyError::NoBackup`], `Backup`, `Format` (within [`StoreError::Copy`]).
    pub fn read(folder: &Path) -> Result<Manifest, StoreError> {
        let path = folder.join(FILE);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CopyError::NoBackup { path: folder.to_path_buf() }.into());
            }
            Err(error) => return Err(StoreError::Io(error.into())),
        }
        let damaged = |what: &str| CopyError::Backup { path: path.clone(), what: what.to_owned() };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8"))?;
        let (body, tail) = text.rsplit_once(SUM).ok_or_else(|| damaged("it ends too early"))?;
        if tail != format!("{}\"\n}}\n", Hash::of(body.as_bytes()).to_hex()) {
            return Err(damaged("its sum does not hold").into());
        }
        let value: Value = serde_json::from_str(&text).map_err(|_| damaged("it is not JSON"))?;
        let found = value.get("format").and_then(Value::as_str).unwrap_or_default();
        if found != FORMAT {
            let found = found.chars().take(64).collect();
            return Err(CopyError::Format { found, expected: FORMAT }.into());
        }
        let manifest = from_value(&value).ok_or_else(|| damaged("a member is missing or wrong"))?;
        Ok(manifest)
    }
}

fn from_value(value: &Value) -> Option<Manifest> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let files = value.get("files")?.as_array()?.iter().map(|file| {
        Some(BackupFile {
            name: file.get("name")?.as_str().filter(|name| is_ours(name))?.to_owned(),
            bytes: file.get("bytes")?.as_u64()?,
            digest: from_hex(file.get("sha256")?.as_str()?)?,
        })
    });
    Some(Manifest {
        created_ms: onepoint_proof::fact::parse_time(text("created")?)?,
        origin: text("origin")?.to_owned(),
        key: text("key")?.to_owned(),
        size: value.get("size")?.as_u64()?,
        root: Hash::from_base64(text("root")?)?,
        checkpoint: text("checkpoint")?.to_owned(),
        files: files.collect::<Option<_>>()?,
    })
}

/// Names within the folder only, whatever a manifest says.
fn is_ours(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    };
    match name.split_once('/') {
        Some((folder, file)) => folder == "archive" && plain(file),
        None => plain(name),
    }
}

fn from_hex(text: &str) -> Option<Hash> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let bytes: Vec<u8> =
        digits?.chunks_exact(2).map(|d| d.iter().fold(0, |b, d| b << 4 | d)).collect();
    Hash::from_slice(&bytes).filter(|hash| hash.to_hex() == text)
}

/// Length and SHA-256 of a file, which is copied to `to` on the way if that is given.
pub(crate) fn digest_file(from: &Path, to: Option<&Path>) -> Result<(u64, Hash), StoreError> {
    let read_fault = |error: io::Error| StoreError::Io(error.into());
    let mut source = File::open(from).map_err(read_fault)?;
    let create = |path: &Path| {
        durable::private_file()
            .truncate(true)
            .open(path)
            .map_err(|e| durable::cannot_write(path, e))
    };
    let mut target = to.map(create).transpose()?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let (mut chunk, mut total) = (vec![0; CHUNK], 0u64);
    loop {
        let read = source.read(&mut chunk).map_err(read_fault)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
        total = total.saturating_add(bytes.len() as u64);
        if let (Some(target), Some(to)) = (&mut target, to) {
            target.write_all(bytes).map_err(|error| durable::cannot_write(to, error))?;
        }
    }
    if let (Some(target), Some(to)) = (target, to) {
        target.sync_all().map_err(|error| durable::cannot_write(to, error))?;
    }
    let hash = Hash::from_slice(digest.finish().as_ref());
    Ok((total, hash.unwrap_or(Hash::EMPTY_ROOT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            created_ms: 1_795_478_400_000,
            origin: "log.onepoint.example/1".into(),
            key: "log.onepoint.example/1+00000000+AA==".into(),
            size: 7,
            root: Hash::of(b"root"),
            checkpoint: "text\n\n\u{2014} sig\n".into(),
            files: vec![
                BackupFile { name: "journal-7.db".into(), bytes: 1, digest: Hash::of(b"a") },
                BackupFile { name: "archive/aa.seg".into(), bytes: 2, digest: Hash::of(b"b") },
            ],
        }
    }

    fn read(bytes: &[u8]) -> Result<Manifest, StoreError> {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(FILE), bytes).unwrap();
        Manifest::read(place.path())
    }

    /// The same text with a sum that holds: what a program wrote that we do not know.
    fn summed(text: &str) -> Vec<u8> {
        let (body, _) = text.rsplit_once(SUM).unwrap();
        format!("{body}{SUM}{}\"\n}}\n", Hash::of(body.as_bytes()).to_hex()).into_bytes()
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        let bytes = manifest().to_bytes();
        assert_eq!(read(&bytes).unwrap(), manifest());
        let empty = Manifest { files: Vec::new(), ..manifest() };
        assert_eq!(read(&empty.to_bytes()).unwrap(), empty);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = manifest().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&flipped).unwrap_err().code(), "store-backup-damaged", "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap_err().code(), "store-backup-damaged");
        }
    }

    #[test]
    fn other_formats_and_names_outside_are_refused() {
        let text = String::from_utf8(manifest().to_bytes()).unwrap();
        assert_eq!(read(&summed(&text)).unwrap(), manifest());
        let other = summed(&text.replace("onepoint-backup/1", "onepoint-backup/2"));
        assert_eq!(read(&other).unwrap_err().code(), "store-backup-unsupported");
        for name in ["../x", "/etc/x", "archive/../x", ".hidden", "other/x", "archive/", ""] {
            let other = summed(&text.replace("archive/aa.seg", name));
            assert_eq!(read(&other).unwrap_err().code(), "store-backup-damaged", "{name}");
        }
        let other = summed(&text.replace("\"size\"", "\"sise\""));
        assert_eq!(read(&other).unwrap_err().code(), "store-backup-damaged");
        let place = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(place.path()).unwrap_err().code(), "store-backup-missing");
    }
}
