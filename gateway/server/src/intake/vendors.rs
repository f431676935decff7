//! The AMQP door of intake: what vendors publish to `onepoint.intake`. In come deliveries
//! whose user the broker has checked; each goes through the same pipeline as over HTTP,
//! and its verdict goes to the vendor's own receipt queue. Promised: a delivery is
//! acknowledged only after its verdict is durable and in that queue; what cannot be judged
//! at all goes to the dead letters, with the reason.
//!
//! Where we may die, and what then: before the commit nothing happened, the broker gives it
//! again. After the commit, or after the verdict was posted: the broker gives it again, it
//! is recognised by its guid, and the original receipts are posted once more.

use std::collections::BTreeSet;
use std::sync::Arc;

use onepoint_certs::{ParticipantId, Role};
use onepoint_relay::consumer::{Handle, Incoming, Verdict};
use onepoint_relay::post::{Mail, Postbox};
use onepoint_relay::topology::{INTAKE, receipt_queue};
use serde_json::Value;

use super::{Door, JWS_HEADER, Labels, too_large};
use crate::fault;
use crate::http::problem;
use crate::inforce::Current;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::refusal::{Refusal, Stage};
use crate::trace::TRACEPARENT;

/// Deliveries judged at the same time.
pub(crate) const AT_ONCE: usize = 64;
/// The property `type` of a verdict.
const VERDICT: &str = "onepoint-verdict/1";
/// A vendor's own header: messages with the same value are judged in the order of the queue.
const ORDER_KEY: &str = "x-onepoint-order-key";
/// The HTTP status that the same message would have got.
const STATUS: &str = "x-onepoint-status";

/// Hands vendors' messages to the pipeline.
pub(crate) struct VendorIntake {
    pub(crate) pipeline: Pipeline,
    pub(crate) current: Current,
    /// Participants that have a receipt queue at the broker.
    pub(crate) receipts: BTreeSet<String>,
    pub(crate) postbox: Postbox,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) body_bytes_max: usize,
}

/// A delivery that can be judged, and where its verdict goes.
struct Request {
    submitter: ParticipantId,
    reply: Reply,
}

/// Where a verdict goes.
struct Reply {
    /// None: the vendor has no receipt queue at the broker.
    queue: Option<String>,
    correlation: String,
}

impl Handle for VendorIntake {
    fn order_key(&self, message: &Incoming) -> Option<String> {
        let key = message.headers.get(ORDER_KEY)?;
        Some(format!("{} {key}", message.user_id.as_deref().unwrap_or_default()))
    }

    async fn handle(&self, message: Arc<Incoming>) -> Verdict {
        let request = match self.read(&message) {
            Ok(request) => request,
            Err(refusal) => return self.bury(&message, None, &refusal).await,
        };
        let labels = Labels {
            content_type: message.content_type.as_deref(),
            traceparent: message.headers.get(TRACEPARENT).map(String::as_str),
            signature: message.headers.get(JWS_HEADER).map(String::as_str),
            door: Door::Messages,
        };
        let Request { submitter, reply } = request;
        match self.pipeline.submit(message.body.clone(), labels, &submitter).await {
            Ok(answer) => {
                // Dying here: given again, recognised by its guid, the verdict is posted then.
                fault::point("vendor.committed");
                let (status, value) = answer.to_value();
                self.answer(&reply, status, &value).await
            }
            Err(refusal) if refusal.status >= 500 => Verdict::Requeue,
            Err(refusal) => self.bury(&message, Some(&reply), &refusal).await,
        }
    }
}

impl VendorIntake {
    /// Who sent it, and where the verdict may go; nothing is parsed.
    fn read(&self, message: &Incoming) -> Result<Request, Refusal> {
        let sender = self.sender(message.user_id.as_deref())?;
        let correlation = message.correlation_id.clone().filter(|id| !id.is_empty());
        let correlation = correlation.ok_or_else(correlation_missing)?;
        let own = receipt_queue(sender.as_str());
        let queue = self.receipts.contains(sender.as_str()).then_some(own);
        if let Some(wanted) = message.reply_to.as_deref().filter(|queue| !queue.is_empty())
            && queue.as_deref() != Some(wanted)
        {
            return Err(reply_foreign(&sender, wanted, queue.as_deref()));
        }
        if message.body.len() > self.body_bytes_max {
            return Err(too_large(self.body_bytes_max));
        }
        Ok(Request { submitter: sender, reply: Reply { queue, correlation } })
    }

