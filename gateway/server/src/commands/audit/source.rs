//! Where a log is read from: a gateway over HTTPS, or a folder in the layout of C2SP
//! tlog-tiles. In: paths below the log's prefix; out: bounded bytes, tiles and entries.
//! What is absent or malformed is a finding; what cannot be reached is a failure.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onepoint_proof::checkpoint::SignedCheckpoint;
use onepoint_proof::tile::{self, TILE_WIDTH};
use onepoint_proof::{Hash, HashReader, TileId, TilePath};
use onepoint_relay::client::{ClientOptions, HttpClient, Response};
use tokio::runtime::Runtime;

use super::finding::{Finding, Stop};
use crate::cli::IdentityArgs;
use crate::commands::send::client_failure;
use crate::commands::sign::PEM_MAX;
use crate::commands::{Failure, read_input, runtime};
use crate::trust::Trust;

/// Longest checkpoint: that of a signed note.
const CHECKPOINT_MAX: usize = 131_072;
/// Longest bundle: 256 leaves of at most 128 bytes, each behind its length.
const BUNDLE_MAX: usize = 256 * (2 + 128);
/// Longest body of any answer: a receipt, or a day's list.
const BODY_MAX: usize = 8 << 20;
/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Pauses before a request is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// A copy of a log.
pub(crate) struct Source {
    name: String,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Gateway { client: HttpClient, prefix: String, runtime: Runtime },
}

