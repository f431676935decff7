//! Proofs compared with the crate ct-merkle over whole trees, altered hash by
//! hash, and at the largest sizes.

use std::collections::BTreeMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;

use super::*;
use crate::builder::Tiles;
use crate::hash::leaf_hash;
use crate::tree::Tree;

/// A log kept as its full tiles and the partial ones of its present size.
pub(crate) struct Log {
    pub(crate) tiles: Tiles,
    pub(crate) kept: BTreeMap<(u8, u64), Vec<Hash>>,
    pub(crate) roots: Vec<Hash>,
}

impl Log {
    pub(crate) fn of(leaves: u64) -> Log {
        let mut log =
            Log { tiles: Tiles::new(), kept: BTreeMap::new(), roots: vec![Hash::EMPTY_ROOT] };
        let mut full = Vec::new();
        for index in 0..leaves {
            log.tiles.append(leaf_hash(&entry(index)), &mut full);
            log.roots.push(log.tiles.root());
        }
        for tile in full {
            log.kept.insert((tile.id.level, tile.id.index), tile.hashes);
        }
        for (id, hashes) in log.tiles.partials() {
            log.kept.insert((id.level, id.index), hashes.to_vec());
        }
        log
    }
}

impl HashReader for Log {
    type Error = TileId;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, TileId> {
        self.kept.get(&(id.level, id.index)).cloned().ok_or(id)
    }
}

pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn ours_to_theirs(root: &Hash, size: u64) -> ct_merkle::RootHash<Sha256> {
    ct_merkle::RootHash::new((*root.as_bytes()).into(), size)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|c| Hash::from_slice(c).unwrap()).collect()
}

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|h| *h.as_bytes()).collect()
}

/// Proofs of a tree made by ct-merkle verify here and are the same hashes.
fn compare(size: u64, log: &Log, theirs: &MemoryBackedTree<Sha256, Vec<u8>>) {
    let root = log.roots[size as usize];
    assert_eq!(theirs.root().as_bytes().as_slice(), root.as_bytes());
    let step = (size / 40).max(1);
    for index in (0..size).step_by(step as usize).chain([size - 1]) {
        let ours = prove_inclusion(log, index, size).unwrap();
        let proof = theirs.prove_inclusion(index as usize);
        assert_eq!(hashes(proof.as_bytes()), ours, "{index} of {size}");
        let leaf = leaf_hash(&entry(index));
        verify_inclusion(&leaf, index, size, &ours, &root).unwrap();
        let proof = ct_merkle::InclusionProof::<Sha256>::from_bytes(bytes(&ours));
        ours_to_theirs(&root, size).verify_inclusion(&entry(index), index, &proof).unwrap();
    }
    for old in (1..=size).step_by(step as usize) {
        let ours = prove_consistency(log, old, size).unwrap();
        let old_root = log.roots[old as usize];
        verify_consistency(old, size, &ours, &old_root, &root).unwrap();
        if old < size {
            let proof = theirs.prove_consistency((size - old) as usize);
            assert_eq!(hashes(proof.as_bytes()), ours, "{old} to {size}");
            let proof =
                ct_merkle::ConsistencyProof::<Sha256>::try_from_bytes(bytes(&ours)).unwrap();
            ours_to_theirs(&root, size)
                .verify_consistency(&ours_to_theirs(&old_root, old), &proof)
                .unwrap();
        }
    }
}

#[test]
fn agrees_with_ct_merkle_on_all_small_trees() {
    let log = Log::of(600);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=600 {
        theirs.push(entry(size - 1));
        compare(size, &log, &theirs);
    }
}

#[test]
fn agrees_with_ct_merkle_around_tile_edges() {
    let log = Log::of(65_537);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=65_537 {
        theirs.push(entry(size - 1));
        if [1023, 1024, 1025, 4097, 50_001, 65_535, 65_536, 65_537].contains(&size) {
            compare(size, &log, &theirs);
        }
    }
}

