//! Tiles out of SQLite.
//!
//! In: level, index and width; out: hashes. Full tiles and those of higher levels
//! are stored; the last leaves are in the facts.

use onepoint_proof::{Hash, tile};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, params};

use super::{Digest, Sql, TILE, bad, bundle, number, one};

const STORED: &str = "SELECT hashes, middle FROM tile";
const PLACE: &str = "WHERE level = ?1 AND idx = ?2";

/// Hashes of a stored tile as far as it has grown, and its nodes of half height, if it has them.
type Stored = (Vec<Hash>, Vec<Hash>);

pub(in crate::sqlite) fn stored_tile(
    on: &Connection,
    level: u8,
    index: u64,
) -> Sql<Option<Vec<Hash>>> {
    one(on, STORED, PLACE, params![level, number(index)], |row| hashes(row, 0))
}

/// A full tile with its nodes of half height, if it has them.
pub(in crate::sqlite) fn tile_and_middle(
    on: &Connection,
    level: u8,
    index: u64,
) -> Sql<Option<Stored>> {
    let found = one(on, STORED, PLACE, params![level, number(index)], |row| {
        Ok((hashes(row, 0)?, hashes(row, 1)?))
    })?;
    Ok(found.filter(|(hashes, _)| hashes.len() == TILE))
}

pub(in crate::sqlite) fn tile(
    on: &Connection,
    level: u8,
    index: u64,
    width: u16,
) -> Sql<Option<Vec<Hash>>> {
    let wanted = usize::from(width);
    if wanted == 0 || wanted > TILE {
        return Ok(None);
    }
    if let Some(mut hashes) = stored_tile(on, level, index)? {
        hashes.truncate(wanted);
        return Ok((hashes.len() == wanted).then_some(hashes));
    }
    if level > 0 {
        return Ok(None);
    }
    bundle(on, "SELECT leaf_hash FROM fact", index, width, |row| Ok(row.get::<_, Digest>(0)?.0))
}

/// A column of hashes; none for one that is not set.
fn hashes(row: &rusqlite::Row<'_>, column: usize) -> Sql<Vec<Hash>> {
    let bytes = row.get_ref(column)?.as_blob_or_null().map_err(|error| bad(column, error))?;
    let Some(bytes) = bytes else { return Ok(Vec::new()) };
    let width = u16::try_from(bytes.len() / 32).unwrap_or(u16::MAX);
    tile::decode_tile(bytes, width).map_err(|error| bad(column, FromSqlError::Other(error.into())))
}
