//! From the outbox to the departments, in its own loop. A lane is a queue: one
//! per department, and one per participant whose receipts go through the broker.
//! RabbitMQ is fed by the relay crate from here; pulled lanes are leased in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use onepoint_relay::embedded::LeaseTable;
use onepoint_relay::publisher::{Destination, Outbox, OutboxError, OutboxRow, Take};
use onepoint_store::{Delivery, DestinationKind, PendingQuery, Reader, SqliteReader, StoreError};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::answer::receipt_value;
use crate::commit::{LaneVersions, REPLAY_OF, Writer};
use crate::config::{Settings, Transport};
use crate::fault;
use crate::json::Look;
use crate::trace::TRACEPARENT;

pub(crate) mod desk;

/// Prefix of the lanes that carry receipts to a participant.
pub(crate) const RECEIPTS_LANE: &str = "receipts/";
/// Prefix of the lanes that carry what a department is given once more.
pub(crate) const REPLAY_LANE: &str = "replay/";
/// Prefix of the lanes that hold dead letters; nobody reads them but an operator.
pub(crate) const DEAD_LANE: &str = "dead/";
/// Rows of a replay that the relay holds at a time: what is live comes in between.
const REPLAY_ROWS: usize = 64;
/// Deliveries leased at once of one pulled lane; one costs about 300 bytes.
const LEASES_MAX: usize = 100_000;
/// Most rows that one pull looks through; what is leased stands in front.
pub(crate) const ROWS_SCANNED_MAX: usize = 4096;
/// Most payload bytes in one answer to a pull.
pub(crate) const PULL_BYTES_MAX: u64 = 32 << 20;

/// The pulled lanes, by name. Each has leases of its own: what one department is slow
/// with is no reason for another to wait.
#[derive(Debug)]
pub(crate) struct Lanes {
    pulled: RwLock<BTreeMap<String, Arc<Leases>>>,
    /// Part of every lease's name, so that one of before a restart is not taken for one of now.
    start: String,
}

/// The leases of one pulled lane.
#[derive(Debug)]
pub(crate) struct Leases(Mutex<LeaseTable>);

impl Leases {
    /// Works on the table; never held across an await.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut LeaseTable) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lanes {
    pub(crate) fn new(settings: &Settings, started: Timestamp) -> Lanes {
        let lanes =
            Lanes { pulled: RwLock::default(), start: started.as_millisecond().to_string() };
        lanes.renew(settings);
        lanes
    }

    /// Takes the lanes of other settings; a lane that stays keeps its leases.
    pub(crate) fn renew(&self, settings: &Settings) {
        let departments = settings.departments.iter();
        let pulled = departments.filter(|d| d.transport == Transport::Pull);
        let mut pulled: Vec<String> = pulled.map(|d| d.name.clone()).collect();
        for participant in settings.registry.participants() {
            if !settings.receipts_by_broker.iter().any(|id| id == participant.id.as_str()) {
                pulled.push(format!("{RECEIPTS_LANE}{}", participant.id));
            }
        }
        let mut lanes = self.pulled.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *lanes);
        let table = || Arc::new(Leases(Mutex::new(LeaseTable::new(&self.start, LEASES_MAX))));
        let kept = pulled.into_iter().map(|lane| {
            let leases = before.remove(&lane).unwrap_or_else(table);
            (lane, leases)
        });
        *lanes = kept.collect();
    }

    /// The leases of a lane that is pulled over HTTP; `None`: the broker has it.
    pub(crate) fn pulled(&self, lane: &str) -> Option<Arc<Leases>> {
        self.pulled.read().unwrap_or_else(PoisonError::into_inner).get(lane).cloned()
    }
}

