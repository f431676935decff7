//! Proofs about subtrees, of which prefixes are the special case.
//!
//! In: bounds, hashes and roots; out: the verdict. The subtree `[start, end)`
//! is that of draft-ietf-plants-merkle-tree-certs section 4: `start` is a
//! multiple of the smallest power of two that is not below `end - start`.

use super::{ProofError, verify_inclusion};
use crate::hash::{Hash, node_hash};

/// Whether the bounds are those of a subtree, which may be empty.
fn is_subtree(start: u64, end: u64) -> bool {
    let Some(count) = end.checked_sub(start) else { return false };
    // Over 2^63 the next power of two is 2^64, of which only 0 is a multiple.
    count.checked_next_power_of_two().map_or(start == 0, |step| start.is_multiple_of(step))
}

/// Checks that `leaf` is at `index` in the subtree `[start, end)` with that root.
///
/// # Errors
/// [`ProofError::NotASubtree`], [`ProofError::IndexBeyondSize`] for an index
/// outside, [`ProofError::Length`], [`ProofError::RootMismatch`].
pub fn verify_subtree_inclusion(
    leaf: &Hash,
    index: u64,
    (start, end): (u64, u64),
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if !is_subtree(start, end) {
        return Err(ProofError::NotASubtree { start, end, size: end });
    }
    let inner = index.checked_sub(start).ok_or(ProofError::IndexBeyondSize { index, size: end })?;
    verify_inclusion(leaf, inner, end - start, proof, root)
}

/// Checks that the subtree `[start, end)` with root `subtree` is part of the
/// tree of `size` leaves with root `root`. An empty subtree has the root of the
/// empty tree, is part of every tree and takes no hashes.
///
/// # Errors
/// [`ProofError::NotASubtree`], [`ProofError::Length`],
/// [`ProofError::OldRootMismatch`], [`ProofError::RootMismatch`].
pub fn verify_subtree_consistency(
    start: u64,
    end: u64,
    size: u64,
    proof: &[Hash],
    subtree: &Hash,
    root: &Hash,
) -> Result<(), ProofError> {
    if !is_subtree(start, end) || end > size {
        return Err(ProofError::NotASubtree { start, end, size });
    }
    if start == end {
        return verify_empty(proof, subtree);
    }
    let mut walk = Walk { first: start, last: end - 1, tree: size - 1 };
    walk.skip_inside();
    let expected = walk.length();
    let wrong = ProofError::Length { expected, found: proof.len() };
    if proof.len() != expected {
        return Err(wrong);
    }
    let mut hashes = proof.iter();
    let seed = if walk.first == walk.last { *subtree } else { *hashes.next().ok_or(wrong)? };
    let (mut inner, mut outer) = (seed, seed);
    for hash in hashes {
        if walk.is_left_next() {
            if walk.first < walk.last {
                inner = node_hash(hash, &inner);
            }
            outer = node_hash(hash, &outer);
        } else {
            outer = node_hash(&outer, hash);
        }
        walk.rise();
    }
    if inner != *subtree {
        return Err(ProofError::OldRootMismatch { expected: *subtree, computed: inner });
    }
    if outer != *root {
        return Err(ProofError::RootMismatch { expected: *root, computed: outer });
    }
    Ok(())
}

fn verify_empty(proof: &[Hash], subtree: &Hash) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Length { expected: 0, found: proof.len() });
    }
    if *subtree != Hash::EMPTY_ROOT {
        return Err(ProofError::OldRootMismatch { expected: *subtree, computed: Hash::EMPTY_ROOT });
    }
    Ok(())
}

/// First and last leaf of the subtree and last leaf of the tree, as they rise.
#[derive(Clone, Copy)]
struct Walk {
    first: u64,
    last: u64,
    tree: u64,
}

impl Walk {
    fn shift(&mut self) {
        self.first >>= 1;
        self.last >>= 1;
        self.tree >>= 1;
    }

    /// Up to the largest complete subtree at the subtree's right edge.
    fn skip_inside(&mut self) {
        let at_the_end = self.last == self.tree;
        while self.first != self.last && (at_the_end || self.last & 1 == 1) {
            self.shift();
        }
    }

    /// Whether the next hash lies to the left.
    fn is_left_next(&self) -> bool {
        self.last & 1 == 1 || self.last == self.tree
    }

    /// To the next height that has a hash.
    fn rise(&mut self) {
        if self.is_left_next() {
            while self.last & 1 == 0 && self.last != 0 {
                self.shift();
            }
        }
        self.shift();
    }

    /// Hashes in the proof.
    fn length(mut self) -> usize {
        let mut length = usize::from(self.first != self.last);
        while self.tree > 0 {
            length += 1;
            self.rise();
        }
        length
    }
}
