//! Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4).
//!
//! In: tiles through a [`HashReader`], or a proof with the roots it is about;
//! out: the proof's hashes, or the verdict. Checking needs no tree, never
//! recurses and reads no more hashes than the sizes allow.

mod cache;
mod nodes;
mod subtree;

pub use cache::TileCache;
pub(crate) use nodes::{NodeReader, place, read_tile};
pub use subtree::{verify_subtree_consistency, verify_subtree_inclusion};

use crate::hash::{Hash, node_hash};
use crate::tile::TileId;
use crate::tree::fold;
use nodes::over_tiles;

/// More hashes than any proof in a tree of up to 2^64 - 1 leaves can have.
pub const MAX_PROOF_HASHES: usize = 128;

/// Why a proof cannot be made or does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size.
    #[error("leaf index {index} is not below the tree size {size}")]
    IndexBeyondSize {
        /// Index of the leaf.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer, or the older is empty while the newer is not.
    #[error("no consistency proof from size {old} to size {new}: expected 0 < old <= new")]
    SizeOrder {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// The bounds are not those of a subtree.
    #[error("[{start}, {end}) is no subtree of a tree of {size} leaves")]
    NotASubtree {
        /// First leaf.
        start: u64,
        /// Leaf after the last.
        end: u64,
        /// Size of the tree.
        size: u64,
    },
    /// A proof has fewer or more hashes than the sizes ask for.
    #[error("proof has {found} hashes, expected {expected}")]
    Length {
        /// Hashes expected.
        expected: usize,
        /// Hashes found.
        found: usize,
    },
    /// The hashes lead to another root than the one given.
    #[error("proof leads to root {computed}, expected {expected}")]
    RootMismatch {
        /// The root given.
        expected: Hash,
        /// The root that the proof leads to.
        computed: Hash,
    },
    /// The hashes lead to another root of the older tree than the one given.
    #[error("proof leads to root {computed} of the older tree, expected {expected}")]
    OldRootMismatch {
        /// The root given.
        expected: Hash,
        /// The root that the proof leads to.
        computed: Hash,
    },
    /// A reader returned fewer hashes than the tile has.
    #[error("tile {} has {found} hashes, expected {}", tile.path(), tile.width)]
    TileTooShort {
        /// The tile asked for.
        tile: TileId,
        /// Hashes found.
        found: usize,
    },
    /// The node is not among the tiles in memory.
    #[error("node {index} at height {height} is not in memory")]
    NotInMemory {
        /// Height of the node; 0 is a leaf.
        height: u32,
        /// Index at that height.
        index: u64,
    },
}

impl ProofError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ProofError::IndexBeyondSize { .. } => "index-out-of-range",
            ProofError::SizeOrder { .. } => "tree-sizes-out-of-order",
            ProofError::NotASubtree { .. } => "not-a-subtree",
            ProofError::Length { .. } => "proof-length-wrong",
            ProofError::RootMismatch { .. } => "root-mismatch",
            ProofError::OldRootMismatch { .. } => "old-root-mismatch",
            ProofError::TileTooShort { .. } => "tile-too-short",
            ProofError::NotInMemory { .. } => "node-not-in-memory",
        }
    }

    /// English sentence.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese sentence.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            ProofError::IndexBeyondSize { index, size } => {
                format!("叶子序号 {index} 不小于树的大小 {size}")
            }
            ProofError::SizeOrder { old, new } => {
                format!("大小 {old} 到 {new} 之间没有一致性证明：应为 0 < 旧 <= 新")
            }
            ProofError::NotASubtree { start, end, size } => {
                format!("[{start}, {end}) 不是 {size} 个叶子的树的子树")
            }
            ProofError::Length { expected, found } => {
                format!("证明有 {found} 个哈希，应为 {expected} 个")
            }
            ProofError::RootMismatch { expected, computed } => {
                format!("证明得出的根为 {computed}，应为 {expected}")
            }
            ProofError::OldRootMismatch { expected, computed } => {
                format!("证明得出的旧树根为 {computed}，应为 {expected}")
            }
            ProofError::TileTooShort { tile, found } => {
                format!("瓦片 {} 只有 {found} 个哈希，应为 {} 个", tile.path(), tile.width)
            }
            ProofError::NotInMemory { height, index } => {
                format!("高度 {height} 的第 {index} 个节点不在内存中")
            }
        }
    }
}