/// The lanes that go through the broker.
pub(crate) fn broker_lanes(settings: &Settings) -> Vec<String> {
    let departments = settings.departments.iter().filter(|d| d.transport == Transport::Amqp);
    let departments: Vec<String> = departments.map(|d| d.name.clone()).collect();
    let replays = departments.iter().map(|name| format!("{REPLAY_LANE}{name}"));
    let receipts = settings.receipts_by_broker.iter().map(|id| format!("{RECEIPTS_LANE}{id}"));
    departments.iter().cloned().chain(receipts).chain(replays).collect()
}

/// Kind and name of the destination behind a lane.
pub(crate) fn destination(lane: &str) -> (DestinationKind, &str) {
    match lane.strip_prefix(RECEIPTS_LANE) {
        Some(participant) => (DestinationKind::Receipts, participant),
        None => (DestinationKind::Department, lane),
    }
}

/// What is written beside a delivery in the outbox.
pub(crate) fn headers(delivery: &Delivery) -> Value {
    serde_json::from_str(&delivery.headers).unwrap_or_default()
}

/// The document indexes of a delivery.
pub(crate) fn documents(headers: &Value) -> Vec<u32> {
    let indexes = headers.items("documents");
    indexes.iter().filter_map(|i| u32::try_from(i.as_u64()?).ok()).collect()
}

/// What a delivery carries: the signed message for a department; for a
/// participant the department's signed answer with the receipts of its facts.
pub(crate) fn body(reader: &SqliteReader, delivery: &Delivery) -> Result<Vec<u8>, StoreError> {
    let gone = || StoreError::Conflict(format!("no body {}", delivery.body.0));
    let bytes = reader.body(delivery.body)?.ok_or_else(gone)?;
    if delivery.kind == DestinationKind::Department {
        return Ok(bytes);
    }
    let headers = headers(delivery);
    let entries = headers.items("entries").to_vec();
    let mut receipts = Vec::new();
    for index in entries.iter().filter_map(|entry| entry.at("fact").as_u64()) {
        receipts.extend(reader.receipt(index)?.as_ref().map(receipt_value));
    }
    let notice = json!({
        "format": "onepoint-answer/1",
        "message": delivery.message,
        "department": headers.at("department"),
        "answer": headers.at("answer"),
        "type": headers.at("type"),
        "entries": entries,
        "envelope": String::from_utf8_lossy(&bytes),
        "receipts": receipts,
    });
    Ok(notice.to_string().into_bytes())
}

