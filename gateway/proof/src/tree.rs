//! The right edge of a Merkle tree: what is needed to append and to know the root.
//!
//! In: leaf hashes in order; out: size and root. Holds at most 64 hashes,
//! whatever the size; an auditor follows a log with nothing but this.

use crate::hash::{Hash, node_hash};

/// A tree known only by the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Tree {
        Tree::default()
    }

    /// Rebuilds from a size and its edge, largest subtree first; `None` unless
    /// there is one hash for each bit set in `size`.
    #[must_use]
    pub fn from_parts(size: u64, edge: Vec<Hash>) -> Option<Tree> {
        (size.count_ones() as usize == edge.len()).then_some(Tree { size, edge })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first: one for each bit set in the size.
    #[must_use]
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Appends a leaf hash and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let mut carry = leaf;
        for _ in 0..index.trailing_ones() {
            let Some(left) = self.edge.pop() else { break };
            carry = node_hash(&left, &carry);
        }
        self.edge.push(carry);
        self.size = index.saturating_add(1);
        index
    }

    /// Root of the tree (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(self.edge.iter().rev().copied()).unwrap_or(Hash::EMPTY_ROOT)
    }
}

/// Joins subtree roots given from right to left.
pub(crate) fn fold(from_right: impl IntoIterator<Item = Hash>) -> Option<Hash> {
    from_right.into_iter().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;

    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY_ROOT,
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..split]), &naive(&leaves[split..]))
            }
        }
    }

    #[test]
    fn root_agrees_with_the_recursive_definition() {
        let leaves: Vec<Hash> = (0u32..300).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut tree = Tree::new();
        assert_eq!(tree.root(), Hash::EMPTY_ROOT);
        for (i, leaf) in leaves.iter().enumerate() {
            assert_eq!(tree.append(*leaf), i as u64);
            assert_eq!(tree.size(), i as u64 + 1);
            assert_eq!(tree.root(), naive(&leaves[..=i]));
        }
    }

    #[test]
    fn parts_make_the_same_tree_or_none() {
        let mut tree = Tree::new();
        for i in 0u8..100 {
            tree.append(leaf_hash(&[i]));
        }
        let mut again = Tree::from_parts(tree.size(), tree.edge().to_vec()).unwrap();
        assert_eq!(again, tree);
        assert_eq!(again.append(leaf_hash(b"x")), tree.append(leaf_hash(b"x")));
        assert_eq!(again.root(), tree.root());
        assert_eq!(Tree::from_parts(3, vec![Hash::EMPTY_ROOT]), None);
    }
}
