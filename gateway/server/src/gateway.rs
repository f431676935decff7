//! Puts a gateway together from its settings and runs it until it is told to
//! stop, or until its journal fails. Nothing is decided here.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use onepoint_certs::Role;
use onepoint_proof::LogSigner;
use onepoint_relay::broker::BrokerError;
use onepoint_relay::client::ClientError;
use onepoint_relay::topology::TopologyError;
use onepoint_store::{
    Head, Ledger, LogParts, Seal, SqliteOptions, SqliteReader, SqliteStore, StoreError,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::administer::{self, Registered};
use crate::clock::Clock;
use crate::commit::{self, Writer, WriterTask};
use crate::config::Settings;
use crate::deliver::desk::Desk;
use crate::deliver::{JournalOutbox, Lanes};
use crate::facts::FactMaker;
use crate::fault;
use crate::housekeeping;
use crate::http::{self, routes::App};
use crate::inforce::{Current, InForce, InForceError};
use crate::intake::vendors::VendorIntake;
use crate::metrics::Metrics;
use crate::monitor::Monitor;
use crate::pipeline::Pipeline;
use crate::record::Recorder;
use crate::reload::{ASKERS_MAX, Asked, Background, Reloader, Source};
use crate::webhooks::{self, Hooks};

pub(crate) mod broker;

/// How often the writer looks whether a day is over.
const TICK: std::time::Duration = std::time::Duration::from_secs(10);

/// Why a gateway could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("the journal")]
    Store(#[from] StoreError),
    #[error("the log key is not usable")]
    LogKey(#[source] onepoint_proof::NoteError),
    #[error("the log key is for {key}, the configuration says {origin}")]
    Origin { key: String, origin: String },
    #[error(transparent)]
    InForce(#[from] InForceError),
    #[error("cannot listen on {address}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("the broker")]
    Broker(#[from] BrokerError),
    #[error("the queues")]
    Topology(#[from] TopologyError),
    #[error("the webhooks")]
    Webhooks(#[source] ClientError),
    #[error("the writer ended without a reason")]
    Writer,
}

impl GatewayError {
    /// Stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::LogKey(_) => "log-key-unusable",
            Self::Origin { .. } => "log-origin-mismatch",
            Self::InForce(InForceError::Tls(_)) => "tls-unusable",
            Self::InForce(InForceError::Revocation(error)) => error.code(),
            Self::Listen { .. } => "listen-failed",
            Self::Broker(error) => error.code(),
            Self::Topology(_) => "topology-invalid",
            Self::Webhooks(error) => error.code(),
            Self::Writer => "writer-ended",
        }
    }

    /// True when the journal failed while running: the exit code says so.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_fatal()) || matches!(self, Self::Writer)
    }
}

/// Runs a gateway; `listening` is told the address once it takes requests.
///
/// # Errors
/// When something cannot be opened at the start, or the journal fails later.
pub(crate) async fn run(
    settings: Settings,
    source: Source,
    stop: CancellationToken,
    listening: impl FnOnce(std::net::SocketAddr),
) -> Result<(), GatewayError> {
    let clock = Clock;
    let current = Current::new(InForce::of(&settings, None, clock)?);
    let (mut ledger, reader) = journal(&settings, clock)?;
    // Dying here: nobody was served; the next start opens the journal by the same code.
    fault::point("start.opened");
    let facts = FactMaker::new(settings.zone.clone());
    let now_ms = clock.now().as_millisecond();
    let announced = administer::announce(&mut ledger, &facts, &Registered::of(&settings), now_ms)?;
    tracing::info!(facts = announced, size = ledger.size(), "the log says what is registered");
    // Dying here: the next start finds nothing new to say.
    fault::point("start.announced");
    let address = settings.listen.address;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| GatewayError::Listen { address, source })?;
    let bound = listener.local_addr().unwrap_or(address);

    let metrics = Arc::new(Metrics::new());
    let task = WriterTask {
        ledger,
        reader: reader.clone(),
        facts,
        clock,
        metrics: Arc::clone(&metrics),
        participants: enterprises(&settings),
        today: None,
    };
    let (writer, thread) = commit::start(task);
    let connections_max = settings.listen.connections_max;
    let tasks = TaskTracker::new();
    let parts = Parts { clock, reader, writer, metrics, current };
    tasks.spawn(tick(parts.writer.clone(), stop.clone()));
    tasks.spawn(housekeeping::run(parts.writer.clone(), settings.retention, stop.clone()));
    let (reloads, wishes) = mpsc::channel(ASKERS_MAX);
    let app = assemble(&settings, parts, reloads, &tasks, &stop)?;
    let reloader = reloader(&source.path, &settings, &app, &tasks, &stop);
    tasks.spawn(reloader.run(source.hangups, wishes, stop.clone()));
    let door = tokio::spawn(http::serve(listener, connections_max, app, stop.clone()));
    listening(bound);

    // The writer ends when everything that could hand it work is gone, or when the journal fails.
    let writer_ended = tokio::task::spawn_blocking(move || thread.join());
    tokio::pin!(writer_ended);
    tokio::select! {
        // Told to stop, the writer may have ended as it should before we look.
        biased;
        () = stop.cancelled() => {}
        ended = writer_ended.as_mut() => {
            stop.cancel();
            return ended.ok().and_then(Result::ok).unwrap_or(Ok(())).map_err(GatewayError::Store)
                .and(Err(GatewayError::Writer));
        }
    }
    if let Ok(Err(error)) = door.await {
        tracing::warn!(%error, "the door did not close well");
    }
    tasks.close();
    tasks.wait().await;
    match writer_ended.await {
        Ok(Ok(ended)) => Ok(ended?),
        _ => Err(GatewayError::Writer),
    }
}

/// The log's key, which must be of the origin that the configuration names.
pub(crate) fn log_signer(settings: &Settings) -> Result<LogSigner, GatewayError> {
    let signer = LogSigner::parse(settings.log.key.trim()).map_err(GatewayError::LogKey)?;
    if signer.name() != settings.log.origin {
        let key = signer.name().to_owned();
        return Err(GatewayError::Origin { key, origin: settings.log.origin.clone() });
    }
    Ok(signer)
}

fn journal(
    settings: &Settings,
    clock: Clock,
) -> Result<(Ledger<SqliteStore>, SqliteReader), GatewayError> {
    let signer = log_signer(settings)?;
    let mut options = SqliteOptions::new(&settings.store, clock.now().as_millisecond());
    options.master_keys.clone_from(&settings.master_keys);
    options.passing = fault::point;
    let store = SqliteStore::open(&options)?;
    let reader = store.reader()?;
    let seal = settings.seal.clone().map(|seal| Box::new(seal) as Box<dyn Seal>);
    let head = Some(Head::open(&settings.log.head)?);
    Ok((Ledger::open(store, LogParts { signer, seal, head })?, reader))
}

/// Who gets a completeness statement for each day, also for one without facts.
pub(crate) fn enterprises(settings: &Settings) -> Vec<String> {
    let all = settings.registry.participants().filter(|p| p.role == Role::Enterprise);
    all.map(|p| p.id.as_str().to_owned()).collect()
}

/// Wakes the writer now and then: a day ends also when nobody sends anything.
async fn tick(writer: Writer, stop: CancellationToken) {
    let mut every = tokio::time::interval(TICK);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        writer.tick();
    }
}

struct Parts {
    clock: Clock,
    reader: SqliteReader,
    writer: Writer,
    metrics: Arc<Metrics>,
    current: Current,
}

fn reloader(
    path: &Path,
    settings: &Settings,
    app: &App,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Reloader {
    let (writer, lanes) = (app.writer.clone(), Arc::clone(&app.desk.lanes));
    let (current, metrics) = (app.current.clone(), Arc::clone(&app.metrics));
    let background = Background::start(app.clock, metrics, &current.get(), tasks, stop);
    Reloader::new(path.to_owned(), settings, current, writer, lanes, background)
}

fn assemble(
    settings: &Settings,
    parts: Parts,
    reloads: mpsc::Sender<Asked>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Arc<App>, GatewayError> {
    let Parts { clock, reader, writer, metrics, current } = parts;
    let lanes = Arc::new(Lanes::new(settings, clock.now()));
    let broker = broker::Plan::of(settings)?;
    let depths = broker.as_ref().map(broker::Plan::depths).transpose()?;
    let receipts: BTreeSet<String> = settings.receipts_by_broker.iter().cloned().collect();
    let body_bytes_max = settings.listen.body_bytes_max;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let pipeline = Pipeline::new(clock, current.clone(), writer.clone(), cores);
    let recorder = Recorder { clock, current: current.clone(), writer: writer.clone() };
    let desk = Desk { clock, reader: reader.clone(), writer: writer.clone(), lanes };
    let outbox = JournalOutbox::new(reader.clone(), writer.clone());
    let vendors = |postbox| VendorIntake {
        pipeline: pipeline.clone(),
        current: current.clone(),
        receipts: receipts.clone(),
        postbox,
        metrics: Arc::clone(&metrics),
        body_bytes_max,
    };
    let with = broker::Parts { outbox, recorder: recorder.clone(), vendors: &vendors };
    let relay = broker.map(|broker| broker.start(with, tasks, stop)).transpose()?;
    if let (Some(hooks), Some(seal)) = (&settings.webhooks, settings.seal.clone()) {
        let commits = writer.commits();
        let parts = Hooks { desk: desk.clone(), seal, metrics: Arc::clone(&metrics), commits };
        webhooks::start(parts, hooks, tasks, stop).map_err(GatewayError::Webhooks)?;
    }
    let monitor = Monitor {
        clock,
        reader: reader.clone(),
        metrics: Arc::clone(&metrics),
        alarms: settings.alarms,
        broker: depths,
    };
    tasks.spawn(monitor.run(stop.clone()));
    Ok(Arc::new(App {
        answer_due: settings.alarms.answer,
        clock,
        current,
        pipeline,
        recorder,
        reader,
        desk,
        metrics,
        relay,
        commits: writer.commits(),
        writer,
        reloads,
        body_bytes_max,
        stop: stop.clone(),
    }))
}