impl Source {
    /// Opens `https://host:port[/prefix]` (the prefix is `/log` when there is none) or a folder.
    ///
    /// # Errors
    /// `ca-missing`, `log-missing`, and those of reading files and of the client.
    pub(crate) fn open(
        text: &str,
        ca: Option<&Path>,
        identity: Option<&IdentityArgs>,
    ) -> Result<Source, Failure> {
        let name = text.to_owned();
        let Some(rest) = text.strip_prefix("https://") else {
            let folder = PathBuf::from(text);
            if !folder.is_dir() {
                let hint =
                    "give https://host:port of a gateway, or a folder with a copy of its log";
                return Err(Failure::usage("log-missing", format!("{text}: no such folder"), hint));
            }
            return Ok(Source { name, place: Place::Folder(folder) });
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = match prefix.trim_end_matches('/') {
            "" => "/log".to_owned(),
            prefix => format!("/{prefix}"),
        };
        let Some(ca) = ca else {
            let hint = "--ca FILE: the anchors that the gateway's TLS certificate leads to";
            return Err(Failure::usage(
                "ca-missing",
                format!("{text} needs anchors for TLS"),
                hint,
            ));
        };
        let mut options = ClientOptions::new(format!("https://{host}"), read_input(ca, PEM_MAX)?);
        if let Some(identity) = identity {
            let chain = read_input(&identity.certificate, PEM_MAX)?;
            options = options.identity(chain, read_input(&identity.key, PEM_MAX)?);
        }
        options.max_body = BODY_MAX;
        options.timeout = TIMEOUT;
        let client = HttpClient::new(options).map_err(|error| client_failure(&error))?;
        Ok(Source { name, place: Place::Gateway { client, prefix, runtime: runtime()? } })
    }

    /// A folder.
    pub(crate) fn folder(path: &Path) -> Source {
        Source { name: path.display().to_string(), place: Place::Folder(path.to_owned()) }
    }

    /// As it was given.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What stands below the log's prefix; `None` when nothing does.
    fn get(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>, Failure> {
        match &self.place {
            Place::Folder(folder) => read_file(&folder.join(path), max),
            Place::Gateway { prefix, .. } => {
                let response = self.ask(&format!("{prefix}/{path}"))?;
                match response.status {
                    200 if response.body.len() <= max => Ok(Some(response.body)),
                    200 => Err(self.failed(path, "is longer than it may be")),
                    404 | 410 => Ok(None),
                    status => Err(self.failed(path, &format!("answered {status}"))),
                }
            }
        }
    }

    /// Asks a gateway for any path; a folder has no other paths.
    pub(crate) fn ask(&self, path: &str) -> Result<Response, Failure> {
        let Place::Gateway { client, runtime, .. } = &self.place else {
            return Err(self.failed(path, "is asked of a gateway, not of a folder"));
        };
        let mut pauses = PAUSES.iter();
        loop {
            let answer = runtime.block_on(client.get(path));
            let again = answer.as_ref().map_or(true, |response| response.status >= 500);
            match (again, pauses.next()) {
                (true, Some(pause)) => std::thread::sleep(*pause),
                _ => return answer.map_err(|error| client_failure(&error)),
            }
        }
    }

    fn failed(&self, path: &str, what: &str) -> Failure {
        let message = format!("{}: {path} {what}", self.name);
        Failure::outside("log-unavailable", message, "is this really a log, and is it up?")
    }

    /// The checkpoint, signed by the log's key, with the note as it stands.
    pub(crate) fn checkpoint(&self, trust: &Trust) -> Result<(SignedCheckpoint, Vec<u8>), Stop> {
        let bytes = self.get("checkpoint", CHECKPOINT_MAX)?;
        let bytes = bytes.ok_or_else(|| Finding::fail("checkpoint-missing", self.name()))?;
        Ok((open_checkpoint(&bytes, trust, self.name())?, bytes))
    }

    /// The certificates that countersign checkpoints, as PEM.
    pub(crate) fn certificates(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.get("certificates", usize::try_from(PEM_MAX).unwrap_or(usize::MAX))
    }

    /// The first `width` entries of a bundle.
    pub(crate) fn entries(&self, index: u64, width: u16) -> Result<Vec<Vec<u8>>, Stop> {
        let read = |width| -> Result<Option<(String, Vec<u8>)>, Failure> {
            let path = TilePath::Entries { index, width }.to_string();
            Ok(self.get(&path, BUNDLE_MAX)?.map(|bytes| (path, bytes)))
        };
        let (found, width_found) = match read(width)? {
            // A copy need not keep a partial bundle that has become full (tlog-tiles).
            None if width < TILE_WIDTH => (read(TILE_WIDTH)?, TILE_WIDTH),
            found => (found, width),
        };
        let (path, bytes) = found.ok_or_else(|| {
            let path = TilePath::Entries { index, width }.to_string();
            Finding::fail("entries-missing", path)
        })?;
        let entries = tile::decode_bundle(&bytes, width_found)
            .map_err(|error| Finding::error(error.code(), error.en(), error.zh(), path))?;
        Ok(entries.into_iter().take(usize::from(width)).map(<[u8]>::to_vec).collect())
    }

    /// A tile, as wide as asked for.
    pub(crate) fn hashes(&self, id: TileId) -> Result<Vec<Hash>, Stop> {
        let max = usize::from(TILE_WIDTH) * 32;
        let full = TileId { width: TILE_WIDTH, ..id };
        let (found, id_found) = match self.get(&id.path(), max)? {
            None if !id.is_full() => (self.get(&full.path(), max)?, full),
            found => (found, id),
        };
        let bytes = found.ok_or_else(|| Finding::fail("tile-missing", id.path()))?;
        let mut hashes = tile::decode_tile(&bytes, id_found.width)
            .map_err(|error| Finding::error(error.code(), error.en(), error.zh(), id.path()))?;
        hashes.truncate(usize::from(id.width));
        Ok(hashes)
    }
}

impl HashReader for Source {
    type Error = Stop;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Stop> {
        self.hashes(id)
    }
}

/// Reads and verifies a checkpoint that stands at `place`.
pub(crate) fn open_checkpoint(
    bytes: &[u8],
    trust: &Trust,
    place: &str,
) -> Result<SignedCheckpoint, Stop> {
    let faulty = |code, en, zh| Stop::from(Finding::error(code, en, zh, place));
    let signed = SignedCheckpoint::parse_unverified(bytes)
        .map_err(|error| faulty(error.code(), error.en(), error.zh()))?;
    let Some(key) = trust.keys.first() else {
        return Err(Failure::usage("log-key-unusable", "no key of a log", "--log-key KEY").into());
    };
    signed.verify(key).map_err(|error| faulty(error.code(), error.en(), error.zh()))?;
    Ok(signed)
}

/// A file of at most `max` bytes; a longer one is cut, and then malformed.
fn read_file(path: &Path, max: usize) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("{}: {error}", path.display());
        Failure::outside("file-unreadable", message, "look at the folder's rights and its disk")
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    let max = u64::try_from(max).unwrap_or(u64::MAX);
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
