//! The commit stage: one task, one bounded queue, one writer. Everything that
//! becomes a fact passes here; what waits together becomes durable together, in
//! one transaction with one signed checkpoint. Answers go out after it.

use std::sync::Arc;

use onepoint_certs::ParticipantId;
use onepoint_proof::Receipt;
use onepoint_proof::statement::Day;
use onepoint_store::{
    Committed, Ledger, Reader, Retained, Retention, Seal, SqliteReader, SqliteStore, StoreError,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::administer::{self, Registered};
use crate::clock::Clock;
use crate::facts::FactMaker;
use crate::fault;
use crate::intake::Received;
use crate::metrics::Metrics;
use crate::record::AnswerEvidence;
use crate::refusal::{Refusal, Stage, internal};
use crate::route::Routed;
use crate::seal::GatewaySeal;

mod apply;
mod lanes;
pub(crate) mod statements;

use lanes::Touched;

pub(crate) use apply::{Again, Burial, DEAD_OF, REPLAY_OF, Recorded, Verdict};
pub(crate) use lanes::LaneVersions;

/// Work waiting for the writer; a full queue makes senders wait.
pub(crate) const QUEUE_MAX: usize = 1024;
/// Most pieces of work in one transaction.
const GROUP_MAX: usize = 128;

/// One piece of work for the writer.
pub(crate) enum Work {
    Message(Box<Routed>, Reply<Durable<Verdict>>),
    Refused(Box<(Received, Refusal)>, Reply<Durable<Verdict>>),
    /// The broker confirmed these rows of this lane of the outbox.
    Relayed(String, Vec<u64>, Reply<()>),
    /// A department or participant acknowledged these deliveries.
    Delivered(Vec<String>, ParticipantId, Reply<Vec<String>>),
    Answer(Box<AnswerEvidence>, Reply<Durable<Recorded>>),
    /// A delivery that cannot be handled becomes a dead letter.
    Bury(Burial, Reply<bool>),
    /// A delivery is to be given out once more.
    Again(Again, Reply<bool>),
    /// Time has passed: a day may be over.
    Tick,
    /// A step of the retention policy.
    Retain(Retention, Reply<Retained>),
    /// Another configuration comes into force.
    Renew(Box<Renewal>, Reply<usize>),
}

type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// What a configuration changes for the writer.
pub(crate) struct Renewal {
    pub(crate) registered: Registered,
    pub(crate) seal: Option<GatewaySeal>,
    pub(crate) participants: Vec<String>,
}

/// Durable: a verdict with the receipts of the facts it made.
#[derive(Debug)]
pub(crate) struct Sealed<T> {
    pub(crate) verdict: T,
    pub(crate) receipts: Vec<Receipt>,
}

/// What the writer answers: whoever asked makes the receipts, so that the writer can go on.
pub(crate) struct Durable<T> {
    verdict: T,
    /// Facts of this group, by their places in the log.
    made: Vec<u64>,
    group: Arc<Committed>,
    /// Receipts of facts that were made before.
    older: Vec<Receipt>,
    /// The work itself, for whoever asked to let go of: the writer has more to do.
    _done: Box<dyn Send>,
}

impl<T> Durable<T> {
    fn seal(self) -> Result<Sealed<T>, Refusal> {
        let made = self.made.iter().map(|index| self.group.receipt(*index));
        let receipts = self.older.into_iter().map(Ok).chain(made);
        let receipts = receipts.collect::<Result<Vec<Receipt>, StoreError>>();
        let receipts = receipts.map_err(|error| store_refusal(&error))?;
        Ok(Sealed { verdict: self.verdict, receipts })
    }
}

/// The handle that stages hold: hands work to the writer and waits for its verdict.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Work>,
    /// Number of commits so far; whoever waits for deliveries watches it.
    commits: watch::Receiver<u64>,
    lanes: LaneVersions,
}

impl Writer {
    /// A routed message, to be judged by its keys and made durable.
    pub(crate) async fn message(&self, routed: Routed) -> Result<Sealed<Verdict>, Refusal> {
        self.ask(|reply| Work::Message(Box::new(routed), reply)).await?.seal()
    }

    /// A refused message of an authenticated participant.
    pub(crate) async fn refused(
        &self,
        received: Received,
        refusal: Refusal,
    ) -> Result<Sealed<Verdict>, Refusal> {
        self.ask(|reply| Work::Refused(Box::new((received, refusal)), reply)).await?.seal()
    }

    /// Deliveries of a lane that the broker confirmed, by outbox number.
    pub(crate) async fn relayed(&self, lane: &str, seqs: Vec<u64>) -> Result<(), Refusal> {
        self.ask(|reply| Work::Relayed(lane.to_owned(), seqs, reply)).await
    }

