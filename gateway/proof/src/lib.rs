//! Receipts that prove themselves, and the log that cannot be rewritten.
//!
//! In: facts and leaf hashes; out: leaves, tiles, proofs, signed checkpoints and
//! receipt files, and their verification. No clock, no files, no sockets: times
//! and bytes are passed in. Every format is versioned and written down in
//! `FORMATS.md`, from which a second verifier has been written.
//!
//! | module | what |
//! |---|---|
//! | [`hash`] | RFC 6962 leaf and node hashing |
//! | [`tree`] | the right edge of a tree: append, size, root |
//! | [`tile`] | C2SP tlog-tiles: coordinates, paths, tiles, entry bundles |
//! | [`builder`] | the growing end of a log in memory: full tiles out, fresh proofs |
//! | [`proof`] | inclusion and consistency, made and checked |
//! | [`leaf`] | the public log entry |
//! | [`fact`] | the private canonical JSON behind a leaf |
//! | [`note`] | C2SP signed notes, Ed25519 log keys |
//! | [`checkpoint`] | C2SP tlog-checkpoint |
//! | [`countersign`] | the gateway's X.509 signature under a checkpoint |
//! | [`receipt`] | the receipt file and its verification |

pub mod builder;
pub mod checkpoint;
pub mod countersign;
pub mod fact;
pub mod hash;
mod json;
pub mod leaf;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod statement;
pub mod tile;
pub mod tree;

pub use builder::{FullTile, Tiles};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use countersign::{CountersignDraft, CountersignError};
pub use fact::{Fact, FactError};
pub use hash::{Hash, leaf_hash, node_hash};
pub use leaf::{FactKind, Leaf, LeafError, Nonce};
pub use note::{LogSigner, LogVerifier, Note, NoteError, NoteSignature};
pub use proof::{HashReader, ProofError, ReadError};
pub use receipt::{Finding, Receipt, ReceiptError, Report, VerifyOptions, verify_receipt};
pub use tile::{TileError, TileId, TilePath};
pub use tree::Tree;
