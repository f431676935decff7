//! `onepoint adapter NAME`: the process of one department. Takes its messages
//! from the gateway (HTTP pull or RabbitMQ), maps them, answers in a signed DXP
//! envelope. The durable inbox makes each effect happen once. With a back end the
//! department's own system gets what was mapped, and its replies are the answers.

use std::process::ExitCode;
use std::sync::Arc;

use onepoint_relay::backend::Backend;
use onepoint_relay::backend::amqp::AmqpBackend;
use onepoint_relay::backend::folder::FolderBackend;
use onepoint_relay::backend::http::HttpBackend;
use onepoint_relay::backend::postgres::PostgresBackend;
use onepoint_relay::backend::simulator::Simulator;
use onepoint_relay::client::{ClientOptions, HttpClient};
use onepoint_relay::inbox::Inbox;
use onepoint_relay::runner::{AmqpSource, HttpSource, Pace, Runner, RunnerError, Source};
use onepoint_schemas::Catalogue;
use tokio_util::sync::CancellationToken;

use super::check_config::print_faults;
use super::serve::{start_log, stop_on_signal};
use super::sign::identity;
use super::{Failure, Outcome, read_input, read_text};
use crate::cli::AdapterArgs;
use crate::clock::Clock;
use crate::config::adapter::backend::Kind;
use crate::config::adapter::{self, AdapterSettings, Gateway};
use crate::fault;

use handler::{DepartmentHandler, Ordering, ReplySeal, Signing};

mod dead;
mod handler;
mod metrics;
mod open;

pub(crate) fn run(args: &AdapterArgs) -> Outcome {
    let department = onepoint_adapters::department(&args.name).ok_or_else(|| {
        let known = onepoint_adapters::DEPARTMENTS.join(", ");
        let message = format!("there is no adapter named {:?}", args.name);
        Failure::usage("adapter-unknown", message, format!("known adapters: {known}"))
    })?;
    start_log();
    let text = read_text(&args.config, 1 << 20)?;
    let settings = match adapter::read(&args.config, &text) {
        Ok(settings) => settings,
        Err(faults) => {
            print_faults(&faults);
            return Ok(ExitCode::from(2));
        }
    };
    let inbox = Inbox::open(&settings.inbox).map_err(|error| {
        let hint = "give this adapter a folder of its own that it may write to";
        Failure::outside(error.code(), error.en(), hint)
    })?;
    if args.dead || !args.again.is_empty() {
        return dead::run(args, inbox);
    }
    let (chain, key) = identity(&settings.signing.0, &settings.signing.1)?;
    let (dxp_id, receiver) = (settings.dxp_id.clone(), settings.gateway_dxp_id.clone());
    let signing = Arc::new(Signing { chain, key, dxp_id, receiver });
    let (mut ordering, mut seal) = (None, None);
    if let Some(backend) = &settings.backend {
        let catalogue = Catalogue::load_builtin().map(Arc::new);
        let catalogue =
            catalogue.map_err(|error| Failure::outside("schemas-broken", error.to_string(), ""))?;
        let (message, simulated) = (backend.message, backend.is_simulated());
        ordering = Some(Ordering { catalogue: Arc::clone(&catalogue), message, simulated });
        seal = Some(ReplySeal { catalogue, signing: Arc::clone(&signing) });
    }
    let handler = DepartmentHandler { department, signing, backend: ordering };
    let stop = CancellationToken::new();
    super::runtime()?.block_on(async {
        stop_on_signal(&stop)?;
        serve(&args.name, &settings, inbox, (handler, seal), stop).await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    name: &str,
    settings: &AdapterSettings,
    inbox: Inbox,
    handlers: (DepartmentHandler, Option<ReplySeal>),
    stop: CancellationToken,
) -> Result<(), Failure> {
    let work = Work { name, settings, inbox, handlers, stop };
    match (&settings.broker, &settings.gateway) {
        (Some(broker), _) => {
            let broker = broker.broker(&format!("onepoint-adapter-{name}"));
            let broker =
                broker.map_err(|e| Failure::outside(e.code(), e.en(), "check [broker]"))?;
            work.run(AmqpSource::new(broker, name)).await
        }
        (None, Some(gateway)) => work.run(HttpSource::new(client(gateway)?, name)).await,
        (None, None) => {
            let message = "neither [gateway] nor [broker]";
            Err(Failure::usage("adapter-no-source", message, "name one of them"))
        }
    }
}

/// Everything but the source.
struct Work<'w> {
    name: &'w str,
    settings: &'w AdapterSettings,
    inbox: Inbox,
    handlers: (DepartmentHandler, Option<ReplySeal>),
    stop: CancellationToken,
}

impl Work<'_> {
    /// Runs until it is told to stop.
    async fn run<S: Source>(self, source: S) -> Result<(), Failure> {
        let clock: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync> = Arc::new(|| Clock.now());
        let (handler, seal) = self.handlers;
        let runner = Runner::new(source, self.inbox, handler, clock).passing(fault::point);
        let around = Around { name: self.name, settings: self.settings, stop: self.stop };
        let (Some(backend), Some(seal)) = (&self.settings.backend, seal) else {
            return around.alone(runner).await;
        };
        let pace = backend.pace;
        match &backend.kind {
            Kind::Http { client, path, replies } => {
                let backend = HttpBackend::new(client.clone(), path, replies.as_deref());
                around.together(runner, backend, seal, pace).await
            }
            Kind::Folder { orders, replies, still } => {
                let backend = FolderBackend::new(orders, replies.as_deref(), *still);
                around.together(runner, backend, seal, pace).await
            }
            Kind::Postgres(options) => {
                let backend = PostgresBackend::new(options).map_err(|error| {
                    Failure::usage("backend-unusable", error.to_string(), "check [backend]")
                })?;
                around.together(runner, backend, seal, pace).await
            }
            Kind::Amqp { broker, exchange, key, replies } => {
                let broker = broker.broker(&format!("onepoint-backend-{}", self.name));
                let broker = broker
                    .map_err(|e| Failure::outside(e.code(), e.en(), "check [backend.broker]"))?;
                let backend = AmqpBackend::new(broker, exchange, key, replies.as_deref());
                around.together(runner, backend, seal, pace).await
            }
            Kind::Simulator(script) => {
                around.together(runner, Simulator::new(script.clone()), seal, pace).await
            }
        }
    }
}

