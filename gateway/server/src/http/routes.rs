//! The table of routes: path, method, who may call it. One explicit list, one
//! explicit match; a test walks every route with every role.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, EXPECT};
use hyper::{Method, Request};
use onepoint_certs::Role;
use onepoint_relay::status::RelayStatus;
use onepoint_store::SqliteReader;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Caller, Response, again, body, events, evidence, legacy, log, messages, payments, problem,
    queues, reload, statements,
};
use crate::clock::Clock;
use crate::commit::Writer;
use crate::deliver::desk::Desk;
use crate::inforce::Current;
use crate::intake::{Door, HANGZHOU_PATH, JWS_HEADER, Labels, MESSAGES_PATH, PAYMENT_DATA_PATH};
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::record::Recorder;
use crate::refusal::{Refusal, Stage};
use crate::reload::Asked;
use crate::trace::TRACEPARENT;

/// Bound of the bodies that are not messages, bytes.
pub(crate) const SMALL_BODY_MAX: usize = 1 << 20;
/// Longest text that a `{}` or `{*}` stands for, bytes.
const SEGMENT_MAX: usize = 64;

/// What the routes are served from.
pub(crate) struct App {
    pub(crate) clock: Clock,
    pub(crate) current: Current,
    pub(crate) pipeline: Pipeline,
    pub(crate) recorder: Recorder,
    pub(crate) reader: SqliteReader,
    pub(crate) desk: Desk,
    pub(crate) metrics: Arc<Metrics>,
    /// Present when there is a broker.
    pub(crate) relay: Option<RelayStatus>,
    pub(crate) writer: Writer,
    /// Changes with every commit.
    pub(crate) commits: watch::Receiver<u64>,
    /// Asks for the configuration to be read again.
    pub(crate) reloads: mpsc::Sender<Asked>,
    pub(crate) body_bytes_max: usize,
    /// How long a department may take to answer.
    pub(crate) answer_due: Duration,
    /// The gateway stops: what streams must end.
    pub(crate) stop: CancellationToken,
}

/// Names each route; the table below says its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Health,
    Ready,
    Checkpoint,
    Certificates,
    Tile,
    Metrics,
    Submit,
    Check,
    PaymentData,
    Haikou,
    HaikouReturns,
    Hangzhou,
    Message,
    Receipts,
    Status,
    Fact,
    Pull,
    Ack,
    Nack,
    Events,
    Dead,
    Requeue,
    Replay,
    Reload,
    Answer,
    PullReceipts,
    AckReceipts,
    NackReceipts,
    Statement,
}

/// One line of the table. `{}` in the pattern stands for one path segment, a `{*}` at
/// its end for all that follows.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Name,
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    /// Roles that may call it; none listed means that everyone may.
    pub(crate) roles: &'static [Role],
}

const fn route(name: Name, method: Method, pattern: &'static str, roles: &'static [Role]) -> Route {
    Route { name, method, pattern, roles }
}

const OPEN: &[Role] = &[];
const ENTERPRISE: &[Role] = &[Role::Enterprise];
const DEPARTMENT: &[Role] = &[Role::Department];
const READERS: &[Role] = &[Role::Enterprise, Role::Auditor, Role::Operator];
const KEEPERS: &[Role] = &[Role::Department, Role::Auditor, Role::Operator];
const OPERATOR: &[Role] = &[Role::Operator];
const OVERSEERS: &[Role] = &[Role::Auditor, Role::Operator];

