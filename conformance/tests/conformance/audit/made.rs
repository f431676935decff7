//! A log made by hand: entries, and a key to sign whatever checkpoint a test wants. Out:
//! a folder in the layout of C2SP tlog-tiles.

use std::fs;
use std::path::Path;

use onepoint_proof::tile::{TILE_WIDTH, encode_bundle, encode_tile};
use onepoint_proof::{
    Checkpoint, FactKind, Leaf, LogSigner, Nonce, TileId, TilePath, Tiles, leaf_hash,
};

pub(super) const ORIGIN: &str = "log.example.com/audit";
/// 2026-01-01T00:00:00Z.
const TIME: i64 = 1_767_225_600_000;

#[derive(Clone)]
pub(super) struct Made {
    pub(super) entries: Vec<Vec<u8>>,
}

pub(super) fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[7; 32]).unwrap()
}

pub(super) fn key() -> String {
    signer().verifier().to_string()
}

/// An entry with its time so many milliseconds after the first.
pub(super) fn entry(number: usize, after_ms: i64) -> Vec<u8> {
    let nonce = Nonce::new([1; 32]);
    let fact = format!("fact {number}");
    let leaf = Leaf::commit(FactKind::ACCEPTED, TIME + after_ms, &nonce, fact.as_bytes());
    leaf.unwrap().to_bytes()
}

impl Made {
    pub(super) fn new(size: usize) -> Made {
        Made { entries: (0..size).map(|n| entry(n, n as i64 / 3)).collect() }
    }

    /// The first `size` entries as a log of their own.
    pub(super) fn cut(&self, size: usize) -> Made {
        Made { entries: self.entries[..size].to_vec() }
    }

    fn tiles(&self) -> (Tiles, Vec<(TileId, Vec<onepoint_proof::Hash>)>) {
        let (mut tiles, mut full) = (Tiles::new(), Vec::new());
        for entry in &self.entries {
            tiles.append(leaf_hash(entry), &mut full);
        }
        let mut all: Vec<_> = full.into_iter().map(|tile| (tile.id, tile.hashes)).collect();
        all.extend(tiles.partials().map(|(id, hashes)| (id, hashes.to_vec())));
        (tiles, all)
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let (tiles, _) = self.tiles();
        Checkpoint::new(ORIGIN, tiles.size(), tiles.root())
    }

    /// Writes all of it; what an older size left there stays.
    pub(super) fn write(&self, folder: &Path) {
        let (_, tiles) = self.tiles();
        for (id, hashes) in tiles {
            put(folder, &id.path(), &encode_tile(&hashes));
        }
        for (index, entries) in (0..).zip(self.entries.chunks(usize::from(TILE_WIDTH))) {
            let width = u16::try_from(entries.len()).unwrap();
            let path = TilePath::Entries { index, width }.to_string();
            put(folder, &path, &encode_bundle(entries).unwrap());
        }
        let note = self.checkpoint().sign(&signer()).unwrap();
        put(folder, "checkpoint", note.to_string().as_bytes());
    }
}

pub(super) fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Changes one bit of a file.
pub(super) fn flip(folder: &Path, path: &str, at: usize) {
    let path = folder.join(path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
