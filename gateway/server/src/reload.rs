//! Another configuration while the gateway runs: at SIGHUP, or when an operator asks, the files
//! are read anew and come into force as a whole, or not at all. In: the signal or request. Out: facts in the log about
//! what changed, then participants, certificates, anchors, schemas, routes, TLS certificate and
//! seal, in force for whatever begins after it. A faulty configuration is told of in the log and
//! changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::administer::Registered;
use crate::commit::{Renewal, Writer};
use crate::config::{self, ConfigFault, Settings};
use crate::deliver::Lanes;
use crate::gateway;
use crate::inforce::{Current, InForce};

mod background;
mod fixed;

pub(crate) use background::Background;
use fixed::Fixed;

/// Where the configuration is, and who asks for it to be read again.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// SIGHUP.
    pub(crate) hangups: Signal,
}

/// Operators that wait for their turn; more are told to come again.
pub(crate) const ASKERS_MAX: usize = 4;

/// What came of a reload.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is in force; so many facts were written, and the register is of this version.
    InForce { facts: usize, registry: String },
    /// It has faults.
    Refused(Vec<ConfigFault>),
    /// It could not be read, or the log could not be told.
    Failed(String),
}

/// An operator's wish, and where the outcome goes.
pub(crate) type Asked = oneshot::Sender<Outcome>;

/// All that another configuration changes.
pub(crate) struct Reloader {
    path: PathBuf,
    fixed: Fixed,
    current: Current,
    writer: Writer,
    lanes: Arc<Lanes>,
    background: Background,
}

/// What was read and stands the test.
struct Next {
    settings: Settings,
    in_force: InForce,
}

impl Reloader {
    pub(crate) fn new(
        path: PathBuf,
        settings: &Settings,
        current: Current,
        writer: Writer,
        lanes: Arc<Lanes>,
        background: Background,
    ) -> Reloader {
        Reloader { path, fixed: Fixed::of(settings), current, writer, lanes, background }
    }

    /// Reloads at each signal and wish until the gateway stops.
    pub(crate) async fn run(
        self,
        mut hangups: Signal,
        mut wishes: mpsc::Receiver<Asked>,
        stop: CancellationToken,
    ) {
        let this = Arc::new(self);
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = hangups.recv() => None,
                Some(asked) = wishes.recv() => Some(asked),
                else => return,
            };
            let outcome = Arc::clone(&this).once().await;
            this.background.metrics.reloaded(matches!(outcome, Outcome::InForce { .. }));
            if let Some(asked) = asked {
                // Whoever has gone meanwhile reads the log.
                drop(asked.send(outcome));
            }
        }
    }

    /// One reload.
    async fn once(self: Arc<Self>) -> Outcome {
        let this = Arc::clone(&self);
        // Reading files and compiling schemas is nothing for the threads that serve.
        let next = match tokio::task::spawn_blocking(move || this.next()).await {
            Ok(Ok(next)) => next,
            Ok(Err(faults)) => {
                tell(&faults);
                return Outcome::Refused(faults);
            }
            Err(error) => {
                tracing::error!(%error, "reading the configuration failed; the old one stays");
                return Outcome::Failed(error.to_string());
            }
        };
        let Next { settings, in_force } = next;
        let renewal = Renewal {
            registered: Registered::of(&settings),
            seal: settings.seal.clone(),
            participants: gateway::enterprises(&settings),
        };
        // The log says what changes before anything is judged by it.
        match self.writer.renew(renewal).await {
            Ok(facts) => {
                self.lanes.renew(&settings);
                // What was fetched while this one was put together.
                in_force.trust.revocation.learn(&self.current.get().trust.revocation);
                self.current.replace(in_force);
                self.background.restart(&self.current.get());
                let registry = settings.registry.version();
                tracing::info!(facts, registry, "another configuration is in force");
                Outcome::InForce { facts, registry: registry.to_owned() }
            }
            Err(refusal) => {
                let (code, reason) = (&refusal.code, &refusal.en);
                tracing::error!(%code, reason, "the log could not be told; the old configuration stays");
                Outcome::Failed(refusal.en)
            }
        }
    }

    fn next(&self) -> Result<Next, Vec<ConfigFault>> {
        let settings = config::load(&self.path)?;
        let faults = self.fixed.differences(&Fixed::of(&settings), &self.path);
        if !faults.is_empty() {
            return Err(faults);
        }
        for warning in &settings.warnings {
            tracing::warn!(key = warning.key, line = warning.line, "{}", warning.what);
        }
        let before = self.current.get();
        let in_force = InForce::of(&settings, Some(&before), self.background.clock);
        let in_force = in_force.map_err(|error| {
            let what = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
            vec![ConfigFault { file: self.path.clone(), line: 0, key: String::new(), what }]
        })?;
        Ok(Next { settings, in_force })
    }
}

fn tell(faults: &[ConfigFault]) {
    for fault in faults {
        let ConfigFault { file, line, key, what } = fault;
        tracing::error!(file = %file.display(), line, key, what, "a fault of the new configuration");
    }
    let faults = faults.len();
    tracing::error!(
        code = "config-invalid",
        faults,
        "the new configuration was refused; the old one stays in force"
    );
}