/// Every route there is.
pub(crate) static ROUTES: [Route; 29] = [
    route(Name::Health, Method::GET, "/healthz", OPEN),
    route(Name::Ready, Method::GET, "/readyz", OPEN),
    route(Name::Checkpoint, Method::GET, "/log/checkpoint", OPEN),
    route(Name::Certificates, Method::GET, "/log/certificates", OPEN),
    route(Name::Tile, Method::GET, "/log/tile/{*}", OPEN),
    route(Name::Metrics, Method::GET, "/metrics", OVERSEERS),
    route(Name::Submit, Method::POST, MESSAGES_PATH, ENTERPRISE),
    route(Name::Check, Method::POST, "/v1/messages/check", ENTERPRISE),
    route(Name::PaymentData, Method::POST, PAYMENT_DATA_PATH, ENTERPRISE),
    route(Name::Haikou, Method::POST, "/cebcmsg", ENTERPRISE),
    route(Name::HaikouReturns, Method::GET, "/ceb312msg", ENTERPRISE),
    route(Name::Hangzhou, Method::POST, HANGZHOU_PATH, ENTERPRISE),
    route(Name::Message, Method::GET, "/v1/messages/{}", READERS),
    route(Name::Receipts, Method::GET, "/v1/messages/{}/receipts", READERS),
    route(Name::Status, Method::GET, "/v1/messages/{}/status", READERS),
    route(Name::Fact, Method::GET, "/v1/facts/{}", READERS),
    route(Name::Pull, Method::GET, "/v1/queues/{}", DEPARTMENT),
    route(Name::Ack, Method::POST, "/v1/queues/{}/ack", DEPARTMENT),
    route(Name::Nack, Method::POST, "/v1/queues/{}/nack", DEPARTMENT),
    route(Name::Events, Method::GET, "/v1/queues/{}/events", DEPARTMENT),
    route(Name::Dead, Method::GET, "/v1/queues/{}/dead", KEEPERS),
    route(Name::Requeue, Method::POST, "/v1/queues/{}/dead/requeue", OPERATOR),
    route(Name::Replay, Method::POST, "/v1/replay", OPERATOR),
    route(Name::Reload, Method::POST, "/v1/reload", OPERATOR),
    route(Name::Answer, Method::POST, "/v1/answers", DEPARTMENT),
    route(Name::PullReceipts, Method::GET, "/v1/receipts", ENTERPRISE),
    route(Name::AckReceipts, Method::POST, "/v1/receipts/ack", ENTERPRISE),
    route(Name::NackReceipts, Method::POST, "/v1/receipts/nack", ENTERPRISE),
    route(Name::Statement, Method::GET, "/v1/statements/{}", READERS),
];

/// Answers one request: finds the route, checks the right, reads the body, calls the handler.
pub(crate) async fn answer(
    request: Request<Incoming>,
    peer: Result<Option<Caller>, Refusal>,
    app: &Arc<App>,
) -> Response {
    let id = crate::intake::new_id(app.clock.now()).to_string();
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let (route, segment) = match find(&parts.method, path) {
        Ok(found) => found,
        Err(refusal) => return refused(&refusal, &id, app),
    };
    let caller = match peer {
        Ok(caller) => caller,
        // What is open is open to whoever's certificate has lapsed, too.
        Err(_) if route.roles.is_empty() => None,
        Err(refusal) => return refused(&refusal, &id, app),
    };
    if let Err(refusal) = authorise(route, caller.as_ref()) {
        app.metrics.stranger();
        return refused(&refusal, &id, app);
    }
    let max = body_max(route.name, app);
    let waits = parts.headers.contains_key(EXPECT);
    let body = match body::read(incoming, max, waits).await {
        Ok(body) => body,
        Err(refusal) => return refused(&refusal, &id, app),
    };
    let header = |name: &str| parts.headers.get(name).map(|v| v.to_str().unwrap_or_default());
    let labels = Labels {
        content_type: header(CONTENT_TYPE.as_str()),
        traceparent: header(TRACEPARENT),
        signature: header(JWS_HEADER),
        door: door(route.name),
    };
    let accept = header(ACCEPT.as_str());
    let call = Call { id: &id, segment: &segment, query, labels, accept, body };
    let result = match (route.name, caller) {
        (Name::Health, _) => Ok(problem::answer(200, "text/plain", b"ok\n".to_vec())),
        (Name::Ready, _) => evidence::ready(app).await,
        (Name::Checkpoint, _) => log::checkpoint(app).await,
        (Name::Certificates, _) => log::certificates(app).await,
        (Name::Tile, _) => log::tile(call, app).await,
        (_, None) => Err(certificate_required()),
        (Name::Metrics, Some(_)) => evidence::metrics(app).await,
        (Name::Submit, Some(who)) => messages::submit(call, &who, app).await,
        (Name::Check, Some(who)) => messages::check(call, &who, app).await,
        (Name::PaymentData, Some(who)) => payments::upload(call, &who, app).await,
        (Name::Haikou, Some(who)) => legacy::haikou(call, &who, app).await,
        (Name::HaikouReturns, Some(who)) => legacy::returns(call, &who, app).await,
        (Name::Hangzhou, Some(who)) => legacy::hangzhou(call, &who, app).await,
        (Name::Message, Some(who)) => messages::show(call, &who, app).await,
        (Name::Receipts, Some(who)) => messages::receipts(call, &who, app).await,
        (Name::Status, Some(who)) => messages::status(call, &who, app).await,
        (Name::Fact, Some(who)) => log::fact(call, &who, app).await,
        (Name::Statement, Some(who)) => statements::statement(call, &who, app).await,
        (Name::Answer, Some(who)) => queues::answer(call, &who, app).await,
        (Name::Events, Some(who)) => events::events(call, &who, app).await,
        (Name::Dead, Some(who)) => again::dead(call, &who, app).await,
        (Name::Requeue, Some(who)) => again::requeue(call, &who, app).await,
        (Name::Replay, Some(who)) => again::replay(call, &who, app).await,
        (Name::Reload, Some(who)) => reload::reload(&who, app).await,
        (name, Some(who)) => queues::queue(name, call, &who, app).await,
    };
    result.unwrap_or_else(|refusal| refused(&refusal, &id, app))
}

