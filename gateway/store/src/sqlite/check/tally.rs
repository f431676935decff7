//! The daily counts behind the completeness statements, counted once more.
//!
//! In: the facts in the order of the log; out: findings for tallies that are not
//! what the facts lead to. Held: the participants of one day.

use std::collections::BTreeMap;

use onepoint_proof::Hash;
use onepoint_proof::statement::{Day, running_next, running_start};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Run;
use crate::model::FactRow;
use crate::sqlite::rows;

/// The counts of the day that is being read.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    day: Option<Day>,
    open: BTreeMap<String, (i64, i64, i64, Hash)>,
    compared: u64,
}

impl Tallies {
    pub(super) fn count(
        &mut self,
        run: &mut Run<'_>,
        on: &Connection,
        fact: &FactRow,
    ) -> Result<(), rusqlite::Error> {
        let Some(participant) = &fact.participant else { return Ok(()) };
        let day = Day::of(fact.time_ms);
        if self.day != Some(day) {
            self.compare(run, on)?;
            self.day = Some(day);
        }
        let index = i64::try_from(fact.index).unwrap_or(i64::MAX);
        let start = || (0, index, index, running_start(participant, day));
        let tally = self.open.entry(participant.clone()).or_insert_with(start);
        let running = running_next(&tally.3, fact.index, &fact.leaf_hash);
        *tally = (tally.0 + 1, tally.1, index, running);
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        run: &mut Run<'_>,
        on: &Connection,
    ) -> Result<(), rusqlite::Error> {
        self.compare(run, on)?;
        let stored: u64 =
            on.query_row("SELECT count(*) FROM tally", [], |row| rows::unsigned(row, 0))?;
        if stored != self.compared {
            let what = format!("{stored} tallies are stored, the facts lead to {}", self.compared);
            let place = run.at("table tally");
            run.find("tally-differs", place, what);
        }
        Ok(())
    }

    fn compare(&mut self, run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
        let Some(day) = self.day else { return Ok(()) };
        for (participant, counted) in std::mem::take(&mut self.open) {
            self.compared += 1;
            let stored = on
                .prepare_cached(
                    "SELECT count, first, last, running FROM tally \
                     WHERE day = ?1 AND participant = ?2",
                )?
                .query_row(params![day.number(), participant], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, Hash::new(row.get(3)?)))
                })
                .optional()?;
            if stored != Some(counted) {
                let place = run.at(format!("table tally {participant} {day}"));
                let what = format!("the facts lead to {} facts and {}", counted.0, counted.3);
                run.find("tally-differs", place, what);
            }
        }
        Ok(())
    }
}
