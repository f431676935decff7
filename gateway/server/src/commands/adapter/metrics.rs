//! What an adapter counts, as Prometheus text by plain HTTP, at an address of the
//! configuration. Nothing of a message is in it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use onepoint_relay::runner::{HandoverStatus, RunnerStatus};
use onepoint_relay::status::Link;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::commands::Failure;

/// Connections open at once.
const CONNECTIONS: usize = 8;
/// How long a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByFate {
    fate: &'static str,
}

/// The counters, read from the loops whenever somebody asks.
pub(super) struct Metrics {
    registry: Registry,
    runner: RunnerStatus,
    handover: Option<HandoverStatus>,
    deliveries: Family<ByFate, Counter>,
    answers: Family<ByFate, Counter>,
    orders: Family<ByFate, Counter>,
    replies: Family<ByFate, Counter>,
    failures: Counter,
    connected: Gauge<i64, AtomicI64>,
    backend_connected: Gauge<i64, AtomicI64>,
    open: Gauge<i64, AtomicI64>,
    waiting: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub(super) fn new(runner: RunnerStatus, handover: Option<HandoverStatus>) -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::default(),
            runner,
            handover,
            deliveries: Family::default(),
            answers: Family::default(),
            orders: Family::default(),
            replies: Family::default(),
            failures: Counter::default(),
            connected: Gauge::default(),
            backend_connected: Gauge::default(),
            open: Gauge::default(),
            waiting: Gauge::default(),
        };
        let Metrics { registry, deliveries, answers, connected, .. } = &mut metrics;
        registry.register(
            "onepoint_adapter_deliveries",
            "Deliveries by what became of them",
            deliveries.clone(),
        );
        registry.register("onepoint_adapter_answers", "Answers sent, refused", answers.clone());
        registry.register("onepoint_adapter_connected", "The source is there", connected.clone());
        if metrics.handover.is_some() {
            metrics.register_backend();
        }
        metrics
    }

    fn register_backend(&mut self) {
        let Metrics { registry, orders, replies, failures, .. } = self;
        registry.register("onepoint_backend_orders", "Orders by their fate", orders.clone());
        registry.register("onepoint_backend_replies", "Replies by their fate", replies.clone());
        registry.register("onepoint_backend_failures", "Tries that failed", failures.clone());
        let Metrics { registry, backend_connected, open, waiting, .. } = self;
        let connected = backend_connected.clone();
        registry.register("onepoint_backend_connected", "The back end is there", connected);
        let text = "The circuit breaker is open";
        registry.register("onepoint_backend_breaker_open", text, open.clone());
        let text = "Orders that wait for the back end";
        registry.register("onepoint_backend_orders_waiting", text, waiting.clone());
    }

    /// The text of now.
    fn text(&self) -> String {
        let seen = self.runner.snapshot();
        let set = |family: &Family<ByFate, Counter>, fates: &[(&'static str, u64)]| {
            for (fate, count) in fates {
                family.get_or_create(&ByFate { fate }).inner().store(*count, Ordering::Relaxed);
            }
        };
        let deliveries = [
            ("received", seen.received),
            ("redelivered", seen.redelivered),
            ("effect", seen.effects),
            ("rejected", seen.rejected),
            ("acknowledged", seen.acked),
        ];
        set(&self.deliveries, &deliveries);
        set(&self.answers, &[("sent", seen.answers_sent), ("refused", seen.answers_refused)]);
        self.connected.set(i64::from(seen.link == Link::Connected));
        if let Some(handover) = &self.handover {
            let seen = handover.snapshot();
            let orders =
                [("done", seen.done), ("refused", seen.refused), ("given-up", seen.given_up)];
            set(&self.orders, &orders);
            let replies = [
                ("taken", seen.replies),
                ("known", seen.replies_known),
                ("refused", seen.replies_refused),
            ];
            set(&self.replies, &replies);
            self.failures.inner().store(seen.failures, Ordering::Relaxed);
            self.backend_connected.set(i64::from(seen.link == Link::Connected));
            self.open.set(i64::from(seen.open));
            self.waiting.set(i64::try_from(seen.waiting).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

/// Serves the metrics until `stop`, if there is an address.
///
/// # Errors
/// The address cannot be had.
pub(super) async fn serve(
    address: Option<SocketAddr>,
    metrics: Metrics,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let Some(address) = address else { return Ok(()) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let message = format!("{address}: {error}");
        Failure::outside("metrics-address", message, "is another program on this address?")
    })?;
    let (metrics, places) = (Arc::new(metrics), Arc::new(Semaphore::new(CONNECTIONS)));
    let stop = stop.clone();
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, or the peer is gone already.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let metrics = Arc::clone(&metrics);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let response = answer(&request, &metrics);
                    async move { Ok::<_, Infallible>(response) }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service);
                // How it ends is the business of whoever asked.
                drop(tokio::time::timeout(CONNECTION_TIMEOUT, served).await);
                drop(place);
            });
        }
    }));
    Ok(())
}

fn answer<B>(request: &Request<B>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, text) = match request.uri().path() {
        "/metrics" => (StatusCode::OK, metrics.text()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