/// Bound of the body of a request.
fn body_max(route: Name, app: &App) -> usize {
    match route {
        Name::Submit
        | Name::Check
        | Name::PaymentData
        | Name::Haikou
        | Name::Hangzhou
        | Name::Answer => app.body_bytes_max,
        _ => SMALL_BODY_MAX,
    }
}

fn door(route: Name) -> Door {
    match route {
        Name::PaymentData => Door::PaymentData,
        Name::Check => Door::Check,
        _ => Door::Messages,
    }
}

/// What a handler gets of a request.
pub(crate) struct Call<'r> {
    pub(crate) id: &'r str,
    /// The segment that `{}` matched, or nothing.
    pub(crate) segment: &'r str,
    pub(crate) query: &'r str,
    pub(crate) labels: Labels<'r>,
    /// What the caller wants to have.
    pub(crate) accept: Option<&'r str>,
    pub(crate) body: Vec<u8>,
}

impl Call<'_> {
    /// A text from the query.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(k, _)| *k == key).map(|(_, text)| text)
    }

    /// A number from the query, within `range`, or `default`.
    pub(crate) fn number(&self, key: &str, max: u64, default: u64) -> Result<u64, Refusal> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let Some((_, text)) = pairs.into_iter().find(|(k, _)| *k == key) else {
            return Ok(default);
        };
        text.parse().ok().filter(|n| *n <= max).ok_or_else(|| {
            Refusal::new(
                Stage::Intake,
                400,
                "query-invalid",
                format!("{key}={text} is not a whole number from 0 to {max}"),
                format!("查询参数 {key} 应为 0 至 {max} 的整数"),
            )
        })
    }
}

fn refused(refusal: &Refusal, id: &str, app: &App) -> Response {
    app.metrics.problem(&refusal.code);
    tracing::info!(id, code = %refusal.code, status = refusal.status, "request refused");
    problem::problem(refusal, id)
}

/// Finds the route of a method and path, and the segment its `{}` matched.
pub(crate) fn find(method: &Method, path: &str) -> Result<(&'static Route, String), Refusal> {
    let mut path_known = false;
    for route in &ROUTES {
        let Some(segment) = matches(route.pattern, path) else { continue };
        if route.method == *method {
            return Ok((route, segment.to_owned()));
        }
        path_known = true;
    }
    Err(if path_known {
        let en = format!("{method} is not taken at {path}");
        Refusal::new(
            Stage::Intake,
            405,
            "method-not-allowed",
            en,
            format!("{path} 不支持 {method}"),
        )
    } else {
        let en = format!("there is nothing at {path}");
        Refusal::new(Stage::Intake, 404, "route-unknown", en, format!("路径 {path} 不存在"))
    })
}

fn matches<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    if let Some(head) = pattern.strip_suffix("{*}") {
        return path.strip_prefix(head).filter(|tail| (1..=SEGMENT_MAX).contains(&tail.len()));
    }
    let mut found = "";
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some("{}"), Some(segment)) if !segment.is_empty() && segment.len() <= SEGMENT_MAX => {
                found = segment;
            }
            (Some(want), Some(segment)) if want == segment => {}
            _ => return None,
        }
    }
}

/// Whether `caller` may use `route`.
///
/// # Errors
/// `certificate-required` without a registered client certificate, `role-not-entitled` else.
pub(crate) fn authorise(route: &Route, caller: Option<&Caller>) -> Result<(), Refusal> {
    if route.roles.is_empty() {
        return Ok(());
    }
    let Some(caller) = caller else { return Err(certificate_required()) };
    if route.roles.contains(&caller.role) {
        return Ok(());
    }
    Err(Refusal::new(
        Stage::Intake,
        403,
        "role-not-entitled",
        format!("{} may not call {} {}", caller.id, route.method, route.pattern),
        format!("{} 无权调用 {} {}", caller.id, route.method, route.pattern),
    ))
}

fn certificate_required() -> Refusal {
    Refusal::new(
        Stage::Intake,
        401,
        "certificate-required",
        "this route needs a client certificate that is registered for a participant",
        "该接口需要已登记的客户端证书",
    )
    .expecting("a TLS client certificate registered in the configuration")
}

#[cfg(test)]
mod tests;
