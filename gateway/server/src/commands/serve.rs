//! `onepoint serve`: runs the gateway until SIGTERM or SIGINT. SIGHUP lets it read its
//! configuration again.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::check_config::print_faults;
use super::{Failure, Outcome};
use crate::cli::ServeArgs;
use crate::config;
use crate::gateway::{self, GatewayError};
use crate::inforce::InForceError;
use crate::reload::Source;

pub(crate) fn run(args: &ServeArgs) -> Outcome {
    start_log();
    let settings = match config::load(&args.config) {
        Ok(settings) => settings,
        Err(faults) => {
            print_faults(&faults);
            return Ok(ExitCode::from(2));
        }
    };
    for warning in &settings.warnings {
        tracing::warn!(key = warning.key, line = warning.line, "{}", warning.what);
    }
    let stop = CancellationToken::new();
    super::runtime()?.block_on(async {
        stop_on_signal(&stop)?;
        let hangups = listen(SignalKind::hangup())?;
        let source = Source { path: args.config.clone(), hangups };
        let ran = gateway::run(settings, source, stop.clone(), announce).await;
        ran.map_err(|error| failure(&error))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The one line on standard output: whoever started us learns the address from it.
fn announce(address: std::net::SocketAddr) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the gateway runs all the same.
    drop(writeln!(out, "onepoint: listening on https://{address}").and_then(|()| out.flush()));
    tracing::info!(%address, "listening");
}

/// JSON lines on standard error; `ONEPOINT_LOG` sets the level (tracing's filter syntax).
pub(crate) fn start_log() {
    let filter = std::env::var("ONEPOINT_LOG").unwrap_or_else(|_| "info".to_owned());
    let quiet = onepoint_relay::QUIET_LOG_TARGETS.iter();
    let directives = quiet.fold(filter, |all, target| format!("{all},{target}=off"));
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Ends `stop` at the first SIGTERM or SIGINT.
pub(crate) fn stop_on_signal(stop: &CancellationToken) -> Result<(), Failure> {
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        stop.cancel();
    });
    Ok(())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        let hint = "start it in a normal process";
        Failure::outside("signals-unavailable", error.to_string(), hint)
    })
}

fn failure(error: &GatewayError) -> Failure {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    let hint = match error {
        GatewayError::Store(error) => error.en(),
        GatewayError::Listen { .. } => "is another gateway running on this address?".to_owned(),
        GatewayError::InForce(InForceError::Tls(_)) => {
            "give PEM files that belong together".to_owned()
        }
        GatewayError::Broker(error) => error.en(),
        _ => "check the configuration with `onepoint check-config`".to_owned(),
    };
    let exit = if error.is_fatal() { 4 } else { 3 };
    Failure { code: error.code(), message, hint, exit }
}
