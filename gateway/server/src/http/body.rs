//! Reads a request body up to a bound, and not one byte more.

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use crate::intake::too_large;
use crate::refusal::{Refusal, Stage};

/// The body, when it is at most `max` bytes.
///
/// # Errors
/// `body-too-large` (before reading, when the length is announced), `body-broken`.
pub(crate) async fn read(body: Incoming, max: usize) -> Result<Vec<u8>, Refusal> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(too_large(max));
    }
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(max)),
        Err(error) => Err(Refusal::new(
            Stage::Intake,
            400,
            "body-broken",
            format!("the request body ended before it was complete: {error}"),
            "请求正文不完整",
        )),
    }
}
