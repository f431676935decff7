//! The runs: traffic until the gateway dies, a clean start, what had no answer sent again,
//! everything drained, everything checked. In come a sandbox and a seed, out go the
//! deaths and what was broken. A run that hangs is a failure, not a wait for ever.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use onepoint_store::StoreError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::check::Checker;
use super::desks::{self, Desk};
use super::evidence::{Evidence, Record};
use super::letters::KINDS;
use super::plan::{Death, Random};
use super::rules::{Rule, Tally};
use super::sandbox::{Clients, Gateway, Sandbox, Started};
use super::senders::{self, Stream};
use crate::clock::Clock;
use crate::commands::Failure;
use crate::fault::Point;

/// A gateway that was told where to die and did not is killed after so long.
const DEATH_WAIT: Duration = Duration::from_secs(10);
/// A phase that takes longer hangs.
const PHASE_MAX: Duration = Duration::from_secs(60);
/// How often anybody fetches the checkpoint.
const LOOK: Duration = Duration::from_millis(15);
/// Every so many runs everything is checked from the beginning.
const FULL_EVERY: u32 = 500;

/// Passed when the gateway reads its configuration again.
const RELOADED: &str = "reload.announced";

/// Deaths by place.
pub(super) type Deaths = BTreeMap<&'static str, u64>;

/// A test under way.
pub(super) struct Crash<'s> {
    sandbox: &'s Sandbox,
    evidence: Arc<Evidence>,
    random: Random,
    streams: Vec<Stream>,
    desks: Vec<Arc<Desk>>,
    checker: Checker,
    deaths: Deaths,
}

impl<'s> Crash<'s> {
    pub(super) fn new(sandbox: &'s Sandbox, seed: u64) -> Result<Crash<'s>, Failure> {
        // Each has numbers of its own, drawn from the one seed.
        let mut random = Random::new(seed);
        Ok(Crash {
            sandbox,
            evidence: Arc::new(Evidence::create(sandbox.folder())?),
            streams: senders::streams(sandbox, &mut random)?,
            desks: desks::desks(sandbox, &mut random)?,
            random: Random::new(random.next()),
            checker: super::new_checker(sandbox.folder())?,
            deaths: Deaths::new(),
        })
    }

    pub(super) fn deaths(&self) -> &Deaths {
        &self.deaths
    }

    /// What was checked run by run.
    pub(super) fn tally(&self) -> &Tally {
        &self.checker.tally
    }

    /// All runs; ends early when something is broken: what follows would only hide it.
    pub(super) async fn runs(&mut self, runs: u32) -> Result<(), Failure> {
        for run in 0..runs {
            progress(run, runs);
            let death = Death::of(run, &mut self.random);
            self.run(death).await?;
            let whole = run % FULL_EVERY == FULL_EVERY - 1 && run + 1 < runs;
            if !self.checker.tally.good()
                || (whole && !super::full(self.sandbox.folder())?.0.good())
            {
                break;
            }
        }
        progress(runs, runs);
        Ok(())
    }

    async fn run(&mut self, death: Death) -> Result<(), Failure> {
        let died = match death.chore() {
            // Housekeeping dies after the gateway, alone: it makes the steps of an idle gateway.
            Some(_) => Death::kill(&mut self.random),
            None => death,
        };
        let mut name = match self.sandbox.start(died.variable().as_deref()).await? {
            Started::Up(gateway) => self.traffic(gateway, died).await?,
            Started::Ended(_) => died.name(),
        };
        if let Some(point) = death.chore() {
            name = self.retain(point, name).await?;
        }
        *self.deaths.entry(name).or_default() += 1;
        let started = self.sandbox.start(None).await?;
        let mut gateway = match started {
            Started::Up(gateway) => gateway,
            Started::Ended(status) => {
                let what = format!("after {death:?} it ended with {status}; see gateway.log");
                self.checker.tally.broken(Rule::Restart, what);
                return Ok(());
            }
        };
        self.checker.tally.check(Rule::Restart, true, String::new);
        self.drain(&gateway.clients).await?;
        let fresh = self.evidence.fresh()?;
        if let Err(error) = self.check(&fresh, death.chore().is_some()) {
            let what = format!("the journal cannot be read: {}", error.en());
            self.checker.tally.broken(Rule::Kept, what);
        }
        // At rest, with its write-ahead log as it is: the next start finds what a crash leaves.
        gateway.kill().await
    }

    /// Housekeeping until it dies at its place; `before` is how the gateway died.
    async fn retain(
        &mut self,
        point: &Point,
        before: &'static str,
    ) -> Result<&'static str, Failure> {
        let status = timeout(PHASE_MAX, self.sandbox.retain(point)).await;
        let status = status.map_err(|_| hangs())??;
        if status.success() {
            // It had nothing to move: nothing was closed yet.
            return Ok(before);
        }
        if status.code().is_some() {
            let what = format!("housekeeping ended with {status}; see gateway.log");
            self.checker.tally.broken(Rule::Restart, what);
        }
        Ok(point.name)
    }