#[test]
fn every_altered_hash_of_a_proof_is_refused() {
    let log = Log::of(300);
    for (index, size) in [(0, 300), (299, 300), (255, 256), (256, 257), (17, 19)] {
        let root = log.roots[size as usize];
        let leaf = leaf_hash(&entry(index));
        let proof = prove_inclusion(&log, index, size).unwrap();
        assert_eq!(proof.len(), inclusion_length(index, size));
        for place in 0..proof.len() {
            let mut bad = proof.clone();
            bad[place] = Hash::EMPTY_ROOT;
            let error = verify_inclusion(&leaf, index, size, &bad, &root).unwrap_err();
            assert_eq!(error.code(), "root-mismatch");
            bad.remove(place);
            let error = verify_inclusion(&leaf, index, size, &bad, &root).unwrap_err();
            assert_eq!(error.code(), "proof-length-wrong");
        }
        let other = leaf_hash(b"other");
        let error = verify_inclusion(&other, index, size, &proof, &root).unwrap_err();
        assert_eq!(error.code(), "root-mismatch");
    }
}

#[test]
fn every_altered_hash_of_a_consistency_proof_is_refused() {
    let log = Log::of(300);
    for (old, new) in [(1, 300), (255, 300), (256, 300), (299, 300), (6, 8)] {
        let (a, b) = (log.roots[old as usize], log.roots[new as usize]);
        let proof = prove_consistency(&log, old, new).unwrap();
        for place in 0..proof.len() {
            let mut bad = proof.clone();
            bad[place] = Hash::EMPTY_ROOT;
            let code = verify_consistency(old, new, &bad, &a, &b).unwrap_err().code();
            assert!(["root-mismatch", "old-root-mismatch"].contains(&code), "{code}");
            bad.remove(place);
            let error = verify_consistency(old, new, &bad, &a, &b).unwrap_err();
            assert_eq!(error.code(), "proof-length-wrong");
        }
        let error = verify_consistency(old, new, &proof, &Hash::EMPTY_ROOT, &b).unwrap_err();
        let complete = old.is_power_of_two();
        assert_eq!(error.code(), if complete { "root-mismatch" } else { "old-root-mismatch" });
        let error = verify_consistency(old, new, &proof, &a, &Hash::EMPTY_ROOT).unwrap_err();
        assert_eq!(error.code(), "root-mismatch");
    }
}

#[test]
fn sizes_and_indexes_out_of_order_have_codes() {
    let log = Log::of(10);
    let root = log.roots[10];
    let leaf = leaf_hash(&entry(0));
    assert_eq!(
        verify_inclusion(&leaf, 10, 10, &[], &root).unwrap_err().code(),
        "index-out-of-range"
    );
    assert_eq!(verify_inclusion(&leaf, 0, 0, &[], &root).unwrap_err().code(), "index-out-of-range");
    for (old, new) in [(0, 10), (11, 10)] {
        let error = verify_consistency(old, new, &[], &root, &root).unwrap_err();
        assert_eq!(error.code(), "tree-sizes-out-of-order");
        let error = prove_consistency(&log, old, new).unwrap_err();
        assert!(matches!(error, ReadError::Proof(ProofError::SizeOrder { .. })));
    }
    assert!(matches!(
        prove_inclusion(&log, 10, 10).unwrap_err(),
        ReadError::Proof(ProofError::IndexBeyondSize { .. })
    ));
    let same = verify_consistency(10, 10, &[], &root, &root);
    assert_eq!(same, Ok(()));
    assert_eq!(verify_consistency(0, 0, &[], &root, &root), Ok(()));
    let error = verify_consistency(10, 10, &[root], &root, &root).unwrap_err();
    assert_eq!(error.code(), "proof-length-wrong");
    let error = verify_consistency(10, 10, &[], &root, &leaf).unwrap_err();
    assert_eq!(error.code(), "root-mismatch");
}

#[test]
fn missing_and_short_tiles_are_reported() {
    let mut log = Log::of(700);
    assert_eq!(root_from_tiles(&log, 0), Ok(Hash::EMPTY_ROOT));
    assert_eq!(root_from_tiles(&log, 700), Ok(log.roots[700]));
    assert_eq!(root_from_tiles(&log, 300), Ok(log.roots[300]));
    log.kept.get_mut(&(0, 0)).unwrap().pop();
    let error = prove_inclusion(&log, 3, 700).unwrap_err();
    let ReadError::Proof(short) = &error else { panic!("{error}") };
    assert_eq!(short.code(), "tile-too-short");
    log.kept.remove(&(0, 0));
    let error = prove_inclusion(&log, 3, 700).unwrap_err();
    assert_eq!(error, ReadError::Source(TileId::full(0, 0)));
    assert_eq!(error.to_string(), "a tile could not be read");
}

