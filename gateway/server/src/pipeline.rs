//! The sentence of the gateway, and the only file that knows every stage:
//!
//! `intake -> authenticate -> validate -> route -> commit -> answer`
//!
//! and from the outbox, in its own loop, `deliver -> record`. Each stage takes
//! the evidence of the one before and returns stronger evidence.

use std::sync::Arc;

use onepoint_certs::ParticipantId;
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::authenticate::{Judged, Trust, authenticate};
use crate::clock::Clock;
use crate::commit::Writer;
use crate::config::Routes;
use crate::fault;
use crate::intake::{self, Received};
use crate::refusal::{Refusal, internal};
use crate::route::{Routed, route};
use crate::validate::validate;

/// What a message passes through.
#[derive(Clone)]
pub(crate) struct Pipeline {
    clock: Clock,
    judge: Arc<Judge>,
    writer: Writer,
}

/// The stages that only think: no I/O, no waiting.
struct Judge {
    trust: Arc<Trust>,
    routes: Routes,
    /// Judging is work for a core; more at once would only make each slower.
    cores: Semaphore,
}

impl Pipeline {
    pub(crate) fn new(
        clock: Clock,
        trust: Arc<Trust>,
        routes: Routes,
        writer: Writer,
        cores: usize,
    ) -> Pipeline {
        let judge = Judge { trust, routes, cores: Semaphore::new(cores) };
        Pipeline { clock, judge: Arc::new(judge), writer }
    }

    /// Takes one message from an authenticated connection to its answer.
    ///
    /// # Errors
    /// Only what concerns the request itself and leaves no trace: an unusable
    /// body, or a gateway that cannot write. A judged message, good or bad, is an [`Answer`].
    pub(crate) async fn submit(
        &self,
        body: Vec<u8>,
        content_type: Option<&str>,
        submitter: &ParticipantId,
    ) -> Result<Answer, Refusal> {
        // Cheap checks first: nothing is parsed that could not be taken.
        let received = intake::receive(body, content_type, submitter, self.clock.now())?;
        // Dying here: the sender has no answer and sends again.
        fault::point("intake.received");
        // Who sent it stands before what it says: no key is looked up for a stranger.
        let judged = self.judged(received).await?;
        // Accepted and refused alike become durable before anyone hears of them.
        let committed = match judged {
            Ok(routed) => self.writer.message(routed).await?,
            Err(refused) => self.writer.refused(refused.0, refused.1).await?,
        };
        // Dying here loses nothing: the sender sends again and gets the same receipt.
        fault::point("answer.before");
        Ok(Answer::of(committed))
    }

    async fn judged(&self, received: Received) -> Result<Judged<Routed>, Refusal> {
        let Ok(_core) = self.judge.cores.acquire().await else { return Err(internal()) };
        let judge = Arc::clone(&self.judge);
        let judged = tokio::task::spawn_blocking(move || judge.judge(received)).await;
        judged.map_err(|error| {
            tracing::error!(%error, "judging a message failed");
            internal()
        })
    }
}

impl Judge {
    fn judge(&self, received: Received) -> Judged<Routed> {
        let authentic = authenticate(received, &self.trust)?;
        let valid = validate(authentic, &self.trust.catalogue)?;
        route(valid, &self.routes)
    }
}