    fn check(&mut self, fresh: &[Record], payloads: bool) -> Result<(), StoreError> {
        let reader = super::open_journal(self.sandbox.folder())?;
        self.checker.read_log(&reader, Clock.now().as_millisecond())?;
        fresh.iter().for_each(|record| self.checker.take(record));
        self.checker.settle(&reader)?;
        // Housekeeping touches those of all messages, traffic only those of its own.
        if payloads { self.checker.payloads(&reader) } else { Ok(()) }
    }

    /// Everybody at once, until it dies; gives the place.
    async fn traffic(
        &mut self,
        mut gateway: Gateway,
        death: Death,
    ) -> Result<&'static str, Failure> {
        let mut streams = JoinSet::new();
        for stream in std::mem::take(&mut self.streams) {
            let (clients, evidence) = (Arc::clone(&gateway.clients), Arc::clone(&self.evidence));
            streams.spawn(stream.run(clients, evidence));
        }
        let mut others = JoinSet::new();
        for desk in &self.desks {
            let (clients, evidence) = (Arc::clone(&gateway.clients), Arc::clone(&self.evidence));
            others.spawn(Arc::clone(desk).run(clients, evidence));
        }
        for kind in &KINDS {
            let (clients, evidence) = (Arc::clone(&gateway.clients), Arc::clone(&self.evidence));
            others.spawn(desks::collect(kind.party, clients, evidence));
        }
        others.spawn(look(Arc::clone(&gateway.clients), Arc::clone(&self.evidence)));
        if matches!(death, Death::At { point, .. } if point.name == RELOADED) {
            gateway.reload().await?;
        }
        let name = match death {
            Death::Kill { after } => {
                tokio::time::sleep(after).await;
                gateway.kill().await?;
                super::KILLED
            }
            Death::At { .. } => match timeout(DEATH_WAIT, gateway.dead()).await {
                Ok(status) => {
                    status?;
                    death.name()
                }
                Err(_) => {
                    gateway.kill().await?;
                    super::KILLED
                }
            },
        };
        self.streams = all(streams).await?;
        all(others).await?;
        Ok(name)
    }

    /// What had no answer is sent again; then all queues are emptied.
    async fn drain(&mut self, clients: &Arc<Clients>) -> Result<(), Failure> {
        let mut streams = JoinSet::new();
        for stream in std::mem::take(&mut self.streams) {
            streams.spawn(stream.again(Arc::clone(clients), Arc::clone(&self.evidence)));
        }
        self.streams = all(streams).await?;
        let mut work = JoinSet::new();
        for desk in &self.desks {
            work.spawn(Arc::clone(desk).drain(Arc::clone(clients), Arc::clone(&self.evidence)));
        }
        all(work).await?;
        let mut work = JoinSet::new();
        for kind in &KINDS {
            let (clients, evidence) = (Arc::clone(clients), Arc::clone(&self.evidence));
            work.spawn(desks::collect_all(kind.party, clients, evidence));
        }
        all(work).await.map(drop)
    }
}

/// Anybody fetches the checkpoint, until the gateway is gone.
async fn look(clients: Arc<Clients>, evidence: Arc<Evidence>) -> Result<(), Failure> {
    let client = clients.of("auditor")?;
    while let Ok(response) = client.get("/log/checkpoint").await {
        // An empty log has none.
        if response.is_success() {
            evidence.add(Record::Checkpoint { note: response.text() });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Waits for all of them.
async fn all<T: Send + 'static>(mut work: JoinSet<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let mut done = Vec::new();
    let join = async {
        while let Some(ended) = work.join_next().await {
            let ended = ended.map_err(|error| {
                let hint = "this is a fault of the selftest";
                Failure::outside("selftest-task", error.to_string(), hint)
            })?;
            done.push(ended?);
        }
        Ok(())
    };
    match timeout(PHASE_MAX, join).await {
        Ok(ended) => ended.map(|()| done),
        Err(_) => Err(hangs()),
    }
}

fn hangs() -> Failure {
    Failure::outside(
        "selftest-hangs",
        format!("a phase did not end within {} s", PHASE_MAX.as_secs()),
        "look into gateway.log of a sandbox that is kept (--keep)",
    )
}

/// One line on a terminal, nothing elsewhere.
fn progress(run: u32, runs: u32) {
    let mut out = std::io::stderr().lock();
    if !out.is_terminal() {
        return;
    }
    let end = if run == runs { "\n" } else { "" };
    // Nobody may be looking; the test goes on.
    drop(write!(out, "\rrun {run} of {runs}{end}").and_then(|()| out.flush()));
}
