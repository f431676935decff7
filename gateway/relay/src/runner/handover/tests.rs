//! The handover over a back end that fails or lets the process die at each step, and over
//! simulators of every kind. Whatever happens: each order has its effect once, each reply
//! is one answer, and what cannot be done is told and does not hold up the rest.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use tokio::task::JoinHandle;

use super::super::tests::{FakeSource, World, world};
use super::super::{Delivery, Handled, Runner, RunnerStatus, WAITING_MAX};
use super::*;
use crate::backend::simulator::{Does, Simulator, Step};
use crate::backend::{NewOrder, Rehearsed};
use crate::inbox::Inbox;

fn map(delivery: &Delivery) -> Result<Handled, HandlerError> {
    let reply = |n| Rehearsed {
        id: format!("{}-{n}", delivery.id),
        content: format!("<reply n='{n}' to='{}'/>", delivery.id),
    };
    let order = NewOrder {
        content_type: "text/plain".to_owned(),
        content: delivery.id.clone().into_bytes(),
        business_keys: Vec::new(),
        rehearsed: vec![reply(1), reply(2)],
    };
    Ok(Handled { effect: delivery.id.clone(), answers: Vec::new(), order: Some(order) })
}

fn seal(reply: &Reply, _: &Facts) -> Result<OutgoingAnswer, HandlerError> {
    if !reply.content.ends_with(b"/>") {
        return Err(HandlerError::new("reply-rubbish", "not a document"));
    }
    Ok(OutgoingAnswer { id: reply.id.clone(), body: reply.content.clone() })
}

/// Both loops of one adapter.
struct Adapter {
    tasks: [JoinHandle<Result<(), RunnerError>>; 2],
    runner: RunnerStatus,
    handover: HandoverStatus,
    stop: CancellationToken,
}

fn start<B: Backend>(source: &FakeSource, folder: &Path, backend: B, pace: Pace) -> Adapter {
    // Nobody looks at an empty queue a thousand times a second for an hour.
    source.world().idle = Duration::from_millis(500);
    let inbox = inbox(folder);
    let clock: Clock = Arc::new(|| "2026-01-02T03:04:05Z".parse().unwrap());
    let mut runner = Runner::new(source.clone(), inbox, map, clock);
    let handover = runner.backend(backend, seal, pace);
    let (runner_status, handover_status) = (runner.status(), handover.status());
    let stop = CancellationToken::new();
    let tasks = [tokio::spawn(handover.run(stop.clone())), tokio::spawn(runner.run(stop.clone()))];
    Adapter { tasks, runner: runner_status, handover: handover_status, stop }
}

impl Adapter {
    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
    }

    /// Dies where it stands.
    async fn die(self) {
        for task in self.tasks {
            task.abort();
            drop(task.await);
        }
    }
}

/// Waits, in simulated time, until the world looks like that.
async fn until(source: &FakeSource, what: impl Fn(&World) -> bool) {
    const PATIENCE: Duration = Duration::from_secs(2 * 3600);
    let began = Instant::now();
    while !what(&source.world()) {
        assert!(began.elapsed() < PATIENCE, "it does not happen");
        sleep(Duration::from_millis(50)).await;
    }
}

fn inbox(folder: &Path) -> Inbox {
    Inbox::open(&folder.join("inbox.db")).unwrap()
}

fn answers(source: &FakeSource) -> Vec<String> {
    source.world().answers.iter().map(|(id, _)| id.clone()).collect()
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

/// The ids of both answers of these deliveries.
fn both(deliveries: std::ops::Range<usize>) -> Vec<String> {
    sorted(deliveries.flat_map(|d| [1, 2].map(|n| format!("d{d}-{n}"))).collect())
}

/// Where the fake back end goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    GiveBefore,
    GiveAfter,
    Collect,
    SettleBefore,
    SettleAfter,
}

/// The department's system: it outlives adapters, and knows an order again by its id.
#[derive(Debug, Default)]
struct System {
    effects: Vec<String>,
    replies: VecDeque<Reply>,
    settled: Vec<String>,
    fault: Option<(At, bool)>,
    died: bool,
}

