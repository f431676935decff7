//! Who signs the checkpoints: the log's key, and the gateway's certificate if there
//! is one. In: a tree; out: a checkpoint row with every signature it will ever have.

use std::fmt;
use std::sync::Arc;

use onepoint_proof::countersign::{CountersignAlgorithm, CountersignDraft};
use onepoint_proof::{Checkpoint, Hash, LogSigner, Tiles};

use crate::StoreError;
use crate::error::Cause;
use crate::head::Head;
use crate::model::CheckpointRow;
use crate::store::LogTx;

/// The gateway's seal: an X.509 certificate and the key that countersigns checkpoints.
pub trait Seal: Send {
    /// Its certificates as DER, the one that signs first, its issuers after it.
    fn chain(&self) -> &[Vec<u8>];

    /// Signs `message` with the key of the first certificate. Called within a commit: it should
    /// take microseconds, not the time of a network.
    ///
    /// # Errors
    /// Whatever keeps the key from signing.
    fn sign(&self, algorithm: CountersignAlgorithm, message: &[u8]) -> Result<Vec<u8>, Cause>;
}

/// What a ledger needs besides its store.
pub struct LogParts {
    /// The log's key; its name is the origin of the log.
    pub signer: LogSigner,
    /// Countersigns every checkpoint, if given.
    pub seal: Option<Box<dyn Seal>>,
    /// Keeps what the log had come to apart from the journal, if given.
    pub head: Option<Head>,
}

impl fmt::Debug for LogParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogParts").field("origin", &self.signer.name()).finish_non_exhaustive()
    }
}

impl From<LogSigner> for LogParts {
    fn from(signer: LogSigner) -> LogParts {
        LogParts { signer, seal: None, head: None }
    }
}

/// The signers of one ledger.
pub(super) struct Signers {
    pub(super) log: LogSigner,
    seal: Option<Box<dyn Seal>>,
    /// SHA-256 of the seal's certificate.
    mark: Option<Hash>,
    chain: Arc<Vec<Vec<u8>>>,
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signers").field("log", &self.log.name()).field("seal", &self.mark).finish()
    }
}

impl Signers {
    pub(super) fn new(parts: LogParts) -> Signers {
        let (mark, chain) = certificates(parts.seal.as_deref());
        Signers { log: parts.signer, seal: parts.seal, mark, chain: Arc::new(chain) }
    }

    /// Another seal, or none, from now on.
    pub(super) fn reseal(&mut self, seal: Option<Box<dyn Seal>>) {
        let (mark, chain) = certificates(seal.as_deref());
        (self.seal, self.mark, self.chain) = (seal, mark, Arc::new(chain));
    }

    /// Certificates for the receipts of a checkpoint signed here.
    pub(super) fn chain(&self) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(&self.chain)
    }

    /// Keeps the seal's certificates, so that every checkpoint can show whose it is.
    pub(super) fn enter(&self, tx: &mut dyn LogTx) -> Result<(), StoreError> {
        self.mark.as_ref().map_or(Ok(()), |mark| tx.put_seal(mark, &self.chain))
    }

    /// The checkpoint of a tree, signed and countersigned.
    pub(super) fn checkpoint(
        &self,
        tiles: &Tiles,
        now_ms: i64,
    ) -> Result<CheckpointRow, StoreError> {
        let mut signed = Checkpoint::new(self.log.name(), tiles.size(), tiles.root())
            .sign(&self.log)
            .map_err(|error| StoreError::Proof(error.into()))?;
        if let (Some(seal), Some(certificate)) = (&self.seal, self.chain.first()) {
            let draft = CountersignDraft::new(&signed, certificate, now_ms)
                .map_err(|error| StoreError::Seal(error.into()))?;
            let signature =
                seal.sign(draft.algorithm(), draft.message()).map_err(StoreError::Seal)?;
            let line = draft.finish(&signature).map_err(|error| StoreError::Seal(error.into()))?;
            signed.note_mut().add(line).map_err(|error| StoreError::Seal(error.into()))?;
        }
        Ok(CheckpointRow {
            size: tiles.size(),
            root: tiles.root(),
            note: signed.to_string(),
            time_ms: now_ms,
            seal: self.mark,
        })
    }
}

/// The mark of a seal, which is the SHA-256 of its certificate, and its certificates.
pub(super) fn certificates(seal: Option<&dyn Seal>) -> (Option<Hash>, Vec<Vec<u8>>) {
    let chain = seal.map_or_else(Vec::new, |seal| seal.chain().to_vec());
    (chain.first().map(|der| Hash::of(der)), chain)
}
