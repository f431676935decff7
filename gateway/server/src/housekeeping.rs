//! The retention policy at work in a running gateway: every hour, step by step, in
//! the writer's idle time. A gateway that is never idle makes a step every now and
//! then all the same, so that its journal does not grow without end.

use std::time::Duration;

use onepoint_store::{Retained, Retention};
use tokio_util::sync::CancellationToken;

use crate::commit::Writer;

/// From the start of the gateway to its first run.
const FIRST: Duration = Duration::from_secs(60);
/// From the end of a run to the next one.
const EVERY: Duration = Duration::from_secs(3600);
/// How often to look whether the writer is idle, and how often at most.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 100;

/// Follows the policy until the gateway stops.
pub(crate) async fn run(writer: Writer, policy: Retention, stop: CancellationToken) {
    let mut pause = FIRST;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        stop.run_until_cancelled(once(&writer, &policy)).await;
        pause = EVERY;
    }
}

/// One run: all steps there are.
async fn once(writer: &Writer, policy: &Retention) {
    let mut sum = Retained::default();
    loop {
        wait_for_idle(writer).await;
        match writer.retain(*policy).await {
            Ok(step) => sum.add(step),
            Err(refusal) => {
                tracing::error!(code = %refusal.code, reason = refusal.en, "housekeeping stopped");
                break;
            }
        }
        if !sum.more {
            break;
        }
    }
    for body in &sum.damaged {
        tracing::error!(
            body = body.0,
            "a stored payload is damaged; `onepoint store check` says more"
        );
    }
    if sum != Retained::default() {
        let Retained { archived, segments, segment_bytes, erased, keys_destroyed, swept, .. } = sum;
        tracing::info!(
            archived,
            segments,
            segment_bytes,
            erased,
            keys_destroyed,
            swept,
            "housekeeping done"
        );
    }
}

async fn wait_for_idle(writer: &Writer) {
    for _ in 0..LOOKS_MAX {
        if writer.is_idle() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