    /// The participant behind the broker's user: the broker lets nobody publish under
    /// another's name (RabbitMQ, "Validated User-ID").
    fn sender(&self, user: Option<&str>) -> Result<ParticipantId, Refusal> {
        let user = user.filter(|user| !user.is_empty()).ok_or_else(user_missing)?;
        let id = ParticipantId::new(user.to_owned()).ok();
        let in_force = self.current.get();
        let found = id.and_then(|id| in_force.trust.registry.participant(&id));
        match found {
            Some(found) if found.role == Role::Enterprise => Ok(found.id.clone()),
            _ => Err(user_unknown(user)),
        }
    }

    /// Posts a verdict; only then the delivery is done.
    async fn answer(&self, reply: &Reply, status: u16, value: &Value) -> Verdict {
        let Some(queue) = &reply.queue else { return Verdict::Ack };
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
        let mail = Mail {
            exchange: String::new(),
            key: queue.clone(),
            id: format!("{id}.verdict"),
            correlation: Some(reply.correlation.clone()),
            kind: VERDICT.to_owned(),
            content_type: Some("application/json".to_owned()),
            headers: [(STATUS.to_owned(), status.to_string())].into(),
            body: value.to_string().into_bytes(),
        };
        if let Err(error) = self.postbox.send(mail).await {
            tracing::warn!(code = error.code(), %error, queue, "a verdict waits");
            return Verdict::Requeue;
        }
        // Dying here: given again, and the vendor is told the same once more.
        fault::point("vendor.answered");
        Verdict::Ack
    }

    /// What left no trace in the journal goes to the dead letters, with the reason; the
    /// vendor is told, if it is known who it is.
    async fn bury(&self, message: &Incoming, reply: Option<&Reply>, refusal: &Refusal) -> Verdict {
        self.metrics.problem(&refusal.code);
        let (code, reason) = (refusal.code.as_ref(), refusal.en.as_str());
        tracing::warn!(code, reason, user = message.user_id, "a vendor's message cannot be judged");
        let mail = Mail::dead(message, INTAKE, code, reason);
        if let Err(error) = self.postbox.send(mail).await {
            tracing::warn!(code = error.code(), %error, "a dead letter waits");
            return Verdict::Requeue;
        }
        match reply {
            Some(reply) => {
                let id = message.id.as_deref().unwrap_or_default();
                let value = problem::document(refusal, id, serde_json::Map::new());
                self.answer(reply, refusal.status, &value).await
            }
            None => Verdict::Ack,
        }
    }
}

fn user_missing() -> Refusal {
    Refusal::new(
        Stage::Intake,
        401,
        "intake-user-missing",
        "the message names no user: the broker cannot vouch for who sent it",
        "消息未填写 user_id，无法确认发送方",
    )
    .expecting("the property user_id, the same as the user of the connection")
}

fn user_unknown(user: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        403,
        "intake-user-unknown",
        format!("the broker's user {user:?} is no registered enterprise"),
        format!("消息代理用户 {user:?} 不是已登记企业"),
    )
    .expecting("a user that is named as the participant in the configuration")
}

fn correlation_missing() -> Refusal {
    Refusal::new(
        Stage::Intake,
        400,
        "intake-correlation-missing",
        "the message has no correlation id: its verdict could not be told from others",
        "消息未填写 correlation_id，无法对应其回执",
    )
    .expecting("the property correlation_id, up to 255 bytes")
}

fn reply_foreign(sender: &ParticipantId, wanted: &str, own: Option<&str>) -> Refusal {
    let refusal = Refusal::new(
        Stage::Intake,
        403,
        "intake-reply-foreign",
        format!("{sender} may not have its verdict sent to {wanted:?}"),
        format!("{sender} 的回执不得发往 {wanted:?}"),
    );
    match own {
        Some(own) => refusal.expecting(format!("{own}, or no reply_to")),
        None => refusal.expecting("no reply_to: this participant has no queue at the broker"),
    }
}
