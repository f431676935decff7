//! Tiles kept between proofs, with their inner nodes.
//!
//! In: the same readers as for single proofs; out: the same proofs, with the
//! upper tiles and the end of the log read and hashed once. Full tiles of level 0
//! are not kept: proofs of scattered leaves share only those above.

use std::cell::RefCell;

use super::nodes::{Held, HeldTiles, TileReader};
use super::{HashReader, ReadError, inclusion_from, prove_consistency_from};
use crate::hash::Hash;
use crate::tile::TILE_WIDTH;

/// A bounded number of tiles of one log; 16 KiB each. What is in a tile never
/// changes, it only grows at its end, so that nothing in here goes stale; never
/// use one cache for two logs.
#[derive(Debug, Default)]
pub struct TileCache {
    most: usize,
    tiles: HeldTiles,
}

impl TileCache {
    /// A cache of at most `tiles` tiles. A log needs one for each 65,536
    /// leaves, and some more, to keep all that it can use.
    #[must_use]
    pub fn new(tiles: usize) -> TileCache {
        TileCache { most: tiles, tiles: HeldTiles::new() }
    }

    /// Tiles kept at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether no tile is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// As [`super::prove_inclusion`].
    ///
    /// # Errors
    /// As [`super::prove_inclusion`].
    pub fn inclusion<R: HashReader>(
        &mut self,
        reader: &R,
        index: u64,
        size: u64,
    ) -> Result<Vec<Hash>, ReadError<R::Error>> {
        self.lend(reader, size, |nodes| inclusion_from(nodes, index, size))
    }

    /// As [`super::prove_consistency`].
    ///
    /// # Errors
    /// As [`super::prove_consistency`].
    pub fn consistency<R: HashReader>(
        &mut self,
        reader: &R,
        old: u64,
        new: u64,
    ) -> Result<Vec<Hash>, ReadError<R::Error>> {
        self.lend(reader, new, |nodes| prove_consistency_from(nodes, old, new))
    }

    fn lend<R: HashReader, T>(
        &mut self,
        reader: &R,
        size: u64,
        work: impl FnOnce(&TileReader<'_, R>) -> T,
    ) -> T {
        let seen = RefCell::new(std::mem::take(&mut self.tiles));
        let nodes = TileReader { reader, size, seen };
        let out = work(&nodes);
        self.tiles = nodes.seen.into_inner();
        // Of level 0 only the tile that still grows, where the last log that was seen ends.
        let grows = |tile: &Held| tile.width() < usize::from(TILE_WIDTH);
        let leaves = self.tiles.iter().filter(|((level, _), tile)| *level == 0 && grows(tile));
        let last = leaves.map(|((_, index), _)| *index).max();
        self.tiles.retain(|(level, index), _| *level > 0 || Some(*index) == last);
        while self.tiles.len() > self.most {
            self.tiles.pop_first();
        }
        out
    }
}