    /// Deliveries that `by` acknowledged; gives those that are delivered now.
    pub(crate) async fn delivered(
        &self,
        deliveries: Vec<String>,
        by: ParticipantId,
    ) -> Result<Vec<String>, Refusal> {
        self.ask(|reply| Work::Delivered(deliveries, by, reply)).await
    }

    /// A department's authenticated answer.
    pub(crate) async fn answer(&self, answer: AnswerEvidence) -> Result<Sealed<Recorded>, Refusal> {
        self.ask(|reply| Work::Answer(Box::new(answer), reply)).await?.seal()
    }

    /// Makes a pending delivery a dead letter; false when it is not pending any more.
    pub(crate) async fn bury(&self, burial: Burial) -> Result<bool, Refusal> {
        self.ask(|reply| Work::Bury(burial, reply)).await
    }

    /// Puts a delivery, or a dead letter, into the outbox once more; false when there is no
    /// such one, or it has not left the outbox yet.
    pub(crate) async fn again(&self, again: Again) -> Result<bool, Refusal> {
        self.ask(|reply| Work::Again(again, reply)).await
    }

    /// Lets the writer see that time has passed, when it has nothing better to do.
    pub(crate) fn tick(&self) {
        // A full queue does as well: every group looks at the clock.
        drop(self.queue.try_send(Work::Tick));
    }

    /// A step of the retention policy, after what waits now.
    pub(crate) async fn retain(&self, policy: Retention) -> Result<Retained, Refusal> {
        self.ask(|reply| Work::Retain(policy, reply)).await
    }

    /// Writes into the log what another configuration changes, then works by it. Gives the
    /// number of facts.
    pub(crate) async fn renew(&self, renewal: Renewal) -> Result<usize, Refusal> {
        self.ask(|reply| Work::Renew(Box::new(renewal), reply)).await
    }

    /// Whether nothing waits for the writer.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.capacity() == self.queue.max_capacity()
    }

    /// Which lanes the commits changed.
    pub(crate) fn lanes(&self) -> LaneVersions {
        self.lanes.clone()
    }

    /// Changes with every commit.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }

    async fn ask<T>(&self, work: impl FnOnce(Reply<T>) -> Work) -> Result<T, Refusal> {
        let (reply, verdict) = oneshot::channel();
        if self.queue.send(work(reply)).await.is_err() {
            return Err(stopping());
        }
        verdict.await.unwrap_or_else(|_| Err(outcome_unknown()))
    }
}

/// The answer when the writer ended with the work in its hands.
fn outcome_unknown() -> Refusal {
    Refusal::new(
        Stage::Commit,
        503,
        "outcome-unknown",
        "the journal failed, and whether this was taken is not known; send the same again: it is recognised if it was",
        "日志存储失败，报文是否已被接收未知，请原样重发；如已接收将被识别",
    )
}

/// The answer while the gateway is going down; the sender sends again later.
fn stopping() -> Refusal {
    Refusal::new(
        Stage::Commit,
        503,
        "gateway-stopping",
        "the gateway is stopping and took nothing; send again",
        "网关正在停止，报文未被接收，请稍后重发",
    )
}

/// What the writer's task owns.
pub(crate) struct WriterTask {
    pub(crate) ledger: Ledger<SqliteStore>,
    pub(crate) reader: SqliteReader,
    pub(crate) facts: FactMaker,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    /// Who gets a completeness statement for each day.
    pub(crate) participants: Vec<String>,
    /// The day before which all days are closed, once that is known.
    pub(crate) today: Option<Day>,
}

/// Starts the writer on its own thread: it blocks on the disk. The thread ends
/// when every [`Writer`] is gone, or for good when the journal fails.
pub(crate) fn start(task: WriterTask) -> (Writer, std::thread::JoinHandle<Result<(), StoreError>>) {
    let (queue, work) = mpsc::channel(QUEUE_MAX);
    let (commits_in, commits) = watch::channel(0);
    let lanes = LaneVersions::default();
    let theirs = lanes.clone();
    let thread = std::thread::spawn(move || task.run(work, &commits_in, &theirs));
    (Writer { queue, commits, lanes }, thread)
}

