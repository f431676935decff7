//! What the ledger writes within a transaction: facts, tiles, checkpoints, tallies
//! and seals. Promise: nothing of the log is ever replaced by something else.

use onepoint_proof::{Hash, tile};
use rusqlite::params;

use super::SqliteTx;
use crate::StoreError;
use crate::model::*;
use crate::sqlite::{rows, sums};
use crate::store::LogTx;

impl LogTx for SqliteTx<'_> {
    fn set_time(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    fn log_identity(&mut self) -> Result<Option<LogIdentity>, StoreError> {
        self.run(rows::log_identity)
    }

    fn put_log_identity(&mut self, identity: &LogIdentity) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO log_identity (one, origin, key) VALUES (1, ?1, ?2)",
            &[&identity.origin, &identity.key],
        )?;
        Ok(())
    }

    fn has_head(&mut self) -> Result<bool, StoreError> {
        self.run(|on| on.prepare_cached("SELECT 1 FROM counter WHERE name = 'head'")?.exists([]))
    }

    fn put_head(&mut self) -> Result<(), StoreError> {
        self.execute("INSERT OR IGNORE INTO counter (name, value) VALUES ('head', 1)", &[])?;
        Ok(())
    }

    fn latest_checkpoint(&mut self) -> Result<Option<CheckpointRow>, StoreError> {
        self.run(rows::latest_checkpoint)
    }

    fn next_index(&mut self) -> Result<u64, StoreError> {
        let next = match self.next_index {
            Some(next) => next,
            None => self.run(rows::next_index)?,
        };
        self.next_index = Some(next);
        Ok(next)
    }

    fn fact(&mut self, index: u64) -> Result<Option<FactRow>, StoreError> {
        self.run(|on| rows::fact(on, index))
    }

    fn tile(&mut self, level: u8, index: u64, width: u16) -> Result<Option<Vec<Hash>>, StoreError> {
        self.run(|on| rows::tile(on, level, index, width))
    }

    fn sender_of(&mut self, message: &str) -> Result<Option<String>, StoreError> {
        match self.message.as_ref().filter(|(id, _)| id == message) {
            Some((_, sender)) => Ok(Some(sender.clone())),
            None => self.run(|on| rows::sender_of(on, message)),
        }
    }

    fn tally(&mut self, participant: &str, day: i64) -> Result<Option<Tally>, StoreError> {
        self.run(|on| rows::tally(on, participant, day))
    }

    fn put_tally(&mut self, tally: &Tally) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tally (participant, day, count, first, last, running) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (day, participant) DO UPDATE SET \
             count = excluded.count, last = excluded.last, running = excluded.running",
            params![
                tally.participant,
                tally.day,
                rows::number(tally.count),
                rows::number(tally.first),
                rows::number(tally.last),
                tally.running.as_bytes(),
            ],
        )?;
        Ok(())
    }

    fn put_seal(&mut self, seal: &Hash, chain: &[Vec<u8>]) -> Result<(), StoreError> {
        for (position, der) in (0i64..).zip(chain) {
            self.insert(&sums::SEAL_CERTIFICATE, params![seal.as_bytes(), position, der])?;
        }
        Ok(())
    }

    fn seal_chain(&mut self, seal: &Hash) -> Result<Vec<Vec<u8>>, StoreError> {
        self.run(|on| rows::seal_chain(on, seal))
    }

    fn append_fact(&mut self, fact: &NewFact<'_>) -> Result<(), StoreError> {
        fact.check()?;
        let next = self.next_index()?;
        if fact.index != next {
            return self.fail(StoreError::Conflict(format!(
                "fact {} is not the next one, {next}",
                fact.index
            )));
        }
        self.execute(
            "INSERT INTO fact (log_index, message, document, participant, kind, time_ms, fact, \
             nonce, entry, leaf_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                rows::number(fact.index),
                fact.message,
                fact.document,
                fact.participant,
                fact.kind,
                fact.time_ms,
                fact.fact,
                fact.nonce,
                fact.entry,
                fact.leaf_hash.as_bytes(),
            ],
        )?;
        self.next_index = next.checked_add(1);
        Ok(())
    }

    fn put_tile(&mut self, level: u8, index: u64, hashes: &[Hash]) -> Result<(), StoreError> {
        let stored = self.run(|on| rows::stored_tile(on, level, index))?.unwrap_or_default();
        // What was published of a tile never changes; it only grows at its end.
        if !hashes.starts_with(&stored) {
            let what = format!("tile {level}/{index} is stored with other hashes");
            return self.fail(StoreError::LogDamaged(what));
        }
        // Only proofs of scattered leaves need it, and readers keep the tiles above.
        let middle = if level == 0 { tile::middle(hashes) } else { Vec::new() };
        let middle = Some(tile::encode_tile(&middle)).filter(|bytes| !bytes.is_empty());
        self.execute(
            "INSERT INTO tile (level, idx, hashes, middle) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes, \
             middle = excluded.middle",
            params![level, rows::number(index), tile::encode_tile(hashes), middle],
        )?;
        Ok(())
    }

    fn put_checkpoint(&mut self, checkpoint: &CheckpointRow) -> Result<(), StoreError> {
        let latest = self.latest_checkpoint()?;
        if latest.is_some_and(|latest| latest.size >= checkpoint.size) {
            let size = checkpoint.size;
            let same = self.run(|on| rows::checkpoint(on, size))?;
            return match same {
                Some(same) if same.root == checkpoint.root => Ok(()),
                _ => self.fail(StoreError::LogFork { size }),
            };
        }
        self.insert(
            &sums::CHECKPOINT,
            params![
                rows::number(checkpoint.size),
                checkpoint.root.as_bytes(),
                checkpoint.note,
                checkpoint.time_ms,
                checkpoint.seal.as_ref().map(|seal| seal.as_bytes()),
            ],
        )?;
        Ok(())
    }
}