#[derive(Clone, Debug, Default)]
struct FakeBackend(Arc<Mutex<System>>);

impl FakeBackend {
    fn system(&self) -> MutexGuard<'_, System> {
        self.0.lock().unwrap()
    }

    async fn fault(&self, at: At) -> Result<(), BackendError> {
        let dies = {
            let mut system = self.system();
            match system.fault {
                Some((due, dies)) if due == at => {
                    (system.fault, system.died) = (None, dies);
                    dies
                }
                _ => return Ok(()),
            }
        };
        match dies {
            true => std::future::pending().await,
            false => Err(BackendError::away("test", format!("{at:?}"))),
        }
    }
}

impl Backend for FakeBackend {
    type Ticket = String;
    const BATCH: usize = 3;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        if let Err(error) = self.fault(At::GiveBefore).await {
            return Given::nothing(error);
        }
        let mut given = Given::default();
        for order in orders {
            let mut system = self.system();
            if !system.effects.contains(&order.delivery) {
                system.effects.push(order.delivery.clone());
                let replies = order.rehearsed.iter().map(|rehearsed| Reply {
                    id: rehearsed.id.clone(),
                    delivery: order.delivery.clone(),
                    content: rehearsed.content.clone().into_bytes(),
                });
                system.replies.extend(replies);
            }
            given.fates.push((order.number, OrderFate::Done));
        }
        match self.fault(At::GiveAfter).await {
            Ok(()) => given,
            Err(error) => Given::nothing(error),
        }
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, String)>, BackendError> {
        self.fault(At::Collect).await?;
        let replies = self.system().replies.clone().into_iter().take(max.min(5));
        Ok(replies.map(|reply| (reply.clone(), reply.id)).collect())
    }

    async fn settle(&mut self, settled: Vec<(String, ReplyFate)>) -> Result<(), BackendError> {
        self.fault(At::SettleBefore).await?;
        for (id, _) in settled {
            let mut system = self.system();
            system.replies.retain(|reply| reply.id != id);
            system.settled.push(id);
        }
        self.fault(At::SettleAfter).await
    }

    async fn close(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn at_each_step_an_error_or_a_death_doubles_nothing_and_loses_nothing() {
    for at in [At::GiveBefore, At::GiveAfter, At::Collect, At::SettleBefore, At::SettleAfter] {
        for dies in [false, true] {
            let note = format!("{at:?}, dies: {dies}");
            let (source, folder) = (world(10), tempfile::tempdir().unwrap());
            let backend = FakeBackend::default();
            backend.system().fault = Some((at, dies));
            let mut adapter = start(&source, folder.path(), backend.clone(), Pace::default());
            if dies {
                until(&source, |_| backend.system().died).await;
                adapter.die().await;
                adapter = start(&source, folder.path(), backend.clone(), Pace::default());
            }
            until(&source, |world| world.answers.len() >= 20 && world.acked.len() >= 10).await;
            until(&source, |_| backend.system().replies.is_empty()).await;
            adapter.stop().await;
            let wanted: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
            assert_eq!(backend.system().effects, wanted, "{note}: once, in order");
            assert_eq!(sorted(answers(&source)), both(0..10), "{note}: each answer once");
            let counts = inbox(folder.path()).counts().unwrap();
            let found = (counts.orders_done, counts.orders_waiting, counts.replies);
            assert_eq!(found, (10, 0, 20), "{note}");
        }
    }
}

/// A script that begins like this and answers from then on.
fn script(does: Does, times: u32) -> Simulator {
    let step = |does, times| Step { does, times, delay: Duration::ZERO };
    Simulator::new(vec![step(does, times), step(Does::Answers, u32::MAX)])
}

/// Runs a simulator over three deliveries until so many answers have come.
async fn simulated(
    simulator: Simulator,
    wanted: usize,
) -> (FakeSource, tempfile::TempDir, HandoverSnapshot) {
    let (source, folder) = (world(3), tempfile::tempdir().unwrap());
    let adapter = start(&source, folder.path(), simulator, Pace::default());
    until(&source, |world| world.answers.len() >= wanted && world.acked.len() == 3).await;
    // Whatever else might come.
    sleep(Duration::from_secs(120)).await;
    let seen = adapter.handover.snapshot();
    adapter.stop().await;
    (source, folder, seen)
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_is_down_opens_the_breaker_and_gets_everything_later() {
    let (source, folder) = (world(3), tempfile::tempdir().unwrap());
    let simulator = script(Does::Fails, 9);
    let adapter = start(&source, folder.path(), simulator, Pace::default());
    until(&source, |_| adapter.handover.snapshot().open).await;
    let seen = adapter.handover.snapshot();
    assert_eq!((seen.failures, seen.done), (u64::from(super::super::OPEN_AFTER), 0));
    assert_eq!(seen.last_error.map(|(code, _)| code), Some("backend-simulated"));
    assert_eq!(source.world().acked.len(), 3, "the deliveries are durable here");
    until(&source, |world| world.answers.len() == 6).await;
    let seen = adapter.handover.snapshot();
    assert_eq!((seen.failures, seen.done, seen.open, seen.waiting), (9, 3, false, 0));
    adapter.stop().await;
    assert_eq!(answers(&source), both(0..3), "in order");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_fails_alone_is_given_up_and_can_be_given_again() {
    let simulator = script(Does::Stumbles, ATTEMPTS);
    let (source, folder, seen) = simulated(simulator, 4).await;
    assert_eq!((seen.given_up, seen.done, seen.failures), (1, 2, u64::from(ATTEMPTS)));
    assert_eq!(answers(&source), both(1..3));
    let mut inbox = inbox(folder.path());
    assert_eq!(inbox.dead_orders(9).unwrap()[0].delivery, "d0");
    assert!(inbox.wait_again("d0").unwrap());
    drop(inbox);
    let adapter = start(&source, folder.path(), Simulator::new(Vec::new()), Pace::default());
    until(&source, |world| world.answers.len() == 6).await;
    adapter.stop().await;
    assert_eq!(sorted(answers(&source)), both(0..3));
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_is_dead_and_the_rest_goes_on() {
    let (source, folder, seen) = simulated(script(Does::Refuses, 1), 4).await;
    assert_eq!((seen.refused, seen.done, seen.failures), (1, 2, 0));
    assert_eq!(answers(&source), both(1..3));
    let dead = inbox(folder.path()).dead_orders(9).unwrap();
    assert_eq!((dead.len(), dead[0].code.as_str()), (1, "backend-refused"));
}

#[tokio::test(start_paused = true)]
async fn rubbish_and_replies_to_others_are_kept_out_and_what_is_right_is_taken() {
    for (does, code) in
        [(Does::Rubbish, "reply-rubbish"), (Does::ForAnother, "reply-delivery-unknown")]
    {
        let (source, folder, seen) = simulated(script(does, 1), 6).await;
        assert_eq!((seen.replies, seen.replies_refused), (6, 1), "{does:?}");
        assert_eq!(answers(&source), both(0..3), "{does:?}");
        assert_eq!(inbox(folder.path()).refused_replies(9).unwrap()[0].1, code);
    }
}

#[tokio::test(start_paused = true)]
async fn replies_that_come_twice_or_in_another_order_are_one_answer_each() {
    let (source, _folder, seen) = simulated(script(Does::Twice, 1), 6).await;
    assert_eq!((seen.replies, seen.replies_known), (6, 2));
    assert_eq!(sorted(answers(&source)), both(0..3), "each once");
    let (source, _folder, seen) = simulated(script(Does::Reversed, 1), 6).await;
    assert_eq!((seen.replies, seen.replies_refused), (6, 0));
    assert_eq!(answers(&source)[..2], ["d0-2", "d0-1"], "as they came");
    assert_eq!(sorted(answers(&source)), both(0..3));
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_fault_and_a_call_that_never_ends_is_cut() {
    let (source, folder, seen) = simulated(script(Does::Never, 1), 4).await;
    assert_eq!((seen.done, seen.failures), (3, 0));
    assert_eq!(answers(&source), both(1..3));
    assert_eq!(inbox(folder.path()).counts().unwrap().orders_done, 3);
    let (source, _folder, seen) = simulated(script(Does::Hangs, 2), 6).await;
    assert_eq!((seen.done, seen.failures), (3, 2));
    assert_eq!(seen.last_error.map(|(code, _)| code), Some("backend-timeout"));
    assert_eq!(answers(&source), both(0..3));
}

#[tokio::test(start_paused = true)]
async fn a_slow_back_end_is_waited_for_and_a_rate_is_kept() {
    let slow = Step { does: Does::Answers, times: 1, delay: Duration::from_secs(20) };
    let began = Instant::now();
    let (source, _folder, seen) = simulated(Simulator::new(vec![slow]), 6).await;
    assert!(began.elapsed() >= Duration::from_secs(60));
    assert_eq!((seen.done, seen.failures), (3, 0));
    assert_eq!(answers(&source), both(0..3));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_dead_back_end_is_bounded_and_the_queue_keeps_the_rest() {
    let deliveries = WAITING_MAX + 500;
    let (source, folder) = (world(deliveries), tempfile::tempdir().unwrap());
    let adapter = start(&source, folder.path(), script(Does::Fails, u32::MAX), Pace::default());
    until(&source, |world| world.acked.len() >= WAITING_MAX).await;
    sleep(Duration::from_secs(600)).await;
    let acked = source.world().acked.len();
    assert!(acked < WAITING_MAX + super::BATCH, "{acked} are here");
    assert_eq!(adapter.runner.snapshot().received, acked as u64);
    adapter.stop().await;
    let adapter = start(&source, folder.path(), Simulator::new(Vec::new()), Pace::default());
    until(&source, |world| world.answers.len() == 2 * deliveries).await;
    adapter.stop().await;
    assert_eq!(source.world().acked.len(), deliveries);
}

/// An hour by the clock that is passed in: nobody waits for it.
#[tokio::test(start_paused = true)]
async fn one_department_down_for_an_hour_under_load_does_not_hold_up_the_others() {
    const EVERY: Duration = Duration::from_secs(5);
    const ON_TIME: Duration = Duration::from_secs(3);
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let sources = [(); 3].map(|()| world(0));
    let start = |at: usize, simulator: Simulator| {
        start(&sources[at], folders[at].path(), simulator, Pace::default())
    };
    let healthy = || Simulator::new(Vec::new());
    let down = script(Does::Fails, u32::MAX);
    let adapters = [start(0, healthy()), start(1, healthy())];
    let dead = start(2, down);
    let mut sent = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3600) {
        for source in &sources {
            let delivery = Delivery { id: format!("d{sent}"), ..Delivery::default() };
            source.world().queue.push_back(delivery);
        }
        sent += 1;
        sleep(ON_TIME).await;
        for (at, source) in sources[..2].iter().enumerate() {
            assert_eq!(source.world().answers.len(), 2 * sent, "department {at} is on time");
        }
        sleep(EVERY - ON_TIME).await;
    }
    let seen = dead.handover.snapshot();
    assert_eq!((sent, seen.done, seen.open), (720, 0, true));
    assert!(seen.failures < 100, "it was left alone: {} tries", seen.failures);
    assert!(sources[2].world().answers.is_empty());
    dead.stop().await;
    let back = start(2, healthy());
    until(&sources[2], |world| world.answers.len() == 2 * sent).await;
    for adapter in adapters.into_iter().chain([back]) {
        adapter.stop().await;
    }
    for (source, folder) in sources.iter().zip(&folders) {
        assert_eq!(sorted(answers(source)), both(0..sent));
        let counts = inbox(folder.path()).counts().unwrap();
        assert_eq!((counts.effects, counts.orders_done), (sent as u64, sent as u64));
    }
}
