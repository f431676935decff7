//! The growing end of a log in memory.
//!
//! In: leaf hashes; out: tiles that became full (the store keeps them), the
//! partial tile of each level, the root, and inclusion proofs of fresh leaves
//! for the present size. Every inner node of a tile in memory is kept, so that
//! such a proof costs look-ups and the few hashes of the right edge.

use crate::hash::{Hash, node_hash};
use crate::proof::{self, HashReader, NodeReader, ProofError, ReadError};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TileId, tile_root};
use crate::tree::Tree;

/// Tile levels of a tree of up to 2^64 - 1 leaves.
const LEVELS: usize = 8;

/// A tile that has just become full: persist it before its size is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullTile {
    /// Level and index; always of width 256.
    pub id: TileId,
    /// Its 256 hashes.
    pub hashes: Vec<Hash>,
}

/// All complete nodes within one tile, by height.
#[derive(Clone, Debug, Default)]
pub(crate) struct TileNodes {
    heights: [Vec<Hash>; TILE_HEIGHT as usize + 1],
}

impl TileNodes {
    pub(crate) fn from_hashes(hashes: &[Hash]) -> TileNodes {
        let mut nodes = TileNodes::default();
        for (height, row) in nodes.heights.iter_mut().enumerate() {
            row.reserve_exact(hashes.len() >> height);
        }
        for hash in hashes {
            nodes.push(*hash);
        }
        nodes
    }

    fn push(&mut self, hash: Hash) {
        let mut carry = hash;
        for row in &mut self.heights {
            let left = if row.len() % 2 == 1 { row.last().copied() } else { None };
            row.push(carry);
            match left {
                Some(left) => carry = node_hash(&left, &carry),
                None => break,
            }
        }
    }

    fn hashes(&self) -> &[Hash] {
        self.heights.first().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn width(&self) -> usize {
        self.hashes().len()
    }

    fn root_when_full(&self) -> Option<Hash> {
        self.heights.last().and_then(|row| row.first()).copied()
    }

    pub(crate) fn node(&self, height: u32, index: usize) -> Option<Hash> {
        self.heights.get(height as usize)?.get(index).copied()
    }
}

/// One level: the tile being filled, and the one filled just before.
#[derive(Clone, Debug, Default)]
struct Level {
    filled: u64,
    previous: TileNodes,
    current: TileNodes,
}

/// The partial tiles of a log, with all that is needed to go on.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    tree: Tree,
    levels: [Level; LEVELS],
}

impl Tiles {
    /// The tiles of an empty log.
    #[must_use]
    pub fn new() -> Tiles {
        Tiles::default()
    }

    /// Rebuilds the end of a log of `size` leaves from its partial tiles, level
    /// 0 first; a level without a partial tile has no hashes, levels left out
    /// at the end count as empty.
    ///
    /// # Errors
    /// [`TileError::WidthForSize`] when a level has another number of hashes
    /// than `floor(size / 256^level) mod 256`.
    pub fn from_partials(size: u64, partials: &[Vec<Hash>]) -> Result<Tiles, TileError> {
        let mut tiles = Tiles::new();
        let mut edge = Vec::new();
        for (number, level) in tiles.levels.iter_mut().enumerate() {
            let hashes = partials.get(number).map_or(&[][..], Vec::as_slice);
            let count = size >> (TILE_HEIGHT as usize * number);
            let (filled, width) = (count / u64::from(TILE_WIDTH), count % u64::from(TILE_WIDTH));
            let expected = usize::try_from(width).unwrap_or(usize::MAX);
            if hashes.len() != expected {
                return Err(TileError::WidthForSize {
                    level: u8::try_from(number).unwrap_or(u8::MAX),
                    size,
                    found: hashes.len(),
                    expected,
                });
            }
            let mut part = Tree::new();
            for hash in hashes {
                part.append(*hash);
            }
            edge.extend(part.edge().iter().rev());
            level.filled = filled;
            level.current = TileNodes::from_hashes(hashes);
        }
        edge.reverse();
        // One edge hash for each bit of the size: the widths above are its bytes.
        tiles.tree = Tree::from_parts(size, edge).unwrap_or_default();
        Ok(tiles)
    }