#[test]
fn a_cache_of_tiles_changes_no_proof() {
    let log = Log::of(66_000);
    for tiles in [0, 1, 100] {
        let mut cache = TileCache::new(tiles);
        for size in [66_000, 65_536, 40_000, 300] {
            for index in (0..size).step_by(3_001) {
                let cached = cache.inclusion(&log, index, size);
                assert_eq!(cached, prove_inclusion(&log, index, size));
                let cached = cache.consistency(&log, index + 1, size);
                assert_eq!(cached, prove_consistency(&log, index + 1, size));
            }
            assert!(cache.len() <= tiles);
        }
        assert_eq!(cache.is_empty(), tiles == 0);
        // A log that grows: what was kept of its end grows with it.
        let log = Log::of(3_000);
        let mut cache = TileCache::new(tiles);
        for size in (1..=3_000).step_by(47) {
            let index = size * 7 % size.min(500);
            assert_eq!(cache.inclusion(&log, index, size), prove_inclusion(&log, index, size));
            assert!(cache.len() <= tiles);
        }
    }
    let mut cache = TileCache::new(10);
    assert!(cache.inclusion(&log, 7, 66_000).is_ok());
    let held = cache.len();
    assert!(cache.inclusion(&log, 7, 7).is_err());
    assert_eq!(cache.len(), held);
}

/// A log whose reader keeps the inner nodes of full tiles, or others than theirs.
struct WithMiddles<'l>(&'l Log, fn(Vec<Hash>) -> Vec<Hash>);

impl HashReader for WithMiddles<'_> {
    type Error = TileId;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, TileId> {
        self.0.tile(id)
    }

    fn tile_and_middle(&self, id: TileId) -> Result<(Vec<Hash>, Vec<Hash>), TileId> {
        let hashes = self.0.tile(id)?;
        let middle = (self.1)(crate::tile::middle(&hashes));
        Ok((hashes, middle))
    }
}

#[test]
fn inner_nodes_that_a_reader_keeps_change_no_proof_unless_they_are_wrong() {
    let log = Log::of(1_000);
    let (kept, short) = (WithMiddles(&log, |m| m), WithMiddles(&log, |m| m[1..].to_vec()));
    let wrong = WithMiddles(&log, |m| vec![Hash::EMPTY_ROOT; m.len()]);
    let (size, root) = (1_000, log.roots[1_000]);
    for index in 0..size {
        let plain = prove_inclusion(&log, index, size).unwrap();
        assert_eq!(prove_inclusion(&kept, index, size).as_ref(), Ok(&plain));
        assert_eq!(prove_inclusion(&short, index, size).as_ref(), Ok(&plain), "of no use");
        let proof = prove_inclusion(&wrong, index, size).unwrap();
        let verdict = verify_inclusion(&leaf_hash(&entry(index)), index, size, &proof, &root);
        assert_eq!(verdict.is_ok(), index >= 768, "{index}: only full tiles have them");
        let consistent = prove_consistency(&log, index + 1, size);
        assert_eq!(prove_consistency(&kept, index + 1, size), consistent);
    }
    assert_eq!(crate::tile::middle(&[root; 255]), Vec::new());
}

#[test]
fn subtrees_agree_with_their_definition() {
    let log = Log::of(64);
    for size in 1u64..=40 {
        for start in 0..size {
            for end in start + 1..=size {
                let step = (end - start).next_power_of_two();
                let root = log.roots[size as usize];
                let valid = start % step == 0;
                let own = range_of(start, end);
                let proof = if valid { subtree_proof(start, end, size) } else { Vec::new() };
                let verdict = verify_subtree_consistency(start, end, size, &proof, &own, &root);
                if valid {
                    assert_eq!(verdict, Ok(()), "[{start}, {end}) of {size}");
                } else {
                    assert_eq!(verdict.unwrap_err().code(), "not-a-subtree");
                }
            }
        }
    }
}

