//! Completeness: when a day (UTC+8) is over, one fact for each participant says how
//! many facts it has on that day, from where to where, and their running hash.
//! A day closes once; times in the log never go back, so nothing is added to it.

use std::collections::BTreeMap;

use onepoint_proof::FactKind;
use onepoint_proof::statement::Day;
use onepoint_store::{Ledger, LedgerTx, Store, StoreError, Tally};

use crate::facts::FactMaker;

/// Statements written in one transaction.
const GROUP_MAX: usize = 10_000;

/// Name of a statement in the register.
pub(crate) fn name(participant: &str, day: Day) -> String {
    format!("{day} {participant}")
}

/// Closes every day before today that is not closed yet. `participants` get a statement for each
/// day, also for one without facts. Returns the number of facts written.
///
/// Dying between two groups: the register says who has a statement already, and the day closes
/// with the last of them.
pub(super) fn close_days<S: Store>(
    ledger: &mut Ledger<S>,
    facts: &FactMaker,
    participants: &[String],
    wall_ms: i64,
) -> Result<usize, StoreError> {
    let (facts, now_ms) = facts.at(ledger.time(wall_ms), wall_ms);
    let today = Day::of(now_ms);
    let mut written = 0;
    loop {
        let (mut group, mut over) = (0, false);
        ledger.commit(now_ms, &mut |tx| {
            let Some(closed) = tx.closed_day()? else {
                // A new journal: there was nothing before today.
                over = true;
                return tx.close_day(today.number().saturating_sub(1));
            };
            let day = Day::from_number(closed).next();
            if day >= today {
                over = true;
                return Ok(());
            }
            group = close(tx, &facts, participants, day, now_ms)?;
            Ok(())
        })?;
        written += group;
        if over {
            return Ok(written);
        }
    }
}

/// Writes statements of a day, as many as fit into a group, and closes it with the last.
fn close(
    tx: &mut LedgerTx<'_>,
    facts: &FactMaker,
    participants: &[String],
    day: Day,
    now_ms: i64,
) -> Result<usize, StoreError> {
    let mut tallies: BTreeMap<String, Option<Tally>> =
        participants.iter().map(|participant| (participant.clone(), None)).collect();
    for tally in tx.tallies(day.number())? {
        tallies.insert(tally.participant.clone(), Some(tally));
    }
    let mut written = 0;
    for (participant, tally) in tallies {
        let (kind, name) = (FactKind::STATEMENT, name(&participant, day));
        if tx.registered_fact(kind.as_str(), &name)?.is_some() {
            continue;
        }
        if written == GROUP_MAX {
            return Ok(written);
        }
        let fact = facts.statement(&participant, day, tally.as_ref(), now_ms);
        let digest = onepoint_proof::Hash::of(&fact.to_bytes().map_err(StoreError::Fact)?);
        let index = tx.append(None, None, fact)?;
        tx.put_registered(kind.as_str(), &name, Some(&digest), index)?;
        written += 1;
    }
    tx.close_day(day.number())?;
    Ok(written)
}

#[cfg(test)]
mod tests;
