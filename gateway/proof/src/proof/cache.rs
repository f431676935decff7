//! Full tiles kept between proofs, with all their inner nodes.
//!
//! In: the same readers as for single proofs; out: the same proofs, with the
//! upper tiles read and hashed once. Tiles of level 0 are not kept: proofs of
//! scattered leaves share only those above.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{HashReader, ReadError, TileReader, inclusion_from, prove_consistency_from};
use crate::builder::TileNodes;
use crate::hash::Hash;

/// A bounded number of full tiles of one log; 16 KiB each. Full tiles never
/// change, so nothing in here goes stale; never use one cache for two logs.
#[derive(Debug, Default)]
pub struct TileCache {
    most: usize,
    tiles: BTreeMap<(u8, u64), TileNodes>,
}

impl TileCache {
    /// A cache of at most `tiles` tiles. A log needs one for each 65,536
    /// leaves, and some more, to keep all that it can use.
    #[must_use]
    pub fn new(tiles: usize) -> TileCache {
        TileCache { most: tiles, tiles: BTreeMap::new() }
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
        self.tiles.retain(|(level, _), tile| *level > 0 && tile.is_full());
        while self.tiles.len() > self.most {
            self.tiles.pop_first();
        }
        out
    }
}
