//! Completing a log from an auditor's copy: the leaves that the backup lacks.
//!
//! In: the restored database and the copy; out: the database with the missing
//! leaves as erased facts, their tiles, and the copy's checkpoint as it was
//! published. Promise: nothing is written unless the leaves stored and those of the
//! copy lead to the root that the log signed, and to every root known besides.

use onepoint_proof::statement::Day;
use onepoint_proof::{
    FullTile, Hash, Leaf, ReadError, SignedCheckpoint, Tiles, countersign, leaf_hash, tile,
};
use rusqlite::{Connection, Transaction, params};

use crate::StoreError;
use crate::error::CopyError;
use crate::mirror::Mirror;
use crate::sqlite::check::StoredTiles;
use crate::sqlite::{fault, rows, sums};

/// Appends what the copy has beyond the database; returns how many leaves.
pub(super) fn complete(
    on: &mut Connection,
    mirror: &Mirror,
    known: &[(u64, Hash)],
) -> Result<u64, StoreError> {
    let size = rows::next_index(on).map_err(fault::read)?;
    let tiles = rebuild(on, size)?;
    verify(&tiles, mirror, known)?;
    if mirror.size <= size {
        return Ok(0);
    }
    let tx = on.transaction().map_err(|error| StoreError::Fatal(error.into()))?;
    let mut walk = tiles;
    let last = each_entry(mirror, size, &mut |_, leaf, entry| append(&tx, &mut walk, leaf, entry))?;
    finish(&tx, &walk, mirror, last).map_err(write_fault)?;
    tx.commit().map_err(write_fault)?;
    Ok(mirror.size - size)
}

fn rebuild(on: &Connection, size: u64) -> Result<Tiles, StoreError> {
    Tiles::rebuild(size, &StoredTiles(on)).map_err(|error| match error {
        ReadError::Source(error) => fault::read(error),
        ReadError::Proof(error) => StoreError::LogDamaged(error.en()),
    })
}

/// The first pass over the copy: does it continue the log, up to its own root and all others?
fn verify(tiles: &Tiles, mirror: &Mirror, known: &[(u64, Hash)]) -> Result<(), StoreError> {
    let differs = || CopyError::MirrorDiffers { path: mirror.folder().to_path_buf() };
    let (mut walk, mut full) = (tiles.clone(), Vec::new());
    let fits = |walk: &Tiles| {
        let own = (mirror.size, mirror.root);
        known.iter().chain([&own]).all(|(size, root)| *size != walk.size() || *root == walk.root())
    };
    if mirror.size < tiles.size() {
        // Shorter than the backup: it adds nothing, and the check compares it entry by entry.
        return Ok(());
    }
    let mut good = fits(&walk);
    each_entry(mirror, tiles.size(), &mut |_, _, entry| {
        walk.append(leaf_hash(entry), &mut full);
        full.clear();
        good &= fits(&walk);
        Ok(())
    })?;
    if good { Ok(()) } else { Err(differs().into()) }
}

type OnEntry<'f> = &'f mut dyn FnMut(u64, &Leaf, &[u8]) -> Result<(), StoreError>;

/// The entries of the copy from an index on, bundle by bundle; the time of the last one.
fn each_entry(mirror: &Mirror, from: u64, on_entry: OnEntry<'_>) -> Result<i64, StoreError> {
    let (mut index, mut last_ms) = (from, 0);
    while index < mirror.size {
        let bundle = index / 256;
        let entries = mirror.entries(bundle)?;
        let skip = usize::try_from(index % 256).unwrap_or(0);
        for entry in entries.iter().skip(skip) {
            let leaf = Leaf::parse(entry).map_err(|error| {
                StoreError::mirror(
                    &mirror.entries_path(bundle),
                    format!("entry {index}: {}", error.en()),
                )
            })?;
            on_entry(index, &leaf, entry)?;
            last_ms = leaf.time_ms;
            index += 1;
        }
        if index % 256 != 0 && index < mirror.size {
            return Err(StoreError::mirror(&mirror.entries_path(bundle), "it ends too early"));
        }
    }
    Ok(last_ms)
}

