//! Handlers that show the gateway itself: readiness and metrics.

use std::sync::Arc;

use onepoint_store::Reader;

use super::Response;
use super::messages::blocking;
use super::problem::{answer, json_answer};
use super::routes::App;
use crate::refusal::Refusal;
use serde_json::json;

/// `GET /readyz`: ready while the journal answers. A broker that is down does
/// not make the gateway unready: it goes on accepting and delivers later.
pub(crate) async fn ready(app: &Arc<App>) -> Result<Response, Refusal> {
    let reader = app.reader.clone();
    let counts = blocking(move || reader.counts()).await?;
    let relay = app.relay.as_ref().map(|status| status.snapshot().link.as_str());
    Ok(json_answer(200, &json!({ "ready": true, "facts": counts.facts, "broker": relay })))
}

/// `GET /metrics`
pub(crate) async fn metrics(app: &Arc<App>) -> Result<Response, Refusal> {
    let reader = app.reader.clone();
    let counts = blocking(move || reader.counts()).await?;
    app.metrics.counts(&counts);
    let (now, at) = (app.current.get(), app.clock.now());
    app.metrics.revocation(&now, at);
    app.metrics.expiry(&now.entries(at), at);
    if let Some(status) = &app.relay {
        app.metrics.relay(&status.snapshot());
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(answer(200, kind, app.metrics.text().into_bytes()))
}
