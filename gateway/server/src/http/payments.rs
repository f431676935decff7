//! The door for payment data of announcement 179: the path, the form and the answer are those of
//! the field, so that a platform only changes the host. Our verdict and receipts stand beside.

use std::sync::Arc;

use super::problem::json_answer;
use super::routes::{App, Call};
use super::{Caller, Response};
use crate::refusal::Refusal;

/// `POST /ceb2grab/grab/realTimeDataUpload`: as the field, 200 for all that was judged.
pub(crate) async fn upload(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let answer = app.pipeline.submit(call.body, call.labels, &caller.id).await?;
    let now_ms = app.clock.now().as_millisecond();
    Ok(json_answer(200, &answer.in_the_fields_form(now_ms)))
}
