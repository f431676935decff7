//! The HTTPS door: accepts connections within bounds, learns from the client
//! certificate which participant is calling, and hands each request to its
//! route. Rights are checked here, before a handler runs or a body is read.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use onepoint_certs::{Certificate, ParticipantId, Role};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) mod again;
pub(crate) mod body;
mod events;
pub(crate) mod evidence;
mod legacy;
pub(crate) mod log;
pub(crate) mod messages;
mod payments;
pub(crate) mod problem;
pub(crate) mod queues;
mod reload;
pub(crate) mod routes;
mod statements;
pub(crate) mod tls;

use crate::authenticate::{self, Trust};
use crate::refusal::Refusal;

/// A TLS handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A request head that takes longer is given up.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// A whole body, or one that grows while it is sent.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;
pub(crate) type Response = hyper::Response<ResponseBody>;

/// Who is calling: the participant of the client certificate, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) id: ParticipantId,
    pub(crate) role: Role,
    /// The department's name, for a caller in the role of a department.
    pub(crate) department: Option<String>,
}

/// Serves until `stop`, then lets open requests end.
///
/// # Errors
/// Only when the listener itself fails for good.
pub(crate) async fn serve(
    listener: TcpListener,
    connections_max: usize,
    app: Arc<routes::App>,
    stop: CancellationToken,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(connections_max));
    let tracker = TaskTracker::new();
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, or the peer is gone already: neither ends the service.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (app, stop) = (Arc::clone(&app), stop.clone());
        tracker.spawn(async move {
            connection(stream, app, stop).await;
            drop(place);
        });
    }
    tracker.close();
    if tokio::time::timeout(Duration::from_secs(10), tracker.wait()).await.is_err() {
        tracing::warn!("open requests did not end within 10 s and are cut");
    }
    Ok(())
}

async fn connection(stream: TcpStream, app: Arc<routes::App>, stop: CancellationToken) {
    // Small answers must not wait for Nagle's algorithm; a failure only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let acceptor = app.current.get().acceptor.clone();
    let tls = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            app.metrics.stranger();
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
        Err(_) => return app.metrics.stranger(),
    };
    let shown = shown(&tls);
    let service = {
        let app = Arc::clone(&app);
        service_fn(move |request: hyper::Request<Incoming>| {
            let app = Arc::clone(&app);
            let caller = caller(&shown, &app.current.get().trust, app.clock.now());
            async move { Ok::<_, Infallible>(routes::answer(request, caller, &app).await) }
        })
    };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(tls), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// The client's certificates, its own first; rustls has verified that it holds the key, and
/// the chain as it was when the connection began.
type Shown = Arc<[Certificate]>;

fn shown<S>(tls: &tokio_rustls::server::TlsStream<S>) -> Shown {
    let all = tls.get_ref().1.peer_certificates().unwrap_or_default();
    all.iter().filter_map(|der| Certificate::from_der(der.to_vec()).ok()).collect()
}

/// The participant whose certificate was shown, judged as it stands now: a reload may have
/// taken its rights, a list may have revoked it, its last day may be over.
///
/// # Errors
/// The codes of chains and of revocation.
fn caller(shown: &Shown, trust: &Trust, at: Timestamp) -> Result<Option<Caller>, Refusal> {
    let Some((leaf, rest)) = shown.split_first() else { return Ok(None) };
    let Some(participant) = trust.registry.by_certificate(&leaf.fingerprint()) else {
        return Ok(None);
    };
    let policy = authenticate::policy_of(trust, Some(participant), at);
    authenticate::chain_holds(trust, &policy, participant, (leaf, rest), at)?;
    Ok(Some(Caller {
        id: participant.id.clone(),
        role: participant.role,
        department: participant.department.clone(),
    }))
}