/// A proof could not be made: by its own bounds, or because a tile could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The bounds asked for, or a tile that is too short.
    #[error(transparent)]
    Proof(ProofError),
    /// The reader's own error.
    #[error("a tile could not be read")]
    Source(#[source] E),
}

impl<E> From<ProofError> for ReadError<E> {
    fn from(error: ProofError) -> Self {
        ReadError::Proof(error)
    }
}

/// Where the tiles of a log come from: a store, a mirror, an HTTP client.
pub trait HashReader {
    /// What can go wrong there.
    type Error;

    /// The hashes of the tile at `id.level` and `id.index`: at least the first
    /// `id.width` of them; more are ignored, so that a full tile may answer for
    /// a partial one of an older size.
    ///
    /// # Errors
    /// Whatever keeps the tile from being read; a tile that is not there is an error.
    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Self::Error>;

    /// The same with [`crate::tile::middle`] of a full tile, from a source that keeps it: a proof
    /// then hashes 22 nodes of the tile and not 247. Without it, or of any other length, all is
    /// hashed. It is believed no more than the tile: a proof out of either may be wrong.
    ///
    /// # Errors
    /// As of [`HashReader::tile`].
    fn tile_and_middle(&self, id: TileId) -> Result<(Vec<Hash>, Vec<Hash>), Self::Error> {
        Ok((self.tile(id)?, Vec::new()))
    }
}

/// Makes the inclusion proof of the leaf at `index` in the tree of `size` leaves
/// (RFC 9162 section 2.1.3.1), from the leaf upwards.
///
/// # Errors
/// [`ProofError::IndexBeyondSize`], [`ProofError::TileTooShort`], or the reader's error.
pub fn prove_inclusion<R: HashReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ReadError<R::Error>> {
    inclusion_from(&over_tiles(reader, size), index, size)
}

/// Makes the consistency proof between the trees of `old` and `new` leaves
/// (RFC 9162 section 2.1.4.1). Empty when the sizes are the same.
///
/// # Errors
/// [`ProofError::SizeOrder`], [`ProofError::TileTooShort`], or the reader's error.
pub fn prove_consistency<R: HashReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ReadError<R::Error>> {
    prove_consistency_from(&over_tiles(reader, new), old, new)
}

fn prove_consistency_from<N: NodeReader>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, N::Error> {
    if old == 0 || old > new {
        return Err(ProofError::SizeOrder { old, new }.into());
    }
    let mut proof = Vec::new();
    subproof(nodes, old, (0, new), true, &mut proof)?;
    Ok(proof)
}

/// Root of the tree of `size` leaves, out of its tiles.
///
/// # Errors
/// [`ProofError::TileTooShort`], or the reader's error.
pub fn root_from_tiles<R: HashReader>(reader: &R, size: u64) -> Result<Hash, ReadError<R::Error>> {
    if size == 0 {
        return Ok(Hash::EMPTY_ROOT);
    }
    range_root(&over_tiles(reader, size), 0, size)
}

pub(crate) fn inclusion_from<N: NodeReader>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size }.into());
    }
    let mut proof = Vec::new();
    let (mut height, mut here, mut last) = (0, index, size - 1);
    while last > 0 {
        let sibling = here ^ 1;
        if sibling < last {
            proof.push(nodes.node(height, sibling)?);
        } else if sibling == last {
            // The right edge: it may be smaller than a complete subtree.
            proof.push(range_root(nodes, sibling << height, size)?);
        }
        (height, here, last) = (height + 1, here >> 1, last >> 1);
    }
    Ok(proof)
}

