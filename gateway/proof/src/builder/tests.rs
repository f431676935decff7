//! The growing end of a log: tiles around their edges, rebuilt ends, proofs of
//! fresh leaves, and what is refused.

use std::collections::BTreeMap;

use super::*;
use crate::hash::leaf_hash;
use crate::proof::{prove_inclusion, root_from_tiles, verify_inclusion};

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

/// Full tiles kept, the level-0 partial served from the leaf hashes.
#[derive(Default)]
struct Kept {
    full: BTreeMap<(u8, u64), Vec<Hash>>,
    leaves: Vec<Hash>,
}

impl HashReader for Kept {
    type Error = TileId;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, TileId> {
        if id.level == 0 && !id.is_full() {
            let start = id.index as usize * 256;
            return Ok(self.leaves[start..start + usize::from(id.width)].to_vec());
        }
        self.full.get(&(id.level, id.index)).cloned().ok_or(id)
    }
}

fn grow(tiles: &mut Tiles, kept: &mut Kept, until: u64) {
    let mut full = Vec::new();
    for index in tiles.size()..until {
        assert_eq!(tiles.append(leaf(index), &mut full), index);
        kept.leaves.push(leaf(index));
    }
    for tile in full {
        assert_eq!(tile.hashes.len(), 256);
        assert!(kept.full.insert((tile.id.level, tile.id.index), tile.hashes).is_none());
    }
}

#[test]
fn full_tiles_and_partials_around_the_edges() {
    let mut tiles = Tiles::new();
    let mut kept = Kept::default();
    let mut tree = Tree::new();
    for size in [0u64, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537] {
        grow(&mut tiles, &mut kept, size);
        (tree.size()..size).for_each(|index| {
            tree.append(leaf(index));
        });
        assert_eq!((tiles.size(), tiles.root()), (size, tree.root()));
        let partials: Vec<TileId> = tiles.partials().map(|(id, _)| id).collect();
        assert_eq!(partials, TileId::partials(size).collect::<Vec<_>>(), "{size}");
        assert_eq!(kept.full.len() as u64, size / 256 + size / 65_536);

        let rebuilt = Tiles::rebuild(size, &kept).unwrap();
        assert_eq!(rebuilt.root(), tree.root());
        let shown = |t: &Tiles| t.partials().map(|(i, h)| (i, h.to_vec())).collect::<Vec<_>>();
        assert_eq!(shown(&rebuilt), shown(&tiles));
        assert_eq!(rebuilt.tree(), tiles.tree());
    }
    for (id, hashes) in tiles.partials() {
        kept.full.insert((id.level, id.index), hashes.to_vec());
    }
    assert_eq!(root_from_tiles(&kept, 65_537), Ok(tree.root()));
}

#[test]
fn a_rebuilt_end_goes_on_like_the_old_one() {
    let (mut tiles, mut kept) = (Tiles::new(), Kept::default());
    grow(&mut tiles, &mut kept, 66_000);
    let mut again = Tiles::rebuild(66_000, &kept).unwrap();
    let (mut full, mut full_again) = (Vec::new(), Vec::new());
    for index in 66_000..132_000 {
        tiles.append(leaf(index), &mut full);
        again.append(leaf(index), &mut full_again);
        if index % 1000 == 0 {
            assert_eq!(tiles.root(), again.root());
            assert_eq!(tiles.inclusion(index), again.inclusion(index));
        }
    }
    assert_eq!(full, full_again);
}

#[test]
fn fresh_leaves_are_proven_from_memory() {
    let (mut tiles, mut kept) = (Tiles::new(), Kept::default());
    for size in (64..2_000u64).step_by(64).chain([65_540, 65_600, 70_000]) {
        let before = tiles.size();
        grow(&mut tiles, &mut kept, size);
        let root = tiles.root();
        for index in before.max(size - 256.min(size))..size {
            let proof = tiles.inclusion(index).unwrap();
            assert_eq!(verify_inclusion(&leaf(index), index, size, &proof, &root), Ok(()));
        }
    }
    for (id, hashes) in tiles.partials() {
        kept.full.insert((id.level, id.index), hashes.to_vec());
    }
    for index in 69_800..70_000 {
        assert_eq!(tiles.inclusion(index).ok(), prove_inclusion(&kept, index, 70_000).ok());
    }
}

#[test]
fn old_leaves_and_wrong_partials_are_refused() {
    let (mut tiles, mut kept) = (Tiles::new(), Kept::default());
    grow(&mut tiles, &mut kept, 1_000);
    assert_eq!(tiles.inclusion(0).unwrap_err().code(), "node-not-in-memory");
    assert_eq!(tiles.inclusion(1_000).unwrap_err().code(), "index-out-of-range");
    assert_eq!(Tiles::new().inclusion(0).unwrap_err().code(), "index-out-of-range");
    let leaves = vec![leaf(0); 3];
    for (size, partials) in [(2, vec![leaves.clone()]), (256, vec![]), (4, vec![leaves])] {
        let error = Tiles::from_partials(size, &partials).unwrap_err();
        assert_eq!(error.code(), "tile-width-wrong");
    }
    kept.full.remove(&(0, 1));
    let error = Tiles::rebuild(1_000, &kept).unwrap_err();
    assert_eq!(error, ReadError::Source(TileId::full(0, 1)));
    kept.full.insert((0, 1), vec![leaf(0)]);
    let error = Tiles::rebuild(1_000, &kept).unwrap_err();
    assert!(matches!(error, ReadError::Proof(ProofError::TileTooShort { .. })));
}

#[test]
fn tiles_in_memory_can_be_served() {
    let (mut tiles, mut kept) = (Tiles::new(), Kept::default());
    grow(&mut tiles, &mut kept, 300);
    assert_eq!(tiles.tile(TileId { level: 0, index: 1, width: 44 }).unwrap().len(), 44);
    assert_eq!(
        tiles.tile(TileId { level: 0, index: 1, width: 10 }).unwrap(),
        &kept.leaves[256..266]
    );
    assert_eq!(tiles.tile(TileId { level: 0, index: 1, width: 45 }), None);
    assert_eq!(tiles.tile(TileId::full(0, 0)).unwrap(), &kept.leaves[..256]);
    assert_eq!(tiles.tile(TileId::full(0, 9)), None);
    assert_eq!(tiles.tile(TileId::full(9, 0)), None);
}
