//! Nodes of a tree out of its tiles.
//!
//! In: a height and an index; out: the root of that complete subtree. Each tile is
//! read once for a proof. Of a tile of level 0, which proofs of scattered leaves do
//! not share, only what is asked for is hashed; those above are hashed as a whole,
//! so that a cache can keep them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{HashReader, ProofError, ReadError};
use crate::builder::TileNodes;
use crate::hash::Hash;
use crate::tile::{MIDDLE_HEIGHT, MIDDLE_WIDTH, TILE_HEIGHT, TILE_WIDTH, TileId, tile_root};

/// Complete subtrees by height and index.
pub(crate) trait NodeReader {
    type Error: From<ProofError>;

    /// Root over the leaves `index << height` to `(index + 1) << height`.
    fn node(&self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Where a node lies within the tiles.
pub(crate) struct Place {
    pub(crate) level: u8,
    pub(crate) tile: u64,
    pub(crate) height: u32,
    pub(crate) index: usize,
}

pub(crate) fn place(height: u32, index: u64) -> Place {
    let (level, inner) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
    let per_tile = u64::from(TILE_WIDTH) >> inner;
    Place {
        level: u8::try_from(level).unwrap_or(u8::MAX),
        tile: index / per_tile,
        height: inner,
        index: usize::try_from(index % per_tile).unwrap_or(usize::MAX),
    }
}

/// A tile that was read.
#[derive(Debug)]
pub(super) enum Held {
    /// With all its inner nodes.
    Hashed(TileNodes),
    /// As it was read; the second are its nodes of half height, or none.
    Read(Vec<Hash>, Vec<Hash>),
}

impl Held {
    /// Hashes in it.
    pub(super) fn width(&self) -> usize {
        match self {
            Held::Hashed(nodes) => nodes.width(),
            Held::Read(hashes, _) => hashes.len(),
        }
    }

    fn node(&self, height: u32, index: usize) -> Option<Hash> {
        let (hashes, middle) = match self {
            Held::Hashed(nodes) => return nodes.node(height, index),
            Held::Read(hashes, middle) => (hashes, middle),
        };
        let (row, rise) = match height.checked_sub(MIDDLE_HEIGHT) {
            Some(above) if middle.len() == MIDDLE_WIDTH => (middle, above),
            _ => (hashes, height),
        };
        let count = 1usize.checked_shl(rise)?;
        let start = index.checked_mul(count)?;
        row.get(start..start.checked_add(count)?).map(tile_root)
    }
}

/// Tiles by level and index.
pub(super) type HeldTiles = BTreeMap<(u8, u64), Held>;

/// Nodes of the tree of `size` leaves, out of tiles; each tile is read once.
pub(super) struct TileReader<'r, R: HashReader> {
    pub(super) reader: &'r R,
    pub(super) size: u64,
    pub(super) seen: RefCell<HeldTiles>,
}

impl<R: HashReader> TileReader<'_, R> {
    fn read(&self, id: TileId) -> Result<Held, ReadError<R::Error>> {
        if id.level == 0 && id.is_full() {
            let (hashes, middle) = self.reader.tile_and_middle(id).map_err(ReadError::Source)?;
            return Ok(Held::Read(cut(hashes, id)?, middle));
        }
        Ok(Held::Hashed(TileNodes::from_hashes(&read_tile(self.reader, id)?)))
    }
}

impl<R: HashReader> NodeReader for TileReader<'_, R> {
    type Error = ReadError<R::Error>;

    fn node(&self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        let place = place(height, index);
        let missing = ProofError::NotInMemory { height, index };
        let id = TileId::in_tree(self.size, place.level, place.tile);
        let id = id.ok_or_else(|| missing.clone())?;
        let mut seen = self.seen.borrow_mut();
        let held = match seen.entry((place.level, place.tile)) {
            Entry::Vacant(entry) => entry.insert(self.read(id)?),
            Entry::Occupied(mut entry) => {
                // Kept from a smaller tree: it has grown since.
                if entry.get().width() < usize::from(id.width) {
                    entry.insert(self.read(id)?);
                }
                entry.into_mut()
            }
        };
        held.node(place.height, place.index).ok_or(ReadError::Proof(missing))
    }
}

/// Reads a tile and cuts it to its width.
pub(crate) fn read_tile<R: HashReader>(
    reader: &R,
    id: TileId,
) -> Result<Vec<Hash>, ReadError<R::Error>> {
    cut(reader.tile(id).map_err(ReadError::Source)?, id)
}

fn cut<E>(mut hashes: Vec<Hash>, id: TileId) -> Result<Vec<Hash>, ReadError<E>> {
    if hashes.len() < usize::from(id.width) {
        return Err(ProofError::TileTooShort { tile: id, found: hashes.len() }.into());
    }
    hashes.truncate(usize::from(id.width));
    Ok(hashes)
}

pub(super) fn over_tiles<R: HashReader>(reader: &R, size: u64) -> TileReader<'_, R> {
    TileReader { reader, size, seen: RefCell::default() }
}