/// SUBPROOF of RFC 9162 section 2.1.4.1 over the leaves `range`.
fn subproof<N: NodeReader>(
    nodes: &N,
    old: u64,
    range: (u64, u64),
    known: bool,
    proof: &mut Vec<Hash>,
) -> Result<(), N::Error> {
    let (start, end) = range;
    let count = end - start;
    if old == count {
        if !known {
            proof.push(range_root(nodes, start, end)?);
        }
        return Ok(());
    }
    // Largest power of two below the count; the count is at least 2 here.
    let split = 1 << (count - 1).ilog2();
    if old <= split {
        subproof(nodes, old, (start, start + split), known, proof)?;
        proof.push(range_root(nodes, start + split, end)?);
    } else {
        subproof(nodes, old - split, (start + split, end), false, proof)?;
        proof.push(range_root(nodes, start, start + split)?);
    }
    Ok(())
}

/// Root over the leaves `start` to `end`, where `start` is a multiple of the
/// smallest power of two that is not below the count.
fn range_root<N: NodeReader>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let mut parts = Vec::new();
    let (mut from, mut count) = (start, end - start);
    while count > 0 {
        let height = count.ilog2();
        parts.push(nodes.node(height, from >> height)?);
        from += 1 << height;
        count -= 1 << height;
    }
    Ok(fold(parts.into_iter().rev()).unwrap_or(Hash::EMPTY_ROOT))
}

/// Hashes in the inclusion proof of `index` in a tree of `size` leaves; 0 when
/// the index is not in the tree.
#[must_use]
pub fn inclusion_length(index: u64, size: u64) -> usize {
    if index >= size {
        return 0;
    }
    let (mut here, mut last, mut length) = (index, size - 1, 0);
    while last > 0 {
        length += usize::from(here ^ 1 <= last);
        (here, last) = (here >> 1, last >> 1);
    }
    length
}

/// The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// [`ProofError::IndexBeyondSize`], [`ProofError::Length`].
pub fn root_from_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let expected = inclusion_length(index, size);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    let (mut here, mut last, mut root) = (index, size - 1, *leaf);
    let mut hashes = proof.iter();
    while last > 0 {
        // Without a sibling the node rises as it is.
        if here ^ 1 <= last
            && let Some(hash) = hashes.next()
        {
            root = if here & 1 == 1 { node_hash(hash, &root) } else { node_hash(&root, hash) };
        }
        (here, last) = (here >> 1, last >> 1);
    }
    Ok(root)
}

/// Checks that `leaf` is at `index` in the tree of `size` leaves with that root
/// (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// [`ProofError::IndexBeyondSize`], [`ProofError::Length`], [`ProofError::RootMismatch`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let computed = root_from_inclusion(leaf, index, size, proof)?;
    if computed == *root {
        Ok(())
    } else {
        Err(ProofError::RootMismatch { expected: *root, computed })
    }
}

/// Checks that the tree of `old` leaves is a prefix of the tree of `new` leaves
/// (RFC 9162 section 2.1.4.2). Trees of the same size need the same root and no
/// hashes; nothing can be said from an empty tree to a larger one, so that the
/// caller decides about it.
///
/// # Errors
/// [`ProofError::SizeOrder`], [`ProofError::Length`], [`ProofError::OldRootMismatch`],
/// [`ProofError::RootMismatch`].
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old > new || (old == 0 && new > 0) {
        return Err(ProofError::SizeOrder { old, new });
    }
    if old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length { expected: 0, found: proof.len() });
        }
        if old_root != new_root {
            return Err(ProofError::RootMismatch { expected: *new_root, computed: *old_root });
        }
        return Ok(());
    }
    verify_subtree_consistency(0, old, new, proof, old_root, new_root)
}

#[cfg(test)]
mod tests;
