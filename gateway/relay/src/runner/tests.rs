//! The runner over a source that loses its connection, or lets the process die, at
//! each step. Whatever happens: one effect per delivery, every answer taken with the
//! same bytes, and everything acknowledged in the end.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::inbox::{EffectRow, StoredAnswer};

/// Where the fake source goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Receive,
    AnswerBefore,
    AnswerAfter,
    AckBefore,
    AckAfter,
}

/// How it goes wrong: an error, or the process dies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Error,
    Death,
}

/// The other side: it outlives runners.
#[derive(Debug, Default)]
pub(super) struct World {
    /// How long a look at an empty queue takes.
    pub(super) idle: Duration,
    pub(super) queue: VecDeque<Delivery>,
    pub(super) out: BTreeMap<String, Delivery>,
    pub(super) acked: Vec<String>,
    pub(super) rejected: Vec<(String, String)>,
    pub(super) answers: Vec<(String, Vec<u8>)>,
    pub(super) refuse: Option<String>,
    pub(super) fault: Option<(Step, How)>,
    pub(super) died: bool,
}

#[derive(Clone, Debug)]
pub(super) struct FakeSource(Arc<Mutex<World>>);

impl FakeSource {
    pub(super) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// The fault of this step, if it is due.
    async fn fault(&self, step: Step) -> Result<(), SourceError> {
        let how = {
            let mut world = self.world();
            match world.fault {
                Some((at, how)) if at == step => {
                    world.fault = None;
                    // The connection is gone: what was out comes again.
                    let out = std::mem::take(&mut world.out);
                    for mut delivery in out.into_values().rev() {
                        delivery.redelivered = true;
                        world.queue.push_front(delivery);
                    }
                    world.died = how == How::Death;
                    how
                }
                _ => return Ok(()),
            }
        };
        match how {
            How::Error => Err(SourceError { code: "test", text: format!("{step:?}") }),
            How::Death => std::future::pending().await,
        }
    }
}

impl Source for FakeSource {
    type Ticket = String;

    async fn receive(
        &mut self,
        max: usize,
        _: Duration,
    ) -> Result<Vec<(Delivery, String)>, SourceError> {
        self.fault(Step::Receive).await?;
        let mut batch = Vec::new();
        while batch.len() < max.min(3) {
            let Some(delivery) = self.world().queue.pop_front() else { break };
            self.world().out.insert(delivery.id.clone(), delivery.clone());
            batch.push((delivery.clone(), delivery.id));
        }
        if batch.is_empty() {
            let idle = self.world().idle;
            sleep(idle).await;
        }
        Ok(batch)
    }

    async fn answer(
        &mut self,
        answers: &[StoredAnswer],
    ) -> (Vec<(u64, AnswerFate)>, Option<SourceError>) {
        if let Err(error) = self.fault(Step::AnswerBefore).await {
            return (Vec::new(), Some(error));
        }
        let mut fates = Vec::new();
        for answer in answers {
            let mut world = self.world();
            if world.refuse.as_ref() == Some(&answer.id) {
                fates.push((answer.number, AnswerFate::Refused("400".to_owned())));
                continue;
            }
            world.answers.push((answer.id.clone(), answer.body.clone()));
            fates.push((answer.number, AnswerFate::Sent));
        }
        match self.fault(Step::AnswerAfter).await {
            Ok(()) => (fates, None),
            Err(error) => (Vec::new(), Some(error)),
        }
    }

    async fn ack(&mut self, tickets: Vec<String>) -> Result<usize, SourceError> {
        self.fault(Step::AckBefore).await?;
        let settled = tickets.len();
        for ticket in tickets {
            if self.world().out.remove(&ticket).is_some() {
                self.world().acked.push(ticket);
            }
        }
        self.fault(Step::AckAfter).await?;
        Ok(settled)
    }

    async fn reject(&mut self, ticket: String, error: &HandlerError) -> Result<(), SourceError> {
        let mut world = self.world();
        world.out.remove(&ticket);
        world.rejected.push((ticket, error.code.clone()));
        Ok(())
    }

    async fn close(&mut self) {}
}

pub(super) fn world(deliveries: usize) -> FakeSource {
    let delivery = |n: usize| Delivery { id: format!("d{n}"), ..Delivery::default() };
    let queue = (0..deliveries).map(delivery).collect();
    let idle = Duration::from_millis(1);
    FakeSource(Arc::new(Mutex::new(World { queue, idle, ..World::default() })))
}

fn handler(delivery: &Delivery) -> Result<Handled, HandlerError> {
    if delivery.id == "bad" {
        return Err(HandlerError::new("poison", "cannot be mapped"));
    }
    let answer = |n: u8| OutgoingAnswer {
        id: format!("{}-{n}", delivery.id),
        body: format!("<answer n='{n}' to='{}'/>", delivery.id).into_bytes(),
    };
    Ok(Handled { effect: delivery.id.clone(), answers: vec![answer(1), answer(2)], order: None })
}

type Running = (JoinHandle<Result<(), RunnerError>>, RunnerStatus, CancellationToken);

fn start(source: &FakeSource, folder: &Path) -> Running {
    let inbox = Inbox::open(&folder.join("inbox.db")).unwrap();
    let clock: Clock = Arc::new(|| "2026-01-02T03:04:05Z".parse().unwrap());
    let runner = Runner::new(source.clone(), inbox, handler, clock);
    let (status, stop) = (runner.status(), CancellationToken::new());
    (tokio::spawn(runner.run(stop.clone())), status, stop)
}

/// Waits until the world looks like that.
async fn until(source: &FakeSource, what: impl Fn(&World) -> bool) {
    let seen = async {
        while !what(&source.world()) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(20), seen).await.expect("it happens");
}

