//! Where pulled deliveries are handed out: to a department or participant over HTTP, and to
//! the webhooks. In come a lane and a holder; out go rows with a lease each. Promised: what
//! was handed out too often becomes a dead letter instead of going out once more; what is
//! replayed comes after all that was never handled.

use std::sync::Arc;

use jiff::SignedDuration;
use onepoint_certs::ParticipantId;
use onepoint_relay::embedded::{Candidate, Grant, LeaseError};
use onepoint_store::{Delivery, PendingQuery, Reader, SqliteReader};

use super::{Lanes, Leases, PULL_BYTES_MAX, RECEIPTS_LANE, REPLAY_LANE, ROWS_SCANNED_MAX};
use crate::clock::Clock;
use crate::commit::{Burial, Writer};
use crate::http::messages::blocking;
use crate::refusal::Refusal;

/// How often a delivery is handed out before it becomes a dead letter; as at the broker.
pub(crate) const HANDOUTS_MAX: u32 = 20;

/// The rows of the pulled lanes and the leases on them.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) clock: Clock,
    pub(crate) reader: SqliteReader,
    pub(crate) writer: Writer,
    pub(crate) lanes: Arc<Lanes>,
}

/// A row that was handed out.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) row: Delivery,
    pub(crate) grant: Grant,
    /// How often so far, this time included.
    pub(crate) times: u32,
}

impl Desk {
    /// Leases up to `max` rows of a pulled lane to `holder`.
    ///
    /// # Errors
    /// Faults of the journal.
    pub(crate) async fn hand_out(
        &self,
        lane: &str,
        leases: &Leases,
        holder: &str,
        lease: SignedDuration,
        max: usize,
    ) -> Result<Vec<Handed>, Refusal> {
        let max_rows = max.saturating_add(leases.with(|table| table.leased()));
        let mut rows = self.pending(lane, max_rows).await?;
        if rows.is_empty() && !lane.starts_with(RECEIPTS_LANE) {
            rows = self.pending(&format!("{REPLAY_LANE}{lane}"), max_rows).await?;
        }
        let now = self.clock.now();
        for ended in leases.with(|table| table.expire(now)) {
            tracing::info!(delivery = ended.delivery, holder = ended.holder, "a lease ended");
        }
        self.bury_exhausted(leases, &mut rows).await?;
        let grants = leases.with(|table| {
            let candidates =
                rows.iter().map(|row| Candidate { delivery: &row.id, order_keys: &row.order_keys });
            let grants = table.grant(candidates, holder, now, lease, max);
            let times = |grant: Grant| (table.handouts(&grant.delivery), grant);
            grants.into_iter().map(times).collect::<Vec<_>>()
        });
        let mut rows = rows.into_iter();
        let handed = grants.into_iter().filter_map(|(times, grant)| {
            let row = rows.by_ref().find(|row| row.id == grant.delivery)?;
            Some(Handed { row, grant, times })
        });
        Ok(handed.collect())
    }

    async fn pending(&self, lane: &str, max_rows: usize) -> Result<Vec<Delivery>, Refusal> {
        let (reader, lane) = (self.reader.clone(), lane.to_owned());
        let max_rows = max_rows.min(ROWS_SCANNED_MAX);
        blocking(move || {
            let (kind, name) = super::destination(&lane);
            let destination = Some(name);
            let max_bytes = PULL_BYTES_MAX;
            reader.pending(&PendingQuery { kind, destination, after_seq: 0, max_rows, max_bytes })
        })
        .await
    }

    /// Takes out of `rows` what was handed out too often: nobody can handle it.
    async fn bury_exhausted(
        &self,
        leases: &Leases,
        rows: &mut Vec<Delivery>,
    ) -> Result<(), Refusal> {
        let exhausted: Vec<String> = leases.with(|table| {
            let over =
                |row: &&Delivery| table.handouts(&row.id) >= HANDOUTS_MAX && !table.is_out(&row.id);
            rows.iter().filter(over).map(|row| row.id.clone()).collect()
        });
        for delivery in &exhausted {
            let reason = format!("it was given out {HANDOUTS_MAX} times and never acknowledged");
            let (delivery, code) = (delivery.clone(), "delivery-limit".to_owned());
            self.bury(leases, Burial { delivery, code, reason }).await?;
        }
        rows.retain(|row| !exhausted.contains(&row.id));
        Ok(())
    }

    /// Makes a delivery a dead letter.
    ///
    /// # Errors
    /// Faults of the journal.
    pub(crate) async fn bury(&self, leases: &Leases, burial: Burial) -> Result<bool, Refusal> {
        let (code, reason, delivery) = (&burial.code, &burial.reason, burial.delivery.clone());
        tracing::warn!(code, reason, delivery, "a delivery becomes a dead letter");
        let buried = self.writer.bury(burial).await?;
        leases.with(|table| table.settled(&delivery));
        Ok(buried)
    }

    /// Records what `by` is done with; the leases are settled already.
    ///
    /// # Errors
    /// Faults of the journal; the deliveries are given out again then.
    pub(crate) async fn delivered(
        &self,
        leases: &Leases,
        deliveries: Vec<String>,
        by: &ParticipantId,
    ) -> Result<Vec<String>, Refusal> {
        let committed = self.writer.delivered(deliveries.clone(), by.clone()).await;
        leases.with(|table| {
            for delivery in &deliveries {
                match &committed {
                    Ok(_) => table.settled(delivery),
                    Err(_) => table.restore(delivery),
                }
            }
        });
        committed
    }

    /// Takes the acknowledgement of a lease.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub(crate) fn ack(
        &self,
        leases: &Leases,
        (delivery, token): (&str, &str),
        holder: &str,
    ) -> Result<(), LeaseError> {
        let now = self.clock.now();
        leases.with(|table| table.ack(delivery, token, holder, now))
    }

    /// Gives a lease back; the delivery rests.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub(crate) fn nack(
        &self,
        leases: &Leases,
        (delivery, token): (&str, &str),
        holder: &str,
        pause: SignedDuration,
    ) -> Result<(), LeaseError> {
        let now = self.clock.now();
        leases.with(|table| table.nack(delivery, token, holder, now, pause))
    }
}