impl WriterTask {
    fn run(
        mut self,
        mut work: mpsc::Receiver<Work>,
        commits: &watch::Sender<u64>,
        lanes: &LaneVersions,
    ) -> Result<(), StoreError> {
        while let Some(first) = work.blocking_recv() {
            let mut group = Vec::with_capacity(GROUP_MAX.min(work.len() + 1));
            group.push(first);
            // No waiting for more: what came while the last commit synced is the group.
            while group.len() < GROUP_MAX {
                let Ok(next) = work.try_recv() else { break };
                group.push(next);
            }
            self.close_days()?;
            group.retain(|work| !matches!(work, Work::Tick));
            let chore = |work: &mut Work| matches!(work, Work::Retain(..) | Work::Renew(..));
            let chores = group.extract_if(.., chore);
            let chores: Vec<Work> = chores.collect();
            if !group.is_empty() {
                let touched = Touched::by(&group);
                self.group(group)?;
                // Before those who wait are woken to look at it.
                lanes.mark(touched);
                commits.send_modify(|n| *n += 1);
                // Dying before: all of it is in the write-ahead log, which the next start reads.
                fault::point("maintain.before");
                self.maintain()?;
                // Dying after, or within: the log is used anew only once all of it is synced at
                // its place.
                fault::point("maintain.after");
            }
            chores.into_iter().try_for_each(|chore| self.chore(chore))?;
        }
        Ok(())
    }