/// Ten deliveries, each with one effect and two answers taken with the right bytes.
fn all_is_well(source: &FakeSource, folder: &Path, note: &str) {
    let inbox = Inbox::open(&folder.join("inbox.db")).unwrap();
    let mut effects: Vec<EffectRow> = inbox.effects().unwrap();
    effects.sort_by(|a, b| a.delivery.cmp(&b.delivery));
    let effects: Vec<String> = effects.into_iter().map(|row| row.delivery).collect();
    let all: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    assert_eq!(effects, all, "{note}");
    let world = source.world();
    let mut taken: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (id, body) in &world.answers {
        let before = taken.insert(id, body);
        assert!(before.is_none_or(|before| before == body), "{note}: {id} differs");
    }
    assert_eq!(taken.len(), 20, "{note}");
    assert_eq!(taken.get("d3-2"), Some(&&b"<answer n='2' to='d3'/>"[..]), "{note}");
    let mut acked = world.acked.clone();
    acked.sort();
    acked.dedup();
    assert_eq!(acked, all, "{note}");
    assert_eq!(inbox.counts().unwrap().answers_unsent, 0, "{note}");
}

#[tokio::test]
async fn without_faults_everything_happens_once() {
    let (source, folder) = (world(10), tempfile::tempdir().unwrap());
    let (task, status, stop) = start(&source, folder.path());
    until(&source, |world| world.acked.len() == 10).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    all_is_well(&source, folder.path(), "no fault");
    let seen = status.snapshot();
    assert_eq!((seen.received, seen.effects, seen.redelivered), (10, 10, 0));
    assert_eq!((seen.answers_sent, seen.acked, seen.link), (20, 10, Link::Connected));
    assert_eq!(source.world().answers.len(), 20);
}

#[tokio::test]
async fn at_each_step_a_lost_connection_doubles_nothing_and_loses_nothing() {
    for step in
        [Step::Receive, Step::AnswerBefore, Step::AnswerAfter, Step::AckBefore, Step::AckAfter]
    {
        let (source, folder) = (world(10), tempfile::tempdir().unwrap());
        source.world().fault = Some((step, How::Error));
        let (task, status, stop) = start(&source, folder.path());
        until(&source, |world| world.acked.len() == 10).await;
        stop.cancel();
        task.await.unwrap().unwrap();
        all_is_well(&source, folder.path(), &format!("{step:?}"));
        let seen = status.snapshot();
        assert_eq!(seen.effects, 10);
        // What came again was counted, and had no second effect.
        let again = !matches!(step, Step::Receive | Step::AckAfter);
        assert_eq!(seen.redelivered > 0, again, "{step:?}");
        assert_eq!(seen.last_error.map(|(code, _)| code), Some("test"));
    }
}

#[tokio::test]
async fn at_each_step_a_death_doubles_nothing_and_loses_nothing() {
    for step in
        [Step::Receive, Step::AnswerBefore, Step::AnswerAfter, Step::AckBefore, Step::AckAfter]
    {
        let (source, folder) = (world(10), tempfile::tempdir().unwrap());
        source.world().fault = Some((step, How::Death));
        let (task, _, _) = start(&source, folder.path());
        until(&source, |world| world.died).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let (task, _, stop) = start(&source, folder.path());
        until(&source, |world| world.acked.len() == 10).await;
        stop.cancel();
        task.await.unwrap().unwrap();
        all_is_well(&source, folder.path(), &format!("{step:?}"));
    }
}

#[tokio::test]
async fn answers_of_an_earlier_run_are_sent_although_their_delivery_never_comes_again() {
    let (source, folder) = (world(0), tempfile::tempdir().unwrap());
    let path = folder.path().join("inbox.db");
    let delivery = Delivery { id: "old".to_owned(), ..Delivery::default() };
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    Inbox::open(&path).unwrap().take_in(&[delivery], &handler, now).unwrap();
    let (task, _, stop) = start(&source, folder.path());
    until(&source, |world| world.answers.len() == 2).await;
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let (source, folder) = (world(3), tempfile::tempdir().unwrap());
    let bad = Delivery { id: "bad".to_owned(), ..Delivery::default() };
    source.world().queue.insert(1, bad);
    let (task, status, stop) = start(&source, folder.path());
    until(&source, |world| world.acked.len() == 3).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(source.world().rejected, [("bad".to_owned(), "poison".to_owned())]);
    assert_eq!(status.snapshot().rejected, 1);
}

#[tokio::test]
async fn a_refused_answer_is_recorded_and_not_sent_again() {
    let (source, folder) = (world(2), tempfile::tempdir().unwrap());
    source.world().refuse = Some("d0-1".to_owned());
    let (task, status, stop) = start(&source, folder.path());
    until(&source, |world| world.acked.len() == 2).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    let seen = status.snapshot();
    assert_eq!((seen.answers_sent, seen.answers_refused), (3, 1));
    let counts = Inbox::open(&folder.path().join("inbox.db")).unwrap().counts().unwrap();
    assert_eq!((counts.answers_refused, counts.answers_unsent), (1, 0));
}

#[tokio::test]
async fn without_its_inbox_the_runner_ends() {
    let (source, folder) = (world(1), tempfile::tempdir().unwrap());
    let path = folder.path().join("inbox.db");
    let inbox = Inbox::open(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE inbox").unwrap();
    let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let runner = Runner::new(source, inbox, handler, clock);
    let error = runner.run(CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.code(), "inbox-write");
    assert!(error.en().contains("check disk") && error.zh().contains("收件库"));
    let writer = RunnerError::Writer;
    assert_eq!(writer.code(), "runner-writer");
    assert!(writer.en().contains("nothing is lost") && writer.zh().contains("不会丢失"));
}
