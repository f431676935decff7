//! What runs beside the gateway for the configuration in force, and is started anew with
//! the next one: the fetching of revocation lists, and the look at what ends.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calendar::watch;
use crate::clock::Clock;
use crate::inforce::InForce;
use crate::metrics::Metrics;
use crate::revocation::fetch::{self, Fetching};

/// The tasks of one configuration.
pub(crate) struct Background {
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends the tasks that run now.
    running: Mutex<CancellationToken>,
}

impl Background {
    /// Starts them; all end with `stop`.
    pub(crate) fn start(
        clock: Clock,
        metrics: Arc<Metrics>,
        now: &Arc<InForce>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Background {
        let (tasks, stop) = (tasks.clone(), stop.clone());
        let running = Mutex::new(stop.child_token());
        let background = Background { clock, metrics, tasks, stop, running };
        background.restart(now);
        background
    }

    /// Ends those of before and starts those of what is in force now.
    pub(super) fn restart(&self, now: &Arc<InForce>) {
        let next = self.stop.child_token();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *running, next.clone()).cancel();
        let fetching = Fetching {
            clock: self.clock,
            metrics: Arc::clone(&self.metrics),
            tolerance: now.trust.tolerance,
        };
        fetch::start(&now.trust.revocation, &fetching, &self.tasks, &next);
        let (now, clock) = (Arc::clone(now), self.clock);
        self.tasks.spawn(async move {
            next.run_until_cancelled(watch::run(now, clock)).await;
        });
    }
}