/// One leaf more, as a fact of which nothing else is known.
fn append(
    tx: &Transaction<'_>,
    tiles: &mut Tiles,
    leaf: &Leaf,
    entry: &[u8],
) -> Result<(), StoreError> {
    let mut full = Vec::new();
    let index = tiles.append(leaf_hash(entry), &mut full);
    let write = || -> Result<(), rusqlite::Error> {
        tx.prepare_cached(
            "INSERT INTO fact (log_index, kind, time_ms, fact, nonce, entry, leaf_hash) \
             VALUES (?1, ?2, ?3, zeroblob(0), zeroblob(32), ?4, ?5)",
        )?
        .execute(params![
            rows::number(index),
            leaf.kind.as_str(),
            leaf.time_ms,
            entry,
            leaf_hash(entry).as_bytes(),
        ])?;
        for FullTile { id, hashes } in &full {
            put_tile(tx, id.level, id.index, hashes)?;
        }
        Ok(())
    };
    write().map_err(write_fault)
}

/// Partial tiles, the checkpoint as published, and the days that may not be closed again.
fn finish(
    tx: &Transaction<'_>,
    tiles: &Tiles,
    mirror: &Mirror,
    last_ms: i64,
) -> Result<(), rusqlite::Error> {
    for (id, hashes) in tiles.partials().filter(|(id, _)| id.level > 0) {
        put_tile(tx, id.level, id.index, hashes)?;
    }
    let signed = published(tx, mirror, last_ms)?;
    sums::CHECKPOINT.insert(
        tx,
        params![
            rows::number(mirror.size),
            mirror.root.as_bytes(),
            signed.note,
            signed.time_ms,
            signed.seal.as_ref().map(Hash::as_bytes),
        ],
    )?;
    // The statements of the days before may be among the lost facts: they are not made twice.
    let closed = Day::of(last_ms).number() - 1;
    let before = rows::closed_day(tx)?;
    sums::CLOSED_DAY.insert(tx, &[&1, &before.map_or(closed, |before| before.max(closed))])?;
    Ok(())
}

/// The copy's checkpoint with the signatures that can be verified here.
struct Published {
    note: String,
    /// The stored certificate that countersigned it, if one did.
    seal: Option<Hash>,
    time_ms: i64,
}

/// Takes the log's own signature, which was verified, and the countersignature of a certificate
/// that is stored; whatever else stands in the copy proves nothing and could be anything.
fn published(
    tx: &Transaction<'_>,
    mirror: &Mirror,
    last_ms: i64,
) -> Result<Published, rusqlite::Error> {
    let nothing = Published { note: mirror.note.clone(), seal: None, time_ms: last_ms };
    let Ok(signed) = SignedCheckpoint::parse_unverified(mirror.note.as_bytes()) else {
        return Ok(nothing);
    };
    let mut known = vec![mirror.key_id];
    let mut taken = nothing;
    let mut statement = tx.prepare("SELECT seal, der FROM seal_certificate WHERE position = 0")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (seal, der): ([u8; 32], Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (Ok(by), Ok(key)) = (
            countersign::verify_countersignature(&signed, &der),
            countersign::public_key_info(&der),
        ) else {
            continue;
        };
        known.push(countersign::countersign_key_id(&signed.checkpoint().origin, key));
        (taken.seal, taken.time_ms) = (Some(Hash::new(seal)), by.time_ms);
    }
    let (text, lines) = (signed.note().text(), signed.note().signatures().iter());
    let lines = lines.filter(|line| known.contains(&line.key_id)).map(|line| format!("{line}\n"));
    taken.note = format!("{text}\n{}", lines.collect::<String>());
    Ok(taken)
}

fn put_tile(
    tx: &Transaction<'_>,
    level: u8,
    index: u64,
    hashes: &[Hash],
) -> Result<(), rusqlite::Error> {
    tx.prepare_cached(
        "INSERT INTO tile (level, idx, hashes) VALUES (?1, ?2, ?3) \
         ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes",
    )?
    .execute(params![level, rows::number(index), tile::encode_tile(hashes)])?;
    Ok(())
}

/// The restored copy is thrown away after any fault: none is fatal.
fn write_fault(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        _ => StoreError::Backend(error.into()),
    }
}
