//! Reads a request body up to a bound, and keeps not one byte more. A body that is
//! too large is read on and thrown away for a while: a client that is still
//! sending would otherwise see a broken connection instead of the answer.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use crate::intake::too_large;
use crate::refusal::{Refusal, Stage};

/// How much of a body that is too large is thrown away before the answer, bytes.
const DISCARD_BYTES_MAX: usize = 128 << 20;
/// And for how long.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(10);

/// The body, when it is at most `max` bytes. `waits` says that the client sends
/// nothing before it is told to go on (RFC 9110, section 10.1.1).
///
/// # Errors
/// `body-too-large` (before reading, when the length is announced), `body-broken`.
pub(crate) async fn read(mut body: Incoming, max: usize, waits: bool) -> Result<Vec<u8>, Refusal> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(max).unwrap_or(u64::MAX) {
        if !waits {
            discard(&mut body).await;
        }
        return Err(too_large(max));
    }
    match Limited::new(&mut body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            discard(&mut body).await;
            Err(too_large(max))
        }
        Err(error) => Err(Refusal::new(
            Stage::Intake,
            400,
            "body-broken",
            format!("the request body ended before it was complete: {error}"),
            "请求正文不完整",
        )),
    }
}

/// Reads and forgets, within the bounds above. Whatever ends it, the answer follows.
async fn discard(body: &mut Incoming) {
    let read = async {
        let mut left = DISCARD_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            let Some(rest) = left.checked_sub(length) else { return };
            left = rest;
        }
    };
    if tokio::time::timeout(DISCARD_TIME_MAX, read).await.is_err() {
        tracing::debug!("a client goes on sending a body that is too large");
    }
}
