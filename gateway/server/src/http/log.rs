//! Handlers that show the log: its checkpoint and tiles to everyone (C2SP
//! tlog-checkpoint, tlog-tiles), the receipt of a fact to those entitled. A tile
//! is answered only up to the width that the latest checkpoint covers, so what
//! is answered once never changes and may be kept by any cache.

use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, HeaderValue};
use onepoint_certs::{Certificate, Role};
use onepoint_proof::{Receipt, TileId, TilePath};
use onepoint_store::{FactRow, Reader, SqliteReader, StoreError};

use super::messages::{blocking, may_see};
use super::problem::{answer, json_answer};
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::answer::receipt_value;
use crate::refusal::{Refusal, Stage};

/// Tiles never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The checkpoint does: caches must ask again.
const ASK_AGAIN: &str = "no-cache";

/// `GET /log/checkpoint`: the latest signed checkpoint.
pub(crate) async fn checkpoint(app: &Arc<App>) -> Result<Response, Refusal> {
    let reader = app.reader.clone();
    let latest = blocking(move || reader.latest_checkpoint()).await?;
    let Some(row) = latest else {
        return Err(absent(
            "log-empty",
            "the log has no checkpoint yet: nothing was committed".to_owned(),
            "日志尚无检查点".to_owned(),
        ));
    };
    let response = answer(200, "text/plain; charset=utf-8", row.note.into_bytes());
    Ok(cached(response, ASK_AGAIN))
}

/// `GET /log/certificates`: the certificates behind the latest checkpoint's
/// countersignature as PEM, the one that signs first.
pub(crate) async fn certificates(app: &Arc<App>) -> Result<Response, Refusal> {
    let reader = app.reader.clone();
    let chain = blocking(move || {
        let seal = reader.latest_checkpoint()?.and_then(|latest| latest.seal);
        seal.map_or(Ok(Vec::new()), |seal| reader.seal_chain(&seal))
    })
    .await?;
    let readable = chain.into_iter().filter_map(|der| Certificate::from_der(der).ok());
    let pem: String = readable.map(|certificate| certificate.to_pem()).collect();
    if pem.is_empty() {
        return Err(absent(
            "log-not-countersigned",
            "the latest checkpoint is not countersigned by a certificate".to_owned(),
            "最新检查点没有证书副署".to_owned(),
        ));
    }
    Ok(cached(answer(200, "application/pem-certificate-chain", pem.into_bytes()), ASK_AGAIN))
}

/// `GET /log/tile/…`: a tile of hashes or a bundle of entries, full or partial.
pub(crate) async fn tile(call: Call<'_>, app: &Arc<App>) -> Result<Response, Refusal> {
    let path = format!("tile/{}", call.segment);
    let wanted =
        TilePath::parse(&path).map_err(|error| absent(error.code(), error.en(), error.zh()))?;
    let reader = app.reader.clone();
    let bytes = blocking(move || read_tile(&reader, wanted)).await?;
    let bytes = bytes.ok_or_else(|| {
        let en = format!("the latest checkpoint does not cover {path}");
        absent("tile-not-covered", en, format!("最新检查点尚未覆盖 {path}"))
    })?;
    Ok(cached(answer(200, "application/octet-stream", bytes), FOR_EVER))
}

fn read_tile(reader: &SqliteReader, wanted: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
    let size = reader.latest_checkpoint()?.map_or(0, |latest| latest.size);
    let (level, index, width) = match wanted {
        TilePath::Hashes(id) => (id.level, id.index, id.width),
        TilePath::Entries { index, width } => (0, index, width),
    };
    if TileId::in_tree(size, level, index).is_none_or(|covered| covered.width < width) {
        return Ok(None);
    }
    match wanted {
        TilePath::Hashes(_) => reader.tile_bytes(level, index, width),
        TilePath::Entries { .. } => reader.entry_bundle(index, width),
    }
}

/// What is known of a fact to somebody who asks for its receipt.
enum Asked {
    Unknown,
    /// It is there, as everybody can see in the log, but not theirs to see.
    NotEntitled,
    Erased,
    Receipt(Receipt),
}

/// `GET /v1/facts/{index}`: the receipt of a fact, against the latest checkpoint.
pub(crate) async fn fact(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let unknown = || {
        let en = format!("there is no fact {}", call.segment);
        absent("fact-unknown", en, format!("没有事实 {}", call.segment))
    };
    let index: u64 = call.segment.parse().map_err(|_| unknown())?;
    let (reader, caller) = (app.reader.clone(), caller.clone());
    match blocking(move || read_fact(&reader, index, &caller)).await? {
        Asked::Receipt(receipt) => Ok(json_answer(200, &receipt_value(&receipt))),
        Asked::Unknown => Err(unknown()),
        Asked::NotEntitled => Err(Refusal::new(
            Stage::Intake,
            403,
            "fact-not-entitled",
            format!("fact {index} is about nothing of yours; an auditor or operator may see it"),
            format!("事实 {index} 与贵方无关，仅审计方或运营方可查看"),
        )),
        Asked::Erased => Err(Refusal::new(
            Stage::Intake,
            410,
            "fact-erased",
            format!("fact {index} was erased; its leaf in the log stays"),
            format!("事实 {index} 已被清除，其日志叶子仍在"),
        )),
    }
}

fn read_fact(reader: &SqliteReader, index: u64, caller: &Caller) -> Result<Asked, StoreError> {
    let Some(row) = reader.fact(index)?.filter(|row| row.index == index) else {
        return Ok(Asked::Unknown);
    };
    if !may_see_fact(reader, &row, caller)? {
        return Ok(Asked::NotEntitled);
    }
    if row.fact.is_empty() {
        return Ok(Asked::Erased);
    }
    Ok(reader.receipt(index)?.map_or(Asked::Unknown, Asked::Receipt))
}

/// Who oversees the zone sees every fact, a participant those of its own messages.
fn may_see_fact(reader: &SqliteReader, row: &FactRow, caller: &Caller) -> Result<bool, StoreError> {
    if matches!(caller.role, Role::Auditor | Role::Operator) {
        return Ok(true);
    }
    let Some(message) = &row.message else { return Ok(false) };
    Ok(reader.message(message)?.is_some_and(|message| may_see(caller, &message)))
}

fn absent(code: &'static str, en: String, zh: String) -> Refusal {
    Refusal::new(Stage::Intake, 404, code, en, zh)
}

fn cached(mut response: Response, how: &'static str) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(how));
    response
}