    /// Rebuilds the end of a log of `size` leaves from a reader that has at
    /// least the full tiles and the partial tile of level 0 (the last leaf
    /// hashes); higher partial tiles are computed from the roots of full ones.
    ///
    /// # Errors
    /// What the reader says, or [`ProofError::TileTooShort`].
    pub fn rebuild<R: HashReader>(size: u64, reader: &R) -> Result<Tiles, ReadError<R::Error>> {
        let mut partials = Vec::new();
        for level in 0..LEVELS {
            let mut hashes = Vec::new();
            let number = u8::try_from(level).unwrap_or(u8::MAX);
            let count = size >> (TILE_HEIGHT as usize * level);
            let start = count - count % u64::from(TILE_WIDTH);
            if level == 0 && start < count {
                if let Some(id) = TileId::in_tree(size, 0, start / u64::from(TILE_WIDTH)) {
                    hashes = proof::read_tile(reader, id)?;
                }
            } else {
                for index in start..count {
                    let below = TileId::full(number.saturating_sub(1), index);
                    hashes.push(tile_root(&proof::read_tile(reader, below)?));
                }
            }
            partials.push(hashes);
        }
        Tiles::from_partials(size, &partials).map_err(|_| {
            ReadError::Proof(ProofError::TileTooShort { tile: TileId::full(0, 0), found: 0 })
        })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The right edge: size and root without the tiles.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Appends a leaf hash and returns its index; tiles that became full are
    /// pushed onto `full`, lowest level first.
    pub fn append(&mut self, leaf: Hash, full: &mut Vec<FullTile>) -> u64 {
        let index = self.tree.append(leaf);
        let mut carry = leaf;
        for (number, level) in self.levels.iter_mut().enumerate() {
            level.current.push(carry);
            let Some(root) = level.current.root_when_full() else { break };
            let id = TileId::full(u8::try_from(number).unwrap_or(u8::MAX), level.filled);
            full.push(FullTile { id, hashes: level.current.hashes().to_vec() });
            level.previous = std::mem::take(&mut level.current);
            level.filled = level.filled.saturating_add(1);
            carry = root;
        }
        index
    }

    /// The partial tiles as they are now, lowest level first; levels whose
    /// tile is empty are left out.
    pub fn partials(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        self.levels.iter().enumerate().filter_map(|(number, level)| {
            let hashes = level.current.hashes();
            let width = u16::try_from(hashes.len()).ok().filter(|w| *w > 0)?;
            let id = TileId { level: u8::try_from(number).ok()?, index: level.filled, width };
            Some((id, hashes))
        })
    }

    /// Hashes of a tile that is in memory (partial, or the last one filled), cut to `width`.
    #[must_use]
    pub fn tile(&self, id: TileId) -> Option<&[Hash]> {
        self.nodes(id.level, id.index)?.hashes().get(..usize::from(id.width))
    }

    /// Inclusion proof of the leaf at `index` for the present size, from memory:
    /// for leaves of the partial tile and of the last full tile filled since
    /// this was built, which covers the last 256 leaves appended.
    ///
    /// # Errors
    /// [`ProofError::IndexBeyondSize`], or [`ProofError::NotInMemory`] for older leaves.
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, ProofError> {
        proof::inclusion_from(self, index, self.size())
    }

    fn nodes(&self, level: u8, index: u64) -> Option<&TileNodes> {
        let level = self.levels.get(usize::from(level))?;
        if index == level.filled {
            Some(&level.current)
        } else if index.checked_add(1) == Some(level.filled) {
            Some(&level.previous)
        } else {
            None
        }
    }
}

impl NodeReader for Tiles {
    type Error = ProofError;

    fn node(&self, height: u32, index: u64) -> Result<Hash, ProofError> {
        let place = proof::place(height, index);
        self.nodes(place.level, place.tile)
            .and_then(|nodes| nodes.node(place.height, place.index))
            .ok_or(ProofError::NotInMemory { height, index })
    }
}

#[cfg(test)]
mod tests;
