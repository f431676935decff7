//! One inbox for the loops of one adapter. In come pieces of work, out come their results,
//! from a thread that may block; never two at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

use super::RunnerError;
use crate::inbox::{Inbox, InboxError};

/// Clones use the same inbox.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Inbox>>);

impl Shared {
    pub(super) fn new(inbox: Inbox) -> Shared {
        Shared(Arc::new(Mutex::new(inbox)))
    }

    /// Uses the inbox. Dropping the future does not stop the work.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inbox) -> Result<T, InboxError> + Send + 'static,
    ) -> Result<T, RunnerError> {
        let inbox = Arc::clone(&self.0);
        let task = spawn_blocking(move || {
            // A panic in between left no half written transaction: it was rolled back.
            work(&mut inbox.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match task.await {
            Ok(result) => Ok(result?),
            Err(_) => Err(RunnerError::Writer),
        }
    }
}
