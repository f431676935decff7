//! What one piece of work does within the transaction: keys are judged, rows and
//! facts are written, the verdict is kept for the reply. Nothing here answers
//! anybody: the transaction may still fail.

use onepoint_store::{LedgerTx, StoreError};

use super::Work;
use crate::facts::FactMaker;
use crate::refusal::Refusal;

mod again;
mod delivery;
mod message;

pub(crate) use again::{Again, Burial, DEAD_OF, REPLAY_OF};

/// The verdict on one document.
#[derive(Debug, Clone)]
pub(crate) struct DocumentVerdict {
    pub(crate) index: usize,
    /// None when it was accepted.
    pub(crate) refusal: Option<Refusal>,
}

/// The verdict on a message.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The message the receipts are about: for a duplicate, the original one.
    pub(crate) message: String,
    pub(crate) duplicate: bool,
    pub(crate) message_type: Option<String>,
    pub(crate) guid: Option<String>,
    pub(crate) documents: Vec<DocumentVerdict>,
    /// Set when the message was refused as a whole.
    pub(crate) refusal: Option<Refusal>,
    facts: Vec<u64>,
}

impl Verdict {
    /// Log indexes of the facts that the answer shows receipts for.
    pub(crate) fn facts(&self) -> &[u64] {
        &self.facts
    }

    pub(crate) fn accepted(&self) -> usize {
        self.documents.iter().filter(|d| d.refusal.is_none()).count()
    }
}

/// What became of a department's answer.
#[derive(Debug)]
pub(crate) struct Recorded {
    delivery: String,
    pub(crate) duplicate: bool,
    facts: Vec<u64>,
}

impl Recorded {
    /// The delivery that it answers.
    pub(crate) fn delivery(&self) -> &str {
        &self.delivery
    }

    /// Log indexes of the facts it made.
    pub(crate) fn facts(&self) -> &[u64] {
        &self.facts
    }
}

/// What a piece of work came to, if the transaction holds.
pub(super) enum Done {
    Message(Verdict),
    Relayed,
    Delivered(Vec<String>),
    Answer(Result<Recorded, Refusal>),
    /// Whether there was something to move.
    Moved(bool),
    Nothing,
}

pub(super) fn apply(
    tx: &mut LedgerTx<'_>,
    work: &Work,
    facts: &FactMaker,
    now_ms: i64,
) -> Result<Done, StoreError> {
    Ok(match work {
        Work::Message(routed, _) => Done::Message(message::message(tx, routed, facts, now_ms)?),
        Work::Refused(refused, _) => {
            Done::Message(message::refused_message(tx, &refused.0, &refused.1, facts, now_ms)?)
        }
        Work::Relayed(_, seqs, _) => {
            delivery::relayed(tx, seqs, facts, now_ms)?;
            Done::Relayed
        }
        Work::Delivered(ids, by, _) => {
            Done::Delivered(delivery::delivered(tx, ids, by, facts, now_ms)?)
        }
        Work::Answer(answer, _) => Done::Answer(delivery::record(tx, answer, facts, now_ms)?),
        Work::Bury(burial, _) => Done::Moved(again::bury(tx, burial, facts, now_ms)?),
        Work::Again(again, _) => Done::Moved(again::again(tx, again, facts, now_ms)?),
        Work::Tick | Work::Retain(..) | Work::Renew(..) => Done::Nothing,
    })
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
