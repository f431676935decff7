//! `onepoint adapter NAME`: the process of one department. Takes its messages
//! from the gateway (HTTP pull or RabbitMQ), maps them, answers in a signed DXP
//! envelope. The durable inbox makes each effect happen once.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use onepoint_adapters::{Department, Incoming, dxp_for};
use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{ClientOptions, HttpClient};
use onepoint_relay::inbox::Inbox;
use onepoint_relay::runner::{
    AmqpSource, Delivery, Handled, Handler, HandlerError, HttpSource, OutgoingAnswer, Runner,
    RunnerError,
};
use tokio_util::sync::CancellationToken;

use super::check_config::print_faults;
use super::serve::{start_log, stop_on_signal};
use super::sign::identity;
use super::{Failure, Outcome, read_input, read_text};
use crate::cli::AdapterArgs;
use crate::clock::Clock;
use crate::config::section::{ConfigFault, Source};
use crate::config::{BrokerSettings, ReadFile, broker};

/// A checked adapter configuration.
struct AdapterSettings {
    gateway: Option<Gateway>,
    broker: Option<BrokerSettings>,
    signing: (std::path::PathBuf, std::path::PathBuf),
    inbox: std::path::PathBuf,
    dxp_id: String,
    gateway_dxp_id: String,
}

struct Gateway {
    url: String,
    ca: std::path::PathBuf,
    identity: (std::path::PathBuf, std::path::PathBuf),
}

pub(crate) fn run(args: &AdapterArgs) -> Outcome {
    let department = onepoint_adapters::department(&args.name).ok_or_else(|| {
        let known = onepoint_adapters::DEPARTMENTS.join(", ");
        let message = format!("there is no adapter named {:?}", args.name);
        Failure::usage("adapter-unknown", message, format!("known adapters: {known}"))
    })?;
    start_log();
    let text = read_text(&args.config, 1 << 20)?;
    let settings = match settings(&args.config, &text) {
        Ok(settings) => settings,
        Err(faults) => {
            print_faults(&faults);
            return Ok(ExitCode::from(2));
        }
    };
    let (chain, key) = identity(&settings.signing.0, &settings.signing.1)?;
    let handler = DepartmentHandler {
        department,
        chain,
        key,
        dxp_id: settings.dxp_id.clone(),
        receiver: settings.gateway_dxp_id.clone(),
    };
    let inbox = Inbox::open(&settings.inbox).map_err(|error| {
        let hint = "give this adapter a folder of its own that it may write to";
        Failure::outside(error.code(), error.en(), hint)
    })?;
    let stop = CancellationToken::new();
    super::runtime()?.block_on(async {
        stop_on_signal(&stop)?;
        serve(&args.name, &settings, inbox, handler, stop).await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    name: &str,
    settings: &AdapterSettings,
    inbox: Inbox,
    handler: DepartmentHandler,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let clock: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync> = Arc::new(|| Clock.now());
    println!("onepoint: adapter {name} is running");
    let ended = match (&settings.broker, &settings.gateway) {
        (Some(broker), _) => {
            let broker = broker.broker(&format!("onepoint-adapter-{name}"));
            let broker =
                broker.map_err(|e| Failure::outside(e.code(), e.en(), "check [broker]"))?;
            let source = AmqpSource::new(broker, name);
            Runner::new(source, inbox, handler, clock).run(stop).await
        }
        (None, Some(gateway)) => {
            let source = HttpSource::new(client(gateway)?, name);
            Runner::new(source, inbox, handler, clock).run(stop).await
        }
        (None, None) => return Err(neither()),
    };
    ended.map_err(|error: RunnerError| {
        let hint = "look at the disk of the inbox, then start again";
        Failure { code: error.code(), message: error.en(), hint: hint.to_owned(), exit: 4 }
    })
}

fn neither() -> Failure {
    Failure::usage("adapter-no-source", "neither [gateway] nor [broker]", "name one of them")
}

fn client(gateway: &Gateway) -> Result<HttpClient, Failure> {
    let max = super::sign::PEM_MAX;
    let chain = read_input(&gateway.identity.0, max)?;
    let key = read_input(&gateway.identity.1, max)?;
    let options =
        ClientOptions::new(gateway.url.clone(), read_input(&gateway.ca, max)?).identity(chain, key);
    HttpClient::new(options).map_err(|error| super::send::client_failure(&error))
}

fn settings(path: &Path, text: &str) -> Result<AdapterSettings, Vec<ConfigFault>> {
    let source = Source::new(path, text);
    let table = source.table();
    let root = source.root(&table);
    let gateway = root.opt_section("gateway").and_then(|section| {
        let url = section.text("url");
        let (ca, certificate, key) =
            (section.path("ca"), section.path("certificate"), section.path("key"));
        section.finish();
        Some(Gateway { url: url?, ca: ca?, identity: (certificate?, key?) })
    });
    let files: ReadFile<'_> = &|path| std::fs::read_to_string(path);
    let broker = root.opt_section("broker").and_then(|section| broker::read(&section, files));
    if gateway.is_none() && !root.has("broker") {
        root.fault("gateway", "is missing; expected [gateway] or [broker]");
    }
    let signing = root.section("signing").and_then(|section| {
        let (certificate, key) = (section.path("certificate"), section.path("key"));
        section.finish();
        Some((certificate?, key?))
    });
    let inbox = root.section("inbox").and_then(|section| {
        let path = section.path("path");
        section.finish();
        path
    });
    let (dxp_id, gateway_dxp_id) = (root.text("dxp_id"), root.text("gateway_dxp_id"));
    root.finish();
    let build = || {
        Some(AdapterSettings {
            gateway,
            broker,
            signing: signing?,
            inbox: inbox?,
            dxp_id: dxp_id?,
            gateway_dxp_id: gateway_dxp_id?,
        })
    };
    match build() {
        Some(settings) if source.is_clean() => Ok(settings),
        _ => Err(source.into_faults()),
    }
}

/// Maps a delivery and signs the answers.
struct DepartmentHandler {
    department: &'static dyn Department,
    chain: Vec<Certificate>,
    key: SigningKey,
    dxp_id: String,
    receiver: String,
}

impl Handler for DepartmentHandler {
    fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let poison = |code: &str, text: String| HandlerError { code: code.to_owned(), text };
        let now = Clock.now();
        let incoming = Incoming {
            delivery: &delivery.id,
            message: &delivery.message,
            message_type: &delivery.message_type,
            documents: &delivery.documents,
            body: &delivery.body,
        };
        let outcome = self
            .department
            .map(&incoming, now)
            .map_err(|error| poison(error.code(), error.en()))?;
        let mut answers = Vec::with_capacity(outcome.answers.len());
        for answer in &outcome.answers {
            let envelope = dxp_for(answer, &self.dxp_id, &self.receiver, now);
            let signed =
                xmldsig::sign(&envelope.to_xml(), &self.key, &self.chain, &SignOptions::default())
                    .map_err(|error| poison(error.code(), error.en()))?;
            answers.push(OutgoingAnswer { id: answer.id.clone(), body: signed.into_bytes() });
        }
        Ok(Handled { effect: outcome.effect, answers })
    }
}
