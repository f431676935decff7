//! Walking the entries of a log in their order. In: bundles of entries; out: the tree
//! they make, and findings about leaves that are malformed or older than the one before
//! them. Holds one bundle and the end of the tree, whatever the log's size.

use onepoint_proof::tile::TILE_WIDTH;
use onepoint_proof::{FullTile, Leaf, TileId, Tiles, leaf_hash};

use super::finding::{Finding, Findings};

/// The tree so far.
pub(crate) struct Walk {
    pub(crate) tiles: Tiles,
    /// Time of the last leaf, milliseconds since 1970.
    pub(crate) time_ms: i64,
    /// Entries taken by this walk.
    pub(crate) taken: u64,
    /// Whether a leaf was older than the one before it, or unreadable.
    pub(crate) faults: u64,
}

impl Walk {
    /// Goes on where a tree ends.
    pub(crate) fn from(tiles: Tiles, time_ms: i64) -> Walk {
        Walk { tiles, time_ms, taken: 0, faults: 0 }
    }

    /// From the first entry.
    pub(crate) fn new() -> Walk {
        Walk::from(Tiles::new(), 0)
    }

    /// Takes the next entry; tiles that it filled are pushed onto `full`.
    pub(crate) fn take(
        &mut self,
        entry: &[u8],
        full: &mut Vec<FullTile>,
        findings: &mut Findings,
    ) -> Option<Leaf> {
        let place = || format!("entry {}", self.tiles.size());
        let leaf = match Leaf::parse(entry) {
            Ok(leaf) => {
                if leaf.time_ms < self.time_ms {
                    let detail = format!("{} after {}", leaf.time_ms, self.time_ms);
                    findings.add(&Finding::fail("time-backwards", place()).detail(detail));
                    self.faults += 1;
                }
                self.time_ms = leaf.time_ms.max(self.time_ms);
                Some(leaf)
            }
            Err(error) => {
                findings.add(&Finding::error(error.code(), error.en(), error.zh(), place()));
                self.faults += 1;
                None
            }
        };
        self.tiles.append(leaf_hash(entry), full);
        self.taken += 1;
        leaf
    }
}

/// The bundles that a tree of `size` leaves has from entry `from` on: index and width.
pub(crate) fn bundles(from: u64, size: u64) -> impl Iterator<Item = (u64, u16)> {
    let width = u64::from(TILE_WIDTH);
    (from / width..size.div_ceil(width))
        .filter_map(move |index| Some((index, TileId::in_tree(size, 0, index)?.width)))
}