/// What is around a runner: its metrics, its announcement, its end.
struct Around<'w> {
    name: &'w str,
    settings: &'w AdapterSettings,
    stop: CancellationToken,
}

impl Around<'_> {
    async fn alone<S: Source>(self, runner: Runner<S, DepartmentHandler>) -> Result<(), Failure> {
        let metrics = metrics::Metrics::new(runner.status(), None);
        metrics::serve(self.settings.metrics, metrics, &self.stop).await?;
        println!("onepoint: adapter {} is running", self.name);
        runner.run(self.stop).await.map_err(|error| failure(&error))
    }

    /// Both loops end when one does.
    async fn together<S: Source, B: Backend>(
        self,
        mut runner: Runner<S, DepartmentHandler>,
        backend: B,
        seal: ReplySeal,
        pace: Pace,
    ) -> Result<(), Failure> {
        let handover = runner.backend(backend, seal, pace);
        let metrics = metrics::Metrics::new(runner.status(), Some(handover.status()));
        metrics::serve(self.settings.metrics, metrics, &self.stop).await?;
        println!("onepoint: adapter {} is running", self.name);
        let ends = |ended: Result<(), RunnerError>| {
            self.stop.cancel();
            ended.map_err(|error| failure(&error))
        };
        let (given, taken) =
            tokio::join!(async { ends(handover.run(self.stop.clone()).await) }, async {
                ends(runner.run(self.stop.clone()).await)
            },);
        given.and(taken)
    }
}

fn failure(error: &RunnerError) -> Failure {
    let hint = "look at the disk of the inbox, then start again";
    Failure { code: error.code(), message: error.en(), hint: hint.to_owned(), exit: 4 }
}

fn client(gateway: &Gateway) -> Result<HttpClient, Failure> {
    let max = super::sign::PEM_MAX;
    let chain = read_input(&gateway.identity.0, max)?;
    let key = read_input(&gateway.identity.1, max)?;
    let options =
        ClientOptions::new(gateway.url.clone(), read_input(&gateway.ca, max)?).identity(chain, key);
    HttpClient::new(options).map_err(|error| super::send::client_failure(&error))
}
