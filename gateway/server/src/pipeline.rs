//! The sentence of the gateway, and the only file that knows every stage:
//!
//! `intake -> authenticate -> validate -> route -> commit -> answer`
//!
//! and from the outbox, in its own loop, `deliver -> record`. Each stage takes
//! the evidence of the one before and returns stronger evidence.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use onepoint_certs::ParticipantId;
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::authenticate::{Judged, Trust, authenticate};
use crate::ceb;
use crate::clock::Clock;
use crate::commit::Writer;
use crate::config::Routes;
use crate::explain::{self, Known, Report};
use crate::fault;
use crate::http::Response;
use crate::inforce::Current;
use crate::intake::{self, Labels, Received};
use crate::refusal::{Refusal, Stage, internal};
use crate::route::{Routed, route};
use crate::validate::validate;

/// Bytes up to which a message is judged where it is read. To wake another thread for so short a
/// work is dear, and it holds up the connections of this thread less than a disk does.
const JUDGED_IN_PLACE_BYTES: usize = 16 << 10;

/// What a message passes through.
#[derive(Clone)]
pub(crate) struct Pipeline {
    clock: Clock,
    judge: Arc<Judge>,
    writer: Writer,
}

/// The stages that only think: no I/O, no waiting.
struct Judge {
    current: Current,
    /// Judging is work for a core; more at once would only make each slower.
    cores: Semaphore,
    /// Explaining takes longer than judging: one at a time, so that intake keeps its cores.
    explaining: Semaphore,
}

impl Pipeline {
    pub(crate) fn new(clock: Clock, current: Current, writer: Writer, cores: usize) -> Pipeline {
        let judge = Judge { current, cores: Semaphore::new(cores), explaining: Semaphore::new(1) };
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
        labels: Labels<'_>,
        submitter: &ParticipantId,
    ) -> Result<Answer, Refusal> {
        // Cheap checks first: nothing is parsed that could not be taken.
        let received = intake::receive(body, labels, submitter, self.clock.now())?;
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
        let answer = Answer::of(committed);
        answer.log_refusals();
        Ok(answer)
    }

    /// The answer as a CEB receipt where something was refused, else as JSON. `body` is the
    /// message that it answers.
    pub(crate) async fn in_xml(&self, answer: Answer, body: Vec<u8>) -> Result<Response, Refusal> {
        let (judge, at) = (Arc::clone(&self.judge), self.clock.now());
        let told = tokio::task::spawn_blocking(move || {
            match ceb::receipt(&answer, &body, &judge.current.get().trust, at) {
                Some(xml) => answer.response_in_xml(xml),
                None => answer.response(),
            }
        });
        told.await.map_err(|error| {
            tracing::error!(%error, "writing a receipt failed");
            internal()
        })
    }

    /// Explains what would become of a message, without a trace of it: the same stages
    /// but commit.
    ///
    /// # Errors
    /// Those of [`Pipeline::submit`] that concern the request itself.
    pub(crate) async fn check(
        &self,
        body: Vec<u8>,
        labels: Labels<'_>,
        submitter: &ParticipantId,
    ) -> Result<Report, Refusal> {
        let received = intake::receive(body, labels, submitter, self.clock.now())?;
        let Ok(_one) = self.judge.explaining.acquire().await else { return Err(internal()) };
        let judge = Arc::clone(&self.judge);
        let report = tokio::task::spawn_blocking(move || {
            let (at, submitter) = (received.at(), received.submitter().clone());
            let now = judge.current.get();
            let known = Known::of_gateway(&now.trust, &now.routes, &submitter, at);
            explain::report(received, &known)
        });
        report.await.map_err(|error| {
            tracing::error!(%error, "explaining a message failed");
            internal()
        })
    }

    async fn judged(&self, received: Received) -> Result<Judged<Routed>, Refusal> {
        if received.bytes().len() <= JUDGED_IN_PLACE_BYTES {
            let judged = catch_unwind(AssertUnwindSafe(|| self.judge.judge(received)));
            // The panic itself is in the log already.
            return judged.map_err(|_| internal());
        }
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
        // Taken once: a reload meanwhile is for the messages after this one.
        let now = self.current.get();
        judge(received, &now.trust, &now.routes)
    }
}

fn judge(received: Received, trust: &Trust, routes: &Routes) -> Judged<Routed> {
    let authentic = authenticate(received, trust)?;
    let valid = validate(authentic, &trust.catalogue)?;
    route(valid, routes)
}

/// What intake would answer as far as it can be told without the journal: whether at
/// least one document would be taken, or the refusal of the message.
///
/// # Errors
/// The refusal.
pub(crate) fn dry_run(received: Received, trust: &Trust, routes: &Routes) -> Result<(), Refusal> {
    let routed = judge(received, trust, routes).map_err(|refused| refused.1)?;
    let valid = routed.valid();
    let documents = 0..valid.authentic().facts().len();
    let refused = |index| !valid.violations(index).is_empty();
    match documents.clone().all(refused) {
        true => {
            let refusal = Refusal::from_violations(Stage::Validate, valid.violations(0).to_vec());
            Err(refusal.within(valid.authentic().within()))
        }
        false => Ok(()),
    }
}
