//! Receipts out of stored rows.
//!
//! In: a fact with its nonce, the checkpoint, and tiles; out: a receipt that
//! proves itself. Promise: what does not prove itself is never handed out, so
//! that an altered or damaged row shows here as an error that names the fact.

use onepoint_proof::{
    Fact, Hash, HashReader, Nonce, ReadError, Receipt, SignedCheckpoint, TileId, proof,
};

use crate::StoreError;
use crate::ledger::check_fact;
use crate::model::{CheckpointRow, FactRow};
use crate::store::Reader;

/// The receipt of a fact, once its row, its proof and the checkpoint agree.
pub(crate) fn of_row(
    row: &FactRow,
    inclusion: Vec<Hash>,
    checkpoint: &CheckpointRow,
    chain: Vec<Vec<u8>>,
) -> Result<Receipt, StoreError> {
    let damaged = |what: String| StoreError::LogDamaged(format!("fact {}: {what}", row.index));
    check_fact(row)?;
    if row.is_erased() {
        return Err(StoreError::FactErased { index: row.index });
    }
    let signed = SignedCheckpoint::parse_unverified(checkpoint.note.as_bytes())
        .map_err(|error| damaged(error.en()))?;
    let signed = signed.checkpoint();
    if signed.size != checkpoint.size || signed.root != checkpoint.root {
        return Err(damaged(format!("the note of checkpoint {} is of another", checkpoint.size)));
    }
    proof::verify_inclusion(&row.leaf_hash, row.index, signed.size, &inclusion, &signed.root)
        .map_err(|error| damaged(error.en()))?;
    Ok(Receipt {
        origin: signed.origin.clone(),
        fact: Fact::parse(&row.fact).map_err(|error| damaged(error.en()))?,
        nonce: Nonce::new(row.nonce),
        index: row.index,
        proof: inclusion,
        checkpoint: checkpoint.note.clone(),
        chain,
    })
}

/// The receipt of any fact against the latest checkpoint.
pub(crate) fn read<R: Reader + ?Sized>(
    reader: &R,
    index: u64,
) -> Result<Option<Receipt>, StoreError> {
    // The checkpoint first: what is read after it can only be of the same tree or a larger one.
    let Some(checkpoint) = reader.latest_checkpoint()?.filter(|latest| index < latest.size) else {
        return Ok(None);
    };
    let row = reader.fact(index)?;
    let row = row.ok_or_else(|| StoreError::LogDamaged(format!("fact {index} is missing")))?;
    let inclusion = reader.inclusion(index, checkpoint.size)?;
    let chain = checkpoint.seal.map_or(Ok(Vec::new()), |seal| reader.seal_chain(&seal))?;
    of_row(&row, inclusion, &checkpoint, chain).map(Some)
}

/// The inclusion proof of a leaf, out of the tiles of a reader.
pub(crate) fn inclusion<R: Reader + ?Sized>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, StoreError> {
    proof::prove_inclusion(&ReaderTiles(reader), index, size).map_err(unreadable)
}

/// Why a proof could not be made.
pub(crate) fn unreadable(error: ReadError<StoreError>) -> StoreError {
    match error {
        ReadError::Source(error) => error,
        ReadError::Proof(error) => StoreError::LogDamaged(error.en()),
    }
}

/// The tiles of a reader.
pub(crate) struct ReaderTiles<'r, R: ?Sized>(pub(crate) &'r R);

impl<R: Reader + ?Sized> HashReader for ReaderTiles<'_, R> {
    type Error = StoreError;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        self.0
            .tile(id.level, id.index, id.width)?
            .ok_or_else(|| StoreError::LogDamaged(format!("{} is missing", id.path())))
    }
}
