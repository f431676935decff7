//! Answers of departments pushed to participants over HTTPS. In come the rows of a pulled
//! receipt lane; each is posted to the address that the configuration registers for its
//! participant, signed by the gateway. Promised: an answer is settled only when the host
//! took it (2xx); until then it is tried again, later each time, and after
//! [`HANDOUTS_MAX`] times it becomes a dead letter; a host that is slow or gone holds up
//! nobody else, and no request ever goes to an address that nobody registered.
//!
//! The body is the same JSON as a pulled answer; `OnePoint-Signature` is a detached JSON
//! Web Signature over it (RFC 7515 appendix F) by the key of `[seal]`, which the header
//! names by the thumbprint of its certificate. `OnePoint-Delivery` is the same each time.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use onepoint_certs::ParticipantId;
use onepoint_relay::client::{ClientError, ClientOptions, HttpClient, Request, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commit::Burial;
use crate::config::Webhooks;
use crate::config::webhooks::Target;
use crate::deliver::desk::{Desk, HANDOUTS_MAX, Handed};
use crate::deliver::{self, Leases, RECEIPTS_LANE};
use crate::http::messages::blocking;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::seal::GatewaySeal;

/// Answers on their way to one participant at the same time.
const AT_ONCE: usize = 4;
/// How long a host may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a host's response that are read: nothing in it is used.
const RESPONSE_BYTES: usize = 64 << 10;
/// A lease outlives the request it is for.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Who holds the leases.
const HOLDER: &str = "(webhook)";
/// First and longest rest after a failure.
const REST: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_mins(15));
/// How often to look for what became free without a commit.
const LOOK: Duration = Duration::from_secs(1);

/// What all webhooks share.
pub(crate) struct Hooks {
    pub(crate) desk: Desk,
    pub(crate) seal: GatewaySeal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) commits: watch::Receiver<u64>,
}

/// Starts one task for each participant that has a webhook.
///
/// # Errors
/// When the certificates to trust cannot be used.
pub(crate) fn start(
    hooks: Hooks,
    settings: &Webhooks,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let hooks = Arc::new(hooks);
    for target in &settings.targets {
        let mut options = ClientOptions::new(target.base.clone(), settings.ca.clone().into_bytes());
        options.timeout = TIMEOUT;
        options.connect_timeout = TIMEOUT;
        options.max_body = RESPONSE_BYTES;
        options.public_only = !settings.allow_private;
        let hook = Hook {
            hooks: Arc::clone(&hooks),
            client: HttpClient::new(options)?,
            target: target.clone(),
        };
        tasks.spawn(hook.run(stop.clone()));
    }
    Ok(())
}

/// One participant's.
#[derive(Clone)]
struct Hook {
    hooks: Arc<Hooks>,
    client: HttpClient,
    target: Target,
}

impl Hook {
    async fn run(self, stop: CancellationToken) {
        let Ok(by) = ParticipantId::new(self.target.participant.clone()) else { return };
        let lane = format!("{RECEIPTS_LANE}{by}");
        let mut commits = self.hooks.commits.clone();
        let mut under_way = JoinSet::new();
        while !stop.is_cancelled() {
            commits.mark_unchanged();
            match self.next(&lane, AT_ONCE.saturating_sub(under_way.len())).await {
                Ok(handed) => {
                    for one in handed {
                        under_way.spawn(self.clone().push(lane.clone(), one, by.clone()));
                    }
                }
                Err(refusal) => {
                    tracing::warn!(lane, code = %refusal.code, "a webhook waits for the journal");
                }
            }
            let free = under_way.len() < AT_ONCE;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
                _ = tokio::time::timeout(LOOK, commits.changed()), if free => {}
            }
        }
        // What is under way ends by its own timeout; without an answer it is pushed again.
        while under_way.join_next().await.is_some() {}
    }

    async fn next(&self, lane: &str, max: usize) -> Result<Vec<Handed>, Refusal> {
        let Some(leases) = self.leases(lane) else { return Ok(Vec::new()) };
        if max == 0 {
            return Ok(Vec::new());
        }
        self.hooks.desk.hand_out(lane, &leases, HOLDER, LEASE, max).await
    }

    fn leases(&self, lane: &str) -> Option<Arc<Leases>> {
        self.hooks.desk.lanes.pulled(lane)
    }

    /// Posts one answer and settles it, or lets it rest.
    async fn push(self, lane: String, handed: Handed, by: ParticipantId) {
        let Some(leases) = self.leases(&lane) else { return };
        let leases = &*leases;
        let Handed { row, grant, times } = handed;
        let desk = &self.hooks.desk;
        let lease = (row.id.as_str(), grant.token.as_str());
        let failed = match self.post(&row).await {
            Ok(response) if response.is_success() => {
                // Dying here: it is pushed again, under the same delivery id.
                let acked = desk.ack(leases, lease, HOLDER);
                if acked.is_ok()
                    && let Err(refusal) = desk.delivered(leases, vec![row.id.clone()], &by).await
                {
                    tracing::warn!(code = %refusal.code, delivery = row.id, "pushed, not recorded");
                }
                return self.hooks.metrics.pushed("taken");
            }
            Ok(response) => format!("the host answered {}", response.status),
            Err(error) => error.en(),
        };
        self.hooks.metrics.pushed("failed");
        let participant = &self.target.participant;
        tracing::warn!(participant, delivery = row.id, times, error = failed, "a push failed");
        let settled = match times >= HANDOUTS_MAX {
            false => desk.nack(leases, lease, HOLDER, rest(times)).map_err(|e| e.code()),
            true => {
                let code = "webhook-failed".to_owned();
                let burial = Burial { delivery: row.id.clone(), code, reason: failed };
                match desk.bury(leases, burial).await {
                    Ok(_) => Ok(()),
                    Err(_) => Err("journal"),
                }
            }
        };
        if let Err(code) = settled {
            // The lease is over: it is handed out again.
            tracing::debug!(code, delivery = row.id, "a push was not settled");
        }
    }

    async fn post(&self, row: &onepoint_store::Delivery) -> Result<Response, ClientError> {
        let unreadable = |why: String| ClientError::Request(why);
        let (reader, wanted) = (self.hooks.desk.reader.clone(), row.clone());
        let body = blocking(move || deliver::whole_body(&reader, &wanted)).await;
        let body = body.map_err(|refusal| unreadable(refusal.en))?;
        let body = body.ok_or_else(|| unreadable("its payload is damaged".to_owned()))?;
        let signature = self.hooks.seal.sign_detached(&body).map_err(unreadable)?;
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = Request {
            method: "POST".to_owned(),
            path: self.target.path.clone(),
            headers: vec![
                header("content-type", "application/json"),
                header("onepoint-delivery", &row.id),
                header("onepoint-signature", &signature),
            ],
            body,
            timeout: Some(TIMEOUT),
        };
        self.client.send(request).await
    }
}

/// Twice as long each time.
fn rest(times: u32) -> SignedDuration {
    let factor = 1_i32.checked_shl(times.saturating_sub(1)).unwrap_or(i32::MAX);
    REST.0.checked_mul(factor.max(1)).unwrap_or(REST.1).min(REST.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_a_bound() {
        let seconds: Vec<i64> = [1, 2, 3, 10, 20, 40].map(|n| rest(n).as_secs()).to_vec();
        assert_eq!(seconds, [1, 2, 4, 512, 900, 900]);
    }
}