/// What a delivery carries; nothing when it is damaged at rest. Such a delivery stays pending
/// until somebody repairs it, and is told of each time; those behind it go on.
pub(crate) fn whole_body(
    reader: &SqliteReader,
    delivery: &Delivery,
) -> Result<Option<Vec<u8>>, StoreError> {
    match body(reader, delivery) {
        Ok(body) => Ok(Some(body)),
        Err(
            error @ (StoreError::BodyDamaged { .. }
            | StoreError::SegmentDamaged { .. }
            | StoreError::DataKeyUnreadable { .. }
            | StoreError::Erased { .. }),
        ) => {
            let (code, id) = (error.code(), &delivery.id);
            tracing::error!(code, delivery = id, %error, "a delivery waits: its payload is damaged");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The outbox as the relay sees it.
pub(crate) struct JournalOutbox {
    reader: SqliteReader,
    writer: Writer,
    commits: watch::Receiver<u64>,
    lanes: LaneVersions,
    /// The version at which each lane was last read.
    read_at: Mutex<BTreeMap<String, u64>>,
}

impl JournalOutbox {
    pub(crate) fn new(reader: SqliteReader, writer: Writer) -> JournalOutbox {
        let (commits, lanes) = (writer.commits(), writer.lanes());
        JournalOutbox { reader, writer, commits, lanes, read_at: Mutex::default() }
    }

    /// Notes that a lane is read now: what comes meanwhile is read once more, and not slept over.
    fn reads(&self, lane: &str) {
        let version = self.lanes.of(lane);
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        read_at.insert(lane.to_owned(), version);
    }

    /// Whether a lane has changed since it was read.
    fn has_changed(&self, lane: &str) -> bool {
        let read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        read_at.get(lane).copied() != Some(self.lanes.of(lane))
    }

    fn row(reader: &SqliteReader, delivery: Delivery) -> Result<Option<OutboxRow>, StoreError> {
        let Some(body) = whole_body(reader, &delivery)? else { return Ok(None) };
        let headers = headers(&delivery);
        let text = |key: &str| headers.text(key).to_owned();
        let destination = match delivery.kind {
            DestinationKind::Department => {
                Destination::Department { routing_key: delivery.routing_key }
            }
            DestinationKind::Receipts => {
                Destination::Receipts { participant: delivery.destination }
            }
        };
        // What is given once more goes under the id it had the first time.
        let first = headers.at(REPLAY_OF).as_str().map(str::to_owned);
        Ok(Some(OutboxRow {
            seq: delivery.seq,
            replayed: first.is_some(),
            delivery: first.unwrap_or(delivery.id),
            destination,
            order_keys: delivery.order_keys,
            message_type: delivery.message_type,
            sender: text("sender"),
            message: delivery.message,
            documents: documents(&headers),
            received: text("received"),
            traceparent: headers.at(TRACEPARENT).as_str().map(str::to_owned),
            body,
        }))
    }
}

impl Outbox for JournalOutbox {
    async fn pending(
        &self,
        lane: &str,
        after: u64,
        take: Take,
    ) -> Result<Vec<OutboxRow>, OutboxError> {
        self.reads(lane);
        let (reader, lane) = (self.reader.clone(), lane.to_owned());
        let read = move || -> Result<Vec<OutboxRow>, StoreError> {
            let (kind, name) = destination(&lane);
            let mut query = PendingQuery {
                kind,
                destination: Some(name),
                after_seq: after,
                max_rows: take.rows,
                max_bytes: u64::try_from(take.bytes).unwrap_or(u64::MAX),
            };
            if let Some(live) = lane.strip_prefix(REPLAY_LANE) {
                let live = Some(live);
                let first = PendingQuery { destination: live, after_seq: 0, max_rows: 1, ..query };
                if !reader.pending(&first)?.is_empty() {
                    return Ok(Vec::new());
                }
                query.max_rows = query.max_rows.min(REPLAY_ROWS);
            }
            loop {
                let found = reader.pending(&query)?;
                let Some(last) = found.last() else { return Ok(Vec::new()) };
                query.after_seq = last.seq;
                let rows = found.into_iter().filter_map(|d| Self::row(&reader, d).transpose());
                let rows: Vec<OutboxRow> = rows.collect::<Result<_, _>>()?;
                // Nothing whole among these: what is behind them must not wait.
                if !rows.is_empty() {
                    return Ok(rows);
                }
            }
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(rows) => rows.map_err(|error| OutboxError(error.to_string())),
            Err(error) => Err(OutboxError(error.to_string())),
        }
    }

    async fn relayed(&self, lane: &str, seqs: Vec<u64>) -> Result<(), OutboxError> {
        // Dying here: the broker has it, the journal does not know; it is
        // published again under the same id, and the inbox makes it one effect.
        fault::point("relay.confirmed");
        self.writer.relayed(lane, seqs).await.map_err(|refusal| OutboxError(refusal.en))
    }

    async fn failed(&self, lane: &str, seq: u64, code: &'static str, reason: String) {
        tracing::warn!(lane, seq, code, reason, "a publish failed and is tried again");
    }

    async fn wait_for_more(&self, lane: &str, _after: u64) {
        let mut commits = self.commits.clone();
        loop {
            // Marked as seen before looking, so that a commit in between is not slept over.
            commits.mark_unchanged();
            if self.has_changed(lane) {
                return;
            }
            if commits.changed().await.is_err() {
                // The writer is gone: the process is going down.
                std::future::pending::<()>().await;
            }
        }
    }
}