    /// Moves pages of the journal. What is not fatal (a full disk) is left for the next time.
    fn maintain(&mut self) -> Result<(), StoreError> {
        match self.ledger.maintain() {
            Err(error) if error.is_fatal() => {
                tracing::error!(code = error.code(), error = %error, "the journal failed");
                Err(error)
            }
            Err(error) => {
                tracing::warn!(code = error.code(), error = %error, "pages of the journal wait");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Work apart from all groups: nobody's answer waits for it.
    fn chore(&mut self, chore: Work) -> Result<(), StoreError> {
        match chore {
            Work::Retain(policy, reply) => self.retain(policy, reply),
            Work::Renew(renewal, reply) => {
                let done = self.renew(*renewal);
                answer_chore(done, reply)
            }
            _ => Ok(()),
        }
    }

    fn retain(&mut self, policy: Retention, reply: Reply<Retained>) -> Result<(), StoreError> {
        let now_ms = self.clock.now().as_millisecond();
        let done = self.ledger.retain(&policy, now_ms).and_then(|step| {
            self.ledger.maintain()?;
            Ok(step)
        });
        answer_chore(done, reply)
    }

    /// First the log says what changes, under the seal that is known; the new seal signs from
    /// the next checkpoint on.
    fn renew(&mut self, renewal: Renewal) -> Result<usize, StoreError> {
        let Renewal { registered, seal, participants } = renewal;
        let wall_ms = self.clock.now().as_millisecond();
        let written = administer::announce(&mut self.ledger, &self.facts, &registered, wall_ms)?;
        self.metrics.committed(written);
        // Dying here: the next start reads the same files, and finds most or all of it said.
        fault::point("reload.announced");
        self.ledger.reseal(seal.map(|seal| Box::new(seal) as Box<dyn Seal>))?;
        self.participants = participants;
        self.ledger.maintain()?;
        Ok(written)
    }

    /// Closes the days that are over. A fault that is not fatal leaves it for the next time.
    fn close_days(&mut self) -> Result<(), StoreError> {
        let wall_ms = self.clock.now().as_millisecond();
        let today = Day::of(self.ledger.time(wall_ms));
        if self.today == Some(today) {
            return Ok(());
        }
        let (ledger, participants) = (&mut self.ledger, &self.participants);
        match statements::close_days(ledger, &self.facts, participants, wall_ms) {
            Ok(written) => {
                self.metrics.committed(written);
                self.today = Some(today);
                Ok(())
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                tracing::error!(code = error.code(), error = %error, "a day could not be closed");
                Ok(())
            }
        }
    }

    /// One transaction for the whole group.
    fn group(&mut self, group: Vec<Work>) -> Result<(), StoreError> {
        let wall_ms = self.clock.now().as_millisecond();
        let (facts, now_ms) = self.facts.at(self.ledger.time(wall_ms), wall_ms);
        let facts = &facts;
        let mut done: Vec<apply::Done> = Vec::with_capacity(group.len());
        // Dying before the transaction: nobody has an answer, everybody sends again.
        fault::point("commit.before");
        let committed = self.ledger.commit(now_ms, &mut |tx| {
            done.clear();
            for work in &group {
                done.push(apply::apply(tx, work, facts, now_ms)?);
            }
            // Dying inside: SQLite rolls the unfinished transaction back at the next start.
            fault::point("commit.inside");
            Ok(())
        });
        // Dying after: all of it is durable, the answers are missing; whoever
        // sends again gets the original receipts (key 1), whoever delivers
        // again is recognised by its delivery or answer id.
        fault::point("commit.after");
        match committed {
            Ok(committed) => {
                self.metrics.committed(committed.facts().len());
                let committed = Arc::new(committed);
                for (work, done) in group.into_iter().zip(done) {
                    self.reply(work, done, &committed);
                }
                Ok(())
            }
            Err(error) if error.is_fatal() => {
                tracing::error!(code = error.code(), error = %error, "the journal failed");
                Err(error)
            }
            Err(error) => {
                tracing::error!(code = error.code(), error = %error, "a transaction was given up");
                self.given_up(group, &error)
            }
        }
    }

    /// One piece of work may spoil the transaction of all: each is tried alone, once.
    fn given_up(&mut self, group: Vec<Work>, error: &StoreError) -> Result<(), StoreError> {
        if group.len() > 1 {
            return group.into_iter().try_for_each(|work| self.group(vec![work]));
        }
        let refusal = store_refusal(error);
        group.into_iter().for_each(|work| work.fail(&refusal));
        Ok(())
    }

    fn reply(&self, work: Work, done: apply::Done, committed: &Arc<Committed>) {
        // A caller that has gone away does not need its answer.
        match (work, done) {
            (Work::Message(routed, reply), apply::Done::Message(verdict)) => {
                self.tell(verdict, routed, reply, committed);
            }
            (Work::Refused(refused, reply), apply::Done::Message(verdict)) => {
                self.tell(verdict, refused, reply, committed);
            }
            (Work::Relayed(.., reply), apply::Done::Relayed) => drop(reply.send(Ok(()))),
            (Work::Delivered(_, _, reply), apply::Done::Delivered(ids)) => {
                drop(reply.send(Ok(ids)));
            }
            (Work::Bury(_, reply) | Work::Again(_, reply), apply::Done::Moved(moved)) => {
                drop(reply.send(Ok(moved)));
            }
            (Work::Answer(answer, reply), apply::Done::Answer(result)) => {
                let durable = result.and_then(|recorded| {
                    let facts = recorded.facts().to_vec();
                    self.durable(recorded, &facts, answer, committed)
                });
                drop(reply.send(durable));
            }
            (work, _) => work.fail(&internal()),
        }
    }

    fn tell(
        &self,
        verdict: Verdict,
        done: Box<impl Send + 'static>,
        reply: Reply<Durable<Verdict>>,
        group: &Arc<Committed>,
    ) {
        self.metrics.verdict(&verdict);
        let facts = verdict.facts().to_vec();
        drop(reply.send(self.durable(verdict, &facts, done, group)));
    }

    /// A verdict with what the receipts of its facts are made of. Those of a group are all of it;
    /// a repetition's are older, and read here.
    fn durable<T>(
        &self,
        verdict: T,
        facts: &[u64],
        done: Box<impl Send + 'static>,
        group: &Arc<Committed>,
    ) -> Result<Durable<T>, Refusal> {
        let is_new = |index: &&u64| group.fact(**index).is_some();
        let made: Vec<u64> = facts.iter().filter(is_new).copied().collect();
        let older = facts.iter().filter(|index| !is_new(index));
        let older = older.map(|index| self.reader.receipt(*index));
        match older.collect::<Result<Option<Vec<Receipt>>, StoreError>>() {
            Ok(Some(older)) => {
                Ok(Durable { verdict, made, group: Arc::clone(group), older, _done: done })
            }
            Ok(None) => Err(internal()),
            Err(error) => Err(store_refusal(&error)),
        }
    }
}

impl Work {
    fn fail(self, refusal: &Refusal) {
        let refusal = refusal.clone();
        match self {
            Work::Message(_, reply) | Work::Refused(_, reply) => drop(reply.send(Err(refusal))),
            Work::Relayed(.., reply) => drop(reply.send(Err(refusal))),
            Work::Delivered(_, _, reply) => drop(reply.send(Err(refusal))),
            Work::Answer(_, reply) => drop(reply.send(Err(refusal))),
            Work::Bury(_, reply) | Work::Again(_, reply) => drop(reply.send(Err(refusal))),
            Work::Retain(_, reply) => drop(reply.send(Err(refusal))),
            Work::Renew(_, reply) => drop(reply.send(Err(refusal))),
            Work::Tick => {}
        }
    }
}

/// A chore's caller hears what became of it; a fatal error ends the writer.
fn answer_chore<T>(done: Result<T, StoreError>, reply: Reply<T>) -> Result<(), StoreError> {
    match done {
        Err(error) if error.is_fatal() => Err(error),
        done => {
            drop(reply.send(done.map_err(|error| store_refusal(&error))));
            Ok(())
        }
    }
}

/// A store error as a caller sees it: nothing was kept, and why.
pub(crate) fn store_refusal(error: &StoreError) -> Refusal {
    Refusal::new(Stage::Commit, 503, error.code(), error.en(), error.zh())
}
