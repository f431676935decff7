//! The log from raw rows: every fact to its leaf, all leaves to every signed checkpoint,
//! every tile. In comes a reader, out goes the tree as it must be.

use onepoint_proof::{Fact, FullTile, Leaf, Nonce, SignedCheckpoint, TileId};
use onepoint_store::{CheckpointRow, FactRow, Reader, StoreError};
use serde_json::Value;

use super::{Brief, Checker};
use crate::commands::selftest::rules::Rule;
use crate::json::Look;

/// Rows of one read.
const PAGE: usize = 500;

impl Checker {
    /// Reads what the log has grown by.
    pub(super) fn grow(&mut self, reader: &impl Reader) -> Result<(), StoreError> {
        let counts = reader.counts()?;
        let latest = reader.latest_checkpoint()?.map_or(0, |row| row.size);
        self.tally.check(Rule::Covered, counts.facts == latest, || {
            format!("{} facts, but the last checkpoint is of {latest}", counts.facts)
        });
        loop {
            let size = self.log.leaves.len() as u64;
            let rows = reader.facts(size, PAGE)?;
            if rows.is_empty() {
                break;
            }
            // No more checkpoints than leaves: those of this page are all here.
            let checkpoints = reader.checkpoints(size, PAGE)?;
            let mut checkpoints = checkpoints.iter().peekable();
            for row in rows {
                let index = self.log.leaves.len() as u64;
                self.fact(index, &row);
                let mut full = Vec::new();
                self.log.tiles.append(row.leaf_hash, &mut full);
                self.log.leaves.push(row.leaf_hash);
                self.full_tiles(reader, &full)?;
                if let Some(signed) = checkpoints.next_if(|signed| signed.size == index + 1) {
                    self.checkpoint(signed);
                }
            }
        }
        let size = self.log.leaves.len() as u64;
        self.tally.check(Rule::Leaf, size == counts.facts, || {
            format!("{} facts are counted, {size} can be read", counts.facts)
        });
        let partial: Vec<TileId> = self.log.tiles.partials().map(|(id, _)| id).collect();
        for id in partial {
            let stored = reader.tile(id.level, id.index, id.width)?;
            let same = stored.as_deref() == self.log.tiles.tile(id);
            self.tally.check(Rule::Tile, same, || format!("{} is another", id.path()));
        }
        Ok(())
    }

    fn fact(&mut self, index: u64, row: &FactRow) {
        let fault = leaf_fault(index, row);
        self.tally.check(Rule::Leaf, fault.is_none(), || {
            format!("fact {index}: {}", fault.unwrap_or_default())
        });
        let before = self.log.last_ms;
        self.tally.check(Rule::Order, row.time_ms >= before, || {
            format!("fact {index} is of {}, the one before of {before}", row.time_ms)
        });
        self.log.last_ms = row.time_ms;
        let fact: Value = serde_json::from_slice(&row.fact).unwrap_or_default();
        let brief = Brief {
            kind: row.kind.clone(),
            message: row.message.clone().unwrap_or_default(),
            document: fact.at("document").as_u64(),
            sha256: fact.at("digest").text("sha256").to_owned(),
            department: fact.text("department").to_owned(),
            answer: fact.text("answer").to_owned(),
        };
        self.once(index, &brief, &fact);
        if !brief.message.is_empty() {
            self.world.touched.insert(brief.message.clone());
        }
        self.log.facts.push(brief);
    }

    /// What happens once is in the log once.
    fn once(&mut self, index: u64, brief: &Brief, fact: &Value) {
        let document = brief.document.unwrap_or(u64::MAX);
        let what = match brief.kind.as_str() {
            "accepted" => format!("accepted {} {document}", brief.message),
            "delivered" | "relayed" => format!("{} {}", brief.kind, fact.text("delivery")),
            "answered" => {
                format!("answered {} {} {document}", brief.department, brief.answer)
            }
            _ => return,
        };
        let fresh = self.log.once.insert(what.clone());
        self.tally.check(Rule::FactOnce, fresh, || format!("fact {index}: {what} again"));
        if brief.kind == "answered" {
            let id = (brief.department.clone(), brief.answer.clone());
            let of = (brief.message.clone(), brief.sha256.clone());
            self.world.answers.insert(id, of);
        }
        if brief.kind != "accepted" {
            return;
        }
        let key = fact.text("key");
        let before = self.log.keys.insert(key.to_owned(), index);
        self.tally.check(Rule::KeyOnce, before.is_none(), || {
            format!("{key} in fact {index} and in {}", before.unwrap_or_default())
        });
        for department in fact.items("departments").iter().filter_map(Value::as_str) {
            self.world.wanted.insert((department.to_owned(), key.to_owned()));
        }
    }

    fn checkpoint(&mut self, row: &CheckpointRow) {
        let root = self.log.tiles.root();
        self.log.roots.insert(row.size, root);
        let fault = match SignedCheckpoint::open(row.note.as_bytes(), &self.key) {
            Err(error) => Some(error.en()),
            Ok(signed) => {
                let head = signed.checkpoint();
                let same = head.size == row.size && head.root == root && row.root == root;
                let own = head.origin == self.key.name();
                (!(same && own)).then(|| "it is signed for another tree".to_owned())
            }
        };
        self.tally.check(Rule::Covered, fault.is_none(), || {
            format!("checkpoint {}: {}", row.size, fault.unwrap_or_default())
        });
    }

    fn full_tiles(&mut self, reader: &impl Reader, full: &[FullTile]) -> Result<(), StoreError> {
        for tile in full {
            let stored = reader.tile(tile.id.level, tile.id.index, tile.id.width)?;
            let same = stored.as_deref() == Some(tile.hashes.as_slice());
            self.tally.check(Rule::Tile, same, || format!("{} is another", tile.id.path()));
        }
        Ok(())
    }
}

/// What is wrong between a fact, its nonce, its entry and its leaf.
fn leaf_fault(index: u64, row: &FactRow) -> Option<String> {
    if row.index != index {
        return Some(format!("it says that it is fact {}", row.index));
    }
    let leaf = match Leaf::parse(&row.entry) {
        Ok(leaf) => leaf,
        Err(error) => return Some(error.en()),
    };
    if leaf.hash() != row.leaf_hash {
        return Some("its entry has another leaf hash".to_owned());
    }
    if leaf.kind.as_str() != row.kind || leaf.time_ms != row.time_ms {
        return Some("its row has another kind or time than its entry".to_owned());
    }
    // Erased: the leaf stays, and says nothing.
    if row.fact.is_empty() && row.nonce == [0; 32] {
        return None;
    }
    let fact = match Fact::parse(&row.fact) {
        Ok(fact) => fact,
        Err(error) => return Some(error.en()),
    };
    match fact.commit(&Nonce::new(row.nonce)) {
        Ok((_, committed)) if committed == leaf => None,
        Ok(_) => Some("fact and nonce lead to another leaf".to_owned()),
        Err(error) => Some(error.en()),
    }
}