/// Root over some leaves, by appending them.
fn range_of(start: u64, end: u64) -> Hash {
    let mut tree = Tree::new();
    for index in start..end {
        tree.append(leaf_hash(&entry(index)));
    }
    tree.root()
}

/// SUBTREE_SUBPROOF of the draft, by its recursive definition.
fn subtree_proof(start: u64, end: u64, size: u64) -> Vec<Hash> {
    fn go((start, end): (u64, u64), (low, high): (u64, u64), known: bool, out: &mut Vec<Hash>) {
        if (start, end) == (low, high) {
            if !known {
                out.push(range_of(low, high));
            }
            return;
        }
        let split = low + (high - low).next_power_of_two() / 2;
        if end <= split {
            go((start, end), (low, split), known, out);
            out.push(range_of(split, high));
        } else if split <= start {
            go((start, end), (split, high), known, out);
            out.push(range_of(low, split));
        } else {
            go((split, end), (split, high), false, out);
            out.push(range_of(low, split));
        }
    }
    let mut out = Vec::new();
    go((start, end), (0, size), true, &mut out);
    out
}

#[test]
fn empty_subtrees_and_inclusion_in_subtrees() {
    let log = Log::of(16);
    let (root, leaf) = (log.roots[16], leaf_hash(&entry(9)));
    assert_eq!(verify_subtree_consistency(3, 3, 16, &[], &Hash::EMPTY_ROOT, &root), Ok(()));
    let code = |r: Result<(), ProofError>| r.unwrap_err().code();
    assert_eq!(
        code(verify_subtree_consistency(3, 3, 16, &[root], &Hash::EMPTY_ROOT, &root)),
        "proof-length-wrong"
    );
    assert_eq!(code(verify_subtree_consistency(3, 3, 16, &[], &root, &root)), "old-root-mismatch");
    assert_eq!(code(verify_subtree_consistency(0, 17, 16, &[], &root, &root)), "not-a-subtree");
    assert_eq!(code(verify_subtree_consistency(9, 8, 16, &[], &root, &root)), "not-a-subtree");
    let part = range_of(8, 12);
    let proof = [leaf_hash(&entry(8)), range_of(10, 12)];
    assert_eq!(verify_subtree_inclusion(&leaf, 9, (8, 12), &proof, &part), Ok(()));
    assert_eq!(code(verify_subtree_inclusion(&leaf, 9, (7, 12), &proof, &part)), "not-a-subtree");
    for index in [7, 12] {
        assert_eq!(
            code(verify_subtree_inclusion(&leaf, index, (8, 12), &proof, &part)),
            "index-out-of-range"
        );
    }
}

#[test]
fn the_largest_sizes_are_no_trouble() {
    let hash = Hash::EMPTY_ROOT;
    let size = u64::MAX;
    assert_eq!(inclusion_length(0, size), 64);
    let proof = vec![hash; 64];
    assert_eq!(
        verify_inclusion(&hash, 0, size, &proof, &hash).unwrap_err().code(),
        "root-mismatch"
    );
    let long = vec![hash; 200];
    let code = verify_consistency(size - 1, size, &long, &hash, &hash).unwrap_err().code();
    assert_eq!(code, "proof-length-wrong");
    let code = verify_subtree_consistency(0, 1 << 63, size, &long, &hash, &hash);
    assert_eq!(code.unwrap_err().code(), "proof-length-wrong");
}

#[test]
fn every_error_has_both_languages() {
    let hash = Hash::EMPTY_ROOT;
    let tile = TileId::full(0, 3);
    let errors = [
        ProofError::IndexBeyondSize { index: 1, size: 1 },
        ProofError::SizeOrder { old: 2, new: 1 },
        ProofError::NotASubtree { start: 1, end: 3, size: 8 },
        ProofError::Length { expected: 1, found: 2 },
        ProofError::RootMismatch { expected: hash, computed: hash },
        ProofError::OldRootMismatch { expected: hash, computed: hash },
        ProofError::TileTooShort { tile, found: 1 },
        ProofError::NotInMemory { height: 0, index: 5 },
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
        assert!(!error.code().contains('_'));
    }
}
